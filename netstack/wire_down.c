#include "netstack/wire_down.h"

#include <string.h>

#include "base/obj.h"
#include "netstack/bearer.h"

enum { PEER_LEAST_MS = 1000, PEER_MOST_MS = 64000 }; /* the peer's retransmissions, RFC 6298 2 */

static const int64_t never_us = INT64_MAX;

void wire_down_init(struct wire_down *d, struct bearer *b, struct impair *impair, size_t max,
                    void (*arrived)(void *ctx, size_t n), void *ctx) {
    *d = (struct wire_down){.bearer = b, .impair = impair, .arrived = arrived, .ctx = ctx};
    buf_init(&d->in, max);
}

void wire_down_stop(struct wire_down *d) {
    clk_stop(d->bearer->clk, &d->timer);
    d->nchunks = 0;
}

void wire_down_fini(struct wire_down *d) {
    wire_down_stop(d);
    buf_fini(&d->in);
    d->arrived_n = 0;
}

bool wire_down_is_idle(const struct wire_down *d) {
    return d->nchunks == 0;
}

static int64_t now_us(const struct wire_down *d) {
    return clk_now(d->bearer->clk).us;
}

/* The peer waits twice as long for each retransmission. */
static int64_t next_wait_us(int64_t wait_us) {
    int64_t most_us = CLK_MS(PEER_MOST_MS).us;
    return 2 * wait_us < most_us ? 2 * wait_us : most_us;
}

static void hold(struct wire_chunk *c) {
    c->is_lost = true;
    c->leaves.us = never_us;
    c->due.us = never_us;
}

/* A transmission that the peer begins at `at_us`, and the retransmissions until one gets through:
 * the first of them `wait_us` later. */
static void transmit(struct wire_down *d, struct wire_chunk *c, int64_t at_us, int64_t wait_us) {
    int64_t start_us = d->free_at.us > at_us ? d->free_at.us : at_us;
    d->free_at.us = start_us + bearer_duration(d->bearer, d->impair, IMPAIR_DOWN, c->n).us;
    c->leaves = d->free_at;
    while (bearer_loses(d->bearer, d->impair, IMPAIR_DOWN)) {
        c->is_lost = true;
        c->leaves.us += wait_us;
        wait_us = next_wait_us(wait_us);
    }
    c->due.us = c->leaves.us + bearer_delay(d->bearer, d->impair, IMPAIR_DOWN).us;
}

/* Out of a black hole what the peer kept sending comes with its next retransmission. */
static void retransmit(struct wire_down *d, struct wire_chunk *c) {
    int64_t wait_us = CLK_MS(PEER_LEAST_MS).us;
    int64_t at_us = c->sent.us + wait_us;
    while (at_us < now_us(d)) {
        wait_us = next_wait_us(wait_us);
        at_us += wait_us;
    }
    transmit(d, c, at_us, next_wait_us(wait_us));
}

static void on_timer(void *ctx);

static void arm(struct wire_down *d) {
    clk_stop(d->bearer->clk, &d->timer);
    if (d->nchunks > 0 && d->chunks[0].due.us != never_us) {
        clk_start(d->bearer->clk, &d->timer, (clk_dur){d->chunks[0].due.us - now_us(d)}, on_timer,
                  d);
    }
}

/* In order: each waits for the one in front of it. */
static void on_timer(void *ctx) {
    struct wire_down *d = ctx;
    size_t done = 0;
    size_t bytes = 0;
    while (done < d->nchunks && d->chunks[done].due.us <= now_us(d)) {
        bytes += d->chunks[done++].n;
    }
    d->arrived_n += bytes;
    d->nchunks -= done;
    memmove(d->chunks, d->chunks + done, d->nchunks * sizeof d->chunks[0]);
    arm(d);
    d->arrived(d->ctx, bytes);
}

/* At the bound the newest joins the one before it and both come with the later of them. */
static void append(struct wire_down *d, const struct wire_chunk *c) {
    if (d->nchunks < WIRE_CHUNKS) {
        d->chunks[d->nchunks++] = *c;
        return;
    }
    struct wire_chunk *last = &d->chunks[WIRE_CHUNKS - 1];
    size_t n = last->n + c->n;
    if (c->due.us > last->due.us) {
        *last = *c;
    }
    last->n = n;
}

bool wire_down_put(struct wire_down *d, const uint8_t *p, size_t n) {
    must(n == 0 || buf_put_all(&d->in, p, n) == 0);
    if (d->nchunks == 0 && bearer_is_clean(d->bearer, d->impair)) {
        d->arrived_n += n;
        return true;
    }
    struct wire_chunk c = {.n = n, .sent = clk_now(d->bearer->clk)};
    if (bearer_is_black_hole(d->bearer, d->impair, IMPAIR_DOWN)) {
        hold(&c);
    } else {
        transmit(d, &c, now_us(d), CLK_MS(PEER_LEAST_MS).us);
    }
    append(d, &c);
    arm(d);
    return false;
}

/* What the rate has not let go yet goes as the new one lets it, but no later than it would have. */
static void hurry(struct wire_down *d, struct wire_chunk *c) {
    int64_t leaves_us = d->free_at.us + bearer_duration(d->bearer, d->impair, IMPAIR_DOWN, c->n).us;
    if (leaves_us < c->leaves.us) {
        c->due.us -= c->leaves.us - leaves_us;
        c->leaves.us = leaves_us;
    }
    d->free_at = c->leaves;
}

void wire_down_changed(struct wire_down *d) {
    bool is_hole = bearer_is_black_hole(d->bearer, d->impair, IMPAIR_DOWN);
    d->free_at = clk_now(d->bearer->clk);
    for (size_t i = 0; i < d->nchunks; i++) {
        struct wire_chunk *c = &d->chunks[i];
        if (c->leaves.us > now_us(d)) {
            if (is_hole) {
                hold(c);
            } else if (c->leaves.us == never_us) {
                retransmit(d, c);
            } else if (!c->is_lost) {
                hurry(d, c);
            }
        }
    }
    arm(d);
}
