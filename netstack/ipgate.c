#include "netstack/ipgate.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/dgram_air.h"
#include "netstack/ipdns.h"
#include "netstack/ipfrag.h"
#include "netstack/ipnat.h"
#include "netstack/ippkt.h"
#include "netstack/resolve.h"
#include "netstack/route.h"
#include "netstack/slirp_uv.h"

enum { DNS_PORT = 53, ECHO_WAIT_S = 10, OWN_TTL = 64, AIR_HIGH = DGRAM_AIR_MAX / 2 };

/* A ping that the host is asked to make. */
struct echo {
    LIST_ENTRY(echo) entry;
    struct ipgate *g;
    struct host_query *query; /* NULL: it has ended */
    struct clk_timer timer;
    size_t n;
    uint8_t packet[IPPKT_MAX];
};

/* A name that is looked up. */
struct lookup {
    LIST_ENTRY(lookup) entry;
    struct ipgate *g;
    struct net_resolve *resolve; /* NULL: it has ended */
    struct net_addr driver, server;
    struct ipdns_question question;
};

struct ipgate {
    uint32_t magic;
#define IPGATE_MAGIC 0x19a7ee43u
    struct ipgate_config cfg;
    struct bearer_user user;
    struct slirp_uv *slirp; /* NULL: the bearer went down */
    uint32_t ip;            /* the driver's */
    struct ipnat nat;
    struct ipfrag fragments;               /* from the driver */
    struct impair none[IMPAIR_DIRECTIONS]; /* the link has no path of its own */
    struct dgram_air up, down;
    struct buf out; /* each packet behind its length */
    LIST_HEAD(echoes, echo) echoes;
    LIST_HEAD(lookups, lookup) lookups;
    size_t n_echoes, n_lookups;
    struct ipgate_counts counts;
};

/* -- to the driver -- */

static void set_reading(struct ipgate *g) {
    if (g->slirp != NULL) {
        slirp_uv_set_reading(g->slirp, buf_len(&g->out) < LIMIT_IP_HIGH && g->down.n < AIR_HIGH);
    }
}

void ipgate_resume(struct ipgate *g) {
    CHECK_OBJ(g, IPGATE_MAGIC);
    uint16_t n = 0;
    const uint8_t *p = buf_data(&g->out);
    while (p != NULL && buf_len(&g->out) > 0) {
        memcpy(&n, p, sizeof n);
        int err = g->cfg.deliver(g->cfg.ctx, p + sizeof n, n);
        if (err == -ENOBUFS) {
            break;
        }
        g->counts.to_driver += err == 0;
        buf_drop(&g->out, sizeof n + n);
        p = buf_data(&g->out);
    }
    set_reading(g);
}

static void deliver(struct ipgate *g, const uint8_t *p, size_t n) {
    uint16_t size = (uint16_t)n;
    if (n > IPPKT_MAX || buf_room(&g->out) < sizeof size + n) {
        g->counts.dropped++;
        return;
    }
    buf_put(&g->out, &size, sizeof size);
    buf_put(&g->out, p, n);
    ipgate_resume(g);
}

/* Out of the air of the bearer. */
static void on_arrived(void *ctx, const struct net_addr *addr, const uint8_t *p, size_t n) {
    struct ipgate *g;
    CAST_OBJ(g, ctx, IPGATE_MAGIC);
    (void)addr;
    deliver(g, p, n);
}

static void launch_down(struct ipgate *g, const uint8_t *p, size_t n) {
    bearer_touch(g->cfg.bearer);
    uint64_t lost = g->down.dropped;
    dgram_air_put(&g->down, &(struct net_addr){0}, p, n);
    g->counts.dropped += g->down.dropped - lost;
    set_reading(g);
}

/* Errors are the gateway's; what they quote is as the driver sent it. */
static bool is_error_down(struct ipgate *g, struct ippkt *k) {
    struct ippkt quoted;
    if (ippkt_quoted(k, &quoted) != 0) {
        return false;
    }
    struct ippkt answer = quoted; /* as if it came back */
    answer.src = quoted.dst;
    answer.dst = quoted.src;
    const struct ipnat_flow *f = ipnat_find_down(&g->nat, &answer);
    if (f == NULL) {
        return false;
    }
    ippkt_set_quoted_dst(k, &f->shown);
    ippkt_set_src(k, &(struct net_addr){.ip = g->cfg.gateway_ip});
    return true;
}

