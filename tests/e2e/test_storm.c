/* Storms: drivers, peers and clients that come, die and go by the hundred, or never read. After
 * each the module answers, and has the descriptors and the memory that it had before.
 *
 * STORM in the environment multiplies what each round does (1): ./dev soak.
 */
#define _GNU_SOURCE /* memmem */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/pieces.h"
#include "tests/support/turn.h"

enum {
    OPENS = 1000,
    KILLS = 60,
    CALLERS = 300, /* at once: a server's backlog is 128 */
    CLIENTS = 200, /* a control socket serves 32 */
    URCS = 3000,
    DATA = 1 << 20,
    GUARD_MS = 80,          /* a second of the module's is 50 */
    LIFE_MS = 4,            /* at most, of a driver that is killed */
    GROWTH_KB = 4096,       /* what malloc holds on to; in the middle of it: every buffer full */
    CONTROL_KB = 32 * 1024, /* LIMIT_CONTROL_CLIENTS with LIMIT_CONTROL_OUT each */
    IS_MEASURED = !DAEMON_IS_SANITIZED, /* a sanitizer keeps what is freed */
};

static struct daemon d;
static uint32_t dice = 1;

static unsigned pick(unsigned n) {
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return (unsigned)(((uint64_t)dice * n) >> 32);
}

static unsigned times(unsigned n) {
    const char *by = getenv("STORM");
    long factor = by != NULL ? strtol(by, NULL, 10) : 1;
    return n * (unsigned)(factor > 0 ? factor : 1);
}

/* -- before and after -- */

struct calm {
    unsigned fds;
    long rss_kb;
};

static struct calm look(void) {
    turn_for(50); /* for what is under way; it may never sleep while a driver does not read */
    return (struct calm){daemon_count(&d, "fd"), daemon_status(&d, "VmRSS")};
}

/* A driver like any other. */
static void answers(void) {
    struct dte t;
    dte_open(&t, d.link);
    dte_ask(&t, "AT", "OK\r\n");
    dte_close(&t);
}

static void is_as_before(const struct calm *before, const char *storm, long growth_kb) {
    answers();
    turn_until(daemon_count(&d, "fd") <= before->fds);
    struct calm now = look();
    fprintf(stderr, "%s: %u descriptors, %ld KB, before %ld KB\n", storm, now.fds, now.rss_kb,
            before->rss_kb);
    cr_assert(!IS_MEASURED || now.rss_kb <= before->rss_kb + growth_kb, "%s: %ld KB, before %ld KB",
              storm, now.rss_kb, before->rss_kb);
}

static void start(void) {
    signal(SIGPIPE, SIG_IGN);
    daemon_init(&d);
    daemon_option(&d, "--clock", "x20"); /* guard times of escapes */
    daemon_option(&d, "--control", "%s/control", d.folder);
    /* Else a link that is closed while the service is dormant stays with its peer: note 2.9. */
    char path[64];
    snprintf(path, sizeof path, "%s/storm.json", d.folder);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs("{\"name\":\"storm\",\"module\":{\"nvram\":{\"1341\":\"01\"}}}", f);
    fclose(f);
    daemon_option(&d, "--scenario", "%s", path);
    daemon_option(&d, "--map", "203.0.113.1:9=discard:");
    daemon_option(&d, "--log", "error"); /* a line for each client that is sent away */
    daemon_option(&d, "--listen", "8080=127.0.0.1:%u", far_free_port());
    daemon_start(&d);
    answers();
}

static void stop(void) {
    daemon_stop(&d);
}

TestSuite(e2e_storm, .init = start, .fini = stop, .timeout = 600);

/* -- drivers that are killed -- */

