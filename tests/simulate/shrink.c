#include "tests/simulate/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "tests/simulate/trial.h"

struct shrinking {
    struct run_plan *plan;
    struct run_plan *tried;
    const char *rule;
    unsigned runs;
};

/* Whether what is tried still breaks the rule; then it is the plan. */
static bool keeps(struct shrinking *s) {
    struct trial_report report;
    s->runs++;
    trial_run(s->tried, NULL, &report);
    bool is_same = strcmp(report.rule, s->rule) == 0;
    if (is_same) {
        *s->plan = *s->tried;
        /* Behind the act that broke it nothing was done. */
        if (report.figures.acts > 0 && report.figures.acts < s->plan->n) {
            s->plan->n = report.figures.acts;
        }
    }
    *s->tried = *s->plan;
    return is_same;
}

static void leave_out(struct run_plan *plan, size_t at, size_t n) {
    n = at + n > plan->n ? plan->n - at : n;
    memmove(&plan->acts[at], &plan->acts[at + n], (plan->n - at - n) * sizeof plan->acts[0]);
    plan->n -= n;
}

static bool try_pieces(struct shrinking *s, size_t size) {
    bool has_shrunk = false;
    /* From the end: what stands before an act is what it needs. */
    for (size_t at = s->plan->n; at > 0;) {
        at = at > size ? at - size : 0;
        leave_out(s->tried, at, size);
        has_shrunk |= keeps(s);
        at = at < s->plan->n ? at : s->plan->n;
    }
    return has_shrunk;
}

/* What makes a dialogue longer without need. */
static void simplify(struct shrinking *s) {
    s->tried->timing = AT_TIMING_NONE;
    keeps(s);
    s->tried->profile = "sim7600e";
    keeps(s);
    for (size_t i = 0; i < s->plan->n; i++) {
        s->tried->acts[i].gap = CLK_S(0);
        keeps(s);
    }
}

unsigned shrink_plan(struct run_plan *plan, const char *rule) {
    struct shrinking s = {.plan = plan, .tried = xmalloc(sizeof *plan), .rule = rule};
    *s.tried = *plan;
    keeps(&s);
    for (size_t size = plan->n / 2 + 1; size > 0; size = size > 1 ? (size + 1) / 2 : 0) {
        while (try_pieces(&s, size) && size == 1) {
        }
    }
    simplify(&s);
    try_pieces(&s, 1);
    free(s.tried);
    return s.runs;
}
