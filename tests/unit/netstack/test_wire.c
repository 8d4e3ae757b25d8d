/* TCP links over an impaired path: wire_up, wire_down and syn as stream joins them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/stream.h"
#include "netstack/wire_down.h"
#include "netstack/wire_up.h"
#include "tests/support/fake_host.h"

enum { EVENTS_MAX = 4096, CONNECT_TIMEOUT_S = 200 };

static const struct net_addr server = {0xc0000201u, 80};

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;
static struct net_stream *stream; /* freed by teardown */
static struct {
    int opened, open_err, data, room, acked, closed;
    enum net_close why;
    int64_t opened_us, data_us, acked_us, closed_us;
    bool frees; /* stream_free from within the callback */
} seen;

static struct event {
    int64_t us;
    char what[16];
    unsigned n;
    size_t bytes;
    bool lost;
    int64_t wait_us;
} events[EVENTS_MAX];
static size_t nevents;

static int64_t now_us(void) {
    return clk_now(clk).us;
}

static void after_callback(void) {
    if (seen.frees) {
        stream_free(stream);
        stream = NULL;
    }
}

static void on_open(void *ctx, int err) {
    (void)ctx;
    seen.opened++;
    seen.open_err = err;
    seen.opened_us = now_us();
    after_callback();
}

static void on_data(void *ctx) {
    (void)ctx;
    seen.data++;
    seen.data_us = now_us();
    after_callback();
}

static void on_room(void *ctx) {
    (void)ctx;
    seen.room++;
    after_callback();
}

static void on_acked(void *ctx) {
    (void)ctx;
    seen.acked++;
    seen.acked_us = now_us();
    after_callback();
}

static void on_closed(void *ctx, enum net_close why) {
    (void)ctx;
    seen.closed++;
    seen.why = why;
    seen.closed_us = now_us();
    after_callback();
}

static const struct stream_events stream_events = {on_open, on_data, on_room, on_acked, on_closed};

static void on_trace(void *ctx, const struct bearer_trace *t) {
    (void)ctx;
    must(nevents < EVENTS_MAX);
    struct event *e = &events[nevents++];
    memset(e, 0, sizeof *e); /* events are compared as bytes */
    e->us = now_us();
    e->n = t->n;
    e->bytes = t->bytes;
    e->lost = t->lost;
    e->wait_us = t->wait.us;
    snprintf(e->what, sizeof e->what, "%s", t->what);
}

static void setup(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    bearer_init(&bearer, clk, fake_host_net(fake));
    bearer.rtt_ms = 3000;
    bearer.on_trace = on_trace;
    bearer_up(&bearer, 0x0a000001u);
}

static void teardown(void) {
    stream_free(stream);
    bearer_fini(&bearer);
    fake_host_free(fake);
    clk_close(clk);
}

TestSuite(wire, .init = setup, .fini = teardown);

static void run(void) {
    fake_host_settle(fake, clk);
}

/* Everything that falls due until then, each at its own instant. */
static void pass(clk_dur by) {
    fake_host_pass(fake, clk, by);
}

static void start(void) {
    int err = stream_connect(&stream, &bearer, &server, 0, 0, CLK_S(CONNECT_TIMEOUT_S),
                             &stream_events, NULL);
    cr_assert_eq(err, 0);
}

static struct fake_link *far(void) {
    return fake_host_link(fake, server.ip, server.port);
}

/* Connects over a clean path; the trace and the clock's reading begin behind it. */
static struct fake_link *connected(void) {
    start();
    run();
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.open_err, 0);
    nevents = 0;
    return far();
}

static void impair(enum impair_direction dir, const char *text) {
    struct sv wrong;
    cr_assert_eq(impair_parse(&bearer.impair[dir], sv_of(text), &wrong), 0, "%s", text);
    bearer_changed(&bearer);
}

static void both(const char *text) {
    impair(IMPAIR_UP, text);
    impair(IMPAIR_DOWN, text);
}

/* For another link in the same test. */
static void start_over(void) {
    both("none");
    stream_free(stream);
    stream = NULL;
    memset(&seen, 0, sizeof seen);
}

static size_t received(const struct fake_link *l) {
    size_t n;
    fake_host_received(l, &n);
    return n;
}

static void assert_received(const struct fake_link *l, const char *text) {
    size_t n;
    const uint8_t *p = fake_host_received(l, &n);
    cr_assert_eq(n, strlen(text), "%zu bytes", n);
    cr_assert(n == 0 || memcmp(p, text, n) == 0);
}

static void send_text(const char *text) {
    cr_assert_eq(stream_send(stream, text, strlen(text)), (int)strlen(text));
}

static uint64_t acked(void) {
    struct stream_counts counts;
    stream_counts(stream, &counts);
    return counts.acked;
}

/* The instants of all transmissions, in milliseconds since `from_us`. */
static void assert_transmissions(int64_t from_us, const int64_t *want_ms, size_t count) {
    size_t n = 0;
    for (size_t i = 0; i < nevents; i++) {
        if (strcmp(events[i].what, "transmit") != 0 && strcmp(events[i].what, "connect") != 0) {
            continue;
        }
        cr_assert_lt(n, count, "more than %zu transmissions", count);
        cr_assert_eq(events[i].us - from_us, want_ms[n] * 1000, "transmission %zu at %lld us",
                     n + 1, (long long)(events[i].us - from_us));
        n++;
    }
    cr_assert_eq(n, count, "%zu transmissions, want %zu", n, count);
}

