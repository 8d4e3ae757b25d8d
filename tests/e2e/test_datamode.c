/* Data mode of the daemon: bulk traffic both ways, escapes under load, slow peers, clients that
 * die.
 *
 * SOAK_MIB in the environment says how much goes each way in the bulk test, and asks for more
 * escapes.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/pieces.h"
#include "tests/support/turn.h"

#define OK "\r\nOK\r\n"
#define CONNECT "\r\nCONNECT 115200\r\n"

enum {
    MIB = 1 << 20,
    BULK_MIB = DAEMON_IS_SANITIZED ? 4 : 64,
    ESCAPES = 100,
    SOAK_ESCAPES = 500,
    PIECE_MAX = 65536,
    PAUSE_MAX_US = 5000,
    RUN_MAX = 40, /* longest run of plus signs */
    TIMES = 20,
    GUARD_MS = 1000 / TIMES + 30, /* with something for a host that is busy */
    STALL_MS = 20000,
};

/* -- chance, by one seed a test -- */

static uint32_t xorshift(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint32_t seed;
static uint32_t dice;

static void set_seed(uint32_t n) {
    seed = n;
    dice = n * 2654435769u + 1;
}

static unsigned pick(unsigned n) {
    return (unsigned)(((uint64_t)xorshift(&dice) * n) >> 32);
}

/* 1 to PIECE_MAX, every order of magnitude as often. */
static size_t pick_size(void) {
    size_t top = (size_t)1 << pick(17);
    return top / 2 + 1 + pick((unsigned)(top - top / 2));
}

/* -- bytes: random ones with runs of plus signs among them -- */

struct bytes {
    uint32_t state;
    unsigned run;       /* plus signs to come */
    bool has_no_threes; /* no run that would be an escape if the host stood still around it */
};

static void bytes_init(struct bytes *b, uint32_t number) {
    *b = (struct bytes){.state = (seed + number) * 2246822519u + 3};
}

static uint8_t bytes_next(struct bytes *b) {
    if (b->run > 0) {
        b->run--;
        return '+';
    }
    uint32_t r = xorshift(&b->state);
    if (r >> 23 == 0) {
        b->run = r % RUN_MAX;
        if (b->has_no_threes && b->run == 2) {
            b->run = 3;
        }
        return '+';
    }
    uint8_t byte = (uint8_t)(r >> 8);
    return b->has_no_threes && byte == '+' ? '-' : byte;
}

/* -- the two sides of a link -- */

struct side {
    const char *name;
    int fd;
    struct bytes out, in;
    uint64_t to_send, sent, received;
    uint8_t piece[PIECE_MAX];
    size_t at, n;                      /* of the piece being written */
    int64_t writes_at_us, reads_at_us; /* pauses until then */
    bool is_writing, is_reading;
    /* DTE: bytes that may be the answer to an escape are not judged yet. */
    uint8_t tail[sizeof OK - 1];
    size_t ntail;
};

static struct side dte, far;

static void side_init(struct side *s, const char *name, int fd, uint32_t out, uint32_t in,
                      uint64_t to_send) {
    *s = (struct side){.name = name, .fd = fd, .to_send = to_send};
    bytes_init(&s->out, out);
    bytes_init(&s->in, in);
    s->is_writing = true;
    s->is_reading = true;
}

static int64_t pick_pause(int64_t now_us) {
    return pick(64) == 0 ? now_us + 1 + pick(PAUSE_MAX_US) : 0;
}

static void side_write(struct side *s, int64_t now_us) {
    if (s->at == s->n) {
        uint64_t left = s->to_send - s->sent;
        s->n = pick_size();
        s->n = s->n < left ? s->n : (size_t)left;
        s->at = 0;
        for (size_t i = 0; i < s->n; i++) {
            s->piece[i] = bytes_next(&s->out);
        }
    }
    ssize_t n = write(s->fd, s->piece + s->at, s->n - s->at);
    cr_assert(n >= 0 || errno == EAGAIN, "%s, seed %u: write: %s", s->name, seed, strerror(errno));
    if (n > 0) {
        s->at += (size_t)n;
        s->sent += (uint64_t)n;
    }
    s->writes_at_us = pick_pause(now_us);
}

static void check(struct side *s, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t want = bytes_next(&s->in);
        if (p[i] != want) {
            cr_assert_fail("%s, seed %u: byte %llu is %02x, not %02x", s->name, seed,
                           (unsigned long long)s->received, p[i], want);
        }
        s->received++;
    }
}

