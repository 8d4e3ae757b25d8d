/* The +++ detector: driven by bytes and instants alone, and held against a second description of
 * the rule over random input. */
#include <criterion/criterion.h>
#include <string.h>

#include "emulator/at/escape.h"

enum { START_US = 5000000 };

static clk_mono ms(int64_t n) {
    return (clk_mono){START_US + n * 1000};
}

static struct escape e;

/* Data mode since 5 s. */
static void start(void) {
    escape_start(&e, ms(-5000));
}

TestSuite(escape, .init = start);

static struct escape_verdict feed(const char *text, int64_t at_ms) {
    return escape_feed(&e, (const uint8_t *)text, strlen(text), ms(at_ms));
}

#define expect_held(text, at_ms)                                                                   \
    do {                                                                                           \
        struct escape_verdict v_ = feed((text), (at_ms));                                          \
        cr_assert(!v_.pass && v_.release == 0, "%s at %d ms is not held", (text), (int)(at_ms));   \
    } while (0)

#define expect_passed(text, at_ms, released)                                                       \
    do {                                                                                           \
        struct escape_verdict v_ = feed((text), (at_ms));                                          \
        cr_assert(v_.pass, "%s at %d ms is held", (text), (int)(at_ms));                           \
        cr_assert_eq(v_.release, (unsigned)(released), "%u plus signs given back", v_.release);    \
    } while (0)

/* What the timer of the caller finds at this instant. */
#define expect_due(at_us, is_escape_, released)                                                    \
    do {                                                                                           \
        unsigned n_ = 99;                                                                          \
        bool is_ = escape_due(&e, (clk_mono){START_US + (at_us)}, &n_);                            \
        cr_assert_eq(is_, (is_escape_));                                                           \
        cr_assert_eq(n_, (unsigned)(released), "%u plus signs given back", n_);                    \
    } while (0)

Test(escape, silence_of_1000_ms_on_both_sides_makes_it) {
    expect_held("+++", 0);
    expect_due(1000000, true, 0);
    cr_assert_lt(escape_wait(&e, ms(1000)).us, 0, "something is still held");
}

Test(escape, guard_before_of_999_ms_is_too_short) {
    expect_passed("x", 0, 0);
    expect_passed("+++", 999, 0);
}

Test(escape, guard_before_of_1000_ms_is_enough) {
    expect_passed("x", 0, 0);
    expect_held("+++", 1000);
}

Test(escape, guard_before_of_1001_ms_is_enough) {
    expect_passed("x", 0, 0);
    expect_held("+++", 1001);
}

Test(escape, start_of_data_mode_counts_as_the_newest_byte) {
    escape_start(&e, ms(0));
    expect_passed("+++", 999, 0);
    escape_start(&e, ms(2000));
    expect_held("+++", 3000);
}

Test(escape, guard_behind_of_999_ms_is_too_short) {
    expect_held("+++", 0);
    expect_due(999999, false, 0);
    expect_passed("x", 999, 3);
}

Test(escape, guard_behind_of_1000_ms_is_enough) {
    expect_held("+++", 0);
    expect_due(999999, false, 0);
    expect_due(1000000, true, 0);
}

Test(escape, guard_behind_of_1001_ms_is_enough) {
    expect_held("+++", 0);
    expect_due(1001000, true, 0);
}

Test(escape, gap_of_899_ms_is_short_enough) {
    expect_held("+", 0);
    expect_held("+", 899);
    expect_held("+", 2 * 899);
    expect_due((2 * 899 + 1000) * 1000, true, 0);
}

Test(escape, gap_of_900_ms_is_short_enough) {
    expect_held("+", 0);
    expect_due(900000, false, 0);
    expect_held("+", 900);
    expect_due(1800000, false, 0);
    expect_held("+", 1800);
    expect_due(2800000, true, 0);
}

Test(escape, gap_of_901_ms_is_too_long) {
    expect_held("+", 0);
    expect_passed("+", 901, 1);
}