static int open_raw(void) {
    struct termios raw;
    int fd = open(d.link, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && tcgetattr(fd, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(fd, TCSANOW, &raw);
    }
    return fd;
}

/* Writes `first`, then `rest` for ever, and is killed in the middle of it. */
static void kill_one(const char *first, size_t nfirst, const char *rest, size_t nrest) {
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = open_raw();
        while (fd >= 0 && write(fd, first, nfirst) > 0) {
            turn_for(LIFE_MS / 4);
            while (write(fd, rest, nrest) > 0) {
            }
        }
        _exit(1);
    }
    turn_for(pick(LIFE_MS + 1));
    kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

static const char half_a_line[] = "AT+CSQ\rAT+COPS?\rAT+CIPSEND=0,100\rabc";
/* SABM of DLCI 1, a frame for it, and half of one (27.010 5.2). */
static const char frames[] = "\xf9\x07\x3f\x01\xde\xf9\xf9\x07\xef\x07"
                             "AT\r\xd3\xf9\xf9\x07\xef";

static const struct {
    const char *name, *first, *rest;
    size_t n;
} lives[] = {
    {"killed in commands", "ATE1\r", half_a_line, sizeof half_a_line - 1},
    {"killed in data mode", "AT+CIPMODE=1\rAT+NETOPEN\rAT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",9\r",
     half_a_line, sizeof half_a_line - 1},
    {"killed in the multiplexer", "AT+CMUX=0\r", frames, sizeof frames - 1},
    {"killed in a dial-up link", "ATD*99#\r", "~\xff\x7d\x23\xc0\x21", 6},
};

static bool has_said(const struct dte *t, const char *text) {
    return buf_len(&t->got) > 0 &&
           memmem(buf_data(&t->got), buf_len(&t->got), text, strlen(text)) != NULL;
}

/* Of the multiplexer by CLD, behind flags that fill what is left of half a frame; of data mode by
 * its escape, of a prompt for data by ESC. False: the host was too busy for the guard times. */
static bool has_left(struct dte *t) {
    static const char cld[] = "\xf9\x03\xef\x05\xc3\x01\xf2\xf9";
    char flags[256];
    memset(flags, 0xf9, sizeof flags);
    dte_send(t, flags, sizeof flags);
    dte_send(t, cld, sizeof cld - 1);
    turn_for(GUARD_MS);
    dte_send(t, "+++", 3);
    turn_for(GUARD_MS);
    dte_say(t, "\x1b");
    turn_for(GUARD_MS);
    buf_drop(&t->got, buf_len(&t->got));
    dte_say(t, "ATE0Q0V1");
    turn_for(GUARD_MS);
    return has_said(t, "\r\nOK\r\n");
}

/* Out of whatever a driver has left. */
static void leave(void) {
    static const char *const closes[] = {"+CIPCLOSE: 0,", "ERROR\r\n"};
    struct dte t;
    dte_open(&t, d.link);
    daemon_settle(&d); /* what the last one has written may still be under way */
    int64_t limit_us = turn_now_us() + TURN_LIMIT_MS * 1000;
    while (!has_left(&t)) {
        cr_assert_lt(turn_now_us(), limit_us, "%zu bytes, and no OK", buf_len(&t.got));
    }
    dte_say(&t, "AT+CIPCLOSE=0"); /* before the network, whose end tells the peer nothing */
    dte_expect_one_of(&t, closes, 2);
    dte_say(&t, "AT+NETCLOSE"); /* the mode is of the next one */
    dte_ask(&t, "ATZ", "OK\r\n");
    dte_ask(&t, "AT+CIPMODE=0", "OK\r\n");
    dte_close(&t);
}

static void kill_many(size_t life, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        kill_one(lives[life].first, strlen(lives[life].first), lives[life].rest, lives[life].n);
    }
    leave();
}

Test(e2e_storm, drivers_that_are_killed_in_every_state) {
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        kill_many(i, KILLS / 4); /* what is made once, and opened once */
    }
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        struct calm before = look();
        kill_many(i, times(KILLS));
        is_as_before(&before, lives[i].name, GROWTH_KB);
    }
}

