/* cmd_text.h: names and other texts in the host's character set (AT+CSCS). Inside they are units of
 * UCS2. */
#ifndef EMULATOR_CMD_CMD_TEXT_H
#define EMULATOR_CMD_CMD_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/sv.h"

struct cmd;

enum cmd_text_set { CMD_TEXT_IRA, CMD_TEXT_GSM, CMD_TEXT_UCS2 }; /* in the order of AT+CSCS */
enum { CMD_TEXT_UNIT = 4 };                                      /* digits of a unit of UCS2 */

enum cmd_text_set cmd_text_set(const struct cmd *c); /* the one that is in force */

/* A line that is being made; its bytes may be any. Bound: a must. */
struct cmd_text {
    size_t n;
    char bytes[LIMIT_INFO];
};

void cmd_text_add(struct cmd_text *t, const void *p, size_t n);
/* What the host's set does not have is a question mark (guess). */
void cmd_text_add_units(struct cmd_text *t, const struct cmd *c, const uint16_t *units, size_t n);

/* How many units. -EINVAL: not of the set; -E2BIG. */
int cmd_text_parse(const struct cmd *c, struct sv text, uint16_t *to, size_t room);

#endif
