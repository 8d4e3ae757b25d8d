/* host_uv.h: the host's own sockets, resolver and ping behind host.h.
 *
 * Owns:    every socket, closed by host_uv_close. Borrows: loop, clock and route.
 */
#ifndef NETSTACK_HOST_UV_H
#define NETSTACK_HOST_UV_H

#include "netstack/host.h"

struct clk;
struct route;
struct uv_loop_s;
struct host_uv;

struct host_uv *host_uv_new(struct uv_loop_s *loop, struct clk *clk, const struct route *route);
struct net_host host_uv_host(struct host_uv *h);

/* Name servers instead of the system's: "127.0.0.1:5353[,...]". -EINVAL. */
int host_uv_set_dns(struct host_uv *h, const char *servers);

/* Closes what its users left open; the memory goes in the last close callback. NULL is allowed. */
void host_uv_close(struct host_uv *h);

#endif
