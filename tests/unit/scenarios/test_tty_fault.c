#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "base/limits.h"
#include "scenarios/engine/tty_fault.h"

static struct clk *clk;
static struct chan ch;
static struct chan_mem mem;
static struct tty_fault *t;
static bool takes_input, takes_output; /* what the owner answers */
static char seen[256];                 /* input as the owner sees it */
static size_t nseen;
static uint64_t nsent;
static char out[LIMIT_CHAN_OUT * 2];

static bool on_input(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    memcpy(seen + nseen, p, n);
    nseen += n;
    return takes_input;
}

static bool on_output(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx, (void)p, (void)n;
    return takes_output;
}

static void on_sent(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx, (void)p;
    nsent += n;
}

static void on_event(void *ctx, enum chan_event event) {
    (void)ctx, (void)event;
}

static const struct tty_fault_events events = {
    .on_input = on_input, .on_output = on_output, .on_sent = on_sent, .on_event = on_event};

static void start(void) {
    clk = clk_new_manual();
    chan_init(&ch, "at");
    chan_mem_init(&mem, &ch, clk);
    t = tty_fault_new(&ch, clk, 1, &events, NULL);
    takes_input = takes_output = true;
    nseen = 0;
    nsent = 0;
}

static void stop(void) {
    tty_fault_free(t);
    cr_expect_eq(ch.gate, CHAN_GATE_OPEN);
    chan_mem_fini(&mem);
    chan_fini(&ch);
    clk_close(clk);
}

TestSuite(tty_fault, .init = start, .fini = stop);

static void say(const char *text) {
    cr_assert_eq(chan_write(&ch, text, strlen(text)), 0);
}

static const char *read_all(void) {
    size_t n = chan_mem_get(&mem, out, sizeof out - 1);
    out[n] = '\0';
    return out;
}

#define hears(want) cr_assert_str_eq(read_all(), (want))

/* The milliseconds at which something comes, and what: "0:ab 10:c ". */
static const char *heard_within(int ms) {
    static char log[1024];
    size_t n = 0;
    log[0] = '\0';
    for (int i = 0; i <= ms; i++) {
        const char *text = read_all();
        if (text[0] != '\0') {
            n += (size_t)snprintf(log + n, sizeof log - n, "%d:%s ", i, text);
        }
        if (i < ms) {
            clk_advance(clk, CLK_MS(1));
        }
    }
    return log;
}

/* "0123456789" in pieces of so many bytes. */
static void say_digits(size_t piece) {
    for (size_t i = 0; i < 10; i += piece) {
        cr_assert_eq(chan_write(&ch, &"0123456789"[i], i + piece < 10 ? piece : 10 - i), 0);
    }
}

/* -- idle -- */

Test(tty_fault, without_a_fault_nothing_is_held_and_no_timer_runs) {
    say("abc");
    hears("abc");
    cr_assert_eq(ch.gate, CHAN_GATE_OPEN);
    cr_assert_eq(clk_next_due(clk).us, -1);
    cr_assert_eq(nsent, 3);
}

Test(tty_fault, every_byte_value_passes_as_it_is) {
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)i;
    }
    /* With a fault that never comes, so that each byte goes through the machine. */
    tty_fault_flip(t, 10000, 1);
    cr_assert_eq(chan_write(&ch, all, sizeof all), 0);
    uint8_t got[512];
    cr_assert_eq(chan_mem_get(&mem, got, sizeof got), sizeof all);
    cr_assert_arr_eq(got, all, sizeof all);
}

/* -- cuts -- */

Test(tty_fault, a_cut_stops_behind_its_byte_and_goes_on_at_its_instant) {
    for (size_t piece = 1; piece <= 10; piece++) {
        tty_fault_cut(t, 4, CLK_MS(20));
        say_digits(piece);
        cr_assert_str_eq(heard_within(30), "0:0123 20:456789 ", "pieces of %zu", piece);
        tty_fault_answered(t);
    }
    cr_assert_eq(ch.gate, CHAN_GATE_OPEN);
}

