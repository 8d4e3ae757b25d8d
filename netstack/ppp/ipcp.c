#include "netstack/ppp/ipcp.h"

#include "base/be.h"

/* Given, not chosen: anything else is told what it is. */
static enum ppp_verdict judge_is(uint32_t right, const uint8_t *value, uint8_t *better) {
    be_put32(better, right);
    for (int i = 0; i < 4; i++) {
        if (value[i] != better[i]) {
            return right != 0 ? PPP_NAK : PPP_REJ;
        }
    }
    return right != 0 ? PPP_ACK : PPP_REJ;
}

static int ask_address(void *ctx, uint8_t *value) {
    const struct ipcp *c = ctx;
    be_put32(value, c->cfg.own_ip);
    return c->asks_address ? 4 : -1;
}

/* Our address is no matter of taste; who cannot bear it goes without. */
static void nak_address(void *ctx, const uint8_t *value, size_t n) {
    (void)ctx;
    (void)value;
    (void)n;
}

static void reject_address(void *ctx) {
    struct ipcp *c = ctx;
    c->asks_address = false;
}

static enum ppp_verdict judge_address(void *ctx, const uint8_t *value, uint8_t *better) {
    const struct ipcp *c = ctx;
    return judge_is(c->cfg.peer_ip, value, better);
}

static enum ppp_verdict judge_first_dns(void *ctx, const uint8_t *value, uint8_t *better) {
    const struct ipcp *c = ctx;
    return judge_is(c->cfg.dns[0], value, better);
}

static enum ppp_verdict judge_second_dns(void *ctx, const uint8_t *value, uint8_t *better) {
    const struct ipcp *c = ctx;
    return judge_is(c->cfg.dns[1], value, better);
}

static void agree(void *ctx, const uint8_t *value) {
    (void)ctx;
    (void)value; /* as the config has it: judged */
}

static const struct ppp_option options[] = {
    {3, 4, ask_address, nak_address, reject_address, judge_address, agree},
    {.type = 129, .size = 4, .judge = judge_first_dns, .agreed = agree},
    {.type = 131, .size = 4, .judge = judge_second_dns, .agreed = agree},
};

static void send(void *ctx, uint16_t protocol, const uint8_t *p, size_t n) {
    struct ipcp *c = ctx;
    c->ev->send(c->ctx, protocol, p, n);
}

static void up(void *ctx) {
    struct ipcp *c = ctx;
    c->ev->up(c->ctx);
}

static void down(void *ctx) {
    struct ipcp *c = ctx;
    c->ev->down(c->ctx);
}

static void finished(void *ctx) {
    struct ipcp *c = ctx;
    c->ev->finished(c->ctx);
}

static void nothing(void *ctx) {
    (void)ctx;
}

static const struct ppp_cp_ops ops = {
    .name = "ipcp",
    .protocol = IPCP_PROTOCOL,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .send = send,
    .up = up,
    .down = down,
    .finished = finished,
    .terminated = nothing,
    .peer_defaults = nothing,
    .last_code = PPP_CODE_REJ,
};

void ipcp_init(struct ipcp *c, const struct ipcp_config *cfg, const struct ipcp_events *ev,
               void *ctx, struct clk *clk) {
    *c = (struct ipcp){.cfg = *cfg, .ev = ev, .ctx = ctx, .asks_address = true};
    ppp_cp_init(&c->cp, &ops, c, clk);
}

void ipcp_fini(struct ipcp *c) {
    ppp_cp_fini(&c->cp);
}
