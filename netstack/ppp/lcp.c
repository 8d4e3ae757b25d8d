#include "netstack/ppp/lcp.h"

#include <string.h>

#include "base/be.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"

enum lcp_code { PROTO_REJ = 8, ECHO_REQ, ECHO_REPLY, DISCARD, IDENTIFICATION, TIME_REMAINING };

enum { MAGIC_SIZE = 4, LOOPS_MAX = 3, PAP = 0xc023, CHAP = 0xc223, CHAP_MD5 = 5 };

static uint32_t new_magic(struct lcp *l) {
    return (uint32_t)rng_below(&l->rng, UINT32_MAX) + 1;
}

/* -- MRU: ours is the default and not spoken of -- */

static enum ppp_verdict judge_mru(void *ctx, const uint8_t *value, uint8_t *better) {
    (void)ctx;
    better[1] = LCP_MRU_LEAST;
    return be_get16(value) < LCP_MRU_LEAST ? PPP_NAK : PPP_ACK;
}

static void agree_mru(void *ctx, const uint8_t *value) {
    struct lcp *l = ctx;
    uint16_t mru = be_get16(value);
    l->peer.mru = mru < LIMIT_PPP_MRU ? mru : LIMIT_PPP_MRU;
}

/* -- ACCM -- */

static int ask_accm(void *ctx, uint8_t *value) {
    const struct lcp *l = ctx;
    be_put32(value, l->own.accm);
    return l->asks_accm ? 4 : -1;
}

/* RFC 1662 7.1: what one of the two wants escaped is. */
static void nak_accm(void *ctx, const uint8_t *value, size_t n) {
    struct lcp *l = ctx;
    l->own.accm |= n == 4 ? be_get32(value) : HDLC_ACCM_ALL;
}

static void reject_accm(void *ctx) {
    struct lcp *l = ctx;
    l->asks_accm = false;
    l->own.accm = HDLC_ACCM_ALL;
}

static enum ppp_verdict accept_any(void *ctx, const uint8_t *value, uint8_t *better) {
    (void)ctx;
    (void)value;
    (void)better;
    return PPP_ACK;
}

static void agree_accm(void *ctx, const uint8_t *value) {
    struct lcp *l = ctx;
    l->peer.accm = be_get32(value);
}

/* -- authentication: ours to ask for only -- */

static int ask_auth(void *ctx, uint8_t *value) {
    const struct lcp *l = ctx;
    be_put16(value, l->auth == PPP_AUTH_CHAP ? CHAP : PAP);
    value[2] = CHAP_MD5;
    return l->auth == PPP_AUTH_NONE ? -1 : l->auth == PPP_AUTH_CHAP ? 3 : 2;
}

static void next_auth(struct lcp *l, unsigned left) {
    l->auth_left = left;
    l->auth = left & PPP_AUTH_CHAP  ? PPP_AUTH_CHAP
              : left & PPP_AUTH_PAP ? PPP_AUTH_PAP
                                    : PPP_AUTH_NONE;
    if (l->auth == PPP_AUTH_NONE && l->cfg.is_auth_required) {
        l->ev->auth_refused(l->ctx);
    }
}

/* Whatever it would rather have: the next of ours, in our order. */
static void nak_auth(void *ctx, const uint8_t *value, size_t n) {
    struct lcp *l = ctx;
    (void)value;
    (void)n;
    next_auth(l, l->auth_left & ~(unsigned)l->auth);
}

/* RFC 1661 5.4: a Reject is about the option, whatever its value. */
static void reject_auth(void *ctx) {
    next_auth(ctx, 0);
}

/* -- magic number -- */

static int ask_magic(void *ctx, uint8_t *value) {
    const struct lcp *l = ctx;
    be_put32(value, l->own.magic);
    return l->own.magic != 0 ? MAGIC_SIZE : -1;
}

/* Nobody but ourselves naks it more than by chance. */
static void nak_magic(void *ctx, const uint8_t *value, size_t n) {
    struct lcp *l = ctx;
    (void)value;
    (void)n;
    l->own.magic = new_magic(l);
    if (++l->loops == LOOPS_MAX) {
        l->ev->looped(l->ctx);
    }
}

