/* cmd_cells.c: which cells the module may use, and in which order (V3.00 4.2.11-4.2.13). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "handlers.h"
#include "slots.h"

/* -- +CNMP -- */

enum {
    GSM = 1 << PROFILE_GSM,
    WCDMA = 1 << PROFILE_WCDMA,
    LTE = 1 << PROFILE_LTE,
    TDS = 1 << PROFILE_TDS,
    CDMA = 1 << PROFILE_CDMA, /* and EVDO: one goes with the other (guess) */
};

/* In the order of the manual's list. */
static const struct mode {
    int mode;
    uint8_t techs;
} modes[] = {
    {2, GSM | WCDMA | LTE | TDS | CDMA},
    {13, GSM},
    {14, WCDMA},
    {38, LTE},
    {59, TDS},
    {9, CDMA},
    {10, CDMA},
    {19, GSM | WCDMA},
    {22, CDMA},
    {48, GSM | WCDMA | TDS | CDMA},
    {60, GSM | TDS},
    {63, GSM | WCDMA | TDS},
    {67, CDMA | GSM | WCDMA | TDS},
    {39, GSM | WCDMA | LTE},
    {51, GSM | LTE},
    {54, WCDMA | LTE},
};

enum { MODES = sizeof modes / sizeof modes[0] };

static uint8_t techs_of(int mode) {
    size_t i = 0;
    while (modes[i].mode != mode) {
        i++;
        must(i < MODES);
    }
    return modes[i].techs;
}

static void list_modes(struct at_req *rq) {
    const struct profile *p = cmd_of(rq)->modem->profile;
    char text[LIMIT_INFO];
    size_t n = 0;
    for (size_t i = 0; i < MODES; i++) {
        if ((modes[i].techs & p->techs) != 0) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%d", n > 0 ? "," : "",
                                  modes[i].mode);
        }
    }
    at_info(rq, "+CNMP: (%s)", text);
    at_ok(rq);
}

void cmd_cnmp(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_form_of(rq) == AT_TEST) {
        list_modes(rq);
    } else if ((techs_of(at_int(rq, 0)) & c->modem->profile->techs) == 0) {
        at_fail(rq, AT_ERR_PLAIN);
    } else {
        setting_run(rq);
    }
}

/* -- +CNBP -- */

enum { HEX = 16, DIGITS_64 = 16, DIGITS_256 = 64, NO_CHANGE = 0x40000000 };

/* The masks, in the order of the command's parameters. */
static const struct mask {
    unsigned slot;
    size_t digits;
} masks[] = {
    {SLOT_CNBP_MODE, DIGITS_64},
    {SLOT_CNBP_LTE_MODE, DIGITS_256},
    {SLOT_CNBP_TDS_MODE, DIGITS_64},
};

enum { MASKS = sizeof masks / sizeof masks[0] };

/* The chosen one; until then what the module has. */
static const char *mask_text(const struct cmd *c, size_t i) {
    const struct profile *p = c->modem->profile;
    const char *const own[MASKS] = {p->bands, p->lte_bands, p->tds_bands};
    const char *text = setting_text(c->module, masks[i].slot);
    return *text != '\0' ? text : own[i];
}

/* "0x" and up to so many digits, of either case: as it is read back. */
static bool parse_mask(struct sv text, size_t digits, char to[DIGITS_256 + 3]) {
    if (text.n < 3 || text.n > digits + 2 || !sv_starts_nocase(text, SV("0x")) ||
        !hex_is(sv_slice(text, 2, text.n))) {
        return false;
    }
    memset(to, '0', digits + 2);
    to[1] = 'x';
    to[digits + 2] = '\0';
    for (size_t i = 2; i < text.n; i++) {
        to[digits + 2 - text.n + i] = (char)toupper((unsigned char)text.p[i]);
    }
    return true;
}

/* The last 16 digits: no cell's band is above them. */
static uint64_t low_bits(const char *mask) {
    return strtoull(mask + strlen(mask) - DIGITS_64, NULL, HEX);
}

static void choose_bands(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    char texts[MASKS][DIGITS_256 + 3];
    bool is_any = false;
    for (size_t i = 0; i < MASKS; i++) {
        is_any |= at_has(rq, i);
        if (at_has(rq, i) && !parse_mask(at_text(rq, i), masks[i].digits, texts[i])) {
            at_fail(rq, AT_ERR_PLAIN);
            return;
        }
    }
    if (!is_any) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    for (size_t i = 0; i < MASKS; i++) {
        if (at_has(rq, i) && !(i == 0 && low_bits(texts[i]) == NO_CHANGE)) {
            setting_set_text(c->module, masks[i].slot, texts[i], masks[i].digits + 2);
        }
    }
    at_ok(rq);
}

