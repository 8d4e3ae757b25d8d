#include "base/chan.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

/* A user that takes up to `takes` bytes and writes down all that happens to it. */
struct user {
    struct chan *ch;
    size_t takes;
    char got[256];
    char log[256]; /* T, t: on top or not; d: drained; O, C: opened, closed */
    clk_mono at;
    struct user *push_on; /* takes up to and with this byte, then puts another user on top */
    char push_byte;
    bool pop_on_close;
};

static const struct chan_user user_type;

static void note(struct user *u, char c) {
    size_t n = strlen(u->log);
    cr_assert_lt(n + 1, sizeof u->log);
    u->log[n] = c;
    u->log[n + 1] = '\0';
}

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    struct user *u = ctx;
    u->at = at;
    size_t take = n < u->takes ? n : u->takes;
    const uint8_t *mark = u->push_on != NULL ? memchr(p, u->push_byte, n) : NULL;
    if (mark != NULL) {
        take = (size_t)(mark - p) + 1;
    }
    size_t have = strlen(u->got);
    cr_assert_lt(have + take, sizeof u->got);
    memcpy(u->got + have, p, take);
    u->got[have + take] = '\0';
    if (mark != NULL) {
        struct user *next = u->push_on;
        u->push_on = NULL;
        chan_push(u->ch, &user_type, next);
    }
    return take;
}

static void on_top(void *ctx, bool is_top) {
    note(ctx, is_top ? 'T' : 't');
}

static void on_drained(void *ctx) {
    note(ctx, 'd');
}

static void on_event(void *ctx, enum chan_event event) {
    struct user *u = ctx;
    note(u, event == CHAN_OPENED ? 'O' : 'C');
    if (event == CHAN_CLOSED && u->pop_on_close) {
        chan_pop(u->ch, &user_type, u);
    }
}

static const struct chan_user user_type = {
    .name = "test", .rx = on_rx, .top = on_top, .drained = on_drained, .event = on_event};

static struct chan ch;
static struct user low, high;
static int kicks, rooms, drops;

static void on_kick(void *ctx) {
    (void)ctx;
    kicks++;
}

static void on_room(void *ctx) {
    (void)ctx;
    rooms++;
}

static void on_drop(void *ctx) {
    (void)ctx;
    drops++;
}

static const struct chan_transport transport = {.kick = on_kick, .room = on_room, .drop = on_drop};

static void set_up(void) {
    chan_init(&ch, "test");
    chan_set_transport(&ch, &transport, NULL);
    low = (struct user){.ch = &ch, .takes = 256};
    high = (struct user){.ch = &ch, .takes = 256};
    chan_push(&ch, &user_type, &low);
}

static void tear_down(void) {
    if (chan_is_top(&ch, &high)) {
        chan_pop(&ch, &user_type, &high);
    }
    if (chan_is_top(&ch, &low)) {
        chan_pop(&ch, &user_type, &low);
    }
    chan_fini(&ch);
}

static void receive(const char *s, int64_t at_us) {
    size_t got = 0;
    uint8_t *to = chan_rx_reserve(&ch, strlen(s), &got);
    cr_assert_eq(got, strlen(s));
    memcpy(to, s, got);
    chan_rx_commit(&ch, got, (clk_mono){at_us});
}

TestSuite(chan, .init = set_up, .fini = tear_down);

Test(chan, input_goes_to_the_user_on_top_with_its_instant) {
    chan_push(&ch, &user_type, &high);
    receive("abc", 42);
    cr_assert_str_eq(high.got, "abc");
    cr_assert_eq(high.at.us, 42);
    cr_assert_str_eq(low.got, "");
}

Test(chan, what_was_not_taken_is_offered_to_whoever_is_on_top_next) {
    low.push_on = &high;
    low.push_byte = '\r';
    receive("ATD\r~data", 1);
    cr_assert_str_eq(low.got, "ATD\r");
    cr_assert_str_eq(high.got, "~data");
}

