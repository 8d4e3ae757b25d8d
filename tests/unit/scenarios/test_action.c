#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "emulator/model/sockets.h"
#include "scenarios/engine/action.h"
#include "scenarios/events/happening.h"
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

TestSuite(action, .init = start, .fini = stop);

#define ask(text, want) stage_rig_ask(&r, text, want)
#define expect(want) stage_rig_expect(&r, want)

static void act(const char *action) {
    const char *why = NULL;
    int err = stage_rig_do(&r, action, &why);
    cr_assert_eq(err, 0, "%s: %s", action, why);
}

static void cannot(const char *action, int err, const char *want) {
    const char *why = NULL;
    cr_assert_eq(stage_rig_do(&r, action, &why), err, "%s", action);
    cr_assert_str_eq(why, want);
}

/* A rule on `event`, in the words of a file. */
static void on(const char *event, const char *actions) {
    char text[1024];
    snprintf(text, sizeof text, "{\"on\": \"%s\", \"do\": [%s]}", event, actions);
    cr_assert_eq(stage_rig_rule(&r, text), 0, "%s", text);
}

static void pass(int ms) {
    stage_rig_pass(&r, CLK_MS(ms));
}

#define OPEN "AT+CIPOPEN=0,\"TCP\",\"116.236.221.75\",8011"

/* -- decisions -- */

Test(action, answer_takes_the_place_of_what_would_have_come) {
    on("at.command", "{\"answer\": [\"+CSQ: 1,2\", \"OK\"]}");
    ask("AT+CSQ", LINE("+CSQ: 1,2") OK);
    ask("AT+NONSENSE", LINE("+CSQ: 1,2") OK);
}

Test(action, one_line_is_the_result) {
    on("at.line", "{\"answer\": \"BUSY\"}");
    ask("AT+CSQ;+CSQ", LINE("BUSY"));
}

Test(action, answer_of_a_result_and_of_an_unsolicited_line) {
    on("at.result", "{\"answer\": [\"note\", \"ERROR\"]}");
    ask("AT", LINE("note") LINE("ERROR"));
    on("at.urc", "{\"answer\": [\"one\", \"two\"]}");
    act("{\"urc\": \"RING\"}");
    expect("\r\none\r\ntwo\r\n");
}

Test(action, answer_of_a_name_is_its_address) {
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    on("net.resolve", "{\"answer\": \"10.1.2.3\"}");
    ask("AT+CDNSGIP=\"x.example\"", LINE("+CDNSGIP: 1,\"x.example\",\"10.1.2.3\"") OK);
}

Test(action, error_is_plain_or_has_a_number) {
    static const struct {
        const char *event, *value, *answer;
    } cases[] = {
        {"at.command", "true", LINE("ERROR")},
        {"at.command", "10", LINE("+CME ERROR: 10")},
        {"at.command", "999", LINE("+CMS ERROR: 999")},
        {"at.command", "false", OK},
        {"at.line", "true", LINE("ERROR")},
        {"at.line", "310", LINE("+CMS ERROR: 310")},
    };
    ask("AT+CMEE=1", OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char rule[256];
        snprintf(rule, sizeof rule, "{\"name\": \"r\", \"on\": \"%s\", \"do\": [{\"error\": %s}]}",
                 cases[i].event, cases[i].value);
        cr_assert_eq(stage_rig_rule(&r, rule), 0);
        ask("ATE0", cases[i].answer);
        cr_assert_eq(stage_remove_rule(r.stage, "r"), 0);
    }
}

Test(action, error_of_the_card) {
    on("sim.access", "{\"error\": 13}");
    ask("AT+CMEE=1", OK);
    ask("AT+CIMI", LINE("+CME ERROR: 13"));
    on("sim.access", "{\"error\": true}");
    ask("AT+CIMI", LINE("ERROR"));
}

Test(action, swallow_leaves_no_trace) {
    on("at.command", "{\"swallow\": true}");
    ask("AT+CSQ", "");
    ask("AT", OK); /* a line without commands has none to swallow */
}

Test(action, swallowed_line_result_and_unsolicited_line) {
    on("at.line", "{\"swallow\": true}");
    ask("AT", "");
    stage_rig_play(&r, "");
    on("at.result", "{\"swallow\": true}");
    ask("AT+CSQ", LINE("+CSQ: 22,0"));
    on("at.urc", "{\"swallow\": true}");
    act("{\"urc\": \"RING\"}");
    expect("");
    stage_rig_play(&r, "");
    ask("AT", OK);
}

Test(action, a_swallowed_answer_belongs_to_a_command_that_is_run) {
    stage_rig_rule(&r, "{\"on\": \"at.command\", \"times\": 1, \"do\": [{\"swallow\": "
                       "\"answer\"}]}");
    ask("AT+CMEE=2", "");
    ask("AT+CMEE?", LINE("+CMEE: 2") OK);
}