#define ASSERT_TRANSMISSIONS(from_us, ...)                                                         \
    do {                                                                                           \
        static const int64_t want_[] = {__VA_ARGS__};                                              \
        assert_transmissions((from_us), want_, sizeof want_ / sizeof want_[0]);                    \
    } while (0)

static const struct event *last_event(const char *what) {
    for (size_t i = nevents; i > 0; i--) {
        if (strcmp(events[i - 1].what, what) == 0) {
            return &events[i - 1];
        }
    }
    return NULL;
}

/* -- up: delays -- */

Test(wire, latency_is_exact) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "latency=700");
    impair(IMPAIR_DOWN, "latency=300");
    send_text("hello");
    stream_watch_ack(stream);
    pass(CLK_US(699999));
    assert_received(l, "");
    pass(CLK_US(1));
    assert_received(l, "hello");
    cr_assert_eq(acked(), 0, "the acknowledgement is on its way back");
    pass(CLK_US(299999));
    cr_assert_eq(acked(), 0);
    cr_assert_eq(seen.acked, 0);
    pass(CLK_US(1));
    cr_assert_eq(acked(), 5);
    cr_assert_eq(seen.acked, 1);
    cr_assert_eq(seen.acked_us, 1000000);
    cr_assert_not_null(last_event("acknowledged"));
    cr_assert_eq(last_event("acknowledged")->us, 1000000);
    cr_assert_lt(clk_next_due(clk).us, 0, "nothing is outstanding: nothing is polled for");
    ASSERT_TRANSMISSIONS(0, 0);
}

Test(wire, a_clean_link_polls_only_while_something_is_outstanding) {
    struct fake_link *l = connected();
    fake_host_hold_acks(l, true);
    send_text("hello");
    pass(CLK_MS(500));
    cr_assert_eq(acked(), 0);
    cr_assert_geq(clk_next_due(clk).us, 0);
    fake_host_hold_acks(l, false);
    pass(CLK_MS(50));
    cr_assert_eq(acked(), 5);
    cr_assert_lt(clk_next_due(clk).us, 0);
}

Test(wire, links_and_bearer_add_up) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "latency=100");
    stream_impair(stream)[IMPAIR_UP].latency_ms = 50;
    stream_impair_changed(stream);
    send_text("x");
    pass(CLK_US(149999));
    assert_received(l, "");
    pass(CLK_US(1));
    assert_received(l, "x");
}

Test(wire, jitter_stays_within_its_bounds_and_in_order) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "latency=100,jitter=400");
    char want[21] = "";
    size_t before = 0;
    for (int i = 0; i < 20; i++) {
        char c[2] = {(char)('a' + i), '\0'};
        strncat(want, c, 1);
        send_text(c);
        pass(CLK_MS(10));
    }
    for (int ms = 200; ms <= 700; ms++) {
        size_t n = received(l);
        cr_assert(n >= before);
        cr_assert(ms >= 100 || n == 0);
        before = n;
        pass(CLK_MS(1));
    }
    assert_received(l, want);
    cr_assert_eq(seen.closed, 0);
}

Test(wire, the_rate_spreads_segments_out) {
    static uint8_t data[3 * WIRE_SEGMENT];
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "rate=11680,latency=10"); /* a segment a second */
    cr_assert_eq(stream_send(stream, data, sizeof data), (int)sizeof data);
    for (size_t i = 1; i <= 3; i++) {
        pass(CLK_US(i == 1 ? 1009999 : 999999));
        cr_assert_eq(received(l), (i - 1) * WIRE_SEGMENT);
        pass(CLK_US(1));
        cr_assert_eq(received(l), i * WIRE_SEGMENT);
    }
    pass(CLK_S(1));
    cr_assert_eq(acked(), sizeof data);
    ASSERT_TRANSMISSIONS(0, 0, 1000, 2000);
}

Test(wire, a_slow_path_is_not_a_lossy_one) {
    static uint8_t data[4 * WIRE_SEGMENT];
    bearer.rtt_ms = 50;
    bearer.retransmit = (struct retransmit_config){1, 500};
    connected();
    impair(IMPAIR_UP, "rate=1168"); /* ten seconds a segment, twenty times the least wait */
    stream_send(stream, data, sizeof data);
    pass(CLK_S(41));
    cr_assert_eq(seen.closed, 0);
    cr_assert_eq(acked(), sizeof data);
    ASSERT_TRANSMISSIONS(0, 0, 10000, 20000, 30000);
}

Test(wire, without_the_rate_what_it_held_up_goes_on) {
    static uint8_t data[3 * WIRE_SEGMENT];
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "rate=100");
    stream_send(stream, data, sizeof data);
    pass(CLK_S(2));
    cr_assert_eq(received(l), 0);
    impair(IMPAIR_UP, "none");
    run();
    cr_assert_eq(received(l), sizeof data);
}

/* -- up: losses -- */