Test(chan, what_was_held_back_goes_to_the_user_below_after_a_pop) {
    chan_push(&ch, &user_type, &high);
    high.takes = 0;
    receive("AT\r", 1);
    cr_assert_str_eq(high.got, "");
    chan_pop(&ch, &user_type, &high);
    cr_assert_str_eq(low.got, "", "a pop alone does not pump: the user says when it is ready");
    chan_pump(&ch);
    cr_assert_str_eq(low.got, "AT\r");
}

Test(chan, pump_goes_on_while_something_is_taken) {
    low.takes = 1;
    receive("abcdef", 1);
    cr_assert_str_eq(low.got, "abcdef");
}

Test(chan, user_that_takes_nothing_gets_it_again_with_the_next_pump) {
    low.takes = 0;
    receive("ab", 1);
    receive("cd", 2);
    cr_assert_str_eq(low.got, "");
    low.takes = 256;
    chan_pump(&ch);
    cr_assert_str_eq(low.got, "abcd");
    cr_assert_eq(low.at.us, 2, "the instant is that of the newest input");
}

Test(chan, lf_behind_the_cr_that_was_acted_on_is_dropped) {
    chan_skip_lf(&ch);
    receive("\nAT\n", 1);
    cr_assert_str_eq(low.got, "AT\n", "one LF only");
}

Test(chan, lf_is_dropped_also_when_it_comes_with_a_later_read) {
    chan_skip_lf(&ch);
    cr_assert_str_eq(low.got, "");
    receive("\n", 1);
    receive("x", 2);
    cr_assert_str_eq(low.got, "x");
}

Test(chan, any_other_byte_ends_the_wait_for_the_lf) {
    chan_skip_lf(&ch);
    receive("a", 1);
    receive("\n", 2);
    cr_assert_str_eq(low.got, "a\n");
}

Test(chan, later_lf_of_a_dte_that_ends_its_lines_with_cr_alone_is_data) {
    chan_skip_lf(&ch);
    receive("AT", 1);
    chan_skip_lf(&ch);
    chan_push(&ch, &user_type, &high);
    receive("\nx", 2);
    cr_assert_str_eq(high.got, "\nx");
    chan_pop(&ch, &user_type, &high);
}

Test(chan, later_lf_that_nobody_wants_as_data_is_dropped) {
    chan_skip_lf(&ch);
    receive("AT", 1);
    chan_skip_lf(&ch);
    receive("\nx", 2);
    cr_assert_str_eq(low.got, "ATx");
}

Test(chan, later_lf_of_a_dte_that_ends_its_lines_with_cr_lf_is_dropped) {
    chan_skip_lf(&ch);
    receive("\nAT", 1);
    chan_skip_lf(&ch);
    receive("\n", 2);
    receive("x", 3);
    cr_assert_str_eq(low.got, "ATx");
}

Test(chan, next_client_may_end_its_lines_otherwise) {
    chan_set_open(&ch, true);
    chan_skip_lf(&ch);
    receive("AT", 1);
    chan_set_open(&ch, false);
    chan_set_open(&ch, true);
    chan_skip_lf(&ch);
    receive("\nx", 2);
    cr_assert_str_eq(low.got, "ATx");
}

Test(chan, input_is_bounded_and_room_is_told_when_some_was_taken) {
    low.takes = 0;
    static const uint8_t block[LIMIT_CHAN_IN];
    size_t got = 0;
    uint8_t *to = chan_rx_reserve(&ch, LIMIT_CHAN_IN + 100, &got);
    cr_assert_eq(got, LIMIT_CHAN_IN);
    memcpy(to, block, got);
    chan_rx_commit(&ch, got, (clk_mono){1});
    cr_assert_eq(rooms, 0);
    chan_rx_reserve(&ch, 1, &got);
    cr_assert_eq(got, 0, "the transport stops reading");
    chan_discard(&ch, true, false);
    cr_assert_eq(drops, 1, "what the transport still has goes, too");
    chan_rx_reserve(&ch, 1, &got);
    cr_assert_eq(got, 1);
    low.takes = 256;
    receive("x", 2);
    cr_assert_eq(rooms, 1);
}

