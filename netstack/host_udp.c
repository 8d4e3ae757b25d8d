/* UDP of host_uv: a socket on the loopback (or where --listen says) for each one of the modem's,
 * and a second one from the first datagram on that goes to another machine. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "netstack/host_uv_priv.h"

enum { INNER, OUTER, SIDES };

enum { RECENT = 16 }; /* peers remembered: answers come from one that was written to */

_Static_assert(LIMIT_DGRAM_SIZE <= HOST_READ_MAX, "a datagram is read in one piece");

struct host_udp {
    uint32_t magic;
#define HOST_UDP_MAGIC 0x5bd91e34u
    struct host_uv *h;
    LIST_ENTRY(host_udp) entry;
    uv_udp_t sides[SIDES];
    unsigned nopen; /* of these */
    bool is_outer_open, is_loopback, is_reading;
    const struct host_udp_events *ev;
    void *ctx;
    /* Several modem-side addresses may lead to one host address: the one last used is shown. */
    struct {
        struct sockaddr_in host;
        struct net_addr modem;
    } recent[RECENT];
    unsigned next;
};

static bool is_same(const struct sockaddr_in *a, const struct sockaddr_in *b) {
    return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

static void remember(struct host_udp *u, const struct sockaddr_in *host,
                     const struct net_addr *modem) {
    unsigned i = 0;
    while (i < RECENT && !is_same(&u->recent[i].host, host)) {
        i++;
    }
    if (i == RECENT) {
        i = u->next;
        u->next = (u->next + 1) % RECENT;
    }
    u->recent[i].host = *host;
    u->recent[i].modem = *modem;
}

static bool is_recent(const struct host_udp *u, const struct sockaddr_in *host) {
    for (unsigned i = 0; i < RECENT; i++) {
        if (is_same(&u->recent[i].host, host)) {
            return true;
        }
    }
    return false;
}

static struct net_addr shown(const struct host_udp *u, const struct sockaddr_in *host) {
    struct net_addr from;
    for (unsigned i = 0; i < RECENT; i++) {
        if (is_same(&u->recent[i].host, host)) {
            return u->recent[i].modem;
        }
    }
    route_from_host(u->h->route, (const struct sockaddr *)host, &from);
    return from;
}

static void on_closed(uv_handle_t *handle) {
    struct host_udp *u;
    CAST_OBJ(u, handle->data, HOST_UDP_MAGIC);
    struct host_uv *h = u->h;
    if (--u->nopen == 0) {
        OBJ_FINI(u);
        free(u);
    }
    host_uv_handle_closed(h);
}

void host_udp_close(struct host_udp *u) {
    CHECK_OBJ(u, HOST_UDP_MAGIC);
    LIST_REMOVE(u, entry);
    uv_close((uv_handle_t *)&u->sides[INNER], on_closed);
    if (u->is_outer_open) {
        uv_close((uv_handle_t *)&u->sides[OUTER], on_closed);
    }
}

static void init_side(struct host_udp *u, int side) {
    must(uv_udp_init(u->h->loop, &u->sides[side]) == 0);
    u->sides[side].data = u;
    u->nopen++;
    host_uv_handle_opened(u->h);
}

static bool is_loopback(const struct sockaddr_in *at) {
    return ntohl(at->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* The modem's port: on this machine alone, unless --listen says otherwise. */
static int bind_inner(struct host_udp *u, uint16_t port) {
    struct sockaddr_storage listen;
    struct sockaddr_in at;
    route_listen(u->h->route, port, &listen);
    if (listen.ss_family != AF_INET) {
        return -EAFNOSUPPORT;
    }
    memcpy(&at, &listen, sizeof at);
    u->is_loopback = is_loopback(&at);
    int err = uv_udp_bind(&u->sides[INNER], (const struct sockaddr *)&at, 0);
    if (err != 0 && port != 0) {
        LOG(LOG_NET, LOG_INFO, "udp", "host port %u: %s; using another", ntohs(at.sin_port),
            uv_strerror(err));
        at.sin_port = 0;
        err = uv_udp_bind(&u->sides[INNER], (const struct sockaddr *)&at, 0);
    }
    return err;
}

static void read_side(struct host_udp *u, int side);

/* The socket that reaches this host; NULL: none can be had. */
static uv_udp_t *side_for(struct host_udp *u, const struct sockaddr_in *to) {
    if (!u->is_loopback || is_loopback(to)) {
        return &u->sides[INNER];
    }
    if (!u->is_outer_open) {
        const struct sockaddr_in any = {.sin_family = AF_INET};
        init_side(u, OUTER);
        u->is_outer_open = true;
        if (uv_udp_bind(&u->sides[OUTER], (const struct sockaddr *)&any, 0) != 0) {
            return NULL;
        }
        read_side(u, OUTER);
    }
    return &u->sides[OUTER];
}

int host_udp_open(void *host, uint16_t local_port, const struct host_udp_events *ev, void *ctx,
                  struct host_udp **out) {
    struct host_uv *h;
    CAST_OBJ(h, host, HOST_UV_MAGIC);
    struct host_udp *u = xmalloc(sizeof *u);
    OBJ_INIT(u, HOST_UDP_MAGIC);
    u->h = h;
    u->ev = ev;
    u->ctx = ctx;
    init_side(u, INNER);
    LIST_INSERT_HEAD(&h->udps, u, entry);
    int err = bind_inner(u, local_port);
    if (err != 0) {
        host_udp_close(u);
        return err;
    }
    *out = u;
    return 0;
}

int host_udp_send(struct host_udp *u, const struct net_addr *to, const void *p, size_t n) {
    CHECK_OBJ(u, HOST_UDP_MAGIC);
    struct sockaddr_storage addr;
    route_to_host(u->h->route, to, &addr);
    if (addr.ss_family != AF_INET) {
        return -ENETUNREACH;
    }
    struct sockaddr_in in4;
    memcpy(&in4, &addr, sizeof in4);
    remember(u, &in4, to);
    uv_buf_t buf = {.base = (char *)(uintptr_t)p, .len = n};
    uv_udp_t *side = side_for(u, &in4);
    if (side == NULL) {
        return -ENETUNREACH;
    }
    int sent = uv_udp_try_send(side, &buf, 1, (const struct sockaddr *)&in4);
    /* A full socket loses the datagram, as any other hop may. */
    return sent < 0 && sent != UV_EAGAIN ? sent : 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    struct host_udp *u;
    CAST_OBJ(u, handle->data, HOST_UDP_MAGIC);
    *buf = host_uv_read_buf(u->h, LIMIT_DGRAM_SIZE);
}

static void on_recv(uv_udp_t *handle, ssize_t nread, const uv_buf_t *buf,
                    const struct sockaddr *addr, unsigned flags) {
    (void)flags; /* UV_UDP_PARTIAL: LIMIT_DGRAM_SIZE has cut it */
    struct host_udp *u;
    CAST_OBJ(u, handle->data, HOST_UDP_MAGIC);
    if (nread < 0 || addr == NULL) {
        return;
    }
    struct sockaddr_in host;
    memcpy(&host, addr, sizeof host);
    if (handle == &u->sides[OUTER] && !is_recent(u, &host)) {
        return; /* from another machine come answers only */
    }
    struct net_addr from = shown(u, &host);
    u->ev->on_datagram(u->ctx, &from, (const uint8_t *)buf->base, (size_t)nread);
}

static void read_side(struct host_udp *u, int side) {
    if (u->is_reading) {
        uv_udp_recv_start(&u->sides[side], on_alloc, on_recv);
    } else {
        uv_udp_recv_stop(&u->sides[side]);
    }
}

void host_udp_read(struct host_udp *u, bool on) {
    CHECK_OBJ(u, HOST_UDP_MAGIC);
    u->is_reading = on;
    read_side(u, INNER);
    if (u->is_outer_open) {
        read_side(u, OUTER);
    }
}
