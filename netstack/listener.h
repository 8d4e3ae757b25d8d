/* listener.h: a listening TCP server of the module. Owns the host's listening socket. */
#ifndef NETSTACK_LISTENER_H
#define NETSTACK_LISTENER_H

#include "netstack/net.h"

struct bearer;
struct host_tcp;
struct net_listener;

struct listener_events {
    /* A caller: adopt it with stream_accept, or close it with listener_refuse. */
    void (*on_accept)(void *ctx, struct host_tcp *t, const struct net_addr *peer);
    void (*on_closed)(void *ctx); /* the bearer went down */
};

/* -ENETDOWN; -EADDRINUSE: the host port is taken; other -E... */
int listener_open(struct net_listener **out, struct bearer *b, uint16_t port,
                  const struct listener_events *ev, void *ctx);
void listener_refuse(struct net_listener *l, struct host_tcp *t);  /* RST */
void listener_hang_up(struct net_listener *l, struct host_tcp *t); /* FIN */
void listener_free(struct net_listener *l);                        /* NULL is allowed */

#endif