Test(chan, write_is_all_or_nothing_and_kicks_the_transport) {
    static const uint8_t block[LIMIT_CHAN_OUT];
    cr_assert_eq(chan_write(&ch, block, LIMIT_CHAN_OUT - 1), 0);
    cr_assert_eq(kicks, 1);
    cr_assert(chan_is_busy(&ch));
    cr_assert_eq(chan_write(&ch, "ab", 2), -ENOBUFS);
    cr_assert_eq(chan_pending(&ch), LIMIT_CHAN_OUT - 1);
    cr_assert_eq(kicks, 1, "nothing was written, so nothing is there to take");
    cr_assert_eq(chan_write(&ch, "a", 1), 0);
    cr_assert_eq(kicks, 2);
    cr_assert_eq(chan_write(&ch, "", 0), 0);
    cr_assert_eq(kicks, 2);
}

Test(chan, busy_from_the_high_mark_on) {
    static const uint8_t block[LIMIT_CHAN_HIGH];
    chan_write(&ch, block, LIMIT_CHAN_HIGH - 1);
    cr_assert_not(chan_is_busy(&ch));
    chan_write(&ch, "x", 1);
    cr_assert(chan_is_busy(&ch));
    chan_tx_done(&ch, 1);
    cr_assert_not(chan_is_busy(&ch));
}

Test(chan, drained_comes_once_and_only_when_the_last_byte_is_out) {
    chan_push(&ch, &user_type, &high);
    low.log[0] = high.log[0] = '\0';
    chan_write(&ch, "abc", 3);
    size_t n = 0;
    cr_assert_eq(memcmp(chan_tx_data(&ch, &n), "abc", 3), 0);
    cr_assert_eq(n, 3);
    chan_tx_done(&ch, 2);
    cr_assert_str_eq(high.log, "");
    chan_tx_done(&ch, 1);
    cr_assert_str_eq(high.log, "d");
    chan_tx_done(&ch, 0);
    cr_assert_str_eq(high.log, "d");
    cr_assert_str_eq(low.log, "", "the user on top alone is told");
}

Test(chan, push_and_pop_tell_both_users) {
    cr_assert_str_eq(low.log, "T");
    chan_push(&ch, &user_type, &high);
    cr_assert_str_eq(low.log, "Tt");
    cr_assert_str_eq(high.log, "T");
    cr_assert(chan_is_top(&ch, &high));
    chan_pop(&ch, &user_type, &high);
    cr_assert_str_eq(high.log, "Tt");
    cr_assert_str_eq(low.log, "TtT");
    cr_assert(chan_is_top(&ch, &low));
}

Test(chan, popping_a_user_that_is_not_on_top_is_a_must, .signal = SIGABRT) {
    chan_push(&ch, &user_type, &high);
    chan_pop(&ch, &user_type, &low);
}

Test(chan, stack_is_bounded, .signal = SIGABRT) {
    static struct user more[LIMIT_CHAN_USERS];
    for (size_t i = 0; i < LIMIT_CHAN_USERS; i++) {
        chan_push(&ch, &user_type, &more[i]);
    }
}

Test(chan, open_and_close_are_told_once_to_every_user) {
    chan_push(&ch, &user_type, &high);
    low.log[0] = high.log[0] = '\0';
    chan_set_open(&ch, true);
    chan_set_open(&ch, true);
    chan_set_open(&ch, false);
    cr_assert_str_eq(high.log, "OC");
    cr_assert_str_eq(low.log, "OC");
}

Test(chan, user_that_pops_itself_on_close_does_not_hide_it_from_the_one_below) {
    chan_push(&ch, &user_type, &high);
    high.pop_on_close = true;
    chan_set_open(&ch, true);
    low.log[0] = '\0';
    chan_set_open(&ch, false);
    cr_assert(chan_is_top(&ch, &low));
    cr_assert_str_eq(low.log, "TC");
}

