/* transcript_tty.c: dialogue files against the daemon: its pty, and far ends that are real sockets.
 *
 * Every modem-side address of the file is mapped to a loopback address that is served here, so that
 * nothing leaves the machine; names are answered by a name server of our own. Long times are played
 * on a faster clock.
 */
#define _GNU_SOURCE /* accept4, pipe2 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

#include "base/obj.h"
#include "base/sv.h"
#include "tests/support/transcript.h"
#include "tests/support/transcript_dns.h"

enum {
    SLACK_MS = 5000, /* of the host's time: a machine that is busy with something else */
    EARLY_MS = 50,
    REST_MS = 60,
    TARGET_MS = 1500, /* the file's own times together take no longer than that */
    START_MS = 10000,
    VERDICT_MS = 30000, /* how long the end of a scenario is waited for */
    LOOK_MS = 5,
    FACTOR_MAX = 200,
    CONNECTIONS = 64,
    SERVERS = 16,
    ARGS = 128,
};

struct far {
    int listener;   /* or the socket of a datagram peer; -1: none */
    int connection; /* the newest; -1: none */
    struct buf got;
    size_t datagram; /* bytes of the one in `got`; 0: none */
    struct sockaddr_in heard_from;
    enum transcript_end end;
};

struct daemon {
    const struct transcript *t;
    const char *scenario;                /* the file it plays, NULL: none */
    const struct transcript_runner *run; /* NULL: it runs by itself, and its time too */
    FILE *report;
    char folder[64], link[80];
    pid_t pid;
    int out;      /* what it says */
    int tty;      /* -1: closed */
    bool is_gone; /* the tty has vanished */
    struct buf read;
    uint64_t origin_ns;
    int64_t factor;
    struct far fars[TRANSCRIPT_PEERS];
    int dns;
    int kept[CONNECTIONS]; /* older connections stay as they are */
    size_t nkept;
    struct {
        int modem;
        uint16_t host;
    } servers[SERVERS];
    size_t nservers;
    char *args[ARGS];
    size_t nargs;
};

/* -- addresses -- */

static struct sockaddr_in loopback(uint32_t ip, uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(ip), .sin_port = htons(port)};
}

