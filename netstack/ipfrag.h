/* ipfrag.h: packets that come in fragments, put together again.
 *
 * libslirp could, but it trusts what fragments say of themselves. A line keeps their order, so only
 * those that follow each other are a packet; what does not fit is dropped with all that was there.
 *
 * Caller's memory. Owns: what has come so far, at most IPFRAG_SLOTS packets of 64 KiB; a further
 * one takes the place of the oldest.
 */
#ifndef NETSTACK_IPFRAG_H
#define NETSTACK_IPFRAG_H

#include "netstack/ippkt.h"

enum { IPFRAG_SLOTS = 4 };

struct ipfrag {
    struct ipfrag_slot {
        uint8_t *p; /* NULL: free */
        size_t n;
        size_t head;
        uint8_t proto;
        uint16_t id;
        uint32_t dst;
    } slots[IPFRAG_SLOTS];
    size_t next;
    uint8_t *whole; /* the newest */
};

void ipfrag_fini(struct ipfrag *f); /* allowed twice */

/* Takes a fragment. True: it was the last one, `whole` is the packet, good until the next call. */
bool ipfrag_add(struct ipfrag *f, const struct ippkt *k, struct ippkt *whole);

#endif
