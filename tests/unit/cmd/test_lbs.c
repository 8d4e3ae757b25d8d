/* The network of the location commands, and the server when the way to it is bad. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/unit_suite.h"

#define PLACE LINE("+CLBS: 0,31.222178,121.354376,500")
#define STARTED OK LINE("+CNETSTART: 0")

TestSuite(lbs, .init = start, .fini = stop);

static void impair(enum impair_direction dir, struct impair im) {
    modem_impair(rig.modem, dir, &im);
}

Test(lbs, opening_takes_as_long_as_the_network_does) {
    modem_set_open_delay(rig.modem, CLK_S(3));
    modem_set_attached(rig.modem, false);
    modem_set_attached(rig.modem, true);
    ask("AT+CNETSTART", OK);
    ask("AT+CNETSTART?", LINE("+CNETSTART: 1") OK);
    ask("AT+CNETSTART", LINE("+CNETSTART: 6") LINE("ERROR"));
    ask("AT+CNETSTOP", LINE("+CNETSTOP: 6") LINE("ERROR"));
    ask("AT+CLBS=1,1", LINE("+CLBS: 3") OK);
    unit_rig_pass(&rig, CLK_S(3));
    expect(LINE("+CNETSTART: 0"));
    ask("AT+CLBS=1,1", PLACE OK);
}

Test(lbs, opening_has_a_time_limit) {
    modem_set_open_delay(rig.modem, CLK_S(100));
    modem_set_attached(rig.modem, false);
    modem_set_attached(rig.modem, true);
    ask("AT+CIPTIMEOUT=3000", OK);
    ask("AT+CNETSTART", OK);
    unit_rig_pass(&rig, CLK_MS(2999));
    expect("");
    unit_rig_pass(&rig, CLK_MS(1));
    expect(LINE("+CNETSTART: 2"));
    ask("AT+CNETSTART?", LINE("+CNETSTART: 0") OK);
    unit_rig_pass(&rig, CLK_S(200));
    ask("AT+CNETSTART", STARTED);
}

Test(lbs, a_context_that_is_refused_is_told) {
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE,
                    (struct bus_verdict){.act = BUS_FAIL, .delay = CLK_S(2)}, 1);
    ask("AT+CNETSTART", OK);
    unit_rig_pass(&rig, CLK_S(2));
    expect(LINE("+CNETSTART: 2"));
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, (struct bus_verdict){.act = BUS_DROP}, 1);
    ask("AT+CNETSTART", OK);
    unit_rig_pass(&rig, CLK_S(120));
    expect(LINE("+CNETSTART: 2"));
    ask("AT+CNETSTART", STARTED);
}

Test(lbs, the_network_goes_while_it_opens_and_while_it_is_open) {
    modem_set_open_delay(rig.modem, CLK_S(3));
    modem_set_attached(rig.modem, false);
    ask("AT+CNETSTART", LINE("+CNETSTART: 2") LINE("ERROR"));
    modem_set_attached(rig.modem, true);
    ask("AT+CNETSTART", OK);
    modem_set_attached(rig.modem, false);
    unit_rig_pass(&rig, CLK_S(1));
    expect(LINE("+CNETSTART: 2"));
    modem_set_attached(rig.modem, true);
    unit_rig_pass(&rig, CLK_S(3));
    ask("AT+CNETSTART", STARTED);
    modem_set_attached(rig.modem, false);
    expect("");
    ask("AT+CNETSTART?", LINE("+CNETSTART: 0") OK);
    ask("AT+CNETIPADDR?", LINE("+CNETIPADDR: Network not open") LINE("ERROR"));
}

Test(lbs, the_server_is_as_far_away_as_the_path) {
    ask("AT+CNETSTART", STARTED);
    impair(IMPAIR_UP, (struct impair){.latency_ms = 300});
    impair(IMPAIR_DOWN, (struct impair){.latency_ms = 200});
    ask("AT+CLBS=1,1", "");
    unit_rig_pass(&rig, CLK_MS(499));
    expect("");
    unit_rig_pass(&rig, CLK_MS(1));
    expect(PLACE OK);
}

Test(lbs, a_server_out_of_reach_is_a_timeout) {
    ask("AT+CNETSTART", STARTED);
    impair(IMPAIR_DOWN, (struct impair){.black_hole = true});
    ask("AT+CLBS=4,1", "");
    unit_rig_pass(&rig, CLK_MS(59999));
    expect("");
    unit_rig_pass(&rig, CLK_MS(1));
    expect(LINE("+CLBS: 2") OK);
    ask("AT+CLBS=9,1", "");
    unit_rig_pass(&rig, CLK_S(60));
    expect(LINE("+CLBS: 82") OK);
}

Test(lbs, a_network_that_goes_ends_the_question) {
    ask("AT+CNETSTART", STARTED);
    impair(IMPAIR_UP, (struct impair){.latency_ms = 1000});
    ask("AT+CLBS=1,1", "");
    modem_set_attached(rig.modem, false);
    expect(LINE("+CLBS: 3") OK);
    unit_rig_pass(&rig, CLK_S(2));
    expect("");
}

Test(lbs, a_driver_that_leaves_and_a_restart_end_the_question) {
    ask("AT+CNETSTART", STARTED);
    impair(IMPAIR_UP, (struct impair){.latency_ms = 1000});
    ask("AT+CLBS=1,1", "");
    chan_set_open(&rig.ch, false);
    unit_rig_pass(&rig, CLK_S(2));
    chan_set_open(&rig.ch, true);
    unit_rig_read(&rig);
    ask("AT+CLBS=1,1", "");
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(2));
    cr_assert_null(strstr(unit_rig_read(&rig), "+CLBS"));
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CNETSTART?", LINE("+CNETSTART: 0") OK);
}

Test(lbs, a_module_without_its_network_has_no_place) {
    unit_rig_stop(&rig);
    unit_rig_start(&rig, "sim7600ce");
    modem_set_registration(rig.modem, REG_SEARCHING);
    ask("AT+CASSISTLOC=1", LINE("+CASSISTLOC: ,,,") OK);
}
