#define _GNU_SOURCE /* accept4 */
/* Packets made by hand on one side, sockets of 127.0.0.1 on the other; the waits are for events. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/be.h"
#include "base/clk.h"
#include "base/limits.h"
#include "base/obj.h"
#include "base/rng.h"
#include "netstack/bearer.h"
#include "netstack/host_uv.h"
#include "netstack/ipgate.h"
#include "netstack/route.h"
#include "tests/support/far_end.h"
#include "tests/support/raw_ip.h"

enum { LINKS = 300, KEPT = 64 };

static const struct net_addr driver = {0x0a719d44u, 1234};
static const struct net_addr server = {0x74ecdd4bu, 8011};
static const uint32_t gateway = 0x0a400001u;
static const uint32_t dns = 0x0a400035u;

static uv_loop_t loop;
static uv_prepare_t keeper; /* a loop with nothing but timers would not run */
static struct clk *clk;
static struct route *route;
static struct host_uv *host;
static struct bearer bearer;
static struct ipgate_config cfg;
static struct ipgate *gate;
static struct raw_tcp links[LINKS];
static size_t n_links;
static struct clk_timer tick;
static bool is_full;    /* the driver reads nothing */
static struct buf said; /* by the driver: it goes in the next turn */
static unsigned packets;
static uint8_t kept[KEPT][IPPKT_MAX]; /* the newest that are not TCP */
static size_t kept_n[KEPT];
static unsigned n_kept;

static int on_deliver(void *ctx, const uint8_t *p, size_t n) {
    (void)ctx;
    uint8_t copy[IPPKT_MAX];
    struct ippkt k;
    if (is_full) {
        return -ENOBUFS;
    }
    packets++;
    must(n <= IPPKT_MAX);
    memcpy(copy, p, n);
    must(ippkt_parse(&k, copy, n) == 0 && k.n == n && k.dst.ip == driver.ip);
    for (size_t i = 0; i < n_links; i++) {
        raw_tcp_hear(&links[i], &k);
    }
    if (k.proto != IPPKT_TCP) {
        memcpy(kept[n_kept % KEPT], p, n);
        kept_n[n_kept++ % KEPT] = n;
    }
    return 0;
}

static void on_tick(void *ctx) {
    (void)ctx;
    clk_start(clk, &tick, CLK_MS(5), on_tick, NULL);
}

static void on_prepare(uv_prepare_t *prepare) {
    (void)prepare;
}

static void setup(void) {
    cr_assert_eq(uv_loop_init(&loop), 0);
    uv_prepare_init(&loop, &keeper);
    uv_prepare_start(&keeper, on_prepare);
    clk = clk_new_real(&loop, 1);
    on_tick(NULL);
    buf_init(&said, 1 << 20);
    route = route_new();
    host = host_uv_new(&loop, clk, route);
    bearer_init(&bearer, clk, host_uv_host(host));
    bearer_up(&bearer, driver.ip);
    cfg = (struct ipgate_config){.loop = &loop,
                                 .bearer = &bearer,
                                 .route = route,
                                 .gateway_ip = gateway,
                                 .dns = {dns},
                                 .mtu = 1500,
                                 .deliver = on_deliver};
    gate = ipgate_new(&cfg);
    cr_assert_not_null(gate);
}

static void restart(void) {
    ipgate_close(gate);
    gate = ipgate_new(&cfg);
}

static void teardown(void) {
    for (size_t i = 0; i < n_links; i++) {
        raw_tcp_fini(&links[i]);
    }
    buf_fini(&said);
    ipgate_close(gate);
    bearer_fini(&bearer);
    host_uv_close(host);
    clk_stop(clk, &tick);
    clk_close(clk);
    uv_close((uv_handle_t *)&keeper, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0);
    route_free(route);
}

TestSuite(ipgate, .init = setup, .fini = teardown, .timeout = 60);

static void turn(void) {
    uint16_t n = 0;
    uint8_t packet[IPPKT_MAX];
    while (buf_take(&said, &n, sizeof n) > 0) {
        buf_take(&said, packet, n);
        ipgate_put(gate, packet, n);
    }
    uv_run(&loop, UV_RUN_ONCE);
}

