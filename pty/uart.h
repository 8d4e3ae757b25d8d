/* uart.h: the lines and the flow control of a serial port, as far as a tty has them.
 *
 * A pty has no DTR: its stand-ins are the last close (port.h) and speed B0, which
 * can only be asked for, so that is done while somebody wants to know. Hardware flow
 * control needs nothing: a full kernel buffer makes the client's write wait, as RTS
 * would. XON/XOFF is done here: the characters are taken out of the input. While the client
 * has stopped us the port reads on, up to LIMIT_PORT_STASH, for its DC1 may stand behind input
 * that the channel does not take.
 *
 * Borrows: clock, tty and channel. Caller's memory.
 */
#ifndef PTY_UART_H
#define PTY_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"

struct chan;
struct tty;

struct uart {
    struct clk *clk;
    const struct tty *tty;
    struct chan *chan;
    struct clk_timer ask; /* for the speed */
    bool obeys_xoff;      /* the client stops and starts our output with DC3 and DC1 */
    bool sends_xoff;      /* and we its */
    bool is_stopped;      /* DC3 was received */
    bool has_sent_xoff;
    bool is_b0;     /* DTR was told to be off, for the speed */
    bool is_dcd_on; /* a pty cannot show it; kept for who can */
};

void uart_init(struct uart *u, struct clk *clk, const struct tty *tty, struct chan *chan);
void uart_stop(struct uart *u); /* no callback comes any more */

/* Asks for the speed from now on, or no longer: chan_set_dtr when it becomes B0 or another one. */
void uart_watch_dtr(struct uart *u, bool on);

void uart_set_flow(struct uart *u, bool obeys_xoff, bool sends_xoff);

/* Takes DC1 and DC3 out of the input; returns how many bytes are left. */
size_t uart_filter(struct uart *u, uint8_t *p, size_t n);

/* The byte to send when the input became full or got room again; 0: none. */
uint8_t uart_flow_byte(struct uart *u, bool is_full);

/* A new client starts with nothing stopped, and DTR on. */
void uart_reset(struct uart *u);

#endif
