/* Links and servers over real sockets: much data, many links, far ends of every kind, names. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/pieces.h"
#include "tests/support/turn.h"

enum {
    BULK = 64 << 20,
    AHEAD = 48 << 10, /* bytes under way to the echo and back: less than the module keeps */
    SOON_MS = 2000,   /* well before any of the module's own limits */
};

static struct daemon d;
static struct dte t;

TestSuite(e2e_tcp, .timeout = 170);

/* Starts what daemon_init and options have prepared. */
static void start(void) {
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0+CMEE=2", "OK\r\n");
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
}

static void stop(void) {
    dte_close(&t);
    daemon_stop(&d);
}

/* With one far end behind every port of 203.0.113.1. */
static void start_with(struct far_end *far, enum far_kind kind) {
    far_listen(far, kind);
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:*=127.0.0.1:%u", far->port);
    start();
}

static void open_link(unsigned link) {
    char result[32];
    snprintf(result, sizeof result, "+CIPOPEN: %u,0\r\n", link);
    dte_say(&t, "AT+CIPOPEN=%u,\"TCP\",\"203.0.113.1\",%u", link, 80 + link);
    dte_expect(&t, result);
}

/* Up to the prompt's data; the result is still to come. */
static void begin_send(unsigned link, const void *p, size_t n) {
    dte_say(&t, "AT+CIPSEND=%u,%zu", link, n);
    dte_expect(&t, ">");
    dte_send(&t, p, n);
    dte_expect(&t, "\r\nOK\r\n");
}

static void expect_sent(unsigned link, size_t n) {
    char result[48];
    snprintf(result, sizeof result, "+CIPSEND: %u,%zu,%zu\r\n", link, n, n);
    dte_expect(&t, result);
}

static void send_pattern(unsigned link, struct pattern *p, size_t n) {
    uint8_t bytes[LIMIT_SEND];
    pattern_fill(p, bytes, n);
    begin_send(link, bytes, n);
    expect_sent(link, n);
}

/* Manual receiving: checks what is there, at most one command's worth; returns how much. */
static size_t fetch(unsigned link, struct pattern *p) {
    static const char *const answers[] = {"+CIPRXGET: 2,", "No data\r\n\r\nERROR\r\n"};
    uint8_t bytes[LIMIT_SEND];
    unsigned of = 0;
    size_t n = 0;
    size_t left = 0;
    dte_say(&t, "AT+CIPRXGET=2,%u,%d", link, LIMIT_SEND);
    if (dte_expect_one_of(&t, answers, 2) != 0) {
        return 0;
    }
    cr_assert_eq(sscanf(dte_expect(&t, "\r\n"), "%u,%zu,%zu", &of, &n, &left), 3);
    cr_assert(of == link && n > 0 && n <= sizeof bytes);
    dte_read(&t, bytes, n);
    cr_assert(pattern_check(p, bytes, n), "link %u", link);
    cr_assert_str_eq(dte_expect(&t, "OK\r\n"), "\r\n\r\nOK\r\n");
    return n;
}

/* -- much data -- */

Test(e2e_tcp, much_data_out_by_cipsend_and_back_by_ciprxget) {
    struct far_end far;
    struct pattern out;
    struct pattern in;
    start_with(&far, FAR_ECHO);
    dte_ask(&t, "AT+CIPRXGET=1", "OK\r\n");
    open_link(0);
    pattern_init(&out, 0);
    pattern_init(&in, 0);
    size_t bulk = pieces_bulk(BULK);
    size_t sent = 0;
    for (size_t got = 0; got < bulk;) {
        while (sent < bulk && sent - got < AHEAD) {
            size_t n = bulk - sent < LIMIT_SEND ? bulk - sent : LIMIT_SEND;
            send_pattern(0, &out, n);
            sent += n;
        }
        got += fetch(0, &in);
    }
    cr_assert_not(far.links[0].is_wrong);
    char counts[96];
    snprintf(counts, sizeof counts, "+CIPACK: %zu,%zu,%zu\r\n", bulk, bulk, bulk);
    dte_ask(&t, "AT+CIPACK=0", counts);
    far_stop(&far);
    stop();
}

