/* The LAN chip's settings restart the module, which a dialogue with a vanishing tty cannot show. */
#include <criterion/criterion.h>

#include "tests/support/unit_suite.h"

#define START LINE("RDY") LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE")

static void expect_restart(void) {
    unit_rig_pass(&rig, CLK_MS(99));
    expect("");
    cr_assert_eq(rig.modem->power, POWER_ON);
    unit_rig_pass(&rig, CLK_MS(1));
    cr_assert_eq(rig.modem->power, POWER_OFF);
    unit_rig_pass(&rig, CLK_MS(1000));
    expect(START);
    ask("ATE0", "ATE0\r" OK);
}

Test(hsic, a_new_mode_restarts_the_module_and_outlasts_that) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CLANMODE=?", LINE("+CLANMODE: (0-2)") OK);
    ask("AT+CLANMODE?", LINE("+CLANMODE: 0") OK);
    ask("AT+CLANMODE=1", OK);
    expect_restart();
    ask("AT+CLANMODE?", LINE("+CLANMODE: 1") OK);
    unit_rig_stop(&rig);
}

Test(hsic, switching_the_chip_restarts_the_module_though_no_form_tells_it) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CENABLELAN=1", OK);
    expect_restart();
    ask("AT+CENABLELAN?", LINE("ERROR"));
    ask("AT+CENABLELAN=?", LINE("ERROR"));
    unit_rig_stop(&rig);
}

Test(hsic, what_is_out_of_range_restarts_nothing) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CLANMODE=3", LINE("ERROR"));
    ask("AT+CLANMODE=", LINE("ERROR"));
    ask("AT+CENABLELAN=2", LINE("ERROR"));
    unit_rig_pass(&rig, CLK_S(2));
    expect("");
    ask("AT+CLANMODE?", LINE("+CLANMODE: 0") OK);
    unit_rig_stop(&rig);
}

Test(hsic, the_switch_of_the_lan_wants_the_chip) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CLANCTRL=5", LINE("ERROR"));
    ask("AT+CENABLELAN=1", OK);
    expect_restart();
    ask("AT+CLANCTRL=5", OK);
    ask("AT+CLANCTRL=4", OK);
    ask("AT+CLANCTRL=4,\"192.168.1.1\"", LINE("ERROR"));
    unit_rig_stop(&rig);
}
