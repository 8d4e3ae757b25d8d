/* Rules and actions by chance, over everything that the tables allow, against a driver, its links
 * and its clock. Whatever they did: behind a new, empty play the module answers again. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/rule.h"
#include "scenarios/json/spec.h"
#include "tests/support/spec_random.h"
#include "tests/support/stage_rig.h"

enum { RUNS = 1000, RULES = 12, STEPS = 40 };

static struct stage_rig r;

static const struct net_addr caller = {0x0a000001u, 40000};

/* One that the loader would take. What would hardly ever fire tests nothing: most are on something
 * that happens in every run, and none has conditions on its facts. */
static void add_rule(struct rng *rng) {
    static const char *const usual[] = {"at.line", "at.command",  "at.result", "at.urc",
                                        "at.done", "tty.out",     "tty.in",    "net.connect",
                                        "urc",     "link.opened", "net.send",  "signal.changed"};
    cJSON *rule = spec_random(&rule_spec, rng);
    struct spec_error e = {0};
    cr_assert(spec_check(&rule_spec, rule, NULL, 0, &e), "%s: %s", e.path, e.text);
    cJSON_DeleteItemFromObject(rule, "match");
    cJSON_DeleteItemFromObject(rule, "within");
    if (rng_below(rng, 4) != 0) {
        const char *event = usual[rng_below(rng, sizeof usual / sizeof usual[0])];
        cJSON_ReplaceItemInObject(rule, "on", cJSON_CreateString(event));
        cJSON_DeleteItemFromObject(rule, "nth");
        cJSON_DeleteItemFromObject(rule, "after");
        cJSON_DeleteItemFromObject(rule, "enabled");
    }
    const char *why = NULL;
    if (action_misfit(spec_get(rule, "do"), spec_text(rule, "on", ""), &why) == NULL) {
        stage_add_rule(r.stage, rule);
    }
    cJSON_Delete(rule);
}

/* How often all rules together have fired. */
static unsigned fired(void) {
    unsigned n = 0;
    cJSON *rules = stage_rules(r.stage);
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, rules) {
        n += (unsigned)spec_int(rule, "fired", 0);
    }
    cJSON_Delete(rules);
    return n;
}

static void act(struct rng *rng) {
    cJSON *action = spec_random(&action_spec, rng);
    cJSON *list = cJSON_CreateArray();
    cJSON_AddItemToArray(list, action);
    const char *why = NULL;
    if (action_misfit(list, NULL, &why) == NULL && spec_get(action, "stop") == NULL) {
        stage_do(r.stage, action, &why);
    }
    cJSON_Delete(list);
}

static void type(struct rng *rng) {
    static const char *const lines[] = {
        "AT\r",
        "AT+CSQ;+CREG?\r",
        "AT+CMEE=2\r",
        "AT+NETOPEN\r",
        "AT+NETCLOSE\r",
        "AT+CGACT=1,1\r",
        "AT+CPIN?\r",
        "AT+CDNSGIP=\"echo.test\"\r",
        "AT+CIPOPEN=0,\"TCP\",\"116.236.221.75\",8011\r",
        "AT+CIPOPEN=1,\"TCP\",\"loss-50.test\",80\r",
        "AT+CIPOPEN=2,\"UDP\",,,5000\r",
        "AT+CIPSEND=0,5\rHELLO",
        "AT+CIPSEND=1,\rdata\x1a",
        "AT+CIPSEND=2,3,\"10.0.0.1\",80\rabc",
        "AT+SERVERSTART=8080,0\r",
        "AT+CIPCLOSE=0\r",
        "AT+CFUN=1,1\r",
        "ATE1\r",
        "half a line",
    };
    stage_rig_type(&r, lines[rng_below(rng, sizeof lines / sizeof lines[0])]);
}