static void reject_magic(void *ctx) {
    struct lcp *l = ctx;
    l->own.magic = 0;
}

static enum ppp_verdict judge_magic(void *ctx, const uint8_t *value, uint8_t *better) {
    struct lcp *l = ctx;
    uint32_t magic = be_get32(value);
    be_put32(better, ~l->own.magic);
    return magic == 0 || magic == l->own.magic ? PPP_NAK : PPP_ACK;
}

static void agree_magic(void *ctx, const uint8_t *value) {
    struct lcp *l = ctx;
    l->peer.magic = be_get32(value);
}

/* -- compression of headers -- */

static int ask_pfc(void *ctx, uint8_t *value) {
    const struct lcp *l = ctx;
    (void)value;
    return l->own.pfc ? 0 : -1;
}

static void reject_pfc(void *ctx) {
    struct lcp *l = ctx;
    l->own.pfc = false;
}

static void nak_pfc(void *ctx, const uint8_t *value, size_t n) {
    (void)value;
    (void)n;
    reject_pfc(ctx);
}

static void agree_pfc(void *ctx, const uint8_t *value) {
    struct lcp *l = ctx;
    (void)value;
    l->peer.pfc = true;
}

static int ask_acfc(void *ctx, uint8_t *value) {
    const struct lcp *l = ctx;
    (void)value;
    return l->own.acfc ? 0 : -1;
}

static void reject_acfc(void *ctx) {
    struct lcp *l = ctx;
    l->own.acfc = false;
}

static void nak_acfc(void *ctx, const uint8_t *value, size_t n) {
    (void)value;
    (void)n;
    reject_acfc(ctx);
}

static void agree_acfc(void *ctx, const uint8_t *value) {
    struct lcp *l = ctx;
    (void)value;
    l->peer.acfc = true;
}

static const struct ppp_option options[] = {
    {.type = 1, .size = 2, .judge = judge_mru, .agreed = agree_mru},
    {2, 4, ask_accm, nak_accm, reject_accm, accept_any, agree_accm},
    {.type = 3, .ask = ask_auth, .nakked = nak_auth, .rejected = reject_auth},
    {5, MAGIC_SIZE, ask_magic, nak_magic, reject_magic, judge_magic, agree_magic},
    {7, 0, ask_pfc, nak_pfc, reject_pfc, accept_any, agree_pfc},
    {8, 0, ask_acfc, nak_acfc, reject_acfc, accept_any, agree_acfc},
};

/* -- echo -- */

static void on_echo(void *ctx);

static void start_echo(struct lcp *l) {
    l->unanswered = 0;
    if (l->cp.state == PPP_OPENED && l->cfg.echo_interval.us > 0 && !l->is_paused) {
        clk_start(l->cp.clk, &l->echo, l->cfg.echo_interval, on_echo, l);
    } else {
        clk_stop(l->cp.clk, &l->echo);
    }
}

static void on_echo(void *ctx) {
    struct lcp *l;
    CAST_OBJ(l, ctx, LCP_MAGIC);
    if (l->unanswered == l->cfg.echo_failures) {
        l->ev->dead(l->ctx);
        return;
    }
    uint8_t data[MAGIC_SIZE];
    be_put32(data, l->own.magic);
    ppp_cp_send(&l->cp, ECHO_REQ, ++l->cp.id, data, sizeof data);
    l->unanswered++;
    clk_start(l->cp.clk, &l->echo, l->cfg.echo_interval, on_echo, l);
}

void lcp_heard(struct lcp *l) {
    l->unanswered = 0;
}

void lcp_set_paused(struct lcp *l, bool on) {
    l->is_paused = on;
    start_echo(l);
}

/* -- what the automaton asks for -- */

static void send(void *ctx, uint16_t protocol, const uint8_t *p, size_t n) {
    struct lcp *l = ctx;
    l->ev->send(l->ctx, protocol, p, n);
}

static void up(void *ctx) {
    struct lcp *l = ctx;
    start_echo(l);
    l->ev->up(l->ctx);
}

static void down(void *ctx) {
    struct lcp *l = ctx;
    start_echo(l);
    l->ev->down(l->ctx);
}

