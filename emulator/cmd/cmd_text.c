#include "emulator/cmd/cmd_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/sim_text.h"
#include "slots.h"

enum cmd_text_set cmd_text_set(const struct cmd *c) {
    return (enum cmd_text_set)setting_int(c->module, SLOT_CSCS_CHSET);
}

void cmd_text_add(struct cmd_text *t, const void *p, size_t n) {
    must(t->n + n <= sizeof t->bytes);
    memcpy(t->bytes + t->n, p, n);
    t->n += n;
}

static void add_unit(struct cmd_text *t, enum cmd_text_set set, uint16_t unit) {
    uint8_t gsm[2] = {'?'};
    char ira = unit >= ' ' && unit < 0x7f ? (char)unit : '?';
    char hex[CMD_TEXT_UNIT + 1];
    switch (set) {
    case CMD_TEXT_UCS2:
        snprintf(hex, sizeof hex, "%04X", unit);
        cmd_text_add(t, hex, CMD_TEXT_UNIT);
        break;
    case CMD_TEXT_GSM:
        cmd_text_add(t, gsm, sim_text_to_gsm(unit, gsm) == 2 ? 2 : 1);
        break;
    case CMD_TEXT_IRA:
        cmd_text_add(t, &ira, 1);
        break;
    }
}

void cmd_text_add_units(struct cmd_text *t, const struct cmd *c, const uint16_t *units, size_t n) {
    for (size_t i = 0; i < n; i++) {
        add_unit(t, cmd_text_set(c), units[i]);
    }
}

static int parse_ucs2(struct sv text, uint16_t *to, size_t room) {
    if (text.n % CMD_TEXT_UNIT != 0 || text.n / CMD_TEXT_UNIT > room) {
        return text.n % CMD_TEXT_UNIT != 0 ? -EINVAL : -E2BIG;
    }
    for (size_t i = 0; i < text.n / CMD_TEXT_UNIT; i++) {
        uint32_t unit = 0;
        if (hex_number(sv_slice(text, i * CMD_TEXT_UNIT, CMD_TEXT_UNIT), &unit) != 0) {
            return -EINVAL;
        }
        to[i] = (uint16_t)unit;
    }
    return (int)(text.n / CMD_TEXT_UNIT);
}

int cmd_text_parse(const struct cmd *c, struct sv text, uint16_t *to, size_t room) {
    enum cmd_text_set set = cmd_text_set(c);
    if (set == CMD_TEXT_UCS2) {
        return parse_ucs2(text, to, room);
    }
    int n = 0;
    size_t used = 1;
    for (size_t i = 0; i < text.n; i += used) {
        const uint8_t *p = (const uint8_t *)text.p + i;
        if (*p >= 0x80 || (size_t)n == room) {
            return *p >= 0x80 ? -EINVAL : -E2BIG;
        }
        to[n++] = set == CMD_TEXT_GSM ? sim_text_of_gsm(p, text.n - i, &used) : *p;
    }
    return n;
}
