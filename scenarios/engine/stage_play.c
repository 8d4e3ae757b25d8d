/* stage_play.c: what is played on a stage: its beginning, what waits for its time, its end. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/events.h"
#include "emulator/model/modem.h"
#include "emulator/model/phonebook.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim_file.h"
#include "emulator/model/wifi.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/action_priv.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/engine/services.h"
#include "scenarios/engine/stage_priv.h"
#include "scenarios/engine/tty_fault.h"
#include "scenarios/events/happening.h"
#include "scenarios/events/words.h"
#include "scenarios/json/spec.h"
#include "scenarios/verdict/expect.h"

enum { RSSI_MAX = 31 }; /* V3.00 3.2.8 */

/* An action that waits for its time. */
struct pending {
    struct stage *st;
    LIST_ENTRY(pending) entry;
    struct clk_timer timer;
    stage_later_fn *cb;
    struct cJSON *json;
    int link;
    unsigned depth; /* how many led to it within this instant */
};

/* One entry of the timeline. */
struct cue {
    struct stage *st;
    const struct cJSON *json;
    struct clk_timer timer;
    clk_dur due;   /* since the start */
    int64_t times; /* left; < 0: any number */
};

/* -- what waits for its time -- */

static void drop_pending(struct pending *p) {
    LIST_REMOVE(p, entry);
    clk_stop(p->st->world.clk, &p->timer);
    p->st->npending--;
    cJSON_Delete(p->json);
    free(p);
}

static void on_pending(void *ctx) {
    struct pending *p = ctx;
    struct stage *st = p->st;
    struct pending now = *p;
    /* Off the list first: what it does may end the play, and all that waits. */
    p->json = NULL;
    drop_pending(p);
    st->depth = now.depth;
    now.cb(st, now.json, now.link);
    st->depth = 0;
    cJSON_Delete(now.json);
}

/* Whether rules lead to each other, be it by way of the module: a manual clock would never get on.
 */
static bool leads_nowhere(struct stage *st) {
    clk_mono now = clk_now(st->world.clk);
    if (st->instant.at.us != now.us) {
        st->instant.at = now;
        st->instant.n = 0;
    }
    return st->depth == LIMIT_RULE_CHAIN || ++st->instant.n > LIMIT_PENDING;
}

int stage_later(struct stage *st, clk_dur in, stage_later_fn *cb, const struct cJSON *json,
                int link) {
    CHECK_OBJ(st, STAGE_MAGIC);
    if (in.us == 0 && leads_nowhere(st)) {
        return -ELOOP;
    }
    if (st->npending == LIMIT_PENDING) {
        return -ENOSPC;
    }
    struct pending *p = xmalloc(sizeof *p);
    p->st = st;
    p->cb = cb;
    p->json = cJSON_Duplicate(json, 1);
    must(p->json != NULL);
    p->link = link;
    p->depth = in.us > 0 ? 0 : st->depth + 1;
    LIST_INSERT_HEAD(&st->pendings, p, entry);
    st->npending++;
    clk_start(st->world.clk, &p->timer, in, on_pending, p);
    return 0;
}

struct sv stage_keep(struct stage *st, const void *p, size_t n) {
    char **place = &st->kept[st->nkept++ % STAGE_KEPT];
    free(*place);
    *place = sv_dup((struct sv){p != NULL ? p : "", n});
    return (struct sv){*place, n};
}

/* One that is not known fades as the strongest does. */
static int level(const struct stage *st) {
    int rssi = st->world.modem->reg.rssi;
    return rssi < RSSI_MAX ? rssi : RSSI_MAX;
}

static void on_fade(void *ctx) {
    struct stage *st = stage_of(ctx);
    struct modem *m = st->world.modem;
    int now = level(st);
    if (now == st->fade.to) {
        return;
    }
    modem_set_signal(m, now + (now < st->fade.to ? 1 : -1), m->reg.ber);
    clk_start(st->world.clk, &st->fade.timer, st->fade.step, on_fade, st);
}

void stage_fade(struct stage *st, int rssi, clk_dur over) {
    CHECK_OBJ(st, STAGE_MAGIC);
    int steps = abs(rssi - level(st));
    st->fade.to = rssi;
    st->fade.step = (clk_dur){steps > 0 ? over.us / steps : 0};
    clk_start(st->world.clk, &st->fade.timer, st->fade.step, on_fade, st);
}

