#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"

enum { BUF_FIRST = 512, BUF_KEEP = 4096 };

void buf_init(struct buf *b, size_t max) {
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b) {
    free(b->mem);
    *b = (struct buf){0};
}

/* Makes `n` bytes free behind the data; the caller has checked the bound. */
static void make_room(struct buf *b, size_t n) {
    if (b->start + b->len + n <= b->cap) {
        return;
    }
    if (b->len + n <= b->cap && b->start >= b->cap / 2) {
        memmove(b->mem, b->mem + b->start, b->len);
        b->start = 0;
        return;
    }
    size_t cap = b->cap > 0 ? b->cap : BUF_FIRST;
    while (cap < b->len + n) {
        cap *= 2;
    }
    uint8_t *mem = xmalloc(cap);
    if (b->len > 0) {
        memcpy(mem, b->mem + b->start, b->len);
    }
    free(b->mem);
    b->mem = mem;
    b->cap = cap;
    b->start = 0;
}

uint8_t *buf_reserve(struct buf *b, size_t n, size_t *got) {
    if (n > buf_room(b)) {
        n = buf_room(b);
    }
    *got = n;
    if (n == 0) {
        return NULL;
    }
    make_room(b, n);
    return b->mem + b->start + b->len;
}

void buf_commit(struct buf *b, size_t n) {
    must(b->start + b->len + n <= b->cap && b->len + n <= b->max);
    b->len += n;
}

size_t buf_put(struct buf *b, const void *p, size_t n) {
    size_t got = 0;
    uint8_t *to = buf_reserve(b, n, &got);
    if (got > 0) {
        memcpy(to, p, got);
        b->len += got;
    }
    return got;
}

int buf_put_all(struct buf *b, const void *p, size_t n) {
    if (n > buf_room(b)) {
        return -ENOBUFS;
    }
    buf_put(b, p, n);
    return 0;
}

size_t buf_take(struct buf *b, void *to, size_t n) {
    if (n > b->len) {
        n = b->len;
    }
    if (n > 0) {
        memcpy(to, b->mem + b->start, n);
    }
    buf_drop(b, n);
    return n;
}

void buf_drop(struct buf *b, size_t n) {
    if (n < b->len) {
        b->start += n;
        b->len -= n;
        return;
    }
    b->start = 0;
    b->len = 0;
    if (b->cap > BUF_KEEP) {
        free(b->mem);
        b->mem = NULL;
        b->cap = 0;
    }
}

void buf_clear(struct buf *b) {
    buf_drop(b, b->len);
}
