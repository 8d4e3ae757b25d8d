/* Virtual ports of a whole module: what is said where, and who has which link. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "emulator/model/modem.h"
#include "tests/support/cmux_dte.h"
#include "tests/support/unit_suite.h"

static struct cmux_decoder dte;
static char text[1 << 16];

static void put(unsigned dlci, uint8_t type, const char *info) {
    uint8_t wire[CMUX_FRAME_WIRE];
    chan_mem_put(&rig.mem, wire, cmux_dte_frame(CMUX_BASIC, dlci, type, sv_of(info), wire));
    fake_host_settle(rig.fake, rig.clk);
}

/* What has come on one virtual port. */
static const char *on_dlci(unsigned dlci) {
    static uint8_t wire[1 << 16];
    static char texts[LIMIT_CMUX_DLCIS + 1][1 << 14];
    size_t n = chan_mem_get(&rig.mem, wire, sizeof wire);
    for (size_t at = 0; at < n;) {
        struct cmux_frame f;
        bool has_frame = false;
        at += cmux_decode(&dte, wire + at, n - at, &f, &has_frame);
        if (has_frame && f.type == CMUX_UIH) {
            strncat(texts[f.dlci], (const char *)f.info, f.n);
        }
    }
    cr_assert_eq(dte.bad_fcs + dte.torn + dte.too_long, 0);
    snprintf(text, sizeof text, "%s", texts[dlci]);
    texts[dlci][0] = '\0';
    return text;
}

#define expect_on(dlci, want) cr_assert_str_eq(on_dlci(dlci), (want))
#define ask_on(dlci, command, want)                                                                \
    do {                                                                                           \
        put((dlci), CMUX_UIH, command "\r");                                                       \
        expect_on((dlci), (want));                                                                 \
    } while (0)

static void multiplex(void) {
    unit_rig_ask(&rig, "AT+CMUX=0", OK);
    cmux_decoder_init(&dte, CMUX_BASIC, LIMIT_CMUX_INFO);
    put(0, CMUX_SABM, "");
    put(1, CMUX_SABM, "");
    put(2, CMUX_SABM, "");
}

TestSuite(mux, .init = start, .fini = stop);

Test(mux, virtual_ports_begin_with_the_settings_of_the_port_below) {
    unit_rig_ask(&rig, "AT+CMEE=2", OK);
    multiplex();
    ask_on(1, "AT", OK);
    ask_on(2, "ATE1", OK);
    ask_on(2, "AT", "AT\r" OK);
    ask_on(1, "AT", OK);
}

Test(mux, what_concerns_the_module_is_said_on_each_and_not_below) {
    multiplex();
    ask_on(1, "AT+CREG=1", OK);
    modem_set_registration(rig.modem, REG_SEARCHING);
    expect_on(1, LINE("+CREG: 2"));
    expect_on(2, LINE("+CREG: 2"));
    put(0, CMUX_UIH, "\xc3\x01");
    on_dlci(0);
    unit_rig_ask(&rig, "AT", OK);
}

/* A session begun with the first port goes on: opening another one starts nothing anew. */
Test(mux, the_card_is_the_modules) {
    unit_rig_ask(&rig, "AT+STKFMT=0;+STK=1", OK);
    unit_rig_ask(&rig, "AT+CRESET", OK);
    unit_rig_pass(&rig, CLK_S(3));
    unit_rig_read(&rig);
    unit_rig_ask(&rig, "ATE0", "ATE0\r" OK);
    unit_rig_ask(&rig, "AT+STGR=25,2", OK LINE("+STIN: 21"));
    multiplex();
    ask_on(1, "AT+STIN?", LINE("+STIN: 21") OK);
    ask_on(2, "AT+STGR=81", OK LINE("+STIN: 25"));
    expect_on(1, LINE("+STIN: 25"));
}

Test(mux, catr_chooses_who_is_told) {
    multiplex();
    ask_on(1, "AT+CREG=1;+CATR=5", OK);
    modem_set_registration(rig.modem, REG_SEARCHING);
    expect_on(1, "");
    expect_on(2, LINE("+CREG: 2"));
    ask_on(2, "AT+CATR=1", OK);
    modem_set_registration(rig.modem, REG_HOME);
    expect_on(1, "");
    expect_on(2, "");
}

