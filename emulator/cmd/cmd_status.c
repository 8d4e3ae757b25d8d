/* cmd_status.c: power, card and signal (V3.00 chapter 3). */
#include <errno.h>
#include <stdlib.h>

#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "handlers.h"
#include "slots.h"

enum { AUTOCSQ_S = 5, AUTOCSQ_EVERY = 0, AUTOCSQ_CHANGES = 1 }; /* V3.00 3.2.9 */

static void set_fun(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    int fun = at_int(rq, 0);
    bool is_reset = fun == FUN_RESET || (fun == FUN_FULL && at_int(rq, 1) == 1);
    bool is_stuck = m->fun == FUN_OFFLINE && fun != FUN_OFFLINE && fun != FUN_RESET;
    if (is_stuck) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    if (is_reset) {
        cmd_power_restart(cmd_of(rq));
    } else {
        modem_set_fun(m, (enum modem_fun)fun);
    }
    at_ok(rq);
}

void cmd_cfun(struct at_req *rq) {
    if (at_form_of(rq) == AT_WRITE) {
        set_fun(rq);
        return;
    }
    at_info(rq, "+CFUN: %d", (int)cmd_of(rq)->modem->fun);
    at_ok(rq);
}

/* The second code, on a card that is ready; NULL: none. */
static const char *second_awaited(const struct sim *sim) {
    if (sim->state != SIM_READY) {
        return NULL;
    }
    if (sim_is_pin2_blocked(sim)) {
        return sim->puk2_tries > 0 ? "SIM PUK2" : NULL;
    }
    return sim->wants_pin2 ? "SIM PIN2" : NULL;
}

void cmd_end_pin2(struct at_req *rq, int rc) {
    if (rc == 0) {
        at_ok(rq);
    } else {
        at_fail(rq, rc == -EPERM ? CME_SIM_PUK2_REQUIRED : CME_INCORRECT_PASSWORD);
    }
}

bool cmd_has_pin2(struct at_req *rq, size_t arg) {
    struct sim *sim = &cmd_of(rq)->modem->sim;
    int rc = at_has(rq, arg) ? sim_enter_pin2(sim, at_text(rq, arg)) : 0;
    if (rc != 0) {
        cmd_end_pin2(rq, rc);
    } else if (sim_is_pin2_blocked(sim)) {
        at_fail(rq, CME_SIM_PUK2_REQUIRED);
    } else if (!sim->is_pin2_good) {
        sim->wants_pin2 = true;
        at_fail(rq, CME_SIM_PIN2_REQUIRED);
    }
    return rc == 0 && sim->is_pin2_good && !sim_is_pin2_blocked(sim);
}

/* A new PIN makes it a PUK's form; without one where the PUK is awaited that is the answer (27.007
 * 8.3). Where nothing is awaited the manual's example under AT+CMEE prints the password's error
 * (V3.00 3.2.18); a malformed new PIN gives the same (guess). */
static void enter_code(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    bool wants_puk = m->sim.state == SIM_PUK;
    if (second_awaited(&m->sim) != NULL) {
        cmd_end_pin2(rq, sim_is_pin2_blocked(&m->sim)
                             ? sim_enter_puk2(&m->sim, at_text(rq, 0), at_text(rq, 1))
                             : sim_enter_pin2(&m->sim, at_text(rq, 0)));
        return;
    }
    if (wants_puk && !at_has(rq, 1)) {
        at_fail(rq, CME_SIM_PUK_REQUIRED);
        return;
    }
    int rc = wants_puk ? modem_enter_puk(m, at_text(rq, 0), at_text(rq, 1))
                       : modem_enter_pin(m, at_text(rq, 0));
    if (rc == 0) {
        at_ok(rq);
    } else {
        at_fail(rq, CME_INCORRECT_PASSWORD);
    }
}

void cmd_cpin(struct at_req *rq) {
    const struct sim *sim = &cmd_of(rq)->modem->sim;
    if (at_form_of(rq) == AT_WRITE) {
        enter_code(rq);
        return;
    }
    if (sim_awaits(sim) == NULL) {
        at_fail(rq, CME_SIM_NOT_INSERTED);
        return;
    }
    at_info(rq, "+CPIN: %s", second_awaited(sim) != NULL ? second_awaited(sim) : sim_awaits(sim));
    at_ok(rq);
}

void cmd_ciccid(struct at_req *rq) {
    at_info(rq, "+ICCID: %s", cmd_of(rq)->modem->profile->iccid);
    at_ok(rq);
}

/* -- signal -- */

static void get_csq(const struct cmd *c, int *rssi, int *ber) {
    const struct reg *reg = &c->modem->reg;
    bool is_known = reg_is_registered(reg);
    *rssi = is_known ? reg->rssi : 99;
    *ber = is_known ? reg->ber : 99;
}

void cmd_csq(struct at_req *rq) {
    int rssi = 0;
    int ber = 0;
    get_csq(cmd_of(rq), &rssi, &ber);
    at_info(rq, "+CSQ: %d,%d", rssi, ber);
    at_ok(rq);
}

