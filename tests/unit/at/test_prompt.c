/* A command that asks for data: where the prompt appears and what is data. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/at_rig.h"

static struct at_rig rig;
static uint8_t data[2048];
static size_t length;
static int calls;
static bool was_null;

static void on_data(struct at_req *rq, const uint8_t *p, size_t n) {
    calls++;
    was_null = p == NULL;
    length = n;
    if (p == NULL) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    memcpy(data, p, n);
    at_info(rq, "+ASK: %zu", n);
    at_ok(rq);
}

static void run_ask(struct at_req *rq) {
    at_prompt(rq, ">", (size_t)at_int(rq, 0), LIMIT_SEND, on_data);
}

static void run_number(struct at_req *rq) {
    at_info(rq, "+NUM: %d", (int)at_int(rq, 0));
    at_ok(rq);
}

static const struct at_range sizes[] = {{0, LIMIT_SEND}};
static const struct at_param size[] = {
    {.name = "n",
     .type = AT_INT,
     .flags = AT_OPTIONAL,
     .slot = AT_NO_SLOT,
     .nranges = 1,
     .ranges = sizes},
};

static const struct at_cmd rows[] = {
    {.name = "+ASK",
     .kind = AT_DATA,
     .forms = AT_WRITE,
     .code_forms = AT_WRITE,
     .nparams = 1,
     .params = size,
     .run = run_ask},
    {.name = "+NUM",
     .kind = AT_ACTION,
     .forms = AT_WRITE,
     .code_forms = AT_WRITE,
     .nparams = 1,
     .params = size,
     .run = run_number},
};

static void start(void) {
    calls = 0;
    length = 0;
    at_rig_start(&rig, rows, sizeof rows / sizeof *rows, NULL, 0);
    at_rig_expect(&rig, "ATE0\r", "ATE0\r\r\nOK\r\n");
}

static void stop(void) {
    at_rig_stop(&rig);
}

TestSuite(prompt, .init = start, .fini = stop);

#define expect(text, want) at_rig_expect(&rig, (text), (want))
#define expect_data(want)                                                                          \
    do {                                                                                           \
        cr_assert_eq(length, sizeof(want) - 1);                                                    \
        cr_assert(memcmp(data, (want), length) == 0);                                              \
    } while (0)

static void type_many(char c, size_t n) {
    static char text[4096];
    memset(text, c, n);
    chan_mem_put(&rig.mem, text, n);
}

/* -- so many bytes -- */

Test(prompt, counted_data_is_any_bytes_and_ends_by_itself) {
    expect("AT+ASK=8\r", "\r\n>");
    expect("a\r\n\x1a", "");
    expect("\x1b\x03\b", "");
    expect("z", "\r\n+ASK: 8\r\n\r\nOK\r\n");
    expect_data("a\r\n\x1a\x1b\x03\bz");
    cr_assert_eq(calls, 1);
}

Test(prompt, what_follows_counted_data_is_command_again) {
    expect("AT+ASK=2\rhiAT+NUM=1\r", "\r\n>\r\n+ASK: 2\r\n\r\nOK\r\n\r\n+NUM: 1\r\n\r\nOK\r\n");
    expect("AT+ASK=2\rhi\x1a\r\nAT\r", "\r\n>\r\n+ASK: 2\r\n\r\nOK\r\n\r\nOK\r\n");
}

Test(prompt, counted_data_may_be_as_long_as_the_limit) {
    expect("AT+ASK=1500\r", "\r\n>");
    type_many('x', 1499);
    expect("", "");
    expect("x", "\r\n+ASK: 1500\r\n\r\nOK\r\n");
}

Test(prompt, data_appears_behind_the_prompt_with_echo_on) {
    expect("ATE1\r", "\r\nOK\r\n");
    expect("AT+ASK=5\r", "AT+ASK=5\r\r\n>");
    expect("hello", "hello\r\n+ASK: 5\r\n\r\nOK\r\n");
    expect("AT+ASK=\r", "AT+ASK=\r\r\n>");
    expect("hello\r\n", "hello\r\n");
    expect("\x1a", "\r\n+ASK: 7\r\n\r\nOK\r\n");
}

