#include "pty/uart.h"

#include <string.h>

#include "base/chan.h"
#include "pty/tty.h"

enum { DC1 = 0x11, DC3 = 0x13 };
enum { ASK_MS = 50 }; /* well under the second after which hosts open a line again */

void uart_init(struct uart *u, struct clk *clk, const struct tty *tty, struct chan *chan) {
    *u = (struct uart){.clk = clk, .tty = tty, .chan = chan};
}

void uart_stop(struct uart *u) {
    clk_stop(u->clk, &u->ask);
}

static void on_ask(void *ctx) {
    struct uart *u = ctx;
    clk_start(u->clk, &u->ask, CLK_MS(ASK_MS), on_ask, u);
    bool is_b0 = tty_speed(u->tty) == 0;
    /* Only its changes: somebody else may have switched DTR meanwhile. */
    if (is_b0 != u->is_b0) {
        u->is_b0 = is_b0;
        chan_set_dtr(u->chan, !is_b0);
    }
}

void uart_watch_dtr(struct uart *u, bool on) {
    if (u->is_b0) {
        u->is_b0 = false;
        chan_forget_dtr(u->chan);
    }
    if (on) {
        clk_start(u->clk, &u->ask, CLK_MS(ASK_MS), on_ask, u);
    } else {
        clk_stop(u->clk, &u->ask);
    }
}

void uart_set_flow(struct uart *u, bool obeys_xoff, bool sends_xoff) {
    u->obeys_xoff = obeys_xoff;
    u->sends_xoff = sends_xoff;
    uart_reset(u);
}

void uart_reset(struct uart *u) {
    u->is_stopped = false;
    u->has_sent_xoff = false;
    u->is_b0 = false;
}

size_t uart_filter(struct uart *u, uint8_t *p, size_t n) {
    if (!u->obeys_xoff) {
        return n;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == DC1 || p[i] == DC3) {
            u->is_stopped = p[i] == DC3;
        } else {
            p[kept++] = p[i];
        }
    }
    return kept;
}

uint8_t uart_flow_byte(struct uart *u, bool is_full) {
    if (!u->sends_xoff || is_full == u->has_sent_xoff) {
        return 0;
    }
    u->has_sent_xoff = is_full;
    return is_full ? DC3 : DC1;
}
