#include <criterion/criterion.h>
#include <errno.h>

#include "base/clk.h"
#include "netstack/bearer.h"
#include "netstack/ping.h"
#include "tests/support/fake_host.h"

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;
static struct net_ping *ping;
static bool stops; /* from within on_reply */
static struct {
    int replies, timeouts, done;
    unsigned rtt_ms;
    struct ping_totals totals;
} seen;

static void on_reply(void *ctx, unsigned rtt_ms) {
    (void)ctx;
    seen.replies++;
    seen.rtt_ms = rtt_ms;
    if (stops) {
        ping_stop(ping, &seen.totals);
    }
}

static void on_timeout(void *ctx) {
    (void)ctx;
    seen.timeouts++;
}

static void on_done(void *ctx, const struct ping_totals *totals) {
    (void)ctx;
    seen.done++;
    seen.totals = *totals;
}

static const struct ping_events events = {on_reply, on_timeout, on_done};
static const struct ping_config config = {
    .ip = 7, .count = 3, .size = 64, .interval_ms = 1000, .wait_ms = 10000, .ttl = 255};

static void setup(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    bearer_init(&bearer, clk, fake_host_net(fake));
    bearer_up(&bearer, 1);
}

static void teardown(void) {
    bearer_fini(&bearer);
    fake_host_free(fake);
    clk_close(clk);
}

static void start(void) {
    cr_assert_eq(ping_start(&ping, &bearer, &config, &events, NULL), 0);
}

TestSuite(ping, .init = setup, .fini = teardown);

Test(ping, requests_are_an_interval_apart_and_totals_come_last) {
    static const int64_t rtts_us[] = {10000, 30999, 21000};
    fake_host_add_ping(fake, 7, rtts_us[0]);
    start();
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(seen.replies, i);
        fake_host_run(fake);
        cr_assert_eq(seen.replies, i + 1);
        cr_assert_eq(seen.rtt_ms, rtts_us[i] / 1000);
        cr_assert_eq(seen.done, 0);
        if (i < 2) {
            clk_advance(clk, CLK_US(999999));
            cr_assert_not(fake_host_run(fake));
            fake_host_add_ping(fake, 7, rtts_us[i + 1]);
            clk_advance(clk, CLK_US(1));
        }
    }
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.done, 1);
    cr_assert_eq(seen.totals.sent, 3);
    cr_assert_eq(seen.totals.received, 3);
    cr_assert_eq(seen.totals.lost, 0);
    cr_assert_eq(seen.totals.min_ms, 10);
    cr_assert_eq(seen.totals.max_ms, 30);
    cr_assert_eq(seen.totals.avg_ms, 20); /* 61 / 3, truncated */
}

Test(ping, each_request_waits_for_its_reply_then_the_next_goes) {
    start();
    clk_advance(clk, CLK_US(9999999));
    cr_assert_eq(seen.timeouts, 0);
    clk_advance(clk, CLK_US(1));
    cr_assert_eq(seen.timeouts, 1);
    fake_host_add_ping(fake, 7, 5000);
    clk_advance(clk, CLK_S(10));
    fake_host_run(fake);
    cr_assert_eq(seen.timeouts, 2);
    cr_assert_eq(seen.replies, 1);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.done, 1);
    cr_assert_eq(seen.totals.sent, 3);
    cr_assert_eq(seen.totals.received, 1);
    cr_assert_eq(seen.totals.lost, 2);
    cr_assert_eq(seen.totals.avg_ms, 5);
}

Test(ping, a_host_that_forbids_it_gives_all_zero) {
    fake_host_forbid_ping(fake);
    start();
    cr_assert_eq(seen.done, 0);
    fake_host_run(fake);
    cr_assert_eq(seen.done, 1);
    cr_assert_eq(seen.totals.sent, 0);
    cr_assert_eq(seen.totals.lost, 0);
    cr_assert_eq(seen.replies + seen.timeouts, 0);
}

Test(ping, stopped_it_is_silent_and_gives_what_it_has) {
    struct ping_totals totals;
    fake_host_add_ping(fake, 7, 5000);
    start();
    fake_host_run(fake);
    ping_stop(ping, &totals);
    cr_assert_eq(totals.sent, 1);
    cr_assert_eq(totals.received, 1);
    clk_advance(clk, CLK_S(100));
    cr_assert_eq(seen.done, 0);
    cr_assert_eq(fake_host_open_count(fake), 0);
}

Test(ping, it_may_be_stopped_from_within) {
    fake_host_add_ping(fake, 7, 5000);
    stops = true;
    start();
    fake_host_run(fake);
    clk_advance(clk, CLK_S(100));
    cr_assert_eq(seen.replies, 1);
    cr_assert_eq(seen.totals.sent, 1);
    cr_assert_eq(seen.done, 0);
}

Test(ping, the_loss_of_the_bearer_ends_it_in_a_later_turn) {
    start();
    bearer_down(&bearer);
    cr_assert_eq(seen.done, 0);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.done, 1);
    cr_assert_eq(seen.totals.lost, 1);
    cr_assert_eq(ping_start(&ping, &bearer, &config, &events, NULL), -ENETDOWN);
}
