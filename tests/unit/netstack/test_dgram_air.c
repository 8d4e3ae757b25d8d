/* Datagrams over an impaired path, both ways. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"
#include "netstack/bearer.h"
#include "netstack/dgram.h"
#include "netstack/dgram_air.h"
#include "tests/support/fake_host.h"

static const struct net_addr peer = {0xc0000201u, 9015};

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;
static struct net_dgram *dgram; /* freed by teardown */
static unsigned told;
static bool frees; /* dgram_free from within on_data */

static void on_data(void *ctx) {
    (void)ctx;
    told++;
    if (frees) {
        dgram_free(dgram);
        dgram = NULL;
    }
}

static void on_closed(void *ctx, enum net_close why) {
    (void)ctx;
    (void)why;
}

static const struct dgram_events events = {on_data, on_closed};

static void setup(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    bearer_init(&bearer, clk, fake_host_net(fake));
    bearer_up(&bearer, 1);
    dgram_open(&dgram, &bearer, 4000, &events, NULL);
}

static void teardown(void) {
    dgram_free(dgram);
    bearer_fini(&bearer);
    fake_host_free(fake);
    clk_close(clk);
}

TestSuite(dgram_air, .init = setup, .fini = teardown);

static void pass(clk_dur by) {
    fake_host_settle(fake, clk);
    clk_advance(clk, by);
}

static void impair(enum impair_direction dir, const char *text) {
    struct sv wrong;
    cr_assert_eq(impair_parse(&bearer.impair[dir], sv_of(text), &wrong), 0, "%s", text);
    bearer_changed(&bearer);
}

static void send_number(int number) {
    cr_assert_eq(dgram_send(dgram, &peer, &number, sizeof number), 0);
}

/* What the peer has got since the last call, at most `max` numbers; how many came in all. */
static size_t peer_got(int *to, size_t max) {
    struct fake_datagram d;
    size_t n = 0;
    while (fake_host_next_datagram(fake, &d)) {
        cr_assert_eq(d.n, sizeof(int));
        cr_assert_eq(d.to.port, peer.port);
        if (n < max) {
            memcpy(&to[n], d.p, sizeof(int));
        }
        n++;
    }
    return n;
}

static size_t peer_got_any(void) {
    return peer_got(NULL, 0);
}

static void peer_sends(int number) {
    cr_assert(fake_host_send_datagram(fake, &peer, 4000, &number, sizeof number));
}

static size_t read_all(int *to, size_t max) {
    struct net_addr from;
    size_t size;
    size_t n = 0;
    const uint8_t *p;
    while ((p = dgram_peek(dgram, &from, &size)) != NULL) {
        cr_assert_eq(size, sizeof(int));
        cr_assert_eq(from.port, peer.port);
        if (n < max) {
            memcpy(&to[n], p, sizeof(int));
        }
        n++;
        dgram_consume(dgram, size);
    }
    return n;
}

Test(dgram_air, with_nothing_wrong_they_go_at_once) {
    send_number(1);
    cr_assert_eq(peer_got_any(), 1);
    peer_sends(2);
    pass(CLK_US(0));
    cr_assert_eq(dgram_available(dgram), sizeof(int));
    cr_assert_lt(clk_next_due(clk).us, 0);
}

Test(dgram_air, latency_is_exact_both_ways) {
    impair(IMPAIR_UP, "latency=100");
    impair(IMPAIR_DOWN, "latency=200");
    send_number(1);
    peer_sends(2);
    pass(CLK_US(99999));
    cr_assert_eq(peer_got_any(), 0);
    pass(CLK_US(1));
    cr_assert_eq(peer_got_any(), 1);
    pass(CLK_US(99999));
    cr_assert_eq(told, 0);
    pass(CLK_US(1));
    cr_assert_eq(told, 1);
}

