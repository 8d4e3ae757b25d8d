#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"
#include "netstack/bearer.h"
#include "netstack/listener.h"
#include "netstack/stream.h"
#include "tests/support/fake_host.h"

static const struct net_addr server = {0xc0000201u, 80};

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;
static struct net_stream *stream; /* freed by teardown */
static bool is_inside;            /* a stream_ call is running: nobody may call back */
static struct {
    int opened, open_err, data, room, acked, closed;
    enum net_close why;
    bool frees; /* stream_free from within the callback */
} seen;

#define INSIDE(call)                                                                               \
    do {                                                                                           \
        is_inside = true;                                                                          \
        call;                                                                                      \
        is_inside = false;                                                                         \
    } while (0)

static void after_callback(void) {
    if (seen.frees) {
        stream_free(stream);
        stream = NULL;
    }
}

static void on_open(void *ctx, int err) {
    (void)ctx;
    cr_assert_not(is_inside);
    seen.opened++;
    seen.open_err = err;
    after_callback();
}

static void on_data(void *ctx) {
    (void)ctx;
    cr_assert_not(is_inside);
    seen.data++;
    after_callback();
}

static void on_room(void *ctx) {
    (void)ctx;
    cr_assert_not(is_inside);
    seen.room++;
    after_callback();
}

static void on_acked(void *ctx) {
    (void)ctx;
    cr_assert_not(is_inside);
    seen.acked++;
    after_callback();
}

static void on_closed(void *ctx, enum net_close why) {
    (void)ctx;
    cr_assert_not(is_inside);
    seen.closed++;
    seen.why = why;
    after_callback();
}

static const struct stream_events events = {on_open, on_data, on_room, on_acked, on_closed};

static void setup(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    bearer_init(&bearer, clk, fake_host_net(fake));
    bearer_up(&bearer, 0x0a000001u);
}

/* Asserts here are not counted by criterion: the musts of fake_host_free end the process. */
static void teardown(void) {
    stream_free(stream);
    bearer_fini(&bearer);
    fake_host_free(fake);
    clk_close(clk);
}

static void run(void) {
    fake_host_settle(fake, clk);
}

static void start(void) {
    INSIDE(
        cr_assert_eq(stream_connect(&stream, &bearer, &server, 0, 0, CLK_S(10), &events, NULL), 0));
}

static struct fake_link *connected(void) {
    start();
    run();
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.open_err, 0);
    return fake_host_link(fake, server.ip, server.port);
}

static size_t received(const struct fake_link *l) {
    size_t n;
    fake_host_received(l, &n);
    return n;
}

static void fill(uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 31 + i / 256);
    }
}

TestSuite(stream, .init = setup, .fini = teardown);

Test(stream, a_connect_that_is_accepted_opens) {
    start();
    cr_assert_eq(stream_state(stream), STREAM_CONNECTING);
    cr_assert_eq(seen.opened, 0);
    run();
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.open_err, 0);
    cr_assert_eq(stream_state(stream), STREAM_OPEN);
    cr_assert_eq(stream_peer(stream)->ip, server.ip);
    cr_assert_eq(stream_peer(stream)->port, 80);
    cr_assert_lt(clk_next_due(clk).us, 0, "an idle link has no timer");
}

Test(stream, a_connect_that_is_refused_says_why_once) {
    fake_host_on_connect(fake, server.ip, 80, FAKE_REFUSE);
    start();
    run();
    cr_assert_eq(seen.open_err, -ECONNREFUSED);
    cr_assert_eq(stream_state(stream), STREAM_CLOSED);
    clk_advance(clk, CLK_S(200));
    run();
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.closed, 0);
    cr_assert_eq(fake_host_open_count(fake), 0);
}

Test(stream, an_unreachable_peer_says_so) {
    fake_host_on_connect(fake, 0, 0, FAKE_UNREACHABLE);
    start();
    run();
    cr_assert_eq(seen.open_err, -EHOSTUNREACH);
}

Test(stream, what_the_host_refuses_at_once_is_returned) {
    fake_host_on_connect(fake, server.ip, 0, FAKE_NO_ROUTE);
    int err = stream_connect(&stream, &bearer, &server, 0, 0, CLK_S(10), &events, NULL);
    cr_assert_eq(err, -ENETUNREACH);
    cr_assert_null(stream);
    run();
    cr_assert_eq(seen.opened, 0);
}

