/* fleet.h: many modules of one daemon, all of them open, some of them pumping data.
 *
 * The pumping is done by a process of its own, so that it does not stand between a command and the
 * measuring of its answer. Whatever goes wrong here ends the test process with the reason on
 * stderr.
 */
#ifndef TESTS_SUPPORT_FLEET_H
#define TESTS_SUPPORT_FLEET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/support/daemon.h"

struct fleet {
    struct daemon daemon;
    unsigned count;
    int *ttys;    /* the AT port of each, NULL: not open */
    int listener; /* where the links of those that pump end: what comes is sent back */
    unsigned busy;
    struct fleet_lane *lanes; /* of the busy ones */
    pid_t pump;
    int counts; /* pipe from it */
    int64_t pump_ms;
};

/* What came back of each that pumped. */
struct fleet_share {
    double mib_per_s; /* of all together */
    double jain;      /* Jain's index: 1 all have the same, 1/n one has it all */
    double least;     /* of the slowest one, of the mean */
};

/* The links are made in memory, where there is such a folder: ext4 is slow to make names where many
 * have just been deleted. Options may be added to `daemon` between the two; `program` NULL: the
 * environment's. */
void fleet_init(struct fleet *f, const char *program, unsigned count);
void fleet_start(struct fleet *f);

void fleet_open(struct fleet *f); /* all AT ports, echo as it is */
void fleet_ask_all(struct fleet *f, unsigned from, unsigned to, const char *command,
                   const char *answer); /* of the modules from ... to - 1, all at once */
/* One command on one module; returns how long its answer took. */
double fleet_ask_us(struct fleet *f, unsigned i, const char *command, const char *answer);

/* Brings the first `busy` modules into transparent mode; once. */
void fleet_ready(struct fleet *f, unsigned busy);
/* They send all they can to a far end that sends it back, for so long. */
void fleet_pump(struct fleet *f, int64_t ms);
struct fleet_share fleet_pumped(struct fleet *f); /* waits until that is over */

void fleet_stop(struct fleet *f); /* closes the ttys and ends the daemon */

#endif