#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        clk_mono begin_ = clk_now(clk);                                                            \
        while (!(condition)) {                                                                     \
            turn();                                                                                \
            cr_assert_lt(clk_since(clk, begin_).us, 10000000, "never: " #condition);               \
        }                                                                                          \
    } while (0)

static void run_ms(int ms) {
    clk_mono begin = clk_now(clk);
    while (clk_since(clk, begin).us < ms * 1000) {
        turn();
    }
}

static void map(const struct net_addr *at, uint16_t port) {
    struct sockaddr_in to = far_loopback(port);
    cr_assert_eq(route_put_map_addr(route, at, (const struct sockaddr *)&to), 0);
}

/* As a driver, who answers what he has read, and not from inside `deliver`. */
static void to_gate(void *ctx, const uint8_t *p, size_t n) {
    uint16_t size = (uint16_t)n;
    (void)ctx;
    must(buf_put_all(&said, &size, sizeof size) == 0 && buf_put_all(&said, p, n) == 0);
}

static int listening(uint16_t *port) {
    int fd = far_socket(SOCK_STREAM);
    cr_assert_eq(listen(fd, LINKS), 0);
    *port = far_bound_port(fd);
    return fd;
}

static struct raw_tcp *link_to(const struct net_addr *to, uint16_t own_port) {
    struct raw_tcp *t = &links[n_links++];
    raw_tcp_init(t, &(struct net_addr){driver.ip, own_port}, to, to_gate, NULL);
    raw_tcp_say(t, IPPKT_SYN, NULL, 0);
    return t;
}

