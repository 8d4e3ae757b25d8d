/* The file of a capture: its interfaces, its bounds, and what becomes of one that cannot be
 * written. tests/e2e/test_capture.c has it read by tshark. */
#include "emulator/capture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/tap.h"
#include "netstack/bearer.h"
#include "tests/support/fake_host.h"

static char path[] = "/tmp/sim7x00-capture-XXXXXX";
static uv_loop_t loop;
static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearers[2];
static struct capture *capture;
static uint8_t file[1 << 20];

static void setup(void) {
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    uv_loop_init(&loop);
    clk = clk_new_manual();
    fake = fake_host_new();
    for (size_t i = 0; i < 2; i++) {
        bearer_init(&bearers[i], clk, fake_host_net(fake));
    }
}

static int finish(uint64_t *packets) {
    int err = capture_close(capture, packets);
    capture = NULL;
    return err;
}

static void teardown(void) {
    finish(NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
    for (size_t i = 0; i < 2; i++) {
        bearer_fini(&bearers[i]);
    }
    fake_host_free(fake);
    clk_close(clk);
    unlink(path);
}

TestSuite(capture, .init = setup, .fini = teardown);

static void start(void) {
    capture = capture_open(path, &loop, clk);
    cr_assert_not_null(capture);
    for (unsigned i = 0; i < 2; i++) {
        capture_attach(capture, &bearers[i], i);
    }
}

static void put(const struct bearer *b, enum tap_link link, const char *port, size_t n) {
    static const uint8_t bytes[65536];
    const struct tap_packet k = {.link = link, .port = port, .p = bytes, .n = n, .size = n};
    b->tap->packet(b->tap->ctx, &k);
}

static size_t read_file(void) {
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    size_t n = fread(file, 1, sizeof file, f);
    fclose(f);
    return n;
}

/* All of the file is whole blocks; how many of this type. */
static unsigned blocks(uint32_t type) {
    size_t n = read_file();
    unsigned count = 0;
    for (size_t at = 0; at < n;) {
        uint32_t head[2];
        uint32_t tail = 0;
        cr_assert_leq(at + sizeof head, n);
        memcpy(head, file + at, sizeof head);
        cr_assert(head[1] % 4 == 0 && head[1] >= 12 && at + head[1] <= n, "at %zu", at);
        memcpy(&tail, file + at + head[1] - 4, sizeof tail);
        cr_assert_eq(tail, head[1]);
        count += head[0] == type;
        at += head[1];
    }
    return count;
}

enum { INTERFACES = 1, PACKETS = 6 };

Test(capture, a_turn_of_the_loop_puts_it_into_the_file) {
    start();
    size_t empty = read_file();
    cr_assert_gt(empty, 0);
    put(&bearers[0], TAP_IP, NULL, 20);
    cr_assert_eq(read_file(), empty);
    uv_run(&loop, UV_RUN_NOWAIT);
    cr_assert(blocks(PACKETS) == 1 && blocks(INTERFACES) == 1);
}

Test(capture, each_kind_and_port_of_a_module_is_an_interface) {
    uint64_t packets = 0;
    start();
    for (int twice = 0; twice < 2; twice++) {
        put(&bearers[0], TAP_IP, NULL, 20);
        put(&bearers[1], TAP_IP, NULL, 20);
        put(&bearers[1], TAP_PPP, "at1", 20);
        put(&bearers[1], TAP_PPP, "modem1", 20);
        put(&bearers[1], TAP_MUX, "modem1", 20);
    }
    cr_assert_eq(finish(&packets), 0);
    cr_assert_eq(packets, 10);
    cr_assert(blocks(PACKETS) == 10 && blocks(INTERFACES) == 5);
    static const char *const names[] = {"ip0", "ip1", "ppp1@at1", "ppp1@modem1", "mux1@modem1"};
    for (size_t i = 0; i < 5; i++) {
        bool is_there = false;
        for (size_t at = 0; at + 12 < sizeof file && !is_there; at++) {
            is_there = memcmp(file + at, names[i], strlen(names[i])) == 0;
        }
        cr_assert(is_there, "%s", names[i]);
    }
}

Test(capture, more_ports_than_there_can_be_are_left_out) {
    uint64_t packets = 0;
    start();
    for (int i = 0; i < LIMIT_CAPTURE_PORTS + 3; i++) {
        char port[32];
        snprintf(port, sizeof port, "at/dlci%d", i);
        put(&bearers[0], TAP_PPP, port, 20);
    }
    put(&bearers[1], TAP_IP, NULL, 20);
    cr_assert_eq(finish(&packets), 0);
    cr_assert_eq(packets, LIMIT_CAPTURE_PORTS + 1);
    cr_assert_eq(blocks(INTERFACES), LIMIT_CAPTURE_PORTS + 1);
}

Test(capture, a_turn_with_more_than_fits_is_written_at_once) {
    uint64_t packets = 0;
    start();
    for (int i = 0; i < 8; i++) {
        put(&bearers[0], TAP_IP, NULL, 65536);
    }
    cr_assert_eq(finish(&packets), 0);
    cr_assert(packets == 8 && blocks(PACKETS) == 8);
}

Test(capture, a_full_disk_ends_it_behind_a_whole_block) {
    uint64_t packets = 0;
    start();
    put(&bearers[0], TAP_IP, NULL, 1000);
    uv_run(&loop, UV_RUN_NOWAIT);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){2000, RLIM_INFINITY});
    for (int i = 0; i < 3; i++) {
        put(&bearers[0], TAP_IP, NULL, 1000);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    cr_assert_eq(finish(&packets), -EIO);
    cr_assert_eq(blocks(PACKETS), 1);
}

Test(capture, after_its_end_nobody_is_asked) {
    uint64_t packets = 0;
    start();
    finish(&packets);
    cr_assert_null(bearers[0].tap);
    cr_assert_null(bearers[1].tap);
}

Test(capture, a_file_that_cannot_be_written_says_why) {
    cr_assert_null(capture_open("/nonexistent/a.pcapng", &loop, clk));
    cr_assert_eq(errno, ENOENT);
    cr_assert_null(capture_open("/dev/full", &loop, clk));
    cr_assert_eq(errno, ENOSPC);
}
