#include "base/rng.h"

#include "base/obj.h"

/* SplitMix64: small, well mixed from any seed, the same on every machine. */
uint64_t rng_next(struct rng *r) {
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct rng rng_stream(uint64_t seed, const char *name) {
    /* FNV-1a of the name, stirred into the seed. */
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    }
    struct rng r = {.state = seed ^ hash};
    rng_next(&r);
    return r;
}

uint64_t rng_below(struct rng *r, uint64_t n) {
    must(n > 0);
    return rng_next(r) % n;
}

bool rng_chance(struct rng *r, double p) {
    return (double)(rng_next(r) >> 11) * 0x1.0p-53 < p;
}
