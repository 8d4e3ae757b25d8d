/* parse.h: a command line -> commands with their arguments (V.250 5.3, 5.4).
 *
 * Pure functions without state; views point into the line. Quotes have no escapes.
 */
#ifndef EMULATOR_AT_PARSE_H
#define EMULATOR_AT_PARSE_H

#include <stddef.h>

#include "base/limits.h"
#include "base/sv.h"
#include "emulator/at/req.h"
#include "emulator/at/row.h"

enum { PARSE_NAME = 24 };

enum parse_result { PARSE_END, PARSE_COMMAND, PARSE_BAD };

struct parsed {
    char name[PARSE_NAME]; /* upper case: "+CMEE", "E", "&F", "S0", "D" */
    enum at_form form;
    size_t nargs;
    struct at_arg args[LIMIT_ARGS];
};

/* The command at *pos (0 at the start of the line); moves *pos behind it. */
enum parse_result parse_next(struct sv line, size_t *pos, struct parsed *out);

/* How many commands the line has, up to the first that cannot be read. */
size_t parse_count(struct sv line);

#endif
