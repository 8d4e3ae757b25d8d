/* Names of host_uv, by c-ares: a channel for each query, so that one can be cancelled alone. */
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "netstack/host_uv_priv.h"

/* For each server. The caller's first wait is 3 s: the second server gets its chance in it. */
enum { SERVER_WAIT_MS = 2500 };

struct dns_socket {
    uint32_t magic;
#define DNS_SOCKET_MAGIC 0x7e60d7f2u
    LIST_ENTRY(dns_socket) entry;
    struct host_uv *h;
    struct dns *dns;
    ares_socket_t fd;
    uv_poll_t poll;
};

struct dns {
    uint32_t magic;
#define DNS_MAGIC 0x0c94f36eu
    struct host_query *q;
    ares_channel channel;
    LIST_HEAD(dns_sockets, dns_socket) sockets;
    struct clk_timer timer;
    bool is_stopped; /* c-ares calls back once more while it goes */
};

static int open_channel(ares_channel *channel, void (*on_state)(void *, ares_socket_t, int, int),
                        void *ctx) {
    if (ares_library_init_mem(ARES_LIB_INIT_ALL, xmalloc, free, xrealloc) != ARES_SUCCESS) {
        return -EIO;
    }
    /* The module does not know search domains, and tries again by a schedule of its own. */
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH,
        .timeout = SERVER_WAIT_MS,
        .tries = 1,
        .sock_state_cb = on_state,
        .sock_state_cb_data = ctx,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    if (ares_init_options(channel, &options, mask) != ARES_SUCCESS) {
        ares_library_cleanup();
        return -EIO;
    }
    return 0;
}

static void close_channel(ares_channel channel) {
    ares_destroy(channel);
    ares_library_cleanup();
}

/* c-ares itself takes "1.2.3" and leaves out what it does not understand. */
static bool is_server(struct sv text) {
    const char *colon = text.n > 0 ? memchr(text.p, ':', text.n) : NULL;
    size_t n = colon != NULL ? (size_t)(colon - text.p) : text.n;
    uint32_t ip = 0;
    int64_t port = 0;
    return net_parse_ip(sv_slice(text, 0, n), &ip) == 0 &&
           (colon == NULL || sv_int(sv_slice(text, n + 1, text.n), 1, UINT16_MAX, &port) == 0);
}

int host_dns_check_servers(const char *servers) {
    for (;;) {
        size_t n = strcspn(servers, ",");
        if (!is_server((struct sv){servers, n})) {
            return -EINVAL;
        }
        if (servers[n] == '\0') {
            return 0;
        }
        servers += n + 1;
    }
}

/* Time: c-ares has a clock of its own and is asked when it wants to be called. */

static void on_timer(void *ctx);