Test(tty_fault, a_cut_in_front_of_everything_and_behind_everything) {
    tty_fault_cut(t, 0, CLK_MS(5));
    tty_fault_cut(t, 10, CLK_MS(5));
    say_digits(10);
    tty_fault_answered(t);
    say("next");
    cr_assert_str_eq(heard_within(20), "5:0123456789 10:next ");
}

Test(tty_fault, cuts_at_one_byte_add_up) {
    tty_fault_cut(t, 2, CLK_MS(5));
    tty_fault_cut(t, 2, CLK_MS(7));
    tty_fault_cut(t, 4, CLK_MS(3));
    say_digits(3);
    cr_assert_str_eq(heard_within(20), "0:01 12:23 15:456789 ");
}

Test(tty_fault, a_cut_begins_when_its_byte_has_gone_and_not_when_it_was_written) {
    chan_mem_stall(&mem, true);
    tty_fault_cut(t, 4, CLK_MS(20));
    say_digits(10);
    clk_advance(clk, CLK_MS(100));
    chan_mem_stall(&mem, false);
    cr_assert_str_eq(heard_within(30), "0:0123 20:456789 ");
}

Test(tty_fault, what_comes_behind_a_cut_waits_in_order) {
    tty_fault_cut(t, 1, CLK_MS(10));
    say("ab");
    tty_fault_answered(t);
    say("cd");
    cr_assert_eq(tty_fault_put(t, "!", 1), 0);
    say("e");
    cr_assert_str_eq(heard_within(20), "0:a 10:bcd!e ");
}

Test(tty_fault, a_client_that_leaves_in_a_cut_takes_its_output_along) {
    tty_fault_cut(t, 2, CLK_MS(10));
    say("abcd");
    hears("ab");
    clk_advance(clk, CLK_MS(4));
    chan_set_open(&ch, false);
    chan_discard(&ch, false, true);
    chan_set_open(&ch, true);
    say("xyz");
    cr_assert_str_eq(heard_within(20), "6:xyz ");
    tty_fault_cut(t, 2, CLK_MS(10));
    say("0123");
    cr_assert_str_eq(heard_within(20), "0:01 10:23 ");
}

Test(tty_fault, output_that_was_left_in_front_of_a_cut_lets_nothing_more_pass) {
    tty_fault_cut(t, 3, CLK_MS(10));
    say("abcd");
    chan_set_open(&ch, false);
    chan_discard(&ch, false, true); /* nothing had been read */
    chan_set_open(&ch, true);
    say("xyz");
    cr_assert_str_eq(heard_within(20), "10:xyz ");
}

/* -- drips -- */

Test(tty_fault, a_drip_comes_in_pieces_and_ends_with_the_answer) {
    tty_fault_drip(t, 3, CLK_MS(10));
    say_digits(4);
    tty_fault_answered(t);
    cr_assert_str_eq(heard_within(60), "0:012 10:345 20:678 30:9 ");
    say("at once, all of it");
    hears("at once, all of it");
    cr_assert_eq(clk_next_due(clk).us, -1, "no timer is left");
}

Test(tty_fault, a_drip_waits_for_an_answer_that_comes_late) {
    tty_fault_drip(t, 1, CLK_MS(10));
    clk_advance(clk, CLK_MS(105));
    say("abc");
    tty_fault_answered(t);
    cr_assert_str_eq(heard_within(40), "0:a 5:b 15:c ");
}

Test(tty_fault, a_drip_that_is_set_anew_goes_on_with_the_new_size) {
    tty_fault_drip(t, 1, CLK_MS(10));
    say("abcdef");
    tty_fault_answered(t);
    hears("a");
    tty_fault_drip(t, 2, CLK_MS(5));
    say("gh");
    tty_fault_answered(t);
    cr_assert_str_eq(heard_within(40), "0:bc 5:de 10:fg 15:h ");
}

Test(tty_fault, a_client_that_leaves_in_a_drip_ends_it) {
    tty_fault_drip(t, 1, CLK_MS(10));
    say("abcdef");
    hears("a");
    chan_set_open(&ch, false);
    chan_discard(&ch, false, true);
    chan_set_open(&ch, true);
    clk_advance(clk, CLK_MS(10));
    say("quick");
    hears("quick");
    cr_assert_eq(clk_next_due(clk).us, -1);
}

