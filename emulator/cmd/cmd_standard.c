/* cmd_standard.c: what hosts ask of 27.007 that the manual leaves out: indicators, signal, tries
 * of the PIN, radio modes. */
#include <stdio.h>

#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "handlers.h"
#include "slots.h"

/* -- signal -- */

/* What +CSQ shows, in dBm: 0-31, or 100-191 as V3.00 3.2.8 has it for TD-SCDMA. */
static bool signal_dbm(const struct reg *reg, int *dbm) {
    bool is_tds = reg->rssi >= 100 && reg->rssi <= 191;
    *dbm = is_tds ? reg->rssi - 216 : 2 * reg->rssi - 113;
    return reg_is_registered(reg) && (is_tds || (reg->rssi >= 0 && reg->rssi <= 31));
}

static int clamp(int v, int max) {
    return v < 0 ? 0 : v > max ? max : v;
}

/* The cell as +CSQ shows it: how much of the power is noise and other users is a guess. In WCDMA
 * Ec/No is -6 dB; in LTE 10 MHz, all of it in use, put RSRP 28 dB below the whole and RSRQ at
 * -11 dB. */
void cmd_cesq(struct at_req *rq) {
    enum { ECNO = -6, ECNO_SHOWN = 37, RSRP_BELOW = 28, RSRQ_SHOWN = 18 };
    const struct reg *reg = &cmd_of(rq)->modem->reg;
    int rxlev = 99, ber = 99, rscp = 255, ecno = 255, rsrq = 255, rsrp = 255;
    int dbm = 0;
    if (signal_dbm(reg, &dbm)) {
        switch (reg->tech) {
        case PROFILE_GSM:
            rxlev = clamp(dbm + 111, 63);
            ber = reg->ber;
            break;
        case PROFILE_WCDMA:
            rscp = clamp(dbm + ECNO + 121, 96);
            ecno = ECNO_SHOWN;
            break;
        case PROFILE_LTE:
            rsrq = RSRQ_SHOWN;
            rsrp = clamp(dbm - RSRP_BELOW + 141, 97);
            break;
        case PROFILE_TDS:
        case PROFILE_CDMA:
            break; /* 27.007 8.69 has no figures for them */
        }
    }
    at_info(rq, "+CESQ: %d,%d,%d,%d,%d,%d", rxlev, ber, rscp, ecno, rsrq, rsrp);
    at_ok(rq);
}

/* -- indicators: names of 27.007 8.9; those the model knows -- */

static int signal_of(const struct modem *m) {
    int dbm = 0;
    /* Five even steps over the range of +CSQ; any signal is at least 1 (guess). */
    return signal_dbm(&m->reg, &dbm) ? (clamp((dbm + 113) / 2, 31) * 5 + 30) / 31 : 0;
}

static int service_of(const struct modem *m) {
    return reg_is_registered(&m->reg);
}

static int call_of(const struct modem *m) {
    return m->has_call;
}

static int roam_of(const struct modem *m) {
    return m->reg.stat == REG_ROAMING;
}

/* In the order of +CIND, whose place is the number in +CIEV. */
static int (*const indicators[])(const struct modem *m) = {signal_of, service_of, call_of, roam_of};

_Static_assert(sizeof indicators / sizeof indicators[0] == CMD_INDICATORS, "one an indicator");

void cmd_cind(struct at_req *rq) {
    const struct modem *m = cmd_of(rq)->modem;
    at_info(rq, "+CIND: %d,%d,%d,%d", signal_of(m), service_of(m), call_of(m), roam_of(m));
    at_ok(rq);
}

void cmd_standard_start(struct cmd *c) {
    for (size_t i = 0; i < CMD_INDICATORS; i++) {
        c->indicators[i] = indicators[i](c->modem);
    }
    c->ciev.n = 0;
}

void cmd_standard_event(struct cmd *c, unsigned topic, const void *payload) {
    (void)payload;
    if (topic != TOPIC_REG_CHANGED && topic != TOPIC_SIGNAL_CHANGED &&
        topic != TOPIC_CALL_CHANGED) {
        return;
    }
    for (size_t i = 0; i < CMD_INDICATORS; i++) {
        int value = indicators[i](c->modem);
        if (value != c->indicators[i] && setting_int(c->module, SLOT_CMER_IND) != 0) {
            char text[LIMIT_REPORT_TEXT];
            snprintf(text, sizeof text, "+CIEV: %zu,%d", i + 1, value);
            cmd_report(c, &c->ciev, setting_int(c->module, SLOT_CMER_MODE), text);
        }
        c->indicators[i] = value;
    }
}

