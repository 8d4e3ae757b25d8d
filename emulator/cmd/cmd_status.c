/* cmd_status.c: power, card and signal (V3.00 chapter 3). */
#include "emulator/cmd/cmd.h"
#include "handlers.h"

static void set_fun(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    int fun = at_int(rq, 0);
    bool is_reset = fun == FUN_RESET || at_int(rq, 1) == 1;
    bool is_stuck = m->fun == FUN_OFFLINE && fun != FUN_OFFLINE && fun != FUN_RESET;
    if (is_stuck || (at_int(rq, 1) == 1 && fun != FUN_FULL)) {
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

/* A new PIN makes it a PUK's form; without one where the PUK is awaited that is the answer (27.007
 * 8.3). Where nothing is awaited the manual's example under AT+CMEE prints the password's error
 * (V3.00 3.2.18); a malformed new PIN gives the same (guess). */
static void enter_code(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    bool wants_puk = m->sim.state == SIM_PUK;
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
    at_info(rq, "+CPIN: %s", sim_awaits(sim));
    at_ok(rq);
}

void cmd_ciccid(struct at_req *rq) {
    at_info(rq, "+ICCID: %s", cmd_of(rq)->modem->profile->iccid);
    at_ok(rq);
}

void cmd_csq(struct at_req *rq) {
    const struct reg *reg = &cmd_of(rq)->modem->reg;
    if (reg_is_registered(reg)) {
        at_info(rq, "+CSQ: %d,%d", reg->rssi, reg->ber);
    } else {
        at_info(rq, "+CSQ: 99,99");
    }
    at_ok(rq);
}
