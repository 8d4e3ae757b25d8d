/* expect.h: what a scenario expects to see, and whether it came: the verdict.
 *
 * Fed with what passes at the tty, at the far ends and on the bus; judges by the clock. Knows
 * nothing of how those are made. A pure listener: it changes nothing. In how many pieces the bytes
 * come does not change the verdict.
 *
 * The streams of the tty are cut into lines at CR and LF; empty ones are skipped. A line comes with
 * its end, except that a ">" at the beginning of a line of the module is a line as soon as it
 * comes. Data that the driver sends behind a prompt need not end in a CR: what stands unfinished in
 * the driver's stream when the module ends a line is a line too.
 *
 * Order "strict": a step can be met only by what comes behind that which met the one before, and
 * is timed from there; the first failure ends the judging. "any": each on its own, from the start.
 * A step that must never come is watched until the next one that must is met (any: to the end).
 *
 * Owns:    its steps, and a record of the newest LIMIT_EXPECT_RECORD lines of all sources.
 * Borrows: the clock and the checked JSON, until expect_free.
 * Calls back: on_over, from the clock, never from inside a call.
 */
#ifndef SCENARIOS_VERDICT_EXPECT_H
#define SCENARIOS_VERDICT_EXPECT_H

#include <stdbool.h>
#include <stddef.h>

struct cJSON;
struct clk;
struct expect;
struct report;
struct spec;

extern const struct spec expect_spec;  /* the list of steps */
extern const struct spec verdict_spec; /* order, timeout, end */

enum expect_source { EXPECT_DRIVER, EXPECT_MODULE, EXPECT_PEER, EXPECT_EVENT };
enum expect_peer_event { EXPECT_PEER_CONNECTS, EXPECT_PEER_CLOSED, EXPECT_PEER_RESET };

/* Either JSON may be NULL: no expectations, the defaults. on_over: the verdict is there; it may
 * free the object; may be NULL. */
struct expect *expect_new(struct clk *clk, const struct cJSON *steps, const struct cJSON *verdict,
                          void (*on_over)(void *ctx), void *ctx);
void expect_free(struct expect *e); /* NULL is allowed */

/* Instant 0 of the scenario. What comes before, or when it is over, does not count. */
void expect_start(struct expect *e);

/* Bytes that the driver or the module sent, or that arrived at a far end: `peer` is its name, and
 * NULL otherwise. Every name that is ever given costs memory. */
void expect_bytes(struct expect *e, enum expect_source from, const char *peer, const void *p,
                  size_t n);
void expect_peer(struct expect *e, const char *peer, enum expect_peer_event what);
/* One that no step names is not recorded either. */
void expect_event(struct expect *e, const char *event, const char *text);

/* An action of the scenario says that the run has failed; the first reason stays. */
void expect_fail(struct expect *e, const char *why);

/* The run ends now: what has not come is missing. on_over is not called. */
void expect_end(struct expect *e);

bool expect_is_over(const struct expect *e);
bool expect_has_passed(const struct expect *e); /* once it is over */

/* For report.h; it and all in it stay until the next call with this object. */
const struct report *expect_report(struct expect *e, const char *name);

#endif
