/* cmd_gnss.c: satellite positions (V3.00 chapter 17). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "emulator/model/nmea.h"
#include "handlers.h"
#include "slots.h"

enum { XTRA_OK = 0, XTRA_NETWORK_ERROR = 227 }; /* V1.12 17.23; V3.00 leaves the codes out */

static struct gnss *gnss_of(struct at_req *rq) {
    return &cmd_of(rq)->modem->gnss;
}

/* -- positions -- */

static void put_position(const struct gnss_view *v, char *to, size_t size) {
    char position[NMEA_FIELDS], time[NMEA_FIELDS], course[NMEA_FIELDS];
    if (v->has_fix) {
        snprintf(to, size, "%s,%02d%02d%02d,%s,%.1f,%.1f,%s", nmea_position(v, position),
                 v->date.day, v->date.month, v->date.year % 100, nmea_time(v, time), v->place.alt,
                 v->place.speed, nmea_course(v, course));
    } else {
        snprintf(to, size, ",,,,,,,,");
    }
}

static void gps_text(const struct gnss_view *v, char to[LIMIT_URC_TEXT]) {
    int n = snprintf(to, LIMIT_URC_TEXT, "+CGPSINFO: ");
    put_position(v, to + n, LIMIT_URC_TEXT - (size_t)n);
}

static void gnss_text(const struct gnss_view *v, char to[LIMIT_URC_TEXT]) {
    char position[LIMIT_URC_TEXT / 2];
    put_position(v, position, sizeof position);
    if (v->has_fix) {
        snprintf(to, LIMIT_URC_TEXT, "+CGNSSINFO: %d,%02u,%02u,%02u,%s,%.1f,%.1f,%.1f",
                 v->is_3d ? 3 : 2, v->nsats[GNSS_GPS], v->nsats[GNSS_GLONASS],
                 v->nsats[GNSS_BEIDOU], position, v->pdop, v->hdop, v->vdop);
    } else {
        snprintf(to, LIMIT_URC_TEXT, "+CGNSSINFO: ,,,,%s,,,", position);
    }
}

/* As the application note 4.2 prints it: the degrees without a point. */
static void tell_assisted(struct cmd *c) {
    struct gnss_view v;
    char time[NMEA_FIELDS];
    gnss_look(&c->modem->gnss, &v);
    urc_post(c->session, URC_EVENT, "+CAGPSINFO:%.0f,%.0f,%.0f,%02d%02d%04d,%s", v.place.lat * 1e8,
             v.place.lon * 1e8, v.place.alt, v.date.day, v.date.month, v.date.year,
             nmea_time(&v, time));
}

/* -- reports -- */

static void tell_sentence(void *ctx, const char *sentence) {
    struct cmd *c = cmd_from(ctx);
    urc_post(c->session, URC_REPEATABLE, "%s", sentence);
}

static void tell_sentences(struct cmd *c, const struct gnss_view *v) {
    if (c->modem->gnss.state == GNSS_SEARCHING || c->modem->gnss.state == GNSS_FIXED) {
        nmea_each(v, (uint32_t)setting_int(c->module, SLOT_CGPSINFOCFG_CONFIG), tell_sentence, c);
    }
}

/* No layout of NMEA's and no checksum; in the order of the example (V3.00 17.2.11). A system of
 * which nothing is heard has no line (guess). */
static void tell_strengths(struct cmd *c, const struct gnss_view *v) {
    static const struct {
        const char *talker;
        enum gnss_system system;
    } lines[] = {{"GL", GNSS_GLONASS},
                 {"GP", GNSS_GPS},
                 {"BD", GNSS_BEIDOU},
                 {"GA", GNSS_GALILEO},
                 {"PQ", GNSS_QZSS}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        enum gnss_system system = lines[i].system;
        bool is_silenced = system == GNSS_GPS && (c->first->gnss.nmea & NMEA_GSV) == 0;
        if (v->nsats[system] == 0 || is_silenced) {
            continue;
        }
        char text[LIMIT_URC_TEXT];
        int n = snprintf(text, sizeof text, "$%sGSV", lines[i].talker);
        for (unsigned k = 0; k < v->nsats[system]; k++) {
            n += snprintf(text + n, sizeof text - (size_t)n, ",%d,%.1f", v->sats[system][k].id,
                          v->sats[system][k].snr);
        }
        urc_post(c->session, URC_REPEATABLE, "%s", text);
    }
}