/* A caller from outside: shown as the map has it, from the host itself as the gateway. */
static struct ipnat_flow *add_caller(struct ipgate *g, const struct ippkt *k) {
    struct net_addr shown = {g->cfg.gateway_ip, k->src.port};
    if (k->src.ip != SLIRP_UV_HOST) {
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(k->src.port)};
        from.sin_addr.s_addr = htonl(k->src.ip);
        route_from_host(g->cfg.route, (const struct sockaddr *)&from, &shown);
    }
    struct ipnat_flow *f = ipnat_add(&g->nat, k->proto, k->dst.port, &shown, &k->src);
    if (f != NULL && k->proto == IPPKT_TCP) {
        f->socket = slirp_uv_newest(g->slirp);
    }
    return f;
}

/* TCP lets in whom libslirp let in, which is whoever the listen table lets; to a UDP port that has
 * only sent, answers come. */
static bool lets_in(const struct ipgate *g, const struct ippkt *k) {
    uint16_t ports[LIMIT_IP_LISTENS];
    size_t n = route_listens(g->cfg.route, ports, LIMIT_IP_LISTENS);
    for (size_t i = 0; i < n; i++) {
        if (ports[i] == k->dst.port) {
            return true;
        }
    }
    return false;
}

static void on_packet_down(void *ctx, uint8_t *p, size_t n) {
    struct ipgate *g;
    CAST_OBJ(g, ctx, IPGATE_MAGIC);
    struct ippkt k;
    if (ippkt_parse(&k, p, n) != 0) {
        return;
    }
    if (k.is_later) {
        if (ipnat_fragment_down(&g->nat, &k) == 0) {
            launch_down(g, k.p, k.n);
        }
        return;
    }
    if (is_error_down(g, &k)) {
        launch_down(g, k.p, k.n);
        return;
    }
    struct ipnat_flow *f = k.has_ports ? ipnat_find_down(&g->nat, &k) : NULL;
    if (f == NULL && k.has_ports && lets_in(g, &k)) {
        f = add_caller(g, &k);
    }
    if (f == NULL) {
        g->counts.refused++;
        return;
    }
    ipnat_down(&g->nat, f, &k);
    launch_down(g, k.p, k.n);
}

/* -- pings -- */

static void end_echo(struct echo *e) {
    struct ipgate *g = e->g;
    host_cancel(&g->cfg.bearer->host, &e->query);
    clk_stop(g->cfg.bearer->clk, &e->timer);
    LIST_REMOVE(e, entry);
    g->n_echoes--;
    free(e);
}

static void answer_echo(struct ipgate *g, uint8_t *p, size_t n, uint8_t ttl) {
    struct ippkt k;
    if (ippkt_parse(&k, p, n) == 0) {
        ippkt_turn_echo(&k, ttl);
        launch_down(g, k.p, k.n);
    }
}

static bool is_mapped(const struct ipgate *g, uint32_t ip) {
    struct sockaddr_storage host;
    struct sockaddr_in in4;
    route_to_host(g->cfg.route, &(struct net_addr){.ip = ip}, &host);
    memcpy(&in4, &host, sizeof in4);
    return host.ss_family != AF_INET || ntohl(in4.sin_addr.s_addr) != ip;
}

/* Where the host lets nobody ping, what the map leads to is there all the same. */
static void on_ping(void *ctx, int err, int64_t rtt_us, unsigned ttl) {
    struct echo *e = ctx;
    struct ipgate *g = e->g;
    struct ippkt k;
    (void)rtt_us;
    e->query = NULL;
    bool is_there = err == 0 || (err == -EACCES && ippkt_parse(&k, e->packet, e->n) == 0 &&
                                 is_mapped(g, k.dst.ip));
    if (is_there) {
        answer_echo(g, e->packet, e->n, ttl > 0 ? (uint8_t)ttl : OWN_TTL);
    }
    end_echo(e);
}

static void on_echo_late(void *ctx) {
    end_echo(ctx);
}

static bool is_own(const struct ipgate *g, uint32_t ip) {
    return ip == g->cfg.gateway_ip || (ip != 0 && (ip == g->cfg.dns[0] || ip == g->cfg.dns[1]));
}

