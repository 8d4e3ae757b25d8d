/* heap.c: this program's own malloc, which counts and passes on to that of the C library. */
#include "tests/simulate/heap.h"

#ifdef __SANITIZE_ADDRESS__

size_t heap_in_use(void) {
    return 0;
}

#else

#include <malloc.h>
#include <stdlib.h>

/* glibc's own names of them, for who stands in front. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);

static size_t in_use;

size_t heap_in_use(void) {
    return in_use;
}

static void *counted(void *p) {
    in_use += p != NULL ? malloc_usable_size(p) : 0;
    return p;
}

void *malloc(size_t size) {
    return counted(__libc_malloc(size));
}

void *calloc(size_t n, size_t size) {
    return counted(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size) {
    size_t before = p != NULL ? malloc_usable_size(p) : 0;
    void *to = __libc_realloc(p, size);
    if (to != NULL || size == 0) {
        in_use -= before;
    }
    return counted(to);
}

void free(void *p) {
    in_use -= p != NULL ? malloc_usable_size(p) : 0;
    __libc_free(p);
}

#endif
