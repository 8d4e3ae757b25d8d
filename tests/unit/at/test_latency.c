/* What answers and unsolicited results take under each timing, class by class. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "emulator/at/latency.h"
#include "tests/support/at_rig.h"

enum { CLASSES_MAX = 16, OTHERS = 2 };

static struct at_rig rig;
static struct at_cmd rows[CLASSES_MAX + OTHERS]; /* one of each class: +LA0, +LB0, ... */
static char names[CLASSES_MAX][8];
static size_t nclasses;
static int runs;
static struct at_req *pending;
static struct bus_verdict verdict; /* on the next command */

static void run(struct at_req *rq) {
    runs++;
    at_info(rq, "first");
    at_info(rq, "second");
    at_ok(rq);
}

static void on_cancel(void *ctx) {
    (void)ctx;
    pending = NULL;
}

static void run_long(struct at_req *rq) {
    pending = rq;
    at_on_cancel(rq, on_cancel, NULL);
}

static void on_data(struct at_req *rq, const uint8_t *p, size_t n) {
    (void)p;
    (void)n;
    at_ok(rq);
}

static void run_prompt(struct at_req *rq) {
    at_prompt(rq, ">", 5, 5, on_data);
}

static struct bus_verdict ask(enum at_point point, const struct at_asked *what) {
    (void)what;
    struct bus_verdict v = {0};
    if (point == AT_POINT_COMMAND) {
        v = verdict;
        verdict = (struct bus_verdict){0};
    }
    return v;
}

static void start(void) {
    log_set_level(LOG_ERROR);
    for (nclasses = 0; at_latencies[nclasses].name != NULL; nclasses++) {
        cr_assert_lt(nclasses, CLASSES_MAX);
        snprintf(names[nclasses], sizeof names[0], "+L%c", 'A' + (int)nclasses);
        rows[nclasses] = (struct at_cmd){.name = names[nclasses],
                                         .kind = AT_ACTION,
                                         .forms = AT_EXEC | AT_READ,
                                         .code_forms = AT_EXEC | AT_READ,
                                         .latency = (uint8_t)nclasses,
                                         .run = run};
    }
    rows[nclasses] = (struct at_cmd){.name = "+LONG",
                                     .kind = AT_ACTION,
                                     .forms = AT_EXEC,
                                     .code_forms = AT_EXEC,
                                     .flags = AT_ABORTABLE,
                                     .run = run_long};
    rows[nclasses + 1] = (struct at_cmd){.name = "+ASK",
                                         .kind = AT_ACTION,
                                         .forms = AT_EXEC,
                                         .code_forms = AT_EXEC,
                                         .run = run_prompt};
    at_rig_start(&rig, rows, nclasses + OTHERS, NULL, 0);
    at_rig_expect(&rig, "ATE0\r", "ATE0\r\r\nOK\r\n");
    rig.ask = ask;
    runs = 0;
    verdict = (struct bus_verdict){0};
}

static void stop(void) {
    at_rig_stop(&rig);
}

TestSuite(latency, .init = start, .fini = stop);

#define expect(text, want) at_rig_expect(&rig, (text), (want))
#define OK "\r\nOK\r\n"
#define ERROR "\r\nERROR\r\n"
#define ANSWER "\r\nfirst\r\nsecond\r\n" OK

static void pass(int64_t ms) {
    clk_advance(rig.clk, CLK_MS(ms));
}

/* Nothing before, all of it then. */
static void expect_at(const char *typed, int64_t ms, const char *answer) {
    expect(typed, "");
    pass(ms - 1);
    expect("", "");
    pass(1);
    expect("", answer);
}

Test(latency, without_timing_nothing_takes_any) {
    for (size_t i = 0; i < nclasses; i++) {
        char typed[32];
        snprintf(typed, sizeof typed, "AT%.7s\r", names[i]);
        expect(typed, ANSWER);
        urc_post(rig.s, URC_EVENT, "%s: 1", names[i]);
        cr_assert(strstr(at_rig_read(&rig), ": 1\r\n") != NULL);
    }
    cr_assert_lt(clk_next_due(rig.clk).us, 0, "a timer runs");
}

Test(latency, each_class_answers_each_form_in_its_time_and_whole) {
    for (int t = 0; t < AT_LATENCY_TIMES; t++) {
        session_set_timing(rig.s, (enum at_timing)(AT_TIMING_TYPICAL + t));
        for (size_t i = 0; i < nclasses; i++) {
            char typed[32];
            snprintf(typed, sizeof typed, "AT%.7s\r", names[i]);
            expect_at(typed, at_latencies[i].act[t], ANSWER);
            snprintf(typed, sizeof typed, "AT%.7s?\r", names[i]);
            expect_at(typed, at_latencies[i].ask[t], ANSWER);
        }
    }
}

