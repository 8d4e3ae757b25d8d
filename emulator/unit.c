#include "emulator/unit.h"

#include <stdlib.h>

#include "base/obj.h"
#include "emulator/at/row.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "slots.h"

struct unit {
    uint32_t magic;
#define UNIT_MAGIC 0x0417a11bu
    struct modem *modem;
    struct setting_store *settings;
    struct cmd *cmd;
};

struct unit *unit_new(const struct unit_config *cfg) {
    const struct profile *profile = profile_find(cfg->profile);
    if (profile == NULL) {
        return NULL;
    }
    struct unit *u = xmalloc(sizeof *u);
    OBJ_INIT(u, UNIT_MAGIC);
    u->settings = setting_store_new(slot_infos, SLOT_COUNT, false);
    u->modem = modem_new(profile, cfg->clk, cfg->host);
    u->cmd = cmd_new(u->modem, u->settings, cfg->chan);
    return u;
}

struct modem *unit_modem(struct unit *u) {
    CHECK_OBJ(u, UNIT_MAGIC);
    return u->modem;
}

void unit_close(struct unit *u) {
    if (u == NULL) {
        return;
    }
    CHECK_OBJ(u, UNIT_MAGIC);
    cmd_close(u->cmd);
    modem_free(u->modem);
    setting_store_free(u->settings);
    OBJ_FINI(u);
    free(u);
}
