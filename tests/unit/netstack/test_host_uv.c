/* Everything here runs on real sockets of 127.0.0.1; the waits are for events, with a limit. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/dgram.h"
#include "netstack/host_uv.h"
#include "netstack/listener.h"
#include "netstack/ping.h"
#include "netstack/resolve.h"
#include "netstack/route.h"
#include "netstack/sockinfo.h"
#include "netstack/stream.h"

enum { MEGABYTE = 1 << 20 };

static const uint32_t loopback = 0x7f000001u;

static uv_loop_t loop;
static uv_prepare_t keeper; /* a loop with nothing but timers would not run */
static struct clk *clk;
static struct clk_timer tick;
static struct route *route;
static struct host_uv *host;
static struct bearer bearer;
static struct net_stream *stream;
static struct {
    int opened, open_err, data, room, acked, closed, accepted, done;
    enum net_close why;
    struct net_addr peer;
    int err;
    uint32_t ip;
    char name[300];
    unsigned replies;
} seen;

static void on_prepare(uv_prepare_t *prepare) {
    (void)prepare;
}

/* So that a turn ends by itself, and what only the kernel knows is looked at again. */
static void on_tick(void *ctx) {
    clk_start(clk, &tick, CLK_MS(5), on_tick, ctx);
}

static void setup(void) {
    cr_assert_eq(uv_loop_init(&loop), 0);
    uv_prepare_init(&loop, &keeper);
    uv_prepare_start(&keeper, on_prepare);
    clk = clk_new_real(&loop, 1);
    on_tick(NULL);
    route = route_new();
    host = host_uv_new(&loop, clk, route);
    bearer_init(&bearer, clk, host_uv_host(host));
    bearer_up(&bearer, 0x0a000001u);
}

/* An assert in here would not be counted: a must ends the process instead. */
static void teardown(void) {
    stream_free(stream);
    bearer_fini(&bearer);
    host_uv_close(host);
    clk_close(clk);
    uv_close((uv_handle_t *)&keeper, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0);
    route_free(route);
}

TestSuite(host_uv, .init = setup, .fini = teardown, .timeout = 30);

