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

#include "base/limits.h"
#include "base/obj.h"
#include "base/rng.h"
#include "netstack/route.h"
#include "tests/soak/flat.h"
#include "tests/soak/ppp_traffic.h"
#include "tests/support/dialup_rig.h"
#include "tests/support/far_end.h"
#include "tests/support/turn.h"

enum { HOURS = 24, STEP_MS = 50, IP = 0x0021, LCP = 0xc021, PENDING_MAX = LIMIT_CHAN_HIGH + 4096 };

static const double noise = 1e-5; /* of each byte of the line, each way */
static const uint32_t server = 0xcb007101u;

static struct dialup_rig rig;
static struct traffic traffic;
static struct rng rng;
static struct rng line; /* its noise */
static int64_t stalled_until_ms;
static struct { uint64_t dials, hung_up, lost, stalls, flipped, dropped, over_bound; } counts;

static void on_closed(struct dialup_rig *r, enum ppp_close why) {
    (void)r;
    counts.lost += why != PPP_CLOSE_PEER;
    counts.hung_up += why == PPP_CLOSE_PEER;
}

/* -- the driver -- */

static void on_packet(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    traffic_hear(&traffic, p, n);
}

static void from_driver(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    ppp_peer_say(&rig.peer, IP, p, n);
}

static void dial(void) {
    counts.dials++;
    traffic_link_lost(&traffic);
    dialup_rig_connect(&rig, rng_next(&rng));
    rig.peer.on_packet = on_packet;
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
    size_t in = chan_mem_get(&rig.mem, bytes, sizeof bytes);
    ppp_peer_rx(&rig.peer, bytes, add_noise(bytes, in));
    size_t out = buf_take(&rig.peer.out, bytes, sizeof bytes);
    chan_mem_put(&rig.mem, bytes, add_noise(bytes, out));
    return in + out > 0;
}

static void turn(int64_t now_ms) {
    counts.over_bound += chan_pending(&rig.ch) > PENDING_MAX;
    if (now_ms >= stalled_until_ms) {
        chan_mem_stall(&rig.mem, false);
    }
    do {
        uv_run(&rig.loop, UV_RUN_NOWAIT);
        clk_advance(rig.clk, CLK_US(0));
    } while (now_ms >= stalled_until_ms && line_moves());
    if (rig.dialup != NULL && ppp_peer_is_up(&rig.peer)) {
        traffic_turn(&traffic, now_ms);
    }
    clk_advance(rig.clk, CLK_MS(STEP_MS));
}

/* What a driver does now and then: about three times an hour each. */
static void do_something(int64_t now_ms) {
    if (rng_chance(&rng, 1.0 / 1200)) {
        stalled_until_ms = now_ms + 1000 * (int64_t)(1 + rng_below(&rng, 25));
        chan_mem_stall(&rig.mem, true);
        counts.stalls++;
    }
    if (rng_chance(&rng, 1.0 / 1200) && ppp_peer_is_up(&rig.peer)) {
        ppp_peer_say(&rig.peer, LCP, "\x05\x09\x00\x04", 4);
    }
}

static void second(int64_t now_ms) {
    if (rig.dialup == NULL) {
        dial();
    } else if (!ppp_peer_is_up(&rig.peer)) {
        ppp_peer_poke(&rig.peer);
    } else {
        do_something(now_ms);
        traffic_second(&traffic);
    }
}

/* -- the day -- */

static void map_server(uint16_t at, uint16_t port) {
    struct sockaddr_in to = far_loopback(port);
    must(route_put_map_addr(rig.route, &(struct net_addr){server, at}, (struct sockaddr *)&to) ==
         0);
}

static void start(uint64_t seed) {
    const struct impair path = {.latency_ms = 40, .jitter_ms = 30, .loss = 0.05};
    rng = rng_stream(seed, "driver");
    line = rng_stream(seed, "line");
    dialup_rig_start(&rig);
    rig.on_closed = on_closed;
    bearer_set_seed(&rig.bearer, seed);
    rig.bearer.impair[IMPAIR_UP] = rig.bearer.impair[IMPAIR_DOWN] = path;
    traffic_init(&traffic);
    traffic.send = from_driver;
    traffic.own_ip = rig.bearer.ip;
    traffic.server_ip = server;
    traffic.gateway_ip = DIALUP_RIG_GATEWAY;
    map_server(80, traffic.tcp_port);
    map_server(9, traffic.udp_port);
}

static void stop(void) {
    traffic_fini(&traffic);
    dialup_rig_stop(&rig);
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