Test(latency, each_class_has_its_time_for_unsolicited_results) {
    for (int t = 0; t < AT_LATENCY_TIMES; t++) {
        session_set_timing(rig.s, (enum at_timing)(AT_TIMING_TYPICAL + t));
        for (size_t i = 0; i < nclasses; i++) {
            char line[32];
            snprintf(line, sizeof line, "\r\n%.7s: 1\r\n", names[i]);
            urc_post(rig.s, URC_EVENT, "%s: 1", names[i]);
            expect_at("", at_latencies[i].urc[t], line);
        }
        urc_post(rig.s, URC_REPEATABLE, "RING");
        expect_at("", at_latencies[0].urc[t], "\r\nRING\r\n");
    }
}

Test(latency, empty_wrong_and_unknown_lines_take_that_of_the_first_class) {
    int64_t ms = at_latencies[0].act[0];
    session_set_timing(rig.s, AT_TIMING_TYPICAL);
    expect_at("AT\r", ms, OK);
    expect_at("AT+NOSUCH\r", ms, ERROR);
    expect_at("AT+=\r", ms, ERROR);
}

Test(latency, the_commands_of_a_line_take_theirs_one_after_the_other) {
    session_set_timing(rig.s, AT_TIMING_TYPICAL);
    expect("AT+LA;+LA\r", "");
    pass(at_latencies[0].act[0]);
    expect("", "\r\nfirst\r\nsecond\r\n");
    pass(at_latencies[0].act[0]);
    expect("", ANSWER);
}

Test(latency, a_delay_from_outside_comes_on_top) {
    session_set_timing(rig.s, AT_TIMING_TYPICAL);
    verdict.delay = CLK_MS(500);
    expect_at("AT+LA\r", 500 + at_latencies[0].act[0], ANSWER);
    verdict = (struct bus_verdict){.act = BUS_REPLACE, .text = SV("other\nOK")};
    expect_at("AT+LA\r", at_latencies[0].act[0], "\r\nother\r\n" OK);
}

Test(latency, what_is_typed_meanwhile_waits) {
    session_set_timing(rig.s, AT_TIMING_TYPICAL);
    expect("AT+LA\rAT\r", "");
    pass(at_latencies[0].act[0]);
    expect("", ANSWER);
    pass(at_latencies[0].act[0]);
    expect("", OK);
}

Test(latency, a_byte_aborts_before_and_while_an_abortable_command_runs) {
    session_set_timing(rig.s, AT_TIMING_TYPICAL);
    expect("AT+LONG\r", "");
    expect("x", ERROR);
    pass(1000);
    expect("", "");
    cr_assert_null(pending);
    expect("AT+LONG\r", "");
    pass(at_latencies[0].act[0]);
    cr_assert_not_null(pending);
    expect("x", ERROR);
}

Test(latency, a_driver_that_closes_does_not_stop_what_the_module_works_on) {
    session_set_timing(rig.s, AT_TIMING_TYPICAL);
    chan_set_open(&rig.ch, true);
    expect("AT+LA\rAT+LA\r", "");
    chan_set_open(&rig.ch, false);
    cr_assert_eq(runs, 2, "and what it still wanted is done");
    expect("", ANSWER ANSWER);
    chan_set_open(&rig.ch, true);
    verdict.delay = CLK_MS(500);
    expect("AT+LA\r", "");
    chan_set_open(&rig.ch, false);
    pass(1000);
    cr_assert_eq(runs, 2, "one that somebody else delays ends with the driver");
    chan_set_open(&rig.ch, true);
    expect_at("AT+LA\r", at_latencies[0].act[0], ANSWER);
}

Test(latency, no_prompt_and_no_long_command_waits_for_a_driver_that_has_gone) {
    session_set_timing(rig.s, AT_TIMING_TYPICAL);
    for (int i = 0; i < 2; i++) {
        chan_set_open(&rig.ch, true);
        expect(i == 0 ? "AT+ASK\r" : "AT+LONG\r", "");
        chan_set_open(&rig.ch, false);
        at_rig_read(&rig);
        cr_assert_null(pending);
        chan_set_open(&rig.ch, true);
        expect_at("AT\r", at_latencies[0].act[0], OK);
        chan_set_open(&rig.ch, false);
    }
}

Test(latency, unsolicited_results_keep_their_order) {
    size_t slow = 0;
    for (size_t i = 0; i < nclasses; i++) {
        slow = at_latencies[i].urc[1] > at_latencies[slow].urc[1] ? i : slow;
    }
    cr_assert_gt(at_latencies[slow].urc[1], at_latencies[0].urc[1]);
    session_set_timing(rig.s, AT_TIMING_WORST);
    urc_post(rig.s, URC_EVENT, "%s: open", names[slow]);
    urc_post(rig.s, URC_EVENT, "data");
    char both[64];
    snprintf(both, sizeof both, "\r\n%.7s: open\r\n\r\ndata\r\n", names[slow]);
    expect_at("", at_latencies[slow].urc[1], both);
}

Test(latency, a_reset_forgets_what_is_still_to_be_said) {
    session_set_timing(rig.s, AT_TIMING_TYPICAL);
    urc_post(rig.s, URC_EVENT, "old");
    expect("AT+LA\r", "");
    session_reset(rig.s);
    pass(1000);
    expect("", "");
    cr_assert_eq(runs, 0);
}
