#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "scenarios/engine/rule.h"
#include "scenarios/events/happening.h"
#include "scenarios/json/spec.h"

static struct rng rng;

static void start(void) {
    rng = rng_stream(1, "test");
}

TestSuite(rule, .init = start);

/* A rule on "link.sent"; what more there is to it. */
static struct rule *make(const char *more) {
    char text[2048];
    snprintf(text, sizeof text, "{\"on\": \"link.sent\", \"do\": [{\"log\": \"x\"}]%s%s}",
             more[0] != '\0' ? ", " : "", more);
    struct spec_error e = {0};
    cJSON *tree = spec_parse(text, strlen(text), &e);
    cr_assert(tree != NULL && spec_check(&rule_spec, tree, text, strlen(text), &e), "%s: %s: %s",
              text, e.path, e.text);
    struct rule *r = rule_new(tree, 3);
    cJSON_Delete(tree); /* the rule has its own */
    return r;
}

static void sent(struct happening *h) {
    happening_init(h, "link.sent");
    happening_add(h, "link", 2);
    happening_add(h, "bytes", 1460);
    happening_add(h, "confirmed", -1);
    happening_add_text(h, "address", SV("10.0.0.1"));
    happening_add_text(h, "args", SV("17"));
    happening_add_text(h, "text", (struct sv){"a\0OK", 4});
}

/* "1" and "0" of each instant, in seconds. */
static const char *fires(struct rule *r, const char *instants) {
    static char log[256];
    struct happening h;
    sent(&h);
    size_t n = 0;
    for (; instants[n] != '\0'; n++) {
        bool is_fired = rule_fires(r, &h, CLK_S(instants[n] - '0'), &rng);
        log[n] = is_fired ? '1' : '0';
    }
    log[n] = '\0';
    return log;
}

static bool is_met(const char *match) {
    char text[1280];
    snprintf(text, sizeof text, "\"match\": {%s}", match);
    struct rule *r = make(text);
    bool is = strcmp(fires(r, "0"), "1") == 0;
    rule_free(r);
    return is;
}

Test(rule, facts_match_by_each_kind_of_value) {
    static const struct {
        const char *match;
        bool is_met;
    } cases[] = {
        {"\"link\": 2", true},
        {"\"link\": 3", false},
        {"\"link\": \"2\"", true}, /* a number as a text */
        {"\"link\": \"02\"", false},
        {"\"link\": {\"pattern\": \"^[0-4]$\"}", true},
        {"\"link\": {\"pattern\": \"^[5-9]$\"}", false},
        {"\"confirmed\": -1", true},
        {"\"confirmed\": \"-1\"", true},
        {"\"confirmed\": 1", false},
        {"\"args\": 17", true}, /* a text as a number */
        {"\"args\": \"17\"", true},
        {"\"args\": 1", false},
        {"\"address\": \"10.0.0.1\"", true},
        {"\"address\": \"10.0.0.\"", false},
        {"\"address\": 10", false},
        {"\"address\": {\"pattern\": \"^10\\\\.\"}", true},
        {"\"address\": {\"pattern\": \"^0\"}", false},
        {"\"text\": {\"pattern\": \"OK$\"}", true}, /* behind a NUL */
        {"\"text\": \"a\"", false},
        {"\"port\": 0", false}, /* no such fact */
        {"\"port\": {\"pattern\": \"\"}", false},
        {"\"link\": 2, \"bytes\": 1460", true},
        {"\"link\": 2, \"bytes\": 1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(is_met(cases[i].match), cases[i].is_met, "%s", cases[i].match);
    }
}

Test(rule, every_key_that_the_format_has_can_stand_in_one_match) {
    const char *keys[] = {"text",    "name",     "args",  "form",      "link", "server", "address",
                          "port",    "protocol", "bytes", "confirmed", "why",  "err",    "state",
                          "planned", "stat",     "rssi",  "cid",       "peer", "on"};
    char match[1024] = "";
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t n = strlen(match);
        snprintf(match + n, sizeof match - n, "%s\"%s\": {\"pattern\": \"x\"}", i > 0 ? ", " : "",
                 keys[i]);
    }
    cr_assert_not(is_met(match));
}

