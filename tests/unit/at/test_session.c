#include "emulator/at/session.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "slots.h"
#include "tests/support/at_rig.h"

static struct at_rig rig;
static struct at_req *pending; /* of +ASY and +ABT */
static int cancelled;
static int runs; /* of +RUN */

static void on_cancel(void *ctx) {
    cr_assert_eq(ctx, &rig);
    pending = NULL;
    cancelled++;
}

static void run_async(struct at_req *rq) {
    pending = rq;
    at_on_cancel(rq, on_cancel, at_owner_of(rq));
}

static void run_number(struct at_req *rq) {
    at_info(rq, "+NUM: %d", (int)at_int(rq, 0));
    at_ok(rq);
}

static void run_count(struct at_req *rq) {
    runs++;
    at_ok(rq);
}

static void run_check(struct at_req *rq) {
    at_info(rq, "+SELF: %d", at_check(rq));
    at_ok(rq);
}

static const struct at_range any[] = {{0, 99999}};
static const struct at_param number[] = {
    {.name = "n", .type = AT_INT, .slot = AT_NO_SLOT, .nranges = 1, .ranges = any},
};
static const struct at_param two[] = {
    {.name = "n", .type = AT_INT, .slot = AT_NO_SLOT, .nranges = 1, .ranges = any},
    {.name = "s", .type = AT_STR, .slot = AT_NO_SLOT, .flags = AT_OPTIONAL},
};

static const struct at_cmd rows[] = {
    {.name = "+ABT",
     .kind = AT_ACTION,
     .forms = AT_EXEC,
     .code_forms = AT_EXEC,
     .flags = AT_ABORTABLE,
     .run = run_async},
    {.name = "+ASY", .kind = AT_ACTION, .forms = AT_EXEC, .code_forms = AT_EXEC, .run = run_async},
    {.name = "+NEED",
     .kind = AT_ACTION,
     .forms = AT_EXEC | AT_TEST,
     .code_forms = AT_EXEC,
     .needs = AT_NEED_SIM,
     .test = "",
     .run = run_count},
    {.name = "+NUM",
     .kind = AT_ACTION,
     .forms = AT_WRITE,
     .code_forms = AT_WRITE,
     .nparams = 1,
     .params = number,
     .run = run_number},
    {.name = "+RUN", .kind = AT_ACTION, .forms = AT_EXEC, .code_forms = AT_EXEC, .run = run_count},
    {.name = "+SELF",
     .kind = AT_ACTION,
     .forms = AT_WRITE,
     .code_forms = AT_WRITE,
     .flags = AT_SELF_CHECK,
     .nparams = 2,
     .params = two,
     .run = run_check},
};

static void start(void) {
    pending = NULL;
    cancelled = 0;
    runs = 0;
    at_rig_start(&rig, rows, sizeof rows / sizeof *rows, NULL, 0);
}

static void stop(void) {
    at_rig_stop(&rig);
}

TestSuite(session, .init = start, .fini = stop);

#define expect(text, want) at_rig_expect(&rig, (text), (want))

/* Ends the command that waits. */
static void end_ok(void) {
    struct at_req *rq = pending;
    cr_assert_not_null(rq);
    pending = NULL;
    at_ok(rq);
}

/* -- lines and their commands -- */

Test(session, line_is_echoed_with_its_cr_and_answered) {
    expect("AT\r", "AT\r\r\nOK\r\n");
    expect("at\r\n", "at\r\r\nOK\r\n");
    expect("\r\n\r\n", "");
    expect("\x1a\x1b+++AT\r\n", "AT\r\r\nOK\r\n");
}

Test(session, echo_off_ends_with_the_line_that_says_so) {
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    expect("AT\r", "\r\nOK\r\n");
    expect("ATE1\r", "\r\nOK\r\n");
    expect("AT\r", "AT\r\r\nOK\r\n");
}

Test(session, commands_of_a_line_run_in_order_with_one_ok) {
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    expect("AT+NUM=1;+NUM=2;+NUM=3\r", "\r\n+NUM: 1\r\n\r\n+NUM: 2\r\n\r\n+NUM: 3\r\n\r\nOK\r\n");
    expect("ATQ0V1+NUM=4;E0\r", "\r\n+NUM: 4\r\n\r\nOK\r\n");
    expect("ATQ0 V1 E1 S0=0 &C1 &D2 +FCLASS=0\r", "\r\nOK\r\n");
    expect("AT+CMEE=1;+IPR=9600\r", "AT+CMEE=1;+IPR=9600\r\r\nOK\r\n");
}

