#include "tests/support/raw_ip.h"

#include <string.h>

#include "base/be.h"

enum { IN_MAX = 1 << 24, TCP_HEAD = 20, UDP_HEAD = 8 };

static uint32_t add(uint32_t sum, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

size_t raw_ip_make(uint8_t *to, uint8_t proto, uint32_t src, uint32_t dst, uint16_t id,
                   uint16_t offset_and_flags, const uint8_t *p, size_t n) {
    memset(to, 0, IPPKT_HEAD);
    to[0] = 0x45;
    be_put16(to + 2, (uint16_t)(IPPKT_HEAD + n));
    be_put16(to + 4, id);
    be_put16(to + 6, offset_and_flags);
    to[8] = 64;
    to[9] = proto;
    be_put32(to + 12, src);
    be_put32(to + 16, dst);
    be_put16(to + 10, (uint16_t)~add(0, to, IPPKT_HEAD));
    memcpy(to + IPPKT_HEAD, p, n);
    return IPPKT_HEAD + n;
}

/* The sum at `at` of a message of TCP or UDP. */
static void sum_message(uint8_t *m, size_t n, size_t at, uint8_t proto, const struct net_addr *src,
                        const struct net_addr *dst) {
    uint8_t pseudo[12] = {0};
    be_put32(pseudo, src->ip);
    be_put32(pseudo + 4, dst->ip);
    pseudo[9] = proto;
    be_put16(pseudo + 10, (uint16_t)n);
    be_put16(m + at, (uint16_t)~add(add(0, pseudo, sizeof pseudo), m, n));
}

size_t raw_udp_make(uint8_t *to, const struct net_addr *src, const struct net_addr *dst,
                    const void *p, size_t n) {
    memset(to, 0, UDP_HEAD);
    be_put16(to, src->port);
    be_put16(to + 2, dst->port);
    be_put16(to + 4, (uint16_t)(UDP_HEAD + n));
    memcpy(to + UDP_HEAD, p, n);
    sum_message(to, UDP_HEAD + n, 6, IPPKT_UDP, src, dst);
    return UDP_HEAD + n;
}

void raw_tcp_init(struct raw_tcp *t, const struct net_addr *own, const struct net_addr *peer,
                  raw_ip_send_fn *send, void *ctx) {
    *t = (struct raw_tcp){.send = send, .ctx = ctx, .own = *own, .peer = *peer, .next = 1000};
    buf_init(&t->in, IN_MAX);
}

void raw_tcp_fini(struct raw_tcp *t) {
    buf_fini(&t->in);
}

void raw_tcp_say(struct raw_tcp *t, uint8_t flags, const void *p, size_t n) {
    uint8_t m[IPPKT_MAX] = {0};
    uint8_t packet[IPPKT_MAX];
    be_put16(m, t->own.port);
    be_put16(m + 2, t->peer.port);
    be_put32(m + 4, t->next);
    be_put32(m + 8, t->expected);
    m[12] = TCP_HEAD / 4 << 4;
    m[13] = flags;
    be_put16(m + 14, RAW_WINDOW);
    if (n > 0) {
        memcpy(m + TCP_HEAD, p, n);
    }
    sum_message(m, TCP_HEAD + n, 16, IPPKT_TCP, &t->own, &t->peer);
    t->next += (uint32_t)n + ((flags & (IPPKT_SYN | IPPKT_FIN)) != 0);
    size_t size = raw_ip_make(packet, IPPKT_TCP, t->own.ip, t->peer.ip, 0, 0, m, TCP_HEAD + n);
    t->send(t->ctx, packet, size);
}

void raw_tcp_hear(struct raw_tcp *t, const struct ippkt *k) {
    if (k->proto != IPPKT_TCP || k->dst.port != t->own.port || k->src.port != t->peer.port ||
        k->src.ip != t->peer.ip || t->is_silent) {
        return;
    }
    uint32_t seq = be_get32(k->p + k->head + 4);
    size_t n = k->n - k->data;
    t->is_reset |= (k->flags & IPPKT_RST) != 0;
    if (t->is_reset) {
        return;
    }
    t->acked = be_get32(k->p + k->head + 8) - 1001;
    if ((k->flags & IPPKT_SYN) != 0 && t->is_open) { /* our answer was lost */
        raw_tcp_say(t, IPPKT_ACK, NULL, 0);
        return;
    }
    if ((k->flags & IPPKT_SYN) != 0) {
        t->expected = seq + 1;
        t->is_open = true;
        bool is_call = (k->flags & IPPKT_ACK) == 0;
        raw_tcp_say(t, is_call ? IPPKT_SYN | IPPKT_ACK : IPPKT_ACK, NULL, 0);
        return;
    }
    bool is_next = seq == t->expected;
    if (is_next) {
        buf_put(&t->in, k->p + k->data, n);
        t->expected += (uint32_t)n + ((k->flags & IPPKT_FIN) != 0);
        t->is_fin |= (k->flags & IPPKT_FIN) != 0;
    }
    if (n > 0 || (k->flags & IPPKT_FIN) != 0) {
        raw_tcp_say(t, IPPKT_ACK, NULL, 0);
    }
}
