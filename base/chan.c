#include "base/chan.h"

#include <errno.h>
#include <stdio.h>

#include "base/obj.h"

void chan_init(struct chan *ch, const char *name) {
    *ch = (struct chan){0};
    OBJ_INIT(ch, CHAN_MAGIC);
    snprintf(ch->name, sizeof ch->name, "%s", name);
    ch->gate = CHAN_GATE_OPEN;
    buf_init(&ch->in, LIMIT_CHAN_IN);
    buf_init(&ch->out, LIMIT_CHAN_OUT);
}

void chan_fini(struct chan *ch) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    must(ch->depth == 0);
    buf_fini(&ch->in);
    buf_fini(&ch->out);
    OBJ_FINI(ch);
}

void chan_set_transport(struct chan *ch, const struct chan_transport *t, void *ctx) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->transport = t;
    ch->transport_ctx = ctx;
}

static void tell_top(struct chan *ch, size_t i, bool is_top) {
    if (ch->stack[i].user->top != NULL) {
        ch->stack[i].user->top(ch->stack[i].ctx, is_top);
    }
}

const char *chan_top_name(const struct chan *ch) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    const char *name = ch->depth > 0 ? ch->stack[ch->depth - 1].user->name : "";
    return name != NULL ? name : "";
}

static void tell_tap(struct chan *ch) {
    if (ch->tap != NULL && ch->tap->top != NULL) {
        ch->tap->top(ch->tap_ctx, chan_top_name(ch));
    }
}

void chan_push(struct chan *ch, const struct chan_user *user, void *ctx) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    must(ch->depth < LIMIT_CHAN_USERS);
    if (ch->depth > 0) {
        tell_top(ch, ch->depth - 1, false);
    }
    ch->stack[ch->depth].user = user;
    ch->stack[ch->depth].ctx = ctx;
    ch->depth++;
    tell_tap(ch);
    tell_top(ch, ch->depth - 1, true);
}

void chan_pop(struct chan *ch, const struct chan_user *user, void *ctx) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    must(ch->depth > 0 && ch->stack[ch->depth - 1].user == user &&
         ch->stack[ch->depth - 1].ctx == ctx);
    tell_top(ch, ch->depth - 1, false);
    ch->depth--;
    tell_tap(ch);
    if (ch->depth > 0) {
        tell_top(ch, ch->depth - 1, true);
    }
}

bool chan_is_top(const struct chan *ch, const void *ctx) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    return ch->depth > 0 && ch->stack[ch->depth - 1].ctx == ctx;
}

static void kick(struct chan *ch) {
    size_t n = 0;
    chan_tx_data(ch, &n);
    if (n > 0 && ch->transport != NULL) {
        ch->transport->kick(ch->transport_ctx);
    }
}

int chan_put(struct chan *ch, const void *p, size_t n) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    int rc = buf_put_all(&ch->out, p, n);
    if (rc == 0 && n > 0) {
        kick(ch);
    }
    return rc;
}

int chan_write(struct chan *ch, const void *p, size_t n) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    if (ch->is_deaf || n == 0) {
        return 0;
    }
    if (n > buf_room(&ch->out)) {
        return -ENOBUFS;
    }
    if (ch->tap != NULL && ch->tap->tx(ch->tap_ctx, p, n)) {
        return 0;
    }
    return chan_put(ch, p, n);
}

void chan_set_tap(struct chan *ch, const struct chan_tap *tap, void *ctx) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->tap = tap;
    ch->tap_ctx = ctx;
    if (tap == NULL) {
        chan_set_gate(ch, CHAN_GATE_OPEN);
    }
}

void chan_set_gate(struct chan *ch, size_t n) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->gate = n;
    kick(ch);
}

void chan_end_line(struct chan *ch) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    if (ch->tap != NULL && ch->tap->line != NULL) {
        ch->tap->line(ch->tap_ctx);
    }
}

void chan_set_present(struct chan *ch, bool on) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    if (ch->transport != NULL && ch->transport->set_present != NULL) {
        ch->transport->set_present(ch->transport_ctx, on);
    }
}

