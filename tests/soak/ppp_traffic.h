/* ppp_traffic.h: what a driver does over a dial-up link for hours, and the echo that answers it.
 *
 * Datagrams and pings, each numbered, and one TCP connection after the other whose bytes come back.
 * Datagrams may get lost, and nothing else: what comes is what was sent, at most once; of a TCP
 * connection everything comes, in order, or the connection is given up. The driver's TCP is stop
 * and wait with one segment, which is enough to see loss.
 *
 * Owns: the sockets of the echo, on 127.0.0.1. Borrows: the way to the link.
 */
#ifndef TESTS_SOAK_PPP_TRAFFIC_H
#define TESTS_SOAK_PPP_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/raw_ip.h"

enum { TRAFFIC_CLIENTS = 8, TRAFFIC_RECENT = 4096 };

struct traffic_counts {
    uint64_t datagrams, datagrams_back, pings, pings_back;
    uint64_t links, links_done, links_given_up, tcp_bytes;
    uint64_t wrong; /* other bytes than were sent, a second time, or never sent */
};

struct traffic {
    raw_ip_send_fn *send; /* a packet from the driver */
    void *ctx;
    uint32_t own_ip, server_ip, gateway_ip;
    uint16_t tcp_port, udp_port; /* of the echo */
    struct traffic_counts counts;
    int listener, udp, clients[TRAFFIC_CLIENTS];
    bool is_back[2][TRAFFIC_RECENT]; /* of the newest datagrams and pings */
    struct raw_tcp tcp;
    bool has_tcp, is_closing;
    uint16_t next_port;
    int64_t begun_ms, said_ms;
    size_t sent, checked; /* bytes of this connection: acknowledged or under way; come back */
};

void traffic_init(struct traffic *t);
void traffic_fini(struct traffic *t);
/* Once a modem-second. */
void traffic_second(struct traffic *t);
/* Often: retransmissions, the echo's turn. */
void traffic_turn(struct traffic *t, int64_t now_ms);
void traffic_hear(struct traffic *t, const uint8_t *packet, size_t n);
void traffic_link_lost(struct traffic *t); /* a new address comes: connections are over */

#endif
