/* rfc2217.h: the module's UART as a TCP server that speaks Telnet with the serial port's own
 * commands (RFC 2217), which has the lines that a tty lacks.
 *
 * A connection is a DTE that opens the port: DTR and RTS are on until it says otherwise, CTS and
 * DSR are always on, DCD and RI are the module's. Its end is the end of DTR. There is one client at
 * a time; another one is told so and sent away, unless the first has gone and this was only not
 * noticed yet. What the module says while nobody is there is lost, as on a wire. The port stays
 * when the module goes off.
 *
 * Owns:    the socket, its client, its struct chan (rfc2217_chan).
 * Borrows: loop and clock.
 * Bounds:  LIMIT_RFC2217_OUT bytes wait for the client, who is not read meanwhile; LIMIT_PORT_STASH
 *          for the module.
 */
#ifndef PTY_RFC2217_H
#define PTY_RFC2217_H

#include <stdint.h>

struct chan;
struct clk;
struct rfc2217;
struct uv_loop_s;

struct rfc2217_config {
    const char *name; /* of the channel in the log: "uart" */
    const char *host; /* a number: "127.0.0.1", "::1" */
    uint16_t port;    /* 0: any free one */
    struct uv_loop_s *loop;
    struct clk *clk;
};

/* -EINVAL: the host is no number; -EADDRINUSE and other -E...: the system refused. The reason is
 * logged. */
int rfc2217_new(struct rfc2217 **out, const struct rfc2217_config *cfg);
struct chan *rfc2217_chan(struct rfc2217 *r);
const char *rfc2217_url(const struct rfc2217 *r); /* "rfc2217://127.0.0.1:2217" */

/* What the client can still be given is written first. Users must be off the channel. The memory
 * goes in the last close callback. NULL is allowed. */
void rfc2217_close(struct rfc2217 *r);

#endif