static void turn(void) {
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

static void on_open(void *ctx, int err) {
    (void)ctx;
    seen.opened++;
    seen.open_err = err;
}

static void on_data(void *ctx) {
    (void)ctx;
    seen.data++;
}

static void on_room(void *ctx) {
    (void)ctx;
    seen.room++;
}

static void on_acked(void *ctx) {
    (void)ctx;
    seen.acked++;
}

static void on_closed(void *ctx, enum net_close why) {
    (void)ctx;
    seen.closed++;
    seen.why = why;
}

static const struct stream_events events = {on_open, on_data, on_room, on_acked, on_closed};

/* The far ends are plain sockets. */

static uint16_t port_of(int fd) {
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    return ntohs(a.sin_port);
}

static int bound(int type, uint16_t port) {
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(loopback);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (type == SOCK_STREAM) {
        cr_assert_eq(listen(fd, 4), 0);
    }
    return fd;
}

static void set_reset_on_close(int fd) {
    struct linger linger = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static int called(uint16_t port, uint16_t local_port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(local_port)};
    a.sin_addr.s_addr = htonl(0x7f00004du); /* 127.0.0.77 */
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    a.sin_addr.s_addr = htonl(loopback);
    a.sin_port = htons(port);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void start(uint16_t port, uint16_t local_port) {
    struct net_addr to = {loopback, port};
    int err = stream_connect(&stream, &bearer, &to, local_port, 0, CLK_S(5), &events, NULL);
    cr_assert_eq(err, 0);
}

/* A link to a socket of the test, which is returned. */
static int connected(void) {
    int server = bound(SOCK_STREAM, 0);
    start(port_of(server), 0);
    RUN_UNTIL(seen.opened > 0);
    cr_assert_eq(seen.open_err, 0);
    int fd = accept(server, NULL, NULL);
    cr_assert_geq(fd, 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    close(server);
    return fd;
}

static bool has_room(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1;
}

Test(host_uv, made_and_closed_it_leaves_nothing) {
    uv_prepare_stop(&keeper);
    cr_assert_eq(uv_loop_alive(&loop), 0);
}

Test(host_uv, a_connect_that_is_refused_says_so) {
    int server = bound(SOCK_STREAM, 0);
    uint16_t port = port_of(server);
    close(server);
    start(port, 0);
    cr_assert_eq(seen.opened, 0);
    RUN_UNTIL(seen.opened > 0);
    cr_assert_eq(seen.open_err, -ECONNREFUSED);
}

Test(host_uv, data_goes_both_ways) {
    int fd = connected();
    char text[6] = "";
    cr_assert_eq(stream_send(stream, "hello", 5), 5);
    RUN_UNTIL(recv(fd, text, 5, 0) == 5);
    cr_assert_str_eq(text, "hello");
    cr_assert_eq(send(fd, "world!", 6, 0), 6);
    RUN_UNTIL(stream_available(stream) == 6);
    close(fd);
}

static char *pattern(void) {
    char *p = xmalloc(MEGABYTE);
    for (size_t i = 0; i < MEGABYTE; i++) {
        p[i] = (char)(i * 7 + i / 4096);
    }
    return p;
}

Test(host_uv, a_megabyte_is_received_through_a_small_window) {
    char *sent = pattern();
    char *got = xmalloc(MEGABYTE);
    int fd = connected();
    int size = 65536;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    size_t out = 0;
    size_t in = 0;
    while (in < MEGABYTE) {
        ssize_t n = has_room(fd) ? send(fd, sent + out, MEGABYTE - out, MSG_NOSIGNAL) : 0;
        out += n > 0 ? (size_t)n : 0;
        turn();
        cr_assert_leq(stream_available(stream), LIMIT_STREAM_IN + HOST_READ_MAX);
        size_t have;
        const uint8_t *p = stream_peek(stream, &have);
        have = have > 30000 ? 30000 : have; /* slower than it comes */
        if (have > 0) {
            memcpy(got + in, p, have);
            in += have;
            stream_consume(stream, have);
        }
    }
    cr_assert_eq(memcmp(sent, got, MEGABYTE), 0);
    close(fd);
    free(sent);
    free(got);
}

/* To a far end that does not read: in the end the kernel's buffers and the stream's are full. */
static size_t sent_until_short(const char *p, size_t n) {
    size_t done = 0;
    for (;;) {
        int taken = stream_send(stream, p + done % MEGABYTE, n - done % MEGABYTE);
        cr_assert_geq(taken, 0);
        done += (size_t)taken;
        if (done % MEGABYTE != 0) {
            return done;
        }
        turn();
    }
}

static void check_pattern(const char *p, const char *got, size_t at, size_t n) {
    for (size_t done = 0; done < n;) {
        size_t from = (at + done) % MEGABYTE;
        size_t part = n - done < MEGABYTE - from ? n - done : MEGABYTE - from;
        cr_assert_eq(memcmp(got + done, p + from, part), 0);
        done += part;
    }
}

Test(host_uv, a_peer_that_does_not_read_makes_short_sends_and_all_arrives) {
    char *p = pattern();
    static char got[65536];
    int fd = connected();
    size_t sent = sent_until_short(p, MEGABYTE);
    cr_assert_eq(stream_room(stream), 0);
    cr_assert_eq(seen.room, 0);
    stream_watch_ack(stream);
    size_t read = 0;
    while (read < sent) {
        ssize_t n = recv(fd, got, sizeof got, 0);
        if (n > 0) {
            check_pattern(p, got, read, (size_t)n);
            read += (size_t)n;
        }
        turn();
    }
    cr_assert_geq(seen.room, 1);
    RUN_UNTIL(seen.acked == 1);
    struct stream_counts counts;
    stream_counts(stream, &counts);
    cr_assert_eq(counts.sent, sent);
    cr_assert_eq(counts.acked, sent);
    close(fd);
    free(p);
}

Test(host_uv, the_host_does_not_take_megabytes_for_a_peer_that_does_not_read) {
    char *p = pattern();
    int fd = connected();
    /* The module's own buffer, the peer's, and little in between. */
    cr_assert_lt(sent_until_short(p, MEGABYTE), MEGABYTE / 2);
    close(fd);
    free(p);
}

Test(host_uv, what_was_accepted_arrives_after_the_stream_is_freed) {
    char *p = pattern();
    static char got[65536];
    int fd = connected();
    size_t sent = sent_until_short(p, MEGABYTE);
    stream_free(stream);
    stream = NULL;
    size_t read = 0;
    ssize_t n = 1;
    while (n != 0) {
        n = recv(fd, got, sizeof got, 0);
        cr_assert(n >= 0 || errno == EAGAIN);
        if (n > 0) {
            check_pattern(p, got, read, (size_t)n);
            read += (size_t)n;
        }
        turn();
    }
    cr_assert_eq(read, sent);
    close(fd);
    free(p);
}

Test(host_uv, a_close_with_unread_input_is_a_fin_all_the_same) {
    int fd = connected();
    cr_assert_eq(stream_send(stream, "bye", 3), 3);
    cr_assert_eq(send(fd, "unread", 6, 0), 6);
    stream_close(stream);
    char text[8];
    RUN_UNTIL(recv(fd, text, sizeof text, 0) == 3);
    cr_assert_eq(recv(fd, text, sizeof text, 0), 0);
    close(fd);
}

Test(host_uv, a_fin_closes_both_sides) {
    int fd = connected();
    cr_assert_eq(send(fd, "last", 4, 0), 4);
    shutdown(fd, SHUT_WR);
    RUN_UNTIL(seen.closed > 0);
    cr_assert_eq(seen.why, NET_CLOSE_REMOTE);
    cr_assert_eq(stream_available(stream), 4);
    char text[4];
    RUN_UNTIL(recv(fd, text, sizeof text, 0) == 0);
    close(fd);
}

Test(host_uv, a_reset_by_the_peer_is_told) {
    int fd = connected();
    set_reset_on_close(fd);
    close(fd);
    RUN_UNTIL(seen.closed > 0);
    cr_assert_eq(seen.why, NET_CLOSE_RESET);
}

Test(host_uv, a_reset_right_behind_data_is_told_behind_it) {
    int fd = connected();
    cr_assert_eq(send(fd, "abc", 3, 0), 3);
    set_reset_on_close(fd);
    close(fd);
    RUN_UNTIL(seen.closed > 0);
    cr_assert_eq(seen.why, NET_CLOSE_RESET);
    cr_assert_eq(stream_available(stream), 3);
}

Test(host_uv, writing_to_a_reset_link_is_a_reset_and_no_signal) {
    int fd = connected();
    cr_assert_eq(send(fd, "abc", 3, 0), 3);
    set_reset_on_close(fd);
    close(fd);
    /* In one turn: the first write meets the reset, the second a broken pipe. */
    stream_send(stream, "x", 1);
    stream_send(stream, "y", 1);
    RUN_UNTIL(seen.closed > 0);
    cr_assert_eq(seen.why, NET_CLOSE_RESET);
}

static void on_host_connect(void *ctx, int err) {
    (void)ctx;
    seen.opened++;
    seen.open_err = err;
}

static void on_host_end(void *ctx, int err) {
    (void)ctx;
    seen.closed++;
    seen.err = err;
}

static void on_host_writable(void *ctx) {
    (void)ctx;
    seen.room++;
}

Test(host_uv, after_one_short_write_there_is_room_again) {
    static const struct host_tcp_events raw = {.on_connect = on_host_connect,
                                               .on_writable = on_host_writable};
    char *p = pattern();
    static char got[65536];
    struct net_host net = host_uv_host(host);
    int server = bound(SOCK_STREAM, 0);
    const struct net_addr to = {loopback, port_of(server)};
    struct host_tcp *t;
    cr_assert_eq(net.ops->tcp_connect(net.host, &to, 0, &raw, NULL, &t), 0);
    RUN_UNTIL(seen.opened == 1);
    int fd = accept(server, NULL, NULL);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (net.ops->tcp_write(t, p, MEGABYTE) == MEGABYTE) {
    }
    cr_assert_eq(seen.room, 0);
    RUN_UNTIL(recv(fd, got, sizeof got, 0) < 0 && seen.room == 1);
    net.ops->tcp_close(t);
    close(fd);
    close(server);
    free(p);
}

/* Who does not read has not seen the FIN, and writes until the pipe is broken. */
Test(host_uv, a_broken_pipe_is_an_error_and_no_signal) {
    static const struct host_tcp_events raw = {.on_connect = on_host_connect,
                                               .on_end = on_host_end};
    signal(SIGPIPE, SIG_DFL); /* whatever the test's parent left */
    struct host_uv *own = host_uv_new(&loop, clk, route);
    struct net_host net = host_uv_host(own);
    int server = bound(SOCK_STREAM, 0);
    const struct net_addr to = {loopback, port_of(server)};
    struct host_tcp *t;
    cr_assert_eq(net.ops->tcp_connect(net.host, &to, 0, &raw, NULL, &t), 0);
    RUN_UNTIL(seen.opened == 1);
    close(accept(server, NULL, NULL));
    RUN_UNTIL(net.ops->tcp_write(t, "x", 1) == -EPIPE);
    cr_assert_eq(seen.closed, 0);
    RUN_UNTIL(seen.closed == 1);
    cr_assert_eq(seen.err, -ECONNRESET);
    net.ops->tcp_close(t);
    host_uv_close(own);
    close(server);
}

Test(host_uv, our_reset_reaches_the_peer) {
    int fd = connected();
    stream_reset(stream);
    char c;
    RUN_UNTIL(recv(fd, &c, 1, 0) == -1 && errno == ECONNRESET);
    close(fd);
}

Test(host_uv, the_loss_of_the_bearer_leaves_the_fin_to_the_host) {
    int fd = connected();
    bearer_down(&bearer);
    RUN_UNTIL(seen.closed > 0);
    cr_assert_eq(seen.why, NET_CLOSE_NETWORK);
    char c;
    RUN_UNTIL(recv(fd, &c, 1, 0) == 0);
    close(fd);
}

Test(host_uv, acknowledgements_reach_what_was_sent) {
    int fd = connected();
    struct stream_counts counts;
    stream_counts(stream, &counts);
    cr_assert_eq(counts.acked, 0);
    cr_assert_eq(stream_send(stream, "hello", 5), 5);
    stream_watch_ack(stream);
    RUN_UNTIL(seen.acked == 1);
    stream_counts(stream, &counts);
    cr_assert_eq(counts.acked, 5);
    close(fd);
}

Test(host_uv, the_acknowledged_count_is_exact_on_both_ends) {
    int server = bound(SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port_of(server))};
    a.sin_addr.s_addr = htonl(loopback);
    int caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(caller, (struct sockaddr *)&a, sizeof a), 0);
    int accepted = accept(server, NULL, NULL);
    cr_assert_eq(sockinfo_acked(caller, true), 0);
    cr_assert_eq(sockinfo_acked(accepted, false), 0);
    cr_assert_eq(send(caller, "hello", 5, 0), 5);
    cr_assert_eq(send(accepted, "abc", 3, 0), 3);
    RUN_UNTIL(sockinfo_unacked(caller) == 0 && sockinfo_unacked(accepted) == 0);
    cr_assert_eq(sockinfo_acked(caller, true), 5);
    cr_assert_eq(sockinfo_acked(accepted, false), 3);
    close(caller);
    close(accepted);
    close(server);
}

Test(host_uv, a_local_port_is_used_when_the_host_has_it) {
    int probe = bound(SOCK_STREAM, 0);
    uint16_t port = port_of(probe);
    close(probe);
    int server = bound(SOCK_STREAM, 0);
    start(port_of(server), port);
    RUN_UNTIL(seen.opened > 0);
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    int fd = accept(server, (struct sockaddr *)&from, &size);
    cr_assert_eq(ntohs(from.sin_port), port);
    close(fd);
    close(server);
}

Test(host_uv, a_local_port_the_host_has_taken_is_replaced) {
    int server = bound(SOCK_STREAM, 0);
    start(port_of(server), port_of(server));
    RUN_UNTIL(seen.opened > 0);
    cr_assert_eq(seen.open_err, 0);
    close(server);
}

/* Listening. */

static struct net_listener *listener;

static void on_accept(void *ctx, struct host_tcp *t, const struct net_addr *peer) {
    (void)ctx;
    seen.accepted++;
    seen.peer = *peer;
    if (seen.accepted == 1) {
        stream = stream_accept(&bearer, t, peer, 0, 0, &events, NULL);
    } else {
        listener_refuse(listener, t);
    }
}

static const struct listener_events listener_events = {.on_accept = on_accept};

Test(host_uv, a_caller_is_accepted_and_the_next_one_refused) {
    char error[ROUTE_ERROR_TEXT];
    cr_assert_eq(route_add_map(route, "192.168.108.5:*=127.0.0.77:*", error), 0, "%s", error);
    int probe = bound(SOCK_STREAM, 0);
    uint16_t port = port_of(probe);
    close(probe);
    cr_assert_eq(listener_open(&listener, &bearer, port, &listener_events, NULL), 0);
    int fd = called(port, 0);
    cr_assert_eq(send(fd, "hi", 2, 0), 2);
    RUN_UNTIL(seen.accepted == 1 && stream_available(stream) == 2);
    cr_assert_eq(seen.peer.ip, 0xc0a86c05u);
    cr_assert_eq(seen.peer.port, port_of(fd));
    cr_assert_eq(stream_send(stream, "hello", 5), 5);
    char text[5];
    RUN_UNTIL(recv(fd, text, 5, 0) == 5);
    stream_watch_ack(stream);
    RUN_UNTIL(seen.acked == 1);
    struct stream_counts counts;
    stream_counts(stream, &counts);
    cr_assert_eq(counts.acked, 5);

    int second = called(port, 0);
    RUN_UNTIL(recv(second, text, 1, 0) == -1 && errno == ECONNRESET);
    listener_free(listener);
    close(second);
    close(fd);
}

Test(host_uv, a_port_that_is_taken_cannot_be_listened_on) {
    int server = bound(SOCK_STREAM, 0);
    int err = listener_open(&listener, &bearer, port_of(server), &listener_events, NULL);
    cr_assert_eq(err, -EADDRINUSE);
    close(server);
}

/* UDP. */

static void on_dgram_data(void *ctx) {
    (void)ctx;
    seen.data++;
}

static const struct dgram_events dgram_events = {.on_data = on_dgram_data, .on_closed = on_closed};

Test(host_uv, datagrams_go_both_ways_under_the_modem_s_addresses) {
    int peer = bound(SOCK_DGRAM, 0);
    char map[64];
    char error[ROUTE_ERROR_TEXT];
    snprintf(map, sizeof map, "203.0.113.9:*=127.0.0.1:%u", port_of(peer));
    cr_assert_eq(route_add_map(route, map, error), 0, "%s", error);
    struct net_dgram *d;
    cr_assert_eq(dgram_open(&d, &bearer, 0, &dgram_events, NULL), 0);
    const struct net_addr to = {0xcb007109u, 4711};
    cr_assert_eq(dgram_send(d, &to, "ping", 4), 0);
    static char text[3000];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    RUN_UNTIL(recvfrom(peer, text, sizeof text, 0, (struct sockaddr *)&from, &size) == 4);
    cr_assert_eq(sendto(peer, "answer", 6, 0, (struct sockaddr *)&from, size), 6);
    cr_assert_eq(sendto(peer, text, sizeof text, 0, (struct sockaddr *)&from, size), 3000);
    RUN_UNTIL(seen.data == 2);
    struct net_addr shown;
    size_t n;
    cr_assert_eq(memcmp(dgram_peek(d, &shown, &n), "answer", 6), 0);
    cr_assert_eq(n, 6);
    cr_assert_eq(shown.ip, to.ip);
    cr_assert_eq(shown.port, 4711, "the port the modem wrote to, not the host's");
    dgram_consume(d, 6);
    dgram_peek(d, &shown, &n);
    cr_assert_eq(n, LIMIT_DGRAM_SIZE);
    dgram_free(d);
    close(peer);
}

Test(host_uv, a_datagram_port_the_host_has_taken_is_replaced) {
    int peer = bound(SOCK_DGRAM, 0);
    struct net_dgram *d;
    cr_assert_eq(dgram_open(&d, &bearer, port_of(peer), &dgram_events, NULL), 0);
    const struct net_addr to = {loopback, port_of(peer)};
    cr_assert_eq(dgram_send(d, &to, "x", 1), 0);
    char c;
    RUN_UNTIL(recv(peer, &c, 1, 0) == 1);
    bearer_down(&bearer);
    RUN_UNTIL(seen.closed == 1);
    dgram_free(d);
    close(peer);
}

/* Names, from a server of one page: www.sim.com is 1.2.3.4, nothing else exists. */

static void on_name(void *ctx, int err, uint32_t ip) {
    (void)ctx;
    seen.done++;
    seen.err = err;
    seen.ip = ip;
}

static void on_addr(void *ctx, int err, const char *name) {
    (void)ctx;
    seen.done++;
    seen.err = err;
    snprintf(seen.name, sizeof seen.name, "%s", name != NULL ? name : "");
}

static const char www_name[] = "\3www\3sim\3com";
static const char www_pointer[] = "\0014\0013\0012\0011\7in-addr\4arpa";

/* Answers one query if one is there. False: none was. */
static bool serve(int fd) {
    uint8_t q[600];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(fd, q, 512, 0, (struct sockaddr *)&from, &size);
    if (got < 12) {
        return false;
    }
    static const uint8_t a_record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4};
    static const uint8_t ptr_head[] = {0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 9, 0, 13};
    const char *name = (const char *)q + 12;
    size_t n = 12 + strlen(name) + 1 + 4;
    q[2] |= 0x80;
    memset(q + 8, 0, 4);
    if (strcmp(name, www_name) == 0) {
        q[7] = 1;
        memcpy(q + n, a_record, sizeof a_record);
        n += sizeof a_record;
    } else if (strcmp(name, www_pointer) == 0) {
        q[7] = 1;
        memcpy(q + n, ptr_head, sizeof ptr_head);
        memcpy(q + n + sizeof ptr_head, www_name, sizeof www_name);
        n += sizeof ptr_head + sizeof www_name;
    } else {
        q[3] = 0x83;
    }
    sendto(fd, q, n, 0, (struct sockaddr *)&from, size);
    return true;
}

