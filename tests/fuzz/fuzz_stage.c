/* A module with its stage at the mercy of scenarios: rules and actions of any kind, while a driver
 * types, leaves and does not read, and the clock runs.
 *
 * Input: a scenario, if it begins with {, up to a zero; bytes of the driver; 0xFF and a byte are an
 * act of the outside: its lower half says which (enum act), its upper half how much; rules and
 * actions are made of the four bytes behind it. In the end a new, empty play must find a module
 * that answers AT. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "base/rng.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/rule.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/engine/stage.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/magic_world.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/module_rig.h"
#include "tests/support/spec_random.h"

enum { MARK = 0xff, SEED = 4, PATIENCE = 3, ACTS_MAX = 200 };

enum act { ACT_BYTE, ACT_CLOCK, ACT_STALL, ACT_DTE, ACT_SEND, ACT_RULE, ACT_DO, ACT_PLAY, ACTS };

static const struct net_addr server = {0x74ecdd4bu, 8011}; /* of the note: 116.236.221.75 */

struct rig {
    struct module_rig m;
    struct magic_world *magic;
    struct stage *stage;
    struct scenario *empty;
    struct scenario *given; /* NULL: the input has none, or one that is refused */
    char out[1 << 17];      /* what was read last */
};

static const struct stage_events events = {.on_over = NULL};

static void play(struct rig *r) {
    char *why = NULL;
    must(stage_play(r->stage, r->empty, &why) == 0);
}

static void start(struct rig *r) {
    static const char empty[] = "{\"name\": \"empty\"}";
    char error[SCENARIO_ERROR];
    module_rig_start(&r->m);
    r->magic = magic_world_new(&r->m.loop, r->m.clk);
    const struct stage_world world = {.modem = unit_modem(r->m.unit),
                                      .chan = &r->m.ch,
                                      .clk = r->m.clk,
                                      .route = r->m.route,
                                      .peers = r->m.peers,
                                      .magic = r->magic};
    r->stage = stage_new(&world, &events, r);
    r->empty = scenario_parse("empty", empty, sizeof empty - 1, error);
    play(r);
}

static void stop(struct rig *r) {
    stage_free(r->stage);
    scenario_free(r->empty);
    scenario_free(r->given);
    magic_world_close(r->magic);
    module_rig_stop(&r->m);
}

/* Plays the scenario of the input. Returns how many bytes it took. */
static size_t play_given(struct rig *r, const uint8_t *p, size_t n) {
    char error[SCENARIO_ERROR];
    char *why = NULL;
    if (n == 0 || p[0] != '{') {
        return 0;
    }
    const uint8_t *end = memchr(p, '\0', n);
    size_t len = end != NULL ? (size_t)(end - p) : n;
    r->given = scenario_parse("given", (const char *)p, len, error);
    if (r->given != NULL && stage_play(r->stage, r->given, &why) != 0) {
        free(why);
    }
    return end != NULL ? len + 1 : len;
}

static size_t read_all(struct rig *r) {
    size_t len = 0;
    size_t n = 0;
    do {
        fake_host_settle(r->m.host, r->m.clk);
        len = n > 0 ? len + n : 0;
        n = chan_mem_get(&r->m.mem, r->out + len, sizeof r->out - len);
    } while (n > 0);
    return len;
}

/* -- the outside -- */

static void add_rule(struct rig *r, struct rng *rng) {
    cJSON *rule = spec_random(&rule_spec, rng);
    const char *why = NULL;
    if (action_misfit(spec_get(rule, "do"), spec_text(rule, "on", ""), &why) == NULL) {
        stage_add_rule(r->stage, rule);
    }
    cJSON_Delete(rule);
}

static void do_action(struct rig *r, struct rng *rng) {
    cJSON *list = cJSON_CreateArray();
    cJSON *action = spec_random(&action_spec, rng);
    cJSON_AddItemToArray(list, action);
    const char *why = NULL;
    if (action_misfit(list, NULL, &why) == NULL) {
        stage_do(r->stage, action, &why);
    }
    cJSON_Delete(list);
}

