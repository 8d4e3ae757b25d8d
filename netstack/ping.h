/* ping.h: a ping session of the module (AT+CPING).
 *
 * Sends `count` requests `interval` apart, each waits at most `wait`. Owns the
 * request under way. Calls back never from inside a ping_ call, never after ping_stop.
 */
#ifndef NETSTACK_PING_H
#define NETSTACK_PING_H

#include <stdint.h>

struct bearer;
struct net_ping;

struct ping_config {
    uint32_t ip;
    unsigned count;       /* 1-100 */
    unsigned size;        /* data bytes */
    unsigned interval_ms; /* between requests */
    unsigned wait_ms;     /* for each reply */
    unsigned ttl;
};

struct ping_totals {
    unsigned sent, received, lost;
    unsigned min_ms, max_ms, avg_ms; /* of the replies; avg truncated (V3.00 11.3.4) */
};

struct ping_events {
    void (*on_reply)(void *ctx, unsigned rtt_ms);
    void (*on_timeout)(void *ctx);
    /* The session is over and its handle gone. All zero: the host lets nobody ping (field F22). */
    void (*on_done)(void *ctx, const struct ping_totals *totals);
};

/* -ENETDOWN: the bearer is down. */
int ping_start(struct net_ping **out, struct bearer *b, const struct ping_config *cfg,
               const struct ping_events *ev, void *ctx);
/* Ends it; `totals` (may be NULL) so far. */
void ping_stop(struct net_ping *p, struct ping_totals *totals);

#endif
