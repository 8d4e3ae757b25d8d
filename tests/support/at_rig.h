/* at_rig.h: an AT session over a channel without a kernel, with rows of the test's own.
 *
 * Knows the rows of the dialect that need no code (E, V, S3, +CMEE ...) besides the
 * given ones, and their slots; a test's own slots begin at SLOT_COUNT.
 */
#ifndef TESTS_SUPPORT_AT_RIG_H
#define TESTS_SUPPORT_AT_RIG_H

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "emulator/at/req.h"
#include "emulator/at/row.h"
#include "emulator/at/session.h"
#include "emulator/at/setting.h"

enum { AT_RIG_OUT = 1 << 20 };

struct at_rig {
    struct clk *clk;
    struct chan ch;
    struct chan_mem mem;
    struct slot_info *slots;
    struct at_cmd *rows;
    struct at_table table;
    struct setting_store *module;
    struct at_session *s;
    int missing; /* what the session is told is missing; 0: nothing */
    /* Asked and told as the session's owner; NULL: everything goes as it is. */
    struct bus_verdict (*ask)(enum at_point point, const struct at_asked *asked);
    void (*done)(const struct at_asked *result);
    char *out; /* of the newest at_rig_read */
};

void at_rig_start(struct at_rig *r, const struct at_cmd *rows, size_t nrows,
                  const struct slot_info *slots, size_t nslots);
void at_rig_stop(struct at_rig *r);

void at_rig_type(struct at_rig *r, const char *text);
/* All that was sent since the last call; valid until the next one. */
const char *at_rig_read(struct at_rig *r);

/* Types, and compares all that comes back, byte for byte. */
#define at_rig_expect(r, text, want)                                                               \
    do {                                                                                           \
        at_rig_type((r), (text));                                                                  \
        cr_assert_str_eq(at_rig_read(r), (want));                                                  \
    } while (0)

#endif
