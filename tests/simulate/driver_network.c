/* driver_network.c: what far ends and the network do by themselves. */
#include <string.h>

#include "base/obj.h"
#include "tests/simulate/driver.h"

enum { BURST = 4000, DATAGRAM = 1400, SOON_MS = 5000 };

static void far_sends(struct driver *d) {
    struct links_far *f = links_any_far(&d->links, rng_next(&d->rng));
    if (f != NULL && fake_host_unread(f->link) < BURST) {
        links_far_send(&d->links, f, 1 + driver_pick(d, driver_pick(d, 3) == 0 ? BURST : 200));
    }
}

static void far_ends(struct driver *d) {
    struct links_far *f = links_any_far(&d->links, rng_next(&d->rng));
    if (f != NULL) {
        links_far_end(&d->links, f, driver_pick(d, 3) == 0);
    }
}

static void far_window(struct driver *d) {
    struct links_far *f = links_any_far(&d->links, rng_next(&d->rng));
    if (f != NULL) {
        links_far_window(&d->links, f, driver_pick(d, 2) == 0 ? SIZE_MAX : driver_pick(d, 2000));
    }
}

static void datagram(struct driver *d) {
    for (unsigned i = 0; i < 4; i++) {
        links_far_datagram(&d->links, rng_next(&d->rng), 1 + driver_pick(d, DATAGRAM));
    }
}

static void calls(struct driver *d) {
    links_call(&d->links, (unsigned)driver_pick(d, LIMIT_SERVERS));
}

/* The network goes for a while, and comes back. */
static void registration(struct driver *d) {
    static const int stats[] = {1, 1, 5, 0, 2, 3};
    int stat = stats[driver_pick(d, sizeof stats / sizeof stats[0])];
    dialogue_line(d->world.dialogue, "modem registration %d", stat);
    modem_set_registration(d->world.modem, (enum reg_stat)stat);
}

static void attached(struct driver *d) {
    bool on = driver_pick(d, 3) != 0;
    dialogue_line(d->world.dialogue, "modem attached %s", on ? "on" : "off");
    modem_set_attached(d->world.modem, on);
}

static void names(struct driver *d) {
    static const int hows[] = {0, 0, 1, -1};
    int how = hows[driver_pick(d, 4)];
    dialogue_line(d->world.dialogue, "modem names %d", how);
    fake_host_break_names(d->world.host, how < 0 ? -5 : how);
}

void driver_network(struct driver *d) {
    static driver_fn *const usual[] = {far_sends, far_sends, far_sends,  far_sends, far_sends,
                                       far_ends,  calls,     far_window, datagram};
    static driver_fn *const faults[] = {registration, attached, names};
    if (d->has_faults && driver_pick(d, 10) == 0) {
        faults[driver_pick(d, sizeof faults / sizeof faults[0])](d);
    } else {
        usual[driver_pick(d, sizeof usual / sizeof usual[0])](d);
    }
    world_settle(&d->world);
}

static void on_later(void *ctx) {
    struct driver_later *l = ctx;
    l->is_due = true; /* done in the turn, when what runs now is over */
}

void driver_network_later(struct driver *d) {
    for (size_t i = 0; i < DRIVER_LATER; i++) {
        struct driver_later *l = &d->later[i];
        if (!l->is_due && !clk_pending(&l->timer)) {
            l->seed = rng_next(&d->rng);
            clk_start(d->world.clk, &l->timer, CLK_MS(driver_pick(d, SOON_MS)), on_later, l);
            return;
        }
    }
}
