/* Every module that can be emulated says who it is, and its cell is one that it can use. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/unit_rig.h"

enum { WANT = 512, HEX = 16, LAST_DIGITS = 16 };

static struct unit_rig rig;

/* Types, and compares with what is made from the profile. */
#define ask(text, ...)                                                                             \
    do {                                                                                           \
        char want[WANT];                                                                           \
        snprintf(want, sizeof want, __VA_ARGS__);                                                  \
        unit_rig_type(&rig, text "\r");                                                            \
        cr_assert_str_eq(unit_rig_read(&rig), want, "%s", rig.profile.name);                       \
    } while (0)

Test(profiles, each_starts_and_identifies_itself) {
    cr_assert_geq(nprofiles, 7);
    for (size_t i = 0; i < nprofiles; i++) {
        const struct profile *p = &profiles[i];
        unit_rig_start(&rig, p->name);
        ask("ATI",
            "\r\nManufacturer: %s\r\nModel: %s\r\nRevision: %s\r\nIMEI: %s\r\n+GCAP: %s\r\n" OK,
            p->manufacturer, p->model, p->revision_ati, p->imei, p->gcap);
        ask("AT+CGMM", LINE("%s") OK, p->model);
        ask("AT+CGMR", LINE("+CGMR: %s") OK, p->revision_cgmr);
        ask("AT+CPSI?", LINE("+CPSI: %s") OK, p->cpsi);
        ask("AT+COPS?", LINE("+COPS: 0,0,\"%s\",%d") OK, p->oper_long, (int)p->cops_act);
        ask("AT+CREG?", LINE("+CREG: 0,1") OK);
        unit_rig_stop(&rig);
    }
}

static bool has_own_band(const struct profile *p) {
    const char *mask = p->tech == PROFILE_LTE ? p->lte_bands : p->bands;
    uint64_t low = strtoull(mask + strlen(mask) - LAST_DIGITS, NULL, HEX);
    return (low >> p->band & 1) != 0;
}

Test(profiles, each_has_the_technology_the_band_and_the_network_of_its_cell) {
    static const char *const names[] = {"GSM,", "WCDMA,", "LTE,"};
    for (size_t i = 0; i < nprofiles; i++) {
        const struct profile *p = &profiles[i];
        char network[16];
        snprintf(network, sizeof network, ",%.3s-%s", p->oper_numeric, p->oper_numeric + 3);
        cr_assert((p->techs >> p->tech & 1) != 0, "%s", p->name);
        cr_assert(has_own_band(p), "%s", p->name);
        cr_assert_eq(strncmp(p->cpsi, names[p->tech], strlen(names[p->tech])), 0, "%s", p->name);
        cr_assert_not_null(strstr(p->cpsi, network), "%s", p->name);
        cr_assert_eq(strncmp(p->imsi, p->oper_numeric, strlen(p->oper_numeric)), 0, "%s", p->name);
    }
}

/* The cell identity that +CREG prints in hexadecimal is the one of +CPSI. */
Test(profiles, area_and_cell_are_the_same_in_every_answer) {
    for (size_t i = 0; i < nprofiles; i++) {
        const struct profile *p = &profiles[i];
        char cell[32];
        snprintf(cell, sizeof cell, "0x%s,%lu,", p->lac, strtoul(p->ci, NULL, HEX));
        cr_assert_not_null(strstr(p->cpsi, cell), "%s: %s", p->name, cell);
    }
}