static uint16_t bound_port(int fd) {
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    must(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
    return ntohs(a.sin_port);
}

static int bound_socket(int type, uint32_t ip, uint16_t port) {
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in a = loopback(ip, port);
    must(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    must(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

/* A caller's own address, so that it can have the port the file says. */
static uint32_t caller_ip(size_t peer) {
    uint32_t pid = (uint32_t)getpid();
    return 127u << 24 | (1 + pid % 200) << 16 | (pid / 200 % 250) << 8 | (uint32_t)(10 + peer);
}

/* -- the command line -- */

__attribute__((format(printf, 3, 4))) static void add_option(struct daemon *d, const char *option,
                                                             const char *fmt, ...) {
    char text[320];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    must(d->nargs + 3 < ARGS);
    d->args[d->nargs++] = xstrdup(option);
    d->args[d->nargs++] = xstrdup(text);
}

/* The kernel completes one connect to a listener of no length and leaves the others hanging. */
static void fill(int listener) {
    struct sockaddr_in a = loopback(INADDR_LOOPBACK, bound_port(listener));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(listen(listener, 0) == 0);
    must(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    /* Left open until this process ends: it is what fills the queue. */
}

static void start_peer(struct daemon *d, size_t i) {
    const struct transcript_peer *p = &d->t->peers[i];
    char ip[NET_IP_TEXT];
    net_format_ip(p->addr.ip, ip);
    if (p->kind == TRANSCRIPT_CALLER) {
        struct in_addr own = {.s_addr = htonl(caller_ip(i))};
        add_option(d, "--map", "%s:*=%s:*", ip, inet_ntoa(own));
        return;
    }
    int fd = bound_socket(p->kind == TRANSCRIPT_UDP ? SOCK_DGRAM : SOCK_STREAM, INADDR_LOOPBACK, 0);
    d->fars[i].listener = fd;
    add_option(d, "--map", "%s:%u=127.0.0.1:%u", ip, p->addr.port, bound_port(fd));
    if (p->how == TRANSCRIPT_BLACK_HOLE) {
        fill(fd);
    } else if (p->kind == TRANSCRIPT_TCP && p->how == TRANSCRIPT_ACCEPT) {
        must(listen(fd, 16) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    }
}

static uint16_t server_port(const struct daemon *d, int modem) {
    for (size_t i = 0; i < d->nservers; i++) {
        if (d->servers[i].modem == modem) {
            return d->servers[i].host;
        }
    }
    return 0;
}

/* The ports of the file's servers are others on this host, where theirs may be taken. */
static void map_servers(struct daemon *d) {
    static const char command[] = "+SERVERSTART=";
    for (size_t i = 0; i < d->t->nsteps; i++) {
        const struct transcript_step *s = &d->t->steps[i];
        const char *at = s->kind == TRANSCRIPT_SEND ? strstr(s->source, command) : NULL;
        long port = at != NULL ? strtol(at + strlen(command), NULL, 10) : 0;
        if (port < 1 || port > UINT16_MAX || server_port(d, (int)port) != 0) {
            continue;
        }
        must(d->nservers < SERVERS);
        int fd = bound_socket(SOCK_STREAM, INADDR_LOOPBACK, 0);
        d->servers[d->nservers].modem = (int)port;
        d->servers[d->nservers].host = bound_port(fd);
        close(fd);
        add_option(d, "--listen", "%ld=127.0.0.1:%u", port, d->servers[d->nservers].host);
        d->nservers++;
    }
}

/* So many times as fast that the file's times together are short. */
static int64_t clock_factor(const struct transcript *t) {
    int64_t total_us = 0;
    if (t->factor > 0) {
        return t->factor;
    }
    for (size_t i = 0; i < t->nsteps; i++) {
        total_us += t->steps[i].from_us;
    }
    int64_t factor = 1 + total_us / 1000 / TARGET_MS;
    return factor < FACTOR_MAX ? factor : FACTOR_MAX;
}

static void make_options(struct daemon *d, const char *program) {
    d->args[d->nargs++] = xstrdup(program);
    add_option(d, "--link", "%s", d->link);
    if (d->t->profile[0] != '\0') {
        add_option(d, "--profile", "%s", d->t->profile);
    }
    add_option(d, "--clock", "x%lld", (long long)d->factor);
    add_option(d, "--dns", "127.0.0.1:%u", bound_port(d->dns));
    if (d->scenario != NULL) {
        add_option(d, "--scenario", "%s", d->scenario);
        d->args[d->nargs++] = xstrdup("--run");
    }
    for (size_t i = 0; i < d->t->npeers; i++) {
        start_peer(d, i);
    }
    map_servers(d);
    for (size_t i = 0; d->run != NULL && d->run->options[i] != NULL; i++) {
        must(d->nargs + 2 < ARGS);
        d->args[d->nargs++] = xstrdup(d->run->options[i]);
    }
}

/* -- the daemon -- */

static bool is_ready(struct daemon *d) {
    char line[512];
    struct pollfd p = {.fd = d->out, .events = POLLIN};
    return poll(&p, 1, START_MS) == 1 && read(d->out, line, sizeof line) > 0;
}

static bool start_daemon(struct daemon *d) {
    int ends[2];
    must(pipe2(ends, O_CLOEXEC) == 0);
    d->pid = d->run != NULL ? d->run->start(d->run->ctx, d->args, ends[1]) : fork();
    must(d->pid >= 0);
    if (d->pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execv(d->args[0], d->args);
        perror(d->args[0]);
        _exit(127);
    }
    close(ends[1]);
    d->out = ends[0];
    return is_ready(d);
}

static void close_tty(struct daemon *d) {
    if (d->tty >= 0) {
        close(d->tty);
        d->tty = -1;
    }
}

static bool open_tty(struct daemon *d) {
    d->tty = open(d->link, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios t;
    bool is_good = d->tty >= 0 && tcgetattr(d->tty, &t) == 0;
    if (is_good) {
        cfmakeraw(&t);
        is_good = tcsetattr(d->tty, TCSANOW, &t) == 0;
    }
    if (!is_good) {
        close_tty(d);
    }
    d->is_gone = false;
    return is_good;
}

/* Whether the daemon waits for something to happen. What has woken it makes it run at once, so then
 * it has dealt with all there was. */
static bool is_idle(const struct daemon *d) {
    char path[64];
    char text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)d->pid);
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        fclose(f);
    }
    const char *end = strrchr(text, ')'); /* of the program's name; the state is behind it */
    return end == NULL || end[2] == 'S' || end[2] == 'Z';
}

/* Modem time. */
static int64_t now_us(void *ctx) {
    struct daemon *d = ctx;
    return d->run != NULL ? d->run->now_us(d->run->ctx)
                          : (int64_t)(uv_hrtime() - d->origin_ns) / 1000 * d->factor;
}

/* As poll, but until an instant of modem time. */
static int await(struct daemon *d, struct pollfd *fds, nfds_t n, int64_t until_us) {
    if (d->run != NULL) {
        return d->run->poll(d->run->ctx, fds, n, until_us);
    }
    int64_t left_us = (until_us - now_us(d)) / d->factor;
    return poll(fds, n, left_us > 0 ? (int)((left_us + 999) / 1000) : 0);
}

/* A close that is followed by an open at once is not seen as one. */
static void leave_tty(struct daemon *d) {
    close_tty(d);
    if (d->run != NULL) {
        await(d, NULL, 0, now_us(d));
        return;
    }
    while (!is_idle(d)) {
        poll(NULL, 0, LOOK_MS);
    }
}

/* One that has vanished may need a while to come back. */
static bool open_tty_again(struct daemon *d) {
    int64_t limit_us = now_us(d) + SLACK_MS * 1000 * d->factor;
    bool is_good = false;
    while (!(is_good = open_tty(d)) && now_us(d) < limit_us &&
           await(d, NULL, 0, now_us(d) + LOOK_MS * 1000 * d->factor) >= 0) {
    }
    return is_good;
}

/* The daemon has been told to end, or ends by itself. Its exit status; -1: none, or it leaves
 * something behind. */
static int reap_daemon(struct daemon *d) {
    int status = 0;
    close_tty(d);
    must(waitpid(d->pid, &status, 0) == d->pid);
    close(d->out);
    if (!WIFEXITED(status)) {
        fprintf(d->report, "%s: the daemon ended with status %#x\n", d->t->path, (unsigned)status);
        return -1;
    }
    if (faccessat(AT_FDCWD, d->link, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        fprintf(d->report, "%s: the daemon left its link behind\n", d->t->path);
        unlink(d->link);
        return -1;
    }
    return WEXITSTATUS(status);
}

/* Asked to stop, it ends with 0. */
static int stop_daemon(struct daemon *d) {
    kill(d->pid, SIGTERM);
    int status = reap_daemon(d);
    if (status > 0) {
        fprintf(d->report, "%s: the daemon ended with status %d\n", d->t->path, status);
    }
    return status == 0 ? 0 : 1;
}

/* -- input -- */

static bool read_tty(struct daemon *d) {
    uint8_t bytes[4096];
    ssize_t n = d->tty >= 0 ? read(d->tty, bytes, sizeof bytes) : -1;
    if (n > 0) {
        must(buf_put_all(&d->read, bytes, (size_t)n) == 0);
    } else if (d->tty >= 0 && (n == 0 || errno != EAGAIN)) {
        close_tty(d);
        d->is_gone = true;
    }
    return n > 0;
}

static bool is_gone(void *ctx) {
    return ((struct daemon *)ctx)->is_gone;
}

static void send_bytes(void *ctx, const uint8_t *p, size_t n) {
    struct daemon *d = ctx;
    while (n > 0 && !d->is_gone) {
        ssize_t wrote = write(d->tty, p, n);
        if (wrote > 0) {
            p += wrote;
            n -= (size_t)wrote;
            continue;
        }
        struct pollfd w = {.fd = d->tty, .events = POLLIN | POLLOUT};
        if (errno == EIO) {
            read_tty(d);
            continue;
        }
        if (errno != EAGAIN || await(d, &w, 1, now_us(d) + SLACK_MS * 1000 * d->factor) <= 0) {
            fprintf(d->report, "%s: writing: %s\n", d->t->path, strerror(errno));
            return;
        }
        read_tty(d);
    }
}

/* -- far ends -- */

/* None there: it was given up before it was taken. */
static void accept_far(struct daemon *d, struct far *f) {
    int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (f->connection >= 0) {
        must(d->nkept < CONNECTIONS);
        d->kept[d->nkept++] = f->connection;
    }
    f->connection = fd;
    f->end = TRANSCRIPT_OPEN;
    buf_clear(&f->got);
}

static void read_connection(struct far *f) {
    uint8_t bytes[4096];
    ssize_t n = recv(f->connection, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) {
        must(buf_put_all(&f->got, bytes, (size_t)n) == 0);
    } else if (n == 0) {
        f->end = TRANSCRIPT_FIN;
    } else if (errno != EAGAIN) {
        f->end = TRANSCRIPT_RST;
    }
}

static void read_datagram(struct far *f) {
    uint8_t bytes[4096];
    socklen_t size = sizeof f->heard_from;
    ssize_t n = recvfrom(f->listener, bytes, sizeof bytes, MSG_DONTWAIT,
                         (struct sockaddr *)&f->heard_from, &size);
    if (n > 0) {
        must(buf_put_all(&f->got, bytes, (size_t)n) == 0);
        f->datagram = (size_t)n;
    }
}

/* What of a far end is waited for; at most two descriptors. */
static size_t add_far(const struct daemon *d, size_t i, struct pollfd *to, size_t *whose) {
    const struct far *f = &d->fars[i];
    const struct transcript_peer *p = &d->t->peers[i];
    size_t n = 0;
    bool is_server = p->kind == TRANSCRIPT_TCP && p->how == TRANSCRIPT_ACCEPT;
    if (is_server || (p->kind == TRANSCRIPT_UDP && f->datagram == 0)) {
        to[n++] = (struct pollfd){.fd = f->listener, .events = POLLIN};
    }
    if (f->connection >= 0 && f->end == TRANSCRIPT_OPEN) {
        to[n++] = (struct pollfd){.fd = f->connection, .events = POLLIN};
    }
    for (size_t k = 0; k < n; k++) {
        whose[k] = i;
    }
    return n;
}

static void serve_far(struct daemon *d, size_t i, int fd) {
    struct far *f = &d->fars[i];
    if (fd == f->connection) {
        read_connection(f);
    } else if (d->t->peers[i].kind == TRANSCRIPT_UDP) {
        read_datagram(f);
    } else {
        accept_far(d, f);
    }
}

static bool turn(void *ctx, int64_t until_us, struct buf *got) {
    struct daemon *d = ctx;
    struct pollfd fds[2 + 2 * TRANSCRIPT_PEERS];
    size_t whose[2 + 2 * TRANSCRIPT_PEERS];
    fds[0] = (struct pollfd){.fd = d->tty, .events = POLLIN}; /* -1: passed over */
    fds[1] = (struct pollfd){.fd = d->dns, .events = POLLIN};
    size_t n = 2;
    for (size_t i = 0; i < d->t->npeers; i++) {
        n += add_far(d, i, &fds[n], &whose[n]);
    }
    bool happened = await(d, fds, n, buf_len(&d->read) > 0 ? now_us(d) : until_us) > 0;
    if (fds[0].revents != 0) {
        read_tty(d);
    }
    if (fds[1].revents != 0) {
        transcript_dns_answer(d->dns, d->t);
    }
    for (size_t k = 2; k < n; k++) {
        if (fds[k].revents != 0) {
            serve_far(d, whose[k], fds[k].fd);
        }
    }
    must(buf_put_all(got, buf_data(&d->read), buf_len(&d->read)) == 0);
    happened |= buf_len(&d->read) > 0;
    buf_clear(&d->read);
    return happened;
}

static const uint8_t *peer_data(void *ctx, size_t peer, size_t *n) {
    struct daemon *d = ctx;
    *n = buf_len(&d->fars[peer].got);
    return buf_data(&d->fars[peer].got);
}

static void peer_take(void *ctx, size_t peer, size_t n) {
    struct daemon *d = ctx;
    buf_drop(&d->fars[peer].got, n);
    d->fars[peer].datagram = 0;
}

static enum transcript_end peer_end(void *ctx, size_t peer) {
    return ((struct daemon *)ctx)->fars[peer].end;
}

static bool call(struct daemon *d, size_t peer) {
    const struct transcript_peer *p = &d->t->peers[peer];
    uint16_t host = server_port(d, p->server_port);
    struct sockaddr_in to = loopback(INADDR_LOOPBACK, host);
    int fd = bound_socket(SOCK_STREAM, caller_ip(peer), p->addr.port);
    d->fars[peer].connection = fd;
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static bool send_to_modem(struct daemon *d, const struct transcript_step *s) {
    struct far *f = &d->fars[s->peer];
    if (d->t->peers[s->peer].kind == TRANSCRIPT_UDP) {
        return sendto(f->listener, s->text, s->n, 0, (struct sockaddr *)&f->heard_from,
                      sizeof f->heard_from) == (ssize_t)s->n;
    }
    return f->connection >= 0 && send(f->connection, s->text, s->n, MSG_NOSIGNAL) == (ssize_t)s->n;
}

static bool reset(struct far *f) {
    struct linger hard = {.l_onoff = 1};
    bool is_good = f->connection >= 0 &&
                   setsockopt(f->connection, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0;
    if (is_good) {
        close(f->connection);
        f->connection = -1;
    }
    return is_good;
}

static bool act(void *ctx, const struct transcript_step *s) {
    struct daemon *d = ctx;
    struct far *f = &d->fars[s->peer];
    if (s->kind == TRANSCRIPT_PEER_CALL) {
        return call(d, s->peer);
    }
    if (s->kind == TRANSCRIPT_PEER_SEND) {
        return send_to_modem(d, s);
    }
    if (s->kind == TRANSCRIPT_PEER_CLOSE) {
        return f->connection >= 0 && shutdown(f->connection, SHUT_WR) == 0;
    }
    if (s->kind == TRANSCRIPT_PEER_RESET) {
        return reset(f);
    }
    if (s->kind == TRANSCRIPT_DTE && s->number != 0) {
        return open_tty_again(d);
    }
    if (s->kind == TRANSCRIPT_DTE) {
        leave_tty(d);
        return true;
    }
    return false; /* the parser lets the others into in-process files only */
}

/* -- the whole -- */

static struct daemon *new_daemon(const struct transcript *t, const char *scenario,
                                 const struct transcript_runner *run, FILE *report) {
    struct daemon *d = xmalloc(sizeof *d);
    d->t = t;
    d->scenario = scenario;
    d->run = run;
    d->report = report;
    d->tty = -1;
    d->origin_ns = uv_hrtime();
    d->factor = run != NULL ? 1 : clock_factor(t);
    if (run != NULL) {
        snprintf(d->folder, sizeof d->folder, "%s", run->folder);
    } else {
        snprintf(d->folder, sizeof d->folder, "/tmp/sim7x00-XXXXXX");
        must(mkdtemp(d->folder) != NULL);
    }
    snprintf(d->link, sizeof d->link, "%s/modem", d->folder);
    buf_init(&d->read, TRANSCRIPT_MAX);
    d->dns = bound_socket(SOCK_DGRAM, INADDR_LOOPBACK, 0);
    for (size_t i = 0; i < TRANSCRIPT_PEERS; i++) {
        d->fars[i].listener = -1;
        d->fars[i].connection = -1;
        buf_init(&d->fars[i].got, TRANSCRIPT_MAX);
    }
    return d;
}

static void free_daemon(struct daemon *d) {
    for (size_t i = 0; i < TRANSCRIPT_PEERS; i++) {
        struct far *f = &d->fars[i];
        if (f->listener >= 0) {
            close(f->listener);
        }
        if (f->connection >= 0) {
            close(f->connection);
        }
        buf_fini(&f->got);
    }
    while (d->nkept > 0) {
        close(d->kept[--d->nkept]);
    }
    close(d->dns);
    if (d->run == NULL) {
        rmdir(d->folder);
    }
    buf_fini(&d->read);
    while (d->nargs > 0) {
        free(d->args[--d->nargs]);
    }
    free(d);
}

/* 0; 1: the dialogue went otherwise, or the daemon did not start. */
static int play(struct daemon *d, const char *program, int64_t rest_us) {
    const struct transcript_driver driver = {
        .ctx = d,
        .early_us = EARLY_MS * 1000 * d->factor,
        .slack_us = SLACK_MS * 1000 * d->factor,
        .rest_us = rest_us,
        .now_us = now_us,
        .send = send_bytes,
        .turn = turn,
        .peer_data = peer_data,
        .peer_take = peer_take,
        .peer_end = peer_end,
        .is_lenient = d->run != NULL && d->run->is_lenient,
        .is_gone = d->scenario != NULL ? is_gone : NULL,
        .act = act,
    };
    make_options(d, program);
    if (start_daemon(d) && open_tty(d)) {
        int rc = transcript_play(d->t, &driver, d->report);
        if (d->run != NULL) {
            d->run->after(d->run->ctx, &driver);
        }
        return rc;
    }
    fprintf(d->report, "%s: the daemon did not start\n", d->t->path);
    return 1;
}

int transcript_play_on_daemon(const struct transcript *t, const char *program, FILE *report) {
    struct daemon *d = new_daemon(t, NULL, NULL, report);
    int rc = play(d, program, REST_MS * 1000 * d->factor);
    rc |= stop_daemon(d);
    free_daemon(d);
    return rc;
}

int transcript_play_by(const struct transcript *t, const struct transcript_runner *run,
                       FILE *report) {
    struct daemon *d = new_daemon(t, NULL, run, report);
    int rc = play(d, "sim7x00", REST_MS * 1000);
    close_tty(d);
    run->reap(run->ctx, d->pid);
    close(d->out);
    free_daemon(d);
    return rc;
}

/* -- with a scenario -- */

/* Its report, up to its end; meanwhile the driver reads what else comes. */
static bool await_end(struct daemon *d, struct buf *said) {
    uint64_t limit_ns = uv_hrtime() + VERDICT_MS * UINT64_C(1000000);
    for (;;) {
        struct pollfd fds[] = {{.fd = d->out, .events = POLLIN}, {.fd = d->tty, .events = POLLIN}};
        uint64_t now_ns = uv_hrtime();
        if (now_ns >= limit_ns || poll(fds, 2, (int)((limit_ns - now_ns) / 1000000) + 1) < 0) {
            return false;
        }
        if (fds[1].revents != 0) {
            read_tty(d);
            buf_clear(&d->read);
        }
        char bytes[4096];
        ssize_t n = fds[0].revents != 0 ? read(d->out, bytes, sizeof bytes) : 1;
        if (n <= 0) {
            return true;
        }
        if (fds[0].revents != 0) {
            buf_put(said, bytes, (size_t)n);
        }
    }
}

int transcript_play_scenario(const struct transcript *t, const char *program, const char *scenario,
                             bool is_patient, FILE *report) {
    struct daemon *d = new_daemon(t, scenario, NULL, report);
    struct buf said;
    buf_init(&said, TRANSCRIPT_MAX);
    int rc = play(d, program, -1);
    if (rc != 0 || !is_patient) {
        kill(d->pid, SIGTERM);
    }
    if (!await_end(d, &said)) {
        fprintf(report, "%s: the run does not end\n", t->path);
        kill(d->pid, SIGKILL);
    }
    int status = reap_daemon(d);
    if (rc != 0 || status != 0) {
        fprintf(report, "%.*s", (int)buf_len(&said), (const char *)buf_data(&said));
    }
    buf_fini(&said);
    free_daemon(d);
    return rc != 0 ? -1 : status;
}