Test(wire, a_lost_transmission_arrives_with_the_retransmission_that_gets_through) {
    static const int64_t at_ms[] = {0, 3000, 9000, 21000, 45000, 93000};
    for (unsigned k = 0; k <= 5; k++) {
        struct fake_link *l = connected();
        int64_t from_us = now_us();
        bearer.impair[IMPAIR_UP].lose_next = k;
        send_text("hello");
        send_text(" world");
        if (at_ms[k] > 0) {
            pass(CLK_US(at_ms[k] * 1000 - 1));
            assert_received(l, "");
            cr_assert_eq(acked(), 0);
            pass(CLK_US(1));
        }
        run();
        assert_received(l, "hello world");
        pass(CLK_S(1));
        cr_assert_eq(acked(), 11);
        cr_assert_eq(seen.closed, 0);
        if (k > 0) {
            assert_transmissions(from_us, at_ms, k + 1);
        }
        start_over();
    }
}

Test(wire, what_is_behind_a_lost_segment_waits_and_comes_in_order) {
    static uint8_t data[5 * WIRE_SEGMENT];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i / 7);
    }
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "lose=2,latency=10");
    stream_send(stream, data, sizeof data);
    pass(CLK_MS(9000)); /* 3020 and 6040 ms with the estimate of 3010 ms */
    cr_assert_eq(received(l), 0);
    pass(CLK_MS(40));
    size_t n;
    const uint8_t *p = fake_host_received(l, &n);
    cr_assert_eq(n, sizeof data);
    cr_assert_eq(memcmp(p, data, n), 0);
}

Test(wire, a_packet_is_timed_by_its_own_transmission) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "latency=1");
    send_text("a");
    pass(CLK_MS(500));
    cr_assert_eq(acked(), 1);
    int64_t from_us = now_us();
    nevents = 0;
    impair(IMPAIR_UP, "lose=1");
    send_text("b");
    pass(CLK_US(3001999)); /* the estimate knows of the latency */
    assert_received(l, "a");
    pass(CLK_US(1));
    assert_received(l, "ab");
    ASSERT_TRANSMISSIONS(from_us, 0, 3001);
}

Test(wire, an_acknowledgement_starts_the_schedule_of_what_is_behind_it) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "latency=1000");
    send_text("a");
    pass(CLK_MS(500));
    impair(IMPAIR_UP, "lose=1");
    send_text("b"); /* lost at 0.5 s */
    pass(CLK_MS(600));
    assert_received(l, "a");
    cr_assert_eq(acked(), 1);
    pass(CLK_US(4899999)); /* acknowledged at 1 s, rtt 4 s: retransmitted at 5 s, there at 6 s */
    assert_received(l, "a");
    pass(CLK_US(1));
    assert_received(l, "ab");
    ASSERT_TRANSMISSIONS(0, 0, 500, 5000);
}

Test(wire, the_newest_round_trip_time_counts) {
    connected();
    impair(IMPAIR_UP, "black-hole");
    send_text("x");
    pass(CLK_S(1));
    bearer.rtt_ms = 1000;
    pass(CLK_S(3)); /* 3 s, then 2 * 1 s */
    bearer.rtt_ms = 5000;
    pass(CLK_S(200)); /* then 4 * 5 s, 8 * 5 s, 55 s */
    ASSERT_TRANSMISSIONS(0, 0, 3000, 5000, 25000, 65000);
    cr_assert_eq(seen.why, NET_CLOSE_TIMEOUT);
    cr_assert_eq(seen.closed_us, 120000000);
}

Test(wire, losses_follow_the_seed) {
    static const uint64_t seeds[] = {1, 1, 2};
    static struct event first[EVENTS_MAX];
    size_t nfirst = 0;
    for (size_t i = 0; i < 3; i++) {
        connected();
        bearer_set_seed(&bearer, seeds[i]);
        both("loss=0.3");
        int64_t from_us = now_us();
        for (int k = 0; k < 50; k++) {
            send_text("x");
            pass(CLK_MS(100));
        }
        pass(CLK_S(200));
        cr_assert_eq(received(far()), 50);
        for (size_t k = 0; k < nevents; k++) {
            events[k].us -= from_us;
        }
        if (i == 0) {
            nfirst = nevents;
            memcpy(first, events, sizeof first);
        } else if (i == 1) {
            cr_assert_eq(nevents, nfirst);
            cr_assert_eq(memcmp(first, events, nevents * sizeof *events), 0);
        } else {
            cr_assert(nevents != nfirst || memcmp(first, events, nevents * sizeof *events) != 0);
        }
        start_over();
    }
}

Test(wire, a_black_hole_holds_data_and_gives_it_back_with_the_next_retransmission) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "black-hole");
    send_text("hello");
    pass(CLK_MS(9500));
    assert_received(l, "");
    impair(IMPAIR_UP, "none");
    pass(CLK_US(11499999)); /* 3 + 6 + 12 s */
    assert_received(l, "");
    pass(CLK_US(1));
    assert_received(l, "hello");
    pass(CLK_MS(10));
    cr_assert_eq(acked(), 5);
    send_text("!");
    assert_received(l, "hello!");
    ASSERT_TRANSMISSIONS(0, 0, 3000, 9000, 21000, 21010);
    cr_assert_eq(seen.closed, 0);
}

/* -- the end by the schedule -- */

Test(wire, when_the_schedule_has_run_out_the_link_is_closed_at_the_exact_instant) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "black-hole");
    send_text("hello");
    pass(CLK_US(119999999));
    cr_assert_eq(seen.closed, 0);
    pass(CLK_US(1));
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_TIMEOUT);
    cr_assert_eq(seen.closed_us, 120000000);
    ASSERT_TRANSMISSIONS(0, 0, 3000, 9000, 21000, 45000, 93000);
    cr_assert_eq(last_event("failed")->us, 120000000);
    impair(IMPAIR_UP, "none");
    pass(CLK_S(200));
    assert_received(l, "");
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_RESET);
    cr_assert_eq(seen.closed, 1);
    cr_assert_lt(clk_next_due(clk).us, 0);
}

