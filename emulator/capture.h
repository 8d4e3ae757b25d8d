/* capture.h: a pcapng file of what passes at the modules: packets, PPP and multiplexer frames.
 *
 * An interface for each kind and port of a module, made with its first packet: "ip0" of module 0,
 * "ppp0@modem", "mux0@at". Instants are the modem's, on its clock's wall time. The file is whole
 * blocks at the end of each turn of the loop. If it cannot be written, a line in the log says so,
 * what is in it stays readable, and nothing more is captured.
 *
 * Owns:    the file. Borrows: loop and clock, until capture_close; a bearer's tap from
 *          capture_attach on, until then as well: bearers live longer or end silent.
 * Bounds:  LIMIT_CAPTURE_OUT bytes wait for the file; LIMIT_CAPTURE_PORTS interfaces of a module,
 *          packets of further ones are left out.
 */
#ifndef EMULATOR_CAPTURE_H
#define EMULATOR_CAPTURE_H

#include <stdint.h>

struct bearer;
struct capture;
struct clk;
struct uv_loop_s;

/* Begins the file anew. NULL: errno says why. It is never waited for: a pipe that nobody reads is
 * refused, one that is full ends the capture. */
struct capture *capture_open(const char *path, struct uv_loop_s *loop, const struct clk *clk);
void capture_attach(struct capture *c, struct bearer *b, unsigned modem);

/* Writes what waits. *packets: so many came; -EIO: the file could not be written any more, and
 * has fewer. The memory goes in the close callback. Either may be NULL. */
int capture_close(struct capture *c, uint64_t *packets);

#endif
