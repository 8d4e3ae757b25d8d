#include "scenarios/engine/scenario.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/obj.h"
#include "emulator/model/profile.h"
#include "netstack/route.h"
#include "scenarios/peers/peers.h"
#include "tests/support/peer_rig.h"

TestSuite(scenario, .init = peer_rig_init, .fini = peer_rig_fini, .timeout = 60);

static char error[SCENARIO_ERROR];

static struct scenario *parse(const char *text) {
    return scenario_parse("t.json", text, strlen(text), error);
}

static struct scenario *good(const char *text) {
    struct scenario *sc = parse(text);
    cr_assert_neq(sc, NULL, "%s", error);
    return sc;
}

/* -- what is told about a wrong one -- */

#define RULE(rest) "{\"name\":\"x\",\n \"rules\":[\n  {" rest "}]}"
#define CUE(rest) "{\"name\":\"x\",\n \"timeline\":[\n  {" rest "}]}"
#define PEERS_AND(rest)                                                                            \
    "{\"name\":\"x\",\"peers\":{\"a\\n\":{\"kind\":\"echo\"},\"b\":{\"kind\":\"sink\"}},"          \
    "\n\n " rest "}"
#define PART(rest) "{\"name\":\"x\",\n " rest "}"

static const struct {
    const char *text, *message;
} wrong[] = {
    {"", "t.json:1:1: found the end of the text, allowed: a value"},
    {"{\"name\":\"x\",}", "t.json:1:13: "},
    {"[]", "t.json:1:1: found a list, allowed: a scenario (an object)"},
    {"{}", "t.json:1:1: missing key \"name\""},
    {"{\"name\":\"\"}", "t.json:1:9: name: found \"\", allowed: a text of 1 to 128 bytes"},
    {"{\"name\":\"x\",\"name\":\"y\"}", "t.json:1:13: duplicate key \"name\""},
    {PART("\"rule\":[]"), "t.json:2:2: unknown key \"rule\", allowed: $schema, name, "},
    {PART("\"seed\":1.5"),
     "t.json:2:9: seed: found 1.5, allowed: a whole number from 0 to 999999999999999"},
    {PART("\"start\":\"soon\""), "t.json:2:10: start: found \"soon\", allowed: open, load"},
    {PART("\"module\":{\"profile\":\"x\"}"),
     "t.json:2:22: module.profile: found \"x\", allowed: a profile that --help lists"},
    {PART("\"module\":{\"settings\":[\"ATE0\",\"ATI\\rATE1\"]}"),
     "t.json:2:31: module.settings[1]: found \"ATI?ATE1\", allowed: one command line"},
    {PART("\"module\":{\"identity\":{\"imei\":\"12345678901234x\"}}"),
     "t.json:2:31: module.identity.imei: found \"12345678901234x\", allowed: 15 digits"},
    {PART("\"sim\":{\"pin\":\"123x\"}"),
     "t.json:2:15: sim.pin: found \"123x\", allowed: 4 to 8 digits"},
    {PART("\"sim\":{\"state\":\"gone\"}"),
     "t.json:2:17: sim.state: found \"gone\", allowed: ready, pin, puk, absent"},
    {PART("\"network\":{\"address\":\"1.2.3.256\"}"),
     "t.json:2:23: network.address: found \"1.2.3.256\", allowed: four numbers from 0 to 255"},
    {PART("\"network\":{\"map\":{\"1.2.3.4\":\"echo:\"}}"),
     "t.json:2:20: network.map: found the key \"1.2.3.4\", allowed: ADDR:PORT"},
    {PART("\"network\":{\"map\":{\"1.2.3.4:5\":\"host.example:80\"}}"),
     "t.json:2:32: network.map[\"1.2.3.4:5\"]: found \"host.example:80\", allowed: ADDR:PORT with "
     "an "
     "address of the host or localhost"},
    {PART("\"network\":{\"map\":{\"1.2.3.4:5\":\"[::1]:x\"}}"),
     "t.json:2:32: network.map[\"1.2.3.4:5\"]: found \"[::1]:x\", allowed: a port from 0 to 65535"},
    {PART("\"network\":{\"listen\":{\"0\":\"127.0.0.1:1\"}}"),
     "t.json:2:23: network.listen: found the key \"0\", allowed: a port from 1 to 65535"},
    {PART("\"network\":{\"names\":{\"a.b\":\"no\"}}"),
     "t.json:2:28: network.names[\"a.b\"]: found \"no\", allowed: an IPv4 address, not-found"},
    {PART("\"network\":{\"impair\":{\"up\":{\"loss\":2}}}"),
     "t.json:2:36: network.impair.up.loss: found 2, allowed: a number from 0 to 1"},
    {PART("\"peers\":{\"a:\":{\"kind\":\"echo\"}}"),
     "t.json:2:11: peers: found the key \"a:\", allowed: names of 1 to 64 bytes without a colon"},
    {PART("\"peers\":{\"a\":{}}"),
     "t.json:2:15: peers.a: missing key, needed: one of kind, script"},
    {PART("\"peers\":{\"a\":{\"script\":[{\"repeat\":true}]}}"),
     "t.json:2:25: peers.a.script: found a list, script[0].repeat: "},
    {CUE("\"do\":[{\"urc\":\"X\"}]"),
     "t.json:3:3: timeline[0]: missing key, needed: one of at, every"},
    {CUE("\"at\":\"10\",\"do\":[{\"urc\":\"X\"}]"),
     "t.json:3:9: timeline[0].at: found \"10\", allowed: a duration as \"10ms\""},
    {CUE("\"at\":\"1s\",\"do\":[]"),
     "t.json:3:19: timeline[0].do: found 0 values, allowed: a list"},
    {CUE("\"at\":\"1s\",\"do\":[{\"error\":10}]"),
     "t.json:3:29: timeline[0].do[0].error: found 10, it decides a question, and stands in rules "
     "only"},
    {CUE("\"at\":\"1s\",\"times\":2,\"do\":[{\"urc\":\"X\"}]"),
     "t.json:3:22: timeline[0].times: found 2, it goes with \"every\"; \"at\" is once"},
    {CUE("\"from\":\"1s\",\"at\":\"1s\",\"do\":[{\"urc\":\"X\"}]"),
     "t.json:3:11: timeline[0].from: found \"1s\", it goes with \"every\"; \"at\" is once"},
    {CUE("\"at\":\"1s\",\"do\":[{\"peer\":{\"name\":\"a\",\"close\":true}}]"),
     "t.json:3:36: timeline[0].do[0].peer.name: found \"a\", allowed: echo:, discard:, "},
    {PEERS_AND("\"rules\":[{\"on\":\"start\",\"do\":[{\"hang\":true},"
               "{\"call\":{\"port\":1,\"peer\":\"c\"}}]}]"),
     "t.json:3:70: rules[0].do[1].call.peer: found \"c\", allowed: a?, b, echo:, discard:, "},
    {PEERS_AND("\"expect\":[{\"module\":\"OK\"},{\"peer\":{\"name\":\"echo\",\"bytes\":1}}]"),
     "t.json:3:44: expect[1].peer.name: found \"echo\", allowed: a?, b, echo:, discard:, "},
    {RULE("\"on\":\"at.comand\",\"do\":[{\"urc\":\"X\"}]"),
     "t.json:3:9: rules[0].on: found \"at.comand\", allowed: start, tty.opened, "},
    {RULE("\"on\":\"link.closed\",\"do\":[{\"urc\":\"X\"},{\"error\":true}]"),
     "t.json:3:50: rules[0].do[1].error: found true, allowed on: at.line, at.command, "
     "sim.access, "},
    {RULE("\"on\":\"sim.access\",\"do\":[{\"answer\":\"x\"}]"),
     "t.json:3:38: rules[0].do[0].answer: found \"x\", allowed on: at.line, "},
    {RULE("\"on\":\"tty.in\",\"do\":[{\"delay\":\"1s\"}]"),
     "t.json:3:33: rules[0].do[0].delay: found \"1s\", allowed on: at.line, "},
    {RULE("\"on\":\"at.command\",\"do\":[{\"error\":10,\"in\":\"1s\"}]"),
     "t.json:3:45: rules[0].do[0].in: found \"1s\", a decision is taken at once"},
    {RULE("\"on\":\"at.command\",\"do\":[{\"urc\":\"X\",\"hang\":true}]"),
     "t.json:3:39: rules[0].do[0]: found \"urc\" and \"hang\", allowed: one of "},
    {RULE("\"on\":\"at.urc\",\"match\":{\"text\":{\"pattern\":\"(\"}},\"do\":[{\"hang\":true}]"),
     "t.json:3:45: rules[0].match.text.pattern: found \"(\", allowed: "},
    {RULE("\"name\":\"rule 12\",\"on\":\"at.urc\",\"do\":[{\"hang\":true}]"),
     "t.json:3:11: rules[0].name: found \"rule 12\", allowed: other names"},
    {RULE("\"name\":\"a\",\"on\":\"start\",\"do\":[{\"hang\":true}]},\n  {\"name\":\"a\","
          "\"on\":\"start\",\"do\":[{\"hang\":true}]"),
     "t.json:4:11: rules[1].name: found \"a\", a rule before has this name"},
    {PART("\"expect\":[{\"driver\":\"AT\",\"module\":\"OK\"}]"),
     "t.json:2:27: expect[0]: found \"driver\" and \"module\", allowed: one of "},
    {PART("\"network\":{\"map\":{\"1.2.3.4:5\":\"a\"}}"),
     "t.json:2:32: network.map[\"1.2.3.4:5\"]: found \"a\", allowed: echo:, discard:, "
     "chargen:, sink:"},
    {PART("\"expect\":[{\"peer\":{\"name\":\"a\",\"text\":\"x\"}}]"),
     "t.json:2:28: expect[0].peer.name: found \"a\", allowed: echo:, discard:, "
     "chargen:, sink:"},
    {CUE("\"at\":\"1s\",\"do\":[{\"call\":{\"peer\":\"a\",\"port\":4000}}]"),
     "t.json:3:36: timeline[0].do[0].call.peer: found \"a\", allowed: echo:, discard:, "
     "chargen:, sink:"},
    {RULE("\"on\":\"start\",\"do\":[{\"urc\":\"X\"},{\"peer\":{\"name\":\"a\",\"close\":true}}]"),
     "t.json:3:51: rules[0].do[1].peer.name: found \"a\", allowed: echo:, discard:, "
     "chargen:, sink:"},
    {PART("\"expect\":[{\"module\":\"OK\",\"within\":[\"5s\",\"2s\"]}]"),
     "t.json:2:42: expect[0].within[1]: found \"2s\", the window begins later"},
    {RULE("\"on\":\"start\",\"within\":[\"1s\",\"999ms\"],\"do\":[{\"urc\":\"X\"}]"),
     "t.json:3:32: rules[0].within[1]: found \"999ms\", the window begins later"},
    {PART("\"verdict\":{\"timeout\":60}"),
     "t.json:2:23: verdict.timeout: found 60, allowed: a duration"},
};