Test(e2e_tcp, much_data_pushed) {
    struct far_end far;
    struct pattern p;
    uint8_t bytes[LIMIT_PUSH];
    start_with(&far, FAR_SOURCE);
    size_t bulk = pieces_bulk(BULK);
    far.total = bulk;
    dte_ask(&t, "AT+CIPSRIP=0", "OK\r\n");
    open_link(0);
    pattern_init(&p, 0);
    for (size_t got = 0; got < bulk;) {
        size_t n = dte_pushed(&t, bytes, sizeof bytes);
        cr_assert(pattern_check(&p, bytes, n), "after %zu bytes", got);
        got += n;
        cr_assert_leq(got, bulk);
    }
    dte_is_silent(&t, 50);
    far_stop(&far);
    stop();
}

Test(e2e_tcp, ten_links_at_once_each_with_its_own_bytes) {
    enum { ROUNDS = DAEMON_IS_SANITIZED ? 60 : 300 };
    struct far_end far;
    struct pattern out[LIMIT_LINKS];
    struct pattern in[LIMIT_LINKS];
    size_t sent[LIMIT_LINKS] = {0};
    size_t got[LIMIT_LINKS] = {0};
    start_with(&far, FAR_ECHO);
    dte_ask(&t, "AT+CIPRXGET=1", "OK\r\n");
    for (unsigned i = 0; i < LIMIT_LINKS; i++) {
        open_link(i);
        far_link(&far, i);
        pattern_init(&out[i], i);
        pattern_init(&in[i], i);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < LIMIT_LINKS; i++) {
            size_t n = 1 + (round * 131 + i * 17) % LIMIT_SEND;
            send_pattern(i, &out[i], n);
            sent[i] += n;
            unsigned k = (i * 7 + round) % LIMIT_LINKS;
            got[k] += fetch(k, &in[k]);
        }
    }
    for (unsigned i = 0; i < LIMIT_LINKS; i++) {
        while (got[i] < sent[i]) {
            got[i] += fetch(i, &in[i]);
        }
        cr_assert_eq(got[i], sent[i]);
        cr_assert_not(far.links[i].is_wrong);
    }
    far_stop(&far);
    stop();
}

Test(e2e_tcp, ten_links_pushed_at_once) {
    enum { EACH = 200000 };
    struct far_end far;
    struct pattern in[LIMIT_LINKS];
    size_t got[LIMIT_LINKS] = {0};
    uint8_t bytes[LIMIT_PUSH];
    start_with(&far, FAR_SOURCE); /* of nothing yet */
    dte_ask(&t, "AT+CIPSRIP=0", "OK\r\n");
    dte_ask(&t, "AT+CIPCCFG=,,,,1", "OK\r\n");
    for (unsigned i = 0; i < LIMIT_LINKS; i++) {
        pattern_init(&in[i], i);
        open_link(i);
        far_link(&far, i);
    }
    far.total = EACH;
    far_set_kind(&far, FAR_SOURCE);
    for (size_t total = 0; total < (size_t)EACH * LIMIT_LINKS;) {
        unsigned link = 0;
        size_t n = 0;
        dte_expect(&t, "+RECEIVE,");
        cr_assert_eq(sscanf(dte_expect(&t, "\r\n"), "%u,%zu", &link, &n), 2);
        cr_assert(link < LIMIT_LINKS && n > 0 && n <= sizeof bytes);
        dte_read(&t, bytes, n);
        cr_assert(pattern_check(&in[link], bytes, n), "link %u after %zu bytes", link, got[link]);
        got[link] += n;
        total += n;
    }
    for (unsigned i = 0; i < LIMIT_LINKS; i++) {
        cr_assert_eq(got[i], EACH);
    }
    far_stop(&far);
    stop();
}

/* -- far ends -- */

/* Link 0 to this far end, link 1 to one that echoes; both are received manually. */
static void start_beside_echo(const struct far_end *far, struct far_end *echo) {
    far_listen(echo, FAR_ECHO);
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:80=127.0.0.1:%u", far->port);
    daemon_option(&d, "--map", "203.0.113.1:81=127.0.0.1:%u", echo->port);
    start();
    dte_ask(&t, "AT+CIPRXGET=1", "OK\r\n");
    open_link(0);
    open_link(1);
}

/* On link 1 everything comes back, so many thousand bytes. */
static void echo_on_link_1(int thousands) {
    struct pattern out;
    struct pattern back;
    pattern_init(&out, 0);
    pattern_init(&back, 0);
    for (int i = 0; i < thousands; i++) {
        send_pattern(1, &out, 1000);
        for (size_t n = 0; n < 1000;) {
            n += fetch(1, &back);
        }
    }
}

