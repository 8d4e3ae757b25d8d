/* bearer.h: a PDP context as a network: what links, servers and look-ups stand on.
 *
 * Down, nothing can be opened; going down ends every link on it with
 * NET_CLOSE_NETWORK (servers and look-ups too) without a word to the peers
 * beyond what the host sends by itself.
 *
 * Owns: nothing but its list. Borrows: clock and host. Caller's memory.
 */
#ifndef NETSTACK_BEARER_H
#define NETSTACK_BEARER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/rng.h"
#include "base/sv.h"
#include "netstack/host.h"
#include "netstack/impair.h"
#include "netstack/retransmit.h"

struct tap;

/* What stands on a bearer embeds one of these and is told when it goes down. */
struct bearer_user {
    struct bearer_user *next, **prev; /* prev NULL: not attached */
    void (*down)(struct bearer_user *u);
    void (*changed)(struct bearer_user *u); /* impairments or limits did; may be NULL */
    void (*opened)(
        struct bearer_user *u); /* it has come up; for who attached before; may be NULL */
};

/* One event of a link's life on the wire. */
struct bearer_trace {
    unsigned link;
    const char *what; /* "connect", "transmit", "wait", "acknowledged", "failed" */
    unsigned n;       /* which transmission */
    uint64_t acked;   /* bytes acknowledged so far */
    size_t bytes;     /* of a transmission */
    bool lost;
    clk_dur wait; /* for its acknowledgement */
};
typedef void bearer_trace_fn(void *ctx, const struct bearer_trace *t);

/* What is to become of the query for a name, before it goes out. All zero: it goes. */
struct bearer_name {
    enum {
        BEARER_NAME_GO,
        BEARER_NAME_IS,      /* `ip` is the answer */
        BEARER_NAME_UNKNOWN, /* there is no such name */
        BEARER_NAME_SILENT,  /* this query is never answered */
    } act;
    uint32_t ip;
    clk_dur delay; /* of the answer, besides that of the path */
};
typedef struct bearer_name bearer_name_fn(void *ctx, struct sv name);

struct bearer {
    uint32_t magic;
#define BEARER_MAGIC 0x0bea4e47u
    struct clk *clk;
    struct net_host host;
    struct bearer_user *users;
    bool is_up;
    bool is_opening; /* on its way up: `open_delay` */
    uint32_t ip;     /* the modem's own address while up or opening */
    clk_dur open_delay;
    struct clk_timer opening;
    /* AT+CIPDNSSET: how long and how often a look-up waits for the network to open (note 2.8). */
    uint32_t dns_net_timeout_ms;
    unsigned dns_net_retries;
    /* The wire, for every link on it. */
    struct impair impair[IMPAIR_DIRECTIONS];
    struct retransmit_config retransmit;
    uint32_t rtt_ms;     /* the module's estimate for this cell, without impairments */
    bool is_suspended;   /* a voice call has the radio (note 2.10): nothing passes */
    clk_dur dormancy;    /* without traffic the bearer is dormant after it; 0: never */
    clk_mono traffic_at; /* the newest traffic */
    struct rng rng;
    bearer_trace_fn *on_trace;
    void *trace_ctx;
    const struct tap *tap;   /* of the whole module's packets; NULL: nobody listens */
    unsigned tap_ports;      /* made up for it so far */
    bearer_name_fn *on_name; /* NULL: every query goes out */
    void *name_ctx;
};

void bearer_init(struct bearer *b, struct clk *clk, struct net_host host);
void bearer_fini(struct bearer *b); /* takes it down first */
void bearer_set_seed(struct bearer *b, uint64_t seed);
void bearer_touch(struct bearer *b); /* there is traffic */
/* Up or opening: something may stand on it. */
static inline bool bearer_is_there(const struct bearer *b) {
    return b->is_up || b->is_opening;
}
bool bearer_is_dormant(const struct bearer *b);
/* After a change of `impair` or `retransmit`. */
void bearer_changed(struct bearer *b);
void bearer_trace(const struct bearer *b, const struct bearer_trace *t);
/* For packets of a link that has no port of its own: one that no other link has just now. */
uint16_t bearer_tap_port(struct bearer *b);
/* Whether nothing is wrong with either direction, for a link with these impairments of its own. */
bool bearer_is_clean(const struct bearer *b, const struct impair *link);
/* Whether nothing at all passes in this direction. */
bool bearer_is_black_hole(const struct bearer *b, const struct impair *link,
                          enum impair_direction dir);
/* Whether a transmission in this direction is lost. Each has its own chance, so both are asked. */
bool bearer_loses(struct bearer *b, struct impair *link, enum impair_direction dir);
/* How long one is under way, without what the rate makes it wait; how long that is. */
clk_dur bearer_delay(struct bearer *b, const struct impair *link, enum impair_direction dir);
clk_dur bearer_duration(const struct bearer *b, const struct impair *link,
                        enum impair_direction dir, size_t bytes);
/* The newest estimate of the round-trip time: the cell's and what the path of a link adds,
 * with all of its jitter: a module's estimate allows for the variance (RFC 6298 2). */
clk_dur bearer_round_trip(const struct bearer *b, const struct impair *link);
void bearer_up(struct bearer *b, uint32_t ip);
/* Up after `open_delay`; at once when that is 0. */
void bearer_open(struct bearer *b, uint32_t ip);
void bearer_down(struct bearer *b);
void bearer_attach(struct bearer *b, struct bearer_user *u); /* only while up or opening */
void bearer_detach(struct bearer_user *u);                   /* always allowed */

#endif
