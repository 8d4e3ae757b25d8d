/* The module's TCP timing as the daemon has it: scaled time over a real tty, and a real peer that
 * is cut off by a packet filter. */
#define _GNU_SOURCE /* setns, unshare, pipe2 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/turn.h"

enum {
    TRIES = 5,             /* of a measurement that other work on the machine can only make worse */
    LATE_US_PER_S = 20000, /* of modem time */
    SENT_MAX = 16,
};

/* -- the trace -- */

/* From the first transmission on, in microseconds of modem time. */
struct life {
    int64_t sent_us[SENT_MAX];
    size_t nsent, nlost;
    int64_t failed_us; /* -1: it did not */
    int64_t acknowledged_us;
};

static struct life read_trace(const char *path) {
    struct life life = {.failed_us = -1, .acknowledged_us = -1};
    char line[512];
    int64_t first_us = -1;
    FILE *f = fopen(path, "r");
    must(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        int64_t us = 0;
        char event[16];
        must(sscanf(line, "{\"us\":%" SCNd64 ",\"modem\":0,\"link\":0,\"event\":\"%15[a-z]\"", &us,
                    event) == 2);
        if (strcmp(event, "transmit") == 0) {
            must(life.nsent < SENT_MAX);
            first_us = first_us < 0 ? us : first_us;
            life.sent_us[life.nsent++] = us - first_us;
            life.nlost += strstr(line, "\"lost\":true") != NULL;
        } else if (strcmp(event, "failed") == 0) {
            life.failed_us = us - first_us;
        } else if (strcmp(event, "acknowledged") == 0) {
            life.acknowledged_us = us - first_us;
        }
    }
    fclose(f);
    return life;
}

static bool is_in_time(int64_t us, int64_t want_s) {
    return us >= want_s * 1000000 && us <= want_s * (1000000 + LATE_US_PER_S);
}

/* -- the note's examples (2.6), 60 times as fast -- */

struct setup {
    struct daemon daemon;
    struct dte dte;
    char trace[80];
    int caller;
};

/* An accepted link: the path is bad from the start, and calling out would lose its SYN. */
static void open_accepted(struct setup *s, const char *impair, const char *setting) {
    uint16_t port = far_free_port();
    daemon_init(&s->daemon);
    snprintf(s->trace, sizeof s->trace, "%s/trace.jsonl", s->daemon.folder);
    daemon_option(&s->daemon, "--profile", "appnote-1.00");
    daemon_option(&s->daemon, "--clock", "x60");
    daemon_option(&s->daemon, "--listen", "8080=127.0.0.1:%u", port);
    daemon_option(&s->daemon, "--trace", "%s", s->trace);
    daemon_option(&s->daemon, "--impair", "%s", impair);
    daemon_start(&s->daemon);
    dte_open(&s->dte, s->daemon.link);
    dte_ask(&s->dte, "ATE0", "OK\r\n");
    if (setting != NULL) {
        dte_ask(&s->dte, setting, "OK\r\n");
    }
    dte_ask(&s->dte, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&s->dte, "AT+SERVERSTART=8080,0", "OK\r\n");
    s->caller = far_call(port);
    must(s->caller >= 0);
    dte_expect(&s->dte, "+CLIENT: 0,0,");
    dte_expect(&s->dte, "\r\n");
}

static void send_hello(struct dte *t, const char *answer) {
    dte_ask(t, "AT+CIPSEND=0,5", ">");
    dte_send(t, "HELLO", 5);
    dte_expect(t, answer);
}

static void close_setup(struct setup *s) {
    close(s->caller);
    dte_close(&s->dte);
    unlink(s->trace);
    daemon_stop(&s->daemon);
}

/* What the caller has got until it is silent for `ms`. */
static size_t caller_got(int fd, char *to, size_t size, int ms) {
    size_t n = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (n < size && poll(&p, 1, ms) > 0) {
        ssize_t got = recv(fd, to + n, size - n, 0);
        if (got <= 0) {
            break;
        }
        n += (size_t)got;
    }
    return n;
}

