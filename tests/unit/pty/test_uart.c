/* The stand-ins for a serial port's lines and its flow control, on a real pseudo-terminal with a
 * module behind it; the clock stands still, the far ends are fakes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

#include "base/chan.h"
#include "base/obj.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/unit.h"
#include "pty/port.h"
#include "pty/watch.h"
#include "tests/support/fake_host.h"

#define OK "\r\nOK\r\n"
#define CONNECT "\r\nCONNECT 115200\r\n"
#define OPEN "AT+CIPOPEN=0,\"TCP\",\"10.0.0.1\",80\r"
#define XON "\x11"
#define XOFF "\x13"

enum { PEER_IP = 0x0a000001, POLL_MS = 50 };

static uv_loop_t loop;
static struct clk *clk;
static struct watch *watch;
static struct port *port;
static struct fake_host *fake;
static struct unit *unit;
static char dir[64];
static char path[96];
static int tty;
static struct buf got; /* what the client has read and no test has looked at */

/* The kernel hands bytes over by a worker of its own, which a busy machine can keep waiting. */
enum { SETTLE_MS = 20 };

/* What has happened is worked off; the module has then nothing left to do. */
static void settle(void) {
    struct pollfd p = {.fd = uv_backend_fd(&loop), .events = POLLIN};
    bool is_busy = true;
    while (is_busy) {
        uv_run(&loop, UV_RUN_NOWAIT);
        uv_run(&loop, UV_RUN_NOWAIT);
        is_busy = fake_host_run(fake);
        if (clk_next_due(clk).us == 0) {
            clk_advance(clk, CLK_US(0));
            is_busy = true;
        }
        is_busy = is_busy || poll(&p, 1, SETTLE_MS) > 0;
    }
}

static void pass(int64_t ms) {
    clk_advance(clk, CLK_MS(ms));
    settle();
}

/* Everything there is. */
static void client_read(void) {
    uint8_t bytes[4096];
    ssize_t n = 0;
    do {
        settle();
        n = read(tty, bytes, sizeof bytes);
        if (n > 0) {
            cr_assert_eq(buf_put_all(&got, bytes, (size_t)n), 0);
        }
    } while (n > 0);
}

enum { LATE_TRIES = 100 }; /* of SETTLE_MS: the worker may be later still */

static void client_expect(const char *text) {
    client_read();
    for (int i = 0; i < LATE_TRIES && buf_len(&got) < strlen(text); i++) {
        client_read();
    }
    cr_assert_eq(buf_len(&got), strlen(text), "got %zu bytes: %.*s", buf_len(&got),
                 (int)buf_len(&got), buf_data(&got));
    cr_assert(strlen(text) == 0 || memcmp(buf_data(&got), text, strlen(text)) == 0, "got %.*s",
              (int)buf_len(&got), buf_data(&got));
    buf_clear(&got);
}

static void client_write(const char *text) {
    cr_assert_eq(write(tty, text, strlen(text)), (ssize_t)strlen(text));
    settle();
}

static void client_ask(const char *text, const char *answer) {
    client_write(text);
    client_expect(answer);
}

static void client_open(void) {
    tty = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    cr_assert_geq(tty, 0, "open: %s", strerror(errno));
    settle();
}

static void client_close(void) {
    close(tty);
    tty = -1;
    settle();
}

static void client_speed(speed_t speed) {
    struct termios t;
    cr_assert_eq(tcgetattr(tty, &t), 0);
    cfsetspeed(&t, speed);
    cr_assert_eq(tcsetattr(tty, TCSANOW, &t), 0);
    settle();
}

static struct fake_link *peer(void) {
    return fake_host_link(fake, PEER_IP, 80);
}

static size_t peer_has(const char *want) {
    size_t n = 0;
    const uint8_t *p = fake_host_received(peer(), &n);
    for (int i = 0; i < LATE_TRIES && n < strlen(want); i++) {
        settle();
        p = fake_host_received(peer(), &n);
    }
    cr_assert_eq(n, strlen(want), "the peer got %.*s", (int)n, p);
    cr_assert(n == 0 || memcmp(p, want, n) == 0, "the peer got %.*s", (int)n, p);
    fake_host_take(peer(), n);
    return n;
}

