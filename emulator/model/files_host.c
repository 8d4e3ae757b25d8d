#include "emulator/model/files_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, FOLDER_MODE = 0700 };
enum { ROOT = 3 }; /* characters of "C:/" */

/* No name of the module begins with a dot. */
static const char lock_name[] = ".files.lock";
static const char new_name[] = ".files.new";

struct files_host {
    uint32_t magic;
#define FILES_HOST_MAGIC 0xf11e0057u
    int folder, lock;
};

static void complain(const char *path, const char *what) {
    LOG(LOG_MODEL, LOG_ERROR, "files", "%s: %s", path, what);
}

/* The system's error as one of ours. */
static int fault(const char *path, int number) {
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return -ENOSPC;
    case ENOTEMPTY:
    case EEXIST:
        return -number;
    default:
        complain(path, strerror(number));
        return -EIO;
    }
}

static int make_drives(const struct files_host *h, const char *drives) {
    for (const char *d = drives; *d != '\0'; d++) {
        const char name[] = {*d, '\0'};
        if (mkdirat(h->folder, name, FOLDER_MODE) != 0 && errno != EEXIST) {
            return -errno;
        }
        int fd = openat(h->folder, name, FOLDER_FLAGS);
        if (fd < 0) {
            return -errno;
        }
        close(fd);
    }
    return 0;
}

static int open_host(struct files_host *h, const char *folder, const char *drives) {
    int err = folder_make(folder);
    if (err != 0) {
        return err;
    }
    h->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (h->folder < 0) {
        return -errno;
    }
    h->lock = folder_lock(h->folder, lock_name);
    return h->lock < 0 ? h->lock : make_drives(h, drives);
}

struct files_host *files_host_new(const char *folder, const char *drives, int *err) {
    struct files_host *h = xmalloc(sizeof *h);
    OBJ_INIT(h, FILES_HOST_MAGIC);
    h->folder = h->lock = -1;
    *err = open_host(h, folder, drives);
    if (*err != 0) {
        files_host_free(h);
        return NULL;
    }
    return h;
}

void files_host_free(struct files_host *h) {
    if (h == NULL) {
        return;
    }
    CHECK_OBJ(h, FILES_HOST_MAGIC);
    if (h->lock >= 0) {
        close(h->lock);
    }
    if (h->folder >= 0) {
        close(h->folder);
    }
    OBJ_FINI(h);
    free(h);
}

/* -- paths: step by step, so that no link is followed on the way -- */

/* The folder that the first n characters name. -1: errno says why not. */
static int open_folder(const struct files_host *h, const char *path, size_t n) {
    const char drive[] = {path[0], '\0'};
    int fd = openat(h->folder, drive, FOLDER_FLAGS);
    for (size_t at = ROOT; fd >= 0 && at < n;) {
        char name[LIMIT_FILE_PATH + 1];
        size_t len = strcspn(path + at, "/");
        must(len < sizeof name);
        memcpy(name, path + at, len);
        name[len] = '\0';
        int next = openat(fd, name, FOLDER_FLAGS);
        int why = errno;
        close(fd);
        errno = why;
        fd = next;
        at += len + 1;
    }
    return fd;
}

/* The folder in which it stands, and its name there. */
static int open_parent(const struct files_host *h, const char *path, const char **name) {
    *name = strrchr(path, '/') + 1;
    return open_folder(h, path, (size_t)(*name - path) - 1);
}

/* -- what is there -- */

static bool look(int folder, const char *name, struct files_found *what) {
    struct stat st;
    if (strcmp(name, new_name) == 0) {
        unlinkat(folder, name, 0);
        return false;
    }
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return false; /* gone already */
    }
    *what = (struct files_found){
        .name = name,
        .is_folder = S_ISDIR(st.st_mode),
        .is_other = !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode),
        .size = S_ISREG(st.st_mode) ? (size_t)st.st_size : 0,
        .changed = {(int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000},
    };
    return true;
}