static size_t on_rx_pumping(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    struct user *u = ctx;
    (void)at;
    chan_pump(u->ch); /* must return at once: the same bytes must not be offered inside */
    size_t have = strlen(u->got);
    memcpy(u->got + have, p, 1);
    u->got[have + 1] = '\0';
    (void)n;
    return 1;
}

Test(chan, pump_from_inside_rx_offers_no_byte_twice) {
    static const struct chan_user pumping = {.name = "pumping", .rx = on_rx_pumping};
    chan_push(&ch, &pumping, &high);
    receive("abc", 1);
    cr_assert_str_eq(high.got, "abc");
    chan_pop(&ch, &pumping, &high);
}

Test(chan, discarded_output_counts_as_drained) {
    low.log[0] = '\0';
    chan_write(&ch, "abc", 3);
    chan_discard(&ch, false, true);
    cr_assert_eq(chan_pending(&ch), 0);
    cr_assert_str_eq(low.log, "d");
}

Test(chan, deaf_nothing_gets_through_but_what_was_written_before) {
    chan_write(&ch, "abc", 3);
    low.takes = 0;
    receive("typed ahead", 1);
    low.takes = 256;
    chan_set_deaf(&ch, true);
    cr_assert_eq(rooms, 1, "the transport reads on");
    cr_assert_eq(chan_write(&ch, "def", 3), 0);
    receive("more", 2);
    cr_assert_eq(chan_pending(&ch), 3);
    chan_set_deaf(&ch, false);
    receive("heard", 3);
    cr_assert_str_eq(low.got, "heard");
}

Test(chan, name_over_the_limit_is_cut) {
    struct chan other;
    char name[100];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    chan_init(&other, name);
    cr_assert_eq(strlen(other.name), LIMIT_CHAN_NAME - 1);
    chan_fini(&other);
}

Test(chan, use_after_fini_is_caught, .signal = SIGABRT) {
    struct chan other;
    chan_init(&other, "gone");
    chan_fini(&other);
    chan_pump(&other);
}

/* -- the tap and the gate -- */

/* Writes down all that passes it, and does with output what its first byte says. */
static struct {
    char tx[64], sent[64], rx[64];
    size_t rx_keeps;    /* so many bytes of the input, in upper case */
    size_t gate_next;   /* set when something was sent; 0: left alone */
    const char *answer; /* written when something was sent */
} tap;

static void append(char *to, const void *p, size_t n) {
    size_t have = strlen(to);
    cr_assert_lt(have + n, sizeof tap.tx);
    memcpy(to + have, p, n);
    to[have + n] = '\0';
}

static bool tap_tx(void *ctx, const uint8_t *p, size_t n) {
    cr_assert_eq(ctx, &tap);
    append(tap.tx, p, n);
    if (p[0] == 'R') {
        cr_assert_eq(chan_put(&ch, "replaced", 8), 0);
        return true;
    }
    return p[0] == 'D';
}

static void tap_sent(void *ctx, const uint8_t *p, size_t n) {
    cr_assert_eq(ctx, &tap);
    append(tap.sent, p, n);
    if (tap.gate_next > 0) {
        chan_set_gate(&ch, tap.gate_next);
    }
    if (tap.answer != NULL) {
        const char *answer = tap.answer;
        tap.answer = NULL;
        cr_assert_eq(chan_put(&ch, answer, strlen(answer)), 0);
    }
}

static size_t tap_rx(void *ctx, uint8_t *p, size_t n) {
    cr_assert_eq(ctx, &tap);
    append(tap.rx, p, n);
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(p[i] - 'a' + 'A');
    }
    return n < tap.rx_keeps ? n : tap.rx_keeps;
}

static void tap_event(void *ctx, enum chan_event event) {
    cr_assert_eq(ctx, &tap);
    cr_assert_str_eq(low.log, "", "a user heard of it first");
    note(&high, event == CHAN_OPENED ? 'O' : 'C');
}