Test(e2e_tcp, a_peer_that_never_reads_holds_up_its_own_link_only) {
    struct far_end mute;
    struct far_end echo;
    struct pattern p;
    uint8_t bytes[LIMIT_SEND];
    char result[48];
    far_listen(&mute, FAR_MUTE);
    start_beside_echo(&mute, &echo);
    pattern_init(&p, 0);
    size_t sent = 0;
    snprintf(result, sizeof result, "+CIPSEND: 0,%d,%d\r\n", LIMIT_SEND, LIMIT_SEND);
    for (bool is_stuck = false; !is_stuck;) {
        pattern_fill(&p, bytes, sizeof bytes);
        begin_send(0, bytes, sizeof bytes);
        sent += sizeof bytes;
        /* The result comes with the OK or, as the answer to the next command shows, not yet. */
        dte_say(&t, "AT+CSQ");
        is_stuck = strstr(dte_expect(&t, "+CSQ: "), result) == NULL;
        dte_expect(&t, "OK\r\n");
        cr_assert_lt(sent, 64 << 20, "nothing ever waits");
    }
    cr_log_info("%zu bytes until CIPSEND waited", sent);
    dte_ask(&t, "AT+CIPSEND=0,1", "+CIPERROR: 8\r\n\r\nERROR\r\n");
    echo_on_link_1(100);
    far_set_kind(&mute, FAR_CHECK);
    dte_expect(&t, result);
    turn_until(mute.links[0].received == sent);
    cr_assert_not(mute.links[0].is_wrong);
    snprintf(result, sizeof result, "+CIPACK: %zu,%zu,0\r\n", sent, sent);
    dte_ask(&t, "AT+CIPACK=0", result);
    far_stop(&mute);
    far_stop(&echo);
    stop();
}

Test(e2e_tcp, a_flooded_link_that_is_not_fetched_holds_up_nobody_and_loses_nothing) {
    enum { FLOOD = 12 << 20 };
    struct far_end flood;
    struct far_end echo;
    struct pattern back;
    far_listen(&flood, FAR_SOURCE);
    flood.total = FLOOD;
    start_beside_echo(&flood, &echo);
    echo_on_link_1(200);
    cr_assert_lt(flood.links[0].sent, FLOOD);
    pattern_init(&back, 0);
    for (size_t got = 0; got < pieces_bulk(FLOOD);) {
        got += fetch(0, &back);
    }
    far_stop(&flood);
    far_stop(&echo);
    stop();
}

/* An open of 203.0.113.1:80; the error comes behind OK or, known at once, instead of it. */
static void fails_to_open(unsigned link) {
    char result[32];
    snprintf(result, sizeof result, "+CIPOPEN: %u,", link);
    int64_t from_us = turn_now_us();
    dte_say(&t, "AT+CIPOPEN=%u,\"TCP\",\"203.0.113.1\",80", link);
    dte_expect(&t, result);
    cr_assert_neq(strtol(dte_expect(&t, "\r\n"), NULL, 10), 0);
    cr_assert_lt(turn_now_us() - from_us, SOON_MS * 1000);
    dte_ask(&t, "AT+CGMM", "SIM7600E");
    dte_expect(&t, "OK\r\n");
}

Test(e2e_tcp, a_refused_connect_says_so_at_once_and_the_link_stays_free) {
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:80=127.0.0.1:%u", far_free_port());
    start();
    for (unsigned i = 0; i < 50; i++) {
        fails_to_open(i % LIMIT_LINKS);
    }
    dte_ask(&t, "AT+CIPOPEN?", "+CIPOPEN: 0\r\n+CIPOPEN: 1\r\n");
    stop();
}

Test(e2e_tcp, an_unreachable_peer_says_so) {
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:80=255.255.255.255:80");
    start();
    fails_to_open(0);
    fails_to_open(0);
    stop();
}