/* A link to a server of the host's behind the map; *fd is its end. */
static struct raw_tcp *connected(int *fd) {
    uint16_t port = 0;
    int l = listening(&port);
    map(&server, port);
    struct raw_tcp *t = link_to(&server, driver.port);
    RUN_UNTIL(t->is_open || t->is_reset);
    cr_assert(t->is_open);
    RUN_UNTIL((*fd = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
    close(l);
    return t;
}

static size_t read_some(int fd, char *to, size_t most) {
    ssize_t n = read(fd, to, most);
    return n > 0 ? (size_t)n : 0;
}

static bool refused(const struct net_addr *to) {
    struct raw_tcp *t = link_to(to, (uint16_t)(2000 + n_links));
    RUN_UNTIL(t->is_open || t->is_reset);
    return t->is_reset;
}

/* -- TCP -- */

Test(ipgate, a_link_carries_data_both_ways) {
    int fd = -1;
    char got[100];
    struct raw_tcp *t = connected(&fd);
    raw_tcp_say(t, IPPKT_ACK | RAW_PSH, "hello", 5);
    size_t n = 0;
    RUN_UNTIL((n += read_some(fd, got + n, sizeof got - n)) == 5);
    cr_assert_eq(memcmp(got, "hello", 5), 0);
    RUN_UNTIL(t->acked == 5);
    cr_assert_eq(write(fd, "world!", 6), 6);
    RUN_UNTIL(buf_len(&t->in) == 6);
    cr_assert_eq(memcmp(buf_data(&t->in), "world!", 6), 0);
    close(fd);
}

Test(ipgate, a_half_closed_link_still_carries_the_other_way) {
    int fd = -1;
    char got[10];
    struct raw_tcp *t = connected(&fd);
    raw_tcp_say(t, IPPKT_FIN | IPPKT_ACK, NULL, 0);
    RUN_UNTIL(read(fd, got, sizeof got) == 0);
    cr_assert_eq(write(fd, "late", 4), 4);
    RUN_UNTIL(buf_len(&t->in) == 4);
    cr_assert_not(t->is_fin);
    close(fd);
    RUN_UNTIL(t->is_fin);
    cr_assert_not(t->is_reset);
}

Test(ipgate, the_hosts_fin_is_the_drivers) {
    int fd = -1;
    char got[10];
    struct raw_tcp *t = connected(&fd);
    shutdown(fd, SHUT_WR);
    RUN_UNTIL(t->is_fin);
    raw_tcp_say(t, IPPKT_ACK | RAW_PSH, "more", 4);
    RUN_UNTIL(read_some(fd, got, sizeof got) == 4);
    close(fd);
}

Test(ipgate, resets_pass_both_ways) {
    int fd = -1;
    char got[10];
    struct raw_tcp *t = connected(&fd);
    struct linger linger = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
    RUN_UNTIL(t->is_reset);
    n_links = 0;
    raw_tcp_fini(t);
    t = connected(&fd);
    raw_tcp_say(t, IPPKT_RST | IPPKT_ACK, NULL, 0);
    RUN_UNTIL(read(fd, got, sizeof got) < 0 && errno == ECONNRESET);
    close(fd);
}

Test(ipgate, a_port_where_nobody_listens_refuses) {
    map(&server, far_free_port());
    cr_assert(refused(&server));
}

Test(ipgate, the_hosts_loopback_is_reached_through_the_map_alone) {
    uint16_t port = 0;
    int fd = listening(&port);
    const struct net_addr loopback = {0x7f000001u, port};
    const struct net_addr at_gateway = {gateway, port};
    const struct net_addr inside = {0xf0000001u, port};
    cr_assert(refused(&loopback));
    cr_assert(refused(&at_gateway));
    cr_assert(refused(&inside), "libslirp's own");
    cr_assert(refused(&(struct net_addr){0, port}));
    cr_assert(refused(&(struct net_addr){0xffffffffu, port}));
    map(&at_gateway, port);
    cr_assert_not(refused(&at_gateway));
    close(fd);
}

Test(ipgate, the_gateway_is_the_host_where_that_is_allowed) {
    uint16_t port = 0;
    int fd = listening(&port);
    cfg.allows_loopback = true;
    restart();
    cr_assert_not(refused(&(struct net_addr){gateway, port}));
    close(fd);
}

Test(ipgate, a_segment_of_no_link_is_reset) {
    struct raw_tcp *t = &links[n_links++];
    raw_tcp_init(t, &driver, &server, to_gate, NULL);
    raw_tcp_say(t, IPPKT_ACK, "data", 4);
    RUN_UNTIL(t->is_reset);
}

Test(ipgate, as_many_links_as_there_may_be) {
    uint16_t port = 0;
    int l = listening(&port);
    map(&server, port);
    for (unsigned i = 0; i < LIMIT_IP_FLOWS; i++) {
        link_to(&server, (uint16_t)(3000 + i));
        turn();
    }
    for (unsigned i = 0; i < LIMIT_IP_FLOWS; i++) {
        RUN_UNTIL(links[i].is_open);
    }
    struct raw_tcp *more = link_to(&server, 9999);
    RUN_UNTIL(more->is_reset);
    struct ipgate_counts counts;
    ipgate_counts(gate, &counts);
    cr_assert_eq(counts.dropped, 1);
    raw_tcp_say(&links[7], IPPKT_RST | IPPKT_ACK, NULL, 0);
    more = link_to(&server, 9998);
    RUN_UNTIL(more->is_open);
    for (unsigned i = 0; i < LIMIT_IP_FLOWS; i++) {
        if (i != 7) {
            raw_tcp_say(&links[i], IPPKT_ACK | RAW_PSH, "x", 1);
        }
    }
    for (unsigned i = 0; i < LIMIT_IP_FLOWS; i++) {
        RUN_UNTIL(i == 7 || links[i].acked == 1);
    }
    close(l);
}

static uint8_t pattern(size_t i) {
    return (uint8_t)(i * 7 + i / 251);
}

/* Writes as much of the pattern as the host takes. */
static size_t pour(int fd, size_t from, size_t to) {
    char block[4096];
    size_t n = to - from < sizeof block ? to - from : sizeof block;
    for (size_t i = 0; i < n; i++) {
        block[i] = (char)pattern(from + i);
    }
    ssize_t sent = n > 0 ? write(fd, block, n) : 0;
    return sent > 0 ? (size_t)sent : 0;
}

Test(ipgate, a_driver_that_does_not_read_holds_the_host_up_and_loses_nothing) {
    enum { TOTAL = 6 << 20 };
    int fd = -1;
    size_t sent = 0;
    struct raw_tcp *t = connected(&fd);
    is_full = true;
    for (size_t more = 1; more > 0;) {
        more = 0;
        for (unsigned i = 0; i < 200; i++) {
            more += pour(fd, sent + more, TOTAL);
            turn();
        }
        sent += more;
    }
    cr_assert_lt(sent, TOTAL, "nothing holds it up");
    struct ipgate_counts counts;
    ipgate_counts(gate, &counts);
    cr_assert_eq(counts.dropped, 0);
    is_full = false;
    ipgate_resume(gate);
    RUN_UNTIL((sent += pour(fd, sent, TOTAL)) == TOTAL || t->is_reset);
    RUN_UNTIL(buf_len(&t->in) == TOTAL);
    for (size_t i = 0; i < TOTAL; i++) {
        cr_assert_eq(buf_data(&t->in)[i], pattern(i), "byte %zu", i);
    }
    close(fd);
}

/* -- UDP -- */

static void say_udp(uint16_t own_port, const struct net_addr *to, const void *p, size_t n) {
    uint8_t packet[IPPKT_MAX];
    const struct net_addr own = {driver.ip, own_port};
    ipgate_put(gate, packet, ippkt_make_udp(&own, to, p, n, packet, IPPKT_MAX));
}

/* The i-th packet that came that was not TCP. */
static struct ippkt kept_packet(unsigned i) {
    struct ippkt k;
    cr_assert_eq(ippkt_parse(&k, kept[i % KEPT], kept_n[i % KEPT]), 0);
    return k;
}

static struct sockaddr_in receive(int fd, char *to, size_t *n) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t got = -1;
    RUN_UNTIL((got = recvfrom(fd, to, *n, 0, (struct sockaddr *)&from, &size)) >= 0);
    *n = (size_t)got;
    return from;
}

Test(ipgate, datagrams_pass_both_ways_through_the_map) {
    char got[100];
    size_t n = sizeof got;
    int fd = far_socket(SOCK_DGRAM);
    map(&server, far_bound_port(fd));
    say_udp(5000, &server, "hello", 5);
    struct sockaddr_in from = receive(fd, got, &n);
    cr_assert_eq(n, 5);
    sendto(fd, "world", 5, 0, (struct sockaddr *)&from, sizeof from);
    RUN_UNTIL(n_kept == 1);
    struct ippkt k = kept_packet(0);
    cr_assert_eq(k.src.ip, server.ip);
    cr_assert_eq(k.src.port, server.port);
    cr_assert_eq(k.dst.port, 5000);
    cr_assert_eq(memcmp(k.p + k.data, "world", 5), 0);
    close(fd);
}

Test(ipgate, a_datagram_of_somebody_else_is_no_answer) {
    char got[100];
    size_t n = sizeof got;
    int fd = far_socket(SOCK_DGRAM);
    int other = far_socket(SOCK_DGRAM);
    map(&server, far_bound_port(fd));
    say_udp(5000, &server, "hello", 5);
    struct sockaddr_in from = receive(fd, got, &n);
    sendto(other, "spoof", 5, 0, (struct sockaddr *)&from, sizeof from);
    struct ipgate_counts counts;
    RUN_UNTIL((ipgate_counts(gate, &counts), counts.refused == 1));
    cr_assert_eq(n_kept, 0);
    close(fd);
    close(other);
}

Test(ipgate, a_datagram_in_fragments_passes_whole_both_ways) {
    enum { SIZE = 3000 };
    char got[4000];
    size_t n = sizeof got;
    uint8_t message[SIZE + 8];
    uint8_t data[SIZE];
    uint8_t packet[IPPKT_MAX];
    for (size_t i = 0; i < SIZE; i++) {
        data[i] = pattern(i);
    }
    int fd = far_socket(SOCK_DGRAM);
    map(&server, far_bound_port(fd));
    const struct net_addr own = {driver.ip, 5000};
    size_t size = raw_udp_make(message, &own, &server, data, SIZE);
    for (size_t at = 0; at < size; at += 1480) {
        size_t piece = size - at < 1480 ? size - at : 1480;
        uint16_t more = at + piece < size ? 0x2000 : 0;
        ipgate_put(gate, packet,
                   raw_ip_make(packet, IPPKT_UDP, driver.ip, server.ip, 77,
                               (uint16_t)(more | at / 8), message + at, piece));
    }
    struct sockaddr_in from = receive(fd, got, &n);
    cr_assert_eq(n, SIZE);
    cr_assert_eq(memcmp(got, data, SIZE), 0);
    sendto(fd, data, SIZE, 0, (struct sockaddr *)&from, sizeof from);
    RUN_UNTIL(n_kept == 3);
    size_t total = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct ippkt k = kept_packet(i);
        cr_assert_eq(k.src.ip, server.ip);
        cr_assert(k.is_fragment);
        total += k.n - k.head;
    }
    cr_assert_eq(total, SIZE + 8);
    close(fd);
}

