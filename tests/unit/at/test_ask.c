/* What the owner decides of lines, commands, results and unsolicited results, and the waits. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "tests/support/at_rig.h"

static struct at_rig rig;
static struct at_req *pending; /* of +ASY and +ABT */
static int runs;               /* of +RUN */

/* What is decided, once or more, at one point, about one text or any. */
static struct {
    enum at_point point;
    const char *about; /* NULL: any */
    struct bus_verdict verdict;
    int times;
} plan;

static char asked[1024]; /* "L text", "C text (name)", "R text (name)", "U text", a line each */
static char told[1024];  /* "text (name args)" a result */

static void note(char to[1024], const char *text) {
    size_t n = strlen(to);
    cr_assert_lt(n + strlen(text), 1023);
    snprintf(to + n, 1024 - n, "%s", text);
}

static struct bus_verdict ask(enum at_point point, const struct at_asked *what) {
    char line[700];
    snprintf(line, sizeof line, "%c %.*s (%s)\n", "LCRU"[point], (int)what -> text.n, what->text.p,
             what->name);
    note(asked, line);
    bool is_it = plan.about == NULL || sv_eq(what->text, sv_of(plan.about));
    if (plan.times == 0 || plan.point != point || !is_it) {
        return (struct bus_verdict){0};
    }
    plan.times--;
    return plan.verdict;
}

static void done(const struct at_asked *result) {
    char line[300];
    snprintf(line, sizeof line, "%.*s (%s %.*s)\n", (int)result->text.n, result->text.p,
             result->name, (int)result->args.n, result->args.p != NULL ? result->args.p : "");
    note(told, line);
}

static void decide(enum at_point point, const char *about, struct bus_verdict verdict) {
    plan.point = point;
    plan.about = about;
    plan.verdict = verdict;
    plan.times = 1;
    asked[0] = told[0] = '\0';
}

static struct bus_verdict replace(const char *text) {
    return (struct bus_verdict){.act = BUS_REPLACE, .text = sv_of(text)};
}

static const struct bus_verdict drop = {.act = BUS_DROP};
static const struct bus_verdict wait_only = {.delay = {2000000}};

static void on_cancel(void *ctx) {
    (void)ctx;
    pending = NULL;
}

static void run_async(struct at_req *rq) {
    pending = rq;
    at_on_cancel(rq, on_cancel, NULL);
}

static void run_count(struct at_req *rq) {
    runs++;
    at_info(rq, "+RUN: %d", runs);
    at_ok(rq);
}

static void run_number(struct at_req *rq) {
    at_fail(rq, (enum at_err)at_int(rq, 0));
}

static const struct at_range any[] = {{0, 999}};
static const struct at_param number[] = {
    {.name = "n", .type = AT_INT, .slot = AT_NO_SLOT, .nranges = 1, .ranges = any},
};

static const struct at_cmd rows[] = {
    {.name = "+ABT",
     .kind = AT_ACTION,
     .forms = AT_EXEC,
     .code_forms = AT_EXEC,
     .flags = AT_ABORTABLE,
     .run = run_async},
    {.name = "+ASY", .kind = AT_ACTION, .forms = AT_EXEC, .code_forms = AT_EXEC, .run = run_async},
    {.name = "+BAD",
     .kind = AT_ACTION,
     .forms = AT_WRITE,
     .code_forms = AT_WRITE,
     .nparams = 1,
     .params = number,
     .run = run_number},
    {.name = "+RUN", .kind = AT_ACTION, .forms = AT_EXEC, .code_forms = AT_EXEC, .run = run_count},
};

static void start(void) {
    log_set_level(LOG_ERROR);
    at_rig_start(&rig, rows, sizeof rows / sizeof *rows, NULL, 0);
    at_rig_expect(&rig, "ATE0\r", "ATE0\r\r\nOK\r\n");
    rig.ask = ask;
    rig.done = done;
}

