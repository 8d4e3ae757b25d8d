/* ippkt.h: IPv4 packets: read, addressed anew, made.
 *
 * Pure. What comes from outside is checked by ippkt_parse; the rest takes packets that passed it.
 * Numbers are in host byte order.
 */
#ifndef NETSTACK_IPPKT_H
#define NETSTACK_IPPKT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netstack/net.h"

enum { IPPKT_ICMP = 1, IPPKT_TCP = 6, IPPKT_UDP = 17 };
enum { IPPKT_FIN = 1, IPPKT_SYN = 2, IPPKT_RST = 4, IPPKT_PSH = 8, IPPKT_ACK = 16 };
enum { IPPKT_HEAD = 20, IPPKT_MAX = 1500, IPPKT_TCP_HEAD = 20, IPPKT_UDP_HEAD = 8 };
enum { IPPKT_WINDOW_SHIFT = 7 }; /* of the SYN that ippkt_make_tcp makes */

struct ippkt {
    uint8_t *p; /* the packet, written to by the functions below */
    size_t n;   /* its length as its head says */
    size_t head;
    uint8_t proto;
    uint16_t id;
    bool is_fragment, is_more; /* is_more: others follow */
    bool is_later;             /* not the first one, without ports */
    size_t offset;             /* of its bytes behind the head */
    bool has_ports;            /* TCP or UDP with a whole head */
    struct net_addr src, dst;  /* port 0 without has_ports */
    uint8_t flags;             /* TCP */
    size_t data;               /* where the data of TCP, UDP or ICMP begins */
};

/* -EINVAL: no IPv4 packet, or shorter than it says. What is behind its end is ignored. */
int ippkt_parse(struct ippkt *k, uint8_t *p, size_t n);

/* Makes a packet of n bytes a whole one: its length, no fragment, the sum of its head. */
void ippkt_seal(uint8_t *p, size_t n);

/* Port 0: stays, as does that of a later fragment. Checksums are brought along. */
void ippkt_set_src(struct ippkt *k, const struct net_addr *to);
void ippkt_set_dst(struct ippkt *k, const struct net_addr *to);

bool ippkt_is_echo(const struct ippkt *k); /* an ICMP Echo-Request, whole */
/* Makes it the answer to itself. */
void ippkt_turn_echo(struct ippkt *k, uint8_t ttl);

/* What a host says that has no such connection; returns the size. Not of a RST. */
size_t ippkt_make_rst(const struct ippkt *to, uint8_t out[IPPKT_MAX]);
/* Makes a TCP packet the RST of its sender. */
void ippkt_turn_rst(struct ippkt *k);
/* 0: longer than `size`. */
size_t ippkt_make_udp(const struct net_addr *from, const struct net_addr *to, const uint8_t *p,
                      size_t n, uint8_t *out, size_t size);

struct ippkt_segment {
    struct net_addr from, to;
    uint32_t seq, ack;
    uint8_t flags;       /* with IPPKT_SYN it offers a segment size and a window scale */
    const uint8_t *data; /* NULL: not at hand, so the sum of TCP is not made */
    size_t n;
};

/* 0: too long. Returns its size; without data it ends behind its heads. */
size_t ippkt_make_tcp(const struct ippkt_segment *s, uint8_t out[IPPKT_MAX]);

/* An ICMP error quotes the packet that it is about; `quoted` is that, without its ports when they
 * are not there. -EINVAL: it is none, or quotes none. */
int ippkt_quoted(const struct ippkt *k, struct ippkt *quoted);
/* Its destination was this one; the sum of the error itself is made anew. */
void ippkt_set_quoted_dst(struct ippkt *k, const struct net_addr *to);

#endif
