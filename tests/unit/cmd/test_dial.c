#define _GNU_SOURCE /* memrchr */
/* Dial-up on a whole module: from ATD to the last word of the link. */
#include "emulator/cmd/cmd_dial.h"

#include <criterion/criterion.h>
#include <string.h>

#include "emulator/model/modem.h"
#include "netstack/net.h"
#include "netstack/ppp/auth.h"
#include "tests/support/ppp_peer.h"
#include "tests/support/unit_suite.h"

static struct ppp_peer peer;
static char text[1 << 16];
static size_t ntext;

static void start_dialup(void) {
    start();
    ppp_peer_init(&peer);
    ntext = 0;
    unit_rig_ask(&rig, "AT&D2", OK);
}

static void stop_dialup(void) {
    ppp_peer_fini(&peer);
    stop();
}

/* Both sides until neither has anything to say; what is no frame is kept as text. */
static void talk(void) {
    bool is_busy = true;
    while (is_busy) {
        static uint8_t bytes[1 << 16];
        fake_host_settle(rig.fake, rig.clk);
        size_t n = chan_mem_get(&rig.mem, bytes, sizeof bytes);
        const uint8_t *last = memrchr(bytes, 0x7e, n);
        size_t frames = last != NULL ? (size_t)(last - bytes) + 1 : 0;
        const uint8_t *first = frames > 0 ? memchr(bytes, 0x7e, frames) : bytes;
        size_t before = frames > 0 ? (size_t)(first - bytes) : 0;
        memcpy(text + ntext, bytes, before);
        ntext += before;
        memcpy(text + ntext, bytes + frames, n - frames);
        ntext += n - frames;
        text[ntext] = '\0';
        ppp_peer_rx(&peer, bytes + before, frames - before);
        is_busy = n > 0 || buf_len(&peer.out) > 0;
        chan_mem_put(&rig.mem, buf_data(&peer.out), buf_len(&peer.out));
        buf_clear(&peer.out);
    }
}

static const char *said(void) {
    talk();
    ntext = 0;
    return text;
}

/* Dials, and speaks until IP may pass, or does not. */
static bool dial(const char *command) {
    unit_rig_type(&rig, command);
    unit_rig_type(&rig, "\r");
    talk();
    cr_assert_str_eq(text, LINE("CONNECT 115200"));
    ntext = 0;
    ppp_peer_poke(&peer);
    talk();
    return ppp_peer_is_up(&peer);
}

static void forget_peer(void) {
    ppp_peer_fini(&peer);
    ppp_peer_init(&peer);
}

static bool is_echoed(void) {
    unsigned before = peer.echoes;
    ppp_peer_say(&peer, 0xc021, "\x09\x07\x00\x08\0\0\0", 8);
    talk();
    return peer.echoes == before + 1;
}

TestSuite(dial, .init = start_dialup, .fini = stop_dialup);