Test(session, error_drops_the_rest_of_the_line) {
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    expect("AT+RUN;+NOSUCH;+RUN\r", "\r\nERROR\r\n");
    cr_assert_eq(runs, 1);
    expect("AT+RUN;+NUM=x;+RUN\r", "\r\nERROR\r\n");
    cr_assert_eq(runs, 2);
    expect("AT+RUN;+RUN\"\";+RUN\r", "\r\nERROR\r\n");
    cr_assert_eq(runs, 3);
}

Test(session, form_that_the_row_lacks_is_an_error) {
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    expect("AT+RUN?\r", "\r\nERROR\r\n");
    expect("AT+RUN=?\r", "\r\nERROR\r\n");
    expect("AT+RUN=1\r", "\r\nERROR\r\n");
    expect("AT+NUM\r", "\r\nERROR\r\n");
    expect("AT$QCRMCALL=1,1\r", "\r\nERROR\r\n");
    cr_assert_eq(runs, 0);
}

Test(session, arguments_are_checked_against_the_row) {
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    expect("AT+NUM=99999\r", "\r\n+NUM: 99999\r\n\r\nOK\r\n");
    static const char *const bad[] = {
        "AT+NUM=100000\r",
        "AT+NUM=-1\r",
        "AT+NUM=\"1\"\r",
        "AT+NUM=\r",
        "AT+NUM=1,\r",
        "AT+NUM=1,2\r",
        "AT+NUM=+1\r",
        "AT+NUM=1 2\r",
        "AT+NUM=0x1\r",
        "AT+NUM=1.0\r",
        "AT+NUM=99999999999999999999999\r",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect(bad[i], "\r\nERROR\r\n");
    }
}

Test(session, self_checking_row_gets_its_arguments_unchecked) {
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    expect("AT+SELF=1,\"a\"\r", "\r\n+SELF: -1\r\n\r\nOK\r\n");
    expect("AT+SELF=x\r", "\r\n+SELF: 0\r\n\r\nOK\r\n");
    expect("AT+SELF=1,a\r", "\r\n+SELF: 1\r\n\r\nOK\r\n");
    expect("AT+SELF=1,\"a\",3\r", "\r\n+SELF: 2\r\n\r\nOK\r\n");
}

Test(session, what_a_row_needs_is_asked_for_once_and_not_for_the_test_form) {
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    expect("AT+NEED\r", "\r\nOK\r\n");
    cr_assert_eq(runs, 1);
    rig.missing = CME_SIM_NOT_INSERTED;
    expect("AT+NEED\r", "\r\n+CME ERROR: 10\r\n");
    expect("AT+NEED=?\r", "\r\nOK\r\n");
    expect("AT+RUN\r", "\r\nOK\r\n");
    cr_assert_eq(runs, 2);
}

Test(session, line_of_559_characters_runs_and_560_are_an_error) {
    char text[LIMIT_LINE + 4];
    memset(text, ' ', sizeof text);
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    memcpy(text, "AT+RUN", 6);
    text[2 + LIMIT_LINE] = '\r';
    text[3 + LIMIT_LINE] = '\0';
    expect(text, "\r\nOK\r\n");
    cr_assert_eq(runs, 1);
    text[2 + LIMIT_LINE] = ' ';
    chan_mem_put(&rig.mem, text, 3 + LIMIT_LINE);
    expect("", "");
    expect("\r\n", "\r\nERROR\r\n");
    cr_assert_eq(runs, 1);
    expect("AT\r", "\r\nOK\r\n");
}

static void type_commands(size_t n) {
    at_rig_type(&rig, "AT");
    for (size_t i = 0; i < n; i++) {
        at_rig_type(&rig, i == 0 ? "+RUN" : ";+RUN");
    }
    at_rig_type(&rig, "\r");
}

Test(session, line_of_39_commands_runs_and_of_40_none_is_run) {
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    type_commands(39);
    expect("", "\r\nOK\r\n");
    cr_assert_eq(runs, 39);
    type_commands(40);
    expect("", "\r\nERROR\r\n");
    cr_assert_eq(runs, 39);
}

Test(session, again_runs_the_line_before_once_more) {
    expect("A/", "A/\r\nOK\r\n");
    expect("AT+NUM=7\r", "AT+NUM=7\r\r\n+NUM: 7\r\n\r\nOK\r\n");
    expect("A/", "A/\r\n+NUM: 7\r\n\r\nOK\r\n");
    expect("a/\r\n", "a/\r\n+NUM: 7\r\n\r\nOK\r\n");
    expect("AT+NUM=x\r", "AT+NUM=x\r\r\nERROR\r\n");
    expect("A/", "A/\r\nERROR\r\n");
}

