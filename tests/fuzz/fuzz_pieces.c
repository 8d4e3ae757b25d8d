/* The same bytes in one piece and in many give the same output, at the tty and at the far ends: of
 * commands, of data behind a prompt, in data mode, over the multiplexer and on a dial-up link.
 *
 * Two pairs of modules are driven by the same input. The first pair: what is typed between two acts
 * comes at once, or in pieces without a turn of the loop between them. The second pair: a driver
 * that waits behind each line and each frame, byte by byte, and one that also pauses anywhere else.
 * Pauses are a turn of the loop and a read, and no modem time.
 *
 * What may differ, and is not compared:
 * - An LF that is cut off from its CR: chan.h says what it is then. It is never cut off.
 * - What a driver that has typed ahead sees first, an unsolicited line or the next answer: only
 *   drivers that wait are paused.
 * - The limits of datagrams: in data mode each piece is one. Only their bytes are compared.
 *
 * Input: what the pieces are drawn from, then bytes and acts (acts.h). Here ACT_CHOP wraps so many
 * of the bytes that come next into a frame: of PPP, or of the multiplexer. */
#include <stdio.h>

#include "base/buf.h"
#include "base/crc32.h"
#include "base/obj.h"
#include "base/rng.h"
#include "emulator/at/session.h"
#include "netstack/ppp/hdlc.h"
#include "pty/cmux_frame.h"
#include "slots.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/acts.h"

enum { HEAD = 2, OUT_MAX = CHAN_MEM_MAX, FLAG_PPP = 0x7e, FLAG_CMUX = 0xf9, PIECE_MAX = 16 };

enum how { AT_ONCE, IN_PIECES, BY_LINE, WITH_PAUSES, HOWS };

struct rig {
    struct acts a;
    enum how how;
    struct rng rng;   /* of the pieces */
    struct buf out;   /* all that the DTE has read */
    uint32_t far;     /* what the far ends have got, at each act */
    size_t datagrams; /* bytes */
};

static void read_out(struct rig *r) {
    uint8_t bytes[4096];
    size_t n = 0;
    while ((n = chan_mem_get(&r->a.mem, bytes, sizeof bytes)) > 0) {
        must(buf_put(&r->out, bytes, n) == n);
    }
}

static void turn(struct rig *r) {
    fake_host_settle(r->a.host, r->a.clk);
    read_out(r);
}

/* -- what is typed -- */

static bool is_cut_allowed(const uint8_t *p, size_t at) {
    return !(p[at - 1] == '\r' && p[at] == '\n');
}

static void type_in_pieces(struct rig *r, const uint8_t *p, size_t n) {
    while (n > 0) {
        size_t piece = 1 + (size_t)rng_below(&r->rng, PIECE_MAX);
        piece = piece < n ? piece : n;
        while (piece < n && !is_cut_allowed(p, piece)) {
            piece++;
        }
        chan_mem_put(&r->a.mem, p, piece);
        p += piece;
        n -= piece;
    }
}

/* A line, a repetition, data or a frame may end here, and a driver waits for what comes. */
static bool is_end(const struct rig *r, uint8_t c) {
    enum { SUB = 0x1a, ESC = 0x1b };
    const struct at_session *s = r->a.ch.stack[0].ctx;
    return c == session_int(s, SLOT_S3) || c == '\r' || c == '/' || c == SUB || c == ESC ||
           c == FLAG_PPP || c == FLAG_CMUX;
}

static void type_by_line(struct rig *r, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t depth = r->a.ch.depth;
        chan_mem_put(&r->a.mem, p + i, 1);
        bool is_pause = r->how == WITH_PAUSES && rng_below(&r->rng, 4) == 0;
        if (is_pause || is_end(r, p[i]) || r->a.ch.depth != depth) {
            turn(r);
        }
    }
}

static void type(struct rig *r, const uint8_t *p, size_t n) {
    switch (r->how) {
    case AT_ONCE:
        chan_mem_put(&r->a.mem, p, n);
        break;
    case IN_PIECES:
        type_in_pieces(r, p, n);
        break;
    case BY_LINE:
    case WITH_PAUSES:
        type_by_line(r, p, n);
        break;
    case HOWS:
        break;
    }
}

static void type_ppp(struct rig *r, const uint8_t *p, size_t n) {
    static const uint16_t protocols[] = {0xc021, 0x8021, 0xc023, 0xc223, 0x21, 0x8057, 0x80fd, 0};
    struct hdlc_tx tx;
    struct buf line;
    hdlc_tx_init(&tx);
    buf_init(&line, hdlc_tx_most(n));
    must(hdlc_tx_frame(&tx, protocols[p[0] & 7], p + 1, n - 1, &line) == 0);
    type(r, buf_data(&line), buf_len(&line));
    buf_fini(&line);
}

