/* prompt.c: a command collects data: the user on top of the session meanwhile. */
#include <string.h>

#include "base/obj.h"
#include "emulator/at/session_priv.h"
#include "slots.h"

enum { ETX = 0x03, SUB = 0x1a, ESC = 0x1b };

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at);
static void on_drained(void *ctx);
static void on_event(void *ctx, enum chan_event event);

static const struct chan_user prompt_user = {
    .name = "prompt",
    .rx = on_rx,
    .drained = on_drained,
    .event = on_event,
};

static void add(struct prompt *pr, uint8_t c) {
    pr->is_over |= buf_put(&pr->data, &c, 1) == 0;
}

/* Off the stack first, so that the handler's answer comes from the session below. */
static void finish(struct at_session *s, bool is_cancelled) {
    struct prompt pr = s->prompt;
    s->prompt = (struct prompt){0};
    chan_pop(s->cfg.chan, &prompt_user, &s->prompt);
    if (is_cancelled) {
        pr.cb(&s->req, NULL, 0);
    } else if (pr.is_over) {
        pr.cb(&s->req, NULL, pr.data.max + 1);
    } else {
        const uint8_t *p = buf_data(&pr.data);
        pr.cb(&s->req, p != NULL ? p : (const uint8_t *)"", buf_len(&pr.data));
    }
    buf_fini(&pr.data);
    session_idle(s);
}

static struct at_session *session_of(void *ctx) {
    struct at_session *s;
    CAST_MEMBER(s, ctx, struct at_session, prompt, AT_SESSION_MAGIC);
    return s;
}

/* Until Ctrl-Z: ETX takes the control character behind it as data (V3.00 11.2.5); in front of
 * anything else it is data itself (guess). Returns true at the end of the data. */
static bool take_until_end(struct prompt *pr, uint8_t c, bool *is_cancelled) {
    if (pr->is_escaped) {
        pr->is_escaped = false;
        if (c != ETX && c != SUB && c != ESC) {
            add(pr, ETX);
        }
        add(pr, c);
        return false;
    }
    if (c == ETX) {
        pr->is_escaped = true;
        return false;
    }
    *is_cancelled = c == ESC;
    if (c == SUB || c == ESC) {
        return true;
    }
    add(pr, c);
    return false;
}

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)at;
    struct at_session *s = session_of(ctx);
    struct prompt *pr = &s->prompt;
    /* The echo of data is output like any other: it waits for a DTE that does not read. */
    if (chan_is_busy(s->cfg.chan)) {
        return 0;
    }
    size_t used = 0;
    bool is_done = false;
    bool is_cancelled = false;
    while (used < n && !is_done) {
        if (pr->want > 0) {
            used += buf_put(&pr->data, p + used, n - used);
            is_done = buf_len(&pr->data) == pr->want;
        } else {
            is_done = take_until_end(pr, p[used++], &is_cancelled);
        }
    }
    /* The note's transcripts show the data behind the prompt, but not the byte that ends it. */
    size_t shown = is_done && pr->want == 0 ? used - 1 : used;
    if (session_int(s, SLOT_E) != 0 && shown > 0) {
        reply_write(s, p, shown);
    }
    if (is_done) {
        finish(s, is_cancelled);
    }
    return used;
}

static void on_drained(void *ctx) {
    chan_pump(session_of(ctx)->cfg.chan);
}

static void on_event(void *ctx, enum chan_event event) {
    struct at_session *s = session_of(ctx);
    if (event == CHAN_CLOSED) {
        /* What was not taken yet is data, no command. */
        chan_discard(s->cfg.chan, true, false);
        session_cancel(s);
    }
}

void prompt_start(struct at_session *s, const char *prompt, size_t want, size_t max,
                  at_data_fn *cb) {
    must(!s->prompt.is_active && want <= max);
    s->prompt = (struct prompt){.is_active = true, .want = want, .cb = cb};
    buf_init(&s->prompt.data, want > 0 ? want : max);
    reply_write(s, session_eol(s), 2);
    reply_write(s, prompt, strlen(prompt));
    chan_push(s->cfg.chan, &prompt_user, &s->prompt);
}

void prompt_cancel(struct at_session *s) {
    if (s->prompt.is_active) {
        buf_fini(&s->prompt.data);
        s->prompt = (struct prompt){0};
        chan_pop(s->cfg.chan, &prompt_user, &s->prompt);
    }
}