static bool is_reporting(const struct cmd *c, int mode) {
    return setting_int(c->module, SLOT_AUTOCSQ_AUTO) == 1 &&
           setting_int(c->module, SLOT_AUTOCSQ_MODE) == mode;
}

static void report_csq(struct cmd *c) {
    get_csq(c, &c->csq.rssi, &c->csq.ber);
    urc_post(c->session, URC_REPEATABLE, "+CSQ: %d,%d", c->csq.rssi, c->csq.ber);
}

static void on_csq_due(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    if (is_reporting(c, AUTOCSQ_EVERY)) {
        report_csq(c);
        clk_start(c->modem->clk, &c->csq.every, CLK_S(AUTOCSQ_S), on_csq_due, c);
    }
}

/* The manual's example has a report right behind the OK (V3.00 3.2.9). */
void cmd_autocsq(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    setting_run(rq);
    clk_stop(c->modem->clk, &c->csq.every);
    if (is_reporting(c, AUTOCSQ_CHANGES)) {
        report_csq(c);
    } else {
        on_csq_due(c);
    }
}

/* A delta of 0 is any change, as 1 is (guess); it is counted from the newest report. */
void cmd_status_event(struct cmd *c, unsigned topic, const void *payload) {
    (void)payload;
    bool may_change = topic == TOPIC_SIGNAL_CHANGED || topic == TOPIC_REG_CHANGED;
    if (!may_change || !is_reporting(c, AUTOCSQ_CHANGES)) {
        return;
    }
    int rssi = 0;
    int ber = 0;
    get_csq(c, &rssi, &ber);
    int moved = abs(rssi - c->csq.rssi);
    bool is_far = moved > 0 && moved >= setting_int(c->module, SLOT_CSQDELTA_DELTA);
    if (is_far || ber != c->csq.ber) {
        report_csq(c);
    }
}

void cmd_status_stop(struct cmd *c) {
    clk_stop(c->modem->clk, &c->csq.every);
}

/* -- card -- */

void cmd_spic(struct at_req *rq) {
    const struct sim *sim = &cmd_of(rq)->modem->sim;
    at_info(rq, "+SPIC: %d,%d,%d,%d", sim->pin_tries, sim->puk_tries, sim->pin2_tries,
            sim->puk2_tries);
    at_ok(rq);
}

/* The name is the home network's; it need not be shown beside the own one (31.102 4.2.12). */
void cmd_cspn(struct at_req *rq) {
    const struct modem *m = cmd_of(rq)->modem;
    at_info(rq, "+CSPN: \"%s\",%d", m->profile->oper_long, m->reg.stat == REG_ROAMING ? 1 : 0);
    at_ok(rq);
}

/* -- the module -- */

void cmd_cclk(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    if (at_form_of(rq) == AT_READ) {
        char text[RTC_TEXT];
        rtc_text(&m->rtc, m->clk, text);
        at_info(rq, "+CCLK: \"%s\"", text);
        at_ok(rq);
    } else if (rtc_set(&m->rtc, m->clk, at_text(rq, 0)) == 0) {
        at_ok(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

void cmd_cpas(struct at_req *rq) {
    enum { READY = 0, IN_CALL = 4 };
    at_info(rq, "+CPAS: %d", cmd_of(rq)->modem->has_call ? IN_CALL : READY);
    at_ok(rq);
}

void cmd_simei(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+SIMEI: %s", m->imei);
        at_ok(rq);
    } else if (modem_set_imei(m, at_text(rq, 0)) == 0) {
        at_ok(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

void cmd_smeid(struct at_req *rq) {
    const char *meid = cmd_of(rq)->modem->profile->meid;
    if (*meid == '\0') {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    at_info(rq, "+SMEID: %s", meid);
    at_ok(rq);
}

/* -- facility lock -- */

/* Wrong passwords are answered as by AT+CPIN. */
static void end_password(struct at_req *rq, int rc) {
    if (rc == 0) {
        at_ok(rq);
    } else {
        at_fail(rq, cmd_of(rq)->modem->sim.state == SIM_PUK ? CME_SIM_PUK_REQUIRED
                                                            : CME_INCORRECT_PASSWORD);
    }
}

void cmd_clck(struct at_req *rq) {
    enum { LOCK = 1, QUERY = 2 };
    struct modem *m = cmd_of(rq)->modem;
    int mode = at_int(rq, 1);
    if (mode == QUERY) {
        at_info(rq, "+CLCK: %d", m->sim.is_locked ? 1 : 0);
        at_ok(rq);
    } else if (!at_has(rq, 2)) {
        at_fail(rq, AT_ERR_PLAIN); /* no try is lost (guess) */
    } else {
        end_password(rq, modem_lock_sim(m, at_text(rq, 2), mode == LOCK));
    }
}

void cmd_cpwd(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    if (!m->sim.is_locked) {
        at_fail(rq, CME_OPERATION_NOT_ALLOWED); /* as the card: 31.102 7.1.2 (guess) */
        return;
    }
    end_password(rq, modem_change_pin(m, at_text(rq, 1), at_text(rq, 2)));
}