static void send_from_afar(struct rig *r, unsigned much) {
    static const uint8_t filler[2000];
    struct fake_link *l = fake_host_link(r->m.host, server.ip, server.port);
    if (l != NULL && fake_host_seen(l) == FAKE_SEEN_NOTHING) {
        fake_host_send(l, filler, 1 + much * 130);
    }
}

/* Returns how many bytes it took behind the act's own. */
static size_t act(struct rig *r, uint8_t what, const uint8_t *data, size_t size) {
    static const uint8_t mark = MARK;
    unsigned much = what >> 4;
    size_t took = size < SEED ? size : SEED;
    uint64_t seed = 0;
    for (size_t i = 0; i < took; i++) {
        seed = seed << 8 | data[i];
    }
    struct rng rng = rng_stream(seed, "fuzz");
    switch ((enum act)((what & 15) % ACTS)) {
    case ACT_BYTE:
        chan_mem_put(&r->m.mem, &mark, 1);
        return 0;
    case ACT_CLOCK:
        fake_host_pass(r->m.host, r->m.clk, CLK_MS(1 << much));
        return 0;
    case ACT_STALL:
        chan_mem_stall(&r->m.mem, much % 2 == 1);
        return 0;
    case ACT_DTE:
        chan_set_open(&r->m.ch, much % 2 == 1);
        return 0;
    case ACT_SEND:
        send_from_afar(r, much);
        return 0;
    case ACT_RULE:
        add_rule(r, &rng);
        return took;
    case ACT_DO:
        do_action(r, &rng);
        return took;
    case ACT_PLAY:
        play(r);
        return 0;
    case ACTS:
        break;
    }
    return 0;
}

/* -- the end -- */

/* S3 to S5 may be anything; a driver that has changed them has to know. */
static void check_alive(struct rig *r) {
    play(r);
    chan_mem_stall(&r->m.mem, false);
    r->m.mem.chop = 0;
    chan_set_open(&r->m.ch, false);
    fake_host_pass(r->m.host, r->m.clk, CLK_S(200));
    chan_set_open(&r->m.ch, true);
    bool is_alive = false;
    for (int i = 0; i < PATIENCE && !is_alive; i++) {
        static const char restart[] = "\x1b\rAT&F\rATS3=13S4=10S5=8E0V1Q0\r";
        chan_mem_put(&r->m.mem, restart, sizeof restart - 1);
        fake_host_pass(r->m.host, r->m.clk, CLK_S(2));
        read_all(r);
        chan_mem_put(&r->m.mem, "AT\r", 3);
        fake_host_pass(r->m.host, r->m.clk, CLK_S(1));
        size_t n = read_all(r);
        is_alive = n >= 6 && memcmp(r->out + n - 6, "\r\nOK\r\n", 6) == 0;
        chan_mem_put(&r->m.mem, "+++", 3);
        fake_host_pass(r->m.host, r->m.clk, CLK_S(2));
    }
    must(is_alive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rig *r = xmalloc(sizeof *r);
    start(r);
    unsigned acts = 0;
    bool has_registers = false; /* S3 to S5 typed: nobody knows how to talk to it then */
    for (size_t i = play_given(r, data, size); i < size && acts < ACTS_MAX; i++) {
        if (data[i] == MARK && i + 1 < size) {
            acts++;
            i++;
            i += act(r, data[i], data + i + 1, size - i - 1);
            read_all(r);
        } else {
            has_registers |= (data[i] | 0x20) == 's';
            chan_mem_put(&r->m.mem, &data[i], 1);
        }
    }
    fake_host_settle(r->m.host, r->m.clk);
    if (!has_registers) {
        check_alive(r);
    }
    stop(r);
    free(r);
    return 0;
}
