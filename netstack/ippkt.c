#include "netstack/ippkt.h"

#include <errno.h>
#include <string.h>

#include "base/be.h"
#include "base/obj.h"

enum {
    VERSION_4 = 4,
    TCP_HEAD = IPPKT_TCP_HEAD,
    UDP_HEAD = IPPKT_UDP_HEAD,
    ICMP_HEAD = 8,
    SUM_OF_IP = 10,
    SRC_OF_IP = 12,
    DST_OF_IP = 16,
    SUM_OF_TCP = 16,
    SUM_OF_UDP = 6,
    SUM_OF_ICMP = 2,
    ECHO_REPLY = 0,
    UNREACHABLE = 3,
    ECHO = 8,
    TIME_EXCEEDED = 11,
    TTL = 64,
};

/* -- checksums: RFC 1071, RFC 1624 -- */

static uint32_t add(uint32_t sum, const uint8_t *p, size_t n) {
    for (size_t i = 0; i + 1 < n; i += 2) {
        sum += be_get16(p + i);
    }
    return n % 2 != 0 ? sum + ((uint32_t)p[n - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum) {
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

/* The sum after `was` has become `is` in what it is over. */
static void adjust(uint8_t *sum, uint32_t was, uint32_t is) {
    uint32_t s = (uint16_t)~be_get16(sum);
    s += (uint16_t) ~(was >> 16) + (uint32_t)(uint16_t)~was;
    s += (is >> 16) + (is & 0xffff);
    be_put16(sum, (uint16_t)~fold(s));
}

static uint32_t pseudo_head(const struct ippkt *k) {
    return add(0, k->p + SRC_OF_IP, 8) + k->proto + (uint32_t)(k->n - k->head);
}

static void sum_all(const struct ippkt *k, size_t at, uint32_t start) {
    uint8_t *sum = k->p + k->head + at;
    be_put16(sum, 0);
    uint16_t s = (uint16_t)~fold(add(start, k->p + k->head, k->n - k->head));
    be_put16(sum, s == 0 && k->proto == IPPKT_UDP ? 0xffff : s);
}

/* -- reading -- */

static void read_ports(struct ippkt *k) {
    const uint8_t *t = k->p + k->head;
    size_t n = k->n - k->head;
    size_t least = k->proto == IPPKT_TCP ? TCP_HEAD : UDP_HEAD;
    k->has_ports = !k->is_later && (k->proto == IPPKT_TCP || k->proto == IPPKT_UDP) && n >= least;
    k->data = k->n;
    if (k->has_ports) {
        k->src.port = be_get16(t);
        k->dst.port = be_get16(t + 2);
        k->flags = k->proto == IPPKT_TCP ? t[13] : 0;
        size_t size = k->proto == IPPKT_TCP ? (size_t)(t[12] >> 4) * 4 : UDP_HEAD;
        k->data = k->head + (size >= least && size <= n ? size : n);
    } else if (k->proto == IPPKT_ICMP && !k->is_later && n >= ICMP_HEAD) {
        k->data = k->head + ICMP_HEAD;
    }
}

int ippkt_parse(struct ippkt *k, uint8_t *p, size_t n) {
    if (n < IPPKT_HEAD || p[0] >> 4 != VERSION_4) {
        return -EINVAL;
    }
    size_t head = (size_t)(p[0] & 15) * 4;
    size_t size = be_get16(p + 2);
    if (head < IPPKT_HEAD || size < head || size > n) {
        return -EINVAL;
    }
    uint16_t offset = be_get16(p + 6);
    *k = (struct ippkt){
        .p = p,
        .n = size,
        .head = head,
        .proto = p[9],
        .id = be_get16(p + 4),
        .is_fragment = (offset & 0x3fff) != 0,
        .is_more = (offset & 0x2000) != 0,
        .is_later = (offset & 0x1fff) != 0,
        .offset = (size_t)(offset & 0x1fff) * 8,
        .src = {.ip = be_get32(p + SRC_OF_IP)},
        .dst = {.ip = be_get32(p + DST_OF_IP)},
    };
    read_ports(k);
    return 0;
}

void ippkt_seal(uint8_t *p, size_t n) {
    be_put16(p + 2, (uint16_t)n);
    be_put16(p + 6, 0);
    be_put16(p + SUM_OF_IP, 0);
    be_put16(p + SUM_OF_IP, (uint16_t)~fold(add(0, p, (size_t)(p[0] & 15) * 4)));
}

/* -- addressing -- */

/* The sum of TCP or UDP, NULL where there is none. */
static uint8_t *transport_sum(const struct ippkt *k) {
    uint8_t *sum = k->p + k->head + (k->proto == IPPKT_TCP ? SUM_OF_TCP : SUM_OF_UDP);
    return !k->has_ports || (k->proto == IPPKT_UDP && be_get16(sum) == 0) ? NULL : sum;
}

static void set_addr(struct ippkt *k, size_t ip_at, size_t port_at, struct net_addr *which,
                     const struct net_addr *to) {
    uint8_t *sum = transport_sum(k);
    uint16_t port = to->port != 0 && k->has_ports ? to->port : which->port;
    adjust(k->p + SUM_OF_IP, which->ip, to->ip);
    be_put32(k->p + ip_at, to->ip);
    if (k->has_ports) {
        be_put16(k->p + k->head + port_at, port);
    }
    if (sum != NULL) {
        adjust(sum, which->ip, to->ip);
        adjust(sum, which->port, port);
        if (k->proto == IPPKT_UDP && be_get16(sum) == 0) {
            be_put16(sum, 0xffff); /* 0 would mean: none */
        }
    }
    *which = (struct net_addr){to->ip, port};
}

void ippkt_set_src(struct ippkt *k, const struct net_addr *to) {
    set_addr(k, SRC_OF_IP, 0, &k->src, to);
}

void ippkt_set_dst(struct ippkt *k, const struct net_addr *to) {
    set_addr(k, DST_OF_IP, 2, &k->dst, to);
}

/* -- making -- */

/* The head in front of n bytes. */
static void put_head(uint8_t *p, uint8_t proto, uint32_t src, uint32_t dst, size_t n) {
    memset(p, 0, IPPKT_HEAD);
    p[0] = VERSION_4 << 4 | IPPKT_HEAD / 4;
    be_put16(p + 2, (uint16_t)(IPPKT_HEAD + n));
    p[8] = TTL;
    p[9] = proto;
    be_put32(p + SRC_OF_IP, src);
    be_put32(p + DST_OF_IP, dst);
    be_put16(p + SUM_OF_IP, (uint16_t)~fold(add(0, p, IPPKT_HEAD)));
}

static struct ippkt made(uint8_t *p, size_t n) {
    struct ippkt k;
    int err = ippkt_parse(&k, p, n);
    must(err == 0);
    return k;
}

bool ippkt_is_echo(const struct ippkt *k) {
    return k->proto == IPPKT_ICMP && !k->is_fragment && k->n >= k->head + ICMP_HEAD &&
           k->p[k->head] == ECHO;
}

void ippkt_turn_echo(struct ippkt *k, uint8_t ttl) {
    struct net_addr src = k->src;
    struct net_addr dst = k->dst;
    ippkt_set_src(k, &dst);
    ippkt_set_dst(k, &src);
    adjust(k->p + SUM_OF_IP, (uint32_t)(k->p[8] << 8), (uint32_t)(ttl << 8));
    k->p[8] = ttl;
    k->p[k->head] = ECHO_REPLY;
    sum_all(k, SUM_OF_ICMP, 0);
}

size_t ippkt_make_rst(const struct ippkt *to, uint8_t out[IPPKT_MAX]) {
    const uint8_t *t = to->p + to->head;
    bool has_ack = (to->flags & IPPKT_ACK) != 0;
    uint32_t length = (uint32_t)(to->n - to->data) + ((to->flags & (IPPKT_SYN | IPPKT_FIN)) != 0);
    put_head(out, IPPKT_TCP, to->dst.ip, to->src.ip, TCP_HEAD);
    uint8_t *r = out + IPPKT_HEAD;
    memset(r, 0, TCP_HEAD);
    be_put16(r, to->dst.port);
    be_put16(r + 2, to->src.port);
    be_put32(r + 4, has_ack ? be_get32(t + 8) : 0);
    be_put32(r + 8, be_get32(t + 4) + length);
    r[12] = TCP_HEAD / 4 << 4;
    r[13] = IPPKT_RST | IPPKT_ACK;
    struct ippkt k = made(out, IPPKT_HEAD + TCP_HEAD);
    sum_all(&k, SUM_OF_TCP, pseudo_head(&k));
    return k.n;
}

void ippkt_turn_rst(struct ippkt *k) {
    uint8_t *t = k->p + k->head;
    uint16_t size = (uint16_t)(k->head + TCP_HEAD);
    adjust(k->p + SUM_OF_IP, (uint32_t)k->n, size);
    be_put16(k->p + 2, size);
    k->n = size;
    t[12] = TCP_HEAD / 4 << 4;
    t[13] = (uint8_t)(IPPKT_RST | (k->flags & IPPKT_ACK));
    k->flags = t[13];
    k->data = size;
    sum_all(k, SUM_OF_TCP, pseudo_head(k));
}

size_t ippkt_make_udp(const struct net_addr *from, const struct net_addr *to, const uint8_t *p,
                      size_t n, uint8_t *out, size_t size) {
    if (IPPKT_HEAD + UDP_HEAD + n > size) {
        return 0;
    }
    put_head(out, IPPKT_UDP, from->ip, to->ip, UDP_HEAD + n);
    uint8_t *u = out + IPPKT_HEAD;
    be_put16(u, from->port);
    be_put16(u + 2, to->port);
    be_put16(u + 4, (uint16_t)(UDP_HEAD + n));
    memcpy(u + UDP_HEAD, p, n);
    struct ippkt k = made(out, IPPKT_HEAD + UDP_HEAD + n);
    sum_all(&k, SUM_OF_UDP, pseudo_head(&k));
    return k.n;
}

size_t ippkt_make_tcp(const struct ippkt_segment *s, uint8_t out[IPPKT_MAX]) {
    enum { MSS = IPPKT_MAX - IPPKT_HEAD - TCP_HEAD };
    /* RFC 9293 3.2: segment size; no operation; RFC 7323 2.2: window scale. */
    static const uint8_t offers[] = {2, 4, MSS >> 8, MSS & 0xff, 1, 3, 3, IPPKT_WINDOW_SHIFT};
    size_t extra = (s->flags & IPPKT_SYN) != 0 ? sizeof offers : 0;
    size_t n = TCP_HEAD + extra + s->n;
    if (IPPKT_HEAD + n > IPPKT_MAX) {
        return 0;
    }
    put_head(out, IPPKT_TCP, s->from.ip, s->to.ip, n);
    uint8_t *t = out + IPPKT_HEAD;
    memset(t, 0, TCP_HEAD);
    be_put16(t, s->from.port);
    be_put16(t + 2, s->to.port);
    be_put32(t + 4, s->seq);
    be_put32(t + 8, s->ack);
    t[12] = (uint8_t)((TCP_HEAD + extra) / 4 << 4);
    t[13] = s->flags;
    be_put16(t + 14, UINT16_MAX);
    memcpy(t + TCP_HEAD, offers, extra);
    if (s->n > 0 && s->data == NULL) {
        return IPPKT_HEAD + TCP_HEAD + extra;
    }
    if (s->n > 0) {
        memcpy(t + TCP_HEAD + extra, s->data, s->n);
    }
    struct ippkt k = made(out, IPPKT_HEAD + n);
    sum_all(&k, SUM_OF_TCP, pseudo_head(&k));
    return k.n;
}

/* -- errors -- */

int ippkt_quoted(const struct ippkt *k, struct ippkt *quoted) {
    if (k->proto != IPPKT_ICMP || k->is_fragment || k->n < k->head + ICMP_HEAD + IPPKT_HEAD) {
        return -EINVAL;
    }
    uint8_t type = k->p[k->head];
    uint8_t *p = k->p + k->head + ICMP_HEAD;
    size_t n = k->n - k->head - ICMP_HEAD;
    size_t head = (size_t)(p[0] & 15) * 4;
    if ((type != UNREACHABLE && type != TIME_EXCEEDED) || p[0] >> 4 != VERSION_4 ||
        head < IPPKT_HEAD || head > n) {
        return -EINVAL;
    }
    /* It is cut after a few bytes, whatever length its head says. */
    *quoted = (struct ippkt){
        .p = p,
        .n = n,
        .head = head,
        .proto = p[9],
        .src = {.ip = be_get32(p + SRC_OF_IP)},
        .dst = {.ip = be_get32(p + DST_OF_IP)},
    };
    if (n >= head + 4) {
        quoted->src.port = be_get16(p + head);
        quoted->dst.port = be_get16(p + head + 2);
    }
    return 0;
}

void ippkt_set_quoted_dst(struct ippkt *k, const struct net_addr *to) {
    struct ippkt q;
    if (ippkt_quoted(k, &q) != 0) {
        return;
    }
    adjust(q.p + SUM_OF_IP, q.dst.ip, to->ip);
    be_put32(q.p + DST_OF_IP, to->ip);
    if (q.n >= q.head + 4) {
        be_put16(q.p + q.head + 2, to->port);
    }
    sum_all(k, SUM_OF_ICMP, 0);
}
