#include "scenarios/engine/stage_priv.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/events.h"
#include "emulator/model/modem.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/rule.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/engine/tty_fault.h"
#include "scenarios/events/happening.h"
#include "scenarios/json/spec.h"
#include "scenarios/verdict/expect.h"

#define ALL_ASKS ((1u << ASK_COUNT) - 1)

struct stage *stage_of(void *ctx) {
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

void stage_show(struct stage *st, const struct happening *h) {
    if (st->is_listened && !st->is_setting_up && st->ev->on_happening != NULL) {
        st->ev->on_happening(st->ctx, st, h);
    }
}

static void on_topic(void *ctx, unsigned topic, const void *payload) {
    struct stage *st = stage_of(ctx);
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
    struct stage *st = stage_of(ctx);
    struct decision d = {.asked = asked};
    if (!is_idle(st)) {
        struct happening h;
        happening_of_ask(&h, (enum ask)point, asked);
        d.what = &h;
        tell_others(st, &h);
        run_rules(st, &h, &d);
        d.what = NULL;
    }
    bool is_text = point == ASK_AT_LINE || point == ASK_AT_COMMAND || point == ASK_AT_URC;
    if (is_text && d.verdict.act == BUS_DROP && st->tty != NULL) {
        tty_fault_answered(st->tty); /* this was all */
    }
    if (d.verdict.act == BUS_GO) {
        clk_dur delay = d.verdict.delay;
        d.verdict = tables_answer(&st->tables, (enum ask)point, asked);
        d.verdict.delay = delay;
    }
    return d.verdict;
}

void stage_update_wants(struct stage *st) {
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
    struct stage *st = stage_of(ctx);
    if (st->is_setting_up) {
        return true; /* our own words */
    }
    if (st->expect != NULL) {
        expect_bytes(st->expect, EXPECT_DRIVER, NULL, p, n);
    }
    return pass(st, "tty.in", p, n);
}

static bool on_output(void *ctx, const uint8_t *p, size_t n) {
    struct stage *st = stage_of(ctx);
    return !st->is_setting_up && pass(st, "tty.out", p, n);
}

static void on_sent(void *ctx, const uint8_t *p, size_t n) {
    struct stage *st = stage_of(ctx);
    if (st->expect != NULL) {
        expect_bytes(st->expect, EXPECT_MODULE, NULL, p, n);
    }
}

static void on_tty_event(void *ctx, enum chan_event event) {
    struct stage *st = stage_of(ctx);
    struct happening h;
    switch (event) {
    case CHAN_OPENED:
        stage_start(st);
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

static void on_tty_top(void *ctx, const char *user) {
    struct happening h;
    happening_init(&h, "tty.mode");
    happening_add_text(&h, "mode", sv_of(user));
    stage_show(stage_of(ctx), &h);
}

static const struct tty_fault_events tty_events = {.on_input = on_input,
                                                   .on_output = on_output,
                                                   .on_sent = on_sent,
                                                   .on_event = on_tty_event,
                                                   .on_top = on_tty_top};

struct tty_fault *stage_tty(struct stage *st) {
    CHECK_OBJ(st, STAGE_MAGIC);
    if (st->tty == NULL) {
        st->tty = tty_fault_new(st->world.chan, st->world.clk, st->world.seed, &tty_events, st);
    }
    return st->tty;
}

/* -- rules that come and go -- */

static void drop_rule(struct stage *st, size_t i) {
    rule_free(st->rules[i]);
    st->nrules--;
    memmove(&st->rules[i], &st->rules[i + 1], (st->nrules - i) * sizeof st->rules[0]);
}

void stage_drop_rules(struct stage *st) {
    while (st->nrules > 0) {
        drop_rule(st, st->nrules - 1);
    }
}

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
    stage_update_wants(st);
    return 0;
}

int stage_remove_rule(struct stage *st, const char *name) {
    CHECK_OBJ(st, STAGE_MAGIC);
    size_t i = find_rule(st, name);
    if (i == st->nrules) {
        return -ENOENT;
    }
    drop_rule(st, i);
    stage_update_wants(st);
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
    memcpy(st->impair, world->modem->bearer.impair, sizeof st->impair);
    LIST_INIT(&st->pendings);
    bus_listen(&world->modem->bus, on_topic, st);
    bus_answer(&world->modem->bus, on_ask, st);
    stage_update_wants(st);
    return st;
}

void stage_free(struct stage *st) {
    if (st == NULL) {
        return;
    }
    CHECK_OBJ(st, STAGE_MAGIC);
    stage_clear(st);
    bus_answer(&st->world.modem->bus, NULL, NULL);
    bus_ignore(&st->world.modem->bus, on_topic, st);
    tty_fault_free(st->tty);
    for (size_t i = 0; i < STAGE_KEPT; i++) {
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
        on_tty_top(st, chan_top_name(st->world.chan));
    }
    stage_update_wants(st);
}

const struct scenario *stage_scenario(const struct stage *st) {
    return st->sc;
}

struct expect *stage_expect(const struct stage *st) {
    return st->expect;
}

size_t stage_waiting(const struct stage *st) {
    return st->npending;
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
