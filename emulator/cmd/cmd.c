#include "emulator/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "emulator/model/events.h"
#include "slots.h"

/* 1: V3.00 1.6.1 sets it, though 2.2.14 does not list it. */
enum { IFC_XON = 1, IFC_RTS = 2 };

struct cmd *cmd_from(void *ctx) {
    struct cmd *c;
    CAST_OBJ(c, ctx, CMD_MAGIC);
    return c;
}

struct cmd *cmd_of(struct at_req *rq) {
    return cmd_from(at_owner_of(rq));
}

void cmd_store_if(struct at_req *rq, bool is_fit) {
    if (is_fit) {
        setting_run(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

static void post_urc(struct cmd *c, const struct urc_event *e) {
    if (e->is_now) {
        urc_write_now(c->session, e->text);
    } else {
        urc_post(c->session, e->is_repeatable ? URC_REPEATABLE : URC_EVENT, "%s", e->text);
    }
}

/* AT+CATR (V3.00 3.2.11). The first port stands for the ATCOM port and, where there is no other,
 * for the UART, for who has its driver on a pty may have it on either. */
static bool hears(const struct cmd *c) {
    int port = setting_int(c->module, SLOT_CATR_PORT);
    return port == CMD_ANY || port == (int)c->role ||
           (port == CMD_UART && c == c->first && !c->has_uart);
}

static bool is_asleep(void *owner) {
    return cmd_from(owner)->sleep.state == SLEEP_ASLEEP;
}

typedef void event_fn(struct cmd *c, unsigned topic, const void *payload);

/* What concerns the module as a whole, in the order in which it is said. */
static event_fn *const families[] = {
    cmd_power_event,  cmd_network_event,  cmd_ussd_event,      cmd_packet_event, cmd_standard_event,
    cmd_status_event, cmd_hardware_event, cmd_dial_event,      cmd_mifi_event,   cmd_gnss_event,
    cmd_audio_event,  cmd_call_event,     cmd_bluetooth_event,
};

/* It is said where it is wanted, what a port has begun itself is said there. */
static void on_bus(void *ctx, unsigned topic, const void *payload) {
    struct cmd *c = cmd_from(ctx);
    session_set_mute(c->session, c->is_muxed || !hears(c));
    if (topic == TOPIC_URC) {
        post_urc(c, payload);
    }
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        families[i](c, topic, payload);
    }
    session_set_mute(c->session, c->is_muxed);
    cmd_tcpip_event(c, topic, payload);
}

void cmd_report(struct cmd *c, struct held *held, int mode, const char *text) {
    bool is_data = !chan_is_top(session_chan(c->session), c->session);
    if (mode > 1 || (mode == 1 && !is_data)) {
        urc_post(c->session, URC_EVENT, "%s", text);
    }
    if (mode != 0) {
        return;
    }
    if (held->n == LIMIT_REPORTS) { /* the oldest one goes */
        held->n--;
        memmove(held->lines[0], held->lines[1], held->n * sizeof held->lines[0]);
    }
    snprintf(held->lines[held->n++], sizeof held->lines[0], "%s", text);
}

void cmd_report_mode(struct cmd *c, struct held *held, int mode, bool is_told) {
    if (mode == 0) {
        return;
    }
    for (size_t i = 0; is_told && i < held->n; i++) {
        urc_post(c->session, URC_EVENT, "%s", held->lines[i]);
    }
    held->n = 0;
}

/* -- what the session asks and tells goes on to the bus -- */

static struct at_event event_of(const struct cmd *c, const struct at_asked *asked) {
    return (struct at_event){.port = session_chan(c->session)->name,
                             .text = asked->text,
                             .name = asked->name,
                             .args = asked->args,
                             .form = asked->form};
}

static struct bus_verdict ask(void *owner, enum at_point point, const struct at_asked *asked) {
    static const enum ask asks[] = {
        [AT_POINT_LINE] = ASK_AT_LINE,
        [AT_POINT_COMMAND] = ASK_AT_COMMAND,
        [AT_POINT_RESULT] = ASK_AT_RESULT,
        [AT_POINT_URC] = ASK_AT_URC,
    };
    struct cmd *c = cmd_from(owner);
    struct at_event e = event_of(c, asked);
    if (point == AT_POINT_RESULT && c->first->before_result != NULL) {
        c->first->before_result(c->first->before_ctx);
    }
    return bus_ask(&c->modem->bus, asks[point], &e);
}

static void done(void *owner, const struct at_asked *result) {
    struct cmd *c = cmd_from(owner);
    struct at_event e = event_of(c, result);
    bus_post(&c->modem->bus, TOPIC_AT_DONE, &e);
    cmd_power_done(c);
}

static void on_dtr(void *owner) {
    cmd_sleep_changed(cmd_from(owner));
}

/* One place decides for all rows which error a missing card or PIN is. */
static int missing(void *owner, unsigned needs) {
    struct cmd *c = cmd_from(owner);
    struct sim sim = c->modem->sim;
    const struct bus_verdict v = bus_ask(&c->modem->bus, ASK_SIM_ACCESS, &sim);
    if (v.act == BUS_FAIL) {
        return v.code != 0 ? v.code : AT_ERR_PLAIN;
    }
    switch (c->modem->sim.state) {
    case SIM_READY:
        return 0;
    case SIM_ABSENT:
        return CME_SIM_NOT_INSERTED;
    case SIM_PIN:
        return (needs & AT_NEED_PIN) != 0 ? CME_SIM_PIN_REQUIRED : 0;
    case SIM_PUK:
        return (needs & AT_NEED_PIN) != 0 ? CME_SIM_PUK_REQUIRED : 0;
    }
    return 0;
}

/* Settings that act outside of the session. */
static void on_port_setting(void *ctx, unsigned slot) {
    struct cmd *c = cmd_from(ctx);
    if (slot == SLOT_AMP_C) {
        transparent_show_dcd(c);
    }
    if (slot == SLOT_IFC_DCE || slot == SLOT_IFC_DTE) {
        chan_set_flow(session_chan(c->session), session_int(c->session, SLOT_IFC_DCE) == IFC_XON,
                      session_int(c->session, SLOT_IFC_DTE) == IFC_XON);
        chan_obey_rts(session_chan(c->session), session_int(c->session, SLOT_IFC_DCE) == IFC_RTS);
    }
}

struct cmd *cmd_new(struct modem *modem, struct setting_store *module, struct chan *chan,
                    enum cmd_role role, struct cmd *first) {
    struct cmd *c = xmalloc(sizeof *c);
    OBJ_INIT(c, CMD_MAGIC);
    c->role = role;
    c->first = first != NULL ? first : c;
    c->first->has_uart = c->first->has_uart || role == CMD_UART;
    c->modem = modem;
    c->module = module;
    const struct at_session_config cfg = {
        .chan = chan,
        .clk = modem->clk,
        .table = &at_dialect,
        .module = module,
        .slots = slot_infos,
        .nslots = SLOT_COUNT,
        .owner = c,
        .missing = missing,
        .ask = ask,
        .done = done,
        .is_asleep = is_asleep,
        .dtr = on_dtr,
    };
    c->session = session_new(&cfg);
    session_set_timing(c->session, session_timing(c->first->session));
    cmd_take_profile(c);
    setting_restore(session_settings(c->session));
    setting_on_change(session_settings(c->session), on_port_setting, c);
    cmd_tcpip_start(c);
    cmd_call_start(c);
    cmd_ecall_start(c);
    cmd_network_start(c);
    cmd_packet_start(c);
    cmd_standard_start(c);
    cmd_hardware_start(c);
    cmd_power_start(c);
    cmd_gnss_start(c);
    cmd_mux_start(c);
    cmd_dial_start(c);
    cmd_stk_start(c);
    transparent_show_dcd(c);
    bus_listen(&modem->bus, on_bus, c);
    return c;
}

void cmd_take_profile(struct cmd *c) {
    CHECK_OBJ(c, CMD_MAGIC);
    setting_copy_saved(session_settings(c->session), session_settings(c->first->session));
}

void cmd_before_result(struct cmd *c, void (*cb)(void *ctx), void *ctx) {
    CHECK_OBJ(c, CMD_MAGIC);
    c->before_result = cb;
    c->before_ctx = ctx;
}

void cmd_set_mux(struct cmd *c, const struct cmd_mux *mux) {
    CHECK_OBJ(c, CMD_MAGIC);
    c->mux = *mux;
}

void cmd_set_muxed(struct cmd *c, bool is_muxed) {
    CHECK_OBJ(c, CMD_MAGIC);
    c->is_muxed = is_muxed;
    session_set_mute(c->session, is_muxed);
}

void cmd_close(struct cmd *c) {
    if (c == NULL) {
        return;
    }
    CHECK_OBJ(c, CMD_MAGIC);
    if (c != c->first) {
        sockets_hand_over(tcpip_sockets(c), c, c->first);
    }
    bus_ignore(&c->modem->bus, on_bus, c);
    cmd_status_stop(c);
    cmd_fota_stop(c);
    cmd_hardware_stop(c);
    cmd_gnss_stop(c);
    cmd_sleep_stop(c);
    cmd_power_stop(c);
    cmd_stk_stop(c);
    cmd_ping_stop(c);
    cmd_ntp_stop(c);
    cmd_lbs_stop(c);
    cmd_tft_stop(c);
    cmd_network_stop(c);
    transparent_stop(c);
    cmd_dial_stop(c);
    session_close(c->session);
    cmd_tcpip_stop(c);
    OBJ_FINI(c);
    free(c);
}
