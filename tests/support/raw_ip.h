/* raw_ip.h: IPv4 packets as a driver behind PPP makes them, and just enough TCP to talk to one.
 *
 * Caller's memory; packets go to `send`.
 */
#ifndef TESTS_SUPPORT_RAW_IP_H
#define TESTS_SUPPORT_RAW_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "netstack/ippkt.h"

enum { RAW_FLAGS_NONE = 0, RAW_PSH = 8, RAW_WINDOW = 65535 };

typedef void raw_ip_send_fn(void *ctx, const uint8_t *p, size_t n);

struct raw_tcp {
    raw_ip_send_fn *send;
    void *ctx;
    struct net_addr own, peer;
    uint32_t next, expected; /* sequence numbers: ours, theirs */
    bool is_open, is_fin, is_reset;
    bool is_silent; /* takes nothing, says nothing */
    unsigned acked; /* bytes of ours */
    struct buf in;
};

/* Sends one packet with this payload, which for IPPKT_UDP and IPPKT_TCP begins with the ports. */
size_t raw_ip_make(uint8_t *to, uint8_t proto, uint32_t src, uint32_t dst, uint16_t id,
                   uint16_t offset_and_flags, const uint8_t *p, size_t n);
/* A datagram of any size as a UDP message: head and data, summed. */
size_t raw_udp_make(uint8_t *to, const struct net_addr *src, const struct net_addr *dst,
                    const void *p, size_t n);

void raw_tcp_init(struct raw_tcp *t, const struct net_addr *own, const struct net_addr *peer,
                  raw_ip_send_fn *send, void *ctx);
void raw_tcp_fini(struct raw_tcp *t);
void raw_tcp_say(struct raw_tcp *t, uint8_t flags, const void *p, size_t n);
void raw_tcp_hear(struct raw_tcp *t, const struct ippkt *k); /* not its own: nothing happens */

#endif