Test(scenario, what_is_wrong_is_told_with_its_place) {
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(parse(wrong[i].text), NULL, "%s", wrong[i].text);
        cr_expect_eq(strncmp(error, wrong[i].message, strlen(wrong[i].message)), 0,
                     "\n%s\n got %s\nwant %s", wrong[i].text, error, wrong[i].message);
    }
}

Test(scenario, far_ends_that_there_are_may_be_named) {
    scenario_free(good(
        PEERS_AND("\"timeline\":[{\"at\":\"0s\",\"do\":[{\"call\":{\"peer\":\"b\",\"port\":1}},"
                  "{\"peer\":{\"name\":\"echo:\",\"reset\":true}}]}],"
                  "\"expect\":[{\"peer\":{\"name\":\"a\\n\",\"connects\":true}}]")));
}

/* 64 of the longest names. */
Test(scenario, a_name_that_is_not_there_has_a_message_that_fits) {
    static char text[LIMIT_PEERS * 128];
    size_t n = (size_t)snprintf(text, sizeof text, "{\"name\":\"x\",\"peers\":{");
    for (int i = 0; i < LIMIT_PEERS; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"%064d\":{\"kind\":\"echo\"}",
                              i > 0 ? "," : "", i);
    }
    snprintf(text + n, sizeof text - n,
             "},\"expect\":[{\"peer\":{\"name\":\"%0128d\",\"bytes\":1}}]}", 1);
    cr_assert_null(parse(text));
    cr_assert_not_null(strstr(error, "3, ..., echo:, discard:, chargen:, sink:"), "%s", error);
}

