/* USSD: answers that take their time, sessions of the network, alphabets. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "tests/support/unit_suite.h"

enum { LONG_TEXT = 182 };

static char long_text[LONG_TEXT + 1];
static const struct ussd_reply replies[] = {{"0", "menu"}, {"1", "nowhere"}};
static const struct ussd_entry table[] = {
    {.code = "*1#", .text = "late", .dcs = 15, .delay = {3000000}},
    {.code = "*2#", .text = "\xc3\xa4\xe2\x82\xac@\xd0\xb0", .dcs = 15},
    {.code = "*3#", .text = "\xc3\xa4\xf0\x9f\x98\x80", .dcs = 72},
    {.code = "*4#", .text = "\x01\xff", .dcs = 0xf4},
    {.code = "*5#", .text = long_text, .dcs = 15},
    {.code = "*6#", .state = USSD_TIMEOUT, .delay = {10000000}},
    {.code = "\xc3\xa4", .text = "umlaut", .dcs = 0},
    {.code = "menu",
     .state = USSD_ASKS,
     .text = "0?",
     .dcs = 15,
     .replies = replies,
     .nreplies = 2},
};

static void start_with_table(void) {
    start();
    memset(long_text, 'x', LONG_TEXT);
    ussd_set_table(&rig.modem->ussd, table, sizeof table / sizeof table[0]);
    ask("AT+CUSD=1", OK);
}

Test(ussd, an_answer_takes_its_time_and_there_is_one_at_a_time) {
    start_with_table();
    ask("AT+CUSD=1,\"*1#\"", OK);
    ask("AT+CUSD=1,\"*2#\"", LINE("+CME ERROR: 3"));
    unit_rig_pass(&rig, CLK_S(3));
    expect(LINE("+CUSD: 0,\"late\",15"));
    ask("AT+CUSD=1,\"*6#\"", OK);
    unit_rig_pass(&rig, CLK_S(9));
    expect("");
    unit_rig_pass(&rig, CLK_S(1));
    expect(LINE("+CUSD: 5"));
    unit_rig_stop(&rig);
}

Test(ussd, a_cancelled_request_is_never_answered) {
    start_with_table();
    ask("AT+CUSD=1,\"*1#\"", OK);
    ask("AT+CUSD=2", OK);
    unit_rig_pass(&rig, CLK_S(10));
    expect("");
    unit_rig_stop(&rig);
}

Test(ussd, the_network_begins_a_session_and_it_goes_round) {
    start_with_table();
    cr_assert_eq(ussd_begin(&rig.modem->ussd, SV("menu")), 0);
    cr_assert_eq(ussd_begin(&rig.modem->ussd, SV("menu")), -EBUSY);
    cr_assert_eq(ussd_begin(&rig.modem->ussd, SV("none")), -ENOENT);
    unit_rig_pass(&rig, CLK_US(0));
    expect(LINE("+CUSD: 1,\"0?\",15"));
    cr_assert_eq(ussd_begin(&rig.modem->ussd, SV("menu")), -EBUSY);
    ask("AT+CUSD=1,\"0\"", OK LINE("+CUSD: 1,\"0?\",15"));
    ask("AT+CUSD=1,\"1\"", OK LINE("+CUSD: 2"));
    unit_rig_stop(&rig);
}

Test(ussd, while_nothing_is_presented_the_networks_question_is_cancelled) {
    start_with_table();
    ask("AT+CUSD=0", OK);
    cr_assert_eq(ussd_begin(&rig.modem->ussd, SV("menu")), 0);
    unit_rig_pass(&rig, CLK_US(0));
    expect("");
    ask("AT+CUSD=1,\"0\"", OK LINE("+CUSD: 4"));
    unit_rig_stop(&rig);
}

Test(ussd, a_request_ends_with_the_network_and_with_the_table) {
    start_with_table();
    ask("AT+CUSD=1,\"*1#\"", OK);
    modem_set_registration(rig.modem, REG_SEARCHING);
    unit_rig_pass(&rig, CLK_S(10));
    expect(LINE("+CUSD: 2"));
    modem_set_registration(rig.modem, REG_HOME);
    ask("AT+CUSD=1,\"*1#\"", OK);
    ussd_set_table(&rig.modem->ussd, NULL, 0);
    unit_rig_pass(&rig, CLK_S(10));
    expect("");
    unit_rig_stop(&rig);
}

Test(ussd, each_alphabet_is_written_as_the_character_set_has_it) {
    start_with_table();
    ask("AT+CUSD=1,\"*2#\"", OK LINE("+CUSD: 0,\"??@?\",15"));
    ask("AT+CUSD=1,\"*3#\"", OK LINE("+CUSD: 0,\"00E4FFFD\",72"));
    ask("AT+CUSD=1,\"*4#\"", OK LINE("+CUSD: 0,\"01FF\",244"));
    ask("AT+CSCS=\"GSM\"", OK);
    ask("AT+CUSD=1,\"*2#\"", OK LINE("+CUSD: 0,\"\x7b\x1b\x65@?\",15"));
    ask("AT+CUSD=1,\"\x7b\"", OK LINE("+CUSD: 0,\"umlaut\",0"));
    ask("AT+CSCS=\"UCS2\"", OK);
    ask("AT+CUSD=1,\"002A00320023\"", OK LINE("+CUSD: 0,\"00E420AC00400430\",15"));
    ask("AT+CUSD=1,\"00e4\"", OK LINE("+CUSD: 0,\"0075006D006C006100750074\",0"));
    unit_rig_stop(&rig);
}

Test(ussd, the_longest_text_fits_in_every_character_set) {
    char want[LIMIT_USSD_TEXT + 64];
    size_t n = (size_t)snprintf(want, sizeof want, "%s", OK "\r\n+CUSD: 0,\"");
    start_with_table();
    for (size_t i = 0; i < LONG_TEXT; i++) {
        n += (size_t)snprintf(want + n, sizeof want - n, "0078");
    }
    snprintf(want + n, sizeof want - n, "\",15\r\n");
    ask("AT+CSCS=\"UCS2\"", OK);
    ask("AT+CUSD=1,\"002A00350023\"", want);
    unit_rig_stop(&rig);
}
