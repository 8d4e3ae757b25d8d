#include "emulator/at/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "emulator/at/session_priv.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "slots.h"

enum { ECHO_MAX = 3 * LIMIT_CHAN_IN }; /* an erased character echoes three */

static struct at_session *session_of(void *ctx) {
    struct at_session *s;
    CAST_OBJ(s, ctx, AT_SESSION_MAGIC);
    return s;
}

/* What the card lacks, in the numbers of 27.005 3.2.5. */
static int cms_of(int e) {
    static const struct {
        int cme, cms;
    } pairs[] = {
        {CME_SIM_NOT_INSERTED, CMS_SIM_NOT_INSERTED},
        {CME_SIM_PIN_REQUIRED, CMS_SIM_PIN_REQUIRED},
        {CME_SIM_PUK_REQUIRED, CMS_SIM_PUK_REQUIRED},
        {CME_SIM_FAILURE, CMS_SIM_FAILURE},
        {CME_SIM_BUSY, CMS_SIM_BUSY},
        {CME_SIM_WRONG, CMS_SIM_WRONG},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].cme == e) {
            return pairs[i].cms;
        }
    }
    return e;
}

/* Which handler answers, or why none does. Returns 0, or the error that is the answer. */
static int refuse(struct at_session *s, struct at_req *rq) {
    const struct at_cmd *row = rq->row;
    if (row == NULL || (row->forms & rq->command.form) == 0) {
        return AT_ERR_PLAIN;
    }
    if (row->needs != 0 && rq->command.form != AT_TEST && s->cfg.missing != NULL) {
        int e = s->cfg.missing(s->cfg.owner, row->needs);
        if (e != 0) {
            return (row->flags & AT_CMS) != 0 ? cms_of(e) : e;
        }
    }
    bool is_checked = rq->command.form == AT_WRITE && (row->flags & AT_SELF_CHECK) == 0;
    return is_checked && at_check(rq) >= 0 ? AT_ERR_PLAIN : 0;
}

static void start_command(struct at_session *s) {
    struct at_req *rq = &s->req;
    const char *name = rq->command.name;
    /* The arguments stay out of the log: they may be secrets. */
    LOG(LOG_AT, LOG_DEBUG, s->cfg.chan->name, "%s form %d", name, (int)rq->command.form);
    rq->row = table_find(s->cfg.table, sv_of(name));
    rq->is_open = true;
    rq->is_block = false;
    rq->on_cancel = NULL;
    rq->on_drained = NULL;
    rq->data = NULL;
    if (session_command_goes(s)) {
        session_run_command(s);
    }
}

void session_run_command(struct at_session *s) {
    struct at_req *rq = &s->req;
    s->is_in_handler = true;
    int e = refuse(s, rq);
    if (e != 0) {
        at_fail(rq, (enum at_err)e);
    } else if ((rq->row->code_forms & rq->command.form) != 0) {
        rq->row->run(rq);
    } else {
        setting_run(rq);
    }
    s->is_in_handler = false;
}

/* Something goes on that the next input must wait for. */
static bool is_running(const struct at_session *s) {
    return s->has_line || s->req.is_open || s->hold.is_active;
}

/* What is answered from now on is no command's. */
static void forget_command(struct at_session *s) {
    s->command = (struct sv){s->text, 0};
    s->req.command = (struct parsed){0};
}

/* The rest of the line, command by command, until one waits or the output is full. */
static void run_line(struct at_session *s) {
    while (s->has_line && !s->req.is_open && !s->hold.is_active && !chan_is_busy(s->cfg.chan)) {
        struct sv text = {s->text, s->text_len};
        size_t before = s->pos;
        switch (parse_next(text, &s->pos, &s->req.command)) {
        case PARSE_END:
            s->has_line = false;
            session_result(s, "OK");
            break;
        case PARSE_BAD:
            s->has_line = false;
            forget_command(s);
            session_result(s, "ERROR");
            break;
        case PARSE_COMMAND:
            while (before < s->pos && (text.p[before] == ' ' || text.p[before] == ';')) {
                before++;
            }
            s->command = sv_slice(text, before, s->pos - before);
            start_command(s);
            break;
        }
    }
}

