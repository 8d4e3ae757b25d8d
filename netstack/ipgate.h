/* ipgate.h: the network behind a dial-up link: the driver's IP packets, and the host's sockets.
 *
 * What the driver reaches is what the module's own sockets would reach: the address map and the
 * impairments of the bearer hold. The gateway's address (the peer of the link) answers pings, and
 * is the host's loopback where the map says so or `allows_loopback` does; nothing else is. The name
 * servers' addresses answer DNS with the names of the world. Ports of the listen table are offered
 * while the gate is there, as far as the host has them free.
 *
 * Owns:    the flows and what waits for the driver, at most LIMIT_IP_OUT bytes.
 * Borrows: loop, bearer (with its clock and host), route, events.
 * Calls back: deliver, from ipgate_put, ipgate_resume, timers and the loop, never after
 *          ipgate_close. It must not close the gate nor put packets into it.
 * When the bearer goes down, so does all of this: nothing passes any more.
 */
#ifndef NETSTACK_IPGATE_H
#define NETSTACK_IPGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bearer;
struct ipgate;
struct route;
struct uv_loop_s;

enum { IPGATE_DNS = 2 };

struct ipgate_config {
    struct uv_loop_s *loop;
    struct bearer *bearer; /* up; its address is the driver's */
    const struct route *route;
    uint32_t gateway_ip;
    uint32_t dns[IPGATE_DNS]; /* 0: there is none */
    size_t mtu;
    bool allows_loopback;
    /* A packet for the driver. -ENOBUFS: it stays until ipgate_resume. */
    int (*deliver)(void *ctx, const uint8_t *p, size_t n);
    void *ctx;
};

struct ipgate_counts {
    uint64_t from_driver, to_driver; /* packets */
    uint64_t malformed;              /* no IPv4, or not from the driver's address */
    uint64_t refused;                /* to what may not or cannot be reached */
    uint64_t dropped;                /* over a bound */
};

/* NULL: the bearer is not up, or libslirp has refused. */
struct ipgate *ipgate_new(const struct ipgate_config *cfg);
void ipgate_close(struct ipgate *g); /* NULL is allowed */

void ipgate_put(struct ipgate *g, const uint8_t *p, size_t n); /* a packet from the driver */
void ipgate_resume(struct ipgate *g);                          /* `deliver` takes packets again */
void ipgate_counts(const struct ipgate *g, struct ipgate_counts *out);

#endif
