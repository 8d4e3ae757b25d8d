/* The card: pulled, put in, locked with PIN and PUK. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "emulator/at/row.h"
#include "tests/support/unit_suite.h"

#define READY LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE")
#define WRONG LINE("+CME ERROR: 16")

static void start_with(enum sim_state state, const char *told) {
    unit_rig_start(&rig, "sim7600e");
    modem_set_sim(rig.modem, state);
    expect(told);
}

Test(sim, without_a_card_there_is_no_service_and_with_one_again) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CREG=1", OK);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    modem_set_sim(rig.modem, SIM_ABSENT);
    expect(LINE("+CPIN: SIM REMOVED") LINE("+CREG: 0")
               LINE("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY"));
    ask("AT+CPIN?", LINE("+CME ERROR: 10"));
    ask("AT+CFUN=4", OK);
    modem_set_sim(rig.modem, SIM_READY);
    expect(READY);
    ask("AT+CREG?", LINE("+CREG: 1,0") OK);
    ask("AT+CFUN=1", OK LINE("+CREG: 1"));
    modem_set_sim(rig.modem, SIM_READY);
    expect("");
    stop();
}

Test(sim, the_right_pin_makes_it_ready_and_is_wanted_again_after_a_restart) {
    start_with(SIM_PIN, LINE("+CPIN: SIM PIN"));
    ask("AT+CPIN?", LINE("+CPIN: SIM PIN") OK);
    ask("AT+CREG?", LINE("+CREG: 0,0") OK);
    ask("AT+CPIN=\"1234\"", OK READY);
    ask("AT+CREG?", LINE("+CREG: 0,1") OK);
    ask("AT+CPIN=\"1234\"", WRONG);
    modem_restart(rig.modem, CLK_US(0), false);
    expect(LINE("RDY") LINE("+CPIN: SIM PIN"));
    ask("AT+CPIN=1234", "AT+CPIN=1234\r" OK READY);
    stop();
}

Test(sim, its_codes_can_be_others_of_four_to_eight_digits) {
    start_with(SIM_PIN, LINE("+CPIN: SIM PIN"));
    cr_assert_eq(modem_set_sim_codes(rig.modem, SV("123"), SV("12345678")), -EINVAL);
    cr_assert_eq(modem_set_sim_codes(rig.modem, SV("1234"), SV("123456789")), -EINVAL);
    cr_assert_eq(modem_set_sim_codes(rig.modem, SV("98765432"), SV("1111")), 0);
    ask("AT+CPIN=1234", WRONG);
    ask("AT+CPIN=98765432", OK READY);
    stop();
}

Test(sim, the_right_pin_gives_all_tries_back) {
    start_with(SIM_PIN, LINE("+CPIN: SIM PIN"));
    ask("AT+CPIN=1111", WRONG);
    ask("AT+CPIN=2222", WRONG);
    ask("AT+CPIN=1234", OK READY);
    cr_assert_eq(rig.modem->sim.pin_tries, SIM_PIN_TRIES);
    stop();
}

Test(sim, three_wrong_pins_ask_for_the_puk_which_sets_a_new_one) {
    start_with(SIM_PIN, LINE("+CPIN: SIM PIN"));
    ask("AT+CPIN=1111", WRONG);
    ask("AT+CPIN=2222", WRONG);
    ask("AT+CPIN=3333", WRONG LINE("+CPIN: SIM PUK"));
    ask("AT+CPIN=1234", LINE("+CME ERROR: 12"));
    ask("AT+CPIN=12345678,123", WRONG);
    ask("AT+CPIN=12345678,12x4", WRONG);
    cr_assert_eq(rig.modem->sim.puk_tries, SIM_PUK_TRIES);
    ask("AT+CPIN=12345678,87654321", OK READY);
    modem_restart(rig.modem, CLK_US(0), false);
    expect(LINE("RDY") LINE("+CPIN: SIM PIN"));
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CPIN=1234", WRONG);
    ask("AT+CPIN=87654321", OK READY);
    stop();
}

Test(sim, ten_wrong_puks_end_the_card) {
    start_with(SIM_PUK, LINE("+CPIN: SIM PUK"));
    for (int i = 0; i < SIM_PUK_TRIES - 1; i++) {
        ask("AT+CPIN=00000000,1111", WRONG);
    }
    ask("AT+CPIN=00000000,1111", WRONG LINE("+CPIN: SIM REMOVED"));
    ask("AT+CPIN=12345678,1111", LINE("+CME ERROR: 10"));
    stop();
}

Test(sim, access_may_fail_while_the_card_is_ready) {
    unit_rig_start(&rig, "sim7600e");
    unit_rig_answer(&rig, ASK_SIM_ACCESS, (struct bus_verdict){.act = BUS_FAIL, .code = 13}, 1);
    ask("AT+CPIN?", LINE("+CME ERROR: 13"));
    ask("AT+CPIN?", LINE("+CPIN: READY") OK);
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
    cr_assert_eq(rig.asked[ASK_SIM_ACCESS], 2);
    stop();
}

Test(sim, a_change_while_off_shows_at_the_start) {
    unit_rig_start(&rig, "sim7600e");
    modem_power_off(rig.modem, false);
    expect("");
    modem_set_sim(rig.modem, SIM_ABSENT);
    expect("");
    rig.modem->boot.sim = CLK_S(2);
    modem_power_on(rig.modem);
    expect(LINE("RDY"));
    modem_set_sim(rig.modem, SIM_PIN);
    expect("");
    unit_rig_pass(&rig, CLK_S(2));
    expect(LINE("+CPIN: SIM PIN"));
    stop();
}

/* Every form but test that can be typed without arguments, of every row with this need. */
static unsigned all_answer(unsigned need, const char *cme, const char *cms) {
    static const struct {
        enum at_form form;
        const char *suffix;
    } forms[] = {{AT_EXEC, ""}, {AT_READ, "?"}};
    unsigned asked = 0;
    for (size_t i = 0; i < at_dialect.n; i++) {
        const struct at_cmd *row = &at_dialect.rows[i];
        for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++) {
            char line[64];
            if ((row->needs & need) == 0 || (row->forms & forms[k].form) == 0) {
                continue;
            }
            snprintf(line, sizeof line, "AT%s%s\r", row->name, forms[k].suffix);
            unit_rig_type(&rig, line);
            cr_assert_str_eq(unit_rig_read(&rig), (row->flags & AT_CMS) != 0 ? cms : cme, "%s",
                             line);
            asked++;
        }
    }
    return asked;
}