/* -- until Ctrl-Z -- */

Test(prompt, ctrl_z_ends_the_data) {
    expect("AT+ASK=\r", "\r\n>");
    expect("two\r\nlines\r", "");
    expect("\x1a", "\r\n+ASK: 11\r\n\r\nOK\r\n");
    expect_data("two\r\nlines\r");
    expect("AT+ASK=\r\x1a", "\r\n>\r\n+ASK: 0\r\n\r\nOK\r\n");
}

Test(prompt, escape_cancels) {
    expect("AT+ASK=\r", "\r\n>");
    expect("some\x1b", "\r\nERROR\r\n");
    cr_assert(was_null);
    cr_assert_eq(length, 0);
    cr_assert_eq(calls, 1);
    expect("AT\r", "\r\nOK\r\n");
}

Test(prompt, etx_takes_the_control_character_behind_it_as_data) {
    expect("AT+ASK=\r", "\r\n>");
    expect("a\x03\x1a"
           "b\x03\x1b"
           "c\x03\x03"
           "d\x1a",
           "\r\n+ASK: 7\r\n\r\nOK\r\n");
    expect_data("a\x1a"
                "b\x1b"
                "c\x03"
                "d");
}

Test(prompt, etx_in_front_of_anything_else_is_data_itself) {
    expect("AT+ASK=\r", "\r\n>");
    expect("\x03"
           "a\x03\r\x1a",
           "\r\n+ASK: 4\r\n\r\nOK\r\n");
    expect_data("\x03"
                "a\x03\r");
}

Test(prompt, etx_coding_holds_across_pieces) {
    rig.mem.chop = 1;
    expect("AT+ASK=\ra\x03\x1a\x03\x03\x1a", "\r\n>\r\n+ASK: 3\r\n\r\nOK\r\n");
    expect_data("a\x1a\x03");
}

Test(prompt, data_of_1500_bytes_is_good_and_1501_are_too_many) {
    expect("AT+ASK=\r", "\r\n>");
    type_many('x', 1500);
    expect("\x1a", "\r\n+ASK: 1500\r\n\r\nOK\r\n");
    expect("AT+ASK=\r", "\r\n>");
    type_many('x', 1501);
    expect("", "");
    expect("\x1a", "\r\nERROR\r\n");
    cr_assert(was_null);
    cr_assert_eq(length, LIMIT_SEND + 1);
    expect("AT\r", "\r\nOK\r\n");
}

Test(prompt, escaped_bytes_count_as_one) {
    expect("AT+ASK=\r", "\r\n>");
    type_many('x', 1499);
    expect("\x03\x1a\x1a", "\r\n+ASK: 1500\r\n\r\nOK\r\n");
}

/* -- around it -- */

Test(prompt, linefeed_behind_the_cr_is_not_data) {
    expect("AT+ASK=2\r\n", "\r\n>");
    expect("hi", "\r\n+ASK: 2\r\n\r\nOK\r\n");
    expect_data("hi");
    expect("AT+ASK=2\r", "\r\n>");
    expect("\nhi", "\r\n+ASK: 2\r\n\r\nOK\r\n");
    expect_data("hi");
    expect("AT+ASK=2\r\n\nh", "\r\n>\r\n+ASK: 2\r\n\r\nOK\r\n");
    expect_data("\nh");
}

Test(prompt, data_typed_ahead_is_taken_behind_the_prompt) {
    expect("AT+ASK=3\r\nabcAT+ASK=\r\ndef\x1a"
           "AT+NUM=9\r",
           "\r\n>\r\n+ASK: 3\r\n\r\nOK\r\n\r\n>\r\n+ASK: 3\r\n\r\nOK\r\n\r\n+NUM: 9\r\n\r\nOK\r\n");
    expect_data("def");
    cr_assert_eq(calls, 2);
}