Test(wire, nmretry_ends_it_earlier) {
    connected();
    bearer.retransmit.retries = 3;
    impair(IMPAIR_UP, "black-hole");
    send_text("hello");
    pass(CLK_S(200));
    cr_assert_eq(seen.closed_us, 45000000);
    ASSERT_TRANSMISSIONS(0, 0, 3000, 9000, 21000);
}

Test(wire, timeoutval_is_the_least_wait) {
    connected();
    bearer.retransmit.least_ms = 10000;
    impair(IMPAIR_UP, "black-hole");
    send_text("hello");
    pass(CLK_S(200));
    cr_assert_eq(seen.closed_us, 120000000);
    ASSERT_TRANSMISSIONS(0, 0, 10000, 20000, 32000, 56000, 104000);
}

Test(wire, a_peer_that_acknowledges_nothing_fails_it_too) {
    struct fake_link *l = connected();
    bearer.retransmit.retries = 1;
    fake_host_hold_acks(l, true);
    send_text("hello");
    pass(CLK_S(200));
    cr_assert_eq(seen.closed_us, 9000000);
    cr_assert_eq(seen.why, NET_CLOSE_TIMEOUT);
    ASSERT_TRANSMISSIONS(0, 0, 3000);
}

Test(wire, a_closed_window_is_not_a_failure) {
    static const char *const paths[] = {"none", "latency=200", "loss=0.2", "rate=9600"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct fake_link *l = connected();
        both(paths[i]);
        fake_host_window(l, 2);
        send_text("hello");
        pass(CLK_S(1000));
        assert_received(l, "he");
        cr_assert_eq(seen.closed, 0, "%s", paths[i]);
        cr_assert_eq(acked(), 2, "%s", paths[i]);
        fake_host_window(l, SIZE_MAX);
        pass(CLK_S(200));
        assert_received(l, "hello");
        cr_assert_eq(acked(), 5, "%s", paths[i]);
        start_over();
    }
}

Test(wire, behind_a_closed_window_a_black_hole_is_a_failure) {
    struct fake_link *l = connected();
    fake_host_window(l, 2);
    send_text("hello");
    pass(CLK_S(1000));
    cr_assert_eq(seen.closed, 0);
    impair(IMPAIR_DOWN, "black-hole"); /* the answers to its probes are lost */
    pass(CLK_S(130));
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_TIMEOUT);
}

/* -- acknowledgements -- */

Test(wire, a_lost_acknowledgement_costs_a_retransmission) {
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "lose=2");
    send_text("hello");
    stream_watch_ack(stream);
    run();
    assert_received(l, "hello");
    pass(CLK_US(2999999));
    cr_assert_eq(acked(), 0);
    pass(CLK_US(5999999));
    cr_assert_eq(acked(), 0);
    cr_assert_eq(seen.acked, 0);
    pass(CLK_MS(5));
    cr_assert_eq(acked(), 5);
    cr_assert_eq(seen.acked, 1);
    assert_received(l, "hello");
    ASSERT_TRANSMISSIONS(0, 0, 3000, 9000);
}

Test(wire, a_later_acknowledgement_makes_up_for_a_lost_one) {
    connected();
    impair(IMPAIR_DOWN, "lose=1,latency=100");
    send_text("a");
    pass(CLK_MS(50));
    send_text("b");
    pass(CLK_US(99999));
    cr_assert_eq(acked(), 0);
    pass(CLK_US(1));
    cr_assert_eq(acked(), 2);
    ASSERT_TRANSMISSIONS(0, 0, 50);
}

Test(wire, a_black_hole_on_the_way_back_fails_a_link_whose_peer_has_it_all) {
    struct fake_link *l = connected();
    bearer.retransmit.retries = 0;
    impair(IMPAIR_DOWN, "black-hole");
    send_text("hello");
    pass(CLK_US(2999999));
    cr_assert_eq(seen.closed, 0);
    pass(CLK_US(1));
    cr_assert_eq(seen.why, NET_CLOSE_TIMEOUT);
    cr_assert_eq(acked(), 0);
    assert_received(l, "hello");
}

Test(wire, what_the_peer_acknowledges_into_a_black_hole_is_not_known) {
    struct fake_link *l = connected();
    fake_host_hold_acks(l, true);
    send_text("hello");
    pass(CLK_S(1));
    impair(IMPAIR_DOWN, "black-hole");
    fake_host_hold_acks(l, false);
    pass(CLK_S(1));
    cr_assert_eq(acked(), 0);
    impair(IMPAIR_DOWN, "none");
    pass(CLK_MS(999));
    cr_assert_eq(acked(), 0);
    pass(CLK_MS(2));
    cr_assert_eq(acked(), 5);
    ASSERT_TRANSMISSIONS(0, 0, 3000);
}

/* -- down -- */

static size_t take_all(uint8_t *to) {
    size_t n;
    const uint8_t *p = stream_peek(stream, &n);
    if (n > 0) {
        memcpy(to, p, n);
        stream_consume(stream, n);
    }
    return n;
}

static void assert_read(const char *text) {
    uint8_t got[256];
    size_t n = take_all(got);
    cr_assert_eq(n, strlen(text), "%zu bytes", n);
    cr_assert_eq(memcmp(got, text, n), 0);
}

