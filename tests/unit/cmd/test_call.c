/* Calls that the world outside makes. */
#include <criterion/criterion.h>

#include "emulator/model/modem.h"
#include "tests/support/unit_suite.h"

TestSuite(call, .init = start, .fini = stop);

Test(call, is_listed_and_ended_with_its_length) {
    modem_set_voice_call(rig.modem, true);
    ask("AT+CLCC", LINE("+CLCC: 1,0,0,0,0") OK);
    unit_rig_pass(&rig, CLK_S(3600 + 61));
    ask("AT+CHUP", LINE("VOICE CALL: END: 010101") OK);
    cr_assert_not(rig.modem->has_call);
    ask("AT+CLCC;+CHUP", OK);
}

Test(call, changes_are_reported_when_wanted) {
    modem_set_voice_call(rig.modem, true);
    unit_rig_expect(&rig, "");
    ask("AT+CLCC=1", OK);
    ask("AT+CHUP", LINE("VOICE CALL: END: 000000") OK LINE("+CLCC: 1,0,6,0,0"));
    modem_set_voice_call(rig.modem, true);
    unit_rig_expect(&rig, LINE("+CLCC: 1,0,0,0,0"));
}
