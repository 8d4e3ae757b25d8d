/* The generated table, held against what the code that walks over it takes for granted. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/sv.h"
#include "emulator/at/row.h"
#include "emulator/at/table.h"
#include "emulator/model/profile.h"
#include "slots.h"

#define EACH_ROW(c)                                                                                \
    for (const struct at_cmd *c = at_dialect.rows; c < at_dialect.rows + at_dialect.n; c++)
#define EACH_PARAM(p, c)                                                                           \
    for (const struct at_param *p = (c)->params; p && p < (c)->params + (c)->nparams; p++)

static bool in_ranges(const struct at_param *p, int64_t v) {
    for (int i = 0; i < p->nranges; i++)
        if (v >= p->ranges[i].lo && v <= p->ranges[i].hi)
            return true;
    return false;
}

static bool fits(const struct at_param *p, int32_t num, const char *text) {
    switch ((enum at_type)p->type) {
    case AT_INT:
        return in_ranges(p, num);
    case AT_STR:
        return text != NULL && in_ranges(p, (int64_t)strlen(text));
    case AT_WORD:
        return num >= 0 && num < p->nwords;
    case AT_RAW:
        return true;
    }
    return false;
}

static const struct at_cmd *row(const char *name) {
    const struct at_cmd *c = table_find(&at_dialect, sv_of(name));
    cr_assert_not_null(c, "no row %s", name);
    return c;
}

Test(dialect, rows_are_sorted_by_name_without_duplicates) {
    cr_assert_gt(at_dialect.n, 60);
    for (size_t i = 1; i < at_dialect.n; i++)
        cr_assert_lt(strcmp(at_dialect.rows[i - 1].name, at_dialect.rows[i].name), 0, "%s",
                     at_dialect.rows[i].name);
}

Test(dialect, every_row_is_found_and_nothing_else) {
    EACH_ROW(c)
    cr_assert_eq(table_find(&at_dialect, sv_of(c->name)), c, "%s", c->name);
    cr_assert_null(table_find(&at_dialect, SV("")));
    cr_assert_null(table_find(&at_dialect, SV("+")));
    cr_assert_null(table_find(&at_dialect, SV("+CMEEX")));
    cr_assert_null(table_find(&at_dialect, SV("+CME")));
    cr_assert_null(table_find(&at_dialect, SV("~")));
}

Test(dialect, a_view_inside_a_longer_line_is_found) {
    struct sv line = SV("+CMEE=2;+CREG?");
    cr_assert_eq(table_find(&at_dialect, sv_slice(line, 0, 5)), row("+CMEE"));
}

Test(dialect, every_slot_belongs_to_exactly_one_parameter) {
    static int seen[SLOT_COUNT];
    EACH_ROW(c)
    EACH_PARAM(p, c) {
        if (p->slot == AT_NO_SLOT)
            continue;
        cr_assert_lt(p->slot, SLOT_COUNT, "%s", c->name);
        seen[p->slot]++;
        const struct slot_info *s = &slot_infos[p->slot];
        cr_assert_eq(s->type, p->type == AT_STR ? SLOT_STR : SLOT_INT, "%s", s->name);
        cr_assert_eq(s->def, p->def, "%s", s->name);
        cr_assert_eq(s->save, c->save, "%s", s->name);
        cr_assert_eq(s->is_port, (c->flags & AT_PORT) != 0, "%s", s->name);
        cr_assert_eq(s->is_factory, (c->flags & AT_NO_FACTORY) == 0, "%s", s->name);
    }
    for (int i = 0; i < SLOT_COUNT; i++)
        cr_assert_eq(seen[i], 1, "%s", slot_infos[i].name);
}

Test(dialect, slots_with_a_value_have_a_default_that_fits) {
    EACH_ROW(c)
    EACH_PARAM(p, c) {
        if (p->slot != AT_NO_SLOT)
            cr_assert(fits(p, p->def, p->text), "%s %s", c->name, p->name);
        if (p->type == AT_STR)
            cr_assert_not_null(p->text, "%s %s", c->name, p->name);
    }
}

Test(dialect, exec_values_and_factory_records_fit) {
    EACH_ROW(c) {
        cr_assert_leq(c->nexec, c->nparams, "%s", c->name);
        for (int i = 0; i < c->nexec; i++)
            cr_assert(fits(&c->params[i], c->exec[i], ""), "%s", c->name);
        for (int r = 0; r < c->nrecords; r++)
            for (int i = 0; i < c->nparams; i++)
                cr_assert(fits(&c->params[i], c->records[r].ints[i], c->records[r].texts[i]),
                          "%s %s", c->name, c->params[i].name);
    }
}

Test(dialect, forms_and_code_forms_agree) {
    EACH_ROW(c) {
        unsigned data = c->forms & ~(unsigned)c->code_forms;
        bool keeps = c->kind == AT_SETTING || c->kind == AT_RECORD;
        cr_assert_neq(c->forms, 0, "%s", c->name);
        cr_assert_eq(c->code_forms & ~c->forms, 0, "%s", c->name);
        cr_assert_eq(c->code_forms != 0, c->run != NULL, "%s", c->name);
        if (data & (AT_WRITE | AT_EXEC))
            cr_assert(keeps, "%s: write or exec without code", c->name);
        if (data & AT_TEST)
            cr_assert(c->test || c->nparams > 0, "%s", c->name);
        if (c->kind == AT_SETTING)
            EACH_PARAM(p, c)
        cr_assert_neq(p->slot, AT_NO_SLOT, "%s %s", c->name, p->name);
        cr_assert(c->source && *c->source, "%s", c->name);
    }
}

Test(dialect, factory_values_are_those_of_the_manual) {
    static const struct {
        int slot, value;
    } table[] = {
        /* V3.00 2.2.21; S4 and S5 after V.250, the table prints S5's value for S4 */
        {SLOT_E, 1},
        {SLOT_Q, 0},
        {SLOT_V, 1},
        {SLOT_X, 4},
        {SLOT_AMP_C, 1},
        {SLOT_AMP_D, 1},
        {SLOT_S0, 0},
        {SLOT_S3, 13},
        {SLOT_S4, 10},
        {SLOT_S5, 8},
        {SLOT_S6, 2},
        {SLOT_S7, 0},
        {SLOT_S8, 2},
        {SLOT_S10, 15},
        {SLOT_CMEE_N, 1},
        {SLOT_ICF_FORMAT, 3},
        {SLOT_CNMP_MODE, 2},
        {SLOT_CREG_N, 0},
        /* field F20: AT&V of a SIM7600EI */
        {SLOT_CIPHEAD_MODE, 1},
        {SLOT_CIPSRIP_MODE, 1},
        {SLOT_CIPMODE_MODE, 0},
        {SLOT_CIPRXGET_MODE, 0},
        {SLOT_CIPCCFG_NMRETRY, 10},
        {SLOT_CIPCCFG_ERRMODE, 1},
        {SLOT_CIPCCFG_TIMEOUTVAL, 500},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_assert_eq(slot_infos[table[i].slot].def, table[i].value, "%s",
                     slot_infos[table[i].slot].name);
}

