#include "netstack/resolve.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/obj.h"
#include "netstack/bearer.h"

enum { FIRST_WAIT_MS = 3000, MORE_WAIT_MS = 1000 }; /* note 2.8 */

struct net_resolve {
    uint32_t magic;
#define RESOLVE_MAGIC 0x4e1d93a6u
    struct clk *clk;
    struct bearer *bearer;
    struct net_host host;
    struct bearer_user user;
    struct host_query *query; /* NULL: none yet, or it ended without an answer */
    resolve_name_fn *name_cb; /* one of the two */
    resolve_addr_fn *addr_cb;
    void *ctx;
    unsigned tried, retries;
    unsigned net_tried; /* waits for the network to open */
    int err;            /* for report_later */
    uint32_t ip;
    char name[LIMIT_NAME + 1];
    struct clk_timer timer;
    struct clk_timer air; /* the query and its answer are under way */
};

static void destroy(struct net_resolve *r) {
    host_cancel(&r->host, &r->query);
    bearer_detach(&r->user);
    clk_stop(r->clk, &r->timer);
    clk_stop(r->clk, &r->air);
    OBJ_FINI(r);
    free(r);
}

/* The handle is gone before the callback, so that it may start the next look-up. */
static void report(struct net_resolve *r, int err, uint32_t ip, const char *name) {
    resolve_name_fn *name_cb = r->name_cb;
    resolve_addr_fn *addr_cb = r->addr_cb;
    void *ctx = r->ctx;
    destroy(r);
    if (name_cb != NULL) {
        name_cb(ctx, err, ip);
    } else {
        addr_cb(ctx, err, name);
    }
}

static void on_turn(void *ctx) {
    struct net_resolve *r;
    CAST_OBJ(r, ctx, RESOLVE_MAGIC);
    report(r, r->err, r->ip, NULL);
}

static void report_later(struct net_resolve *r, int err) {
    r->err = err;
    clk_start(r->clk, &r->timer, CLK_US(0), on_turn, r);
}

static void on_down(struct bearer_user *u) {
    struct net_resolve *r;
    CAST_MEMBER(r, u, struct net_resolve, user, RESOLVE_MAGIC);
    host_cancel(&r->host, &r->query);
    clk_stop(r->clk, &r->air);
    report_later(r, -ENETDOWN);
}

/* A server that fails or cannot be reached is as good as a silent one: the wait goes on. */
static bool is_answer(int err) {
    return err == 0 || err == -ENOENT;
}

static void on_name(void *ctx, int err, uint32_t ip) {
    struct net_resolve *r;
    CAST_OBJ(r, ctx, RESOLVE_MAGIC);
    r->query = NULL;
    if (is_answer(err)) {
        report(r, err, ip, NULL);
    }
}

static void on_addr(void *ctx, int err, const char *name) {
    struct net_resolve *r;
    CAST_OBJ(r, ctx, RESOLVE_MAGIC);
    r->query = NULL;
    if (is_answer(err)) {
        report(r, err, r->ip, name);
    }
}

static void on_wait_over(void *ctx);

static void query(void *ctx) {
    struct net_resolve *r;
    CAST_OBJ(r, ctx, RESOLVE_MAGIC);
    if (r->name_cb != NULL) {
        r->query = r->host.ops->name(r->host.host, r->name, on_name, r);
    } else {
        r->query = r->host.ops->addr(r->host.host, r->ip, on_addr, r);
    }
}

static void on_decided(void *ctx) {
    struct net_resolve *r;
    CAST_OBJ(r, ctx, RESOLVE_MAGIC);
    report(r, r->err, r->ip, NULL);
}

static struct bearer_name decide(const struct net_resolve *r) {
    const struct bearer *b = r->bearer;
    if (b->on_name == NULL || r->name_cb == NULL) {
        return (struct bearer_name){0};
    }
    return b->on_name(b->name_ctx, sv_of(r->name));
}

/* A query goes the way of all datagrams: it or its answer may be lost, and both take their time
 * (which is waited for before the host is asked: it tells nobody the difference). */
