/* What the network grants, what the module is, and what the commands show of it. */
#include <criterion/criterion.h>

#include "tests/support/unit_suite.h"

Test(registration, what_is_denied_stays_denied_whatever_is_commanded) {
    unit_rig_start(&rig, "sim7600e");
    modem_set_registration(rig.modem, REG_DENIED);
    ask("AT+CREG?", LINE("+CREG: 0,3") OK);
    ask("AT+CFUN=4", OK);
    ask("AT+CREG?", LINE("+CREG: 0,0") OK);
    ask("AT+CFUN=1", OK);
    ask("AT+CREG?", LINE("+CREG: 0,3") OK);
    ask("AT+COPS=2", OK);
    ask("AT+CREG?", LINE("+CREG: 0,0") OK);
    ask("AT+COPS=0", OK);
    ask("AT+CREG?", LINE("+CREG: 0,3") OK);
    modem_set_registration(rig.modem, REG_ROAMING);
    ask("AT+CREG?", LINE("+CREG: 0,5") OK);
    unit_rig_stop(&rig);
}

Test(registration, a_grant_is_kept_while_the_radio_is_off) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CREG=1;+CFUN=0", OK LINE("+CREG: 0"));
    modem_set_registration(rig.modem, REG_ROAMING);
    ask("AT+CREG?", LINE("+CREG: 1,0") OK);
    ask("AT+CFUN=1", OK LINE("+CREG: 5"));
    unit_rig_stop(&rig);
}

Test(registration, who_left_the_network_stays_away_through_flight_mode) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+COPS=2", OK);
    ask("AT+CFUN=4", OK);
    ask("AT+CFUN=1", OK);
    ask("AT+CREG?", LINE("+CREG: 0,0") OK);
    unit_rig_stop(&rig);
}

Test(registration, csq_shows_the_signal_while_registered) {
    unit_rig_start(&rig, "sim7600e");
    modem_set_signal(rig.modem, 3, 7);
    ask("AT+CSQ", LINE("+CSQ: 3,7") OK);
    modem_set_registration(rig.modem, REG_SEARCHING);
    ask("AT+CSQ", LINE("+CSQ: 99,99") OK);
    unit_rig_stop(&rig);
}

Test(registration, another_technology_shows_in_every_report) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CEREG=1;+CNSMOD=1", OK);
    modem_set_tech(rig.modem, PROFILE_GSM);
    expect(LINE("+CEREG: 4") LINE("+CNSMOD: 2"));
    ask("AT+CPSI?", LINE("+CPSI: GSM,Online,262-01,0x5A1E,43964,27 EGSM 900,-64,2110,42-42") OK);
    ask("AT+COPS?", LINE("+COPS: 0,0,\"Telekom.de\",0") OK);
    ask("AT+CNSMOD?", LINE("+CNSMOD: 1,2") OK);
    ask("AT+CREG?", LINE("+CREG: 0,1") OK);
    modem_set_tech(rig.modem, PROFILE_WCDMA);
    expect(LINE("+CNSMOD: 4"));
    ask("AT+COPS?", LINE("+COPS: 0,0,\"Telekom.de\",2") OK);
    modem_set_tech(rig.modem, PROFILE_LTE);
    expect(LINE("+CEREG: 1") LINE("+CNSMOD: 8"));
    ask("AT+CPSI?", LINE("+CPSI: LTE,Online,262-01,0x5A1E,187214780,257,EUTRAN-BAND3,1850,5,5,-94,"
                         "-850,-545,15") OK);
    unit_rig_stop(&rig);
}

Test(registration, mode_2_reports_another_cell_as_well) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CREG=2;+CGREG=2;+CEREG=2", OK);
    modem_set_tech(rig.modem, PROFILE_WCDMA);
    expect(LINE("+CREG: 1,5A1E,B28ABBD") LINE("+CGREG: 1,5A1E,B28ABBD") LINE("+CEREG: 4"));
    ask("AT+CREG?", LINE("+CREG: 2,1,5A1E,B28ABBD") OK);
    ask("AT+CGREG=1", OK);
    modem_set_tech(rig.modem, PROFILE_GSM);
    expect(LINE("+CREG: 1,5A1E,ABBC"));
    modem_set_tech(rig.modem, PROFILE_LTE);
    expect(LINE("+CREG: 1,5A1E,B28ABBC") LINE("+CEREG: 1,5A1E,B28ABBC,7"));
    modem_set_attached(rig.modem, false);
    expect(LINE("+CGREG: 0") LINE("+CEREG: 0"));
    modem_set_registration(rig.modem, REG_ROAMING);
    expect(LINE("+CREG: 5,5A1E,B28ABBC"));
    unit_rig_stop(&rig);
}

Test(registration, a_call_holds_tcp_up_as_soon_as_the_cell_is_gsm) {
    unit_rig_start(&rig, "sim7600e");
    modem_set_voice_call(rig.modem, true);
    cr_assert(!rig.modem->bearer.is_suspended);
    modem_set_tech(rig.modem, PROFILE_GSM);
    cr_assert(rig.modem->bearer.is_suspended);
    modem_set_voice_call(rig.modem, false);
    cr_assert(!rig.modem->bearer.is_suspended);
    unit_rig_stop(&rig);
}
