/* Signal, lock of the card, activity and clock. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/support/unit_suite.h"

Test(status, the_signal_is_told_when_it_has_moved_far_enough) {
    start();
    ask("AT+AUTOCSQ=1,1", OK LINE("+CSQ: 22,0"));
    modem_set_signal(rig.modem, 18, 0);
    expect("");
    modem_set_signal(rig.modem, 17, 0);
    expect(LINE("+CSQ: 17,0"));
    modem_set_signal(rig.modem, 17, 3);
    expect(LINE("+CSQ: 17,3"));
    ask("AT+CSQDELTA=0", OK);
    modem_set_signal(rig.modem, 16, 3);
    expect(LINE("+CSQ: 16,3"));
    modem_set_registration(rig.modem, REG_SEARCHING);
    expect(LINE("+CSQ: 99,99"));
    modem_set_signal(rig.modem, 3, 3);
    expect("");
    ask("AT+AUTOCSQ=0", OK);
    modem_set_registration(rig.modem, REG_HOME);
    expect("");
    stop();
}

Test(status, periodic_reports_end_with_a_restart) {
    start();
    ask("AT+AUTOCSQ=1,0", OK LINE("+CSQ: 22,0"));
    modem_set_signal(rig.modem, 3, 0);
    expect("");
    pass_s(5);
    expect(LINE("+CSQ: 3,0"));
    modem_restart(rig.modem, CLK_US(0), false);
    pass_s(20);
    cr_assert_null(strstr(unit_rig_read(&rig), "CSQ"));
    stop();
}

Test(status, a_locked_card_wants_its_pin_after_a_restart) {
    start();
    ask("AT+CLCK=\"SC\",1,\"1234\"", OK);
    ask("AT+CPWD=\"SC\",\"1234\",\"99999999\"", OK);
    modem_restart(rig.modem, CLK_US(0), false);
    expect(LINE("RDY") LINE("+CPIN: SIM PIN"));
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CLCK=\"SC\",2", LINE("+CME ERROR: 11"));
    ask("AT+CPIN=1234", LINE("+CME ERROR: 16"));
    ask("AT+SPIC", LINE("+SPIC: 2,10,3,10") OK);
    ask("AT+CPIN=99999999", OK LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
    ask("AT+CLCK=\"SC\",2", LINE("+CLCK: 1") OK);
    stop();
}

Test(status, the_third_wrong_password_of_the_lock_asks_for_the_puk) {
    start();
    ask("AT+CLCK=\"SC\",1,\"0000\"", LINE("+CME ERROR: 16"));
    ask("AT+CLCK=\"SC\",1,\"0000\"", LINE("+CME ERROR: 16"));
    ask("AT+CLCK=\"SC\",1,\"0000\"", LINE("+CME ERROR: 12") LINE("+CPIN: SIM PUK"));
    ask("AT+CPIN?", LINE("+CPIN: SIM PUK") OK);
    ask("AT+SPIC", LINE("+SPIC: 0,10,3,10") OK);
    stop();
}

Test(status, a_call_is_an_activity) {
    start();
    modem_set_voice_call(rig.modem, true);
    ask("AT+CPAS", LINE("+CPAS: 4") OK);
    modem_set_voice_call(rig.modem, false);
    ask("AT+CPAS", LINE("+CPAS: 0") OK);
    stop();
}

Test(status, the_clock_goes_on_through_leap_days_centuries_and_restarts) {
    static const struct {
        const char *set, *then;
    } cases[] = {
        {"00/02/28,23:59:59+00", "00/02/29,00:00:00+00"},
        {"99/12/31,23:59:59-47", "00/01/01,00:00:00-47"},
        {"23/02/28,23:59:59+48", "23/03/01,00:00:00+48"},
        {"24/12/31,23:59:59", "25/01/01,00:00:00+48"},
    };
    start();
    ask("AT+CCLK?", LINE("+CCLK: \"00/01/01,00:00:00+00\"") OK);
    ask("AT+CTZU=0", OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[RTC_TEXT];
        cr_assert_eq(rtc_set(&rig.modem->rtc, rig.clk, sv_of(cases[i].set)), 0);
        pass_s(1);
        rtc_text(&rig.modem->rtc, rig.clk, text);
        cr_assert_str_eq(text, cases[i].then);
    }
    modem_restart(rig.modem, CLK_US(0), false);
    pass_s(1);
    unit_rig_read(&rig);
    ask("AT+CCLK?", "AT+CCLK?\r" LINE("+CCLK: \"25/01/01,00:00:01+48\"") OK);
    stop();
}

Test(status, no_such_time_is_refused_and_changes_nothing) {
    static const char *const bad[] = {"",
                                      "08/11/28",
                                      "08/13/01,00:00:00",
                                      "08/00/01,00:00:00",
                                      "08/04/31,00:00:00",
                                      "08/04/00,00:00:00",
                                      "08/04/01,00:60:00",
                                      "08/04/01,00:00:60",
                                      "08/04/01,00:00:00+",
                                      "08/04/01,00:00:00+4x",
                                      "08/04/01,00:00:00-48",
                                      "08/04/01,00:00:00 00",
                                      "x8/04/01,00:00:00",
                                      "08/04/01 00:00:00"};
    start();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(rtc_set(&rig.modem->rtc, rig.clk, sv_of(bad[i])), -EINVAL, "%s", bad[i]);
    }
    ask("AT+CCLK?", LINE("+CCLK: \"00/01/01,00:00:00+00\"") OK);
    stop();
}

Test(status, the_imsi_of_a_locked_card_cannot_be_read_but_its_number_can) {
    start();
    modem_set_sim(rig.modem, SIM_PIN);
    expect(LINE("+CPIN: SIM PIN"));
    ask("AT+CRSM=176,28423,0,0,9", LINE("+CRSM: 105,130") OK);
    ask("AT+CRSM=176,12258,0,0,1", LINE("+CRSM: 144,0,\"98\"") OK);
    modem_set_sim(rig.modem, SIM_ABSENT);
    expect(LINE("+CPIN: SIM REMOVED"));
    ask("AT+CRSM=176,12258,0,0,1", LINE("+CME ERROR: 10"));
    stop();
}
