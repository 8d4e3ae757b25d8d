/* trial.h: a plan played in a process of its own, so that a crash or a loop is a result, too. */
#ifndef TESTS_SIMULATE_TRIAL_H
#define TESTS_SIMULATE_TRIAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/simulate/run.h"

/* What the process says; less than a pipe takes at once. */
struct trial_report {
    struct run_figures figures;
    char rule[VERDICT_RULE]; /* "": all is well; "crash", "hang" */
    char why[VERDICT_WHY];
};

struct trial {
    pid_t pid; /* 0: none runs */
    int from;
    uint64_t seed;
};

/* `dialogue` NULL: it is not noted; else the file that gets it. */
void trial_start(struct trial *t, const struct run_plan *plan, const char *dialogue);
/* Waits for any of them; returns which one is over. */
size_t trial_wait(struct trial *trials, size_t n, struct trial_report *report);
/* Both. */
void trial_run(const struct run_plan *plan, const char *dialogue, struct trial_report *report);

#endif
