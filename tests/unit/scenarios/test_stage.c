#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/rng.h"
#include "emulator/model/sockets.h"
#include "scenarios/engine/state.h"
#include "scenarios/json/spec.h"
#include "scenarios/verdict/expect.h"
#include "tests/support/stage_rig.h"

static struct stage_rig r;

static void start(void) {
    stage_rig_start(&r);
}

static void stop(void) {
    stage_rig_stop(&r);
}

TestSuite(stage, .init = start, .fini = stop);

#define ask(text, want) stage_rig_ask(&r, text, want)
#define expect(want) stage_rig_expect(&r, want)
#define play(parts) stage_rig_play(&r, parts)

static void pass(int ms) {
    stage_rig_pass(&r, CLK_MS(ms));
}

/* The milliseconds at which something comes. */
static const char *instants(int ms) {
    static char log[1024];
    size_t n = 0;
    log[0] = '\0';
    for (int i = 0; i <= ms; i++) {
        if (stage_rig_read(&r)[0] != '\0') {
            n += (size_t)snprintf(log + n, sizeof log - n, "%d ", i);
        }
        if (i < ms) {
            pass(1);
        }
    }
    return log;
}

static unsigned count(const char *text, const char *word) {
    unsigned n = 0;
    for (const char *p = strstr(text, word); p != NULL; p = strstr(p + 1, word)) {
        n++;
    }
    return n;
}

/* -- idle -- */

Test(stage, with_nothing_to_play_it_is_asked_only_for_magic_and_has_no_tap) {
    cr_assert_eq(r.u.modem->bus.asked,
                 1u << ASK_NET_RESOLVE | 1u << ASK_NET_CONNECT | 1u << ASK_NET_SEND);
    cr_assert_null(r.u.ch.tap);
    cr_assert_eq(clk_next_due(r.u.clk).us, -1);
    play("\"network\": {\"magic\": false}");
    cr_assert_eq(r.u.modem->bus.asked, (1u << ASK_COUNT) - 1, "expectations hear all");
    stage_free(r.stage);
    r.stage = NULL;
    cr_assert_null(r.u.ch.tap);
    cr_assert_eq(r.u.modem->bus.asked, 0);
    ask("AT", OK);
}

Test(stage, a_rule_has_its_question_asked_as_long_as_it_is_there) {
    uint32_t before = r.u.modem->bus.asked;
    cr_assert_eq(stage_rig_rule(&r, "{\"name\": \"n\", \"on\": \"sim.access\", \"do\": [{\"log\": "
                                    "\"x\"}]}"),
                 0);
    cr_assert_eq(r.u.modem->bus.asked, before | 1u << ASK_SIM_ACCESS);
    cr_assert_eq(stage_remove_rule(r.stage, "n"), 0);
    cr_assert_eq(r.u.modem->bus.asked, before);
}

/* -- the timeline -- */

Test(stage, cues_come_at_their_instants) {
    play("\"timeline\": ["
         "{\"at\": \"10ms\", \"do\": [{\"urc\": \"A\"}, {\"urc\": \"B\"}]},"
         "{\"at\": \"0s\", \"do\": [{\"urc\": \"C\"}]}]");
    expect(LINE("C"));
    pass(9);
    expect("");
    pass(1);
    expect(LINE("A") LINE("B"));
    pass(1000);
    expect("");
}

Test(stage, cues_come_again_and_again) {
    play("\"timeline\": [{\"every\": \"7ms\", \"do\": [{\"urc\": \"A\"}]}]");
    cr_assert_str_eq(instants(30), "7 14 21 28 ");
    play("\"timeline\": [{\"every\": \"7ms\", \"from\": \"0s\", \"times\": 3, \"do\": [{\"urc\": "
         "\"A\"}]}]");
    cr_assert_str_eq(instants(30), "0 7 14 ");
    play("\"timeline\": [{\"every\": \"7ms\", \"from\": \"10ms\", \"times\": 2, \"do\": [{\"urc\": "
         "\"A\"}]}]");
    cr_assert_str_eq(instants(60), "10 17 ");
    cr_assert_not_null(
        stage_rig_refused(&r, "\"timeline\": [{\"every\": \"0s\", \"do\": [{\"log\": \"x\"}]}]"));
}

Test(stage, it_starts_with_the_first_opening) {
    chan_set_open(&r.u.ch, false);
    play("\"timeline\": [{\"at\": \"5ms\", \"do\": [{\"urc\": \"A\"}]}]");
    pass(1000);
    cr_assert_not(stage_is_started(r.stage));
    cr_assert_eq(stage_time(r.stage).us, 0);
    chan_set_open(&r.u.ch, true);
    cr_assert(stage_is_started(r.stage));
    cr_assert_str_eq(instants(10), "5 ");
    chan_set_open(&r.u.ch, false);
    chan_set_open(&r.u.ch, true);
    cr_assert_eq(stage_time(r.stage).us, 10000, "the second opening is none");
}

