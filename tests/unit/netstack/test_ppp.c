#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/obj.h"
#include "netstack/ppp/ppp.h"
#include "tests/support/ppp_peer.h"

enum { IP = 0x0021, IPV6CP = 0x8057, CCP = 0x80fd, RECORD_MAX = 4096 };

#define OWN_IP 0x0a400001u
#define PEER_IP 0x0a719d44u
#define DNS_1 0x08080808u
#define DNS_2 0x08080404u

static struct clk *clk;
static struct ppp_config cfg;
static struct ppp *ppp;
static struct ppp_peer peer;
static struct {
    unsigned opened, packets, room, closed, asked;
    size_t mtu, n_packet;
    uint8_t packet[HDLC_PAYLOAD_MAX];
    enum ppp_close why;
    char user[32];
} seen;
static uint8_t record[RECORD_MAX]; /* what the link was given */
static size_t n_record;
static bool answers_ip; /* each packet is sent back */

static void on_output(void *ctx) {
    (void)ctx;
}

static void on_opened(void *ctx, size_t mtu) {
    (void)ctx;
    seen.opened++;
    seen.mtu = mtu;
}

static void on_packet(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    seen.packets++;
    seen.n_packet = n;
    memcpy(seen.packet, p, n);
    if (answers_ip) {
        ppp_send(ppp, p, n);
    }
}

static void on_room(void *ctx) {
    (void)ctx;
    seen.room++;
}

static bool on_login(void *ctx, const struct auth_login *login) {
    (void)ctx;
    seen.asked++;
    return sv_eq(login->user, SV("u")) && auth_login_is(login, SV("secret"));
}

static void on_closed(void *ctx, enum ppp_close why) {
    (void)ctx;
    seen.closed++;
    seen.why = why;
}

static const struct ppp_events events = {on_output, on_opened, on_packet, on_room,
                                         on_login,  on_closed, NULL};

static void begin(void) {
    seen.opened = seen.packets = seen.room = seen.closed = seen.asked = 0;
    n_record = 0;
    ppp_peer_init(&peer);
    ppp = ppp_new(&cfg, &events, NULL);
}

static void drop(void) {
    ppp_free(ppp);
    ppp_peer_fini(&peer);
}

static void setup(void) {
    clk = clk_new_manual();
    cfg = (struct ppp_config){
        .clk = clk,
        .seed = 1,
        .lcp = {.echo_failures = 4},
        .ipcp = {.own_ip = OWN_IP, .peer_ip = PEER_IP, .dns = {DNS_1, DNS_2}},
    };
    begin();
}

static void teardown(void) {
    drop();
    clk_close(clk);
}

TestSuite(ppp, .init = setup, .fini = teardown, .timeout = 60);

static void restart(void) {
    drop();
    begin();
}

/* All of it, in pieces; what is not taken is lost. */
static void feed(const uint8_t *p, size_t n, size_t piece) {
    for (size_t at = 0; at < n; at += piece) {
        ppp_rx(ppp, p + at, n - at < piece ? n - at : piece);
    }
}

static void to_peer(size_t most) {
    size_t n = 0;
    const uint8_t *p = ppp_out(ppp, &n);
    n = n < most ? n : most;
    if (n > 0) {
        ppp_peer_rx(&peer, p, n);
        ppp_out_done(ppp, n);
    }
}

static void to_link(size_t most) {
    size_t n = buf_len(&peer.out) < most ? buf_len(&peer.out) : most;
    if (n > 0) {
        n = ppp_rx(ppp, buf_data(&peer.out), n);
        size_t room = sizeof record - n_record;
        memcpy(record + n_record, buf_data(&peer.out), n < room ? n : room);
        n_record += n < room ? n : room;
        buf_drop(&peer.out, n);
    }
}

/* Until neither has anything to say. */
static void settle_in(size_t piece) {
    size_t n = 1;
    for (unsigned i = 0; n > 0 && i < 20000; i++) {
        clk_advance(clk, CLK_US(0));
        to_peer(piece);
        to_link(piece);
        ppp_out(ppp, &n);
        n += seen.closed ? 0 : buf_len(&peer.out);
    }
    clk_advance(clk, CLK_US(0));
}

static void settle(void) {
    settle_in(SIZE_MAX);
}

