/* run.h: one life of a module: an hour of modem time of what a seed says is done to it.
 *
 * A plan is a list of acts, each with a seed of its own: one that is left out does not change what
 * the others do, so that a plan can be made smaller.
 */
#ifndef TESTS_SIMULATE_RUN_H
#define TESTS_SIMULATE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/simulate/verdict.h"
#include "tests/simulate/world.h"

enum { RUN_ACTS = 4096, RUN_HOUR_S = 3600 };

struct run_act {
    int what; /* index of driver_acts */
    uint64_t seed;
    clk_dur gap; /* before it */
};

struct run_plan {
    uint64_t seed;
    const char *profile;
    enum at_timing timing;
    bool has_faults;             /* the network does things, too */
    const struct world_tap *tap; /* a fault of the harness's own; NULL: none */
    struct run_act acts[RUN_ACTS];
    size_t n;
};

struct run_figures {
    uint64_t hash;
    int64_t modem_us;
    uint64_t checks, commands, acts, urcs, bytes, turns, busiest;
};

struct run_result {
    struct run_figures figures;
    struct verdict verdict;
    char *dialogue; /* when it was to be noted; for free() */
};

void run_plan_make(struct run_plan *plan, uint64_t seed);
/* Up to its hour. The memory that it takes must all be given back. */
void run_play(const struct run_plan *plan, bool is_noted, struct run_result *result);
void run_result_fini(struct run_result *r);

#endif
