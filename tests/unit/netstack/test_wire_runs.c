/* Many seeded runs of one link over a path that keeps changing: what must hold in every one. */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/obj.h"
#include "base/rng.h"
#include "base/tap.h"
#include "netstack/bearer.h"
#include "netstack/ippkt.h"
#include "netstack/stream.h"
#include "tests/support/fake_host.h"

enum { RUNS = 1000, STEPS = 30, LONGEST_SEND = 3000, TRACE_MAX = 1 << 20, PATIENCE_S = 20000 };

static const struct net_addr server = {0xc0000201u, 80};

struct world {
    uint64_t seed;
    struct rng rng;
    struct clk *clk;
    struct fake_host *fake;
    struct bearer bearer;
    struct net_stream *stream;
    struct fake_link *far; /* NULL: no SYN has arrived */
    struct buf trace;
    struct tap tap;
    uint32_t isn, peer_isn; /* in its packets */
    size_t tap_out, tap_in; /* bytes in them, from the first on without a gap */
    uint32_t tap_acked;
    bool is_open, is_over, is_closed_by_us;
    int open_err;
    enum net_close why;
    size_t sent, far_sent; /* offsets of the two patterns */
    size_t far_checked;    /* of what the far end has got */
    size_t far_at_failure; /* what it had when the failure was reported */
    size_t read;
    uint64_t acked;
    unsigned callbacks_after_end;
};

static uint8_t pattern(uint64_t seed, size_t i) {
    return (uint8_t)(((i + seed) * 2654435761u) >> 11);
}

static void fill(uint64_t seed, size_t from, uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        p[i] = pattern(seed, from + i);
    }
}

static void on_trace(void *ctx, const struct bearer_trace *t) {
    struct world *w = ctx;
    char line[160];
    int n = snprintf(line, sizeof line, "%" PRId64 " %s %u %" PRIu64 " %zu %d %" PRId64 "\n",
                     clk_now(w->clk).us, t->what, t->n, t->acked, t->bytes, t->lost, t->wait.us);
    must(buf_put_all(&w->trace, line, (size_t)n) == 0);
}

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Each byte that is there is the one of its number. */
static void check_bytes(const struct world *w, uint64_t seed, const struct ippkt *k, size_t at,
                        size_t n) {
    for (size_t i = k->data; i < n; i++) {
        cr_assert_eq(k->p[i], pattern(seed, at + i - k->data), "seed %" PRIu64, w->seed);
    }
}

/* The module transmits what it was given, in order or again; what it hears comes in order. */
static void on_packet(void *ctx, const struct tap_packet *t) {
    struct world *w = ctx;
    uint8_t bytes[IPPKT_MAX] = {0};
    struct ippkt k;
    cr_assert(t->link == TAP_IP && t->n <= t->size && t->size <= sizeof bytes);
    memcpy(bytes, t->p, t->n);
    cr_assert_eq(ippkt_parse(&k, bytes, t->size), 0, "seed %" PRIu64, w->seed);
    uint32_t seq = get32(bytes + 24);
    uint32_t ack = get32(bytes + 28);
    size_t size = t->size - k.data;
    if ((k.flags & IPPKT_SYN) != 0) {
        *(t->is_out ? &w->isn : &w->peer_isn) = seq;
    } else if (t->is_out && size > 0) {
        size_t at = seq - w->isn - 1;
        cr_assert_leq(at, w->tap_out, "seed %" PRIu64, w->seed);
        check_bytes(w, w->seed, &k, at, t->n);
        w->tap_out = at + size > w->tap_out ? at + size : w->tap_out;
        cr_assert_leq(w->tap_out, w->sent + LONGEST_SEND, "seed %" PRIu64, w->seed);
    } else if (!t->is_out && (k.flags & IPPKT_RST) == 0) {
        cr_assert_eq(seq - w->peer_isn - 1, w->tap_in, "seed %" PRIu64, w->seed);
        check_bytes(w, ~w->seed, &k, w->tap_in, t->n);
        w->tap_in += size + ((k.flags & IPPKT_FIN) != 0);
        cr_assert(ack - w->isn - 1 <= w->tap_out && ack - w->isn - 1 >= w->tap_acked,
                  "seed %" PRIu64, w->seed);
        w->tap_acked = ack - w->isn - 1;
    } else if (t->is_out) {
        cr_assert_leq(ack - w->peer_isn - 1, w->tap_in + 1, "seed %" PRIu64, w->seed);
    }
}

