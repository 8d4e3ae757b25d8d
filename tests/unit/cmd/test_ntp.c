/* AT+CNTP against a server that answers; dialogues have no far end that can repeat a query. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/unit_suite.h"

enum { SIZE = 48 };

static const struct net_addr server = {0xca780265u, 123}; /* 202.120.2.101 */

TestSuite(ntp, .init = start, .fini = stop);

static bool answer(uint32_t since_1900) {
    struct fake_datagram d;
    if (!fake_host_next_datagram(rig.fake, &d) || d.n != SIZE) {
        return false;
    }
    uint8_t p[SIZE] = {0x24, 1};
    memcpy(p + 24, d.p + 40, 8);
    for (int i = 0; i < 4; i++) {
        p[40 + i] = (uint8_t)(since_1900 >> (24 - 8 * i));
    }
    return fake_host_send_datagram(rig.fake, &server, d.from_port, p, SIZE);
}

Test(ntp, the_clock_is_set_to_the_local_time) {
    ask("AT+CNTP=\"202.120.2.101\",32", OK);
    ask("AT+CNTP", OK);
    cr_assert(answer(3918196800u)); /* 2024-02-29 12:00:00 */
    expect(LINE("+CNTP: 0"));
    ask("AT+CCLK?", LINE("+CCLK: \"24/02/29,20:00:00+32\"") OK);
    unit_rig_pass(&rig, CLK_S(61));
    ask("AT+CCLK?", LINE("+CCLK: \"24/02/29,20:01:01+32\"") OK);
    ask("AT+CNTP=\"202.120.2.101\",-47", OK);
    ask("AT+CNTP", OK);
    cr_assert(answer(3918196800u));
    expect(LINE("+CNTP: 0"));
    ask("AT+CCLK?", LINE("+CCLK: \"24/02/29,00:15:00-47\"") OK);
}

Test(ntp, the_clock_has_the_years_2000_to_2099) {
    static const struct {
        uint32_t s;
        const char *told, *clock;
    } cases[] = {
        {3155673599u, LINE("+CNTP: 3"), LINE("+CCLK: \"20/01/01,00:00:00+00\"") OK},
        {3155673600u, LINE("+CNTP: 0"), LINE("+CCLK: \"00/01/01,00:00:00+00\"") OK},
        {2016466303u, LINE("+CNTP: 0"), LINE("+CCLK: \"99/12/31,23:59:59+00\"") OK},
        {2016466304u, LINE("+CNTP: 3"), LINE("+CCLK: \"99/12/31,23:59:59+00\"") OK},
    };
    ask("AT+CCLK=\"20/01/01,00:00:00\"", OK);
    ask("AT+CNTP=\"202.120.2.101\"", OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask("AT+CNTP", OK);
        cr_assert(answer(cases[i].s));
        expect(cases[i].told);
        unit_rig_type(&rig, "AT+CCLK?\r");
        expect(cases[i].clock);
    }
}

Test(ntp, one_at_a_time) {
    ask("AT+CNTP=\"202.120.2.101\"", OK);
    ask("AT+CNTP", OK);
    ask("AT+CNTP", LINE("ERROR"));
    cr_assert(answer(3918196800u));
    expect(LINE("+CNTP: 0"));
    ask("AT+CNTP", OK);
    cr_assert(answer(3918196800u));
    expect(LINE("+CNTP: 0"));
}

Test(ntp, a_network_that_goes_ends_it) {
    ask("AT+CNTP=\"202.120.2.101\"", OK);
    ask("AT+CNTP", OK);
    modem_set_attached(rig.modem, false);
    expect(LINE("+CNTP: 4"));
}

Test(ntp, a_restart_forgets_it) {
    ask("AT+CNTP=\"202.120.2.101\"", OK);
    ask("AT+CNTP", OK);
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(60));
    cr_assert_null(strstr(unit_rig_read(&rig), "+CNTP"));
}