Test(stage, it_starts_at_the_loading_where_it_says_so) {
    chan_set_open(&r.u.ch, false);
    play("\"start\": \"load\", \"timeline\": [{\"at\": \"5ms\", \"do\": [{\"signal\": {\"rssi\": "
         "1}}]}]");
    cr_assert(stage_is_started(r.stage));
    pass(5);
    cr_assert_eq(r.u.modem->reg.rssi, 1);
    chan_set_open(&r.u.ch, true);
    cr_assert_eq(stage_time(r.stage).us, 5000);
}

Test(stage, rules_act_from_the_start_on) {
    chan_set_open(&r.u.ch, false);
    play("\"rules\": [{\"name\": \"n\", \"on\": \"signal.changed\", \"do\": [{\"log\": \"x\"}]},"
         "{\"on\": \"start\", \"do\": [{\"urc\": \"S\"}]},"
         "{\"on\": \"tty.opened\", \"do\": [{\"urc\": \"T\"}]}]");
    modem_set_signal(r.u.modem, 1, 1);
    chan_set_open(&r.u.ch, true);
    expect(LINE("S") LINE("T"));
    modem_set_signal(r.u.modem, 2, 1);
    cJSON *rules = stage_rules(r.stage);
    cr_assert_eq(spec_int(cJSON_GetArrayItem(rules, 0), "seen", -1), 1);
    cJSON_Delete(rules);
}

/* -- playing again -- */

Test(stage, a_new_play_ends_the_old_one) {
    play("\"rules\": [{\"on\": \"at.command\", \"do\": [{\"error\": true}]}],"
         "\"timeline\": [{\"every\": \"10ms\", \"do\": [{\"urc\": \"A\"}, {\"urc\": \"B\", \"in\": "
         "\"1s\"}]}]");
    pass(15);
    stage_rig_read(&r);
    play("");
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
    pass(5000);
    expect("");
    cJSON *rules = stage_rules(r.stage);
    cr_assert_eq(cJSON_GetArraySize(rules), 0);
    cJSON_Delete(rules);
}

Test(stage, a_new_play_finds_the_module_as_it_was_at_the_start) {
    play("\"timeline\": [{\"at\": \"0s\", \"do\": [{\"hang\": true}, {\"sim\": \"absent\"}, "
         "{\"signal\": {\"rssi\": 1}}, {\"registration\": \"denied\"}, {\"attached\": false}, "
         "{\"technology\": \"gsm\"}, {\"voice-call\": true}, {\"open-delay\": \"1h\"}, "
         "{\"wifi\": {\"join\": \"02:00:00:00:00:01\"}}, {\"wifi\": "
         "{\"networks\": [{\"bssid\": "
         "\"02:00:00:00:00:02\", \"ssid\": \"x\"}]}}, "
         "{\"impair\": {\"black-hole\": true}}, {\"garble\": {}}, "
         "{\"fade\": {\"rssi\": 31, \"over\": \"30s\"}}, {\"cut\": {\"for\": \"1h\"}}]}]");
    pass(1);
    ask("AT", "");
    play("");
    stage_rig_type(&r, "\rAT\r");
    cr_assert_not_null(strstr(stage_rig_read(&r), OK));
    ask("AT+CWCLICNT?;+CWSTAINIT=1;+CWSTASCAN", LINE("+CWCLICNT: 0") OK);
    ask("AT+CSQ;+CREG?;+CGATT?;+CPIN?",
        LINE("+CSQ: 22,0") LINE("+CREG: 0,1") LINE("+CGATT: 1") LINE("+CPIN: READY") OK);
    pass(60000);
    cr_assert_eq(r.u.modem->reg.rssi, 22);
    stage_rig_link(&r);
}

Test(stage, a_roamer_of_the_last_play_is_found_at_home) {
    play("\"network\": {\"registration\": \"roaming\"}");
    play("\"network\": {\"registration\": \"searching\"}, "
         "\"timeline\": [{\"at\": \"1s\", \"do\": [{\"network\": \"found\"}]}]");
    ask("AT+CREG?", LINE("+CREG: 0,2") OK);
    pass(1000);
    ask("AT+CREG?", LINE("+CREG: 0,1") OK);
}

/* What the tty garbles, and what the network loses. */
Test(stage, the_same_seed_is_the_same_run_in_the_next_play) {
    char first[256];
    uint64_t network = 0;
    for (int i = 0; i < 2; i++) {
        play("\"seed\": 7, \"timeline\": [{\"at\": \"0s\", "
             "\"do\": [{\"garble\": {\"way\": \"out\"}}]}]");
        pass(1);
        if (i == 0) {
            network = r.u.modem->bearer.rng.state;
        }
        cr_assert_eq(r.u.modem->bearer.rng.state, network);
        rng_next(&r.u.modem->bearer.rng);
        stage_rig_type(&r, "AT+CSQ\r");
        const char *got = stage_rig_read(&r);
        if (i == 0) {
            snprintf(first, sizeof first, "%s", got);
        }
        cr_assert_str_eq(got, first);
    }
    play("\"seed\": 8");
    cr_assert_neq(r.u.modem->bearer.rng.state, network);
}

