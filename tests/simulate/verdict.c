#include "tests/simulate/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/obj.h"

void verdict_fini(struct verdict *v) {
    free(v->want);
    v->want = NULL;
}

void verdict_fail(struct verdict *v, const char *rule, const char *want, const char *fmt, ...) {
    if (!verdict_is_good(v)) {
        return;
    }
    snprintf(v->rule, sizeof v->rule, "%s", rule);
    v->want = want != NULL ? xstrdup(want) : NULL;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(v->why, sizeof v->why, fmt, ap);
    va_end(ap);
}