static int name_server(void) {
    int fd = bound(SOCK_DGRAM, 0);
    char text[32];
    snprintf(text, sizeof text, "127.0.0.1:%u", port_of(fd));
    cr_assert_eq(host_uv_set_dns(host, text), 0);
    return fd;
}

Test(host_uv, names_and_addresses_come_from_the_name_server) {
    int fd = name_server();
    resolve_name(&bearer, SV("www.sim.com"), 0, on_name, NULL);
    RUN_UNTIL(serve(fd));
    RUN_UNTIL(seen.done == 1);
    cr_assert_eq(seen.err, 0);
    cr_assert_eq(seen.ip, 0x01020304u);
    resolve_addr(&bearer, 0x01020304u, 0, on_addr, NULL);
    RUN_UNTIL(serve(fd));
    RUN_UNTIL(seen.done == 2);
    cr_assert_eq(seen.err, 0);
    cr_assert_str_eq(seen.name, "www.sim.com");
    resolve_name(&bearer, SV("no.such.name"), 0, on_name, NULL);
    RUN_UNTIL(serve(fd));
    RUN_UNTIL(seen.done == 3);
    cr_assert_eq(seen.err, -ENOENT);
    close(fd);
}

Test(host_uv, a_query_may_be_cancelled_or_left_to_the_close) {
    int fd = name_server();
    struct net_resolve *r = resolve_name(&bearer, SV("www.sim.com"), 0, on_name, NULL);
    turn();
    resolve_cancel(r);
    struct net_host net = host_uv_host(host);
    net.ops->name(net.host, "www.sim.com", on_name, NULL);
    turn();
    close(fd);
}