void files_host_scan(struct files_host *h, const char *path,
                     void (*found)(void *ctx, const struct files_found *what), void *ctx) {
    CHECK_OBJ(h, FILES_HOST_MAGIC);
    int fd = open_folder(h, path, strlen(path));
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        complain(path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    const struct dirent *e;
    while ((e = readdir(dir)) != NULL) {
        struct files_found what;
        bool is_self = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
        if (!is_self && look(fd, e->d_name, &what)) {
            found(ctx, &what);
        }
    }
    closedir(dir);
}

int files_host_read(struct files_host *h, const char *path, void *to, size_t n) {
    CHECK_OBJ(h, FILES_HOST_MAGIC);
    const char *name = NULL;
    char *bytes = to;
    size_t got = 0;
    ssize_t some = 1;
    int folder = open_parent(h, path, &name);
    /* O_NONBLOCK: it may be a pipe by now. */
    int fd = folder < 0 ? -1 : openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    while (fd >= 0 && got < n && some > 0) {
        some = read(fd, bytes + got, n - got);
        got += some > 0 ? (size_t)some : 0;
    }
    if (fd < 0 || some < 0) {
        complain(path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    if (folder >= 0) {
        close(folder);
    }
    return fd >= 0 && got == n ? 0 : -EIO;
}

/* -- changes -- */

static bool is_taken(int folder, const char *name) {
    struct stat st;
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A host that cannot has its own date. */
static void set_date(int fd, clk_wall created) {
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = created.us / 1000000, .tv_nsec = created.us % 1000000 * 1000},
    };
    futimens(fd, times);
}

/* This and what follows up to `end`: 0 or an errno. */
static int put_file(int folder, const char *name, const void *p, size_t n, clk_wall created) {
    if (is_taken(folder, name)) {
        return EEXIST;
    }
    int fd = folder_write(folder, new_name, p, n);
    if (fd < 0) {
        return -fd;
    }
    set_date(fd, created);
    if (close(fd) != 0 || renameat(folder, new_name, folder, name) != 0) {
        int err = errno;
        unlinkat(folder, new_name, 0);
        return err;
    }
    return fsync(folder) == 0 ? 0 : errno;
}

/* A disk that fills up leaves none of it at the file's end. */
static int write_at(int fd, size_t at, const void *p, size_t n) {
    struct stat before;
    const char *bytes = p;
    size_t put = 0;
    ssize_t some = 1;
    if (fstat(fd, &before) != 0 || lseek(fd, (off_t)at, SEEK_SET) < 0) {
        return errno;
    }
    while (put < n && some > 0) {
        some = write(fd, bytes + put, n - put);
        put += some > 0 ? (size_t)some : 0;
    }
    if (put == n) {
        return 0;
    }
    int err = some < 0 ? errno : EIO;
    return ftruncate(fd, before.st_size) == 0 ? err : errno;
}

static int put_part(int folder, const char *name, size_t at, const void *p, size_t n,
                    clk_wall created) {
    int fd = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno;
    }
    int err = write_at(fd, at, p, n);
    set_date(fd, created);
    close(fd);
    return err;
}

/* Of a change in the folder, which is -1 if it could not be opened. */
static int end(int folder, const char *path, int err) {
    if (folder >= 0) {
        close(folder);
    }
    return err == 0 ? 0 : fault(path, err);
}

int files_host_create(struct files_host *h, const char *path, const void *p, size_t n,
                      clk_wall created) {
    CHECK_OBJ(h, FILES_HOST_MAGIC);
    const char *name = NULL;
    int folder = open_parent(h, path, &name);
    return end(folder, path, folder < 0 ? errno : put_file(folder, name, p, n, created));
}

int files_host_write(struct files_host *h, const char *path, size_t at, const void *p, size_t n,
                     clk_wall created) {
    CHECK_OBJ(h, FILES_HOST_MAGIC);
    const char *name = NULL;
    int folder = open_parent(h, path, &name);
    return end(folder, path, folder < 0 ? errno : put_part(folder, name, at, p, n, created));
}

int files_host_make_folder(struct files_host *h, const char *path) {
    CHECK_OBJ(h, FILES_HOST_MAGIC);
    const char *name = NULL;
    int folder = open_parent(h, path, &name);
    bool is_done = folder >= 0 && mkdirat(folder, name, FOLDER_MODE) == 0 && fsync(folder) == 0;
    return end(folder, path, is_done ? 0 : errno);
}

int files_host_remove(struct files_host *h, const char *path, bool is_folder) {
    CHECK_OBJ(h, FILES_HOST_MAGIC);
    const char *name = NULL;
    int folder = open_parent(h, path, &name);
    bool is_gone = (folder >= 0 && unlinkat(folder, name, is_folder ? AT_REMOVEDIR : 0) == 0) ||
                   errno == ENOENT; /* somebody else was faster */
    bool is_done = is_gone && (folder < 0 || fsync(folder) == 0);
    return end(folder, path, is_done ? 0 : errno);
}

int files_host_rename(struct files_host *h, const char *from, const char *to) {
    CHECK_OBJ(h, FILES_HOST_MAGIC);
    const char *old_name = NULL;
    const char *new = NULL;
    int old_folder = open_parent(h, from, &old_name);
    int folder = open_parent(h, to, &new);
    bool is_there = old_folder >= 0 && folder >= 0;
    int rc = -EEXIST;
    if (!is_there || !is_taken(folder, new)) {
        bool is_done = is_there && renameat(old_folder, old_name, folder, new) == 0 &&
                       fsync(folder) == 0 && fsync(old_folder) == 0;
        rc = is_done ? 0 : fault(from, errno);
    }
    if (old_folder >= 0) {
        close(old_folder);
    }
    if (folder >= 0) {
        close(folder);
    }
    return rc;
}
