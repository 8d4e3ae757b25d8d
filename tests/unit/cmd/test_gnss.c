/* The receiver as commands have it, with what the outside does to it. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/unit_suite.h"

#define EMPTY LINE("+CGPSINFO: ,,,,,,,,")
#define HERE "3113.330650,N,12121.262554,E"
#define STOPPED LINE("+CGPS: 0")

static void set_sky(bool is_clear) {
    struct gnss_sky sky = gnss_sky_now(&rig.modem->gnss);
    sky.is_clear = is_clear;
    gnss_set_sky(&rig.modem->gnss, &sky);
}

static void restart(void) {
    modem_restart(rig.modem, CLK_S(1), false);
    pass_s(2);
    unit_rig_read(&rig);
    ask("ATE0", "ATE0\r" OK);
}

/* Manual time begins with 2000. */
Test(cmd_gnss, a_position_is_told_once_it_is_known) {
    start();
    ask("AT+CGPSINFO", EMPTY OK);
    ask("AT+CGPS=1", OK);
    pass_s(34);
    ask("AT+CGPSINFO", EMPTY OK);
    ask("AT+CGNSSINFO", LINE("+CGNSSINFO: ,,,,,,,,,,,,,,,") OK);
    pass_s(1);
    expect("");
    ask("AT+CGPSINFO", LINE("+CGPSINFO: " HERE ",010100,000035.0,32.9,0.0,") OK);
    ask("AT+CGNSSINFO",
        LINE("+CGNSSINFO: 3,09,05,00," HERE ",010100,000035.0,32.9,0.0,,1.0,0.6,0.9") OK);
    set_sky(false);
    ask("AT+CGPSINFO", EMPTY OK);
    ask("AT+CGPS?", LINE("+CGPS: 1,1") OK);
    stop();
}

Test(cmd_gnss, it_moves) {
    start();
    struct gnss_sky sky = gnss_default_sky();
    sky.place = (struct gnss_place){-0.25, -71.5, 2850.04, 60, 180};
    sky.cold = CLK_S(2);
    gnss_set_sky(&rig.modem->gnss, &sky);
    ask("AT+CGPS=1", OK);
    pass_s(60);
    ask("AT+CGPSINFO",
        LINE("+CGPSINFO: 0016.000000,S,07130.000000,W,010100,000100.0,2850.0,60.0,180.0") OK);
    stop();
}

Test(cmd_gnss, two_dimensions_are_told_apart) {
    start();
    struct gnss_sky sky = gnss_default_sky();
    memset(sky.satellites, 0, sizeof sky.satellites);
    sky.satellites[GNSS_BEIDOU] = 3;
    gnss_set_sky(&rig.modem->gnss, &sky);
    ask("AT+CGPS=1", OK);
    pass_s(35);
    ask("AT+CGNSSINFO",
        LINE("+CGNSSINFO: 2,00,00,03," HERE ",010100,000035.0,32.9,0.0,,4.8,2.7,4.0") OK);
    stop();
}

Test(cmd_gnss, a_start_needs_a_receiver_that_has_stopped) {
    start();
    ask("AT+CGPS=1", OK);
    ask("AT+CGPS=1", LINE("ERROR"));
    ask("AT+CGPSCOLD", LINE("ERROR"));
    ask("AT+CGPSHOT", LINE("ERROR"));
    ask("AT+CGPSDEL", LINE("ERROR"));
    ask("AT+CGPS=0", OK);
    ask("AT+CGPS?", LINE("+CGPS: 0,1") OK);
    ask("AT+CGPSCOLD", LINE("ERROR"));
    pass_s(1);
    expect(STOPPED);
    ask("AT+CGPSCOLD", OK);
    ask("AT+CGPS=0", OK);
    pass_s(1);
    expect(STOPPED);
    ask("AT+CGPS=0", OK STOPPED);
    stop();
}

