/* tty_fault.h: what goes wrong between the module and its driver: the tap on a channel.
 *
 * Bytes are counted from the call on: what the module writes next is byte 0. Faults of one answer
 * end with tty_fault_answered, when its result is out, with an unsolicited line that comes before,
 * or with the client; others after their time.
 *
 * Owns:    its timers, the channel's tap. Borrows: channel and clock.
 * Bounds:  LIMIT_TTY_EDITS changes and stops wait; a further one is refused. What is put in and
 *          does not fit into LIMIT_CHAN_OUT displaces the end of what was written.
 * Order:   what is held back holds back all that is written behind it.
 */
#ifndef SCENARIOS_ENGINE_TTY_FAULT_H
#define SCENARIOS_ENGINE_TTY_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chan.h"
#include "base/clk.h"

struct tty_fault;

/* From inside a chan_ call: nothing may be done there but to look, and to call tty_fault_. */
struct tty_fault_events {
    /* Input as it came; may be swallowed as a whole: returns false. */
    bool (*on_input)(void *ctx, const uint8_t *p, size_t n);
    /* Output before it is touched; may be swallowed likewise. */
    bool (*on_output)(void *ctx, const uint8_t *p, size_t n);
    void (*on_sent)(void *ctx, const uint8_t *p, size_t n); /* it has gone out */
    void (*on_event)(void *ctx, enum chan_event event);
    void (*on_top)(void *ctx, const char *user); /* another one has the bytes; may be NULL */
};

struct tty_fault *tty_fault_new(struct chan *ch, struct clk *clk, uint64_t seed,
                                const struct tty_fault_events *ev, void *ctx);
void tty_fault_free(struct tty_fault *t); /* NULL is allowed */
void tty_fault_set_seed(struct tty_fault *t, uint64_t seed);

/* -ENOSPC: LIMIT_TTY_EDITS. */
int tty_fault_cut(struct tty_fault *t, size_t after,
                  clk_dur stop); /* from there, then it goes on */
int tty_fault_insert(struct tty_fault *t, size_t at, const void *p, size_t n);
int tty_fault_flip(struct tty_fault *t, size_t at, uint8_t bits);

/* Of this answer. `every` is not 0. */
void tty_fault_drip(struct tty_fault *t, size_t bytes, clk_dur every);
void tty_fault_line_end(struct tty_fault *t, const void *p,
                        size_t n);           /* up to 4 bytes; for CR LF, CR or LF */
void tty_fault_swallow(struct tty_fault *t); /* none of it goes out */
void tty_fault_answered(struct tty_fault *t);

/* For a while; 0: until it is called again. Every byte has this chance to be another. */
enum tty_fault_way { TTY_FAULT_OUT = 1, TTY_FAULT_IN = 2 };
void tty_fault_garble(struct tty_fault *t, unsigned ways, double chance, clk_dur time);

/* Bytes that the module did not write, behind all that waits. -ENOBUFS: LIMIT_CHAN_OUT. */
int tty_fault_put(struct tty_fault *t, const void *p, size_t n);

void tty_fault_clear(struct tty_fault *t);

#endif