Test(session, changed_s5_erases) {
    expect("ATS5=35\r", "ATS5=35\r\r\nOK\r\n");
    expect("ATIX##+RUN\r", "ATIX# ## #+RUN\r\r\nOK\r\n");
    cr_assert_eq(runs, 1);
    expect("AT\b\r", "AT\r\r\nOK\r\n");
}

Test(session, changed_s3_ends_lines) {
    expect("ATS3=33\r\n", "ATS3=33\r!\nOK!\n");
    expect("AT\r\n+RUN!", "AT+RUN!!\nOK!\n");
    cr_assert_eq(runs, 1);
    expect("ATS3=13!\r\n", "ATS3=13!\r\nOK\r\n");
    expect("AT\r\n", "AT\r\r\nOK\r\n");
}

/* -- input while something runs -- */

Test(session, input_is_held_while_a_command_runs) {
    expect("AT+ASY\r", "AT+ASY\r");
    expect("AT+NUM=1\r\nAT+NUM=2\r", "");
    end_ok();
    expect("", "\r\nOK\r\n"
               "AT+NUM=1\r\r\n+NUM: 1\r\n\r\nOK\r\n"
               "AT+NUM=2\r\r\n+NUM: 2\r\n\r\nOK\r\n");
}

Test(session, rest_of_the_line_waits_for_the_command_before_it) {
    expect("AT+NUM=1;+ASY;+NUM=2;+ASY;+RUN\r", "AT+NUM=1;+ASY;+NUM=2;+ASY;+RUN\r\r\n+NUM: 1\r\n");
    end_ok();
    expect("", "\r\n+NUM: 2\r\n");
    cr_assert_eq(runs, 0);
    end_ok();
    expect("", "\r\nOK\r\n");
    cr_assert_eq(runs, 1);
}

Test(session, late_error_drops_the_rest_of_the_line_and_the_next_one_runs) {
    expect("AT+ASY;+RUN\rAT+NUM=1\r", "AT+ASY;+RUN\r");
    struct at_req *rq = pending;
    at_info(rq, "+ASY: 1");
    at_info(rq, "+ASY: 2");
    at_fail(rq, CME_NETWORK_TIMEOUT);
    expect("", "\r\n+ASY: 1\r\n+ASY: 2\r\n\r\n+CME ERROR: 31\r\n"
               "AT+NUM=1\r\r\n+NUM: 1\r\n\r\nOK\r\n");
    cr_assert_eq(runs, 0);
}

Test(session, byte_ends_an_abortable_command_and_is_no_part_of_a_line) {
    expect("AT+ABT;+RUN\r\n", "AT+ABT;+RUN\r");
    cr_assert_not_null(pending, "the LF behind the CR does not abort");
    expect("A", "\r\nERROR\r\n");
    cr_assert_eq(cancelled, 1);
    cr_assert_eq(runs, 0);
    expect("T\r", "");
    expect("AT\r", "AT\r\r\nOK\r\n");
}

Test(session, typed_ahead_byte_aborts_too) {
    expect("AT+ABT\r\r\nAT+RUN\r", "AT+ABT\r\r\nERROR\r\nAT+RUN\r\r\nOK\r\n");
    cr_assert_eq(cancelled, 1);
    cr_assert_eq(runs, 1);
}

Test(session, abortable_command_may_end_by_itself) {
    expect("AT+ABT;+RUN\r", "AT+ABT;+RUN\r");
    end_ok();
    expect("", "\r\nOK\r\n");
    cr_assert_eq(cancelled, 0);
    cr_assert_eq(runs, 1);
}

Test(session, abort_lets_waiting_results_out_even_when_answers_are_suppressed) {
    expect("ATE0Q1\r", "ATE0Q1\r");
    expect("AT+ABT\r", "");
    urc_post(rig.s, URC_EVENT, "+EVENT");
    expect("", "");
    expect("x", "\r\n+EVENT\r\n");
}

Test(session, close_cancels_what_runs) {
    expect("AT+ASY;+RUN\r", "AT+ASY;+RUN\r");
    session_close(rig.s);
    rig.s = NULL;
    cr_assert_eq(cancelled, 1);
    cr_assert_eq(runs, 0);
    expect("", "");
}

/* -- pieces and pressure -- */

static const char dialogue[] =
    "\x1a+++AT\r\nATE1\r\nat+num=1;+num=2\rA/AT+NUM=\"x\"\r\n\r\nAAT+NUM=3,4\rATX\b\bV1\r"
    "AT+RUN;;+NUM=5;\r\natq1\rAT+NUM=6\rATQ0V0\rAT+NUM=7\rAT+NOPE\rATV1S4?\rAT+CMEE?;+CMEE=?\r";

