#include "netstack/sntp.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/be.h"
#include "netstack/bearer.h"
#include "tests/support/fake_host.h"

enum { SIZE = 48, SERVER = 0x0a000001, OTHER = 0x0a000002, PORT = 123 };

/* 2024-02-29 12:00:00 UTC, since 1900 and since 1970. */
static const uint32_t since_1900 = 3918196800u;
static const int64_t since_1970_us = 1709208000000000;

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;
static struct sntp *sntp;
static struct {
    int n, err;
    clk_wall utc;
} seen;
static struct fake_datagram asked;
static uint8_t query[SIZE];

static void on_done(void *ctx, int err, clk_wall utc) {
    (void)ctx;
    seen.n++;
    seen.err = err;
    seen.utc = utc;
}

static void setup(void) {
    memset(&seen, 0, sizeof seen);
    clk = clk_new_manual();
    fake = fake_host_new();
    fake_host_add_name(fake, "time.example", SERVER);
    bearer_init(&bearer, clk, fake_host_net(fake));
    bearer_up(&bearer, 1);
}

static void teardown(void) {
    bearer_fini(&bearer);
    cr_assert_eq(fake_host_open_count(fake), 0, "it left nothing open");
    fake_host_free(fake);
    clk_close(clk);
}

TestSuite(sntp, .init = setup, .fini = teardown);

static void settle(void) {
    fake_host_settle(fake, clk);
    clk_advance(clk, CLK_US(0));
}

static void start(const char *host) {
    sntp = sntp_start(&bearer, sv_of(host), 0, on_done, NULL);
    cr_assert_not_null(sntp);
    settle();
}

static void expect_query(void) {
    cr_assert(fake_host_next_datagram(fake, &asked));
    cr_assert_eq(asked.n, SIZE);
    cr_assert_eq(asked.to.ip, SERVER);
    cr_assert_eq(asked.to.port, PORT);
    memcpy(query, asked.p, SIZE);
    cr_assert_eq(query[0], 0x23);
}

/* A sound one: the time of the test, received and sent in the same instant. */
static void make_answer(uint8_t p[SIZE]) {
    memset(p, 0, SIZE);
    p[0] = 0x24;
    p[1] = 2;
    memcpy(p + 24, query + 40, 8);
    be_put32(p + 32, since_1900);
    be_put32(p + 40, since_1900);
}

static void answer_from(uint32_t ip, uint16_t port, const uint8_t *p, size_t n) {
    const struct net_addr from = {ip, port};
    cr_assert(fake_host_send_datagram(fake, &from, asked.from_port, p, n));
    settle();
}

static void answer(const uint8_t p[SIZE]) {
    answer_from(SERVER, PORT, p, SIZE);
}

static void expect_end(int err) {
    cr_assert_eq(seen.n, 1);
    cr_assert_eq(seen.err, err, "%d", seen.err);
}

Test(sntp, the_time_is_that_of_the_answer_and_half_of_its_way) {
    uint8_t p[SIZE];
    start("10.0.0.1");
    expect_query();
    make_answer(p);
    clk_advance(clk, CLK_MS(600));
    answer(p);
    expect_end(0);
    cr_assert_eq(seen.utc.us, since_1970_us + 300000);
}

Test(sntp, what_the_server_kept_it_for_is_no_way) {
    uint8_t p[SIZE];
    start("10.0.0.1");
    expect_query();
    make_answer(p);
    be_put32(p + 44, 0x80000000u); /* sent half a second after it was received */
    clk_advance(clk, CLK_MS(600));
    answer(p);
    cr_assert_eq(seen.utc.us, since_1970_us + 500000 + 50000);
}

Test(sntp, a_server_that_says_it_kept_it_longer_than_it_took_is_not_believed) {
    uint8_t p[SIZE];
    start("10.0.0.1");
    expect_query();
    make_answer(p);
    be_put32(p + 32, 1);
    clk_advance(clk, CLK_MS(600));
    answer(p);
    cr_assert_eq(seen.utc.us, since_1970_us + 300000);
}