Test(e2e_tcp, a_peer_that_does_not_answer_is_given_up_after_ciptimeout) {
    /* The kernel completes one connect to a listener of no length and leaves the others hanging. */
    int listener = far_socket(SOCK_STREAM);
    uint16_t port = far_bound_port(listener);
    cr_assert_eq(listen(listener, 0), 0);
    int filler = far_call(port);
    daemon_init(&d);
    daemon_option(&d, "--clock", "x10");
    daemon_option(&d, "--map", "203.0.113.1:80=127.0.0.1:%u", port);
    start();
    dte_ask(&t, "AT+CIPTIMEOUT=,3000", "OK\r\n");
    int64_t from_us = turn_now_us();
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "OK\r\n");
    dte_ask(&t, "AT", "OK\r\n");
    dte_expect(&t, "+CIPOPEN: 0,");
    cr_assert_neq(strtol(dte_expect(&t, "\r\n"), NULL, 10), 0);
    cr_assert_geq(turn_now_us() - from_us, 290000);
    stop();
    close(filler);
    close(listener);
}

/* With a peer that sends 3000 bytes to whoever connects. */
static void start_with_data(struct far_end *far) {
    start_with(far, FAR_SOURCE);
    far->total = 3000;
}

Test(e2e_tcp, data_not_fetched_yet_stays_readable_after_the_peers_fin) {
    struct far_end far;
    struct pattern p;
    start_with_data(&far);
    dte_ask(&t, "AT+CIPRXGET=1", "OK\r\n");
    open_link(4);
    dte_expect(&t, "+CIPRXGET: 1,4\r\n");
    struct far_link *l = far_link(&far, 0);
    turn_until(l->sent == 3000);
    far_close(l);
    dte_expect(&t, "\r\n+IPCLOSE: 4,1\r\n");
    dte_ask(&t, "AT+CIPRXGET=4,4", "+CIPRXGET: 4,4,3000\r\n");
    pattern_init(&p, 0);
    cr_assert_eq(fetch(4, &p), 1500);
    cr_assert_eq(fetch(4, &p), 1500);
    cr_assert_eq(fetch(4, &p), 0);
    open_link(4);
    far_stop(&far);
    stop();
}

Test(e2e_tcp, pushed_data_comes_before_the_close_that_followed_it) {
    struct far_end far;
    struct pattern p;
    uint8_t bytes[LIMIT_PUSH];
    start_with_data(&far);
    open_link(4);
    struct far_link *l = far_link(&far, 0);
    turn_until(l->sent == 3000);
    far_close(l);
    pattern_init(&p, 0);
    for (size_t got = 0; got < 3000;) {
        size_t n = dte_pushed(&t, bytes, sizeof bytes);
        cr_assert(pattern_check(&p, bytes, n));
        got += n;
    }
    cr_assert_str_eq(dte_expect(&t, "+IPCLOSE: 4,1\r\n"), "\r\n+IPCLOSE: 4,1\r\n");
    far_stop(&far);
    stop();
}

Test(e2e_tcp, a_reset_closes_with_3_and_the_others_go_on) {
    struct far_end far;
    struct pattern p;
    start_with(&far, FAR_CHECK);
    open_link(0);
    open_link(1);
    far_link(&far, 1);
    pattern_init(&p, 1);
    send_pattern(1, &p, 100);
    far_reset(&far.links[0]);
    dte_expect(&t, "\r\n+IPCLOSE: 0,3\r\n");
    send_pattern(1, &p, 100);
    turn_until(far.links[1].received == 200);
    cr_assert_not(far.links[1].is_wrong);
    far_stop(&far);
    stop();
}

Test(e2e_tcp, closing_links_and_the_service_is_seen_by_the_peers) {
    struct far_end far;
    start_with(&far, FAR_CHECK);
    for (unsigned i = 0; i < 3; i++) {
        open_link(i);
        far_link(&far, i);
    }
    dte_ask(&t, "AT+CIPCLOSE=1", "+CIPCLOSE: 1,0\r\n");
    turn_until(far.links[1].is_fin);
    cr_assert_not(far.links[0].is_fin || far.links[2].is_fin);
    dte_ask(&t, "AT+NETCLOSE", "+NETCLOSE: 0\r\n");
    turn_until(far.links[0].is_fin && far.links[2].is_fin);
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    open_link(0);
    far_stop(&far);
    stop();
}

