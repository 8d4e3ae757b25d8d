/* Links and names that fail because somebody decided so. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "emulator/model/sockets.h"
#include "tests/support/unit_suite.h"

#define OPEN "AT+CIPOPEN=0,\"TCP\",\"10.0.0.1\",80"
#define OPEN_NAME "AT+CIPOPEN=0,\"TCP\",\"a.example\",80"
#define OPENED OK LINE("+CIPOPEN: 0,0")
#define PUSHED(n, data) LINE("RECV FROM:10.0.0.1:80") "+IPD" n "\r\n" data

enum { PEER_IP = 0x0a000001, OTHER_IP = 0x0a000002, PEER_PORT = 80 };

static struct impair given; /* what a connect or a caller is given as its path up */

#define FAIL(number) ((struct bus_verdict){.act = BUS_FAIL, .code = (number)})
#define DROP ((struct bus_verdict){.act = BUS_DROP})
#define DELAY_S(s) ((struct bus_verdict){.delay = CLK_S(s)})

static void start_net(void) {
    start();
    fake_host_add_name(rig.fake, "a.example", PEER_IP);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
}

static void start_open(void) {
    start_net();
    ask(OPEN, OPENED);
}

static struct fake_link *far(void) {
    return fake_host_link(rig.fake, PEER_IP, PEER_PORT);
}

static bool has_got(const char *text) {
    size_t n = 0;
    const uint8_t *p = fake_host_received(far(), &n);
    return n == strlen(text) && (n == 0 || memcmp(p, text, n) == 0);
}

static void send_hello(const char *want) {
    ask("AT+CIPSEND=0,5", "\r\n>");
    unit_rig_type(&rig, "hello");
    expect(want);
}

/* -- connecting -- */

Test(faults, a_connect_is_refused) {
    start_net();
    unit_rig_answer(&rig, ASK_NET_CONNECT, FAIL(0), 1);
    ask(OPEN, OK LINE("+CIPOPEN: 0,1"));
    cr_assert_null(far(), "the host was not even asked");
    ask(OPEN, OPENED);
    stop();
}

Test(faults, a_connect_is_never_answered) {
    start_net();
    unit_rig_answer(&rig, ASK_NET_CONNECT, DROP, 1);
    ask("AT+CIPTIMEOUT=,20000", OK);
    ask(OPEN_NAME, OK);
    pass_s(19);
    expect("");
    pass_s(1);
    expect(LINE("+CIPOPEN: 0,10"));
    cr_assert_null(far());
    stop();
}

Test(faults, a_connect_comes_late) {
    start_net();
    unit_rig_answer(&rig, ASK_NET_CONNECT, DELAY_S(5), 1);
    ask(OPEN, OK);
    pass_s(4);
    cr_assert_null(far());
    ask(OPEN, LINE("+CIPOPEN: 0,4") LINE("ERROR"));
    pass_s(1);
    expect(LINE("+CIPOPEN: 0,0"));
    stop();
}

Test(faults, a_late_connect_can_be_closed_or_lose_its_network) {
    start_net();
    unit_rig_answer(&rig, ASK_NET_CONNECT, DELAY_S(5), 2);
    ask(OPEN, OK);
    ask("AT+CIPCLOSE=0", OK LINE("+CIPCLOSE: 0,0"));
    pass_s(10);
    expect("");
    ask(OPEN, OK);
    modem_set_registration(rig.modem, REG_DENIED);
    expect(LINE("+CIPOPEN: 0,1") LINE("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY"));
    pass_s(10);
    expect("");
    stop();
}

static struct bus_verdict give_path(void *ctx, unsigned point, void *what) {
    (void)ctx;
    (void)point;
    ((struct link_asked *)what)->impair[IMPAIR_UP] = given;
    return (struct bus_verdict){0};
}

static void give_paths(enum ask point) {
    bus_answer(&rig.modem->bus, NULL, NULL);
    bus_answer(&rig.modem->bus, give_path, NULL);
    bus_want(&rig.modem->bus, (uint32_t)1 << point);
}

Test(faults, a_connect_is_given_its_path) {
    start_net();
    given = (struct impair){.latency_ms = 2000};
    give_paths(ASK_NET_CONNECT);
    ask(OPEN, OK);
    pass_s(1);
    cr_assert_null(far());
    pass_s(1);
    expect(LINE("+CIPOPEN: 0,0"));
    cr_assert_eq(link_impairments(rig.modem->sockets, 0, IMPAIR_UP)->latency_ms, 2000);
    stop();
}

/* -- callers -- */

static struct fake_link *call(void) {
    static const struct net_addr from = {PEER_IP, PEER_PORT};
    struct fake_link *l = fake_host_call(rig.fake, &from, 8080);
    fake_host_settle(rig.fake, rig.clk);
    return l;
}

