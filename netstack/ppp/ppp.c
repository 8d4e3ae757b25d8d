#include "netstack/ppp/ppp.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"

enum {
    IP_PROTOCOL = 0x0021,
    FRAME_MOST = 2 * HDLC_FRAME_MAX + 2, /* of the longest frame on the line */
    /* A packet that comes may be answered with two: so much room it needs. Data leaves as much. */
    ANSWERS = 2 * FRAME_MOST,
};

_Static_assert(LIMIT_PPP_OUT >= 2 * ANSWERS, "room for data beside the answers");

struct ppp {
    uint32_t magic;
#define PPP_MAGIC 0x0d1a1b99u
    struct clk *clk;
    const struct ppp_events *ev;
    void *ctx;
    struct hdlc_rx rx;
    struct hdlc_tx tx; /* as negotiated; LCP itself is always sent in full */
    struct buf out;
    struct lcp lcp;
    struct auth auth;
    struct ipcp ipcp;
    bool is_ending; /* `why` is known */
    bool is_over;   /* nothing is taken any more, `closed` is under way */
    bool wants_room;
    enum ppp_close why;
    struct clk_timer turn;
    struct ppp_counts counts;
};

const char *ppp_close_name(enum ppp_close why) {
    static const char *const names[] = {
        [PPP_CLOSE_LOCAL] = "local",
        [PPP_CLOSE_PEER] = "peer",
        [PPP_CLOSE_NEGOTIATION] = "no answer",
        [PPP_CLOSE_AUTH] = "authentication",
        [PPP_CLOSE_LOOP] = "loop",
        [PPP_CLOSE_DEAD] = "dead",
    };
    return (size_t)why < sizeof names / sizeof names[0] ? names[why] : "?";
}

/* -- the end -- */

static void report_closed(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    ppp->ev->closed(ppp->ctx, ppp->why);
}

/* The first reason is the reason. */
static void end(struct ppp *ppp, enum ppp_close why) {
    if (!ppp->is_ending) {
        ppp->is_ending = true;
        ppp->why = why;
    }
}

static void finish(struct ppp *ppp, enum ppp_close why) {
    if (ppp->is_over) {
        return;
    }
    end(ppp, why);
    ppp->is_over = true;
    LOG(LOG_NET, LOG_INFO, "ppp", "closed: %s", ppp_close_name(ppp->why));
    clk_start(ppp->clk, &ppp->turn, CLK_US(0), report_closed, ppp);
}

/* Says goodbye first. */
static void leave(struct ppp *ppp, enum ppp_close why) {
    end(ppp, why);
    lcp_close(&ppp->lcp);
}

/* -- frames, both ways -- */

static void show(const struct ppp *ppp, bool is_out, uint16_t protocol, const uint8_t *p,
                 size_t n) {
    if (ppp->ev->frame != NULL) {
        ppp->ev->frame(ppp->ctx, is_out, protocol, p, n);
    }
}

/* -- out -- */

static void send_frame(struct ppp *ppp, uint16_t protocol, const uint8_t *p, size_t n) {
    struct hdlc_tx in_full;
    hdlc_tx_init(&in_full);
    const struct hdlc_tx *tx = protocol == LCP_PROTOCOL ? &in_full : &ppp->tx;
    if (hdlc_tx_frame(tx, protocol, p, n, &ppp->out) != 0) {
        ppp->counts.unsent++; /* whoever waits for it asks again */
        return;
    }
    show(ppp, true, protocol, p, n);
    ppp->ev->output(ppp->ctx);
}

static void send(void *ctx, uint16_t protocol, const uint8_t *p, size_t n) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    if (!ppp->is_over) {
        send_frame(ppp, protocol, p, n);
    }
}

int ppp_send(struct ppp *ppp, const uint8_t *p, size_t n) {
    CHECK_OBJ(ppp, PPP_MAGIC);
    if (!ppp_is_up(ppp)) {
        return -ENETDOWN;
    }
    if (n > ppp->lcp.peer.mru) {
        return -EMSGSIZE;
    }
    if (buf_room(&ppp->out) < ANSWERS + hdlc_tx_most(n)) {
        ppp->wants_room = true;
        return -ENOBUFS;
    }
    ppp->counts.packets_out++;
    ppp->counts.bytes_out += n;
    int err = hdlc_tx_frame(&ppp->tx, IP_PROTOCOL, p, n, &ppp->out);
    must(err == 0);
    show(ppp, true, IP_PROTOCOL, p, n);
    ppp->ev->output(ppp->ctx);
    return 0;
}