static void dial(void) {
    clk_advance(clk, CLK_US(0));
    ppp_peer_poke(&peer);
    settle();
}

static void say(uint16_t protocol, const char *p, size_t n) {
    ppp_peer_say(&peer, protocol, p, n);
    settle();
}

#define SAY(protocol, text) say(protocol, text, sizeof(text) - 1)

/* -- how it opens -- */

Test(ppp, the_link_opens_with_the_addresses_it_was_given) {
    dial();
    cr_assert_eq(seen.opened, 1);
    cr_assert_eq(seen.mtu, 1500);
    cr_assert(ppp_is_up(ppp) && ppp_peer_is_up(&peer));
    cr_assert_eq(ppp_peer_ip(&peer, 0), PEER_IP);
    cr_assert_eq(ppp_peer_ip(&peer, 1), DNS_1);
    cr_assert_eq(ppp_peer_ip(&peer, 2), DNS_2);
    cr_assert_eq(seen.asked, 0);
}

Test(ppp, it_speaks_first) {
    clk_advance(clk, CLK_US(0));
    size_t n = 0;
    const uint8_t *p = ppp_out(ppp, &n);
    /* Flag, header, LCP, Configure-Request, all escaped. */
    cr_assert_gt(n, 20);
    cr_assert_eq(memcmp(p, "\x7e\xff\x7d\x23\xc0\x21\x7d\x21", 8), 0);
}

Test(ppp, what_came_before_the_first_turn_is_answered) {
    ppp_peer_poke(&peer);
    to_link(SIZE_MAX);
    to_peer(SIZE_MAX);
    cr_assert(peer.lcp.is_acked);
    settle();
    cr_assert_eq(seen.opened, 1);
}

Test(ppp, any_size_of_pieces_opens_it) {
    static const size_t sizes[] = {1, 2, 3, 7};
    for (size_t i = 0; i < 4; i++) {
        restart();
        ppp_peer_poke(&peer);
        settle_in(sizes[i]);
        cr_assert_eq(seen.opened, 1, "pieces of %zu", sizes[i]);
    }
}

Test(ppp, four_dials_in_a_row) {
    for (unsigned i = 0; i < 4; i++) {
        restart();
        dial();
        cr_assert_eq(seen.opened, 1);
        SAY(LCP_PROTOCOL, "\x05\x09\x00\x04");
        cr_assert_eq(seen.closed, 1);
        cr_assert(peer.is_terminate_acked);
    }
}

Test(ppp, a_peer_that_negotiates_anew_gets_the_same_link) {
    dial();
    peer.lcp.is_acked = false;
    ppp_peer_poke(&peer);
    settle();
    cr_assert_eq(seen.opened, 2);
    cr_assert(ppp_peer_is_up(&peer));
    cr_assert_eq(seen.closed, 0);
}

Test(ppp, without_name_servers_their_options_are_rejected) {
    cfg.ipcp.dns[0] = cfg.ipcp.dns[1] = 0;
    restart();
    dial();
    cr_assert_geq(peer.rejects, 1);
    cr_assert_eq(ppp_peer_ip(&peer, 1), 0);
}

/* The answer to the newest control packet as it is on the line. */
static struct hdlc_frame answer_to(uint16_t protocol, const char *p, size_t n) {
    static struct hdlc_rx rx;
    struct hdlc_frame f = {0};
    bool has = false;
    hdlc_rx_init(&rx);
    rx.accm = 0;
    ppp_peer_say(&peer, protocol, p, n);
    to_link(SIZE_MAX);
    size_t size = 0;
    const uint8_t *bytes = ppp_out(ppp, &size);
    hdlc_rx_feed(&rx, bytes, size, &f, &has);
    cr_assert(has, "no answer");
    ppp_out_done(ppp, size);
    return f;
}

#define ANSWER(protocol, text) answer_to(protocol, text, sizeof(text) - 1)

static bool is(struct hdlc_frame f, uint16_t protocol, const char *p, size_t n) {
    return f.protocol == protocol && f.n == n && memcmp(f.payload, p, n) == 0;
}

#define IS(frame, protocol, text) cr_assert(is(frame, protocol, text, sizeof(text) - 1))

