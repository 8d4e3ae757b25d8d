#include "emulator/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/chan.h"
#include "base/obj.h"
#include "emulator/at/row.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/modem.h"
#include "emulator/mux.h"
#include "emulator/nmea_port.h"
#include "slots.h"

struct unit {
    uint32_t magic;
#define UNIT_MAGIC 0x0417a11bu
    struct modem *modem;
    struct setting_store *settings;
    struct cmd *cmd;               /* of the first port */
    struct cmd *more[LIMIT_PORTS]; /* of the others */
    size_t nmore;
    struct mux *mux;
    struct nmea_port *nmea; /* NULL: it has none */
    struct nvram *nvram;    /* NULL: it ends with the process */
};

/* Settings of the module that act below the commands. */
static void on_setting(void *ctx, unsigned slot) {
    struct unit *u;
    CAST_OBJ(u, ctx, UNIT_MAGIC);
    if (slot == SLOT_CIPCCFG_NMRETRY || slot == SLOT_CIPCCFG_TIMEOUTVAL) {
        modem_set_retransmit(u->modem, (unsigned)setting_int(u->settings, SLOT_CIPCCFG_NMRETRY),
                             (unsigned)setting_int(u->settings, SLOT_CIPCCFG_TIMEOUTVAL));
    }
    if (slot == SLOT_CIPDNSSET_MAX_NET_RETRIES || slot == SLOT_CIPDNSSET_NET_TIMEOUT) {
        modem_set_dns_limits(u->modem,
                             (unsigned)setting_int(u->settings, SLOT_CIPDNSSET_MAX_NET_RETRIES),
                             (unsigned)setting_int(u->settings, SLOT_CIPDNSSET_NET_TIMEOUT));
    }
    if (slot == SLOT_CSCLK_STATUS) {
        cmd_sleep_changed(u->cmd);
        for (size_t i = 0; i < u->nmore; i++) {
            cmd_sleep_changed(u->more[i]);
        }
    }
    if (slot == SLOT_BTIOCAP_MODE) {
        bluetooth_set_iocap(u->modem->bluetooth, (int)setting_int(u->settings, slot));
    }
    cmd_cells_changed(u->cmd, slot);
}

static const char *apn_in(struct unit *u, struct sv row, unsigned cid) {
    enum { APN = 2 }; /* <cid>,<PDP_type>,<APN> */
    const struct at_cmd *cmd = table_find(&at_dialect, row);
    const struct setting_record *r = setting_record_find(u->settings, cmd, (int32_t)cid);
    return r != NULL ? r->texts[APN] : NULL;
}

/* Of the context's definition; hosts of the older stack define it with AT+CGSOCKCONT alone (note
 * 2.2), so without an APN there that one counts (guess). */
static const char *apn_of(struct unit *u, unsigned cid) {
    const char *apn = apn_in(u, SV("+CGDCONT"), cid);
    const char *older = apn_in(u, SV("+CGSOCKCONT"), cid);
    return apn == NULL || (*apn == '\0' && older != NULL) ? older : apn;
}

static void on_context(void *ctx, unsigned cid, struct context_event *out) {
    enum { TYPE = 1, PASSWORD, USER }; /* AT+CGAUTH=<cid>,<auth_type>,<passwd>,<user> */
    struct unit *u;
    CAST_OBJ(u, ctx, UNIT_MAGIC);
    const struct at_cmd *row = table_find(&at_dialect, SV("+CGAUTH"));
    const struct setting_record *r = setting_record_find(u->settings, row, (int32_t)cid);
    out->apn = apn_of(u, cid);
    if (r != NULL && r->ints[TYPE] != 0) {
        out->user = r->texts[USER];
        out->password = r->texts[PASSWORD];
    }
}

/* A module was reported to need more than 10 s until it answered (LilyGO T-SIM7600X pull request
 * 41); all instants are guesses. */
static struct modem_boot boot_of(enum at_timing timing) {
    const struct modem_boot typical = {.usb = CLK_S(10),
                                       .rdy = CLK_S(12),
                                       .sim = CLK_S(13),
                                       .sms = CLK_S(16),
                                       .pb = CLK_S(18),
                                       .away = CLK_S(3),
                                       .search = CLK_S(5)};
    const struct modem_boot worst = {.usb = CLK_S(20),
                                     .rdy = CLK_S(30),
                                     .sim = CLK_S(35),
                                     .sms = CLK_S(45),
                                     .pb = CLK_S(60),
                                     .away = CLK_S(10),
                                     .search = CLK_S(90)};
    return timing == AT_TIMING_WORST ? worst : typical;
}

