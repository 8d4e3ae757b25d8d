/* driver_stage.c: a scenario by chance plays on the module for some minutes: rules and actions over
 * everything that the tables allow. What is said then may be anything; bounds and clock hold, the
 * module answers again behind it, and all that is known of it after a restart is as ever. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/obj.h"
#include "netstack/route.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/rule.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/engine/stage.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/magic_world.h"
#include "scenarios/peers/peers.h"
#include "tests/simulate/driver.h"
#include "tests/simulate/rowline.h"
#include "tests/support/spec_random.h"

enum { RULES = 12, STEPS = 60, WAIT_MS = 8000, SLICE_MS = 20, FLOOD = 200000, TRIES = 3 };

struct staging {
    struct driver *d;
    uv_loop_t loop;
    struct peers *peers;
    struct route *route;
    struct magic_world *magic;
    struct stage *stage;
    struct scenario *empty;
    uint64_t said; /* bytes before it began */
};

static const struct stage_events events = {.on_over = NULL};

static void play_nothing(struct staging *s) {
    char *why = NULL;
    must(stage_play(s->stage, s->empty, &why) == 0);
}

static void start(struct staging *s, struct driver *d) {
    static const char empty[] = "{\"name\": \"empty\"}";
    char error[SCENARIO_ERROR];
    memset(s, 0, sizeof *s);
    s->d = d;
    s->said = d->world.counts.bytes_said;
    must(uv_loop_init(&s->loop) == 0);
    s->peers = peers_new(&s->loop, d->world.clk);
    s->route = route_new();
    s->magic = magic_world_new(&s->loop, d->world.clk);
    const struct stage_world world = {.modem = d->world.modem,
                                      .chan = &d->world.chan,
                                      .clk = d->world.clk,
                                      .route = s->route,
                                      .peers = s->peers,
                                      .magic = s->magic,
                                      .seed = rng_next(&d->rng)};
    s->stage = stage_new(&world, &events, s);
    s->empty = scenario_parse("empty", empty, sizeof empty - 1, error);
    play_nothing(s);
}

static void stop(struct staging *s) {
    stage_free(s->stage);
    scenario_free(s->empty);
    magic_world_close(s->magic);
    peers_close(s->peers);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&s->loop) == 0);
    route_free(s->route);
}

static void note(struct driver *d, const cJSON *json) {
    if (d->world.dialogue != NULL) {
        char *text = cJSON_PrintUnformatted(json);
        dialogue_gap(d->world.dialogue, text);
        free(text);
    }
}

/* Most on what happens often: what never fires tests nothing. */
static void add_rule(struct staging *s) {
    static const char *const usual[] = {"at.line", "at.command",  "at.result", "at.urc",
                                        "at.done", "tty.out",     "tty.in",    "net.connect",
                                        "urc",     "link.opened", "net.send",  "signal.changed"};
    struct driver *d = s->d;
    cJSON *rule = spec_random(&rule_spec, &d->rng);
    cJSON_DeleteItemFromObject(rule, "match");
    if (driver_pick(d, 4) != 0) {
        const char *event = usual[driver_pick(d, sizeof usual / sizeof usual[0])];
        cJSON_ReplaceItemInObject(rule, "on", cJSON_CreateString(event));
    }
    const char *why = NULL;
    if (action_misfit(spec_get(rule, "do"), spec_text(rule, "on", ""), &why) == NULL) {
        note(d, rule);
        stage_add_rule(s->stage, rule);
    }
    cJSON_Delete(rule);
}

static void do_action(struct staging *s) {
    cJSON *list = cJSON_CreateArray();
    cJSON *action = spec_random(&action_spec, &s->d->rng);
    cJSON_AddItemToArray(list, action);
    const char *why = NULL;
    if (action_misfit(list, NULL, &why) == NULL && spec_get(action, "stop") == NULL) {
        note(s->d, action);
        stage_do(s->stage, action, &why);
    }
    cJSON_Delete(list);
}