Test(e2e_tcp, cipack_says_what_the_peer_has_got) {
    struct far_end far;
    struct pattern p;
    char counts[64];
    start_with(&far, FAR_CHECK);
    open_link(0);
    pattern_init(&p, 0);
    size_t sent = 0;
    for (size_t n = 1; n < LIMIT_SEND; n += 97) {
        send_pattern(0, &p, n);
        sent += n;
        turn_until(far_link(&far, 0)->received == sent);
        snprintf(counts, sizeof counts, "\r\n+CIPACK: %zu,%zu,0\r\n\r\nOK\r\n", sent, sent);
        dte_say(&t, "AT+CIPACK=0");
        cr_assert_str_eq(dte_expect(&t, "OK\r\n"), counts);
    }
    far_stop(&far);
    stop();
}

/* -- servers -- */

Test(e2e_tcp, four_servers_and_their_callers) {
    enum { SERVERS = 4, CALLERS = 2 };
    struct far_end callers = {.kind = FAR_ECHO, .listener = -1};
    uint16_t ports[SERVERS];
    struct pattern out[SERVERS * CALLERS];
    struct pattern in[SERVERS * CALLERS];
    char text[64];
    daemon_init(&d);
    for (unsigned i = 0; i < SERVERS; i++) {
        ports[i] = far_free_port();
        daemon_option(&d, "--listen", "%u=127.0.0.1:%u", 8080 + i, ports[i]);
    }
    start();
    dte_ask(&t, "AT+CIPRXGET=1", "OK\r\n");
    for (unsigned i = 0; i < SERVERS; i++) {
        dte_say(&t, "AT+SERVERSTART=%u,%u", 8080 + i, i);
        dte_expect(&t, "OK\r\n");
    }
    for (unsigned i = 0; i < SERVERS * CALLERS; i++) {
        int fd = far_call(ports[i % SERVERS]);
        cr_assert_geq(fd, 0);
        far_add(&callers, fd);
        snprintf(text, sizeof text, "\r\n+CLIENT: %u,%u,127.0.0.1:", i, i % SERVERS);
        dte_expect(&t, text);
        pattern_init(&out[i], i);
        pattern_init(&in[i], i);
    }
    for (unsigned i = 0; i < SERVERS * CALLERS; i++) {
        send_pattern(i, &out[i], 700);
    }
    for (unsigned i = 0; i < SERVERS * CALLERS; i++) {
        for (size_t got = 0; got < 700;) {
            got += fetch(i, &in[i]);
        }
        cr_assert_not(callers.links[i].is_wrong);
    }
    far_close(&callers.links[3]);
    dte_expect(&t, "\r\n+IPCLOSE: 3,1\r\n");
    /* A stopped server hangs up on nobody, and nobody reaches it. */
    dte_ask(&t, "AT+SERVERSTOP=1", "+SERVERSTOP: 1,0\r\n\r\nOK\r\n");
    cr_assert_lt(far_call(ports[1]), 0);
    send_pattern(1, &out[1], 10);
    dte_ask(&t, "AT+SERVERSTART=8081,1", "OK\r\n");
    int fd = far_call(ports[1]);
    cr_assert_geq(fd, 0);
    dte_expect(&t, "+CLIENT: ");
    cr_assert_not_null(strstr(dte_expect(&t, "\r\n"), ",1,127.0.0.1:"));
    close(fd);
    dte_expect(&t, "+IPCLOSE: ");
    far_stop(&callers);
    stop();
}

Test(e2e_tcp, more_callers_than_links_are_turned_away) {
    struct far_end callers = {.kind = FAR_CHECK, .listener = -1};
    uint16_t port = far_free_port();
    daemon_init(&d);
    daemon_option(&d, "--listen", "8080=127.0.0.1:%u", port);
    start();
    dte_ask(&t, "AT+SERVERSTART=8080,0", "OK\r\n");
    for (unsigned i = 0; i < LIMIT_LINKS; i++) {
        far_add(&callers, far_call(port));
        dte_expect(&t, "+CLIENT: ");
    }
    struct far_link *one_more = far_add(&callers, far_call(port));
    turn_until(one_more->is_fin || one_more->is_reset);
    dte_ask(&t, "AT", "OK\r\n");
    dte_ask(&t, "AT+CIPCLOSE=5", "+CIPCLOSE: 5,0\r\n");
    far_add(&callers, far_call(port));
    dte_expect(&t, "+CLIENT: 5,0,");
    far_stop(&callers);
    stop();
}