static void on_echo(struct ipgate *g, const struct ippkt *k) {
    if (is_own(g, k->dst.ip)) {
        answer_echo(g, k->p, k->n, OWN_TTL);
        return;
    }
    if (g->n_echoes == LIMIT_IP_ECHOES) {
        g->counts.dropped++;
        return;
    }
    const struct net_host *host = &g->cfg.bearer->host;
    struct echo *e = xmalloc(sizeof *e);
    e->g = g;
    e->n = k->n;
    memcpy(e->packet, k->p, k->n);
    LIST_INSERT_HEAD(&g->echoes, e, entry);
    g->n_echoes++;
    const struct host_ping ping = {
        .ip = k->dst.ip, .size = (unsigned)(k->n - k->data), .ttl = k->p[8]};
    clk_start(g->cfg.bearer->clk, &e->timer, CLK_S(ECHO_WAIT_S), on_echo_late, e);
    e->query = host->ops->ping(host->host, &ping, on_ping, e);
}

/* -- names -- */

static void end_lookup(struct lookup *l) {
    struct ipgate *g = l->g;
    resolve_cancel(l->resolve);
    LIST_REMOVE(l, entry);
    g->n_lookups--;
    free(l);
}

/* A look-up has met the impairments itself: its answer does not meet them again. */
static void answer_name(struct ipgate *g, const struct net_addr *server,
                        const struct net_addr *driver, const uint8_t *p, size_t n) {
    uint8_t packet[IPPKT_MAX];
    deliver(g, packet, ippkt_make_udp(server, driver, p, n, packet, IPPKT_MAX));
}

static void on_looked_up(struct lookup *l, int err, uint32_t ip, const char *name) {
    uint8_t answer[IPDNS_ANSWER_MAX];
    size_t n = 0;
    l->resolve = NULL;
    if (err == -ENOENT) {
        n = ipdns_answer(&l->question, IPDNS_NO_NAME, answer);
    } else if (err == 0 && name != NULL) {
        n = ipdns_answer_name(&l->question, name, answer);
    } else if (err == 0) {
        n = ipdns_answer_ip(&l->question, ip, answer);
    }
    if (n > 0) { /* a server that does not answer is what the driver waits for, too */
        answer_name(l->g, &l->server, &l->driver, answer, n);
    }
    end_lookup(l);
}

static void on_name(void *ctx, int err, uint32_t ip) {
    on_looked_up(ctx, err, ip, NULL);
}

static void on_addr(void *ctx, int err, const char *name) {
    on_looked_up(ctx, err, 0, name);
}

/* NULL: there is nothing to look up; `code` is the answer. */
static struct net_resolve *look_up(struct lookup *l, int *code) {
    struct bearer *b = l->g->cfg.bearer;
    const struct ipdns_question *q = &l->question;
    uint32_t ip = 0;
    *code = IPDNS_NO_NAME;
    if (q->type == IPDNS_A) {
        return resolve_name(b, sv_of(q->name), 0, on_name, l);
    }
    if (ipdns_reverse(q, &ip) == 0) {
        return resolve_addr(b, ip, 0, on_addr, l);
    }
    *code = IPDNS_OK; /* no record of this type: the world has IPv4 alone */
    return NULL;
}

static void on_dns(struct ipgate *g, const struct ippkt *k) {
    uint8_t answer[IPDNS_ANSWER_MAX];
    if (g->n_lookups == LIMIT_IP_NAMES) {
        g->counts.dropped++;
        return;
    }
    struct lookup *l = xmalloc(sizeof *l);
    l->g = g;
    l->driver = k->src;
    l->server = k->dst;
    LIST_INSERT_HEAD(&g->lookups, l, entry);
    g->n_lookups++;
    int code = ipdns_parse(&l->question, k->p + k->data, k->n - k->data);
    if (code == 0) {
        l->resolve = look_up(l, &code);
    }
    if (l->resolve == NULL) {
        if (code >= 0) {
            size_t n = ipdns_answer(&l->question, code, answer);
            answer_name(g, &l->server, &l->driver, answer, n);
        }
        end_lookup(l);
    }
}

/* -- from the driver -- */

/* Where the host has it; -E...: it may not be reached. */
static int find_host(const struct ipgate *g, const struct net_addr *to, struct net_addr *host) {
    struct sockaddr_storage at;
    struct sockaddr_in in4;
    route_to_host(g->cfg.route, to, &at);
    if (at.ss_family != AF_INET) {
        return -ENETUNREACH;
    }
    memcpy(&in4, &at, sizeof in4);
    *host = (struct net_addr){ntohl(in4.sin_addr.s_addr), ntohs(in4.sin_port)};
    bool is_unmapped = host->ip == to->ip && host->port == to->port;
    bool is_inside = to->ip == g->cfg.gateway_ip || to->ip >> 24 == IN_LOOPBACKNET;
    if (is_unmapped && is_inside) {
        host->ip = INADDR_LOOPBACK;
        return g->cfg.allows_loopback ? 0 : -EHOSTUNREACH;
    }
    /* The own network, all of them, nobody's and groups. */
    return host->ip >> 24 == 0 || host->ip >= 0xe0000000u || host->ip == g->ip ? -EHOSTUNREACH : 0;
}

