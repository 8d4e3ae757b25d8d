/* cmd_packet.c: attachment and PDP contexts (V3.00 chapter 8). */
#include <stdio.h>

#include "base/limits.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "handlers.h"
#include "slots.h"

/* -- an answer that the network owes -- */

/* An activation that is not answered is given up after five times T3380 (24.008 6.1.3.1.3). */
enum { NETWORK_WAIT_S = 150 };

struct wait {
    struct clk_timer timer;
    struct at_req *rq;
    int code; /* 0: OK */
};

static void answer(struct at_req *rq, int code) {
    if (code == 0) {
        at_ok(rq);
    } else {
        at_fail(rq, (enum at_err)code);
    }
}

static void on_wait_over(void *ctx) {
    const struct wait *w = ctx;
    answer(w->rq, w->code);
}

static void on_cancel(void *ctx) {
    struct wait *w = ctx;
    clk_stop(cmd_of(w->rq)->modem->clk, &w->timer);
}

/* Ends the request as the network has decided, now or later. */
static void answer_by(struct at_req *rq, const struct bus_verdict *v) {
    bool is_dropped = v->act == BUS_DROP;
    int code = v->act == BUS_FAIL && v->code != 0 ? v->code : CME_UNSPECIFIED_GPRS_ERROR;
    clk_dur wait = is_dropped ? CLK_S(NETWORK_WAIT_S) : v->delay;
    code = is_dropped || v->act == BUS_FAIL ? code : 0;
    if (wait.us == 0) {
        answer(rq, code);
        return;
    }
    struct wait *w = at_alloc(rq, sizeof *w);
    *w = (struct wait){.rq = rq, .code = code};
    at_on_cancel(rq, on_cancel, w);
    clk_start(cmd_of(rq)->modem->clk, &w->timer, wait, on_wait_over, w);
}

/* -- attachment -- */

enum { DEFAULT_CID = 1 };

/* Attaching brings the default context up (24.301 5.5.1). */
static void set_attached(struct at_req *rq, bool is_attached) {
    struct modem *m = cmd_of(rq)->modem;
    struct bus_verdict v = {0};
    if (is_attached && !m->reg.is_attached) {
        struct context_event e = {.cid = DEFAULT_CID, .is_active = true};
        v = bus_ask(&m->bus, ASK_CONTEXT_ACTIVATE, &e);
    }
    if (v.act == BUS_GO) {
        modem_set_attached(m, is_attached);
    }
    answer_by(rq, &v);
}

void cmd_cgatt(struct at_req *rq) {
    if (at_form_of(rq) == AT_WRITE) {
        set_attached(rq, at_int(rq, 0) != 0);
        return;
    }
    at_info(rq, "+CGATT: %d", reg_has_packet_service(&cmd_of(rq)->modem->reg));
    at_ok(rq);
}

/* -- contexts -- */

/* The contexts are the records of +CGDCONT. */
enum { CONTEXT_CID, CONTEXT_TYPE };

static size_t contexts(struct cmd *c, const struct setting_record **out) {
    return setting_records(c->module, table_find(&at_dialect, SV("+CGDCONT")), out);
}

static bool is_active(const struct modem *m, int32_t cid) {
    return m->active[cid] && reg_has_packet_service(&m->reg);
}

void cmd_cgact(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    const struct setting_record *records = NULL;
    size_t n = contexts(c, &records);
    if (at_form_of(rq) == AT_READ) {
        for (size_t i = 0; i < n; i++) {
            at_info(rq, "+CGACT: %d,%d", (int)records[i].ints[0],
                    is_active(c->modem, records[i].ints[0]));
        }
        at_ok(rq);
        return;
    }
    struct bus_verdict v = {0};
    bool is_known = !at_has(rq, 1);
    for (size_t i = 0; i < n && v.act == BUS_GO; i++) {
        unsigned cid = (unsigned)records[i].ints[0];
        if (at_has(rq, 1) && records[i].ints[0] != at_int(rq, 1)) {
            continue;
        }
        is_known = true;
        if (at_int(rq, 0) != 0) {
            v = modem_activate(c->modem, cid);
        } else {
            modem_set_active(c->modem, cid, false);
        }
    }
    if (is_known) {
        answer_by(rq, &v);
    } else {
        at_fail(rq, CME_UNSPECIFIED_GPRS_ERROR); /* a context that is not defined (guess) */
    }
}

/* Item 1341: AT+CIPCLOSE tells the peer in dormancy, too (note 2.9). */
void cmd_cnvw(struct at_req *rq) {
    cmd_of(rq)->modem->nv_fin = at_int(rq, 2) == 1;
    at_ok(rq);
}

