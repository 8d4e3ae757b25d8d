/* escape.h: finds +++ with its guard times in a stream of data (note 2.5, V3.00 2.2.9).
 *
 * At least 1000 ms of silence, three plus signs at most 900 ms apart, 1000 ms of
 * silence. Judged on arrival instants: what arrives in one piece has no silence
 * inside; so does an escape that had to wait in the kernel behind data that a stuck peer
 * did not let through, which a real module's flow control would not have let in either.
 * Plus signs that may yet be an escape are held back; when they turn out to
 * be data they are given back at once, in order.
 *
 * Pure: instants come in, the caller keeps one timer. Caller's memory.
 */
#ifndef EMULATOR_AT_ESCAPE_H
#define EMULATOR_AT_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"

enum { ESCAPE_GUARD_MS = 1000, ESCAPE_GAP_MS = 900, ESCAPE_LENGTH = 3 };

struct escape {
    clk_mono last; /* arrival of the newest byte */
    unsigned held; /* plus signs held back */
};

/* What is to be done with a piece of input. */
struct escape_verdict {
    unsigned release; /* so many held plus signs are data: first these */
    bool pass;        /* then the piece itself; false: it is held */
};

/* Data mode begins: its start counts as the newest byte. */
void escape_start(struct escape *e, clk_mono now);
struct escape_verdict escape_feed(struct escape *e, const uint8_t *p, size_t n, clk_mono at);

/* When to call escape_due, from now; negative: nothing is held. */
clk_dur escape_wait(const struct escape *e, clk_mono now);
/* That instant has come: an escape (true; nothing is held any more), or `release` plus signs are
 * data. */
bool escape_due(struct escape *e, clk_mono now, unsigned *release);

#endif
