/* cmd_network.c: registration, operator and cell (V3.00 4.2, +CGREG of 8.2.1). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "handlers.h"
#include "slots.h"

/* -- the serving cell -- */

/* A cell of another technology than the profile's, with the profile's own network, area and cell
 * identity (V3.00 4.2.2, 4.2.14, 4.2.15). */
static const struct tech {
    int cops_act, cnsmod_stat;
    const char *cpsi_head; /* in front of "<mcc>-<mnc>,0x<lac>,<ci>" */
} techs[] = {
    [PROFILE_GSM] = {0, 2, "GSM,Online"},
    [PROFILE_WCDMA] = {2, 4, "WCDMA,Online"},
    [PROFILE_LTE] = {7, 8, "LTE,Online"},
};

static bool is_own_cell(const struct modem *m) {
    return m->reg.cell == NULL;
}

/* <AcT> of a cell of this technology. */
static int act_of(const struct modem *m, enum profile_tech tech) {
    return tech == m->profile->tech ? (int)m->profile->cops_act : techs[tech].cops_act;
}

static int cnsmod_stat(const struct modem *m) {
    if (!reg_is_registered(&m->reg)) {
        return 0;
    }
    return is_own_cell(m) ? (int)m->profile->cnsmod_stat : techs[m->reg.tech].cnsmod_stat;
}

/* <mode> of +COPS; only the last outlasts a restart (V3.00 4.2.2). */
enum {
    COPS_AUTO = 0,
    COPS_MANUAL = 1,
    COPS_LEAVE = 2,
    COPS_FORMAT = 3,
    COPS_MANUAL_AUTO = 4,
    COPS_MANUAL_KEPT = 5,
};

/* -- reports -- */

/* The three registration reports differ in numbers only. */
static const struct report {
    const char *name;
    unsigned slot;
    bool is_packet; /* needs the packet service */
    bool is_lte;    /* speaks of LTE only, and names the access technology */
} reports[] = {
    {"+CREG", SLOT_CREG_N, false, false},
    {"+CGREG", SLOT_CGREG_N, true, false},
    {"+CEREG", SLOT_CEREG_N, true, true},
};

enum { CEREG_UNKNOWN = 4, CEREG_ACT = 7 };

static int report_stat(const struct report *r, const struct modem *m) {
    if (r->is_lte && m->reg.tech != PROFILE_LTE) {
        return CEREG_UNKNOWN; /* out of E-UTRAN coverage (V3.00 4.2.16) */
    }
    return r->is_packet && !m->reg.is_attached ? REG_OFF : (int)m->reg.stat;
}

static bool shows_cell(const struct report *r, const struct cmd *c) {
    int stat = report_stat(r, c->modem);
    return setting_int(c->module, r->slot) == 2 && (stat == REG_HOME || stat == REG_ROAMING);
}

/* "<stat>[,<lac>,<ci>[,<AcT>]]": the cell only in mode 2 and while registered. */
static void report_text(const struct report *r, const struct cmd *c, char *to, size_t size) {
    const struct profile *p = c->modem->profile;
    int stat = report_stat(r, c->modem);
    bool has_cell = shows_cell(r, c);
    int n = snprintf(to, size, "%d", stat);
    if (has_cell) {
        n += snprintf(to + n, size - (size_t)n, ",%s,%" PRIX32, p->lac, reg_ci(&c->modem->reg, p));
    }
    if (has_cell && r->is_lte) {
        snprintf(to + n, size - (size_t)n, ",%d", CEREG_ACT);
    }
}

static void read_report(struct at_req *rq, const struct report *r) {
    struct cmd *c = cmd_of(rq);
    char text[64];
    report_text(r, c, text, sizeof text);
    at_info(rq, "%s: %d,%s", r->name, (int)setting_int(c->module, r->slot), text);
    at_ok(rq);
}

void cmd_creg(struct at_req *rq) {
    read_report(rq, &reports[0]);
}

void cmd_cgreg(struct at_req *rq) {
    read_report(rq, &reports[1]);
}

