/* Whether the simulation would notice: faults are made on the way between the module and the
 * driver, and each must be found, and by the rule that it breaks. */
#define _GNU_SOURCE /* memmem */
#include "tests/simulate/run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/obj.h"
#include "tests/simulate/driver.h"
#include "tests/simulate/shrink.h"
#include "tests/simulate/trial.h"
#include "tests/support/transcript.h"

enum { SEEDS = 40 };

static struct run_plan plan;
static unsigned count; /* of chances for the fault so far */

static void replace(struct buf *bytes, size_t at, size_t n, const char *by) {
    struct buf rest;
    buf_init(&rest, bytes->max);
    must(buf_put_all(&rest, buf_data(bytes) + at + n, buf_len(bytes) - at - n) == 0);
    struct buf head;
    buf_init(&head, bytes->max);
    must(buf_put_all(&head, buf_data(bytes), at) == 0);
    buf_clear(bytes);
    must(buf_put_all(bytes, buf_data(&head), buf_len(&head)) == 0);
    must(buf_put_all(bytes, by, strlen(by)) == 0);
    must(buf_put_all(bytes, buf_data(&rest), buf_len(&rest)) == 0);
    buf_fini(&head);
    buf_fini(&rest);
}

/* Where `what` is for the third time; SIZE_MAX: it is not. */
static size_t third(const struct buf *bytes, const char *what) {
    const uint8_t *at = memmem(buf_data(bytes), buf_len(bytes), what, strlen(what));
    return at != NULL && ++count == 3 ? (size_t)(at - buf_data(bytes)) : SIZE_MAX;
}

static void edit(struct buf *bytes, const char *what, size_t n, const char *by) {
    size_t at = third(bytes, what);
    if (at != SIZE_MAX) {
        replace(bytes, at, n, by);
    }
}

static void double_result(void *ctx, struct buf *said) {
    (void)ctx;
    edit(said, "\r\nOK\r\n", 0, "\r\nOK\r\n");
}

static void swallow_result(void *ctx, struct buf *said) {
    (void)ctx;
    edit(said, "\r\nOK\r\n", 6, "");
}

static void say_in_answer(void *ctx, struct buf *said) {
    (void)ctx;
    edit(said, "\r\nOK\r\n", 0, "\r\n+IPCLOSE: 0,1\r\n");
}

static void swallow_byte(void *ctx, struct buf *said) {
    (void)ctx;
    edit(said, "\n+IPD", 3, "\n+");
}

/* In the middle of what is pushed. */
static void swap_data(void *ctx, struct buf *said) {
    (void)ctx;
    size_t at = third(said, "\n+IPD1");
    if (at != SIZE_MAX && at + 30 < buf_len(said)) {
        char two[] = {(char)(buf_data(said)[at + 20] ^ 1), '\0'};
        replace(said, at + 20, 1, two[0] != '\0' ? two : "\x7f");
    }
}

/* Data that a far end gets; lines have an AT in them and end with a CR. */
static void swallow_typed(void *ctx, struct buf *typed) {
    (void)ctx;
    bool is_data = buf_len(typed) > 20 && buf_data(typed)[buf_len(typed) - 1] != '\r';
    if (is_data && ++count == 3) {
        replace(typed, 10, 1, "\x01");
    }
}

static void say_twice(void *ctx, struct buf *said) {
    (void)ctx;
    edit(said, "\r\n+CIPSEND: ", 0, "\r\n+CIPSEND: 0,1,1\r\n");
}

static void lose_echo(void *ctx, struct buf *said) {
    (void)ctx;
    edit(said, "AT+C", 1, "");
}

struct fault {
    const char *name;
    struct world_tap tap;
    const char *rules; /* one of them is broken */
};

/* "bytes-down": where it falls into data mode. */
static const struct fault faults[] = {
    {"a doubled result", {.said = double_result}, "unasked urc bytes-down"},
    {"a swallowed result",
     {.said = swallow_result},
     "final-missing final unasked urc-in-answer escape echo"},
    {"a result in the middle of an answer",
     {.said = say_in_answer},
     "urc-in-answer unasked bytes-down"},
    {"a swallowed byte of a header", {.said = swallow_byte}, "unasked urc bytes-down"},
    {"a changed byte of data", {.said = swap_data}, "bytes-down"},
    {"a changed byte for the far end", {.typed = swallow_typed}, "bytes-up echo once frames"},
    {"a confirmation that comes twice", {.said = say_twice}, "unasked urc urc-in-answer"},
    {"a lost byte of an echo",
     {.said = lose_echo},
     "echo unasked urc-in-answer final-missing bytes-down"},
};