static void arm(struct dns *d) {
    struct timeval tv;
    if (d->is_stopped || ares_timeout(d->channel, NULL, &tv) == NULL) {
        clk_stop(d->q->h->clk, &d->timer);
        return;
    }
    int64_t us = (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
    /* Not at once: where the modem's time is faster than c-ares', that would be a busy loop. */
    clk_start(d->q->h->clk, &d->timer, us > 10000 ? CLK_US(us) : CLK_MS(10), on_timer, d);
}

static void on_timer(void *ctx) {
    struct dns *d;
    CAST_OBJ(d, ctx, DNS_MAGIC);
    ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(d);
}

/* Sockets. */

static void on_socket_closed(uv_handle_t *handle) {
    struct dns_socket *s;
    CAST_OBJ(s, handle->data, DNS_SOCKET_MAGIC);
    struct host_uv *h = s->h;
    OBJ_FINI(s);
    free(s);
    host_uv_handle_closed(h);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct dns_socket *s;
    CAST_OBJ(s, poll->data, DNS_SOCKET_MAGIC);
    struct dns *d = s->dns;
    bool can_read = status != 0 || (events & UV_READABLE) != 0;
    bool can_write = status != 0 || (events & UV_WRITABLE) != 0;
    ares_process_fd(d->channel, can_read ? s->fd : ARES_SOCKET_BAD,
                    can_write ? s->fd : ARES_SOCKET_BAD);
    arm(d);
}

/* NULL: the system refuses to watch it; the query then runs into its timeout. */
static struct dns_socket *new_socket(struct dns *d, ares_socket_t fd) {
    struct dns_socket *s = xmalloc(sizeof *s);
    OBJ_INIT(s, DNS_SOCKET_MAGIC);
    s->h = d->q->h;
    s->dns = d;
    s->fd = fd;
    if (uv_poll_init(s->h->loop, &s->poll, fd) != 0) {
        OBJ_FINI(s);
        free(s);
        return NULL;
    }
    s->poll.data = s;
    host_uv_handle_opened(s->h);
    LIST_INSERT_HEAD(&d->sockets, s, entry);
    return s;
}

static void on_state(void *ctx, ares_socket_t fd, int readable, int writable) {
    struct dns *d;
    CAST_OBJ(d, ctx, DNS_MAGIC);
    struct dns_socket *s = LIST_FIRST(&d->sockets);
    while (s != NULL && s->fd != fd) {
        s = LIST_NEXT(s, entry);
    }
    if (readable == 0 && writable == 0) {
        if (s != NULL) {
            LIST_REMOVE(s, entry);
            uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        }
        return;
    }
    if (s == NULL) {
        s = new_socket(d, fd);
        if (s == NULL) {
            return;
        }
    }
    int events = (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0);
    uv_poll_start(&s->poll, events, on_poll);
}

/* Queries. */

static void stop(struct host_query *q) {
    struct dns *d;
    CAST_OBJ(d, q->kind, DNS_MAGIC);
    d->is_stopped = true;
    close_channel(d->channel);
    must(LIST_EMPTY(&d->sockets));
    clk_stop(q->h->clk, &d->timer);
    OBJ_FINI(d);
    free(d);
}

static int error_of(int status) {
    switch (status) {
    case ARES_SUCCESS:
        return 0;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME:
        return -ENOENT;
    case ARES_ETIMEOUT:
        return -ETIMEDOUT;
    default:
        return -EIO;
    }
}

static void on_host(void *ctx, int status, int timeouts, struct hostent *host) {
    (void)timeouts;
    struct dns *d;
    CAST_OBJ(d, ctx, DNS_MAGIC);
    if (d->is_stopped) {
        return;
    }
    struct host_query *q = d->q;
    int err = error_of(status);
    if (err == 0 && q->name_cb != NULL) {
        uint32_t ip = 0;
        if (host->h_addr_list[0] != NULL && host->h_length == sizeof ip) {
            memcpy(&ip, host->h_addr_list[0], sizeof ip);
            q->ip = ntohl(ip);
        } else {
            err = -ENOENT;
        }
    } else if (err == 0) {
        q->name = xstrdup(host->h_name);
    }
    host_uv_query_end(q, err);
}

static struct dns *start(struct host_query *q) {
    struct dns *d = xmalloc(sizeof *d);
    OBJ_INIT(d, DNS_MAGIC);
    d->q = q;
    LIST_INIT(&d->sockets);
    if (open_channel(&d->channel, on_state, d) != 0) {
        free(d);
        host_uv_query_end(q, -EIO);
        return NULL;
    }
    if (q->h->dns != NULL) {
        must(ares_set_servers_ports_csv(d->channel, q->h->dns) == ARES_SUCCESS);
    }
    q->kind = d;
    q->stop = stop;
    return d;
}

void host_dns_ask_name(struct host_query *q, const char *name) {
    struct dns *d = start(q);
    if (d != NULL) {
        ares_gethostbyname(d->channel, name, AF_INET, on_host, d);
        arm(d);
    }
}

void host_dns_ask_addr(struct host_query *q, uint32_t ip) {
    struct dns *d = start(q);
    if (d != NULL) {
        struct in_addr addr = {htonl(ip)};
        ares_gethostbyaddr(d->channel, &addr, sizeof addr, AF_INET, on_host, d);
        arm(d);
    }
}
