#include <criterion/criterion.h>

#include "netstack/retransmit.h"

enum { WAITS_MAX = 16 };

struct run {
    clk_dur waits[WAITS_MAX]; /* one a transmission */
    unsigned count;
    clk_dur total;
};

/* A packet that is never acknowledged; the estimate is rtts[0] for the first step, rtts[1] for
 * the second and so on, the last one for all others. */
static struct run run_changing(struct retransmit_config cfg, const clk_dur *rtts, size_t nrtts) {
    struct run r = {0};
    do {
        cr_assert_lt(r.count, WAITS_MAX);
        size_t i = r.count < nrtts ? r.count : nrtts - 1;
        clk_dur wait = retransmit_wait(&cfg, r.count + 1, rtts[i], r.total);
        r.waits[r.count++] = wait;
        r.total.us += wait.us;
    } while (retransmit_again(&cfg, r.count, r.total));
    return r;
}

static struct run run_to_end(unsigned retries, unsigned least_ms, clk_dur rtt) {
    return run_changing((struct retransmit_config){retries, least_ms}, &rtt, 1);
}

static void assert_waits(const struct run *r, const int64_t *want_s, unsigned count) {
    cr_assert_eq(r->count, count, "%u transmissions, want %u", r->count, count);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(r->waits[i].us, CLK_S(want_s[i]).us, "wait %u is %lld us", i + 1,
                     (long long)r->waits[i].us);
    }
}

#define ASSERT_WAITS(made, ...)                                                                    \
    do {                                                                                           \
        static const int64_t want[] = {__VA_ARGS__};                                               \
        const struct run got = (made);                                                             \
        assert_waits(&got, want, sizeof want / sizeof want[0]);                                    \
    } while (0)

Test(retransmit, the_default_of_the_note) {
    ASSERT_WAITS(run_to_end(10, 500, CLK_S(3)), 3, 6, 12, 24, 48, 27);
}

Test(retransmit, three_retries_of_the_note) {
    ASSERT_WAITS(run_to_end(3, 500, CLK_S(3)), 3, 6, 12, 24);
}

Test(retransmit, ten_seconds_at_least_of_the_note) {
    ASSERT_WAITS(run_to_end(10, 10000, CLK_S(3)), 10, 10, 12, 24, 48, 16);
}

Test(retransmit, both_parameters_together) {
    ASSERT_WAITS(run_to_end(3, 10000, CLK_S(3)), 10, 10, 12, 24);
    ASSERT_WAITS(run_to_end(0, 10000, CLK_S(3)), 10);
    ASSERT_WAITS(run_to_end(10, 120000, CLK_S(3)), 120);
    ASSERT_WAITS(run_to_end(10, 60000, CLK_S(3)), 60, 60);
}

Test(retransmit, the_newest_round_trip_time_counts_at_each_step) {
    const clk_dur rtts[] = {CLK_S(3), CLK_S(1), CLK_S(5), CLK_S(1)};
    const struct retransmit_config cfg = {10, 500};
    ASSERT_WAITS(run_changing(cfg, rtts, 4), 3, 2, 20, 8, 16, 32, 39);
}

Test(retransmit, nothing_is_left_when_the_time_is_over) {
    const struct retransmit_config cfg = {10, 500};
    cr_assert_eq(retransmit_wait(&cfg, 1, CLK_S(3), CLK_S(120)).us, 0);
    cr_assert_eq(retransmit_wait(&cfg, 1, CLK_S(3), CLK_S(500)).us, 0);
    cr_assert_not(retransmit_again(&cfg, 1, CLK_S(120)));
    cr_assert(retransmit_again(&cfg, 10, CLK_US(119999999)));
    cr_assert_not(retransmit_again(&cfg, 11, CLK_S(1)));
}

static const unsigned least_values[] = {500, 501, 1000, 3000, 10000, 60000, 120000};
static const int64_t rtt_values_us[] = {0, 30, 50000, 1000000, 3000000, 40000000, 120000000};

/* What the note's sentences say of any schedule, worked out apart from the code. */
static void check(unsigned retries, unsigned least_ms, int64_t rtt_us) {
    const struct run r = run_to_end(retries, least_ms, CLK_US(rtt_us));
    const int64_t limit_us = CLK_S(120).us;
    int64_t spent_us = 0;
    for (unsigned i = 0; i < r.count; i++) {
        int64_t doubled_us = rtt_us << i;
        int64_t want_us =
            doubled_us > (int64_t)least_ms * 1000 ? doubled_us : (int64_t)least_ms * 1000;
        bool is_cut = spent_us + want_us > limit_us;
        cr_assert_eq(r.waits[i].us, is_cut ? limit_us - spent_us : want_us,
                     "retries %u, least %u ms, rtt %lld us, wait %u: %lld us", retries, least_ms,
                     (long long)rtt_us, i + 1, (long long)r.waits[i].us);
        cr_assert(!is_cut || i == r.count - 1, "only the last one is cut");
        cr_assert(r.waits[i].us >= (int64_t)least_ms * 1000 || is_cut);
        spent_us += r.waits[i].us;
    }
    cr_assert_leq(spent_us, limit_us);
    cr_assert_leq(r.count, retries + 1);
    cr_assert(r.count == retries + 1 || spent_us == limit_us,
              "it ends because of the count or of the time");
}

Test(retransmit, every_combination_of_cipccfg_holds) {
    for (unsigned retries = 0; retries <= 10; retries++) {
        for (size_t i = 0; i < sizeof least_values / sizeof least_values[0]; i++) {
            for (size_t k = 0; k < sizeof rtt_values_us / sizeof rtt_values_us[0]; k++) {
                check(retries, least_values[i], rtt_values_us[k]);
            }
        }
    }
}
