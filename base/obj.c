#include "base/obj.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"

_Noreturn void obj_must_failed(const char *what, const char *file, int line) {
    log_dump_recent(stderr);
    fprintf(stderr, "%s:%d: cannot happen: %s is false\n", file, line, what);
    abort();
}

/* At once, so that nothing that is half done goes on; stderr needs no memory. */
_Noreturn static void end_without_memory(size_t size) {
    fprintf(stderr, "sim7x00: no memory for %zu bytes\n", size);
    _exit(EX_OSERR);
}

void *xmalloc(size_t size) {
    return xcalloc(1, size);
}

void *xcalloc(size_t n, size_t size) {
    void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);
    if (p == NULL) {
        end_without_memory(size);
    }
    return p;
}

void *xrealloc(void *p, size_t size) {
    void *q = realloc(p, size > 0 ? size : 1);
    if (q == NULL) {
        end_without_memory(size);
    }
    return q;
}

char *xstrdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *p = xmalloc(n);
    memcpy(p, s, n);
    return p;
}