Test(e2e_tcp, a_busy_listen_port_is_an_error_and_the_next_one_works) {
    int taken = far_socket(SOCK_STREAM);
    cr_assert_eq(listen(taken, 1), 0);
    daemon_init(&d);
    daemon_option(&d, "--listen", "8080=127.0.0.1:%u", far_bound_port(taken));
    daemon_option(&d, "--listen", "8081=127.0.0.1:0");
    start();
    dte_ask(&t, "AT+SERVERSTART=8080,0", "\r\n+CIPERROR: 6\r\n\r\nERROR\r\n");
    dte_ask(&t, "AT+SERVERSTART=8081,0", "OK\r\n");
    dte_ask(&t, "AT+SERVERSTART?", "+SERVERSTART: 0,8081\r\n");
    close(taken);
    stop();
}

/* -- maps, UDP -- */

Test(e2e_tcp, maps_take_names_and_any_port) {
    struct far_end far;
    far_listen(&far, FAR_CHECK);
    daemon_init(&d);
    daemon_option(&d, "--map", "server.example:7000=127.0.0.1:%u", far.port);
    daemon_option(&d, "--map", "10.0.0.7:*=127.0.0.1:*");
    daemon_option(&d, "--map", "10.0.0.8:80=localhost:%u", far.port);
    daemon_option(&d, "--map", "10.0.0.9:80=discard:");
    start();
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"server.example\",7000", "+CIPOPEN: 0,0\r\n");
    dte_say(&t, "AT+CIPOPEN=1,\"TCP\",\"10.0.0.7\",%u", far.port);
    dte_expect(&t, "+CIPOPEN: 1,0\r\n");
    dte_ask(&t, "AT+CIPOPEN=2,\"TCP\",\"10.0.0.8\",80", "+CIPOPEN: 2,0\r\n");
    dte_ask(&t, "AT+CIPOPEN=3,\"TCP\",\"10.0.0.9\",80", "+CIPOPEN: 3,0\r\n");
    far_link(&far, 2);
    char shown[64];
    snprintf(shown, sizeof shown, "+CIPOPEN: 1,\"TCP\",\"10.0.0.7\",%u,-1\r\n", far.port);
    dte_say(&t, "AT+CIPOPEN?");
    dte_expect(&t, "+CIPOPEN: 0,\"TCP\",\"198.18.");
    dte_expect(&t, ",7000,-1\r\n");
    dte_expect(&t, shown);
    dte_expect(&t, "+CIPOPEN: 2,\"TCP\",\"10.0.0.8\",80,-1\r\n");
    dte_expect(&t, "OK\r\n");
    far_stop(&far);
    stop();
}

Test(e2e_tcp, one_udp_link_and_many_peers) {
    enum { PEERS = 8 };
    int peers[PEERS];
    char text[96];
    char got[64];
    daemon_init(&d);
    for (unsigned i = 0; i < PEERS; i++) {
        peers[i] = far_socket(SOCK_DGRAM);
        daemon_option(&d, "--map", "203.0.113.%u:90%u=127.0.0.1:%u", i + 1, i,
                      far_bound_port(peers[i]));
    }
    start();
    dte_ask(&t, "AT+CIPOPEN=0,\"UDP\",,,5000", "+CIPOPEN: 0,0\r\n\r\nOK\r\n");
    for (unsigned i = 0; i < 10 * PEERS; i++) {
        unsigned k = i % PEERS;
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        struct pollfd p = {.fd = peers[k], .events = POLLIN};
        int n = snprintf(text, sizeof text, "to %u, number %u", k, i);
        dte_say(&t, "AT+CIPSEND=0,%d,\"203.0.113.%u\",90%u", n, k + 1, k);
        dte_expect(&t, ">");
        dte_send(&t, text, (size_t)n);
        expect_sent(0, (size_t)n);
        cr_assert_eq(poll(&p, 1, TURN_LIMIT_MS), 1);
        cr_assert_eq(recvfrom(peers[k], got, sizeof got, 0, (struct sockaddr *)&from, &size), n);
        cr_assert_eq(memcmp(got, text, (size_t)n), 0);
        cr_assert_eq(sendto(peers[k], text, (size_t)n, 0, (struct sockaddr *)&from, size), n);
        snprintf(got, sizeof got, "RECV FROM:203.0.113.%u:90%u\r\n+IPD%d\r\n", k + 1, k, n);
        dte_expect(&t, got);
        dte_expect(&t, text);
    }
    for (unsigned i = 0; i < PEERS; i++) {
        close(peers[i]);
    }
    stop();
}