struct unit *unit_new(const struct unit_config *cfg) {
    struct unit *u = xmalloc(sizeof *u);
    OBJ_INIT(u, UNIT_MAGIC);
    u->settings = setting_store_new(slot_infos, SLOT_COUNT, false);
    setting_on_change(u->settings, on_setting, u);
    u->modem = modem_new(cfg->profile, cfg->clk, cfg->host);
    modem_set_seed(u->modem, cfg->seed);
    modem_set_context(u->modem, on_context, u);
    modem_set_way_out(u->modem, &cfg->way_out);
    if (cfg->timing != AT_TIMING_NONE) {
        const struct modem_boot boot = boot_of(cfg->timing);
        modem_start(u->modem, &boot);
    }
    u->mux = mux_new(u->modem, u->settings); /* before the ports, to end before they go off */
    u->cmd = cmd_new(u->modem, u->settings, cfg->chan, CMD_AT, NULL);
    session_set_timing(u->cmd->session, cfg->timing);
    mux_serve(u->mux, u->cmd);
    return u;
}

void unit_add_port(struct unit *u, enum cmd_role role, struct chan *chan) {
    CHECK_OBJ(u, UNIT_MAGIC);
    must(u->nmore < LIMIT_PORTS);
    struct cmd *c = cmd_new(u->modem, u->settings, chan, role, u->cmd);
    mux_serve(u->mux, c);
    u->more[u->nmore++] = c;
}

void unit_add_nmea(struct unit *u, struct chan *chan) {
    CHECK_OBJ(u, UNIT_MAGIC);
    must(u->nmea == NULL);
    u->nmea = nmea_port_new(u->modem, u->cmd, chan);
}

struct modem *unit_modem(struct unit *u) {
    CHECK_OBJ(u, UNIT_MAGIC);
    return u->modem;
}

void unit_settings(struct unit *u, void (*cb)(void *ctx, const char *line), void *ctx) {
    CHECK_OBJ(u, UNIT_MAGIC);
    setting_each_changed(&at_dialect, u->settings, session_settings(u->cmd->session), cb, ctx);
    /* The format's own line: the command as a whole selects a network. */
    int32_t format = setting_int(u->settings, SLOT_COPS_FORMAT);
    if (format != slot_infos[SLOT_COPS_FORMAT].def) {
        char line[32];
        snprintf(line, sizeof line, "AT+COPS=3,%d", (int)format);
        cb(ctx, line);
    }
}

static void before_result(void *ctx) {
    unit_flush(ctx);
}

bool unit_keep(struct unit *u, const char *folder, char error[NVRAM_ERROR]) {
    CHECK_OBJ(u, UNIT_MAGIC);
    must(u->nvram == NULL);
    const struct nvram_config cfg = {
        .folder = folder,
        .name = session_chan(u->cmd->session)->name,
        .table = &at_dialect,
        .module = u->settings,
        .port = session_settings(u->cmd->session),
        .modem = u->modem,
    };
    u->nvram = nvram_open(&cfg, error);
    if (u->nvram != NULL) {
        for (size_t i = 0; i < u->nmore; i++) {
            cmd_take_profile(u->more[i]);
            setting_restore(session_settings(u->more[i]->session));
        }
        cmd_stk_start(u->cmd);
        cmd_bluetooth_load(u->cmd);
        cmd_before_result(u->cmd, before_result, u);
        cmd_gnss_start(u->cmd); /* with what is stored */
    }
    return u->nvram != NULL;
}

void unit_flush(struct unit *u) {
    CHECK_OBJ(u, UNIT_MAGIC);
    if (u->nvram != NULL) {
        nvram_flush(u->nvram);
    }
}

void unit_close(struct unit *u) {
    if (u == NULL) {
        return;
    }
    CHECK_OBJ(u, UNIT_MAGIC);
    nvram_close(u->nvram);
    u->nvram = NULL;
    nmea_port_free(u->nmea);
    mux_free(u->mux);
    while (u->nmore > 0) {
        cmd_close(u->more[--u->nmore]);
    }
    cmd_close(u->cmd);
    modem_free(u->modem);
    setting_store_free(u->settings);
    OBJ_FINI(u);
    free(u);
}
