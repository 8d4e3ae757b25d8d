/* verdict.h: what was found wrong, the first time; all that comes behind it may follow from it.
 *
 * Owns: the expected lines.
 */
#ifndef TESTS_SIMULATE_VERDICT_H
#define TESTS_SIMULATE_VERDICT_H

#include <stdbool.h>

enum { VERDICT_RULE = 32, VERDICT_WHY = 600 };

struct verdict {
    char rule[VERDICT_RULE]; /* which one was broken: "final-once"; "": none */
    char why[VERDICT_WHY];
    char *want; /* lines of a dialogue file that should have held; NULL: nothing should come */
};

void verdict_fini(struct verdict *v);
/* `want` is copied and may be NULL. Only the first call counts. */
void verdict_fail(struct verdict *v, const char *rule, const char *want, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static inline bool verdict_is_good(const struct verdict *v) {
    return v->rule[0] == '\0';
}

#endif