static void side_read(struct side *s, int64_t now_us) {
    static uint8_t p[PIECE_MAX];
    ssize_t n = read(s->fd, p, pick_size());
    cr_assert(n > 0 || (n < 0 && errno == EAGAIN), "%s, seed %u: read: %s", s->name, seed,
              n == 0 ? "the end" : strerror(errno));
    if (n > 0) {
        check(s, p, (size_t)n);
    }
    s->reads_at_us = pick_pause(now_us);
}

/* Both sides for one turn; returns whether anything happened. */
static bool exchange(int64_t wait_us) {
    struct side *sides[] = {&dte, &far};
    struct pollfd p[2];
    int64_t now_us = turn_now_us();
    int64_t wake_us = now_us + wait_us;
    for (size_t i = 0; i < 2; i++) {
        struct side *s = sides[i];
        bool writes = s->is_writing && (s->sent < s->to_send || s->at < s->n);
        p[i] = (struct pollfd){.fd = s->fd};
        if (s->is_reading && s->reads_at_us <= now_us) {
            p[i].events |= POLLIN;
        }
        if (writes && s->writes_at_us <= now_us) {
            p[i].events |= POLLOUT;
        }
        if (s->is_reading && s->reads_at_us > now_us && s->reads_at_us < wake_us) {
            wake_us = s->reads_at_us;
        }
        if (writes && s->writes_at_us > now_us && s->writes_at_us < wake_us) {
            wake_us = s->writes_at_us;
        }
    }
    if (poll(p, 2, (int)((wake_us - now_us + 999) / 1000)) <= 0) {
        return wake_us < now_us + wait_us;
    }
    for (size_t i = 0; i < 2; i++) {
        if ((p[i].revents & POLLIN) != 0) {
            side_read(sides[i], now_us);
        }
        if ((p[i].revents & POLLOUT) != 0) {
            side_write(sides[i], now_us);
        }
    }
    return true;
}

static void exchange_for(int64_t us) {
    int64_t until_us = turn_now_us() + us;
    while (turn_now_us() < until_us) {
        exchange(until_us - turn_now_us());
    }
}

#define exchange_until(cond)                                                                       \
    do {                                                                                           \
        while (!(cond)) {                                                                          \
            cr_assert(exchange(STALL_MS * 1000),                                                   \
                      "seed %u: stalled at %llu of %llu up, %llu of %llu down", seed,              \
                      (unsigned long long)far.received, (unsigned long long)dte.sent,              \
                      (unsigned long long)dte.received, (unsigned long long)far.sent);             \
        }                                                                                          \
    } while (0)

/* -- the daemon and a transparent link -- */

static struct daemon d;
static struct dte line;
static int listener;
static char first_link[80], other_link[80];

static void open_line(void) {
    dte_open(&line, first_link);
    turn_remove(line.fd); /* read here */
}

static void line_expect(const char *want) {
    char text[256] = "";
    size_t n = 0;
    int64_t limit_us = turn_now_us() + STALL_MS * 1000;
    while (n < strlen(want) && turn_now_us() < limit_us) {
        struct pollfd p = {.fd = line.fd, .events = POLLIN};
        ssize_t more = poll(&p, 1, 1000) > 0 ? read(line.fd, text + n, strlen(want) - n) : 0;
        n += more > 0 ? (size_t)more : 0;
    }
    cr_assert_str_eq(text, want);
}

static void ask(const char *command, const char *want) {
    cr_assert_eq(write(line.fd, command, strlen(command)), (ssize_t)strlen(command));
    line_expect(want);
}

static void start(const char *clock) {
    daemon_init(&d);
    daemon_option(&d, "--clock", "%s", clock);
    daemon_option(&d, "--modems", "%d", 2);
    d.modems = 2;
    daemon_start(&d);
    snprintf(first_link, sizeof first_link, "%s0", d.link);
    snprintf(other_link, sizeof other_link, "%s1", d.link);
    signal(SIGPIPE, SIG_IGN);
    listener = far_socket(SOCK_STREAM);
    cr_assert_eq(listen(listener, 1), 0);
    open_line();
    ask("ATE0\r", "ATE0\r" OK);
    ask("AT+CIPMODE=1\r", OK);
    ask("AT+NETOPEN\r", OK "\r\n+NETOPEN: 0\r\n");
}

/* Returns the far end's socket. */
static int connect_link(void) {
    char text[80];
    snprintf(text, sizeof text, "AT+CIPOPEN=0,\"TCP\",\"127.0.0.1\",%u\r",
             far_bound_port(listener));
    ask(text, CONNECT);
    int fd = -1;
    turn_until((fd = accept(listener, NULL, NULL)) >= 0);
    return fd;
}