size_t chan_pending(const struct chan *ch) {
    return buf_len(&ch->out);
}

bool chan_is_busy(const struct chan *ch) {
    return buf_len(&ch->out) >= LIMIT_CHAN_HIGH;
}

void chan_skip_lf(struct chan *ch) {
    ch->skip_lf = true;
    ch->is_lf_late = false;
}

/* The byte behind a CR: whether it is dropped. */
static bool is_end_of_line(struct chan *ch, uint8_t c) {
    ch->skip_lf = false;
    /* Where no data is wanted an LF is the line's in any case, and tells how this DTE ends
     * lines. */
    if (c == '\n' && ch->is_lf_late && ch->is_cr_alone && ch->depth > 1) {
        return false;
    }
    ch->is_cr_alone = c != '\n';
    return c == '\n';
}

void chan_watch_dtr(struct chan *ch, bool on) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    if (ch->transport != NULL && ch->transport->watch_dtr != NULL) {
        ch->transport->watch_dtr(ch->transport_ctx, on);
    }
}

void chan_set_flow(struct chan *ch, bool obeys_xoff, bool sends_xoff) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    if (ch->transport != NULL && ch->transport->set_flow != NULL) {
        ch->transport->set_flow(ch->transport_ctx, obeys_xoff, sends_xoff);
    }
}

void chan_obey_rts(struct chan *ch, bool on) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->is_rts_obeyed = on;
    kick(ch);
}

void chan_on_lines(struct chan *ch, void (*cb)(void *ctx), void *ctx) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->on_lines = cb;
    ch->lines_ctx = ctx;
}

static void tell_lines(const struct chan *ch) {
    if (ch->on_lines != NULL) {
        ch->on_lines(ch->lines_ctx);
    }
}

void chan_set_ri(struct chan *ch, bool on) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    bool is_news = ch->is_ri_on != on;
    ch->is_ri_on = on;
    ch->ri_ends += is_news && !on;
    if (ch->transport != NULL && ch->transport->set_ri != NULL) {
        ch->transport->set_ri(ch->transport_ctx, on);
    }
    if (is_news) {
        tell_lines(ch);
    }
}

void chan_set_dcd(struct chan *ch, bool on) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    bool is_news = ch->is_dcd_on != on;
    ch->is_dcd_on = on;
    ch->dcd_changes += is_news;
    if (ch->transport != NULL && ch->transport->set_dcd != NULL) {
        ch->transport->set_dcd(ch->transport_ctx, on);
    }
    if (is_news) {
        tell_lines(ch);
    }
}

void chan_pump(struct chan *ch) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    /* A user that pumps from inside its own rx is served by the loop that called it. */
    if (ch->is_pumping) {
        return;
    }
    ch->is_pumping = true;
    size_t before = buf_len(&ch->in);
    while (buf_len(&ch->in) > 0 && ch->depth > 0) {
        if (ch->is_deaf) {
            buf_clear(&ch->in);
            break;
        }
        const uint8_t *p = buf_data(&ch->in);
        if (ch->skip_lf && p != NULL && is_end_of_line(ch, p[0])) {
            buf_drop(&ch->in, 1);
            continue;
        }
        const struct chan_user *user = ch->stack[ch->depth - 1].user;
        void *ctx = ch->stack[ch->depth - 1].ctx;
        size_t n = buf_len(&ch->in);
        size_t took = user->rx(ctx, p, n, ch->in_at);
        must(took <= n);
        buf_drop(&ch->in, took);
        bool is_same = ch->depth > 0 && ch->stack[ch->depth - 1].ctx == ctx;
        if (took == 0 && is_same) {
            break;
        }
    }
    ch->is_pumping = false;
    if (buf_len(&ch->in) < before && ch->transport != NULL) {
        ch->transport->room(ch->transport_ctx);
    }
}

void chan_set_deaf(struct chan *ch, bool on) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->is_deaf = on;
    chan_pump(ch);
}

