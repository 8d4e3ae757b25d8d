#include "netstack/dgram_air.h"

#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "base/rng.h"
#include "netstack/bearer.h"

enum { OVERTAKEN_MS = 50 }; /* how much later an overtaken datagram is, beyond the latency */

static void arm(struct dgram_air *a);

static void on_timer(void *ctx) {
    struct dgram_air *a = ctx;
    while (a->n > 0 && a->flights[0].due.us <= clk_now(a->bearer->clk).us) {
        struct dgram_flight f = a->flights[0];
        a->n--;
        memmove(a->flights, a->flights + 1, a->n * sizeof f);
        a->deliver(a->ctx, &f.addr, f.data, f.n);
        free(f.data);
    }
    arm(a);
}

static void arm(struct dgram_air *a) {
    if (a->n > 0) {
        clk_dur wait = {a->flights[0].due.us - clk_now(a->bearer->clk).us};
        clk_start(a->bearer->clk, &a->timer, wait, on_timer, a);
    }
}

void dgram_air_fini(struct dgram_air *a) {
    clk_stop(a->bearer->clk, &a->timer);
    while (a->n > 0) {
        free(a->flights[--a->n].data);
    }
}

static struct impair *path(const struct dgram_air *a, int which) {
    return which == 0 ? &a->impair[a->dir] : &a->bearer->impair[a->dir];
}

enum { PATHS = 2 };

static int64_t due_us(struct dgram_air *a, size_t n) {
    int64_t now_us = clk_now(a->bearer->clk).us;
    int64_t slow_us = 0;
    int64_t late_us = 0;
    for (int i = 0; i < PATHS; i++) {
        const struct impair *im = path(a, i);
        int64_t us = impair_duration(im, n).us;
        slow_us = us > slow_us ? us : slow_us;
        late_us += impair_delay(im, &a->bearer->rng).us;
        if (im->reorder > 0 && rng_chance(&a->bearer->rng, im->reorder)) {
            late_us += CLK_MS(im->latency_ms + OVERTAKEN_MS).us;
        }
    }
    a->free_at.us = (a->free_at.us > now_us ? a->free_at.us : now_us) + slow_us;
    return a->free_at.us + late_us;
}

static void launch(struct dgram_air *a, const struct net_addr *addr, const uint8_t *p, size_t n) {
    if (a->n == DGRAM_AIR_MAX) {
        a->dropped++;
        return;
    }
    struct dgram_flight f = {{due_us(a, n)}, *addr, xmalloc(n), n};
    memcpy(f.data, p, n);
    for (int i = 0; i < PATHS && n > 0; i++) {
        if (path(a, i)->corrupt > 0 && rng_chance(&a->bearer->rng, path(a, i)->corrupt)) {
            f.data[rng_below(&a->bearer->rng, n)] ^= (uint8_t)(1 << rng_below(&a->bearer->rng, 8));
        }
    }
    size_t at = a->n;
    while (at > 0 && a->flights[at - 1].due.us > f.due.us) {
        at--;
    }
    memmove(a->flights + at + 1, a->flights + at, (a->n - at) * sizeof f);
    a->flights[at] = f;
    a->n++;
    arm(a);
}

void dgram_air_put(struct dgram_air *a, const struct net_addr *addr, const uint8_t *p, size_t n) {
    if (a->n == 0 && impair_is_clean(path(a, 0)) && impair_is_clean(path(a, 1))) {
        a->deliver(a->ctx, addr, p, n);
        return;
    }
    unsigned copies = 1;
    bool lost = false;
    for (int i = 0; i < PATHS; i++) {
        struct impair *im = path(a, i);
        lost |= impair_loses(im, &a->bearer->rng);
        copies += im->duplicate > 0 && rng_chance(&a->bearer->rng, im->duplicate) ? 1 : 0;
    }
    for (unsigned i = 0; !lost && i < copies; i++) {
        launch(a, addr, p, n);
    }
}