/* -- names -- */

static const char head[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00";

static void ask(const char *name, uint8_t type) {
    char p[300];
    memcpy(p, head, 12);
    size_t n = 12;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        p[n++] = (char)label;
        memcpy(p + n, name, label);
        n += label;
        name += label + (name[label] == '.');
    }
    memcpy(p + n, "\0\0\0\0\1", 5);
    p[n + 2] = (char)type;
    say_udp(5353, &(struct net_addr){dns, 53}, p, n + 5);
}

Test(ipgate, names_of_the_world_are_answered_by_the_name_server) {
    char error[ROUTE_ERROR_TEXT];
    uint32_t ip = 0;
    cr_assert_eq(route_add_map(route, "test.example:80=127.0.0.1:1", error), 0);
    cr_assert_eq(route_name(route, SV("test.example"), &ip), 0);
    ask("test.example", 1);
    RUN_UNTIL(n_kept == 1);
    struct ippkt k = kept_packet(0);
    cr_assert_eq(k.src.ip, dns);
    cr_assert_eq(k.src.port, 53);
    cr_assert_eq(k.dst.port, 5353);
    cr_assert_eq(be_get32(k.p + k.n - 4), ip);
}

Test(ipgate, a_name_that_is_not_gets_an_error_and_other_types_no_record) {
    bearer.impair[IMPAIR_UP].no_names = true;
    ask("nowhere.example", 1);
    RUN_UNTIL(n_kept == 1);
    struct ippkt k = kept_packet(0);
    cr_assert_eq(k.p[k.data + 3], 0x83);
    ask("nowhere.example", 28);
    RUN_UNTIL(n_kept == 2);
    k = kept_packet(1);
    cr_assert_eq(k.p[k.data + 3], 0x80);
    cr_assert_eq(k.p[k.data + 7], 0);
    ask("not_a_name!", 1);
    RUN_UNTIL(n_kept == 3);
    k = kept_packet(2);
    cr_assert_eq(k.p[k.data + 3], 0x83);
}

