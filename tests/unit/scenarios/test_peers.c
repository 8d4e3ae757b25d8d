#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "scenarios/engine/peers.h"

static uv_loop_t loop;
static struct peers *peers;

static void start(void) {
    cr_assert_eq(uv_loop_init(&loop), 0);
    peers = peers_new(&loop);
}

static void stop(void) {
    peers_close(peers);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

TestSuite(peers, .init = start, .fini = stop, .timeout = 30);

static int dial(const char *name, int type) {
    struct sockaddr_storage addr;
    cr_assert_eq(peers_addr(peers, name, &addr), 0);
    int fd = socket(AF_INET, type, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&addr, sizeof(struct sockaddr_in)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* One turn of the loop; then waits for the socket, but not for long. */
static void turn(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uv_run(&loop, UV_RUN_NOWAIT);
    poll(&p, 1, 1);
}

/* Reads until there are n bytes or the end; returns how many there were. */
static size_t receive(int fd, char *to, size_t n) {
    size_t got = 0;
    while (got < n) {
        turn(fd);
        ssize_t more = read(fd, to + got, n - got);
        if (more == 0 || (more < 0 && errno != EAGAIN)) {
            break;
        }
        got += more > 0 ? (size_t)more : 0;
    }
    return got;
}

Test(peers, echo_sends_back_what_it_gets) {
    int fd = dial("echo:", SOCK_STREAM);
    char got[16] = "";
    cr_assert_eq(write(fd, "hello", 5), 5);
    cr_assert_eq(receive(fd, got, 5), 5);
    cr_assert_str_eq(got, "hello");
    close(fd);
}

Test(peers, echo_finishes_before_it_closes) {
    int fd = dial("echo:", SOCK_STREAM);
    char got[16] = "";
    cr_assert_eq(write(fd, "bye", 3), 3);
    shutdown(fd, SHUT_WR);
    cr_assert_eq(receive(fd, got, sizeof got), 3, "three bytes, then the end");
    cr_assert_str_eq(got, "bye");
    close(fd);
}

Test(peers, echo_stops_reading_from_whoever_does_not_read) {
    int fd = dial("echo:", SOCK_STREAM);
    static char bin[65536];
    size_t sent = 0;
    size_t stuck = 0;
    while (stuck < 200) {
        ssize_t n = write(fd, bin, sizeof bin);
        sent += n > 0 ? (size_t)n : 0;
        stuck = n > 0 ? 0 : stuck + 1;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    cr_assert_lt(sent, 64u << 20, "the kernel's buffers are the bound");
    size_t got = 0;
    while (got < sent) {
        size_t n = receive(fd, bin, sent - got < sizeof bin ? sent - got : sizeof bin);
        cr_assert_gt(n, 0);
        got += n;
    }
    close(fd);
}

Test(peers, echo_survives_a_reset) {
    int fd = dial("echo:", SOCK_STREAM);
    struct linger l = {.l_onoff = 1};
    cr_assert_eq(write(fd, "x", 1), 1);
    uv_run(&loop, UV_RUN_NOWAIT);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(fd);
    for (int i = 0; i < 5; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    fd = dial("echo:", SOCK_STREAM);
    char got = 0;
    cr_assert_eq(write(fd, "y", 1), 1);
    cr_assert_eq(receive(fd, &got, 1), 1);
    cr_assert_eq(got, 'y');
    close(fd);
}

Test(peers, discard_takes_all_and_says_nothing) {
    int fd = dial("discard:", SOCK_STREAM);
    static char bin[65536];
    size_t sent = 0;
    while (sent < 1u << 20) {
        ssize_t n = write(fd, bin, sizeof bin);
        sent += n > 0 ? (size_t)n : 0;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    shutdown(fd, SHUT_WR);
    cr_assert_eq(receive(fd, bin, 1), 0);
    close(fd);
}

Test(peers, chargen_sends_the_pattern_without_end) {
    int fd = dial("chargen:", SOCK_STREAM);
    static char bin[1 << 20];
    cr_assert_eq(receive(fd, bin, sizeof bin), sizeof bin);
    for (size_t i = 0; i < sizeof bin; i++) {
        size_t line = i / 74;
        size_t col = i % 74;
        char want = col == 72 ? '\r' : col == 73 ? '\n' : (char)(' ' + (line + col) % 95);
        cr_assert_eq(bin[i], want, "byte %zu", i);
    }
    shutdown(fd, SHUT_WR);
    while (receive(fd, bin, sizeof bin) > 0) {
    }
    close(fd);
}

Test(peers, datagrams_are_answered_on_the_same_port) {
    static const struct {
        const char *name, *answer;
    } rows[] = {
        {"echo:", "ping"},
        {"chargen:", " !\"#"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = dial(rows[i].name, SOCK_DGRAM);
        char got[128] = "";
        cr_assert_eq(send(fd, "ping", 4, 0), 4);
        cr_assert_geq(receive(fd, got, 4), 4);
        cr_assert_eq(memcmp(got, rows[i].answer, 4), 0);
        close(fd);
    }
    int fd = dial("discard:", SOCK_DGRAM);
    char got[8];
    cr_assert_eq(send(fd, "ping", 4, 0), 4);
    for (int i = 0; i < 5; i++) {
        turn(fd);
    }
    cr_assert_lt(read(fd, got, sizeof got), 0);
    close(fd);
}

Test(peers, an_unknown_name_is_refused) {
    struct sockaddr_storage addr;
    cr_assert_eq(peers_addr(peers, "quote:", &addr), -EINVAL);
    cr_assert_eq(peers_addr(peers, "echo", &addr), -EINVAL);
}

Test(peers, the_address_stays_the_same) {
    struct sockaddr_storage a;
    struct sockaddr_storage b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    cr_assert_eq(peers_addr(peers, "echo:", &a), 0);
    cr_assert_eq(peers_addr(peers, "echo:", &b), 0);
    cr_assert_eq(memcmp(&a, &b, sizeof(struct sockaddr_in)), 0);
    cr_assert_eq(((struct sockaddr_in *)&a)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
}

Test(peers, close_with_open_connections_leaves_nothing) {
    int fd = dial("chargen:", SOCK_STREAM);
    for (int i = 0; i < 5; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    peers_close(peers);
    peers = NULL;
    uv_run(&loop, UV_RUN_DEFAULT);
    close(fd);
}