Test(scenario, the_first_error_is_told) {
    cr_assert_eq(parse("{\"name\":\"x\",\n\"seed\":-1,\n\"start\":0}"), NULL);
    cr_assert_eq(strncmp(error, "t.json:2:8: seed: ", 18), 0, "%s", error);
}

/* -- bounds -- */

/* A scenario whose description is as long as need be; the caller's. */
static char *of_size(size_t n) {
    static const char head[] = "{\"name\":\"x\"}";
    char *text = xmalloc(n);
    memset(text, ' ', n);
    memcpy(text, head, sizeof head - 1);
    return text;
}

Test(scenario, a_text_may_have_so_many_bytes) {
    char *text = of_size(LIMIT_JSON + 1);
    struct scenario *sc = scenario_parse("t.json", text, LIMIT_JSON, error);
    cr_assert_neq(sc, NULL, "%s", error);
    scenario_free(sc);
    cr_assert_eq(scenario_parse("t.json", text, LIMIT_JSON + 1, error), NULL);
    char path[] = "/tmp/scenario-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, text, LIMIT_JSON + 1), LIMIT_JSON + 1);
    cr_assert_eq(scenario_load(path, error), NULL, "a file likewise");
    cr_assert_eq(ftruncate(fd, LIMIT_JSON), 0);
    sc = scenario_load(path, error);
    cr_assert_neq(sc, NULL, "%s", error);
    scenario_free(sc);
    close(fd);
    unlink(path);
    free(text);
}

