#include "pty/watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/obj.h"

enum { LISTS = 128 }; /* so that one of 3,000 ttys is found among some 20 */

struct watch {
    uint32_t magic;
#define WATCH_MAGIC 0x3a7c40e9u
    int fd;
    uv_poll_t poll;
    LIST_HEAD(watch_entries, watch_entry) entries[LISTS]; /* by the kernel's number */
};

/* The kernel's numbers go up from 1. */
static struct watch_entries *list_of(struct watch *w, int wd) {
    return &w->entries[wd % LISTS];
}

/* Only an entry that is told stops and starts itself, and `next` is another one: it stays valid. */
static void tell_list(struct watch_entries *list, const struct inotify_event *event) {
    struct watch_entry *next = NULL;
    for (struct watch_entry *e = LIST_FIRST(list); e != NULL; e = next) {
        next = LIST_NEXT(e, entry);
        bool is_lost = (event->mask & IN_Q_OVERFLOW) != 0;
        if (is_lost || (e->wd == event->wd && (event->mask & IN_OPEN) != 0)) {
            e->on_open(e->ctx);
        }
    }
}

static void tell(struct watch *w, const struct inotify_event *event) {
    if ((event->mask & IN_Q_OVERFLOW) == 0) {
        tell_list(list_of(w, event->wd), event);
        return;
    }
    for (size_t i = 0; i < LISTS; i++) {
        tell_list(&w->entries[i], event);
    }
}

void watch_look(struct watch *w) {
    CHECK_OBJ(w, WATCH_MAGIC);
    union {
        struct inotify_event event;
        char bytes[4096];
    } mem;
    ssize_t n = read(w->fd, mem.bytes, sizeof mem.bytes);
    for (ssize_t at = 0; at < n;) {
        struct inotify_event event;
        memcpy(&event, mem.bytes + at, sizeof event);
        tell(w, &event);
        at += (ssize_t)(sizeof event + event.len);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    watch_look(poll->data);
}

int watch_new(struct watch **out, uv_loop_t *loop) {
    struct watch *w = xmalloc(sizeof *w);
    OBJ_INIT(w, WATCH_MAGIC);
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int err = w->fd < 0 ? -errno : uv_poll_init(loop, &w->poll, w->fd);
    if (err != 0) {
        LOG(LOG_PTY, LOG_ERROR, "watch", "no inotify: %s", strerror(-err));
        if (w->fd >= 0) {
            close(w->fd);
        }
        OBJ_FINI(w);
        free(w);
        return err;
    }
    w->poll.data = w;
    must(uv_poll_start(&w->poll, UV_READABLE, on_poll) == 0);
    *out = w;
    return 0;
}

int watch_start(struct watch *w, struct watch_entry *e, const char *path) {
    CHECK_OBJ(w, WATCH_MAGIC);
    must(!e->is_on);
    /* Without IN_MODIFY: else every write would be an event. */
    e->wd = inotify_add_watch(w->fd, path, IN_OPEN);
    if (e->wd < 0) {
        return -errno;
    }
    LIST_INSERT_HEAD(list_of(w, e->wd), e, entry);
    e->is_on = true;
    return 0;
}

void watch_stop(struct watch *w, struct watch_entry *e) {
    CHECK_OBJ(w, WATCH_MAGIC);
    if (e->is_on) {
        LIST_REMOVE(e, entry);
        e->is_on = false;
        /* Fails harmlessly when the tty is gone already. */
        inotify_rm_watch(w->fd, e->wd);
    }
}

static void on_closed(uv_handle_t *handle) {
    struct watch *w;
    CAST_OBJ(w, handle->data, WATCH_MAGIC);
    OBJ_FINI(w);
    free(w);
}

void watch_close(struct watch *w) {
    if (w == NULL) {
        return;
    }
    CHECK_OBJ(w, WATCH_MAGIC);
    for (size_t i = 0; i < LISTS; i++) {
        must(LIST_EMPTY(&w->entries[i]));
    }
    uv_close((uv_handle_t *)&w->poll, on_closed);
    close(w->fd);
    w->fd = -1;
}
