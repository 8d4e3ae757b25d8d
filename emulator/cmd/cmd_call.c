/* cmd_call.c: settings of calls that look at more than their range (V3.00 chapter 5). */
#include <stdbool.h>
#include <string.h>

#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/cmd/cmd_dial.h"
#include "emulator/model/events.h"
#include "handlers.h"
#include "slots.h"

/* There are no voice calls yet: ERROR, once the number is known. */
void cmd_d(struct at_req *rq) {
    struct sv text = at_text(rq, 0);
    char number[SIM_NUMBER_TEXT];
    int rc = AT_ERR_PLAIN;
    unsigned cid = 0;
    if (dial_is_packet_call(text, &cid)) {
        dial_start(rq, cid);
        return;
    }
    if (text.n > 0 && text.p[0] == '>') {
        bool is_voice = text.p[text.n - 1] == ';';
        text = sv_trim(sv_slice(text, 1, text.n - (is_voice ? 2 : 1)));
        rc = cmd_phonebook_find(cmd_of(rq), text, number);
    }
    at_fail(rq, rc != 0 ? (enum at_err)rc : AT_ERR_PLAIN);
}

/* Given, or what is kept. */
static int32_t given_or_kept(struct at_req *rq, size_t i, unsigned slot) {
    return at_has(rq, i) ? at_int(rq, i) : setting_int(cmd_of(rq)->module, slot);
}

/* The speeds of transparent synchronous calls (V3.00 5.2.3). */
void cmd_cbst(struct at_req *rq) {
    enum { SPEED_BIT_TRANSPARENT = 116, SPEED_MULTIMEDIA = 134, NAME_SYNC = 1, CE_TRANSPARENT = 0 };
    int32_t speed = at_int(rq, 0);
    bool is_sync = given_or_kept(rq, 1, SLOT_CBST_NAME) == NAME_SYNC &&
                   given_or_kept(rq, 2, SLOT_CBST_CE) == CE_TRANSPARENT;
    cmd_store_if(rq, is_sync || (speed != SPEED_BIT_TRANSPARENT && speed != SPEED_MULTIMEDIA));
}

/* "<n>,<m>": what is set here, and what the network says that it provides. */
static void read_service(struct at_req *rq, const char *name, unsigned slot, int provided) {
    enum { PROVIDED_UNKNOWN = 2 };
    struct cmd *c = cmd_of(rq);
    int m = reg_is_registered(&c->modem->reg) ? provided : PROVIDED_UNKNOWN;
    at_info(rq, "%s: %d,%d", name, (int)setting_int(c->module, slot), m);
    at_ok(rq);
}

void cmd_clip(struct at_req *rq) {
    read_service(rq, "+CLIP", SLOT_CLIP_N, 1);
}

void cmd_clir(struct at_req *rq) {
    read_service(rq, "+CLIR", SLOT_CLIR_N, 4);
}

void cmd_colp(struct at_req *rq) {
    read_service(rq, "+COLP", SLOT_COLP_N, 0);
}

void cmd_cpcmfrm(struct at_req *rq) {
    bool is_wide = setting_int(cmd_of(rq)->module, SLOT_CPCMFRM_VALUE) == 1;
    cmd_store_if(rq, !is_wide || at_int(rq, 0) == 1);
}

void cmd_csdvc(struct at_req *rq) {
    bool is_host = setting_int(cmd_of(rq)->module, SLOT_CODECCTL_MODE) == 1;
    cmd_store_if(rq, is_host || at_int(rq, 0) != 0);
}

void cmd_cptone(struct at_req *rq) {
    if (at_has(rq, 1) == at_has(rq, 2)) {
        at_ok(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

/* -- the call that the world outside makes -- */

/* <id>,<dir>,<stat>,<mode>,<mpty> of V3.00 5.2.7. */
static const char call_active[] = "+CLCC: 1,0,0,0,0";
static const char call_over[] = "+CLCC: 1,0,6,0,0";

void cmd_clcc(struct at_req *rq) {
    if (cmd_of(rq)->modem->has_call) {
        at_info(rq, "%s", call_active);
    }
    at_ok(rq);
}

void cmd_chup(struct at_req *rq) {
    enum { HOUR = 3600, MINUTE = 60 };
    struct modem *m = cmd_of(rq)->modem;
    if (m->has_call) {
        int s = (int)(clk_since(m->clk, m->call_began).us / CLK_S(1).us);
        at_info(rq, "VOICE CALL: END: %02d%02d%02d", s / HOUR % 100, s / MINUTE % MINUTE,
                s % MINUTE);
        modem_set_voice_call(m, false);
    }
    at_ok(rq);
}

void cmd_call_event(struct cmd *c, unsigned topic, const void *payload) {
    if (topic == TOPIC_CALL_CHANGED && setting_int(c->module, SLOT_CLCC_N) != 0) {
        const struct call_event *e = payload;
        urc_post(c->session, URC_EVENT, "%s", e->is_up ? call_active : call_over);
    }
}

/* -- the radio link protocol, by version -- */

/* The example of V3.00 5.2.4; a <iws> of 0 is what it has of version 1. */
static const struct rlp rlp_defaults[CMD_RLP_VERSIONS] = {
    {.values = {61, 61, 48, 6}},
    {.values = {0, 61, 48, 6}},
    {.values = {240, 240, 52, 6}},
};

/* Not in the manual: as the test form prints them, after 3GPP 24.022 (guess). */
static const struct {
    int lo, hi;
} rlp_ranges[CMD_RLP_VERSIONS][4] = {
    {{0, 61}, {0, 61}, {39, 255}, {1, 255}},
    {{0, 61}, {0, 61}, {39, 255}, {1, 255}},
    {{0, 488}, {0, 488}, {42, 255}, {1, 255}},
};

void cmd_call_start(struct cmd *c) {
    memcpy(c->rlp, rlp_defaults, sizeof c->rlp);
}

static void read_rlp(struct at_req *rq) {
    for (int ver = 0; ver < CMD_RLP_VERSIONS; ver++) {
        const struct rlp *r = &cmd_of(rq)->first->rlp[ver];
        const int *v = r->values;
        if (r->t4 > 0) {
            at_info(rq, "+CRLP: %d,%d,%d,%d,%d,%d", v[0], v[1], v[2], v[3], ver, r->t4);
        } else {
            at_info(rq, "+CRLP: %d,%d,%d,%d,%d", v[0], v[1], v[2], v[3], ver);
        }
    }
}

/* What is left out stays. */
static bool write_rlp(struct at_req *rq) {
    enum { VALUES = 4, VER = 4, T4 = 5, WITH_T4 = 2 };
    int ver = at_int(rq, VER);
    struct rlp r = cmd_of(rq)->first->rlp[ver];
    bool is_fit = !at_has(rq, T4) || ver == WITH_T4;
    for (size_t i = 0; i < VALUES; i++) {
        r.values[i] = at_has(rq, i) ? at_int(rq, i) : r.values[i];
        is_fit &= r.values[i] >= rlp_ranges[ver][i].lo && r.values[i] <= rlp_ranges[ver][i].hi;
    }
    r.t4 = at_has(rq, T4) ? at_int(rq, T4) : r.t4;
    if (is_fit) {
        cmd_of(rq)->first->rlp[ver] = r;
    }
    return is_fit;
}

void cmd_crlp(struct at_req *rq) {
    if (at_form_of(rq) == AT_READ) {
        read_rlp(rq);
    } else if (at_form_of(rq) == AT_EXEC) {
        cmd_call_start(cmd_of(rq)->first);
    } else if (!write_rlp(rq)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    at_ok(rq);
}