uint8_t *chan_rx_reserve(struct chan *ch, size_t want, size_t *got) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    return buf_reserve(&ch->in, want, got);
}

void chan_rx_commit(struct chan *ch, size_t n, clk_mono at) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->nin += n;
    if (ch->tap != NULL && n > 0) {
        n = ch->tap->rx(ch->tap_ctx, ch->in.mem + ch->in.start + ch->in.len, n);
    }
    buf_commit(&ch->in, n);
    ch->in_at = at;
    ch->is_lf_late = ch->skip_lf;
    chan_pump(ch);
}

const uint8_t *chan_tx_data(const struct chan *ch, size_t *n) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    bool is_stopped = ch->is_rts_obeyed && ch->is_rts_off;
    size_t most = is_stopped ? 0 : ch->gate;
    *n = buf_len(&ch->out) < most ? buf_len(&ch->out) : most;
    return buf_data(&ch->out);
}

static void drop_output(struct chan *ch, size_t n) {
    if (n == 0) {
        return;
    }
    buf_drop(&ch->out, n);
    if (buf_len(&ch->out) == 0 && ch->depth > 0 && ch->stack[ch->depth - 1].user->drained != NULL) {
        ch->stack[ch->depth - 1].user->drained(ch->stack[ch->depth - 1].ctx);
    }
}

void chan_tx_done(struct chan *ch, size_t n) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->nout += n;
    if (ch->gate != CHAN_GATE_OPEN) {
        must(n <= ch->gate);
        ch->gate -= n;
    }
    /* Only now, because it may set the gate anew. */
    if (ch->tap != NULL && n > 0) {
        ch->tap->sent(ch->tap_ctx, buf_data(&ch->out), n);
    }
    drop_output(ch, n);
}

static void tell_all(struct chan *ch, enum chan_event event) {
    if (ch->tap != NULL) {
        ch->tap->event(ch->tap_ctx, event);
    }
    for (size_t i = ch->depth; i > 0; i--) {
        /* A user may pop itself, and only itself, when it hears of a close. */
        if (i <= ch->depth && ch->stack[i - 1].user->event != NULL) {
            ch->stack[i - 1].user->event(ch->stack[i - 1].ctx, event);
        }
    }
}

void chan_tell_top(struct chan *ch, enum chan_event event) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    must(ch->depth > 0);
    const struct chan_user *user = ch->stack[ch->depth - 1].user;
    if (user->event != NULL) {
        user->event(ch->stack[ch->depth - 1].ctx, event);
    }
}

void chan_set_open(struct chan *ch, bool is_open) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    if (ch->is_open != is_open) {
        ch->is_open = is_open;
        ch->is_dtr_off = false;
        ch->is_rts_off = false;
        ch->is_cr_alone = false;
        tell_all(ch, is_open ? CHAN_OPENED : CHAN_CLOSED);
        tell_lines(ch);
    }
}

void chan_set_dtr(struct chan *ch, bool is_on) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    if (ch->is_open && ch->is_dtr_off == is_on) {
        ch->is_dtr_off = !is_on;
        tell_all(ch, is_on ? CHAN_DTR_ON : CHAN_DTR_OFF);
    }
}

void chan_set_rts(struct chan *ch, bool is_on) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    if (ch->is_open) {
        ch->is_rts_off = !is_on;
        kick(ch);
    }
}

void chan_break(struct chan *ch) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->breaks++;
}

void chan_forget_dtr(struct chan *ch) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    ch->is_dtr_off = false;
}

void chan_discard(struct chan *ch, bool input, bool output) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    if (input) {
        buf_clear(&ch->in);
        if (ch->transport != NULL && ch->transport->drop != NULL) {
            ch->transport->drop(ch->transport_ctx);
        }
    }
    if (output) {
        drop_output(ch, buf_len(&ch->out));
    }
}

void chan_forget_input(struct chan *ch) {
    CHECK_OBJ(ch, CHAN_MAGIC);
    buf_clear(&ch->in);
}