static bool run_is_in_time(const char *setting, const int64_t *want_s, size_t nsent,
                           int64_t failed_s) {
    struct setup s;
    char got[8];
    open_accepted(&s, "up:black-hole", setting);
    send_hello(&s.dte, "+CIPSEND: 0,5,5\r\n");
    dte_expect(&s.dte, "+IPCLOSE: 0, 2\r\n");
    struct life life = read_trace(s.trace);
    cr_assert_eq(caller_got(s.caller, got, sizeof got, 100), 0);
    close_setup(&s);
    cr_assert_eq(life.nsent, nsent);
    cr_assert_eq(life.nlost, nsent);
    bool is_good = is_in_time(life.failed_us, failed_s);
    for (size_t i = 0; i < nsent; i++) {
        cr_assert_geq(life.sent_us[i], want_s[i] * 1000000, "never too early");
        is_good &= is_in_time(life.sent_us[i], want_s[i]);
    }
    return is_good;
}

static void example(const char *setting, const int64_t *want_s, size_t nsent, int64_t failed_s) {
    for (int i = 0; i < TRIES; i++) {
        if (run_is_in_time(setting, want_s, nsent, failed_s)) {
            return;
        }
    }
    cr_assert_fail("never within 20 ms of modem time per second");
}

Test(e2e_wire, note_2_6_first_example_at_60_times_the_speed) {
    static const int64_t want_s[] = {0, 3, 9, 21, 45, 93};
    example(NULL, want_s, 6, 120);
}

Test(e2e_wire, note_2_6_second_example_at_60_times_the_speed) {
    static const int64_t want_s[] = {0, 3, 9, 21};
    example("AT+CIPCCFG=3", want_s, 4, 45);
}

Test(e2e_wire, note_2_6_third_example_at_60_times_the_speed) {
    static const int64_t want_s[] = {0, 10, 20, 32, 56, 104};
    example("AT+CIPCCFG=,,,,,,10000", want_s, 6, 120);
}

Test(e2e_wire, a_lost_transmission_arrives_with_the_one_that_gets_through) {
    struct setup s;
    char got[8];
    open_accepted(&s, "up:lose=2", NULL);
    dte_ask(&s.dte, "AT+CIPSENDMODE=1", "OK\r\n");
    send_hello(&s.dte, "+CIPSEND: 0,5,5\r\n");
    struct life life = read_trace(s.trace);
    cr_assert_eq(life.nsent, 3);
    cr_assert_eq(life.nlost, 2);
    cr_assert_geq(life.acknowledged_us, 9000000);
    cr_assert_eq(life.failed_us, -1);
    cr_assert_eq(caller_got(s.caller, got, 5, 1000), 5);
    cr_assert_eq(memcmp(got, "HELLO", 5), 0);
    close_setup(&s);
}

/* Two runs differ in their instants, but not in what is lost. */
Test(e2e_wire, the_seed_decides_what_is_lost) {
    enum { SENDS = 8, RUNS = 3 };
    size_t lost[RUNS];
    char how[RUNS][4096];
    for (int i = 0; i < RUNS; i++) {
        struct daemon d;
        struct dte t;
        struct far_end far;
        char trace[80];
        far_listen(&far, FAR_MUTE);
        daemon_init(&d);
        snprintf(trace, sizeof trace, "%s/trace.jsonl", d.folder);
        daemon_option(&d, "--clock", "x20"); /* a busy host is no late acknowledgement */
        daemon_option(&d, "--trace", "%s", trace);
        daemon_option(&d, "--impair", "up:loss=0.5");
        daemon_option(&d, "--seed", "%d", i / 2);
        daemon_option(&d, "--map", "203.0.113.1:*=127.0.0.1:%u", far.port);
        daemon_start(&d);
        dte_open(&t, d.link);
        dte_ask(&t, "ATE0;+CIPSENDMODE=1", "OK\r\n");
        dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
        dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 0,0\r\n");
        for (int k = 0; k < SENDS; k++) {
            send_hello(&t, "+CIPSEND: 0,5,5\r\n");
        }
        FILE *f = fopen(trace, "r");
        must(f != NULL);
        lost[i] = 0;
        for (char line[512]; fgets(line, sizeof line, f) != NULL;) {
            if (strstr(line, "connect") != NULL || strstr(line, "transmit") != NULL) {
                must(lost[i] < sizeof how[i]);
                how[i][lost[i]++] = strstr(line, "\"lost\":true") != NULL ? 'x' : '.';
            }
        }
        fclose(f);
        unlink(trace);
        dte_close(&t);
        daemon_stop(&d);
        far_stop(&far);
    }
    cr_assert_eq(lost[0], lost[1]);
    cr_assert_eq(memcmp(how[0], how[1], lost[0]), 0, "%.*s, %.*s", (int)lost[0], how[0],
                 (int)lost[1], how[1]);
    cr_assert(lost[0] != lost[2] || memcmp(how[0], how[2], lost[0]) != 0);
}