static void start(void) {
    signal(SIGHUP, SIG_IGN);
    buf_init(&got, 1 << 20);
    cr_assert_eq(uv_loop_init(&loop), 0);
    clk = clk_new_manual();
    fake = fake_host_new();
    cr_assert_eq(watch_new(&watch, &loop), 0);
    snprintf(dir, sizeof dir, "/tmp/test_uart.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/modem", dir);
    const struct port_config port_cfg = {
        .name = "at", .link = path, .loop = &loop, .clk = clk, .watch = watch};
    cr_assert_eq(port_new(&port, &port_cfg), 0);
    const struct unit_config unit_cfg = {.profile = profile_find("sim7600e"),
                                         .name = "modem",
                                         .clk = clk,
                                         .host = fake_host_net(fake),
                                         .chan = port_chan(port)};
    unit = unit_new(&unit_cfg);
    client_open();
    client_ask("ATE0\r", "ATE0\r" OK);
}

static void stop(void) {
    client_close();
    unit_close(unit);
    port_close(port);
    watch_close(watch);
    uv_run(&loop, UV_RUN_DEFAULT);
    clk_close(clk);
    cr_assert_eq(uv_loop_close(&loop), 0);
    fake_host_free(fake);
    buf_fini(&got);
    cr_assert_eq(rmdir(dir), 0, "something was left in the folder");
}

static void go_online(void) {
    client_ask("AT+CIPMODE=1\r", OK);
    client_ask("AT+NETOPEN\r", OK "\r\n+NETOPEN: 0\r\n");
    client_ask(OPEN, CONNECT);
}

TestSuite(uart, .timeout = 60);

/* -- DTR -- */

Test(uart, speed_0_in_data_mode_is_dtr_off) {
    start();
    go_online();
    client_speed(B0);
    client_expect("");
    pass(POLL_MS);
    client_expect(OK);
    client_speed(B115200);
    client_ask("AT\r", OK);
    client_ask("ATO\r", CONNECT);
    pass(10 * POLL_MS);
    client_write("abc");
    peer_has("abc");
    client_speed(B0);
    pass(POLL_MS);
    client_expect(OK);
    stop();
}

Test(uart, dtr_that_was_switched_off_from_outside_stays_off) {
    start();
    go_online();
    struct chan *ch = port_chan(port);
    chan_set_dtr(ch, false);
    client_expect(OK);
    cr_assert(ch->is_dtr_off, "forgotten when data mode ends");
    client_ask("ATO\r", CONNECT);
    pass(10 * POLL_MS);
    cr_assert(ch->is_dtr_off, "undone by a speed that is as it was");
    client_expect("");
    chan_set_dtr(ch, true);
    client_speed(B0);
    pass(POLL_MS);
    client_expect(OK);
    cr_assert_not(ch->is_dtr_off, "nobody looks at the speed any more");
    stop();
}

Test(uart, other_speeds_are_not_dtr_off) {
    start();
    go_online();
    static const speed_t speeds[] = {B300, B9600, B921600, B115200};
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        client_speed(speeds[i]);
        pass(2 * POLL_MS);
    }
    client_write("abc");
    peer_has("abc");
    client_expect("");
    stop();
}

Test(uart, speed_0_and_back_between_two_looks_is_not_seen) {
    start();
    go_online();
    client_speed(B0);
    client_speed(B115200);
    pass(2 * POLL_MS);
    client_expect("");
    stop();
}

Test(uart, speed_is_asked_for_in_data_mode_only) {
    start();
    cr_assert_lt(clk_next_due(clk).us, 0, "a timer runs in command mode");
    client_speed(B0);
    pass(1000);
    client_speed(B115200);
    go_online();
    cr_assert_eq(clk_next_due(clk).us, POLL_MS * 1000);
    pass(1000);
    client_write("+++");
    pass(1000);
    client_expect(OK);
    cr_assert_lt(clk_next_due(clk).us, 0, "a timer runs while escaped");
    client_ask("ATO\r", CONNECT);
    fake_host_end(peer(), 0);
    client_expect("\r\nCLOSED\r\n");
    cr_assert_lt(clk_next_due(clk).us, 0, "a timer runs with the link closed");
    stop();
}

Test(uart, last_close_in_data_mode_is_dtr_off) {
    start();
    go_online();
    client_close();
    cr_assert_lt(clk_next_due(clk).us, 0, "a timer runs with nobody there");
    fake_host_send(peer(), "kept", 4);
    client_open();
    client_ask("AT\r", OK);
    client_ask("ATO\r", CONNECT "kept");
    stop();
}

