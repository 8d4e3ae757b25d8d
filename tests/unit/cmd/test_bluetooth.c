/* Text over SPP: UCS2 on the port, UTF-8 outside. */
#include <criterion/criterion.h>
#include <string.h>

#include "emulator/model/bluetooth.h"
#include "tests/support/unit_suite.h"

#define MAC "C4:0B:CB:3E:68:62"

static char sent[64];

static void on_bus(void *ctx, unsigned topic, const void *payload) {
    (void)ctx;
    const struct bluetooth_event *e = payload;
    if (topic == TOPIC_BLUETOOTH && e->what == BLUETOOTH_SENT) {
        cr_assert_eq(sv_copy(e->data, sent, sizeof sent), 0);
    }
}

static void start_connected(void) {
    const struct bluetooth_device device = {.mac = MAC, .name = "a", .has_spp = true};
    start();
    struct bluetooth *bt = rig.modem->bluetooth;
    ask("AT+BTPOWER=1;+BTSPPSRV=1", OK LINE("+BTSPPSRV: 1"));
    cr_assert_eq(bluetooth_know(bt, SV(MAC), SV("a")), 0);
    cr_assert_eq(bluetooth_put(bt, &device), 0);
    cr_assert_eq(bluetooth_call(bt, SV(MAC), false), 0);
    unit_rig_expect(&rig, LINE("+BTSPPCONN: 1, 990, " MAC));
    bus_listen(&rig.modem->bus, on_bus, NULL);
}

TestSuite(bluetooth, .init = start_connected, .fini = stop);

Test(bluetooth, a_received_byte_that_is_no_utf8_is_a_character_of_its_own) {
    static const struct {
        const char *bytes, *line;
    } cases[] = {
        {"A\x7f\xc2\x80", LINE("+BTSPPRECV: 6,0041007F0080")},
        {"\xef\xbf\xbd", LINE("+BTSPPRECV: 2,FFFD")},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", LINE("+BTSPPRECV: 8,D800DC00DBFFDFFF")},
        {"\x80\xff"
         "A",
         LINE("+BTSPPRECV: 6,008000FF0041")},
        {"\xc3", LINE("+BTSPPRECV: 2,00C3")},
        {"\xc3(", LINE("+BTSPPRECV: 4,00C30028")},
        {"\xe2\x82", LINE("+BTSPPRECV: 4,00E20082")},
        {"\xf0\x9f\x98.", LINE("+BTSPPRECV: 8,00F0009F0098002E")},
        {"\xf4\x90\x80\x80", LINE("+BTSPPRECV: 8,00F4009000800080")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(bluetooth_receive(rig.modem->bluetooth, sv_of(cases[i].bytes)), 0);
        cr_assert_str_eq(unit_rig_read(&rig), cases[i].line, "case %zu", i);
    }
}

Test(bluetooth, half_a_pair_of_surrogates_is_sent_as_it_is) {
    ask("AT+BTSPPSEND=0041d83dDE00DE00", OK LINE("+BTSPPSEND: 1"));
    cr_assert_str_eq(sent, "A\xf0\x9f\x98\x80\xed\xb8\x80");
    ask("AT+BTSPPSEND=0041D83D", OK LINE("+BTSPPSEND: 1"));
    cr_assert_str_eq(sent, "A\xed\xa0\xbd");
    ask("AT+BTSPPSEND=D83D0041", OK LINE("+BTSPPSEND: 1"));
    cr_assert_str_eq(sent, "\xed\xa0\xbd"
                           "A");
    ask("AT+BTSPPSEND=004", LINE("ERROR"));
    ask("AT+BTSPPSEND=004G", LINE("ERROR"));
}
