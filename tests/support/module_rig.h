/* module_rig.h: a whole module on a channel without a kernel, with manual time, a fake outside
 * world, and what a stage needs besides: a loop, far ends and the route, which are real ones. For
 * fuzz targets: without criterion, and only errors are logged.
 *
 * Owns: all of it. One an input.
 */
#ifndef TESTS_SUPPORT_MODULE_RIG_H
#define TESTS_SUPPORT_MODULE_RIG_H

#include <uv.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "emulator/unit.h"
#include "tests/support/fake_host.h"

struct module_rig {
    uv_loop_t loop;
    struct clk *clk;
    struct chan ch;
    struct chan_mem mem;
    struct fake_host *host;
    struct peers *peers;
    struct route *route;
    struct unit *unit;
};

void module_rig_start(struct module_rig *r);
/* The module and the loop have nothing left open; who closes something of the loop's does it
 * before. */
void module_rig_stop(struct module_rig *r);

#endif
