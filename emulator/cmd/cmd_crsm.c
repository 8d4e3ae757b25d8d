/* cmd_crsm.c: the card's files and raw commands: AT+CRSM, AT+CSIM (V3.00 3.2.5, 3.2.4; 27.007 8.18,
 * 8.17). What goes wrong in the card is told by its status words, with OK. */
#include "base/be.h"
#include "base/hex.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/sim_file.h"
#include "handlers.h"

/* -- AT+CRSM -- */

static void answer(struct at_req *rq, const struct sim_answer *a) {
    char hex[2 * SIM_APDU_DATA + 1];
    hex_print(a->data, a->n, hex);
    if (a->n > 0) {
        at_info(rq, "+CRSM: %u,%u,\"%s\"", a->sw >> 8, a->sw & 0xff, hex);
    } else {
        at_info(rq, "+CRSM: %u,%u", a->sw >> 8, a->sw & 0xff);
    }
    at_ok(rq);
}

static void answer_sw(struct at_req *rq, unsigned sw) {
    const struct sim_answer a = {.sw = sw};
    answer(rq, &a);
}

/* A path of folders, from the master file or from what stands in it; empty: wherever the file is.
 * 0; -1: hexadecimal of another length; the folder stays SIM_FILE_NONE where there is none. */
static int parse_path(struct sv text, int *folder) {
    enum { ID = 2, DEEPEST = 4 };
    uint8_t path[ID * DEEPEST];
    int n = hex_parse(text, path, sizeof path);
    *folder = SIM_FILE_NONE;
    if (n < 0 || n % ID != 0) {
        return -1;
    }
    for (int i = 0; i < n; i += ID) {
        int next = sim_folder_find(be_get16(path + i));
        bool is_below = *folder == SIM_FILE_NONE || *folder == SIM_MF;
        if (next == SIM_FILE_NONE || (i > 0 && (!is_below || next == SIM_MF))) {
            *folder = SIM_FILE_NONE;
            break;
        }
        *folder = next;
    }
    return 0;
}

/* The file, or the folder of that number. False: neither is there. */
static bool find(struct at_req *rq, int folder, bool has_path, struct sim_apdu *at) {
    uint16_t id = (uint16_t)at_int(rq, 1);
    sim_apdu_reset(at);
    if (!at_has(rq, 1)) { /* STATUS of the application */
        at->folder = (uint8_t)(has_path && folder != SIM_FILE_NONE ? folder : SIM_USIM);
        return !has_path || folder != SIM_FILE_NONE;
    }
    int itself = sim_folder_find(id);
    if (itself != SIM_FILE_NONE) {
        at->folder = (uint8_t)itself;
        return true;
    }
    if (has_path && folder == SIM_FILE_NONE) {
        return false;
    }
    enum sim_folder where = (enum sim_folder)folder;
    at->file = has_path ? sim_file_find(where, id) : sim_file_find_anywhere(id, &where);
    at->folder = (uint8_t)where;
    return at->file != SIM_FILE_NONE;
}

void cmd_crsm(struct at_req *rq) {
    enum { COMMAND, FILE_ID, P1, P2, P3, DATA, PATH, LONGEST = 255, SW_NOT_FOUND = 0x6a82 };
    uint8_t data[LONGEST];
    int folder = SIM_FILE_NONE;
    int n = hex_parse(at_text(rq, DATA), data, sizeof data);
    struct sim_command c = {.ins = (uint8_t)at_int(rq, COMMAND),
                            .p1 = (uint8_t)at_int(rq, P1),
                            .p2 = (uint8_t)at_int(rq, P2),
                            .p3 = (uint8_t)at_int(rq, P3),
                            .data = data,
                            .takes_any = true};
    bool is_update = c.ins == SIM_UPDATE_BINARY || c.ins == SIM_UPDATE_RECORD;
    if (n < 0 || parse_path(at_text(rq, PATH), &folder) < 0 || (is_update && n != c.p3) ||
        (!at_has(rq, FILE_ID) && c.ins != SIM_STATUS)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    c.n = (size_t)n;
    struct sim_apdu at;
    struct sim_answer a;
    if (!find(rq, folder, at_text(rq, PATH).n > 0, &at)) {
        answer_sw(rq, SW_NOT_FOUND);
        return;
    }
    sim_apdu_file(cmd_of(rq)->modem, &at, &c, &a);
    answer(rq, &a);
}

/* -- AT+CSIM -- */

/* The manual keeps the toolkit for itself (3.2.4); which error that is, is a guess. */
static bool is_toolkit(uint8_t ins) {
    enum { TERMINAL_PROFILE = 0x10, FETCH = 0x12, TERMINAL_RESPONSE = 0x14, ENVELOPE = 0xc2 };
    return ins == TERMINAL_PROFILE || ins == FETCH || ins == TERMINAL_RESPONSE || ins == ENVELOPE;
}

void cmd_csim(struct at_req *rq) {
    enum { SHORTEST = 4 };
    uint8_t apdu[SIM_APDU_HEADER + SIM_APDU_DATA];
    char hex[2 * SIM_APDU_DATA + 1];
    struct sv text = at_text(rq, 1);
    int n = hex_parse(text, apdu, sizeof apdu);
    if (n < SHORTEST || text.n != (size_t)at_int(rq, 0)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    if (is_toolkit(apdu[1])) {
        at_fail(rq, CME_OPERATION_NOT_ALLOWED);
        return;
    }
    struct sim_answer a;
    sim_apdu_run(cmd_of(rq)->modem, apdu, (size_t)n, &a);
    hex_print(a.data, a.n, hex);
    at_info(rq, "+CSIM: %zu,\"%s%04X\"", 2 * a.n + 4, hex, a.sw);
    at_ok(rq);
}