Test(tty_fault, a_cut_in_a_drip_lasts_its_time_from_its_byte_on) {
    tty_fault_drip(t, 1, CLK_MS(10));
    tty_fault_cut(t, 2, CLK_MS(35));
    say("abcd");
    tty_fault_answered(t);
    cr_assert_str_eq(heard_within(100), "0:a 10:b 45:c 50:d ");
}

/* -- changed bytes -- */

Test(tty_fault, one_byte_has_other_bits_wherever_it_stands) {
    for (size_t at = 0; at < 10; at++) {
        for (size_t piece = 1; piece <= 10; piece += 3) {
            char want[] = "0123456789";
            want[at] ^= 0x41;
            tty_fault_flip(t, at, 0x41);
            say_digits(piece);
            hears(want);
            tty_fault_answered(t);
        }
    }
}

Test(tty_fault, two_changes_of_one_byte_come_together) {
    tty_fault_flip(t, 1, 1);
    tty_fault_flip(t, 1, 2);
    say("012");
    hears("022");
}

Test(tty_fault, bytes_are_put_in_at_every_place_of_an_answer) {
    for (size_t at = 0; at <= 10; at++) {
        for (size_t piece = 1; piece <= 10; piece += 3) {
            char want[32];
            snprintf(want, sizeof want, "%.*s<>%s", (int)at, "0123456789", &"0123456789"[at]);
            cr_assert_eq(tty_fault_insert(t, at, "<>", 2), 0);
            say_digits(piece);
            tty_fault_answered(t);
            hears(want);
        }
    }
}

Test(tty_fault, what_lies_behind_the_answer_does_not_hit_the_next_one) {
    tty_fault_insert(t, 11, "!", 1);
    tty_fault_flip(t, 12, 1);
    tty_fault_cut(t, 13, CLK_S(1));
    say_digits(10);
    tty_fault_answered(t);
    say_digits(10);
    hears("01234567890123456789");
}

Test(tty_fault, bytes_that_are_swallowed_take_the_change_along) {
    tty_fault_flip(t, 1, 1);
    takes_output = false;
    say("abc");
    takes_output = true;
    say("def");
    hears("def");
}

Test(tty_fault, insertions_of_no_bytes_do_nothing) {
    cr_assert_eq(tty_fault_insert(t, 0, "", 0), 0);
    say("abc");
    hears("abc");
}

Test(tty_fault, line_ends_become_others) {
    static const struct {
        const char *eol, *said, *heard;
    } cases[] = {
        {"\n", "\r\n+X\r\n\r\nOK\r\n", "\n+X\n\nOK\n"},
        {"\r", "\r\nOK\r\n", "\rOK\r"},
        {"\n\r", "\r\nOK\r\n", "\n\rOK\n\r"},
        {"abcd", "\r\nOK\r\n", "abcdOKabcd"},
        {"\n", "0\r", "0\n"},         /* numeric results */
        {"|", "a\nb\n\nc", "a|b||c"}, /* data */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t chop = 0; chop < 2; chop++) {
            tty_fault_line_end(t, cases[i].eol, strlen(cases[i].eol));
            for (const char *p = cases[i].said; chop == 1 && *p != '\0'; p++) {
                cr_assert_eq(chan_write(&ch, p, 1), 0);
            }
            if (chop == 0) {
                say(cases[i].said);
            }
            tty_fault_answered(t);
            cr_assert_str_eq(read_all(), cases[i].heard, "case %zu", i);
        }
    }
    say("\r\nOK\r\n");
    hears("\r\nOK\r\n");
}

Test(tty_fault, an_answer_is_swallowed_and_the_next_one_is_not) {
    tty_fault_swallow(t);
    say("\r\n");
    say("OK");
    say("\r\n");
    tty_fault_answered(t);
    say("there");
    hears("there");
}

Test(tty_fault, a_client_that_leaves_ends_the_faults_of_its_answer) {
    tty_fault_swallow(t);
    tty_fault_line_end(t, "\n", 1);
    tty_fault_insert(t, 0, "!", 1);
    chan_set_open(&ch, false);
    chan_set_open(&ch, true);
    say("\r\nOK\r\n");
    hears("\r\nOK\r\n");
}

