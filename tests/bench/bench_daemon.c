/* Measures the daemon on its tty, beside a floor: the same traffic with the least program that this
 * machine can put at the other end of a pty. Only ratios within one run mean something; the two
 * take turns, so that a change in the machine favours neither.
 *
 *     bench_daemon [DAEMON]      without: the sim7x00 beside this program
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/turn.h"

enum {
    TURNS = 7,
    ROUNDS = 3000, /* of one turn */
    STARTS = 21,
    BULK = 32 << 20,
    MANY = 100, /* modules */
    REST_MS = 2000,
};

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, size_t n, double q) {
    qsort(values, n, sizeof *values, compare);
    return values[(size_t)(q * (double)(n - 1))];
}

static double us_since(int64_t from_us) {
    return (double)(turn_now_us() - from_us);
}

/* -- the floor -- */

struct floor {
    int slave;
    pid_t pid;
};

/* At the master: `answer` to everything, or `total` bytes and no more. */
static void serve_floor(int master, const char *answer, size_t total) {
    char bytes[4096];
    memset(bytes, 'x', sizeof bytes);
    while (total == 0 && read(master, bytes, sizeof bytes) > 0) {
        must(write(master, answer, strlen(answer)) > 0);
    }
    while (total > 0) {
        size_t n = total < sizeof bytes ? total : sizeof bytes;
        ssize_t wrote = write(master, bytes, n);
        must(wrote > 0);
        total -= (size_t)wrote;
    }
    pause(); /* until it is killed */
}

static void floor_start(struct floor *f, const char *answer, size_t total) {
    struct termios raw = {.c_cflag = CS8 | CREAD | B38400};
    int master = -1;
    cfmakeraw(&raw);
    must(openpty(&master, &f->slave, NULL, &raw, NULL) == 0);
    f->pid = fork();
    must(f->pid >= 0);
    if (f->pid == 0) {
        close(f->slave);
        serve_floor(master, answer, total);
        _exit(0);
    }
    close(master);
}

static void floor_stop(struct floor *f) {
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    close(f->slave);
}

/* -- round trips -- */

static const char ok[] = "\r\nOK\r\n";

/* Blocking reads and writes on the bare descriptor: nothing else is measured. */
static void round_trips(int fd, const char *command, double *took_us) {
    char got[256];
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t n = 0;
        int64_t from_us = turn_now_us();
        must(write(fd, command, strlen(command)) == (ssize_t)strlen(command));
        while (n < sizeof ok - 1 || memcmp(got + n - (sizeof ok - 1), ok, sizeof ok - 1) != 0) {
            ssize_t more = read(fd, got + n, sizeof got - n);
            must(more > 0);
            n += (size_t)more;
        }
        took_us[i] = us_since(from_us);
    }
}

static int open_blocking(const struct daemon *d) {
    struct dte t;
    dte_open(&t, d->link);
    dte_ask(&t, "ATE0", "OK\r\n");
    int fd = dup(t.fd);
    dte_close(&t);
    must(fcntl(fd, F_SETFL, 0) == 0);
    return fd;
}

static void bench_round_trips(const char *program) {
    static double took_us[3][TURNS * ROUNDS];
    struct floor f;
    struct daemon d;
    daemon_init(&d);
    d.program = program;
    daemon_start(&d);
    floor_start(&f, ok, 0);
    int fd = open_blocking(&d);
    for (size_t turn = 0; turn < TURNS; turn++) {
        round_trips(f.slave, "AT\r", took_us[0] + turn * ROUNDS);
        round_trips(fd, "AT\r", took_us[1] + turn * ROUNDS);
        round_trips(fd, "AT+CSQ\r", took_us[2] + turn * ROUNDS);
    }
    close(fd);
    floor_stop(&f);
    daemon_stop(&d);
    static const char *const names[] = {"floor", "AT", "AT+CSQ"};
    double base = 0;
    puts("round trips              p50 us   p99 us      per s   times the floor");
    for (size_t i = 0; i < 3; i++) {
        double p50 = quantile(took_us[i], TURNS * ROUNDS, 0.5);
        double p99 = quantile(took_us[i], TURNS * ROUNDS, 0.99);
        base = i == 0 ? p50 : base;
        printf("  %-20s %8.0f %8.0f %10.0f %8.2f\n", names[i], p50, p99, 1e6 / p50, p50 / base);
    }
}

/* -- life -- */

static void bench_life(const char *program) {
    static double ready_us[STARTS];
    static double ok_us[STARTS];
    static double stop_us[STARTS];
    for (size_t i = 0; i < STARTS; i++) {
        struct daemon d;
        struct dte t;
        daemon_init(&d);
        d.program = program;
        daemon_start(&d);
        ready_us[i] = us_since(d.started_at_us);
        dte_open(&t, d.link);
        dte_ask(&t, "AT", "OK\r\n");
        ok_us[i] = us_since(d.started_at_us);
        dte_close(&t);
        int64_t from_us = turn_now_us();
        daemon_stop(&d);
        stop_us[i] = us_since(from_us);
    }
    puts("life                     p50 ms   max ms");
    static const char *const names[] = {"start to ready", "start to first OK", "SIGTERM to exit"};
    double *const values[] = {ready_us, ok_us, stop_us};
    for (size_t i = 0; i < 3; i++) {
        printf("  %-20s %8.1f %8.1f\n", names[i], quantile(values[i], STARTS, 0.5) / 1000,
               quantile(values[i], STARTS, 1) / 1000);
    }
}