Test(dgram_air, a_lost_one_never_comes) {
    int got[8];
    impair(IMPAIR_UP, "lose=2");
    impair(IMPAIR_DOWN, "lose=1");
    for (int i = 0; i < 5; i++) {
        send_number(i);
        peer_sends(i);
    }
    pass(CLK_S(200));
    cr_assert_eq(peer_got(got, 8), 3);
    cr_assert_eq(got[0], 2);
    cr_assert_eq(read_all(got, 8), 4);
    cr_assert_eq(got[0], 1);
}

Test(dgram_air, as_many_are_lost_as_the_probability_says) {
    impair(IMPAIR_UP, "loss=0.25");
    for (int i = 0; i < 10000; i++) {
        send_number(i);
        clk_advance(clk, CLK_US(0));
    }
    size_t n = peer_got_any();
    cr_assert(n > 7350 && n < 7650, "%zu", n);
}

Test(dgram_air, in_a_black_hole_all_are_lost_and_none_comes_out_of_it) {
    impair(IMPAIR_UP, "black-hole");
    impair(IMPAIR_DOWN, "black-hole");
    send_number(1);
    peer_sends(1);
    pass(CLK_S(10));
    impair(IMPAIR_UP, "none");
    impair(IMPAIR_DOWN, "none");
    pass(CLK_S(200));
    cr_assert_eq(peer_got_any(), 0);
    cr_assert_eq(told, 0);
    send_number(2);
    cr_assert_eq(peer_got_any(), 1);
}

Test(dgram_air, doubled_ones_come_twice) {
    impair(IMPAIR_UP, "dup=1");
    send_number(1);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(peer_got_any(), 2);
    impair(IMPAIR_UP, "dup=0.5");
    for (int i = 0; i < 1000; i++) {
        send_number(i);
        clk_advance(clk, CLK_US(0));
    }
    size_t n = peer_got_any();
    cr_assert(n > 1400 && n < 1600, "%zu", n);
}

Test(dgram_air, overtaken_ones_come_later_and_none_is_missing) {
    int got[20];
    unsigned out_of_order = 0;
    unsigned long all = 0;
    impair(IMPAIR_UP, "reorder=0.3,latency=10");
    for (int i = 0; i < 20; i++) {
        send_number(i);
        pass(CLK_MS(1));
    }
    pass(CLK_MS(69));
    cr_assert_eq(peer_got(got, 20), 20);
    for (int i = 0; i < 20; i++) {
        all |= 1ul << got[i];
        out_of_order += i > 0 && got[i] < got[i - 1];
    }
    cr_assert_eq(all, (1ul << 20) - 1);
    cr_assert_gt(out_of_order, 0);
}

Test(dgram_air, without_reorder_the_order_stays) {
    int got[20];
    impair(IMPAIR_UP, "latency=10");
    for (int i = 0; i < 20; i++) {
        send_number(i);
    }
    pass(CLK_MS(10));
    cr_assert_eq(peer_got(got, 20), 20);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(got[i], i);
    }
}

Test(dgram_air, a_corrupt_one_differs_in_one_bit) {
    impair(IMPAIR_DOWN, "corrupt=1");
    int got = 0;
    peer_sends(0);
    pass(CLK_US(0));
    cr_assert_eq(read_all(&got, 1), 1);
    cr_assert_eq(__builtin_popcount((unsigned)got), 1);
    impair(IMPAIR_UP, "corrupt=1");
    send_number(0);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(peer_got(&got, 1), 1);
    cr_assert_eq(__builtin_popcount((unsigned)got), 1);
}

Test(dgram_air, the_rate_spreads_them_out) {
    impair(IMPAIR_UP, "rate=32"); /* a second each */
    for (int i = 0; i < 3; i++) {
        send_number(i);
    }
    for (size_t i = 1; i <= 3; i++) {
        pass(CLK_US(999999));
        cr_assert_eq(peer_got_any(), 0);
        pass(CLK_US(1));
        cr_assert_eq(peer_got_any(), 1);
    }
}