/* What the far end has got: nothing twice, nothing out of order, nothing that was not sent. */
static void check_far(struct world *w) {
    if (w->far == NULL) {
        w->far = fake_host_link(w->fake, server.ip, server.port);
    }
    if (w->far == NULL) {
        return;
    }
    size_t n;
    const uint8_t *p = fake_host_received(w->far, &n);
    cr_assert_leq(n, w->sent, "seed %" PRIu64, w->seed);
    for (; w->far_checked < n; w->far_checked++) {
        cr_assert_eq(p[w->far_checked], pattern(w->seed, w->far_checked),
                     "seed %" PRIu64 ": byte %zu", w->seed, w->far_checked);
    }
}

static void check_acked(struct world *w) {
    struct stream_counts counts;
    stream_counts(w->stream, &counts);
    cr_assert_geq(counts.acked, w->acked, "seed %" PRIu64, w->seed);
    cr_assert_leq(counts.acked, w->far_checked, "seed %" PRIu64, w->seed);
    w->acked = counts.acked;
}

static void read_some(struct world *w) {
    size_t n;
    const uint8_t *p = stream_peek(w->stream, &n);
    cr_assert_leq(w->read + n, w->far_sent, "seed %" PRIu64, w->seed);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(p[i], pattern(~w->seed, w->read + i), "seed %" PRIu64, w->seed);
    }
    w->read += n;
    stream_consume(w->stream, n);
}

static void on_open(void *ctx, int err) {
    struct world *w = ctx;
    w->callbacks_after_end += w->is_over || w->is_open || w->is_closed_by_us;
    w->is_open = err == 0;
    w->open_err = err;
    w->is_over = err != 0;
}

static void on_data(void *ctx) {
    struct world *w = ctx;
    w->callbacks_after_end += w->is_over || w->is_closed_by_us;
    read_some(w);
}

static void on_closed(void *ctx, enum net_close why) {
    struct world *w = ctx;
    w->callbacks_after_end += w->is_over || w->is_closed_by_us;
    w->is_over = true;
    w->why = why;
    check_far(w);
    w->far_at_failure = w->far_checked;
}

static const struct stream_events events = {
    .on_open = on_open, .on_data = on_data, .on_closed = on_closed};

static void pass(struct world *w, clk_dur by) {
    fake_host_pass(w->fake, w->clk, by);
    check_far(w);
    check_acked(w);
}

/* -- what may happen -- */

static struct impair random_impair(struct rng *r) {
    struct impair im = {0};
    im.latency_ms = rng_chance(r, 0.4) ? (uint32_t)rng_below(r, 2000) : 0;
    im.jitter_ms = rng_chance(r, 0.3) ? (uint32_t)rng_below(r, 1000) : 0;
    im.rate_bps = rng_chance(r, 0.3) ? 2000 + (uint32_t)rng_below(r, 100000) : 0;
    im.lose_next = rng_chance(r, 0.3) ? (uint32_t)rng_below(r, 4) : 0;
    im.loss = rng_chance(r, 0.3) ? (double)rng_below(r, 80) / 100 : 0;
    im.black_hole = rng_chance(r, 0.15);
    return im;
}

static void change_path(struct world *w) {
    enum impair_direction dir = (enum impair_direction)rng_below(&w->rng, IMPAIR_DIRECTIONS);
    struct impair im = rng_chance(&w->rng, 0.3) ? (struct impair){0} : random_impair(&w->rng);
    if (rng_chance(&w->rng, 0.5)) {
        w->bearer.impair[dir] = im;
        bearer_changed(&w->bearer);
    } else {
        stream_impair(w->stream)[dir] = im;
        stream_impair_changed(w->stream);
    }
}

