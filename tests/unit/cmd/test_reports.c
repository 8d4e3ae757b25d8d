/* +CGEV and +CIEV: what is told, dropped or held back, and what the network does to it. */
#include <criterion/criterion.h>

#include "tests/support/unit_suite.h"

static void enter_data_mode(void) {
    fake_host_on_connect(rig.fake, 0x0a000001, 80, FAKE_ACCEPT);
    ask("AT+CIPMODE=1;+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask("AT+CIPOPEN=0,\"TCP\",\"10.0.0.1\",80", LINE("CONNECT 115200"));
    unit_rig_pass(&rig, CLK_S(1));
}

static void leave_data_mode(const char *want) {
    unit_rig_type(&rig, "+++");
    unit_rig_pass(&rig, CLK_S(1));
    expect(want);
}

Test(reports, the_network_says_nw) {
    start();
    ask("AT+CGEREP=1", OK);
    modem_deactivate(rig.modem, 1);
    expect(LINE("+CGEV: NW PDN DEACT 1"));
    modem_activate(rig.modem, 1);
    expect(LINE("+CGEV: ME PDN ACT 1"));
    modem_set_registration(rig.modem, REG_SEARCHING);
    expect(LINE("+CGEV: NW DETACH"));
    modem_deactivate(rig.modem, 1);
    expect("");
    modem_set_registration(rig.modem, REG_ROAMING);
    expect("");
    stop();
}

Test(reports, a_card_that_goes_and_a_network_that_is_left_are_the_modules_doing) {
    start();
    ask("AT+CGEREP=1", OK);
    ask("AT+COPS=2", OK LINE("+CGEV: ME DETACH"));
    ask("AT+COPS=0", OK LINE("+CGEV: ME PDN ACT 1"));
    modem_set_sim(rig.modem, SIM_ABSENT);
    expect(LINE("+CPIN: SIM REMOVED") LINE("+CGEV: ME DETACH"));
    stop();
}

Test(reports, gsm_has_the_lines_of_the_manual) {
    start();
    ask("AT+CGEREP=1", OK);
    modem_set_tech(rig.modem, PROFILE_GSM);
    modem_deactivate(rig.modem, 1);
    expect(LINE("+CGEV: NW DEACT \"IP\",\"10.71.155.118\",1"));
    modem_activate(rig.modem, 1);
    expect("");
    stop();
}

Test(reports, mode_0_holds_back_the_newest_sixteen) {
    start();
    for (int i = 0; i < 9; i++) {
        modem_deactivate(rig.modem, 1);
        modem_activate(rig.modem, 1);
    }
    unit_rig_type(&rig, "AT+CGEREP=2,1\r");
    const char *text = unit_rig_read(&rig);
    int n = 0;
    for (const char *s = text; (s = strstr(s, "+CGEV: ")) != NULL; s++) {
        n++;
    }
    cr_assert_eq(n, LIMIT_REPORTS);
    cr_assert_not_null(strstr(text, OK LINE("+CGEV: NW PDN DEACT 1")), "%s", text);
    ask("AT+CGEREP=2,1", OK);
    stop();
}

Test(reports, in_data_mode_1_drops_and_2_waits) {
    start();
    enter_data_mode();
    leave_data_mode(OK);
    ask("AT+CGEREP=1;+CMER=2,0,0,1", OK);
    ask("ATO", LINE("CONNECT 115200"));
    unit_rig_pass(&rig, CLK_S(1));
    modem_activate(rig.modem, 2);
    modem_set_signal(rig.modem, 3, 0);
    expect("");
    leave_data_mode(OK LINE("+CIEV: 1,1"));
    modem_activate(rig.modem, 3);
    expect(LINE("+CGEV: ME PDN ACT 3"));
    ask("AT+CMER=1,0,0,1", OK);
    ask("ATO", LINE("CONNECT 115200"));
    unit_rig_pass(&rig, CLK_S(1));
    modem_set_signal(rig.modem, 31, 0);
    leave_data_mode(OK);
    ask("ATH", OK LINE("CLOSED"));
    stop();
}

Test(reports, a_restart_forgets_what_was_held_back) {
    start();
    modem_deactivate(rig.modem, 1);
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(5));
    unit_rig_read(&rig);
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CGEREP=1,1", OK LINE("+CGEV: ME PDN ACT 1")); /* of the start itself */
    stop();
}

Test(reports, indicators_tell_what_has_changed) {
    start();
    ask("AT+CMER=2,0,0,1", OK);
    modem_set_signal(rig.modem, 20, 0);
    expect("");
    modem_set_signal(rig.modem, 0, 0);
    expect(LINE("+CIEV: 1,0"));
    modem_set_signal(rig.modem, 1, 0);
    expect(LINE("+CIEV: 1,1"));
    modem_set_signal(rig.modem, 191, 0);
    expect(LINE("+CIEV: 1,5"));
    modem_set_signal(rig.modem, 99, 99);
    expect(LINE("+CIEV: 1,0"));
    modem_set_registration(rig.modem, REG_ROAMING);
    expect(LINE("+CIEV: 4,1"));
    modem_set_voice_call(rig.modem, true);
    expect(LINE("+CIEV: 3,1"));
    modem_set_voice_call(rig.modem, true);
    expect("");
    ask("AT+CIND?", LINE("+CIND: 0,1,1,1") OK);
    modem_set_voice_call(rig.modem, false);
    expect(LINE("+CIEV: 3,0"));
    stop();
}

Test(reports, signal_quality_speaks_of_the_technology) {
    start();
    ask("AT+CESQ", LINE("+CESQ: 99,99,255,255,18,44") OK);
    modem_set_tech(rig.modem, PROFILE_WCDMA);
    ask("AT+CESQ", LINE("+CESQ: 99,99,46,37,255,255") OK);
    modem_set_tech(rig.modem, PROFILE_GSM);
    ask("AT+CESQ", LINE("+CESQ: 42,0,255,255,255,255") OK);
    modem_set_signal(rig.modem, 0, 99);
    ask("AT+CESQ", LINE("+CESQ: 0,99,255,255,255,255") OK);
    modem_set_signal(rig.modem, 31, 99);
    ask("AT+CESQ", LINE("+CESQ: 60,99,255,255,255,255") OK);
    modem_set_signal(rig.modem, 99, 99);
    ask("AT+CESQ", LINE("+CESQ: 99,99,255,255,255,255") OK);
    stop();
}

Test(reports, tries_that_are_left) {
    start();
    modem_set_sim(rig.modem, SIM_PIN);
    unit_rig_read(&rig);
    ask("AT+CPINR=\"SIM PIN\"", LINE("+CPINR: SIM PIN,3,3") OK);
    ask("AT+CPIN=\"0000\"", LINE("+CME ERROR: 16"));
    ask("AT+CPINR=\"*PIN\"", LINE("+CPINR: SIM PIN,2,3") OK);
    ask("AT+CPINR=\"*I*N*\"", LINE("+CPINR: SIM PIN,2,3\r\n+CPINR: SIM PIN2,3,3") OK);
    ask("AT+CPINR=\"*PI\"", OK);
    ask("AT+CPINR=\"\"", OK);
    modem_set_sim(rig.modem, SIM_ABSENT);
    unit_rig_read(&rig);
    ask("AT+CPINR", LINE("+CME ERROR: 10"));
    stop();
}
