/* What the module measures, and its pins, changed from outside. */
#include <criterion/criterion.h>

#include "tests/support/unit_suite.h"

#define UNDER LINE("UNDER-VOLTAGE WARNNING")
#define FORTY "0123456789012345678901234567890123456789"
#define OVER LINE("OVER-VOLTAGE WARNNING")

Test(hardware, what_is_measured_is_told) {
    start();
    modem_set_supply(rig.modem, 3591);
    modem_set_temperature(rig.modem, -7);
    modem_set_adc(rig.modem, 1, 1200);
    ask("AT+CBC", LINE("+CBC: 3.591V") OK);
    ask("AT+CPMUTEMP", LINE("+CPMUTEMP: -7") OK);
    ask("AT+CADC=2", LINE("+CADC: 187") OK);
    ask("AT+CADC2=2", LINE("+CADC2: 1200") OK);
    modem_set_supply(rig.modem, 3005);
    ask("AT+CBC", LINE("+CBC: 3.005V") OK);
    stop();
}

Test(hardware, the_devices_on_the_bus_are_those_of_the_board) {
    start();
    cr_assert_eq(modem_set_i2c(rig.modem, 0x50, 0x02, 0xab), 0);
    ask("AT+CRIIC=0x50,0x01,3", LINE("+CRIIC: 0x00,0xab,0x00") OK);
    modem_set_i2c(rig.modem, 0x50, 0x01, 0xcd);
    ask("AT+CRIIC=0x50,0x01,2", LINE("+CRIIC: 0xcd,0xab") OK);
    modem_restart(rig.modem, CLK_US(0), false);
    expect(LINE("RDY") LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CRIIC=0x50,0x01,1", LINE("+CRIIC: 0xcd") OK);
    modem_remove_i2c(rig.modem, 0x50);
    ask("AT+CRIIC=0x50,0x01,1", LINE("ERROR"));
    stop();
}

Test(hardware, a_bad_supply_is_told_each_ten_seconds_until_it_is_good) {
    start();
    modem_set_supply(rig.modem, 3399);
    pass_s(30);
    expect("");
    ask("AT+CVALARM=1,3400,4200", OK UNDER);
    pass_s(9);
    expect("");
    pass_s(1);
    expect(UNDER);
    modem_set_supply(rig.modem, 3400);
    pass_s(30);
    expect("");
    modem_set_supply(rig.modem, 4201);
    expect(OVER);
    pass_s(10);
    expect(OVER);
    ask("AT+CVALARM=0", OK);
    pass_s(30);
    expect("");
    stop();
}

Test(hardware, the_module_goes_off_where_it_is_told_to) {
    start();
    ask("AT+CPMVT=1,3300", OK);
    modem_set_supply(rig.modem, 3300);
    pass_s(1);
    expect("");
    modem_set_supply(rig.modem, 3299);
    expect(LINE("UNDER-VOLTAGE WARNNING POWER DOWN"));
    modem_set_supply(rig.modem, 3298);
    pass_s(1);
    expect("");
    cr_assert_eq(rig.modem->power, POWER_OFF);
    modem_power_on(rig.modem);
    pass_s(1);
    cr_assert_eq(rig.modem->power, POWER_ON);
    stop();
}

Test(hardware, a_critical_temperature_is_told_and_ends_it) {
    start();
    modem_set_temperature(rig.modem, 81);
    expect("");
    ask("AT+CMTE=1", OK LINE("+CMTE:1"));
    modem_set_temperature(rig.modem, 85);
    expect("");
    modem_set_temperature(rig.modem, 80);
    modem_set_temperature(rig.modem, -31);
    expect(LINE("+CMTE:-1"));
    modem_set_temperature(rig.modem, -41);
    expect(LINE("+CMTE:-2"));
    pass_s(1);
    cr_assert_eq(rig.modem->power, POWER_OFF);
    stop();
}

Test(hardware, an_input_shows_what_is_outside_and_an_output_what_is_driven) {
    start();
    unsigned pin = (unsigned)hardware_find_pin(43);
    cr_assert_eq(hardware_find_pin(42), -1);
    modem_set_pin_outside(rig.modem, pin, true);
    ask("AT+CGGETV=43", LINE("+CGGETV: 43,1") OK);
    ask("AT+CGDRT=43,1", OK);
    ask("AT+CGGETV=43", LINE("+CGGETV: 43,0") OK);
    ask("AT+CGDRT=43,0", OK);
    ask("AT+CGGETV=43", LINE("+CGGETV: 43,1") OK);
    stop();
}

Test(hardware, an_interrupt_comes_with_its_edge_or_its_level) {
    start();
    unsigned pin = (unsigned)hardware_find_pin(41);
    ask("AT+CGISR=41,2,1", OK);
    modem_set_pin_outside(rig.modem, pin, true);
    expect(LINE("GPIO_41_ISR!"));
    modem_set_pin_outside(rig.modem, pin, true);
    modem_set_pin_outside(rig.modem, pin, false);
    expect("");
    ask("AT+CGISR=41,1,0,\"low\"", OK LINE("low"));
    modem_set_pin_outside(rig.modem, pin, true);
    expect("");
    modem_set_pin_outside(rig.modem, pin, false);
    expect(LINE("low"));
    ask("AT+CGISR=41,2,1,\"" FORTY "123456\"", OK);
    modem_set_pin_outside(rig.modem, pin, true);
    expect(LINE(FORTY "12345"));
    ask("AT+CGISR=41,0", OK);
    modem_set_pin_outside(rig.modem, pin, false);
    modem_set_pin_outside(rig.modem, pin, true);
    expect("");
    stop();
}

Test(hardware, a_restart_forgets_directions_and_interrupts_but_not_functions) {
    start();
    ask("AT+CGFUNC=40,0", OK);
    ask("AT+CGFUNC=43,1", OK);
    ask("AT+CGDRT=41,1", OK);
    ask("AT+CGISR=44,2,1", OK);
    modem_restart(rig.modem, CLK_US(0), false);
    pass_s(1);
    unit_rig_read(&rig);
    ask("AT+CGFUNC=40", "AT+CGFUNC=40\r" LINE("+CGFUNC: 40,0") OK);
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CGFUNC=43", LINE("+CGFUNC: 43,1") OK);
    ask("AT+CGSETV=41,1", LINE("ERROR"));
    ask("AT+CGISR=44", LINE("+CGISR: 44,0") OK);
    stop();
}

Test(hardware, another_usb_composition_restarts_the_module_and_stays) {
    start();
    ask("AT+CUSBPIDSWITCH=9001,0,0", OK);
    pass_s(10);
    expect("");
    ask("AT+CUSBPIDSWITCH=902b,0,0", OK);
    pass_s(10);
    expect(LINE("RDY") LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
    ask("AT+CUSBPIDSWITCH?", "AT+CUSBPIDSWITCH?\r" LINE("+CUSBPIDSWITCH: 902B") OK);
    stop();
}

Test(hardware, the_recovery_finds_no_update) {
    start();
    ask("AT+CDELTA", OK);
    pass_s(10);
    expect(LINE("RDY") LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
    ask("AT+CGMR", "AT+CGMR\r" LINE("+CGMR: LE20B04SIM7600E") OK);
    stop();
}
