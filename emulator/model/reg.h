/* reg.h: registration, cells and signal: what the radio part of the module knows. Caller's memory.
 *
 * The network has the profile's own cell, and a cell of each older technology; the module camps on
 * the first that it has the technology and the band for and that it is let use.
 */
#ifndef EMULATOR_MODEL_REG_H
#define EMULATOR_MODEL_REG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/model/profile.h"

/* 27.007 10.1.20, as +CREG prints it. */
enum reg_stat { REG_OFF = 0, REG_HOME = 1, REG_SEARCHING = 2, REG_DENIED = 3, REG_ROAMING = 5 };

enum { REG_ORDER = 6 }; /* V3.00 4.2.13 */

/* What the driver lets it use; all bits set and nothing ordered: everything, newest first. */
struct reg_choice {
    uint8_t techs;            /* AT+CNMP: 1 << enum profile_tech */
    uint8_t selected;         /* AT+COPS: of these only this is camped on; 0: any */
    uint64_t bands;           /* AT+CNBP: positions of GSM and WCDMA */
    uint64_t lte_bands;       /* positions 0 to 63: no cell is on a later one */
    uint8_t order[REG_ORDER]; /* AT+CNAOP: these come first, in this order */
    size_t norder;
};

/* A cell beside the profile's own. */
struct reg_cell {
    enum profile_tech tech;
    unsigned band;        /* its position in the masks of AT+CNBP */
    const char *measured; /* what +CPSI prints behind the cell identity */
};

struct reg {
    enum reg_stat stat;     /* what the module is: as granted, while it is on and looks for one */
    enum reg_stat granted;  /* what the network has for it; REG_OFF: there is no network */
    enum reg_stat found;    /* what it has where it is found again: the newest of home, roaming */
    bool has_left;          /* AT+COPS=2: wants none */
    bool is_attached;       /* to the packet service, wanted by AT+CGATT */
    enum profile_tech best; /* technology of the best cell that is there */
    enum profile_tech tech; /* of the serving cell; without one, of the last */
    bool has_cell;          /* there is one that may be used */
    const struct reg_cell *cell; /* the serving one; NULL: the profile's own */
    struct reg_choice choice;
    int rssi, ber; /* as +CSQ prints them */
};

void reg_init(struct reg *reg, const struct profile *profile);
/* There is a cell of this technology that it may use, whatever is selected. */
bool reg_sees(const struct reg *reg, const struct profile *profile, enum profile_tech tech);
/* Looks for a cell once more; true: the technology is another one. */
bool reg_camp(struct reg *reg, const struct profile *profile);
/* The identity of the serving cell: 16 bits in GSM, 28 in the others. */
uint32_t reg_ci(const struct reg *reg, const struct profile *profile);
bool reg_is_registered(const struct reg *reg);
bool reg_has_packet_service(const struct reg *reg);

#endif