static void peer_says(struct fake_link *l, const char *text) {
    fake_host_send(l, text, strlen(text));
    run();
}

Test(wire, down_latency_is_exact_for_data_and_fin) {
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "latency=250");
    peer_says(l, "hello");
    pass(CLK_MS(100));
    fake_host_end(l, 0);
    pass(CLK_US(149999));
    cr_assert_eq(stream_available(stream), 0);
    cr_assert_eq(seen.data, 0);
    pass(CLK_US(1));
    assert_read("hello");
    cr_assert_eq(seen.data_us, 250000);
    pass(CLK_US(99999));
    cr_assert_eq(seen.closed, 0);
    pass(CLK_US(1));
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_REMOTE);
    cr_assert_eq(seen.closed_us, 350000);
    cr_assert_eq(seen.data, 1, "a FIN is no data");
}

Test(wire, down_jitter_keeps_the_order) {
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "latency=50,jitter=500");
    char want[21] = "";
    for (int i = 0; i < 20; i++) {
        char c[2] = {(char)('a' + i), '\0'};
        strncat(want, c, 1);
        peer_says(l, c);
        pass(CLK_MS(20));
    }
    pass(CLK_MS(550));
    assert_read(want);
    cr_assert_gt(seen.data, 2);
}

Test(wire, down_rate_spreads_segments_out) {
    static uint8_t data[3 * FAKE_HOST_SEGMENT];
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "rate=11680");
    fake_host_send(l, data, sizeof data);
    run();
    for (size_t i = 1; i <= 3; i++) {
        pass(CLK_US(999999));
        cr_assert_eq(stream_available(stream), (i - 1) * FAKE_HOST_SEGMENT);
        pass(CLK_US(1));
        cr_assert_eq(stream_available(stream), i * FAKE_HOST_SEGMENT);
    }
}

Test(wire, down_without_the_rate_what_it_held_up_goes_on) {
    static uint8_t data[20 * FAKE_HOST_SEGMENT];
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "rate=100,latency=10");
    fake_host_send(l, data, sizeof data);
    pass(CLK_S(2));
    cr_assert_eq(stream_available(stream), 0);
    impair(IMPAIR_DOWN, "rate=0");
    pass(CLK_MS(10));
    cr_assert_eq(stream_available(stream), sizeof data);
    peer_says(l, "x");
    pass(CLK_MS(10));
    cr_assert_eq(stream_available(stream), sizeof data + 1);
}

Test(wire, down_a_lost_segment_comes_with_the_peers_retransmission) {
    static const int64_t at_ms[] = {0, 1000, 3000, 7000, 15000, 31000, 63000, 127000, 191000};
    for (unsigned k = 0; k <= 8; k++) {
        struct fake_link *l = connected();
        int64_t from_us = now_us();
        bearer.impair[IMPAIR_DOWN].lose_next = k;
        peer_says(l, "hello");
        peer_says(l, " world");
        fake_host_end(l, 0);
        if (k > 0) {
            pass(CLK_US(at_ms[k] * 1000 - 1));
            cr_assert_eq(stream_available(stream), 0);
            cr_assert_eq(seen.closed, 0);
            pass(CLK_US(1));
        }
        run();
        cr_assert_eq(stream_available(stream), 11, "lose=%u", k);
        cr_assert_eq(seen.data_us - from_us, at_ms[k] * 1000);
        cr_assert_eq(seen.closed, 1);
        start_over();
    }
}

Test(wire, down_a_black_hole_holds_data_and_fin) {
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "black-hole");
    peer_says(l, "hello");
    fake_host_end(l, 0);
    pass(CLK_S(5));
    cr_assert_eq(stream_available(stream), 0);
    cr_assert_eq(seen.closed, 0);
    impair(IMPAIR_DOWN, "none");
    pass(CLK_US(1999999)); /* the peer retransmits at 1, 3, 7 s */
    cr_assert_eq(stream_available(stream), 0);
    pass(CLK_US(1));
    assert_read("hello");
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_REMOTE);
}

Test(wire, down_certain_loss_is_a_black_hole) {
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "loss=1");
    peer_says(l, "hello");
    pass(CLK_S(1000));
    cr_assert_eq(stream_available(stream), 0);
    impair(IMPAIR_DOWN, "loss=0");
    pass(CLK_S(64));
    assert_read("hello");
}

Test(wire, down_what_the_rate_has_not_let_go_falls_into_the_hole) {
    static uint8_t data[3 * FAKE_HOST_SEGMENT];
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "rate=11680");
    fake_host_send(l, data, sizeof data);
    pass(CLK_MS(1500));
    impair(IMPAIR_DOWN, "black-hole");
    pass(CLK_S(100));
    cr_assert_eq(stream_available(stream), FAKE_HOST_SEGMENT);
    bearer.impair[IMPAIR_DOWN].black_hole = false;
    bearer_changed(&bearer);
    pass(CLK_S(70));
    cr_assert_eq(stream_available(stream), sizeof data);
}

Test(wire, down_a_reset_comes_the_same_way) {
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "latency=100");
    peer_says(l, "hello");
    fake_host_end(l, -ECONNRESET);
    pass(CLK_US(99999));
    cr_assert_eq(seen.closed, 0);
    pass(CLK_US(1));
    cr_assert_eq(seen.why, NET_CLOSE_RESET);
    assert_read("hello");
}