Test(cmd_gnss, hot_and_cold_are_as_they_are_called) {
    start();
    ask("AT+CGPSHOT", OK);
    pass_s(35);
    ask("AT+CGPS=0", OK);
    pass_s(1);
    ask("AT+CGPSHOT", STOPPED OK);
    pass_s(1);
    ask("AT+CGPSINFO", LINE("+CGPSINFO: " HERE ",010100,000037.0,32.9,0.0,") OK);
    ask("AT+CGPS=0", OK);
    pass_s(1);
    ask("AT+CGPSCOLD", STOPPED OK);
    pass_s(34);
    ask("AT+CGPSINFO", EMPTY OK);
    ask("AT+CGPS=0", OK);
    pass_s(1);
    ask("AT+CGPSDEL", STOPPED OK);
    ask("AT+CGPS=1", OK);
    pass_s(34);
    ask("AT+CGPSINFO", EMPTY OK);
    stop();
}

Test(cmd_gnss, some_settings_are_refused_while_it_runs) {
    static const char *const lines[] = {"AT+CGPSNMEA=31", "AT+CGPSMD=0", "AT+CGPSMSB=0",
                                        "AT+CGPSHOR=10"};
    start();
    ask("AT+CGPS=1", OK);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        unit_rig_type(&rig, lines[i]);
        ask("", LINE("ERROR"));
    }
    ask("AT+CGPSNMEA?;+CGPSMD?;+CGPSMSB?;+CGPSHOR?",
        LINE("+CGPSNMEA: 198143") LINE("+CGPSMD: 1") LINE("+CGPSMSB: 1") LINE("+CGPSHOR: 50,0") OK);
    stop();
}

Test(cmd_gnss, reports_come_by_their_periods_until_they_are_stopped) {
    start();
    ask("AT+CGPSINFO=2", OK);
    ask("AT+CGNSSINFO=3", OK);
    pass_s(1);
    expect("");
    pass_s(2);
    expect(EMPTY LINE("+CGNSSINFO: ,,,,,,,,,,,,,,,"));
    ask("AT+CGNSSINFO=0", OK);
    pass_s(1);
    expect(EMPTY);
    ask("AT+CGPSINFO=5", OK);
    pass_s(4);
    expect("");
    pass_s(1);
    expect(EMPTY);
    ask("AT+CGPSINFO?", LINE("+CGPSINFO: 5") OK);
    ask("AT&F", OK);
    pass_s(20);
    expect("");
    ask("AT+CGPSINFO=256", "AT+CGPSINFO=256\r" LINE("ERROR")); /* echo is back */
    stop();
}

Test(cmd_gnss, sentences_come_while_it_runs) {
    start();
    ask("AT+CGPSINFOCFG=1,17", OK);
    pass_s(2);
    expect("");
    ask("AT+CGPS=1", OK);
    pass_s(1);
    expect(LINE("$GPGGA,,,,,,0,,,,,,,,*66") LINE("$GPVTG,,T,,M,,N,,K,N*2C"));
    ask("AT+CGPSINFOCFG=2", OK);
    ask("AT+CGPSINFOCFG?", LINE("+CGPSINFOCFG: 2,17") OK);
    pass_s(1);
    expect("");
    pass_s(1);
    expect(LINE("$GPGGA,,,,,,0,,,,,,,,*66") LINE("$GPVTG,,T,,M,,N,,K,N*2C"));
    ask("AT+CGPS=0", OK);
    pass_s(10);
    expect(STOPPED);
    stop();
}

Test(cmd_gnss, a_flood_of_sentences_is_bounded) {
    start();
    struct gnss_sky sky = gnss_default_sky();
    for (unsigned s = 0; s < GNSS_QZSS; s++) {
        sky.satellites[s] = GNSS_SATELLITES;
    }
    gnss_set_sky(&rig.modem->gnss, &sky);
    ask("AT+CGNSSMODE=15;+CGPSAUTO=1", OK);
    restart();
    ask("AT+CGPSINFOCFG=1,262143", OK);
    unit_rig_type(&rig, "AT"); /* half a line: they wait */
    pass_s(3600);
    expect("");
    unit_rig_type(&rig, "\r");
    size_t n = 0;
    for (const char *p = unit_rig_read(&rig); (p = strchr(p, '$')) != NULL; p++) {
        n++;
    }
    cr_assert_eq(n, LIMIT_URCS);
    stop();
}

