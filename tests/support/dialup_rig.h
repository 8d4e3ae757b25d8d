/* dialup_rig.h: a dial-up link over a channel without a kernel, on manual time, with the sockets of
 * the host behind it; a user below it that stands for command state, and the driver's end of PPP.
 * Who uses it carries the bytes between driver and channel.
 *
 * Owns: all of it.
 */
#ifndef TESTS_SUPPORT_DIALUP_RIG_H
#define TESTS_SUPPORT_DIALUP_RIG_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "netstack/bearer.h"
#include "netstack/dialup.h"
#include "tests/support/ppp_peer.h"

enum { DIALUP_RIG_COMMANDS = 100, DIALUP_RIG_GATEWAY = 0x0a400001 };

struct dialup_rig {
    uv_loop_t loop;
    struct clk *clk;
    struct route *route;
    struct host_uv *host;
    struct bearer bearer;
    struct chan ch;
    struct chan_mem mem;
    struct dialup *dialup; /* NULL: there is none, and command state */
    struct ppp_peer peer;
    char commands[DIALUP_RIG_COMMANDS]; /* what came in command state, cut */
    size_t n_commands;
    unsigned opened, closed;                                     /* so often */
    void (*on_closed)(struct dialup_rig *r, enum ppp_close why); /* as the link goes; may be NULL */
};

void dialup_rig_start(struct dialup_rig *r); /* in command state */
void dialup_rig_stop(struct dialup_rig *r);

/* A new link, and a driver who knows nothing of an earlier one. */
void dialup_rig_connect(struct dialup_rig *r, uint64_t seed);

#endif