Test(ppp, header_compression_and_wins_servers_are_rejected) {
    dial();
    IS(ANSWER(IPCP_PROTOCOL, "\x01\x63\x00\x16\x02\x06\x00\x2d\x0f\x01\x82\x06\0\0\0\0"
                             "\x84\x06\0\0\0\0"),
       IPCP_PROTOCOL, "\x01\x02\x00\x0a\x03\x06\x0a\x40\x00\x01"); /* renegotiation: our request */
    restart();
    dial();
    ANSWER(IPCP_PROTOCOL, "\x01\x63\x00\x04"); /* Req-Sent again */
    IS(ANSWER(IPCP_PROTOCOL, "\x01\x64\x00\x16\x02\x06\x00\x2d\x0f\x01\x82\x06\0\0\0\0"
                             "\x84\x06\0\0\0\0"),
       IPCP_PROTOCOL, "\x04\x64\x00\x16\x02\x06\x00\x2d\x0f\x01\x82\x06\0\0\0\0\x84\x06\0\0\0\0");
}

Test(ppp, a_wrong_address_is_corrected) {
    dial();
    ANSWER(IPCP_PROTOCOL, "\x01\x63\x00\x04");
    IS(ANSWER(IPCP_PROTOCOL, "\x01\x64\x00\x0a\x03\x06\x01\x02\x03\x04"), IPCP_PROTOCOL,
       "\x03\x64\x00\x0a\x03\x06\x0a\x71\x9d\x44");
}

Test(ppp, other_protocols_are_rejected_with_what_they_said) {
    dial();
    IS(ANSWER(IPV6CP, "\x01\x01\x00\x0e\x01\x0a\1\2\3\4\5\6\7\x08"), LCP_PROTOCOL,
       "\x08\x02\x00\x14\x80\x57\x01\x01\x00\x0e\x01\x0a\1\2\3\4\5\6\7\x08");
    SAY(CCP, "\x01\x01\x00\x04");
    cr_assert_eq(peer.protocol_rejects, 1);
    cr_assert(ppp_is_up(ppp));
}

Test(ppp, a_long_frame_of_another_protocol_is_rejected_within_the_peers_mru) {
    static char big[1500];
    static const uint8_t mru[] = {1, 4, 0x02, 0x00};
    memcpy(peer.lcp_request, mru, sizeof mru);
    peer.n_lcp_request = sizeof mru;
    dial();
    cr_assert_eq(seen.mtu, 512);
    struct hdlc_frame f = answer_to(CCP, big, sizeof big);
    cr_assert_eq(f.n, 512);
}

Test(ppp, nothing_but_lcp_is_heard_before_it_is_open) {
    clk_advance(clk, CLK_US(0));
    to_peer(SIZE_MAX);
    buf_clear(&peer.out);
    SAY(CCP, "\x01\x01\x00\x04");
    SAY(IPCP_PROTOCOL, "\x01\x01\x00\x04");
    SAY(IP, "E...");
    struct ppp_counts counts;
    ppp_counts(ppp, &counts);
    cr_assert_eq(counts.dropped, 3);
    cr_assert_eq(peer.protocol_rejects, 0);
    dial();
    clk_advance(clk, CLK_S(3)); /* what the peer's test has thrown away is said again */
    settle();
    cr_assert_eq(seen.opened, 1);
}

Test(ppp, a_peer_that_says_nothing_is_given_up_after_ten_requests) {
    clk_advance(clk, CLK_S(29));
    cr_assert_eq(seen.closed, 0);
    clk_advance(clk, CLK_S(1));
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, PPP_CLOSE_NEGOTIATION);
}

/* -- LCP's options -- */

Test(ppp, the_peers_options_rule_what_is_sent) {
    dial(); /* ACCM 0, PFC, ACFC */
    cr_assert_eq(ppp_send(ppp, (const uint8_t *)"\x01\x02", 2), 0);
    size_t n = 0;
    const uint8_t *p = ppp_out(ppp, &n);
    cr_assert_eq(memcmp(p, "\x7e\x21\x01\x02", 4), 0);
    restart();
    peer.n_lcp_request = 0;
    dial();
    cr_assert_eq(ppp_send(ppp, (const uint8_t *)"\x01\x02", 2), 0);
    p = ppp_out(ppp, &n);
    cr_assert_eq(memcmp(p, "\x7e\xff\x7d\x23\x7d\x20\x21\x7d\x21\x7d\x22", 11), 0);
}