/* The network 192.0.2.1 is the fake world's; who opens a link is told of it. */
Test(mux, a_link_is_of_the_port_that_opened_it) {
    multiplex();
    ask_on(1, "AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    put(2, CMUX_UIH, "AT+CIPOPEN=0,\"TCP\",\"192.0.2.1\",80\r");
    expect_on(2, OK LINE("+CIPOPEN: 0,0"));
    ask_on(1, "AT+CIPOPEN=1,\"TCP\",\"192.0.2.1\",81", OK LINE("+CIPOPEN: 1,0"));
    fake_host_send(fake_host_link(rig.fake, 0xc0000201, 80), "two", 3);
    fake_host_send(fake_host_link(rig.fake, 0xc0000201, 81), "one", 3);
    fake_host_settle(rig.fake, rig.clk);
    expect_on(2, "\r\nRECV FROM:192.0.2.1:80\r\n+IPD3\r\ntwo");
    expect_on(1, "\r\nRECV FROM:192.0.2.1:81\r\n+IPD3\r\none");
}

Test(mux, links_of_a_port_that_is_closed_stay_and_go_to_the_first) {
    multiplex();
    put(2, CMUX_UIH, "AT+NETOPEN\r");
    unit_rig_pass(&rig, CLK_S(1));
    put(2, CMUX_UIH, "AT+CIPOPEN=0,\"TCP\",\"192.0.2.1\",80\r");
    expect_on(2, OK LINE("+NETOPEN: 0") OK LINE("+CIPOPEN: 0,0"));
    put(2, CMUX_DISC, "");
    put(0, CMUX_DISC, "");
    on_dlci(0);
    fake_host_end(fake_host_link(rig.fake, 0xc0000201, 80), 0);
    unit_rig_expect(&rig, LINE("+IPCLOSE: 0,1"));
}

Test(mux, a_module_that_goes_off_takes_it_along) {
    multiplex();
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(2));
    unit_rig_read(&rig);
    unit_rig_type(&rig, "ATE0\r");
    unit_rig_expect(&rig, "ATE0\r" OK);
    multiplex();
    ask_on(1, "AT", OK);
}

Test(mux, a_virtual_port_can_restart_the_module) {
    multiplex();
    put(1, CMUX_UIH, "AT+CRESET\r");
    unit_rig_pass(&rig, CLK_S(3));
    unit_rig_read(&rig);
    unit_rig_type(&rig, "ATE0\r");
    unit_rig_expect(&rig, "ATE0\r" OK);
}

Test(mux, quirks_are_what_some_firmware_does) {
    unit_rig_ask(&rig, "AT+CMUX=1", LINE("ERROR"));
    modem_set_quirk(rig.modem, QUIRK_CMUX_ADVANCED, true);
    unit_rig_ask(&rig, "AT+CMUX=1", OK);
    chan_mem_put(&rig.mem, "\x7e\x03\x3f\xfc\x7e", 5);
    unit_rig_expect(&rig, "\x7e\x03\x73\x85\x7e");
    chan_mem_put(&rig.mem, "\x7e\x03\x53\xbd\x7e", 5);
    unit_rig_expect(&rig, "\x7e\x03\x73\x85\x7e");
    modem_set_quirk(rig.modem, QUIRK_CMUX_EARLY_URCS, true);
    multiplex();
    expect_on(1, LINE("RDY") LINE("+CPIN: READY") LINE("SMS DONE") LINE("PB DONE"));
    expect_on(2, "");
}

/* Longer frames than 127 octets are sent only to who has said that he takes them. */
Test(mux, frames_are_as_long_as_n1_allows) {
    multiplex();
    put(1, CMUX_UIH, "ATI;I;I;I;I\r");
    uint8_t wire[1024];
    cr_assert_eq(chan_mem_get(&rig.mem, wire, 18), 18); /* three UA */
    cr_assert_gt(chan_mem_get(&rig.mem, wire, sizeof wire), 300);
    cr_assert_eq(wire[3], 127 << 1 | 1);
    put(0, CMUX_DISC, "");
    unit_rig_read(&rig);
    unit_rig_ask(&rig, "AT+CMUX=0,0,5,300", OK);
    put(1, CMUX_SABM, "");
    unit_rig_read(&rig);
    put(1, CMUX_UIH, "ATI;I;I;I;I\r");
    size_t n = chan_mem_get(&rig.mem, wire, sizeof wire);
    cr_assert_gt(n, 300);
    cr_assert_eq(wire[3] >> 1 | wire[4] << 7, 300);
}
