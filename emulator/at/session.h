/* session.h: one AT command interpreter on one channel.
 *
 * Sits at the bottom of the channel's stack for the channel's life. Assembles
 * lines, runs their commands one after the other, holds further input meanwhile,
 * and sends unsolicited results when it is on top, idle, and no line is half typed.
 *
 * Owns:    the request, the port's settings, the queue of unsolicited results.
 * Borrows: channel, clock, table, the module's settings and the owner.
 * DTE gone: a half line, a prompt and an abortable command are dropped; complete
 *          lines that came before are still run; settings stay as they are (design n 15).
 */
#ifndef EMULATOR_AT_SESSION_H
#define EMULATOR_AT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bus.h"
#include "base/sv.h"
#include "emulator/at/errors.h"
#include "emulator/at/latency.h"

struct at_session;
struct at_table;
struct chan;
struct clk;
struct setting_store;
struct slot_info;

/* What the owner is asked about before it happens. */
enum at_point { AT_POINT_LINE, AT_POINT_COMMAND, AT_POINT_RESULT, AT_POINT_URC };

struct at_asked {
    struct sv text;   /* behind AT: the line, the command; the result, the unsolicited line */
    const char *name; /* of a command and its result; else "" */
    struct sv args;
    int form;
};

struct at_session_config {
    struct chan *chan;
    struct clk *clk;
    const struct at_table *table;
    struct setting_store *module;  /* settings of the module */
    const struct slot_info *slots; /* for the port's own */
    size_t nslots;
    void *owner; /* at_owner_of */
    /* What of `needs` (enum at_need) is missing, as its error; 0: nothing. May be NULL. */
    int (*missing)(void *owner, unsigned needs);
    /* What is to become of it: BUS_REPLACE: these lines are answered instead, the last one as the
     * result; BUS_FAIL: enum at_err, not for results and unsolicited lines. May be NULL. */
    struct bus_verdict (*ask)(void *owner, enum at_point point, const struct at_asked *asked);
    void (*done)(void *owner, const struct at_asked *result); /* a result is out; may be NULL */
    /* Whether it sleeps: what comes while no command runs is lost. May be NULL. */
    bool (*is_asleep)(void *owner);
    /* The DTE has come, gone, or changed DTR; before the session acts on it. May be NULL. */
    void (*dtr)(void *owner);
};

struct at_session *session_new(const struct at_session_config *cfg);
void session_close(struct at_session *s); /* cancels what runs; NULL is allowed */

/* What answers and unsolicited results take from now on; nothing until it is called. A command is
 * run, and its whole answer leaves, when its time is over; unsolicited results keep their order. */
void session_set_timing(struct at_session *s, enum at_timing timing);
enum at_timing session_timing(const struct at_session *s);

/* The module is off or hangs: input is thrown away and nothing is said; what runs goes on unheard,
 * and unsolicited results wait. */
void session_set_deaf(struct at_session *s, bool is_deaf);
/* Unsolicited results are not for this port (AT+CATR, a multiplexer on it): those that are posted
 * are thrown away. Received data still waits for its reader. */
void session_set_mute(struct at_session *s, bool is_mute);
/* As new: what runs is dropped without a word, with what was typed and what waits to be said. Not
 * from inside a handler; who else stands on the channel takes himself off. */
void session_reset(struct at_session *s);

struct setting_store *session_settings(struct at_session *s); /* the port's own */
struct chan *session_chan(struct at_session *s);
struct setting_store *session_store(const struct at_session *s, unsigned slot); /* whose it is */
int32_t session_int(const struct at_session *s, unsigned slot); /* from whichever store has it */

/* -- unsolicited results -- */
enum urc_class {
    URC_EVENT,      /* kept until sent; the oldest goes when only events fill the queue */
    URC_REPEATABLE, /* RING, +CSQ: these go first when the queue is full */
};

/* Queued, sent as CR LF text CR LF. Bound LIMIT_URCS, LIMIT_URC_TEXT characters. */
void urc_post(struct at_session *s, enum urc_class c, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A text of any length; its lines are one block. */
void urc_post_text(struct at_session *s, enum urc_class c, const char *text);

/* Written at once, even in the middle of an answer or of data: what a module must not do. */
void urc_write_now(struct at_session *s, const char *text);

/* A source writes its own bytes when its turn comes: for received data. Returns whether it has
 * more; then it waits at the end of the queue. Posting it again while it waits does nothing. */
typedef bool urc_source_fn(void *ctx, struct at_session *s);
void urc_post_source(struct at_session *s, urc_source_fn *cb, void *ctx);
void urc_drop_source(struct at_session *s, void *ctx);
uint64_t urc_dropped(const struct at_session *s);

/* A result code that belongs to no command: "OK" after an escape, "CLOSED". As V and Q want it. */
void session_say(struct at_session *s, const char *text);

/* S3 and S4, with which every answer is framed; two characters. */
const char *session_eol(struct at_session *s);

#endif