Test(host_uv, mapped_names_need_no_server) {
    char error[ROUTE_ERROR_TEXT];
    cr_assert_eq(route_add_map(route, "m.example:80=127.0.0.1:80", error), 0, "%s", error);
    resolve_name(&bearer, SV("m.example"), 0, on_name, NULL);
    RUN_UNTIL(seen.done == 1);
    cr_assert_eq(seen.ip, 0xc6120001u);
    resolve_addr(&bearer, 0xc6120001u, 0, on_addr, NULL);
    RUN_UNTIL(seen.done == 2);
    cr_assert_str_eq(seen.name, "m.example");
}

Test(host_uv, malformed_name_servers_are_refused) {
    static const char *const wrong[] = {
        "",          "localhost:53", "1.2.3", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1,,127.0.0.2",
        "127.0.0.1,"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(host_uv_set_dns(host, wrong[i]), -EINVAL, "%s", wrong[i]);
    }
    cr_assert_eq(host_uv_set_dns(host, "127.0.0.1:5353,127.0.0.2"), 0);
}

/* Ping. */

static void on_reply(void *ctx, unsigned rtt_ms) {
    (void)ctx;
    (void)rtt_ms;
    seen.replies++;
}

static void on_timeout(void *ctx) {
    (void)ctx;
}

