/* rowline.h: command lines by chance, drawn from the rows of the dialect: every form, parameters
 * that are valid, at their bounds, beyond them, or nothing of the kind. */
#ifndef TESTS_SIMULATE_ROWLINE_H
#define TESTS_SIMULATE_ROWLINE_H

#include "base/rng.h"
#include "emulator/at/row.h"

enum { ROWLINE_MAX = 500 };

/* "AT+CMEE=2", without its CR, of one to three commands; what the rest of the simulation must know
 * of is left out (rowline.c). */
void rowline_make(struct rng *rng, char to[ROWLINE_MAX + 1]);

#endif
