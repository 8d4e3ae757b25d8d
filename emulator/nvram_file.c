#include "emulator/nvram_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/obj.h"
#include "base/sv.h"

/* The PIN and passwords of contexts are in it. */
enum { FOLDER_MODE = 0700, FILE_MODE = 0600 };

static const char file_name[] = "nvram.json";
static const char bad_name[] = "nvram.json.bad";
static const char new_name[] = "nvram.json.tmp";
static const char lock_name[] = "nvram.lock";

static int make_folder(const char *path) {
    if (mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST) {
        return 0;
    }
    const char *slash = strrchr(path, '/');
    if (errno != ENOENT || slash == NULL || slash == path) {
        return -errno;
    }
    char *parent = sv_dup((struct sv){path, (size_t)(slash - path)});
    bool is_made = mkdir(parent, FOLDER_MODE) == 0 && mkdir(path, FOLDER_MODE) == 0;
    int err = is_made ? 0 : -errno;
    free(parent);
    return err;
}

static int take_lock(struct nvram_file *f) {
    f->lock = openat(f->folder, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (f->lock < 0) {
        return -errno;
    }
    if (flock(f->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    }
    return 0;
}

int nvram_file_open(struct nvram_file *f, const char *folder) {
    *f = (struct nvram_file){-1, -1};
    int err = make_folder(folder);
    if (err == 0) {
        f->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        err = f->folder < 0 ? -errno : take_lock(f);
    }
    if (err != 0) {
        nvram_file_close(f);
    }
    return err;
}

static void close_one(int *fd) {
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void nvram_file_close(struct nvram_file *f) {
    close_one(&f->lock);
    close_one(&f->folder);
}

/* Until the end, or one byte behind the bound. */
static int read_all(int fd, char *to, size_t *n) {
    ssize_t got = 0;
    *n = 0;
    do {
        got = read(fd, to + *n, LIMIT_NVRAM + 1 - *n);
        if (got < 0 && errno != EINTR) {
            return -errno;
        }
        *n += got > 0 ? (size_t)got : 0;
    } while (got != 0 && *n <= LIMIT_NVRAM);
    return *n > LIMIT_NVRAM ? -EFBIG : 0;
}

int nvram_file_read(const struct nvram_file *f, char **text, size_t *n) {
    *text = NULL;
    *n = 0;
    /* O_NONBLOCK: a named pipe has no writer to wait for. */
    int fd = openat(f->folder, file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ELOOP ? -EINVAL : -errno;
    }
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    char *bytes = xmalloc(LIMIT_NVRAM + 2);
    int err = read_all(fd, bytes, n);
    close(fd);
    if (err != 0) {
        free(bytes);
        return err;
    }
    *text = sv_dup((struct sv){bytes, *n});
    free(bytes);
    return 0;
}

static int write_all(int fd, const char *text, size_t n) {
    while (n > 0) {
        ssize_t put = write(fd, text, n);
        if (put < 0 && errno != EINTR) {
            return -errno;
        }
        text += put > 0 ? put : 0;
        n -= put > 0 ? (size_t)put : 0;
    }
    return 0;
}

/* The whole new text under its own name, on the disk. */
static int write_new(const struct nvram_file *f, const char *text, size_t n) {
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(f->folder, new_name, flags, FILE_MODE);
    if (fd < 0) {
        return -errno;
    }
    int err = write_all(fd, text, n);
    if (err == 0 && fsync(fd) != 0) {
        err = -errno;
    }
    if (close(fd) != 0 && err == 0) {
        err = -errno;
    }
    return err;
}

int nvram_file_write(const struct nvram_file *f, const char *text, size_t n) {
    if (n > LIMIT_NVRAM) {
        return -EFBIG;
    }
    int err = write_new(f, text, n);
    if (err == 0 && renameat(f->folder, new_name, f->folder, file_name) != 0) {
        err = -errno;
    }
    if (err != 0) {
        unlinkat(f->folder, new_name, 0);
        return err;
    }
    return fsync(f->folder) == 0 ? 0 : -errno;
}

int nvram_file_set_aside(const struct nvram_file *f) {
    return renameat(f->folder, file_name, f->folder, bad_name) == 0 ? 0 : -errno;
}