static void tap_line(void *ctx) {
    cr_assert_eq(ctx, &tap);
    note(&high, '.');
}

static const struct chan_tap tap_type = {
    .tx = tap_tx, .sent = tap_sent, .rx = tap_rx, .line = tap_line, .event = tap_event};

static void start_tapped(void) {
    set_up();
    memset(&tap, 0, sizeof tap);
    tap.rx_keeps = SIZE_MAX;
    chan_set_tap(&ch, &tap_type, &tap);
    low.log[0] = '\0';
}

/* What the transport would take, as text. */
static const char *offered(void) {
    static char text[64];
    size_t n = 0;
    const uint8_t *p = chan_tx_data(&ch, &n);
    cr_assert_lt(n, sizeof text);
    memcpy(text, p != NULL ? (const void *)p : "", n);
    text[n] = '\0';
    return text;
}

TestSuite(chan_tap, .init = start_tapped, .fini = tear_down);

Test(chan_tap, hears_of_the_end_of_a_line) {
    chan_end_line(&ch);
    cr_assert_str_eq(high.log, ".");
    chan_set_tap(&ch, NULL, NULL);
    chan_end_line(&ch);
    cr_assert_str_eq(high.log, ".");
}

Test(chan_tap, lets_output_pass_as_it_is) {
    cr_assert_eq(chan_write(&ch, "pass", 4), 0);
    cr_assert_str_eq(tap.tx, "pass");
    cr_assert_str_eq(offered(), "pass");
    cr_assert_eq(kicks, 1);
}

Test(chan_tap, drops_or_replaces_output) {
    cr_assert_eq(chan_write(&ch, "Drop", 4), 0);
    cr_assert_eq(chan_pending(&ch), 0);
    cr_assert_eq(kicks, 0, "there is nothing to take");
    cr_assert_eq(chan_write(&ch, "Rep", 3), 0);
    cr_assert_str_eq(offered(), "replaced");
    cr_assert_str_eq(tap.tx, "DropRep", "what it puts itself does not come by again");
}

Test(chan_tap, hears_only_of_what_the_transport_took) {
    chan_write(&ch, "abcdef", 6);
    cr_assert_str_eq(tap.sent, "");
    chan_tx_done(&ch, 4);
    chan_tx_done(&ch, 0);
    cr_assert_str_eq(tap.sent, "abcd");
    chan_discard(&ch, false, true);
    cr_assert_str_eq(tap.sent, "abcd");
}

Test(chan_tap, may_write_when_it_hears_of_what_was_sent) {
    tap.answer = "more";
    chan_write(&ch, "ab", 2);
    chan_tx_done(&ch, 2);
    cr_assert_str_eq(offered(), "more");
    cr_assert_str_eq(low.log, "", "not drained: there is more");
    chan_tx_done(&ch, 4);
    cr_assert_str_eq(low.log, "d");
}

Test(chan_tap, changes_and_shortens_input) {
    receive("abc", 1);
    cr_assert_str_eq(low.got, "ABC");
    tap.rx_keeps = 2;
    receive("def", 2);
    cr_assert_str_eq(low.got, "ABCDE");
    tap.rx_keeps = 0;
    receive("ghi", 3);
    cr_assert_str_eq(low.got, "ABCDE");
    cr_assert_str_eq(tap.rx, "abcdefghi");
}

Test(chan_tap, sees_input_once_and_behind_what_waits) {
    low.takes = 0;
    receive("abc", 1);
    receive("def", 2);
    low.takes = 256;
    chan_pump(&ch);
    cr_assert_str_eq(low.got, "ABCDEF");
    cr_assert_str_eq(tap.rx, "abcdef");
}

Test(chan_tap, is_not_asked_about_no_input) {
    size_t got = 0;
    chan_rx_reserve(&ch, 1, &got);
    chan_rx_commit(&ch, 0, (clk_mono){1});
    cr_assert_str_eq(tap.rx, "");
}

