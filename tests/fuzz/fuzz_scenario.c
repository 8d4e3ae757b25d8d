/* Any bytes as a scenario: it is refused with a reason, or everything that reads one without more
 * checks can: the profile, the rules, the expectations, the scripts of far ends. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/obj.h"
#include "base/rng.h"
#include "emulator/model/profile.h"
#include "scenarios/engine/rule.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/events/happening.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/peer_program.h"
#include "scenarios/verdict/expect.h"
#include "tests/fuzz/fuzz.h"

static void run_rules(const struct scenario *sc) {
    struct rng rng = rng_stream(1, "fuzz");
    const struct cJSON *json = NULL;
    unsigned number = 0;
    cJSON_ArrayForEach(json, scenario_part(sc, "rules")) {
        struct rule *r = rule_new(json, ++number);
        struct happening h;
        happening_init(&h, rule_event(r));
        happening_add(&h, "link", 1);
        happening_add_text(&h, "text", SV("AT+CSQ"));
        happening_add_text(&h, "name", SV("+CSQ"));
        for (int i = 0; i < 3; i++) {
            rule_fires(r, &h, CLK_S(i), &rng);
        }
        cJSON_Delete(rule_json(r));
        rule_free(r);
    }
}

static void run_expectations(const struct scenario *sc) {
    struct clk *clk = clk_new_manual();
    struct expect *e =
        expect_new(clk, scenario_part(sc, "expect"), scenario_part(sc, "verdict"), NULL, NULL);
    expect_start(e);
    expect_bytes(e, EXPECT_DRIVER, NULL, "AT\r", 3);
    expect_bytes(e, EXPECT_MODULE, NULL, "\r\nOK\r\n", 6);
    expect_event(e, "link.closed", "link 0");
    expect_bytes(e, EXPECT_PEER, "server", "hello", 5);
    expect_peer(e, "server", EXPECT_PEER_CLOSED);
    clk_advance(clk, CLK_S(1));
    expect_end(e);
    must(expect_is_over(e));
    expect_report(e, scenario_name(sc));
    expect_free(e);
    clk_close(clk);
}

static void read_peers(const struct scenario *sc) {
    const struct cJSON *peer = NULL;
    cJSON_ArrayForEach(peer, scenario_part(sc, "peers")) {
        const struct cJSON *script = spec_get(peer, "script");
        char error[PEER_PROGRAM_ERROR];
        if (script != NULL) {
            struct peer_program *program = peer_program_new(script, error);
            must(program != NULL);
            peer_program_free(program);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char error[SCENARIO_ERROR] = "";
    struct scenario *sc = scenario_parse("fuzz", (const char *)data, size, error);
    if (sc == NULL) {
        must(strncmp(error, "fuzz:", 5) == 0 && memchr(error, '\0', sizeof error) != NULL);
        return 0;
    }
    must(scenario_name(sc)[0] != '\0');
    must(scenario_profile(sc, &profiles[0])->model[0] != '\0');
    must(scenario_seed(sc, 1) <= 999999999999999);
    run_rules(sc);
    run_expectations(sc);
    read_peers(sc);
    scenario_free(sc);
    return 0;
}
