/* A dial-up link at the mercy of its line: bytes, frames of any protocol, a driver that does not
 * read, time. In the end a driver that dials properly has a link, or the link has said that it is
 * over.
 *
 * Input: how the link is set up, then acts: a byte says which and how much, its bytes follow. */
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "netstack/ppp/ppp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/ppp_peer.h"

enum { IP = 0x0021, ROUNDS = 40, ACTS_MAX = 400 };

enum act { ACT_BYTES, ACT_FRAME, ACT_CLOCK, ACT_READ, ACT_PEER, ACT_SEND, ACT_CLOSE, ACT_PAUSE };

struct rig {
    struct clk *clk;
    struct ppp *ppp;
    struct ppp_peer peer;
    unsigned packets, closed;
};

static void on_output(void *ctx) {
    (void)ctx;
}

static void on_opened(void *ctx, size_t mtu) {
    (void)ctx;
    must(mtu >= LCP_MRU_LEAST && mtu <= LIMIT_PPP_MRU);
}

static void on_packet(void *ctx, const uint8_t *p, size_t n) {
    struct rig *r = ctx;
    must(n <= LIMIT_PPP_MRU);
    r->packets++;
    ppp_send(r->ppp, p, n);
}

static void on_room(void *ctx) {
    (void)ctx;
}

static bool on_login(void *ctx, const struct auth_login *login) {
    (void)ctx;
    return auth_login_is(login, SV("p"));
}

static void on_closed(void *ctx, enum ppp_close why) {
    struct rig *r = ctx;
    must(ppp_close_name(why)[0] != '?');
    r->closed++;
}

static const struct ppp_events events = {on_output, on_opened, on_packet, on_room,
                                         on_login,  on_closed, NULL};

static void read_out(struct rig *r, bool peer_hears) {
    size_t n = 0;
    const uint8_t *p = ppp_out(r->ppp, &n);
    must(n <= LIMIT_PPP_OUT);
    if (n > 0 && peer_hears) {
        ppp_peer_rx(&r->peer, p, n);
    }
    ppp_out_done(r->ppp, n);
}

static void exchange(struct rig *r) {
    for (unsigned i = 0; i < ROUNDS; i++) {
        read_out(r, true);
        size_t n = buf_len(&r->peer.out);
        if (n > 0) {
            buf_drop(&r->peer.out, ppp_rx(r->ppp, buf_data(&r->peer.out), n));
        }
        clk_advance(r->clk, CLK_US(0));
    }
}

static size_t act(struct rig *r, uint8_t what, const uint8_t *p, size_t n) {
    static const uint16_t protocols[] = {0xc021, 0x8021, 0xc023, 0xc223, 0x21, 0x8057, 0x80fd, 0};
    static const uint8_t filler[2000];
    size_t much = what >> 3;
    size_t took = much < n ? much : n;
    switch ((enum act)(what & 7)) {
    case ACT_BYTES:
        ppp_rx(r->ppp, p, took);
        return took;
    case ACT_FRAME:
        if (took > 0 && buf_room(&r->peer.out) > hdlc_tx_most(took)) {
            struct buf line;
            struct hdlc_tx tx;
            hdlc_tx_init(&tx);
            buf_init(&line, hdlc_tx_most(took));
            hdlc_tx_frame(&tx, protocols[p[0] & 7], p + 1, took - 1, &line);
            ppp_rx(r->ppp, buf_data(&line), buf_len(&line));
            buf_fini(&line);
        }
        return took;
    case ACT_CLOCK:
        clk_advance(r->clk, CLK_MS(1 << (much % 16)));
        return 0;
    case ACT_READ:
        read_out(r, false);
        return 0;
    case ACT_PEER:
        ppp_peer_poke(&r->peer);
        exchange(r);
        return 0;
    case ACT_SEND:
        ppp_send(r->ppp, filler, much * 64);
        return 0;
    case ACT_CLOSE:
        ppp_close(r->ppp);
        return 0;
    case ACT_PAUSE:
        ppp_set_paused(r->ppp, much % 2 == 1);
        return 0;
    }
    return 0;
}

static void check_end(struct rig *r) {
    bool is_fine = false;
    for (unsigned i = 0; i < ROUNDS && !is_fine && r->closed == 0; i++) {
        unsigned packets = r->packets;
        r->peer.lcp = (struct ppp_peer_layer){.id = r->peer.lcp.id};
        r->peer.ipcp = (struct ppp_peer_layer){.id = r->peer.ipcp.id};
        r->peer.is_terminated = false;
        ppp_peer_poke(&r->peer);
        exchange(r);
        clk_advance(r->clk, CLK_S(3));
        exchange(r);
        ppp_peer_say(&r->peer, IP, "E", 1);
        exchange(r);
        is_fine = ppp_is_up(r->ppp) && r->packets > packets;
        must(!is_fine || !ppp_peer_is_up(&r->peer) || r->peer.packets > 0);
    }
    must(is_fine || r->closed == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    struct rig *r = xmalloc(sizeof *r);
    log_set_level(LOG_ERROR);
    r->clk = clk_new_manual();
    const struct ppp_config cfg = {
        .clk = r->clk,
        .lcp = {.auth = data[0] & 3,
                .is_auth_required = (data[0] & 4) != 0,
                .accm = (data[0] & 8) != 0 ? 0x000a0000 : 0,
                .echo_interval = (data[0] & 16) != 0 ? CLK_S(20) : CLK_US(0),
                .echo_failures = 2},
        .ipcp = {.own_ip = 0x0a400001u, .peer_ip = 0x0a719d44u, .dns = {0x08080808u}},
    };
    ppp_peer_init(&r->peer);
    r->ppp = ppp_new(&cfg, &events, r);
    unsigned acts = 0;
    for (size_t at = 1; at < size && acts < ACTS_MAX; acts++) {
        uint8_t what = data[at++];
        at += act(r, what, data + at, size - at);
    }
    check_end(r);
    ppp_free(r->ppp);
    ppp_peer_fini(&r->peer);
    clk_close(r->clk);
    free(r);
    return 0;
}
