#include "netstack/ping.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clk.h"
#include "base/obj.h"
#include "netstack/bearer.h"

struct net_ping {
    uint32_t magic;
#define PING_MAGIC 0x1f95c7d4u
    struct clk *clk;
    struct net_host host;
    struct bearer_user user;
    struct host_query *query; /* NULL: none under way, or it ended without a reply */
    struct ping_config cfg;
    const struct ping_events *ev;
    void *ctx;
    struct ping_totals totals;
    uint64_t sum_ms;
    clk_mono sent_at;
    struct clk_timer timer;
};

static void destroy(struct net_ping *p) {
    host_cancel(&p->host, &p->query);
    bearer_detach(&p->user);
    clk_stop(p->clk, &p->timer);
    OBJ_FINI(p);
    free(p);
}

static struct ping_totals totals_of(const struct net_ping *p) {
    struct ping_totals totals = p->totals;
    totals.lost = totals.sent - totals.received;
    if (totals.received > 0) {
        totals.avg_ms = (unsigned)(p->sum_ms / totals.received);
    }
    return totals;
}

static void finish(void *ctx) {
    struct net_ping *p;
    CAST_OBJ(p, ctx, PING_MAGIC);
    struct ping_totals totals = totals_of(p);
    const struct ping_events *ev = p->ev;
    void *user_ctx = p->ctx;
    destroy(p);
    ev->on_done(user_ctx, &totals);
}

static void on_down(struct bearer_user *u) {
    struct net_ping *p;
    CAST_MEMBER(p, u, struct net_ping, user, PING_MAGIC);
    host_cancel(&p->host, &p->query);
    clk_start(p->clk, &p->timer, CLK_US(0), finish, p);
}

static void send_one(void *ctx);

/* Set before the user is told, who may stop the session from within. */
static void plan_next(struct net_ping *p) {
    if (p->totals.sent == p->cfg.count) {
        clk_start(p->clk, &p->timer, CLK_US(0), finish, p);
        return;
    }
    int64_t left_us = CLK_MS(p->cfg.interval_ms).us - clk_since(p->clk, p->sent_at).us;
    clk_start(p->clk, &p->timer, CLK_US(left_us), send_one, p);
}

static void on_reply(void *ctx, int err, int64_t rtt_us, unsigned ttl) {
    struct net_ping *p;
    CAST_OBJ(p, ctx, PING_MAGIC);
    (void)ttl; /* the answer of AT+CPING has the TTL of the request */
    p->query = NULL;
    if (err == -EACCES) {
        p->totals = (struct ping_totals){0};
        finish(p);
        return;
    }
    if (err != 0) {
        /* A host that knows at once that nobody is there: the module does not, it waits. */
        return;
    }
    unsigned rtt_ms = (unsigned)(rtt_us / 1000);
    struct ping_totals *t = &p->totals;
    t->min_ms = t->received == 0 || rtt_ms < t->min_ms ? rtt_ms : t->min_ms;
    t->max_ms = rtt_ms > t->max_ms ? rtt_ms : t->max_ms;
    t->received++;
    p->sum_ms += rtt_ms;
    plan_next(p);
    p->ev->on_reply(p->ctx, rtt_ms);
}

static void on_wait_over(void *ctx) {
    struct net_ping *p;
    CAST_OBJ(p, ctx, PING_MAGIC);
    host_cancel(&p->host, &p->query);
    plan_next(p);
    p->ev->on_timeout(p->ctx);
}

static void send_one(void *ctx) {
    struct net_ping *p;
    CAST_OBJ(p, ctx, PING_MAGIC);
    struct host_ping request = {.ip = p->cfg.ip, .size = p->cfg.size, .ttl = p->cfg.ttl};
    p->totals.sent++;
    p->sent_at = clk_now(p->clk);
    clk_start(p->clk, &p->timer, CLK_MS(p->cfg.wait_ms), on_wait_over, p);
    p->query = p->host.ops->ping(p->host.host, &request, on_reply, p);
}

int ping_start(struct net_ping **out, struct bearer *b, const struct ping_config *cfg,
               const struct ping_events *ev, void *ctx) {
    CHECK_OBJ(b, BEARER_MAGIC);
    must(cfg->count > 0);
    if (!b->is_up) {
        return -ENETDOWN;
    }
    struct net_ping *p = xmalloc(sizeof *p);
    OBJ_INIT(p, PING_MAGIC);
    p->clk = b->clk;
    p->host = b->host;
    p->user.down = on_down;
    p->cfg = *cfg;
    p->ev = ev;
    p->ctx = ctx;
    bearer_attach(b, &p->user);
    send_one(p);
    *out = p;
    return 0;
}

void ping_stop(struct net_ping *p, struct ping_totals *totals) {
    CHECK_OBJ(p, PING_MAGIC);
    if (totals != NULL) {
        *totals = totals_of(p);
    }
    destroy(p);
}
