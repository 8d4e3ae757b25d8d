/* Unsolicited results: when they are sent, in which order, and which go when there are too many. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "tests/support/at_rig.h"

static struct at_rig rig;
static struct at_req *pending;

static void run_async(struct at_req *rq) {
    pending = rq;
}

static void run_event(struct at_req *rq) {
    urc_post(at_session_of(rq), URC_EVENT, "+EVENT: %d", (int)at_int(rq, 0));
    at_info(rq, "+EV: done");
    at_ok(rq);
}

static void on_data(struct at_req *rq, const uint8_t *p, size_t n) {
    (void)p;
    at_info(rq, "+ASK: %zu", n);
    at_ok(rq);
}

static void run_ask(struct at_req *rq) {
    at_prompt(rq, ">", (size_t)at_int(rq, 0), LIMIT_SEND, on_data);
}

static const struct at_range any[] = {{0, 1500}};
static const struct at_param number[] = {
    {.name = "n", .type = AT_INT, .slot = AT_NO_SLOT, .nranges = 1, .ranges = any},
};

static const struct at_cmd rows[] = {
    {.name = "+ASK",
     .kind = AT_DATA,
     .forms = AT_WRITE,
     .code_forms = AT_WRITE,
     .nparams = 1,
     .params = number,
     .run = run_ask},
    {.name = "+ASY", .kind = AT_ACTION, .forms = AT_EXEC, .code_forms = AT_EXEC, .run = run_async},
    {.name = "+EV",
     .kind = AT_ACTION,
     .forms = AT_WRITE,
     .code_forms = AT_WRITE,
     .nparams = 1,
     .params = number,
     .run = run_event},
};

static void start(void) {
    log_set_level(LOG_ERROR); /* every dropped one is a warning */
    at_rig_start(&rig, rows, sizeof rows / sizeof *rows, NULL, 0);
    at_rig_expect(&rig, "ATE0\r", "ATE0\r\r\nOK\r\n");
}

static void stop(void) {
    at_rig_stop(&rig);
}

TestSuite(urc, .init = start, .fini = stop);

#define expect(text, want) at_rig_expect(&rig, (text), (want))

/* -- when -- */

Test(urc, is_sent_at_once_while_the_session_is_idle) {
    urc_post(rig.s, URC_EVENT, "+CREG: %d", 1);
    expect("", "\r\n+CREG: 1\r\n");
}

Test(urc, does_not_stand_inside_a_line) {
    expect("AT+C", "");
    urc_post(rig.s, URC_EVENT, "+ONE");
    urc_post(rig.s, URC_REPEATABLE, "+TWO");
    expect("MEE?", "");
    expect("\r", "\r\n+CMEE: 1\r\n\r\nOK\r\n\r\n+ONE\r\n\r\n+TWO\r\n");
}

Test(urc, waits_for_noise_that_may_be_a_prefix_to_end) {
    expect("A", "");
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("", "");
    expect("\r", "\r\n+ONE\r\n");
}

Test(urc, goes_before_a_line_that_came_with_the_end_of_the_noise) {
    expect("A", "");
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("xAT+CMEE?\r", "\r\n+ONE\r\n\r\n+CMEE: 1\r\n\r\nOK\r\n");
}

Test(urc, does_not_stand_inside_an_answer) {
    expect("AT+EV=1;+EV=2\r", "\r\n+EV: done\r\n\r\n+EV: done\r\n\r\nOK\r\n"
                              "\r\n+EVENT: 1\r\n\r\n+EVENT: 2\r\n");
    expect("AT+ASY\r", "");
    urc_post(rig.s, URC_EVENT, "+ONE");
    at_info(pending, "+ASY: 1");
    urc_post(rig.s, URC_EVENT, "+TWO");
    expect("", "\r\n+ASY: 1\r\n");
    at_ok(pending);
    expect("", "\r\nOK\r\n\r\n+ONE\r\n\r\n+TWO\r\n");
}

Test(urc, stands_between_lines_that_came_together) {
    expect("AT+EV=1\rAT+EV=2\r", "\r\n+EV: done\r\n\r\nOK\r\n\r\n+EVENT: 1\r\n"
                                 "\r\n+EV: done\r\n\r\nOK\r\n\r\n+EVENT: 2\r\n");
}

