/* tap.h: where a copy of every packet goes that passes at a module: its IP, PPP and multiplexer
 * frames, as the module has them.
 *
 * Who has packets holds a pointer to one of these; NULL: nobody listens, and that test is all it
 * costs. Borrowed by both sides. The packet is good until the call returns.
 */
#ifndef BASE_TAP_H
#define BASE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tap_link {
    TAP_IP,  /* an IPv4 packet of the module's own links */
    TAP_PPP, /* ff 03, protocol, payload: without flags, transparency and FCS */
    TAP_MUX, /* a 27.010 frame of the basic option, with flags and FCS */
    TAP_LINKS,
};

struct tap_packet {
    enum tap_link link;
    const char *port; /* the channel that it passes on; NULL: none */
    bool is_out;      /* the module sends it */
    const uint8_t *p;
    size_t n;
    size_t size;      /* of the whole packet; its end is not at hand where this is more than n */
    const char *note; /* NULL: none */
};

struct tap {
    void (*packet)(void *ctx, const struct tap_packet *k);
    void *ctx;
};

#endif