/* What comes again and again while the slot, its period in seconds, is not 0. */
static const struct {
    const char *row;
    unsigned slot;
    void (*text)(const struct gnss_view *v, char to[LIMIT_URC_TEXT]); /* a line of its own, or */
    void (*tell)(struct cmd *c, const struct gnss_view *v);
} reports[CMD_GNSS_REPORTS] = {
    {"+CGPSINFO", SLOT_CGPSINFO_TIME, gps_text, NULL},
    {"+CGNSSINFO", SLOT_CGNSSINFO_TIME, gnss_text, NULL},
    {"+CGPSINFOCFG", SLOT_CGPSINFOCFG_TIME, NULL, tell_sentences},
    {"+CGPSFTM", SLOT_CGPSFTM_ON_OFF, NULL, tell_strengths},
};

static void on_report(void *ctx);

static void start_report(struct cmd *c, size_t i) {
    int32_t period = setting_int(c->module, reports[i].slot);
    struct gnss_report *report = &c->gnss.reports[i];
    report->cmd = c;
    if (period == 0) {
        clk_stop(c->modem->clk, &report->timer);
    } else {
        clk_start(c->modem->clk, &report->timer, CLK_S(period), on_report, report);
    }
}

static void on_report(void *ctx) {
    const struct gnss_report *report = ctx;
    struct cmd *c = cmd_from(report->cmd);
    size_t i = (size_t)(report - c->gnss.reports);
    struct gnss_view v;
    gnss_look(&c->modem->gnss, &v);
    if (setting_int(c->module, reports[i].slot) == 0) { /* AT&F */
        return;
    }
    if (reports[i].text != NULL) {
        char text[LIMIT_URC_TEXT];
        reports[i].text(&v, text);
        urc_post(c->session, URC_REPEATABLE, "%s", text);
    } else {
        reports[i].tell(c, &v);
    }
    start_report(c, i);
}

static size_t report_of(struct at_req *rq) {
    size_t i = 0;
    while (strcmp(reports[i].row, at_row_of(rq)->name) != 0) {
        i++;
        must(i < CMD_GNSS_REPORTS);
    }
    return i;
}

/* +CGPSINFO, +CGNSSINFO, +CGPSINFOCFG, +CGPSFTM. */
void cmd_gnss_report(struct at_req *rq) {
    size_t i = report_of(rq);
    if (at_form_of(rq) == AT_WRITE) {
        setting_run(rq);
        start_report(cmd_of(rq), i);
        return;
    }
    struct gnss_view v;
    char text[LIMIT_URC_TEXT];
    gnss_look(gnss_of(rq), &v);
    reports[i].text(&v, text);
    at_info(rq, "%s", text);
    at_ok(rq);
}

/* -- assistance -- */

/* An APN, and with the user plane a server: AT+CGPSURL (application note 4). */
static bool has_help(const struct cmd *c) {
    bool is_user_plane = setting_int(c->module, SLOT_CGPSMD_METHOD) == 1;
    return bearer_is_there(&c->modem->bearer) && (!is_user_plane || c->first->gnss.has_server);
}

/* The file itself is not fetched: where there is a packet network, it is there (guess). */
static int download(struct cmd *c) {
    if (!bearer_is_there(&c->modem->bearer)) {
        return XTRA_NETWORK_ERROR;
    }
    gnss_inject(&c->modem->gnss);
    return XTRA_OK;
}

