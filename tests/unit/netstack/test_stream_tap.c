/* A link's life as packets: who, flags, relative numbers, data, and what is said of it. */
#include "netstack/stream_tap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/tap.h"
#include "netstack/bearer.h"
#include "netstack/dgram.h"
#include "netstack/ippkt.h"
#include "netstack/listener.h"
#include "netstack/stream.h"
#include "tests/support/fake_host.h"

static const struct net_addr server = {0xc0000201u, 80};

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;
static struct net_stream *stream;
static struct net_listener *listener;
static struct tap tap;
static char seen[4096]; /* a line a packet */
static uint32_t isn, peer_isn;

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void on_packet(void *ctx, const struct tap_packet *t) {
    static const struct {
        uint8_t flag;
        char letter;
    } flags[] = {{IPPKT_SYN, 'S'}, {IPPKT_FIN, 'F'}, {IPPKT_RST, 'R'}, {IPPKT_ACK, 'A'}};
    uint8_t bytes[IPPKT_MAX];
    struct ippkt k;
    char words[8] = "";
    (void)ctx;
    cr_assert_leq(t->size, sizeof bytes);
    memcpy(bytes, t->p, t->n);
    cr_assert_eq(ippkt_parse(&k, bytes, t->size), 0);
    uint32_t seq = get32(bytes + 24);
    uint32_t ack = get32(bytes + 28);
    if ((k.flags & IPPKT_SYN) != 0) {
        *(t->is_out ? &isn : &peer_isn) = seq;
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if ((k.flags & flags[i].flag) != 0) {
            words[strlen(words)] = flags[i].letter;
        }
    }
    bool has_ack = (k.flags & IPPKT_ACK) != 0;
    size_t at = strlen(seen);
    snprintf(seen + at, sizeof seen - at, "%s %s %u %u%s%.*s%s%s\n", t->is_out ? ">" : "<", words,
             seq - (t->is_out ? isn : peer_isn), has_ack ? ack - (t->is_out ? peer_isn : isn) : 0,
             t->size > k.data ? " " : "", (int)(t->n - (t->n < k.data ? t->n : k.data)),
             (const char *)bytes + k.data, t->n < t->size ? "-" : "",
             t->note != NULL ? " lost" : "");
}

static void on_nothing(void *ctx) {
    (void)ctx;
}

static void on_open(void *ctx, int err) {
    (void)ctx;
    (void)err;
}

static void on_closed(void *ctx, enum net_close why) {
    (void)ctx;
    (void)why;
}

static const struct stream_events events = {
    .on_open = on_open, .on_data = on_nothing, .on_closed = on_closed};

static void setup(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    bearer_init(&bearer, clk, fake_host_net(fake));
    bearer_up(&bearer, 0x0a000001u);
    tap.packet = on_packet;
    bearer.tap = &tap;
}

static void teardown(void) {
    stream_free(stream);
    listener_free(listener);
    fake_host_settle(fake, clk);
    bearer_fini(&bearer);
    fake_host_free(fake);
    clk_close(clk);
}

TestSuite(stream_tap, .init = setup, .fini = teardown);

static void pass(int ms) {
    fake_host_pass(fake, clk, CLK_MS(ms));
}

static struct fake_link *connect_link(void) {
    cr_assert_eq(stream_connect(&stream, &bearer, &server, 0, 0, CLK_S(60), &events, NULL), 0);
    pass(1000);
    return fake_host_link(fake, server.ip, server.port);
}

static void expect(const char *text) {
    cr_assert_str_eq(seen, text);
    seen[0] = '\0';
}

#define HANDSHAKE "> S 0 0\n< SA 0 1\n> A 1 1\n"

Test(stream_tap, a_link_that_is_opened_used_and_closed) {
    struct fake_link *far = connect_link();
    expect(HANDSHAKE);
    stream_send(stream, "HELLO", 5);
    pass(100);
    expect("> A 1 1 HELLO\n< A 1 6\n");
    fake_host_send(far, "world!", 6);
    pass(100);
    expect("< A 1 6 world!\n> A 6 7\n");
    stream_close(stream);
    expect("> FA 6 7\n");
}

Test(stream_tap, the_peer_closes) {
    struct fake_link *far = connect_link();
    seen[0] = '\0';
    fake_host_send(far, "bye", 3);
    fake_host_end(far, 0);
    pass(100);
    expect("< A 1 1 bye\n> A 1 4\n< FA 4 1\n> A 1 5\n> FA 1 5\n");
}

Test(stream_tap, the_peer_resets) {
    struct fake_link *far = connect_link();
    seen[0] = '\0';
    fake_host_end(far, -ECONNRESET);
    pass(100);
    expect("< RA 1 1\n");
}

