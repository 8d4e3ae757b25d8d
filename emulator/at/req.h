/* req.h: one command being executed, and how its handler answers.
 *
 * A handler ends the request with exactly one of at_ok, at_fail, at_final, at_connect before
 * it returns, or keeps the pointer and does so from a callback. Ending twice, or
 * after cancel, is a must. While a request is open the session takes no input:
 * it is held in the channel, not lost, and the rest of the line waits.
 *
 * Owned by the session; its arena goes when it ends.
 * Cancel: the DTE left, the module restarts, or a byte came while an abortable row
 * ran. on_cancel must then forget the request; the session answers for it.
 */
#ifndef EMULATOR_AT_REQ_H
#define EMULATOR_AT_REQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sv.h"
#include "emulator/at/errors.h"
#include "emulator/at/row.h"

struct at_session;
struct chan_user;

enum at_arg_kind {
    AT_ARG_NONE,   /* left out */
    AT_ARG_BARE,   /* as typed; also {non-ascii}"E6B58B" */
    AT_ARG_QUOTED, /* without its quotes */
};

struct at_arg {
    enum at_arg_kind kind;
    struct sv text;
};

typedef void at_cancel_fn(void *ctx);
typedef void at_drained_fn(struct at_req *rq);
/* The data of a prompt, complete, good until it returns. NULL: cancelled by ESC (n 0), or too long
 * (n above the bound). */
typedef void at_data_fn(struct at_req *rq, const uint8_t *p, size_t n);

/* What was asked. */
enum at_form at_form_of(const struct at_req *rq);
const struct at_cmd *at_row_of(const struct at_req *rq);
struct at_session *at_session_of(struct at_req *rq);
void *at_owner_of(struct at_req *rq); /* the session's owner: the command families' context */

/* The arguments, checked against the row unless it has AT_SELF_CHECK. */
size_t at_nargs(const struct at_req *rq);
const struct at_arg *at_arg(const struct at_req *rq,
                            size_t i); /* beyond the last: a left-out one */
bool at_has(const struct at_req *rq, size_t i);
int32_t at_int(const struct at_req *rq, size_t i);    /* given, else the parameter's default */
struct sv at_text(const struct at_req *rq, size_t i); /* given, else the default */
/* For AT_SELF_CHECK: the first argument that does not fit its parameter, -1: all do. */
int at_check(const struct at_req *rq);

void *at_alloc(struct at_req *rq, size_t n); /* lives until the request ends */

/* Information: any number of lines, in one block. */
void at_info(struct at_req *rq, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line framed on its own: the next one does not stand in one block with it. */
void at_info_alone(struct at_req *rq, const char *text);
void at_info_raw(struct at_req *rq, const void *p, size_t n); /* a line of any bytes */

/* The end: exactly one of these, once. */
void at_ok(struct at_req *rq);
void at_fail(struct at_req *rq, enum at_err e);     /* ERROR, +CME ERROR, +CMS ERROR by CMEE */
void at_final(struct at_req *rq, const char *text); /* "NO CARRIER", ... */
/* "CONNECT ...", and `user` is on the channel from the next byte on; the rest of the line is
 * dropped. */
void at_connect(struct at_req *rq, const char *text, const struct chan_user *user, void *ctx);

/* Asks for data: `prompt` is sent behind CR LF, then bytes are collected. want > 0: so many bytes.
 * want 0: until Ctrl-Z, at most `max`, ETX in front of a byte 0x03, 0x1A or 0x1B takes it as data;
 * ESC cancels. The request stays open. */
void at_prompt(struct at_req *rq, const char *prompt, size_t want, size_t max, at_data_fn *cb);
void at_on_cancel(struct at_req *rq, at_cancel_fn *cb, void *ctx);
/* Answers that do not fit into the output at once: whether it is full, and then the rest is written
 * from `cb`, called once when it went empty. The request stays open. */
bool at_wait_drained(struct at_req *rq, at_drained_fn *cb);
void at_set_data(struct at_req *rq, void *data); /* the handler's own pointer */
void *at_data(const struct at_req *rq);

#endif
