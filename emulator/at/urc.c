/* urc.c: the queue of unsolicited results of one port and when they may be sent. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "emulator/at/session_priv.h"
#include "slots.h"

static struct urc *item(struct urc_queue *q, size_t i) {
    return &q->items[(q->first + i) % URC_PLACES];
}

static void remove_item(struct urc_queue *q, size_t i) {
    free(item(q, i)->text);
    for (size_t k = i; k + 1 < q->n; k++) {
        *item(q, k) = *item(q, k + 1);
    }
    q->n--;
}

/* Sources are never dropped: what they would write stays with their link. There are at most
 * LIMIT_LINKS of them, so something else is always there to go. */
static void make_room(struct at_session *s) {
    struct urc_queue *q = &s->urcs;
    size_t victim = q->n;
    for (size_t i = q->n; i > 0; i--) {
        const struct urc *u = item(q, i - 1);
        bool is_better = u->source == NULL && (victim == q->n || u->class == URC_REPEATABLE ||
                                               item(q, victim)->class != URC_REPEATABLE);
        if (is_better) {
            victim = i - 1;
        }
    }
    must(victim < q->n);
    q->dropped++;
    LOG(LOG_AT, LOG_INFO, s->cfg.chan->name, "unsolicited result dropped, queue full: %s",
        item(q, victim)->text);
    remove_item(q, victim);
}

static void add_item(struct at_session *s, struct urc u) {
    struct urc_queue *q = &s->urcs;
    *item(q, q->n++) = u;
    if (q->n > LIMIT_URCS) {
        make_room(s);
    }
}

/* When it may be said; the text's name decides how long that takes. */
static clk_mono due(const struct at_session *s, const char *text) {
    clk_dur latency = latency_urc(s->timing, s->cfg.table, text);
    return (clk_mono){latency.us > 0 ? clk_now(s->cfg.clk).us + latency.us : 0};
}

static void add_source(struct at_session *s, urc_source_fn *cb, void *ctx, clk_mono at) {
    for (size_t i = 0; i < s->urcs.n; i++) {
        if (item(&s->urcs, i)->source == cb && item(&s->urcs, i)->ctx == ctx) {
            return;
        }
    }
    add_item(s, (struct urc){.source = cb, .ctx = ctx, .due = at});
}

void urc_post(struct at_session *s, enum urc_class class, const char *fmt, ...) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    char text[LIMIT_URC_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    urc_post_text(s, class, text);
}

void urc_post_text(struct at_session *s, enum urc_class class, const char *text) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    if (s->is_mute) {
        return;
    }
    add_item(s, (struct urc){.class = class, .text = xstrdup(text), .due = due(s, text)});
    urc_flush(s);
}

void urc_post_source(struct at_session *s, urc_source_fn *cb, void *ctx) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    add_source(s, cb, ctx, due(s, ""));
    urc_flush(s);
}

void urc_drop_source(struct at_session *s, void *ctx) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    for (size_t i = s->urcs.n; i > 0; i--) {
        if (item(&s->urcs, i - 1)->source != NULL && item(&s->urcs, i - 1)->ctx == ctx) {
            remove_item(&s->urcs, i - 1);
        }
    }
}

void urc_write_now(struct at_session *s, const char *text) {
    CHECK_OBJ(s, AT_SESSION_MAGIC);
    if (!s->is_mute) {
        reply_info(s, text, strlen(text), true);
    }
}

uint64_t urc_dropped(const struct at_session *s) {
    return s->urcs.dropped;
}

static void drop_late(struct urc_late *late) {
    LIST_REMOVE(late, entry);
    clk_stop(late->session->cfg.clk, &late->timer);
    late->session->urcs.nlate--;
    free(late->urc.text);
    free(late);
}

static void on_late(void *ctx) {
    struct urc_late *late = ctx;
    struct at_session *s = late->session;
    add_item(s, late->urc);
    late->urc.text = NULL;
    drop_late(late);
    urc_flush(s);
}