bool session_may_urc(const struct at_session *s) {
    return !s->cfg.chan->is_deaf && chan_is_top(s->cfg.chan, s) && !is_running(s) &&
           line_is_idle(&s->line) && !chan_is_busy(s->cfg.chan);
}

void session_idle(struct at_session *s) {
    if (s->is_in_handler) {
        return;
    }
    run_line(s);
    urc_flush(s);
    chan_pump(s->cfg.chan);
}

void session_ended(struct at_session *s, bool is_good) {
    s->req.is_open = false;
    s->req.on_cancel = NULL;
    s->req.on_drained = NULL;
    arena_clear(&s->req.arena);
    if (!is_good) {
        s->has_line = false;
    }
    session_idle(s);
}

static void begin_line(struct at_session *s, enum line_event event) {
    if (session_int(s, SLOT_S3) == '\r' && event != LINE_AGAIN) {
        chan_skip_lf(s->cfg.chan);
    }
    struct sv text = line_text(&s->line);
    forget_command(s);
    if (event == LINE_TOO_LONG || parse_count(text) > LIMIT_LINE_COMMANDS) {
        session_result(s, "ERROR");
        urc_flush(s);
        return;
    }
    memcpy(s->text, text.p, text.n);
    s->text_len = text.n;
    s->pos = 0;
    s->has_line = true;
    if (session_line_goes(s)) {
        run_line(s);
    }
    urc_flush(s);
}

/* Ends what runs without an answer of its own. */
void session_cancel(struct at_session *s) {
    prompt_cancel(s);
    if (s->hold.is_active) {
        /* Also before its first command, when there is no request yet. */
        s->has_line = false;
        hold_clear(s);
    }
    if (!s->req.is_open) {
        return;
    }
    at_cancel_fn *cb = s->req.on_cancel;
    s->req.is_open = false;
    s->req.on_cancel = NULL;
    s->req.on_drained = NULL;
    s->has_line = false;
    if (cb != NULL) {
        cb(s->req.cancel_ctx);
    }
    arena_clear(&s->req.arena);
}

static bool is_abortable(const struct at_session *s) {
    return s->req.is_open && s->req.row != NULL && (s->req.row->flags & AT_ABORTABLE) != 0;
}

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)at;
    struct at_session *s = session_of(ctx);
    if (is_abortable(s)) {
        /* The byte that aborts is not part of the next line (V.250 5.6.1). */
        session_cancel(s);
        session_result(s, "ERROR");
        urc_flush(s);
        return 1;
    }
    if (is_running(s) || chan_is_busy(s->cfg.chan)) {
        return 0;
    }
    if (s->cfg.is_asleep != NULL && s->cfg.is_asleep(s->cfg.owner)) {
        line_reset(&s->line);
        return n;
    }
    const struct line_config cfg = {
        .echo = session_int(s, SLOT_E) != 0,
        .end = (uint8_t)session_int(s, SLOT_S3),
        .erase = (uint8_t)session_int(s, SLOT_S5),
    };
    struct buf echo;
    buf_init(&echo, ECHO_MAX);
    enum line_event event = LINE_NONE;
    size_t used = line_feed(&s->line, &cfg, p, n, &echo, &event);
    reply_write(s, buf_data(&echo), buf_len(&echo));
    buf_fini(&echo);
    if (event != LINE_NONE) {
        begin_line(s, event);
    } else {
        urc_flush(s);
    }
    return used;
}

static void on_top(void *ctx, bool is_top) {
    if (is_top) {
        session_idle(session_of(ctx));
    }
}

static void on_drained(void *ctx) {
    struct at_session *s = session_of(ctx);
    at_drained_fn *cb = s->req.on_drained;
    s->req.on_drained = NULL;
    if (cb != NULL) {
        cb(&s->req);
    }
    session_idle(s);
}

