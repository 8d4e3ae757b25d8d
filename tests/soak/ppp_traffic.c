#include "tests/soak/ppp_traffic.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/far_end.h"

enum {
    SEGMENT = 900,
    LINK_BYTES = 8 * SEGMENT,
    AGAIN_MS = 1000,        /* after it a segment is sent again */
    GIVE_UP_MS = 60 * 1000, /* after it a connection is */
    UDP_SOURCE = 4000,
    ICMP_HEAD = 8,
    NUMBERED = 64, /* bytes of a datagram or a ping */
};

void traffic_init(struct traffic *t) {
    *t = (struct traffic){.listener = far_socket(SOCK_STREAM | SOCK_NONBLOCK),
                          .udp = far_socket(SOCK_DGRAM | SOCK_NONBLOCK),
                          .next_port = 10000};
    must(listen(t->listener, TRAFFIC_CLIENTS) == 0);
    t->tcp_port = far_bound_port(t->listener);
    t->udp_port = far_bound_port(t->udp);
    for (size_t i = 0; i < TRAFFIC_CLIENTS; i++) {
        t->clients[i] = -1;
    }
}

void traffic_fini(struct traffic *t) {
    traffic_link_lost(t);
    for (size_t i = 0; i < TRAFFIC_CLIENTS; i++) {
        if (t->clients[i] >= 0) {
            close(t->clients[i]);
        }
    }
    close(t->listener);
    close(t->udp);
}

/* -- the echo -- */

