#include "scenarios/engine/stage.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/chan.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/events.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/action_priv.h"
#include "scenarios/engine/rule.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/engine/tables.h"
#include "scenarios/engine/tty_fault.h"
#include "scenarios/events/happening.h"
#include "scenarios/json/spec.h"
#include "scenarios/verdict/expect.h"

enum {
    RSSI_MAX = 31, /* V3.00 3.2.8 */
    KEPT = 8,      /* texts that askers still act on: questions nest no deeper */
};

#define ALL_ASKS ((1u << ASK_COUNT) - 1)

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

struct stage {
    uint32_t magic;
#define STAGE_MAGIC 0x57a6e001u
    struct stage_world world;
    const struct stage_events *ev;
    void *ctx;
    const struct scenario *sc; /* NULL: nothing plays */
    bool is_started;
    clk_mono start;
    struct rng rng;
    struct tables tables;
    struct tty_fault *tty; /* made when it is first needed */
    struct rule *rules[LIMIT_RULES];
    size_t nrules;
    unsigned rules_made;
    struct cue *cues;
    size_t ncues;
    LIST_HEAD(pendings, pending) pendings;
    size_t npending;
    unsigned depth; /* of what is being done */
    struct {
        clk_mono at;
        unsigned n; /* what was to come in its next turn */
    } instant;
    struct expect *expect;
    struct {
        struct clk_timer timer;
        int to;
        clk_dur step;
    } fade;
    struct clk_timer vanish; /* pending: the tty is gone */
    char *kept[KEPT];
    size_t nkept;
    bool is_listened;   /* somebody outside wants to hear of everything */
    bool is_setting_up; /* what the first state makes the module say is for nobody */
    bool is_setting_ok; /* the newest setting was answered OK */
};

static struct stage *of(void *ctx) {
    struct stage *st;
    CAST_OBJ(st, ctx, STAGE_MAGIC);
    return st;
}

/* -- what happens -- */

/* Whether nobody cares: what the first state leads to is no event. */
static bool is_idle(const struct stage *st) {
    return (st->nrules == 0 && st->expect == NULL && !st->is_listened) || st->is_setting_up;
}

static void run_rules(struct stage *st, const struct happening *h, struct decision *d) {
    bool is_before = st->sc != NULL && !st->is_started;
    for (size_t i = 0; i < st->nrules && !is_before; i++) {
        struct rule *r = st->rules[i];
        if (!rule_fires(r, h, stage_time(st), &st->rng)) {
            continue;
        }
        LOG(LOG_STAGE, LOG_INFO, rule_name(r), "fires at %s", h->name);
        const struct cJSON *action = NULL;
        cJSON_ArrayForEach(action, rule_actions(r)) {
            const char *why = NULL;
            action_do(st, action, d, &why);
        }
    }
}

static void tell_others(struct stage *st, const struct happening *h) {
    if (st->expect != NULL) {
        char text[HAPPENING_TEXT];
        expect_event(st->expect, h->name, happening_text(h, text));
    }
    if (st->ev->on_happening != NULL) {
        st->ev->on_happening(st->ctx, st, h);
    }
}

void stage_tell(struct stage *st, const struct happening *h) {
    CHECK_OBJ(st, STAGE_MAGIC);
    if (is_idle(st)) {
        return;
    }
    struct decision d = {.what = h};
    tell_others(st, h);
    run_rules(st, h, &d);
}

static void on_topic(void *ctx, unsigned topic, const void *payload) {
    struct stage *st = of(ctx);
    if (topic == TOPIC_LINK_OPENED) {
        const struct link_result *opened = payload;
        tables_opened(&st->tables, st->world.modem->sockets, opened->link);
    }
    if (topic == TOPIC_AT_DONE && st->is_setting_up) {
        const struct at_event *done = payload;
        st->is_setting_ok = sv_eq(done->text, SV("OK"));
    }
    /* A module that goes off leaves its answer there. */
    if ((topic == TOPIC_AT_DONE || topic == TOPIC_POWER_CHANGED) && st->tty != NULL) {
        tty_fault_answered(st->tty);
    }
    if (is_idle(st)) {
        return;
    }
    struct happening h;
    happening_of_topic(&h, (enum topic)topic, payload);
    stage_tell(st, &h);
}

/* -- questions -- */

