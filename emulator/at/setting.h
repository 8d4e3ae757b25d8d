/* setting.h: the values behind the rows: slots, records, their factory and stored copies.
 *
 * A module has one store, each port another for the settings that are its own
 * (echo, S registers). A changed slot is told to the owner, who cares for effects.
 *
 * Owns: all values.
 */
#ifndef EMULATOR_AT_SETTING_H
#define EMULATOR_AT_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/at/row.h"

struct at_req;
struct setting_store;

typedef void setting_changed_fn(void *ctx, unsigned slot);

/* `infos` has `n` slots; only those of this scope are ever asked for. */
struct setting_store *setting_store_new(const struct slot_info *infos, size_t n, bool is_port);
void setting_store_free(struct setting_store *st); /* NULL is allowed */
void setting_on_change(struct setting_store *st, setting_changed_fn *cb, void *ctx);

int32_t setting_int(const struct setting_store *st, unsigned slot);
const char *setting_text(const struct setting_store *st, unsigned slot);
void setting_set_int(struct setting_store *st, unsigned slot, int32_t value);
void setting_set_text(struct setting_store *st, unsigned slot, const char *value, size_t n);

/* All values of `from`, a store of the same scope, with AT&W's copies; no records. */
void setting_copy(struct setting_store *to, const struct setting_store *from);

/* AT&W's copies alone. */
void setting_copy_saved(struct setting_store *to, const struct setting_store *from);

void setting_factory(struct setting_store *st); /* AT&F */
void setting_save(struct setting_store *st);    /* AT&W */
void setting_restore(struct setting_store *st); /* ATZ */
void setting_restart(struct setting_store *st); /* power off and on: what is not stored is lost */

/* Records of a row, in the order of their keys. */
struct setting_record {
    int32_t *ints; /* one a parameter, as its type wants: */
    char **texts;  /* the number, the word's index, or the text */
};
size_t setting_records(struct setting_store *st, const struct at_cmd *row,
                       const struct setting_record **out);
const struct setting_record *setting_record_find(struct setting_store *st, const struct at_cmd *row,
                                                 int32_t key);

/* -- what outlives power: AT&W's copies, what is stored at once, the records of such rows -- */

/* Goes up with every change of it. */
uint64_t setting_stores(const struct setting_store *st);
/* Of slots whose `save` is not AT_SAVE_NONE. */
int32_t setting_stored_int(const struct setting_store *st, unsigned slot);
const char *setting_stored_text(const struct setting_store *st, unsigned slot);
/* AT&W's copies count from setting_restore on. `text` of a number is "". */
void setting_set_stored(struct setting_store *st, unsigned slot, int32_t i, const char *text);
bool setting_records_are_changed(struct setting_store *st, const struct at_cmd *row);
/* In place of all that are there; copied. Bound: LIMIT_RECORDS, a must. */
void setting_set_records(struct setting_store *st, const struct at_cmd *row,
                         const struct setting_record *records, size_t n);

/* What differs from the factory, as lines that set it: "AT+CMEE=2", "ATE0", "ATS0=1", a record
 * each, an undefined one by its key alone. In the order of the table; only rows whose first
 * parameter is kept. Secrets are in it. */
typedef void setting_line_fn(void *ctx, const char *line);
void setting_each_changed(const struct at_table *table, const struct setting_store *module,
                          const struct setting_store *port, setting_line_fn *cb, void *ctx);

/* Answers a form that needs no code: test from the parameters, read, write (all checked before
 * any is stored), exec (defaults). */
void setting_run(struct at_req *rq);

#endif
