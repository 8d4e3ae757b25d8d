#include "scenarios/engine/director.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/log.h"
#include "base/obj.h"
#include "scenarios/control/control.h"
#include "scenarios/engine/director_priv.h"
#include "scenarios/events/happening.h"
#include "scenarios/peers/magic_world.h"
#include "scenarios/peers/peers.h"
#include "scenarios/verdict/expect.h"
#include "scenarios/verdict/report.h"

static struct director *of(void *ctx) {
    struct director *d;
    CAST_OBJ(d, ctx, DIRECTOR_MAGIC);
    return d;
}

/* -- what the stages say -- */

static void on_happening(void *ctx, struct stage *st, const struct happening *h) {
    struct director *d = of(ctx);
    if (d->cfg.on_left != NULL && strcmp(h->name, "tty.closed") == 0 && !director_has_driver(d)) {
        d->cfg.on_left(d->cfg.ctx);
    }
    if (d->control == NULL || !control_is_subscribed(d->control, h->name)) {
        return;
    }
    struct cJSON *event = cJSON_CreateObject();
    cJSON_AddNumberToObject(event, "modem", stage_world(st)->number);
    cJSON_AddNumberToObject(event, "time", (double)clk_now(d->cfg.clk).us / 1e6);
    cJSON_AddItemToObject(event, "facts", happening_json(h));
    control_notify(d->control, h->name, event);
}

static bool is_over(const struct director *d) {
    for (size_t i = 0; i < d->nstages; i++) {
        const struct expect *e = stage_expect(d->stages[i]);
        if (e == NULL || !expect_is_over(e)) {
            return false;
        }
    }
    return d->nstages > 0;
}

static void on_over(void *ctx, struct stage *st) {
    struct director *d = of(ctx);
    director_tell_verdict(d, st);
    if (is_over(d)) {
        d->cfg.on_over(d->cfg.ctx);
    }
}

static const struct stage_events stage_events = {.on_happening = on_happening, .on_over = on_over};

/* -- what the far ends say -- */

static void on_peer_connect(void *ctx, struct peer *peer) {
    struct director *d = of(ctx);
    for (size_t i = 0; i < d->nstages; i++) {
        stage_peer(d->stages[i], peer_name(peer), EXPECT_PEER_CONNECTS);
    }
}

static void on_peer_bytes(void *ctx, struct peer *peer, const uint8_t *p, size_t n) {
    struct director *d = of(ctx);
    for (size_t i = 0; i < d->nstages; i++) {
        stage_peer_bytes(d->stages[i], peer_name(peer), p, n);
    }
}

static void on_peer_end(void *ctx, struct peer *peer, int err) {
    struct director *d = of(ctx);
    for (size_t i = 0; i < d->nstages; i++) {
        stage_peer(d->stages[i], peer_name(peer),
                   err == 0 ? EXPECT_PEER_CLOSED : EXPECT_PEER_RESET);
    }
}

static const struct peer_events peer_events = {
    .on_connect = on_peer_connect, .on_bytes = on_peer_bytes, .on_end = on_peer_end};

/* -- the worlds of scenarios -- */

static int build(struct director *d, struct scenario *sc, const char *file,
                 char error[SCENARIO_ERROR]) {
    char why[SCENARIO_ERROR];
    int err = scenario_build(sc, d->cfg.peers, d->cfg.route, why);
    if (err != 0) {
        scenario_pull_down(sc, d->cfg.route);
        snprintf(error, SCENARIO_ERROR, "%.400s: %.600s", file, why);
    }
    return err;
}

static bool is_played(const struct director *d, const struct scenario *sc) {
    for (size_t i = 0; i < d->nstages; i++) {
        if (stage_scenario(d->stages[i]) == sc) {
            return true;
        }
    }
    return false;
}

/* The far ends go with the last module on which it is played: that of the command line may be
 * played on all. */
static void unload(struct director *d, struct stage *st) {
    const struct scenario *old = stage_scenario(st);
    struct scenario **loaded = &d->loaded[stage_world(st)->number];
    stage_stop(st);
    if (old != NULL && old == d->scenario && !is_played(d, old)) {
        scenario_pull_down(d->scenario, d->cfg.route);
    }
    if (*loaded != NULL) {
        scenario_pull_down(*loaded, d->cfg.route);
        scenario_free(*loaded);
        *loaded = NULL;
    }
}

int director_load(struct director *d, struct stage *st, struct scenario *sc, const char *file,
                  char error[SCENARIO_ERROR]) {
    unload(d, st);
    int err = build(d, sc, file, error);
    if (err != 0) {
        scenario_free(sc);
        return err;
    }
    d->loaded[stage_world(st)->number] = sc;
    char *why = NULL;
    err = stage_play(st, sc, &why);
    if (err != 0) {
        snprintf(error, SCENARIO_ERROR, "%.400s: %.600s", file, why);
        free(why);
        unload(d, st);
    }
    return err;
}

/* -- the director -- */

