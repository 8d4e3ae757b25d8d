/* cmd_crsm.c: AT+CRSM, the card's files (V3.00 3.2.5; 27.007 8.18). What goes wrong in the card is
 * told by its status words, with OK. */
#include <stdio.h>

#include "emulator/cmd/cmd.h"
#include "emulator/model/sim_file.h"
#include "handlers.h"

enum { READ_BINARY = 176, READ_RECORD = 178, GET_RESPONSE = 192 };
enum { UPDATE_BINARY = 214, UPDATE_RECORD = 220 };

/* Status words (102.221 10.2.1). */
enum {
    SW_GOOD = 0x9000,
    SW_RIGHT_LENGTH = 0x6c00, /* and the length */
    SW_NO_RECORDS = 0x6981,
    SW_NOT_ALLOWED = 0x6982,
    SW_NOT_FOUND = 0x6a82,
    SW_BEHIND_THE_END = 0x6b00,
    SW_NOT_SUPPORTED = 0x6d00,
};

static void answer(struct at_req *rq, int sw, const uint8_t *p, size_t n) {
    char hex[2 * 255 + 1] = "";
    for (size_t i = 0; i < n; i++) {
        snprintf(hex + 2 * i, sizeof hex - 2 * i, "%02X", p[i]);
    }
    if (n > 0) {
        at_info(rq, "+CRSM: %d,%d,\"%s\"", sw >> 8, sw & 0xff, hex);
    } else {
        at_info(rq, "+CRSM: %d,%d", sw >> 8, sw & 0xff);
    }
    at_ok(rq);
}

/* Length 0 is all that is there (102.221 10.1.6). */
static void read_binary(struct at_req *rq, const uint8_t *file, size_t n) {
    size_t from = (size_t)(at_int(rq, 2) << 8 | at_int(rq, 3));
    size_t want = (size_t)at_int(rq, 4);
    if (from >= n) {
        answer(rq, SW_BEHIND_THE_END, NULL, 0);
    } else if (want > n - from) {
        answer(rq, SW_RIGHT_LENGTH | (int)(n - from), NULL, 0);
    } else {
        answer(rq, SW_GOOD, file + from, want > 0 ? want : n - from);
    }
}

/* What choosing the file gives: it is transparent, its number, in use, its length (102.221
 * 11.1.1.3.2); which of the optional parts a card has is a guess. */
static void describe(struct at_req *rq, int id, size_t n) {
    const uint8_t fcp[] = {
        0x62,        15,   0x82, 2, 0x41, 0x21, 0x83, 2,         (uint8_t)(id >> 8),
        (uint8_t)id, 0x8a, 1,    5, 0x80, 2,    0,    (uint8_t)n};
    answer(rq, SW_GOOD, fcp, sizeof fcp);
}

void cmd_crsm(struct at_req *rq) {
    const struct modem *m = cmd_of(rq)->modem;
    uint8_t file[SIM_FILE];
    int id = at_int(rq, 1);
    size_t n = sim_file(m->profile, id, file);
    bool is_open = m->sim.state == SIM_READY || !sim_file_needs_pin(id);
    if (n == 0) {
        answer(rq, SW_NOT_FOUND, NULL, 0);
        return;
    }
    switch (at_int(rq, 0)) {
    case READ_BINARY:
        if (is_open) {
            read_binary(rq, file, n);
        } else {
            answer(rq, SW_NOT_ALLOWED, NULL, 0);
        }
        break;
    case GET_RESPONSE:
        describe(rq, id, n);
        break;
    case READ_RECORD:
    case UPDATE_RECORD:
        answer(rq, SW_NO_RECORDS, NULL, 0);
        break;
    case UPDATE_BINARY:
        answer(rq, SW_NOT_ALLOWED, NULL, 0);
        break;
    default:
        answer(rq, SW_NOT_SUPPORTED, NULL, 0);
        break;
    }
}
