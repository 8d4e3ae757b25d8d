/* watch.h: who is told when a client opens a tty.
 *
 * One inotify descriptor for all ports of a loop, because a user may have only 128 of
 * them (fs.inotify.max_user_instances). An open is a hint, not a count: the kernel merges
 * equal neighbours, and a client may be gone again by the time it is reported.
 *
 * Owns:    the descriptor. Entries are embedded in their owners, who stop them.
 * Borrows: the loop.
 */
#ifndef PTY_WATCH_H
#define PTY_WATCH_H

#include <stdbool.h>
#include <sys/queue.h>

struct uv_loop_s;
struct watch;

struct watch_entry {
    LIST_ENTRY(watch_entry) entry;
    int wd; /* the kernel's number */
    bool is_on;
    void (*on_open)(void *ctx);
    void *ctx;
};

/* -EMFILE and others: the system refused; the reason is logged. */
int watch_new(struct watch **out, struct uv_loop_s *loop);

/* The entry's on_open and ctx are set. -E...: the system refused. */
int watch_start(struct watch *w, struct watch_entry *e, const char *path);
void watch_stop(struct watch *w,
                struct watch_entry *e); /* always allowed; opens not yet told are forgotten */

/* Tells of the opens that have been by now, without waiting for the loop's turn. */
void watch_look(struct watch *w);

/* Every entry must be stopped. The memory goes in the close callback. NULL is allowed. */
void watch_close(struct watch *w);

#endif