void cmd_cmer(struct at_req *rq) {
    enum { MODE = 0, BFR = 4 };
    struct cmd *c = cmd_of(rq);
    cmd_report_mode(c, &c->ciev, at_int(rq, MODE), at_int(rq, BFR) != 0);
    setting_run(rq);
}

/* -- +WS46 (27.007 5.9): another face of +CNMP -- */

enum { GSM = 1 << PROFILE_GSM, WCDMA = 1 << PROFILE_WCDMA, LTE = 1 << PROFILE_LTE, WS46_ANY = 25 };

/* In the order of the numbers; a mode is there when the module has all that it names. */
static const struct {
    int ws46, cnmp;
    uint8_t techs;
} modes[] = {
    {12, 13, GSM},         {22, 14, WCDMA},     {WS46_ANY, 2, 0},      {28, 38, LTE},
    {29, 19, GSM | WCDMA}, {30, 51, GSM | LTE}, {31, 54, WCDMA | LTE},
};

enum { NMODES = sizeof modes / sizeof modes[0] };

/* What +CNMP has beside those: what 3GPP calls so, and for CDMA nothing (guess). */
static const struct {
    int cnmp, ws46;
} others[] = {{39, WS46_ANY}, {48, 29}, {59, 22}, {60, 29}, {63, 29}, {67, 29}};

static bool has_mode(const struct modem *m, size_t i) {
    return (modes[i].techs & ~m->profile->techs) == 0;
}

static void list_modes(struct at_req *rq) {
    const struct modem *m = cmd_of(rq)->modem;
    char text[64];
    size_t n = 0;
    for (size_t i = 0; i < NMODES; i++) {
        if (has_mode(m, i)) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%d", n > 0 ? "," : "",
                                  modes[i].ws46);
        }
    }
    at_info(rq, "(%s)", text);
    at_ok(rq);
}

static int shown_mode(int32_t cnmp) {
    for (size_t i = 0; i < NMODES; i++) {
        if (modes[i].cnmp == cnmp) {
            return modes[i].ws46;
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i].cnmp == cnmp) {
            return others[i].ws46;
        }
    }
    return WS46_ANY;
}

static void choose_mode(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    for (size_t i = 0; i < NMODES; i++) {
        if (modes[i].ws46 == at_int(rq, 0) && has_mode(c->modem, i)) {
            setting_set_int(c->module, SLOT_CNMP_MODE, modes[i].cnmp);
            at_ok(rq);
            return;
        }
    }
    at_fail(rq, AT_ERR_PLAIN);
}

void cmd_ws46(struct at_req *rq) {
    if (at_form_of(rq) == AT_TEST) {
        list_modes(rq);
    } else if (at_form_of(rq) == AT_WRITE) {
        choose_mode(rq);
    } else {
        at_info(rq, "%d", shown_mode(setting_int(cmd_of(rq)->module, SLOT_CNMP_MODE)));
        at_ok(rq);
    }
}

/* -- +CPINR (27.007 8.65) -- */

/* A * stands for any text. */
static bool is_match(struct sv pattern, struct sv text) {
    size_t p = 0, t = 0, star = pattern.n, after = 0;
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            after = t;
        } else if (p < pattern.n && pattern.p[p] == text.p[t]) {
            p++;
            t++;
        } else if (star < pattern.n) { /* the newest star takes one more */
            p = star + 1;
            t = ++after;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*') {
        p++;
    }
    return p == pattern.n;
}

void cmd_cpinr(struct at_req *rq) {
    const struct sim *sim = &cmd_of(rq)->modem->sim;
    const struct {
        const char *code;
        int left, all;
    } codes[] = {
        {"SIM PIN", sim->pin_tries, SIM_PIN_TRIES},
        {"SIM PUK", sim->puk_tries, SIM_PUK_TRIES},
        {"SIM PIN2", sim->pin2_tries, SIM_PIN_TRIES},
        {"SIM PUK2", sim->puk2_tries, SIM_PUK_TRIES},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (!at_has(rq, 0) || is_match(at_text(rq, 0), sv_of(codes[i].code))) {
            at_info(rq, "+CPINR: %s,%d,%d", codes[i].code, codes[i].left, codes[i].all);
        }
    }
    at_ok(rq);
}