static void type(struct driver *d) {
    static const char *const lines[] = {
        "AT",
        "AT+NETOPEN",
        "AT+NETCLOSE",
        "AT+CIPOPEN=0,\"TCP\",\"116.236.221.75\",8011",
        "AT+CIPOPEN=1,\"TCP\",\"loss-50.test\",80",
        "AT+CIPOPEN=2,\"UDP\",,,5000",
        "AT+CIPSEND=0,5\rHELLO",
        "AT+CIPSEND=1,\rdata\x1a",
        "AT+SERVERSTART=8080,0",
        "AT+CIPCLOSE=0",
    };
    char line[ROWLINE_MAX + 1];
    rowline_make(&d->rng, line);
    size_t i = driver_pick(d, 2 * (sizeof lines / sizeof lines[0]));
    const char *text = i < sizeof lines / sizeof lines[0] ? lines[i] : line;
    d->commands++;
    world_type(&d->world, text, strlen(text));
    world_type(&d->world, "\r", 1);
}

/* Rules that feed each other with a delay go on as long as they play (LIMIT_PENDING at a time): of
 * no use for longer than it takes to see that they do. */
static bool is_flooded(const struct staging *s) {
    return s->d->world.counts.bytes_said > s->said + FLOOD;
}

static void pass(struct staging *s, size_t ms) {
    for (size_t i = 0; i < ms && !is_flooded(s); i += SLICE_MS) {
        driver_pass(s->d, CLK_MS(SLICE_MS));
    }
}

static void step(struct staging *s) {
    struct driver *d = s->d;
    switch (driver_pick(d, 8)) {
    case 0:
        do_action(s);
        break;
    case 1:
        world_dte(&d->world, driver_pick(d, 3) != 0);
        break;
    case 2:
        chan_mem_stall(&d->world.mem, driver_pick(d, 2) == 0);
        break;
    case 3:
        pass(s, driver_pick(d, WAIT_MS));
        break;
    default:
        type(d);
        break;
    }
    pass(s, driver_pick(d, 500));
}

/* A module that has gone off, of its own accord or as it was told, is switched on. */
static void switch_on(struct driver *d) {
    if (d->is_down) {
        modem_power_on(d->world.modem);
        driver_pass(d, CLK_US(DRIVER_BOOT_US));
    }
}

/* As a driver does that begins anew. */
static bool recovers(struct driver *d) {
    static const char restart[] = "\x1b\rATQ0V1E0\r";
    chan_mem_stall(&d->world.mem, false);
    world_dte(&d->world, false);
    driver_pass(d, CLK_S(200)); /* what waits for the network has its time, too */
    switch_on(d);
    chan_discard(&d->world.chan, false, true);
    world_dte(&d->world, true);
    for (unsigned i = 0; i < TRIES && driver_is_good(d); i++) {
        world_type(&d->world, restart, sizeof restart - 1);
        driver_pass(d, CLK_S(5));
        uint64_t before = d->oks;
        world_type(&d->world, "AT\r", 3);
        driver_pass(d, CLK_S(5));
        if (d->oks > before) {
            return true;
        }
        world_type(&d->world, "+++", 3); /* with its guard time before and behind */
        driver_pass(d, CLK_S(2));
    }
    return false;
}

void driver_act_scenario(struct driver *d) {
    static const char *const known[] = {"AT&F", "ATE1"};
    struct staging s;
    dialogue_gap(d->world.dialogue, "a scenario");
    oracle_set_relaxed(&d->oracle, true);
    d->world.turns_max = WORLD_TURNS_OF_SCENARIO;
    links_abandon(&d->links, true);
    start(&s, d);
    for (size_t i = driver_pick(d, RULES); i > 0; i--) {
        add_rule(&s);
    }
    for (size_t i = driver_pick(d, STEPS); i > 0 && driver_is_good(d) && !is_flooded(&s); i--) {
        step(&s);
    }
    play_nothing(&s);
    bool is_alive = recovers(d);
    stop(&s);
    if (!is_alive) {
        verdict_fail(d->verdict, "dead", NULL, "behind a scenario AT is not answered");
    }
    modem_restart(d->world.modem, CLK_MS(20), false);
    driver_pass(d, CLK_US(DRIVER_BOOT_US + d->lag.us));
    links_abandon(&d->links, false);
    oracle_set_relaxed(&d->oracle, false);
    d->world.turns_max = WORLD_TURNS;
    d->oracle.was_restarted = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        driver_ask(d, "%s", known[i]);
    }
}