Test(stream, a_silent_peer_times_out_at_the_exact_instant) {
    fake_host_on_connect(fake, server.ip, 80, FAKE_SILENT);
    start();
    clk_advance(clk, CLK_US(9999999));
    run();
    cr_assert_eq(seen.opened, 0);
    clk_advance(clk, CLK_US(1));
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.open_err, -ETIMEDOUT);
    cr_assert_eq(fake_host_open_count(fake), 0);
}

Test(stream, without_a_bearer_there_is_no_link) {
    bearer_down(&bearer);
    int err = stream_connect(&stream, &bearer, &server, 0, 0, CLK_S(1), &events, NULL);
    cr_assert_eq(err, -ENETDOWN);
}

Test(stream, a_local_port_is_passed_on) {
    cr_assert_eq(stream_connect(&stream, &bearer, &server, 4242, 0, CLK_S(1), &events, NULL), 0);
    cr_assert_eq(fake_host_local_port(fake_host_link(fake, server.ip, 80)), 4242);
}

Test(stream, data_goes_both_ways_and_is_counted) {
    struct fake_link *l = connected();
    INSIDE(cr_assert_eq(stream_send(stream, "hello", 5), 5));
    cr_assert_eq(received(l), 5);
    fake_host_send(l, "world!", 6);
    run();
    cr_assert_eq(seen.data, 1);
    size_t n;
    const uint8_t *p = stream_peek(stream, &n);
    cr_assert_eq(n, 6);
    cr_assert_eq(memcmp(p, "world!", 6), 0);
    stream_consume(stream, 2);
    cr_assert_eq(stream_available(stream), 4);
    struct stream_counts counts;
    stream_counts(stream, &counts);
    cr_assert_eq(counts.sent, 5);
    cr_assert_eq(counts.acked, 5);
    cr_assert_eq(counts.received, 6);
}

Test(stream, a_full_input_stops_reading_and_loses_nothing) {
    static uint8_t sent[3 * LIMIT_STREAM_IN];
    static uint8_t got[3 * LIMIT_STREAM_IN];
    fill(sent, sizeof sent);
    struct fake_link *l = connected();
    fake_host_send(l, sent, sizeof sent);
    fake_host_end(l, 0);
    run();
    size_t held = stream_available(stream);
    cr_assert_geq(held, LIMIT_STREAM_IN);
    cr_assert_leq(held, LIMIT_STREAM_IN + HOST_READ_MAX);
    cr_assert_eq(fake_host_unread(l), sizeof sent - held, "the peer's window is closed");
    cr_assert_eq(seen.closed, 0, "the FIN is behind the data");

    size_t at = 0;
    while (at < sizeof got) {
        size_t n;
        const uint8_t *p = stream_peek(stream, &n);
        cr_assert_gt(n, 0);
        n = n > 1000 ? 1000 : n;
        memcpy(got + at, p, n);
        at += n;
        INSIDE(stream_consume(stream, n));
        run();
    }
    cr_assert_eq(memcmp(got, sent, sizeof sent), 0);
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_REMOTE);
}

Test(stream, a_full_output_makes_a_short_send_then_room) {
    static uint8_t data[LIMIT_STREAM_OUT + 5000];
    fill(data, sizeof data);
    struct fake_link *l = connected();
    fake_host_window(l, 1000);
    INSIDE(cr_assert_eq(stream_send(stream, data, sizeof data), LIMIT_STREAM_OUT + 1000));
    cr_assert_eq(stream_room(stream), 0);
    INSIDE(cr_assert_eq(stream_send(stream, data, 1), 0));
    run();
    cr_assert_eq(seen.room, 0);
    fake_host_window(l, 2000);
    run();
    cr_assert_eq(seen.room, 1);
    cr_assert_eq(stream_room(stream), 2000);
    int more = stream_send(stream, data + LIMIT_STREAM_OUT + 1000, 4000);
    cr_assert_eq(more, 2000);
    fake_host_window(l, SIZE_MAX);
    run();
    cr_assert_eq(seen.room, 2);
    cr_assert_eq(stream_send(stream, data + LIMIT_STREAM_OUT + 3000, 2000), 2000);
    size_t n;
    const uint8_t *p = fake_host_received(l, &n);
    cr_assert_eq(n, sizeof data);
    cr_assert_eq(memcmp(p, data, n), 0);
}

