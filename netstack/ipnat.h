/* ipnat.h: the address map on packets: who a flow of the driver's talks to, as the driver has it
 * and as the host has it.
 *
 * Caller's memory. Borrows: clock. Bound: LIMIT_IP_FLOWS; while all of them live, a new one is
 * refused. A flow of TCP lives until both sides have said FIN, one has said RST, or nothing passed
 * for two hours; one of UDP until nothing passed for four minutes (as the sockets of libslirp do).
 * Two addresses of the map that lead to one host address, asked from one port: the newest one is
 * shown.
 */
#ifndef NETSTACK_IPNAT_H
#define NETSTACK_IPNAT_H

#include "base/clk.h"
#include "base/limits.h"
#include "netstack/ippkt.h"

struct ipnat_flow {
    uint8_t proto; /* 0: free */
    bool fin_up, fin_down, is_over;
    uint16_t port;         /* the driver's own */
    struct net_addr shown; /* the peer as the driver has it */
    struct net_addr host;  /* as the host has it */
    clk_mono used;
    uint64_t bytes;  /* of data, both ways */
    uint64_t socket; /* of the host, as slirp_uv has it; 0: not known */
};

enum { IPNAT_FRAGMENTS = 16 };

/* Later fragments have no ports: the first one has said whose they are. */
struct ipnat_fragment {
    uint8_t proto;
    uint16_t id;
    uint32_t from, to; /* the address that is replaced, and by what */
};

struct ipnat {
    struct clk *clk;
    struct ipnat_flow flows[LIMIT_IP_FLOWS];
    struct ipnat_fragment fragments[IPNAT_FRAGMENTS];
    size_t next_fragment;
};

void ipnat_init(struct ipnat *nat, struct clk *clk);

/* The flow of a packet to, or from, the driver; NULL: there is none. */
struct ipnat_flow *ipnat_find_up(struct ipnat *nat, const struct ippkt *k);
struct ipnat_flow *ipnat_find_down(struct ipnat *nat, const struct ippkt *k);

/* A new one, or an old one begun anew. NULL: as many as there may be. */
struct ipnat_flow *ipnat_add(struct ipnat *nat, uint8_t proto, uint16_t port,
                             const struct net_addr *shown, const struct net_addr *host);

/* The packet of this flow is addressed anew, and noted. */
void ipnat_up(struct ipnat *nat, struct ipnat_flow *f, struct ippkt *k);
void ipnat_down(struct ipnat *nat, struct ipnat_flow *f, struct ippkt *k);

/* The same for a later fragment to the driver. -ENOENT: the first one did not come by. */
int ipnat_fragment_down(struct ipnat *nat, struct ippkt *k);

#endif
