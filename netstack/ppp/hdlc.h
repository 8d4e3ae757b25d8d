/* hdlc.h: PPP in HDLC-like framing on an asynchronous line (RFC 1662), both ways.
 *
 * Pure: no time, no callbacks. The receiver takes any pieces of the line and says when a frame has
 * come; the sender writes whole frames into the caller's buffer. Both forms of what may be
 * compressed are understood whatever was negotiated; what is sent is as the config says.
 *
 * Bound: HDLC_PAYLOAD_MAX; a longer frame is dropped up to its flag and counted, as are frames
 * with a wrong FCS, too short ones and those that the sender has aborted.
 */
#ifndef NETSTACK_PPP_HDLC_H
#define NETSTACK_PPP_HDLC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct buf;

enum {
    HDLC_PAYLOAD_MAX = LIMIT_PPP_MRU,
    HDLC_FRAME_MAX = HDLC_PAYLOAD_MAX + 6, /* address, control, protocol, FCS */
};

/* RFC 1662 7.1: nothing is negotiated, every control character is escaped. */
#define HDLC_ACCM_ALL 0xffffffffu

struct hdlc_counts {
    uint64_t frames;
    uint64_t bad_fcs, too_long, too_short, aborted;
};

struct hdlc_rx {
    uint32_t accm; /* control characters that the line may have put in: unescaped, they are none */
    bool is_hunting; /* nothing is a frame before the next flag */
    bool is_escaped;
    bool is_long; /* of the frame under way: it is over the bound */
    size_t n;
    uint8_t frame[HDLC_FRAME_MAX];
    struct hdlc_counts counts;
};

/* A frame that came; `payload` is good until the next call. */
struct hdlc_frame {
    uint16_t protocol;
    const uint8_t *payload;
    size_t n;
};

void hdlc_rx_init(struct hdlc_rx *rx);

/* Takes bytes up to the end of a frame, or all; returns how many. *has_frame: one is there. */
size_t hdlc_rx_feed(struct hdlc_rx *rx, const uint8_t *p, size_t n, struct hdlc_frame *frame,
                    bool *has_frame);

struct hdlc_tx {
    uint32_t accm;            /* control characters that are escaped; 7d and 7e always are */
    bool compresses_address;  /* ff 03 is left out */
    bool compresses_protocol; /* one byte where its number allows */
};

void hdlc_tx_init(struct hdlc_tx *tx);

/* Puts the frame with both flags; all or nothing. -ENOBUFS: hdlc_tx_most(n) bytes are not free. */
int hdlc_tx_frame(const struct hdlc_tx *tx, uint16_t protocol, const uint8_t *p, size_t n,
                  struct buf *out);

/* What a payload of n bytes can become. */
static inline size_t hdlc_tx_most(size_t n) {
    return 2 * (n + HDLC_FRAME_MAX - HDLC_PAYLOAD_MAX) + 2;
}

#endif
