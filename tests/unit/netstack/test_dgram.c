#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"
#include "netstack/bearer.h"
#include "netstack/dgram.h"
#include "tests/support/fake_host.h"

static const struct net_addr peer_a = {0xc0000201u, 5000};
static const struct net_addr peer_b = {0xc0000202u, 6000};

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;
static struct net_dgram *dgram;
static int data_seen, closed_seen;
static enum net_close why_seen;

static void on_data(void *ctx) {
    (void)ctx;
    data_seen++;
}

static void on_closed(void *ctx, enum net_close why) {
    (void)ctx;
    closed_seen++;
    why_seen = why;
}

static const struct dgram_events events = {on_data, on_closed};

static void setup(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    bearer_init(&bearer, clk, fake_host_net(fake));
    bearer_up(&bearer, 0x0a000001u);
    cr_assert_eq(dgram_open(&dgram, &bearer, 5050, &events, NULL), 0);
}

static void teardown(void) {
    dgram_free(dgram);
    bearer_fini(&bearer);
    fake_host_free(fake);
    clk_close(clk);
}

static void receive(const struct net_addr *from, const char *text) {
    cr_assert(fake_host_send_datagram(fake, from, 5050, text, strlen(text)));
}

TestSuite(dgram, .init = setup, .fini = teardown);

Test(dgram, datagrams_go_to_many_peers) {
    cr_assert_eq(dgram_send(dgram, &peer_a, "one", 3), 0);
    cr_assert_eq(dgram_send(dgram, &peer_b, "four", 4), 0);
    struct fake_datagram d;
    cr_assert(fake_host_next_datagram(fake, &d));
    cr_assert_eq(d.from_port, 5050);
    cr_assert_eq(d.to.ip, peer_a.ip);
    cr_assert_eq(d.n, 3);
    cr_assert(fake_host_next_datagram(fake, &d));
    cr_assert_eq(d.to.port, 6000);
    cr_assert_eq(memcmp(d.p, "four", 4), 0);
    cr_assert_not(fake_host_next_datagram(fake, &d));
    uint64_t sent;
    uint64_t received;
    dgram_counts(dgram, &sent, &received);
    cr_assert_eq(sent, 7);
    cr_assert_eq(received, 0);
}

Test(dgram, datagrams_are_read_one_by_one_and_in_parts) {
    receive(&peer_a, "hello");
    receive(&peer_b, "you");
    cr_assert_eq(data_seen, 0);
    fake_host_run(fake);
    cr_assert_eq(data_seen, 2);
    cr_assert_eq(dgram_available(dgram), 8);
    struct net_addr from;
    size_t n;
    dgram_peek(dgram, &from, &n);
    cr_assert_eq(n, 5);
    cr_assert_eq(from.ip, peer_a.ip);
    dgram_consume(dgram, 3);
    const uint8_t *p = dgram_peek(dgram, &from, &n);
    cr_assert_eq(n, 2);
    cr_assert_eq(memcmp(p, "lo", 2), 0);
    cr_assert_eq(from.port, 5000);
    dgram_consume(dgram, 0);
    dgram_consume(dgram, 2);
    p = dgram_peek(dgram, &from, &n);
    cr_assert_eq(n, 3);
    cr_assert_eq(memcmp(p, "you", 3), 0);
    cr_assert_eq(from.port, 6000);
    dgram_consume(dgram, 3);
    cr_assert_null(dgram_peek(dgram, &from, &n));
    cr_assert_eq(n, 0);
    cr_assert_eq(dgram_available(dgram), 0);
}

Test(dgram, a_full_queue_drops_the_newest_and_counts_them) {
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    for (int i = 0; i < 70; i++) {
        text[0] = (char)('0' + i);
        receive(&peer_a, text);
    }
    fake_host_run(fake);
    /* Each takes 8 bytes more, for its header. */
    cr_assert_eq(dgram_available(dgram), LIMIT_DGRAM_IN / 1008 * 1000);
    cr_assert_eq(dgram_dropped(dgram), 70 - LIMIT_DGRAM_IN / 1008);
    cr_assert_eq(data_seen, LIMIT_DGRAM_IN / 1008);
    struct net_addr from;
    size_t n;
    cr_assert_eq(dgram_peek(dgram, &from, &n)[0], '0');
    dgram_consume(dgram, 1000);
    receive(&peer_a, "late");
    fake_host_run(fake);
    cr_assert_eq(data_seen, LIMIT_DGRAM_IN / 1008 + 1);
}

Test(dgram, a_long_datagram_is_cut_and_an_empty_one_is_nothing) {
    static char text[3001];
    memset(text, 'x', 3000);
    receive(&peer_a, "");
    receive(&peer_a, text);
    fake_host_run(fake);
    cr_assert_eq(data_seen, 1);
    cr_assert_eq(dgram_available(dgram), LIMIT_DGRAM_SIZE);
}

Test(dgram, the_loss_of_the_bearer_ends_it_in_a_later_turn) {
    receive(&peer_a, "kept");
    fake_host_run(fake);
    bearer_down(&bearer);
    cr_assert_eq(closed_seen, 0);
    cr_assert_eq(dgram_send(dgram, &peer_a, "x", 1), -ENETDOWN);
    cr_assert_eq(fake_host_open_count(fake), 0);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(closed_seen, 1);
    cr_assert_eq(why_seen, NET_CLOSE_NETWORK);
    cr_assert_eq(dgram_available(dgram), 4);
}

Test(dgram, freed_it_is_silent) {
    receive(&peer_a, "late");
    dgram_free(dgram);
    dgram = NULL;
    fake_host_run(fake);
    cr_assert_eq(data_seen, 0);
    cr_assert_eq(dgram_open(&dgram, &bearer, 0, &events, NULL), 0);
    bearer_down(&bearer);
    dgram_free(dgram);
    dgram_free(NULL);
    clk_advance(clk, CLK_S(1));
    cr_assert_eq(closed_seen, 0);
    cr_assert_eq(dgram_open(&dgram, &bearer, 0, &events, NULL), -ENETDOWN);
    dgram = NULL;
}
