/* trace.h: what happens to links on the wire, as JSON lines with the modem's instants.
 *
 * {"us":3000000,"modem":0,"link":0,"event":"transmit","n":2,"acked":0,"bytes":5,"lost":true}
 * Events: connect and transmit (a transmission; n counts from 1), wait (for its
 * acknowledgement, "wait_us"), acknowledged (all of it), failed.
 *
 * Owns: the file. Borrows: clock and bearers, until trace_close.
 */
#ifndef EMULATOR_TRACE_H
#define EMULATOR_TRACE_H

struct bearer;
struct clk;
struct trace;

struct trace *trace_open(const char *path, const struct clk *clk); /* NULL: errno says why */
void trace_attach(struct trace *t, struct bearer *b, unsigned modem);
void trace_close(struct trace *t); /* the bearers are gone or silent; NULL is allowed */

#endif