static struct bus_verdict on_ask(void *ctx, unsigned point, void *asked) {
    struct stage *st = of(ctx);
    struct decision d = {.asked = asked};
    if (!is_idle(st)) {
        struct happening h;
        happening_of_ask(&h, (enum ask)point, asked);
        d.what = &h;
        tell_others(st, &h);
        run_rules(st, &h, &d);
        d.what = NULL;
    }
    bool is_command = point == ASK_AT_LINE || point == ASK_AT_COMMAND;
    if (is_command && d.verdict.act == BUS_DROP && st->tty != NULL) {
        tty_fault_answered(st->tty); /* this was all */
    }
    if (d.verdict.act == BUS_GO) {
        clk_dur delay = d.verdict.delay;
        d.verdict = tables_answer(&st->tables, (enum ask)point, asked);
        d.verdict.delay = delay;
    }
    return d.verdict;
}

static void update_wants(struct stage *st) {
    uint32_t wanted = tables_asks(&st->tables);
    if (st->expect != NULL || st->is_listened) {
        wanted = ALL_ASKS;
    }
    for (size_t i = 0; i < st->nrules; i++) {
        int ask = rule_ask(st->rules[i]);
        wanted |= ask >= 0 ? 1u << ask : 0;
    }
    bus_want(&st->world.modem->bus, wanted);
}

/* -- the tty -- */

static void start(struct stage *st);

/* Bytes as a happening; false: a rule swallows them. */
static bool pass(struct stage *st, const char *name, const uint8_t *p, size_t n) {
    struct happening h;
    happening_init(&h, name);
    happening_add_text(&h, "text", (struct sv){(const char *)p, n});
    struct decision d = {.what = &h};
    if (st->ev->on_happening != NULL) {
        st->ev->on_happening(st->ctx, st, &h);
    }
    run_rules(st, &h, &d);
    return d.verdict.act != BUS_DROP;
}

static bool on_input(void *ctx, const uint8_t *p, size_t n) {
    struct stage *st = of(ctx);
    if (st->is_setting_up) {
        return true; /* our own words */
    }
    if (st->expect != NULL) {
        expect_bytes(st->expect, EXPECT_DRIVER, NULL, p, n);
    }
    return pass(st, "tty.in", p, n);
}

static bool on_output(void *ctx, const uint8_t *p, size_t n) {
    struct stage *st = of(ctx);
    return !st->is_setting_up && pass(st, "tty.out", p, n);
}

static void on_sent(void *ctx, const uint8_t *p, size_t n) {
    struct stage *st = of(ctx);
    if (st->expect != NULL) {
        expect_bytes(st->expect, EXPECT_MODULE, NULL, p, n);
    }
}

static void on_tty_event(void *ctx, enum chan_event event) {
    struct stage *st = of(ctx);
    struct happening h;
    switch (event) {
    case CHAN_OPENED:
        start(st);
        happening_init(&h, "tty.opened");
        break;
    case CHAN_CLOSED:
        happening_init(&h, "tty.closed");
        break;
    case CHAN_DTR_OFF:
    case CHAN_DTR_ON:
        happening_init(&h, "dtr.changed");
        happening_add_text(&h, "on", event == CHAN_DTR_ON ? SV("yes") : SV("no"));
        break;
    }
    stage_tell(st, &h);
}

static const struct tty_fault_events tty_events = {
    .on_input = on_input, .on_output = on_output, .on_sent = on_sent, .on_event = on_tty_event};

struct tty_fault *stage_tty(struct stage *st) {
    CHECK_OBJ(st, STAGE_MAGIC);
    if (st->tty == NULL) {
        st->tty = tty_fault_new(st->world.chan, st->world.clk, st->world.seed, &tty_events, st);
    }
    return st->tty;
}

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
    char **place = &st->kept[st->nkept++ % KEPT];
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
    struct stage *st = of(ctx);
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
    chan_set_present(of(ctx)->world.chan, true);
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

static void drop_rule(struct stage *st, size_t i) {
    rule_free(st->rules[i]);
    st->nrules--;
    memmove(&st->rules[i], &st->rules[i + 1], (st->nrules - i) * sizeof st->rules[0]);
}

/* Everything of what was played. */
static void clear(struct stage *st) {
    while (st->nrules > 0) {
        drop_rule(st, st->nrules - 1);
    }
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
    st->sc = NULL;
    st->is_started = false;
    st->rules_made = 0;
    update_wants(st);
}