Test(ppp, characters_that_the_peer_escapes_are_dropped_where_the_line_put_them_in) {
    cfg.lcp.accm = 0x000a0000;
    restart();
    dial();
    cr_assert_eq(peer.tx.accm, 0x000a0000);
    ppp_peer_say(&peer, IP, "E\x11\x13", 3);
    uint8_t with[64];
    size_t n = 0;
    for (size_t i = 0; i < buf_len(&peer.out); i++) {
        with[n++] = buf_data(&peer.out)[i];
        with[n++] = i % 2 == 0 ? 0x11 : 0x13;
    }
    feed(with, n, 1);
    cr_assert_eq(seen.packets, 1);
    cr_assert_eq(memcmp(seen.packet, "E\x11\x13", 3), 0);
}

Test(ppp, a_small_mru_is_too_small) {
    static const uint8_t mru[] = {1, 4, 0x00, 0x40};
    memcpy(peer.lcp_request, mru, sizeof mru);
    peer.n_lcp_request = sizeof mru;
    clk_advance(clk, CLK_US(0));
    ppp_peer_poke(&peer);
    to_link(SIZE_MAX);
    to_peer(SIZE_MAX);
    cr_assert_eq(peer.naks, 1);
}

Test(ppp, authentication_of_ourselves_is_rejected) {
    static const uint8_t auth[] = {3, 4, 0xc0, 0x23};
    memcpy(peer.lcp_request, auth, sizeof auth);
    peer.n_lcp_request = sizeof auth;
    clk_advance(clk, CLK_US(0));
    ppp_peer_poke(&peer);
    to_link(SIZE_MAX);
    to_peer(SIZE_MAX);
    cr_assert_eq(peer.rejects, 1);
}

Test(ppp, a_line_that_sends_back_what_it_is_sent_is_found_out) {
    for (unsigned i = 0; i < 200 && seen.closed == 0; i++) {
        clk_advance(clk, CLK_MS(100));
        size_t n = 0;
        const uint8_t *p = ppp_out(ppp, &n);
        uint8_t *copy = xmalloc(n + 1);
        memcpy(copy, p, n);
        ppp_out_done(ppp, n);
        ppp_rx(ppp, copy, n);
        free(copy);
    }
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, PPP_CLOSE_LOOP);
}

/* -- echo -- */

Test(ppp, echo_requests_are_answered) {
    dial();
    SAY(LCP_PROTOCOL, "\x09\x07\x00\x0cmagcabcd");
    cr_assert_eq(peer.echoes, 1);
    SAY(LCP_PROTOCOL, "\x09\x07\x00\x06mg"); /* no magic number: none */
    cr_assert_eq(peer.echoes, 1);
}

Test(ppp, discard_identification_and_time_remaining_want_no_answer) {
    dial();
    SAY(LCP_PROTOCOL, "\x0b\x07\x00\x08mgic");
    SAY(LCP_PROTOCOL, "\x0c\x07\x00\x0cmgicMSRA");
    SAY(LCP_PROTOCOL, "\x0d\x07\x00\x0cmgic\0\0\0\x05");
    size_t n = 1;
    ppp_out(ppp, &n);
    cr_assert_eq(n, 0);
    cr_assert(ppp_is_up(ppp));
}

Test(ppp, an_unknown_code_gets_a_code_reject) {
    dial();
    IS(ANSWER(LCP_PROTOCOL, "\x0e\x07\x00\x06hi"), LCP_PROTOCOL,
       "\x07\x02\x00\x0a\x0e\x07\x00\x06hi");
}

static void configure_echo(void) {
    cfg.lcp.echo_interval = CLK_S(10);
    cfg.lcp.echo_failures = 3;
    restart();
    dial();
}

Test(ppp, a_peer_that_answers_echoes_stays) {
    configure_echo();
    for (unsigned i = 0; i < 10; i++) {
        clk_advance(clk, CLK_S(10));
        settle();
    }
    cr_assert_eq(seen.closed, 0);
}

Test(ppp, a_peer_that_does_not_is_dead) {
    configure_echo();
    clk_advance(clk, CLK_S(39));
    cr_assert_eq(seen.closed, 0);
    clk_advance(clk, CLK_S(1));
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, PPP_CLOSE_DEAD);
}