const uint8_t *ppp_out(const struct ppp *ppp, size_t *n) {
    CHECK_OBJ(ppp, PPP_MAGIC);
    *n = buf_len(&ppp->out);
    return buf_data(&ppp->out);
}

static void report_room(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    ppp->ev->room(ppp->ctx);
}

void ppp_out_done(struct ppp *ppp, size_t n) {
    CHECK_OBJ(ppp, PPP_MAGIC);
    buf_drop(&ppp->out, n);
    if (ppp->wants_room && !ppp->is_over && buf_room(&ppp->out) >= ANSWERS + FRAME_MOST) {
        ppp->wants_room = false;
        clk_start(ppp->clk, &ppp->turn, CLK_US(0), report_room, ppp);
    }
}

/* -- the phases: RFC 1661 3.2 -- */

static void start_ip(struct ppp *ppp) {
    ppp_cp_open(&ppp->ipcp.cp);
    ppp_cp_up(&ppp->ipcp.cp);
}

static void on_lcp_up(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    const struct lcp *l = &ppp->lcp;
    ppp->tx = (struct hdlc_tx){.accm = l->peer.accm,
                               .compresses_address = l->peer.acfc,
                               .compresses_protocol = l->peer.pfc};
    ppp->rx.accm = l->own.accm;
    if (l->auth != PPP_AUTH_NONE) {
        auth_start(&ppp->auth, l->auth);
    } else {
        start_ip(ppp);
    }
}

static void on_lcp_down(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    auth_stop(&ppp->auth);
    ppp_cp_down(&ppp->ipcp.cp);
    hdlc_tx_init(&ppp->tx);
    ppp->rx.accm = HDLC_ACCM_ALL;
}

static void on_lcp_finished(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    finish(ppp, PPP_CLOSE_NEGOTIATION);
}

static void on_terminated(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    finish(ppp, PPP_CLOSE_PEER);
}

static void on_protocol_rejected(void *ctx, uint16_t protocol) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    if (protocol == IPCP_PROTOCOL || protocol == IP_PROTOCOL) {
        leave(ppp, PPP_CLOSE_NEGOTIATION);
    } else if (protocol == LCP_PROTOCOL) {
        finish(ppp, PPP_CLOSE_NEGOTIATION);
    } else if (protocol == AUTH_PAP || protocol == AUTH_CHAP) {
        leave(ppp, PPP_CLOSE_AUTH);
    }
}

static void on_auth_refused(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    leave(ppp, PPP_CLOSE_AUTH);
}

static void on_looped(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    finish(ppp, PPP_CLOSE_LOOP);
}

static void on_dead(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    finish(ppp, PPP_CLOSE_DEAD);
}

static const struct lcp_events lcp_events = {
    .send = send,
    .up = on_lcp_up,
    .down = on_lcp_down,
    .finished = on_lcp_finished,
    .terminated = on_terminated,
    .protocol_rejected = on_protocol_rejected,
    .auth_refused = on_auth_refused,
    .looped = on_looped,
    .dead = on_dead,
};

static bool on_login(void *ctx, const struct auth_login *login) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    return ppp->ev->accept(ppp->ctx, login);
}

static void on_auth_done(void *ctx, bool is_accepted) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    if (is_accepted) {
        start_ip(ppp);
    } else {
        leave(ppp, PPP_CLOSE_AUTH);
    }
}

static const struct auth_events auth_events = {send, on_login, on_auth_done};

static void on_ip_up(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    ppp->ev->opened(ppp->ctx, ppp->lcp.peer.mru);
}

static void on_ip_down(void *ctx) {
    (void)ctx; /* ppp_send refuses; what comes is dropped */
}

static void on_ip_finished(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    leave(ppp, PPP_CLOSE_NEGOTIATION);
}

static const struct ipcp_events ipcp_events = {send, on_ip_up, on_ip_down, on_ip_finished};

/* -- in -- */

bool ppp_is_up(const struct ppp *ppp) {
    CHECK_OBJ(ppp, PPP_MAGIC);
    return ppp->ipcp.cp.state == PPP_OPENED && !ppp->is_over;
}

/* RFC 1661 3.4, 3.5: before LCP is open and while the peer is asked who it is, nothing else is. */
static bool is_network_phase(const struct ppp *ppp) {
    return ppp->ipcp.cp.state != PPP_INITIAL && ppp->ipcp.cp.state != PPP_STARTING;
}

