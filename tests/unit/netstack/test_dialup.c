#define _GNU_SOURCE /* memmem */
/* A driver at the far end of a channel, a user below that stands for command state. */
#include <criterion/criterion.h>
#include <string.h>
#include <uv.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "base/limits.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/dialup.h"
#include "netstack/host_uv.h"
#include "netstack/route.h"
#include "tests/support/ppp_peer.h"
#include "tests/support/raw_ip.h"

enum { IP = 0x0021, LCP = 0xc021 };

static const uint32_t gateway = 0x0a400001u;

static uv_loop_t loop;
static struct clk *clk;
static struct route *route;
static struct host_uv *host;
static struct bearer bearer;
static struct chan ch;
static struct chan_mem mem;
static struct dialup *dialup;
static struct ppp_peer peer;
static char commands[100]; /* what came while the link was not on top */
static size_t n_commands;
static char tail[100]; /* of what the driver has read, the newest */
static unsigned opened, closed;

static size_t on_command(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)ctx;
    (void)at;
    must(n_commands + n < sizeof commands);
    memcpy(commands + n_commands, p, n);
    n_commands += n;
    return n;
}

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)ctx;
    (void)at;
    return dialup_rx(dialup, p, n);
}

static void on_drained(void *ctx) {
    (void)ctx;
    if (dialup != NULL) {
        dialup_drained(dialup);
    }
}

static const struct chan_user below = {.name = "at", .rx = on_command};
static const struct chan_user user = {.name = "ppp", .rx = on_rx, .drained = on_drained};

static void on_opened(void *ctx) {
    (void)ctx;
    opened++;
}

static bool on_login(void *ctx, const struct auth_login *login) {
    (void)ctx;
    (void)login;
    return true;
}

static void on_closed(void *ctx, enum ppp_close why) {
    static const char text[] = "\r\nNO CARRIER\r\n";
    (void)ctx;
    (void)why;
    closed++;
    chan_write(&ch, text, sizeof text - 1);
    dialup_free(dialup);
    dialup = NULL;
    chan_pop(&ch, &user, NULL);
}

static const struct dialup_events events = {on_opened, on_login, on_closed};

static void setup(void) {
    cr_assert_eq(uv_loop_init(&loop), 0);
    clk = clk_new_manual();
    route = route_new();
    host = host_uv_new(&loop, clk, route);
    bearer_init(&bearer, clk, host_uv_host(host));
    bearer_up(&bearer, 0x0a719d44u);
    chan_init(&ch, "test");
    chan_mem_init(&mem, &ch, clk);
    chan_push(&ch, &below, NULL);
    chan_set_open(&ch, true);
    ppp_peer_init(&peer);
    const struct dialup_config cfg = {
        .ch = &ch,
        .lcp = {.echo_interval = CLK_S(10), .echo_failures = 3},
        .gate = {.loop = &loop, .bearer = &bearer, .route = route, .gateway_ip = gateway},
    };
    dialup = dialup_new(&cfg, &events, NULL);
    chan_push(&ch, &user, NULL);
}

static void teardown(void) {
    if (dialup != NULL) {
        dialup_free(dialup);
        dialup = NULL;
        chan_pop(&ch, &user, NULL);
    }
    ppp_peer_fini(&peer);
    chan_pop(&ch, &below, NULL);
    chan_mem_fini(&mem);
    chan_fini(&ch);
    bearer_fini(&bearer);
    host_uv_close(host);
    uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0);
    route_free(route);
    clk_close(clk);
}

TestSuite(dialup, .init = setup, .fini = teardown, .timeout = 60);

/* The driver reads what is there; its end of PPP too. */
static size_t driver_reads(void) {
    static uint8_t got[1 << 17];
    size_t n = chan_mem_get(&mem, got, sizeof got);
    ppp_peer_rx(&peer, got, n);
    size_t keep = n < sizeof tail - 1 ? n : sizeof tail - 1;
    if (n > 0) {
        memcpy(tail, got + n - keep, keep);
        tail[keep] = '\0';
    }
    return n;
}

