/* The UART that sleeps while DTR is off. */
#include <criterion/criterion.h>

#include "emulator/model/sim.h"
#include "tests/support/unit_suite.h"

static void start_sleeper(void) {
    unit_rig_start(&rig, "appnote-1.00");
    chan_set_open(&rig.ch, true);
}

TestSuite(sleep, .init = start_sleeper, .fini = stop);

static void away_ms(int64_t ms) {
    chan_set_open(&rig.ch, false);
    pass_ms(ms);
    chan_set_open(&rig.ch, true);
}

Test(sleep, it_sleeps_in_time_and_wakes_in_time) {
    ask("AT+CSCLK=1", OK);
    away_ms(14999);
    ask("AT", OK);
    away_ms(15000);
    ask("AT", "");
    pass_ms(19);
    ask("AT", "");
    pass_ms(1);
    expect("");
    ask("AT", OK);
}

Test(sleep, it_does_so_only_if_it_is_let) {
    away_ms(60000);
    ask("AT", OK);
    ask("AT+CSCLK=1", OK);
    away_ms(60000);
    pass_ms(20);
    ask("AT+CSCLK=0", OK);
    away_ms(60000);
    ask("AT", OK);
}

Test(sleep, speed_0_is_dtr_off_too) {
    ask("AT+CSCLK=1", OK);
    chan_set_dtr(&rig.ch, false);
    pass_ms(15000);
    chan_set_dtr(&rig.ch, true);
    ask("AT", "");
    pass_ms(20);
    ask("AT", OK);
}

Test(sleep, a_driver_that_goes_again_while_it_wakes_finds_it_asleep) {
    ask("AT+CSCLK=1", OK);
    away_ms(15000);
    pass_ms(10);
    away_ms(5);
    ask("AT", "");
    pass_ms(20);
    ask("AT", OK);
}

Test(sleep, what_was_to_be_said_meanwhile_is_said_awake) {
    ask("AT+CSCLK=1", OK);
    away_ms(15000);
    modem_set_sim(rig.modem, SIM_ABSENT);
    expect("");
    pass_ms(20);
    expect(LINE("+CPIN: SIM REMOVED"));
}

Test(sleep, a_restart_in_between_leaves_it_awake) {
    ask("AT+CSCLK=1", OK);
    chan_set_open(&rig.ch, false);
    pass_ms(15000);
    modem_restart(rig.modem, CLK_US(0), false);
    pass_ms(2000);
    unit_rig_read(&rig);
    chan_set_open(&rig.ch, true);
    ask("AT", "AT\r" OK);
    ask("AT+CSCLK?", "AT+CSCLK?\r" LINE("+CSCLK: 0") OK);
}

Test(sleep, a_hang_in_between_stays_one) {
    ask("AT+CSCLK=1", OK);
    away_ms(15000);
    modem_set_hung(rig.modem, true);
    pass_ms(1000);
    ask("AT", "");
    modem_set_hung(rig.modem, false);
    ask("AT", OK);
}

Test(sleep, a_port_on_usb_stays_awake) {
    rig.profile.usb = true;
    ask("AT+CSCLK=1", OK);
    away_ms(60000);
    ask("AT", OK);
}
