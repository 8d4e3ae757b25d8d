/* host.h: the outside world as the module's IP stack meets it.
 *
 * One interface with two makers: host_uv.h (sockets of the host, through the
 * route) and the tests' fake, which needs no kernel and no time. All addresses
 * are modem-side. No operation calls back from inside itself: what it has to
 * say comes in a later turn of the loop.
 *
 * Owned:  a host_tcp/host_udp/host_listener/host_query is the caller's until the
 *         close (or reset, or cancel) of it; after that no callback comes and the
 *         host frees it when it can. That holds for one that failed, too.
 * Errors: negative errno: -ECONNREFUSED, -ETIMEDOUT, -ECONNRESET, -EHOSTUNREACH,
 *         -ENETUNREACH, -EADDRINUSE, -ENOENT (no such name), -EIO.
 */
#ifndef NETSTACK_HOST_H
#define NETSTACK_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netstack/net.h"

struct host_tcp;
struct host_udp;
struct host_listener;
struct host_query; /* a name look-up or a ping under way */

enum { HOST_READ_MAX = 16384 }; /* bytes of one on_data at most */

struct host_tcp_events {
    void (*on_connect)(void *ctx, int err);
    void (*on_data)(void *ctx, const uint8_t *p, size_t n);
    void (*on_writable)(void *ctx);     /* after a short write: the host takes more */
    void (*on_end)(void *ctx, int err); /* 0: FIN from the peer; else the link is gone */
};

struct host_udp_events {
    void (*on_datagram)(void *ctx, const struct net_addr *from, const uint8_t *p, size_t n);
};

/* `t` is the callee's from here on; it reads nothing until tcp_read. */
typedef void host_accept_fn(void *ctx, struct host_tcp *t, const struct net_addr *peer);
typedef void host_name_fn(void *ctx, int err, uint32_t ip);
typedef void host_addr_fn(void *ctx, int err, const char *name);
/* err -EACCES: the host lets nobody ping; others: no reply will come. rtt_us is by the clock. */
typedef void host_ping_fn(void *ctx, int err, int64_t rtt_us, unsigned ttl);

struct host_ping {
    uint32_t ip;
    unsigned size; /* data bytes */
    unsigned ttl;
};

struct host_ops {
    /* local_port 0: any. A modem-side port the host has taken is replaced by another one. */
    int (*tcp_connect)(void *host, const struct net_addr *to, uint16_t local_port,
                       const struct host_tcp_events *ev, void *ctx, struct host_tcp **out);
    void (*tcp_adopt)(struct host_tcp *t, const struct host_tcp_events *ev, void *ctx);
    /* 0..n bytes taken; fewer than n: on_writable follows. -EPIPE: broken, on_end follows. */
    int (*tcp_write)(struct host_tcp *t, const void *p, size_t n);
    void (*tcp_read)(struct host_tcp *t, bool on);
    void (*tcp_close)(struct host_tcp *t); /* FIN if not sent yet; `t` is gone */
    void (*tcp_reset)(struct host_tcp *t); /* RST; `t` is gone */
    /* The peer is told nothing; what it sends later is answered with RST. `t` is gone. */
    void (*tcp_forget)(struct host_tcp *t);
    /* Something was sent and is not acknowledged, which a closed window alone does not make. */
    bool (*tcp_in_flight)(const struct host_tcp *t);
    uint64_t (*tcp_acked)(const struct host_tcp *t); /* bytes the peer's host acknowledged */

    int (*udp_open)(void *host, uint16_t local_port, const struct host_udp_events *ev, void *ctx,
                    struct host_udp **out);
    int (*udp_send)(struct host_udp *u, const struct net_addr *to, const void *p, size_t n);
    void (*udp_read)(struct host_udp *u, bool on);
    void (*udp_close)(struct host_udp *u);

    int (*listen)(void *host, uint16_t port, host_accept_fn *cb, void *ctx,
                  struct host_listener **out);
    void (*listen_close)(struct host_listener *l);

    /* One try without a time limit the caller could rely on; it cancels. Never NULL. */
    struct host_query *(*name)(void *host, const char *name, host_name_fn *cb, void *ctx);
    struct host_query *(*addr)(void *host, uint32_t ip, host_addr_fn *cb, void *ctx);
    struct host_query *(*ping)(void *host, const struct host_ping *ping, host_ping_fn *cb,
                               void *ctx);
    void (*cancel)(struct host_query *q); /* before its callback only; then it is gone by itself */
};

struct net_host {
    const struct host_ops *ops;
    void *host;
};

/* Ends *q, if there is one, and forgets it. */
static inline void host_cancel(const struct net_host *h, struct host_query **q) {
    if (*q != NULL) {
        h->ops->cancel(*q);
        *q = NULL;
    }
}

#endif