Test(chan_tap, hears_of_events_before_the_users) {
    chan_set_open(&ch, true);
    cr_assert_str_eq(high.log, "O");
    cr_assert_str_eq(low.log, "O");
    low.log[0] = '\0';
    chan_set_open(&ch, false);
    cr_assert_str_eq(high.log, "OC");
}

Test(chan_tap, is_not_asked_when_the_output_is_full) {
    static const uint8_t block[LIMIT_CHAN_OUT];
    cr_assert_eq(chan_put(&ch, block, LIMIT_CHAN_OUT - 2), 0);
    cr_assert_eq(chan_write(&ch, "Drop", 4), -ENOBUFS);
    cr_assert_str_eq(tap.tx, "");
    cr_assert_eq(chan_put(&ch, "abc", 3), -ENOBUFS);
    cr_assert_eq(chan_pending(&ch), LIMIT_CHAN_OUT - 2);
}

Test(chan_tap, is_not_shown_writes_of_nothing) {
    /* It would look at their first byte. */
    cr_assert_eq(chan_write(&ch, "Dropped", 0), 0);
    cr_assert_eq(chan_pending(&ch), 0);
}

Test(chan_tap, opens_the_gate_when_it_goes) {
    chan_set_gate(&ch, 0);
    chan_write(&ch, "Drop", 4);
    chan_write(&ch, "kept", 4);
    cr_assert_eq(kicks, 0);
    chan_set_tap(&ch, NULL, NULL);
    cr_assert_eq(kicks, 1);
    cr_assert_str_eq(offered(), "kept");
    chan_write(&ch, "Dropped by nobody", 17);
    chan_tx_done(&ch, 21);
    cr_assert_str_eq(tap.sent, "");
}

Test(chan_tap, sets_the_gate_anew_when_something_was_sent) {
    tap.gate_next = 3;
    chan_set_gate(&ch, 2);
    chan_write(&ch, "abcdefgh", 8);
    chan_tx_done(&ch, 2);
    cr_assert_str_eq(offered(), "cde");
}

Test(chan, gate_gives_nothing_beyond_it_and_counts_down) {
    chan_set_gate(&ch, 5);
    chan_write(&ch, "abc", 3);
    cr_assert_str_eq(offered(), "abc");
    chan_write(&ch, "defg", 4);
    cr_assert_str_eq(offered(), "abcde");
    chan_tx_done(&ch, 2);
    cr_assert_str_eq(offered(), "cde");
    chan_tx_done(&ch, 3);
    cr_assert_str_eq(offered(), "");
    int before = kicks;
    chan_write(&ch, "h", 1);
    cr_assert_eq(kicks, before, "there is nothing to take");
    chan_set_gate(&ch, 0);
    cr_assert_eq(kicks, before);
    chan_set_gate(&ch, 1);
    cr_assert_eq(kicks, before + 1);
    cr_assert_str_eq(offered(), "f");
    chan_set_gate(&ch, CHAN_GATE_OPEN);
    cr_assert_str_eq(offered(), "fgh");
    chan_tx_done(&ch, 3);
    cr_assert_eq(ch.gate, CHAN_GATE_OPEN, "an open one does not count");
}

Test(chan, drained_comes_only_when_all_is_out_from_behind_the_gate) {
    low.log[0] = '\0';
    chan_set_gate(&ch, 2);
    chan_write(&ch, "abc", 3);
    chan_tx_done(&ch, 2);
    cr_assert_str_eq(low.log, "");
    chan_set_gate(&ch, 1);
    chan_tx_done(&ch, 1);
    cr_assert_str_eq(low.log, "d");
}