/* What an earlier DTE typed ahead. Where that was more than the channel takes, the transport has
 * the rest, and what the new one has sent already cannot be told from it. */
static void forget_input(struct chan *ch) {
    if (buf_room(&ch->in) == 0) {
        chan_discard(ch, true, false);
    } else {
        chan_forget_input(ch);
    }
}

static void on_event(void *ctx, enum chan_event event) {
    struct at_session *s = session_of(ctx);
    if (s->cfg.dtr != NULL) {
        s->cfg.dtr(s->cfg.owner);
    }
    switch (event) {
    case CHAN_OPENED:
        s->is_left = false;
        /* What an earlier DTE typed ahead is not the new one's. In data mode it is not ours. */
        if (chan_is_top(s->cfg.chan, s)) {
            forget_input(s->cfg.chan);
        }
        line_reset(&s->line);
        session_idle(s);
        break;
    case CHAN_CLOSED:
        s->is_left = true;
        if (hold_hurry(s) && !chan_is_top(s->cfg.chan, s)) {
            chan_tell_top(s->cfg.chan, CHAN_CLOSED);
        }
        /* What would be answered later would be answered to the next DTE. */
        if (is_abortable(s) || s->hold.is_active ||
            (s->req.is_open && (s->req.on_cancel != NULL || s->req.on_drained != NULL))) {
            session_cancel(s);
        }
        session_idle(s);
        if (buf_len(&s->cfg.chan->in) == 0) {
            line_reset(&s->line);
            urc_flush(s);
        }
        break;
    case CHAN_DTR_OFF:
    case CHAN_DTR_ON:
        /* In command mode DTR hangs nothing up (V3.00 2.2.18). */
        break;
    }
}

static const struct chan_user session_user = {
    .name = "at",
    .rx = on_rx,
    .top = on_top,
    .drained = on_drained,
    .event = on_event,
};

struct at_session *session_new(const struct at_session_config *cfg) {
    struct at_session *s = xmalloc(sizeof *s);
    OBJ_INIT(s, AT_SESSION_MAGIC);
    s->cfg = *cfg;
    s->port = setting_store_new(cfg->slots, cfg->nslots, true);
    s->req.session = s;
    s->command = (struct sv){s->text, 0};
    LIST_INIT(&s->urcs.late);
    line_init(&s->line);
    arena_init(&s->req.arena, LIMIT_ARENA);
    chan_push(cfg->chan, &session_user, s);
    return s;
}

void session_close(struct at_session *s) {
    if (s == NULL) {
        return;
    }
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    s->is_in_handler = true; /* nothing starts any more */
    session_cancel(s);
    chan_pop(s->cfg.chan, &session_user, s);
    urc_clear(s);
    arena_fini(&s->req.arena);
    setting_store_free(s->port);
    OBJ_FINI(s);
    free(s);
}

void session_set_timing(struct at_session *s, enum at_timing timing) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    s->timing = timing;
}

enum at_timing session_timing(const struct at_session *s) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    return s->timing;
}

void session_set_mute(struct at_session *s, bool is_mute) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    s->is_mute = is_mute;
}

void session_set_deaf(struct at_session *s, bool is_deaf) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    chan_set_deaf(s->cfg.chan, is_deaf);
    if (!is_deaf) {
        session_idle(s);
    }
}

void session_reset(struct at_session *s) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    must(!s->is_in_handler);
    s->has_line = false;
    session_cancel(s);
    line_init(&s->line);
    urc_clear(s);
}

struct setting_store *session_store(const struct at_session *s, unsigned slot) {
    return s->cfg.slots[slot].is_port ? s->port : s->cfg.module;
}

struct setting_store *session_settings(struct at_session *s) {
    return s->port;
}

struct chan *session_chan(struct at_session *s) {
    return s->cfg.chan;
}

int32_t session_int(const struct at_session *s, unsigned slot) {
    return setting_int(session_store(s, slot), slot);
}

void session_say(struct at_session *s, const char *text) {
    reply_final(s, text);
}
