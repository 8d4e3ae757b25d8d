#include "netstack/wire_down.h"

#include <string.h>

#include "base/obj.h"
#include "netstack/bearer.h"

enum { PEER_LEAST_MS = 1000, PEER_MOST_MS = 64000 }; /* the peer's retransmissions, RFC 6298 2 */

static const int64_t never_us = INT64_MAX;

void wire_down_init(struct wire_down *d, struct bearer *b, struct impair *impair, size_t max,
                    void (*arrived)(void *ctx), void *ctx) {
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

bool wire_down_is_black_hole(const struct wire_down *d) {
    return d->impair[IMPAIR_DOWN].black_hole || d->bearer->impair[IMPAIR_DOWN].black_hole ||
           d->bearer->is_suspended;
}

static int64_t due_us(struct wire_down *d, size_t n) {
    if (wire_down_is_black_hole(d)) {
        return never_us;
    }
    int64_t now_us = clk_now(d->bearer->clk).us;
    d->free_at.us = (d->free_at.us > now_us ? d->free_at.us : now_us) +
                    bearer_duration(d->bearer, d->impair, IMPAIR_DOWN, n).us;
    int64_t due = d->free_at.us + bearer_delay(d->bearer, d->impair, IMPAIR_DOWN).us;
    /* Each loss costs a retransmission of the peer's, which waits twice as long every time. */
    int64_t wait_ms = PEER_LEAST_MS;
    while (wait_ms <= PEER_MOST_MS && bearer_loses(d->bearer, d->impair, IMPAIR_DOWN)) {
        due += CLK_MS(wait_ms).us;
        wait_ms *= 2;
    }
    return due;
}

static void on_timer(void *ctx);

static void arm(struct wire_down *d) {
    if (d->nchunks > 0 && d->chunks[0].due.us != never_us) {
        clk_dur wait = {d->chunks[0].due.us - clk_now(d->bearer->clk).us};
        clk_start(d->bearer->clk, &d->timer, wait, on_timer, d);
    }
}

static void on_timer(void *ctx) {
    struct wire_down *d = ctx;
    size_t done = 0;
    while (done < d->nchunks && d->chunks[done].due.us <= clk_now(d->bearer->clk).us) {
        d->arrived_n += d->chunks[done++].n;
    }
    d->nchunks -= done;
    memmove(d->chunks, d->chunks + done, d->nchunks * sizeof d->chunks[0]);
    arm(d);
    d->arrived(d->ctx);
}

bool wire_down_put(struct wire_down *d, const uint8_t *p, size_t n) {
    must(buf_put_all(&d->in, p, n) == 0);
    if (d->nchunks == 0 && bearer_is_clean(d->bearer, d->impair)) {
        d->arrived_n += n;
        return true;
    }
    int64_t due = due_us(d, n);
    if (d->nchunks > 0 && due < d->chunks[d->nchunks - 1].due.us) {
        due = d->chunks[d->nchunks - 1].due.us;
    }
    if (d->nchunks == WIRE_CHUNKS) {
        d->chunks[d->nchunks - 1].n += n;
        d->chunks[d->nchunks - 1].due.us = due;
    } else {
        d->chunks[d->nchunks++] = (struct wire_chunk){n, {due}};
    }
    arm(d);
    return false;
}

/* Out of a black hole what the peer kept sending comes with its next retransmission. */
void wire_down_pump(struct wire_down *d) {
    for (size_t i = 0; i < d->nchunks && !wire_down_is_black_hole(d); i++) {
        if (d->chunks[i].due.us == never_us) {
            d->chunks[i].due.us = due_us(d, d->chunks[i].n);
        }
        if (i > 0 && d->chunks[i].due.us < d->chunks[i - 1].due.us) {
            d->chunks[i].due = d->chunks[i - 1].due;
        }
    }
    arm(d);
}
