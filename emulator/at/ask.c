/* ask.c: what the owner makes of a line, a command, a result or an unsolicited result before it
 * happens, and the wait that may stand in front of it. */
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/at/session_priv.h"

static struct bus_verdict ask(struct at_session *s, enum at_point point,
                              const struct at_asked *asked) {
    if (s->cfg.ask == NULL) {
        return (struct bus_verdict){0};
    }
    return s->cfg.ask(s->cfg.owner, point, asked);
}

static void on_hold_over(void *ctx);

/* Serves the verdict's delay, and behind it `own`, which is the module's. */
static void hold(struct at_session *s, enum at_point point, const struct bus_verdict *v,
                 clk_dur own, const char *result) {
    must(!s->hold.is_active);
    s->hold.is_active = true;
    s->hold.is_latency = v->delay.us == 0 && v->act == BUS_GO;
    s->hold.point = point;
    s->hold.verdict = *v;
    /* What the verdict says may be gone by then. */
    s->hold.text = sv_dup(v->text);
    s->hold.verdict.text = sv_of(s->hold.text);
    s->hold.result = result != NULL ? xstrdup(result) : NULL;
    clk_start(s->cfg.clk, &s->hold.timer, CLK_US(v->delay.us + own.us), on_hold_over, s);
}

void hold_clear(struct at_session *s) {
    clk_stop(s->cfg.clk, &s->hold.timer);
    free(s->hold.text);
    free(s->hold.result);
    s->hold = (struct hold){0};
}

bool hold_hurry(struct at_session *s) {
    if (!s->hold.is_active || !s->hold.is_latency) {
        return false;
    }
    clk_stop(s->cfg.clk, &s->hold.timer);
    on_hold_over(s);
    return true;
}

static clk_dur latency(const struct at_session *s, const struct at_cmd *row, enum at_form form) {
    return latency_answer(s->is_left ? AT_TIMING_NONE : s->timing, row, form);
}

/* The next of the lines that \n separates; false: there is none. */
static bool next_line(struct sv *rest, struct sv *line) {
    if (rest->p == NULL) {
        return false;
    }
    const char *end = memchr(rest->p, '\n', rest->n);
    *line = end != NULL ? sv_slice(*rest, 0, (size_t)(end - rest->p)) : *rest;
    *rest = end != NULL ? sv_slice(*rest, line->n + 1, rest->n) : (struct sv){NULL, 0};
    return true;
}

/* All lines but the last, as information; the last one is the caller's. */
static struct sv answer_all_but_last(struct at_session *s, struct sv lines) {
    struct sv line = SV("");
    bool is_first = true;
    while (next_line(&lines, &line) && lines.p != NULL) {
        reply_info(s, line.p, line.n, is_first);
        is_first = false;
    }
    return line;
}

void session_say_lines(struct at_session *s, struct sv lines) {
    struct sv last = answer_all_but_last(s, lines);
    reply_info(s, last.p, last.n, last.p == lines.p);
}

/* -- results -- */

static void finish_result(struct at_session *s, const char *text) {
    reply_final(s, text);
    session_done(s, text);
}

static void act_on_result(struct at_session *s, const struct bus_verdict *v, const char *text) {
    switch (v->act) {
    case BUS_GO:
    case BUS_FAIL:
        finish_result(s, text);
        break;
    case BUS_DROP:
        session_done(s, "");
        break;
    case BUS_REPLACE: {
        char *last = sv_dup(answer_all_but_last(s, v->text));
        finish_result(s, last);
        free(last);
        break;
    }
    }
}

static struct at_asked about_command(const struct at_session *s, struct sv text) {
    const struct parsed *command = &s->req.command;
    const char *equals = memchr(text.p, '=', text.n);
    struct at_asked asked = {.text = text, .name = command->name, .form = (int)command->form};
    if (equals != NULL && command->form == AT_WRITE) {
        asked.args = sv_slice(text, (size_t)(equals - text.p) + 1, text.n);
    }
    return asked;
}

void session_done(struct at_session *s, const char *result) {
    if (s->cfg.done != NULL) {
        struct at_asked asked = about_command(s, s->command);
        asked.text = sv_of(result);
        s->cfg.done(s->cfg.owner, &asked);
    }
}

void session_result(struct at_session *s, const char *text) {
    struct at_asked asked = about_command(s, s->command);
    asked.text = sv_of(text);
    struct bus_verdict v = ask(s, AT_POINT_RESULT, &asked);
    /* A command has taken its time before it ran. */
    clk_dur own = s->command.n > 0 ? CLK_US(0) : latency(s, NULL, AT_EXEC);
    if (v.delay.us + own.us > 0) {
        hold(s, AT_POINT_RESULT, &v, own, text);
    } else {
        act_on_result(s, &v, text);
    }
}

/* -- lines and commands -- */

/* Of a line there is no request yet: one that has no row answers for it. */
static void open_for_answer(struct at_session *s) {
    if (!s->req.is_open) {
        s->req.row = NULL;
        s->req.is_open = true;
        s->req.is_block = false;
        s->pos = s->text_len;
    }
}

static void act(struct at_session *s, enum at_point point, const struct bus_verdict *v) {
    if (v->act == BUS_GO) {
        if (point == AT_POINT_COMMAND) {
            session_run_command(s);
        } else {
            session_idle(s);
        }
        return;
    }
    open_for_answer(s);
    if (v->act == BUS_FAIL) {
        at_fail(&s->req, (enum at_err)v->code);
    } else if (v->act == BUS_DROP) {
        session_ended(s, false);
    } else {
        struct sv last = answer_all_but_last(s, v->text);
        if (sv_eq(last, SV("OK"))) {
            at_ok(&s->req);
            return;
        }
        char *text = sv_dup(last);
        at_final(&s->req, text);
        free(text);
    }
}

static void on_hold_over(void *ctx) {
    struct at_session *s;
    CAST_OBJ(s, ctx, AT_SESSION_MAGIC);
    struct hold h = s->hold;
    s->hold = (struct hold){0};
    s->req.on_cancel = NULL;
    if (h.point == AT_POINT_RESULT) {
        act_on_result(s, &h.verdict, h.result);
    } else {
        act(s, h.point, &h.verdict);
    }
    session_idle(s);
    free(h.text);
    free(h.result);
}

/* Whether it goes on now; else what was decided happens, now or later. */
static bool go(struct at_session *s, enum at_point point, const struct at_asked *asked,
               clk_dur own) {
    struct bus_verdict v = ask(s, point, asked);
    if (v.delay.us + own.us > 0) {
        hold(s, point, &v, own, NULL);
        return false;
    }
    if (v.act != BUS_GO) {
        act(s, point, &v);
        return false;
    }
    return true;
}

bool session_line_goes(struct at_session *s) {
    struct at_asked asked = {.text = {s->text, s->text_len}, .name = ""};
    return go(s, AT_POINT_LINE, &asked, CLK_US(0));
}

bool session_command_goes(struct at_session *s) {
    struct at_asked asked = about_command(s, s->command);
    return go(s, AT_POINT_COMMAND, &asked, latency(s, s->req.row, s->req.command.form));
}

/* -- unsolicited results -- */

struct bus_verdict session_ask_urc(struct at_session *s, const char *text) {
    struct at_asked asked = {.text = sv_of(text), .name = ""};
    return ask(s, AT_POINT_URC, &asked);
}
