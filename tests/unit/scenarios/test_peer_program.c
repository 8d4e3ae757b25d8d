#include "scenarios/peers/peer_program.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "scenarios/json/spec.h"

static cJSON *parse(const char *text) {
    struct spec_error e = {0};
    cJSON *tree = spec_parse(text, strlen(text), &e);
    cr_assert_not_null(tree, "%s: %s", text, e.text);
    return tree;
}

static bool is_allowed(const char *text) {
    struct spec_error e = {0};
    cJSON *tree = parse(text);
    bool ok = spec_check(&peer_program_spec, tree, text, strlen(text), &e);
    cJSON_Delete(tree);
    return ok;
}

Test(peer_program, every_step_is_read) {
    const char *text =
        "[{\"expect\":\"A\"},{\"expect\":{\"hex\":\"00 ff\"}},{\"expect\":{\"pattern\":\"^GET\"}},"
        "{\"receive\":7},{\"send\":\"xy\"},{\"send\":{\"hex\":\"00\"}},{\"send\":{\"chargen\":9}},"
        "{\"wait\":\"2s\"},{\"echo\":true},{\"discard\":true},{\"stall\":true},{\"read\":true},"
        "{\"repeat\":3},{\"half-close\":true},{\"close\":true}]";
    static const enum peer_verb verbs[] = {
        PEER_EXPECT, PEER_EXPECT, PEER_EXPECT, PEER_RECEIVE,    PEER_SEND,
        PEER_SEND,   PEER_SEND,   PEER_WAIT,   PEER_ECHO,       PEER_DISCARD,
        PEER_STALL,  PEER_READ,   PEER_REPEAT, PEER_HALF_CLOSE, PEER_CLOSE,
    };
    char error[PEER_PROGRAM_ERROR] = "";
    cr_assert(is_allowed(text));
    cJSON *tree = parse(text);
    struct peer_program *p = peer_program_new(tree, error);
    cJSON_Delete(tree);
    cr_assert_not_null(p, "%s", error);
    cr_assert_eq(p->n, sizeof verbs / sizeof verbs[0]);
    for (size_t i = 0; i < p->n; i++) {
        cr_assert_eq(p->steps[i].verb, verbs[i], "step %zu", i);
    }
    cr_assert_eq(p->steps[1].n, 2);
    cr_assert_eq(p->steps[1].bytes[1], 0xff);
    cr_assert_not_null(p->steps[2].pattern);
    cr_assert_eq(p->steps[3].n, 7);
    cr_assert(p->steps[6].n == 9 && p->steps[6].bytes == NULL);
    cr_assert_eq(p->steps[7].wait.us, 2000000);
    cr_assert_eq(p->steps[12].times, 3);
    peer_program_free(p);
}

Test(peer_program, what_no_script_looks_like_is_refused_by_the_table) {
    static const char *const texts[] = {
        "{}",
        "[]",
        "[{}]",
        "[{\"sing\":true}]",
        "[{\"send\":\"a\",\"wait\":\"1s\"}]",
        "[{\"send\":\"\"}]",
        "[{\"send\":{\"hex\":\"\"}}]",
        "[{\"send\":{\"hex\":\"0\"}}]",
        "[{\"send\":{\"hex\":\"00\",\"chargen\":1}}]",
        "[{\"send\":{\"pattern\":\"x\"}}]",
        "[{\"expect\":\"\"}]",
        "[{\"expect\":{\"chargen\":1}}]",
        "[{\"expect\":{\"pattern\":\"(\"}}]",
        "[{\"receive\":0}]",
        "[{\"receive\":1.5}]",
        "[{\"wait\":\"0s\"}]",
        "[{\"wait\":1}]",
        "[{\"echo\":1}]",
        "[{\"repeat\":1}]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_assert(!is_allowed(texts[i]), "%s", texts[i]);
    }
}

Test(peer_program, what_makes_no_sense_is_refused_with_the_step_and_the_reason) {
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"[{\"repeat\":true}]",
         "script[0].repeat: of the steps before it one must expect, receive, send or wait"},
        {"[{\"discard\":true},{\"repeat\":5}]",
         "script[1].repeat: of the steps before it one must expect, receive, send or wait"},
        {"[{\"send\":\"x\"},{\"repeat\":true},{\"close\":true}]",
         "script[2].close: the step before it is the last that can be"},
        {"[{\"close\":true},{\"send\":\"x\"}]",
         "script[1].send: the step before it is the last that can be"},
        {"[{\"reset\":true},{\"echo\":true}]",
         "script[1].echo: the step before it is the last that can be"},
        {"[{\"half-close\":true},{\"send\":\"x\"}]",
         "script[1].send: nothing can be sent after half-close"},
        {"[{\"receive\":1},{\"half-close\":true},{\"repeat\":2}]",
         "script[2].repeat: nothing can be sent after half-close"},
        {"[{\"receive\":1},{\"repeat\":2},{\"repeat\":2}]",
         "script[2].repeat: a script may repeat in one place only"},
        {"[{\"expect\":{\"pattern\":\"x*\"}}]",
         "script[0].expect: it fits no bytes at all, so it would not wait"},
        {"[{\"echo\":false}]", "script[0].echo: only true is allowed"},
        {"[{\"wait\":\"1s\"},{\"repeat\":false}]", "script[1].repeat: only true is allowed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char error[PEER_PROGRAM_ERROR] = "";
        cr_assert(is_allowed(rows[i].text), "%s", rows[i].text);
        cJSON *tree = parse(rows[i].text);
        cr_assert_null(peer_program_new(tree, error), "%s", rows[i].text);
        cr_assert_str_eq(error, rows[i].error);
        cJSON_Delete(tree);
    }
}

static char *steps(size_t n) {
    char *text = malloc(n * 20 + 3);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        text[at++] = i == 0 ? '[' : ',';
        memcpy(text + at, "{\"wait\":\"1s\"}", 13);
        at += 13;
    }
    text[at++] = ']';
    text[at] = '\0';
    return text;
}

Test(peer_program, there_is_a_bound_on_the_steps) {
    char *most = steps(LIMIT_PEER_STEPS);
    char *more = steps(LIMIT_PEER_STEPS + 1);
    cr_assert(is_allowed(most));
    cr_assert(!is_allowed(more));
    free(most);
    free(more);
}

Test(peer_program, there_is_a_bound_on_what_is_expected) {
    static char text[PEER_PROGRAM_WINDOW + 32];
    for (int extra = 0; extra < 2; extra++) {
        int n = PEER_PROGRAM_WINDOW + extra;
        static char fill[PEER_PROGRAM_WINDOW + 1];
        memset(fill, 'x', sizeof fill);
        snprintf(text, sizeof text, "[{\"expect\":\"%.*s\"}]", n, fill);
        cr_assert_eq(is_allowed(text), extra == 0);
    }
}