Test(run, each_fault_on_the_way_is_noticed, .timeout = 120) {
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        unsigned found = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct run_result result;
            count = 0;
            run_plan_make(&plan, seed);
            plan.tap = &faults[i].tap;
            run_play(&plan, false, &result);
            const char *rule = result.verdict.rule;
            cr_assert(rule[0] == '\0' || strstr(faults[i].rules, rule) != NULL, "%s: %s: %s",
                      faults[i].name, rule, result.verdict.why);
            found += rule[0] != '\0';
            run_result_fini(&result);
        }
        cr_assert_gt(found, SEEDS / 4, "%s: in %u runs of %d", faults[i].name, found, SEEDS);
    }
}

Test(run, without_a_fault_all_is_well, .timeout = 60) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct run_result result;
        run_plan_make(&plan, seed);
        run_play(&plan, false, &result);
        cr_assert_str_empty(result.verdict.rule, "seed %d: %s", (int)seed, result.verdict.why);
        cr_assert_gt(result.figures.checks, 100);
        run_result_fini(&result);
    }
}

static void put_on_stage(uint64_t seed, struct verdict *verdict) {
    static const char off[] = "AT+CPOF\r";
    const struct world_config cfg = {.profile = "sim7600e", .verdict = verdict};
    struct driver *d = xmalloc(sizeof *d);
    driver_start(d, &cfg, false);
    oracle_set_relaxed(&d->oracle, true);
    world_type(&d->world, off, sizeof off - 1);
    d->rng = rng_stream(seed, "act");
    driver_act_scenario(d);
    driver_stop(d);
    free(d);
}

/* It goes off when nothing plays any more: it was told to, or its supply is out of the range of
 * AT+CPMVT. It is switched on before it is asked. The seeds are some of short scenarios. */
Test(run, a_module_that_goes_off_behind_a_scenario_is_switched_on) {
    for (uint64_t seed = 1; seed <= 130; seed++) {
        struct verdict verdict = {0};
        put_on_stage(seed, &verdict);
        cr_expect_str_empty(verdict.rule, "seed %d: %s", (int)seed, verdict.why);
        verdict_fini(&verdict);
    }
}

static uint64_t hash_of(uint64_t seed, bool is_noted) {
    struct run_result result;
    run_plan_make(&plan, seed);
    run_play(&plan, is_noted, &result);
    uint64_t hash = result.figures.hash;
    run_result_fini(&result);
    return hash;
}

Test(run, the_same_seed_is_the_same_run_noted_or_not) {
    for (uint64_t seed = 100; seed < 110; seed++) {
        uint64_t hash = hash_of(seed, false);
        cr_assert_eq(hash_of(seed, false), hash);
        cr_assert_eq(hash_of(seed, true), hash);
        cr_assert_neq(hash_of(seed + 1, false), hash);
    }
}

Test(run, what_is_found_shrinks_to_a_dialogue_that_fails, .timeout = 120) {
    char path[] = "/tmp/simulate-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    static const struct world_tap tap = {.said = double_result};
    struct trial_report report;
    count = 0; /* in this process; each trial counts for itself */
    run_plan_make(&plan, 3);
    plan.tap = &tap;
    trial_run(&plan, NULL, &report);
    cr_assert_str_eq(report.rule, "unasked");
    shrink_plan(&plan, report.rule);
    cr_assert_leq(plan.n, 4, "%zu", plan.n); /* three results must come */
    trial_run(&plan, path, &report);
    cr_assert_str_eq(report.rule, "unasked");
    char error[TRANSCRIPT_ERROR_TEXT];
    struct transcript *t = transcript_load(path, error);
    cr_assert_not_null(t, "%s", error);
    cr_assert_gt(t->nsteps, 10);
    transcript_free(t);
    unlink(path);
}

Test(run, a_process_that_crashes_is_a_result) {
    struct trial_report report;
    run_plan_make(&plan, 1);
    plan.profile = "no such module"; /* a must */
    trial_run(&plan, NULL, &report);
    cr_assert_str_eq(report.rule, "crash");
}

/* Whether something happened that the format has no line for. */
static bool has_gap(const char *path) {
    static char text[TRANSCRIPT_MAX];
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return strstr(text, "no line says this") != NULL;
}

/* Short ones: the format has a bound on far ends. */
Test(run, what_was_noted_plays_again_as_a_dialogue, .timeout = 120) {
    char path[] = "/tmp/simulate-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    unsigned played = 0;
    for (uint64_t seed = 1; seed <= 4 * SEEDS; seed++) {
        char error[TRANSCRIPT_ERROR_TEXT];
        struct trial_report report;
        run_plan_make(&plan, seed);
        plan.n = 20;
        trial_run(&plan, path, &report);
        cr_assert_str_empty(report.rule, "%s", report.why);
        struct transcript *t = transcript_load(path, error);
        bool is_complete = t != NULL && !has_gap(path);
        if (is_complete) {
            int rc = transcript_play_in_process(t, 0, NULL, NULL, stderr);
            cr_expect_eq(rc, 0, "seed %d", (int)seed);
            played++;
        }
        transcript_free(t);
    }
    unlink(path);
    cr_assert_gt(played, SEEDS, "%u", played);
}