static void refuse(struct ipgate *g, const struct ippkt *k) {
    g->counts.refused++;
    if (k->proto == IPPKT_TCP && (k->flags & IPPKT_RST) == 0) {
        uint8_t rst[IPPKT_MAX];
        launch_down(g, rst, ippkt_make_rst(k, rst));
    }
}

static struct ipnat_flow *add_flow(struct ipgate *g, const struct ippkt *k) {
    struct net_addr host;
    bool is_start = k->proto == IPPKT_UDP || (k->flags & (IPPKT_SYN | IPPKT_ACK)) == IPPKT_SYN;
    bool is_refused = k->proto == IPPKT_TCP && g->cfg.bearer->impair[IMPAIR_UP].refuse;
    if (!is_start || is_refused || find_host(g, &k->dst, &host) != 0) {
        return NULL;
    }
    struct ipnat_flow *f = ipnat_add(&g->nat, k->proto, k->src.port, &k->dst, &host);
    g->counts.dropped += f == NULL;
    return f;
}

/* After so many bytes the path cuts a link: both ends hear RST. */
static bool is_cut(const struct ipgate *g, const struct ipnat_flow *f, const struct ippkt *k) {
    uint32_t after = g->cfg.bearer->impair[IMPAIR_UP].cut_after;
    return k->proto == IPPKT_TCP && after > 0 && f->bytes + (k->n - k->data) > after;
}

static void put_flow(struct ipgate *g, struct ipnat_flow *f, const struct ippkt *k) {
    uint64_t newest = slirp_uv_newest(g->slirp);
    if ((k->flags & IPPKT_RST) != 0 && f->socket != 0) {
        slirp_uv_reset_on_close(g->slirp, f->socket);
    }
    slirp_uv_put(g->slirp, k->p, k->n);
    if (slirp_uv_newest(g->slirp) != newest) {
        f->socket = slirp_uv_newest(g->slirp);
    }
}

static void on_flow(struct ipgate *g, struct ippkt *k) {
    struct ipnat_flow *f = ipnat_find_up(&g->nat, k);
    bool is_syn = k->proto == IPPKT_TCP && (k->flags & (IPPKT_SYN | IPPKT_ACK)) == IPPKT_SYN;
    if (f == NULL || (is_syn && f->is_over)) {
        f = add_flow(g, k);
    }
    if (f == NULL) {
        refuse(g, k);
        return;
    }
    if (is_cut(g, f, k)) {
        refuse(g, k);
        ippkt_turn_rst(k);
    }
    ipnat_up(&g->nat, f, k);
    put_flow(g, f, k);
}

/* Out of the air of the bearer: the packet is at the gateway. */
static void on_left(void *ctx, const struct net_addr *addr, const uint8_t *p, size_t n) {
    struct ipgate *g;
    CAST_OBJ(g, ctx, IPGATE_MAGIC);
    uint8_t copy[IPPKT_MAX];
    struct ippkt k;
    (void)addr;
    memcpy(copy, p, n);
    if (g->slirp == NULL || ippkt_parse(&k, copy, n) != 0) {
        return; /* the air may have changed it */
    }
    if (k.is_fragment) {
        struct ippkt whole;
        if (!ipfrag_add(&g->fragments, &k, &whole)) {
            return;
        }
        k = whole;
    }
    if (ippkt_is_echo(&k) && k.n <= IPPKT_MAX) {
        on_echo(g, &k);
    } else if (k.has_ports) {
        on_flow(g, &k);
    } else {
        g->counts.refused++;
    }
}

static bool is_dns(const struct ipgate *g, const struct ippkt *k) {
    return k->proto == IPPKT_UDP && k->has_ports && !k->is_fragment && k->dst.port == DNS_PORT &&
           k->dst.ip != 0 && (k->dst.ip == g->cfg.dns[0] || k->dst.ip == g->cfg.dns[1]);
}