static void bench_rest(const char *program) {
    struct daemon d[2];
    struct dte t;
    for (size_t i = 0; i < 2; i++) {
        daemon_init(&d[i]);
        d[i].program = program;
    }
    daemon_option(&d[1], "--modems", "%d", MANY);
    d[1].modems = MANY;
    daemon_start(&d[0]);
    daemon_start(&d[1]);
    dte_open(&t, d[0].link);
    dte_ask(&t, "AT", "OK\r\n");
    daemon_settle(&d[0]);
    long before = daemon_status(&d[0], "voluntary_ctxt_switches");
    turn_for(REST_MS);
    long after = daemon_status(&d[0], "voluntary_ctxt_switches");
    long one_kib = daemon_status(&d[0], "VmRSS");
    long many_kib = daemon_status(&d[1], "VmRSS");
    puts("at rest, a client there");
    printf("  %-20s %8.1f\n", "wake-ups per s", (double)(after - before) * 1000 / REST_MS);
    printf("  %-20s %8ld KiB\n", "resident", one_kib);
    printf("  %-20s %8u\n", "threads", daemon_count(&d[0], "task"));
    printf("  %-20s %8ld KiB\n", "a further module", (many_kib - one_kib) / (MANY - 1));
    dte_close(&t);
    daemon_stop(&d[0]);
    kill(d[1].pid, SIGTERM);
    must(daemon_wait(&d[1], NULL, 0) == 0);
    daemon_fini(&d[1]);
}

/* -- data -- */

static void report_data(const char *name, int64_t from_us, size_t bytes, double base) {
    double rate = (double)bytes / us_since(from_us) * 1e6 / (1 << 20);
    printf("  %-20s %8.1f", name, rate);
    printf(base > 0 ? " %8.2f\n" : "\n", rate / base);
}

static double floor_rate(void) {
    struct floor f;
    static char bytes[65536];
    int64_t from_us = turn_now_us();
    floor_start(&f, NULL, BULK);
    for (size_t got = 0; got < BULK;) {
        ssize_t n = read(f.slave, bytes, sizeof bytes);
        must(n > 0);
        got += (size_t)n;
    }
    double rate = (double)BULK / us_since(from_us) * 1e6 / (1 << 20);
    floor_stop(&f);
    return rate;
}

static void send_all(struct dte *t, size_t total) {
    static uint8_t bytes[LIMIT_SEND];
    memset(bytes, 'x', sizeof bytes);
    for (size_t sent = 0; sent < total; sent += LIMIT_SEND) {
        dte_say(t, "AT+CIPSEND=0,%d", LIMIT_SEND);
        dte_expect(t, ">");
        dte_send(t, bytes, LIMIT_SEND);
        dte_expect(t, "+CIPSEND: 0,1500,1500\r\n");
    }
}

static void fetch_all(struct dte *t, size_t total) {
    static const char *const answers[] = {"+CIPRXGET: 2,0,", "No data"};
    static uint8_t bytes[LIMIT_SEND];
    for (size_t got = 0; got < total;) {
        dte_say(t, "AT+CIPRXGET=2,0,%d", LIMIT_SEND);
        if (dte_expect_one_of(t, answers, 2) == 0) {
            size_t n = strtoul(dte_expect(t, "\r\n"), NULL, 10);
            dte_read(t, bytes, n);
            got += n;
        }
        dte_expect(t, "\r\n");
    }
}

static void bench_data(const char *program) {
    static uint8_t bytes[LIMIT_PUSH];
    struct far_end sink;
    struct far_end source;
    struct daemon d;
    struct dte t;
    far_listen(&sink, FAR_CHECK);
    far_listen(&source, FAR_SOURCE);
    source.total = BULK;
    daemon_init(&d);
    d.program = program;
    daemon_option(&d, "--map", "203.0.113.1:80=127.0.0.1:%u", sink.port);
    daemon_option(&d, "--map", "203.0.113.2:80=127.0.0.1:%u", source.port);
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0;+CIPSRIP=0", "OK\r\n");
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    double base = floor_rate();
    puts("data                      MiB/s   of the floor");
    printf("  %-20s %8.1f\n", "floor", base);
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.2\",80", "+CIPOPEN: 0,0\r\n");
    int64_t from_us = turn_now_us();
    for (size_t got = 0; got < BULK;) {
        got += dte_pushed(&t, bytes, sizeof bytes);
    }
    report_data("pushed, +IPD", from_us, BULK, base);
    dte_ask(&t, "AT+CIPCLOSE=0", "+CIPCLOSE: 0,0\r\n");
    dte_ask(&t, "AT+CIPRXGET=1", "OK\r\n");
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.2\",80", "+CIPOPEN: 0,0\r\n");
    from_us = turn_now_us();
    fetch_all(&t, BULK / 4);
    report_data("fetched, +CIPRXGET", from_us, BULK / 4, base);
    dte_ask(&t, "AT+CIPCLOSE=0", "+CIPCLOSE: 0,0\r\n");
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 0,0\r\n");
    from_us = turn_now_us();
    send_all(&t, BULK / 4);
    report_data("sent, +CIPSEND", from_us, BULK / 4, base);
    dte_close(&t);
    far_stop(&sink);
    far_stop(&source);
    daemon_stop(&d);
}

int main(int argc, char **argv) {
    char beside[PATH_MAX];
    snprintf(beside, sizeof beside, "%s/sim7x00", dirname(argv[0]));
    const char *program = argc > 1 ? argv[1] : beside;
    if (access(program, X_OK) != 0) {
        perror(program);
        return 1;
    }
    bench_round_trips(program);
    bench_life(program);
    bench_rest(program);
    bench_data(program);
    return 0;
}