Test(dialect, at_w_stores_what_the_manual_lists) {
    /* V3.00 2.2.26 */
    static const char *const saved[] = {"E",   "Q",    "V",    "X",  "&C", "&D", "&S",
                                        "\\V", "+IFC", "+ICF", "S0", "S7", "S10"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof saved / sizeof saved[0]; i++)
        cr_assert_eq(row(saved[i])->save, AT_SAVE_PROFILE, "%s", saved[i]);
    EACH_ROW(c)
    n += c->save == AT_SAVE_PROFILE;
    cr_assert_eq(n, sizeof saved / sizeof saved[0]);
}

Test(dialect, read_formats_carry_parameter_numbers) {
    cr_assert_str_eq(row("S0")->read, "{0:03}");
}

Test(dialect, the_tcpip_chapter_is_complete) {
    static const struct {
        const char *name;
        int forms;
    } chapter[] = {
        /* V3.00 11.2, 11.3; exec of SERVERSTOP: note 2.3.4 */
        {"+NETOPEN", AT_READ | AT_EXEC},
        {"+NETCLOSE", AT_EXEC},
        {"+CIPOPEN", AT_TEST | AT_READ | AT_WRITE},
        {"+CIPCLOSE", AT_TEST | AT_READ | AT_WRITE},
        {"+CIPSEND", AT_TEST | AT_WRITE},
        {"+CIPRXGET", AT_TEST | AT_READ | AT_WRITE},
        {"+IPADDR", AT_EXEC},
        {"+CIPHEAD", AT_TEST | AT_READ | AT_WRITE | AT_EXEC},
        {"+CIPSRIP", AT_TEST | AT_READ | AT_WRITE | AT_EXEC},
        {"+CIPMODE", AT_TEST | AT_READ | AT_WRITE | AT_EXEC},
        {"+CIPSENDMODE", AT_TEST | AT_READ | AT_WRITE},
        {"+CIPTIMEOUT", AT_READ | AT_WRITE},
        {"+CIPCCFG", AT_TEST | AT_READ | AT_WRITE | AT_EXEC},
        {"+SERVERSTART", AT_TEST | AT_READ | AT_WRITE},
        {"+SERVERSTOP", AT_WRITE | AT_EXEC},
        {"+CIPACK", AT_TEST | AT_WRITE},
        {"+CDNSGIP", AT_TEST | AT_WRITE},
        {"+CDNSGHNAME", AT_TEST | AT_WRITE},
        {"+CIPDNSSET", AT_READ | AT_WRITE},
        {"+CPING", AT_TEST | AT_WRITE},
        {"+CPINGSTOP", AT_TEST | AT_EXEC},
    };
    for (size_t i = 0; i < sizeof chapter / sizeof chapter[0]; i++)
        cr_assert_eq(row(chapter[i].name)->forms, chapter[i].forms, "%s", chapter[i].name);
}

Test(dialect, the_first_profile_is_the_default_and_names_find_profiles) {
    cr_assert_str_eq(profiles[0].name, "sim7600e");
    cr_assert_null(profile_find("sim9999"));
    const struct profile *note = profile_find("appnote-1.00");
    cr_assert_not_null(note);
    cr_assert_str_eq(note->cpsi, "GSM,Online,460-00 0x1816,63905,81 EGSM 900,-68,0,31-31");
    cr_assert_eq(note->rssi, 23);
    cr_assert_eq(note->ber, 0);
    cr_assert_str_eq(note->ip, "10.113.43.157");
    cr_assert_str_eq(note->rcv_from, "RCV FROM:");
    cr_assert(note->ipclose_space && note->rxget_announces_sender);
    cr_assert_eq(note->tech, PROFILE_GSM);
    cr_assert_str_eq(profiles[0].rcv_from, "RECV FROM:");
    cr_assert(!profiles[0].ipclose_space && !profiles[0].rxget_announces_sender);
}