/* Reads what AT+CNVW writes, whether it counts already or not; a failure is told in front of OK. */
void cmd_cnvr(struct at_req *rq) {
    enum { ITEM_FIN = 1341, ERR_PARAMETERS = -1, ERR_NOT_ACTIVE = 5 };
    bool is_there = at_int(rq, 0) == ITEM_FIN;
    if (!at_has(rq, 1)) {
        at_info(rq, "+CNVR: %d,%d,0,%d", (int)at_int(rq, 0), is_there, is_there);
    } else if (is_there && at_int(rq, 1) == 0) {
        at_info(rq, "+CNVR: 1,\"%02d\"", cmd_of(rq)->modem->nv_fin);
    } else {
        at_info(rq, "+CNVR: 0,%d", is_there ? ERR_PARAMETERS : ERR_NOT_ACTIVE);
    }
    at_ok(rq);
}

static void tell_address(struct at_req *rq, int32_t cid) {
    struct modem *m = cmd_of(rq)->modem;
    char ip[NET_IP_TEXT];
    uint32_t address = is_active(m, cid) ? m->bearer.ip : 0;
    at_info(rq, "+CGPADDR: %d,%s", (int)cid, net_format_ip(address, ip));
}

enum { CONTEXT_LIST = 6 * LIMIT_RECORDS };

/* "(1,2)": the defined contexts, or of these the active ones. */
static const char *context_list(struct cmd *c, bool is_active_only, char text[CONTEXT_LIST]) {
    const struct setting_record *records = NULL;
    size_t n = contexts(c, &records);
    size_t at = (size_t)snprintf(text, CONTEXT_LIST, "(");
    for (size_t i = 0; i < n; i++) {
        if (!is_active_only || is_active(c->modem, records[i].ints[0])) {
            at += (size_t)snprintf(text + at, CONTEXT_LIST - at, "%s%d", at > 1 ? "," : "",
                                   (int)records[i].ints[0]);
        }
    }
    snprintf(text + at, CONTEXT_LIST - at, ")");
    return text;
}

static void tell_contexts(struct at_req *rq, bool is_active_only) {
    char list[CONTEXT_LIST];
    at_info(rq, "%s: %s", at_row_of(rq)->name, context_list(cmd_of(rq), is_active_only, list));
    at_ok(rq);
}

void cmd_cgpaddr(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    const struct setting_record *records = NULL;
    size_t n = contexts(c, &records);
    if (at_form_of(rq) == AT_TEST) {
        tell_contexts(rq, false);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_asked = at_nargs(rq) == 0;
        for (size_t k = 0; k < at_nargs(rq); k++) {
            is_asked |= at_int(rq, k) == records[i].ints[0] && at_has(rq, k);
        }
        if (is_asked) {
            tell_address(rq, records[i].ints[0]);
        }
    }
    at_ok(rq);
}

/* Active contexts with what the network has given them (27.007 10.1.23). One address is all the
 * model has of it: mask /32, no gateway, no name server (guess). */
void cmd_cgcontrdp(struct at_req *rq) {
    enum { FIRST_BEARER = 5 }; /* of EPS and of NSAPIs alike */
    struct cmd *c = cmd_of(rq);
    const struct modem *m = c->modem;
    const struct setting_record *records = NULL;
    size_t n = contexts(c, &records);
    if (at_form_of(rq) == AT_TEST) {
        tell_contexts(rq, true);
        return;
    }
    char ip[NET_IP_TEXT];
    net_format_ip(m->bearer.ip, ip);
    int bearer = FIRST_BEARER;
    for (size_t i = 0; i < n; i++) {
        int32_t cid = records[i].ints[CONTEXT_CID];
        if (!is_active(m, cid)) {
            continue;
        }
        if (at_nargs(rq) == 0 || cid == at_int(rq, 0)) {
            struct context_event context = modem_context(m, (unsigned)cid);
            at_info(rq, "+CGCONTRDP: %d,%d,\"%s\",\"%s.255.255.255.255\"", (int)cid, bearer,
                    context.apn != NULL ? context.apn : "", ip);
        }
        bearer++;
    }
    at_ok(rq);
}

/* -- what is kept for a context -- */

/* Without any the header stands alone (V3.00 8.2.7 to 8.2.10). */
static bool tell_none(struct at_req *rq, size_t n) {
    if (n == 0) {
        at_info(rq, "%s:", at_row_of(rq)->name);
        at_ok(rq);
    }
    return n == 0;
}

void cmd_profiles(struct at_req *rq) {
    const struct setting_record *records = NULL;
    size_t n = setting_records(cmd_of(rq)->module, at_row_of(rq), &records);
    if (!tell_none(rq, n)) {
        setting_run(rq);
    }
}

static bool is_context(struct cmd *c, int32_t cid) {
    return setting_record_find(c->module, table_find(&at_dialect, SV("+CGDCONT")), cid) != NULL;
}

/* The test answer has a line a type, as the manual's example has it. */
static void test_secondary(struct at_req *rq) {
    const struct at_param *type = &table_find(&at_dialect, SV("+CGDCONT"))->params[CONTEXT_TYPE];
    char list[CONTEXT_LIST];
    context_list(cmd_of(rq), true, list);
    for (size_t i = 0; i < type->nwords; i++) {
        at_info(rq, "+CGDSCONT: (1-24,100-179),%s,\"%s\",(0-2),(0-4)", list, type->words[i]);
    }
    at_ok(rq);
}

