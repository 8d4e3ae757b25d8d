/* expect_step.h: one thing that a scenario waits for, and what it has seen of it so far.
 *
 * Owns:    what it keeps of the stream. Borrows: the checked JSON, until expect_step_fini.
 * Bounds:  a pattern is searched in the last LIMIT_EXPECT_WINDOW bytes of a far end, or a few more.
 */
#ifndef SCENARIOS_VERDICT_EXPECT_STEP_H
#define SCENARIOS_VERDICT_EXPECT_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/sv.h"
#include "scenarios/verdict/expect.h"

struct cJSON;
struct pattern;
struct spec;

extern const struct spec expect_step_spec;

enum expect_what {
    EXPECT_LINE, /* of the driver or the module */
    EXPECT_BYTES,
    EXPECT_CONNECTS,
    EXPECT_CLOSED,
    EXPECT_RESET,
    EXPECT_HAPPENED, /* an event */
};

/* Something that has come as a whole. */
struct expect_came {
    enum expect_source source;
    enum expect_what what;
    const char *from; /* the far end or the event; NULL for the tty */
    struct sv text;
    bool is_cut;
};

enum expect_state {
    EXPECT_WAITING, /* for its turn */
    EXPECT_ACTIVE,
    EXPECT_MET,
    EXPECT_FAILED,
    EXPECT_NOT_REACHED,
};

struct expect_step {
    const char *name; /* NULL: none */
    char *wanted;     /* for the report */
    enum expect_source source;
    enum expect_what what;
    const char *from;
    struct sv text; /* the line or the bytes; p NULL: a pattern, a number or nothing */
    bool has_text, has_crc, is_never, has_end;
    unsigned char *needle;   /* bytes of a {"hex"} */
    size_t *border;          /* of the needle: see make_borders */
    struct pattern *pattern; /* NULL: none */
    size_t count;            /* so many bytes; 0: not asked for */
    uint32_t crc;
    clk_dur opens, closes; /* the window, counted from `since`; has_end: it closes */

    /* While it is active. */
    enum expect_state state;
    clk_dur since;
    unsigned long long born; /* the arrival that made it active */
    size_t seen, matched;
    size_t hit; /* of the bytes last scanned the one that meets it, from 1; 0: none */
    uint32_t seen_crc;
    char *window;
    size_t nwindow;
    bool has_slid; /* the window no longer begins behind what was matched before */

    /* When it has ended. */
    clk_dur at;
    size_t line; /* number in the record of what decided it; SIZE_MAX: nothing did */
    char *got, *reason;
    size_t ngot;
};

void expect_step_init(struct expect_step *s, const struct cJSON *item);
void expect_step_fini(struct expect_step *s);

/* Looks only at what comes from here on. */
void expect_step_begin(struct expect_step *s);
void expect_step_end(struct expect_step *s);

/* Whether this meets it; `got` is the part that did. Bytes are never met as a whole. */
bool expect_step_is_met(const struct expect_step *s, const struct expect_came *came,
                        struct sv *got);

/* Whether it looks at bytes of this stream. */
bool expect_step_reads(const struct expect_step *s, enum expect_source source, const char *from);

/* How many of these bytes it can take before it is met or must be asked again: 1 to n. */
size_t expect_step_scan(struct expect_step *s, const char *p, size_t n);

/* Takes as many as that or fewer, after a scan. True: met with the last of them; `got` is good
 * until the next call. */
bool expect_step_take(struct expect_step *s, const char *p, size_t n, struct sv *got);

#endif
