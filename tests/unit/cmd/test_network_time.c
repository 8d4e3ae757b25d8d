/* What the network tells of the time: +CTZV, and the clock that follows it or not. */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/support/unit_suite.h"

static void tell(int zone, const char *universal, int summer) {
    struct nitz nitz;
    nitz_init(&nitz);
    nitz.zone = zone;
    nitz.summer = summer;
    nitz.has_time = false;
    if (universal != NULL) {
        cr_assert_eq(nitz_set_time(&nitz, rig.clk, sv_of(universal)), 0);
    }
    modem_set_network_time(rig.modem, &nitz);
}

Test(network_time, the_four_reports_of_the_manual) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CTZU=0;+CTZR=1", OK);
    tell(32, NULL, -1);
    expect(LINE("+CTZV: 32"));
    tell(32, NULL, 1);
    expect(LINE("+CTZV: 32,1"));
    tell(32, "08/12/09,17:00:00", -1);
    expect(LINE("+CTZV: 32,08/12/09,17:00:00"));
    tell(32, "08/12/09,17:00:00", 1);
    expect(LINE("+CTZV: 32,08/12/09,17:00:00,1"));
    unit_rig_stop(&rig);
}

Test(network_time, only_another_zone_than_the_clocks_is_reported) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CTZR=1", OK);
    tell(0, "08/12/09,17:00:00", 0);
    expect("");
    tell(-20, NULL, -1);
    expect(LINE("+CTZV: -20"));
    tell(-20, NULL, -1);
    expect("");
    ask("AT+CTZR", OK);
    tell(4, NULL, -1);
    expect("");
    unit_rig_stop(&rig);
}

Test(network_time, the_clock_follows_time_and_zone_or_the_zone_alone) {
    unit_rig_start(&rig, "sim7600e");
    tell(32, "08/12/09,17:00:00", -1);
    ask("AT+CCLK?", LINE("+CCLK: \"08/12/10,01:00:00+32\"") OK);
    tell(-4, NULL, -1);
    ask("AT+CCLK?", LINE("+CCLK: \"08/12/09,16:00:00-04\"") OK);
    unit_rig_stop(&rig);
}

Test(network_time, with_ctzu_off_the_clock_stays) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CTZU=0;+CCLK=\"20/01/01,00:00:00+08\"", OK);
    tell(32, "08/12/09,17:00:00", -1);
    ask("AT+CCLK?", LINE("+CCLK: \"20/01/01,00:00:00+08\"") OK);
    ask("AT+CTZU=1", OK);
    ask("AT+CCLK?", LINE("+CCLK: \"20/01/01,00:00:00+08\"") OK);
    ask("AT+CREG=1;+COPS=2", OK LINE("+CREG: 0"));
    ask("AT+COPS=0", OK LINE("+CREG: 1"));
    ask("AT+CCLK?", LINE("+CCLK: \"08/12/10,01:00:00+32\"") OK);
    unit_rig_stop(&rig);
}

Test(network_time, it_is_told_behind_the_registration_and_not_without_one) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CREG=1;+CTZR=1;+CTZU=0", OK);
    modem_set_registration(rig.modem, REG_SEARCHING);
    expect(LINE("+CREG: 2"));
    tell(32, NULL, -1);
    expect("");
    modem_set_registration(rig.modem, REG_ROAMING);
    expect(LINE("+CREG: 5") LINE("+CTZV: 32"));
    struct nitz silent = rig.modem->nitz;
    silent.is_silent = true;
    modem_set_network_time(rig.modem, &silent);
    modem_set_registration(rig.modem, REG_HOME);
    expect(LINE("+CREG: 1"));
    unit_rig_stop(&rig);
}

Test(network_time, no_such_time_is_refused) {
    static const char *const bad[] = {"", "08/12/09,17:00:00+32", "08/13/09,17:00:00", "x"};
    unit_rig_start(&rig, "sim7600e");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct nitz nitz;
        nitz_init(&nitz);
        cr_assert_eq(nitz_set_time(&nitz, rig.clk, sv_of(bad[i])), -EINVAL, "%s", bad[i]);
        cr_assert_eq(nitz.ahead.us, 0);
    }
    unit_rig_stop(&rig);
}
