/* table.h: looking a command up in a table of rows, and a value up in its parameters. */
#ifndef EMULATOR_AT_TABLE_H
#define EMULATOR_AT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sv.h"
#include "emulator/at/row.h"

/* `name` in upper case, as in the rows. NULL: no such command. */
const struct at_cmd *table_find(const struct at_table *t, struct sv name);

/* What a parameter takes: -1: not one of its words, whose case does not count; no ranges: any. */
int table_word(const struct at_param *param, struct sv text);
bool table_in_ranges(const struct at_param *param, int64_t value);

#endif
