/* The packet filters of AT+CGTFT: their number is bounded, and a restart forgets them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/support/unit_suite.h"

static const char *set(int cid, int id) {
    char line[64];
    snprintf(line, sizeof line, "AT+CGTFT=%d,%d,%d\r", cid, id, id);
    unit_rig_type(&rig, line);
    return unit_rig_read(&rig);
}

Test(tft, no_more_than_the_limit_but_what_is_there_may_change) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CGDCONT=2;+CGDCONT=2,\"IP\";+CGDCONT=3,\"IP\";+CGDCONT=4,\"IP\";+CGDCONT=5,\"IP\"", OK);
    for (int i = 0; i < LIMIT_FILTERS; i++) {
        cr_assert_str_eq(set(1 + i / 16, 1 + i % 16), OK);
    }
    cr_assert_str_eq(set(5, 1), LINE("ERROR"));
    cr_assert_str_eq(set(4, 16), OK);
    ask("AT+CGTFT=4", OK);
    cr_assert_str_eq(set(5, 1), OK);
    unit_rig_stop(&rig);
}

Test(tft, a_restart_forgets_them) {
    unit_rig_start(&rig, "sim7600e");
    cr_assert_str_eq(set(1, 1), OK);
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(5));
    unit_rig_read(&rig);
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CGTFT?", LINE("+CGTFT:") OK);
    unit_rig_stop(&rig);
}
