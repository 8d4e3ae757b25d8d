#include "pty/link.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/obj.h"

/* A link has many paths and one full path: that of its folder, resolved, and its own name. */
static int full_path(const char *path, char full[PATH_MAX], const char *name) {
    char dir[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    if (*base == '\0' || strlen(path) >= sizeof dir) {
        LOG(LOG_PTY, LOG_ERROR, name, "link '%s': not a path of a file", path);
        return -EINVAL;
    }
    if (slash != NULL) {
        snprintf(dir, sizeof dir, "%.*s", slash > path ? (int)(slash - path) : 1, path);
    }
    char real[PATH_MAX];
    if (realpath(dir, real) == NULL) {
        int err = -errno;
        LOG(LOG_PTY, LOG_ERROR, name, "link '%s': its folder: %s", path, strerror(-err));
        return err;
    }
    if (snprintf(full, PATH_MAX, "%s/%s", real, base) >= PATH_MAX) {
        LOG(LOG_PTY, LOG_ERROR, name, "link '%s': too long", path);
        return -ENAMETOOLONG;
    }
    return 0;
}

/* The name of a socket is too short for a path: FNV-1a of it, 64 bits. */
static uint64_t hash(const char *s) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s != '\0'; s++) {
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    }
    return h;
}

static int take_claim(const char *full, const char *path, const char *name) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int len = snprintf(addr.sun_path + 1, sizeof addr.sun_path - 1, "sim7x00 link %016llx",
                       (unsigned long long)hash(full));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        int err = -errno;
        LOG(LOG_PTY, LOG_ERROR, name, "link '%s': no socket: %s", path, strerror(-err));
        return err;
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    if (bind(fd, (const struct sockaddr *)&addr, size) != 0) {
        int err = errno == EADDRINUSE ? -EEXIST : -errno;
        LOG(LOG_PTY, LOG_ERROR, name, "link '%s': %s", path,
            err == -EEXIST ? "a running emulator has it" : strerror(-err));
        close(fd);
        return err;
    }
    return fd;
}

/* Only a dead link or one to a pseudo-terminal can be a left-over of ours. */
static bool is_replaceable(const char *path) {
    struct stat st;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT;
    }
    char target[LINK_TARGET];
    ssize_t n = readlink(path, target, sizeof target);
    if (n < 0) {
        return false;
    }
    bool is_dead = stat(path, &st) != 0 && errno == ENOENT;
    return is_dead || ((size_t)n < sizeof target && strncmp(target, "/dev/pts/", 9) == 0);
}

static bool may_take(const char *path, const char *name) {
    bool may = is_replaceable(path);
    if (!may) {
        LOG(LOG_PTY, LOG_ERROR, name, "link '%s': something else has this name", path);
    }
    return may;
}

int link_claim(struct link *l, const char *path, const char *name) {
    char full[PATH_MAX];
    *l = (struct link){.claim = -1};
    int err = full_path(path, full, name);
    if (err != 0) {
        return err;
    }
    int claim = take_claim(full, path, name);
    if (claim < 0) {
        return claim;
    }
    if (!may_take(path, name)) {
        close(claim);
        return -EEXIST;
    }
    l->claim = claim;
    l->path = xstrdup(path);
    return 0;
}

int link_point(struct link *l, const char *target, const char *name) {
    char temp[PATH_MAX];
    if (l->target[0] == '\0' && !may_take(l->path, name)) {
        return -EEXIST;
    }
    snprintf(temp, sizeof temp, "%s.%ld", l->path, (long)getpid());
    int err = symlink(target, temp) == 0 ? 0 : -errno;
    if (err == 0 && rename(temp, l->path) != 0) {
        err = -errno;
        unlink(temp);
    }
    if (err != 0) {
        LOG(LOG_PTY, LOG_ERROR, name, "link '%s': %s", l->path, strerror(-err));
        return err;
    }
    snprintf(l->target, sizeof l->target, "%s", target);
    return 0;
}

void link_hide(struct link *l) {
    char target[LINK_TARGET];
    ssize_t n = readlink(l->path, target, sizeof target);
    if (n > 0 && (size_t)n == strlen(l->target) && memcmp(target, l->target, (size_t)n) == 0) {
        unlink(l->path);
    }
    l->target[0] = '\0';
}

void link_drop(struct link *l) {
    if (l->claim < 0) {
        return;
    }
    link_hide(l);
    free(l->path);
    l->path = NULL;
    close(l->claim);
    l->claim = -1;
}
