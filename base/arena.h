/* arena.h: memory for one command or one file, given back all at once.
 *
 * Owns: every chunk, until arena_clear or arena_fini. Nothing is freed singly.
 * Bound: `max` bytes in all; asking for more is a programming error (the caller
 * bounds what comes from outside).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used, max;
};

void arena_init(struct arena *a, size_t max);
void arena_clear(struct arena *a);
#define arena_fini(a) arena_clear(a)

void *arena_alloc(struct arena *a, size_t n); /* zeroed, aligned for anything */
char *arena_strndup(struct arena *a, const char *p, size_t n);

#endif