Test(urc, does_not_stand_in_a_prompt_but_comes_before_the_next_one) {
    expect("AT+ASK=4\r", "\r\n>");
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("ab", "");
    urc_post(rig.s, URC_EVENT, "+TWO");
    expect("", "");
    expect("cdAT+ASK=1\rx", "\r\n+ASK: 4\r\n\r\nOK\r\n\r\n+ONE\r\n\r\n+TWO\r\n"
                            "\r\n>\r\n+ASK: 1\r\n\r\nOK\r\n");
}

Test(urc, comes_behind_a_line_that_is_too_long) {
    char text[LIMIT_LINE + 4];
    memset(text, 'x', sizeof text);
    memcpy(text, "AT", 2);
    chan_mem_put(&rig.mem, text, sizeof text);
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("", "");
    expect("\r", "\r\nERROR\r\n\r\n+ONE\r\n");
}

Test(urc, comes_out_when_the_half_line_goes_with_its_dte) {
    expect("AT+C", "");
    urc_post(rig.s, URC_EVENT, "+ONE");
    chan_set_open(&rig.ch, false);
    chan_set_open(&rig.ch, true);
    expect("", "\r\n+ONE\r\n");
}

Test(urc, does_not_wait_for_a_dte_where_the_half_line_has_gone_with_one) {
    expect("AT+C", "");
    urc_post(rig.s, URC_EVENT, "+ONE");
    chan_set_open(&rig.ch, false);
    expect("", "\r\n+ONE\r\n");
}

Test(urc, is_framed_as_an_answer_is) {
    expect("ATS4=42\r", "\r*OK\r*");
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("", "\r*+ONE\r*");
    expect("ATV0\r", "0\r");
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("", "+ONE\r*");
}

Test(urc, text_is_cut_at_its_limit) {
    char text[2 * LIMIT_URC_TEXT] = {0};
    memset(text, 'x', sizeof text - 1);
    urc_post(rig.s, URC_EVENT, "%s", text);
    cr_assert_eq(strlen(at_rig_read(&rig)), LIMIT_URC_TEXT - 1 + 4);
}

/* -- how many -- */

/* Posts while a command runs, so that all wait. */
static void post(enum urc_class class, int from, int n) {
    for (int i = from; i < from + n; i++) {
        urc_post(rig.s, class, class == URC_EVENT ? "E%d" : "R%d", i);
    }
}

/* Lets all out and compares their numbers: "E0 E1 R7 ". */
static void expect_queue(const char *want) {
    char got[1024] = "";
    at_ok(pending);
    const char *text = at_rig_read(&rig);
    cr_assert(strncmp(text, "\r\nOK\r\n", 6) == 0);
    for (const char *p = text + 6; *p != '\0'; p += strcspn(p, "\n") + 1) {
        size_t n = strcspn(p, "\r");
        if (n > 0) {
            snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s ", (int)n, p);
        }
    }
    cr_assert_str_eq(got, want, "%s", got);
}

static const char *numbers(char letter, int from, int n) {
    static char text[2][1024];
    static int k;
    k = 1 - k;
    text[k][0] = '\0';
    for (int i = from; i < from + n; i++) {
        snprintf(text[k] + strlen(text[k]), sizeof text[k] - strlen(text[k]), "%c%d ", letter, i);
    }
    return text[k];
}

Test(urc, sixty_four_wait) {
    expect("AT+ASY\r", "");
    post(URC_EVENT, 0, 64);
    cr_assert_eq(urc_dropped(rig.s), 0);
    expect_queue(numbers('E', 0, 64));
}

Test(urc, oldest_event_goes_when_only_events_wait) {
    expect("AT+ASY\r", "");
    post(URC_EVENT, 0, 66);
    cr_assert_eq(urc_dropped(rig.s), 2);
    expect_queue(numbers('E', 2, 64));
}

Test(urc, oldest_repeatable_one_goes_first) {
    char want[1024];
    expect("AT+ASY\r", "");
    post(URC_EVENT, 0, 10);
    post(URC_REPEATABLE, 10, 3);
    post(URC_EVENT, 13, 51);
    post(URC_EVENT, 64, 2);
    cr_assert_eq(urc_dropped(rig.s), 2);
    snprintf(want, sizeof want, "%sR12 %s", numbers('E', 0, 10), numbers('E', 13, 53));
    expect_queue(want);
}

Test(urc, repeatable_one_never_pushes_an_event_out) {
    expect("AT+ASY\r", "");
    post(URC_EVENT, 0, 64);
    post(URC_REPEATABLE, 0, 3);
    cr_assert_eq(urc_dropped(rig.s), 3);
    expect_queue(numbers('E', 0, 64));
}