Test(cmd_gnss, the_test_mode_tells_strengths) {
    start();
    ask("AT+CGPSFTM=1", OK);
    pass_s(1);
    expect("");
    ask("AT+CGPS=1", OK);
    pass_s(1);
    expect(LINE("$GLGSV,68,27.8,75,35.0,82,42.2,65,30.8,72,38.0") LINE(
        "$GPGSV,4,24.5,11,31.8,18,39.0,25,27.5,32,34.8,7,42.0,14,30.5,21,37.8,28,26.2"));
    set_sky(false);
    pass_s(1);
    expect("");
    ask("AT+CGPSFTM=0", OK);
    set_sky(true);
    pass_s(2);
    expect("");
    stop();
}

/* AT+CGPSNMEA, AT+CGNSSMODE, AT+CGPSAUTO count from the next start of the module on. */
Test(cmd_gnss, what_counts_from_a_start_on_does) {
    start();
    ask("AT+CGPSNMEA=198139;+CGNSSMODE=0,1;+CGPSAUTO=1;+CGPSFTM=1", OK);
    ask("AT+CGPS=1", OK);
    pass_s(1);
    cr_assert_not_null(strstr(unit_rig_read(&rig), "$GLGSV"));
    restart();
    ask("AT+CGPS?;+CGPSNMEA?;+CGNSSMODE?;+CGPSFTM?",
        LINE("+CGPS: 1,1") LINE("+CGPSNMEA: 198139") LINE("+CGNSSMODE: 0,1") LINE("+CGPSFTM: 0")
            OK);
    ask("AT+CGPSFTM=1", OK);
    pass_s(2);
    expect(""); /* GPS is silent, and there is nothing else */
    pass_s(40);
    ask("AT+CGNSSINFO", LINE("+CGNSSINFO: 3,09,00,00," HERE ",010100,000045.0,32.9,0.0,,1.6,0.9,"
                             "1.3") OK);
    stop();
}

Test(cmd_gnss, a_restart_stops_it_and_keeps_what_it_knows) {
    start();
    ask("AT+CGPS=1;+CGPSINFO=1", OK);
    pass_s(35);
    restart();
    ask("AT+CGPS?;+CGPSINFO?", LINE("+CGPS: 0,1") LINE("+CGPSINFO: 0") OK);
    pass_s(10);
    expect("");
    ask("AT+CGPS=1", OK);
    pass_s(1);
    unit_rig_type(&rig, "AT+CGPSINFO\r");
    cr_assert_not_null(strstr(unit_rig_read(&rig), "+CGPSINFO: " HERE));
    stop();
}

Test(cmd_gnss, power_that_goes_is_not_told_as_a_stop) {
    start();
    ask("AT+CGPS=1", OK);
    modem_power_off(rig.modem, false);
    pass_s(1);
    cr_assert_eq(rig.modem->gnss.state, GNSS_OFF);
    modem_power_on(rig.modem);
    pass_s(1);
    cr_assert_null(strstr(unit_rig_read(&rig), "+CGPS"));
    stop();
}

Test(cmd_gnss, what_stopped_while_it_hung_is_told_behind_it) {
    start();
    ask("AT+CGPS=1", OK);
    ask("AT+CGPS=0", OK);
    modem_set_hung(rig.modem, true);
    pass_s(10);
    expect("");
    modem_set_hung(rig.modem, false);
    pass_s(1);
    expect(STOPPED);
    stop();
}

Test(cmd_gnss, flight_mode_leaves_it_alone) {
    start();
    ask("AT+CGPS=1", OK);
    ask("AT+CFUN=4", OK);
    pass_s(35);
    ask("AT+CGPS?", LINE("+CGPS: 1,1") OK);
    unit_rig_type(&rig, "AT+CGPSINFO\r");
    cr_assert_not_null(strstr(unit_rig_read(&rig), "+CGPSINFO: " HERE));
    stop();
}

