/* flat.h: whether a process stays as it is: its memory and its descriptors, sampled as it works.
 *
 * The first quarter of a run is where buffers grow to their size; after it nothing may: resident
 * memory at most `kib_slack` and descriptors at most `fds_slack` above the highest of that
 * quarter. Caller's memory.
 */
#ifndef TESTS_SOAK_FLAT_H
#define TESTS_SOAK_FLAT_H

#include <stdint.h>
#include <sys/types.h>

enum { FLAT_SAMPLES = 20, FLAT_KIB_SLACK = 256 };

struct flat {
    pid_t pid;
    uint64_t total; /* units of work */
    long kib_slack; /* FLAT_KIB_SLACK and 0, unless set after flat_start */
    unsigned fds_slack;
    unsigned n;
    struct flat_sample {
        uint64_t done;
        long kib;
        unsigned fds;
    } samples[FLAT_SAMPLES + 1];
};

void flat_start(struct flat *f, pid_t pid, uint64_t total); /* the first sample */
void flat_at(struct flat *f, uint64_t done);                /* samples where it is time to */
/* Prints what was seen; how many of its two rules are broken. */
unsigned flat_verdict(const struct flat *f, const char *unit);

#endif
