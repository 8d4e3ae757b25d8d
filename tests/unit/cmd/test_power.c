/* Off, on, restarted, hung: what a driver sees of it. */
#include <criterion/criterion.h>

#include "tests/support/unit_suite.h"

#define START LINE("RDY") LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE")
#define OPEN_TCP "AT+CIPOPEN=0,\"TCP\",\"10.0.0.1\",80"

enum { PEER_IP = 0x0a000001, PEER_PORT = 80 };

static int present[4]; /* what the transport was told, in order */
static size_t npresent;

static void restart(void) {
    modem_restart(rig.modem, CLK_S(1), false);
    expect("");
    pass_ms(1000);
    expect(START);
}

static struct fake_link *far(void) {
    return fake_host_link(rig.fake, PEER_IP, PEER_PORT);
}

static void open_link(void) {
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask(OPEN_TCP, OK LINE("+CIPOPEN: 0,0"));
}

static void go_online(void) {
    ask("AT+CIPMODE=1", OK);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask(OPEN_TCP, LINE("CONNECT 115200"));
}

/* Echo is on behind a start. */
static void expect_works(void) {
    ask("AT", "AT\r" OK);
}

Test(power, creset_answers_goes_and_comes_back_with_the_lines_of_a_start) {
    start();
    ask("AT+CRESET", OK);
    pass_ms(99);
    ask("AT", OK);
    pass_ms(1);
    ask("AT", "");
    cr_assert_eq(rig.modem->power, POWER_OFF);
    pass_ms(999);
    expect("");
    pass_ms(1);
    expect(START);
    expect_works();
    stop();
}

Test(power, both_forms_of_cfun_restart_and_others_do_not) {
    start();
    ask("AT+CFUN=4,1", OK);
    ask("AT+CFUN?", LINE("+CFUN: 4") OK);
    pass_ms(5000);
    expect("");
    ask("AT+CFUN=2", LINE("ERROR"));
    ask("AT+CFUN=3", LINE("ERROR"));
    ask("AT+CFUN=1,1", OK);
    pass_ms(1100);
    expect(START);
    ask("AT+CFUN?", "AT+CFUN?\r" LINE("+CFUN: 1") OK);
    ask("AT+CFUN=6", "AT+CFUN=6\r" OK);
    pass_ms(1100);
    expect(START);
    stop();
}

Test(power, factory_test_mode_has_no_service_and_is_left) {
    start();
    ask("AT+CFUN=5", OK);
    ask("AT+CFUN?", LINE("+CFUN: 5") OK);
    ask("AT+CPSI?", LINE("+CPSI: NO SERVICE,Factory Test Mode") OK);
    ask("AT+CREG?", LINE("+CREG: 0,0") OK);
    ask("AT+CFUN=1", OK);
    ask("AT+CREG?", LINE("+CREG: 0,1") OK);
    stop();
}

Test(power, who_is_told_to_go_leaves_the_network_first) {
    start();
    open_link();
    ask("AT+CRESET", OK);
    pass_ms(50);
    expect(LINE("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY"));
    cr_assert_eq(rig.modem->power, POWER_ON);
    pass_ms(50);
    cr_assert_eq(rig.modem->power, POWER_OFF);
    pass_ms(1000);
    expect(START);
    ask("AT+CGATT?", "AT+CGATT?\r" LINE("+CGATT: 1") OK);
    ask("ATE0", "ATE0\r" OK);
    open_link();
    ask("AT+CPOF", OK);
    pass_ms(100);
    expect(LINE("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY"));
    cr_assert_eq(rig.modem->power, POWER_OFF);
    modem_power_on(rig.modem);
    expect(START);
    ask("AT+CGATT?", "AT+CGATT?\r" LINE("+CGATT: 1") OK);
    stop();
}

Test(power, only_a_reset_leads_out_of_offline_mode) {
    start();
    ask("AT+CFUN=7", OK);
    ask("AT+CPSI?", LINE("+CPSI: NO SERVICE,Offline") OK);
    ask("AT+CFUN=1", LINE("ERROR"));
    ask("AT+CFUN=1,1", LINE("ERROR"));
    ask("AT+CFUN?", LINE("+CFUN: 7") OK);
    ask("AT+CFUN=6", OK);
    pass_ms(1100);
    expect(START);
    stop();
}

Test(power, cpof_lasts_until_it_is_switched_on) {
    start();
    ask("AT+CPOF", OK);
    pass_ms(3600000);
    ask("AT", "");
    modem_restart(rig.modem, CLK_US(0), false);
    pass_ms(1000);
    expect("");
    modem_power_on(rig.modem);
    expect(START);
    expect_works();
    stop();
}