Test(faults, callers_are_turned_away_and_nobody_hears_of_it) {
    start_net();
    ask("AT+SERVERSTART=8080,0", OK);
    unit_rig_answer(&rig, ASK_NET_ACCEPT, FAIL(0), 1);
    cr_assert_eq(fake_host_seen(call()), FAKE_SEEN_RESET);
    unit_rig_answer(&rig, ASK_NET_ACCEPT, DROP, 1);
    cr_assert_eq(fake_host_seen(call()), FAKE_SEEN_FIN);
    expect("");
    call();
    expect(LINE("+CLIENT: 0,0,10.0.0.1:80"));
    stop();
}

Test(faults, a_caller_is_given_its_path) {
    start_net();
    ask("AT+SERVERSTART=8080,0", OK);
    given = (struct impair){.latency_ms = 3000};
    give_paths(ASK_NET_ACCEPT);
    call();
    expect(LINE("+CLIENT: 0,0,10.0.0.1:80"));
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    cr_assert(has_got(""));
    pass_s(3);
    cr_assert(has_got("hello"));
    stop();
}

/* -- sending and closing -- */

Test(faults, a_send_fails_or_is_lost) {
    start_open();
    unit_rig_answer(&rig, ASK_NET_SEND, FAIL(IP_NETWORK_FAILURE), 1);
    send_hello(LINE("+CIPERROR: 1") LINE("ERROR"));
    unit_rig_answer(&rig, ASK_NET_SEND, DROP, 1);
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    cr_assert(has_got(""));
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    cr_assert(has_got("hello"));
    stop();
}

Test(faults, a_lost_send_that_waits_for_its_acknowledgement_waits_in_vain) {
    start_open();
    ask("AT+CIPSENDMODE=1;+CIPTIMEOUT=,,10000", OK);
    unit_rig_answer(&rig, ASK_NET_SEND, DROP, 1);
    send_hello(OK);
    pass_s(9);
    expect("");
    pass_s(1);
    expect(LINE("+CIPSEND: 0,5,0"));
    stop();
}

Test(faults, a_datagram_is_lost) {
    struct fake_datagram d;
    start_net();
    ask("AT+CIPOPEN=1,\"UDP\",,,5000", LINE("+CIPOPEN: 1,0") OK);
    unit_rig_answer(&rig, ASK_NET_SEND, DROP, 1);
    ask("AT+CIPSEND=1,5,\"10.0.0.1\",80", "\r\n>");
    unit_rig_type(&rig, "hello");
    expect(OK LINE("+CIPSEND: 1,5,5"));
    cr_assert(!fake_host_next_datagram(rig.fake, &d));
    stop();
}

Test(faults, data_of_data_mode_is_lost) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CIPMODE=1", OK);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    ask(OPEN, LINE("CONNECT 115200"));
    unit_rig_answer(&rig, ASK_NET_SEND, FAIL(IP_BUSY), 1);
    unit_rig_type(&rig, "lost");
    unit_rig_type(&rig, "found");
    cr_assert(has_got("found"));
    stop();
}

Test(faults, the_peer_is_not_told_of_a_close) {
    start_open();
    unit_rig_answer(&rig, ASK_NET_CLOSE, DROP, 1);
    ask("AT+CIPCLOSE=0", OK LINE("+CIPCLOSE: 0,0"));
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_NOTHING);
    stop();
}

/* -- from outside -- */

Test(faults, a_link_ends_as_if_the_peer_had_closed_it) {
    start_open();
    fake_host_send(far(), "bye", 3);
    fake_host_settle(rig.fake, rig.clk);
    cr_assert_eq(link_end(rig.modem->sockets, 0, NET_CLOSE_REMOTE), 0);
    expect(PUSHED("3", "bye") LINE("+IPCLOSE: 0,1"));
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_FIN);
    cr_assert_eq(link_end(rig.modem->sockets, 0, NET_CLOSE_REMOTE), -ENOTCONN);
    stop();
}

Test(faults, the_peer_still_gets_what_the_link_owes_it) {
    start_open();
    fake_host_window(far(), 0);
    send_hello(OK LINE("+CIPSEND: 0,5,5"));
    cr_assert_eq(link_end(rig.modem->sockets, 0, NET_CLOSE_REMOTE), 0);
    expect(LINE("+IPCLOSE: 0,1"));
    fake_host_window(far(), SIZE_MAX);
    fake_host_settle(rig.fake, rig.clk);
    cr_assert(has_got("hello"));
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_FIN);
    stop();
}

