#include "emulator/at/req.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "emulator/at/session_priv.h"
#include "emulator/at/table.h"

static const struct at_arg no_arg = {.kind = AT_ARG_NONE, .text = {"", 0}};

enum at_form at_form_of(const struct at_req *rq) {
    return rq->command.form;
}

const struct at_cmd *at_row_of(const struct at_req *rq) {
    return rq->row;
}

struct at_session *at_session_of(struct at_req *rq) {
    return rq->session;
}

void *at_owner_of(struct at_req *rq) {
    return rq->session->cfg.owner;
}

size_t at_nargs(const struct at_req *rq) {
    return rq->command.nargs;
}

const struct at_arg *at_arg(const struct at_req *rq, size_t i) {
    return i < rq->command.nargs ? &rq->command.args[i] : &no_arg;
}

bool at_has(const struct at_req *rq, size_t i) {
    return at_arg(rq, i)->kind != AT_ARG_NONE;
}

static bool fits(const struct at_param *param, const struct at_arg *arg) {
    bool is_quoted = arg->kind == AT_ARG_QUOTED;
    if (arg->kind == AT_ARG_NONE) {
        return (param->flags & (AT_OPTIONAL | AT_KEEP)) != 0;
    }
    int64_t value = 0;
    switch ((enum at_type)param->type) {
    case AT_INT:
        return !is_quoted && sv_int(arg->text, INT32_MIN, INT32_MAX, &value) == 0 &&
               table_in_ranges(param, value);
    case AT_STR:
        return (is_quoted || (param->flags & AT_LOOSE) != 0) &&
               table_in_ranges(param, (int64_t)arg->text.n);
    case AT_WORD:
        return (is_quoted || (param->flags & (AT_LOOSE | AT_BARE)) != 0) &&
               table_word(param, arg->text) >= 0;
    case AT_RAW:
        return true;
    }
    return false;
}

int at_check(const struct at_req *rq) {
    if (rq->command.nargs > rq->row->nparams) {
        return rq->row->nparams;
    }
    for (size_t i = 0; i < rq->row->nparams; i++) {
        if (!fits(&rq->row->params[i], at_arg(rq, i))) {
            return (int)i;
        }
    }
    return -1;
}

int32_t at_int(const struct at_req *rq, size_t i) {
    must(i < rq->row->nparams);
    const struct at_param *param = &rq->row->params[i];
    if (!at_has(rq, i)) {
        return param->def;
    }
    if (param->type == AT_WORD) {
        return table_word(param, at_arg(rq, i)->text);
    }
    int64_t value = 0;
    return sv_int(at_arg(rq, i)->text, INT32_MIN, INT32_MAX, &value) == 0 ? (int32_t)value
                                                                          : param->def;
}

struct sv at_text(const struct at_req *rq, size_t i) {
    must(i < rq->row->nparams);
    const struct at_param *param = &rq->row->params[i];
    if (at_has(rq, i)) {
        return at_arg(rq, i)->text;
    }
    return sv_of(param->text != NULL ? param->text : "");
}

void *at_alloc(struct at_req *rq, size_t n) {
    return arena_alloc(&rq->arena, n);
}

void at_info_raw(struct at_req *rq, const void *p, size_t n) {
    must(rq->is_open);
    reply_info(rq->session, p, n, !rq->is_block);
    rq->is_block = true;
}

void at_info(struct at_req *rq, const char *fmt, ...) {
    char text[LIMIT_INFO];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    must(n >= 0 && (size_t)n < sizeof text);
    at_info_raw(rq, text, (size_t)n);
}

void at_ok(struct at_req *rq) {
    must(rq->is_open);
    session_ended(rq->session, true);
}

void at_fail(struct at_req *rq, enum at_err e) {
    must(rq->is_open);
    char text[LIMIT_URC_TEXT];
    session_result(rq->session, reply_error_text(rq->session, e, text));
    session_ended(rq->session, false);
}

void at_final(struct at_req *rq, const char *text) {
    must(rq->is_open);
    session_result(rq->session, text);
    session_ended(rq->session, false);
}

void at_info_alone(struct at_req *rq, const char *text) {
    rq->is_block = false;
    at_info_raw(rq, text, strlen(text));
    rq->is_block = false;
}

void at_connect(struct at_req *rq, const char *text, const struct chan_user *user, void *ctx) {
    must(rq->is_open);
    struct at_session *s = rq->session;
    reply_final(s, text);
    session_done(s, text);
    /* On the channel before the session goes on, so that nothing comes between. */
    chan_push(s->cfg.chan, user, ctx);
    session_ended(s, false);
}

void at_prompt(struct at_req *rq, const char *prompt, size_t want, size_t max, at_data_fn *cb) {
    must(rq->is_open);
    prompt_start(rq->session, prompt, want, max, cb);
}

void at_on_cancel(struct at_req *rq, at_cancel_fn *cb, void *ctx) {
    rq->on_cancel = cb;
    rq->cancel_ctx = ctx;
}

bool at_wait_drained(struct at_req *rq, at_drained_fn *cb) {
    must(rq->is_open);
    bool is_full = chan_is_busy(rq->session->cfg.chan);
    rq->on_drained = is_full ? cb : NULL;
    return is_full;
}

void at_set_data(struct at_req *rq, void *data) {
    rq->data = data;
}

void *at_data(const struct at_req *rq) {
    return rq->data;
}