static void ask(struct net_resolve *r) {
    struct impair none[IMPAIR_DIRECTIONS] = {{0}, {0}};
    clk_dur wait = CLK_MS(FIRST_WAIT_MS + (int64_t)r->tried * MORE_WAIT_MS);
    r->tried++;
    clk_start(r->clk, &r->timer, wait, on_wait_over, r);
    clk_stop(r->clk, &r->air);
    if (r->bearer->impair[IMPAIR_UP].no_names) {
        r->err = -ENOENT;
        clk_start(r->clk, &r->timer, bearer_delay(r->bearer, none, IMPAIR_DOWN), on_turn, r);
        return;
    }
    const struct bearer_name decided = decide(r);
    if (decided.act == BEARER_NAME_SILENT || bearer_loses(r->bearer, none, IMPAIR_UP) ||
        bearer_loses(r->bearer, none, IMPAIR_DOWN)) {
        return;
    }
    clk_dur way = {bearer_delay(r->bearer, none, IMPAIR_UP).us +
                   bearer_delay(r->bearer, none, IMPAIR_DOWN).us + decided.delay.us};
    if (decided.act != BEARER_NAME_GO) {
        r->err = decided.act == BEARER_NAME_IS ? 0 : -ENOENT;
        r->ip = decided.ip;
        clk_start(r->clk, &r->air, way, on_decided, r);
    } else if (way.us > 0) {
        clk_start(r->clk, &r->air, way, query, r);
    } else {
        query(r);
    }
}

static void on_wait_over(void *ctx) {
    struct net_resolve *r;
    CAST_OBJ(r, ctx, RESOLVE_MAGIC);
    if (r->tried > r->retries) {
        report(r, -ETIMEDOUT, 0, NULL);
        return;
    }
    host_cancel(&r->host, &r->query);
    ask(r);
}

static void on_net_wait_over(void *ctx) {
    struct net_resolve *r;
    CAST_OBJ(r, ctx, RESOLVE_MAGIC);
    if (r->net_tried > r->bearer->dns_net_retries) {
        report(r, -ENETDOWN, 0, NULL);
        return;
    }
    r->net_tried++;
    clk_start(r->clk, &r->timer, CLK_MS(r->bearer->dns_net_timeout_ms), on_net_wait_over, r);
}

/* The first query, as soon as there is a network for it. */
static void begin(struct net_resolve *r) {
    if (r->bearer->is_up) {
        ask(r);
    } else {
        on_net_wait_over(r);
    }
}

static void on_net_opened(struct bearer_user *u) {
    struct net_resolve *r;
    CAST_MEMBER(r, u, struct net_resolve, user, RESOLVE_MAGIC);
    /* A dotted quad does not wait: its answer is on the way already. */
    if (r->net_tried > 0) {
        ask(r);
    }
}

static struct net_resolve *new_resolve(struct bearer *b, unsigned retries, void *ctx) {
    struct net_resolve *r = xmalloc(sizeof *r);
    OBJ_INIT(r, RESOLVE_MAGIC);
    r->clk = b->clk;
    r->bearer = b;
    r->host = b->host;
    r->user.down = on_down;
    r->user.opened = on_net_opened;
    r->retries = retries;
    r->ctx = ctx;
    bearer_attach(b, &r->user);
    return r;
}

struct net_resolve *resolve_name(struct bearer *b, struct sv name, unsigned retries,
                                 resolve_name_fn *cb, void *ctx) {
    CHECK_OBJ(b, BEARER_MAGIC);
    if (!bearer_is_there(b) || !net_is_name(name)) {
        return NULL;
    }
    struct net_resolve *r = new_resolve(b, retries, ctx);
    r->name_cb = cb;
    if (net_parse_ip(name, &r->ip) == 0) {
        report_later(r, 0);
        return r;
    }
    must(sv_copy(name, r->name, sizeof r->name) == 0);
    begin(r);
    return r;
}

struct net_resolve *resolve_addr(struct bearer *b, uint32_t ip, unsigned retries,
                                 resolve_addr_fn *cb, void *ctx) {
    CHECK_OBJ(b, BEARER_MAGIC);
    if (!bearer_is_there(b)) {
        return NULL;
    }
    struct net_resolve *r = new_resolve(b, retries, ctx);
    r->addr_cb = cb;
    r->ip = ip;
    begin(r);
    return r;
}

void resolve_cancel(struct net_resolve *r) {
    if (r == NULL) {
        return;
    }
    CHECK_OBJ(r, RESOLVE_MAGIC);
    destroy(r);
}
