/* rng.h: seeded randomness in named streams, so that a run is its seed.
 *
 * A stream is derived from the root seed by name: a new consumer does not shift the
 * others. Caller's memory.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

struct rng rng_stream(uint64_t seed, const char *name);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 .. n-1; n > 0 */
bool rng_chance(struct rng *r, double p);      /* true with probability p, 0 .. 1 */

#endif
