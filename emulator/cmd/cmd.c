#include "emulator/cmd/cmd.h"

#include <stdlib.h>

#include "base/chan.h"
#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "slots.h"

enum { IFC_XON = 1 }; /* V3.00 1.6.1 sets it, though 2.2.14 does not list it */

struct cmd *cmd_from(void *ctx) {
    struct cmd *c;
    CAST_OBJ(c, ctx, CMD_MAGIC);
    return c;
}

struct cmd *cmd_of(struct at_req *rq) {
    return cmd_from(at_owner_of(rq));
}

static void on_bus(void *ctx, unsigned topic, const void *payload) {
    struct cmd *c = cmd_from(ctx);
    cmd_tcpip_event(c, topic, payload);
    cmd_network_event(c, topic, payload);
}

/* One place decides for all rows which error a missing card or PIN is. */
static int missing(void *owner, unsigned needs) {
    struct cmd *c = cmd_from(owner);
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
    }
}

struct cmd *cmd_new(struct modem *modem, struct setting_store *module, struct chan *chan) {
    struct cmd *c = xmalloc(sizeof *c);
    OBJ_INIT(c, CMD_MAGIC);
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
    };
    c->session = session_new(&cfg);
    setting_on_change(session_settings(c->session), on_port_setting, c);
    cmd_tcpip_start(c);
    cmd_network_start(c);
    transparent_show_dcd(c);
    bus_listen(&modem->bus, on_bus, c);
    return c;
}

void cmd_close(struct cmd *c) {
    if (c == NULL) {
        return;
    }
    CHECK_OBJ(c, CMD_MAGIC);
    bus_ignore(&c->modem->bus, on_bus, c);
    cmd_ping_stop(c);
    transparent_stop(c);
    session_close(c->session);
    cmd_tcpip_stop(c);
    OBJ_FINI(c);
    free(c);
}
