#include "emulator/mux.h"

#include <stdlib.h>

#include "base/chan.h"
#include "base/obj.h"
#include "base/tap.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/modem.h"
#include "pty/cmux.h"

/* 27.010 5.7.3: T2 counts hundredths of a second. */
enum { T2_UNIT_MS = 10, SHORT_INFO = 127 };

struct mux {
    uint32_t magic;
#define MUX_MAGIC 0x3c10a7e5u
    struct modem *modem;
    struct setting_store *settings;
    struct cmd *below;   /* on whose port it runs, or ran last */
    struct cmux *frames; /* of that port; NULL: none yet */
    struct cmd *dlcis[LIMIT_CMUX_DLCIS + 1];
};

static struct mux *mux_of(void *ctx) {
    struct mux *mux;
    CAST_OBJ(mux, ctx, MUX_MAGIC);
    return mux;
}

static void on_open(void *ctx, unsigned dlci, struct chan *ch) {
    struct mux *mux = mux_of(ctx);
    enum cmd_role role = (enum cmd_role)(CMD_DLCI1 + dlci - 1);
    struct cmd *c = cmd_new(mux->modem, mux->settings, ch, role, mux->below->first);
    setting_copy(session_settings(c->session), session_settings(mux->below->session));
    mux->dlcis[dlci] = c;
    /* Some firmware does not wait until the host is ready to listen. */
    if (dlci == 1 && modem_has_quirk(mux->modem, QUIRK_CMUX_EARLY_URCS)) {
        cmd_power_say_start(c);
    }
}

static void on_close(void *ctx, unsigned dlci) {
    struct mux *mux = mux_of(ctx);
    cmd_close(mux->dlcis[dlci]);
    mux->dlcis[dlci] = NULL;
}

static void on_end(void *ctx) {
    struct mux *mux = mux_of(ctx);
    cmd_set_muxed(mux->below, false);
}

/* As the basic option has it, whatever is spoken: readers of captures know no other. */
static void on_frame(void *ctx, bool is_out, const struct cmux_frame *f) {
    const struct mux *mux = mux_of(ctx);
    const struct tap *tap = mux->modem->bearer.tap;
    if (tap == NULL) {
        return;
    }
    uint8_t frame[CMUX_FRAME_WIRE];
    size_t n = cmux_encode(CMUX_BASIC, f, false, frame);
    const struct tap_packet k = {.link = TAP_MUX,
                                 .port = session_chan(mux->below->session)->name,
                                 .is_out = is_out,
                                 .p = frame,
                                 .n = n,
                                 .size = n};
    tap->packet(tap->ctx, &k);
}

static struct cmux_config config_of(struct mux *mux) {
    const struct modem *m = mux->modem;
    return (struct cmux_config){
        .phys = session_chan(mux->below->session),
        .clk = m->clk,
        .quirks = {.is_msc_first = modem_has_quirk(m, QUIRK_CMUX_MSC_FIRST),
                   .ignores_cld = modem_has_quirk(m, QUIRK_CMUX_NO_CLD),
                   .has_long_lengths = modem_has_quirk(m, QUIRK_CMUX_LONG_LENGTHS)},
        .on_open = on_open,
        .on_close = on_close,
        .on_end = on_end,
        .on_frame = on_frame,
        .ctx = mux,
    };
}

static const struct chan_user *start(void *ctx, struct cmd *c, const struct cmd_mux_mode *wanted,
                                     void **user_ctx) {
    struct mux *mux = mux_of(ctx);
    if (mux->frames != NULL && cmux_is_on(mux->frames)) {
        return NULL;
    }
    cmux_free(mux->frames);
    mux->below = c;
    struct cmux_config cfg = config_of(mux);
    mux->frames = cmux_new(&cfg);
    struct cmux_mode mode = {
        .option = wanted->is_advanced ? CMUX_ADVANCED : CMUX_BASIC,
        .info_max = wanted->n1,
        .send_max = wanted->is_n1_given ? wanted->n1 : SHORT_INFO,
        .t2_ms = (unsigned)wanted->t2 * T2_UNIT_MS,
    };
    cmd_set_muxed(c, true);
    *user_ctx = mux->frames;
    return cmux_user(mux->frames, &mode);
}

/* The module goes off: there is nobody to close down with. */
static void on_bus(void *ctx, unsigned topic, const void *payload) {
    struct mux *mux = mux_of(ctx);
    const struct power_event *e = payload;
    if (topic == TOPIC_POWER_CHANGED && e->state == POWER_OFF && mux->frames != NULL) {
        cmux_end(mux->frames);
    }
}

struct mux *mux_new(struct modem *modem, struct setting_store *settings) {
    struct mux *mux = xmalloc(sizeof *mux);
    OBJ_INIT(mux, MUX_MAGIC);
    mux->modem = modem;
    mux->settings = settings;
    bus_listen(&modem->bus, on_bus, mux);
    return mux;
}

void mux_serve(struct mux *mux, struct cmd *c) {
    CHECK_OBJ(mux, MUX_MAGIC);
    cmd_set_mux(c, &(struct cmd_mux){start, mux});
}

void mux_free(struct mux *mux) {
    if (mux == NULL) {
        return;
    }
    CHECK_OBJ(mux, MUX_MAGIC);
    bus_ignore(&mux->modem->bus, on_bus, mux);
    cmux_free(mux->frames);
    OBJ_FINI(mux);
    free(mux);
}
