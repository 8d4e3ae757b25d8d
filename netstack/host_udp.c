/* UDP of host_uv: one IPv4 socket for each one of the modem's. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "netstack/host_uv_priv.h"

enum { RECENT = 16 }; /* peers remembered: answers come from one that was written to */

_Static_assert(LIMIT_DGRAM_SIZE <= HOST_READ_MAX, "a datagram is read in one piece");

struct host_udp {
    uint32_t magic;
#define HOST_UDP_MAGIC 0x5bd91e34u
    struct host_uv *h;
    LIST_ENTRY(host_udp) entry;
    uv_udp_t handle;
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
    OBJ_FINI(u);
    free(u);
    host_uv_handle_closed(h);
}

void host_udp_close(struct host_udp *u) {
    CHECK_OBJ(u, HOST_UDP_MAGIC);
    LIST_REMOVE(u, entry);
    uv_close((uv_handle_t *)&u->handle, on_closed);
}

static int bind_to(struct host_udp *u, uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    return uv_udp_bind(&u->handle, (const struct sockaddr *)&at, 0);
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
    must(uv_udp_init(h->loop, &u->handle) == 0);
    u->handle.data = u;
    host_uv_handle_opened(h);
    LIST_INSERT_HEAD(&h->udps, u, entry);
    int err = bind_to(u, local_port);
    if (err != 0 && local_port != 0) {
        LOG(LOG_NET, LOG_INFO, "udp", "host port %u: %s; using another", local_port,
            uv_strerror(err));
        err = bind_to(u, 0);
    }
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
    int sent = uv_udp_try_send(&u->handle, &buf, 1, (const struct sockaddr *)&in4);
    /* A full socket loses the datagram, as any other hop may. */
    return sent < 0 && sent != UV_EAGAIN ? sent : 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    struct host_udp *u;
    CAST_OBJ(u, handle->data, HOST_UDP_MAGIC);
    *buf = uv_buf_init(u->h->read_buf, LIMIT_DGRAM_SIZE);
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
    struct net_addr from = shown(u, &host);
    u->ev->on_datagram(u->ctx, &from, (const uint8_t *)buf->base, (size_t)nread);
}

void host_udp_read(struct host_udp *u, bool on) {
    CHECK_OBJ(u, HOST_UDP_MAGIC);
    if (on) {
        uv_udp_recv_start(&u->handle, on_alloc, on_recv);
    } else {
        uv_udp_recv_stop(&u->handle);
    }
}
