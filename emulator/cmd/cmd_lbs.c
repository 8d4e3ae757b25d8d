/* cmd_lbs.c: the place of the module, from the vendor's server (V3.00 chapter 18). The server is
 * part of what is emulated: it is as far away as the network's path, and nothing goes to the host.
 */
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "emulator/model/place.h"
#include "handlers.h"
#include "slots.h"

/* -- the network of these commands, which is opened and closed apart from that of NETOPEN -- */

/* V3.00 18.3.2; which it is when is a guess. */
enum {
    NET_OK = 0,
    NET_OPEN_FAILED = 2,
    NET_NOT_OPEN = 4,
    NET_BUSY = 6,
    NET_ALREADY_OPEN = 7,
    NET_IN_USE = 8,
};

enum { LOCATION_OK = 0, LOCATION_FAILED = 1, LOCATION_TIMEOUT = 2, LOCATION_NETWORK = 3 };
enum { REPORT_TAKEN = 80, REPORT_BAD = 81, REPORT_FAILED = 82 };
enum { TIMED = 4, REPORT = 9 }; /* <type> of +CLBS */
enum { LBS_TIMEOUT_S = 60 };    /* guess */

static void refuse(struct at_req *rq, int err) {
    at_info(rq, "%s: %d", at_row_of(rq)->name, err);
    at_fail(rq, AT_ERR_PLAIN);
}

static void on_result(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    bool is_open = c->lbs.err == NET_OK;
    if (!is_open) {
        bearer_detach(&c->lbs.user);
    }
    c->lbs.state = is_open ? LBS_OPEN : LBS_CLOSED;
    urc_post(c->session, URC_EVENT, "+CNETSTART: %d", c->lbs.err);
}

static void result_after(struct cmd *c, int err, clk_dur wait) {
    c->lbs.state = LBS_OPENING;
    c->lbs.err = err;
    clk_start(c->modem->clk, &c->lbs.opening, wait, on_result, c);
}

static void on_opened(struct bearer_user *user) {
    struct cmd *c;
    CAST_MEMBER(c, user, struct cmd, lbs.user, CMD_MAGIC);
    result_after(c, NET_OK, c->lbs.delay);
}

static void answer(struct cmd *c, int code);

/* An open one closes without a word (guess). */
static void on_down(struct bearer_user *user) {
    struct cmd *c;
    CAST_MEMBER(c, user, struct cmd, lbs.user, CMD_MAGIC);
    if (c->lbs.state == LBS_OPENING) {
        result_after(c, NET_OPEN_FAILED, CLK_US(0));
    } else {
        c->lbs.state = LBS_CLOSED;
    }
    if (c->lbs.asked != NULL) {
        answer(c, LOCATION_NETWORK);
    }
}

/* As AT+NETOPEN: it asks for the context of AT+CSOCKSETPN. */
static int open_network(struct cmd *c) {
    struct bearer *b = &c->modem->bearer;
    clk_dur timeout = CLK_MS(setting_int(c->module, SLOT_CIPTIMEOUT_NETOPEN_TIMEOUT));
    unsigned cid = (unsigned)setting_int(c->module, SLOT_CSOCKSETPN_PROFILE_NUMBER);
    struct bus_verdict v = modem_activate(c->modem, cid);
    if (v.act == BUS_FAIL || v.act == BUS_DROP) {
        result_after(c, NET_OPEN_FAILED, v.act == BUS_DROP ? timeout : v.delay);
        return NET_OK;
    }
    if (!bearer_is_there(b)) {
        return NET_OPEN_FAILED;
    }
    c->lbs.user.opened = on_opened;
    c->lbs.user.down = on_down;
    c->lbs.delay = v.delay;
    bearer_attach(b, &c->lbs.user);
    result_after(c, b->is_up ? NET_OK : NET_OPEN_FAILED, b->is_up ? v.delay : timeout);
    return NET_OK;
}

void cmd_cnetstart(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+CNETSTART: %d", (int)c->lbs.state);
        at_ok(rq);
        return;
    }
    static const int errors[] = {NET_OK, NET_BUSY, NET_ALREADY_OPEN};
    int err = errors[c->lbs.state];
    err = err == NET_OK ? open_network(c) : err;
    if (err == NET_OK) {
        at_ok(rq);
    } else {
        refuse(rq, err);
    }
}

/* All sockets must be closed before (V1.12 16). The context stays up, as with AT+NETCLOSE. */
void cmd_cnetstop(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (c->lbs.state != LBS_OPEN) {
        refuse(rq, c->lbs.state == LBS_CLOSED ? NET_NOT_OPEN : NET_BUSY);
    } else if (sockets_is_open(tcpip_sockets(c))) {
        refuse(rq, NET_IN_USE);
    } else {
        cmd_lbs_stop(c);
        at_info(rq, "+CNETSTOP: %d", NET_OK);
        at_ok(rq);
    }
}

void cmd_cnetipaddr(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    char ip[NET_IP_TEXT];
    if (c->lbs.state == LBS_OPEN) {
        at_info(rq, "+CNETIPADDR: %s", net_format_ip(c->modem->bearer.ip, ip));
        at_ok(rq);
    } else {
        at_info(rq, "+CNETIPADDR: Network not open");
        at_fail(rq, AT_ERR_PLAIN);
    }
}

void cmd_lbs_stop(struct cmd *c) {
    clk_stop(c->modem->clk, &c->lbs.opening);
    clk_stop(c->modem->clk, &c->lbs.under_way);
    bearer_detach(&c->lbs.user);
    c->lbs.state = LBS_CLOSED;
}

/* -- the server -- */