static void type_cmux(struct rig *r, const uint8_t *p, size_t n) {
    static const uint8_t types[] = {CMUX_UIH, CMUX_SABM, CMUX_DISC, CMUX_UI,
                                    CMUX_UIH, CMUX_SABM, CMUX_UIH,  CMUX_DM};
    static uint8_t wire[CMUX_FRAME_WIRE];
    const struct cmux_frame f = {.dlci = p[0] & 7,
                                 .is_command = true,
                                 .is_final = (p[0] & 8) != 0,
                                 .type = types[p[0] >> 4 & 7],
                                 .info = p + 1,
                                 .n = n - 1};
    enum cmux_option option = (p[0] & 0x80) == 0 ? CMUX_BASIC : CMUX_ADVANCED;
    type(r, wire, cmux_encode(option, &f, false, wire));
}

/* Returns how many bytes behind the act it took. */
static size_t type_frame(struct rig *r, unsigned much, const uint8_t *p, size_t n) {
    size_t took = 1 + much / 2 * 4;
    took = took < n ? took : n;
    if (took > 0 && much % 2 == 0) {
        type_ppp(r, p, took);
    } else if (took > 0) {
        type_cmux(r, p, took);
    }
    return took;
}

/* -- what comes of it -- */

static void look_at_link(struct rig *r, const struct net_addr *addr) {
    const struct fake_link *l = fake_host_link(r->a.host, addr->ip, addr->port);
    size_t n = 0;
    const uint8_t *got = l != NULL ? fake_host_received(l, &n) : NULL;
    const uint8_t seen = l != NULL ? (uint8_t)fake_host_seen(l) : 0xff;
    r->far = crc32_add(r->far, &seen, 1);
    if (n > 0) {
        r->far = crc32_add(r->far, got, n);
    }
}

static void look(struct rig *r) {
    struct fake_datagram d;
    turn(r);
    look_at_link(r, &acts_server);
    look_at_link(r, &acts_caller);
    while (fake_host_next_datagram(r->a.host, &d)) {
        r->datagrams += d.n;
        r->far = d.n > 0 ? crc32_add(r->far, d.p, d.n) : r->far;
    }
}

static void play(struct rig *r, enum how how, const uint8_t *p, size_t n) {
    struct acts_step step;
    *r = (struct rig){.how = how, .rng = rng_stream((uint64_t)p[0] << 8 | p[1], "pieces")};
    p += HEAD;
    n -= HEAD;
    buf_init(&r->out, OUT_MAX);
    acts_start(&r->a);
    while (acts_next(&p, &n, &step)) {
        type(r, step.p, step.n);
        look(r);
        if (step.has_act && (step.act & 15) == ACT_CHOP) {
            size_t took = type_frame(r, step.act >> 4, p, n);
            p += took;
            n -= took;
        } else if (step.has_act) {
            acts_do(&r->a, step.act);
        }
        look(r);
    }
}

static void stop(struct rig *r) {
    acts_stop(&r->a);
    buf_fini(&r->out);
}

static void show(const char *what, const struct buf *b, size_t at) {
    enum { AROUND = 60 };
    size_t from = at > AROUND ? at - AROUND : 0;
    size_t to = at + AROUND < buf_len(b) ? at + AROUND : buf_len(b);
    fprintf(stderr, "%s, %zu bytes:", what, buf_len(b));
    for (size_t i = from; i < to; i++) {
        uint8_t c = buf_data(b)[i];
        fprintf(stderr, c >= ' ' && c < 0x7f ? "%s%c" : "%s\\x%02x", i == at ? " >>> " : "", c);
    }
    fputc('\n', stderr);
}

static void compare(const struct rig *a, const struct rig *b) {
    size_t most = buf_len(&a->out) < buf_len(&b->out) ? buf_len(&a->out) : buf_len(&b->out);
    size_t same = 0;
    while (same < most && buf_data(&a->out)[same] == buf_data(&b->out)[same]) {
        same++;
    }
    if (buf_len(&a->out) != buf_len(&b->out) || same != most) {
        show(a->how == AT_ONCE ? "at once" : "by line", &a->out, same);
        show(b->how == IN_PIECES ? "in pieces" : "with pauses", &b->out, same);
    }
    must(buf_len(&a->out) == buf_len(&b->out) && same == most);
    must(a->far == b->far && a->datagrams == b->datagrams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct rig rigs[HOWS];
    if (size < HEAD) {
        return 0;
    }
    for (enum how how = 0; how < HOWS; how++) {
        play(&rigs[how], how, data, size);
    }
    compare(&rigs[AT_ONCE], &rigs[IN_PIECES]);
    compare(&rigs[BY_LINE], &rigs[WITH_PAUSES]);
    for (enum how how = 0; how < HOWS; how++) {
        stop(&rigs[how]);
    }
    return 0;
}
