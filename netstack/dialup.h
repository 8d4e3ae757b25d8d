/* dialup.h: a dial-up link on a channel, from the bytes of the driver to the sockets of the host.
 *
 * Joins ppp.h and ipgate.h. Who stands on the channel passes on what it is called with, so that it
 * can listen for an escape before; the output goes to the channel from here.
 *
 * Owns:    the link and its gate. Borrows: channel, bearer (up, with clock and host), route, loop.
 * Calls back: closed, from a turn of its own; the link may be freed in it. The others from inside
 *          dialup_rx and timers.
 */
#ifndef NETSTACK_DIALUP_H
#define NETSTACK_DIALUP_H

#include "netstack/ipgate.h"
#include "netstack/ppp/ppp.h"

struct chan;
struct dialup;

struct dialup_config {
    struct chan *ch;
    uint64_t seed;
    struct lcp_config lcp;
    struct ipgate_config gate; /* without mtu, deliver and ctx, which are set here; its loop may be
                                  NULL: then packets go nowhere */
};

struct dialup_events {
    void (*opened)(void *ctx); /* IP may pass; again after each negotiation */
    bool (*accept)(void *ctx, const struct auth_login *login);
    /* Once. What the link had still to say is in the channel: NO CARRIER may follow. */
    void (*closed)(void *ctx, enum ppp_close why);
};

struct dialup *dialup_new(const struct dialup_config *cfg, const struct dialup_events *ev,
                          void *ctx);
void dialup_free(struct dialup *d); /* NULL is allowed */

/* As chan_user has them: returns how many were taken; the output has gone. */
size_t dialup_rx(struct dialup *d, const uint8_t *p, size_t n);
void dialup_drained(struct dialup *d);

/* Command state: the link says nothing, and what comes for the driver waits. */
void dialup_set_paused(struct dialup *d, bool on);

void dialup_close(struct dialup *d); /* says goodbye to the driver; `closed` follows */
void dialup_counts(const struct dialup *d, struct ppp_counts *out);

#endif