Test(stream, room_is_not_told_without_a_short_send) {
    struct fake_link *l = connected();
    fake_host_window(l, 1);
    cr_assert_eq(stream_send(stream, "abc", 3), 3);
    fake_host_window(l, SIZE_MAX);
    run();
    cr_assert_eq(received(l), 3);
    cr_assert_eq(seen.room, 0);
}

Test(stream, after_a_fin_the_data_stays_readable_and_our_side_closes) {
    struct fake_link *l = connected();
    fake_host_send(l, "last", 4);
    fake_host_end(l, 0);
    run();
    cr_assert_eq(seen.data, 1);
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_REMOTE);
    cr_assert_eq(stream_state(stream), STREAM_CLOSED);
    cr_assert_eq(stream_available(stream), 4);
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_FIN);
    cr_assert_eq(stream_send(stream, "x", 1), -ENOTCONN);
    cr_assert_eq(stream_room(stream), 0);
    stream_consume(stream, 4);
    stream_close(stream);
    run();
    cr_assert_eq(seen.closed, 1);
}

Test(stream, a_fin_does_not_cut_what_is_still_to_be_sent) {
    struct fake_link *l = connected();
    fake_host_window(l, 2);
    cr_assert_eq(stream_send(stream, "abcdef", 6), 6);
    fake_host_end(l, 0);
    run();
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_NOTHING);
    fake_host_window(l, SIZE_MAX);
    run();
    cr_assert_eq(received(l), 6);
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_FIN);
    cr_assert_eq(seen.closed, 1);
}

Test(stream, a_reset_is_told_and_keeps_what_was_received) {
    struct fake_link *l = connected();
    fake_host_send(l, "abc", 3);
    fake_host_end(l, -ECONNRESET);
    run();
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_RESET);
    cr_assert_eq(stream_available(stream), 3);
    cr_assert_eq(fake_host_open_count(fake), 0);
}

Test(stream, a_link_that_dies_unacknowledged_timed_out) {
    struct fake_link *l = connected();
    fake_host_end(l, -ETIMEDOUT);
    run();
    cr_assert_eq(seen.why, NET_CLOSE_TIMEOUT);
}

Test(stream, a_broken_write_waits_for_the_end_to_be_told) {
    struct fake_link *l = connected();
    fake_host_end(l, -ECONNRESET);
    cr_assert_eq(stream_send(stream, "abc", 3), 3);
    cr_assert_eq(seen.closed, 0);
    run();
    cr_assert_eq(seen.closed, 1);
    struct stream_counts counts;
    stream_counts(stream, &counts);
    cr_assert_eq(counts.acked, 0);
}

Test(stream, the_loss_of_the_bearer_ends_it_in_a_later_turn) {
    connected();
    INSIDE(bearer_down(&bearer));
    cr_assert_eq(stream_state(stream), STREAM_CLOSED);
    cr_assert_eq(stream_send(stream, "x", 1), -ENOTCONN);
    cr_assert_eq(fake_host_open_count(fake), 0);
    cr_assert_eq(seen.closed, 0);
    run();
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, NET_CLOSE_NETWORK);
}

Test(stream, the_loss_of_the_bearer_ends_connecting) {
    fake_host_on_connect(fake, 0, 0, FAKE_SILENT);
    start();
    INSIDE(bearer_down(&bearer));
    run();
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.open_err, -ENETDOWN);
    clk_advance(clk, CLK_S(20));
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.closed, 0);
}

Test(stream, a_close_after_the_loss_of_the_bearer_silences_it) {
    connected();
    bearer_down(&bearer);
    stream_close(stream);
    run();
    cr_assert_eq(seen.closed, 0);
}

Test(stream, acknowledgements_are_told_in_the_next_turn) {
    connected();
    stream_send(stream, "abc", 3);
    INSIDE(stream_watch_ack(stream));
    cr_assert_eq(seen.acked, 0);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.acked, 1);
    cr_assert_lt(clk_next_due(clk).us, 0, "nothing is left to poll for");
    stream_watch_ack(stream);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.acked, 2, "once a call");
}