Test(uart, last_close_at_speed_0_is_one_dtr_off) {
    start();
    go_online();
    client_speed(B0);
    pass(POLL_MS);
    client_close();
    client_open();
    client_ask("AT\r", OK);
    client_ask("ATO\r", CONNECT);
    stop();
}

/* Fills the link, the channel and the kernel's buffer. Returns how much that was. */
static size_t fill(void) {
    char block[1000];
    size_t total = 0;
    ssize_t n = 0;
    fake_host_window(peer(), 0);
    memset(block, 'd', sizeof block);
    do {
        n = write(tty, block, sizeof block);
        total += n > 0 ? (size_t)n : 0;
        settle();
    } while (n > 0);
    return total;
}

Test(uart, slow_peer_makes_the_client_wait_and_loses_nothing) {
    start();
    go_online();
    size_t total = fill();
    cr_assert_gt(total, (size_t)LIMIT_STREAM_OUT);
    fake_host_window(peer(), SIZE_MAX);
    settle();
    size_t n = 0;
    fake_host_received(peer(), &n);
    cr_assert_eq(n, total);
    client_write("x");
    fake_host_received(peer(), &n);
    cr_assert_eq(n, total + 1);
    stop();
}

Test(uart, input_of_a_client_that_left_while_the_peer_was_slow_is_not_the_next_ones) {
    start();
    go_online();
    fill();
    client_close();
    client_open();
    client_ask("AT\r", OK);
    client_ask("AT+CIPCLOSE?\r", "\r\n+CIPCLOSE: 1,0,0,0,0,0,0,0,0,0\r\n" OK);
    stop();
}

Test(uart, output_of_a_client_that_left_is_not_the_next_ones) {
    start();
    go_online();
    pass(2000); /* the client is no passer-by */
    static const uint8_t block[50000];
    fake_host_send(peer(), block, sizeof block);
    settle();
    client_close();
    client_open();
    client_ask("AT\r", OK);
    stop();
}

/* Writes commands as data until the client would have to wait. */
static void fill_with_commands(void) {
    fake_host_window(peer(), 0);
    while (write(tty, "AT\r", 3) == 3 || (settle(), write(tty, "AT\r", 3) == 3)) {
    }
    settle();
}

Test(uart, data_that_a_full_link_did_not_take_is_no_command_after_dtr_off) {
    start();
    go_online();
    fill_with_commands();
    client_speed(B0);
    pass(POLL_MS);
    client_expect(OK);
    client_speed(B115200);
    client_ask("AT+CSQ\r", "\r\n+CSQ: 22,0\r\n" OK);
    stop();
}

Test(uart, commands_of_a_client_that_left_are_not_run_for_the_next_one) {
    start();
    client_ask("AT+CIPMODE=1\r", OK);
    client_ask("AT+NETOPEN\r", OK "\r\n+NETOPEN: 0\r\n");
    fake_host_on_connect(fake, PEER_IP, 80, FAKE_SILENT);
    client_write(OPEN); /* holds the input */
    while (write(tty, "AT+CSQ\r", 7) == 7 || (settle(), write(tty, "AT+CSQ\r", 7) == 7)) {
    }
    pass(2000); /* the client is no passer-by */
    client_close();
    client_open();
    client_expect("");
    client_ask("AT\r", OK);
    stop();
}

Test(uart, dcd_follows_the_link_as_amp_c_says) {
    start();
    cr_assert_not(port_dcd(port), "AT&C1 is the factory setting");
    go_online();
    cr_assert(port_dcd(port));
    client_speed(B0);
    pass(POLL_MS);
    client_expect(OK);
    client_speed(B115200);
    cr_assert(port_dcd(port), "the link is still there");
    client_ask("ATH\r", OK "\r\nCLOSED\r\n");
    cr_assert_not(port_dcd(port));
    client_ask("AT&C0\r", OK);
    cr_assert(port_dcd(port));
    stop();
}

/* -- XON/XOFF -- */

Test(uart, xon_behind_input_that_the_channel_does_not_take_is_heard) {
    start();
    client_ask("AT+IFC=1,0\r", OK);
    go_online();
    client_write(XOFF);
    fake_host_window(peer(), 0);
    char data[1001];
    memset(data, 'd', sizeof data - 1);
    data[sizeof data - 1] = '\0';
    for (size_t n = 0; n < LIMIT_STREAM_OUT + 4 * (size_t)LIMIT_CHAN_IN; n += sizeof data - 1) {
        client_write(data);
    }
    static const uint8_t block[1000];
    fake_host_send(peer(), block, sizeof block);
    client_expect("");
    client_write(XON);
    client_read();
    cr_assert_eq(buf_len(&got), sizeof block);
    stop();
}

