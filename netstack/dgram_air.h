/* dgram_air.h: datagrams under way in one direction: delayed, lost, doubled, overtaken, corrupted.
 *
 * Owns: the datagrams under way, at most DGRAM_AIR_MAX; further ones are dropped and
 * counted. Borrows: bearer, impairments, owner. Caller's memory.
 * Calls back: deliver, from dgram_air_put too when nothing is wrong with the path.
 */
#ifndef NETSTACK_DGRAM_AIR_H
#define NETSTACK_DGRAM_AIR_H

#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "netstack/impair.h"
#include "netstack/net.h"

struct bearer;

enum { DGRAM_AIR_MAX = 64 };

typedef void dgram_air_fn(void *ctx, const struct net_addr *addr, const uint8_t *p, size_t n);

struct dgram_flight {
    clk_mono leaves; /* the rate lets it go */
    clk_mono due;
    struct net_addr addr;
    uint8_t *data;
    size_t n;
};

struct dgram_air {
    struct bearer *bearer;
    struct impair *impair; /* the socket's own, both directions */
    enum impair_direction dir;
    dgram_air_fn *deliver;
    void *ctx;
    struct dgram_flight flights[DGRAM_AIR_MAX]; /* by instant */
    size_t n;
    clk_mono free_at;
    struct clk_timer timer;
    uint64_t dropped;
};

void dgram_air_fini(struct dgram_air *a); /* what is under way is lost; allowed twice */

void dgram_air_changed(struct dgram_air *a); /* the impairments have */
void dgram_air_put(struct dgram_air *a, const struct net_addr *addr, const uint8_t *p, size_t n);

#endif
