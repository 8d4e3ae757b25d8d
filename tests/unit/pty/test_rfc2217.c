/* The server on a loopback socket; the clients are this process. */
#define _GNU_SOURCE /* memmem */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/chan.h"
#include "base/log.h"
#include "base/obj.h"
#include "pty/comport.h"
#include "pty/rfc2217.h"

enum { GOT_MAX = 1 << 20, SETTLE_MS = 10, MIB = 1 << 20 };

static uv_loop_t loop;
static struct clk *clk;
static struct rfc2217 *server;
static struct chan *chan;
static uint16_t tcp_port;
static uint8_t got[GOT_MAX]; /* by the client, not looked at yet */
static size_t ngot;

static struct {
    size_t opened, closed, dtr_off, dtr_on;
    uint8_t in[GOT_MAX];
    size_t nin;
    bool is_deaf;   /* takes nothing */
    size_t to_send; /* output still to be made: 0, 1, ... 250, 0 ... */
    size_t made;
} user;

static void produce(void) {
    while (user.to_send > 0 && !chan_is_busy(chan)) {
        uint8_t bytes[1000];
        size_t n = user.to_send < sizeof bytes ? user.to_send : sizeof bytes;
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)(user.made++ % 251 + 5); /* with FF in it */
        }
        cr_assert_eq(chan_write(chan, bytes, n), 0);
        user.to_send -= n;
    }
}

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)ctx;
    (void)at;
    if (user.is_deaf) {
        return 0;
    }
    cr_assert_leq(user.nin + n, sizeof user.in);
    memcpy(user.in + user.nin, p, n);
    user.nin += n;
    return n;
}

static void on_drained(void *ctx) {
    (void)ctx;
    produce();
}

static void on_event(void *ctx, enum chan_event event) {
    (void)ctx;
    user.opened += event == CHAN_OPENED;
    user.closed += event == CHAN_CLOSED;
    user.dtr_off += event == CHAN_DTR_OFF;
    user.dtr_on += event == CHAN_DTR_ON;
}

static const struct chan_user session = {
    .name = "session", .rx = on_rx, .drained = on_drained, .event = on_event};

static int make(struct rfc2217 **out, const char *host, uint16_t port) {
    const struct rfc2217_config cfg = {
        .name = "uart", .host = host, .port = port, .loop = &loop, .clk = clk};
    return rfc2217_new(out, &cfg);
}

static void start(void) {
    memset(&user, 0, sizeof user);
    ngot = 0;
    cr_assert_eq(uv_loop_init(&loop), 0);
    clk = clk_new_manual();
    cr_assert_eq(make(&server, "127.0.0.1", 0), 0);
    unsigned number = 0;
    cr_assert_eq(sscanf(rfc2217_url(server), "rfc2217://127.0.0.1:%u", &number), 1);
    tcp_port = (uint16_t)number;
    chan = rfc2217_chan(server);
    chan_push(chan, &session, chan);
}