static void on_vanish_over(void *ctx) {
    chan_set_present(stage_of(ctx)->world.chan, true);
}

void stage_vanish(struct stage *st, clk_dur time) {
    CHECK_OBJ(st, STAGE_MAGIC);
    clk_start(st->world.clk, &st->vanish, time, on_vanish_over, st);
    chan_set_present(st->world.chan, false);
}

/* By the plan and not by when the last one came, so that it does not drift. */
static void start_cue(struct cue *c, clk_dur in);

static void on_cue(void *ctx) {
    struct cue *c = ctx;
    struct stage *st = c->st;
    if (c->times > 0) {
        c->times--;
    }
    if (c->times != 0) {
        start_cue(c, spec_dur(c->json, "every", CLK_S(1)));
    }
    const struct cJSON *list = spec_get(c->json, "do");
    const struct scenario *sc = st->sc;
    /* An action may end this play, and this cue with it. */
    for (const struct cJSON *action = list->child; action != NULL && st->sc == sc;
         action = action->next) {
        const char *why = NULL;
        action_do(st, action, NULL, &why);
    }
}

static void start_cue(struct cue *c, clk_dur in) {
    struct clk *clk = c->st->world.clk;
    c->due.us += in.us;
    clk_start(clk, &c->timer, CLK_US(c->due.us - stage_time(c->st).us), on_cue, c);
}

/* -- the play -- */

/* Everything of what was played. */
void stage_clear(struct stage *st) {
    stage_drop_rules(st);
    for (size_t i = 0; i < st->ncues; i++) {
        clk_stop(st->world.clk, &st->cues[i].timer);
    }
    free(st->cues);
    st->cues = NULL;
    st->ncues = 0;
    while (!LIST_EMPTY(&st->pendings)) {
        drop_pending(LIST_FIRST(&st->pendings));
    }
    st->rules_made = 0;
    clk_stop(st->world.clk, &st->fade.timer);
    if (clk_pending(&st->vanish)) {
        clk_stop(st->world.clk, &st->vanish);
        chan_set_present(st->world.chan, true);
    }
    expect_free(st->expect);
    st->expect = NULL;
    if (st->tty != NULL) {
        tty_fault_clear(st->tty);
    }
    st->tables.network = NULL;
    st->tables.magic = st->world.magic;
    services_free(st->services);
    st->services = NULL;
    st->sc = NULL;
    st->is_started = false;
    stage_update_wants(st);
}

static void on_over(void *ctx) {
    struct stage *st = stage_of(ctx);
    LOG(LOG_STAGE, LOG_INFO, scenario_name(st->sc), "%s",
        expect_has_passed(st->expect) ? "passed" : "failed");
    if (st->ev->on_over != NULL) {
        st->ev->on_over(st->ctx, st);
    }
}

static void add_cue(struct stage *st, struct cue *c, const struct cJSON *json) {
    clk_dur every = spec_dur(json, "every", CLK_US(0));
    c->st = st;
    c->json = json;
    c->times = every.us > 0 ? spec_int(json, "times", -1) : 1;
    start_cue(c, spec_dur(json, "at", spec_dur(json, "from", every)));
}

void stage_start(struct stage *st) {
    if (st->sc == NULL || st->is_started) {
        return;
    }
    st->is_started = true;
    st->start = clk_now(st->world.clk);
    expect_start(st->expect);
    const struct cJSON *timeline = scenario_part(st->sc, "timeline");
    st->ncues = (size_t)cJSON_GetArraySize(timeline);
    st->cues = xmalloc((st->ncues + 1) * sizeof *st->cues);
    size_t i = 0;
    const struct cJSON *json = NULL;
    cJSON_ArrayForEach(json, timeline) {
        add_cue(st, &st->cues[i++], json);
    }
    struct happening h;
    happening_init(&h, "start");
    stage_tell(st, &h);
}

/* -- the state at the start -- */

/* As the driver would have typed it, and nobody sees the answer. */
static int run_setting(struct stage *st, const char *command, char **why) {
    struct chan *ch = st->world.chan;
    st->is_setting_ok = false;
    size_t n = strlen(command);
    size_t room = 0;
    uint8_t *to = chan_rx_reserve(ch, n + 1, &room);
    /* Above the session there is somebody to whom it would be data. */
    if (room == n + 1 && ch->depth == 1) {
        memcpy(to, command, n);
        to[n] = '\r';
        chan_rx_commit(ch, n + 1, clk_now(st->world.clk));
    }
    int err = st->is_setting_ok ? 0 : -EINVAL;
    if (err != 0) {
        chan_forget_input(ch);
        char text[128];
        snprintf(text, sizeof text, "module.settings: \"%.80s\" is not answered OK", command);
        *why = xstrdup(text);
    }
    return err;
}