Test(ipgate, a_message_that_is_none_is_told_so_or_ignored) {
    say_udp(5353, &(struct net_addr){dns, 53}, "junk", 4);
    say_udp(5353, &(struct net_addr){dns, 53}, head, 12);
    RUN_UNTIL(n_kept == 1);
    struct ippkt k = kept_packet(0);
    cr_assert_eq(k.p[k.data + 3], 0x81);
    run_ms(20);
    cr_assert_eq(n_kept, 1);
}

Test(ipgate, as_many_names_at_a_time_as_there_may_be) {
    bearer.impair[IMPAIR_UP].latency_ms = 100000;
    for (unsigned i = 0; i < LIMIT_IP_NAMES + 5; i++) {
        ask("a.example", 1);
    }
    struct ipgate_counts counts;
    ipgate_counts(gate, &counts);
    cr_assert_eq(counts.dropped, 5);
}

/* -- pings -- */

static void ping(uint32_t ip, const char *data) {
    uint8_t icmp[200] = {8, 0, 0, 0, 0x12, 0x34, 0, 1};
    uint8_t packet[IPPKT_MAX];
    memcpy(icmp + 8, data, strlen(data));
    ipgate_put(gate, packet,
               raw_ip_make(packet, IPPKT_ICMP, driver.ip, ip, 0, 0, icmp, 8 + strlen(data)));
}