int director_new(struct director **out, const struct director_config *cfg,
                 char error[SCENARIO_ERROR]) {
    struct director *d = xmalloc(sizeof *d);
    OBJ_INIT(d, DIRECTOR_MAGIC);
    d->cfg = *cfg;
    int err = 0;
    if (cfg->scenario != NULL) {
        d->scenario = scenario_load(cfg->scenario, error);
        err = d->scenario == NULL ? -EINVAL : build(d, d->scenario, cfg->scenario, error);
    }
    if (err != 0) {
        scenario_free(d->scenario);
        OBJ_FINI(d);
        free(d);
        return err;
    }
    d->magics = magic_world_new(cfg->loop, cfg->clk);
    peers_listen(cfg->peers, &peer_events, d);
    *out = d;
    return 0;
}

int director_listen(struct director *d, const char *path) {
    CHECK_OBJ(d, DIRECTOR_MAGIC);
    int err = control_new(&d->control, d->cfg.loop, path, director_methods, d);
    if (err == 0) {
        director_start_methods(d);
    }
    return err;
}

const struct profile *director_profile(struct director *d, const struct profile *base) {
    CHECK_OBJ(d, DIRECTOR_MAGIC);
    return d->scenario != NULL ? scenario_profile(d->scenario, base) : base;
}

uint64_t director_seed(const struct director *d, uint64_t otherwise) {
    return d->scenario != NULL ? scenario_seed(d->scenario, otherwise) : otherwise;
}

int director_add(struct director *d, const struct stage_world *world, char error[SCENARIO_ERROR]) {
    CHECK_OBJ(d, DIRECTOR_MAGIC);
    struct stage_world w = *world;
    w.clk = d->cfg.clk;
    w.route = d->cfg.route;
    w.peers = d->cfg.peers;
    w.magic = d->magics;
    must(w.number == d->nstages);
    struct stage *st = stage_new(&w, &stage_events, d);
    d->stages = xrealloc(d->stages, (d->nstages + 1) * sizeof(struct stage *));
    d->loaded = xrealloc(d->loaded, (d->nstages + 1) * sizeof(struct scenario *));
    d->loaded[d->nstages] = NULL;
    d->stages[d->nstages++] = st;
    if (d->scenario == NULL) {
        return 0;
    }
    char *why = NULL;
    int err = stage_play(st, d->scenario, &why);
    if (err != 0) {
        snprintf(error, SCENARIO_ERROR, "%.400s: %.600s", d->cfg.scenario, why);
        free(why);
    }
    return err;
}

void director_drop(struct director *d) {
    if (d == NULL) {
        return;
    }
    CHECK_OBJ(d, DIRECTOR_MAGIC);
    lines_forget(d);
    for (size_t i = 0; i < d->nstages; i++) {
        stage_free(d->stages[i]);
        scenario_free(d->loaded[i]);
    }
    free(d->stages);
    free(d->loaded);
    d->stages = NULL;
    d->loaded = NULL;
    d->nstages = 0;
}

bool director_has_passed(const struct director *d) {
    CHECK_OBJ(d, DIRECTOR_MAGIC);
    for (size_t i = 0; i < d->nstages; i++) {
        const struct expect *e = stage_expect(d->stages[i]);
        if (e == NULL || !expect_has_passed(e)) {
            return false;
        }
    }
    return true;
}

bool director_has_driver(const struct director *d) {
    CHECK_OBJ(d, DIRECTOR_MAGIC);
    for (size_t i = 0; i < d->nstages; i++) {
        if (stage_world(d->stages[i])->chan->is_open) {
            return true;
        }
    }
    return false;
}

void director_report(struct director *d, enum director_format format, FILE *to) {
    CHECK_OBJ(d, DIRECTOR_MAGIC);
    for (size_t i = 0; i < d->nstages; i++) {
        struct stage *st = d->stages[i];
        if (stage_expect(st) == NULL) {
            continue;
        }
        const struct report *r = expect_report(stage_expect(st), scenario_name(stage_scenario(st)));
        switch (format) {
        case DIRECTOR_TEXT:
            report_text(to, r);
            break;
        case DIRECTOR_JUNIT:
            report_junit(to, r);
            break;
        case DIRECTOR_TAP:
            report_tap(to, r);
            break;
        }
    }
}

bool director_has_started(struct director *d, const char *or_why) {
    CHECK_OBJ(d, DIRECTOR_MAGIC);
    bool has_started = true;
    for (size_t i = 0; i < d->nstages; i++) {
        if (!stage_is_started(d->stages[i])) {
            stage_fail(d->stages[i], or_why);
            has_started = false;
        }
    }
    return has_started;
}

void director_end(struct director *d) {
    for (size_t i = 0; i < d->nstages; i++) {
        stage_end(d->stages[i]);
    }
}

void director_close(struct director *d) {
    if (d == NULL) {
        return;
    }
    CHECK_OBJ(d, DIRECTOR_MAGIC);
    director_drop(d);
    director_stop_methods(d);
    control_close(d->control);
    peers_listen(d->cfg.peers, NULL, NULL);
    magic_world_close(d->magics);
    scenario_free(d->scenario);
    OBJ_FINI(d);
    free(d);
}