/* Date and time are UTC (V1.12 17.24). */
static void tell_place(struct at_req *rq, const struct place *p) {
    enum { DATE = 8, ACCURACY = 500 }; /* of V1.12's example */
    struct cmd *c = cmd_of(rq);
    static const struct rtc utc;
    char now[RTC_TEXT];
    rtc_text(&utc, c->modem->clk, now);
    if (at_int(rq, 0) == TIMED) {
        at_info(rq, "+CLBS: %d,%.6f,%.6f,%d,20%.*s,%s", LOCATION_OK, p->latitude, p->longitude,
                ACCURACY, DATE, now, now + DATE + 1);
    } else {
        at_info(rq, "+CLBS: %d,%.6f,%.6f,%d", LOCATION_OK, p->latitude, p->longitude, ACCURACY);
    }
}

/* The server knows the place as well as the satellites do. */
static struct place place_of(const struct modem *m) {
    const struct gnss_sky sky = gnss_sky_now(&m->gnss);
    return (struct place){sky.place.lat, sky.place.lon};
}

static void answer(struct cmd *c, int code) {
    enum { LON_TYPE = 4 };
    struct at_req *rq = c->lbs.asked;
    clk_stop(c->modem->clk, &c->lbs.under_way);
    c->lbs.asked = NULL;
    bool is_there = code == LOCATION_OK;
    if (at_int(rq, 0) == REPORT) {
        at_info(rq, "+CLBS: %d", is_there ? REPORT_TAKEN : REPORT_FAILED);
    } else if (is_there) {
        const struct place here = place_of(c->modem);
        const struct place p = at_int(rq, LON_TYPE) == 1 ? place_in_gcj02(&here) : here;
        tell_place(rq, &p);
    } else {
        at_info(rq, "+CLBS: %d", code);
    }
    at_ok(rq);
}

static void on_answer(void *ctx) {
    answer(cmd_from(ctx), LOCATION_OK);
}

static void on_timeout(void *ctx) {
    answer(cmd_from(ctx), LOCATION_TIMEOUT);
}

static void on_cancel(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    clk_stop(c->modem->clk, &c->lbs.under_way);
    c->lbs.asked = NULL;
}

static void ask_server(struct at_req *rq) {
    static const struct impair none[IMPAIR_DIRECTIONS];
    struct cmd *c = cmd_of(rq);
    struct bearer *b = &c->modem->bearer;
    bool is_lost =
        bearer_is_black_hole(b, none, IMPAIR_UP) || bearer_is_black_hole(b, none, IMPAIR_DOWN);
    clk_dur way =
        CLK_US(bearer_delay(b, none, IMPAIR_UP).us + bearer_delay(b, none, IMPAIR_DOWN).us);
    c->lbs.asked = rq;
    at_on_cancel(rq, on_cancel, c);
    clk_start(c->modem->clk, &c->lbs.under_way, is_lost ? CLK_S(LBS_TIMEOUT_S) : way,
              is_lost ? on_timeout : on_answer, c);
}

/* A number of degrees with digits behind the point or without, as it may be written. */
static bool is_degrees(struct sv text, double most) {
    enum { LONGEST = 15 };
    char z[LONGEST + 1];
    char *stop = NULL;
    if (sv_copy(text, z, sizeof z) != 0 || z[strspn(z, "-.0123456789")] != '\0') {
        return false;
    }
    double value = strtod(z, &stop);
    return stop != z && *stop == '\0' && value >= -most && value <= most;
}

/* Both or none. */
static bool has_sound_place(struct at_req *rq) {
    enum { LONGITUDE = 2, LATITUDE };
    if (!at_has(rq, LONGITUDE) && !at_has(rq, LATITUDE)) {
        return true;
    }
    return is_degrees(at_text(rq, LONGITUDE), 180) && is_degrees(at_text(rq, LATITUDE), 90);
}

/* Where the network is not open it is its error, for +CME ERROR is for the ME alone (guess). */
void cmd_clbs(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (!has_sound_place(rq)) {
        if (at_int(rq, 0) != REPORT) {
            at_fail(rq, AT_ERR_PLAIN);
            return;
        }
        at_info(rq, "+CLBS: %d", REPORT_BAD);
        at_ok(rq);
    } else if (c->lbs.state != LBS_OPEN) {
        at_info(rq, "+CLBS: %d", LOCATION_NETWORK);
        at_ok(rq);
    } else {
        ask_server(rq);
    }
}

void cmd_clbscfg(struct at_req *rq) {
    enum { OPERATE, PARA, VALUE };
    struct cmd *c = cmd_of(rq);
    bool is_read = at_int(rq, OPERATE) == 0;
    if (is_read == at_has(rq, VALUE)) {
        at_fail(rq, AT_ERR_PLAIN);
    } else if (is_read) {
        const struct at_param *p = &at_row_of(rq)->params[VALUE];
        at_info(rq, "+CLBSCFG: 0,3,\"%s\"", p->words[setting_int(c->module, p->slot)]);
        at_ok(rq);
    } else {
        setting_run(rq);
    }
}

/* The example has the latitude first; only a module of CDMA networks has the command. */
void cmd_cassistloc(struct at_req *rq) {
    const struct modem *m = cmd_of(rq)->modem;
    if ((m->profile->techs & 1u << PROFILE_CDMA) == 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    if (reg_is_registered(&m->reg)) {
        const struct place here = place_of(m);
        at_info(rq, "+CASSISTLOC: %.6f,%.6f,,", here.latitude, here.longitude);
        at_info(rq, "+CASSISTLOC: 0");
    } else {
        at_info(rq, "+CASSISTLOC: ,,,");
    }
    at_ok(rq);
}
