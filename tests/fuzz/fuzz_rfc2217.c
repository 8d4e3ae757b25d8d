/* Any bytes at the far side of an RFC 2217 port: in pieces of any size it hears and says the same,
 * what it says is Telnet itself and within its bound, and data go out and come back.
 *
 * Input: the size of the pieces and what the module does meanwhile, then the bytes. */
#include <string.h>

#include "base/crc32.h"
#include "base/obj.h"
#include "pty/comport.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 2, SENT_MAX = 1 << 20 };

struct run {
    uint32_t heard, said;
    uint8_t sent[SENT_MAX];
    size_t n;
};

static void hear(struct run *r, uint8_t what, bool on) {
    const uint8_t bytes[] = {what, on};
    r->heard = crc32_add(r->heard, bytes, sizeof bytes);
}

static void on_data(void *ctx, const uint8_t *p, size_t n) {
    struct run *r = ctx;
    r->heard = crc32_add(r->heard, p, n);
}

static void on_send(void *ctx, const uint8_t *p, size_t n) {
    struct run *r = ctx;
    must(r->n + n <= sizeof r->sent);
    memcpy(r->sent + r->n, p, n);
    r->n += n;
    r->said = crc32_add(r->said, p, n);
}

static void on_dtr(void *ctx, bool on) {
    hear(ctx, 'd', on);
}

static void on_rts(void *ctx, bool on) {
    hear(ctx, 'r', on);
}

static void on_break(void *ctx) {
    hear(ctx, 'b', true);
}

static void on_purge(void *ctx, bool to_client, bool from_client) {
    hear(ctx, 'p', to_client);
    hear(ctx, 'q', from_client);
}

static const struct comport_events events = {
    .data = on_data,
    .send = on_send,
    .dtr = on_dtr,
    .rts = on_rts,
    .brk = on_break,
    .purge = on_purge,
};

static void play(struct run *r, struct comport *c, const uint8_t *p, size_t n, size_t piece) {
    *r = (struct run){0};
    comport_init(c, COMPORT_CTS, &events, r);
    for (size_t at = 0; at < n; at += piece) {
        uint8_t bytes[4096];
        size_t part = n - at < piece ? n - at : piece;
        memcpy(bytes, p + at, part);
        comport_rx(c, bytes, part);
    }
    must(r->n <= COMPORT_ANSWERS * n + TELNET_COMMAND_WIRE);
}

/* Nothing but whole negotiations and commands. */
static void check_said(const struct run *r) {
    struct telnet_decoder d;
    uint8_t data[SENT_MAX / 64];
    telnet_decoder_init(&d);
    for (size_t at = 0; at < r->n;) {
        struct telnet_sign sign;
        size_t ndata = 0;
        size_t most = r->n - at < sizeof data ? r->n - at : sizeof data;
        at += telnet_decode(&d, r->sent + at, most, data, &ndata, &sign);
        must(ndata == 0 && sign.kind != TELNET_NOTHING);
        must(sign.kind != TELNET_COMMAND || sign.command >= 100);
    }
    must(d.state == TELNET_IN_DATA);
}

static void check_data(struct comport *c, const uint8_t *p, size_t n) {
    struct telnet_decoder d;
    struct telnet_sign sign;
    uint8_t wire[2 * 1024 + 1];
    size_t ndata = 0;
    n = n < 1024 ? n : 1024;
    size_t len = comport_tx(c, p, n, wire);
    must(len <= 2 * n + 1);
    telnet_decoder_init(&d);
    d.is_nvt = c->encoder.is_nvt;
    must(telnet_decode(&d, wire, len, wire, &ndata, &sign) == len);
    must(ndata == n && memcmp(wire, p, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct run whole, cut;
    static struct comport c;
    if (size < HEAD || size > 4096) {
        return 0;
    }
    const uint8_t *p = data + HEAD;
    size_t n = size - HEAD;
    play(&whole, &c, p, n, 1 + n);
    play(&cut, &c, p, n, 1 + data[0] % 64);
    must(whole.heard == cut.heard && whole.n == cut.n && whole.said == cut.said);
    check_data(&c, p, n);
    comport_set_lines(&c, data[1]);
    comport_set_lines(&c, (uint8_t)~data[1]);
    check_said(&cut);
    return 0;
}