static void on_over(void *ctx) {
    struct stage *st = of(ctx);
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

static void start(struct stage *st) {
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

static void set_up_sim(struct stage *st, const struct cJSON *sim) {
    struct modem *m = st->world.modem;
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

/* What the scenario does not say is as it was when the daemon started: an earlier play may have
 * changed it. Links and settings stay: they are the driver's. */
static void set_back(struct stage *st, const struct cJSON *sim, const struct cJSON *network) {
    static const struct impair nothing = {0};
    struct modem *m = st->world.modem;
    modem_set_hung(m, false);
    modem_power_on(m);
    modem_set_voice_call(m, false);
    modem_set_open_delay(m, CLK_US(0));
    if (spec_get(sim, "state") == NULL && m->sim.state != SIM_READY) {
        modem_set_sim(m, SIM_READY);
    }
    if (spec_get(network, "technology") == NULL) {
        modem_set_tech(m, m->profile->tech);
    }
    if (spec_get(network, "registration") == NULL) {
        modem_set_registration(m, REG_HOME);
    }
    if (spec_get(network, "attached") == NULL) {
        modem_set_attached(m, true);
    }
    if (spec_get(network, "signal") == NULL) {
        modem_set_signal(m, m->profile->rssi, m->profile->ber);
    }
    for (enum impair_direction dir = IMPAIR_UP; dir < IMPAIR_DIRECTIONS; dir++) {
        modem_impair(m, dir, &nothing);
    }
}

static void set_up_network(struct stage *st, const struct cJSON *network) {
    struct modem *m = st->world.modem;
    do_first(st, network, "technology", act_technology);
    do_first(st, network, "registration", act_registration);
    do_first(st, network, "attached", act_attached);
    do_first(st, network, "signal", act_signal);
    do_first(st, network, "open-delay", act_open_delay);
    const struct cJSON *impair = spec_get(network, "impair");
    for (enum impair_direction dir = IMPAIR_UP; dir < IMPAIR_DIRECTIONS; dir++) {
        const struct cJSON *path = spec_get(impair, dir == IMPAIR_UP ? "up" : "down");
        if (path != NULL) {
            struct impair im = m->bearer.impair[dir];
            action_path(path, &im);
            modem_impair(m, dir, &im);
        }
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
    const struct cJSON *command = NULL;
    cJSON_ArrayForEach(command, spec_get(module, "settings")) {
        int err = run_setting(st, command->valuestring, why);
        if (err != 0) {
            return err;
        }
    }
    set_up_sim(st, sim);
    do_first(st, sim, "state", act_sim);
    set_up_network(st, scenario_part(st->sc, "network"));
    return 0;
}

int stage_play(struct stage *st, const struct scenario *sc, char **why) {
    CHECK_OBJ(st, STAGE_MAGIC);
    clear(st);
    st->sc = sc;
    /* Each module its own, as with the seed of the command line. */
    uint64_t seed = scenario_part(sc, "seed") != NULL ? scenario_seed(sc, 0) + st->world.number
                                                      : st->world.seed;
    st->rng = rng_stream(seed, "stage");
    stage_tty(st);
    st->is_setting_up = true;
    int err = set_up(st, why);
    st->is_setting_up = false;
    if (err != 0) {
        clear(st);
        return err;
    }
    const struct cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, scenario_part(sc, "rules")) {
        stage_add_rule(st, rule);
    }
    st->expect = expect_new(st->world.clk, scenario_part(sc, "expect"),
                            scenario_part(sc, "verdict"), on_over, st);
    update_wants(st);
    const struct cJSON *when = scenario_part(sc, "start");
    if ((when != NULL && strcmp(when->valuestring, "load") == 0) || st->world.chan->is_open) {
        start(st);
    }
    return 0;
}

void stage_stop(struct stage *st) {
    CHECK_OBJ(st, STAGE_MAGIC);
    clear(st);
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

/* -- rules that come and go -- */

static size_t find_rule(const struct stage *st, const char *name) {
    size_t i = 0;
    while (i < st->nrules && strcmp(rule_name(st->rules[i]), name) != 0) {
        i++;
    }
    return i;
}

int stage_add_rule(struct stage *st, const struct cJSON *rule) {
    CHECK_OBJ(st, STAGE_MAGIC);
    const char *name = spec_text(rule, "name", NULL);
    if (st->nrules == LIMIT_RULES) {
        return -ENOSPC;
    }
    if (name != NULL && find_rule(st, name) < st->nrules) {
        return -EEXIST;
    }
    st->rules[st->nrules++] = rule_new(rule, ++st->rules_made);
    stage_tty(st);
    update_wants(st);
    return 0;
}

int stage_remove_rule(struct stage *st, const char *name) {
    CHECK_OBJ(st, STAGE_MAGIC);
    size_t i = find_rule(st, name);
    if (i == st->nrules) {
        return -ENOENT;
    }
    drop_rule(st, i);
    update_wants(st);
    return 0;
}

int stage_enable_rule(struct stage *st, const char *name, bool on) {
    CHECK_OBJ(st, STAGE_MAGIC);
    size_t i = find_rule(st, name);
    if (i == st->nrules) {
        return -ENOENT;
    }
    rule_enable(st->rules[i], on);
    return 0;
}

struct cJSON *stage_rules(const struct stage *st) {
    CHECK_OBJ(st, STAGE_MAGIC);
    struct cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < st->nrules; i++) {
        cJSON_AddItemToArray(list, rule_json(st->rules[i]));
    }
    return list;
}

int stage_do(struct stage *st, const struct cJSON *action, const char **why) {
    CHECK_OBJ(st, STAGE_MAGIC);
    return action_do(st, action, NULL, why);
}

/* -- the stage -- */

struct stage *stage_new(const struct stage_world *world, const struct stage_events *ev, void *ctx) {
    struct stage *st = xmalloc(sizeof *st);
    OBJ_INIT(st, STAGE_MAGIC);
    st->world = *world;
    st->ev = ev;
    st->ctx = ctx;
    st->rng = rng_stream(world->seed, "stage");
    st->tables.magic = world->magic;
    st->tables.route = world->route;
    LIST_INIT(&st->pendings);
    bus_listen(&world->modem->bus, on_topic, st);
    bus_answer(&world->modem->bus, on_ask, st);
    update_wants(st);
    return st;
}

void stage_free(struct stage *st) {
    if (st == NULL) {
        return;
    }
    CHECK_OBJ(st, STAGE_MAGIC);
    clear(st);
    bus_answer(&st->world.modem->bus, NULL, NULL);
    bus_ignore(&st->world.modem->bus, on_topic, st);
    tty_fault_free(st->tty);
    for (size_t i = 0; i < KEPT; i++) {
        free(st->kept[i]);
    }
    OBJ_FINI(st);
    free(st);
}

void stage_listen(struct stage *st, bool on) {
    CHECK_OBJ(st, STAGE_MAGIC);
    st->is_listened = on;
    if (on) {
        stage_tty(st);
    }
    update_wants(st);
}

const struct scenario *stage_scenario(const struct stage *st) {
    return st->sc;
}

struct expect *stage_expect(const struct stage *st) {
    return st->expect;
}

bool stage_is_started(const struct stage *st) {
    return st->is_started;
}

clk_dur stage_time(const struct stage *st) {
    return st->is_started ? clk_since(st->world.clk, st->start) : CLK_US(0);
}

const struct stage_world *stage_world(const struct stage *st) {
    return &st->world;
}

struct rng *stage_rng(struct stage *st) {
    return &st->rng;
}

/* -- far ends -- */

void stage_peer_bytes(struct stage *st, const char *peer, const void *p, size_t n) {
    CHECK_OBJ(st, STAGE_MAGIC);
    if (st->expect != NULL) {
        expect_bytes(st->expect, EXPECT_PEER, peer, p, n);
    }
    struct happening h;
    happening_init(&h, "peer.data");
    happening_add_text(&h, "peer", sv_of(peer));
    happening_add_text(&h, "text", (struct sv){p, n});
    happening_add(&h, "bytes", (int64_t)n);
    stage_tell(st, &h);
}

void stage_peer(struct stage *st, const char *peer, enum expect_peer_event what) {
    CHECK_OBJ(st, STAGE_MAGIC);
    if (st->expect != NULL) {
        expect_peer(st->expect, peer, what);
    }
    struct happening h;
    happening_init(&h, what == EXPECT_PEER_CONNECTS ? "peer.connect" : "peer.ended");
    happening_add_text(&h, "peer", sv_of(peer));
    if (what != EXPECT_PEER_CONNECTS) {
        happening_add_text(&h, "why", what == EXPECT_PEER_RESET ? SV("reset") : SV("closed"));
    }
    stage_tell(st, &h);
}