/* -- names -- */

enum dns_kind {
    DNS_GOOD,
    DNS_UNKNOWN,
    DNS_MUTE,
    DNS_LATE,      /* the first query is answered behind the second one */
    DNS_FOREIGN,   /* another query's number */
    DNS_TRUNCATED, /* half a header */
    DNS_GARBAGE,
    DNS_LOOP, /* a name that refers to itself */
};

static struct {
    int fd;
    enum dns_kind kind;
    unsigned queries;
    uint8_t first[512];
    size_t first_n;
} dns;

/* 192.0.2.55, behind the question. Returns the length. */
static size_t make_answer(uint8_t *p, size_t n) {
    static const uint8_t address[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 55};
    p[2] = 0x81;
    p[3] = dns.kind == DNS_UNKNOWN ? 0x83 : 0x80;
    memset(p + 6, 0, 6);
    if (dns.kind == DNS_UNKNOWN) {
        return n;
    }
    p[7] = 1;
    memcpy(p + n, address, sizeof address);
    if (dns.kind == DNS_LOOP) {
        p[n + 1] = (uint8_t)n;
    }
    return n + sizeof address;
}

static void on_query(void *ctx, int fd, short revents) {
    (void)ctx;
    (void)revents;
    uint8_t p[1024];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(fd, p, 512, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (got < 12 || dns.kind == DNS_MUTE) {
        dns.queries += got > 0;
        return;
    }
    dns.queries++;
    size_t n = (size_t)got;
    /* Without what may stand behind the question. */
    while (p[10] == 0 && p[11] > 0 && n > 11) {
        n -= 11;
        p[11]--;
    }
    n = make_answer(p, n);
    if (dns.kind == DNS_LATE && dns.queries == 1) {
        memcpy(dns.first, p, n);
        dns.first_n = n;
        return;
    }
    if (dns.kind == DNS_LATE && dns.first_n > 0) {
        dns.first[n - 1] = 66; /* too late to be believed */
        sendto(fd, dns.first, dns.first_n, 0, (struct sockaddr *)&from, size);
    }
    p[1] ^= dns.kind == DNS_FOREIGN;
    if (dns.kind == DNS_GARBAGE) {
        memset(p + 2, 0xff, n - 2);
    }
    sendto(fd, p, dns.kind == DNS_TRUNCATED ? 7 : n, 0, (struct sockaddr *)&from, size);
}

static void start_dns(void) {
    dns.fd = far_socket(SOCK_DGRAM);
    turn_add(dns.fd, POLLIN, on_query, NULL);
    daemon_init(&d);
    daemon_option(&d, "--dns", "127.0.0.1:%u", far_bound_port(dns.fd));
    daemon_option(&d, "--clock", "x20");
    start();
    dte_ask(&t, "AT+CIPDNSSET=0,30000,1", "OK\r\n");
}

static void asks(enum dns_kind kind, const char *answer) {
    dns.kind = kind;
    dns.queries = 0;
    dns.first_n = 0;
    dte_say(&t, "AT+CDNSGIP=\"host.example\"");
    cr_assert_str_eq(dte_expect(&t, kind == DNS_GOOD || kind == DNS_LATE ? "OK\r\n" : "ERROR\r\n"),
                     answer, "kind %d", (int)kind);
    dte_ask(&t, "AT", "OK\r\n");
}

static const char found[] = "\r\n+CDNSGIP: 1,\"host.example\",\"192.0.2.55\"\r\n\r\nOK\r\n";
static const char not_found[] = "\r\n+CDNSGIP: 0,10\r\n\r\nERROR\r\n";

Test(e2e_tcp, names_over_a_name_server_of_every_kind) {
    start_dns();
    asks(DNS_GOOD, found);
    asks(DNS_UNKNOWN, not_found);
    asks(DNS_MUTE, not_found);
    cr_assert_eq(dns.queries, 2, "%u queries", dns.queries);
    asks(DNS_LATE, found);
    asks(DNS_FOREIGN, not_found);
    asks(DNS_TRUNCATED, not_found);
    asks(DNS_GARBAGE, not_found);
    asks(DNS_LOOP, not_found);
    asks(DNS_GOOD, found);
    stop();
    turn_remove(dns.fd);
    close(dns.fd);
}

Test(e2e_tcp, a_client_that_goes_while_a_name_is_looked_up) {
    start_dns();
    dns.kind = DNS_MUTE;
    dte_say(&t, "AT+CDNSGIP=\"host.example\"");
    turn_until(dns.queries == 1);
    dte_close(&t);
    daemon_settle(&d);
    dns.kind = DNS_GOOD;
    dte_open(&t, d.link);
    dte_ask(&t, "AT+CDNSGIP=\"host.example\"", found);
    stop();
    turn_remove(dns.fd);
    close(dns.fd);
}

/* -- ping -- */

static bool can_ping(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
    fd = fd >= 0 ? fd : socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

Test(e2e_tcp, ping_of_this_host) {
    if (!can_ping()) {
        cr_skip_test("this user may not ping");
    }
    daemon_init(&d);
    daemon_option(&d, "--clock", "x20");
    start();
    dte_ask(&t, "AT+CPING=\"127.0.0.1\",1,3,64,1000,10000,64", "OK\r\n");
    for (int i = 0; i < 3; i++) {
        dte_expect(&t, "\r\n+CPING: 1,127.0.0.1,64,");
    }
    dte_expect(&t, "\r\n+CPING: 3,3,3,0,");
    dte_ask(&t, "AT+CPING=\"127.0.0.1\",1,100", "+CPING: 1,");
    dte_ask(&t, "AT+CPINGSTOP", "+CPING: 3,");
    dte_ask(&t, "AT", "OK\r\n");
    stop();
}

/* -- hostile bytes -- */

/* After whatever was sent: at most a Ctrl-Z, an ESC and a CR, and the module answers. */
static void recovers(void) {
    dte_send(&t, "\x1a\x1b\r", 3);
    dte_say(&t, "ATV1Q0E0");
    dte_ask(&t, "AT+CGMM", "SIM7600E");
    dte_expect(&t, "OK\r\n");
}

/* Output is read and forgotten, because the far end of a storm reads as well. */
static void storm(const uint8_t *p, size_t n) {
    for (size_t at = 0; at < n;) {
        size_t part = n - at < 4096 ? n - at : 4096;
        dte_send(&t, p + at, part);
        at += part;
        buf_clear(&t.got);
    }
}

Test(e2e_tcp, a_storm_of_any_bytes) {
    static uint8_t bytes[1 << 20];
    struct pattern p;
    daemon_quick(&d);
    dte_open(&t, d.link);
    for (unsigned seed = 0; seed < (DAEMON_IS_SANITIZED ? 1 : 4); seed++) {
        pattern_init(&p, seed);
        pattern_fill(&p, bytes, sizeof bytes);
        storm(bytes, sizeof bytes);
        recovers();
    }
    stop();
}

Test(e2e_tcp, a_storm_of_things_that_look_like_commands) {
    static const char *const words[] = {
        "AT",    "+",  "CIP",      "SEND",     "OPEN",      "=",          "?",      "=?",
        ",",     "\"", ";",        "\r",       "\r",        "\r\n",       "0",      "9",
        "65536", "-1", "TCP",      "+NETOPEN", "+NETCLOSE", "+CSQ",       "\x1a",   "\x1b",
        "\x03",  "A/", "&F",       "+CMEE=",   "+CIPRXGET", "127.0.0.1",  "+CREG?", "\xff",
        "~",     " ",  "+CDNSGIP", "\b",       "SERVER",    "START",      "STOP",   "ATI",
        "+++",   "E",  "V1",       "\x7f",     "*",         "+CIPCLOSE=",
    };
    enum { WORDS = sizeof words / sizeof words[0], COUNT = DAEMON_IS_SANITIZED ? 50000 : 200000 };
    static uint8_t bytes[16 * COUNT];
    struct pattern p;
    size_t n = 0;
    daemon_quick(&d);
    dte_open(&t, d.link);
    pattern_init(&p, 1);
    for (int i = 0; i < COUNT; i++) {
        uint8_t pick[2];
        pattern_fill(&p, pick, sizeof pick);
        const char *word = words[(pick[0] << 8 | pick[1]) % WORDS];
        memcpy(bytes + n, word, strlen(word));
        n += strlen(word);
    }
    storm(bytes, n);
    recovers();
    stop();
}