static void set_nonblocking(int fd) {
    int on = 1;
    cr_assert_eq(ioctl(fd, FIONBIO, &on), 0);
}

/* The line was taken out of the turn's care: it is put back for its end. */
static void stop(void) {
    close(far.fd);
    close(listener);
    close(line.fd);
    line.fd = -1;
    daemon_stop(&d);
}

static void start_exchange(const char *clock, uint64_t each_way) {
    start(clock);
    int fd = connect_link();
    set_nonblocking(fd);
    side_init(&dte, "DTE", line.fd, 1, 2, each_way);
    side_init(&far, "far end", fd, 2, 1, each_way);
}

TestSuite(e2e_datamode, .timeout = 1000);

Test(e2e_datamode, bulk_data_goes_both_ways_whole_and_in_order) {
    const char *soak = getenv("SOAK_MIB");
    uint64_t total =
        (uint64_t)(soak != NULL ? strtol(soak, NULL, 10) : BULK_MIB) * pieces_bulk(MIB);
    set_seed(1);
    start_exchange("real", total);
    int64_t begin_us = turn_now_us();
    exchange_until(dte.received == total && far.received == total);
    double seconds = (double)(turn_now_us() - begin_us) / 1e6;
    if (soak != NULL) {
        fprintf(stderr, "%llu MiB each way in %.1f s: %.1f MiB/s each way\n",
                (unsigned long long)(total / MIB), seconds, (double)(total / MIB) / seconds);
    }
    exchange_for(50000);
    cr_assert_eq(dte.received, total);
    cr_assert_eq(far.received, total);
    stop();
}

/* -- escapes -- */

/* What stands before a possible answer is data. */
static bool dte_tail_is_answer(void) {
    uint8_t p[PIECE_MAX + sizeof dte.tail];
    memcpy(p, dte.tail, dte.ntail);
    ssize_t more = read(dte.fd, p + dte.ntail, PIECE_MAX);
    size_t n = dte.ntail + (more > 0 ? (size_t)more : 0);
    size_t keep = n < sizeof dte.tail ? n : sizeof dte.tail;
    check(&dte, p, n - keep);
    memcpy(dte.tail, p + n - keep, keep);
    dte.ntail = keep;
    return more <= 0 && keep == sizeof dte.tail && memcmp(dte.tail, OK, keep) == 0;
}

/* From data mode, while the far end goes on sending. */
static void escape(void) {
    dte.is_writing = false;
    exchange_until(far.received == dte.sent);
    exchange_for(GUARD_MS * 1000);
    int64_t begin_us = turn_now_us();
    cr_assert_eq(write(dte.fd, "+++", 3), 3);
    dte.is_reading = false;
    dte.ntail = 0;
    while (!dte_tail_is_answer()) {
        cr_assert_lt(turn_now_us() - begin_us, (int64_t)STALL_MS * 1000,
                     "seed %u: no answer to an escape", seed);
        exchange(1000);
    }
    /* The module's time stands still for up to a millisecond of the host's. */
    int64_t took_us = turn_now_us() - begin_us;
    cr_assert_geq(took_us, 1000000 / TIMES - 1000, "seed %u: after %d us", seed, (int)took_us);
}

static void resume(void) {
    /* An LF that comes late, behind a line that had none, would be data. */
    ask(pieces_are_single() ? "ATO\r" : "ATO\r\n", CONNECT);
    dte.is_writing = true;
    dte.is_reading = true;
}

Test(e2e_datamode, escapes_under_load_lose_double_and_leak_nothing) {
    set_seed(2);
    start_exchange("x20", UINT64_MAX);
    dte.out.has_no_threes = true;
    far.in.has_no_threes = true;
    int count = getenv("SOAK_MIB") != NULL ? SOAK_ESCAPES : ESCAPES;
    for (int i = 0; i < count; i++) {
        exchange_for(pick(20000));
        escape();
        if (pick(2) == 0) {
            ask("AT\r", OK);
        }
        /* Sometimes long enough for the far end to be held back. */
        exchange_for(pick(4) == 0 ? 30000 : 0);
        resume();
    }
    dte.to_send = dte.sent + (dte.n - dte.at);
    far.to_send = far.sent + (far.n - far.at);
    exchange_until(far.received == dte.to_send && dte.received == far.to_send);
    cr_assert_gt(dte.sent, (uint64_t)pieces_bulk(MIB));
    cr_assert_gt(far.sent, (uint64_t)pieces_bulk(MIB));
    stop();
}