void cmd_cnbp(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_form_of(rq) == AT_WRITE) {
        choose_bands(rq);
        return;
    }
    at_info(rq, "+CNBP: %s,%s,%s", mask_text(c, 0), mask_text(c, 1), mask_text(c, 2));
    at_ok(rq);
}

/* -- +CNAOP -- */

static const unsigned order_slots[REG_ORDER] = {
    SLOT_CNAOP_SYS_MODE1, SLOT_CNAOP_SYS_MODE2, SLOT_CNAOP_SYS_MODE3,
    SLOT_CNAOP_SYS_MODE4, SLOT_CNAOP_SYS_MODE5, SLOT_CNAOP_SYS_MODE6,
};

/* By <sys_mode>; others are not in the row's range. */
static const uint8_t sys_modes[] = {
    [2] = PROFILE_CDMA,  [3] = PROFILE_GSM, [4] = PROFILE_CDMA,
    [5] = PROFILE_WCDMA, [9] = PROFILE_LTE, [11] = PROFILE_TDS,
};

/* 0: it is left out; the defaults stand for the factory's order only. */
static int sys_mode(struct at_req *rq, size_t i) {
    return at_has(rq, i + 1) ? at_int(rq, i + 1) : 0;
}

/* Each at most once, and none behind a gap. */
static bool is_order(struct at_req *rq) {
    unsigned seen = 0;
    bool is_over = false;
    for (size_t i = 0; i < REG_ORDER; i++) {
        int mode = sys_mode(rq, i);
        if (mode != 0 && (is_over || (seen >> mode & 1) != 0)) {
            return false;
        }
        seen |= 1u << mode;
        is_over |= mode == 0;
    }
    return true;
}

static void read_order(struct at_req *rq) {
    const struct cmd *c = cmd_of(rq);
    char text[LIMIT_URC_TEXT] = "";
    size_t n = 0;
    for (size_t i = 0; i < REG_ORDER && setting_int(c->module, order_slots[i]) != 0; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, ",%d",
                              (int)setting_int(c->module, order_slots[i]));
    }
    at_info(rq, "+CNAOP: %d%s", (int)setting_int(c->module, SLOT_CNAOP_MODE), text);
    at_ok(rq);
}

/* What the settings come to. */
static void choose(struct cmd *c) {
    struct reg_choice choice = {
        .techs = techs_of(setting_int(c->module, SLOT_CNMP_MODE)),
        .selected = c->first->cops_techs,
        .bands = low_bits(mask_text(c, 0)),
        .lte_bands = low_bits(mask_text(c, 1)),
    };
    while (choice.norder < REG_ORDER && setting_int(c->module, order_slots[choice.norder]) != 0) {
        choice.order[choice.norder] = sys_modes[setting_int(c->module, order_slots[choice.norder])];
        choice.norder++;
    }
    modem_choose_cells(c->modem, &choice);
}

void cmd_cnaop(struct at_req *rq) {
    if (at_form_of(rq) == AT_READ) {
        read_order(rq);
    } else if (!is_order(rq)) {
        at_fail(rq, AT_ERR_PLAIN);
    } else {
        struct cmd *c = cmd_of(rq);
        c->first->is_choosing = true;
        for (size_t i = 0; i < REG_ORDER; i++) {
            setting_set_int(c->module, order_slots[i], sys_mode(rq, i));
        }
        c->first->is_choosing = false;
        choose(c);
        at_ok(rq);
    }
}

/* -- what else chooses -- */

void cmd_cells_select(struct cmd *c, uint8_t techs) {
    if (c->first->cops_techs != techs) {
        c->first->cops_techs = techs;
        choose(c);
    }
}

void cmd_cells_changed(struct cmd *c, unsigned slot) {
    bool is_mine = slot == SLOT_CNMP_MODE;
    for (size_t i = 0; i < MASKS; i++) {
        is_mine |= slot == masks[i].slot;
    }
    for (size_t i = 0; i < REG_ORDER; i++) {
        is_mine |= slot == order_slots[i];
    }
    if (is_mine && !c->first->is_choosing) {
        choose(c);
    }
}