Test(dial, numbers_that_lead_to_the_packet_network) {
    static const struct {
        const char *number;
        unsigned cid; /* 0: none of them */
    } cases[] = {
        {"*99#", 1},
        {"T*99#", 1},
        {"p*99#", 1},
        {"*99***1#", 1},
        {"*99***24#", 24},
        {"*99***100#", 100},
        {"*99*1.2.3.4*PPP*2#", 2},
        {"*99**PPP*3#", 3},
        {"*99*#", 1},
        {"*99**#", 1},
        {"*99***#", 1},
        {"*99***25#", 0},
        {"*99***0#", 0},
        {"*99***180#", 0},
        {"*99****1#", 0},
        {"*99***x#", 0},
        {"*99", 0},
        {"*991#", 0},
        {"*98#", 0},
        {"", 0},
        {"#", 0},
        {"*99#;", 0},
        {"10086;", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned cid = 0;
        bool is_call = dial_is_packet_call(sv_of(cases[i].number), &cid);
        cr_assert_eq(is_call, cases[i].cid > 0, "%s", cases[i].number);
        cr_assert(!is_call || cid == cases[i].cid, "%s", cases[i].number);
    }
}

Test(dial, the_link_has_the_address_of_its_context) {
    cr_assert(dial("ATD*99#"));
    cr_assert_eq(ppp_peer_ip(&peer, 0), rig.modem->bearer.ip);
    cr_assert_neq(ppp_peer_ip(&peer, 1), 0);
    cr_assert_neq(ppp_peer_ip(&peer, 2), 0);
}

Test(dial, cgdata_and_typed_ahead_frames_do_the_same) {
    unit_rig_type(&rig, "AT+CGDATA=\"PPP\",1\r~~\xff\x7d\x23~");
    talk();
    cr_assert_str_eq(said(), LINE("CONNECT 115200"));
    ppp_peer_poke(&peer);
    talk();
    cr_assert(ppp_peer_is_up(&peer));
}

Test(dial, what_is_no_packet_call_is_not_one_yet) {
    ask("ATD10086;", LINE("ERROR"));
    ask("ATD", LINE("ERROR"));
    ask("AT+CGDATA=\"PPP\",200", LINE("ERROR"));
    ask("AT+CGDATA=?", LINE("+CGDATA: (\"PPP\")") OK);
}

Test(dial, the_dtes_goodbye_is_answered_and_then_there_is_no_carrier) {
    cr_assert(dial("ATD*99#"));
    ppp_peer_say(&peer, 0xc021, "\x05\x09\x00\x04", 4);
    cr_assert_str_eq(said(), LINE("NO CARRIER"));
    cr_assert(peer.is_terminate_acked);
    ask("AT", OK);
    for (int i = 0; i < 4; i++) {
        forget_peer();
        cr_assert(dial("ATD*99#"));
        ppp_peer_say(&peer, 0xc021, "\x05\x09\x00\x04", 4);
        cr_assert_str_eq(said(), LINE("NO CARRIER"));
    }
}

Test(dial, a_dial_typed_ahead_behind_the_goodbye_has_a_link_of_its_own) {
    static const char again[] = "AT+CGDATA=\"PPP\",2\r";
    cr_assert(dial("ATD*99#"));
    ppp_peer_say(&peer, 0xc021, "\x05\x01\x00\x04", 4);
    buf_put(&peer.out, again, sizeof again - 1);
    talk();
    cr_assert(peer.is_terminate_acked);
    forget_peer();
    unit_rig_pass(&rig, CLK_S(4)); /* its first request went to the old peer */
    talk();
    ppp_peer_poke(&peer);
    talk();
    cr_assert(ppp_peer_is_up(&peer));
    cr_assert(!rig.modem->is_dialled[1] && rig.modem->is_dialled[2]);
}

Test(dial, an_escape_keeps_the_link_and_ato_goes_back) {
    cr_assert(dial("ATD*99#"));
    unit_rig_pass(&rig, CLK_S(2));
    chan_mem_put(&rig.mem, "+++", 3);
    unit_rig_pass(&rig, CLK_S(1));
    cr_assert_str_eq(said(), OK);
    ask("AT+CSQ", LINE("+CSQ: 22,0") OK);
    unit_rig_pass(&rig, CLK_S(600)); /* nobody answers an echo meanwhile */
    expect("");
    unit_rig_type(&rig, "ATO\r");
    talk();
    cr_assert_str_eq(said(), LINE("CONNECT 115200"));
    cr_assert(is_echoed(), "the link goes on");
    unit_rig_pass(&rig, CLK_S(2));
    chan_mem_put(&rig.mem, "+++", 3);
    unit_rig_pass(&rig, CLK_S(1));
    cr_assert_str_eq(said(), OK);
    ask("ATH", OK);
    ask("ATO", LINE("NO CARRIER"));
    forget_peer();
    cr_assert(dial("ATD*99#"));
}

Test(dial, dtr_hangs_up_escapes_or_is_nothing) {
    cr_assert(dial("ATD*99#"));
    chan_set_dtr(&rig.ch, false);
    cr_assert_str_eq(said(), LINE("NO CARRIER"));
    chan_set_dtr(&rig.ch, true);
    ask("AT&D1", OK);
    forget_peer();
    cr_assert(dial("ATD*99#"));
    chan_set_dtr(&rig.ch, false);
    cr_assert_str_eq(said(), OK);
    chan_set_dtr(&rig.ch, true);
    forget_peer();
    cr_assert(dial("ATD*99#"), "a new call ends the one that was escaped from");
    chan_set_dtr(&rig.ch, false);
    cr_assert_str_eq(said(), OK);
    chan_set_dtr(&rig.ch, true);
    ask("ATH&D0", OK);
    forget_peer();
    cr_assert(dial("ATD*99#"));
    chan_set_dtr(&rig.ch, false);
    cr_assert_str_eq(said(), "");
    cr_assert(is_echoed());
}

Test(dial, a_dte_that_closes_the_port_finds_at_behind_it) {
    cr_assert(dial("ATD*99#"));
    chan_set_open(&rig.ch, false);
    chan_set_open(&rig.ch, true);
    ask("AT", OK);
    cr_assert_not(rig.modem->is_dialled[1]);
    ask("AT&D1", OK);
    forget_peer();
    cr_assert(dial("ATD*99#"));
    chan_set_open(&rig.ch, false);
    chan_set_open(&rig.ch, true);
    ask("AT", OK);
    forget_peer();
    cr_assert(dial("ATD*99#"));
}

Test(dial, dcd_is_there_with_the_link) {
    cr_assert_not(rig.ch.is_dcd_on);
    cr_assert(dial("ATD*99#"));
    cr_assert(rig.ch.is_dcd_on);
    chan_set_dtr(&rig.ch, false);
    cr_assert_not(rig.ch.is_dcd_on);
}

Test(dial, a_network_that_takes_the_context_says_goodbye) {
    cr_assert(dial("ATD*99#"));
    modem_deactivate(rig.modem, 1);
    talk();
    cr_assert(peer.is_terminated);
    cr_assert_str_eq(said(), LINE("NO CARRIER"));
    ask("AT", OK);
}

Test(dial, coverage_that_is_lost_ends_it_and_it_can_be_dialled_again) {
    cr_assert(dial("ATD*99#"));
    modem_set_registration(rig.modem, REG_SEARCHING);
    cr_assert_str_eq(said(), LINE("NO CARRIER"));
    cr_assert(peer.is_terminated);
    ask("ATD*99#", LINE("NO CARRIER"));
    modem_set_registration(rig.modem, REG_HOME);
    forget_peer();
    cr_assert(dial("ATD*99#"));
}

Test(dial, a_dte_that_is_silent_is_given_up) {
    cr_assert(dial("ATD*99#"));
    unit_rig_pass(&rig, CLK_S(300));
    const char *got = unit_rig_read(&rig);
    cr_assert_not_null(strstr(got, "NO CARRIER"));
    ask("AT", OK);
}

Test(dial, a_context_that_is_not_given_or_not_answered) {
    modem_set_active(rig.modem, 1, false);
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, (struct bus_verdict){.act = BUS_FAIL}, 1);
    ask("ATD*99#", LINE("NO CARRIER"));
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, (struct bus_verdict){.act = BUS_DROP}, 1);
    ask("ATS7=20", OK);
    ask("ATD*99#", "");
    unit_rig_pass(&rig, CLK_S(20));
    expect(LINE("NO CARRIER"));
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, (struct bus_verdict){.act = BUS_DROP}, 1);
    ask("ATD*99#", "");
    unit_rig_type(&rig, "x");
    unit_rig_pass(&rig, CLK_S(60));
    ask("\rAT", LINE("ERROR") OK);
}