static void set_entry(struct modem *m, enum phonebook_list list, unsigned index, const char *number,
                      const char *name) {
    struct phonebook_entry e = {.type = SIM_TYPE_OTHER};
    must(sv_copy(sv_of(number), e.number, sizeof e.number) == 0);
    for (; *name != '\0'; name++) {
        e.name[e.nname++] = (unsigned char)*name;
    }
    must(phonebook_set(m->phonebook, list, index, &e) == 0);
}

static void set_up_card(struct modem *m, const struct cJSON *sim) {
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, spec_get(sim, "files")) {
        unsigned char *bytes = NULL;
        size_t n = 0;
        spec_bytes(item, &bytes, &n);
        sim_files_write(m->card, sim_file_of_path(item->string), 0, bytes, n);
        free(bytes);
    }
    const char *number = spec_text(sim, "number", NULL);
    if (number != NULL) {
        set_entry(m, PHONEBOOK_ON, 1, number, "");
    }
    unsigned index = 1;
    cJSON_ArrayForEach(item, spec_get(sim, "phonebook")) {
        set_entry(m, PHONEBOOK_SM, index++, spec_text(item, "number", ""),
                  spec_text(item, "name", ""));
    }
}

static void set_up_sim(struct stage *st, const struct cJSON *sim) {
    struct modem *m = st->world.modem;
    set_up_card(m, sim);
    must(modem_set_sim_codes(m, sv_of(spec_text(sim, "pin", m->sim.pin)),
                             sv_of(spec_text(sim, "puk", m->sim.puk))) == 0);
}

/* A part of the scenario's first state that is an action, too. */
static void do_first(struct stage *st, const struct cJSON *part, const char *key,
                     action_fn *action) {
    const struct cJSON *value = spec_get(part, key);
    const char *why = NULL;
    if (value != NULL) {
        action(st, value, NULL, &why);
    }
}

static void set_back_hardware(struct modem *m) {
    struct hardware hw;
    hardware_init(&hw);
    modem_set_supply(m, hw.supply);
    modem_set_temperature(m, hw.temperature);
    for (unsigned i = 0; i < HARDWARE_ADCS; i++) {
        modem_set_adc(m, i, hw.adc[i]);
    }
    for (unsigned i = 0; i < HARDWARE_PINS; i++) {
        modem_set_pin_outside(m, i, hw.pins[i].is_outside_high);
    }
}

/* What the scenario does not say is as it was when the daemon started: an earlier play may have
 * changed it. Links and settings stay: they are the driver's. */
static void set_back(struct stage *st, const struct cJSON *sim, const struct cJSON *network) {
    struct modem *m = st->world.modem;
    modem_set_hung(m, false);
    modem_power_on(m);
    modem_set_voice_call(m, false);
    set_back_hardware(m);
    modem_set_open_delay(m, CLK_US(0));
    const struct gnss_sky sky = gnss_default_sky();
    gnss_set_sky(&m->gnss, &sky);
    for (enum modem_quirk quirk = 0; quirk < QUIRKS; quirk++) {
        modem_set_quirk(m, quirk, false);
    }
    wifi_leave_all(m->wifi);
    wifi_set_networks(m->wifi, NULL, 0);
    if (spec_get(sim, "state") == NULL && m->sim.state != SIM_READY) {
        modem_set_sim(m, SIM_READY);
    }
    if (spec_get(network, "technology") == NULL) {
        modem_set_tech(m, m->profile->tech);
    }
    m->reg.found = REG_HOME;
    if (spec_get(network, "registration") == NULL) {
        modem_set_registration(m, REG_HOME);
    }
    if (spec_get(network, "signal") == NULL) {
        modem_set_signal(m, m->profile->rssi, m->profile->ber);
    }
    if (spec_get(network, "time") == NULL) {
        struct nitz nitz;
        nitz_init(&nitz);
        modem_set_network_time(m, &nitz);
    }
    bluetooth_renew(m->bluetooth);
    for (enum impair_direction dir = IMPAIR_UP; dir < IMPAIR_DIRECTIONS; dir++) {
        modem_impair(m, dir, &st->impair[dir]);
    }
}