Test(wire, down_what_the_host_has_given_up_on_is_told_at_once) {
    struct fake_link *l = connected();
    both("black-hole");
    fake_host_end(l, -ETIMEDOUT);
    run();
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_TIMEOUT);
}

Test(wire, other_changes_do_not_move_what_is_under_way) {
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "lose=2,latency=100");
    impair(IMPAIR_UP, "latency=200");
    peer_says(l, "hello");
    send_text("world");
    pass(CLK_MS(50));
    impair(IMPAIR_DOWN, "jitter=10,latency=1");
    impair(IMPAIR_UP, "latency=5000");
    pass(CLK_US(149999));
    assert_received(l, "");
    pass(CLK_US(1));
    assert_received(l, "world");
    pass(CLK_US(2899999));
    cr_assert_eq(stream_available(stream), 0);
    pass(CLK_US(1));
    assert_read("hello");
}

/* -- closing -- */

Test(wire, a_fin_takes_its_time) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "latency=100");
    stream_close(stream);
    pass(CLK_US(99999));
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_NOTHING);
    pass(CLK_US(1));
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_FIN);
    cr_assert_lt(clk_next_due(clk).us, 0);
}

Test(wire, a_lost_fin_is_sent_again_by_the_schedule) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "lose=2");
    stream_free(stream);
    stream = NULL;
    pass(CLK_US(8999999));
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_NOTHING);
    pass(CLK_US(1));
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_FIN);
    ASSERT_TRANSMISSIONS(0, 0, 3000, 9000);
}

Test(wire, a_fin_that_never_arrives_is_given_up_by_the_schedule) {
    struct fake_link *l = connected();
    bearer.retransmit.retries = 2;
    impair(IMPAIR_UP, "black-hole");
    send_text("hello");
    stream_free(stream);
    stream = NULL;
    pass(CLK_US(20999999));
    cr_assert_eq(fake_host_open_count(fake), 1);
    pass(CLK_US(1));
    cr_assert_eq(fake_host_open_count(fake), 0);
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_RESET);
    assert_received(l, "");
    cr_assert_lt(clk_next_due(clk).us, 0);
}

Test(wire, data_and_fin_of_a_closed_link_come_out_of_a_black_hole) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "black-hole");
    send_text("hello");
    stream_close(stream);
    pass(CLK_S(5));
    impair(IMPAIR_UP, "none");
    pass(CLK_US(3999999));
    assert_received(l, "");
    pass(CLK_US(1));
    assert_received(l, "hello");
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_FIN);
    cr_assert_eq(seen.closed, 0);
}

Test(wire, after_our_close_nothing_is_told) {
    struct fake_link *l = connected();
    both("latency=100");
    peer_says(l, "hello");
    send_text("x");
    stream_close(stream);
    fake_host_end(l, 0);
    pass(CLK_S(10));
    cr_assert_eq(seen.data, 0);
    cr_assert_eq(seen.closed, 0);
    cr_assert_eq(stream_available(stream), 0);
}

/* -- room -- */

Test(wire, room_is_told_when_the_path_is_clean_again) {
    static uint8_t data[LIMIT_STREAM_OUT + 1];
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "rate=1");
    cr_assert_eq(stream_send(stream, data, sizeof data), LIMIT_STREAM_OUT);
    impair(IMPAIR_UP, "none");
    cr_assert_eq(seen.room, 0, "not from inside the change");
    pass(CLK_MS(1));
    cr_assert_eq(seen.room, 1);
    cr_assert_eq(received(l), LIMIT_STREAM_OUT);
}

/* -- connecting -- */

Test(wire, connecting_loses_syns_by_the_schedule) {
    static const int64_t at_ms[] = {0, 3000, 9000, 21000, 45000, 93000};
    for (unsigned k = 0; k <= 5; k++) {
        nevents = 0;
        int64_t from_us = now_us();
        bearer.impair[IMPAIR_UP].lose_next = k;
        start();
        pass(CLK_S(150));
        cr_assert_eq(seen.opened, 1);
        cr_assert_eq(seen.open_err, 0);
        cr_assert_eq(seen.opened_us - from_us, at_ms[k] * 1000);
        assert_transmissions(from_us, at_ms, k + 1);
        start_over();
    }
}

Test(wire, connecting_loses_answers_too) {
    impair(IMPAIR_DOWN, "lose=2");
    start();
    pass(CLK_S(100));
    cr_assert_eq(seen.opened_us, 9000000);
    ASSERT_TRANSMISSIONS(0, 0, 3000, 9000);
}

Test(wire, connecting_takes_both_ways) {
    impair(IMPAIR_UP, "latency=400");
    impair(IMPAIR_DOWN, "latency=600");
    start();
    pass(CLK_US(399999));
    cr_assert_null(far());
    pass(CLK_US(600000));
    cr_assert_eq(seen.opened, 0);
    pass(CLK_US(1));
    cr_assert_eq(seen.opened, 1);
    send_text("x");
    pass(CLK_S(1));
    assert_received(far(), "x");
}

Test(wire, a_refusal_takes_both_ways_too) {
    fake_host_on_connect(fake, 0, 0, FAKE_REFUSE);
    both("latency=500");
    start();
    pass(CLK_US(999999));
    cr_assert_eq(seen.opened, 0);
    pass(CLK_US(1));
    cr_assert_eq(seen.open_err, -ECONNREFUSED);
    cr_assert_eq(fake_host_open_count(fake), 0);
}