Test(cmd_gnss, help_needs_a_server_and_a_network) {
    start();
    ask("AT+CGPS=1,3", LINE("ERROR"));
    ask("AT+CGPSURL=\"111.222.333.444:8888\"", OK);
    ask("AT+CGPS=1,3", LINE("ERROR")); /* from the next start on */
    restart();
    ask("AT+CGPS=1,3", OK);
    pass_s(11);
    expect(LINE("+CAGPSINFO:3122217750,12135437590,33,01012000,000013.0"));
    pass_s(60);
    expect("");
    ask("AT+CGPS=0", OK);
    pass_s(1);
    expect(STOPPED);
    modem_set_attached(rig.modem, false);
    ask("AT+CGPS=1,3", LINE("ERROR"));
    ask("AT+CGPS=1,2", OK); /* goes on alone */
    ask("AT+CGPS?", LINE("+CGPS: 1,1") OK);
    ask("AT+CGPS=0", OK);
    pass_s(1);
    ask("AT+CGPSMSB=0", STOPPED OK);
    ask("AT+CGPS=1,2", LINE("ERROR"));
    stop();
}

Test(cmd_gnss, the_control_plane_needs_no_server) {
    start();
    ask("AT+CGPSMD=0", OK);
    ask("AT+CGPS=1,2", OK);
    ask("AT+CGPS?", LINE("+CGPS: 1,2") OK);
    pass_s(11);
    unit_rig_type(&rig, "AT+CGPSINFO\r");
    cr_assert_not_null(strstr(unit_rig_read(&rig), "+CGPSINFO: " HERE));
    stop();
}

Test(cmd_gnss, modes_that_are_not_supported_do_not_start) {
    start();
    ask("AT+CGPSPMD=2;+CGPSMD=0", OK);
    restart();
    ask("AT+CGPS=1", LINE("ERROR"));
    ask("AT+CGPS=1,3", LINE("ERROR"));
    ask("AT+CGPS=1,2", OK);
    stop();
}

Test(cmd_gnss, the_assistance_file_is_fetched_and_helps) {
    start();
    ask("AT+CGPSXD=0", LINE("ERROR"));
    ask("AT+CGPSXE=1;+CGPSXDAUTO=1", OK);
    ask("AT+CGPSXTRADATA?", LINE("+CGPSXTRADATA: 0,\"1980/01/06,00:00:00\"") OK);
    restart();
    modem_set_attached(rig.modem, false);
    ask("AT+CGPSXD=1", LINE("+CGPSXD: 227") LINE("ERROR"));
    ask("AT+CGPS=1", OK LINE("+CGPSXD: 227"));
    ask("AT+CGPS=0", OK);
    pass_s(1);
    modem_set_attached(rig.modem, true);
    ask("AT+CGPS=1", STOPPED OK LINE("+CGPSXD: 0"));
    pass_s(11);
    unit_rig_type(&rig, "AT+CGPSINFO\r");
    cr_assert_not_null(strstr(unit_rig_read(&rig), "+CGPSINFO: " HERE));
    ask("AT+CGPSXTRADATA?", LINE("+CGPSXTRADATA: 10080,\"2000/01/01,00:00:03\"") OK);
    ask("AT+CGPSXD=2", OK LINE("+CGPSXD: 0"));
    ask("AT+CGPSXD?", LINE("+CGPSXD: 2") OK);
    stop();
}

Test(cmd_gnss, an_address_must_be_one) {
    start();
    ask("AT+CGPSIPV6=\"2001:db8::g\",7275", LINE("ERROR"));
    ask("AT+CGPSIPV6=\"192.0.2.1\",7275", LINE("ERROR"));
    ask("AT+CGPSIPV6=\"\",7275", LINE("ERROR"));
    ask("AT+CGPSIPV6=\"2001:db8::1\",0", LINE("ERROR"));
    ask("AT+CGPSIPV6=\"2001:db8::1\"", LINE("ERROR"));
    ask("AT+CGPSIPV6=\"0000:0000:0000:0000:0000:ffff:192.168.100.228\",1", OK);
    ask("AT+CGPSIPV6?", LINE("+CGPSIPV6: \"0000:0000:0000:0000:0000:ffff:192.168.100.228\",1") OK);
    stop();
}
