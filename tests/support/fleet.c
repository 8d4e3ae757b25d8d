#define _GNU_SOURCE /* memmem */
#include "tests/support/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/far_end.h"
#include "tests/support/turn.h"

enum { BLOCK = 4096, BACKLOG = 1024 };

/* A tty is one more descriptor here, and the usual limit is 1,024. */
static void raise_limit(void) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

void fleet_init(struct fleet *f, const char *program, unsigned count) {
    *f = (struct fleet){.count = count, .counts = -1};
    f->listener = far_socket(SOCK_STREAM);
    must(listen(f->listener, BACKLOG) == 0);
    daemon_init_in(&f->daemon, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    f->daemon.program = program != NULL ? program : f->daemon.program;
    f->daemon.modems = count;
    daemon_option(&f->daemon, "--modems", "%u", count);
    daemon_option(&f->daemon, "--map", "203.0.113.1:80=127.0.0.1:%u", far_bound_port(f->listener));
}

void fleet_start(struct fleet *f) {
    daemon_start(&f->daemon);
}

void fleet_open(struct fleet *f) {
    raise_limit();
    f->ttys = xmalloc(f->count * sizeof *f->ttys);
    for (unsigned i = 0; i < f->count; i++) {
        char path[128];
        struct termios raw;
        snprintf(path, sizeof path, "%s%u", f->daemon.link, i);
        f->ttys[i] = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (f->ttys[i] < 0 || tcgetattr(f->ttys[i], &raw) != 0) {
            turn_failed(path, __FILE__, __LINE__);
        }
        cfmakeraw(&raw);
        must(tcsetattr(f->ttys[i], TCSANOW, &raw) == 0);
    }
}

static void say(int fd, const char *command) {
    char line[128];
    int n = snprintf(line, sizeof line, "%s\r", command);
    must(write(fd, line, (size_t)n) == n);
}

static void expect(int fd, const char *answer) {
    char got[1024];
    size_t n = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (memmem(got, n, answer, strlen(answer)) == NULL) {
        ssize_t more = poll(&p, 1, TURN_LIMIT_MS) == 1 ? read(fd, got + n, sizeof got - n) : 0;
        if (more <= 0) {
            fprintf(stderr, "instead of it: %.*s\n", (int)n, got);
            turn_failed(answer, __FILE__, __LINE__);
        }
        n += (size_t)more;
    }
}

void fleet_ask_all(struct fleet *f, unsigned from, unsigned to, const char *command,
                   const char *answer) {
    for (unsigned i = from; i < to; i++) {
        say(f->ttys[i], command);
    }
    for (unsigned i = from; i < to; i++) {
        expect(f->ttys[i], answer);
    }
}

double fleet_ask_us(struct fleet *f, unsigned i, const char *command, const char *answer) {
    int64_t from_us = turn_now_us();
    say(f->ttys[i], command);
    expect(f->ttys[i], answer);
    return (double)(turn_now_us() - from_us);
}

/* -- pumping -- */

/* One module's link: the driver's end and the far end. */
struct fleet_lane {
    int tty, far;
    uint64_t came_back;
    char echo[BLOCK]; /* not yet sent back */
    size_t n_echo;
};

/* Returns whether the far end may be read again. */
static bool send_back(struct fleet_lane *l) {
    ssize_t n = l->n_echo > 0 ? write(l->far, l->echo, l->n_echo) : 0;
    if (n > 0) {
        l->n_echo -= (size_t)n;
        memmove(l->echo, l->echo + n, l->n_echo);
    }
    return l->n_echo == 0;
}

static void serve(struct fleet_lane *l, const struct pollfd *tty, const struct pollfd *far) {
    static char bytes[BLOCK];
    if ((tty->revents & POLLIN) != 0) {
        ssize_t n = read(l->tty, bytes, sizeof bytes);
        l->came_back += n > 0 ? (size_t)n : 0;
    }
    if ((tty->revents & POLLOUT) != 0) {
        memset(bytes, 'x', sizeof bytes);
        must(write(l->tty, bytes, sizeof bytes) > 0 || errno == EAGAIN);
    }
    if (send_back(l) && (far->revents & POLLIN) != 0) {
        ssize_t n = read(l->far, l->echo, sizeof l->echo);
        l->n_echo = n > 0 ? (size_t)n : 0;
        send_back(l);
    }
}

/* Which far end is which tty's is not known, and need not be. */
void fleet_ready(struct fleet *f, unsigned busy) {
    must(busy <= f->count && f->lanes == NULL);
    fleet_ask_all(f, 0, busy, "AT+CIPMODE=1", "OK\r\n");
    fleet_ask_all(f, 0, busy, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    fleet_ask_all(f, 0, busy, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "CONNECT 115200\r\n");
    f->busy = busy;
    f->lanes = xmalloc(busy * sizeof *f->lanes);
    for (unsigned i = 0; i < busy; i++) {
        f->lanes[i].tty = f->ttys[i];
        f->lanes[i].far = accept(f->listener, NULL, NULL);
        must(f->lanes[i].far >= 0);
        fcntl(f->lanes[i].tty, F_SETFL, O_NONBLOCK);
        fcntl(f->lanes[i].far, F_SETFL, O_NONBLOCK);
    }
}

static _Noreturn void run_pump(const struct fleet *f, int counts, int64_t ms) {
    struct fleet_lane *lanes = f->lanes;
    struct pollfd *fds = xmalloc(2 * f->busy * sizeof *fds);
    int64_t until_us = turn_now_us() + ms * 1000;
    while (turn_now_us() < until_us) {
        for (unsigned i = 0; i < f->busy; i++) {
            fds[2 * i] = (struct pollfd){.fd = lanes[i].tty, .events = POLLIN | POLLOUT};
            fds[2 * i + 1] = (struct pollfd){.fd = lanes[i].far,
                                             .events = lanes[i].n_echo > 0 ? POLLOUT : POLLIN};
        }
        must(poll(fds, 2 * f->busy, TURN_LIMIT_MS) > 0);
        for (unsigned i = 0; i < f->busy; i++) {
            serve(&lanes[i], &fds[2 * i], &fds[2 * i + 1]);
        }
    }
    for (unsigned i = 0; i < f->busy; i++) {
        must(write(counts, &lanes[i].came_back, sizeof lanes[i].came_back) ==
             sizeof lanes[i].came_back);
    }
    _exit(0);
}

void fleet_pump(struct fleet *f, int64_t ms) {
    int counts[2];
    must(pipe(counts) == 0);
    f->pump = fork();
    must(f->pump >= 0);
    if (f->pump == 0) {
        run_pump(f, counts[1], ms);
    }
    close(counts[1]);
    f->counts = counts[0];
    f->pump_ms = ms;
}

struct fleet_share fleet_pumped(struct fleet *f) {
    double sum = 0;
    double squares = 0;
    double least = -1;
    for (unsigned i = 0; i < f->busy; i++) {
        uint64_t n = 0;
        must(read(f->counts, &n, sizeof n) == sizeof n);
        double x = (double)n;
        sum += x;
        squares += x * x;
        least = least < 0 || x < least ? x : least;
    }
    close(f->counts);
    must(waitpid(f->pump, NULL, 0) == f->pump);
    return (struct fleet_share){
        .mib_per_s = sum * 1000 / (double)f->pump_ms / (1 << 20),
        .jain = squares > 0 ? sum * sum / (f->busy * squares) : 0,
        .least = sum > 0 ? least * f->busy / sum : 0,
    };
}

void fleet_stop(struct fleet *f) {
    for (unsigned i = 0; f->ttys != NULL && i < f->count; i++) {
        close(f->ttys[i]);
    }
    for (unsigned i = 0; i < f->busy; i++) {
        close(f->lanes[i].far);
    }
    free(f->ttys);
    free(f->lanes);
    close(f->listener);
    kill(f->daemon.pid, SIGTERM);
    int status = daemon_wait(&f->daemon, NULL, 0);
    if (status != 0) {
        fprintf(stderr, "the daemon ended with status %d\n", status);
        abort();
    }
    daemon_fini(&f->daemon);
}