static void send_up(struct world *w) {
    uint8_t data[LONGEST_SEND];
    size_t n = 1 + (size_t)rng_below(&w->rng, rng_chance(&w->rng, 0.5) ? 20 : LONGEST_SEND);
    fill(w->seed, w->sent, data, n);
    int took = stream_send(w->stream, data, n);
    w->sent += took > 0 ? (size_t)took : 0;
    check_far(w);
}

static bool is_far_there(const struct world *w) {
    return w->far != NULL && w->is_open && !w->is_over;
}

static void send_down(struct world *w) {
    uint8_t data[LONGEST_SEND];
    size_t n = 1 + (size_t)rng_below(&w->rng, LONGEST_SEND);
    fill(~w->seed, w->far_sent, data, n);
    fake_host_send(w->far, data, n);
    w->far_sent += n;
}

static void act(struct world *w) {
    uint64_t what = rng_below(&w->rng, 100);
    if (what < 35) {
        change_path(w);
    } else if (what < 65) {
        send_up(w);
    } else if (what < 80 && is_far_there(w)) {
        send_down(w);
    } else if (what < 85 && is_far_there(w)) {
        fake_host_window(w->far, rng_below(&w->rng, 5000));
    } else if (what < 90 && is_far_there(w)) {
        fake_host_hold_acks(w->far, rng_chance(&w->rng, 0.5));
    } else if (what < 94) {
        w->bearer.is_suspended = rng_chance(&w->rng, 0.4);
        bearer_changed(&w->bearer);
    } else if (what < 96) {
        w->bearer.rtt_ms = (uint32_t)rng_below(&w->rng, 4000);
    }
}

/* The far end is willing again; the path may stay as bad as it is, but for what has no end. */
static void settle(struct world *w) {
    w->bearer.is_suspended = false;
    for (int dir = 0; dir < IMPAIR_DIRECTIONS; dir++) {
        if (rng_chance(&w->rng, 0.7)) {
            stream_impair(w->stream)[dir].black_hole = false;
            w->bearer.impair[dir].black_hole = false;
        }
    }
    stream_impair_changed(w->stream);
    bearer_changed(&w->bearer);
    if (is_far_there(w)) {
        fake_host_window(w->far, SIZE_MAX);
        fake_host_hold_acks(w->far, false);
    }
}

/* The ways in which a run may end, the last act of its far end or of its driver. */
static void end(struct world *w) {
    uint64_t what = rng_below(&w->rng, 10);
    if (what < 2 && is_far_there(w)) {
        fake_host_end(w->far, 0);
    } else if (what < 3 && is_far_there(w)) {
        fake_host_end(w->far, -ECONNRESET);
    } else if (what < 5) {
        w->is_closed_by_us = true;
        stream_close(w->stream);
    }
}

static bool is_done(const struct world *w) {
    return w->is_over || (w->is_closed_by_us && fake_host_open_count(w->fake) == 0) ||
           (w->is_open && w->acked == w->sent && w->read == w->far_sent);
}

static bool is_hole(const struct world *w, int dir) {
    return w->bearer.impair[dir].black_hole || stream_impair(w->stream)[dir].black_hole;
}

static void check_end(struct world *w) {
    if (w->is_over) {
        cr_assert(w->open_err == -ETIMEDOUT || w->why != NET_CLOSE_LOCAL, "seed %" PRIu64, w->seed);
        if (w->why == NET_CLOSE_TIMEOUT || w->why == NET_CLOSE_RESET) {
            pass(w, CLK_S(1000));
            cr_assert_eq(w->far_checked, w->far_at_failure, "seed %" PRIu64, w->seed);
        }
    } else if (!w->is_closed_by_us) {
        /* Without anything of its own to send the module does not notice that it hears nothing. */
        cr_assert_eq(w->acked, w->sent, "seed %" PRIu64, w->seed);
        cr_assert_eq(w->far_checked, w->sent, "seed %" PRIu64, w->seed);
        cr_assert_eq(w->tap_out, w->sent, "seed %" PRIu64, w->seed);
        cr_assert_eq(w->tap_in, w->read, "seed %" PRIu64, w->seed);
        cr_assert(w->read == w->far_sent || is_hole(w, IMPAIR_DOWN), "seed %" PRIu64, w->seed);
    }
    cr_assert_eq(w->callbacks_after_end, 0, "seed %" PRIu64, w->seed);
}

