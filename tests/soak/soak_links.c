/* Links without end: opened, used, and closed by either side, refused, called from outside.
 *
 *     soak_links [CYCLES]           without: 100,000
 *
 * The far end is a child process that echoes, and closes a link that says "bye".
 */
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/soak/flat.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/turn.h"

enum { CYCLES = 100 * 1000, SERVERS = 8, CLIENTS = 32, SERVER_PORT = 7000 };

struct world {
    int listeners[SERVERS], udp;
    uint16_t ports[SERVERS], udp_port, nobody, outside; /* outside: the module's server, here */
    pid_t pid;
};

/* -- the far end -- */

static void serve_client(struct pollfd *p) {
    char bytes[4096];
    ssize_t n = read(p->fd, bytes, sizeof bytes);
    bool is_bye = n == 3 && memcmp(bytes, "bye", 3) == 0;
    if (n <= 0 || is_bye || write(p->fd, bytes, (size_t)n) != n) {
        close(p->fd);
        p->fd = -1;
    }
}

static void serve_datagram(int fd) {
    char bytes[2048];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
    if (n > 0) {
        sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, size);
    }
}

static void accept_client(struct pollfd *clients, int listener) {
    int fd = accept(listener, NULL, NULL);
    for (size_t i = 0; fd >= 0 && i < CLIENTS; i++) {
        if (clients[i].fd < 0) {
            clients[i].fd = fd;
            return;
        }
    }
    close(fd);
}

_Noreturn static void serve(const struct world *w) {
    struct pollfd all[SERVERS + 1 + CLIENTS];
    struct pollfd *clients = all + SERVERS + 1;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        all[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    }
    for (size_t i = 0; i < SERVERS; i++) {
        all[i].fd = w->listeners[i];
    }
    all[SERVERS].fd = w->udp;
    while (poll(all, sizeof all / sizeof all[0], -1) > 0) {
        for (size_t i = 0; i < CLIENTS; i++) {
            if (clients[i].fd >= 0 && clients[i].revents != 0) {
                serve_client(&clients[i]);
            }
        }
        if (all[SERVERS].revents != 0) {
            serve_datagram(w->udp);
        }
        for (size_t i = 0; i < SERVERS; i++) {
            if (all[i].revents != 0) {
                accept_client(clients, w->listeners[i]);
            }
        }
    }
    _exit(1);
}

static void world_start(struct world *w) {
    for (size_t i = 0; i < SERVERS; i++) {
        w->listeners[i] = far_socket(SOCK_STREAM);
        w->ports[i] = far_bound_port(w->listeners[i]);
        must(listen(w->listeners[i], CLIENTS) == 0);
    }
    w->udp = far_socket(SOCK_DGRAM);
    w->udp_port = far_bound_port(w->udp);
    w->nobody = far_free_port();
    w->outside = far_free_port();
    w->pid = fork();
    must(w->pid >= 0);
    if (w->pid == 0) {
        serve(w);
    }
    for (size_t i = 0; i < SERVERS; i++) {
        close(w->listeners[i]);
    }
    close(w->udp);
}

static void world_stop(const struct world *w) {
    kill(w->pid, SIGKILL);
    waitpid(w->pid, NULL, 0);
}

/* -- cycles: each leaves no link behind -- */

static unsigned rounds; /* so far: makes data and servers differ */

static void expect_data(struct dte *t, const char *data, size_t n) {
    char got[1600];
    must(dte_pushed(t, got, sizeof got) == n);
    must(memcmp(got, data, n) == 0);
}

/* "+<word>: <link>,<result>" */
static void expect_result(struct dte *t, const char *word, unsigned link, unsigned result) {
    char line[48];
    snprintf(line, sizeof line, "+%s: %u,%u\r\n", word, link, result);
    dte_expect(t, line);
}

static void open_link(struct dte *t, unsigned link) {
    dte_say(t, "AT+CIPOPEN=%u,\"TCP\",\"203.0.113.1\",%u", link, 1000 + rounds % SERVERS);
    expect_result(t, "CIPOPEN", link, 0);
}

static size_t some_data(char *to) {
    size_t n = 1 + rounds * 131 % 1400;
    for (size_t i = 0; i < n; i++) {
        to[i] = (char)('a' + (i + rounds) % 26);
    }
    return n;
}

