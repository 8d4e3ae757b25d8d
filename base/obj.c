#include "base/obj.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

_Noreturn void obj_must_failed(const char *what, const char *file, int line) {
    log_dump_recent(stderr);
    fprintf(stderr, "%s:%d: cannot happen: %s is false\n", file, line, what);
    abort();
}

void *xmalloc(size_t size) {
    void *p = calloc(1, size > 0 ? size : 1);
    must(p != NULL);
    return p;
}

void *xrealloc(void *p, size_t size) {
    void *q = realloc(p, size > 0 ? size : 1);
    must(q != NULL);
    return q;
}

char *xstrdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *p = xmalloc(n);
    memcpy(p, s, n);
    return p;
}