Test(power, the_rest_of_the_line_and_its_result_come_first) {
    start();
    ask("AT+CRESET;+CSQ", LINE("+CSQ: 22,0") OK);
    pass_ms(1100);
    expect(START);
    stop();
}

Test(power, a_start_takes_the_time_it_is_given) {
    start();
    rig.modem->boot =
        (struct modem_boot){.rdy = CLK_S(5), .sim = CLK_S(7), .sms = CLK_S(9), .pb = CLK_S(12)};
    modem_restart(rig.modem, CLK_S(1), false);
    expect("");
    pass_ms(1000);
    cr_assert_eq(rig.modem->power, POWER_BOOTING);
    pass_ms(4999);
    ask("AT", "");
    pass_ms(1);
    expect(LINE("RDY"));
    pass_ms(2000);
    expect(LINE("+CPIN: READY"));
    pass_ms(2000);
    expect(LINE("SMS DONE"));
    pass_ms(2999);
    expect("");
    pass_ms(1);
    expect(LINE("PB DONE"));
    stop();
}

Test(power, a_planned_restart_may_be_swallowed_or_delayed) {
    start();
    unit_rig_answer(&rig, ASK_POWER_RESTART, (struct bus_verdict){.act = BUS_DROP}, 1);
    ask("AT+CRESET", OK);
    pass_ms(5000);
    ask("AT", OK);
    cr_assert_eq(rig.asked[ASK_POWER_RESTART], 1);
    unit_rig_answer(&rig, ASK_POWER_RESTART, (struct bus_verdict){.delay = CLK_S(3)}, 1);
    ask("AT+CRESET", OK);
    pass_ms(3099);
    ask("AT", OK);
    pass_ms(1);
    ask("AT", "");
    pass_ms(1000);
    expect(START);
    unit_rig_answer(&rig, ASK_POWER_RESTART, (struct bus_verdict){.act = BUS_DROP}, 1);
    modem_restart(rig.modem, CLK_US(0), false);
    expect(START);
    stop();
}

Test(power, links_die_and_nothing_is_said_of_them) {
    start();
    open_link();
    restart();
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_FIN);
    ask("AT+NETOPEN?", "AT+NETOPEN?\r" LINE("+NETOPEN: 0") OK);
    ask("ATE0", "ATE0\r" OK);
    open_link();
    stop();
}

Test(power, a_half_line_and_what_a_slash_repeats_are_forgotten) {
    start();
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
    unit_rig_type(&rig, "AT+CS");
    restart();
    unit_rig_type(&rig, "Q\r");
    expect("");
    unit_rig_type(&rig, "A/");
    expect("A/" OK);
    stop();
}

Test(power, a_running_command_and_a_prompt_end_without_a_word) {
    start();
    unit_rig_type(&rig, "AT+COPS=?\r");
    restart();
    expect_works();
    ask("ATE0", "ATE0\r" OK);
    open_link();
    unit_rig_type(&rig, "AT+CIPSEND=0,10\r");
    expect("\r\n>");
    restart();
    unit_rig_type(&rig, "0123456789");
    expect("");
    unit_rig_type(&rig, "\r");
    expect_works();
    stop();
}

Test(power, data_mode_is_left_and_its_data_lost) {
    start();
    go_online();
    unit_rig_type(&rig, "to the peer");
    restart();
    unit_rig_type(&rig, "nothing\r");
    expect("");
    expect_works();
    ask("AT+CIPMODE?", "AT+CIPMODE?\r" LINE("+CIPMODE: 0") OK);
    stop();
}

Test(power, a_result_that_waits_is_lost) {
    start();
    unit_rig_answer(&rig, ASK_AT_RESULT, (struct bus_verdict){.delay = CLK_S(60)}, 1);
    ask("AT", "");
    restart();
    pass_ms(60000);
    expect("");
    stop();
}

Test(power, what_is_not_stored_is_lost) {
    start();
    ask("AT+CMEE=2;+CGDCONT=1,\"IP\",\"net\"", OK);
    ask("ATS0=3&W", OK);
    ask("ATS0=4", OK);
    restart();
    ask("ATE0", OK); /* stored with the rest */
    ask("ATS0?", LINE("003") OK);
    ask("AT+CMEE?", LINE("+CMEE: 1") OK);
    ask("AT+CGDCONT?", LINE("+CGDCONT: 1,\"IP\",\"net\",\"0.0.0.0\",0,0,0,0") OK);
    stop();
}

Test(power, the_grant_of_the_network_outlasts_a_restart) {
    start();
    modem_set_registration(rig.modem, REG_DENIED);
    restart();
    ask("AT+CREG?", "AT+CREG?\r" LINE("+CREG: 0,3") OK);
    stop();
}

