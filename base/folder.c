#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/obj.h"
#include "base/sv.h"

/* The PIN and passwords of contexts may be in it. */
enum { FOLDER_MODE = 0700, FILE_MODE = 0600 };

static int make(const char *path) {
    return mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST ? 0 : -errno;
}

int folder_make(const char *path) {
    int err = make(path);
    const char *slash = strrchr(path, '/');
    if (err != -ENOENT || slash == NULL || slash == path) {
        return err;
    }
    char *parent = sv_dup((struct sv){path, (size_t)(slash - path)});
    err = make(parent); /* another process may have made it by now */
    free(parent);
    return err == 0 ? make(path) : err;
}

int folder_lock(int folder, const char *name) {
    int fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int err = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(fd);
        return err;
    }
    return fd;
}

static int write_all(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno != EINTR) {
            return -errno;
        }
        bytes += put > 0 ? put : 0;
        n -= put > 0 ? (size_t)put : 0;
    }
    return 0;
}

int folder_write(int folder, const char *name, const void *p, size_t n) {
    /* Always a file of our own making: one that lies there may be a pipe, whose open waits for a
     * reader, or the second name of a file that is somebody's. */
    unlinkat(folder, name, 0);
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    int err = fd < 0 ? -errno : write_all(fd, p, n);
    if (err == 0 && fsync(fd) != 0) {
        err = -errno;
    }
    if (err == 0) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    unlinkat(folder, name, 0);
    return err;
}