Test(action, faults_of_a_swallowed_command_do_not_reach_the_next_answer) {
    stage_rig_rule(&r, "{\"on\": \"at.command\", \"times\": 1, \"do\": [{\"line-end\": \"\\n\"}, "
                       "{\"insert\": {\"at\": 3, \"bytes\": \"!\"}}, {\"swallow\": true}]}");
    ask("AT+CSQ", "");
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
}

Test(action, bytes_of_the_tty_are_swallowed) {
    stage_rig_rule(&r, "{\"on\": \"tty.in\", \"times\": 1, \"do\": [{\"swallow\": true}]}");
    ask("AT", "");
    ask("AT", OK);
    stage_rig_rule(&r, "{\"on\": \"tty.out\", \"nth\": 2, \"do\": [{\"swallow\": true}]}");
    ask("AT", "\r\n\r\n"); /* the result is the second write */
}

Test(action, delay_comes_before_it_goes_on) {
    static const char *const events[] = {"at.line", "at.command", "at.result"};
    for (size_t i = 0; i < 3; i++) {
        stage_rig_play(&r, "");
        on(events[i], "{\"delay\": \"2s\"}");
        ask("AT+CMEE=0", "");
        stage_rig_pass(&r, CLK_US(1999999));
        expect("");
        stage_rig_pass(&r, CLK_US(1));
        expect(OK);
    }
    stage_rig_play(&r, "");
    on("at.urc", "{\"delay\": \"2s\"}");
    act("{\"urc\": \"RING\"}");
    expect("");
    pass(2000);
    expect(LINE("RING"));
}

Test(action, delay_and_another_decision_go_together) {
    on("at.command", "{\"delay\": \"1s\"}, {\"answer\": [\"a\", \"OK\"]}");
    ask("AT+CSQ", "");
    pass(1000);
    expect(LINE("a") OK);
}

Test(action, of_several_decisions_the_last_one_counts) {
    on("at.command", "{\"answer\": \"BUSY\"}");
    on("at.command", "{\"error\": true}");
    ask("AT+CSQ", LINE("ERROR"));
}

Test(action, the_network_does_not_open) {
    on("net.open", "{\"error\": 5}");
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 5"));
}

Test(action, connects_are_refused_lost_or_late) {
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    stage_rig_rule(&r, "{\"on\": \"net.connect\", \"nth\": 1, \"do\": [{\"error\": true}]}");
    stage_rig_rule(&r, "{\"on\": \"net.connect\", \"nth\": 2, \"do\": [{\"delay\": \"3s\"}]}");
    ask(OPEN, OK LINE("+CIPOPEN: 0,1"));
    ask(OPEN, OK);
    pass(3000);
    expect(LINE("+CIPOPEN: 0,0"));
}

/* Each decision on each question: either refused by the check, or it is done and the module goes
 * on. */