Test(urc, memory_is_bounded_while_the_dte_does_not_read) {
    chan_mem_stall(&rig.mem, true);
    for (int i = 0; i < 10000; i++) {
        urc_post(rig.s, URC_REPEATABLE, "+CSQ: %d,99", i);
    }
    cr_assert_lt(chan_pending(&rig.ch), LIMIT_CHAN_HIGH + LIMIT_URC_TEXT);
    cr_assert_gt(urc_dropped(rig.s), 5000);
    chan_mem_stall(&rig.mem, false);
    const char *got = at_rig_read(&rig);
    cr_assert_not_null(strstr(got, "\r\n+CSQ: 0,99\r\n"));
    cr_assert_not_null(strstr(got, "\r\n+CSQ: 9999,99\r\n"), "the newest is kept");
    expect("AT\r", "\r\nOK\r\n");
}

/* -- sources -- */

struct source {
    const char *name;
    int left; /* how often it still writes */
    int calls;
    bool posts; /* a result of its own with the last piece */
    bool posts_itself;
};

static bool write_piece(void *ctx, struct at_session *s) {
    struct source *src = ctx;
    src->calls++;
    chan_write(session_chan(s), src->name, strlen(src->name));
    src->left--;
    if (src->posts_itself) {
        urc_post_source(s, write_piece, src);
    }
    if (src->left == 0 && src->posts) {
        urc_post(s, URC_EVENT, "+END");
    }
    return src->left > 0;
}

Test(urc, source_writes_its_own_bytes_when_its_turn_comes) {
    struct source a = {.name = "a", .left = 3};
    expect("AT+ASY\r", "");
    urc_post(rig.s, URC_EVENT, "+ONE");
    urc_post_source(rig.s, write_piece, &a);
    urc_post(rig.s, URC_EVENT, "+TWO");
    cr_assert_eq(a.calls, 0);
    at_ok(pending);
    expect("", "\r\nOK\r\n\r\n+ONE\r\na\r\n+TWO\r\naa");
}

Test(urc, sources_take_turns) {
    struct source a = {.name = "a", .left = 3};
    struct source b = {.name = "b", .left = 2};
    expect("AT+ASY\r", "");
    urc_post_source(rig.s, write_piece, &a);
    urc_post_source(rig.s, write_piece, &b);
    at_ok(pending);
    expect("", "\r\nOK\r\nababa");
}

Test(urc, source_posted_twice_waits_once) {
    struct source a = {.name = "a", .left = 1};
    expect("AT+ASY\r", "");
    urc_post_source(rig.s, write_piece, &a);
    urc_post_source(rig.s, write_piece, &a);
    at_ok(pending);
    expect("", "\r\nOK\r\na");
    cr_assert_eq(a.calls, 1);
}

Test(urc, source_may_post_itself_and_others_from_inside) {
    struct source a = {.name = "a", .left = 3, .posts = true};
    urc_post_source(rig.s, write_piece, &a);
    /* Without anything else happening: a DTE that reads later is no trigger. */
    size_t n = 0;
    const uint8_t *out = chan_tx_data(&rig.ch, &n);
    cr_assert_eq(n, 3 + 8);
    cr_assert(memcmp(out, "aaa\r\n+END\r\n", 11) == 0);
}

static bool write_three(void *ctx, struct at_session *s) {
    struct source *src = ctx;
    chan_write(session_chan(s), src->name, 1);
    if (++src->calls < 3) {
        urc_post_source(s, write_three, src);
        return true;
    }
    return false;
}

Test(urc, source_that_posts_itself_and_has_more_waits_once) {
    struct source a = {.name = "a"};
    urc_post_source(rig.s, write_three, &a);
    expect("", "aaa");
    cr_assert_eq(a.calls, 3);
}

Test(urc, dropped_source_is_not_called) {
    struct source a = {.name = "a", .left = 1};
    struct source b = {.name = "b", .left = 1};
    expect("AT+ASY\r", "");
    urc_post_source(rig.s, write_piece, &a);
    urc_post_source(rig.s, write_piece, &b);
    urc_drop_source(rig.s, &a);
    at_ok(pending);
    expect("", "\r\nOK\r\nb");
    cr_assert_eq(a.calls, 0);
}

