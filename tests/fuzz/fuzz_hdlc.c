/* The same bytes in one piece and in pieces give the same frames and counts; a frame that came is
 * sent and comes again.
 *
 * Input: which characters are dropped, how frames are sent, the size of the pieces, then bytes. */
#include <string.h>

#include "base/buf.h"
#include "base/obj.h"
#include "netstack/ppp/hdlc.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 3, OUT_MAX = 1 << 24 };

static void note(struct buf *to, const struct hdlc_frame *f) {
    must(f->n <= HDLC_PAYLOAD_MAX);
    const uint8_t head[] = {(uint8_t)(f->protocol >> 8), (uint8_t)f->protocol, (uint8_t)(f->n >> 8),
                            (uint8_t)f->n};
    buf_put(to, head, sizeof head);
    buf_put(to, f->payload, f->n);
}

/* An even protocol is none, but may come. */
static void send_again(const struct hdlc_tx *tx, const struct hdlc_frame *f) {
    struct buf line;
    struct hdlc_rx rx;
    struct hdlc_frame again;
    bool has_frame = false;
    if ((f->protocol & 0x101) != 1) {
        return;
    }
    buf_init(&line, hdlc_tx_most(f->n));
    hdlc_rx_init(&rx);
    rx.accm = tx->accm;
    must(hdlc_tx_frame(tx, f->protocol, f->payload, f->n, &line) == 0);
    size_t n = buf_len(&line);
    must(hdlc_rx_feed(&rx, buf_data(&line), n, &again, &has_frame) == n);
    must(has_frame && again.protocol == f->protocol && again.n == f->n);
    must(f->n == 0 || memcmp(again.payload, f->payload, f->n) == 0);
    buf_fini(&line);
}

static void feed(struct hdlc_rx *rx, const uint8_t *p, size_t n, const struct hdlc_tx *tx,
                 struct buf *to) {
    while (n > 0) {
        struct hdlc_frame f;
        bool has_frame = false;
        size_t used = hdlc_rx_feed(rx, p, n, &f, &has_frame);
        must(used > 0 && used <= n && (used == n || has_frame));
        if (has_frame) {
            note(to, &f);
            send_again(tx, &f);
        }
        p += used;
        n -= used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEAD) {
        return 0;
    }
    static const uint32_t maps[] = {0, 0x000a0000, HDLC_ACCM_ALL, 1};
    const struct hdlc_tx tx = {.accm = maps[data[1] & 3],
                               .compresses_address = (data[1] & 4) != 0,
                               .compresses_protocol = (data[1] & 8) != 0};
    size_t piece = 1 + data[2] % 16;
    struct hdlc_rx whole, pieces;
    struct buf of_whole, of_pieces;
    hdlc_rx_init(&whole);
    whole.accm = maps[data[0] & 3];
    pieces = whole;
    buf_init(&of_whole, OUT_MAX);
    buf_init(&of_pieces, OUT_MAX);
    feed(&whole, data + HEAD, size - HEAD, &tx, &of_whole);
    for (size_t at = HEAD; at < size; at += piece) {
        feed(&pieces, data + at, size - at < piece ? size - at : piece, &tx, &of_pieces);
    }
    must(buf_len(&of_whole) == buf_len(&of_pieces));
    must(buf_len(&of_whole) == 0 ||
         memcmp(buf_data(&of_whole), buf_data(&of_pieces), buf_len(&of_whole)) == 0);
    must(memcmp(&whole.counts, &pieces.counts, sizeof whole.counts) == 0);
    buf_fini(&of_whole);
    buf_fini(&of_pieces);
    return 0;
}
