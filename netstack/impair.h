/* impair.h: what is wrong with a path, one direction of a bearer or of one link.
 *
 * Plain data that may be changed while traffic runs; all zero is a path with nothing
 * wrong. Chance comes from the caller's seeded stream. For TCP a loss is a lost
 * transmission: the bytes come with the retransmission that gets through. Datagrams
 * are simply lost, and only they can be doubled, overtaken or corrupted.
 */
#ifndef NETSTACK_IMPAIR_H
#define NETSTACK_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/sv.h"

struct rng;

enum impair_direction { IMPAIR_UP, IMPAIR_DOWN, IMPAIR_DIRECTIONS };

struct impair {
    uint32_t latency_ms, jitter_ms;     /* jitter: 0 to this much more, evenly */
    uint32_t rate_bps;                  /* 0: unlimited */
    uint32_t lose_next;                 /* so many transmissions are lost for certain, first */
    double loss;                        /* then each with this probability */
    double duplicate, reorder, corrupt; /* datagrams */
    uint32_t cut_after;                 /* a TCP link is reset after so many bytes; 0: never */
    bool black_hole;                    /* everything is lost */
    bool refuse;                        /* connects are answered with RST (up) */
    bool no_names;                      /* no name exists (up) */
};

/* Nothing delays or loses; `cut_after`, `refuse` and `no_names` are not of that kind. */
bool impair_is_clean(const struct impair *im);

/* Whether a transmission is lost; uses up `lose_next`. */
bool impair_loses(struct impair *im, struct rng *rng);

/* How long so many bytes are under way, without what the rate makes them wait. */
clk_dur impair_delay(const struct impair *im, struct rng *rng);
/* How long the rate makes them take. */
clk_dur impair_duration(const struct impair *im, size_t bytes);

/* "latency=100,jitter=20,rate=9600,loss=0.1,lose=3,dup=0.1,reorder=0.1,corrupt=0.01,cut=1000,
 * black-hole,refuse,no-names" (no blanks);
 * "none" clears. -EINVAL: *wrong is the part that does not fit. Keys left out keep their value. */
int impair_parse(struct impair *im, struct sv text, struct sv *wrong);

#endif