static void stop(void) {
    at_rig_stop(&rig);
}

TestSuite(ask, .init = start, .fini = stop);

#define expect(text, want) at_rig_expect(&rig, (text), (want))
#define OK "\r\nOK\r\n"
#define ERROR "\r\nERROR\r\n"

static void pass(int ms) {
    clk_advance(rig.clk, CLK_MS(ms));
}

/* The same with the wait in front of it: nothing before, all of it after. */
static void expect_late(enum at_point point, const char *about, struct bus_verdict v,
                        const char *typed, const char *before, const char *after) {
    v.delay = CLK_MS(2000);
    runs = 0;
    decide(point, about, v);
    expect(typed, before);
    pass(1999);
    expect("", "");
    pass(1);
    expect("", after);
    cr_assert_eq(plan.times, 0);
    expect("AT\r", OK);
}

static void expect_now(enum at_point point, const char *about, struct bus_verdict v,
                       const char *typed, const char *want) {
    runs = 0;
    decide(point, about, v);
    expect(typed, want);
    cr_assert_eq(plan.times, 0);
    expect("AT\r", OK);
}

/* -- who is asked about what -- */

Test(ask, each_point_is_asked_in_its_turn) {
    decide(AT_POINT_LINE, "", drop);
    expect("AT+RUN; +BAD=3\r", "\r\n+RUN: 1\r\n\r\n+CME ERROR: 3\r\n");
    cr_assert_str_eq(asked, "L +RUN; +BAD=3 ()\n"
                            "C +RUN (+RUN)\n"
                            "C +BAD=3 (+BAD)\n"
                            "R +CME ERROR: 3 (+BAD)\n");
    cr_assert_str_eq(told, "+CME ERROR: 3 (+BAD 3)\n");
}