Test(power, a_hung_module_eats_what_it_gets_and_nothing_passes) {
    start();
    open_link();
    modem_set_hung(rig.modem, true);
    ask("AT", "");
    fake_host_send(far(), "hello", 5);
    pass_ms(5000);
    expect("");
    cr_assert_eq(rig.modem->power, POWER_HUNG);
    modem_set_hung(rig.modem, false);
    pass_ms(60000);
    expect(LINE("RECV FROM:10.0.0.1:80") "+IPD5\r\nhello");
    ask("AT", OK);
    stop();
}

Test(power, a_restart_ends_a_hang_and_an_off_module_cannot_hang) {
    start();
    modem_set_hung(rig.modem, true);
    restart();
    expect_works();
    cr_assert(!rig.modem->bearer.is_suspended);
    modem_power_off(rig.modem, false);
    expect("");
    modem_set_hung(rig.modem, true);
    cr_assert_eq(rig.modem->power, POWER_OFF);
    modem_power_on(rig.modem);
    expect(START);
    stop();
}

Test(power, off_stops_a_restart_and_on_makes_one_of_off) {
    start();
    modem_restart(rig.modem, CLK_S(1), false);
    expect("");
    modem_power_off(rig.modem, false);
    pass_ms(5000);
    expect("");
    modem_power_on(rig.modem);
    expect(START);
    modem_power_off(rig.modem, false);
    modem_power_on(rig.modem);
    expect(START);
    modem_power_on(rig.modem);
    expect("");
    stop();
}

Test(power, a_restart_while_it_starts_begins_again) {
    start();
    rig.modem->boot.rdy = CLK_S(5);
    modem_restart(rig.modem, CLK_S(1), false);
    pass_ms(4000);
    cr_assert_eq(rig.modem->power, POWER_BOOTING);
    modem_restart(rig.modem, CLK_S(1), false);
    pass_ms(5999);
    expect("");
    pass_ms(1);
    expect(START);
    stop();
}

Test(power, the_mode_of_selection_is_automatic_again_unless_it_is_kept) {
    start();
    ask("AT+COPS=1,2,\"26201\"", OK);
    restart();
    ask("AT+COPS?", "AT+COPS?\r" LINE("+COPS: 0,0,\"Telekom.de\",7") OK);
    ask("AT+COPS=5,2,\"26201\"", "AT+COPS=5,2,\"26201\"\r" OK);
    restart();
    ask("AT+COPS?", "AT+COPS?\r" LINE("+COPS: 5,0,\"Telekom.de\",7") OK);
    stop();
}

/* From inside a question, in the middle of a command. */
static struct bus_verdict restart_now(void *ctx, unsigned point, void *what) {
    (void)ctx;
    (void)point;
    (void)what;
    modem_restart(rig.modem, CLK_US(0), false);
    modem_set_hung(rig.modem, true);
    return (struct bus_verdict){0};
}

Test(power, it_may_go_in_the_middle_of_a_command) {
    static const enum ask points[] = {ASK_AT_LINE, ASK_AT_COMMAND, ASK_AT_RESULT};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        start();
        bus_answer(&rig.modem->bus, NULL, NULL);
        bus_answer(&rig.modem->bus, restart_now, NULL);
        bus_want(&rig.modem->bus, (uint32_t)1 << points[i]);
        ask("AT+CSQ", points[i] == ASK_AT_RESULT ? LINE("+CSQ: 22,0") START : START);
        bus_answer(&rig.modem->bus, NULL, NULL);
        stop();
    }
}

static void set_present(void *ctx, bool on) {
    (void)ctx;
    present[npresent++] = on;
}

static void restart_with_tty(void) {
    static struct chan_transport transport;
    transport = *rig.ch.transport;
    transport.set_present = set_present;
    rig.ch.transport = &transport;
    npresent = 0;
    modem_restart(rig.modem, CLK_S(1), false);
    expect("");
    pass_ms(1000);
    expect(START);
}

Test(power, a_port_on_usb_is_gone_meanwhile_and_a_uart_is_not) {
    start();
    restart_with_tty();
    cr_assert(npresent == 2 && !present[0] && present[1]);
    stop();
    unit_rig_start(&rig, "appnote-1.00");
    restart_with_tty();
    cr_assert_eq(npresent, 0);
    stop();
}