/* -- a real peer behind a packet filter -- */

static pid_t holder;    /* of a network namespace that goes with it; 0: none */
static char far_ip[20]; /* in it; of this process alone, for tests run side by side */

static bool shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool shell(const char *fmt, ...) {
    char command[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    must(n > 0 && (size_t)n < sizeof command);
    return system(command) == 0;
}

static void remove_space(void) {
    if (holder > 0) {
        shell("ip link del sim%d 2>/dev/null",
              (int)holder); /* a dying link would keep it for long */
        kill(holder, SIGKILL);
        waitpid(holder, NULL, 0);
        holder = 0;
    }
}

/* False: not allowed. */
static bool start_holder(void) {
    int said[2];
    char byte = 0;
    must(pipe2(said, O_CLOEXEC) == 0);
    holder = fork();
    must(holder >= 0);
    if (holder == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) == 0 && write(said[1], "x", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    close(said[1]);
    bool is_there = read(said[0], &byte, 1) == 1;
    close(said[0]);
    return is_there;
}

static bool make_space(void) {
    if (!shell("command -v ip >/dev/null && command -v nft >/dev/null") || !start_holder()) {
        return false;
    }
    int pid = (int)holder;
    int third = pid / 64 % 256;
    int last = pid % 64 * 4;
    snprintf(far_ip, sizeof far_ip, "10.213.%d.%d", third, last + 2);
    return shell("{ ip link add sim%d type veth peer name far0 netns %d && "
                 "ip addr add 10.213.%d.%d/30 dev sim%d && ip link set sim%d up; } 2>/dev/null",
                 pid, pid, third, last + 1, pid, pid) &&
           shell("nsenter -t %d -n sh -c 'ip addr add %s/30 dev far0 && ip link set far0 up && "
                 "nft add table inet cut' 2>/dev/null",
                 pid, far_ip);
}

/* Drops whatever arrives in the peer's namespace, without a word; no RST, no ICMP. */
static void cut_off(void) {
    must(shell("nsenter -t %d -n nft 'add chain inet cut in { type filter hook input priority 0; "
               "policy drop; }'",
               (int)holder));
}

static void join(void) {
    must(shell("nsenter -t %d -n nft 'delete chain inet cut in'", (int)holder));
}

/* A listening socket in the namespace, where the test itself never is for longer. */
static int listen_in_space(uint16_t *port) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)holder);
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int away = open(path, O_RDONLY | O_CLOEXEC);
    must(home >= 0 && away >= 0 && setns(away, CLONE_NEWNET) == 0);
    struct sockaddr_in at = {.sin_family = AF_INET};
    inet_pton(AF_INET, far_ip, &at.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 4) == 0);
    must(setns(home, CLONE_NEWNET) == 0);
    close(home);
    close(away);
    *port = far_bound_port(fd);
    return fd;
}

struct cut {
    struct daemon daemon;
    struct dte dte;
    int listener, peer;
    uint16_t port;
};