Test(ppp, anything_heard_is_as_good_as_an_answer) {
    configure_echo();
    for (unsigned i = 0; i < 10; i++) {
        clk_advance(clk, CLK_S(10));
        ppp_peer_say(&peer, IP, "E", 1);
        to_link(SIZE_MAX);
    }
    cr_assert_eq(seen.closed, 0);
}

Test(ppp, in_command_state_no_echo_is_missed) {
    configure_echo();
    ppp_set_paused(ppp, true);
    clk_advance(clk, CLK_S(1000));
    cr_assert_eq(seen.closed, 0);
    ppp_set_paused(ppp, false);
    clk_advance(clk, CLK_S(40));
    cr_assert_eq(seen.closed, 1);
}

Test(ppp, a_peer_that_knows_no_echo_is_not_asked_again) {
    configure_echo();
    clk_advance(clk, CLK_S(10));
    SAY(LCP_PROTOCOL, "\x07\x01\x00\x05\x09");
    clk_advance(clk, CLK_S(1000));
    cr_assert_eq(seen.closed, 0);
}

/* -- who the peer is -- */

static const struct {
    const char *what;
    unsigned asked;
    bool is_required, no_pap, no_chap, knows;
    unsigned protocol; /* that is used; 0: none */
    bool opens;
} logins[] = {
    {"pap", PPP_AUTH_PAP, true, false, false, true, 0xc023, true},
    {"chap", PPP_AUTH_CHAP, true, false, false, true, 0xc223, true},
    {"either: chap first", 3, true, false, false, true, 0xc223, true},
    {"either, no chap", 3, true, false, true, true, 0xc023, true},
    {"either, no pap", 3, true, true, false, true, 0xc223, true},
    {"wrong pap", PPP_AUTH_PAP, true, false, false, false, 0xc023, false},
    {"wrong chap", PPP_AUTH_CHAP, true, false, false, false, 0xc223, false},
    {"refuses both", 3, true, true, true, true, 0, false},
    {"refuses the only one", PPP_AUTH_CHAP, true, false, true, true, 0, false},
    {"refuses both, none demanded", 3, false, true, true, true, 0, true},
    {"refuses the only one, none demanded", PPP_AUTH_PAP, false, true, false, true, 0, true},
    {"wrong although none demanded", 3, false, false, false, false, 0xc223, false},
    {"none asked for", 0, false, false, false, false, 0, true},
};

Test(ppp, who_is_let_in) {
    for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
        cfg.lcp.auth = logins[i].asked;
        cfg.lcp.is_auth_required = logins[i].is_required;
        restart();
        peer.no_pap = logins[i].no_pap;
        peer.no_chap = logins[i].no_chap;
        peer.password = logins[i].knows ? "secret" : "wrong";
        dial();
        cr_assert_eq(seen.opened, logins[i].opens, "%s", logins[i].what);
        cr_assert_eq(seen.closed, !logins[i].opens, "%s", logins[i].what);
        cr_assert(logins[i].opens || seen.why == PPP_CLOSE_AUTH, "%s", logins[i].what);
        cr_assert(logins[i].protocol == 0 || peer.auth == logins[i].protocol, "%s", logins[i].what);
        cr_assert_eq(seen.asked, logins[i].protocol != 0, "%s", logins[i].what);
    }
}

Test(ppp, the_refused_are_told_before_goodbye) {
    cfg.lcp.auth = PPP_AUTH_PAP;
    restart();
    dial();
    cr_assert(peer.is_refused && peer.is_terminated);
}

Test(ppp, a_challenge_is_said_again_and_ten_times_in_all) {
    cfg.lcp.auth = PPP_AUTH_CHAP;
    restart();
    peer.is_shy = true;
    dial();
    for (unsigned i = 1; i <= 10; i++) {
        cr_assert_eq(peer.challenges, i);
        clk_advance(clk, CLK_S(3));
        settle();
    }
    cr_assert_eq(peer.challenges, 10);
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, PPP_CLOSE_AUTH);
}