Test(dgram_air, without_the_rate_what_it_held_up_goes_on) {
    impair(IMPAIR_UP, "rate=1,latency=5");
    for (int i = 0; i < 3; i++) {
        send_number(i);
    }
    pass(CLK_S(1));
    impair(IMPAIR_UP, "rate=0");
    pass(CLK_MS(5));
    cr_assert_eq(peer_got_any(), 3);
    send_number(4);
    pass(CLK_MS(5));
    cr_assert_eq(peer_got_any(), 1);
}

Test(dgram_air, what_the_rate_has_not_let_go_falls_into_the_hole) {
    impair(IMPAIR_UP, "rate=32");
    for (int i = 0; i < 3; i++) {
        send_number(i);
    }
    pass(CLK_MS(1500));
    cr_assert_eq(peer_got_any(), 1);
    impair(IMPAIR_UP, "black-hole");
    pass(CLK_S(10));
    cr_assert_eq(peer_got_any(), 0);
    cr_assert_lt(clk_next_due(clk).us, 0);
}

Test(dgram_air, more_than_the_bound_are_dropped) {
    int got[DGRAM_AIR_MAX + 1];
    impair(IMPAIR_UP, "latency=100");
    for (int i = 0; i < DGRAM_AIR_MAX + 10; i++) {
        send_number(i);
    }
    pass(CLK_MS(100));
    cr_assert_eq(peer_got(got, DGRAM_AIR_MAX + 1), DGRAM_AIR_MAX);
    cr_assert_eq(got[DGRAM_AIR_MAX - 1], DGRAM_AIR_MAX - 1, "the newest are dropped");
    send_number(0);
    pass(CLK_MS(100));
    cr_assert_eq(peer_got_any(), 1);
}

Test(dgram_air, a_voice_call_that_has_the_radio_loses_them) {
    bearer.is_suspended = true;
    bearer_changed(&bearer);
    send_number(1);
    peer_sends(1);
    pass(CLK_S(1));
    cr_assert_eq(peer_got_any(), 0);
    cr_assert_eq(told, 0);
}

static void play(uint64_t seed, int *got, size_t *n) {
    bearer_set_seed(&bearer, seed);
    for (int i = 0; i < 50; i++) {
        send_number(i);
        pass(CLK_MS(3));
    }
    pass(CLK_S(1));
    *n = peer_got(got, 200);
}

Test(dgram_air, the_same_seed_gives_the_same_datagrams) {
    static int a[200], b[200], c[200];
    size_t na, nb, nc;
    impair(IMPAIR_UP, "loss=0.2,dup=0.3,reorder=0.3,corrupt=0.2,latency=5,jitter=40");
    play(1, a, &na);
    play(1, b, &nb);
    play(2, c, &nc);
    cr_assert_eq(na, nb);
    cr_assert_eq(memcmp(a, b, na * sizeof(int)), 0);
    cr_assert(nc != na || memcmp(a, c, na * sizeof(int)) != 0);
}

Test(dgram_air, it_may_be_freed_with_datagrams_in_the_air) {
    impair(IMPAIR_UP, "latency=100");
    impair(IMPAIR_DOWN, "latency=100");
    send_number(1);
    peer_sends(1);
    pass(CLK_MS(1));
    dgram_free(dgram);
    dgram = NULL;
    pass(CLK_S(1));
    cr_assert_eq(told, 0);
    cr_assert_eq(peer_got_any(), 0);
}

Test(dgram_air, it_may_be_freed_from_its_callback) {
    impair(IMPAIR_DOWN, "latency=100");
    peer_sends(1);
    peer_sends(2);
    frees = true;
    pass(CLK_S(1));
    cr_assert_eq(told, 1);
    cr_assert_null(dgram);
}

Test(dgram_air, what_is_in_the_air_is_lost_with_the_bearer) {
    impair(IMPAIR_UP, "latency=100");
    send_number(1);
    bearer_down(&bearer);
    pass(CLK_S(1));
    cr_assert_eq(peer_got_any(), 0);
    cr_assert_eq(dgram_send(dgram, &peer, "x", 1), -ENETDOWN);
}
