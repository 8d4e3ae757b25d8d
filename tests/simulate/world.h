/* world.h: a whole module with nothing real around it: a channel without a kernel, manual time, a
 * fake outside. Time passes here alone, and each turn of it is counted and watched.
 *
 * Owns: all of it. Borrows: who is told. One a run.
 */
#ifndef TESTS_SIMULATE_WORLD_H
#define TESTS_SIMULATE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "emulator/at/latency.h"
#include "emulator/model/modem.h"
#include "emulator/unit.h"
#include "tests/simulate/dialogue.h"
#include "tests/simulate/verdict.h"
#include "tests/support/fake_host.h"

/* How a fault of the harness's own is made, to show that it is noticed: bytes on their way. */
struct world_tap {
    void (*typed)(void *ctx, struct buf *bytes); /* may be NULL */
    void (*said)(void *ctx, struct buf *bytes);  /* may be NULL */
    void *ctx;
};

struct world_events {
    void (*said)(void *ctx, const uint8_t *p, size_t n);
    bool (*turn)(void *ctx); /* everything that was due has happened; true: something new has */
};

struct world_counts {
    uint64_t turns, bytes_typed, bytes_said;
    uint64_t busiest; /* turns of the busiest second */
};

enum {
    /* A busy second has a turn a segment and a turn an answer; a loop has more of them. */
    WORLD_TURNS = 2000,
    /* A scenario's rules may follow each other for as long as they are told to, but no longer. */
    WORLD_TURNS_OF_SCENARIO = 200000,
};

struct world {
    uint32_t magic;
#define WORLD_MAGIC 0x3077f01du
    struct clk *clk;
    struct fake_host *host;
    struct chan chan;
    struct chan_mem mem;
    struct unit *unit;
    struct modem *modem;
    struct verdict *verdict;
    struct dialogue *dialogue; /* NULL: nothing is noted */
    struct world_tap tap;
    const struct world_events *ev;
    void *ctx;
    struct world_counts counts;
    uint64_t hash; /* of all that was typed and said, and when */
    int64_t second;
    uint64_t turns_of_second;
    uint64_t turns_max; /* within one second */
    bool is_settling;
};

struct world_config {
    const char *profile;
    enum at_timing timing;
    struct verdict *verdict;
    struct world_tap tap;
    const struct world_events *ev;
    void *ctx;
    bool is_noted;
};

void world_start(struct world *w, const struct world_config *cfg);
/* The module leaves nothing open, no timer and no byte. */
void world_stop(struct world *w);

struct at_session *world_session(const struct world *w);
int32_t world_setting(const struct world *w, unsigned slot);
int64_t world_now_us(const struct world *w);

void world_type(struct world *w, const void *p, size_t n);
void world_dte(struct world *w, bool is_open);
/* Does all that is due now. */
void world_settle(struct world *w);
/* To the next timer, or to `until_us`. False: that has come. */
bool world_step(struct world *w, int64_t until_us);
void world_pass(struct world *w, clk_dur by);

#endif