Test(ppp, ip_before_the_peer_is_known_is_dropped) {
    cfg.lcp.auth = PPP_AUTH_CHAP;
    restart();
    peer.password = "secret";
    clk_advance(clk, CLK_US(0));
    ppp_peer_poke(&peer);
    to_link(SIZE_MAX);
    to_peer(SIZE_MAX);
    SAY(IPCP_PROTOCOL, "\x01\x01\x00\x04");
    cr_assert_eq(seen.opened, 1, "it asks again when it may");
}

/* -- data -- */

Test(ppp, packets_pass_both_ways_and_are_counted) {
    dial();
    SAY(IP, "E packet in");
    cr_assert_eq(seen.packets, 1);
    cr_assert_eq(seen.n_packet, 11);
    cr_assert_eq(memcmp(seen.packet, "E packet in", 11), 0);
    cr_assert_eq(ppp_send(ppp, (const uint8_t *)"E out", 5), 0);
    settle();
    cr_assert_eq(peer.n_packet, 5);
    cr_assert_eq(memcmp(peer.packet, "E out", 5), 0);
    struct ppp_counts counts;
    ppp_counts(ppp, &counts);
    cr_assert_eq(counts.packets_in, 1);
    cr_assert_eq(counts.bytes_in, 11);
    cr_assert_eq(counts.packets_out, 1);
    cr_assert_eq(counts.bytes_out, 5);
}

Test(ppp, before_it_is_open_nothing_can_be_sent_and_never_more_than_the_mtu) {
    static uint8_t big[1501];
    cr_assert_eq(ppp_send(ppp, big, 1), -ENETDOWN);
    dial();
    cr_assert_eq(ppp_send(ppp, big, 1501), -EMSGSIZE);
    cr_assert_eq(ppp_send(ppp, big, 1500), 0);
}

Test(ppp, a_full_output_refuses_packets_and_says_when_there_is_room) {
    static uint8_t big[1500];
    dial();
    memset(big, 0x7e, sizeof big);
    unsigned sent = 0;
    while (ppp_send(ppp, big, sizeof big) == 0) {
        sent++;
    }
    cr_assert_geq(sent, 4);
    cr_assert_eq(ppp_send(ppp, big, sizeof big), -ENOBUFS);
    size_t n = 0;
    ppp_out(ppp, &n);
    ppp_out_done(ppp, 100);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.room, 0);
    ppp_out_done(ppp, n - 100);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.room, 1);
    cr_assert_eq(ppp_send(ppp, big, sizeof big), 0);
}

Test(ppp, answers_have_room_beside_data_and_when_that_is_used_up_input_waits) {
    static uint8_t big[1500];
    static char echo[1496] = "\x09\x01\x05\xd8magc";
    dial();
    while (ppp_send(ppp, big, sizeof big) == 0) {
    }
    unsigned asked = 0;
    while (buf_len(&peer.out) == 0 && asked < 100) {
        ppp_peer_say(&peer, LCP_PROTOCOL, echo, sizeof echo);
        to_link(SIZE_MAX);
        asked++;
    }
    cr_assert_geq(asked, 2);
    cr_assert_lt(asked, 100, "input is never refused");
    struct ppp_counts counts;
    ppp_counts(ppp, &counts);
    cr_assert_eq(counts.unsent, 0);
    settle();
    cr_assert_eq(peer.echoes, asked, "none was lost");
    cr_assert(ppp_is_up(ppp));
}

/* -- how it ends -- */

Test(ppp, a_terminate_request_gets_its_ack_and_closes_at_once) {
    dial();
    SAY(LCP_PROTOCOL, "\x05\x2a\x00\x04");
    cr_assert(peer.is_terminate_acked);
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, PPP_CLOSE_PEER);
}

Test(ppp, what_comes_behind_the_end_is_not_taken) {
    dial();
    ppp_peer_say(&peer, LCP_PROTOCOL, "\x05\x2a\x00\x04", 4);
    size_t n = buf_len(&peer.out);
    buf_put(&peer.out, "AT\r", 3);
    cr_assert_eq(ppp_rx(ppp, buf_data(&peer.out), buf_len(&peer.out)), n);
    cr_assert_eq(ppp_rx(ppp, (const uint8_t *)"AT\r", 3), 0);
}