static struct ping_totals totals;

static void on_done(void *ctx, const struct ping_totals *t) {
    (void)ctx;
    seen.done++;
    totals = *t;
}

static bool may_ping(void) {
    int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    fd = fd >= 0 ? fd : socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static const struct ping_events ping_events = {on_reply, on_timeout, on_done};

/* Where the host forbids pings this shows what the module then says. */
Test(host_uv, loopback_answers_a_ping) {
    const struct ping_config config = {
        .ip = loopback, .count = 3, .size = 64, .interval_ms = 1, .wait_ms = 5000, .ttl = 64};
    struct net_ping *ping;
    cr_assert_eq(ping_start(&ping, &bearer, &config, &ping_events, NULL), 0);
    RUN_UNTIL(seen.done == 1);
    unsigned expected = may_ping() ? 3 : 0;
    cr_assert_eq(seen.replies, expected);
    cr_assert_eq(totals.sent, expected);
    cr_assert_eq(totals.lost, 0);
}

static void on_host_ping(void *ctx, int err, int64_t rtt_us, unsigned ttl) {
    (void)ctx;
    seen.done++;
    seen.err = err;
    seen.ip = ttl;
    cr_assert_geq(rtt_us, 0);
}

Test(host_uv, a_reply_shows_its_time_to_live) {
    const struct host_ping request = {.ip = loopback, .size = 0, .ttl = 33};
    struct net_host net = host_uv_host(host);
    net.ops->ping(net.host, &request, on_host_ping, NULL);
    RUN_UNTIL(seen.done == 1);
    cr_assert_eq(seen.err, may_ping() ? 0 : -EACCES);
    cr_assert_eq(seen.ip > 0, may_ping());
}

Test(host_uv, what_its_users_left_open_is_closed) {
    int fd = connected();
    struct net_host net = host_uv_host(host);
    const struct net_addr to = {loopback, port_of(fd)};
    static const struct host_tcp_events none = {0};
    static const struct host_udp_events none_either = {0};
    struct host_tcp *t;
    struct host_udp *u;
    struct host_listener *l;
    cr_assert_eq(net.ops->tcp_connect(net.host, &to, 0, &none, NULL, &t), 0);
    cr_assert_eq(net.ops->udp_open(net.host, 0, &none_either, NULL, &u), 0);
    char error[ROUTE_ERROR_TEXT];
    cr_assert_eq(route_add_listen(route, "80=127.0.0.1:0", error), 0, "%s", error);
    cr_assert_eq(net.ops->listen(net.host, 80, on_accept, NULL, &l), 0);
    close(fd);
}
