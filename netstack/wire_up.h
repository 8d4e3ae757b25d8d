/* wire_up.h: from a TCP link to its peer: transmissions, what gets through, what is acknowledged.
 *
 * Bytes accepted from the driver are transmitted in segments, one after the other as the rate
 * lets them go. A segment that the impairments of bearer and link let through is the host's
 * after its time in the air; a lost one stays, with all behind it, until a retransmission of
 * the schedule (retransmit.h) gets through. A byte is acknowledged when the peer's host has
 * acknowledged it and the acknowledgement has come back through the other direction. The
 * schedule starts anew with each acknowledgement (RFC 6298 5.3). A FIN is one segment more.
 * With nothing wrong on the path bytes go straight to the host.
 *
 * Owns:    the bytes not yet taken by the host. Borrows: bearer, impairments, owner.
 * Calls back: gave, acked, failed from timers of its own, never from inside a wire_up_ call; the
 *          others from anywhere, and these call nothing of the link.
 * Bound:   WIRE_FLIGHTS segments in the air; further ones wait.
 */
#ifndef NETSTACK_WIRE_UP_H
#define NETSTACK_WIRE_UP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "netstack/impair.h"

struct bearer;

enum { WIRE_SEGMENT = 1460, WIRE_FLIGHTS = 64 };

struct wire_up_owner {
    int (*give)(void *ctx, const uint8_t *p, size_t n); /* bytes the host took, or -E...: gone */
    uint64_t (*host_acked)(void *ctx);
    bool (*host_in_flight)(void *ctx); /* the host has sent something that is not acknowledged */
    void (*gave)(void *ctx);           /* bytes have left: there is room, or all has left */
    void (*acked)(void *ctx);          /* more is acknowledged, or wire_up_ask was called */
    void (*failed)(void *ctx);         /* the schedule has run out */
    /* A transmission, for who looks on: n bytes from the offset `at` on, p NULL: the host's already
     * and not at hand any more; n 0: the FIN. */
    void (*transmitted)(void *ctx, uint64_t at, const uint8_t *p, size_t n, bool is_lost);
    void (*heard)(void *ctx, uint64_t acked); /* likewise, of an acknowledgement */
};

/* A segment in the air, or its acknowledgement on the way back. */
struct wire_flight {
    uint64_t end; /* offset behind its last byte */
    clk_mono due;
};

struct wire_up {
    struct bearer *bearer;
    struct impair *impair; /* the link's own, both directions */
    const struct wire_up_owner *owner;
    void *ctx;
    unsigned link; /* in the trace */
    struct buf out;
    bool is_ending; /* a FIN stands behind the last byte: it counts as one */
    uint64_t accepted, transmitted, passed, given; /* offsets */
    uint64_t acked;                                /* known to be acknowledged */
    uint64_t ack_limit;                            /* acknowledgements have come back up to here */
    struct wire_flight air[WIRE_FLIGHTS], acks[WIRE_FLIGHTS];
    size_t nair, nacks;
    bool is_stuck;         /* the segment at `transmitted` was lost */
    clk_mono free_at;      /* the rate lets the next segment go then */
    struct clk_timer fly;  /* a segment arrives, or the next one may go */
    struct clk_timer back; /* an acknowledgement is back */
    struct clk_timer ask;  /* the host's acknowledgements cannot be waited for, only asked for */
    unsigned ask_ms;
    struct clk_timer schedule;
    unsigned n;      /* transmissions of what is unacknowledged */
    clk_mono first;  /* the first of them */
    clk_mono newest; /* the newest, as the schedule has it: a late timer does not add up */
    clk_mono due;    /* the end of its wait */
};

void wire_up_init(struct wire_up *u, struct bearer *b, struct impair *impair,
                  const struct wire_up_owner *owner, void *ctx);
void wire_up_fini(struct wire_up *u); /* forgets all but the counts; allowed twice */

size_t wire_up_put(struct wire_up *u, const void *p, size_t n); /* takes what fits */
size_t wire_up_room(const struct wire_up *u);
size_t wire_up_pending(const struct wire_up *u); /* accepted, not the host's yet */
uint64_t wire_up_acked(const struct wire_up *u); /* bytes */
void wire_up_ask(struct wire_up *u); /* `acked` comes in the next turn, and as more is */

/* A FIN behind what was accepted; wire_up_has_ended: all of it is at the host. */
void wire_up_end(struct wire_up *u);
bool wire_up_has_ended(const struct wire_up *u);

void wire_up_pump(struct wire_up *u);    /* the host takes more */
void wire_up_changed(struct wire_up *u); /* the impairments have */

#endif
