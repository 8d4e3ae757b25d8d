/* cmd_fota.c: updates over the air (V3.00 chapter 23). There is a platform out there that has what
 * is asked for, unless whoever is asked about it says otherwise; nothing is updated. */
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "handlers.h"

/* <err> of V3.00 23.2.2, and how long it takes (guess). */
enum { FOTA_UNKNOWN = 1, FOTA_CHECKED, FOTA_LOADED, FOTA_NO_SERVER = 503, FOTA_CUT = 513 };
enum { CHECK_S = 2, LOAD_S = 5 };

static void tell(struct cmd *c, int err) {
    urc_post(c->session, URC_EVENT, "+CSCFOTA: %d", err);
}

static void on_step(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    bool is_there = bearer_is_there(&c->modem->bearer);
    if (c->fota.is_checked) {
        tell(c, is_there ? FOTA_LOADED : FOTA_CUT);
    } else if (is_there) {
        c->fota.is_checked = true;
        tell(c, FOTA_CHECKED);
        clk_start(c->modem->clk, &c->fota.step, CLK_S(LOAD_S), on_step, c);
    } else {
        tell(c, FOTA_NO_SERVER);
    }
}

/* One at a time (guess). */
void cmd_cscfota(struct at_req *rq) {
    enum { VERSION = 4 };
    struct cmd *c = cmd_of(rq);
    if (clk_pending(&c->fota.step)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    struct update_asked what = {at_text(rq, VERSION)};
    const struct bus_verdict v = bus_ask(&c->modem->bus, ASK_UPDATE_CHECK, &what);
    if (v.act == BUS_FAIL) {
        tell(c, v.code > 0 ? v.code : FOTA_UNKNOWN);
    } else if (v.act == BUS_GO) {
        c->fota.is_checked = false;
        clk_start(c->modem->clk, &c->fota.step, CLK_US(CLK_S(CHECK_S).us + v.delay.us), on_step, c);
    }
    at_ok(rq);
}

void cmd_fota_stop(struct cmd *c) {
    clk_stop(c->modem->clk, &c->fota.step);
}