Test(stage, board_time_and_services_are_the_plays_own) {
    play("\"module\": {\"hardware\": {\"supply\": 3500, \"pins\": {\"44\": true}}}, "
         "\"network\": {\"time\": {\"zone\": 4, \"universal\": \"08/12/09,17:00:00\"}, \"ussd\": "
         "{\"*1#\": {\"text\": \"a \u20ac\", \"replies\": {\"2\": \"b\"}}, "
         "\"b\": {\"text\": \"\u0430\"}}}");
    ask("AT+CBC", LINE("+CBC: 3.500V") OK);
    ask("AT+CGGETV=44", LINE("+CGGETV: 44,1") OK);
    ask("AT+CCLK?", LINE("+CCLK: \"08/12/09,18:00:00+04\"") OK);
    ask("AT+CUSD=1,\"*1#\"", OK LINE("+CUSD: 1,\"a ?\",15"));
    ask("AT+CUSD=1,\"2\"", OK LINE("+CUSD: 0,\"0430\",72"));
    play("");
    ask("AT+CBC", LINE("+CBC: 3.800V") OK);
    ask("AT+CGGETV=44", LINE("+CGGETV: 44,0") OK);
    ask("AT+CCLK?", LINE("+CCLK: \"00/01/01,00:00:00+00\"") OK);
    ask("AT+CUSD=1,\"*1#\"", OK LINE("+CUSD: 4"));
}

Test(stage, what_no_board_network_or_menu_has_is_refused) {
    static const char *const bad[] = {
        "\"module\": {\"hardware\": {\"pins\": {\"5\": true}}}",
        "\"module\": {\"hardware\": {\"supply\": -1}}",
        "\"network\": {\"time\": {\"zone\": 49}}",
        "\"network\": {\"time\": {\"zone\": 0, \"universal\": \"08/13/09,17:00:00\"}}",
        "\"network\": {\"time\": {\"universal\": true}}",
        "\"network\": {\"ussd\": {\"*1#\": {\"text\": \"x\", \"replies\": {\"1\": \"none\"}}}}",
        "\"network\": {\"ussd\": {\"*1#\": {\"state\": \"late\"}}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not_null(stage_rig_refused(&r, bad[i]), "%s", bad[i]);
    }
}

Test(stage, a_module_that_is_off_is_on_again_in_the_next_play) {
    play("\"timeline\": [{\"at\": \"0s\", \"do\": [{\"power\": \"off\"}]}]");
    pass(1);
    cr_assert_eq(r.u.modem->power, POWER_OFF);
    play("");
    pass(60000);
    cr_assert_eq(r.u.modem->power, POWER_ON);
}

/* What the transport is told of the tty's presence. */
static int present = -1;

static void on_present(void *ctx, bool on) {
    (void)ctx;
    present = on;
}

static void on_kick(void *ctx) {
    (void)ctx;
}

static const struct chan_transport usb = {
    .kick = on_kick, .room = on_kick, .set_present = on_present};

Test(stage, a_tty_that_vanished_comes_back_in_time_or_with_the_next_play) {
    chan_set_transport(&r.u.ch, &usb, NULL);
    stage_rig_do(&r, "{\"vanish\": \"2s\"}", NULL);
    cr_assert_eq(present, 0);
    clk_advance(r.u.clk, CLK_S(1));
    stage_rig_do(&r, "{\"vanish\": \"2s\"}", NULL);
    clk_advance(r.u.clk, CLK_MS(1999));
    cr_assert_eq(present, 0, "gone for so long from the last time on");
    clk_advance(r.u.clk, CLK_MS(1));
    cr_assert_eq(present, 1);
    stage_rig_do(&r, "{\"vanish\": \"1h\"}", NULL);
    cr_assert_eq(present, 0);
    play("");
    cr_assert_eq(present, 1);
    present = -1;
    play("");
    cr_assert_eq(present, -1, "one that is there is left alone");
}

Test(stage, rules_without_names_are_numbered_in_each_play) {
    for (int i = 0; i < 2; i++) {
        play("\"rules\": [{\"on\": \"start\", \"do\": [{\"log\": \"x\"}]}]");
        cr_assert_eq(stage_remove_rule(r.stage, "rule 1"), 0);
    }
}