static void send_data(struct dte *t, unsigned link, const char *data, size_t n) {
    dte_say(t, "AT+CIPSEND=%u,%zu", link, n);
    dte_expect(t, ">");
    dte_send(t, data, n);
    dte_expect(t, "+CIPSEND: ");
    dte_expect(t, "\r\n");
}

static void close_link(struct dte *t, unsigned link) {
    dte_say(t, "AT+CIPCLOSE=%u", link);
    expect_result(t, "CIPCLOSE", link, 0);
}

static void tcp_closed_here(struct dte *t, const struct world *w) {
    char data[1500];
    unsigned link = rounds % 10;
    (void)w;
    open_link(t, link);
    size_t n = some_data(data);
    send_data(t, link, data, n);
    expect_data(t, data, n);
    close_link(t, link);
}

static void tcp_closed_there(struct dte *t, const struct world *w) {
    unsigned link = rounds % 10;
    (void)w;
    open_link(t, link);
    send_data(t, link, "bye", 3);
    expect_result(t, "IPCLOSE", link, 1);
}

static void tcp_refused(struct dte *t, const struct world *w) {
    (void)w;
    dte_say(t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",2000");
    dte_expect(t, "+CIPOPEN: 0,");
    dte_expect(t, "\r\n");
}

static void udp(struct dte *t, const struct world *w) {
    char data[1500];
    size_t n = some_data(data);
    (void)w;
    dte_say(t, "AT+CIPOPEN=4,\"UDP\",,,%u", 5000 + rounds % 1000);
    dte_expect(t, "+CIPOPEN: 4,0\r\n");
    dte_say(t, "AT+CIPSEND=4,%zu,\"203.0.113.2\",9", n);
    dte_expect(t, ">");
    dte_send(t, data, n);
    dte_expect(t, "+CIPSEND: 4,");
    expect_data(t, data, n);
    close_link(t, 4);
}

static void called(struct dte *t, const struct world *w) {
    dte_say(t, "AT+SERVERSTART=%d,0", SERVER_PORT);
    dte_expect(t, "\r\nOK\r\n");
    int fd = far_call(w->outside);
    must(fd >= 0);
    dte_expect(t, "+CLIENT: 0,0,");
    must(write(fd, "hello", 5) == 5);
    expect_data(t, "hello", 5);
    close(fd);
    dte_expect(t, "+IPCLOSE: 0,1\r\n");
    dte_ask(t, "AT+SERVERSTOP=0", "+SERVERSTOP: 0,0\r\n");
}

typedef void cycle_fn(struct dte *t, const struct world *w);

static cycle_fn *const cycles[] = {tcp_closed_here, tcp_closed_there, udp, tcp_refused, called};

static void start(struct daemon *d, struct dte *t, const struct world *w) {
    for (unsigned i = 0; i < SERVERS; i++) {
        daemon_option(d, "--map", "203.0.113.1:%u=127.0.0.1:%u", 1000 + i, w->ports[i]);
    }
    daemon_option(d, "--map", "203.0.113.1:2000=127.0.0.1:%u", w->nobody);
    daemon_option(d, "--map", "203.0.113.2:9=127.0.0.1:%u", w->udp_port);
    daemon_option(d, "--listen", "%d=127.0.0.1:%u", SERVER_PORT, w->outside);
    daemon_start(d);
    dte_open(t, d->link);
    dte_ask(t, "ATE0;+CIPSRIP=0", "OK\r\n");
    dte_ask(t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
}

int main(int argc, char **argv) {
    uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : CYCLES;
    char beside[PATH_MAX];
    struct world w;
    struct daemon d;
    struct dte t;
    struct flat flat;
    snprintf(beside, sizeof beside, "%s/sim7x00", dirname(argv[0]));
    world_start(&w);
    daemon_init(&d);
    d.program = beside;
    start(&d, &t, &w);
    int64_t from_us = turn_now_us();
    for (flat_start(&flat, d.pid, total); rounds < total; flat_at(&flat, rounds)) {
        cycles[rounds % (sizeof cycles / sizeof cycles[0])](&t, &w);
        rounds++;
    }
    double took_s = (double)(turn_now_us() - from_us) / 1e6;
    printf("%u link cycles in %.0f s, %.0f a second\n", rounds, took_s, rounds / took_s);
    dte_ask(&t, "AT", "OK\r\n");
    unsigned wrong = flat_verdict(&flat, "cycles");
    dte_close(&t);
    daemon_stop(&d);
    world_stop(&w);
    printf("soak_links: 2 checks, %u failed\n", wrong);
    return wrong > 0;
}
