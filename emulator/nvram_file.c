#include "emulator/nvram_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/limits.h"
#include "base/obj.h"
#include "base/sv.h"

static const char file_name[] = "nvram.json";
static const char bad_name[] = "nvram.json.bad";
static const char new_name[] = "nvram.json.tmp";
static const char lock_name[] = "nvram.lock";

int nvram_file_open(struct nvram_file *f, const char *folder) {
    *f = (struct nvram_file){-1, -1};
    int err = folder_make(folder);
    if (err == 0) {
        f->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        f->lock = f->folder < 0 ? -errno : folder_lock(f->folder, lock_name);
        err = f->lock < 0 ? f->lock : 0;
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

int nvram_file_write(const struct nvram_file *f, const char *text, size_t n) {
    if (n > LIMIT_NVRAM) {
        return -EFBIG;
    }
    int fd = folder_write(f->folder, new_name, text, n);
    if (fd < 0) {
        return fd;
    }
    int err = close(fd) == 0 ? 0 : -errno;
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
