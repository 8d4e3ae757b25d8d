#include "emulator/at/escape.h"

void escape_start(struct escape *e, clk_mono now) {
    *e = (struct escape){.last = now};
}

static bool is_all_plus(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '+') {
            return false;
        }
    }
    return true;
}

struct escape_verdict escape_feed(struct escape *e, const uint8_t *p, size_t n, clk_mono at) {
    int64_t silence_us = at.us - e->last.us;
    bool is_timely = e->held > 0 ? silence_us <= CLK_MS(ESCAPE_GAP_MS).us
                                 : silence_us >= CLK_MS(ESCAPE_GUARD_MS).us;
    bool is_part = is_timely && n <= ESCAPE_LENGTH - e->held && is_all_plus(p, n);
    e->last = at;
    if (is_part) {
        e->held += (unsigned)n;
        return (struct escape_verdict){0, false};
    }
    struct escape_verdict v = {e->held, true};
    e->held = 0;
    return v;
}

/* A plus sign that comes exactly at the end of the gap is still in time. */
static int64_t due_us(const struct escape *e) {
    int64_t guard_us =
        e->held == ESCAPE_LENGTH ? CLK_MS(ESCAPE_GUARD_MS).us : CLK_MS(ESCAPE_GAP_MS).us + 1;
    return e->last.us + guard_us;
}

clk_dur escape_wait(const struct escape *e, clk_mono now) {
    if (e->held == 0) {
        return (clk_dur){-1};
    }
    int64_t left_us = due_us(e) - now.us;
    return (clk_dur){left_us > 0 ? left_us : 0};
}

bool escape_due(struct escape *e, clk_mono now, unsigned *release) {
    *release = 0;
    if (e->held == 0 || now.us < due_us(e)) {
        return false;
    }
    bool is_escape = e->held == ESCAPE_LENGTH;
    *release = is_escape ? 0 : e->held;
    e->held = 0;
    return is_escape;
}