Test(wire, an_answer_under_way_when_the_time_is_over_is_not_told) {
    impair(IMPAIR_DOWN, "latency=5000");
    int err = stream_connect(&stream, &bearer, &server, 0, 0, CLK_S(3), &stream_events, NULL);
    cr_assert_eq(err, 0);
    pass(CLK_S(20));
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.open_err, -ETIMEDOUT);
    cr_assert_eq(seen.opened_us, 3000000);
    cr_assert_eq(fake_host_open_count(fake), 0);
}

Test(wire, the_earlier_of_timeout_and_schedule_ends_connecting) {
    static const struct {
        int64_t timeout_s;
        unsigned retries;
        int64_t want_s;
    } rows[] = {{120, 10, 120}, {130, 10, 120}, {119, 10, 119}, {130, 3, 45},
                {44, 3, 44},    {46, 3, 45},    {1, 0, 1},      {10, 0, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        impair(IMPAIR_UP, "black-hole");
        int64_t from_us = now_us();
        bearer.retransmit.retries = rows[i].retries;
        int err = stream_connect(&stream, &bearer, &server, 0, 0, CLK_S(rows[i].timeout_s),
                                 &stream_events, NULL);
        cr_assert_eq(err, 0);
        pass(CLK_S(200));
        cr_assert_eq(seen.opened, 1);
        cr_assert_eq(seen.open_err, -ETIMEDOUT);
        cr_assert_eq(seen.opened_us - from_us, CLK_S(rows[i].want_s).us, "row %zu", i);
        cr_assert_null(far(), "no SYN has arrived");
        start_over();
    }
}

Test(wire, a_silent_peer_is_called_by_the_schedule_as_well) {
    fake_host_on_connect(fake, 0, 0, FAKE_SILENT);
    bearer.retransmit.retries = 2;
    start();
    pass(CLK_S(300));
    cr_assert_eq(seen.open_err, -ETIMEDOUT);
    cr_assert_eq(seen.opened_us, 21000000);
    ASSERT_TRANSMISSIONS(0, 0, 3000, 9000);
    cr_assert_eq(last_event("failed")->us, 21000000);
}

Test(wire, a_late_syn_is_not_put_off_by_its_retransmission) {
    bearer.rtt_ms = 0;
    impair(IMPAIR_UP, "latency=2000");
    start();
    impair(IMPAIR_UP, "latency=60000");
    pass(CLK_S(2)); /* the schedule, which knew of 2 s, transmits once more */
    ASSERT_TRANSMISSIONS(0, 0, 2000);
    cr_assert_eq(seen.opened, 1);
}

/* -- voice calls and dormancy -- */

Test(wire, suspended_nothing_passes_either_way) {
    struct fake_link *l = connected();
    bearer.is_suspended = true;
    bearer_changed(&bearer);
    send_text("up");
    peer_says(l, "down");
    pass(CLK_S(10));
    assert_received(l, "");
    cr_assert_eq(stream_available(stream), 0);
    bearer.is_suspended = false;
    bearer_changed(&bearer);
    pass(CLK_S(12));
    assert_received(l, "up");
    assert_read("down");
    cr_assert_eq(acked(), 2);
}

Test(wire, a_forgotten_link_tells_the_peer_nothing_however_bad_the_path) {
    static const char *const paths[] = {"none", "latency=100", "black-hole", "rate=100"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct fake_link *l = connected();
        both(paths[i]);
        send_text("hello");
        stream_forget(stream);
        pass(CLK_S(300));
        cr_assert_eq(fake_host_seen(l), FAKE_SEEN_NOTHING);
        assert_received(l, i == 0 ? "hello" : "");
        start_over();
    }
}

/* -- a lot at once -- */

static const char *const paths[] = {
    "none",
    "latency=40",
    "latency=40,jitter=200",
    "rate=8000000",
    "rate=8000000,latency=5,jitter=5",
    "lose=3",
    "loss=0.05",
    "loss=0.02,latency=30,jitter=30,rate=4000000",
};

static uint8_t pattern(size_t i) {
    return (uint8_t)((i * 2654435761u) >> 13);
}

enum { MEBIBYTE = 1 << 20 };

/* In pieces so small that WIRE_FLIGHTS and WIRE_CHUNKS fill up, and in big ones. */
Test(wire, a_mebibyte_each_way_through_each_impairment_is_byte_exact, .timeout = 60) {
    uint8_t *data = malloc(MEBIBYTE);
    uint8_t *got = malloc(MEBIBYTE + LIMIT_STREAM_IN);
    for (size_t i = 0; i < MEBIBYTE; i++) {
        data[i] = pattern(i);
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        bearer.rtt_ms = 50;
        struct fake_link *l = connected();
        both(paths[i]);
        size_t sent = 0;
        size_t down = 0;
        size_t have = 0;
        size_t piece = 1;
        while (received(l) < MEBIBYTE || have < MEBIBYTE || acked() < MEBIBYTE) {
            cr_assert_eq(seen.closed, 0, "%s: at %zu and %zu", paths[i], received(l), have);
            piece = piece == 1 ? 7 : piece == 7 ? 3000 : piece == 3000 ? 20000 : 1;
            for (int k = 0; k < 70; k++) {
                size_t n = piece < MEBIBYTE - sent ? piece : MEBIBYTE - sent;
                int took = stream_send(stream, data + sent, n);
                cr_assert_geq(took, 0);
                sent += (size_t)took;
                n = piece < MEBIBYTE - down ? piece : MEBIBYTE - down;
                fake_host_send(l, data + down, n);
                down += n;
                run();
            }
            pass(CLK_MS(20));
            have += take_all(got + have);
            nevents = 0;
        }
        size_t n;
        const uint8_t *p = fake_host_received(l, &n);
        cr_assert_eq(n, MEBIBYTE, "%s", paths[i]);
        cr_assert_eq(have, MEBIBYTE, "%s", paths[i]);
        cr_assert_eq(memcmp(p, data, MEBIBYTE), 0, "%s", paths[i]);
        cr_assert_eq(memcmp(got, data, MEBIBYTE), 0, "%s", paths[i]);
        start_over();
    }
    free(data);
    free(got);
}

/* -- the end of it -- */

enum { WHEN_CONNECTING, WHEN_CONNECTED, WHEN_SENDING, WHEN_RECEIVING, WHEN_ENDING, WHENS };

Test(wire, it_may_be_freed_in_every_state_under_every_impairment) {
    static const char *const bad[] = {"latency=100", "rate=1000",  "lose=2", "loss=0.5",
                                      "black-hole",  "jitter=300", "none"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (int when = 0; when < WHENS; when++) {
            for (int ms = 0; ms <= 4000; ms += 400) {
                memset(&seen, 0, sizeof seen);
                if (when == WHEN_CONNECTING) {
                    both(bad[i]);
                    start();
                } else {
                    connected();
                    both(bad[i]);
                }
                if (when == WHEN_SENDING) {
                    send_text("abc");
                    stream_watch_ack(stream);
                } else if (when == WHEN_RECEIVING) {
                    peer_says(far(), "abc");
                } else if (when == WHEN_ENDING) {
                    peer_says(far(), "abc");
                    send_text("abc");
                    fake_host_end(far(), 0);
                }
                pass(CLK_MS(ms));
                stream_free(stream);
                stream = NULL;
                memset(&seen, 0, sizeof seen);
                if (ms % 800 == 0) {
                    pass(CLK_S(130));
                    cr_assert_eq(fake_host_open_count(fake), 0, "%s, %d", bad[i], when);
                    cr_assert_lt(clk_next_due(clk).us, 0, "%s, %d", bad[i], when);
                } else {
                    bearer_down(&bearer); /* an orphan goes with it */
                    cr_assert_eq(fake_host_open_count(fake), 0);
                    bearer_up(&bearer, 1);
                }
                cr_assert_eq(seen.opened + seen.data + seen.acked + seen.closed, 0);
                both("none");
                nevents = 0;
            }
        }
    }
}

Test(wire, it_may_be_freed_from_each_callback_on_a_bad_path) {
    enum { OPEN, DATA, ACKED, ROOM, CLOSED, FAILED, TIMED_OUT, N };
    static uint8_t much[2 * LIMIT_STREAM_OUT];
    for (int i = OPEN; i < N; i++) {
        memset(&seen, 0, sizeof seen);
        seen.frees = i == OPEN || i == TIMED_OUT;
        both(i == TIMED_OUT ? "black-hole" : "latency=50");
        start();
        pass(CLK_S(i == TIMED_OUT ? 200 : 1));
        seen.frees = true;
        switch (i) {
        case DATA:
            fake_host_send(far(), much, 5000);
            break;
        case ACKED:
            send_text("abc");
            stream_watch_ack(stream);
            break;
        case ROOM:
            stream_send(stream, much, sizeof much);
            break;
        case CLOSED:
            fake_host_end(far(), 0);
            break;
        case FAILED:
            impair(IMPAIR_UP, "black-hole");
            send_text("abc");
            break;
        default:
            break;
        }
        pass(CLK_S(150));
        cr_assert_null(stream, "callback %d", i);
        both("none");
        bearer_down(&bearer);
        cr_assert_eq(fake_host_open_count(fake), 0, "callback %d", i);
        bearer_up(&bearer, 1);
        nevents = 0;
    }
}

/* -- a path that ends links -- */

Test(wire, link_is_reset_behind_so_many_bytes_up) {
    struct fake_link *l = connected();
    impair(IMPAIR_UP, "cut=5");
    send_text("abc");
    run();
    cr_assert_eq(seen.closed, 0);
    send_text("defgh");
    run();
    assert_received(l, "abcde");
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_RESET);
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_RESET);
}

Test(wire, link_is_reset_behind_so_many_bytes_down) {
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "cut=4,latency=100");
    peer_says(l, "abcdefg");
    pass(CLK_MS(200));
    assert_read("abcd");
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_RESET);
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_RESET);
}

Test(wire, what_came_before_the_cut_stays_readable) {
    struct fake_link *l = connected();
    impair(IMPAIR_DOWN, "cut=4");
    peer_says(l, "abcdefg");
    run();
    assert_read("abcd");
    cr_assert_eq(seen.closed, 1);
}

Test(wire, refused_connect_asks_no_host) {
    impair(IMPAIR_UP, "refuse,latency=300");
    impair(IMPAIR_DOWN, "latency=200");
    start();
    pass(CLK_US(499999));
    cr_assert_eq(seen.opened, 0);
    pass(CLK_US(1));
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.open_err, -ECONNREFUSED);
    cr_assert_null(fake_host_link(fake, server.ip, server.port));
}
