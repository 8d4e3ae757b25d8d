/* sim_text.h: names and numbers as the card has them (31.102 4.4.2.3, 102.221 annex A, 23.038
 * 6.2.1). Pure. A text is units of UCS2. */
#ifndef EMULATOR_MODEL_SIM_TEXT_H
#define EMULATOR_MODEL_SIM_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/sv.h"

/* How many bytes follow, the type, ten bytes of digits. */
enum { SIM_NUMBER = 12, SIM_NUMBER_DIGITS = 20, SIM_NUMBER_TEXT = SIM_NUMBER_DIGITS + 2 };
enum { SIM_TYPE_OTHER = 129, SIM_TYPE_INTERNATIONAL = 145 };

/* Digits, *, #, p and ?; a + in front makes it international, which wins over `type`. -EINVAL:
 * another character, or none; -E2BIG. */
int sim_text_put_number(struct sv number, uint8_t type, uint8_t to[SIM_NUMBER]);
/* "" and 129 where there is none. */
void sim_text_get_number(const uint8_t from[SIM_NUMBER], char to[SIM_NUMBER_TEXT], uint8_t *type);

/* In the default alphabet if all of it is in there, else in UCS2; FF behind it. -E2BIG. */
int sim_text_put(const uint16_t *text, size_t n, uint8_t *to, size_t room);
/* At most `room` units. */
size_t sim_text_get(const uint8_t *from, size_t room, uint16_t *to);

/* The default alphabet: bytes of one unit, 1 or 2, 0: it is not in there; and back, *used of them,
 * what is not known is a blank. */
size_t sim_text_to_gsm(uint16_t unit, uint8_t to[2]);
uint16_t sim_text_of_gsm(const uint8_t *from, size_t n, size_t *used);

#endif
