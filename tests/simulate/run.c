#include "tests/simulate/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "tests/simulate/driver.h"
#include "tests/simulate/heap.h"

enum { QUIET_EVERY = 40 }; /* acts with a long rest in front, one of so many */

static int pick_act(struct rng *rng, bool has_links) {
    unsigned sum = 0;
    for (const struct driver_act *a = driver_acts; a->name != NULL; a++) {
        sum += has_links || !a->is_of_links ? a->weight : 0;
    }
    uint64_t at = rng_below(rng, sum);
    int i = 0;
    for (;; i++) {
        unsigned weight = has_links || !driver_acts[i].is_of_links ? driver_acts[i].weight : 0;
        if (at < weight) {
            return i;
        }
        at -= weight;
    }
}

void run_plan_make(struct run_plan *plan, uint64_t seed) {
    static const char *const known[] = {"sim7600e", "sim7600g", "sim7600ce", "sim7500a",
                                        "appnote-1.00"};
    struct rng rng = rng_stream(seed, "plan");
    memset(plan, 0, sizeof *plan);
    plan->seed = seed;
    plan->profile = known[rng_below(&rng, sizeof known / sizeof known[0])];
    plan->timing = rng_below(&rng, 2) == 0   ? AT_TIMING_NONE
                   : rng_below(&rng, 4) == 0 ? AT_TIMING_WORST
                                             : AT_TIMING_TYPICAL;
    plan->has_faults = rng_below(&rng, 2) == 0;
    int64_t left_us = RUN_HOUR_S * (int64_t)1000000;
    while (left_us > 0 && plan->n < RUN_ACTS) {
        struct run_act *a = &plan->acts[plan->n++];
        a->what = pick_act(&rng, plan->timing != AT_TIMING_WORST);
        a->seed = rng_next(&rng);
        a->gap = CLK_MS(rng_below(&rng, 2000));
        if (rng_below(&rng, QUIET_EVERY) == 0) {
            a->gap = CLK_S(10 + rng_below(&rng, 120));
        }
        left_us -= a->gap.us;
    }
}

static void play(const struct run_plan *plan, bool is_noted, struct run_result *r) {
    struct driver *d = xmalloc(sizeof *d);
    const struct world_config cfg = {.profile = plan->profile,
                                     .timing = plan->timing,
                                     .verdict = &r->verdict,
                                     .tap = plan->tap != NULL ? *plan->tap : (struct world_tap){0},
                                     .is_noted = is_noted};
    driver_start(d, &cfg, plan->has_faults);
    driver_pass(d, plan->timing != AT_TIMING_NONE ? CLK_S(60) : CLK_S(0));
    bool is_over = false;
    for (size_t i = 0; i < plan->n && !is_over; i++) {
        driver_pass(d, plan->acts[i].gap);
        driver_do(d, plan->acts[i].what, plan->acts[i].seed);
        r->figures.acts++;
        is_over = !verdict_is_good(&r->verdict) ||
                  world_now_us(&d->world) >= RUN_HOUR_S * (int64_t)1000000;
    }
    driver_settle(d);
    struct run_figures *f = &r->figures;
    f->hash = d->world.hash;
    f->modem_us = world_now_us(&d->world);
    f->checks = d->oracle.checks + d->links.checks;
    f->commands = d->commands;
    f->urcs = d->urcs;
    f->bytes = d->world.counts.bytes_typed + d->world.counts.bytes_said;
    f->turns = d->world.counts.turns;
    f->busiest = d->world.counts.busiest;
    if (is_noted) {
        r->dialogue = xstrdup(dialogue_text(d->world.dialogue));
    }
    driver_stop(d);
    free(d);
}

/* What libraries take once and for all. */
static void warm_up(void) {
    static bool is_warm;
    if (is_warm) {
        return;
    }
    is_warm = true;
    struct run_result result = {0};
    struct run_plan *plan = xmalloc(sizeof *plan);
    run_plan_make(plan, 1);
    plan->timing = AT_TIMING_NONE;
    plan->n = 1;
    plan->acts[0].what = 0;
    while (driver_acts[plan->acts[0].what].fn != driver_act_ppp) {
        plan->acts[0].what++;
    }
    play(plan, false, &result);
    play(plan, false, &result);
    run_result_fini(&result);
    free(plan);
}

void run_play(const struct run_plan *plan, bool is_noted, struct run_result *result) {
    memset(result, 0, sizeof *result);
    log_set_level(LOG_ERROR);
    warm_up();
    size_t before = heap_in_use();
    play(plan, is_noted, result);
    size_t after = heap_in_use();
    if (verdict_is_good(&result->verdict) && !is_noted && after > before) {
        verdict_fail(&result->verdict, "memory", NULL, "%zu bytes are not given back",
                     after - before);
    }
    result->figures.checks++;
}

void run_result_fini(struct run_result *r) {
    verdict_fini(&r->verdict);
    free(r->dialogue);
    r->dialogue = NULL;
}
