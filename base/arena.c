#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/obj.h"

enum { CHUNK_SIZE = 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char mem[];
};

void arena_init(struct arena *a, size_t max) {
    *a = (struct arena){.max = max};
}

void arena_clear(struct arena *a) {
    while (a->chunks != NULL) {
        struct arena_chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t n) {
    size_t align = _Alignof(max_align_t);
    n = (n + align - 1) / align * align;
    must(n <= a->max - a->used);
    struct arena_chunk *c = a->chunks;
    if (c == NULL || c->size - c->used < n) {
        size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
        c = xmalloc(sizeof *c + size);
        c->size = size;
        c->next = a->chunks;
        a->chunks = c;
    }
    void *p = c->mem + c->used;
    c->used += n;
    a->used += n;
    return p;
}

char *arena_strndup(struct arena *a, const char *p, size_t n) {
    char *s = arena_alloc(a, n + 1);
    memcpy(s, p, n);
    return s;
}
