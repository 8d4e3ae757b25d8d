/* An update of the firmware, and who decides about it. */
#include <criterion/criterion.h>

#include "tests/support/unit_suite.h"

#define UPDATE "AT+CSCFOTA=\"a\",\"b\",\"c\",\"d\",\"e\""

TestSuite(fota, .init = start, .fini = stop);

Test(fota, whoever_is_asked_decides) {
    unit_rig_answer(&rig, ASK_UPDATE_CHECK, (struct bus_verdict){.act = BUS_FAIL, .code = 5}, 1);
    ask(UPDATE, OK LINE("+CSCFOTA: 5"));
    unit_rig_answer(&rig, ASK_UPDATE_CHECK, (struct bus_verdict){.act = BUS_FAIL}, 1);
    ask(UPDATE, OK LINE("+CSCFOTA: 1"));
    unit_rig_answer(&rig, ASK_UPDATE_CHECK, (struct bus_verdict){.act = BUS_DROP}, 1);
    ask(UPDATE, OK);
    pass_ms(60000);
    expect("");
    unit_rig_answer(&rig, ASK_UPDATE_CHECK, (struct bus_verdict){.delay = CLK_S(3)}, 1);
    ask(UPDATE, OK);
    pass_ms(4999);
    expect("");
    pass_ms(1);
    expect(LINE("+CSCFOTA: 2"));
    pass_ms(5000);
    expect(LINE("+CSCFOTA: 3"));
}

Test(fota, the_network_goes_meanwhile) {
    ask(UPDATE, OK);
    pass_ms(2000);
    expect(LINE("+CSCFOTA: 2"));
    modem_set_attached(rig.modem, false);
    pass_ms(5000);
    expect(LINE("+CSCFOTA: 513"));
    ask(UPDATE, OK);
    pass_ms(2000);
    expect(LINE("+CSCFOTA: 503"));
}

Test(fota, power_ends_it_and_what_is_not_kept) {
    ask("AT+CRLP=5;+CECALLTOUT=\"T6\",6000", OK);
    ask(UPDATE, OK);
    modem_restart(rig.modem, CLK_S(1), false);
    pass_ms(9000);
    unit_rig_read(&rig);
    unit_rig_type(&rig, "ATE0\r");
    unit_rig_read(&rig);
    pass_ms(9000);
    expect("");
    ask("AT+CECALLTOUT?", LINE("+CECALLTOUT: T5=2000, T6=5000, T7=20000") OK);
    ask("AT+CRLP?", LINE("+CRLP: 61,61,48,6,0\r\n+CRLP: 0,61,48,6,1\r\n+CRLP: 240,240,52,6,2") OK);
}