void cmd_cereg(struct at_req *rq) {
    read_report(rq, &reports[2]);
}

_Static_assert(sizeof reports / sizeof reports[0] == CMD_REPORTS, "one a report");

void cmd_network_start(struct cmd *c) {
    if (c == c->first && c->cops_mode != COPS_MANUAL_KEPT) {
        c->cops_mode = COPS_AUTO;
        cmd_cells_select(c, 0);
    }
    c->reported_mode = cnsmod_stat(c->modem);
    c->reported_ci = reg_ci(&c->modem->reg, c->modem->profile);
    for (size_t i = 0; i < CMD_REPORTS; i++) {
        c->reported[i] = report_stat(&reports[i], c->modem);
    }
}

/* The clock follows on behalf of each session anew, which changes nothing. */
static void hear_time(struct cmd *c, const struct time_event *e) {
    const struct nitz *nitz = e->nitz;
    if (e->is_other_zone && setting_int(c->module, SLOT_CTZR_ON_OFF) != 0) {
        char time[RTC_TEXT + 1] = "";
        char summer[12] = "";
        if (nitz->has_time) {
            time[0] = ',';
            nitz_text(nitz, c->modem->clk, time + 1);
        }
        if (nitz->summer >= 0) {
            snprintf(summer, sizeof summer, ",%d", nitz->summer);
        }
        urc_post(c->session, URC_EVENT, "+CTZV: %d%s%s", nitz->zone, time, summer);
    }
    if (setting_int(c->module, SLOT_CTZU_ON_OFF) != 0) {
        rtc_follow(&c->modem->rtc, nitz);
    }
}

/* Each report speaks of changes of its own, and of another cell when it shows the cell. */
static void report_registration(struct cmd *c) {
    uint32_t ci = reg_ci(&c->modem->reg, c->modem->profile);
    for (size_t i = 0; i < CMD_REPORTS; i++) {
        const struct report *r = &reports[i];
        int stat = report_stat(r, c->modem);
        bool is_new = stat != c->reported[i] || (shows_cell(r, c) && ci != c->reported_ci);
        if (is_new && setting_int(c->module, r->slot) != 0) {
            char text[64];
            report_text(r, c, text, sizeof text);
            urc_post(c->session, URC_EVENT, "%s: %s", r->name, text);
        }
        c->reported[i] = stat;
    }
    c->reported_ci = ci;
}

void cmd_network_event(struct cmd *c, unsigned topic, const void *payload) {
    if (topic == TOPIC_TIME_TOLD) {
        hear_time(c, payload);
    } else if (topic == TOPIC_REG_CHANGED) {
        report_registration(c);
    }
    int mode = cnsmod_stat(c->modem);
    if (mode != c->reported_mode && setting_int(c->module, SLOT_CNSMOD_N) != 0) {
        urc_post(c->session, URC_EVENT, "+CNSMOD: %d", mode);
    }
    c->reported_mode = mode;
}

static void cpsi_text(const struct modem *m, char *to, size_t size) {
    const struct profile *p = m->profile;
    if (!reg_is_registered(&m->reg)) {
        snprintf(to, size, "NO SERVICE,%s",
                 m->fun == FUN_FULL      ? "Online"
                 : m->fun == FUN_OFFLINE ? "Offline"
                 : m->fun == FUN_FACTORY ? "Factory Test Mode"
                                         : "Low Power Mode");
    } else if (is_own_cell(m)) {
        snprintf(to, size, "%s", p->cpsi);
    } else {
        snprintf(to, size, "%s,%.3s-%s,0x%s,%" PRIu32 ",%s", techs[m->reg.tech].cpsi_head,
                 p->oper_numeric, p->oper_numeric + 3, p->lac, reg_ci(&m->reg, p),
                 m->reg.cell->measured);
    }
}

static void on_cpsi_due(void *ctx);

/* Every so many seconds, as long as the setting says so; the module's start, AT&F and ATZ too. */
static void start_cpsi(struct cmd *c) {
    int period = setting_int(c->module, SLOT_CPSI_TIME);
    if (period == 0) {
        clk_stop(c->modem->clk, &c->cpsi);
    } else {
        clk_start(c->modem->clk, &c->cpsi, CLK_S(period), on_cpsi_due, c);
    }
}

