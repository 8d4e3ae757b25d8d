/* line.h: bytes from the DTE -> command lines (V.250 5.2).
 *
 * Hunts for "AT", edits with S5, ends a line at S3, acts on "A/" at once. What is
 * not part of a command line (noise, an empty line, control characters) gives no
 * answer and no echo. Pure: it gets bytes and settings and gives events and echo.
 *
 * Caller's memory.
 */
#ifndef EMULATOR_AT_LINE_H
#define EMULATOR_AT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/sv.h"

struct buf;

enum line_event {
    LINE_NONE,     /* all bytes taken, no line yet */
    LINE_READY,    /* line_text is a command line */
    LINE_AGAIN,    /* A/: line_text is the one before; empty when there was none */
    LINE_TOO_LONG, /* more than LIMIT_LINE characters behind AT: eaten to its end */
};

struct line_config {
    bool echo;
    uint8_t end;   /* S3 */
    uint8_t erase; /* S5 */
};

struct line {
    enum { LINE_HUNT, LINE_PREFIX, LINE_BODY } state;
    bool is_too_long;
    size_t len;
    size_t last_len; /* text of the newest line, until the next one begins */
    char text[LIMIT_LINE];
    char last[LIMIT_LINE];
};

void line_init(struct line *l);
void line_reset(struct line *l); /* forgets a half line, keeps what A/ repeats */

/* Takes bytes up to the first event, or to where an A turns out to begin no line: what waited for
 * the line goes first then, whatever comes behind it. Returns how many. The echo goes to `echo`. */
size_t line_feed(struct line *l, const struct line_config *cfg, const uint8_t *p, size_t n,
                 struct buf *echo, enum line_event *event);

struct sv line_text(const struct line *l); /* what follows AT, without the end */
bool line_is_idle(const struct line *l);   /* nothing of a line has been typed */

#endif