Test(rule, text_longer_than_a_pattern_looks_at_is_cut_and_compared_whole_otherwise) {
    static char text[10000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 2] = 'y';
    struct happening h;
    happening_init(&h, "link.sent");
    happening_add_text(&h, "text", sv_of(text));
    struct rule *r = make("\"match\": {\"text\": {\"pattern\": \"^x*$\"}}");
    cr_assert(rule_fires(r, &h, CLK_US(0), &rng));
    rule_free(r);
    r = make("\"match\": {\"text\": {\"pattern\": \"y\"}}");
    cr_assert_not(rule_fires(r, &h, CLK_US(0), &rng));
    rule_free(r);
}

Test(rule, it_counts_what_it_was_shown) {
    static const struct {
        const char *more, *instants, *fired;
    } cases[] = {
        {"", "000", "111"},
        {"\"nth\": 2", "0000", "0100"},
        {"\"after\": 2", "0000", "0011"},
        {"\"times\": 2", "0000", "1100"},
        {"\"after\": 1, \"times\": 2", "00000", "01100"},
        {"\"nth\": 1, \"after\": 1", "000", "000"},
        {"\"within\": [\"2s\", \"4s\"]", "123456", "011100"},
        {"\"within\": [\"2s\", \"4s\"], \"nth\": 2", "12345", "00100"}, /* outside it counts not */
        {"\"probability\": 0", "0000", "0000"},
        {"\"probability\": 1", "0000", "1111"},
        {"\"enabled\": false", "00", "00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rule *r = make(cases[i].more);
        cr_assert_str_eq(fires(r, cases[i].instants), cases[i].fired, "%s", cases[i].more);
        rule_free(r);
    }
}

Test(rule, what_does_not_match_does_not_count) {
    struct rule *r = make("\"nth\": 2, \"match\": {\"link\": 2}");
    struct happening other;
    happening_init(&other, "link.sent");
    happening_add(&other, "link", 3);
    cr_assert_str_eq(fires(r, "0"), "0");
    cr_assert_not(rule_fires(r, &other, CLK_US(0), &rng));
    happening_init(&other, "link.closed");
    happening_add(&other, "link", 2);
    cr_assert_not(rule_fires(r, &other, CLK_US(0), &rng), "another event");
    cr_assert_str_eq(fires(r, "00"), "10");
    rule_free(r);
}

Test(rule, chance_is_the_seeds) {
    char first[64];
    struct rule *r = make("\"probability\": 0.5");
    snprintf(first, sizeof first, "%s", fires(r, "00000000000000000000000000000000"));
    cr_assert_not_null(strchr(first, '1'));
    cr_assert_not_null(strchr(first, '0'));
    rng = rng_stream(1, "test");
    cr_assert_str_eq(fires(r, "00000000000000000000000000000000"), first);
    rng = rng_stream(2, "test");
    cr_assert_str_neq(fires(r, "00000000000000000000000000000000"), first);
    rule_free(r);
}

Test(rule, chance_that_decides_against_it_does_not_use_up_times) {
    struct rule *r = make("\"probability\": 0.2, \"times\": 3");
    unsigned n = 0;
    for (int i = 0; i < 1000; i++) {
        n += strcmp(fires(r, "0"), "1") == 0;
    }
    cr_assert_eq(n, 3);
    rule_free(r);
}

Test(rule, switched_off_it_neither_acts_nor_counts) {
    struct rule *r = make("\"nth\": 2");
    cr_assert_str_eq(fires(r, "0"), "0");
    rule_enable(r, false);
    cr_assert_str_eq(fires(r, "00"), "00");
    rule_enable(r, true);
    cr_assert_str_eq(fires(r, "0"), "1");
    rule_free(r);
}

Test(rule, it_tells_its_counts_and_its_name) {
    struct rule *r = make("\"after\": 1");
    fires(r, "000");
    rule_enable(r, false);
    cJSON *json = rule_json(r);
    char *text = cJSON_PrintUnformatted(json);
    cr_assert_str_eq(text, "{\"on\":\"link.sent\",\"do\":[{\"log\":\"x\"}],\"after\":1,\"name\":"
                           "\"rule 3\",\"unnamed\":true,\"enabled\":false,\"seen\":3,\"fired\":2}");
    cJSON_free(text);
    cJSON_Delete(json);
    rule_free(r);
}

Test(rule, a_name_is_its_own) {
    struct rule *r = make("\"name\": \"n\"");
    cr_assert_str_eq(rule_name(r), "n");
    cr_assert_str_eq(rule_event(r), "link.sent");
    cr_assert_eq(rule_ask(r), -1);
    rule_free(r);
    rule_free(NULL);
}
