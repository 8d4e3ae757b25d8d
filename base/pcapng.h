/* pcapng.h: blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian.
 *
 * Pure: appends whole blocks to the caller's buffer, all or nothing. -ENOBUFS: no room.
 * A file begins with one section; an interface has the number of those before it in the section.
 */
#ifndef BASE_PCAPNG_H
#define BASE_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"

struct buf;

/* Of tcpdump.org/linktypes.html. */
enum pcapng_link {
    PCAPNG_RAW = 101,          /* an IP packet */
    PCAPNG_PPP_WITH_DIR = 204, /* 0: received, 1: sent; then the frame */
    PCAPNG_MUX27010 = 236,     /* 0: no PPP parts follow; 0: to the module, 1: from it; the frame */
};

enum { PCAPNG_PREFIX = 2, PCAPNG_TEXT = 255 }; /* of PCAPNG_MUX27010; most bytes of a text */

struct pcapng_packet {
    uint32_t interface;
    clk_wall at;
    bool is_out;
    const uint8_t *prefix; /* in front of `p`, PCAPNG_PREFIX bytes at most */
    size_t nprefix;
    const uint8_t *p;
    size_t n;
    size_t size;      /* of the whole packet without the prefix, n or more */
    const char *note; /* a comment; NULL: none */
};

int pcapng_section(struct buf *to, const char *program);
int pcapng_interface(struct buf *to, enum pcapng_link link, const char *name, const char *what);
int pcapng_packet(struct buf *to, const struct pcapng_packet *k);

#endif