static void finished(void *ctx) {
    struct lcp *l = ctx;
    l->ev->finished(l->ctx);
}

static void terminated(void *ctx) {
    struct lcp *l = ctx;
    l->ev->terminated(l->ctx);
}

static void peer_defaults(void *ctx) {
    struct lcp *l = ctx;
    l->peer = (struct lcp_side){.accm = HDLC_ACCM_ALL, .mru = LIMIT_PPP_MRU};
}

/* One with our own magic number has come back: no answer, or it would for ever. */
static void on_echo_request(struct lcp *l, uint8_t id, const uint8_t *data, size_t n) {
    if (n < MAGIC_SIZE || (l->own.magic != 0 && be_get32(data) == l->own.magic)) {
        return;
    }
    uint8_t reply[LIMIT_PPP_MRU];
    n = n < sizeof reply ? n : sizeof reply;
    memcpy(reply, data, n);
    be_put32(reply, l->own.magic);
    ppp_cp_send(&l->cp, ECHO_REPLY, id, reply, n);
}

static void other(void *ctx, uint8_t code, uint8_t id, const uint8_t *data, size_t n) {
    struct lcp *l = ctx;
    if (code == ECHO_REQ) {
        on_echo_request(l, id, data, n);
    } else if (code == PROTO_REJ && n >= 2) {
        l->ev->protocol_rejected(l->ctx, be_get16(data));
    }
    /* The others want no answer: an Echo-Reply was heard, as anything else is. */
}

static void code_rejected(void *ctx, uint8_t code) {
    struct lcp *l = ctx;
    if (code == ECHO_REQ) {
        l->cfg.echo_interval = CLK_US(0);
        start_echo(l);
    }
}

static const struct ppp_cp_ops ops = {
    .name = "lcp",
    .protocol = LCP_PROTOCOL,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .send = send,
    .up = up,
    .down = down,
    .finished = finished,
    .terminated = terminated,
    .peer_defaults = peer_defaults,
    .last_code = TIME_REMAINING,
    .other = other,
    .code_rejected = code_rejected,
};

void lcp_init(struct lcp *l, const struct lcp_config *cfg, const struct lcp_events *ev, void *ctx,
              struct clk *clk, uint64_t seed) {
    *l = (struct lcp){.cfg = *cfg,
                      .ev = ev,
                      .ctx = ctx,
                      .rng = rng_stream(seed, "lcp"),
                      .own = {.accm = cfg->accm, .mru = LIMIT_PPP_MRU, .pfc = true, .acfc = true},
                      .asks_accm = cfg->accm != HDLC_ACCM_ALL};
    OBJ_INIT(l, LCP_MAGIC);
    ppp_cp_init(&l->cp, &ops, l, clk);
    l->own.magic = new_magic(l);
    l->auth_left = cfg->auth;
    l->auth = cfg->auth & PPP_AUTH_CHAP ? PPP_AUTH_CHAP : (enum ppp_auth)cfg->auth;
    peer_defaults(l);
}

void lcp_fini(struct lcp *l) {
    CHECK_OBJ(l, LCP_MAGIC);
    clk_stop(l->cp.clk, &l->echo);
    ppp_cp_fini(&l->cp);
    OBJ_FINI(l);
}

void lcp_start(struct lcp *l) {
    CHECK_OBJ(l, LCP_MAGIC);
    ppp_cp_open(&l->cp);
    ppp_cp_up(&l->cp);
}

void lcp_receive(struct lcp *l, const uint8_t *p, size_t n) {
    ppp_cp_receive(&l->cp, p, n);
}

void lcp_close(struct lcp *l) {
    ppp_cp_close(&l->cp);
}

void lcp_reject_protocol(struct lcp *l, uint16_t protocol, const uint8_t *p, size_t n) {
    uint8_t data[LIMIT_PPP_MRU];
    size_t room = l->peer.mru - PPP_HEAD - 2u;
    n = n < room ? n : room;
    be_put16(data, protocol);
    if (n > 0) {
        memcpy(data + 2, p, n);
    }
    ppp_cp_send(&l->cp, PROTO_REJ, ++l->cp.id, data, n + 2);
}