Test(prompt, pieces_of_any_size_give_the_same_bytes) {
    static const size_t pieces[] = {1, 2, 3, 7};
    expect("AT\r\n", "\r\nOK\r\n"); /* a DTE that ends its lines with CR LF */
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        rig.mem.chop = pieces[i];
        expect("AT+NUM=1;+ASK=3\r\nabcAT+ASK=\r\nd\x03\x1a"
               "f\x1a",
               "\r\n+NUM: 1\r\n\r\n>\r\n+ASK: 3\r\n\r\nOK\r\n\r\n>\r\n+ASK: 3\r\n\r\nOK\r\n");
        expect_data("d\x1a"
                    "f");
    }
}

Test(prompt, rest_of_the_line_runs_behind_the_data) {
    expect("AT+ASK=1;+NUM=2;+ASK=1\r", "\r\n>");
    expect("xy", "\r\n+ASK: 1\r\n\r\n+NUM: 2\r\n\r\n>\r\n+ASK: 1\r\n\r\nOK\r\n");
    expect_data("y");
}

Test(prompt, is_framed_with_s3_and_s4) {
    expect("ATS4=42\r", "\r*OK\r*");
    expect("AT+ASK=1\r", "\r*>");
    expect("x", "\r*+ASK: 1\r*\r*OK\r*");
}

Test(prompt, ends_when_the_dte_leaves) {
    expect("AT+ASK=9;+NUM=1\r", "\r\n>");
    expect("AT+", "");
    chan_set_open(&rig.ch, false);
    /* Nobody is there to be answered, and the next DTE must not read an answer either. */
    cr_assert_eq(calls, 0);
    cr_assert_str_eq(at_rig_read(&rig), "");
    chan_set_open(&rig.ch, true);
    expect("NUM=1\r", "");
    expect("AT\r", "\r\nOK\r\n");
}

Test(prompt, ends_when_the_session_is_closed) {
    at_rig_type(&rig, "AT+ASK=9\rabc");
    session_close(rig.s);
    rig.s = NULL;
    cr_assert_eq(calls, 0);
    cr_assert_eq(rig.ch.depth, 0);
}

Test(prompt, dte_that_does_not_read_loses_neither_data_nor_answer) {
    expect("ATE1\r", "\r\nOK\r\n");
    chan_mem_stall(&rig.mem, true);
    at_rig_type(&rig, "AT+ASK=\r");
    for (int i = 0; i < 40; i++) {
        type_many('x', 4096);
    }
    at_rig_type(&rig, "\x1a"
                      "AT+NUM=1\r");
    cr_assert_lt(chan_pending(&rig.ch), LIMIT_CHAN_HIGH + LIMIT_CHAN_IN + 64);
    chan_mem_stall(&rig.mem, false);
    const char *got = at_rig_read(&rig);
    cr_assert_eq(strspn(got + 11, "x"), 40 * 4096);
    cr_assert_str_eq(got + 11 + 40 * 4096, "\r\nERROR\r\nAT+NUM=1\r\r\n+NUM: 1\r\n\r\nOK\r\n");
}

Test(prompt, data_held_back_is_no_command_when_the_dte_leaves) {
    expect("ATE1\r", "\r\nOK\r\n");
    chan_mem_stall(&rig.mem, true);
    at_rig_type(&rig, "AT+ASK=\r");
    for (int i = 0; i < 4; i++) {
        type_many('x', 4096);
    }
    at_rig_type(&rig, "\r\nAT+NUM=1\r");
    rig.mem.is_feeding = true; /* nothing more comes from a DTE that has gone */
    chan_set_open(&rig.ch, false);
    chan_mem_stall(&rig.mem, false);
    cr_assert_null(strstr(at_rig_read(&rig), "+NUM: 1"));
    cr_assert_eq(calls, 0);
}