Test(tty_fault, faults_work_together) {
    tty_fault_line_end(t, "\n", 1);
    tty_fault_insert(t, 2, "<>", 2);
    tty_fault_flip(t, 2, 0x20);
    tty_fault_cut(t, 3, CLK_MS(10));
    tty_fault_drip(t, 4, CLK_MS(4));
    say("\r\n");
    say("OK");
    say("\r\n");
    tty_fault_answered(t);
    cr_assert_str_eq(heard_within(30), "0:\n<>o 10:K\n ");
}

/* -- noise of the line -- */

Test(tty_fault, with_certainty_no_byte_is_what_it_was) {
    tty_fault_garble(t, TTY_FAULT_OUT | TTY_FAULT_IN, 1, CLK_US(0));
    for (int i = 0; i < 1000; i++) {
        uint8_t c = (uint8_t)i;
        uint8_t got = 0;
        cr_assert_eq(chan_write(&ch, &c, 1), 0);
        cr_assert_eq(chan_mem_get(&mem, &got, 1), 1);
        cr_assert_neq(got, c);
        nseen = 0;
        chan_mem_put(&mem, &c, 1);
        cr_assert_eq(nseen, 1);
        cr_assert_neq((uint8_t)seen[0], c);
    }
}

Test(tty_fault, bytes_change_one_way_only) {
    tty_fault_garble(t, TTY_FAULT_IN, 1, CLK_US(0));
    say("abc");
    hears("abc");
    chan_mem_put(&mem, "abc", 3);
    cr_assert_neq(memcmp(seen, "abc", 3), 0);
    tty_fault_garble(t, TTY_FAULT_OUT, 1, CLK_US(0));
    nseen = 0;
    chan_mem_put(&mem, "abc", 3);
    cr_assert_eq(memcmp(seen, "abc", 3), 0);
    say("abc");
    cr_assert_str_neq(read_all(), "abc");
}

Test(tty_fault, about_so_many_bytes_change_as_chance_says) {
    tty_fault_garble(t, TTY_FAULT_OUT, 0.25, CLK_US(0));
    unsigned changed = 0;
    for (int i = 0; i < 4000; i++) {
        say("x");
        changed += read_all()[0] != 'x';
    }
    cr_assert(changed > 800 && changed < 1200, "%u", changed);
}

Test(tty_fault, bytes_change_until_the_time_is_over) {
    tty_fault_garble(t, TTY_FAULT_OUT, 1, CLK_MS(10));
    clk_advance(clk, CLK_US(9999));
    say("abc");
    cr_assert_str_neq(read_all(), "abc");
    clk_advance(clk, CLK_US(1));
    say("abc");
    hears("abc");
}

Test(tty_fault, said_again_the_time_counts_anew_or_no_more) {
    tty_fault_garble(t, TTY_FAULT_OUT, 1, CLK_MS(10));
    tty_fault_garble(t, TTY_FAULT_OUT, 1, CLK_US(0));
    clk_advance(clk, CLK_S(1));
    say("abc");
    cr_assert_str_neq(read_all(), "abc");
    tty_fault_garble(t, 0, 0, CLK_US(0));
    say("abc");
    hears("abc");
}

Test(tty_fault, the_same_seed_changes_the_same_bytes) {
    char first[64];
    tty_fault_garble(t, TTY_FAULT_OUT, 0.5, CLK_US(0));
    say("a line that is long enough");
    snprintf(first, sizeof first, "%s", read_all());
    for (uint64_t seed = 1; seed <= 2; seed++) {
        tty_fault_free(t);
        t = tty_fault_new(&ch, clk, seed, &events, NULL);
        tty_fault_garble(t, TTY_FAULT_OUT, 0.5, CLK_US(0));
        say("a line that is long enough");
        cr_assert_eq(strcmp(read_all(), first) == 0, seed == 1);
    }
}

/* -- input -- */

Test(tty_fault, input_is_swallowed_as_a_whole) {
    takes_input = false;
    chan_mem_put(&mem, "AT\r", 3);
    cr_assert_eq(buf_len(&ch.in), 0);
    takes_input = true;
    chan_mem_put(&mem, "AT\r", 3);
    cr_assert_eq(buf_len(&ch.in), 3);
}

