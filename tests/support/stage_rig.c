#include "tests/support/stage_rig.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netstack/route.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/rule.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/events/happening.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/magic_world.h"
#include "scenarios/peers/peers.h"

static void on_happening(void *ctx, struct stage *st, const struct happening *h) {
    struct stage_rig *r = ctx;
    (void)st;
    char text[HAPPENING_TEXT];
    if (r->nevents < sizeof r->events - 2 * HAPPENING_TEXT) {
        r->nevents += (size_t)snprintf(r->events + r->nevents, sizeof r->events - r->nevents,
                                       "%s: %s\n", h->name, happening_text(h, text));
    }
}

static void on_over(void *ctx, struct stage *st) {
    struct stage_rig *r = ctx;
    (void)st;
    r->over++;
}

static const struct stage_events events = {.on_happening = on_happening, .on_over = on_over};

void stage_rig_start(struct stage_rig *r) {
    memset(r, 0, sizeof *r);
    cr_assert_eq(uv_loop_init(&r->loop), 0);
    unit_rig_start(&r->u, "sim7600e");
    r->peers = peers_new(&r->loop, r->u.clk);
    r->route = route_new();
    r->magic = magic_world_new(&r->loop, r->u.clk);
    const struct stage_world world = {.modem = r->u.modem,
                                      .chan = &r->u.ch,
                                      .clk = r->u.clk,
                                      .route = r->route,
                                      .peers = r->peers,
                                      .magic = r->magic,
                                      .seed = 1};
    r->stage = stage_new(&world, &events, r);
}

void stage_rig_stop(struct stage_rig *r) {
    stage_free(r->stage);
    scenario_free(r->scenario);
    magic_world_close(r->magic);
    peers_close(r->peers);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&r->loop), 0);
    route_free(r->route);
    unit_rig_stop(&r->u);
}

const char *stage_rig_refused(struct stage_rig *r, const char *parts) {
    static char error[SCENARIO_ERROR];
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    fprintf(to, "{\"name\": \"test\"%s%s}", parts[0] != '\0' ? ", " : "", parts);
    fclose(to);
    struct scenario *sc = scenario_parse("test", text, n, error);
    free(text);
    if (sc == NULL) {
        return error;
    }
    if (scenario_build(sc, r->peers, r->route, error) != 0) {
        scenario_free(sc);
        return error;
    }
    char *why = NULL;
    int err = stage_play(r->stage, sc, &why);
    scenario_free(r->scenario);
    r->scenario = err == 0 ? sc : NULL;
    if (err != 0) {
        snprintf(error, sizeof error, "%s", why);
        free(why);
        scenario_free(sc);
        return error;
    }
    return NULL;
}

void stage_rig_play(struct stage_rig *r, const char *parts) {
    const char *why = stage_rig_refused(r, parts);
    cr_assert_null(why, "%s: %s", parts, why);
}

static cJSON *parse(const struct spec *spec, const char *text) {
    struct spec_error e = {0};
    cJSON *tree = spec_parse(text, strlen(text), &e);
    cr_assert(tree != NULL && spec_check(spec, tree, text, strlen(text), &e), "%s: %s: %s", text,
              e.path, e.text);
    return tree;
}

int stage_rig_do(struct stage_rig *r, const char *action, const char **why) {
    cJSON *tree = parse(&action_spec, action);
    const char *dropped = NULL;
    int err = stage_do(r->stage, tree, why != NULL ? why : &dropped);
    cJSON_Delete(tree);
    fake_host_settle(r->u.fake, r->u.clk);
    return err;
}

int stage_rig_rule(struct stage_rig *r, const char *rule) {
    cJSON *tree = parse(&rule_spec, rule);
    const char *why = NULL;
    cr_assert_null(action_misfit(spec_get(tree, "do"), spec_text(tree, "on", ""), &why), "%s: %s",
                   rule, why);
    int err = stage_add_rule(r->stage, tree);
    cJSON_Delete(tree);
    return err;
}

void stage_rig_type(struct stage_rig *r, const char *text) {
    unit_rig_type(&r->u, text);
}

const char *stage_rig_read(struct stage_rig *r) {
    return unit_rig_read(&r->u);
}

void stage_rig_pass(struct stage_rig *r, clk_dur by) {
    unit_rig_pass(&r->u, by);
}

const char *stage_rig_events(struct stage_rig *r) {
    r->events[r->nevents] = '\0';
    r->nevents = 0;
    return r->events;
}

struct fake_link *stage_rig_link(struct stage_rig *r) {
    stage_rig_ask(r, "AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    stage_rig_ask(r, "AT+CIPOPEN=0,\"TCP\",\"116.236.221.75\",8011", OK LINE("+CIPOPEN: 0,0"));
    struct fake_link *l = fake_host_link(r->u.fake, 0x74ecdd4bu, 8011);
    cr_assert_not_null(l);
    return l;
}