Test(session, pieces_of_any_size_give_the_same_bytes) {
    at_rig_type(&rig, dialogue);
    char want[4096];
    snprintf(want, sizeof want, "%s", at_rig_read(&rig));
    cr_assert_not_null(strstr(want, "+NUM: 7\r\n0\r"), "%s", want);
    static const size_t sizes[] = {1, 2, 3, 7};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        stop();
        start();
        rig.mem.chop = sizes[i];
        expect(dialogue, want);
    }
}

enum { MANY = 10000 };

Test(session, dte_that_does_not_read_loses_no_answer) {
    static char typed[MANY * 16];
    static char want[MANY * 48];
    size_t at = 0;
    size_t to = 0;
    for (int i = 0; i < MANY; i++) {
        at += (size_t)snprintf(typed + at, sizeof typed - at, "AT+NUM=%d\r\n", i);
        to += (size_t)snprintf(want + to, sizeof want - to, "AT+NUM=%d\r\r\n+NUM: %d\r\n\r\nOK\r\n",
                               i, i);
    }
    chan_mem_stall(&rig.mem, true);
    at_rig_type(&rig, typed);
    expect("", "");
    cr_assert_geq(chan_pending(&rig.ch), LIMIT_CHAN_HIGH);
    cr_assert_lt(chan_pending(&rig.ch), LIMIT_CHAN_HIGH + 2 * LIMIT_CHAN_IN);
    cr_assert_leq(buf_len(&rig.ch.in), LIMIT_CHAN_IN);
    chan_mem_stall(&rig.mem, false);
    const char *got = at_rig_read(&rig);
    cr_assert_eq(strlen(got), strlen(want));
    cr_assert(strcmp(got, want) == 0);
}

Test(session, long_line_stops_at_full_output_and_goes_on) {
    static char want[39 * 256 * 16];
    size_t to = 0;
    expect("ATE0\r", "ATE0\r\r\nOK\r\n");
    chan_mem_stall(&rig.mem, true);
    for (int k = 0; k < 60; k++) {
        at_rig_type(&rig, "AT");
        for (int i = 0; i < 39; i++) {
            at_rig_type(&rig, i == 0 ? "+NUM=1" : ";+NUM=1");
            to += (size_t)snprintf(want + to, sizeof want - to, "\r\n+NUM: 1\r\n");
        }
        at_rig_type(&rig, "\r");
        to += (size_t)snprintf(want + to, sizeof want - to, "\r\nOK\r\n");
    }
    cr_assert_lt(chan_pending(&rig.ch), LIMIT_CHAN_HIGH + 64);
    chan_mem_stall(&rig.mem, false);
    expect("", want);
}

/* -- the DTE comes and goes -- */

Test(session, half_line_goes_with_its_dte) {
    expect("AT+R", "AT+R");
    chan_set_open(&rig.ch, false);
    chan_set_open(&rig.ch, true);
    expect("UN\r", "");
    cr_assert_eq(runs, 0);
    expect("AT\r", "AT\r\r\nOK\r\n");
}

Test(session, complete_lines_are_run_though_their_dte_has_gone) {
    expect("AT+ASY\rAT+RUN\rAT+R", "AT+ASY\r");
    chan_set_open(&rig.ch, false);
    /* Nobody waits for an answer that comes later: the command is cancelled. */
    cr_assert_eq(cancelled, 1);
    cr_assert_eq(runs, 1);
    at_rig_read(&rig);
    chan_set_open(&rig.ch, true);
    expect("UN\r", "");
    cr_assert_eq(runs, 1);
}

Test(session, abortable_command_ends_silently_with_its_dte) {
    expect("AT+ABT;+RUN\r", "AT+ABT;+RUN\r");
    chan_set_open(&rig.ch, false);
    cr_assert_eq(cancelled, 1);
    chan_set_open(&rig.ch, true);
    expect("AT\r", "AT\r\r\nOK\r\n");
    cr_assert_eq(runs, 0);
}

Test(session, settings_stay_when_the_dte_goes) {
    expect("ATE0+CMEE=2\r", "ATE0+CMEE=2\r\r\nOK\r\n");
    chan_set_open(&rig.ch, false);
    chan_set_open(&rig.ch, true);
    expect("AT+CMEE?\r", "\r\n+CMEE: 2\r\n\r\nOK\r\n");
}

/* -- a request -- */

Test(session, ending_a_request_twice_is_caught, .signal = SIGABRT) {
    at_rig_type(&rig, "AT+ASY\r");
    struct at_req *rq = pending;
    at_ok(rq);
    at_ok(rq);
}