Test(stage, freed_with_everything_under_way) {
    stage_rig_link(&r);
    play("\"rules\": [{\"on\": \"at.command\", \"do\": [{\"delay\": \"1h\"}]},"
         "{\"on\": \"at.urc\", \"do\": [{\"delay\": \"1h\"}]}],"
         "\"timeline\": [{\"at\": \"1h\", \"do\": [{\"log\": \"x\"}]}, {\"every\": \"1s\", \"do\": "
         "[{\"log\": \"x\", \"in\": \"1h\"}]}],"
         "\"expect\": [{\"module\": \"never\"}]");
    stage_rig_do(&r, "{\"fade\": {\"rssi\": 1, \"over\": \"1h\"}}", NULL);
    stage_rig_do(&r, "{\"vanish\": \"1h\"}", NULL);
    stage_rig_do(&r, "{\"cut\": {\"for\": \"1h\"}}", NULL);
    stage_rig_do(&r, "{\"urc\": \"RING\"}", NULL);
    ask("AT+CSQ", "");
    pass(10000);
    stage_free(r.stage);
    r.stage = NULL;
    pass(3600000);
    stage_rig_read(&r);
    ask("AT", OK);
}

/* -- rules that come and go -- */

Test(stage, names_are_taken_once) {
    static const char rule[] = "{\"name\": \"n\", \"on\": \"start\", \"do\": [{\"log\": \"x\"}]}";
    cr_assert_eq(stage_rig_rule(&r, rule), 0);
    cr_assert_eq(stage_rig_rule(&r, rule), -EEXIST);
    cr_assert_eq(stage_remove_rule(r.stage, "n"), 0);
    cr_assert_eq(stage_remove_rule(r.stage, "n"), -ENOENT);
    cr_assert_eq(stage_rig_rule(&r, rule), 0);
    cr_assert_eq(stage_enable_rule(r.stage, "x", true), -ENOENT);
    cr_assert_not_null(strstr(
        stage_rig_refused(&r, "\"rules\": [{\"name\": \"n\", \"on\": \"start\", \"do\": "
                              "[{\"log\": \"x\"}]}, {\"name\": \"n\", \"on\": \"start\", \"do\": "
                              "[{\"log\": \"x\"}]}]"),
        "rules[1].name: found \"n\", a rule before has this name"));
}

Test(stage, more_rules_than_fit_are_refused) {
    static const char rule[] = "{\"on\": \"start\", \"do\": [{\"log\": \"x\"}]}";
    for (int i = 0; i < LIMIT_RULES; i++) {
        cr_assert_eq(stage_rig_rule(&r, rule), 0);
    }
    cr_assert_eq(stage_rig_rule(&r, rule), -ENOSPC);
}

Test(stage, rules_act_in_their_order) {
    play("\"rules\": [{\"on\": \"start\", \"do\": [{\"urc\": \"A\"}, {\"urc\": \"B\"}]},"
         "{\"on\": \"start\", \"do\": [{\"urc\": \"C\"}]}]");
    expect(LINE("A") LINE("B") LINE("C"));
}

Test(stage, a_rule_can_switch_one_behind_it_within_the_same_event) {
    play("\"rules\": [{\"on\": \"at.command\", \"do\": [{\"rule\": {\"name\": \"n\", \"enabled\": "
         "true}}]},"
         "{\"name\": \"n\", \"enabled\": false, \"on\": \"at.command\", \"do\": [{\"error\": "
         "true}]}]");
    ask("AT+CSQ", LINE("ERROR"));
}

/* -- rules that lead to each other -- */

Test(stage, an_unsolicited_line_that_leads_to_itself_ends) {
    play("\"rules\": [{\"on\": \"at.urc\", \"do\": [{\"urc\": \"RING\"}]}]");
    stage_rig_do(&r, "{\"urc\": \"RING\"}", NULL);
    cr_assert_eq(count(stage_rig_read(&r), "RING"), 1 + LIMIT_RULE_CHAIN);
    ask("AT", OK);
}

Test(stage, output_that_leads_to_output_ends) {
    play("\"rules\": [{\"on\": \"tty.out\", \"do\": [{\"urc\": {\"text\": \"X\", \"now\": "
         "true}}]}]");
    stage_rig_type(&r, "AT\r");
    stage_rig_read(&r);
    /* Each line is three writes, and each of these leads to a line: the bound holds. */
    cr_assert_gt(clk_next_due(r.u.clk).us, 0);
    play("");
    stage_rig_read(&r);
    ask("AT", OK);
}

Test(stage, rules_that_undo_each_other_end) {
    play("\"rules\": [{\"on\": \"signal.changed\", \"match\": {\"rssi\": 1}, \"do\": [{\"signal\": "
         "{\"rssi\": 2}}]},"
         "{\"on\": \"signal.changed\", \"match\": {\"rssi\": 2}, \"do\": [{\"signal\": {\"rssi\": "
         "1}}]}]");
    stage_rig_do(&r, "{\"signal\": {\"rssi\": 1}}", NULL);
    ask("AT", OK);
    cr_assert_gt(clk_next_due(r.u.clk).us, 0);
}

