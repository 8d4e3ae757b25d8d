/* dgram.h: one UDP socket of the module, many peers.
 *
 * Owns: its queue of received datagrams and the host socket. Calls back: never
 * from inside a dgram_ call. Bound: LIMIT_DGRAM_IN bytes; while it is full the
 * newest datagrams are dropped and counted, as a stack does.
 */
#ifndef NETSTACK_DGRAM_H
#define NETSTACK_DGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "netstack/net.h"

struct bearer;
struct impair;
struct net_dgram;

struct dgram_events {
    void (*on_data)(void *ctx);
    void (*on_closed)(void *ctx, enum net_close why); /* NET_CLOSE_NETWORK */
};

/* -ENETDOWN, or the host's reason. local_port 0: any. */
int dgram_open(struct net_dgram **out, struct bearer *b, uint16_t local_port,
               const struct dgram_events *ev, void *ctx);
/* 0, -ENETDOWN after the bearer went down, or the host's reason. */
int dgram_send(struct net_dgram *d, const struct net_addr *to, const void *p, size_t n);

/* What is wrong with this socket's own path, by direction; dgram_impair_changed after a change. */
struct impair *dgram_impair(struct net_dgram *d);
void dgram_impair_changed(struct net_dgram *d);

/* The oldest datagram: its sender and what is left of it. n 0: none. */
const uint8_t *dgram_peek(const struct net_dgram *d, struct net_addr *from, size_t *n);
/* Takes n bytes of the oldest datagram; it goes when it is empty. */
void dgram_consume(struct net_dgram *d, size_t n);
size_t dgram_available(const struct net_dgram *d); /* bytes of all datagrams */
uint64_t dgram_dropped(const struct net_dgram *d);
void dgram_counts(const struct net_dgram *d, uint64_t *sent, uint64_t *received); /* bytes */
void dgram_free(struct net_dgram *d); /* NULL is allowed */

#endif
