/* cmux.h: the 27.010 multiplexer, the module's side, on one channel.
 *
 * While it runs it is the top user of the physical channel. The DTE opens DLCIs with
 * SABM; each is a channel of its own, on which anything can stand. DTR and DCD, RI go in
 * MSC, and a DLCI that is not read is stopped by it: what still comes is kept up to
 * LIMIT_CMUX_STASH, then the whole physical channel waits.
 *
 * Owns:    the DLCIs' channels, from on_open to on_close.
 * Borrows: the physical channel and the clock.
 * Calls back: on_open, on_close and on_end from the physical channel's pump, its events and
 *          cmux_end, never from what is done on a DLCI. They do not call the multiplexer.
 * Ends:    by CLD, by DISC of DLCI 0, by cmux_stop, or when the DTE leaves the physical
 *          channel or drops its DTR (guess: the manual names no other way out).
 * Not done: error recovery mode (V3.00 19.2.18 has no such subset).
 */
#ifndef PTY_CMUX_H
#define PTY_CMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pty/cmux_frame.h"

struct chan;
struct chan_user;
struct clk;
struct cmux;

/* What modules are known to do; all of it is off by default. */
struct cmux_quirks {
    bool is_msc_first;     /* tells its lines before the DTE has told its own */
    bool ignores_cld;      /* ends without an answer */
    bool has_long_lengths; /* two octets of length in every frame */
};

struct cmux_config {
    struct chan *phys;
    struct clk *clk;
    struct cmux_quirks quirks;
    void (*on_open)(void *ctx, unsigned dlci, struct chan *ch);
    void (*on_close)(void *ctx, unsigned dlci); /* who stands on its channel leaves it now */
    void (*on_end)(void *ctx);                  /* plain bytes again */
    /* Each frame that passes, for who looks on; calls nothing of the multiplexer. May be NULL. */
    void (*on_frame)(void *ctx, bool is_out, const struct cmux_frame *f);
    void *ctx;
};

/* What AT+CMUX asks for. */
struct cmux_mode {
    enum cmux_option option;
    size_t info_max; /* N1: what a frame carries at most; 1 to LIMIT_CMUX_INFO */
    size_t send_max; /* the same of those sent; PN changes both */
    unsigned t2_ms;  /* how long an answer to our CLD is waited for */
};

struct cmux *cmux_new(const struct cmux_config *cfg);
/* To be put on the physical channel with the multiplexer itself as its context, once what was
 * written before has gone: then it runs. */
const struct chan_user *cmux_user(struct cmux *mux, const struct cmux_mode *mode);
bool cmux_is_on(const struct cmux *mux);
/* Close-down from our side: CLD, then on_end at its answer or behind T2. */
void cmux_stop(struct cmux *mux);
void cmux_end(struct cmux *mux);  /* at once and without a word: the module has gone off */
void cmux_free(struct cmux *mux); /* the same, and its memory; NULL is allowed */

#endif
