/* unit_rig.h: a whole module on a channel without a kernel, with manual time and a fake outside
 * world, and somebody who is asked at the bus.
 *
 * Owns: all of it. One a test.
 */
#ifndef TESTS_SUPPORT_UNIT_RIG_H
#define TESTS_SUPPORT_UNIT_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/bus.h"
#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "emulator/model/events.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/unit.h"
#include "tests/support/fake_host.h"

enum { UNIT_RIG_OUT = 1 << 17 };

#define LINE(text) "\r\n" text "\r\n"
#define OK LINE("OK")

struct unit_rig {
    struct clk *clk;
    struct fake_host *fake;
    struct chan ch;
    struct chan_mem mem;
    struct profile profile; /* its own copy: a test may change it */
    struct unit *unit;
    struct modem *modem;
    char out[UNIT_RIG_OUT + 1];
    /* What is answered to the question `point`, `times` times; how often each was asked. */
    struct bus_verdict verdict;
    enum ask point;
    int times;
    unsigned asked[ASK_COUNT];
};

void unit_rig_start(struct unit_rig *r, const char *profile); /* echo is off behind it */
/* With a timing it is a module that has just been switched on, and echoes. */
void unit_rig_boot(struct unit_rig *r, const char *profile, enum at_timing timing);
void unit_rig_stop(struct unit_rig *r); /* the module has left nothing open */

void unit_rig_type(struct unit_rig *r, const char *text);
/* All that was sent since the last call; valid until the next one. */
const char *unit_rig_read(struct unit_rig *r);
void unit_rig_pass(struct unit_rig *r, clk_dur by);

/* From now on `point` is answered so, `times` times. */
void unit_rig_answer(struct unit_rig *r, enum ask point, struct bus_verdict v, int times);

#define unit_rig_expect(r, want) cr_assert_str_eq(unit_rig_read(r), (want))
/* Types, and compares all that comes back, byte for byte. */
#define unit_rig_ask(r, text, want)                                                                \
    do {                                                                                           \
        unit_rig_type((r), text "\r");                                                             \
        cr_assert_str_eq(unit_rig_read(r), (want));                                                \
    } while (0)

#endif