/* -- a slow peer -- */

Test(e2e_datamode, slow_peer_blocks_the_writes_and_loses_nothing) {
    set_seed(3);
    start_exchange("real", UINT64_MAX);
    far.is_reading = false;
    far.to_send = 0;
    uint64_t before = 0;
    do {
        before = dte.sent;
        exchange_for(200000);
    } while (dte.sent > before);
    struct pollfd p = {.fd = dte.fd, .events = POLLOUT};
    cr_assert_eq(poll(&p, 1, 200), 0, "a write would go on");
    dte.to_send = dte.sent + (dte.n - dte.at);
    far.is_reading = true;
    exchange_until(far.received == dte.to_send);
    stop();
}

/* -- a client that dies -- */

/* Two answers of another modem: what happened before the question has been seen by the second one.
 * (A close that an open follows at once is seen by nobody.) */
static void let_daemon_see(void) {
    struct dte other;
    dte_open(&other, other_link);
    for (int i = 0; i < 2; i++) {
        dte_ask(&other, "AT", "OK\r\n");
    }
    dte_close(&other);
}

/* Another process holds the tty alone, and is killed. */
static void kill_client(void) {
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    close(line.fd);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    let_daemon_see();
}

Test(e2e_datamode, client_that_dies_leaves_a_link_to_resume) {
    start("real");
    far.fd = connect_link();
    for (int i = 0; i < 20; i++) {
        char text[32];
        snprintf(text, sizeof text, "message %d", i);
        cr_assert_eq(write(line.fd, text, strlen(text)), (ssize_t)strlen(text));
        kill_client();
        char got[32] = "";
        cr_assert_eq(recv(far.fd, got, strlen(text), MSG_WAITALL), (ssize_t)strlen(text));
        cr_assert_str_eq(got, text);
        cr_assert_eq(write(far.fd, text, strlen(text)), (ssize_t)strlen(text));
        open_line();
        ask("AT\r", OK);
        ask("ATO\r", CONNECT);
        line_expect(text);
    }
    stop();
}

/* Each word is its number, so that a piece of the stream can be told from anything else. */
static uint8_t word_byte(uint64_t at) {
    return (uint8_t)((at / 4) >> (8 * (3 - at % 4)));
}

static void send_words(uint64_t *at) {
    uint8_t p[4096];
    ssize_t n = 0;
    do {
        for (size_t i = 0; i < sizeof p; i++) {
            p[i] = word_byte(*at + i);
        }
        n = write(far.fd, p, sizeof p);
        *at += n > 0 ? (uint64_t)n : 0;
    } while (n > 0);
}

static bool is_run_of_words(const uint8_t *p, size_t n) {
    for (size_t shift = 0; shift < 4; shift++) {
        bool is_good = true;
        for (size_t i = shift; is_good && i + 8 <= n; i += 4) {
            uint32_t a = 0;
            uint32_t b = 0;
            memcpy(&a, p + i, 4);
            memcpy(&b, p + i + 4, 4);
            is_good = ntohl(b) == ntohl(a) + 1;
        }
        if (is_good) {
            return true;
        }
    }
    return false;
}

static void read_some(uint8_t *to, size_t n) {
    size_t have = 0;
    int64_t limit_us = turn_now_us() + STALL_MS * 1000;
    while (have < n) {
        struct pollfd p = {.fd = line.fd, .events = POLLIN};
        ssize_t more = poll(&p, 1, 1000) > 0 ? read(line.fd, to + have, n - have) : 0;
        have += more > 0 ? (size_t)more : 0;
        cr_assert_lt(turn_now_us(), limit_us, "no data");
    }
}

Test(e2e_datamode, client_that_dies_under_load_leaves_nothing_behind) {
    static uint8_t got[20000];
    uint64_t at = 0;
    int small = 65536;
    start("real");
    far.fd = connect_link();
    cr_assert_eq(setsockopt(far.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    set_nonblocking(far.fd);
    for (int i = 0; i < 20; i++) {
        send_words(&at);
        read_some(got, i % 2 == 0 ? 100 : sizeof got);
        cr_assert(is_run_of_words(got, i % 2 == 0 ? 100 : sizeof got), "round %d", i);
        kill_client();
        open_line();
        ask("AT\r", OK);
        ask("ATO\r", CONNECT);
    }
    stop();
}