Test(action, decisions_stand_only_behind_what_they_decide) {
    /* By the order of bus_points.def: line, command, result, urc, sim, context, login, net.open,
     * resolve, connect, accept, send, close, restart, update. */
    static const struct {
        const char *action, *allowed;
    } cases[] = {
        {"{\"answer\": \"OK\"}", "111100001000000"},
        {"{\"error\": 3}", "110011111111001"},
        {"{\"swallow\": true}", "111101011111111"},
        {"{\"swallow\": \"answer\"}", "110000000000000"},
        {"{\"delay\": \"1s\"}", "111100011100001"},
        {"{\"urc\": \"x\"}", "111111111111111"},
        {"{\"cut\": {\"for\": \"1s\"}}", "111111111111111"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cJSON *action = cJSON_Parse(cases[i].action);
        cJSON *list = cJSON_CreateArray();
        cJSON_AddItemToArray(list, action);
        bool is_decision = cases[i].allowed[4] != '1' || i < 5;
        for (int a = 0; a < ASK_COUNT; a++) {
            const char *why = NULL;
            const cJSON *bad = action_misfit(list, ask_name((enum ask)a), &why);
            cr_assert_eq(bad == NULL, cases[i].allowed[a] == '1', "%s on %s", cases[i].action,
                         ask_name((enum ask)a));
            cr_assert_eq(bad == NULL, why == NULL);
        }
        for (size_t k = 0; happening_names[k] != NULL; k++) {
            const char *why = NULL;
            bool is_bytes = strncmp(happening_names[k], "tty.in", 6) == 0 ||
                            strncmp(happening_names[k], "tty.out", 7) == 0;
            bool is_good = !is_decision || (is_bytes && i == 2);
            if (happening_ask(happening_names[k]) < 0) {
                cr_assert_eq(action_misfit(list, happening_names[k], &why) == NULL, is_good,
                             "%s on %s", cases[i].action, happening_names[k]);
            }
        }
        const char *why = NULL;
        cr_assert_eq(action_misfit(list, NULL, &why) == NULL, !is_decision);
        cJSON_Delete(list);
    }
}

Test(action, a_decision_does_not_wait) {
    cr_assert_not_null(strstr(stage_rig_refused(&r, "\"rules\": [{\"on\": \"at.command\", \"do\": "
                                                    "[{\"error\": 1, \"in\": \"1s\"}]}]"),
                              "a decision is taken at once"));
}

Test(action, an_answer_has_its_bound) {
    cJSON *list = cJSON_CreateArray();
    cJSON *action = cJSON_CreateObject();
    cJSON *lines = cJSON_AddArrayToObject(action, "answer");
    cJSON_AddItemToArray(list, action);
    static char line[2048];
    memset(line, 'x', sizeof line - 1);
    for (int i = 0; i < 8; i++) { /* each with what separates it */
        cJSON_AddItemToArray(lines, cJSON_CreateString(line));
    }
    const char *why = NULL;
    cr_assert_null(action_misfit(list, "at.command", &why));
    cJSON_AddItemToArray(lines, cJSON_CreateString(""));
    cr_assert_not_null(action_misfit(list, "at.command", &why));
    cJSON_Delete(list);
}

/* -- the tty -- */

Test(action, faults_count_from_the_first_byte_of_the_answer) {
    on("at.command", "{\"insert\": {\"at\": 2, \"bytes\": {\"hex\": \"00ff\"}}}, "
                     "{\"corrupt\": {\"at\": 3, \"bits\": 1}}");
    stage_rig_type(&r, "ATE1\r");
    cr_assert_eq(memcmp(stage_rig_read(&r),
                        "\r\n\0\xff"
                        "OJ\r\n",
                        8),
                 0);
    stage_rig_type(&r, "AT+CSQ\r"); /* the echo comes before */
    cr_assert_eq(memcmp(stage_rig_read(&r), "AT+CSQ\r\r\n\0\xff+BSQ: 22,0\r\n", 23), 0);
}

Test(action, cut_and_drip_at_their_instants) {
    stage_rig_rule(&r, "{\"on\": \"at.command\", \"nth\": 1, \"do\": [{\"cut\": {\"after\": 5, "
                       "\"for\": \"10s\"}}]}");
    stage_rig_rule(&r, "{\"on\": \"at.command\", \"nth\": 2, \"do\": [{\"drip\": {\"bytes\": 4, "
                       "\"every\": \"10ms\"}}]}");
    ask("AT+CSQ", "\r\n+CS");
    ask("", "");
    pass(10000);
    expect("Q: 22,0\r\n" OK);
    ask("AT+CSQ", "\r\n+C");
    pass(10);
    expect("SQ: ");
    pass(10);
    expect("22,0");
}

Test(action, lines_end_otherwise_and_bytes_change) {
    stage_rig_rule(&r, "{\"on\": \"at.command\", \"nth\": 1, \"do\": [{\"line-end\": \"\\n\"}]}");
    ask("AT+CSQ", "\n+CSQ: 22,0\n\nOK\n");
    act("{\"garble\": {\"way\": \"in\", \"for\": \"1s\"}}");
    stage_rig_type(&r, "AT\r");
    cr_assert_null(strstr(stage_rig_read(&r), "OK"));
    pass(1000);
    stage_rig_type(&r, "\rAT\r");
    stage_rig_read(&r);
    ask("AT", OK);
    act("{\"garble\": {\"way\": \"out\"}}");
    stage_rig_type(&r, "AT\r");
    cr_assert_str_neq(stage_rig_read(&r), OK);
    act("{\"garble\": {\"chance\": 0}}");
    ask("AT", OK);
}

Test(action, faults_of_an_unsolicited_line_do_not_reach_the_next_answer) {
    stage_rig_rule(&r,
                   "{\"on\": \"at.urc\", \"nth\": 1, \"do\": [{\"line-end\": \"\\n\"}, "
                   "{\"corrupt\": {\"at\": 10}}, {\"cut\": {\"after\": 12, \"for\": \"1h\"}}]}");
    act("{\"urc\": \"RING\"}");
    expect("\nRING\n");
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
    act("{\"urc\": \"RING\"}");
    expect(LINE("RING"));
}

Test(action, faults_of_a_swallowed_unsolicited_line_go_with_it) {
    on("at.urc", "{\"line-end\": \"\\n\"}, {\"swallow\": true}");
    act("{\"urc\": \"RING\"}");
    expect("");
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
}

Test(action, a_line_in_the_middle_of_an_answer_does_not_end_its_faults) {
    on("at.command", "{\"line-end\": \"\\n\"}, {\"urc\": {\"text\": \"NOW\", \"now\": true}}");
    ask("AT+CSQ", "\nNOW\n\n+CSQ: 22,0\n\nOK\n");
}

Test(action, too_many_faults_are_refused) {
    for (int i = 0; i < LIMIT_TTY_EDITS; i++) {
        act("{\"corrupt\": {\"at\": 100}}");
    }
    cannot("{\"corrupt\": {}}", -ENOSPC, "too many faults wait for their byte");
    cannot("{\"cut\": {\"for\": \"1s\"}}", -ENOSPC, "too many faults wait for their byte");
    cannot("{\"insert\": {\"bytes\": \"x\"}}", -ENOSPC, "too many faults wait for their byte");
}

Test(action, noise_is_as_long_as_was_said) {
    act("{\"noise\": {\"bytes\": 4096}}");
    cr_assert_eq(chan_mem_get(&r.u.mem, r.u.out, sizeof r.u.out), 4096);
    for (int i = 0; i < 16; i++) {
        act("{\"noise\": {\"bytes\": 4096}}");
    }
    cannot("{\"noise\": {\"bytes\": 1}}", -ENOBUFS, "the output is full");
}

Test(action, an_unsolicited_line_comes_in_its_turn_or_now) {
    on("at.command", "{\"urc\": \"LATER\"}, {\"urc\": {\"text\": \"NOW\", \"now\": true}}");
    ask("AT+CSQ", LINE("NOW") LINE("+CSQ: 22,0") OK LINE("LATER"));
    stage_rig_play(&r, "");
    stage_rig_type(&r, "A");
    act("{\"urc\": \"WAITS\"}");
    act("{\"urc\": {\"text\": \"DOES NOT\", \"now\": true}}");
    expect(LINE("DOES NOT"));
    stage_rig_type(&r, "T\r");
    expect(OK LINE("WAITS"));
}

Test(action, dtr_is_the_drivers) {
    on("dtr.changed", "{\"urc\": \"DTR\"}");
    act("{\"dtr\": false}");
    cr_assert(r.u.ch.is_dtr_off);
    expect(LINE("DTR"));
    act("{\"dtr\": true}");
    cr_assert_not(r.u.ch.is_dtr_off);
    chan_set_open(&r.u.ch, false);
    cannot("{\"dtr\": true}", -ENOTCONN, "no driver has the tty open");
}

/* -- the module -- */

Test(action, the_module_hangs_until_it_does_not) {
    act("{\"hang\": true}");
    ask("AT", "");
    act("{\"hang\": false}");
    ask("AT", OK);
}

Test(action, power_goes_and_comes) {
    act("{\"power\": \"off\"}");
    cr_assert_eq(r.u.modem->power, POWER_OFF);
    ask("AT", "");
    act("{\"power\": \"on\"}");
    pass(60000);
    stage_rig_read(&r);
    stage_rig_type(&r, "ATE0\r");
    cr_assert_not_null(strstr(stage_rig_read(&r), OK));
}

Test(action, the_module_restarts) {
    act("{\"restart\": {\"off\": \"5s\"}}");
    cr_assert_eq(r.u.modem->power, POWER_OFF);
    pass(4999);
    cr_assert_eq(r.u.modem->power, POWER_OFF);
    pass(60000);
    cr_assert_eq(r.u.modem->power, POWER_ON);
    act("{\"restart\": false}");
    cr_assert_eq(r.u.modem->power, POWER_ON);
}

Test(action, the_module_says_what_became_of_it) {
    static const struct {
        const char *action, *command, *answer;
    } cases[] = {
        {"{\"sim\": \"pin\"}", "AT+CPIN?\r", LINE("+CPIN: SIM PIN") OK},
        {"{\"sim\": \"puk\"}", "AT+CPIN?\r", LINE("+CPIN: SIM PUK") OK},
        {"{\"sim\": \"absent\"}", "AT+CPIN?\r", LINE("+CME ERROR: 10")},
        {"{\"sim\": \"ready\"}", "AT+CPIN?\r", LINE("+CPIN: READY") OK},
        {"{\"signal\": {\"rssi\": 3, \"ber\": 7}}", "AT+CSQ\r", LINE("+CSQ: 3,7") OK},
        {"{\"signal\": {\"rssi\": 99}}", "AT+CSQ\r", LINE("+CSQ: 99,7") OK},
        {"{\"registration\": \"searching\"}", "AT+CREG?\r", LINE("+CREG: 0,2") OK},
        {"{\"registration\": \"denied\"}", "AT+CREG?\r", LINE("+CREG: 0,3") OK},
        {"{\"registration\": \"roaming\"}", "AT+CREG?\r", LINE("+CREG: 0,5") OK},
        {"{\"registration\": \"off\"}", "AT+CREG?\r", LINE("+CREG: 0,0") OK},
        {"{\"network\": \"found\"}", "AT+CREG?\r", LINE("+CREG: 0,5") OK},
        {"{\"network\": \"lost\"}", "AT+CREG?\r", LINE("+CREG: 0,2") OK},
        {"{\"network\": \"lost\"}", "AT+CREG?\r", LINE("+CREG: 0,2") OK},
        {"{\"network\": \"found\"}", "AT+CREG?\r", LINE("+CREG: 0,5") OK},
        {"{\"registration\": \"home\"}", "AT+CREG?\r", LINE("+CREG: 0,1") OK},
        {"{\"registration\": \"denied\"}", "AT+CREG?\r", LINE("+CREG: 0,3") OK},
        {"{\"network\": \"found\"}", "AT+CREG?\r", LINE("+CREG: 0,1") OK},
        {"{\"attached\": false}", "AT+CGATT?\r", LINE("+CGATT: 0") OK},
        {"{\"attached\": true}", "AT+CGATT?\r", LINE("+CGATT: 1") OK},
    };
    ask("AT+CMEE=1", OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        act(cases[i].action);
        pass(1000);
        stage_rig_read(&r); /* what is told unasked */
        stage_rig_type(&r, cases[i].command);
        cr_assert_str_eq(stage_rig_read(&r), cases[i].answer, "%s", cases[i].action);
    }
}

Test(action, the_model_has_what_is_not_told) {
    act("{\"technology\": \"gsm\"}");
    cr_assert_eq(r.u.modem->reg.tech, PROFILE_GSM);
    act("{\"voice-call\": true}");
    cr_assert(r.u.modem->has_call);
    act("{\"voice-call\": false}");
    cr_assert_not(r.u.modem->has_call);
    act("{\"deactivate\": 1}");
    cr_assert_not(r.u.modem->active[1]);
    act("{\"open-delay\": \"7s\"}");
    cr_assert_eq(r.u.modem->bearer.open_delay.us, 7000000);
}

Test(action, the_board_changes_what_the_module_measures) {
    ask("AT+CGISR=3,2,1", OK);
    act("{\"hardware\": {\"supply\": 3412, \"temperature\": -7, \"adc\": 300, \"adc2\": 20, "
        "\"pins\": {\"3\": true}}}");
    expect(LINE("GPIO_3_ISR!"));
    ask("AT+CBC", LINE("+CBC: 3.412V") OK);
    ask("AT+CPMUTEMP", LINE("+CPMUTEMP: -7") OK);
    act("{\"hardware\": {\"supply\": 3700}}");
    ask("AT+CBC", LINE("+CBC: 3.700V") OK);
    cr_assert_eq(r.u.modem->hw.temperature, -7, "what is not said stays");
    cr_assert_eq(r.u.modem->hw.adc[0], 300);
    cr_assert_eq(r.u.modem->hw.adc[1], 20);
    cr_assert(r.u.modem->hw.pins[0].is_outside_high);
}

Test(action, the_network_tells_the_time) {
    ask("AT+CTZR=1", OK);
    act("{\"time\": {\"zone\": -8, \"universal\": \"08/12/09,17:00:00\", \"summer\": 1}}");
    expect(LINE("+CTZV: -8,08/12/09,17:00:00,1"));
    ask("AT+CCLK=\"20/01/01,00:00:00+04\"", OK);
    act("{\"time\": true}");
    expect(LINE("+CTZV: -8,08/12/09,17:00:00,1"));
    act("{\"time\": {\"zone\": 0, \"universal\": false}}");
    expect(LINE("+CTZV: 0"));
    act("{\"time\": false}");
    ask("AT+CCLK=\"20/01/01,00:00:00+04\"", OK);
    act("{\"network\": \"lost\"}");
    act("{\"network\": \"found\"}");
    expect("");
}

Test(action, the_network_begins_a_ussd_session) {
    ask("AT+CUSD=1", OK);
    act("{\"ussd\": \"*101#\"}");
    expect(LINE("+CUSD: 1,\"1 Balance\r\n2 Data\",15"));
    cannot("{\"ussd\": \"*101#\"}", -EBUSY, "there is a session already");
    cannot("{\"ussd\": \"x\"}", -ENOENT, "there is no such entry");
    act("{\"registration\": \"searching\"}");
    expect(LINE("+CUSD: 2"));
    cannot("{\"ussd\": \"*101#\"}", -ENETDOWN, "the module is not registered");
}

Test(action, the_receiver_is_somewhere_else_and_the_rest_stays) {
    struct gnss *g = &r.u.modem->gnss;
    act("{\"gnss\": {\"lat\": -10, \"lon\": 0, \"speed\": 60, \"course\": 180, \"cold\": "
        "\"2s\"}}");
    pass(3600000);
    act("{\"gnss\": {\"satellites\": {\"gps\": 3, \"glonass\": 0}}}");
    struct gnss_sky sky = gnss_sky_now(g);
    cr_assert_float_eq(sky.place.lat, -11, 1e-6);
    cr_assert_eq(sky.place.alt, gnss_default_sky().place.alt);
    cr_assert_eq(sky.satellites[GNSS_GPS], 3);
    cr_assert_eq(sky.satellites[GNSS_GALILEO], 4);
    stage_rig_ask(&r, "AT+CGPS=1", OK);
    pass(2000);
    cr_assert_eq(g->state, GNSS_FIXED);
    act("{\"gnss\": {\"satellites\": {\"gps\": 2}}}");
    cr_assert_eq(g->state, GNSS_SEARCHING);
    act("{\"gnss\": {\"satellites\": {\"gps\": 12}, \"hot\": \"100ms\"}}");
    pass(100);
    cr_assert_eq(g->state, GNSS_FIXED);
    act("{\"gnss\": {\"sky\": false}}");
    cr_assert_eq(g->state, GNSS_SEARCHING);
    act("{\"gnss\": {}}");
    cr_assert(!g->sky.is_clear);
}

Test(action, the_signal_fades_step_by_step) {
    act("{\"signal\": {\"rssi\": 20}}");
    act("{\"fade\": {\"rssi\": 10, \"over\": \"10s\"}}");
    for (int i = 0; i < 10; i++) {
        pass(999);
        cr_assert_eq(r.u.modem->reg.rssi, 20 - i);
        pass(1);
        cr_assert_eq(r.u.modem->reg.rssi, 19 - i);
    }
    pass(60000);
    cr_assert_eq(r.u.modem->reg.rssi, 10);
    act("{\"fade\": {\"rssi\": 12, \"over\": \"0s\"}}");
    cr_assert_eq(r.u.modem->reg.rssi, 12);
    act("{\"fade\": {\"rssi\": 12, \"over\": \"1s\"}}");
    pass(1000);
    cr_assert_eq(r.u.modem->reg.rssi, 12);
}

Test(action, an_unknown_signal_fades_from_the_strongest) {
    act("{\"signal\": {\"rssi\": 99}}");
    act("{\"fade\": {\"rssi\": 30, \"over\": \"1s\"}}");
    pass(999);
    cr_assert_eq(r.u.modem->reg.rssi, 99);
    pass(1);
    cr_assert_eq(r.u.modem->reg.rssi, 30);
}

/* -- the network -- */

Test(action, links_are_ended_from_outside) {
    static const struct {
        const char *action;
        const char *tells;
    } cases[] = {
        {"{\"close\": {\"link\": 0}}", LINE("+IPCLOSE: 0,1")},
        {"{\"reset\": true}", LINE("+IPCLOSE: 0,2")},
        {"{\"give-up\": {}}", LINE("+IPCLOSE: 0,3")},
    };
    for (size_t i = 0; i < 3; i++) {
        if (i == 0) {
            stage_rig_link(&r);
        } else {
            ask(OPEN, OK LINE("+CIPOPEN: 0,0"));
        }
        act(cases[i].action);
        const char *got = stage_rig_read(&r);
        cr_assert_not_null(strstr(got, "+IPCLOSE: 0,"), "%s: %s", cases[i].action, got);
    }
    act("{\"close\": false}");
    cannot("{\"reset\": true}", -ENOTCONN, "there is no such link");
    cannot("{\"close\": {\"link\": 9}}", -ENOTCONN, "there is no such link");
}

Test(action, the_link_is_that_of_the_event_unless_another_is_named) {
    stage_rig_link(&r);
    ask("AT+CIPOPEN=1,\"TCP\",\"116.236.221.75\",8011", OK LINE("+CIPOPEN: 1,0"));
    stage_rig_rule(&r, "{\"on\": \"link.opened\", \"match\": {\"link\": 2}, \"do\": [{\"reset\": "
                       "true}, {\"reset\": {\"link\": 1}, \"in\": \"1s\"}]}");
    ask("AT+CIPOPEN=2,\"TCP\",\"116.236.221.75\",8011",
        OK LINE("+CIPOPEN: 2,0") LINE("+IPCLOSE: 2,3"));
    pass(1000);
    expect(LINE("+IPCLOSE: 1,3"));
    struct link_info info;
    link_info(r.u.modem->sockets, 0, &info);
    cr_assert_eq(info.state, LINK_OPEN);
}

Test(action, impairments_are_of_all_of_one_or_of_the_one_asked_about) {
    stage_rig_link(&r);
    const struct impair *all = r.u.modem->bearer.impair;
    act("{\"impair\": {\"way\": \"up\", \"latency\": \"2s\", \"loss\": 0.5}}");
    cr_assert_eq(all[IMPAIR_UP].latency_ms, 2000);
    cr_assert_eq(all[IMPAIR_DOWN].latency_ms, 0);
    act("{\"impair\": {\"way\": \"up\", \"jitter\": \"1ms\"}}");
    cr_assert_eq(all[IMPAIR_UP].latency_ms, 2000, "what is not named stays");
    act("{\"impair\": {\"clear\": true, \"rate\": 9600}}");
    cr_assert_eq(all[IMPAIR_UP].latency_ms, 0);
    cr_assert_eq(all[IMPAIR_UP].rate_bps, 9600);
    cr_assert_eq(all[IMPAIR_DOWN].rate_bps, 9600);
    act("{\"impair\": {\"clear\": true}}");
    act("{\"impair\": {\"link\": 0, \"way\": \"down\", \"black-hole\": true}}");
    cr_assert(link_impairments(r.u.modem->sockets, 0, IMPAIR_DOWN)->black_hole);
    cr_assert_not(link_impairments(r.u.modem->sockets, 0, IMPAIR_UP)->black_hole);
    cannot("{\"impair\": {\"link\": 5}}", -ENOTCONN, "there is no such link");
    on("net.connect", "{\"impair\": {\"latency\": \"3ms\"}}");
    ask("AT+CIPOPEN=1,\"TCP\",\"116.236.221.75\",8011", OK);
    pass(100);
    expect(LINE("+CIPOPEN: 1,0"));
    cr_assert_eq(link_impairments(r.u.modem->sockets, 1, IMPAIR_UP)->latency_ms, 3);
    cr_assert_eq(all[IMPAIR_UP].latency_ms, 0);
}

/* -- far ends -- */

Test(action, far_ends_that_are_not_there) {
    stage_rig_play(&r, "\"peers\": {\"p\": {\"at\": \"10.0.0.1:80\", \"kind\": \"echo\"}}");
    cannot("{\"peer\": {\"name\": \"q\", \"close\": true}}", -ENOENT,
           "there is no peer of this name");
    cannot("{\"call\": {\"peer\": \"q\", \"port\": 80}}", -ENOENT, "there is no peer of this name");
    cannot("{\"peer\": {\"name\": \"p\", \"send\": \"x\"}}", -ENOTCONN, "it has no connection");
    cannot("{\"peer\": {\"name\": \"p\", \"reset\": true}}", -ENOTCONN, "it has no connection");
}

/* -- the run -- */

Test(action, rules_are_switched) {
    stage_rig_rule(&r, "{\"name\": \"n\", \"on\": \"at.command\", \"enabled\": false, \"do\": "
                       "[{\"error\": true}]}");
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
    act("{\"rule\": {\"name\": \"n\", \"enabled\": true}}");
    ask("AT+CSQ", LINE("ERROR"));
    act("{\"rule\": {\"name\": \"n\", \"enabled\": false}}");
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
    cannot("{\"rule\": {\"name\": \"x\", \"enabled\": true}}", -ENOENT,
           "there is no rule of this name");
}

Test(action, the_run_fails_or_stops) {
    stage_rig_play(&r, "\"expect\": [{\"event\": {\"name\": \"urc\"}}]");
    act("{\"stop\": false}");
    cr_assert_not(expect_is_over(stage_expect(r.stage)));
    act("{\"stop\": true}");
    cr_assert(expect_is_over(stage_expect(r.stage)));
    cr_assert_not(expect_has_passed(stage_expect(r.stage)));
    cr_assert_eq(r.over, 1);
    stage_rig_play(&r, "");
    act("{\"fail\": \"it must not\"}");
    act("{\"stop\": true}");
    pass(1);
    cr_assert(expect_is_over(stage_expect(r.stage)));
    cr_assert_not(expect_has_passed(stage_expect(r.stage)));
}

Test(action, without_a_play_there_is_nothing_to_fail_or_stop) {
    cannot("{\"fail\": \"x\"}", -ENOENT, "no scenario is loaded");
    cannot("{\"stop\": true}", -ENOENT, "no scenario is loaded");
    act("{\"log\": \"a line\"}");
    cr_assert_eq(r.over, 0);
}

/* -- when -- */

Test(action, what_waits_comes_at_its_instant) {
    act("{\"urc\": \"RING\", \"in\": \"2s\"}");
    pass(1999);
    expect("");
    pass(1);
    expect(LINE("RING"));
}

Test(action, more_than_can_wait_is_refused) {
    for (int i = 0; i < LIMIT_PENDING; i++) {
        act("{\"log\": \"x\", \"in\": \"1h\"}");
    }
    cannot("{\"log\": \"x\", \"in\": \"1h\"}", -ENOSPC, "too many actions wait for their time");
    stage_rig_play(&r, "");
    act("{\"log\": \"x\", \"in\": \"1h\"}");
}

Test(action, the_effects_of_a_question_come_when_it_is_over) {
    on("at.command", "{\"hang\": true}, {\"signal\": {\"rssi\": 1}}");
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
    cr_assert_eq(r.u.modem->power, POWER_HUNG);
    cr_assert_eq(r.u.modem->reg.rssi, 1);
}

Test(action, every_verb_has_a_doc_and_its_place) {
    size_t n = 0;
    size_t decisions = 0;
    for (; action_name(n) != NULL; n++) {
        cr_assert_gt(strlen(action_doc(n)), 10);
        decisions += action_is_decision(n);
    }
    cr_assert_eq(decisions, 4);
    cr_assert_null(action_doc(n));
    cr_assert_not(action_is_decision(n));
}

Test(action, the_place_is_what_the_location_server_knows) {
    ask("AT+CNETSTART", OK LINE("+CNETSTART: 0"));
    act("{\"gnss\": {\"lat\": -33.8567844, \"lon\": 151.2152967}}");
    ask("AT+CLBS=1,1", LINE("+CLBS: 0,-33.856784,151.215297,500") OK);
}

/* -- WIFI -- */

#define CLIENT "\"74:23:44:8f:64:fd\""

Test(action, clients_join_and_leave_the_hotspot) {
    act("{\"wifi\": {\"join\": " CLIENT "}}");
    ask("AT+CWMACADDR?", "\r\n0,00:0A:F5:88:88:8F\r\n1,74:23:44:8f:64:fd\r\n" OK);
    act("{\"wifi\": {\"leave\": " CLIENT "}}");
    ask("AT+CWCLICNT?", LINE("+CWCLICNT: 0") OK);
    cannot("{\"wifi\": {\"leave\": " CLIENT "}}", -ENOENT, "there is no such client");
    cannot("{\"wifi\": {\"join\": " CLIENT ", \"point\": 1}}", -ENETDOWN,
           "there is no such access point");
    ask("AT+CWMAPCFG=\"enablessid2\",2", OK);
    act("{\"wifi\": {\"join\": " CLIENT "}}");
    ask("AT+CWCLICNT?", LINE("+CWCLICNT: 1") OK);
    ask("AT+CWMAP=0", OK);
    cannot("{\"wifi\": {\"join\": " CLIENT "}}", -ENETDOWN, "there is no such access point");
}

Test(action, a_hotspot_is_full_at_32_clients) {
    char text[64];
    for (int i = 0; i < LIMIT_WIFI_CLIENTS; i++) {
        snprintf(text, sizeof text, "{\"wifi\": {\"join\": \"02:00:00:00:00:%02x\"}}", i);
        act(text);
    }
    cannot("{\"wifi\": {\"join\": " CLIENT "}}", -ENOSPC, "there is no room for another client");
}

Test(action, clients_talk_to_the_server_of_the_module) {
    cannot("{\"wifi\": {\"send\": \"x\"}}", -ENOTCONN,
           "the server is closed, or there is no client");
    act("{\"wifi\": {\"join\": " CLIENT "}}");
    ask("AT+CWLANSRV=1", OK);
    act("{\"wifi\": {\"send\": {\"hex\": \"31 32 0a\"}}}");
    expect("\r\n+CWLANMSG: 12\r\n\r\r\n");
    on("wifi.sent", "{\"wifi\": {\"send\": \"yes\\n\"}}");
    ask("AT+CWLANMSG=\"3f\"", OK "\r\n+CWLANMSG: yes\r\n\r\r\n");
}

Test(action, the_networks_in_the_air_are_those_of_the_newest_list) {
    act("{\"wifi\": {\"networks\": [{\"bssid\": " CLIENT ", \"ssid\": \"a b\"}, {\"bssid\": " CLIENT
        ", \"ssid\": \"c\", \"signal\": -90, \"password\": \"secret12\"}]}}");
    ask("AT+CWSTAINIT=1;+CWSTASCAN=1;+CWSTASCAN",
        "\r\n+CWSTASCAN:\r\n74:23:44:8f:64:fd,a b,-50\r\n74:23:44:8f:64:fd,c,-90\r\n" OK);
    ask("AT+CWSTACFG=\"c\",,,\"secret11\";+CWSTAIP?", OK);
    ask("AT+CWSTACFG=\"c\",,,\"secret12\";+CWSTAIP?", LINE("+CWSTAIP: 192.168.11.27") OK);
    act("{\"wifi\": {\"networks\": []}}");
    ask("AT+CWSTASCAN", OK);
}