Test(power, a_port_on_usb_is_there_before_anybody_answers) {
    start();
    static struct chan_transport transport;
    transport = *rig.ch.transport;
    transport.set_present = set_present;
    rig.ch.transport = &transport;
    npresent = 0;
    rig.modem->boot.usb = CLK_S(4);
    rig.modem->boot.rdy = CLK_S(5);
    modem_restart(rig.modem, CLK_S(1), false);
    pass_ms(4999);
    cr_assert(npresent == 1 && !present[0]);
    pass_ms(1);
    cr_assert(npresent == 2 && present[1]);
    ask("AT", "");
    modem_power_off(rig.modem, false);
    expect("");
    cr_assert(npresent == 3 && !present[2], "off again while it starts");
    pass_ms(60000);
    cr_assert_eq(npresent, 3);
    stop();
}

/* -- a module that has just been switched on -- */

enum { URC_MS = 10 }; /* of the class of these lines, under typical */

/* Nothing comes until then, and then this. */
static void expect_at(int64_t *from_ms, int64_t ms, const char *want) {
    pass_ms(ms - *from_ms - 1);
    expect("");
    pass_ms(1);
    expect(want);
    *from_ms = ms;
}

Test(power, under_a_timing_it_boots_and_tells_so) {
    int64_t at = 0;
    unit_rig_boot(&rig, "appnote-1.00", AT_TIMING_TYPICAL);
    cr_assert_eq(rig.modem->power, POWER_BOOTING);
    cr_assert_eq(rig.modem->reg.stat, REG_OFF);
    ask("AT", "");
    expect_at(&at, 12000 + URC_MS, LINE("RDY"));
    cr_assert_eq(rig.modem->reg.stat, REG_SEARCHING);
    expect_at(&at, 13000 + URC_MS, LINE("+CPIN: READY"));
    expect_at(&at, 16000 + URC_MS, LINE("SMS DONE"));
    expect_at(&at, 18000 + URC_MS, LINE("PB DONE"));
    pass_ms(60000);
    expect("");
    stop();
}

Test(power, it_takes_a_search_to_find_a_network) {
    unit_rig_boot(&rig, "appnote-1.00", AT_TIMING_TYPICAL);
    pass_ms(16999);
    cr_assert_eq(rig.modem->reg.stat, REG_SEARCHING);
    pass_ms(1);
    cr_assert_eq(rig.modem->reg.stat, REG_HOME);
    modem_set_fun(rig.modem, FUN_FLIGHT);
    cr_assert_eq(rig.modem->reg.stat, REG_OFF);
    modem_set_fun(rig.modem, FUN_FULL);
    pass_ms(4999);
    modem_set_registration(rig.modem, REG_ROAMING);
    cr_assert_eq(rig.modem->reg.stat, REG_SEARCHING);
    pass_ms(1);
    cr_assert_eq(rig.modem->reg.stat, REG_ROAMING);
    modem_set_registration(rig.modem, REG_HOME);
    cr_assert_eq(rig.modem->reg.stat, REG_HOME, "no search: it has not begun to look");
    modem_set_left(rig.modem, true);
    modem_set_left(rig.modem, false);
    modem_set_left(rig.modem, true);
    pass_ms(60000);
    cr_assert_eq(rig.modem->reg.stat, REG_OFF);
    stop();
}

Test(power, a_port_on_usb_is_there_when_it_starts) {
    int64_t at = 0;
    unit_rig_boot(&rig, "sim7600e", AT_TIMING_TYPICAL);
    expect_at(&at, 2000 + URC_MS, LINE("RDY"));
    unit_rig_type(&rig, "AT\r");
    pass_ms(15);
    expect("AT\r" OK);
    stop();
}

Test(power, at_the_worst_it_takes_as_long_and_comes_back_as_late) {
    int64_t at = 0;
    unit_rig_boot(&rig, "appnote-1.00", AT_TIMING_WORST);
    expect_at(&at, 30300, LINE("RDY"));
    pass_ms(60000);
    expect(LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
    unit_rig_type(&rig, "AT+CRESET\r");
    pass_ms(300);
    expect("AT+CRESET\r" OK);
    pass_ms(100 + 10000 + 30000 + 299);
    expect("");
    pass_ms(1);
    expect(LINE("RDY"));
    stop();
}

static const struct {
    enum sim_state state;
    const char *lines;
} cards[] = {
    {SIM_PIN, LINE("RDY") LINE("+CPIN: SIM PIN")},
    {SIM_PUK, LINE("RDY") LINE("+CPIN: SIM PUK")},
    {SIM_ABSENT, LINE("RDY") LINE("+CPIN: SIM REMOVED")},
};

Test(power, what_stands_behind_the_card_does_not_come_without_it) {
    for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++) {
        unit_rig_boot(&rig, "appnote-1.00", AT_TIMING_TYPICAL);
        modem_set_sim(rig.modem, cards[i].state);
        pass_ms(60000);
        expect(cards[i].lines);
        modem_set_sim(rig.modem, SIM_READY);
        pass_ms(10000);
        expect(LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
        stop();
    }
}