Test(sntp, seconds_that_have_begun_anew_are_those_from_2036_on) {
    uint8_t p[SIZE];
    start("10.0.0.1");
    expect_query();
    make_answer(p);
    be_put32(p + 32, 0);
    be_put32(p + 40, 0);
    be_put32(p + 44, 1u << 31);
    answer(p);
    expect_end(0);
    cr_assert_eq(seen.utc.us, INT64_C(2085978496500000)); /* 2036-02-07 06:28:16.5 */
}

Test(sntp, a_name_is_looked_up) {
    uint8_t p[SIZE];
    start("time.example");
    expect_query();
    make_answer(p);
    answer(p);
    expect_end(0);
}

Test(sntp, a_name_that_is_not_there_ends_it) {
    start("nowhere.example");
    expect_end(-ENOENT);
    cr_assert_null(sntp_start(&bearer, SV("a..b"), 0, on_done, NULL));
}

Test(sntp, what_is_no_answer_to_the_query_is_ignored) {
    uint8_t p[SIZE];
    start("10.0.0.1");
    expect_query();
    make_answer(p);
    answer_from(OTHER, PORT, p, SIZE);
    answer_from(SERVER, PORT + 1, p, SIZE);
    answer_from(SERVER, PORT, p, SIZE - 1);
    answer_from(SERVER, PORT, p, 1);
    answer(query); /* its own query comes back */
    p[24] ^= 1;
    answer(p);
    memset(p + 24, 0, 8);
    answer(p);
    cr_assert_eq(seen.n, 0);
    make_answer(p);
    answer(p);
    expect_end(0);
}

Test(sntp, an_answer_to_an_older_query_is_ignored) {
    uint8_t p[SIZE];
    start("10.0.0.1");
    expect_query();
    make_answer(p);
    clk_advance(clk, CLK_S(SNTP_WAIT_S));
    settle();
    answer(p);
    cr_assert_eq(seen.n, 0);
    expect_query();
    make_answer(p);
    answer(p);
    expect_end(0);
}

Test(sntp, a_server_without_the_time_is_told) {
    static const struct {
        size_t at;
        uint8_t value;
    } cases[] = {{0, 0xe4}, {1, 0}, {1, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t p[SIZE];
        seen.n = 0;
        start("10.0.0.1");
        expect_query();
        make_answer(p);
        p[cases[i].at] = cases[i].value;
        answer(p);
        expect_end(-EPROTO);
    }
    uint8_t p[SIZE];
    seen.n = 0;
    start("10.0.0.1");
    expect_query();
    make_answer(p);
    memset(p + 40, 0, 8);
    answer(p);
    expect_end(-EPROTO);
}

Test(sntp, the_first_of_many_answers_counts) {
    uint8_t p[SIZE];
    start("10.0.0.1");
    expect_query();
    make_answer(p);
    const struct net_addr from = {SERVER, PORT};
    for (int i = 0; i < 100; i++) {
        cr_assert(fake_host_send_datagram(fake, &from, asked.from_port, p, SIZE));
        be_put32(p + 40, since_1900 + 86400);
    }
    settle();
    expect_end(0);
    cr_assert_eq(seen.utc.us, since_1970_us);
}

Test(sntp, it_asks_three_times) {
    start("10.0.0.1");
    for (int i = 0; i < SNTP_TRIES; i++) {
        expect_query();
        clk_advance(clk, CLK_MS(SNTP_WAIT_S * 1000 - 1));
        settle();
        cr_assert_not(fake_host_next_datagram(fake, &asked));
        cr_assert_eq(seen.n, 0);
        clk_advance(clk, CLK_MS(1));
        settle();
    }
    expect_end(-ETIMEDOUT);
}

Test(sntp, it_ends_with_the_bearer) {
    start("10.0.0.1");
    expect_query();
    bearer_down(&bearer);
    settle();
    expect_end(-ENETDOWN);
    cr_assert_null(sntp_start(&bearer, SV("10.0.0.1"), 0, on_done, NULL));
}

Test(sntp, what_is_cancelled_says_nothing) {
    sntp = sntp_start(&bearer, SV("time.example"), 0, on_done, NULL);
    sntp_cancel(sntp);
    start("10.0.0.1");
    expect_query();
    sntp_cancel(sntp);
    clk_advance(clk, CLK_S(60));
    settle();
    cr_assert_eq(seen.n, 0);
    sntp_cancel(NULL);
}