Test(ppp, our_goodbye_is_answered_or_not) {
    dial();
    ppp_close(ppp);
    cr_assert_eq(seen.closed, 0);
    settle();
    cr_assert(peer.is_terminated);
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, PPP_CLOSE_LOCAL);
    restart();
    dial();
    ppp_close(ppp);
    clk_advance(clk, CLK_MS(5999));
    cr_assert_eq(seen.closed, 0);
    clk_advance(clk, CLK_MS(1));
    cr_assert_eq(seen.closed, 1);
}

Test(ppp, a_link_may_be_closed_before_it_has_begun) {
    ppp_close(ppp);
    cr_assert_eq(ppp_rx(ppp, (const uint8_t *)"~", 1), 0);
    cr_assert_eq(ppp_rx(ppp, (const uint8_t *)"~", 1), 0);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, PPP_CLOSE_LOCAL);
}

Test(ppp, a_peer_without_ip_is_of_no_use) {
    dial();
    SAY(LCP_PROTOCOL, "\x08\x01\x00\x0a\x80\x21\x01\x01\x00\x04");
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why, PPP_CLOSE_NEGOTIATION);
    cr_assert(peer.is_terminated);
}

Test(ppp, a_reject_of_a_code_that_there_is_not_is_let_be) {
    dial();
    SAY(IPCP_PROTOCOL, "\x07\x01\x00\x05\x00");
    SAY(LCP_PROTOCOL, "\x07\x01\x00\x05\x00");
    cr_assert(ppp_is_up(ppp));
}

static void free_in_closed(void *ctx, enum ppp_close why) {
    (void)ctx;
    seen.closed++;
    seen.why = why;
    ppp_free(ppp);
    ppp = NULL;
}

Test(ppp, it_may_be_freed_when_it_says_that_it_is_over) {
    struct ppp_events own = events;
    own.closed = free_in_closed;
    drop();
    ppp_peer_init(&peer);
    ppp = ppp_new(&cfg, &own, NULL);
    ppp_close(ppp);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.closed, 1);
}

/* -- noise -- */

/* Dials on until there is a link again or it is over: time passes, the peer asks again. */
static bool comes_to_an_end(void) {
    for (unsigned i = 0; i < 30 && seen.closed == 0; i++) {
        unsigned packets = seen.packets;
        ppp_peer_say(&peer, IP, "E", 1);
        settle();
        if (ppp_is_up(ppp) && ppp_peer_is_up(&peer) && seen.packets > packets) {
            return true;
        }
        clk_advance(clk, CLK_S(3));
        if (!ppp_is_up(ppp)) {
            peer.lcp = (struct ppp_peer_layer){.id = peer.lcp.id};
            peer.ipcp = (struct ppp_peer_layer){.id = peer.ipcp.id};
        }
        ppp_peer_poke(&peer);
        settle();
    }
    return seen.closed == 1;
}

/* A session as the driver sends it: dialled, two packets and the end. */
static size_t record_session(uint8_t to[RECORD_MAX]) {
    cfg.lcp.auth = PPP_AUTH_PAP;
    restart();
    peer.password = "secret";
    dial();
    SAY(IP, "E first");
    SAY(IP, "E second");
    cr_assert_eq(seen.packets, 2);
    memcpy(to, record, n_record);
    return n_record;
}

Test(ppp, a_session_cut_at_any_byte_goes_on) {
    static uint8_t session[RECORD_MAX];
    size_t n = record_session(session);
    for (size_t cut = 0; cut <= n; cut++) {
        restart();
        peer.password = "secret";
        clk_advance(clk, CLK_US(0));
        feed(session, cut, 1 + cut % 7);
        to_peer(SIZE_MAX);
        buf_clear(&peer.out);
        cr_assert(comes_to_an_end(), "cut at %zu", cut);
    }
}

Test(ppp, a_session_with_any_byte_corrupted_goes_on_or_ends) {
    static uint8_t session[RECORD_MAX];
    static const uint8_t flips[] = {0x01, 0x20, 0xff};
    size_t n = record_session(session);
    for (size_t at = 0; at < 3 * n; at++) {
        restart();
        peer.password = "secret";
        clk_advance(clk, CLK_US(0));
        session[at / 3] ^= flips[at % 3];
        feed(session, n, 1 + at % 7);
        session[at / 3] ^= flips[at % 3];
        to_peer(SIZE_MAX);
        buf_clear(&peer.out);
        cr_assert(comes_to_an_end(), "byte %zu", at / 3);
    }
}
