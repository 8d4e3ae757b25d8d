/* syn.h: the SYN of a connecting link: transmissions by the schedule, until one gets through.
 *
 * Owns: two timers. Borrows: bearer, impairments, owner. Caller's memory.
 */
#ifndef NETSTACK_SYN_H
#define NETSTACK_SYN_H

#include <stdbool.h>

#include "base/clk.h"
#include "netstack/impair.h"

struct bearer;

struct syn {
    struct bearer *bearer;
    struct impair *impair;
    void (*arrived)(void *ctx); /* a SYN has got through */
    void (*failed)(void *ctx);  /* the schedule has run out */
    void (*transmitted)(void *ctx, bool is_lost);
    void *ctx;
    unsigned link, n;
    clk_mono first, newest; /* transmissions, as the schedule has them */
    clk_mono wait_ends;
    clk_mono due; /* of `fly` */
    struct clk_timer schedule, fly;
};

/* The first transmission. Returns true when it is there at once (a clean path): `arrived` is not
 * called. */
bool syn_start(struct syn *s);
void syn_stop(struct syn *s);
/* Whether an answer is lost on its way; how long it is under way. */
bool syn_loses_answer(struct syn *s);
clk_dur syn_way_back(struct syn *s);

#endif
