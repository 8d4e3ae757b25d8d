/* WIFI at the module's power, which a dialogue with a vanishing tty cannot show. */
#include <criterion/criterion.h>

#include "emulator/model/wifi.h"
#include "tests/support/unit_suite.h"

#define START LINE("RDY") LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE")

TestSuite(mifi, .init = start, .fini = stop);

static void restart(void) {
    ask("AT+CRESET", OK);
    unit_rig_pass(&rig, CLK_S(2));
    expect(START);
    ask("ATE0", "ATE0\r" OK);
}

Test(mifi, what_is_set_outlasts_a_restart_but_for_the_station) {
    ask("AT+CWSSID=\"kept\"", OK);
    ask("AT+CWMAPCFG=\"enablessid2\",1", OK);
    ask("AT+CWSTAINIT=1", OK);
    ask("AT+CWSTASCAN=1", OK);
    restart();
    ask("AT+CWSSID?", LINE("+CWSSID: \"kept\"") OK);
    ask("AT+CWMAPCFG?", LINE("+CWMAPCFG: 1,0") OK);
    ask("AT+CWSTAINIT?", LINE("+CWSTAINIT: 0") OK);
    ask("AT+CWSTASCAN?", LINE("+CWSTASCAN: 0") OK);
}

Test(mifi, a_restart_sends_clients_away_and_closes_the_server) {
    struct wifi *w = rig.modem->wifi;
    cr_assert_eq(wifi_join(w, "02:00:00:00:00:01", 0), 0);
    ask("AT+CWLANSRV=0,5555,1", OK);
    ask("AT+CWLANSRV=1", OK);
    cr_assert_eq(wifi_hear(w, SV("12345")), 0);
    expect(LINE("+CWLANMSG: 5"));
    restart();
    ask("AT+CWCLICNT?", LINE("+CWCLICNT: 0") OK);
    ask("AT+CWLANMGET?", LINE("+CWLANMGET: 0") OK);
    cr_assert_eq(wifi_join(w, "02:00:00:00:00:01", 0), 0);
    ask("AT+CWLANMSG=\"31\"", LINE("ERROR"));
}

Test(mifi, the_factory_reset_of_commands_leaves_it_alone) {
    ask("AT+CWSSID=\"kept\"", OK);
    ask("AT&F", OK);
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CWSSID?", LINE("+CWSSID: \"kept\"") OK);
}
