/* chan.h: a byte channel to a DTE and the stack of users over it.
 *
 * A transport (a tty, a multiplexer's DLCI, a test) puts received bytes in and
 * takes bytes to send out. On top of the channel stands a stack of users: the
 * AT session at the bottom, a prompt, a transparent link, PPP above it. The
 * user on top is offered the input and says how much it took. What it did not
 * take stays and is offered to whoever is on top next, which is also the
 * back-pressure: while the input is full the transport stops reading.
 *
 * Owns:    both buffers.
 * Borrows: users and transport with their contexts.
 * Calls back: users from chan_pump (never from inside chan_write); the transport's
 *          `kick` from chan_write, its `room` from chan_pump.
 */
#ifndef BASE_CHAN_H
#define BASE_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/limits.h"

struct chan;

enum chan_event {
    CHAN_OPENED,  /* a DTE is there (a tty: first open; lines: DTR on) */
    CHAN_CLOSED,  /* it has gone (a tty: last close); input it sent before is still offered */
    CHAN_DTR_OFF, /* it is there, but has dropped DTR (a tty: speed B0) */
    CHAN_DTR_ON,
};

struct chan_user {
    const char *name;
    /* Offered the input, which arrived at `at`; returns how many bytes it took, 0: not now. */
    size_t (*rx)(void *ctx, const uint8_t *p, size_t n, clk_mono at);
    void (*top)(void *ctx, bool is_top);             /* may be NULL */
    void (*drained)(void *ctx);                      /* output went empty; may be NULL */
    void (*event)(void *ctx, enum chan_event event); /* every user hears it; may be NULL */
};

/* What the channel asks of its transport. */
struct chan_transport {
    void (*kick)(void *ctx); /* there is output to take */
    void (*room)(void *ctx); /* the input has room again */
    /* Throws away input that it holds or can get at once. May be NULL. */
    void (*drop)(void *ctx);
    /* The module raises or drops DCD. May be NULL. */
    void (*set_dcd)(void *ctx, bool on);
    /* The module raises or drops RI. May be NULL. */
    void (*set_ri)(void *ctx, bool on);
    /* A user wants to know of DTR, or no longer: ttys can only be asked. May be NULL. */
    void (*watch_dtr)(void *ctx, bool on);
    /* The tty vanishes, as a USB device that is pulled, or is back, as a new one. May be NULL. */
    void (*set_present)(void *ctx, bool on);
    /* XON/XOFF: whether the DTE's stops our output, whether we send it when the input is full.
     * May be NULL. */
    void (*set_flow)(void *ctx, bool obeys_xoff, bool sends_xoff);
};

/* Between the users and the transport: sees and may change what passes. It may write, set the gate
 * and ask for a tty's presence, but must not discard. */
struct chan_tap {
    /* Output is written. True: it was dealt with, by chan_put or by dropping it. False: it goes as
     * it is. */
    bool (*tx)(void *ctx, const uint8_t *p, size_t n);
    /* The transport has taken it. The bytes are good until something is written. */
    void (*sent)(void *ctx, const uint8_t *p, size_t n);
    /* Input has come; may be changed in place. Returns how much is left of it. */
    size_t (*rx)(void *ctx, uint8_t *p, size_t n);
    void (*line)(void *ctx); /* an unsolicited line ends here; may be NULL */
    void (*event)(void *ctx, enum chan_event event); /* before the users hear it */
    /* Another user is on top now; its name, "" for none. May be NULL. */
    void (*top)(void *ctx, const char *user);
};

#define CHAN_GATE_OPEN SIZE_MAX

struct chan {
    uint32_t magic;
#define CHAN_MAGIC 0x3a9c11d5u
    char name[LIMIT_CHAN_NAME];
    struct buf in, out;
    clk_mono in_at; /* arrival of the newest input */
    struct {
        const struct chan_user *user;
        void *ctx;
    } stack[LIMIT_CHAN_USERS];
    size_t depth;
    const struct chan_transport *transport;
    void *transport_ctx;
    const struct chan_tap *tap; /* NULL: none */
    void *tap_ctx;
    size_t gate; /* bytes of the output that the transport may take; CHAN_GATE_OPEN: all */
    bool is_open;
    bool is_dtr_off;
    bool is_dcd_on, is_ri_on; /* as the module has them */
    bool is_rts_off;          /* as the DTE has it; is_rts_obeyed: output waits meanwhile */
    bool is_rts_obeyed;
    uint32_t dcd_changes, ri_ends, breaks; /* so many there were, counted as serial drivers do */
    void (*on_lines)(void *ctx);           /* NULL: nobody wants to know */
    void *lines_ctx;
    uint64_t nin, nout; /* bytes that came, that went */
    bool is_pumping;
    bool is_deaf;     /* who stands on it is not there: input is thrown away, output too */
    bool skip_lf;     /* an LF that comes next belongs to a CR already acted on */
    bool is_lf_late;  /* it was not there yet when the CR was acted on */
    bool is_cr_alone; /* the DTE's last line had no LF */
};

