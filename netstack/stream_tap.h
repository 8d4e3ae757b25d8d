/* stream_tap.h: a TCP link as the packets that pass at the module, for the bearer's tap.
 *
 * The module's bytes pass when they are transmitted, each time, lost or not; the peer's when they
 * have arrived. What the model of the wire does not know is left out: the peer's end of a link that
 * the module has closed, and the bytes of a segment that is transmitted again though the host has
 * taken it (its heads are there, and its size). The rest of a TCP's numbers is made: initial
 * sequence numbers, window, an acknowledgement for all that arrives, the port of a link that has
 * none of its own.
 *
 * Caller's memory. Borrows the bearer. Offsets count the bytes of a direction from 0; a FIN stands
 * behind the last. Without a tap a call only counts.
 */
#ifndef NETSTACK_STREAM_TAP_H
#define NETSTACK_STREAM_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netstack/net.h"

struct bearer;

struct stream_tap {
    struct bearer *bearer;
    struct net_addr peer;
    uint16_t port; /* the module's */
    uint32_t isn, peer_isn;
    uint64_t sent;  /* behind what the module has transmitted; a FIN is one more */
    uint64_t acked; /* of these */
    uint64_t arrived;
    bool has_fin; /* the peer's has arrived */
};

/* port 0: one is made up. */
void stream_tap_init(struct stream_tap *t, struct bearer *b, const struct net_addr *peer,
                     uint16_t port);

void stream_tap_syn(const struct stream_tap *t, bool is_lost);
void stream_tap_opened(const struct stream_tap *t); /* the peer's answer is there */
void stream_tap_refused(const struct stream_tap *t);
void stream_tap_accepted(const struct stream_tap *t); /* the peer's call, whole */

/* p NULL: the bytes are not at hand; n 0: the FIN. */
void stream_tap_out(struct stream_tap *t, uint64_t at, const uint8_t *p, size_t n, bool is_lost);
void stream_tap_acked(struct stream_tap *t, uint64_t acked);
void stream_tap_in(struct stream_tap *t, const uint8_t *p, size_t n);
void stream_tap_fin(struct stream_tap *t); /* the peer's */
void stream_tap_reset(const struct stream_tap *t, bool is_out);

#endif