Test(stage, restarts_that_lead_to_restarts_end) {
    play("\"rules\": [{\"on\": \"power.changed\", \"match\": {\"state\": \"on\"}, \"do\": "
         "[{\"restart\": {\"off\": \"0s\"}}]}]");
    stage_rig_do(&r, "{\"restart\": {\"off\": \"0s\"}}", NULL);
    stage_rig_read(&r);
    cr_assert_eq(r.u.modem->power, POWER_ON);
}

Test(stage, a_rule_that_repeats_itself_later_goes_on) {
    play("\"rules\": [{\"on\": \"at.urc\", \"do\": [{\"urc\": \"RING\", \"in\": \"1s\"}]}]");
    stage_rig_do(&r, "{\"urc\": \"RING\"}", NULL);
    unsigned n = 0;
    for (int i = 0; i < 100; i++) {
        n += count(stage_rig_read(&r), "RING");
        pass(1000);
    }
    cr_assert_eq(n, 100);
}

Test(stage, noise_behind_each_output_is_no_output_of_the_module) {
    play("\"rules\": [{\"on\": \"tty.out\", \"match\": {\"text\": \"OK\"}, \"do\": [{\"noise\": "
         "{\"bytes\": 3}}]}]");
    stage_rig_type(&r, "AT\r");
    size_t n = chan_mem_get(&r.u.mem, r.u.out, sizeof r.u.out);
    cr_assert_eq(n, 6 + 3);
    cr_assert_eq(memcmp(r.u.out, OK, 6), 0);
}

Test(stage, a_finished_command_leads_to_something) {
    play("\"rules\": [{\"on\": \"at.done\", \"match\": {\"name\": \"+CSQ\", \"text\": \"OK\"}, "
         "\"do\": [{\"signal\": {\"rssi\": 5}}, {\"urc\": \"DONE\"}]}]");
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK LINE("DONE"));
    ask("AT+CGMI?", LINE("ERROR"));
    ask("AT+CSQ", LINE("+CSQ: 5,0") OK LINE("DONE"));
}

/* -- what is heard -- */

Test(stage, each_thing_happens_once) {
    stage_listen(r.stage, true);
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
    cr_assert_str_eq(stage_rig_events(&r), "tty.mode: mode at\n"
                                           "tty.in: text AT+CSQ\\r\n"
                                           "at.line: text +CSQ\n"
                                           "at.command: text +CSQ, name +CSQ, form exec\n"
                                           "tty.out: text \\r\\n\n"
                                           "tty.out: text +CSQ: 22,0\n"
                                           "tty.out: text \\r\\n\n"
                                           "at.result: text OK, name +CSQ, form exec\n"
                                           "tty.out: text \\r\\n\n"
                                           "tty.out: text OK\n"
                                           "tty.out: text \\r\\n\n"
                                           "at.done: text OK, name +CSQ, form exec\n");
    chan_set_open(&r.u.ch, false);
    cr_assert_str_eq(stage_rig_events(&r), "tty.closed: \n");
    stage_listen(r.stage, false);
    chan_set_open(&r.u.ch, true);
    cr_assert_str_eq(stage_rig_events(&r), "");
}

Test(stage, links_tell_their_life) {
    stage_listen(r.stage, true);
    struct fake_link *l = stage_rig_link(&r);
    const char *log = stage_rig_events(&r);
    static const char *const once[] = {
        "net.open: \n", "net.opened: err 0\n", "link.opened: link 0, err 0\n",
        "net.connect: link 0, protocol tcp, address 116.236.221.75, port 8011, bytes 0\n"};
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        cr_assert_eq(count(log, once[i]), 1, "%s in %s", once[i], log);
    }
    stage_rig_type(&r, "AT+CIPSEND=0,5\rHELLO");
    log = stage_rig_events(&r);
    cr_assert_eq(count(log, "net.send: link 0, protocol tcp, address 116.236.221.75, port 8011, "
                            "bytes 5\n"),
                 1, "%s", log);
    fake_host_end(l, -ECONNRESET);
    stage_rig_read(&r);
    log = stage_rig_events(&r);
    cr_assert_eq(count(log, "link.closed: link 0, why reset\n"), 1, "%s", log);
}

Test(stage, far_ends_are_heard) {
    stage_listen(r.stage, true);
    stage_peer(r.stage, "p", EXPECT_PEER_CONNECTS);
    stage_peer_bytes(r.stage, "p", "hi", 2);
    stage_peer(r.stage, "p", EXPECT_PEER_CLOSED);
    stage_peer(r.stage, "p", EXPECT_PEER_RESET);
    cr_assert_str_eq(stage_rig_events(&r), "tty.mode: mode at\n"
                                           "peer.connect: peer p\n"
                                           "peer.data: peer p, text hi, bytes 2\n"
                                           "peer.ended: peer p, why closed\n"
                                           "peer.ended: peer p, why reset\n");
}