static void set_up_network(struct stage *st, const struct cJSON *network) {
    struct modem *m = st->world.modem;
    do_first(st, network, "technology", act_technology);
    do_first(st, network, "registration", act_registration);
    do_first(st, network, "signal", act_signal);
    do_first(st, network, "time", act_time);
    do_first(st, network, "open-delay", act_open_delay);
    if (spec_get(network, "open-delay") != NULL) {
        modem_set_attached(m, false); /* it opens anew, and takes its time */
    }
    modem_set_attached(m, spec_flag(network, "attached", true));
    const struct cJSON *impair = spec_get(network, "impair");
    for (enum impair_direction dir = IMPAIR_UP; dir < IMPAIR_DIRECTIONS; dir++) {
        const struct cJSON *path = spec_get(impair, dir == IMPAIR_UP ? "up" : "down");
        if (path != NULL) {
            struct impair im = m->bearer.impair[dir];
            action_path(path, &im);
            modem_impair(m, dir, &im);
        }
    }
    if (spec_get(network, "ussd") != NULL) {
        st->services = services_new(spec_get(network, "ussd"), &m->ussd);
    }
    st->tables.network = network;
    if (!spec_flag(network, "magic", true)) {
        st->tables.magic = NULL;
    }
}

static int set_up(struct stage *st, char **why) {
    const struct cJSON *module = scenario_part(st->sc, "module");
    const struct cJSON *sim = scenario_part(st->sc, "sim");
    set_back(st, sim, scenario_part(st->sc, "network"));
    const char *nv = spec_text(spec_get(module, "nvram"), "1341", NULL);
    if (nv != NULL) {
        modem_set_nv_fin(st->world.modem, strcmp(nv, "01") == 0);
    }
    do_first(st, module, "gnss", act_gnss);
    const struct cJSON *quirk = NULL;
    cJSON_ArrayForEach(quirk, spec_get(module, "quirks")) {
        enum modem_quirk which = (enum modem_quirk)words_index(words_quirk, quirk->valuestring);
        modem_set_quirk(st->world.modem, which, true);
    }
    const struct cJSON *command = NULL;
    cJSON_ArrayForEach(command, spec_get(module, "settings")) {
        int err = run_setting(st, command->valuestring, why);
        if (err != 0) {
            return err;
        }
    }
    do_first(st, module, "hardware", act_hardware);
    set_up_sim(st, sim);
    do_first(st, sim, "state", act_sim);
    set_up_network(st, scenario_part(st->sc, "network"));
    return 0;
}

int stage_play(struct stage *st, const struct scenario *sc, char **why) {
    CHECK_OBJ(st, STAGE_MAGIC);
    stage_clear(st);
    st->sc = sc;
    /* Each module its own, as with the seed of the command line. */
    uint64_t seed = scenario_part(sc, "seed") != NULL ? scenario_seed(sc, 0) + st->world.number
                                                      : st->world.seed;
    st->rng = rng_stream(seed, "stage");
    tty_fault_set_seed(stage_tty(st), seed);
    modem_set_seed(st->world.modem, seed);
    st->is_setting_up = true;
    int err = set_up(st, why);
    st->is_setting_up = false;
    if (err != 0) {
        stage_clear(st);
        return err;
    }
    const struct cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, scenario_part(sc, "rules")) {
        stage_add_rule(st, rule);
    }
    st->expect = expect_new(st->world.clk, scenario_part(sc, "expect"),
                            scenario_part(sc, "verdict"), on_over, st);
    stage_update_wants(st);
    const struct cJSON *when = scenario_part(sc, "start");
    if ((when != NULL && strcmp(when->valuestring, "load") == 0) || st->world.chan->is_open) {
        stage_start(st);
    }
    return 0;
}

void stage_stop(struct stage *st) {
    CHECK_OBJ(st, STAGE_MAGIC);
    stage_clear(st);
}

int stage_end(struct stage *st) {
    CHECK_OBJ(st, STAGE_MAGIC);
    if (st->expect == NULL) {
        return -ENOENT;
    }
    if (!expect_is_over(st->expect)) {
        expect_end(st->expect);
        on_over(st);
    }
    return 0;
}

int stage_fail(struct stage *st, const char *why) {
    CHECK_OBJ(st, STAGE_MAGIC);
    if (st->expect == NULL) {
        return -ENOENT;
    }
    expect_fail(st->expect, why);
    return 0;
}
