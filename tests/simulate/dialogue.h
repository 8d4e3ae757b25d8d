/* dialogue.h: all of a run as a dialogue file (tests/transcripts/README.md).
 *
 * What is typed, said and done is noted with its instant and written out at the end. Far ends get
 * their names here. What the format has no word for is a comment, and the file says so.
 *
 * Owns: the text. Borrows: the clock.
 */
#ifndef TESTS_SIMULATE_DIALOGUE_H
#define TESTS_SIMULATE_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

struct clk;

struct dialogue {
    uint32_t magic;
#define DIALOGUE_MAGIC 0x0d1a1097u
    const struct clk *clk;
    int64_t written_us; /* up to here time has passed in the text */
    struct buf said;    /* since the last line */
    char *text;
    size_t size;
    FILE *to;
};

void dialogue_init(struct dialogue *d, const struct clk *clk);
void dialogue_fini(struct dialogue *d);

/* With NULL nothing is noted. */
void dialogue_typed(struct dialogue *d, const uint8_t *p, size_t n);
void dialogue_said(struct dialogue *d, const uint8_t *p, size_t n);
/* A line of the format. */
void dialogue_line(struct dialogue *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "peer p1 send "..."", with a port "to 9000" behind it. */
void dialogue_bytes(struct dialogue *d, const char *what, const uint8_t *p, size_t n,
                    uint16_t port);
/* Something that no line can say. */
void dialogue_gap(struct dialogue *d, const char *what);

/* All of it; good until the next call. */
const char *dialogue_text(struct dialogue *d);

/* The one that was made last; NULL: there is none. For a process that is about to end. */
struct dialogue *dialogue_newest(void);

/* The bytes as the format wants them in a text, "" included; for free(). */
char *dialogue_escape(const uint8_t *p, size_t n);

#endif