static void far_end(struct rng *rng) {
    struct fake_link *l = fake_host_link(r.u.fake, 0x74ecdd4bu, 8011);
    if (rng_below(rng, 4) == 0) {
        fake_host_call(r.u.fake, &caller, 8080);
    } else if (l != NULL && fake_host_seen(l) == FAKE_SEEN_NOTHING) {
        fake_host_send(l, "from afar", 9);
    }
}

static void step(struct rng *rng) {
    switch (rng_below(rng, 10)) {
    case 0:
        chan_set_open(&r.u.ch, rng_below(rng, 2) == 0);
        break;
    case 1:
        chan_mem_stall(&r.u.mem, rng_below(rng, 2) == 0);
        break;
    case 2:
        far_end(rng);
        break;
    case 3:
        act(rng);
        break;
    case 4:
    case 5:
        stage_rig_pass(&r, CLK_MS((int64_t)1 << rng_below(rng, 14)));
        break;
    default:
        type(rng);
        break;
    }
    stage_rig_read(&r);
}

/* As a driver does that wants to begin anew. */
static bool recovers(void) {
    stage_rig_play(&r, "");
    chan_mem_stall(&r.u.mem, false);
    chan_set_open(&r.u.ch, false);
    stage_rig_pass(&r, CLK_S(200)); /* commands that wait for the network have their time, too */
    chan_discard(&r.u.ch, false, true);
    chan_set_open(&r.u.ch, true);
    for (int i = 0; i < 3; i++) {
        stage_rig_type(&r, "\x1b\rATQ0V1E0\r");
        stage_rig_pass(&r, CLK_S(2));
        stage_rig_read(&r);
        stage_rig_type(&r, "AT\r");
        stage_rig_pass(&r, CLK_S(1));
        const char *got = stage_rig_read(&r);
        size_t n = strlen(got);
        if (n >= 6 && strcmp(got + n - 6, OK) == 0) {
            return true;
        }
        stage_rig_type(&r, "+++"); /* with its guard time before and behind */
        stage_rig_pass(&r, CLK_S(2));
    }
    return false;
}

Test(stage_chaos, whatever_rules_and_actions_did_the_next_play_finds_a_module_that_answers,
     .timeout = 120) {
    log_set_level(LOG_ERROR);
    unsigned total = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        struct rng rng = rng_stream(run, "chaos");
        stage_rig_start(&r);
        stage_rig_play(&r, "\"peers\": {\"p\": {\"at\": \"10.0.0.9:80\", \"kind\": \"echo\"}}");
        stage_listen(r.stage, rng_below(&rng, 4) == 0);
        for (uint64_t i = rng_below(&rng, RULES); i > 0; i--) {
            add_rule(&rng);
        }
        for (int i = 0; i < STEPS; i++) {
            step(&rng);
            r.nevents = 0;
        }
        total += fired();
        cr_assert(recovers(), "run %u", run);
        stage_rig_stop(&r);
    }
    cr_assert_gt(total, 10 * RUNS, "%u", total);
}

/* All of what one run says and hears. */
static uint64_t hash_of_run(uint64_t seed) {
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    struct rng rng = rng_stream(seed, "chaos");
    stage_rig_start(&r);
    stage_rig_play(&r, "\"seed\": 7");
    for (int i = 0; i < RULES; i++) {
        add_rule(&rng);
    }
    for (int i = 0; i < STEPS; i++) {
        type(&rng);
        stage_rig_pass(&r, CLK_MS(50));
        for (const char *p = stage_rig_read(&r); *p != '\0'; p++) {
            hash = (hash ^ (uint8_t)*p) * 1099511628211u;
        }
    }
    stage_rig_stop(&r);
    return hash;
}

Test(stage_chaos, the_same_seed_is_the_same_run) {
    log_set_level(LOG_ERROR);
    unsigned different = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t hash = hash_of_run(seed);
        cr_assert_eq(hash_of_run(seed), hash);
        different += hash != hash_of_run(seed + 1);
    }
    cr_assert_gt(different, 15);
}
