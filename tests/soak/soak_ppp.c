/* A dial-up link for a day: traffic over a network that loses and a line that has noise, a driver
 * that stalls, hangs up and dials again.
 *
 *     soak_ppp [MODEM-HOURS [SEED]]     without: 24 0
 *
 * In process and on the manual clock, with real sockets behind the link: a modem-day takes a few
 * minutes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "base/limits.h"
#include "base/obj.h"
#include "base/rng.h"
#include "netstack/bearer.h"
#include "netstack/dialup.h"
#include "netstack/host_uv.h"
#include "netstack/route.h"
#include "tests/soak/flat.h"
#include "tests/soak/ppp_traffic.h"
#include "tests/support/far_end.h"
#include "tests/support/ppp_peer.h"
#include "tests/support/turn.h"

enum { HOURS = 24, STEP_MS = 50, IP = 0x0021, LCP = 0xc021, PENDING_MAX = LIMIT_CHAN_HIGH + 4096 };

static const double noise = 1e-5; /* of each byte of the line, each way */
static const uint32_t gateway = 0x0a400001u;
static const uint32_t server = 0xcb007101u;

static uv_loop_t loop;
static struct clk *clk;
static struct route *route;
static struct host_uv *host;
static struct bearer bearer;
static struct chan ch;
static struct chan_mem mem;
static struct dialup *dialup;
static struct ppp_peer peer;
static struct traffic traffic;
static struct rng rng;
static struct rng line; /* its noise */
static int64_t stalled_until_ms;
static struct { uint64_t dials, hung_up, lost, stalls, flipped, dropped, over_bound; } counts;

/* -- the module's side -- */

static size_t on_command(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)ctx;
    (void)p;
    (void)at;
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
}

static bool on_login(void *ctx, const struct auth_login *login) {
    (void)ctx;
    (void)login;
    return true;
}

static void on_closed(void *ctx, enum ppp_close why) {
    (void)ctx;
    counts.lost += why != PPP_CLOSE_PEER;
    counts.hung_up += why == PPP_CLOSE_PEER;
    dialup_free(dialup);
    dialup = NULL;
    chan_pop(&ch, &user, NULL);
}

static const struct dialup_events events = {on_opened, on_login, on_closed};

/* -- the driver -- */

static void on_packet(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    traffic_hear(&traffic, p, n);
}

static void from_driver(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    ppp_peer_say(&peer, IP, p, n);
}

static void dial(void) {
    const struct dialup_config cfg = {
        .ch = &ch,
        .seed = rng_next(&rng),
        .lcp = {.echo_interval = CLK_S(10), .echo_failures = 3},
        .gate = {.loop = &loop, .bearer = &bearer, .route = route, .gateway_ip = gateway},
    };
    counts.dials++;
    traffic_link_lost(&traffic);
    ppp_peer_fini(&peer);
    ppp_peer_init(&peer);
    peer.on_packet = on_packet;
    dialup = dialup_new(&cfg, &events, NULL);
    must(dialup != NULL);
    chan_push(&ch, &user, NULL);
}

/* What passes the line, with a bit turned or a byte missing here and there; returns its length. */
static size_t add_noise(uint8_t *p, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = p[i];
        if (rng_chance(&line, noise)) {
            byte ^= (uint8_t)(1u << rng_below(&line, 8));
            counts.flipped++;
        }
        if (rng_chance(&line, noise)) {
            counts.dropped++;
        } else {
            p[kept++] = byte;
        }
    }
    return kept;
}

static bool line_moves(void) {
    static uint8_t bytes[1 << 17];
    size_t in = chan_mem_get(&mem, bytes, sizeof bytes);
    ppp_peer_rx(&peer, bytes, add_noise(bytes, in));
    size_t out = buf_take(&peer.out, bytes, sizeof bytes);
    chan_mem_put(&mem, bytes, add_noise(bytes, out));
    return in + out > 0;
}

static void turn(int64_t now_ms) {
    counts.over_bound += chan_pending(&ch) > PENDING_MAX;
    if (now_ms >= stalled_until_ms) {
        chan_mem_stall(&mem, false);
    }
    do {
        uv_run(&loop, UV_RUN_NOWAIT);
        clk_advance(clk, CLK_US(0));
    } while (now_ms >= stalled_until_ms && line_moves());
    if (dialup != NULL && ppp_peer_is_up(&peer)) {
        traffic_turn(&traffic, now_ms);
    }
    clk_advance(clk, CLK_MS(STEP_MS));
}

