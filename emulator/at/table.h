/* table.h: looking a command up in a table of rows. */
#ifndef EMULATOR_AT_TABLE_H
#define EMULATOR_AT_TABLE_H

#include "base/sv.h"
#include "emulator/at/row.h"

/* `name` in upper case, as in the rows. NULL: no such command. */
const struct at_cmd *table_find(const struct at_table *t, struct sv name);

#endif
