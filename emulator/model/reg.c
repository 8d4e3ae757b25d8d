#include "emulator/model/reg.h"

#include <stdlib.h>
#include <string.h>

enum { HEX = 16, MASK_64 = 16 }; /* the last digits of a mask that are looked at */

/* The manual's examples (V3.00 4.2.14) and a field line; the second WCDMA cell's channel and all
 * that is measured: guess. */
static const struct reg_cell cells[] = {
    {PROFILE_LTE, 2, "257,EUTRAN-BAND3,1850,5,5,-94,-850,-545,15"},
    {PROFILE_WCDMA, 22, "WCDMA IMT 2000,279,10663,0,1.5,62,33,52,500"},
    {PROFILE_WCDMA, 23, "WCDMA PCS 1900,279,9738,0,1.5,62,33,52,500"},
    {PROFILE_GSM, 8, "27 EGSM 900,-64,2110,42-42"},
};

void reg_init(struct reg *reg, const struct profile *profile) {
    *reg = (struct reg){
        .stat = REG_HOME,
        .granted = REG_HOME,
        .found = REG_HOME,
        .is_attached = true,
        .best = profile->tech,
        .tech = profile->tech,
        .has_cell = true,
        .choice = {.techs = UINT8_MAX, .bands = UINT64_MAX, .lte_bands = UINT64_MAX},
        .rssi = profile->rssi,
        .ber = profile->ber,
    };
}

static bool is_band_in(unsigned band, uint64_t mask) {
    return (mask >> band & 1) != 0;
}

static bool is_let_use(const struct reg *reg, enum profile_tech tech, unsigned band) {
    uint64_t mask = tech == PROFILE_LTE ? reg->choice.lte_bands : reg->choice.bands;
    return is_band_in(band, mask);
}

/* The last 16 digits: what lies above is no cell's band. */
static uint64_t mask_of(const char *text) {
    return strtoull(text + strlen(text) - MASK_64, NULL, HEX);
}

static bool has_band(const struct profile *profile, const struct reg_cell *cell) {
    bool is_lte = cell->tech == PROFILE_LTE;
    return is_band_in(cell->band, mask_of(is_lte ? profile->lte_bands : profile->bands));
}

/* A cell of this technology; the profile's own (NULL) is the only one of its technology. */
static bool find_cell(const struct reg *reg, const struct profile *profile, enum profile_tech tech,
                      const struct reg_cell **found) {
    uint8_t bit = (uint8_t)(1u << tech);
    *found = NULL;
    if (tech > reg->best || (profile->techs & reg->choice.techs & bit) == 0) {
        return false;
    }
    if (tech == profile->tech) {
        return is_let_use(reg, tech, (unsigned)profile->band);
    }
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        const struct reg_cell *cell = &cells[i];
        if (cell->tech == tech && has_band(profile, cell) && is_let_use(reg, tech, cell->band)) {
            *found = cell;
            return true;
        }
    }
    return false;
}

bool reg_sees(const struct reg *reg, const struct profile *profile, enum profile_tech tech) {
    const struct reg_cell *cell = NULL;
    return find_cell(reg, profile, tech, &cell);
}

static bool camp_on(struct reg *reg, const struct profile *profile, enum profile_tech tech) {
    const struct reg_cell *cell = NULL;
    bool is_selected = reg->choice.selected == 0 || (reg->choice.selected >> tech & 1) != 0;
    if (!is_selected || !find_cell(reg, profile, tech, &cell)) {
        return false;
    }
    reg->cell = cell;
    reg->tech = tech;
    return true;
}

bool reg_camp(struct reg *reg, const struct profile *profile) {
    static const enum profile_tech newest_first[] = {PROFILE_LTE, PROFILE_WCDMA, PROFILE_GSM};
    enum profile_tech was = reg->tech;
    reg->has_cell = false;
    for (size_t i = 0; i < reg->choice.norder && !reg->has_cell; i++) {
        reg->has_cell = camp_on(reg, profile, (enum profile_tech)reg->choice.order[i]);
    }
    for (size_t i = 0; i < sizeof newest_first / sizeof newest_first[0] && !reg->has_cell; i++) {
        reg->has_cell = camp_on(reg, profile, newest_first[i]);
    }
    return reg->tech != was;
}

/* Made from that of the profile's cell (guess). */
uint32_t reg_ci(const struct reg *reg, const struct profile *profile) {
    enum { CI_BITS = 0xfffffff, CI_BITS_GSM = 0xffff };
    uint32_t own = (uint32_t)strtoul(profile->ci, NULL, HEX);
    if (reg->cell == NULL) {
        return own;
    }
    return (own + (uint32_t)reg->tech) & (reg->tech == PROFILE_GSM ? CI_BITS_GSM : CI_BITS);
}

bool reg_is_registered(const struct reg *reg) {
    return reg->stat == REG_HOME || reg->stat == REG_ROAMING;
}

bool reg_has_packet_service(const struct reg *reg) {
    return reg_is_registered(reg) && reg->is_attached;
}