Test(scenario, a_file_that_cannot_be_read_is_told) {
    cr_assert_eq(scenario_load("/nonexistent/x", error), NULL);
    cr_assert_str_eq(error, "/nonexistent/x: No such file or directory");
    cr_assert_eq(scenario_load("/", error), NULL);
    cr_assert_str_eq(error, "/: cannot be read");
}

Test(scenario, a_text_may_have_so_many_values_and_be_so_deep) {
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    fputs("{\"name\":\"x\",\"rules\":[", f);
    for (int i = 0; i < LIMIT_JSON_VALUES; i++) {
        fputs("0,", f);
    }
    fputs("0]}", f);
    fclose(f);
    cr_assert_eq(parse(text), NULL);
    cr_assert_neq(strstr(error, "values"), NULL, "%s", error);
    free(text);
    char deep[256] = "{\"name\":\"x\",\"rules\":";
    memset(deep + strlen(deep), '[', LIMIT_JSON_DEPTH);
    cr_assert_eq(parse(deep), NULL);
    cr_assert_neq(strstr(error, "deeper than 32"), NULL, "%s", error);
}

Test(scenario, a_file_of_any_name_gives_a_message_that_fits) {
    char path[4096];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    cr_assert_eq(scenario_parse(path, "{", 1, error), NULL);
    cr_assert_eq(strlen(error), sizeof error - 1);
}

/* -- what it gives -- */

