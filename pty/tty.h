/* tty.h: a raw pseudo-terminal of which nobody but its clients holds the slave.
 *
 * Facts of Linux it is built on (measured): the master reports a hang-up exactly while
 * no slave is open, once one has been; line settings, exclusive use and unread output
 * survive a last close, so that tty_clean has to clear them.
 *
 * Owns: the master.
 */
#ifndef PTY_TTY_H
#define PTY_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { TTY_PATH = 32 };

struct tty {
    int fd;              /* of the master, non-blocking */
    gid_t group;         /* set before tty_open: may use it, too; 0: as the system has it */
    char path[TTY_PATH]; /* of the slave: "/dev/pts/5" */
};

/* Raw, no echo, 115200 bit/s from the first moment. -E...: the system refused. */
int tty_open(struct tty *t);
void tty_close(struct tty *t);

/* No client has it open. */
bool tty_is_hung_up(const struct tty *t);
/* A client is there and the kernel has room: it leaves some beyond that for a flow control byte. */
bool tty_has_room(const struct tty *t);
/* Bytes of input, up to the 4,095 that the kernel counts. */
size_t tty_input(const struct tty *t);

/* To be called while hung up: clears what the last client left: settings, exclusive use,
 * output it did not read, whose length goes to *unread. -EBUSY: left in exclusive use, and
 * only root gets past that: then tty_renew. Input it sent stays to be read. */
int tty_clean(struct tty *t, size_t *unread);

/* Another pseudo-terminal of another number in place of this one, under the same descriptor. */
int tty_renew(struct tty *t);

/* Its clients read an end and write in vain, as with a USB device that is pulled. The descriptor
 * and the path stay taken for tty_renew, but are of no use until then. */
int tty_pull(struct tty *t);

/* The client's bit rate; 0: B0. */
unsigned tty_speed(const struct tty *t);

#endif