Test(uart, xoff_stops_the_output_and_xon_starts_it) {
    start();
    client_ask("AT+IFC=1,1\r", OK);
    client_write(XOFF);
    client_ask("AT\r", "");
    client_ask("AT\r", "");
    client_ask(XON, OK OK);
    client_ask("AT\r", OK);
    stop();
}

Test(uart, xon_and_xoff_are_no_data_while_they_are_obeyed) {
    start();
    client_ask("AT+IFC=1,1\r", OK);
    go_online();
    client_write("a" XOFF "b" XON "c");
    peer_has("abc");
    fake_host_send(peer(), XOFF "d" XON, 3);
    client_expect(XOFF "d" XON);
    client_write(XOFF);
    fake_host_send(peer(), "more", 4);
    client_expect("");
    client_ask(XON, "more");
    stop();
}

Test(uart, xon_and_xoff_are_data_without_flow_control) {
    static const char *const lines[] = {"AT+IFC=0,0\r", "AT+IFC=2,2\r", "AT+IFC=0,1\r"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        start();
        client_ask(lines[i], OK);
        go_online();
        client_write("a" XOFF "b" XON "c");
        peer_has("a" XOFF "b" XON "c");
        fake_host_send(peer(), "d", 1);
        client_expect("d");
        stop();
    }
}

Test(uart, xoff_stops_bulk_output_without_losing_any) {
    start();
    client_ask("AT+IFC=1,0\r", OK);
    go_online();
    client_write(XOFF);
    static const uint8_t block[200000];
    fake_host_send(peer(), block, sizeof block);
    client_expect("");
    cr_assert_gt(fake_host_unread(peer()), 0u, "the peer is not held back");
    client_write(XON);
    client_read();
    cr_assert_eq(buf_len(&got), sizeof block);
    stop();
}

Test(uart, full_input_is_told_by_xoff_and_room_by_xon) {
    start();
    client_ask("AT+IFC=0,1\r", OK);
    go_online();
    size_t total = fill();
    client_expect(XOFF);
    fake_host_window(peer(), SIZE_MAX);
    settle();
    client_read();
    size_t n = 0;
    fake_host_received(peer(), &n);
    cr_assert_eq(n, total);
    /* The kernel's buffer may have held more than the channel takes: it is told anew each time. */
    cr_assert_geq(buf_len(&got), 1u);
    cr_assert_eq(buf_data(&got)[buf_len(&got) - 1], XON[0], "the last word is not XON");
    for (size_t i = 0; i < buf_len(&got); i++) {
        cr_assert_eq(buf_data(&got)[i], i % 2 == 0 ? XON[0] : XOFF[0], "byte %zu", i);
    }
    stop();
}

Test(uart, xon_goes_past_output_that_nobody_reads) {
    start();
    client_ask("AT+IFC=0,1\r", OK);
    go_online();
    fill();
    client_expect(XOFF);
    /* One byte at a time, because behind a long write the kernel has room for a short one. */
    size_t sent = 0;
    while (chan_pending(port_chan(port)) < 10) {
        fake_host_send(peer(), "", 1);
        sent++;
        fake_host_run(fake);
        uv_run(&loop, UV_RUN_NOWAIT);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    fake_host_window(peer(), SIZE_MAX);
    settle();
    client_read();
    size_t flow = 0;
    for (size_t i = 0; i < buf_len(&got); i++) {
        flow += buf_data(&got)[i] != 0;
    }
    cr_assert_eq(buf_len(&got), sent + flow);
    cr_assert_eq(flow % 2, 1, "XON and XOFF came %zu times: the client is stopped for ever", flow);
    stop();
}

Test(uart, next_client_finds_nothing_stopped) {
    start();
    client_ask("AT+IFC=1,1\r", OK);
    client_write(XOFF);
    client_close();
    client_open();
    client_ask("AT\r", OK);
    stop();
}

Test(uart, switching_flow_control_off_starts_what_was_stopped) {
    start();
    client_ask("AT+IFC=1,0\r", OK);
    client_write(XOFF);
    client_ask("AT\r", "");
    client_ask("AT+IFC=0,0\r", OK OK);
    stop();
}
