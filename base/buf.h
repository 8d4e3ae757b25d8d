/* buf.h: a bounded byte queue: bytes go in at the end and out at the front.
 *
 * Memory is taken when the first byte comes and given back when the last one
 * leaves a grown buffer, so an idle link or tty costs nothing.
 *
 * Owns: its memory, until buf_fini.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *mem;
    size_t start; /* first byte held */
    size_t len;   /* bytes held */
    size_t cap;   /* bytes of mem */
    size_t max;   /* bound on len */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);

static inline size_t buf_len(const struct buf *b) {
    return b->len;
}
static inline size_t buf_room(const struct buf *b) {
    return b->max - b->len;
}
static inline const uint8_t *buf_data(const struct buf *b) {
    return b->mem != NULL ? b->mem + b->start : NULL;
}

/* Puts as many as fit; returns how many. */
size_t buf_put(struct buf *b, const void *p, size_t n);

/* All or nothing. -ENOBUFS: no room, nothing was put. */
int buf_put_all(struct buf *b, const void *p, size_t n);

/* Room to write up to n bytes directly; *got is how many, 0 when full. buf_commit says how many
 * were. */
uint8_t *buf_reserve(struct buf *b, size_t n, size_t *got);
void buf_commit(struct buf *b, size_t n);

/* Takes up to n bytes out; returns how many. */
size_t buf_take(struct buf *b, void *to, size_t n);
void buf_drop(struct buf *b, size_t n); /* at most what is held */
void buf_clear(struct buf *b);

#endif