Test(ipgate, the_gateway_and_the_name_server_answer_pings) {
    ping(gateway, "abcdef");
    ping(dns, "");
    cr_assert_eq(n_kept, 2);
    struct ippkt k = kept_packet(0);
    cr_assert_eq(k.src.ip, gateway);
    cr_assert_eq(k.p[k.head], 0);
    cr_assert_eq(memcmp(k.p + k.data, "abcdef", 6), 0);
}

Test(ipgate, what_the_map_leads_to_answers_pings) {
    map(&server, 1);
    ping(server.ip, "abc");
    RUN_UNTIL(n_kept == 1);
    struct ippkt k = kept_packet(0);
    cr_assert_eq(k.src.ip, server.ip);
    cr_assert_eq(memcmp(k.p + k.head + 4, "\x12\x34\0\1abc", 7), 0);
}

/* -- what the path does -- */

Test(ipgate, latency_holds_packets_up_and_loss_loses_them) {
    bearer.impair[IMPAIR_UP].latency_ms = 30;
    bearer.impair[IMPAIR_DOWN].latency_ms = 30;
    clk_mono begin = clk_now(clk);
    ping(gateway, "");
    RUN_UNTIL(n_kept == 1);
    cr_assert_geq(clk_since(clk, begin).us, 60000);
    bearer.impair[IMPAIR_DOWN] = (struct impair){.loss = 1};
    ping(gateway, "");
    run_ms(60);
    cr_assert_eq(n_kept, 1);
}

Test(ipgate, a_path_that_refuses_resets) {
    uint16_t port = 0;
    int fd = listening(&port);
    map(&server, port);
    bearer.impair[IMPAIR_UP].refuse = true;
    cr_assert(refused(&server));
    close(fd);
}

Test(ipgate, a_path_that_cuts_resets_both_ends) {
    int fd = -1;
    char got[100];
    struct raw_tcp *t = connected(&fd);
    bearer.impair[IMPAIR_UP].cut_after = 10;
    raw_tcp_say(t, IPPKT_ACK | RAW_PSH, "12345678", 8);
    RUN_UNTIL(read_some(fd, got, sizeof got) == 8);
    cr_assert_not(t->is_reset);
    raw_tcp_say(t, IPPKT_ACK | RAW_PSH, "9abc", 4);
    RUN_UNTIL(t->is_reset);
    RUN_UNTIL(read(fd, got, sizeof got) < 0 && errno == ECONNRESET);
    close(fd);
}

Test(ipgate, packets_that_are_none_or_not_the_drivers_are_counted) {
    uint8_t packet[IPPKT_MAX + 1] = {0};
    struct ipgate_counts counts;
    ipgate_put(gate, packet, 0);
    ipgate_put(gate, packet, 20);
    ipgate_put(gate, packet, sizeof packet);
    const struct net_addr forged = {driver.ip + 1, 5};
    ipgate_put(gate, packet,
               ippkt_make_udp(&forged, &server, (const uint8_t *)"x", 1, packet, IPPKT_MAX));
    ipgate_counts(gate, &counts);
    cr_assert_eq(counts.malformed, 4);
    ipgate_put(gate, packet,
               raw_ip_make(packet, 47, driver.ip, server.ip, 0, 0, (const uint8_t *)"gre", 3));
    ipgate_counts(gate, &counts);
    cr_assert_eq(counts.refused, 1);
    cr_assert_eq(counts.from_driver, 5);
}

