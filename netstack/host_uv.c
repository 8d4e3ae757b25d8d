#include "netstack/host_uv.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "netstack/host_uv_priv.h"

static void free_if_done(struct host_uv *h) {
    if (h->is_closing && h->handles == 0) {
        free(h->dns);
        free(h->read_buf);
        OBJ_FINI(h);
        free(h);
    }
}

uv_buf_t host_uv_read_buf(struct host_uv *h, unsigned n) {
    must(n <= HOST_READ_MAX);
    if (h->read_buf == NULL) {
        h->read_buf = xmalloc(HOST_READ_MAX);
    }
    return uv_buf_init(h->read_buf, n);
}

void host_uv_handle_opened(struct host_uv *h) {
    h->handles++;
}

void host_uv_handle_closed(struct host_uv *h) {
    CHECK_OBJ(h, HOST_UV_MAGIC);
    h->handles--;
    free_if_done(h);
}

/* Queries. */

struct host_query *host_uv_query_new(struct host_uv *h, void *ctx) {
    struct host_query *q = xmalloc(sizeof *q);
    OBJ_INIT(q, HOST_QUERY_MAGIC);
    q->h = h;
    q->ctx = ctx;
    LIST_INSERT_HEAD(&h->queries, q, entry);
    return q;
}

static void detach_query(struct host_query *q) {
    CHECK_OBJ(q, HOST_QUERY_MAGIC);
    clk_stop(q->h->clk, &q->turn);
    LIST_REMOVE(q, entry);
    if (q->stop != NULL) {
        q->stop(q);
    }
}

static void free_query(struct host_query *q) {
    OBJ_FINI(q);
    free(q->name);
    free(q);
}

static void on_query_turn(void *ctx) {
    struct host_query *q;
    CAST_OBJ(q, ctx, HOST_QUERY_MAGIC);
    detach_query(q);
    if (q->name_cb != NULL) {
        q->name_cb(q->ctx, q->err, q->ip);
    } else if (q->addr_cb != NULL) {
        q->addr_cb(q->ctx, q->err, q->name);
    } else {
        q->ping_cb(q->ctx, q->err, q->rtt_us, q->ttl);
    }
    free_query(q);
}

void host_uv_query_end(struct host_query *q, int err) {
    CHECK_OBJ(q, HOST_QUERY_MAGIC);
    q->err = err;
    clk_start(q->h->clk, &q->turn, CLK_US(0), on_query_turn, q);
}

void host_uv_query_cancel(struct host_query *q) {
    detach_query(q);
    free_query(q);
}

static struct host_query *ask_name(void *host, const char *name, host_name_fn *cb, void *ctx) {
    struct host_uv *h;
    CAST_OBJ(h, host, HOST_UV_MAGIC);
    struct host_query *q = host_uv_query_new(h, ctx);
    q->name_cb = cb;
    if (route_name(h->route, sv_of(name), &q->ip) == 0) {
        host_uv_query_end(q, 0);
    } else {
        host_dns_ask_name(q, name);
    }
    return q;
}

static struct host_query *ask_addr(void *host, uint32_t ip, host_addr_fn *cb, void *ctx) {
    struct host_uv *h;
    CAST_OBJ(h, host, HOST_UV_MAGIC);
    struct host_query *q = host_uv_query_new(h, ctx);
    q->addr_cb = cb;
    const char *name = route_addr_name(h->route, ip);
    if (name != NULL) {
        q->name = xstrdup(name);
        host_uv_query_end(q, 0);
    } else {
        host_dns_ask_addr(q, ip);
    }
    return q;
}

static struct host_query *start_ping(void *host, const struct host_ping *ping, host_ping_fn *cb,
                                     void *ctx) {
    struct host_uv *h;
    CAST_OBJ(h, host, HOST_UV_MAGIC);
    struct host_query *q = host_uv_query_new(h, ctx);
    q->ping_cb = cb;
    host_ping_start(q, ping);
    return q;
}

static const struct host_ops ops = {
    .tcp_connect = host_tcp_connect,
    .tcp_adopt = host_tcp_adopt,
    .tcp_write = host_tcp_write,
    .tcp_read = host_tcp_read,
    .tcp_close = host_tcp_close,
    .tcp_reset = host_tcp_reset,
    .tcp_forget = host_tcp_forget,
    .tcp_in_flight = host_tcp_in_flight,
    .tcp_acked = host_tcp_acked,
    .udp_open = host_udp_open,
    .udp_send = host_udp_send,
    .udp_read = host_udp_read,
    .udp_close = host_udp_close,
    .listen = host_tcp_listen,
    .listen_close = host_tcp_listen_close,
    .name = ask_name,
    .addr = ask_addr,
    .ping = start_ping,
    .cancel = host_uv_query_cancel,
};

struct host_uv *host_uv_new(struct uv_loop_s *loop, struct clk *clk, const struct route *route) {
    /* libuv writes to sockets with write(), which has no MSG_NOSIGNAL: a peer that is gone
     * must be an error, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    struct host_uv *h = xmalloc(sizeof *h);
    OBJ_INIT(h, HOST_UV_MAGIC);
    h->loop = loop;
    h->clk = clk;
    h->route = route;
    LIST_INIT(&h->tcps);
    LIST_INIT(&h->listeners);
    LIST_INIT(&h->udps);
    LIST_INIT(&h->queries);
    return h;
}

struct net_host host_uv_host(struct host_uv *h) {
    CHECK_OBJ(h, HOST_UV_MAGIC);
    return (struct net_host){&ops, h};
}

int host_uv_set_dns(struct host_uv *h, const char *servers) {
    CHECK_OBJ(h, HOST_UV_MAGIC);
    int err = host_dns_check_servers(servers);
    if (err == 0) {
        free(h->dns);
        h->dns = xstrdup(servers);
    }
    return err;
}

void host_uv_close(struct host_uv *h) {
    if (h == NULL) {
        return;
    }
    CHECK_OBJ(h, HOST_UV_MAGIC);
    must(!h->is_closing);
    host_tcp_close_all(h);
    while (!LIST_EMPTY(&h->udps)) {
        host_udp_close(LIST_FIRST(&h->udps));
    }
    while (!LIST_EMPTY(&h->queries)) {
        /* The analyzer does not see that LIST_REMOVE changes the head. */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        host_uv_query_cancel(LIST_FIRST(&h->queries));
    }
    h->is_closing = true;
    free_if_done(h);
}
