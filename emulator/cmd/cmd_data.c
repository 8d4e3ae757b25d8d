#include "emulator/cmd/cmd_data.h"

#include "emulator/cmd/cmd.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "slots.h"

static struct chan *chan_of(const struct cmd *c) {
    return session_chan(c->session);
}

static int dtr_mode(const struct cmd *c) {
    return session_int(c->session, SLOT_AMP_D);
}

void cmd_data_begin(struct cmd *c, const struct cmd_data_kind *kind) {
    c->data.kind = kind;
    chan_watch_dtr(chan_of(c), true);
    transparent_show_dcd(c);
    escape_start(&c->data.escape, clk_now(c->modem->clk));
}

void cmd_data_leave(struct cmd *c) {
    const struct cmd_data_kind *kind = c->data.kind;
    c->data.kind = NULL;
    clk_stop(c->modem->clk, &c->data.guard);
    chan_watch_dtr(chan_of(c), false);
    chan_pop(chan_of(c), &kind->user, c);
}

/* -- +++ -- */

/* Returns whether it was an escape. */
static bool end_guard(struct cmd *c, clk_mono now) {
    const struct cmd_data_kind *kind = c->data.kind;
    unsigned release = 0;
    if (escape_due(&c->data.escape, now, &release)) {
        session_say(c->session, "OK");
        kind->suspend(c);
        return true;
    }
    if (release > 0) {
        kind->pass(c, "+++", release);
    }
    return false;
}

static void on_guard(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    end_guard(c, clk_now(c->modem->clk));
}

size_t cmd_data_take(struct cmd *c, const uint8_t *p, size_t n, clk_mono at) {
    const struct cmd_data_kind *kind = c->data.kind;
    /* The input may be read before a timer that was due earlier has run. */
    if (end_guard(c, at)) {
        return 0;
    }
    struct escape_verdict v = escape_feed(&c->data.escape, p, n, at);
    if (v.release > 0) {
        kind->pass(c, "+++", v.release);
    }
    size_t took = v.pass ? kind->pass(c, p, n) : n;
    clk_dur wait = escape_wait(&c->data.escape, clk_now(c->modem->clk));
    if (wait.us < 0) {
        clk_stop(c->modem->clk, &c->data.guard);
    } else {
        clk_start(c->modem->clk, &c->data.guard, wait, on_guard, c);
    }
    return took;
}

/* -- DTR goes off with the last close of a tty and with speed B0 (design n 12) -- */

void cmd_data_dtr_off(struct cmd *c, bool is_there) {
    const struct cmd_data_kind *kind = c->data.kind;
    if (dtr_mode(c) == CMD_DTR_IGNORE) {
        return;
    }
    /* Input that was not taken is lost with the DTE, as it would be in the DTE's own buffer. */
    chan_discard(chan_of(c), true, false);
    if (dtr_mode(c) == CMD_DTR_HANG_UP) {
        kind->hang_up(c, is_there);
        return;
    }
    if (is_there) {
        session_say(c->session, "OK"); /* what DTR off answers is not said (guess) */
    }
    kind->suspend(c);
}

static void on_closed(struct cmd *c) {
    if (dtr_mode(c) != CMD_DTR_IGNORE) {
        /* The data would be taken for answers by whoever comes next. */
        chan_discard(chan_of(c), false, true);
    }
    cmd_data_dtr_off(c, false);
}

void cmd_data_event(void *ctx, enum chan_event event) {
    struct cmd *c = cmd_from(ctx);
    switch (event) {
    case CHAN_CLOSED:
        on_closed(c);
        break;
    case CHAN_DTR_OFF:
        cmd_data_dtr_off(c, true);
        break;
    case CHAN_OPENED:
        c->data.kind->user.drained(c);
        break;
    case CHAN_DTR_ON:
        break;
    }
}