/* Right heads in front of anything: what a driver that has lost its mind sends. */
Test(ipgate, packets_of_any_kind_do_no_harm) {
    static const uint8_t protos[] = {IPPKT_TCP, IPPKT_UDP, IPPKT_ICMP, 41};
    static const uint32_t targets[] = {0x74ecdd4bu, 0x0a400001u, 0x0a400035u, 0xf0000001u};
    struct rng rng = rng_stream(1, "ipgate");
    uint16_t port = 0;
    int l = listening(&port);
    map(&server, port);
    for (unsigned i = 0; i < 6000; i++) {
        uint8_t packet[IPPKT_MAX];
        uint8_t data[1400];
        size_t n = (size_t)rng_below(&rng, i % 8 == 0 ? sizeof data : 60);
        for (size_t at = 0; at < n; at++) {
            data[at] = (uint8_t)rng_next(&rng);
        }
        uint8_t proto = protos[rng_below(&rng, 4)];
        if (n >= 20 && rng_chance(&rng, 0.7)) {
            memcpy(data, "\x12\x34\x1f\x4b", 4); /* the server's port: one flow of many faces */
            data[12] = 0x50;
        }
        uint16_t fragment = rng_chance(&rng, 0.2) ? (uint16_t)(rng_next(&rng) & 0x2003) : 0;
        size_t size = raw_ip_make(packet, proto, driver.ip, targets[rng_below(&rng, 4)],
                                  (uint16_t)rng_below(&rng, 4), fragment, data, n);
        ipgate_put(gate, packet, size);
        if (i % 64 == 0) {
            turn();
        }
    }
    ping(gateway, "alive");
    struct ippkt k = kept_packet(n_kept - 1);
    cr_assert_eq(memcmp(k.p + k.data, "alive", 5), 0);
    close(l);
}

Test(ipgate, when_the_bearer_goes_down_nothing_passes) {
    int fd = -1;
    char got[10];
    connected(&fd);
    bearer_down(&bearer);
    RUN_UNTIL(read(fd, got, sizeof got) == 0 || errno == ECONNRESET);
    unsigned before = packets;
    ping(gateway, "");
    run_ms(10);
    cr_assert_eq(packets, before);
    ipgate_close(gate);
    gate = ipgate_new(&cfg);
    cr_assert_null(gate, "not without a bearer");
    close(fd);
}

/* -- from outside -- */

Test(ipgate, a_listening_port_of_the_driver_is_reached_from_the_host) {
    char text[64];
    char error[ROUTE_ERROR_TEXT];
    uint16_t port = far_free_port();
    snprintf(text, sizeof text, "7000=127.0.0.1:%u", port);
    cr_assert_eq(route_add_listen(route, text, error), 0);
    restart();
    int fd = far_socket(SOCK_STREAM);
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    struct sockaddr_in to = far_loopback(port);
    connect(fd, (struct sockaddr *)&to, sizeof to);
    getsockname(fd, (struct sockaddr *)&own, &size);
    struct raw_tcp *t = &links[n_links++];
    raw_tcp_init(t, &(struct net_addr){driver.ip, 7000},
                 &(struct net_addr){gateway, ntohs(own.sin_port)}, to_gate, NULL);
    RUN_UNTIL(t->is_open);
    raw_tcp_say(t, IPPKT_ACK | RAW_PSH, "hi", 2);
    char got[10];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    RUN_UNTIL(read_some(fd, got, sizeof got) == 2);
    cr_assert_eq(write(fd, "there", 5), 5);
    RUN_UNTIL(buf_len(&t->in) == 5);
    raw_tcp_say(t, IPPKT_RST | IPPKT_ACK, NULL, 0);
    RUN_UNTIL(read(fd, got, sizeof got) < 0 && errno == ECONNRESET);
    close(fd);

    int udp = far_socket(SOCK_DGRAM);
    sendto(udp, "knock", 5, 0, (struct sockaddr *)&to, sizeof to);
    RUN_UNTIL(n_kept == 1);
    struct ippkt k = kept_packet(0);
    cr_assert_eq(k.src.ip, gateway);
    cr_assert_eq(k.dst.port, 7000);
    say_udp(7000, &k.src, "who", 3);
    size_t n = sizeof got;
    receive(udp, got, &n);
    cr_assert_eq(n, 3);
    close(udp);
}

Test(ipgate, closing_in_the_middle_of_everything_leaves_nothing) {
    int fd = -1;
    struct raw_tcp *t = connected(&fd);
    bearer.impair[IMPAIR_UP].latency_ms = 1000;
    bearer.impair[IMPAIR_DOWN].latency_ms = 1000;
    raw_tcp_say(t, IPPKT_ACK | RAW_PSH, "x", 1);
    ping(server.ip, "");
    ask("a.example", 1);
    say_udp(1, &server, "x", 1);
    cr_assert_eq(write(fd, "y", 1), 1);
    turn();
    close(fd);
}