/* The others do not wait for it. */
static void make_late(struct at_session *s, enum urc_class class, struct sv text, clk_dur delay) {
    struct urc_late *late = xmalloc(sizeof *late);
    late->session = s;
    late->urc = (struct urc){.class = class, .text = sv_dup(text), .is_decided = true};
    LIST_INSERT_HEAD(&s->urcs.late, late, entry);
    s->urcs.nlate++;
    clk_start(s->cfg.clk, &late->timer, delay, on_late, late);
}

static void on_ri_over(void *ctx) {
    struct at_session *s;
    CAST_OBJ(s, ctx, AT_SESSION_MAGIC);
    chan_set_ri(s->cfg.chan, false);
}

/* AT+CFGRI: RI is raised for a while with each one (V3.00 19.2.16). */
static void pulse_ri(struct at_session *s) {
    if (session_int(s, SLOT_CFGRI_STATUS) != 0) {
        chan_set_ri(s->cfg.chan, true);
        clk_start(s->cfg.clk, &s->ri, CLK_MS(session_int(s, SLOT_CFGRI_URC_TIME)), on_ri_over, s);
    }
}

/* The oldest one, which is a text; what is replaced is replaced after the wait. */
static void write_first(struct at_session *s) {
    struct urc_queue *q = &s->urcs;
    struct urc u = *item(q, 0);
    /* Off the queue before anybody is asked, who may post another. */
    item(q, 0)->text = NULL;
    remove_item(q, 0);
    struct bus_verdict v = {0};
    if (!u.is_decided) {
        v = session_ask_urc(s, u.text);
    }
    struct sv line = v.act == BUS_REPLACE ? v.text : sv_of(u.text);
    if (v.act == BUS_DROP) {
        LOG(LOG_AT, LOG_DEBUG, s->cfg.chan->name, "unsolicited result swallowed: %s", u.text);
    } else if (v.delay.us > 0 && q->nlate < LIMIT_URCS) {
        make_late(s, u.class, line, v.delay);
    } else {
        session_say_lines(s, line);
        chan_end_line(s->cfg.chan);
        pulse_ri(s);
    }
    free(u.text);
}

static void on_ripe(void *ctx) {
    struct at_session *s;
    CAST_OBJ(s, ctx, AT_SESSION_MAGIC);
    urc_flush(s);
}

/* Whether the first one may be said now; if not, it is said then. Those behind it wait for it: data
 * must not come before the line that says that their link is open. */
static bool is_ripe(struct at_session *s) {
    clk_mono at = item(&s->urcs, 0)->due;
    if (at.us == 0) {
        return true;
    }
    clk_dur left = {at.us - clk_now(s->cfg.clk).us};
    if (left.us > 0) {
        clk_start(s->cfg.clk, &s->urcs.ripe, left, on_ripe, s);
    }
    return left.us <= 0;
}

void urc_flush(struct at_session *s) {
    struct urc_queue *q = &s->urcs;
    if (q->is_flushing) {
        return;
    }
    q->is_flushing = true;
    size_t kept = 0; /* sources with nobody to read them; when only they are left, it is over */
    while (kept < q->n && session_may_urc(s) && is_ripe(s)) {
        struct urc u = *item(q, 0);
        if (u.source == NULL) {
            write_first(s);
            continue;
        }
        q->first = (q->first + 1) % URC_PLACES;
        q->n--;
        if (!s->cfg.chan->is_open) {
            *item(q, q->n++) = u;
            kept++;
        } else if (u.source(u.ctx, s)) {
            add_source(s, u.source, u.ctx, (clk_mono){0});
        }
    }
    q->is_flushing = false;
}

void urc_clear(struct at_session *s) {
    if (clk_pending(&s->ri)) {
        clk_stop(s->cfg.clk, &s->ri);
        chan_set_ri(s->cfg.chan, false);
    }
    clk_stop(s->cfg.clk, &s->urcs.ripe);
    while (s->urcs.n > 0) {
        remove_item(&s->urcs, 0);
    }
    while (!LIST_EMPTY(&s->urcs.late)) {
        drop_late(LIST_FIRST(&s->urcs.late));
    }
}