/* The key alone undefines it. */
static void set_secondary(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    bool is_good = at_has(rq, 1) && !is_context(c, at_int(rq, 0)) && is_context(c, at_int(rq, 1));
    if (is_good || at_nargs(rq) == 1) {
        setting_run(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

void cmd_cgdscont(struct at_req *rq) {
    if (at_form_of(rq) == AT_TEST) {
        test_secondary(rq);
    } else if (at_form_of(rq) == AT_WRITE) {
        set_secondary(rq);
    } else {
        cmd_profiles(rq);
    }
}

enum { AUTH_CID, AUTH_TYPE, AUTH_PASSWD, AUTH_USER };
enum { AUTH_NONE, AUTH_PAP, AUTH_CHAP, AUTH_EITHER };

/* The password goes with PAP and CHAP, the user with PAP (V3.00 8.2.15). */
static void set_auth(struct at_req *rq) {
    int type = at_int(rq, AUTH_TYPE);
    bool wants_user = type == AUTH_PAP || type == AUTH_EITHER;
    if ((type != AUTH_NONE && !at_has(rq, AUTH_PASSWD)) || (wants_user && !at_has(rq, AUTH_USER))) {
        at_fail(rq, AT_ERR_PLAIN);
    } else {
        setting_run(rq);
    }
}

void cmd_cgauth(struct at_req *rq) {
    if (at_form_of(rq) == AT_WRITE) {
        set_auth(rq);
        return;
    }
    const struct setting_record *records = NULL;
    size_t n = setting_records(cmd_of(rq)->module, at_row_of(rq), &records);
    if (tell_none(rq, n)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct setting_record *r = &records[i];
        at_info(rq, "+CGAUTH: %d,%d,\"%s\",\"%s\"", (int)r->ints[AUTH_CID], (int)r->ints[AUTH_TYPE],
                r->texts[AUTH_USER], r->texts[AUTH_PASSWD]);
    }
    at_ok(rq);
}

/* -- +CGEV -- */

static void report(struct cmd *c, const char *text) {
    cmd_report(c, &c->cgev, setting_int(c->module, SLOT_CGEREP_MODE), text);
}

static const char *pdp_type(struct cmd *c, unsigned cid) {
    const struct at_cmd *row = table_find(&at_dialect, SV("+CGDCONT"));
    const struct setting_record *r = setting_record_find(c->module, row, (int32_t)cid);
    return row->params[CONTEXT_TYPE].words[r != NULL ? r->ints[CONTEXT_TYPE] : 0];
}

/* The manual's lines belong to GPRS: they name type and address, and know no activation. LTE has
 * those of 27.007 10.1.19, which hardware prints. */
static void report_context(struct cmd *c, const struct context_event *e) {
    const struct modem *m = c->modem;
    const char *who = e->by_network ? "NW" : "ME";
    char text[LIMIT_REPORT_TEXT];
    char ip[NET_IP_TEXT];
    if (m->reg.tech == PROFILE_LTE) {
        snprintf(text, sizeof text, "+CGEV: %s PDN %s %u", who, e->is_active ? "ACT" : "DEACT",
                 e->cid);
        report(c, text);
    } else if (!e->is_active) {
        snprintf(text, sizeof text, "+CGEV: %s DEACT \"%s\",\"%s\",%u", who, pdp_type(c, e->cid),
                 net_format_ip(m->bearer.ip, ip), e->cid);
        report(c, text);
    }
}

/* Contexts go with the service without a line of their own (V3.00 8.2.14), and come back with
 * it. */
static void report_service(struct cmd *c) {
    const struct modem *m = c->modem;
    bool is_wanted = m->fun == FUN_FULL && m->sim.state == SIM_READY && !m->reg.has_left &&
                     m->reg.is_attached && m->power != POWER_OFF;
    if (!c->has_service) {
        report(c, is_wanted ? "+CGEV: NW DETACH" : "+CGEV: ME DETACH");
        return;
    }
    for (unsigned cid = 1; cid <= MODEM_CIDS && m->reg.tech == PROFILE_LTE; cid++) {
        if (m->active[cid]) {
            report_context(c, &(struct context_event){.cid = cid, .is_active = true});
        }
    }
}

void cmd_packet_event(struct cmd *c, unsigned topic, const void *payload) {
    bool has_service = reg_has_packet_service(&c->modem->reg);
    if (topic == TOPIC_CONTEXT_CHANGED && has_service) {
        report_context(c, payload);
    }
    if (topic == TOPIC_REG_CHANGED && has_service != c->has_service) {
        c->has_service = has_service;
        report_service(c);
    }
}

void cmd_packet_start(struct cmd *c) {
    c->has_service = reg_has_packet_service(&c->modem->reg);
    c->cgev.n = 0;
}

void cmd_cgerep(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    cmd_report_mode(c, &c->cgev, at_int(rq, 0), at_int(rq, 1) != 0);
    setting_run(rq);
}