static void on_cpsi_due(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    if (setting_int(c->module, SLOT_CPSI_TIME) != 0) {
        char text[LIMIT_URC_TEXT];
        cpsi_text(c->modem, text, sizeof text);
        urc_post(c->session, URC_EVENT, "+CPSI: %s", text);
    }
    start_cpsi(c);
}

void cmd_network_stop(struct cmd *c) {
    clk_stop(c->modem->clk, &c->cpsi);
}

void cmd_cpsi(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_form_of(rq) == AT_WRITE) {
        setting_run(rq);
        start_cpsi(c);
        return;
    }
    char text[LIMIT_URC_TEXT];
    cpsi_text(c->modem, text, sizeof text);
    at_info(rq, "+CPSI: %s", text);
    at_ok(rq);
}

void cmd_cnsmod(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    at_info(rq, "+CNSMOD: %d,%d", (int)setting_int(c->module, SLOT_CNSMOD_N),
            cnsmod_stat(c->modem));
    at_ok(rq);
}

/* -- +COPS -- */

enum { COPS_SCAN_S = 2 }; /* a scan takes its time, and can be aborted meanwhile (guess) */

static const char *oper_name(const struct profile *p, int format) {
    const char *const names[] = {p->oper_long, p->oper_short, p->oper_numeric};
    return names[format];
}

static void read_oper(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    const struct profile *p = c->modem->profile;
    int format = setting_int(c->module, SLOT_COPS_FORMAT);
    if (reg_is_registered(&c->modem->reg)) {
        at_info(rq, "+COPS: %d,%d,\"%s\",%d", c->first->cops_mode, format, oper_name(p, format),
                act_of(c->modem, c->modem->reg.tech));
    } else {
        at_info(rq, "+COPS: %d", c->first->cops_mode);
    }
    at_ok(rq);
}

/* <stat> of an operator in the list: it is one network that the module can find. */
static int oper_stat(const struct reg *reg, enum profile_tech tech) {
    enum { AVAILABLE = 1, CURRENT = 2, FORBIDDEN = 3 };
    if (reg->granted == REG_DENIED) {
        return FORBIDDEN;
    }
    return reg_is_registered(reg) && reg->tech == tech ? CURRENT : AVAILABLE;
}

static void on_scanned(void *ctx) {
    static const enum profile_tech newest_first[] = {PROFILE_LTE, PROFILE_WCDMA, PROFILE_GSM};
    struct at_req *rq = ctx;
    const struct modem *m = cmd_of(rq)->modem;
    const struct profile *p = m->profile;
    char text[LIMIT_INFO] = "";
    size_t n = 0;
    for (size_t i = 0; i < sizeof newest_first / sizeof newest_first[0]; i++) {
        enum profile_tech tech = newest_first[i];
        if (m->reg.granted != REG_OFF && m->fun == FUN_FULL && reg_sees(&m->reg, p, tech)) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s(%d,\"%s\",\"%s\",\"%s\",%d)",
                                  n > 0 ? "," : "", oper_stat(&m->reg, tech), p->oper_long,
                                  p->oper_short, p->oper_numeric, act_of(m, tech));
        }
    }
    at_info(rq, "+COPS: %s,,(0,1,2,3,4,5),(0,1,2)", text);
    at_ok(rq);
}

static void on_scan_cancel(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    clk_stop(c->modem->clk, &c->scan);
}

/* It is the network that is there, and has a cell of the wanted technology. */
static bool is_oper_here(struct at_req *rq, int format, uint8_t *wanted) {
    const struct modem *m = cmd_of(rq)->modem;
    *wanted = 0;
    if (!sv_eq(at_text(rq, 2), sv_of(oper_name(m->profile, format)))) {
        return false;
    }
    for (unsigned i = 0; at_has(rq, 3) && i < sizeof techs / sizeof techs[0]; i++) {
        enum profile_tech tech = (enum profile_tech)i;
        if (act_of(m, tech) == at_int(rq, 3) && reg_sees(&m->reg, m->profile, tech)) {
            *wanted = (uint8_t)(1u << i);
        }
    }
    return !at_has(rq, 3) || *wanted != 0;
}