Test(stream, acknowledgements_that_lag_are_polled_for) {
    static const int64_t instants_ms[] = {0, 1, 3, 7, 15, 31, 63, 113, 163, 213};
    struct fake_link *l = connected();
    fake_host_hold_acks(l, true);
    stream_send(stream, "abc", 3);
    stream_watch_ack(stream);
    clk_mono begin = clk_now(clk);
    for (size_t i = 0; i < sizeof instants_ms / sizeof instants_ms[0]; i++) {
        clk_dur left = clk_next_due(clk);
        cr_assert_eq(clk_since(clk, begin).us + left.us, instants_ms[i] * 1000);
        clk_advance(clk, left);
        cr_assert_eq(seen.acked, 0);
    }
    struct stream_counts counts;
    stream_counts(stream, &counts);
    cr_assert_eq(counts.acked, 0);
    fake_host_hold_acks(l, false);
    clk_advance(clk, CLK_MS(50));
    cr_assert_eq(seen.acked, 1);
    stream_counts(stream, &counts);
    cr_assert_eq(counts.acked, 3);
}

Test(stream, a_watch_is_for_what_was_sent_before_it) {
    struct fake_link *l = connected();
    stream_send(stream, "abc", 3);
    stream_watch_ack(stream);
    fake_host_hold_acks(l, true);
    stream_send(stream, "def", 3);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.acked, 1);
}

Test(stream, close_sends_a_fin_and_nothing_is_told) {
    struct fake_link *l = connected();
    stream_send(stream, "abc", 3);
    INSIDE(stream_close(stream));
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_FIN);
    run();
    clk_advance(clk, CLK_S(200));
    cr_assert_eq(seen.closed, 0);
    cr_assert_eq(received(l), 3);
}

Test(stream, received_data_stays_readable_after_our_close) {
    struct fake_link *l = connected();
    fake_host_send(l, "abc", 3);
    run();
    stream_close(stream);
    cr_assert_eq(stream_available(stream), 3);
}

Test(stream, what_was_accepted_is_delivered_after_free) {
    struct fake_link *l = connected();
    fake_host_window(l, 1);
    stream_send(stream, "abcdef", 6);
    INSIDE(stream_free(stream));
    stream = NULL;
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_NOTHING);
    fake_host_send(l, "nobody reads this", 17);
    clk_advance(clk, CLK_S(119));
    fake_host_window(l, 2);
    run();
    cr_assert_eq(fake_host_unread(l), 0);
    fake_host_window(l, SIZE_MAX);
    run();
    cr_assert_eq(received(l), 6);
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_FIN);
    cr_assert_eq(seen.closed + seen.data, 0);
    cr_assert_lt(clk_next_due(clk).us, 0);
}

Test(stream, the_rest_is_given_up_after_120_seconds) {
    struct fake_link *l = connected();
    fake_host_window(l, 1);
    stream_send(stream, "abcdef", 6);
    stream_free(stream);
    stream = NULL;
    clk_advance(clk, CLK_US(119999999));
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_NOTHING);
    clk_advance(clk, CLK_US(1));
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_RESET);
}

Test(stream, a_reset_ends_an_orphan) {
    struct fake_link *l = connected();
    fake_host_window(l, 1);
    stream_send(stream, "abcdef", 6);
    stream_free(stream);
    stream = NULL;
    fake_host_end(l, 0);
    run();
    cr_assert_eq(fake_host_open_count(fake), 1);
    fake_host_end(l, -ECONNRESET);
    run();
    cr_assert_eq(fake_host_open_count(fake), 0);
}

Test(stream, an_orphan_goes_with_the_bearer) {
    struct fake_link *l = connected();
    fake_host_window(l, 1);
    stream_send(stream, "abcdef", 6);
    stream_free(stream);
    stream = NULL;
    bearer_down(&bearer);
    cr_assert_eq(fake_host_open_count(fake), 0);
    run();
    cr_assert_eq(seen.closed, 0);
}

Test(stream, reset_sends_a_rst_and_nothing_is_told) {
    struct fake_link *l = connected();
    INSIDE(stream_reset(stream));
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_RESET);
    run();
    cr_assert_eq(seen.closed, 0);
    cr_assert_eq(stream_state(stream), STREAM_CLOSED);
}