Test(scenario, the_profile_is_the_one_that_is_wanted_with_what_differs) {
    struct scenario *sc = good("{\"name\":\"x\"}");
    const struct profile *base = &profiles[0];
    const struct profile *p = scenario_profile(sc, base);
    cr_assert_str_eq(p->name, base->name);
    cr_assert_str_eq(p->imei, base->imei);
    cr_assert_eq(scenario_seed(sc, 9007199254740993), 9007199254740993);
    scenario_free(sc);
    sc = good("{\"name\":\"x\",\"seed\":999999999999999,\"module\":{\"profile\":\"appnote-1.00\","
              "\"identity\":{\"manufacturer\":\"A\",\"model\":\"B\",\"revision\":\"C\","
              "\"imei\":\"123456789012345\"}},\"sim\":{\"iccid\":\"1\",\"imsi\":\"2\"},"
              "\"network\":{\"address\":\"10.1.2.3\"}}");
    p = scenario_profile(sc, base);
    cr_assert_str_eq(p->name, "appnote-1.00");
    cr_assert_str_eq(p->manufacturer, "A");
    cr_assert_str_eq(p->model, "B");
    cr_assert_str_eq(p->revision_cgmr, "C");
    cr_assert_str_eq(p->imei, "123456789012345");
    cr_assert_str_eq(p->iccid, "1");
    cr_assert_str_eq(p->imsi, "2");
    cr_assert_str_eq(p->ip, "10.1.2.3");
    cr_assert_str_eq(p->rcv_from, profile_find("appnote-1.00")->rcv_from);
    cr_assert_eq(scenario_seed(sc, 1), 999999999999999);
    scenario_free(sc);
}

/* -- the world -- */

static bool leads_to(struct route *route, const char *ip, uint16_t port, const char *peer) {
    struct net_addr at = {.port = port};
    struct sockaddr_storage host;
    struct sockaddr_storage want;
    cr_assert_eq(net_parse_ip(sv_of(ip), &at.ip), 0);
    route_to_host(route, &at, &host);
    if (strchr(peer, ':') != NULL) {
        cr_assert_eq(peers_addr(peer_rig.peers, peer, &want), 0);
    } else {
        struct peer *p = peers_find(peer_rig.peers, peer);
        cr_assert_neq(p, NULL);
        peer_addr(p, &want);
    }
    return memcmp(&host, &want, sizeof(struct sockaddr_in)) == 0;
}

static const char world[] =
    "{\"name\":\"x\",\"peers\":{\"one\":{\"at\":\"1.1.1.1:80\",\"kind\":\"echo\"},"
    "\"two\":{\"at\":[\"2.2.2.2:1\",\"2.2.2.2:2\"],\"kind\":\"sink\"}},"
    "\"network\":{\"map\":{\"3.3.3.3:*\":\"one\",\"4.4.4.4:4\":\"echo:\","
    "\"5.5.5.5:5\":\"127.0.0.1:9\"},\"listen\":{\"80\":\"127.0.0.1:8080\"}}}";

Test(scenario, far_ends_and_maps_are_built_and_pulled_down) {
    struct route *route = route_new();
    struct scenario *sc = good(world);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(scenario_build(sc, peer_rig.peers, route, error), 0, "%s", error);
        cr_assert(leads_to(route, "1.1.1.1", 80, "one"));
        cr_assert(leads_to(route, "2.2.2.2", 1, "two") && leads_to(route, "2.2.2.2", 2, "two"));
        cr_assert(leads_to(route, "3.3.3.3", 1234, "one"));
        cr_assert(leads_to(route, "4.4.4.4", 4, "echo:"));
        scenario_pull_down(sc, route);
        cr_assert_eq(peers_find(peer_rig.peers, "one"), NULL);
        peer_rig_settle();
    }
    scenario_free(sc);
    route_free(route);
}

Test(scenario, what_cannot_be_built_is_told_and_can_be_pulled_down) {
    struct route *route = route_new();
    struct scenario *sc = good(world);
    peer_rig_add("two", "{\"kind\":\"echo\"}");
    cr_assert_eq(scenario_build(sc, peer_rig.peers, route, error), -ENOBUFS);
    cr_assert_str_eq(error, "peers.two: there is a peer of this name");
    scenario_pull_down(sc, route);
    cr_assert_eq(peers_find(peer_rig.peers, "one"), NULL);
    cr_assert_neq(peers_find(peer_rig.peers, "two"), NULL, "which is not its own");
    scenario_free(sc);
    sc = good("{\"name\":\"x\",\"network\":{\"listen\":{\"1\":\"127.0.0.1:*\"}}}");
    cr_assert_eq(scenario_build(sc, peer_rig.peers, route, error), -EINVAL);
    cr_assert_eq(strncmp(error, "network.listen: host port \"*\"", 28), 0, "%s", error);
    scenario_free(sc);
    route_free(route);
}
