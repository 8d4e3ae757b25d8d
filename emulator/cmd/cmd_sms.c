/* cmd_sms.c: settings of messages that look at more than their range (V3.00 chapter 9). */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/sim_file.h"
#include "emulator/model/sim_text.h"
#include "handlers.h"
#include "slots.h"

/* Messages to the module, from it, and broadcasts: all supported. */
void cmd_csms(struct at_req *rq) {
    at_info(rq, "+CSMS: 1,1,1");
    setting_run(rq);
}

/* Given, or what is kept. */
static int32_t given_or_kept(struct at_req *rq, size_t i) {
    unsigned slot = at_row_of(rq)->params[i].slot;
    return at_has(rq, i) ? at_int(rq, i) : setting_int(cmd_of(rq)->module, slot);
}

/* Which modes let messages and reports go straight to the host (V3.00 9.2.9). */
void cmd_cnmi(struct at_req *rq) {
    int32_t mode = at_int(rq, 0), mt = given_or_kept(rq, 1), ds = given_or_kept(rq, 3);
    bool is_fit = (mt != 3 || mode == 1) && (mt != 2 || mode != 0) && (ds != 1 || mode == 1);
    if (is_fit) {
        setting_run(rq);
    } else {
        at_fail(rq, CMS_OPERATION_NOT_SUPPORTED);
    }
}

/* -- storages -- */

enum { STORAGES = 3, ROOM_CARD = 50, ROOM_FLASH = 23 };

/* "<used>,<total>" of each storage, with its name in front where the answer has names. */
static void put_storages(struct at_req *rq, bool has_names) {
    char text[LIMIT_INFO];
    int n = 0;
    for (size_t i = 0; i < STORAGES; i++) {
        const struct at_param *p = &at_row_of(rq)->params[i];
        const char *name = p->words[setting_int(cmd_of(rq)->module, p->slot)];
        int room = strcmp(name, "SM") == 0 ? ROOM_CARD : ROOM_FLASH;
        n += snprintf(text + n, sizeof text - (size_t)n, "%s", i > 0 ? "," : "");
        if (has_names) {
            n += snprintf(text + n, sizeof text - (size_t)n, "\"%s\",", name);
        }
        n += snprintf(text + n, sizeof text - (size_t)n, "0,%d", room);
    }
    at_info(rq, "+CPMS: %s", text);
}

static void set_storages(struct at_req *rq) {
    for (size_t i = 0; i < STORAGES; i++) {
        if (at_has(rq, i)) {
            setting_set_int(cmd_of(rq)->module, at_row_of(rq)->params[i].slot, at_int(rq, i));
        }
    }
}

void cmd_cpms(struct at_req *rq) {
    bool is_read = at_form_of(rq) == AT_READ;
    if (!is_read) {
        set_storages(rq);
    }
    put_storages(rq, is_read);
    at_ok(rq);
}

/* -- the service centre: on the card (31.102 4.2.27) -- */

enum { SMSP_TAIL = 28, SMSP_CENTRE = 13, HAS_CENTRE = 0x02 }; /* from the name's end on */

static bool is_number(struct sv text) {
    size_t first = text.n > 0 && text.p[0] == '+' ? 1 : 0;
    for (size_t i = first; i < text.n; i++) {
        if (!isdigit((unsigned char)text.p[i])) {
            return false;
        }
    }
    return text.n > first;
}

/* Absent is what the bit is set for. */
static void write_centre(struct sim_files *card, int file, const uint8_t number[SIM_NUMBER]) {
    size_t tail = sim_file_info(file)->length - (size_t)SMSP_TAIL;
    uint8_t has = (uint8_t)(sim_files_content(card, file)[tail] & ~HAS_CENTRE);
    sim_files_write(card, file, tail, &has, 1);
    sim_files_write(card, file, tail + SMSP_CENTRE, number, SIM_NUMBER);
}

static void tell_centre(struct at_req *rq, struct sim_files *card, int file) {
    const uint8_t *tail =
        sim_files_content(card, file) + sim_file_info(file)->length - (size_t)SMSP_TAIL;
    char number[SIM_NUMBER_TEXT] = "";
    uint8_t type = SIM_TYPE_OTHER;
    if ((tail[0] & HAS_CENTRE) == 0) {
        sim_text_get_number(tail + SMSP_CENTRE, number, &type);
    }
    at_info(rq, "+CSCA: \"%s\",%u", number, type);
    at_ok(rq);
}

void cmd_csca(struct at_req *rq) {
    struct sim_files *card = cmd_of(rq)->modem->card;
    int file = sim_file_find(SIM_USIM, SIM_FILE_SMSP);
    if (at_form_of(rq) == AT_READ) {
        tell_centre(rq, card, file);
        return;
    }
    struct sv number = at_text(rq, 0);
    uint8_t coded[SIM_NUMBER];
    if (!is_number(number) || sim_text_put_number(number, (uint8_t)at_int(rq, 1), coded) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    coded[1] = at_has(rq, 1) ? (uint8_t)at_int(rq, 1) : coded[1];
    write_centre(card, file, coded);
    at_ok(rq);
}