Test(faults, a_link_is_reset_or_given_up) {
    start_open();
    cr_assert_eq(link_end(rig.modem->sockets, 0, NET_CLOSE_RESET), 0);
    expect(LINE("+IPCLOSE: 0,3"));
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_RESET);
    ask(OPEN, OPENED);
    cr_assert_eq(link_end(rig.modem->sockets, 0, NET_CLOSE_TIMEOUT), 0);
    expect(LINE("+IPCLOSE: 0,2"));
    cr_assert_eq(fake_host_seen(far()), FAKE_SEEN_RESET);
    stop();
}

Test(faults, a_link_that_is_not_open_cannot_be_ended_nor_impaired) {
    const struct impair hole = {.black_hole = true};
    start_net();
    cr_assert_eq(link_end(rig.modem->sockets, 0, NET_CLOSE_RESET), -ENOTCONN);
    cr_assert_eq(link_impair(rig.modem->sockets, 0, IMPAIR_UP, &hole), -ENOTCONN);
    cr_assert_null(link_impairments(rig.modem->sockets, 0, IMPAIR_UP));
    ask("AT+CIPOPEN=1,\"UDP\",,,5000", LINE("+CIPOPEN: 1,0") OK);
    cr_assert_eq(link_end(rig.modem->sockets, 1, NET_CLOSE_RESET), -ENOTCONN);
    stop();
}

Test(faults, the_path_of_a_running_link_changes) {
    const struct impair slow = {.latency_ms = 4000};
    static const struct net_addr from = {PEER_IP, PEER_PORT};
    start_open();
    cr_assert_eq(link_impair(rig.modem->sockets, 0, IMPAIR_DOWN, &slow), 0);
    fake_host_send(far(), "late", 4);
    pass_s(3);
    expect("");
    pass_s(1);
    expect(PUSHED("4", "late"));
    ask("AT+CIPOPEN=1,\"UDP\",,,5000", LINE("+CIPOPEN: 1,0") OK);
    cr_assert_eq(link_impair(rig.modem->sockets, 1, IMPAIR_DOWN, &slow), 0);
    cr_assert(fake_host_send_datagram(rig.fake, &from, 5000, "late", 4));
    pass_s(3);
    expect("");
    pass_s(1);
    expect(PUSHED("4", "late"));
    stop();
}

/* -- names -- */

Test(faults, a_name_is_another_address_or_none) {
    start_net();
    unit_rig_answer(&rig, ASK_NET_RESOLVE,
                    (struct bus_verdict){.act = BUS_REPLACE, .text = SV("10.0.0.2")}, 1);
    ask("AT+CDNSGIP=\"a.example\"", LINE("+CDNSGIP: 1,\"a.example\",\"10.0.0.2\"") OK);
    unit_rig_answer(&rig, ASK_NET_RESOLVE, FAIL(0), 1);
    ask("AT+CDNSGIP=\"a.example\"", LINE("+CDNSGIP: 0,10") LINE("ERROR"));
    unit_rig_answer(&rig, ASK_NET_RESOLVE,
                    (struct bus_verdict){.act = BUS_REPLACE, .text = SV("nowhere")}, 1);
    ask("AT+CDNSGIP=\"a.example\"", LINE("+CDNSGIP: 0,10") LINE("ERROR"));
    cr_assert_eq(fake_host_queries(rig.fake), 0);
    ask("AT+CDNSGIP=\"a.example\"", LINE("+CDNSGIP: 1,\"a.example\",\"10.0.0.1\"") OK);
    stop();
}

Test(faults, a_query_that_is_never_answered_is_made_again) {
    start_net();
    unit_rig_answer(&rig, ASK_NET_RESOLVE, DROP, 2);
    ask(OPEN_NAME, OK);
    pass_s(6);
    expect("");
    pass_s(1);
    expect(LINE("+CIPOPEN: 0,0"));
    cr_assert_eq(rig.asked[ASK_NET_RESOLVE], 3);
    cr_assert_eq(fake_host_queries(rig.fake), 1);
    stop();
}

Test(faults, an_answer_comes_late_and_an_address_asks_nobody) {
    start_net();
    fake_host_add_ping(rig.fake, OTHER_IP, 20000);
    unit_rig_answer(
        &rig, ASK_NET_RESOLVE,
        (struct bus_verdict){.act = BUS_REPLACE, .text = SV("10.0.0.2"), .delay = CLK_S(2)}, 1);
    ask("AT+CPING=\"a.example\",1,1", OK);
    pass_s(1);
    expect("");
    unit_rig_pass(&rig, CLK_MS(1020));
    expect(LINE("+CPING: 1,10.0.0.2,64,20,255") LINE("+CPING: 3,1,1,0,20,20,20"));
    ask("AT+CDNSGIP=\"10.0.0.1\"", LINE("+CDNSGIP: 1,\"10.0.0.1\",\"10.0.0.1\"") OK);
    cr_assert_eq(rig.asked[ASK_NET_RESOLVE], 1);
    stop();
}