static void stop(void) {
    chan_pop(chan, &session, chan);
    rfc2217_close(server);
    uv_run(&loop, UV_RUN_DEFAULT);
    clk_close(clk);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

TestSuite(rfc2217, .init = start, .fini = stop, .timeout = 30);

/* -- a client -- */

/* Reads what there is; returns whether the server has closed. */
static bool take(int fd) {
    while (ngot < sizeof got) {
        ssize_t n = recv(fd, got + ngot, sizeof got - ngot, MSG_DONTWAIT);
        if (n <= 0) {
            return n == 0 || errno != EAGAIN;
        }
        ngot += (size_t)n;
    }
    return false;
}

/* Runs the loop until nothing happens any more. */
static void settle(void) {
    struct pollfd p = {.fd = uv_backend_fd(&loop), .events = POLLIN};
    do {
        uv_run(&loop, UV_RUN_NOWAIT);
        uv_run(&loop, UV_RUN_NOWAIT);
    } while (poll(&p, 1, SETTLE_MS) > 0);
}

static int dial(void) {
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(tcp_port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    cr_assert_eq(connect(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    settle();
    return fd;
}

static void hang_up(int fd) {
    close(fd);
    settle();
}

#define BYTES(text) (text), sizeof(text) - 1
#define COM(bytes) "\xff\xfa\x2c" bytes "\xff\xf0"
#define WILL_COM "\xff\xfb\x2c"

static void say(int fd, const void *p, size_t n) {
    cr_assert_eq(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
    settle();
}

static void is_got(int fd, const void *want, size_t n) {
    take(fd);
    cr_assert_eq(ngot, n, "%zu bytes instead of %zu", ngot, n);
    cr_assert_arr_eq(got, want, n);
    ngot = 0;
}

static int dial_com(void) {
    int fd = dial();
    say(fd, BYTES(WILL_COM));
    is_got(fd, BYTES("\xff\xfd\x2c" COM("\x6b\x30")));
    return fd;
}

/* -- what it is for -- */

Test(rfc2217, a_connection_is_an_open_port_and_its_end_a_close) {
    int fd = dial();
    cr_assert_eq(user.opened, 1);
    say(fd, BYTES("AT\r"));
    cr_assert_eq(user.nin, 3);
    cr_assert_eq(chan_write(chan, "\r\nOK\xff\r\n", 7), 0);
    settle();
    is_got(fd, BYTES("\r\nOK\xff\xff\r\n"));
    hang_up(fd);
    cr_assert_eq(user.closed, 1);
    hang_up(dial());
    cr_assert_eq(user.opened, 2);
    cr_assert_eq(user.closed, 2);
}

Test(rfc2217, what_is_said_to_nobody_is_lost) {
    chan_write(chan, "RDY", 3);
    settle();
    cr_assert_eq(chan_pending(chan), 0);
    int fd = dial();
    is_got(fd, "", 0);
    hang_up(fd);
}

Test(rfc2217, the_last_words_are_heard_and_answered) {
    int fd = dial();
    cr_assert_eq(send(fd, "ATH\r", 4, 0), 4);
    shutdown(fd, SHUT_WR);
    settle();
    cr_assert_eq(user.nin, 4);
    cr_assert_eq(user.closed, 1);
    cr_assert(take(fd));
    close(fd);
}

Test(rfc2217, dtr_rts_and_break_reach_the_channel) {
    int fd = dial_com();
    say(fd, BYTES("a" COM("\x05\x09") "b"));
    cr_assert_eq(user.dtr_off, 1);
    cr_assert(chan->is_dtr_off);
    is_got(fd, BYTES(COM("\x69\x09")));
    say(fd, BYTES(COM("\x05\x08") COM("\x05\x0c") COM("\x05\x05")));
    cr_assert_eq(user.dtr_on, 1);
    cr_assert(chan->is_rts_off);
    cr_assert_eq(chan->breaks, 1);
    hang_up(fd);
    fd = dial();
    cr_assert_not(chan->is_dtr_off);
    cr_assert_not(chan->is_rts_off);
    hang_up(fd);
}

Test(rfc2217, rts_off_stops_the_output_where_the_module_obeys_it) {
    int fd = dial_com();
    say(fd, BYTES(COM("\x05\x0c")));
    ngot = 0;
    take(fd);
    ngot = 0;
    chan_write(chan, "a", 1);
    settle();
    is_got(fd, "a", 1);
    chan_obey_rts(chan, true);
    chan_write(chan, "b", 1);
    settle();
    is_got(fd, "", 0);
    say(fd, BYTES(COM("\x05\x0b")));
    is_got(fd, BYTES(COM("\x69\x0b") "b"));
    hang_up(fd);
}

Test(rfc2217, dcd_and_ri_are_shown) {
    int fd = dial_com();
    chan_set_dcd(chan, true);
    settle();
    is_got(fd, BYTES(COM("\x6b\xb8")));
    chan_set_ri(chan, true);
    chan_set_ri(chan, false); /* within an instant */
    settle();
    is_got(fd, BYTES(COM("\x6b\xf0") COM("\x6b\xb4")));
    hang_up(fd);
    chan_set_dcd(chan, false);
    chan_set_dcd(chan, true);
    fd = dial();
    say(fd, BYTES(WILL_COM));
    is_got(fd, BYTES("\xff\xfd\x2c" COM("\x6b\xb0")));
    hang_up(fd);
}

Test(rfc2217, purge_throws_away_what_waits) {
    int fd = dial_com();
    user.is_deaf = true;
    uint8_t bytes[LIMIT_CHAN_IN + 100];
    memset(bytes, 'x', sizeof bytes);
    say(fd, bytes, sizeof bytes);
    say(fd, BYTES(COM("\x08") COM("\x0c\x02")));
    chan_write(chan, "y", 1);
    settle();
    user.is_deaf = false;
    chan_pump(chan);
    settle();
    cr_assert_geq(user.nin, LIMIT_CHAN_IN);
    say(fd, BYTES(COM("\x0c\x01") COM("\x09")));
    take(fd);
    cr_assert_null(memmem(got, ngot, "y", 1));
    hang_up(fd);
}

Test(rfc2217, suspended_it_sends_answers_and_no_data) {
    int fd = dial_com();
    say(fd, BYTES(COM("\x08")));
    chan_write(chan, "data", 4);
    settle();
    is_got(fd, "", 0);
    say(fd, BYTES(COM("\x05\x07")));
    is_got(fd, BYTES(COM("\x69\x08")));
    say(fd, BYTES(COM("\x09")));
    is_got(fd, "data", 4);
    hang_up(fd);
}

Test(rfc2217, xoff_stops_and_xon_behind_a_full_channel_is_found) {
    int fd = dial();
    chan_set_flow(chan, true, true);
    user.is_deaf = true;
    uint8_t bytes[LIMIT_CHAN_IN];
    memset(bytes, 'x', sizeof bytes);
    say(fd, bytes, sizeof bytes);
    say(fd, bytes, 10);
    is_got(fd, "\x13", 1); /* ours, for it is full */
    say(fd, "\x13", 1);
    user.is_deaf = false;
    chan_pump(chan);
    settle();
    cr_assert_eq(user.nin, LIMIT_CHAN_IN + 10);
    chan_write(chan, "o", 1);
    settle();
    cr_assert_eq(chan_pending(chan), 1);
    say(fd, "\x11", 1);
    take(fd);
    cr_assert_eq(ngot, 2);
    cr_assert_arr_eq(got, "\x11o", 2);
    hang_up(fd);
}

/* -- clients that come and go -- */

Test(rfc2217, a_second_client_is_told_and_sent_away) {
    int fd = dial();
    int second = dial();
    cr_assert(take(second));
    cr_assert_not_null(memmem(got, ngot, "in use", 6));
    ngot = 0;
    close(second);
    cr_assert_eq(user.opened, 1);
    say(fd, "a", 1);
    cr_assert_eq(user.nin, 1);
    hang_up(fd);
}

Test(rfc2217, who_comes_right_behind_a_close_gets_the_port) {
    int first = dial();
    cr_assert_eq(send(first, "a", 1, 0), 1);
    close(first);
    int second = dial();
    cr_assert_eq(user.nin, 1);
    cr_assert_eq(user.opened, 2);
    cr_assert_eq(user.closed, 1);
    chan_write(chan, "b", 1);
    settle();
    is_got(second, "b", 1);
    hang_up(second);
}

Test(rfc2217, a_client_that_is_reset_has_gone) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    int fd = dial();
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    user.to_send = 100;
    produce();
    hang_up(fd);
    cr_assert_eq(user.closed, 1);
    hang_up(dial());
    cr_assert_eq(user.opened, 2);
}

Test(rfc2217, a_client_that_leaves_while_the_module_is_busy_is_missed_at_once) {
    int fd = dial();
    user.is_deaf = true;
    uint8_t bytes[3 * LIMIT_CHAN_IN];
    memset(bytes, 'x', sizeof bytes);
    say(fd, bytes, sizeof bytes);
    hang_up(fd);
    cr_assert_eq(user.closed, 1);
    user.is_deaf = false;
    chan_pump(chan);
    settle();
    cr_assert_eq(user.nin, sizeof bytes);
}

/* -- bounds -- */

Test(rfc2217, input_waits_with_the_kernel_while_nobody_takes_it) {
    static uint8_t bytes[MIB / 2];
    int fd = dial();
    user.is_deaf = true;
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    size_t sent = 0;
    for (int i = 0; i < 200; i++) {
        ssize_t n = sent < sizeof bytes ? send(fd, bytes + sent, sizeof bytes - sent, 0) : 0;
        sent += n > 0 ? (size_t)n : 0;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    cr_assert_leq(chan->in.len, LIMIT_CHAN_IN);
    user.is_deaf = false;
    chan_pump(chan);
    settle();
    while (sent < sizeof bytes) {
        ssize_t n = send(fd, bytes + sent, sizeof bytes - sent, 0);
        sent += n > 0 ? (size_t)n : 0;
        settle();
    }
    cr_assert_eq(user.nin, sizeof bytes);
    hang_up(fd);
}

Test(rfc2217, much_output_comes_whole_to_a_client_that_reads_late) {
    int fd = dial();
    user.to_send = 8 * MIB;
    produce();
    settle();
    cr_assert_gt(user.to_send, 0, "the kernel took all of it");
    size_t total = 0;
    size_t nff = 0;
    bool is_half = false;
    while (total < 8 * (size_t)MIB) {
        ngot = 0;
        cr_assert_not(take(fd));
        for (size_t i = 0; i < ngot; i++) {
            uint8_t want = (uint8_t)(total % 251 + 5);
            cr_assert_eq(got[i], want, "byte %zu", total);
            is_half = want == 0xff && !is_half;
            nff += is_half;
            total += !is_half;
        }
        settle();
    }
    cr_assert_gt(nff, 0);
    hang_up(fd);
}

Test(rfc2217, a_storm_of_commands_that_nobody_reads_the_answers_of_is_bounded) {
    static uint8_t storm[700 * 64];
    static const char toggle[] = COM("\x05\x09") COM("\x05\x08");
    for (size_t i = 0; i + sizeof toggle - 1 <= sizeof storm; i += sizeof toggle - 1) {
        memcpy(storm + i, toggle, sizeof toggle - 1);
    }
    int fd = dial_com();
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < 400; i++) {
        send(fd, storm, sizeof storm, MSG_NOSIGNAL);
        uv_run(&loop, UV_RUN_NOWAIT);
        chan_set_dcd(chan, i % 2 == 0);
    }
    bool has_ended = false;
    for (int i = 0; i < 50 && !has_ended; i++) {
        ngot = 0;
        has_ended = take(fd);
        settle();
    }
    cr_assert_not(has_ended);
    cr_assert_gt(user.dtr_off, 100);
    hang_up(fd);
}

Test(rfc2217, an_address_that_is_none_or_taken_is_refused) {
    struct rfc2217 *other = NULL;
    log_set_level(LOG_ERROR);
    cr_assert_eq(make(&other, "example.com", 0), -EINVAL);
    cr_assert_eq(make(&other, "127.0.0.1", tcp_port), -EADDRINUSE);
    cr_assert_null(other);
    cr_assert_eq(make(&other, "::1", 0), 0);
    cr_assert_eq(strncmp(rfc2217_url(other), "rfc2217://[::1]:", 16), 0);
    rfc2217_close(other);
}

Test(rfc2217, a_port_that_ends_gives_its_client_what_there_is) {
    int fd = dial();
    chan_write(chan, "POWER DOWN", 10);
    chan_pop(chan, &session, chan);
    rfc2217_close(server);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert(take(fd));
    cr_assert_eq(ngot, 10);
    close(fd);
    cr_assert_eq(make(&server, "127.0.0.1", 0), 0);
    chan = rfc2217_chan(server);
    chan_push(chan, &session, chan);
}