Test(ask, result_is_told_once_with_its_command) {
    const struct {
        const char *typed, *want;
    } cases[] = {
        {"AT+RUN\r", "OK (+RUN )\n"},
        {"AT+RUN;+RUN\r", "OK (+RUN )\n"},
        {"AT\r", "OK ( )\n"},
        {"AT+NONE=1,2\r", "ERROR (+NONE 1,2)\n"},
        {"AT+BAD=10\r", "+CME ERROR: 10 (+BAD 10)\n"},
        {"AT+RUN;=\r", "ERROR ( )\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        told[0] = '\0';
        at_rig_type(&rig, cases[i].typed);
        cr_assert_str_eq(told, cases[i].want, "%s", cases[i].typed);
    }
}

Test(ask, line_that_is_too_long_has_a_result_of_no_command) {
    expect("AT+RUN\r", "\r\n+RUN: 1\r\n" OK);
    char line[LIMIT_LINE + 10];
    memset(line, 'x', sizeof line);
    memcpy(line, "AT", 2);
    memcpy(line + sizeof line - 2, "\r", 2);
    asked[0] = told[0] = '\0';
    expect(line, ERROR);
    cr_assert_str_eq(asked, "R ERROR ()\n");
    cr_assert_str_eq(told, "ERROR ( )\n");
}

/* -- at once -- */

Test(ask, line_is_decided) {
    const char *typed = "AT+RUN;+RUN\r";
    expect_now(AT_POINT_LINE, "+RUN;+RUN", drop, typed, "");
    cr_assert_eq(runs, 0);
    struct bus_verdict fail = {.act = BUS_FAIL, .code = 10};
    expect_now(AT_POINT_LINE, NULL, fail, typed, "\r\n+CME ERROR: 10\r\n");
    fail.code = AT_ERR_PLAIN;
    expect_now(AT_POINT_LINE, NULL, fail, typed, ERROR);
    expect_now(AT_POINT_LINE, NULL, replace("OK"), typed, OK);
    expect_now(AT_POINT_LINE, NULL, replace("ERROR"), typed, ERROR);
    expect_now(AT_POINT_LINE, NULL, replace("+A: 1\n+B: 2\nOK"), typed,
               "\r\n+A: 1\r\n+B: 2\r\n" OK);
    expect_now(AT_POINT_LINE, NULL, replace("+A: 1\nNO CARRIER"), typed,
               "\r\n+A: 1\r\n\r\nNO CARRIER\r\n");
    cr_assert_eq(runs, 0);
}

Test(ask, command_is_decided) {
    const char *typed = "AT+RUN;+ASY;+RUN\r";
    expect_now(AT_POINT_COMMAND, "+ASY", drop, typed, "\r\n+RUN: 1\r\n");
    struct bus_verdict fail = {.act = BUS_FAIL, .code = 10};
    expect_now(AT_POINT_COMMAND, "+ASY", fail, typed, "\r\n+RUN: 1\r\n\r\n+CME ERROR: 10\r\n");
    expect_now(AT_POINT_COMMAND, "+ASY", replace("OK"), typed, "\r\n+RUN: 1\r\n\r\n+RUN: 2\r\n" OK);
    expect_now(AT_POINT_COMMAND, "+ASY", replace("+A: 1\n+B: 2\nOK"), typed,
               "\r\n+RUN: 1\r\n\r\n+A: 1\r\n+B: 2\r\n\r\n+RUN: 2\r\n" OK);
    expect_now(AT_POINT_COMMAND, "+ASY", replace("+A: 1\nERROR"), typed,
               "\r\n+RUN: 1\r\n\r\n+A: 1\r\n" ERROR);
    expect_now(AT_POINT_COMMAND, "+ASY", replace("ERROR"), typed, "\r\n+RUN: 1\r\n" ERROR);
    cr_assert_null(pending, "never begun");
}

Test(ask, every_command_of_the_longest_line_may_be_replaced) {
    char line[1024] = "AT+RUN";
    for (int i = 1; i < LIMIT_LINE_COMMANDS; i++) {
        note(line, ";+RUN");
    }
    note(line, "\r");
    decide(AT_POINT_COMMAND, NULL, replace("OK"));
    plan.times = LIMIT_LINE_COMMANDS;
    expect(line, OK);
    cr_assert_eq(plan.times, 0);
    cr_assert_str_eq(told, "OK (+RUN )\n");
}

Test(ask, unknown_command_may_be_given_an_answer) {
    expect_now(AT_POINT_COMMAND, "+NONE?", replace("+NONE: 7\nOK"), "AT+NONE?\r",
               "\r\n+NONE: 7\r\n" OK);
}

Test(ask, result_is_decided) {
    const char *typed = "AT+RUN\r";
    expect_now(AT_POINT_RESULT, "OK", drop, typed, "\r\n+RUN: 1\r\n");
    expect_now(AT_POINT_RESULT, "OK", replace("ERROR"), typed, "\r\n+RUN: 1\r\n" ERROR);
    expect_now(AT_POINT_RESULT, "OK", replace("+X: 1\n+CME ERROR: 4"), typed,
               "\r\n+RUN: 1\r\n\r\n+X: 1\r\n\r\n+CME ERROR: 4\r\n");
    struct bus_verdict fail = {.act = BUS_FAIL, .code = 10};
    expect_now(AT_POINT_RESULT, "OK", fail, typed, "\r\n+RUN: 1\r\n" OK);
    expect_now(AT_POINT_RESULT, "ERROR", replace("OK"), "AT+NONE;+RUN\r", OK);
    cr_assert_eq(runs, 0, "the line has ended with the error all the same");
}

Test(ask, what_became_of_a_result_is_told) {
    decide(AT_POINT_RESULT, "OK", drop);
    expect("AT+RUN\r", "\r\n+RUN: 1\r\n");
    cr_assert_str_eq(told, " (+RUN )\n");
    decide(AT_POINT_RESULT, "OK", replace("+A: 1\nERROR"));
    expect("AT+RUN\r", "\r\n+RUN: 2\r\n\r\n+A: 1\r\n" ERROR);
    cr_assert_str_eq(told, "ERROR (+RUN )\n");
    decide(AT_POINT_LINE, NULL, replace("ERROR"));
    expect("AT+RUN\r", ERROR);
    cr_assert_str_eq(told, "ERROR ( )\n");
}

Test(ask, unsolicited_result_is_decided) {
    decide(AT_POINT_URC, "+ONE", drop);
    urc_post(rig.s, URC_EVENT, "+ONE");
    urc_post(rig.s, URC_EVENT, "+TWO");
    expect("", "\r\n+TWO\r\n");
    decide(AT_POINT_URC, "+ONE", replace("+UNO"));
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("", "\r\n+UNO\r\n");
    decide(AT_POINT_URC, "+ONE", (struct bus_verdict){.act = BUS_FAIL, .code = 1});
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("", "\r\n+ONE\r\n");
    cr_assert_str_eq(asked, "U +ONE ()\n");
    cr_assert_str_eq(told, "", "it is no result");
}

/* -- later -- */

Test(ask, line_waits) {
    const char *typed = "AT+RUN;+RUN\r";
    struct bus_verdict fail = {.act = BUS_FAIL, .code = 10};
    expect_late(AT_POINT_LINE, "+RUN;+RUN", wait_only, typed, "",
                "\r\n+RUN: 1\r\n\r\n+RUN: 2\r\n" OK);
    expect_late(AT_POINT_LINE, "+RUN;+RUN", drop, typed, "", "");
    expect_late(AT_POINT_LINE, "+RUN;+RUN", fail, typed, "", "\r\n+CME ERROR: 10\r\n");
    expect_late(AT_POINT_LINE, "+RUN;+RUN", replace("+A: 1\nOK"), typed, "", "\r\n+A: 1\r\n" OK);
    expect_late(AT_POINT_LINE, "+RUN;+RUN", replace("ERROR"), typed, "", ERROR);
    cr_assert_eq(runs, 0);
}

Test(ask, line_goes_on_behind_a_late_command_that_says_nothing) {
    expect_late(AT_POINT_COMMAND, "+CMEE=1", wait_only, "AT+CMEE=1;+RUN\r", "",
                "\r\n+RUN: 1\r\n" OK);
    expect_late(AT_POINT_COMMAND, "+CMEE=1", wait_only, "AT+CMEE=1\r", "", OK);
}

Test(ask, command_waits) {
    const char *typed = "AT+RUN;+NONE;+RUN\r";
    const char *first = "\r\n+RUN: 1\r\n";
    struct bus_verdict fail = {.act = BUS_FAIL, .code = 10};
    expect_late(AT_POINT_COMMAND, "+NONE", wait_only, typed, first, ERROR);
    expect_late(AT_POINT_COMMAND, "+NONE", drop, typed, first, "");
    expect_late(AT_POINT_COMMAND, "+NONE", fail, typed, first, "\r\n+CME ERROR: 10\r\n");
    expect_late(AT_POINT_COMMAND, "+NONE", replace("+A: 1\nOK"), typed, first,
                "\r\n+A: 1\r\n\r\n+RUN: 2\r\n" OK);
    expect_late(AT_POINT_COMMAND, "+NONE", replace("+A: 1\nERROR"), typed, first,
                "\r\n+A: 1\r\n" ERROR);
    expect_late(AT_POINT_COMMAND, "+RUN", wait_only, "AT+RUN;+RUN\r", "",
                "\r\n+RUN: 1\r\n\r\n+RUN: 2\r\n" OK);
}

Test(ask, result_waits) {
    const char *typed = "AT+RUN\r";
    const char *first = "\r\n+RUN: 1\r\n";
    expect_late(AT_POINT_RESULT, "OK", wait_only, typed, first, OK);
    expect_late(AT_POINT_RESULT, "OK", drop, typed, first, "");
    expect_late(AT_POINT_RESULT, "OK", (struct bus_verdict){.act = BUS_FAIL}, typed, first, OK);
    expect_late(AT_POINT_RESULT, "OK", replace("+A: 1\nERROR"), typed, first,
                "\r\n+A: 1\r\n" ERROR);
    expect_late(AT_POINT_RESULT, "ERROR", wait_only, "AT+NONE;+RUN\r", "", ERROR);
}

Test(ask, late_result_is_told_when_it_is_out_with_its_command) {
    decide(AT_POINT_RESULT, "+CME ERROR: 10", wait_only);
    expect("AT+BAD=10\rAT+RUN\r", "");
    cr_assert_str_eq(told, "");
    pass(2000);
    cr_assert_str_eq(told, "+CME ERROR: 10 (+BAD 10)\nOK (+RUN )\n");
}

Test(ask, all_points_of_one_line_may_wait) {
    expect("AT\r", OK);
    plan.verdict = wait_only;
    for (enum at_point p = AT_POINT_LINE; p <= AT_POINT_RESULT; p++) {
        plan.point = p;
        plan.about = NULL;
        plan.times = 1;
        if (p == AT_POINT_LINE) {
            expect("AT+RUN\r", "");
        } else {
            pass(2000);
            expect("", p == AT_POINT_RESULT ? "\r\n+RUN: 1\r\n" : "");
        }
    }
    pass(2000);
    expect("", OK);
}

Test(ask, what_a_verdict_says_is_kept_while_it_waits) {
    char text[] = "+A: 1\nOK";
    struct bus_verdict v = replace(text);
    v.delay = CLK_MS(5);
    decide(AT_POINT_COMMAND, NULL, v);
    expect("AT+RUN\r", "");
    memset(text, 'x', sizeof text - 1);
    pass(5);
    expect("", "\r\n+A: 1\r\n" OK);
}

Test(ask, input_waits_meanwhile) {
    for (enum at_point p = AT_POINT_LINE; p <= AT_POINT_RESULT; p++) {
        runs = 0;
        decide(p, NULL, wait_only);
        at_rig_type(&rig, "AT+RUN\rAT+RUN\r");
        at_rig_type(&rig, "AT+RUN");
        at_rig_read(&rig);
        cr_assert_leq(runs, 1);
        pass(2000);
        at_rig_read(&rig);
        cr_assert_eq(runs, 2);
        expect("\r", "\r\n+RUN: 3\r\n" OK);
    }
}

Test(ask, unsolicited_result_waits_for_the_late_answer) {
    for (enum at_point p = AT_POINT_LINE; p <= AT_POINT_RESULT; p++) {
        runs = 0;
        decide(p, NULL, wait_only);
        expect("AT+RUN\r", p == AT_POINT_RESULT ? "\r\n+RUN: 1\r\n" : "");
        urc_post(rig.s, URC_EVENT, "+ONE");
        expect("", "");
        pass(2000);
        expect("", p == AT_POINT_RESULT ? OK "\r\n+ONE\r\n" : "\r\n+RUN: 1\r\n" OK "\r\n+ONE\r\n");
    }
}

Test(ask, unsolicited_result_goes_after_a_late_drop) {
    struct bus_verdict v = drop;
    v.delay = CLK_MS(5);
    for (enum at_point p = AT_POINT_LINE; p <= AT_POINT_RESULT; p++) {
        decide(p, NULL, v);
        at_rig_type(&rig, "AT+RUN\r");
        at_rig_read(&rig);
        urc_post(rig.s, URC_EVENT, "+ONE");
        expect("", "");
        pass(5);
        expect("", "\r\n+ONE\r\n");
    }
}

Test(ask, next_dte_hears_nothing_of_what_waited) {
    static const enum at_point points[] = {AT_POINT_LINE, AT_POINT_COMMAND, AT_POINT_RESULT};
    const struct bus_verdict verdicts[] = {{.act = BUS_GO},
                                           {.act = BUS_FAIL, .code = 3},
                                           {.act = BUS_REPLACE, .text = SV("+A: 1\nOK")}};
    for (size_t i = 0; i < 9; i++) {
        struct bus_verdict v = verdicts[i % 3];
        v.delay = CLK_MS(2000);
        runs = 0;
        decide(points[i / 3], NULL, v);
        at_rig_type(&rig, "AT+RUN;+RUN\r");
        at_rig_read(&rig);
        int before = runs;
        chan_set_open(&rig.ch, false);
        cr_assert_eq(clk_next_due(rig.clk).us, -1);
        chan_set_open(&rig.ch, true);
        pass(2000);
        expect("", "");
        cr_assert_eq(runs, before, "the rest of its line is not run either");
        cr_assert_str_eq(told, "");
        expect("AT\r", OK);
    }
}

Test(ask, abortable_command_is_aborted_while_it_waits) {
    decide(AT_POINT_COMMAND, "+ABT", wait_only);
    expect("AT+ABT;+RUN\r", "");
    expect("x", ERROR);
    cr_assert_str_eq(told, "ERROR (+ABT )\n");
    pass(2000);
    expect("", "");
    cr_assert_null(pending);
    cr_assert_eq(runs, 0);
    expect("AT\r", OK);
}

Test(ask, abort_is_a_result_that_is_decided) {
    struct bus_verdict v = replace("+ABT: 1\nNO CARRIER");
    v.delay = CLK_MS(2000);
    decide(AT_POINT_RESULT, "ERROR", v);
    expect("AT+ABT\r", "");
    cr_assert_not_null(pending);
    expect("xAT+RUN\r", "");
    cr_assert_null(pending);
    pass(2000);
    expect("", "\r\n+ABT: 1\r\n\r\nNO CARRIER\r\n\r\n+RUN: 1\r\n" OK);
}

Test(ask, late_result_of_an_abortable_command_is_not_aborted) {
    decide(AT_POINT_RESULT, NULL, wait_only);
    expect("AT+ABT\r", "");
    at_ok(pending);
    expect("AT+RUN\r", "");
    pass(2000);
    expect("", OK "\r\n+RUN: 1\r\n" OK);
}

Test(ask, command_that_waited_may_end_later) {
    decide(AT_POINT_COMMAND, "+ASY", wait_only);
    expect("AT+ASY;+RUN\r", "");
    pass(2000);
    expect("", "");
    cr_assert_not_null(pending);
    at_ok(pending);
    expect("", "\r\n+RUN: 1\r\n" OK);
}

Test(ask, session_may_close_while_something_waits) {
    for (enum at_point p = AT_POINT_LINE; p <= AT_POINT_URC; p++) {
        struct bus_verdict v = replace("+A: 1\nOK");
        v.delay = CLK_MS(2000);
        decide(p, NULL, v);
        at_rig_type(&rig, "AT+RUN;+RUN\rAT+RUN\r");
        urc_post(rig.s, URC_EVENT, "+ONE");
        cr_assert_eq(plan.times, 0);
        at_rig_read(&rig);
        told[0] = '\0';
        stop();
        cr_assert_str_eq(told, "");
        start();
    }
}

Test(ask, answers_are_framed_as_v0_and_q1_want) {
    expect("ATV0\r", "0\r");
    expect_now(AT_POINT_LINE, NULL, (struct bus_verdict){0}, "ATV1\r", OK);
    expect("ATV0\r", "0\r");
    decide(AT_POINT_COMMAND, NULL, replace("+A: 1\n+B: 2\nERROR"));
    expect("AT+RUN\r", "+A: 1\r\n+B: 2\r\n4\r");
    decide(AT_POINT_RESULT, NULL, replace("NO CARRIER"));
    expect("AT\r", "3\r");
    decide(AT_POINT_RESULT, NULL, wait_only);
    expect("AT\r", "");
    pass(2000);
    expect("", "0\r");
    decide(AT_POINT_URC, NULL, replace("+UNO"));
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("", "+UNO\r\n");

    expect("ATV1Q1\r", "");
    decide(AT_POINT_COMMAND, NULL, replace("+A: 1\nOK"));
    expect("AT+RUN\r", "\r\n+A: 1\r\n");
    cr_assert_str_eq(told, "OK (+RUN )\n");
    decide(AT_POINT_RESULT, NULL, replace("ERROR"));
    expect("AT\r", "");
    cr_assert_str_eq(told, "ERROR ( )\n");
}

/* -- unsolicited results, later -- */

Test(ask, late_unsolicited_result_does_not_hold_up_the_others) {
    struct bus_verdict v = replace("+UNO");
    v.delay = CLK_MS(2000);
    decide(AT_POINT_URC, "+ONE", v);
    urc_post(rig.s, URC_EVENT, "+ONE");
    urc_post(rig.s, URC_EVENT, "+TWO");
    expect("AT\r", "\r\n+TWO\r\n" OK);
    asked[0] = '\0';
    pass(2000);
    expect("", "\r\n+UNO\r\n");
    cr_assert_str_eq(asked, "", "nobody is asked twice");
}

Test(ask, late_drop_of_an_unsolicited_result_is_a_drop) {
    struct bus_verdict v = drop;
    v.delay = CLK_MS(2000);
    decide(AT_POINT_URC, "+ONE", v);
    urc_post(rig.s, URC_EVENT, "+ONE");
    pass(2000);
    expect("", "");
}

Test(ask, late_unsolicited_result_does_not_stand_inside_a_line) {
    decide(AT_POINT_URC, "+ONE", wait_only);
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("AT+R", "");
    pass(2000);
    expect("UN\r", "\r\n+RUN: 1\r\n" OK "\r\n+ONE\r\n");
}

Test(ask, late_unsolicited_results_are_bounded) {
    decide(AT_POINT_URC, NULL, wait_only);
    plan.times = LIMIT_URCS + 2;
    for (int i = 0; i < LIMIT_URCS; i++) {
        asked[0] = '\0';
        urc_post(rig.s, URC_EVENT, "+LATE: %d", i);
    }
    expect("", "");
    urc_post(rig.s, URC_EVENT, "+NOW: 1");
    urc_post(rig.s, URC_EVENT, "+NOW: 2");
    expect("", "\r\n+NOW: 1\r\n\r\n+NOW: 2\r\n");
    pass(2000);
    const char *out = at_rig_read(&rig);
    for (int i = 0; i < LIMIT_URCS; i++) {
        char want[32];
        int n = snprintf(want, sizeof want, "\r\n+LATE: %d\r\n", i);
        cr_assert_eq(strncmp(out, want, (size_t)n), 0, "%d: %.20s", i, out);
        out += n;
    }
    cr_assert_str_eq(out, "");
    cr_assert_eq(urc_dropped(rig.s), 0);
    plan.times = 1;
    urc_post(rig.s, URC_EVENT, "+AGAIN");
    expect("", "");
    pass(2000);
    expect("", "\r\n+AGAIN\r\n");
}

Test(ask, unsolicited_result_may_be_written_in_the_middle_of_an_answer) {
    decide(AT_POINT_RESULT, NULL, wait_only);
    expect("AT+RUN\r", "\r\n+RUN: 1\r\n");
    decide(AT_POINT_URC, NULL, drop);
    urc_write_now(rig.s, "+ONE");
    expect("", "\r\n+ONE\r\n");
    cr_assert_str_eq(asked, "", "whoever writes it has decided");
    expect("A", "");
    pass(2000);
    expect("", OK);
    urc_write_now(rig.s, "+TWO");
    expect("T\r", "\r\n+TWO\r\n" OK);
}