Test(urc, source_is_never_dropped_for_room) {
    struct source a = {.name = "a", .left = 1};
    expect("AT+ASY\r", "");
    urc_post_source(rig.s, write_piece, &a);
    post(URC_EVENT, 0, 100);
    cr_assert_eq(urc_dropped(rig.s), 37);
    at_ok(pending);
    at_rig_read(&rig);
    cr_assert_eq(a.calls, 1);
}

static bool post_one(void *ctx, struct at_session *s) {
    struct source *src = ctx;
    urc_post(s, URC_EVENT, "+NEW%d", src->calls);
    return ++src->calls < 2;
}

Test(urc, source_that_posts_into_a_full_queue_keeps_its_place_in_it) {
    struct source a = {.name = "a"};
    expect("AT+ASY\r", "");
    urc_post_source(rig.s, post_one, &a);
    post(URC_EVENT, 0, 63);
    cr_assert_eq(urc_dropped(rig.s), 0);
    at_ok(pending);
    const char *got = at_rig_read(&rig);
    cr_assert_eq(urc_dropped(rig.s), 1);
    cr_assert_null(strstr(got, "E0\r\n"));
    cr_assert_not_null(strstr(got, "\r\nE1\r\n"));
    cr_assert_not_null(strstr(got, "\r\n+NEW1\r\n"));
    cr_assert_eq(a.calls, 2);
}

Test(urc, source_waits_for_a_dte_and_others_do_not_wait_for_it) {
    struct source a = {.name = "a", .left = 1};
    struct source b = {.name = "b", .left = 1};
    chan_set_open(&rig.ch, false);
    urc_post_source(rig.s, write_piece, &a);
    urc_post_source(rig.s, write_piece, &b);
    urc_post(rig.s, URC_EVENT, "+ONE");
    expect("", "\r\n+ONE\r\n");
    cr_assert_eq(a.calls, 0);
    chan_set_open(&rig.ch, true);
    expect("", "ab");
}

Test(urc, source_stops_at_full_output_and_goes_on_when_it_is_read) {
    static char big[1001];
    memset(big, 'x', sizeof big - 1);
    struct source a = {.name = big, .left = 100};
    chan_mem_stall(&rig.mem, true);
    urc_post_source(rig.s, write_piece, &a);
    cr_assert_lt(chan_pending(&rig.ch), LIMIT_CHAN_HIGH + 1000);
    cr_assert_leq(a.calls, LIMIT_CHAN_HIGH / 1000 + 1);
    chan_mem_stall(&rig.mem, false);
    cr_assert_eq(strlen(at_rig_read(&rig)), 100 * 1000);
}

Test(urc, what_waits_goes_with_the_session) {
    struct source a = {.name = "a", .left = 1};
    expect("AT+ASY\r", "");
    post(URC_EVENT, 0, 5);
    urc_post_source(rig.s, write_piece, &a);
    session_close(rig.s);
    rig.s = NULL;
    cr_assert_eq(a.calls, 0);
    expect("", "");
}

Test(urc, ri_is_pulsed_for_its_time_where_it_is_wanted) {
    urc_post(rig.s, URC_EVENT, "+ONE");
    cr_assert_not(rig.ch.is_ri_on, "AT+CFGRI is 0 from the factory");
    expect("AT+CFGRI=1,100\r", "\r\n+ONE\r\n\r\nOK\r\n");
    urc_post(rig.s, URC_EVENT, "+TWO");
    cr_assert(rig.ch.is_ri_on);
    clk_advance(rig.clk, CLK_MS(60));
    urc_post(rig.s, URC_EVENT, "+THREE");
    clk_advance(rig.clk, CLK_MS(99));
    cr_assert(rig.ch.is_ri_on, "the newest one counts");
    clk_advance(rig.clk, CLK_MS(1));
    cr_assert_not(rig.ch.is_ri_on);
    expect("", "\r\n+TWO\r\n\r\n+THREE\r\n");
}

Test(urc, ri_waits_with_what_it_announces) {
    expect("AT+CFGRI=1\r", "\r\nOK\r\n");
    expect("AT+ASY\r", "");
    urc_post(rig.s, URC_EVENT, "+ONE");
    cr_assert_not(rig.ch.is_ri_on);
    at_ok(pending);
    cr_assert(rig.ch.is_ri_on);
    session_close(rig.s);
    rig.s = NULL;
    cr_assert_not(rig.ch.is_ri_on);
}