static void serve_client(int *fd) {
    char bytes[4096];
    ssize_t n = recv(*fd, bytes, sizeof bytes, MSG_DONTWAIT);
    bool is_over = n == 0 || (n < 0 && errno != EAGAIN);
    if (is_over || (n > 0 && send(*fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)) {
        close(*fd);
        *fd = -1;
    }
}

static void serve(struct traffic *t) {
    char bytes[2048];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t n = 0;
    while ((n = recvfrom(t->udp, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size)) > 0) {
        sendto(t->udp, bytes, (size_t)n, 0, (struct sockaddr *)&from, size);
        size = sizeof from;
    }
    for (size_t i = 0; i < TRAFFIC_CLIENTS; i++) {
        if (t->clients[i] >= 0) {
            serve_client(&t->clients[i]);
        } else {
            t->clients[i] = accept(t->listener, NULL, NULL);
        }
    }
}

/* -- what has a number -- */

static void number_fill(uint8_t *to, uint64_t number) {
    memcpy(to, &number, sizeof number);
    for (size_t i = sizeof number; i < NUMBERED; i++) {
        to[i] = (uint8_t)(number * 31 + i);
    }
}

/* Notes that it has come back; another one than sent, or a second time, is wrong. */
static void number_check(struct traffic *t, unsigned kind, uint64_t sent, const uint8_t *p,
                         size_t n) {
    uint8_t want[NUMBERED];
    uint64_t number = 0;
    if (n >= sizeof number) {
        memcpy(&number, p, sizeof number);
    }
    number_fill(want, number);
    bool *is_back = &t->is_back[kind][number % TRAFFIC_RECENT];
    if (n != NUMBERED || memcmp(p, want, NUMBERED) != 0 || number >= sent ||
        number + TRAFFIC_RECENT < sent || *is_back) {
        t->counts.wrong++;
    }
    *is_back = true;
}

static void send_datagram(struct traffic *t) {
    uint8_t data[NUMBERED];
    uint8_t message[IPPKT_MAX];
    uint8_t packet[IPPKT_MAX];
    const struct net_addr src = {t->own_ip, UDP_SOURCE};
    const struct net_addr dst = {t->server_ip, 9};
    number_fill(data, t->counts.datagrams);
    t->is_back[0][t->counts.datagrams++ % TRAFFIC_RECENT] = false;
    size_t n = raw_udp_make(message, &src, &dst, data, sizeof data);
    n = raw_ip_make(packet, IPPKT_UDP, src.ip, dst.ip, 0, 0, message, n);
    t->send(t->ctx, packet, n);
}

static void send_ping(struct traffic *t) {
    uint8_t message[ICMP_HEAD + NUMBERED] = {8, 0, 0, 0, 0x12, 0x34, 0, 1};
    uint8_t packet[IPPKT_MAX];
    number_fill(message + ICMP_HEAD, t->counts.pings);
    t->is_back[1][t->counts.pings++ % TRAFFIC_RECENT] = false;
    size_t n =
        raw_ip_make(packet, IPPKT_ICMP, t->own_ip, t->gateway_ip, 0, 0, message, sizeof message);
    t->send(t->ctx, packet, n);
}

/* -- a connection -- */

static uint8_t byte_at(const struct traffic *t, size_t i) {
    return (uint8_t)(t->tcp.own.port * 7u + i * 13 + i / 251);
}

static void say_segment(struct traffic *t) {
    uint8_t data[SEGMENT];
    size_t n = LINK_BYTES - t->sent < SEGMENT ? LINK_BYTES - t->sent : SEGMENT;
    for (size_t i = 0; i < n; i++) {
        data[i] = byte_at(t, t->sent + i);
    }
    raw_tcp_say(&t->tcp, IPPKT_ACK | RAW_PSH, data, n);
    t->sent += n;
}

static void link_end(struct traffic *t, uint64_t *as) {
    (*as)++;
    raw_tcp_fini(&t->tcp);
    t->has_tcp = false;
}

static void link_begin(struct traffic *t, int64_t now_ms) {
    const struct net_addr own = {t->own_ip, t->next_port};
    const struct net_addr peer = {t->server_ip, 80};
    t->next_port = t->next_port == 60000 ? 10000 : (uint16_t)(t->next_port + 1);
    raw_tcp_init(&t->tcp, &own, &peer, t->send, t->ctx);
    t->has_tcp = true;
    t->is_closing = false;
    t->counts.links++;
    t->begun_ms = t->said_ms = now_ms;
    t->sent = t->checked = 0;
    raw_tcp_say(&t->tcp, IPPKT_SYN, NULL, 0);
}

static void check_what_came(struct traffic *t) {
    const uint8_t *p = buf_data(&t->tcp.in);
    size_t n = buf_len(&t->tcp.in);
    for (size_t i = 0; i < n; i++) {
        t->counts.wrong += p[i] != byte_at(t, t->checked + i);
    }
    t->checked += n;
    t->counts.tcp_bytes += n;
    t->counts.wrong += t->checked > LINK_BYTES;
    buf_clear(&t->tcp.in);
}

/* What is not acknowledged is said once more: the sequence goes back to it. */
static void say_again(struct traffic *t) {
    struct raw_tcp *tcp = &t->tcp;
    if (!tcp->is_open) {
        tcp->next--;
        raw_tcp_say(tcp, IPPKT_SYN, NULL, 0);
    } else if (t->is_closing) {
        tcp->next -= tcp->acked == LINK_BYTES;
        raw_tcp_say(tcp, tcp->acked == LINK_BYTES ? IPPKT_FIN | IPPKT_ACK : IPPKT_ACK, NULL, 0);
    } else if (tcp->acked < t->sent) {
        tcp->next -= (uint32_t)(t->sent - tcp->acked);
        t->sent = tcp->acked;
        say_segment(t);
    }
}

static void link_turn(struct traffic *t, int64_t now_ms) {
    struct raw_tcp *tcp = &t->tcp;
    check_what_came(t);
    if (tcp->is_reset || now_ms - t->begun_ms > GIVE_UP_MS) {
        raw_tcp_say(tcp, IPPKT_RST | IPPKT_ACK, NULL, 0);
        link_end(t, &t->counts.links_given_up);
    } else if (t->is_closing && tcp->is_fin && tcp->acked > LINK_BYTES) {
        link_end(t, &t->counts.links_done);
    } else if (t->checked == LINK_BYTES && !t->is_closing) {
        t->is_closing = true;
        raw_tcp_say(tcp, IPPKT_FIN | IPPKT_ACK, NULL, 0);
        t->said_ms = now_ms;
    } else if (!t->is_closing && tcp->is_open && tcp->acked == t->sent && t->sent < LINK_BYTES) {
        say_segment(t);
        t->said_ms = now_ms;
    } else if (now_ms - t->said_ms >= AGAIN_MS) {
        say_again(t);
        t->said_ms = now_ms;
    }
}

/* -- all of it -- */

void traffic_second(struct traffic *t) {
    send_datagram(t);
    send_datagram(t);
    send_ping(t);
}

void traffic_turn(struct traffic *t, int64_t now_ms) {
    serve(t);
    if (t->has_tcp) {
        link_turn(t, now_ms);
    } else {
        link_begin(t, now_ms);
    }
}

void traffic_hear(struct traffic *t, const uint8_t *packet, size_t n) {
    uint8_t copy[IPPKT_MAX];
    struct ippkt k;
    must(n <= sizeof copy);
    memcpy(copy, packet, n);
    if (ippkt_parse(&k, copy, n) != 0 || k.dst.ip != t->own_ip) {
        t->counts.wrong++;
        return;
    }
    const uint8_t *data = k.p + k.data;
    if (k.proto == IPPKT_UDP) {
        t->counts.datagrams_back++;
        number_check(t, 0, t->counts.datagrams, data, k.n - k.data);
    } else if (k.proto == IPPKT_ICMP && k.p[k.head] == 0) {
        t->counts.pings_back++;
        number_check(t, 1, t->counts.pings, k.p + k.head + ICMP_HEAD, k.n - k.head - ICMP_HEAD);
    } else if (k.proto == IPPKT_TCP && t->has_tcp && k.dst.port == t->tcp.own.port) {
        raw_tcp_hear(&t->tcp, &k);
    } else if (k.proto == IPPKT_TCP && (k.flags & IPPKT_RST) == 0) {
        uint8_t rst[IPPKT_MAX];
        t->send(t->ctx, rst, ippkt_make_rst(&k, rst));
    }
}

void traffic_link_lost(struct traffic *t) {
    if (t->has_tcp) {
        link_end(t, &t->counts.links_given_up);
    }
}
