/* phonebook.h: the lists of numbers: those of the card are its files, the others the module's own.
 *
 * Indexes begin with 1. What nobody may write is told, and not enforced; so is the card's PIN2.
 *
 * Owns: the module's lists. Borrows: the card's files.
 */
#ifndef EMULATOR_MODEL_PHONEBOOK_H
#define EMULATOR_MODEL_PHONEBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sv.h"
#include "emulator/model/sim_text.h"

struct phonebook;
struct sim_files;

/* In the order of AT+CPBS=? (V3.00 6.2.1): the card's, dialled, fixed, last dialled, missed, the
 * module's, received, emergency, own. */
enum phonebook_list {
    PHONEBOOK_SM,
    PHONEBOOK_DC,
    PHONEBOOK_FD,
    PHONEBOOK_LD,
    PHONEBOOK_MC,
    PHONEBOOK_ME,
    PHONEBOOK_RC,
    PHONEBOOK_EN,
    PHONEBOOK_ON,
    PHONEBOOK_LISTS,
};

enum { PHONEBOOK_NAME = 40 }; /* the longest, in units (guess) */

struct phonebook_entry {
    char number[SIM_NUMBER_TEXT];
    uint8_t type;
    uint16_t name[PHONEBOOK_NAME];
    size_t nname;
};

struct phonebook *phonebook_new(struct sim_files *card);
void phonebook_free(struct phonebook *pb); /* NULL is allowed */

unsigned phonebook_total(const struct phonebook *pb, enum phonebook_list list);
unsigned phonebook_used(const struct phonebook *pb, enum phonebook_list list);
size_t phonebook_longest_name(enum phonebook_list list); /* of the default alphabet */
bool phonebook_is_writable(enum phonebook_list list);
bool phonebook_needs_pin2(enum phonebook_list list);

/* False: there is nothing at this index. */
bool phonebook_get(const struct phonebook *pb, enum phonebook_list list, unsigned index,
                   struct phonebook_entry *e);
/* 0 if all are taken. */
unsigned phonebook_first_free(const struct phonebook *pb, enum phonebook_list list);
/* -EINVAL, -E2BIG: of the number, as sim_text.h has it; -ENAMETOOLONG. The index is there. */
int phonebook_set(struct phonebook *pb, enum phonebook_list list, unsigned index,
                  const struct phonebook_entry *e);
void phonebook_remove(struct phonebook *pb, enum phonebook_list list, unsigned index);

/* The module's own ME, for what outlives it: records of PHONEBOOK_RECORD bytes. */
enum { PHONEBOOK_RECORD = PHONEBOOK_NAME + SIM_NUMBER + 2 };
uint64_t phonebook_changes(const struct phonebook *pb);
/* NULL: nothing is there. */
const uint8_t *phonebook_record(const struct phonebook *pb, unsigned index);
void phonebook_set_record(struct phonebook *pb, unsigned index, const uint8_t *record);

#endif