void cmd_cgpsxd(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (!c->first->gnss.has_xtra) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    int resp = download(c);
    if (resp != XTRA_OK) {
        at_info(rq, "+CGPSXD: %d", resp);
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    setting_run(rq);
    urc_post(c->session, URC_EVENT, "+CGPSXD: %d", resp);
}

/* Without a file the time is the system's first (guess). */
void cmd_cgpsxtradata(struct at_req *rq) {
    enum { MINUTES = 7 * 24 * 60, GPS_EPOCH = 315964800 };
    const struct gnss *g = gnss_of(rq);
    bool is_there = cmd_of(rq)->first->gnss.has_xtra && gnss_has_xtra(g);
    struct rtc_date d = rtc_date_of(is_there ? g->xtra_from.us / 1000000 : GPS_EPOCH);
    at_info(rq, "+CGPSXTRADATA: %d,\"%04d/%02d/%02d,%02d:%02d:%02d\"", is_there ? MINUTES : 0,
            d.year, d.month, d.day, d.hour, d.minute, d.second);
    at_ok(rq);
}

/* There never is a request that it could answer. */
void cmd_cgpsnotify(struct at_req *rq) {
    at_ok(rq);
}

void cmd_cgpsipv6(struct at_req *rq) {
    struct in6_addr addr;
    char text[INET6_ADDRSTRLEN];
    bool is_address =
        sv_copy(at_text(rq, 0), text, sizeof text) == 0 && inet_pton(AF_INET6, text, &addr) == 1;
    cmd_store_if(rq, is_address);
}

/* -- sessions -- */

/* The bits of AT+CGPSPMD, by enum gnss_mode: any bearer and plane will do (V3.00 17.2.17). */
static const uint32_t mode_bits[] = {
    [GNSS_STANDALONE] = 1 << 0,
    [GNSS_BASED] = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 10,
    [GNSS_ASSISTED] = 1 << 2 | 1 << 4 | 1 << 6 | 1 << 9 | 1 << 11,
};

/* Without help a UE-based session falls back if it may; that AT+CGPSMSB is what allows it, and
 * ERROR for the rest, is a guess. */
static bool may_start(const struct cmd *c, enum gnss_mode *mode) {
    if (*mode != GNSS_STANDALONE && !has_help(c)) {
        bool may_fall_back = *mode == GNSS_BASED && setting_int(c->module, SLOT_CGPSMSB_MODE) == 1;
        if (!may_fall_back) {
            return false;
        }
        *mode = GNSS_STANDALONE;
    }
    return (c->first->gnss.modes & mode_bits[*mode]) != 0 && c->modem->gnss.state == GNSS_OFF;
}

/* AT+CGPSXDAUTO: the file is fetched if it is missing. */
static bool has_xtra(struct cmd *c) {
    if (!c->first->gnss.has_xtra) {
        return false;
    }
    if (!gnss_has_xtra(&c->modem->gnss) && setting_int(c->module, SLOT_CGPSXDAUTO_ON_OFF) == 1) {
        urc_post(c->session, URC_EVENT, "+CGPSXD: %d", download(c));
    }
    return gnss_has_xtra(&c->modem->gnss);
}

static bool start(struct cmd *c, enum gnss_mode mode) {
    if (!may_start(c, &mode)) {
        return false;
    }
    const struct gnss_session session = {
        .mode = mode,
        .systems = c->first->gnss.systems,
        .is_helped = has_xtra(c) || mode != GNSS_STANDALONE,
        .is_fast = setting_int(c->module, SLOT_CGPSNMEARATE_RATE) == 1,
    };
    must(gnss_start(&c->modem->gnss, &session) == 0);
    return true;
}

static void answer(struct at_req *rq, bool is_done) {
    if (is_done) {
        at_ok(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

/* One that is off is told to be off as well (guess). */
static void stop(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    bool is_off = c->modem->gnss.state == GNSS_OFF;
    gnss_stop(&c->modem->gnss);
    at_ok(rq);
    if (is_off) {
        urc_post(c->session, URC_EVENT, "+CGPS: 0");
    }
}

void cmd_cgps(struct at_req *rq) {
    const struct gnss *g = gnss_of(rq);
    if (at_form_of(rq) == AT_READ) {
        bool is_on = g->state == GNSS_SEARCHING || g->state == GNSS_FIXED;
        at_info(rq, "+CGPS: %d,%d", is_on ? 1 : 0, (int)g->session.mode);
        at_ok(rq);
    } else if (at_int(rq, 0) == 0) {
        stop(rq);
    } else {
        answer(rq, start(cmd_of(rq), (enum gnss_mode)at_int(rq, 1)));
    }
}

void cmd_cgpscold(struct at_req *rq) {
    answer(rq, gnss_forget(gnss_of(rq)) == 0 && start(cmd_of(rq), GNSS_STANDALONE));
}

/* Without data of an earlier fix it is as cold as any (guess). */
void cmd_cgpshot(struct at_req *rq) {
    answer(rq, start(cmd_of(rq), GNSS_STANDALONE));
}

void cmd_cgpsdel(struct at_req *rq) {
    answer(rq, gnss_forget(gnss_of(rq)) == 0);
}

/* Settings that can be changed only while the receiver is off: +CGPSNMEA, +CGPSMD, +CGPSMSB,
 * +CGPSHOR. */
void cmd_gnss_idle(struct at_req *rq) {
    cmd_store_if(rq, gnss_of(rq)->state == GNSS_OFF);
}

/* -- the module's own -- */

void cmd_gnss_event(struct cmd *c, unsigned topic, const void *payload) {
    const struct gnss *g = payload;
    bool is_on = c->power.state == POWER_ON || c->power.state == POWER_HUNG;
    if (topic != TOPIC_GNSS_CHANGED || !is_on) {
        return;
    }
    enum gnss_state was = c->gnss.state;
    c->gnss.state = g->state;
    if (g->state == was) {
        return;
    }
    if (g->state == GNSS_OFF) {
        urc_post(c->session, URC_EVENT, "+CGPS: 0");
    } else if (g->state == GNSS_FIXED && g->session.mode == GNSS_ASSISTED) {
        tell_assisted(c);
    }
}

static unsigned systems_of(int32_t mode) {
    static const enum gnss_system bits[] = {GNSS_GLONASS, GNSS_BEIDOU, GNSS_GALILEO, GNSS_QZSS};
    unsigned systems = 1u << GNSS_GPS;
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        systems |= ((uint32_t)mode & 1u << i) != 0 ? 1u << bits[i] : 0;
    }
    return systems;
}

void cmd_gnss_start(struct cmd *c) {
    c->gnss.state = c->modem->gnss.state;
    if (c != c->first) {
        return;
    }
    c->gnss.nmea = (uint32_t)setting_int(c->module, SLOT_CGPSNMEA_NMEA);
    c->gnss.modes = (uint32_t)setting_int(c->module, SLOT_CGPSPMD_MODE);
    c->gnss.systems = systems_of(setting_int(c->module, SLOT_CGNSSMODE_GNSS_MODE));
    c->gnss.has_server = setting_text(c->module, SLOT_CGPSURL_URL)[0] != '\0' ||
                         setting_text(c->module, SLOT_CGPSIPV6_IPV6_ADDR)[0] != '\0';
    c->gnss.has_xtra = setting_int(c->module, SLOT_CGPSXE_ON_OFF) == 1;
    if (setting_int(c->module, SLOT_CGPSAUTO_AUTO) == 1) {
        start(c, GNSS_STANDALONE);
    }
}

void cmd_gnss_stop(struct cmd *c) {
    for (size_t i = 0; i < CMD_GNSS_REPORTS; i++) {
        clk_stop(c->modem->clk, &c->gnss.reports[i].timer);
    }
}