Test(stream, reset_also_ends_what_is_still_being_sent) {
    struct fake_link *l = connected();
    fake_host_window(l, 1);
    stream_send(stream, "abcdef", 6);
    stream_close(stream);
    stream_reset(stream);
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_RESET);
}

Test(stream, it_may_be_freed_while_connecting) {
    start();
    INSIDE(stream_free(stream));
    stream = NULL;
    run();
    clk_advance(clk, CLK_S(20));
    cr_assert_eq(seen.opened, 0);
    cr_assert_eq(fake_host_open_count(fake), 0);
    stream_free(NULL);
}

Test(stream, it_may_be_freed_from_each_callback) {
    enum { OPEN, DATA, ACKED, ROOM, CLOSED, DOWN, REFUSED, N };
    for (int i = OPEN; i < N; i++) {
        memset(&seen, 0, sizeof seen);
        fake_host_on_connect(fake, server.ip, 80, i == REFUSED ? FAKE_REFUSE : FAKE_ACCEPT);
        seen.frees = i == OPEN || i == REFUSED;
        start();
        run();
        seen.frees = true;
        struct fake_link *l = fake_host_link(fake, server.ip, 80);
        static uint8_t much[2 * LIMIT_STREAM_OUT];
        switch (i) {
        case DATA:
            fake_host_send(l, much, 5000);
            break;
        case ACKED:
            stream_watch_ack(stream);
            break;
        case ROOM:
            fake_host_window(l, 1);
            stream_send(stream, much, sizeof much);
            fake_host_window(l, 1);
            break;
        case CLOSED:
            fake_host_end(l, 0);
            break;
        case DOWN:
            bearer_down(&bearer);
            break;
        default:
            break;
        }
        run();
        cr_assert_null(stream, "callback %d", i);
        bearer_down(&bearer);
        cr_assert_eq(fake_host_open_count(fake), 0, "callback %d", i);
        bearer_up(&bearer, 1);
    }
}

static struct net_listener *listener;

static void on_accept(void *ctx, struct host_tcp *t, const struct net_addr *peer) {
    (void)ctx;
    INSIDE(stream = stream_accept(&bearer, t, peer, 0, 0, &events, NULL));
}

Test(stream, an_accepted_link_is_open_from_the_start) {
    static const struct listener_events accept_events = {.on_accept = on_accept};
    cr_assert_eq(listener_open(&listener, &bearer, 8080, &accept_events, NULL), 0);
    const struct net_addr caller = {0xc0a86c05u, 57202};
    struct fake_link *l = fake_host_call(fake, &caller, 8080);
    fake_host_send(l, "hi", 2);
    run();
    cr_assert_not_null(stream);
    cr_assert_eq(stream_state(stream), STREAM_OPEN);
    cr_assert_eq(stream_peer(stream)->port, 57202);
    cr_assert_eq(seen.opened, 0);
    cr_assert_eq(stream_available(stream), 2);
    cr_assert_eq(stream_send(stream, "yo", 2), 2);
    cr_assert_eq(received(l), 2);
    listener_free(listener);
    fake_host_end(l, 0);
    run();
    cr_assert_eq(seen.why, NET_CLOSE_REMOTE);
}

Test(stream, ended_from_outside_it_tells_both_sides) {
    static const struct {
        enum net_close why;
        enum fake_seen far;
    } rows[] = {
        {NET_CLOSE_REMOTE, FAKE_SEEN_FIN},
        {NET_CLOSE_RESET, FAKE_SEEN_RESET},
        {NET_CLOSE_TIMEOUT, FAKE_SEEN_RESET},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(&seen, 0, sizeof seen);
        struct fake_link *l = connected();
        INSIDE(cr_assert_eq(stream_end(stream, rows[i].why), 0));
        cr_assert_eq(stream_end(stream, rows[i].why), -ENOTCONN, "it has an end already");
        run();
        cr_assert(seen.closed == 1 && seen.why == rows[i].why);
        cr_assert_eq(fake_host_seen(l), rows[i].far);
        stream_free(stream);
        stream = NULL;
    }
}

Test(stream, ended_from_outside_and_closed_in_the_same_turn_it_is_silent) {
    connected();
    cr_assert_eq(stream_end(stream, NET_CLOSE_RESET), 0);
    stream_close(stream);
    run();
    cr_assert_eq(seen.closed, 0);
}