Test(escape, second_gap_of_901_ms_is_too_long) {
    expect_held("++", 0);
    expect_passed("+", 901, 2);
}

Test(escape, gap_that_has_run_out_gives_the_signs_back_by_itself) {
    expect_held("++", 0);
    cr_assert_eq(escape_wait(&e, ms(0)).us, 900001);
    expect_due(900000, false, 0);
    expect_due(900001, false, 2);
    cr_assert_lt(escape_wait(&e, ms(901)).us, 0);
}

Test(escape, four_plus_signs_in_one_piece_are_data) {
    expect_passed("++++", 0, 0);
}

Test(escape, fourth_plus_sign_makes_all_four_data) {
    expect_held("+++", 0);
    expect_passed("+", 100, 3);
}

Test(escape, three_signs_behind_one_are_four) {
    expect_held("+", 0);
    expect_passed("+++", 100, 1);
}

Test(escape, two_plus_signs_are_data) {
    expect_held("++", 0);
    expect_due(900001, false, 2);
}

Test(escape, escape_in_one_piece_with_data_in_front_is_data) {
    expect_passed("x+++", 0, 0);
    cr_assert_lt(escape_wait(&e, ms(0)).us, 0, "a plus sign is held");
}

Test(escape, escape_in_one_piece_with_data_behind_is_data) {
    expect_passed("+++x", 0, 0);
}

Test(escape, signs_in_any_division_are_an_escape) {
    static const char *const divisions[][3] = {
        {"+", "+", "+"}, {"++", "+", NULL}, {"+", "++", NULL}, {"+++", NULL, NULL}};
    for (size_t i = 0; i < sizeof divisions / sizeof divisions[0]; i++) {
        start();
        int64_t at_ms = 0;
        for (size_t k = 0; k < 3 && divisions[i][k] != NULL; k++) {
            at_ms += 100;
            expect_held(divisions[i][k], at_ms);
        }
        expect_due((at_ms + 1000) * 1000, true, 0);
    }
}

Test(escape, data_in_the_midst_gives_the_signs_back_in_front_of_it) {
    expect_held("++", 0);
    expect_passed("x", 10, 2);
    cr_assert_lt(escape_wait(&e, ms(10)).us, 0);
    expect_due(5000000, false, 0);
}

Test(escape, released_signs_are_given_back_once) {
    expect_held("+++", 0);
    expect_passed("x", 10, 3);
    expect_passed("x", 20, 0);
    expect_due(3000000, false, 0);
    expect_held("+", 4000);
    expect_due(4900001, false, 1);
    expect_due(6000000, false, 0);
}

Test(escape, failed_one_is_no_guard_for_the_next) {
    expect_held("+", 0);
    expect_passed("+", 950, 1);
    expect_passed("+++", 1900, 0);
    expect_held("+++", 2900);
}

Test(escape, wait_counts_from_the_newest_sign) {
    cr_assert_lt(escape_wait(&e, ms(0)).us, 0, "nothing is held, nothing to wait for");
    expect_held("+", 0);
    cr_assert_eq(escape_wait(&e, ms(100)).us, 800001);
    expect_held("++", 100);
    cr_assert_eq(escape_wait(&e, ms(100)).us, 1000000);
    cr_assert_eq(escape_wait(&e, ms(900)).us, 200000);
    cr_assert_eq(escape_wait(&e, ms(5000)).us, 0, "late, not negative");
}

/* -- random input at random instants -- */

static uint32_t lcg;

static unsigned pick(unsigned n) {
    lcg = lcg * 1664525u + 1013904223u;
    return (unsigned)(((uint64_t)lcg * n) >> 32);
}

enum { PIECES = 200, PIECE_MAX = 5, RUN_MAX = PIECES * PIECE_MAX };

/* One run: what came, byte by byte, and what became of it. */
struct run {
    char in[RUN_MAX];
    int64_t at_us[RUN_MAX];
    size_t n;
    char out[RUN_MAX]; /* passed bytes; swallowed ones as 'E' */
    size_t n_out;
};

