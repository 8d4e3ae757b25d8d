#include "netstack/dialup.h"

#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/obj.h"
#include "base/tap.h"
#include "netstack/bearer.h"

enum { PIECE = 2048 }; /* bytes of one write: the channel is asked in between */

struct dialup {
    uint32_t magic;
#define DIALUP_MAGIC 0x2f81c6a3u
    struct dialup_config cfg;
    const struct dialup_events *ev;
    void *ctx;
    struct ppp *ppp;
    struct ipgate *gate; /* NULL: IP has not been up yet */
    bool is_paused;
    bool is_flushing; /* a transport that takes at once says so from inside the write */
};

/* -- out -- */

static void flush(struct dialup *d, bool is_last) {
    size_t n = 0;
    if (d->is_flushing || d->is_paused) {
        return;
    }
    d->is_flushing = true;
    for (const uint8_t *p = ppp_out(d->ppp, &n); n > 0 && (is_last || !chan_is_busy(d->cfg.ch));
         p = ppp_out(d->ppp, &n)) {
        n = n < PIECE ? n : PIECE;
        if (chan_write(d->cfg.ch, p, n) != 0) {
            break;
        }
        ppp_out_done(d->ppp, n);
    }
    d->is_flushing = false;
}

static void on_output(void *ctx) {
    struct dialup *d;
    CAST_OBJ(d, ctx, DIALUP_MAGIC);
    flush(d, false);
}

void dialup_drained(struct dialup *d) {
    CHECK_OBJ(d, DIALUP_MAGIC);
    flush(d, false);
    chan_pump(d->cfg.ch); /* the link may take input again */
}

void dialup_set_paused(struct dialup *d, bool on) {
    CHECK_OBJ(d, DIALUP_MAGIC);
    d->is_paused = on;
    ppp_set_paused(d->ppp, on);
    flush(d, false);
}

static int on_deliver(void *ctx, const uint8_t *p, size_t n) {
    struct dialup *d;
    CAST_OBJ(d, ctx, DIALUP_MAGIC);
    return ppp_send(d->ppp, p, n);
}

static void on_room(void *ctx) {
    struct dialup *d;
    CAST_OBJ(d, ctx, DIALUP_MAGIC);
    if (d->gate != NULL) {
        ipgate_resume(d->gate);
    }
}

/* -- in -- */

size_t dialup_rx(struct dialup *d, const uint8_t *p, size_t n) {
    CHECK_OBJ(d, DIALUP_MAGIC);
    return ppp_rx(d->ppp, p, n);
}

static void on_packet(void *ctx, const uint8_t *p, size_t n) {
    struct dialup *d;
    CAST_OBJ(d, ctx, DIALUP_MAGIC);
    if (d->gate != NULL) {
        ipgate_put(d->gate, p, n);
    }
}

/* -- life -- */

/* Flows live on when the peer negotiates anew, unless their packets do not fit any more. */
static void on_opened(void *ctx, size_t mtu) {
    struct dialup *d;
    CAST_OBJ(d, ctx, DIALUP_MAGIC);
    bool is_wanted = d->cfg.gate.loop != NULL;
    if (is_wanted && (d->gate == NULL || d->cfg.gate.mtu != mtu)) {
        ipgate_close(d->gate);
        d->cfg.gate.mtu = mtu;
        d->gate = ipgate_new(&d->cfg.gate);
    }
    d->ev->opened(d->ctx);
}

static bool on_login(void *ctx, const struct auth_login *login) {
    struct dialup *d;
    CAST_OBJ(d, ctx, DIALUP_MAGIC);
    return d->ev->accept(d->ctx, login);
}

static void on_closed(void *ctx, enum ppp_close why) {
    struct dialup *d;
    CAST_OBJ(d, ctx, DIALUP_MAGIC);
    flush(d, true);
    d->ev->closed(d->ctx, why);
}

static void on_frame(void *ctx, bool is_out, uint16_t protocol, const uint8_t *p, size_t n) {
    enum { HEAD = 4 };
    struct dialup *d;
    CAST_OBJ(d, ctx, DIALUP_MAGIC);
    const struct tap *tap = d->cfg.gate.bearer->tap;
    if (tap == NULL) {
        return;
    }
    uint8_t frame[HEAD + HDLC_PAYLOAD_MAX] = {0xff, 0x03, (uint8_t)(protocol >> 8),
                                              (uint8_t)protocol};
    must(n <= HDLC_PAYLOAD_MAX);
    if (n > 0) {
        memcpy(frame + HEAD, p, n);
    }
    const struct tap_packet k = {.link = TAP_PPP,
                                 .port = d->cfg.ch->name,
                                 .is_out = is_out,
                                 .p = frame,
                                 .n = HEAD + n,
                                 .size = HEAD + n};
    tap->packet(tap->ctx, &k);
}

static const struct ppp_events events = {on_output, on_opened, on_packet, on_room,
                                         on_login,  on_closed, on_frame};

struct dialup *dialup_new(const struct dialup_config *cfg, const struct dialup_events *ev,
                          void *ctx) {
    struct dialup *d = xmalloc(sizeof *d);
    OBJ_INIT(d, DIALUP_MAGIC);
    d->cfg = *cfg;
    d->cfg.gate.mtu = 0;
    d->cfg.gate.deliver = on_deliver;
    d->cfg.gate.ctx = d;
    d->ev = ev;
    d->ctx = ctx;
    struct ppp_config ppp = {
        .clk = cfg->gate.bearer->clk,
        .seed = cfg->seed,
        .lcp = cfg->lcp,
        .ipcp = {.own_ip = cfg->gate.gateway_ip,
                 .peer_ip = cfg->gate.bearer->ip,
                 .dns = {cfg->gate.dns[0], cfg->gate.dns[1]}},
    };
    d->ppp = ppp_new(&ppp, &events, d);
    return d;
}

void dialup_free(struct dialup *d) {
    if (d == NULL) {
        return;
    }
    CHECK_OBJ(d, DIALUP_MAGIC);
    ipgate_close(d->gate);
    ppp_free(d->ppp);
    OBJ_FINI(d);
    free(d);
}

void dialup_close(struct dialup *d) {
    CHECK_OBJ(d, DIALUP_MAGIC);
    ppp_close(d->ppp);
}

void dialup_counts(const struct dialup *d, struct ppp_counts *out) {
    CHECK_OBJ(d, DIALUP_MAGIC);
    ppp_counts(d->ppp, out);
}
