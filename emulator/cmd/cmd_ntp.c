/* cmd_ntp.c: the time from a server (V3.00 chapter 15). */
#include <errno.h>

#include "emulator/at/setting.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "handlers.h"
#include "netstack/sntp.h"
#include "slots.h"

/* V3.00 15.2.2; what leads to which is a guess. */
enum {
    NTP_OK = 0,
    NTP_UNKNOWN = 1,
    NTP_WRONG_PARAMETER = 2,
    NTP_WRONG_TIME = 3,
    NTP_NETWORK = 4,
    NTP_ZONE = 5,
    NTP_TIMEOUT = 6,
};

static void tell(struct cmd *c, int err) {
    urc_post(c->session, URC_EVENT, "+CNTP: %d", err);
}

static int code_of(int err) {
    switch (err) {
    case -ETIMEDOUT:
        return NTP_TIMEOUT;
    case -EPROTO:
        return NTP_WRONG_TIME;
    case -ENETDOWN:
    case -ENOENT:
        return NTP_NETWORK;
    default:
        return NTP_UNKNOWN;
    }
}

static void on_time(void *ctx, int err, clk_wall utc) {
    struct cmd *c = cmd_from(ctx);
    struct modem *m = c->modem;
    c->ntp = NULL;
    if (err != 0) {
        tell(c, code_of(err));
        return;
    }
    err = rtc_set_utc(&m->rtc, m->clk, utc, setting_int(c->module, SLOT_CNTP_TIMEZONE));
    tell(c, err == 0 ? NTP_OK : NTP_WRONG_TIME);
}

static int start(struct cmd *c) {
    struct bearer *b = &c->modem->bearer;
    if (!rtc_is_zone(setting_int(c->module, SLOT_CNTP_TIMEZONE))) {
        return NTP_ZONE;
    }
    if (!bearer_is_there(b)) {
        return NTP_NETWORK;
    }
    struct sv host = sv_of(setting_text(c->module, SLOT_CNTP_HOST));
    c->ntp = sntp_start(b, host, tcpip_dns_retries(c), on_time, c);
    return c->ntp != NULL ? NTP_OK : NTP_WRONG_PARAMETER;
}

/* Without a server, and while one is being asked, it is an error (guess). */
void cmd_cntp(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_form_of(rq) == AT_WRITE) {
        cmd_store_if(rq, at_text(rq, 0).n > 0);
        return;
    }
    if (c->ntp != NULL || setting_text(c->module, SLOT_CNTP_HOST)[0] == '\0') {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    int err = start(c);
    at_ok(rq);
    if (err != NTP_OK) {
        tell(c, err);
    }
}

void cmd_ntp_stop(struct cmd *c) {
    sntp_cancel(c->ntp);
    c->ntp = NULL;
}