void chan_init(struct chan *ch, const char *name);
void chan_fini(struct chan *ch); /* the stack must be empty */
void chan_set_transport(struct chan *ch, const struct chan_transport *t, void *ctx);

/* For users. */
void chan_push(struct chan *ch, const struct chan_user *user, void *ctx);
void chan_pop(struct chan *ch, const struct chan_user *user, void *ctx); /* must be on top */
bool chan_is_top(const struct chan *ch, const void *ctx);
const char *chan_top_name(const struct chan *ch); /* of the user; "": there is none */
/* For a user that has put another one on top while it was told of an event: tells that one, too. */
void chan_tell_top(struct chan *ch, enum chan_event event);

/* All or nothing. -ENOBUFS: LIMIT_CHAN_OUT would be passed; nothing was written. */
int chan_write(struct chan *ch, const void *p, size_t n);
size_t chan_pending(const struct chan *ch); /* bytes not yet taken by the transport */
bool chan_is_busy(const struct chan *ch);   /* producers should wait for `drained` */

/* An LF behind a CR is the line's and not data: the next input byte is dropped if it is one. The
 * exception is a DTE that ends its lines with CR alone: an LF that it sends later, when it has seen
 * the prompt, is the first byte of its data. */
void chan_skip_lf(struct chan *ch);

/* For users that care for DTR, and for who sets the flow control. */
void chan_watch_dtr(struct chan *ch, bool on);
void chan_set_flow(struct chan *ch, bool obeys_xoff, bool sends_xoff);
void chan_obey_rts(struct chan *ch, bool on); /* whether RTS off stops the output */
void chan_set_dcd(struct chan *ch, bool on);
void chan_set_ri(struct chan *ch, bool on);

/* For who shows the lines to others: told of each change of DCD and RI and of each coming and going
 * of the DTE, after all others. One at a time; cb NULL: nobody any more. */
void chan_on_lines(struct chan *ch, void (*cb)(void *ctx), void *ctx);

/* For who stands between. NULL: nobody any more; the gate is opened. */
void chan_set_tap(struct chan *ch, const struct chan_tap *tap, void *ctx);
int chan_put(struct chan *ch, const void *p, size_t n); /* chan_write, behind the tap */
void chan_set_gate(struct chan *ch, size_t n);
void chan_set_present(struct chan *ch, bool on);
void chan_end_line(struct chan *ch); /* a user has written all of an unsolicited line */

/* Deaf: what comes in is thrown away, and what the users write; what is written already goes out.
 * For a module that is off. */
void chan_set_deaf(struct chan *ch, bool on);

/* Offers the input to the top user until nobody takes any. Users call it when they are ready
 * again. */
void chan_pump(struct chan *ch);

/* For transports. */
uint8_t *chan_rx_reserve(struct chan *ch, size_t want, size_t *got); /* got 0: stop reading */
void chan_rx_commit(struct chan *ch, size_t n, clk_mono at);         /* then pumps */
const uint8_t *chan_tx_data(const struct chan *ch, size_t *n);
void chan_tx_done(struct chan *ch, size_t n);      /* n bytes went out; calls `drained` at zero */
void chan_set_open(struct chan *ch, bool is_open); /* tells every user of a change, top first */
void chan_set_dtr(struct chan *ch, bool is_on);    /* while open; the same */
void chan_set_rts(struct chan *ch, bool is_on);    /* while open; at each opening it is on */
void chan_break(struct chan *ch);                  /* the DTE sends one: counted, of no effect */
void chan_forget_dtr(struct chan *ch); /* not known any more: it counts as on, nobody is told */
/* Input: with all that the transport still has of it; chan_forget_input: only what was read. */
void chan_discard(struct chan *ch, bool input, bool output);
void chan_forget_input(struct chan *ch);

#endif