Test(e2e_storm, opens_and_closes) {
    struct calm before = look();
    for (unsigned i = 0; i < times(OPENS); i++) {
        int fd = open(d.link, O_RDWR | O_NOCTTY | O_CLOEXEC);
        cr_assert_geq(fd, 0, "%s", strerror(errno));
        if (pick(2) == 0) {
            cr_assert_eq(write(fd, "A", 1), 1);
        }
        close(fd);
    }
    /* What the last one has left of a line may be there still. */
    leave();
    is_as_before(&before, "opens and closes", GROWTH_KB);
}

/* -- callers -- */

static void call_many(uint16_t port, unsigned n, bool is_reset) {
    static int fds[CALLERS];
    struct sockaddr_in to = far_loopback(port);
    for (unsigned done = 0; done < n; done += CALLERS) {
        for (unsigned i = 0; i < CALLERS; i++) {
            fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            cr_assert_geq(fds[i], 0);
            int rc = connect(fds[i], (const struct sockaddr *)&to, sizeof to);
            cr_assert(rc == 0 || errno == EINPROGRESS, "%s", strerror(errno));
            if (is_reset) {
                const struct linger at_once = {.l_onoff = 1};
                setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
                close(fds[i]);
                fds[i] = -1;
            }
        }
        turn_for(20);
        for (unsigned i = 0; i < CALLERS; i++) {
            if (fds[i] >= 0) {
                close(fds[i]);
            }
        }
    }
}

static uint16_t server_port(void) {
    const char *colon = strrchr(d.args[d.nargs - 1], ':');
    return (uint16_t)strtoul(colon + 1, NULL, 10);
}

Test(e2e_storm, callers_beyond_every_bound) {
    struct dte t;
    struct calm before;
    uint16_t port = server_port();
    dte_open(&t, d.link);
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&t, "AT+SERVERSTART=8080,0", "OK\r\n");
    call_many(port, CALLERS, false);
    for (int is_reset = 0; is_reset < 2; is_reset++) {
        unsigned fds = 0;
        dte_ask(&t, "AT", "OK\r\n");
        before = look();
        call_many(port, times(3 * CALLERS), is_reset != 0);
        dte_ask(&t, "AT", "OK\r\n");
        /* Links whose callers have gone are the driver's to close. */
        for (unsigned n = 0; n < 10; n++) {
            char close_it[32];
            snprintf(close_it, sizeof close_it, "AT+CIPCLOSE=%u", n);
            static const char *const ends[] = {"OK\r\n", "ERROR\r\n"};
            dte_say(&t, "%s", close_it);
            dte_expect_one_of(&t, ends, 2);
        }
        turn_until((fds = daemon_count(&d, "fd")) <= before.fds);
        struct calm now = look();
        fprintf(stderr, "callers: %u descriptors, %ld KB, before %ld KB\n", fds, now.rss_kb,
                before.rss_kb);
        cr_assert(!IS_MEASURED || now.rss_kb <= before.rss_kb + GROWTH_KB, "%ld", now.rss_kb);
    }
    int caller = far_call(port);
    cr_assert_geq(caller, 0);
    dte_expect(&t, "+CLIENT:");
    close(caller);
    dte_close(&t);
}

/* -- a driver that never reads -- */

/* As much as the daemon takes. */
static size_t write_all(struct dte *t, const char *text, size_t n, int64_t ms) {
    size_t all = 0;
    int64_t until_us = turn_now_us() + ms * 1000;
    while (turn_now_us() < until_us) {
        struct pollfd p = {.fd = t->fd, .events = POLLOUT};
        ssize_t put = poll(&p, 1, 10) > 0 ? write(t->fd, text, n) : 0;
        all += put > 0 ? (size_t)put : 0;
    }
    return all;
}

static int dial(void) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s/control", d.folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&addr, sizeof addr), 0, "%s",
                 strerror(errno));
    return fd;
}