static void open_world(struct world *w, uint64_t seed) {
    static const unsigned least_ms[] = {500, 1000, 3000, 30000};
    static const uint32_t rtt_ms[] = {0, 50, 600, 3000};
    *w = (struct world){.seed = seed, .rng = rng_stream(seed, "test")};
    buf_init(&w->trace, TRACE_MAX);
    w->clk = clk_new_manual();
    w->fake = fake_host_new();
    bearer_init(&w->bearer, w->clk, fake_host_net(w->fake));
    bearer_set_seed(&w->bearer, seed);
    w->bearer.on_trace = on_trace;
    w->bearer.trace_ctx = w;
    w->tap = (struct tap){on_packet, w};
    w->bearer.tap = &w->tap;
    w->bearer.rtt_ms = rtt_ms[rng_below(&w->rng, 4)];
    w->bearer.retransmit.retries = (unsigned)rng_below(&w->rng, 11);
    w->bearer.retransmit.least_ms = least_ms[rng_below(&w->rng, 4)];
    bearer_up(&w->bearer, 1);
}

static void close_world(struct world *w) {
    stream_free(w->stream);
    bearer_fini(&w->bearer);
    fake_host_free(w->fake);
    clk_close(w->clk);
}

/* The trace is the caller's. */
static void play(struct world *w, uint64_t seed) {
    open_world(w, seed);
    if (rng_chance(&w->rng, 0.3)) {
        w->bearer.impair[IMPAIR_UP] = random_impair(&w->rng);
        w->bearer.impair[IMPAIR_DOWN] = random_impair(&w->rng);
    }
    must(stream_connect(&w->stream, &w->bearer, &server, 0, 0, CLK_S(120), &events, w) == 0);
    for (int i = 0; i < STEPS && !w->is_over; i++) {
        act(w);
        pass(w, CLK_US((int64_t)rng_below(&w->rng, rng_chance(&w->rng, 0.2) ? 20000000 : 500000)));
    }
    settle(w);
    pass(w, CLK_US(0));
    end(w);
    for (int s = 0; s < PATIENCE_S && !is_done(w); s += 10) {
        pass(w, CLK_S(10));
    }
    check_end(w);
    close_world(w);
}

struct tally {
    unsigned delivered, failed, unopened, closed_by_us, ended_by_peer;
};

static void count(struct tally *t, const struct world *w) {
    if (w->is_closed_by_us) {
        t->closed_by_us++;
    } else if (!w->is_over) {
        t->delivered++;
    } else if (w->open_err != 0) {
        t->unopened++;
    } else if (w->why == NET_CLOSE_TIMEOUT) {
        t->failed++;
    } else {
        t->ended_by_peer++;
    }
}

Test(wire_runs, a_thousand_random_runs_deliver_or_end_with_a_reason_and_are_their_seed,
     .timeout = 60) {
    static struct world a, b;
    struct tally t = {0};
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        play(&a, seed);
        play(&b, seed);
        cr_assert_eq(buf_len(&a.trace), buf_len(&b.trace), "seed %" PRIu64, seed);
        cr_assert(buf_len(&a.trace) > 0 &&
                      memcmp(buf_data(&a.trace), buf_data(&b.trace), buf_len(&a.trace)) == 0,
                  "seed %" PRIu64, seed);
        count(&t, &a);
        buf_fini(&a.trace);
        buf_fini(&b.trace);
    }
    /* All of them happen, or the test tests nothing. */
    cr_assert(t.delivered > 100 && t.failed > 50 && t.unopened > 20 && t.closed_by_us > 50 &&
                  t.ended_by_peer > 50,
              "delivered %u, failed %u, unopened %u, closed by us %u, by the peer %u", t.delivered,
              t.failed, t.unopened, t.closed_by_us, t.ended_by_peer);
}
