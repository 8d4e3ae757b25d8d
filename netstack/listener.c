#include "netstack/listener.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clk.h"
#include "base/obj.h"
#include "netstack/bearer.h"

struct net_listener {
    uint32_t magic;
#define LISTENER_MAGIC 0x61c8f25bu
    struct clk *clk;
    const struct host_ops *ops;
    struct bearer_user user;
    struct host_listener *host; /* NULL: the bearer went down */
    const struct listener_events *ev;
    void *ctx;
    struct clk_timer turn;
};

static void on_accept(void *ctx, struct host_tcp *t, const struct net_addr *peer) {
    struct net_listener *l;
    CAST_OBJ(l, ctx, LISTENER_MAGIC);
    l->ev->on_accept(l->ctx, t, peer);
}

static void close_host(struct net_listener *l) {
    if (l->host != NULL) {
        l->ops->listen_close(l->host);
        l->host = NULL;
    }
}

static void report_lost(void *ctx) {
    struct net_listener *l;
    CAST_OBJ(l, ctx, LISTENER_MAGIC);
    l->ev->on_closed(l->ctx);
}

static void on_down(struct bearer_user *u) {
    struct net_listener *l;
    CAST_MEMBER(l, u, struct net_listener, user, LISTENER_MAGIC);
    close_host(l);
    clk_start(l->clk, &l->turn, CLK_US(0), report_lost, l);
}

int listener_open(struct net_listener **out, struct bearer *b, uint16_t port,
                  const struct listener_events *ev, void *ctx) {
    CHECK_OBJ(b, BEARER_MAGIC);
    if (!b->is_up) {
        return -ENETDOWN;
    }
    struct net_listener *l = xmalloc(sizeof *l);
    l->clk = b->clk;
    l->ops = b->host.ops;
    l->user.down = on_down;
    l->ev = ev;
    l->ctx = ctx;
    int err = l->ops->listen(b->host.host, port, on_accept, l, &l->host);
    if (err != 0) {
        free(l);
        return err;
    }
    OBJ_INIT(l, LISTENER_MAGIC);
    bearer_attach(b, &l->user);
    *out = l;
    return 0;
}

void listener_refuse(struct net_listener *l, struct host_tcp *t) {
    CHECK_OBJ(l, LISTENER_MAGIC);
    l->ops->tcp_reset(t);
}

void listener_hang_up(struct net_listener *l, struct host_tcp *t) {
    CHECK_OBJ(l, LISTENER_MAGIC);
    l->ops->tcp_close(t);
}

void listener_free(struct net_listener *l) {
    if (l == NULL) {
        return;
    }
    CHECK_OBJ(l, LISTENER_MAGIC);
    close_host(l);
    bearer_detach(&l->user);
    clk_stop(l->clk, &l->turn);
    OBJ_FINI(l);
    free(l);
}