static void on_frame(struct ppp *ppp, const struct hdlc_frame *f) {
    show(ppp, false, f->protocol, f->payload, f->n);
    lcp_heard(&ppp->lcp);
    if (f->protocol == LCP_PROTOCOL) {
        lcp_receive(&ppp->lcp, f->payload, f->n);
    } else if (f->protocol == AUTH_PAP || f->protocol == AUTH_CHAP) {
        auth_receive(&ppp->auth, f->protocol, f->payload, f->n);
    } else if (f->protocol == IP_PROTOCOL && ppp_is_up(ppp)) {
        ppp->counts.packets_in++;
        ppp->counts.bytes_in += f->n;
        ppp->ev->packet(ppp->ctx, f->payload, f->n);
    } else if (f->protocol == IP_PROTOCOL || !is_network_phase(ppp)) {
        ppp->counts.dropped++;
    } else if (f->protocol == IPCP_PROTOCOL) {
        ppp_cp_receive(&ppp->ipcp.cp, f->payload, f->n);
    } else {
        lcp_reject_protocol(&ppp->lcp, f->protocol, f->payload, f->n);
    }
}

static void begin(void *ctx) {
    struct ppp *ppp;
    CAST_OBJ(ppp, ctx, PPP_MAGIC);
    if (ppp->is_ending) {
        finish(ppp, ppp->why);
    } else {
        lcp_start(&ppp->lcp);
    }
}

/* What came behind the dial command may be here before the first turn. */
size_t ppp_rx(struct ppp *ppp, const uint8_t *p, size_t n) {
    CHECK_OBJ(ppp, PPP_MAGIC);
    size_t taken = 0;
    if (ppp->lcp.cp.state == PPP_INITIAL && !ppp->is_over) {
        clk_stop(ppp->clk, &ppp->turn);
        begin(ppp);
    }
    while (taken < n && !ppp->is_over && buf_room(&ppp->out) >= ANSWERS) {
        struct hdlc_frame f;
        bool has_frame = false;
        taken += hdlc_rx_feed(&ppp->rx, p + taken, n - taken, &f, &has_frame);
        if (has_frame) {
            on_frame(ppp, &f);
        }
    }
    return taken;
}

void ppp_close(struct ppp *ppp) {
    CHECK_OBJ(ppp, PPP_MAGIC);
    leave(ppp, PPP_CLOSE_LOCAL);
}

void ppp_set_paused(struct ppp *ppp, bool on) {
    CHECK_OBJ(ppp, PPP_MAGIC);
    lcp_set_paused(&ppp->lcp, on);
}

void ppp_counts(const struct ppp *ppp, struct ppp_counts *out) {
    CHECK_OBJ(ppp, PPP_MAGIC);
    *out = ppp->counts;
    out->malformed = ppp->lcp.cp.malformed + ppp->ipcp.cp.malformed;
    out->frames = ppp->rx.counts;
}

struct ppp *ppp_new(const struct ppp_config *cfg, const struct ppp_events *ev, void *ctx) {
    struct ppp *ppp = xmalloc(sizeof *ppp);
    OBJ_INIT(ppp, PPP_MAGIC);
    ppp->clk = cfg->clk;
    ppp->ev = ev;
    ppp->ctx = ctx;
    hdlc_rx_init(&ppp->rx);
    hdlc_tx_init(&ppp->tx);
    buf_init(&ppp->out, LIMIT_PPP_OUT);
    lcp_init(&ppp->lcp, &cfg->lcp, &lcp_events, ppp, cfg->clk, cfg->seed);
    auth_init(&ppp->auth, &auth_events, ppp, cfg->clk, cfg->seed);
    ipcp_init(&ppp->ipcp, &cfg->ipcp, &ipcp_events, ppp, cfg->clk);
    clk_start(ppp->clk, &ppp->turn, CLK_US(0), begin, ppp);
    return ppp;
}

void ppp_free(struct ppp *ppp) {
    if (ppp == NULL) {
        return;
    }
    CHECK_OBJ(ppp, PPP_MAGIC);
    clk_stop(ppp->clk, &ppp->turn);
    ipcp_fini(&ppp->ipcp);
    auth_fini(&ppp->auth);
    lcp_fini(&ppp->lcp);
    buf_fini(&ppp->out);
    OBJ_FINI(ppp);
    free(ppp);
}
