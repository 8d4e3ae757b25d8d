#include "netstack/ppp/hdlc.h"

#include <errno.h>

#include "base/be.h"
#include "base/buf.h"

enum {
    FLAG = 0x7e,
    ESCAPE = 0x7d,
    FLIP = 0x20, /* of an escaped byte */
    ADDRESS = 0xff,
    CONTROL = 0x03,
    FCS_SIZE = 2,
    FCS_START = 0xffff,
    FCS_GOOD = 0xf0b8, /* over a frame with its FCS: RFC 1662 C.2 */
};

/* The FCS of half a byte: RFC 1662 C, polynomial 0x8408. */
static uint16_t fcs_add(uint16_t fcs, uint8_t byte) {
    static const uint16_t of_nibble[16] = {0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285,
                                           0x6306, 0x7387, 0x8408, 0x9489, 0xa50a, 0xb58b,
                                           0xc60c, 0xd68d, 0xe70e, 0xf78f};
    fcs = (uint16_t)(fcs >> 4 ^ of_nibble[(fcs ^ byte) & 15]);
    return (uint16_t)(fcs >> 4 ^ of_nibble[(fcs ^ byte >> 4) & 15]);
}

/* -- receiving -- */

void hdlc_rx_init(struct hdlc_rx *rx) {
    *rx = (struct hdlc_rx){.accm = HDLC_ACCM_ALL, .is_hunting = true};
}

/* What has become of a frame at its flag: the count that it belongs to; NULL: there was none. */
static uint64_t *end_frame(struct hdlc_rx *rx, struct hdlc_frame *frame) {
    const uint8_t *p = rx->frame;
    size_t n = rx->n;
    uint16_t fcs = FCS_START;
    if (rx->is_escaped) {
        return &rx->counts.aborted;
    }
    if (rx->is_long) {
        return &rx->counts.too_long;
    }
    if (n == 0) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        fcs = fcs_add(fcs, p[i]);
    }
    if (n > FCS_SIZE && fcs != FCS_GOOD) {
        return &rx->counts.bad_fcs;
    }
    n = n > FCS_SIZE ? n - FCS_SIZE : 0;
    if (n >= 2 && p[0] == ADDRESS && p[1] == CONTROL) {
        p += 2;
        n -= 2;
    }
    size_t size = n > 0 && (p[0] & 1) != 0 ? 1 : 2; /* RFC 1661 2: a protocol's last byte is odd */
    if (n < size) {
        return &rx->counts.too_short;
    }
    *frame = (struct hdlc_frame){
        .protocol = size == 1 ? p[0] : be_get16(p),
        .payload = p + size,
        .n = n - size,
    };
    return frame->n <= HDLC_PAYLOAD_MAX ? &rx->counts.frames : &rx->counts.too_long;
}

static void take(struct hdlc_rx *rx, uint8_t byte) {
    if (byte == ESCAPE) {
        rx->is_escaped = true;
        return;
    }
    if (byte < 32 && (rx->accm >> byte & 1) != 0) {
        return; /* also behind an escape: the line put it there */
    }
    if (rx->is_escaped) {
        rx->is_escaped = false;
        byte ^= FLIP;
    }
    if (rx->n == HDLC_FRAME_MAX) {
        rx->is_long = true;
        return;
    }
    rx->frame[rx->n++] = byte;
}

size_t hdlc_rx_feed(struct hdlc_rx *rx, const uint8_t *p, size_t n, struct hdlc_frame *frame,
                    bool *has_frame) {
    *has_frame = false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] != FLAG) {
            if (!rx->is_hunting) {
                take(rx, p[i]);
            }
            continue;
        }
        uint64_t *count = rx->is_hunting ? NULL : end_frame(rx, frame);
        if (count != NULL) {
            (*count)++;
        }
        *has_frame = count == &rx->counts.frames;
        rx->is_hunting = false;
        rx->is_escaped = false;
        rx->is_long = false;
        rx->n = 0;
        if (*has_frame) {
            return i + 1;
        }
    }
    return n;
}

/* -- sending -- */

void hdlc_tx_init(struct hdlc_tx *tx) {
    *tx = (struct hdlc_tx){.accm = HDLC_ACCM_ALL};
}

struct writer {
    const struct hdlc_tx *tx;
    uint8_t *to;
    size_t n;
    uint16_t fcs;
};

static void put(struct writer *w, uint8_t byte) {
    bool is_control = byte < 32 && (w->tx->accm >> byte & 1) != 0;
    if (is_control || byte == FLAG || byte == ESCAPE) {
        w->to[w->n++] = ESCAPE;
        byte ^= FLIP;
    }
    w->to[w->n++] = byte;
}

static void put_summed(struct writer *w, uint8_t byte) {
    w->fcs = fcs_add(w->fcs, byte);
    put(w, byte);
}

int hdlc_tx_frame(const struct hdlc_tx *tx, uint16_t protocol, const uint8_t *p, size_t n,
                  struct buf *out) {
    size_t most = hdlc_tx_most(n);
    if (buf_room(out) < most) {
        return -ENOBUFS;
    }
    size_t got = 0;
    struct writer w = {.tx = tx, .to = buf_reserve(out, most, &got), .fcs = FCS_START};
    w.to[w.n++] = FLAG;
    if (!tx->compresses_address) {
        put_summed(&w, ADDRESS);
        put_summed(&w, CONTROL);
    }
    if (!tx->compresses_protocol || protocol > 0xff) {
        put_summed(&w, (uint8_t)(protocol >> 8));
    }
    put_summed(&w, (uint8_t)protocol);
    for (size_t i = 0; i < n; i++) {
        put_summed(&w, p[i]);
    }
    uint16_t fcs = (uint16_t)~w.fcs;
    put(&w, (uint8_t)fcs);
    put(&w, (uint8_t)(fcs >> 8));
    w.to[w.n++] = FLAG;
    buf_commit(out, w.n);
    return 0;
}