static void send_urcs(unsigned n) {
    static const char urc[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"do\",\"params\":"
                              "{\"action\":{\"urc\":\"+STORM: 1\"}}}\n";
    char answer[4096];
    int fd = dial();
    for (unsigned i = 0; i < n; i++) {
        cr_assert_eq(send(fd, urc, sizeof urc - 1, MSG_NOSIGNAL), (ssize_t)(sizeof urc - 1));
        cr_assert_gt(read(fd, answer, sizeof answer), 0);
    }
    close(fd);
}

static void stays_bounded(const struct calm *before, const char *what) {
    struct calm now = look();
    fprintf(stderr, "deaf to %s: %ld KB, before %ld KB\n", what, now.rss_kb, before->rss_kb);
    cr_assert(!IS_MEASURED || now.rss_kb <= before->rss_kb + GROWTH_KB, "%s: %ld KB, before %ld KB",
              what, now.rss_kb, before->rss_kb);
}

/* Reads until it is quiet, so that the next answer is its own. */
static void hear_all(struct dte *t) {
    size_t n = 0;
    dte_read_on(t, true);
    do {
        n = buf_len(&t->got);
        turn_for(200);
    } while (buf_len(&t->got) != n);
    buf_drop(&t->got, n);
}

Test(e2e_storm, a_driver_that_never_reads) {
    struct dte t;
    struct far_end far;
    struct pattern seen;
    struct calm before = look();
    pattern_init(&seen, 0);
    dte_open(&t, d.link);
    dte_read_on(&t, false);
    size_t n = write_all(&t, "AT+COPS?;+CSQ\r", 14, (int64_t)times(500));
    cr_assert_lt(n, 1 << 20, "%zu bytes were taken", n);
    stays_bounded(&before, "answers");
    send_urcs(times(URCS));
    stays_bounded(&before, "unsolicited results");
    hear_all(&t);
    dte_close(&t);
    leave();
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0", "OK\r\n");
    dte_ask(&t, "AT+CIPMODE=1", "OK\r\n");
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    far_listen(&far, FAR_SOURCE);
    far.total = pieces_bulk(DATA);
    char connect_it[64];
    snprintf(connect_it, sizeof connect_it, "AT+CIPOPEN=0,\"TCP\",\"127.0.0.1\",%u", far.port);
    dte_ask(&t, connect_it, "CONNECT");
    dte_expect(&t, "\r\n");
    dte_read_on(&t, false);
    turn_for((int64_t)times(500));
    stays_bounded(&before, "data");
    dte_read_on(&t, true);
    static uint8_t bytes[DATA];
    dte_read(&t, bytes, far.total);
    cr_assert(pattern_check(&seen, bytes, far.total));
    dte_close(&t);
    far_stop(&far);
    leave();
    is_as_before(&before, "a driver that never read", GROWTH_KB);
}

/* -- the control socket -- */

static void storm_control(unsigned n) {
    static const char subscribe[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\","
                                    "\"params\":{\"topics\":[\"*\"]}}\n";
    static const char state[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"state\"}\n";
    static const char *const says[] = {"", "{", state, "\n\n\n\x1b[2J\n", subscribe};
    static int fds[CLIENTS];
    for (unsigned done = 0; done < n; done += CLIENTS) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            const char *text = says[pick(sizeof says / sizeof says[0])];
            fds[i] = dial();
            send(fds[i], text, strlen(text), MSG_NOSIGNAL);
            if (pick(2) == 0) {
                close(fds[i]);
                fds[i] = -1;
            }
        }
        for (unsigned i = 0; i < CLIENTS; i++) {
            if (fds[i] >= 0) {
                close(fds[i]);
            }
        }
    }
}

Test(e2e_storm, clients_of_the_control_socket) {
    storm_control(CLIENTS);
    answers();
    struct calm before = look();
    storm_control(times(10 * CLIENTS));
    is_as_before(&before, "clients of the control socket", CONTROL_KB);
    send_urcs(1);
}
