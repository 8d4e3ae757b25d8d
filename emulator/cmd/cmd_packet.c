/* cmd_packet.c: attachment and PDP contexts (V3.00 chapter 8). */
#include <stdio.h>

#include "base/limits.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd.h"
#include "handlers.h"

void cmd_cgatt(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+CGATT: %d", reg_has_packet_service(&m->reg));
    } else {
        modem_set_attached(m, at_int(rq, 0) != 0);
    }
    at_ok(rq);
}

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
    bool is_known = !at_has(rq, 1);
    for (size_t i = 0; i < n; i++) {
        if (!at_has(rq, 1) || records[i].ints[0] == at_int(rq, 1)) {
            modem_set_active(c->modem, (unsigned)records[i].ints[0], at_int(rq, 0) != 0);
            is_known = true;
        }
    }
    if (is_known) {
        at_ok(rq);
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
