/* host_uv_priv.h: what the files of host_uv share; nobody else includes it.
 *
 * Every object is on one list of the host from its making to its close, so that
 * host_uv_close finds what is left. `handles` counts libuv handles: the host's
 * memory goes with the last of them.
 */
#ifndef NETSTACK_HOST_UV_PRIV_H
#define NETSTACK_HOST_UV_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "base/clk.h"
#include "base/obj.h"
#include "netstack/host.h"
#include "netstack/route.h"

struct host_uv {
    uint32_t magic;
#define HOST_UV_MAGIC 0x6a5be210u
    uv_loop_t *loop;
    struct clk *clk;
    const struct route *route;
    LIST_HEAD(host_tcps, host_tcp) tcps;
    unsigned nghosts; /* of these: forgotten by their users */
    LIST_HEAD(host_listeners, host_listener) listeners;
    LIST_HEAD(host_udps, host_udp) udps;
    LIST_HEAD(host_queries, host_query) queries;
    size_t handles;
    bool is_closing;
    char *dns;        /* servers instead of the system's, or NULL */
    uint16_t ping_id; /* of the newest ping */
    char *read_buf;   /* of the read callback that is running; NULL: none ever did */
};

/* For alloc callbacks: at most HOST_READ_MAX bytes. */
uv_buf_t host_uv_read_buf(struct host_uv *h, unsigned n);

/* A handle that was initialised, and one whose close callback has come. */
void host_uv_handle_opened(struct host_uv *h);
void host_uv_handle_closed(struct host_uv *h);

/* host_tcp.c */
int host_tcp_connect(void *host, const struct net_addr *to, uint16_t local_port,
                     const struct host_tcp_events *ev, void *ctx, struct host_tcp **out);
void host_tcp_adopt(struct host_tcp *t, const struct host_tcp_events *ev, void *ctx);
int host_tcp_write(struct host_tcp *t, const void *p, size_t n);
void host_tcp_read(struct host_tcp *t, bool on);
void host_tcp_close(struct host_tcp *t);
void host_tcp_reset(struct host_tcp *t);
void host_tcp_forget(struct host_tcp *t);
bool host_tcp_in_flight(const struct host_tcp *t);
uint64_t host_tcp_acked(const struct host_tcp *t);
int host_tcp_listen(void *host, uint16_t port, host_accept_fn *cb, void *ctx,
                    struct host_listener **out);
void host_tcp_listen_close(struct host_listener *l);
void host_tcp_close_all(struct host_uv *h);

/* host_udp.c */
int host_udp_open(void *host, uint16_t local_port, const struct host_udp_events *ev, void *ctx,
                  struct host_udp **out);
int host_udp_send(struct host_udp *u, const struct net_addr *to, const void *p, size_t n);
void host_udp_read(struct host_udp *u, bool on);
void host_udp_close(struct host_udp *u);

/* A query: one of three kinds, with one way to end. */
struct host_query {
    uint32_t magic;
#define HOST_QUERY_MAGIC 0x3fd2a98cu
    struct host_uv *h;
    LIST_ENTRY(host_query) entry;
    void (*stop)(struct host_query *q); /* frees what the kind holds; not `q` */
    host_name_fn *name_cb;              /* one of the three */
    host_addr_fn *addr_cb;
    host_ping_fn *ping_cb;
    void *ctx;
    int err;
    uint32_t ip;
    char *name;
    int64_t rtt_us;
    unsigned ttl;
    void *kind;            /* of host_dns.c or host_ping.c, or NULL */
    struct clk_timer turn; /* the callback comes in a turn of its own */
};

struct host_query *host_uv_query_new(struct host_uv *h, void *ctx);
void host_uv_query_end(struct host_query *q, int err); /* the callback follows */
void host_uv_query_cancel(struct host_query *q);

void host_dns_ask_name(struct host_query *q, const char *name);
void host_dns_ask_addr(struct host_query *q, uint32_t ip);
int host_dns_check_servers(const char *servers); /* -EINVAL */
void host_ping_start(struct host_query *q, const struct host_ping *ping);

#endif
