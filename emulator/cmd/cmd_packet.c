/* cmd_packet.c: attachment and PDP contexts (V3.00 chapter 8). */
#include <stdio.h>

#include "base/limits.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "handlers.h"

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

static void tell_address(struct at_req *rq, int32_t cid) {
    struct modem *m = cmd_of(rq)->modem;
    char ip[NET_IP_TEXT];
    uint32_t address = is_active(m, cid) ? m->bearer.ip : 0;
    at_info(rq, "+CGPADDR: %d,%s", (int)cid, net_format_ip(address, ip));
}

/* The defined contexts: "+CGPADDR: (1,2)". */
static void list_contexts(struct at_req *rq, const struct setting_record *records, size_t n) {
    char text[6 * LIMIT_RECORDS] = "";
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%d", i > 0 ? "," : "",
                               (int)records[i].ints[0]);
    }
    at_info(rq, "+CGPADDR: (%s)", text);
    at_ok(rq);
}

void cmd_cgpaddr(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    const struct setting_record *records = NULL;
    size_t n = contexts(c, &records);
    if (at_form_of(rq) == AT_TEST) {
        list_contexts(rq, records, n);
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