Test(stream_tap, the_module_resets) {
    connect_link();
    seen[0] = '\0';
    stream_reset(stream);
    expect("> RA 1 1\n");
}

Test(stream_tap, nobody_listens_there) {
    fake_host_on_connect(fake, server.ip, server.port, FAKE_REFUSE);
    connect_link();
    expect("> S 0 0\n< RA 0 1\n");
}

Test(stream_tap, a_syn_into_a_hole_is_said_again_and_again) {
    bearer.impair[IMPAIR_UP].black_hole = true;
    cr_assert_eq(stream_connect(&stream, &bearer, &server, 0, 0, CLK_S(60), &events, NULL), 0);
    pass(600);
    expect("> S 0 0 lost\n> S 0 0 lost\n");
}

Test(stream_tap, a_lost_segment_is_transmitted_again) {
    connect_link();
    seen[0] = '\0';
    bearer.impair[IMPAIR_UP].lose_next = 1;
    stream_send(stream, "HELLO", 5);
    pass(10000);
    expect("> A 1 1 HELLO lost\n> A 1 1 HELLO\n< A 1 6\n");
}

Test(stream_tap, of_what_the_host_has_taken_a_retransmission_shows_the_heads) {
    connect_link();
    seen[0] = '\0';
    bearer.impair[IMPAIR_DOWN].black_hole = true;
    bearer_changed(&bearer);
    stream_send(stream, "HELLO", 5);
    pass(600);
    expect("> A 1 1 HELLO\n> A 1 1 -\n");
}

Test(stream_tap, much_is_cut_into_segments) {
    static uint8_t data[3000];
    connect_link();
    memset(data, 'x', sizeof data);
    seen[0] = '\0';
    stream_send(stream, data, sizeof data);
    cr_assert_not_null(strstr(seen, "> A 1461 1 x"));
    cr_assert_not_null(strstr(seen, "> A 2921 1 x"));
    cr_assert_null(strstr(seen, "> A 3001"));
}

static void on_accept(void *ctx, struct host_tcp *t, const struct net_addr *peer) {
    (void)ctx;
    stream = stream_accept(&bearer, t, peer, 8080, 0, &events, NULL);
}

static void on_listener_closed(void *ctx) {
    (void)ctx;
}

Test(stream_tap, a_caller_begins) {
    static const struct listener_events listen = {on_accept, on_listener_closed};
    cr_assert_eq(listener_open(&listener, &bearer, 8080, &listen, NULL), 0);
    fake_host_call(fake, &server, 8080);
    pass(100);
    expect("< S 0 0\n> SA 0 1\n< A 1 1\n");
}

Test(stream_tap, who_comes_later_sees_numbers_that_go_on_from_there) {
    connect_link();
    bearer.tap = NULL;
    stream_send(stream, "HELLO", 5);
    pass(100);
    bearer.tap = &tap;
    seen[0] = '\0';
    stream_send(stream, "again", 5);
    pass(100);
    expect("> A 6 1 again\n< A 1 11\n");
}

/* -- UDP -- */

static uint8_t datagram[2048];
static size_t datagram_n;
static unsigned datagrams_out, datagrams_in;

static void on_datagram(void *ctx, const struct tap_packet *t) {
    (void)ctx;
    cr_assert_eq(t->n, t->size);
    datagrams_out += t->is_out;
    datagrams_in += !t->is_out;
    datagram_n = t->n;
    memcpy(datagram, t->p, t->n);
}

Test(stream_tap, datagrams_pass_both_ways_the_longest_in_one_piece) {
    static const struct dgram_events ev = {.on_data = on_nothing, .on_closed = on_closed};
    static const uint8_t big[LIMIT_DGRAM_SIZE];
    struct net_dgram *d = NULL;
    struct ippkt k;
    tap.packet = on_datagram;
    cr_assert_eq(dgram_open(&d, &bearer, 4000, &ev, NULL), 0);
    cr_assert_eq(dgram_send(d, &server, big, sizeof big), 0);
    cr_assert(datagrams_out == 1 && datagram_n == sizeof big + 28);
    cr_assert(fake_host_send_datagram(fake, &server, 4000, "hey", 3));
    pass(10);
    cr_assert(datagrams_in == 1 && datagram_n == 31);
    cr_assert_eq(ippkt_parse(&k, datagram, datagram_n), 0);
    cr_assert(k.src.ip == server.ip && k.src.port == server.port && k.dst.ip == bearer.ip &&
              k.dst.port == 4000);
    cr_assert_arr_eq(datagram + k.data, "hey", 3);
    dgram_free(d);
}
