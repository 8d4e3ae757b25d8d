/* cmd_ping.c: AT+CPING and AT+CPINGSTOP (V3.00 11.3.4, 11.3.5, field F22). */
#include "netstack/ping.h"

#include "emulator/cmd/cmd_tcpip.h"
#include "handlers.h"
#include "netstack/resolve.h"

static const struct ping_totals nothing;

#define TOTALS_FORMAT "+CPING: 3,%u,%u,%u,%u,%u,%u"
#define TOTALS_ARGS(t) (t)->sent, (t)->received, (t)->lost, (t)->min_ms, (t)->max_ms, (t)->avg_ms

static void on_reply(void *ctx, unsigned rtt_ms) {
    struct cmd *c = cmd_from(ctx);
    char ip[NET_IP_TEXT];
    urc_post(c->session, URC_EVENT, "+CPING: 1,%s,%u,%u,%u", net_format_ip(c->ping.cfg.ip, ip),
             c->ping.cfg.size, rtt_ms, c->ping.cfg.ttl);
}

static void on_timeout(void *ctx) {
    urc_post(cmd_from(ctx)->session, URC_EVENT, "+CPING: 2");
}

static void on_done(void *ctx, const struct ping_totals *t) {
    struct cmd *c = cmd_from(ctx);
    c->ping.session = NULL;
    urc_post(c->session, URC_EVENT, TOTALS_FORMAT, TOTALS_ARGS(t));
}

static const struct ping_events events = {
    .on_reply = on_reply,
    .on_timeout = on_timeout,
    .on_done = on_done,
};

/* No name, no network: an all-zero total instead of an error (field F22). */
static void begin(struct cmd *c, int err, uint32_t ip) {
    c->ping.name = NULL;
    c->ping.cfg.ip = ip;
    if (err != 0 ||
        ping_start(&c->ping.session, &c->modem->bearer, &c->ping.cfg, &events, c) != 0) {
        on_done(c, &nothing);
    }
}

static void on_name(void *ctx, int err, uint32_t ip) {
    begin(cmd_from(ctx), err, ip);
}

static bool is_running(const struct cmd *c) {
    return c->ping.session != NULL || c->ping.name != NULL;
}

void cmd_cping(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (is_running(c) || at_int(rq, 1) != 1) {
        at_fail(rq, AT_ERR_PLAIN); /* a session runs, or IPv6, which is reserved */
        return;
    }
    c->ping.cfg = (struct ping_config){
        .count = (unsigned)at_int(rq, 2),
        .size = (unsigned)at_int(rq, 3),
        .interval_ms = (unsigned)at_int(rq, 4),
        .wait_ms = (unsigned)at_int(rq, 5),
        .ttl = (unsigned)at_int(rq, 6),
    };
    c->ping.name =
        resolve_name(&c->modem->bearer, at_text(rq, 0), tcpip_dns_retries(c), on_name, c);
    if (c->ping.name == NULL) {
        begin(c, -1, 0);
    }
    at_ok(rq);
}

/* The totals of what ran; false when nothing did. */
static bool stop(struct cmd *c, struct ping_totals *totals) {
    bool was_running = is_running(c);
    *totals = nothing;
    resolve_cancel(c->ping.name);
    c->ping.name = NULL;
    if (c->ping.session != NULL) {
        ping_stop(c->ping.session, totals);
        c->ping.session = NULL;
    }
    return was_running;
}

void cmd_cpingstop(struct at_req *rq) {
    struct ping_totals totals;
    if (stop(cmd_of(rq), &totals)) {
        at_info(rq, TOTALS_FORMAT, TOTALS_ARGS(&totals));
    }
    at_ok(rq);
}

void cmd_ping_stop(struct cmd *c) {
    struct ping_totals totals;
    stop(c, &totals);
}