/* -- bounds and ends -- */

Test(tty_fault, more_faults_than_fit_are_refused) {
    for (int i = 0; i < LIMIT_TTY_EDITS; i++) {
        cr_assert_eq(tty_fault_cut(t, 0, CLK_MS(1)), 0);
    }
    cr_assert_eq(tty_fault_cut(t, 0, CLK_MS(1)), -ENOSPC);
    cr_assert_eq(tty_fault_insert(t, 0, "x", 1), -ENOSPC);
    cr_assert_eq(tty_fault_flip(t, 0, 1), -ENOSPC);
    say("a"); /* they are stops now, and count as such */
    cr_assert_eq(tty_fault_flip(t, 0, 1), -ENOSPC);
    clk_advance(clk, CLK_MS(1));
    cr_assert_eq(tty_fault_flip(t, 0, 1), 0);
    cr_assert_str_eq(heard_within(40), "31:a ");
}

Test(tty_fault, what_does_not_fit_is_lost_at_the_end_and_the_counts_stay_right) {
    static char block[LIMIT_CHAN_OUT];
    memset(block, 'x', sizeof block);
    cr_assert_eq(chan_write(&ch, block, sizeof block - 10), 0);
    cr_assert_eq(tty_fault_insert(t, 2, "<...>", 5), 0);
    say("0123456789"); /* fits by itself */
    cr_assert_eq(chan_pending(&ch), LIMIT_CHAN_OUT);
    read_all();
    cr_assert_str_eq(out + LIMIT_CHAN_OUT - 10, "01<...>234");
    tty_fault_cut(t, 2, CLK_MS(5));
    say("abcd");
    cr_assert_str_eq(heard_within(10), "0:ab 5:cd ");
}

Test(tty_fault, bytes_of_our_own_have_no_room_in_a_full_channel) {
    static char block[LIMIT_CHAN_OUT];
    memset(block, 'x', sizeof block);
    cr_assert_eq(chan_write(&ch, block, sizeof block), 0);
    cr_assert_eq(tty_fault_put(t, "!", 1), -ENOBUFS);
    read_all();
    tty_fault_cut(t, 2, CLK_MS(5));
    say("abcd");
    cr_assert_str_eq(heard_within(10), "0:ab 5:cd ");
}

Test(tty_fault, bytes_of_our_own_behind_a_cut_do_not_move_it) {
    tty_fault_cut(t, 2, CLK_MS(5));
    say("abcd");
    cr_assert_eq(tty_fault_put(t, "!!!!", 4), 0);
    cr_assert_str_eq(heard_within(10), "0:ab 5:cd!!!! ");
}

Test(tty_fault, bytes_that_waited_before_it_came_are_counted) {
    tty_fault_free(t);
    say("old");
    t = tty_fault_new(&ch, clk, 1, &events, NULL);
    tty_fault_cut(t, 1, CLK_MS(5));
    say("new");
    cr_assert_str_eq(heard_within(10), "0:oldn 5:ew ");
}

Test(tty_fault, freed_in_the_middle_of_everything_it_lets_all_go) {
    tty_fault_cut(t, 1, CLK_S(10));
    tty_fault_cut(t, 2, CLK_S(10));
    tty_fault_drip(t, 1, CLK_MS(10));
    tty_fault_insert(t, 100, "x", 1);
    tty_fault_garble(t, TTY_FAULT_IN, 1, CLK_S(10));
    say("abcdef");
    hears("a");
    tty_fault_free(t);
    hears("bcdef");
    cr_assert_eq(clk_next_due(clk).us, -1);
    t = NULL;
}

Test(tty_fault, cleared_it_is_as_new) {
    tty_fault_cut(t, 1, CLK_S(10));
    tty_fault_drip(t, 1, CLK_MS(10));
    tty_fault_swallow(t);
    tty_fault_garble(t, TTY_FAULT_OUT, 1, CLK_US(0));
    tty_fault_line_end(t, "x", 1);
    tty_fault_clear(t);
    say("a\r\n");
    hears("a\r\n");
    cr_assert_eq(clk_next_due(clk).us, -1);
}