Test(stage, who_watches_sees_who_has_the_bytes_and_what_is_done) {
    const char *why = NULL;
    stage_listen(r.stage, true);
    cr_assert_eq(stage_rig_do(&r, "{\"signal\": {\"rssi\": 3}}", &why), 0);
    stage_rig_link(&r);
    stage_rig_type(&r, "AT+CIPSEND=0,5\r");
    cr_assert_not_null(strstr(stage_rig_events(&r), "tty.mode: mode prompt\n"));
    stage_rig_type(&r, "HELLO");
    cr_assert_not_null(strstr(stage_rig_events(&r), "tty.mode: mode at\n"));
    cr_assert_eq(stage_rig_do(&r, "{\"signal\": {\"rssi\": 4}}", &why), 0);
    cr_assert_not_null(
        strstr(stage_rig_events(&r), "action.done: action {\"signal\":{\"rssi\":4}}, err 0\n"));
}

/* -- the state at the start -- */

Test(stage, settings_are_run_and_nobody_sees_it) {
    stage_listen(r.stage, true);
    play("\"module\": {\"settings\": [\"AT+CMEE=2\", \"ATE0\", \"AT+CSQ\"]}");
    expect("");
    cr_assert_null(strstr(stage_rig_events(&r), "tty.in"));
    cr_assert_null(strstr(stage_rig_events(&r), "tty.out"));
    ask("AT+CMEE?", LINE("+CMEE: 2") OK);
}

Test(stage, settings_may_change_how_results_look) {
    play("\"module\": {\"settings\": [\"ATV0\", \"AT+CMEE=2\", \"ATQ1\", \"AT+CMEE=1\"]}");
    ask("AT", "");
    stage_rig_type(&r, "ATQ0V1\r");
    stage_rig_read(&r);
    ask("AT+CMEE?", LINE("+CMEE: 1") OK);
}

Test(stage, a_setting_that_is_refused_refuses_the_scenario) {
    cr_assert_str_eq(stage_rig_refused(&r, "\"module\": {\"settings\": [\"AT+CMEE=7\"]}"),
                     "module.settings: \"AT+CMEE=7\" is not answered OK");
    cr_assert_null(stage_scenario(r.stage));
    cr_assert_null(stage_expect(r.stage));
    ask("AT", OK);
}

Test(stage, settings_do_not_become_data) {
    stage_rig_link(&r);
    ask("AT+CIPSEND=0,", "\r\n>");
    cr_assert_not_null(stage_rig_refused(&r, "\"module\": {\"settings\": [\"AT\"]}"));
    stage_rig_type(&r, "X\x1a");
    size_t n = 0;
    const uint8_t *p = fake_host_received(fake_host_link(r.u.fake, 0x74ecdd4bu, 8011), &n);
    cr_assert(n == 1 && p[0] == 'X');
}

Test(stage, the_card_has_its_number_its_phone_book_and_its_files) {
    play(
        "\"sim\": {\"number\": \"+491701234567\", \"phonebook\": [{\"number\": \"110\", \"name\": "
        "\"Police\"}, {\"number\": \"112\"}], \"files\": {\"7FFF/6F7B\": {\"hex\": \"62F2 20\"}}}");
    ask("AT+CNUM", LINE("+CNUM: \"\",\"+491701234567\",145") OK);
    ask("AT+CPBR=1,3", LINE("+CPBR: 1,\"110\",129,\"Police\"\r\n+CPBR: 2,\"112\",129,\"\"") OK);
    ask("AT+CRSM=176,28539,0,0,4", LINE("+CRSM: 144,0,\"62F220FF\"") OK);
}