Test(dial, hanging_up_leaves_the_context_as_it_was_found) {
    modem_set_active(rig.modem, 1, false);
    cr_assert(dial("ATD*99#"));
    cr_assert(rig.modem->active[1]);
    chan_set_dtr(&rig.ch, false);
    cr_assert_not(rig.modem->active[1]);
    modem_set_active(rig.modem, 1, true);
    chan_set_dtr(&rig.ch, true);
    said();
    forget_peer();
    cr_assert(dial("ATD*99#"));
    chan_set_dtr(&rig.ch, false);
    cr_assert(rig.modem->active[1]);
}

Test(dial, a_context_is_the_line_of_one_port) {
    static char second_text[1024];
    struct chan second;
    struct chan_mem mem;
    chan_init(&second, "modem");
    chan_mem_init(&mem, &second, rig.clk);
    unit_add_port(rig.unit, CMD_MODEM, &second);
    cr_assert(dial("ATD*99#"));
    chan_mem_put(&mem, "ATE0&D2D*99#\r", 13);
    second_text[chan_mem_get(&mem, second_text, sizeof second_text - 1)] = '\0';
    cr_assert_str_eq(second_text, "ATE0&D2D*99#\r" LINE("NO CARRIER"));
    chan_mem_put(&mem, "AT+CSQ\r", 7);
    second_text[chan_mem_get(&mem, second_text, sizeof second_text - 1)] = '\0';
    cr_assert_str_eq(second_text, LINE("+CSQ: 22,0") OK);
    stop_dialup();
    chan_mem_fini(&mem);
    chan_fini(&second);
    start_dialup();
}

Test(dial, who_must_say_who_he_is_is_let_in_or_not) {
    unit_rig_answer(&rig, ASK_PPP_LOGIN, (struct bus_verdict){.act = BUS_FAIL}, 1);
    peer.user = "anna";
    peer.password = "right";
    cr_assert(dial("ATD*99#"));
    cr_assert(peer.is_let_in);
    chan_set_dtr(&rig.ch, false);
    chan_set_dtr(&rig.ch, true);
    said();
    unit_rig_answer(&rig, ASK_PPP_LOGIN, (struct bus_verdict){.act = BUS_FAIL}, 2);
    forget_peer();
    peer.user = "berta";
    peer.password = "wrong";
    cr_assert_not(dial("ATD*99#"));
    cr_assert(peer.is_refused);
    unit_rig_pass(&rig, CLK_S(10));
    cr_assert_str_eq(said(), LINE("NO CARRIER"));
}

Test(dial, a_module_that_goes_off_says_nothing_of_it) {
    cr_assert(dial("ATD*99#"));
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(2));
    unit_rig_read(&rig);
    unit_rig_type(&rig, "ATE0\r");
    expect("ATE0\r" OK);
    cr_assert_not(rig.modem->is_dialled[1]);
}