#define BOTH(text) LINE("+CME ERROR: " text), LINE("+CMS ERROR: " text)

Test(sim, each_command_says_what_is_missing_as_cmee_wants_it) {
    unit_rig_start(&rig, "sim7600e");
    modem_set_sim(rig.modem, SIM_PIN);
    unit_rig_read(&rig);
    ask("AT+CMEE=0", OK);
    cr_assert_gt(all_answer(AT_NEED_PIN, LINE("ERROR"), LINE("ERROR")), 10);
    ask("AT+CMEE=1", OK);
    all_answer(AT_NEED_PIN, LINE("+CME ERROR: 11"), LINE("+CMS ERROR: 311"));
    ask("AT+CMEE=2", OK);
    all_answer(AT_NEED_PIN, BOTH("SIM PIN required"));
    modem_set_sim(rig.modem, SIM_PUK);
    unit_rig_read(&rig);
    all_answer(AT_NEED_PIN, BOTH("SIM PUK required"));
    ask("AT+CMEE=1", OK);
    all_answer(AT_NEED_PIN, LINE("+CME ERROR: 12"), LINE("+CMS ERROR: 316"));
    modem_set_sim(rig.modem, SIM_ABSENT);
    unit_rig_read(&rig);
    cr_assert_gt(all_answer(AT_NEED_SIM, LINE("+CME ERROR: 10"), LINE("+CMS ERROR: 310")), 10);
    stop();
}

Test(sim, commands_that_begin_with_a_dollar_are_not_there) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT$QCPWRDN", LINE("ERROR"));
    ask("AT$QCRMCALL=1,1", LINE("ERROR"));
    ask("AT$", LINE("ERROR"));
    ask("AT+CSQ;$X", LINE("+CSQ: 22,0") LINE("ERROR"));
    ask("AT+CMEE=2", OK);
    ask("AT$X?", LINE("ERROR"));
    stop();
}

Test(sim, what_is_on_the_card_needs_its_pin) {
    static const char *const commands[] = {
        "AT+CPBS?\r", "AT+CPBR=1\r",     "AT+CPBW=1,\"1\"\r", "AT+CPBF=\r",   "AT+CNUM\r",
        "AT+CACM?\r", "AT+CPUC?\r",      "AT+CSCA?\r",        "AT+STIN?\r",   "AT+STSM?\r",
        "ATD>SM1;\r", "ATD>\"kobe\";\r", "ATD>1;\r",          "AT+STGI=25\r",
    };
    start_with(SIM_PIN, LINE("+CPIN: SIM PIN"));
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        unit_rig_type(&rig, commands[i]);
        cr_assert_str_eq(unit_rig_read(&rig), LINE("+CME ERROR: 11"), "%s", commands[i]);
    }
    ask("AT+CRSM=176,28423,0,0,9", LINE("+CRSM: 105,130") OK);
    ask("AT+CRSM=176,12258,0,0,1", LINE("+CRSM: 144,0,\"98\"") OK);
    modem_set_sim(rig.modem, SIM_ABSENT);
    unit_rig_read(&rig);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        unit_rig_type(&rig, commands[i]);
        cr_assert_str_eq(unit_rig_read(&rig), LINE("+CME ERROR: 10"), "%s", commands[i]);
    }
    ask("AT+CSIM=10,\"00B0000001\"", LINE("+CME ERROR: 10"));
    stop();
}

Test(sim, the_application_ends_with_its_card_and_begins_with_the_pin) {
    unit_rig_start(&rig, "appnote-1.00");
    ask("AT+STK=1", OK);
    modem_restart(rig.modem, CLK_US(0), false);
    expect(LINE("RDY") READY LINE("+STIN: 25"));
    modem_set_sim(rig.modem, SIM_PIN);
    expect(LINE("+CPIN: SIM PIN"));
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CPIN=1234", OK READY LINE("+STIN: 25"));
    ask("AT+STIN?", LINE("+STIN: 25") OK);
    stop();
}