Test(stage, the_world_is_set_up) {
    play("\"sim\": {\"state\": \"pin\", \"pin\": \"4711\"},"
         "\"network\": {\"technology\": \"wcdma\", \"registration\": \"roaming\", \"attached\": "
         "false, \"signal\": {\"rssi\": 9, \"ber\": 3}, \"open-delay\": \"2s\", \"impair\": "
         "{\"up\": {\"latency\": \"1s\"}, \"down\": {\"loss\": 1}}}");
    cr_assert_eq(r.u.modem->bearer.impair[IMPAIR_UP].latency_ms, 1000);
    cr_assert_eq(r.u.modem->bearer.impair[IMPAIR_DOWN].latency_ms, 0);
    cr_assert_eq(r.u.modem->bearer.impair[IMPAIR_DOWN].loss, 1);
    cr_assert_eq(r.u.modem->reg.tech, PROFILE_WCDMA);
    cr_assert_eq(r.u.modem->bearer.open_delay.us, 2000000);
    expect("");
    ask("AT+CPIN=4711", OK LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
    ask("AT+CSQ;+CREG?;+CGATT?", LINE("+CSQ: 9,3") LINE("+CREG: 0,5") LINE("+CGATT: 0") OK);
}

Test(stage, the_receiver_is_set_up_and_set_back) {
    play("\"module\": {\"settings\": [\"AT+CGPS=1\"], \"gnss\": {\"lat\": 1.5, \"lon\": -2.25, "
         "\"alt\": 3, \"cold\": \"5s\"}}");
    pass(5000);
    ask("AT+CGPSINFO", LINE("+CGPSINFO: 0130.000000,N,00215.000000,W,010100,000005.0,3.0,0.0,") OK);
    play("");
    ask("AT+CGPSINFO",
        LINE("+CGPSINFO: 3113.330650,N,12121.262554,E,010100,000005.0,32.9,0.0,") OK);
    cr_assert_str_eq(
        stage_rig_refused(&r, "\"module\": {\"gnss\": {\"satellites\": {\"qzss\": 6}}}"),
        "test:1:61: module.gnss.satellites.qzss: found 6, allowed: a whole number from 0 to 5");
}

/* And what it tells can be played. */
Test(stage, the_receiver_is_part_of_the_state) {
    stage_rig_do(&r, "{\"gnss\": {\"lon\": -179.99999999, \"speed\": 2000, \"course\": 270}}",
                 NULL);
    pass(1000);
    cJSON *state = state_json(r.stage, "gnss");
    cJSON *gnss = cJSON_DetachItemFromObject(state, "gnss");
    cr_assert_str_eq(spec_text(gnss, "state", ""), "off");
    cr_assert_gt(spec_number(gnss, "lon", 0), 179);
    cJSON_DeleteItemFromObject(gnss, "state");
    char *text = cJSON_PrintUnformatted(gnss);
    char parts[1024];
    snprintf(parts, sizeof parts, "\"module\": {\"gnss\": %s}", text);
    play("");
    play(parts);
    struct gnss_sky sky = gnss_sky_now(&r.u.modem->gnss);
    cr_assert_float_eq(sky.place.lon, spec_number(gnss, "lon", 0), 1e-9);
    cr_assert_eq(sky.place.speed, 2000);
    cr_assert_eq(sky.cold.us, 35000000);
    free(text);
    cJSON_Delete(gnss);
    cJSON_Delete(state);
}

/* -- tables -- */

#define LOOK_UP(name) "AT+CDNSGIP=\"" name "\""
#define FOUND(name, ip) LINE("+CDNSGIP: 1,\"" name "\",\"" ip "\"") OK
#define NOT_FOUND LINE("+CDNSGIP: 0,10") LINE("ERROR")

Test(stage, names_are_those_of_the_table) {
    fake_host_add_name(r.u.fake, "real.example", 0x0a000001u);
    play("\"network\": {\"names\": {\"a.example\": \"10.9.8.7\", \"none.example\": "
         "\"not-found\", \"echo.test\": \"10.0.0.5\"}}");
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask(LOOK_UP("A.Example"), FOUND("A.Example", "10.9.8.7"));
    ask(LOOK_UP("none.example"), NOT_FOUND);
    ask(LOOK_UP("real.example"), FOUND("real.example", "10.0.0.1"));
    ask(LOOK_UP("echo.test"), FOUND("echo.test", "10.0.0.5"));
    cr_assert_eq(fake_host_queries(r.u.fake), 1, "the table is not asked of the host");
}

Test(stage, a_rule_decides_before_the_table) {
    play("\"network\": {\"names\": {\"a.example\": \"10.9.8.7\"}}, \"rules\": [{\"on\": "
         "\"net.resolve\", \"times\": 1, \"do\": [{\"error\": true}]}]");
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask(LOOK_UP("a.example"), NOT_FOUND);
    ask(LOOK_UP("a.example"), FOUND("a.example", "10.9.8.7"));
}

Test(stage, a_delay_comes_before_what_the_table_says) {
    play("\"network\": {\"names\": {\"a.example\": \"10.9.8.7\"}}, \"rules\": [{\"on\": "
         "\"net.resolve\", \"do\": [{\"delay\": \"2s\"}]}]");
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask(LOOK_UP("a.example"), "");
    pass(2000);
    expect(FOUND("a.example", "10.9.8.7"));
}

Test(stage, there_are_the_apns_of_the_table) {
    play("\"network\": {\"technology\": \"gsm\", \"apns\": [\"Internet\"]}");
    ask("AT+CGACT=0,1", OK);
    ask("AT+CGDCONT=1,\"IP\",\"other\"", OK);
    stage_rig_type(&r, "AT+CGACT=1,1\r");
    pass(1000);
    cr_assert_not_null(strstr(stage_rig_read(&r), "ERROR"));
    ask("AT+CGDCONT=1,\"IP\",\"internet\"", OK);
    stage_rig_type(&r, "AT+CGACT=1,1\r");
    pass(1000);
    expect(OK);
}

Test(stage, magic_destinations_are_there_unless_they_are_not) {
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask(LOOK_UP("not-found.test"), NOT_FOUND);
    ask("AT+CIPOPEN=0,\"TCP\",\"refused.test\",80", OK LINE("+CIPOPEN: 0,1"));
    ask("AT+CIPOPEN=0,\"TCP\",\"latency-700.test\",80", OK);
    pass(1399);
    expect("");
    pass(10);
    expect(LINE("+CIPOPEN: 0,0"));
    cr_assert_eq(link_impairments(r.u.modem->sockets, 0, IMPAIR_UP)->latency_ms, 700);
    play("\"network\": {\"magic\": false}");
    ask("AT+CIPOPEN=1,\"TCP\",\"refused.test\",80", OK LINE("+CIPOPEN: 1,11"));
}

Test(stage, what_begins_with_the_connection_begins_then) {
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask("AT+CIPOPEN=0,\"TCP\",\"black-hole.test\",80", OK LINE("+CIPOPEN: 0,0"));
    cr_assert(link_impairments(r.u.modem->sockets, 0, IMPAIR_UP)->black_hole);
    cr_assert(link_impairments(r.u.modem->sockets, 0, IMPAIR_DOWN)->black_hole);
}

Test(stage, what_would_have_begun_with_a_connection_does_not_hit_the_next_one) {
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    fake_host_on_connect(r.u.fake, 0, 0, FAKE_SILENT);
    ask("AT+CIPOPEN=0,\"TCP\",\"black-hole.test\",80", OK);
    ask("AT+CIPCLOSE=0", OK LINE("+CIPCLOSE: 0,0"));
    fake_host_on_connect(r.u.fake, 0, 0, FAKE_ACCEPT);
    ask("AT+CIPOPEN=0,\"TCP\",\"116.236.221.75\",8011", OK LINE("+CIPOPEN: 0,0"));
    cr_assert_not(link_impairments(r.u.modem->sockets, 0, IMPAIR_UP)->black_hole);
}

Test(stage, datagrams_to_a_black_hole_leave_links_alone) {
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask("AT+CIPOPEN=0,\"UDP\",,,5000", LINE("+CIPOPEN: 0,0") OK);
    stage_rig_type(&r, "AT+CIPSEND=0,1,\"192.0.2.12\",80\rX");
    stage_rig_read(&r);
    ask("AT+CIPCLOSE=0", LINE("+CIPCLOSE: 0,0") OK);
    ask("AT+CIPOPEN=0,\"TCP\",\"116.236.221.75\",8011", OK LINE("+CIPOPEN: 0,0"));
    cr_assert_not(link_impairments(r.u.modem->sockets, 0, IMPAIR_UP)->black_hole);
}

Test(stage, datagrams_to_a_black_hole_do_not_arrive) {
    struct fake_datagram got;
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask("AT+CIPOPEN=0,\"UDP\",,,5000", LINE("+CIPOPEN: 0,0") OK);
    stage_rig_type(&r, "AT+CIPSEND=0,1,\"192.0.2.12\",80\rX");
    pass(1000);
    cr_assert_not_null(strstr(stage_rig_read(&r), "+CIPSEND: 0,1,1"));
    cr_assert_not(fake_host_next_datagram(r.u.fake, &got));
    stage_rig_type(&r, "AT+CIPSEND=0,1,\"192.0.2.7\",80\rX");
    pass(1000);
    cr_assert(fake_host_next_datagram(r.u.fake, &got));
}

/* -- data mode -- */

Test(stage, data_mode_goes_through_the_tap) {
    ask("AT+CIPMODE=1", OK);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    stage_rig_type(&r, "AT+CIPOPEN=0,\"TCP\",\"116.236.221.75\",8011\r");
    cr_assert_not_null(strstr(stage_rig_read(&r), "CONNECT"));
    play("\"rules\": [{\"on\": \"tty.in\", \"times\": 1, \"match\": {\"text\": {\"pattern\": "
         "\"drop\"}}, \"do\": [{\"swallow\": true}]}]");
    struct fake_link *l = fake_host_link(r.u.fake, 0x74ecdd4bu, 8011);
    stage_rig_type(&r, "drop me");
    stage_rig_type(&r, "keep me");
    pass(1000);
    size_t n = 0;
    const uint8_t *p = fake_host_received(l, &n);
    cr_assert_eq(n, 7);
    cr_assert_eq(memcmp(p, "keep me", 7), 0);
    stage_rig_do(&r, "{\"cut\": {\"after\": 2, \"for\": \"1s\"}}", NULL);
    fake_host_send(l, "HELLO", 5);
    pass(100);
    expect("HE");
    pass(1000);
    expect("LLO");
}