/* A link to the peer, over which bytes have gone. */
static bool start_cut(struct cut *c, const char *setting) {
    if (!make_space()) {
        remove_space();
        return false;
    }
    c->listener = listen_in_space(&c->port);
    daemon_init(&c->daemon);
    daemon_option(&c->daemon, "--map", "203.0.113.1:80=%s:%u", far_ip, c->port);
    daemon_start(&c->daemon);
    dte_open(&c->dte, c->daemon.link);
    dte_ask(&c->dte, "ATE0", "OK\r\n");
    dte_ask(&c->dte, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&c->dte, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 0,0\r\n");
    c->peer = accept(c->listener, NULL, NULL);
    must(c->peer >= 0);
    char got[5];
    send_hello(&c->dte, "+CIPSEND: 0,5,5\r\n");
    cr_assert_eq(caller_got(c->peer, got, 5, 1000), 5);
    dte_ask(&c->dte, setting, "OK\r\n");
    return true;
}

static void stop_cut(struct cut *c) {
    close(c->peer);
    close(c->listener);
    dte_close(&c->dte);
    daemon_stop(&c->daemon);
    remove_space();
}

/* How long until the text comes, from the end of the data on; in milliseconds. */
static int64_t send_and_wait(struct dte *t, const char *first, const char *then) {
    int64_t from_us = turn_now_us();
    send_hello(t, first);
    dte_expect(t, then);
    return (turn_now_us() - from_us) / 1000;
}

Test(e2e_wire, a_peer_that_is_cut_off_fails_after_the_schedule_and_hears_nothing_later) {
    struct cut c;
    char got[8];
    if (!start_cut(&c, "AT+CIPCCFG=1,,,,,,500")) {
        cr_skip_test("needs root, ip and nft");
    }
    cut_off();
    int64_t ms = send_and_wait(&c.dte, "+CIPSEND: 0,5,5\r\n", "+IPCLOSE: 0,2\r\n");
    cr_assert(ms >= 990 && ms < 1900, "%lld ms, not 2 * 500", (long long)ms);
    join();
    cr_assert_eq(caller_got(c.peer, got, sizeof got, 1500), 0,
                 "nothing comes after the failure was reported");
    stop_cut(&c);
}

Test(e2e_wire, cipsend_that_waits_fails_with_the_link) {
    struct cut c;
    if (!start_cut(&c, "AT+CIPSENDMODE=1;+CIPCCFG=1,,,,,,500")) {
        cr_skip_test("needs root, ip and nft");
    }
    cut_off();
    int64_t ms = send_and_wait(&c.dte, "+CIPSEND: 0,5,-1\r\n", "+IPCLOSE: 0,2\r\n");
    cr_assert(ms >= 990 && ms < 1900, "%lld ms, not 2 * 500", (long long)ms);
    stop_cut(&c);
}

Test(e2e_wire, a_peer_that_is_back_in_time_gets_everything) {
    struct cut c;
    char got[8];
    if (!start_cut(&c, "AT+CIPCCFG=10,,,,,,2000")) {
        cr_skip_test("needs root, ip and nft");
    }
    cut_off();
    send_hello(&c.dte, "+CIPSEND: 0,5,5\r\n");
    dte_is_silent(&c.dte, 700);
    dte_ask(&c.dte, "AT+CIPACK=0", "+CIPACK: 10,5,0\r\n");
    join();
    cr_assert_eq(caller_got(c.peer, got, 5, 5000), 5, "the host's kernel sends it again");
    turn_for(200);
    dte_ask(&c.dte, "AT+CIPACK=0", "+CIPACK: 10,10,0\r\n");
    stop_cut(&c);
}

Test(e2e_wire, connecting_to_a_peer_that_is_cut_off_ends_with_the_schedule) {
    struct cut c;
    if (!start_cut(&c, "AT+CIPCCFG=1,,,,,,500")) {
        cr_skip_test("needs root, ip and nft");
    }
    cut_off();
    int64_t from_us = turn_now_us();
    dte_ask(&c.dte, "AT+CIPOPEN=1,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 1,10\r\n");
    int64_t ms = (turn_now_us() - from_us) / 1000;
    cr_assert(ms >= 990 && ms < 1900, "%lld ms, not 2 * 500", (long long)ms);
    stop_cut(&c);
}
