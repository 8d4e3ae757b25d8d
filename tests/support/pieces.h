/* pieces.h: tests with a program that reads and writes in single bytes: SIM7X00_FAULT has "capped"
 * (tests/torture/fault_env.c).
 *
 * What it gets in single bytes it also hands on so, and some dialogues show that; some move so much
 * that it would take too long. tests/torture/pieces names them, and why.
 */
#ifndef TESTS_SUPPORT_PIECES_H
#define TESTS_SUPPORT_PIECES_H

#include <stdbool.h>
#include <stddef.h>

bool pieces_are_single(void);

bool pieces_leave_out(const char *dialogue);
/* Before the program is started, in a process that plays nothing else. */
void pieces_prepare(const char *dialogue);

/* So many bytes, or far fewer where each is a turn of the loop. */
size_t pieces_bulk(size_t n);

#endif