static void select_oper(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    int mode = at_int(rq, 0);
    bool is_by_name = mode == COPS_MANUAL || mode > COPS_FORMAT;
    int format = at_has(rq, 1) ? at_int(rq, 1) : setting_int(c->module, SLOT_COPS_FORMAT);
    if (is_by_name && !at_has(rq, 2)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    uint8_t wanted = 0;
    bool is_here = !is_by_name || is_oper_here(rq, format, &wanted);
    setting_set_int(c->module, SLOT_COPS_FORMAT, format);
    if (mode == COPS_FORMAT) {
        at_ok(rq);
        return;
    }
    if (!is_here && mode != COPS_MANUAL_AUTO) {
        at_fail(rq, CME_NO_NETWORK_SERVICE);
        return;
    }
    c->first->cops_mode = is_here ? mode : COPS_AUTO;
    cmd_cells_select(c, wanted);
    modem_set_left(c->modem, mode == COPS_LEAVE);
    at_ok(rq);
}

void cmd_cops(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    switch (at_form_of(rq)) {
    case AT_READ:
        read_oper(rq);
        break;
    case AT_TEST:
        at_on_cancel(rq, on_scan_cancel, c);
        clk_start(c->modem->clk, &c->scan, CLK_S(COPS_SCAN_S), on_scanned, rq);
        break;
    case AT_WRITE:
        select_oper(rq);
        break;
    case AT_EXEC:
        at_ok(rq); /* what it does is not described (V3.00 4.2.2) */
        break;
    }
}

/* -- operators by name -- */

/* The manual's two (V3.00 4.2.10), then the operators of the profiles and their neighbours as the
 * ITU's list of network codes has them; which ones the module knows: guess. */
static const struct oper {
    const char *numeric, *alpha;
} opers[] = {
    {"46000", "China Mobile Com"}, {"46001", "China Unicom"}, {"46003", "China Telecom"},
    {"20404", "vodafone NL"},      {"20801", "Orange F"},     {"20810", "SFR"},
    {"21401", "vodafone ES"},      {"22201", "TIM"},          {"22210", "vodafone IT"},
    {"22801", "Swisscom"},         {"23201", "A1"},           {"23410", "O2 - UK"},
    {"23415", "vodafone UK"},      {"26201", "Telekom.de"},   {"26202", "Vodafone.de"},
    {"26203", "o2 - de"},          {"310260", "T-Mobile"},    {"310410", "AT&T"},
    {"44010", "NTT DOCOMO"},       {"44020", "SoftBank"},     {"44051", "KDDI"},
    {"45005", "SKTelecom"},        {"50501", "Telstra"},      {"52501", "SingTel"},
};

void cmd_copn(struct at_req *rq) {
    for (size_t i = 0; i < sizeof opers / sizeof opers[0]; i++) {
        at_info(rq, "+COPN: \"%s\",\"%s\"", opers[i].numeric, opers[i].alpha);
    }
    at_ok(rq);
}

/* The index alone deletes; an entry has a name and, on a USIM, all four technologies. */
void cmd_cpol(struct at_req *rq) {
    enum { OPER = 2, ACTS = 3, ALL = 7 };
    bool is_deletion = at_nargs(rq) == 1 && at_has(rq, 0);
    bool is_whole = at_has(rq, OPER) && at_text(rq, OPER).n > 0;
    for (size_t i = ACTS; i < ALL; i++) {
        is_whole &= at_has(rq, i);
    }
    if (is_deletion || is_whole) {
        setting_run(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

/* -- supplementary services -- */

/* No call is ever charged. */
void cmd_caoc(struct at_req *rq) {
    enum { QUERY = 0 };
    if (at_int(rq, 0) != QUERY) {
        setting_run(rq);
        return;
    }
    at_info(rq, "+CAOC: \"000000\"");
    at_ok(rq);
}
