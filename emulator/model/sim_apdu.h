/* sim_apdu.h: the card as it answers commands (102.221 11; class A0: 51.011 9): files are selected,
 * read and written, codes are entered, by whom it may.
 *
 * One logical channel. The card speaks T=0: what SELECT gives is fetched by GET RESPONSE. Toolkit
 * commands and authentication are not there. Caller's memory.
 */
#ifndef EMULATOR_MODEL_SIM_APDU_H
#define EMULATOR_MODEL_SIM_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct modem;

enum { SIM_APDU_HEADER = 5, SIM_APDU_DATA = 256 };

enum sim_ins {
    SIM_VERIFY = 0x20,
    SIM_CHANGE = 0x24,
    SIM_DISABLE = 0x26,
    SIM_ENABLE = 0x28,
    SIM_UNBLOCK = 0x2c,
    SIM_MANAGE_CHANNEL = 0x70,
    SIM_SELECT = 0xa4,
    SIM_READ_BINARY = 0xb0,
    SIM_READ_RECORD = 0xb2,
    SIM_GET_RESPONSE = 0xc0,
    SIM_UPDATE_BINARY = 0xd6,
    SIM_UPDATE_RECORD = 0xdc,
    SIM_STATUS = 0xf2,
};

struct sim_answer {
    unsigned sw;
    size_t n;
    uint8_t data[SIM_APDU_DATA];
};

/* What the card remembers from one command to the next. */
struct sim_apdu {
    uint8_t folder;            /* enum sim_folder */
    int file;                  /* SIM_FILE_NONE */
    unsigned record;           /* the current one, from 1; 0: none */
    struct sim_answer waiting; /* for GET RESPONSE */
};

/* The header, and the data behind it. */
struct sim_command {
    bool is_gsm; /* class A0 */
    uint8_t ins, p1, p2, p3;
    const uint8_t *data; /* p3 bytes if it has any */
    size_t n;
    bool takes_any; /* length 0 is all that is there, as whoever repeats the command sees it */
};

void sim_apdu_reset(struct sim_apdu *at); /* the master file is selected */
/* Any bytes; what is no command is answered so. */
void sim_apdu_run(struct modem *m, const uint8_t *p, size_t n, struct sim_answer *a);

/* READ and UPDATE, with `at` on a file; GET RESPONSE and STATUS tell of the file, or, where there
 * is none, of the folder. */
void sim_apdu_file(struct modem *m, struct sim_apdu *at, const struct sim_command *c,
                   struct sim_answer *a);

#endif
