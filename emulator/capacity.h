/* capacity.h: whether the system has what so many modules take, asked before the first is made.
 *
 * Descriptors and pseudo-terminals; links are not counted, which take a descriptor each.
 */
#ifndef EMULATOR_CAPACITY_H
#define EMULATOR_CAPACITY_H

struct capacity {
    unsigned modules;
    unsigned ttys;        /* of each */
    unsigned descriptors; /* of each */
};

enum { CAPACITY_ERROR = 160 };

/* Raises the limit of descriptors as far as it goes. -EMFILE, -ENOSPC: `error` has the numbers. */
int capacity_take(const struct capacity *c, char error[CAPACITY_ERROR]);

#endif
