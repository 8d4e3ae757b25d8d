#include "netstack/dgram_air.h"

#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "base/rng.h"
#include "netstack/bearer.h"

enum { OVERTAKEN_MS = 50 }; /* how much later an overtaken datagram is, beyond the latency */

static void arm(struct dgram_air *a);

/* One a turn: its user may end the socket from within. */
static void on_timer(void *ctx) {
    struct dgram_air *a = ctx;
    struct dgram_flight f = a->flights[0];
    a->n--;
    memmove(a->flights, a->flights + 1, a->n * sizeof f);
    arm(a);
    a->deliver(a->ctx, &f.addr, f.data, f.n);
    free(f.data);
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

/* The slower of both paths sets the pace. */
static int64_t duration_us(const struct dgram_air *a, size_t n) {
    return bearer_duration(a->bearer, a->impair, a->dir, n).us;
}

static int64_t late_us(struct dgram_air *a) {
    int64_t us = 0;
    for (int i = 0; i < PATHS; i++) {
        const struct impair *im = path(a, i);
        us += impair_delay(im, &a->bearer->rng).us;
        if (im->reorder > 0 && rng_chance(&a->bearer->rng, im->reorder)) {
            us += CLK_MS((int64_t)im->latency_ms + OVERTAKEN_MS).us;
        }
    }
    return us;
}

/* The first are the soonest; of equals, the oldest. */
static void insert(struct dgram_air *a, const struct dgram_flight *f) {
    size_t at = a->n;
    while (at > 0 && a->flights[at - 1].due.us > f->due.us) {
        at--;
    }
    memmove(a->flights + at + 1, a->flights + at, (a->n - at) * sizeof *f);
    a->flights[at] = *f;
    a->n++;
}

static void launch(struct dgram_air *a, const struct net_addr *addr, const uint8_t *p, size_t n) {
    if (a->n == DGRAM_AIR_MAX) {
        a->dropped++;
        return;
    }
    int64_t now_us = clk_now(a->bearer->clk).us;
    a->free_at.us = (a->free_at.us > now_us ? a->free_at.us : now_us) + duration_us(a, n);
    struct dgram_flight f = {
        a->free_at, {a->free_at.us + late_us(a)}, *addr, xmalloc(n > 0 ? n : 1), n};
    if (n > 0) {
        memcpy(f.data, p, n);
    }
    for (int i = 0; i < PATHS && n > 0; i++) {
        if (path(a, i)->corrupt > 0 && rng_chance(&a->bearer->rng, path(a, i)->corrupt)) {
            f.data[rng_below(&a->bearer->rng, n)] ^= (uint8_t)(1 << rng_below(&a->bearer->rng, 8));
        }
    }
    insert(a, &f);
    arm(a);
}

/* What the rate has not let go yet goes as the new one lets it, but no later than it would have,
 * or into the black hole. */
void dgram_air_changed(struct dgram_air *a) {
    clk_mono now = clk_now(a->bearer->clk);
    bool is_hole = bearer_is_black_hole(a->bearer, a->impair, a->dir);
    size_t n = a->n;
    a->n = 0;
    a->free_at = now;
    for (size_t i = 0; i < n; i++) {
        struct dgram_flight f = a->flights[i];
        if (f.leaves.us > now.us && is_hole) {
            free(f.data);
            continue;
        }
        int64_t leaves_us = a->free_at.us + duration_us(a, f.n);
        if (f.leaves.us > now.us && leaves_us < f.leaves.us) {
            f.due.us -= f.leaves.us - leaves_us;
            f.leaves.us = leaves_us;
        }
        a->free_at.us = f.leaves.us > a->free_at.us ? f.leaves.us : a->free_at.us;
        insert(a, &f);
    }
    clk_stop(a->bearer->clk, &a->timer);
    arm(a);
}

void dgram_air_put(struct dgram_air *a, const struct net_addr *addr, const uint8_t *p, size_t n) {
    if (a->n == 0 && !a->bearer->is_suspended && impair_is_clean(path(a, 0)) &&
        impair_is_clean(path(a, 1))) {
        a->deliver(a->ctx, addr, p, n);
        return;
    }
    unsigned copies = 1;
    bool lost = a->bearer->is_suspended;
    for (int i = 0; i < PATHS; i++) {
        struct impair *im = path(a, i);
        lost |= impair_loses(im, &a->bearer->rng);
        copies += im->duplicate > 0 && rng_chance(&a->bearer->rng, im->duplicate) ? 1 : 0;
    }
    for (unsigned i = 0; !lost && i < copies; i++) {
        launch(a, addr, p, n);
    }
}