void ipgate_put(struct ipgate *g, const uint8_t *p, size_t n) {
    CHECK_OBJ(g, IPGATE_MAGIC);
    uint8_t copy[IPPKT_MAX];
    struct ippkt k;
    if (g->slirp == NULL) {
        return;
    }
    g->counts.from_driver++;
    if (n > sizeof copy) {
        g->counts.malformed++;
        return;
    }
    memcpy(copy, p, n);
    if (ippkt_parse(&k, copy, n) != 0 || k.src.ip != g->ip) {
        g->counts.malformed++;
        return;
    }
    bearer_touch(g->cfg.bearer);
    if (is_dns(g, &k)) {
        on_dns(g, &k);
        return;
    }
    uint64_t lost = g->up.dropped;
    dgram_air_put(&g->up, &(struct net_addr){0}, k.p, k.n);
    g->counts.dropped += g->up.dropped - lost;
}

/* -- life -- */

static void stop(struct ipgate *g) {
    slirp_uv_close(g->slirp);
    g->slirp = NULL;
    dgram_air_fini(&g->up);
    dgram_air_fini(&g->down);
    ipfrag_fini(&g->fragments);
    /* The analyzer does not see that LIST_REMOVE changes the heads. */
    while (!LIST_EMPTY(&g->echoes)) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        end_echo(LIST_FIRST(&g->echoes));
    }
    while (!LIST_EMPTY(&g->lookups)) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        end_lookup(LIST_FIRST(&g->lookups));
    }
}

static void on_down(struct bearer_user *u) {
    struct ipgate *g;
    CAST_MEMBER(g, u, struct ipgate, user, IPGATE_MAGIC);
    stop(g);
}

static void on_changed(struct bearer_user *u) {
    struct ipgate *g;
    CAST_MEMBER(g, u, struct ipgate, user, IPGATE_MAGIC);
    dgram_air_changed(&g->up);
    dgram_air_changed(&g->down);
}

/* What another server of the module has taken is not offered. */
static void listen_all(struct ipgate *g) {
    uint16_t ports[LIMIT_IP_LISTENS];
    size_t n = route_listens(g->cfg.route, ports, LIMIT_IP_LISTENS);
    for (size_t i = 0; i < 2 * n; i++) {
        struct sockaddr_storage at;
        route_listen(g->cfg.route, ports[i / 2], &at);
        int err = slirp_uv_listen(g->slirp, i % 2 == 1, &at, ports[i / 2]);
        if (err != 0) {
            LOG(LOG_NET, LOG_INFO, "ipgate", "%s port %u is not offered: %s",
                i % 2 == 1 ? "udp" : "tcp", ports[i / 2], strerror(-err));
        }
    }
}

struct ipgate *ipgate_new(const struct ipgate_config *cfg) {
    struct bearer *b = cfg->bearer;
    if (!b->is_up) {
        return NULL;
    }
    struct ipgate *g = xmalloc(sizeof *g);
    OBJ_INIT(g, IPGATE_MAGIC);
    g->cfg = *cfg;
    g->ip = b->ip;
    const struct slirp_uv_config config = {.loop = cfg->loop,
                                           .clk = b->clk,
                                           .guest_ip = b->ip,
                                           .mtu = cfg->mtu,
                                           .output = on_packet_down,
                                           .ctx = g};
    g->slirp = slirp_uv_new(&config);
    if (g->slirp == NULL) {
        OBJ_FINI(g);
        free(g);
        return NULL;
    }
    ipnat_init(&g->nat, b->clk);
    buf_init(&g->out, LIMIT_IP_OUT);
    LIST_INIT(&g->echoes);
    LIST_INIT(&g->lookups);
    g->up = (struct dgram_air){
        .bearer = b, .impair = g->none, .dir = IMPAIR_UP, .deliver = on_left, .ctx = g};
    g->down = (struct dgram_air){
        .bearer = b, .impair = g->none, .dir = IMPAIR_DOWN, .deliver = on_arrived, .ctx = g};
    g->user.down = on_down;
    g->user.changed = on_changed;
    bearer_attach(b, &g->user);
    listen_all(g);
    return g;
}

void ipgate_close(struct ipgate *g) {
    if (g == NULL) {
        return;
    }
    CHECK_OBJ(g, IPGATE_MAGIC);
    stop(g);
    bearer_detach(&g->user);
    buf_fini(&g->out);
    OBJ_FINI(g);
    free(g);
}

void ipgate_counts(const struct ipgate *g, struct ipgate_counts *out) {
    CHECK_OBJ(g, IPGATE_MAGIC);
    *out = g->counts;
}
