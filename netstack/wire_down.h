/* wire_down.h: from the peer of a TCP link to the module: what has arrived, what is under way.
 *
 * The host has the bytes already; the impairments decide when the module does. A
 * lost segment comes with the peer's retransmission, and everything behind it waits.
 * The end of the link is the last segment.
 *
 * Owns:    received bytes. Borrows: bearer, impairments, owner.
 * Calls back: arrived, from a timer of its own.
 * Bound:   WIRE_CHUNKS segments under way; what comes while there are so many joins the last.
 */
#ifndef NETSTACK_WIRE_DOWN_H
#define NETSTACK_WIRE_DOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "netstack/impair.h"

struct bearer;

enum { WIRE_CHUNKS = 64 };

struct wire_chunk {
    size_t n;
    clk_mono sent;   /* by the peer, for the first time */
    clk_mono leaves; /* the transmission that gets through; far in the future: none does yet */
    clk_mono due;
    bool is_lost; /* the first transmission was */
};

struct wire_down {
    struct bearer *bearer;
    struct impair *impair;
    /* n bytes more are there to read; 0: only the end has come. */
    void (*arrived)(void *ctx, size_t n);
    void *ctx;
    struct buf in; /* first what has arrived, then what is under way */
    size_t arrived_n;
    struct wire_chunk chunks[WIRE_CHUNKS];
    size_t nchunks;
    clk_mono free_at;
    struct clk_timer timer;
};

void wire_down_init(struct wire_down *d, struct bearer *b, struct impair *impair, size_t max,
                    void (*arrived)(void *ctx, size_t n), void *ctx);
void wire_down_stop(
    struct wire_down *d); /* what is under way never comes; the rest stays readable */
void wire_down_fini(struct wire_down *d); /* allowed twice */

/* The host has received these; n at most the room, 0: the end. Returns whether it has arrived
 * already: then `arrived` is not called. */
bool wire_down_put(struct wire_down *d, const uint8_t *p, size_t n);
bool wire_down_is_idle(const struct wire_down *d); /* nothing is under way */
void wire_down_changed(struct wire_down *d);       /* the impairments have */

#endif