static void put(struct run *r, const void *p, size_t n) {
    cr_assert_leq(r->n_out + n, (size_t)RUN_MAX);
    memcpy(r->out + r->n_out, p, n);
    r->n_out += n;
}

/* The caller's timer, for what falls due up to `until_us`. */
static void run_timer(struct run *r, int64_t until_us) {
    int64_t now_us = e.last.us;
    clk_dur wait = escape_wait(&e, (clk_mono){now_us});
    if (wait.us < 0 || now_us + wait.us > until_us) {
        return;
    }
    unsigned release = 0;
    clk_mono at = {now_us + wait.us};
    if (escape_due(&e, at, &release)) {
        put(r, "EEE", 3);
        escape_start(&e, at); /* ATO at once */
    } else {
        cr_assert_gt(release, 0u, "due, and nothing came of it");
        put(r, "+++", release);
    }
    cr_assert_lt(escape_wait(&e, at).us, 0, "something is held behind its due instant");
}

static void play(struct run *r) {
    static const int64_t gaps_us[] = {0,      1,      300000,  899999,  900000,
                                      900001, 999999, 1000000, 1000001, 1500000};
    int64_t now_us = START_US;
    *r = (struct run){0};
    escape_start(&e, (clk_mono){now_us - 5000000});
    for (size_t i = 0; i < PIECES; i++) {
        char piece[PIECE_MAX];
        size_t n = 1 + pick(PIECE_MAX);
        now_us += gaps_us[pick(sizeof gaps_us / sizeof gaps_us[0])];
        for (size_t k = 0; k < n; k++) {
            piece[k] = pick(6) > 0 ? '+' : 'x';
            r->in[r->n] = piece[k];
            r->at_us[r->n++] = now_us;
        }
        run_timer(r, now_us);
        struct escape_verdict v = escape_feed(&e, (const uint8_t *)piece, n, (clk_mono){now_us});
        put(r, "+++", v.release);
        if (v.pass) {
            put(r, piece, n);
        }
        cr_assert_eq(r->n_out + e.held, r->n, "bytes are missing or doubled");
    }
    run_timer(r, INT64_MAX);
}

/* The rule again, as the note words it: which bytes belong to an escape. */
static void mark(struct run *r, char *want) {
    int64_t last_us = START_US - 5000000;
    memcpy(want, r->in, r->n);
    for (size_t i = 0; i < r->n; i++) {
        bool is_it = i + 3 <= r->n && r->at_us[i] - last_us >= 1000000;
        for (size_t k = i; is_it && k < i + 3; k++) {
            is_it = r->in[k] == '+' && (k == i || r->at_us[k] - r->at_us[k - 1] <= 900000);
        }
        if (is_it && i + 3 < r->n) {
            is_it = r->at_us[i + 3] - r->at_us[i + 2] >= 1000000;
        }
        if (is_it) {
            memcpy(want + i, "EEE", 3);
            last_us = r->at_us[i + 2] + 1000000;
            i += 2;
        } else {
            last_us = r->at_us[i];
        }
    }
}

Test(escape, passed_and_swallowed_bytes_are_the_input_in_order_and_as_the_rule_has_it) {
    static struct run r;
    static char want[RUN_MAX];
    size_t escapes = 0;
    for (uint32_t seed = 1; seed <= 2000; seed++) {
        lcg = seed;
        play(&r);
        mark(&r, want);
        cr_assert_eq(r.n_out, r.n, "seed %u: %zu of %zu bytes", seed, r.n_out, r.n);
        for (size_t i = 0; i < r.n; i++) {
            cr_assert_eq(r.out[i], want[i], "seed %u, byte %zu: %c, not %c", seed, i, r.out[i],
                         want[i]);
            escapes += r.out[i] == 'E';
        }
    }
    cr_assert_gt(escapes, 3 * 2000, "the input has hardly an escape in it");
}