static void settle(void) {
    for (size_t more = 1; more > 0;) {
        clk_advance(clk, CLK_US(0));
        more = driver_reads() + buf_len(&peer.out);
        chan_mem_put(&mem, buf_data(&peer.out), buf_len(&peer.out));
        buf_clear(&peer.out);
    }
}

static void dial(void) {
    ppp_peer_poke(&peer);
    settle();
    cr_assert_eq(opened, 1);
}

static void ping(size_t n) {
    uint8_t icmp[IPPKT_MAX] = {8, 0, 0, 0, 0x12, 0x34, 0, 1};
    uint8_t packet[IPPKT_MAX];
    size_t size = raw_ip_make(packet, IPPKT_ICMP, bearer.ip, gateway, 0, 0, icmp, 8 + n);
    ppp_peer_say(&peer, IP, packet, size);
}

Test(dialup, a_driver_dials_and_pings_the_gateway) {
    dial();
    ping(56);
    settle();
    cr_assert_eq(peer.packets, 1);
    cr_assert_eq(peer.packet[20], 0, "an Echo-Reply");
    struct ppp_counts counts;
    dialup_counts(dialup, &counts);
    cr_assert_eq(counts.packets_in, 1);
    cr_assert_eq(counts.packets_out, 1);
}

Test(dialup, after_goodbye_come_its_ack_no_carrier_and_command_state) {
    dial();
    ppp_peer_say(&peer, LCP, "\x05\x09\x00\x04", 4);
    buf_put(&peer.out, "AT\r", 3);
    settle();
    cr_assert(peer.is_terminate_acked);
    cr_assert_eq(closed, 1);
    size_t n = strlen("\r\nNO CARRIER\r\n");
    const char *end = memmem(tail, sizeof tail, "\r\nNO CARRIER\r\n", n);
    cr_assert_not_null(end);
    cr_assert_eq(end[-1], '~', "the Ack is before it");
    chan_pump(&ch);
    cr_assert_eq(n_commands, 3);
    cr_assert_eq(memcmp(commands, "AT\r", 3), 0);
}

Test(dialup, a_driver_that_does_not_read_is_waited_for_and_gets_everything) {
    enum { PINGS = 40 };
    dial();
    chan_mem_stall(&mem, true);
    for (unsigned i = 0; i < PINGS; i++) {
        ping(1400);
    }
    chan_mem_put(&mem, buf_data(&peer.out), buf_len(&peer.out));
    buf_clear(&peer.out);
    clk_advance(clk, CLK_US(0));
    cr_assert_leq(chan_pending(&ch), LIMIT_CHAN_HIGH + 2048);
    chan_mem_stall(&mem, false);
    settle();
    cr_assert_eq(peer.packets, PINGS);
}

Test(dialup, in_command_state_the_link_is_silent_and_goes_on_afterwards) {
    dial();
    dialup_set_paused(dialup, true);
    ping(10);
    chan_mem_put(&mem, buf_data(&peer.out), buf_len(&peer.out));
    buf_clear(&peer.out);
    clk_advance(clk, CLK_S(1000));
    cr_assert_eq(driver_reads(), 0);
    cr_assert_eq(closed, 0);
    dialup_set_paused(dialup, false);
    settle();
    cr_assert_eq(peer.packets, 1);
}

Test(dialup, a_peer_with_another_mru_gets_another_gate) {
    static const uint8_t mru[] = {1, 4, 0x02, 0x00};
    dial();
    memcpy(peer.lcp_request, mru, sizeof mru);
    peer.n_lcp_request = sizeof mru;
    peer.lcp.is_acked = false;
    ppp_peer_poke(&peer);
    settle();
    cr_assert_eq(opened, 2);
    ping(56);
    settle();
    cr_assert_eq(peer.packets, 1);
}

Test(dialup, our_goodbye_ends_it_too) {
    dial();
    dialup_close(dialup);
    settle();
    cr_assert(peer.is_terminated);
    cr_assert_eq(closed, 1);
}
