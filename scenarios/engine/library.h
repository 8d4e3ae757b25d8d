/* library.h: the scenarios that come with the program, found by name.
 *
 * They are in a folder that is known from where the program itself is, so that an installed tree
 * may be moved: SIM7X00_DATADIR from the program's folder, or `scenarios` beside a program that
 * was built and not installed. Paths are cut at LIBRARY_PATH, and then name nothing.
 */
#ifndef SCENARIOS_ENGINE_LIBRARY_H
#define SCENARIOS_ENGINE_LIBRARY_H

#include <stdio.h>

enum { LIBRARY_PATH = 4096 };

/* The file that `what` is: itself, or `path` if there is no such file here, it has no slash, and
 * the library has a scenario of that name. */
const char *library_find(const char *what, char path[LIBRARY_PATH]);

/* A line for each: the name, and what happens. -ENOENT: there is no library. */
int library_list(FILE *to);

#endif
