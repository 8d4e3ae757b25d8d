/* ipcp.h: the Internet Protocol Control Protocol of a dial-up link (RFC 1332, RFC 1877).
 *
 * The peer is given its address and its name servers, whatever it asks for; header compression and
 * WINS servers are rejected. Caller's memory. Borrows: clock, events.
 * Calls back: events, from inside ipcp_ calls and timers.
 */
#ifndef NETSTACK_PPP_IPCP_H
#define NETSTACK_PPP_IPCP_H

#include "netstack/ppp/ppp_cp.h"

enum { IPCP_PROTOCOL = 0x8021, IPCP_DNS = 2 };

struct ipcp_config {
    uint32_t own_ip, peer_ip;
    uint32_t dns[IPCP_DNS]; /* 0: there is none */
};

struct ipcp_events {
    void (*send)(void *ctx, uint16_t protocol, const uint8_t *p, size_t n);
    void (*up)(void *ctx);
    void (*down)(void *ctx);
    void (*finished)(void *ctx);
};

struct ipcp {
    struct ppp_cp cp;
    struct ipcp_config cfg;
    const struct ipcp_events *ev;
    void *ctx;
    bool asks_address;
};

void ipcp_init(struct ipcp *c, const struct ipcp_config *cfg, const struct ipcp_events *ev,
               void *ctx, struct clk *clk);
void ipcp_fini(struct ipcp *c);

#endif
