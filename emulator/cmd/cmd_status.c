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

void cmd_cpin(struct at_req *rq) {
    const struct sim *sim = &cmd_of(rq)->modem->sim;
    if (at_form_of(rq) == AT_WRITE) {
        /* Nothing is awaited: the manual's example under AT+CMEE prints this one (V3.00 3.2.18). */
        at_fail(rq, sim->state == SIM_ABSENT ? CME_SIM_NOT_INSERTED : CME_INCORRECT_PASSWORD);
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