Test(chan, what_is_behind_the_gate_counts_as_pending_and_busy) {
    static const uint8_t block[LIMIT_CHAN_OUT];
    chan_set_gate(&ch, 0);
    cr_assert_eq(chan_write(&ch, block, LIMIT_CHAN_HIGH), 0);
    cr_assert(chan_is_busy(&ch));
    cr_assert_eq(chan_pending(&ch), LIMIT_CHAN_HIGH);
    cr_assert_eq(chan_write(&ch, block, LIMIT_CHAN_OUT - LIMIT_CHAN_HIGH + 1), -ENOBUFS);
    cr_assert_eq(chan_write(&ch, block, LIMIT_CHAN_OUT - LIMIT_CHAN_HIGH), 0);
}

Test(chan, taking_more_than_the_gate_gives_is_a_must, .signal = SIGABRT) {
    chan_set_gate(&ch, 1);
    chan_write(&ch, "ab", 2);
    chan_tx_done(&ch, 2);
}

Test(chan, discard_throws_away_what_is_behind_the_gate) {
    low.log[0] = '\0';
    chan_set_gate(&ch, 1);
    chan_write(&ch, "abc", 3);
    chan_discard(&ch, false, true);
    cr_assert_eq(chan_pending(&ch), 0);
    cr_assert_str_eq(low.log, "d");
    cr_assert_eq(ch.gate, 1, "nothing went through it");
    chan_write(&ch, "xyz", 3);
    cr_assert_str_eq(offered(), "x");
}

Test(chan, lines_of_the_module_are_kept_for_who_can_show_them) {
    cr_assert_not(ch.is_dcd_on || ch.is_ri_on);
    chan_set_dcd(&ch, true);
    chan_set_ri(&ch, true);
    cr_assert(ch.is_dcd_on && ch.is_ri_on);
    chan_set_dcd(&ch, false);
    cr_assert(!ch.is_dcd_on && ch.is_ri_on);
}

static void on_lines(void *ctx) {
    ++*(size_t *)ctx;
}

Test(chan, changes_of_lines_are_counted_and_told) {
    size_t told = 0;
    chan_set_open(&ch, true);
    chan_on_lines(&ch, on_lines, &told);
    chan_set_dcd(&ch, true);
    chan_set_dcd(&ch, true);
    chan_set_ri(&ch, true);
    cr_assert_eq(ch.dcd_changes, 1);
    cr_assert_eq(ch.ri_ends, 0);
    cr_assert_eq(told, 2);
    chan_set_ri(&ch, false);
    cr_assert_eq(ch.ri_ends, 1);
    cr_assert_eq(told, 3);
    chan_set_open(&ch, false);
    cr_assert_eq(told, 4);
    chan_on_lines(&ch, NULL, NULL);
    chan_set_dcd(&ch, false);
    cr_assert_eq(told, 4);
    cr_assert_eq(ch.dcd_changes, 2);
}

Test(chan, rts_off_holds_the_output_where_it_is_obeyed) {
    chan_set_rts(&ch, false);
    cr_assert_not(ch.is_rts_off, "nobody is there");
    chan_set_open(&ch, true);
    chan_set_rts(&ch, false);
    chan_write(&ch, "a", 1);
    cr_assert_str_eq(offered(), "a");
    chan_obey_rts(&ch, true);
    cr_assert_str_eq(offered(), "");
    cr_assert_eq(chan_pending(&ch), 1);
    chan_set_rts(&ch, true);
    cr_assert_str_eq(offered(), "a");
    chan_set_rts(&ch, false);
    chan_set_open(&ch, false);
    cr_assert_str_eq(offered(), "a", "the next one begins with RTS on");
    chan_break(&ch);
    cr_assert_eq(ch.breaks, 1);
}

Test(chan, bytes_are_counted_when_they_pass_the_transport) {
    receive("abc", 3);
    chan_write(&ch, "hello", 5);
    cr_assert_eq(ch.nin, 3);
    cr_assert_eq(ch.nout, 0);
    chan_tx_done(&ch, 2);
    chan_discard(&ch, false, true);
    cr_assert_eq(ch.nout, 2, "what was thrown away has not passed");
}