/* What a driver does now and then: about three times an hour each. */
static void do_something(int64_t now_ms) {
    if (rng_chance(&rng, 1.0 / 1200)) {
        stalled_until_ms = now_ms + 1000 * (int64_t)(1 + rng_below(&rng, 25));
        chan_mem_stall(&mem, true);
        counts.stalls++;
    }
    if (rng_chance(&rng, 1.0 / 1200) && ppp_peer_is_up(&peer)) {
        ppp_peer_say(&peer, LCP, "\x05\x09\x00\x04", 4);
    }
}

static void second(int64_t now_ms) {
    if (dialup == NULL) {
        dial();
    } else if (!ppp_peer_is_up(&peer)) {
        ppp_peer_poke(&peer);
    } else {
        do_something(now_ms);
        traffic_second(&traffic);
    }
}

/* -- the day -- */

static void map_server(uint16_t at, uint16_t port) {
    struct sockaddr_in to = far_loopback(port);
    must(route_put_map_addr(route, &(struct net_addr){server, at}, (struct sockaddr *)&to) == 0);
}

static void start(uint64_t seed) {
    const struct impair path = {.latency_ms = 40, .jitter_ms = 30, .loss = 0.05};
    rng = rng_stream(seed, "driver");
    line = rng_stream(seed, "line");
    must(uv_loop_init(&loop) == 0);
    clk = clk_new_manual();
    route = route_new();
    host = host_uv_new(&loop, clk, route);
    bearer_init(&bearer, clk, host_uv_host(host));
    bearer_set_seed(&bearer, seed);
    bearer.impair[IMPAIR_UP] = bearer.impair[IMPAIR_DOWN] = path;
    bearer_up(&bearer, 0x0a719d44u);
    chan_init(&ch, "soak");
    chan_mem_init(&mem, &ch, clk);
    chan_push(&ch, &below, NULL);
    chan_set_open(&ch, true);
    ppp_peer_init(&peer);
    traffic_init(&traffic);
    traffic.send = from_driver;
    traffic.own_ip = bearer.ip;
    traffic.server_ip = server;
    traffic.gateway_ip = gateway;
    map_server(80, traffic.tcp_port);
    map_server(9, traffic.udp_port);
}

static void stop(void) {
    traffic_fini(&traffic);
    if (dialup != NULL) {
        dialup_free(dialup);
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

static double percent(uint64_t part, uint64_t whole) {
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void report(double hours, double took_s) {
    const struct traffic_counts *c = &traffic.counts;
    printf("%.0f modem-hours of PPP in %.0f s\n", hours, took_s);
    printf("  dialled %llu times: %llu hung up, %llu lost; %llu stalls of the driver\n",
           (unsigned long long)counts.dials, (unsigned long long)counts.hung_up,
           (unsigned long long)counts.lost, (unsigned long long)counts.stalls);
    printf("  noise: %llu bytes changed, %llu missing\n", (unsigned long long)counts.flipped,
           (unsigned long long)counts.dropped);
    printf("  %llu datagrams, %.1f %% back; %llu pings, %.1f %% back\n",
           (unsigned long long)c->datagrams, percent(c->datagrams_back, c->datagrams),
           (unsigned long long)c->pings, percent(c->pings_back, c->pings));
    printf("  %llu TCP connections, %llu whole, %llu given up, %.1f MiB echoed\n",
           (unsigned long long)c->links, (unsigned long long)c->links_done,
           (unsigned long long)c->links_given_up, (double)c->tcp_bytes / (1 << 20));
}

int main(int argc, char **argv) {
    double hours = argc > 1 ? strtod(argv[1], NULL) : HOURS;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    int64_t total_ms = (int64_t)(hours * 3600e3);
    struct flat flat;
    start(seed);
    flat_start(&flat, getpid(), (uint64_t)total_ms);
    flat.fds_slack = 16; /* flows come and go, with 64 KiB and more each */
    flat.kib_slack = 2048;
    int64_t from_us = turn_now_us();
    for (int64_t now_ms = 0; now_ms < total_ms; now_ms += STEP_MS) {
        if (now_ms % 1000 == 0) {
            second(now_ms);
        }
        turn(now_ms);
        flat_at(&flat, (uint64_t)now_ms);
    }
    report(hours, (double)(turn_now_us() - from_us) / 1e6);
    const struct traffic_counts *c = &traffic.counts;
    bool is_much = c->datagrams_back * 10 > c->datagrams * 7 && c->links_done * 10 > c->links * 8;
    unsigned wrong = flat_verdict(&flat, "ms");
    wrong += (unsigned)(c->wrong > 0) + (unsigned)(counts.over_bound > 0) + !is_much;
    printf("  %llu wrong, %llu times over the channel's bound\n", (unsigned long long)c->wrong,
           (unsigned long long)counts.over_bound);
    stop();
    printf("soak_ppp: 5 checks, %u failed\n", wrong);
    return wrong > 0;
}
