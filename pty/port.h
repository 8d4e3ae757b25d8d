/* port.h: one tty of the module: a pseudo-terminal, its link, and its clients' comings and goings.
 *
 * The link exists exactly while the tty can be opened. No slave is held: opens are
 * seen through inotify, the last close as a hang-up of the master, and while nobody is
 * there nothing runs. At the last close what the client left (unread output, line
 * settings, exclusive use) is cleared; output written after it waits LIMIT_PORT_HOLD_MS
 * for the next client and is then thrown away, as a serial line with nobody on it would.
 *
 * `echo AT > tty; cat tty` gets its answer. When the close is noticed before the answer
 * is made, the answer is output of afterwards and waits. When it was already written, it
 * would be cleared with the rest; so output is also kept for the next client if the one
 * that closed never read a byte and had the tty open for less than LIMIT_PORT_HOLD_MS.
 * Whoever has read something, or stayed longer, is a driver that died or hung up: what
 * it left unread, and the answer to its last words, must not surprise the next one. A client that
 * came and went before that one's close was noticed is told from it by its open, or its input.
 *
 * Input from before a close is still offered, before CHAN_CLOSED as far as there is room
 * for it. Of several clients at once only the last close counts, and the newest open.
 *
 * chan_set_present(off) pulls the tty, as a USB device is pulled: its clients read an end and
 * write in vain, the link is gone (its name stays claimed), input and output are thrown away, also
 * what is written later. On: a tty of another number behind the same link. Both happen before
 * the loop waits again, and not inside the call, which so is allowed everywhere.
 *
 * Owns:    the pty, the link, its struct chan (port_chan).
 * Borrows: loop, clock and watch.
 */
#ifndef PTY_PORT_H
#define PTY_PORT_H

#include <stdbool.h>
#include <sys/types.h>

struct chan;
struct clk;
struct port;
struct uv_loop_s;
struct watch;

struct port_config {
    const char *name; /* of the channel in the log: "at" */
    const char *link; /* path of the symbolic link; a stale one of a dead process is replaced */
    struct uv_loop_s *loop;
    struct clk *clk;
    struct watch *watch; /* one for all ports of the loop */
    gid_t group;         /* that may use the tty besides its owner; 0: as the system has it */
};

/* -EEXIST: the link's path is taken by something that is not ours to replace (a file, a link
 * to a living tty); other -E...: the system refused. The reason is logged. */
int port_new(struct port **out, const struct port_config *cfg);
struct chan *port_chan(struct port *p);
const char *port_tty(const struct port *p); /* "/dev/pts/5"; changes if a client leaves it locked;
                                            * "": pulled */
const char *port_link(const struct port *p);
bool port_dcd(const struct port *p); /* whether the module raises DCD, which a pty cannot show */
unsigned port_speed(const struct port *p); /* the client's bit rate, 0: B0 */

/* Removes the link and closes the tty; what the clients can still be given is written first.
 * Users must be off the channel. The memory goes in the last close callback. NULL is allowed. */
void port_close(struct port *p);

#endif
