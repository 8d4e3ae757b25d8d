#define _GNU_SOURCE /* pipe2, memmem */
#include "tests/support/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/turn.h"

enum { GOT_MAX = 1 << 24, SAID_MAX = 1 << 20, CHUNK = 65536, SHOWN = 400 };

/* -- the daemon -- */

void daemon_init(struct daemon *d) {
    daemon_init_in(d, "/tmp");
}

void daemon_init_in(struct daemon *d, const char *base) {
    *d = (struct daemon){.modems = 1, .out = -1, .err = -1};
    d->program = getenv("SIM7X00");
    snprintf(d->folder, sizeof d->folder, "%s/sim7x00-XXXXXX", base);
    must(mkdtemp(d->folder) != NULL);
    snprintf(d->link, sizeof d->link, "%s/modem", d->folder);
    buf_init(&d->said, SAID_MAX);
    d->args[d->nargs++] = xstrdup("sim7x00");
    daemon_option(d, "--link", "%s", d->link);
    if (getenv("SIM7X00_SANDBOX") != NULL) {
        daemon_option(d, "--sandbox", NULL);
    }
}

void daemon_option(struct daemon *d, const char *option, const char *fmt, ...) {
    must(d->nargs + 3 < DAEMON_ARGS);
    d->args[d->nargs++] = xstrdup(option);
    if (fmt != NULL) {
        char text[512];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        d->args[d->nargs++] = xstrdup(text);
    }
}

/* In the child: dies with its parent. */
static void exec_daemon(struct daemon *d, int out, int err) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < d->nargs; i++) {
        /* The leak checker makes a process that looks into this one. */
        if (strcmp(d->args[i], "--sandbox") == 0) {
            setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        }
    }
    dup2(out, STDOUT_FILENO);
    if (err >= 0) {
        dup2(err, STDERR_FILENO);
    }
    execv(d->program, d->args);
    perror(d->program);
    _exit(127);
}

void daemon_spawn(struct daemon *d) {
    int out[2];
    int err[2] = {-1, -1};
    if (d->program == NULL) {
        fputs("SIM7X00 is not set: the path of the daemon\n", stderr);
        abort();
    }
    must(pipe2(out, O_CLOEXEC) == 0);
    must(!d->keeps_err || pipe2(err, O_CLOEXEC) == 0);
    d->started_at_us = turn_now_us();
    d->pid = fork();
    must(d->pid >= 0);
    if (d->pid == 0) {
        exec_daemon(d, out[1], err[1]);
    }
    close(out[1]);
    d->out = out[0];
    if (d->keeps_err) {
        close(err[1]);
        d->err = err[0];
    }
}

/* The AT port of each module is named, as text or as JSON, and the line is whole. */
static bool is_ready(struct daemon *d) {
    unsigned lines = 0;
    must(buf_put_all(&d->said, "", 1) == 0);
    const char *p = (const char *)buf_data(&d->said);
    for (const char *end = strchr(p, '\n'); end != NULL; p = end + 1, end = strchr(p, '\n')) {
        lines += strncmp(p, "at", 2) == 0 || strncmp(p, "{\"port\":\"at", 11) == 0;
    }
    d->said.len--;
    return lines >= d->modems;
}

void daemon_start(struct daemon *d) {
    daemon_spawn(d);
    while (!is_ready(d)) {
        char bytes[4096];
        struct pollfd p = {.fd = d->out, .events = POLLIN};
        ssize_t n = poll(&p, 1, TURN_LIMIT_MS) > 0 ? read(d->out, bytes, sizeof bytes) : 0;
        if (n <= 0) {
            turn_failed("the daemon's ready line", __FILE__, __LINE__);
        }
        must(buf_put_all(&d->said, bytes, (size_t)n) == 0);
    }
}

void daemon_quick(struct daemon *d) {
    daemon_init(d);
    daemon_start(d);
}

static int exit_status(pid_t pid) {
    int status = 0;
    must(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int daemon_wait(struct daemon *d, char *err, size_t size) {
    size_t n = 0;
    ssize_t got = 0;
    while (d->err >= 0 && n + 1 < size && (got = read(d->err, err + n, size - 1 - n)) > 0) {
        n += (size_t)got;
    }
    if (size > 0) {
        err[n] = '\0';
    }
    int status = exit_status(d->pid);
    close(d->out);
    if (d->err >= 0) {
        close(d->err);
    }
    return status;
}

void daemon_fini(struct daemon *d) {
    DIR *dir = opendir(d->folder);
    struct dirent *e = NULL;
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    rmdir(d->folder);
    buf_fini(&d->said);
    while (d->nargs > 0) {
        free(d->args[--d->nargs]);
    }
}

void daemon_stop(struct daemon *d) {
    kill(d->pid, SIGTERM);
    int status = daemon_wait(d, NULL, 0);
    if (status != 0 || faccessat(AT_FDCWD, d->link, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        fprintf(stderr, "the daemon ended with status %d and %s its link\n", status,
                status != 0 ? "perhaps" : "left");
        abort();
    }
    daemon_fini(d);
}

long daemon_status(const struct daemon *d, const char *key) {
    char path[64];
    char line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)d->pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        size_t n = strlen(key);
        if (strncmp(line, key, n) == 0 && line[n] == ':') {
            value = strtol(line + n + 1, NULL, 10);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return value;
}

static bool is_asleep(const struct daemon *d) {
    char path[64];
    char line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)d->pid);
    FILE *f = fopen(path, "re");
    must(f != NULL && fgets(line, sizeof line, f) != NULL);
    fclose(f);
    const char *name_end = strrchr(line, ')');
    return name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

void daemon_settle(const struct daemon *d) {
    long before = -1;
    int64_t limit_us = turn_now_us() + TURN_LIMIT_MS * 1000;
    while (before != daemon_status(d, "voluntary_ctxt_switches") || !is_asleep(d)) {
        before = daemon_status(d, "voluntary_ctxt_switches");
        if (!turn_step(limit_us)) {
            turn_failed("the daemon to sleep", __FILE__, __LINE__);
        }
    }
}

unsigned daemon_count(const struct daemon *d, const char *folder) {
    char path[64];
    unsigned n = 0;
    struct dirent *e = NULL;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)d->pid, folder);
    DIR *dir = opendir(path);
    must(dir != NULL);
    while ((e = readdir(dir)) != NULL) {
        n += e->d_name[0] != '.';
    }
    closedir(dir);
    return n;
}

/* -- clients -- */

static void on_readable(void *ctx, int fd, short revents) {
    struct dte *t = ctx;
    uint8_t bytes[CHUNK];
    (void)revents;
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n > 0) {
        must(buf_put_all(&t->got, bytes, (size_t)n) == 0);
    } else if (n == 0 || errno != EAGAIN) {
        turn_remove(fd); /* the other side has gone: nothing more will come */
    }
}

static void start_reading(struct dte *t) {
    buf_init(&t->got, GOT_MAX);
    turn_add(t->fd, POLLIN, on_readable, t);
}

void dte_open(struct dte *t, const char *path) {
    struct termios raw;
    *t = (struct dte){.fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
    if (t->fd < 0 || tcgetattr(t->fd, &raw) != 0) {
        turn_failed(path, __FILE__, __LINE__);
    }
    cfmakeraw(&raw);
    must(tcsetattr(t->fd, TCSANOW, &raw) == 0);
    start_reading(t);
}

void dte_run(struct dte *t, const char *command) {
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    struct termios raw = {.c_cflag = CS8 | CREAD | B38400};
    cfmakeraw(&raw);
    *t = (struct dte){0};
    t->pid = forkpty(&t->fd, NULL, &raw, &size);
    must(t->pid >= 0);
    if (t->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("TERM", "vt100", 1);
        execl("/bin/bash", "bash", "-c", command, (char *)NULL);
        _exit(127);
    }
    fcntl(t->fd, F_SETFL, O_NONBLOCK);
    fcntl(t->fd, F_SETFD, FD_CLOEXEC);
    start_reading(t);
}

static bool has_exited(pid_t pid) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

/* The end of what came, on one line. */
static void show(const struct dte *t) {
    size_t n = buf_len(&t->got);
    fprintf(stderr, "%zu bytes came, the last ones: ", n);
    for (size_t i = n > SHOWN ? n - SHOWN : 0; i < n; i++) {
        uint8_t c = buf_data(&t->got)[i];
        fprintf(stderr, c >= ' ' && c < 0x7f ? "%c" : "<%02x>", c);
    }
    fputc('\n', stderr);
}

int dte_exited(struct dte *t) {
    int64_t limit_us = turn_now_us() + TURN_LIMIT_MS * 1000;
    while (!has_exited(t->pid)) {
        if (!turn_step(limit_us)) {
            show(t);
            turn_failed("the end of a program", __FILE__, __LINE__);
        }
    }
    int status = exit_status(t->pid);
    if (status != 0) {
        show(t);
    }
    t->pid = 0;
    dte_close(t);
    return status;
}

void dte_close(struct dte *t) {
    if (t->pid > 0) {
        kill(t->pid, SIGKILL);
        exit_status(t->pid);
        t->pid = 0;
    }
    if (t->fd >= 0) {
        turn_remove(t->fd);
        close(t->fd);
        t->fd = -1;
        buf_fini(&t->got);
        free(t->taken);
        t->taken = NULL;
    }
}

void dte_send(struct dte *t, const void *p, size_t n) {
    const uint8_t *from = p;
    int64_t limit_us = turn_now_us() + TURN_LIMIT_MS * 1000;
    while (n > 0) {
        ssize_t wrote = write(t->fd, from, n);
        if (wrote > 0) {
            from += wrote;
            n -= (size_t)wrote;
            limit_us = turn_now_us() + TURN_LIMIT_MS * 1000;
            continue;
        }
        short reading = t->is_deaf ? 0 : POLLIN;
        turn_events(t->fd, (short)(reading | POLLOUT));
        if (!turn_once(limit_us)) {
            show(t);
            turn_failed("room for input", __FILE__, __LINE__);
        }
        turn_events(t->fd, reading);
    }
}

void dte_say(struct dte *t, const char *fmt, ...) {
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    size_t n = (size_t)vsnprintf(text, sizeof text - 1, fmt, ap);
    va_end(ap);
    text[n++] = '\r';
    dte_send(t, text, n);
}

/* Takes everything before and with the first `n` bytes of what came. */
static void take(struct dte *t, size_t n) {
    t->taken = xrealloc(t->taken, n + 1);
    buf_take(&t->got, t->taken, n);
    t->taken[n] = '\0';
}

/* Which of the texts came first; `count`: none. */
static size_t look(const struct dte *t, const char *const *texts, size_t count, size_t *end) {
    size_t first = count;
    for (size_t i = 0; i < count && buf_len(&t->got) > 0; i++) {
        const uint8_t *data = buf_data(&t->got);
        const uint8_t *at = memmem(data, buf_len(&t->got), texts[i], strlen(texts[i]));
        if (at != NULL && (first == count || (size_t)(at - data) + strlen(texts[i]) < *end)) {
            *end = (size_t)(at - data) + strlen(texts[i]);
            first = i;
        }
    }
    return first;
}

size_t dte_expect_one_of(struct dte *t, const char *const *texts, size_t count) {
    size_t end = 0;
    size_t which = 0;
    int64_t limit_us = turn_now_us() + TURN_LIMIT_MS * 1000;
    while ((which = look(t, texts, count, &end)) == count) {
        if (!turn_once(limit_us)) {
            show(t);
            turn_failed(texts[0], __FILE__, __LINE__);
        }
    }
    take(t, end);
    return which;
}

const char *dte_expect(struct dte *t, const char *text) {
    dte_expect_one_of(t, &text, 1);
    return t->taken;
}

void dte_read(struct dte *t, void *to, size_t n) {
    int64_t limit_us = turn_now_us() + TURN_LIMIT_MS * 1000;
    while (buf_len(&t->got) < n) {
        if (!turn_once(limit_us)) {
            show(t);
            turn_failed("bytes", __FILE__, __LINE__);
        }
    }
    buf_take(&t->got, to, n);
}

const char *dte_ask(struct dte *t, const char *command, const char *answer) {
    dte_say(t, "%s", command);
    return dte_expect(t, answer);
}

size_t dte_pushed(struct dte *t, void *to, size_t size) {
    dte_expect(t, "+IPD");
    size_t n = strtoul(dte_expect(t, "\r\n"), NULL, 10);
    must(n > 0 && n <= size);
    dte_read(t, to, n);
    return n;
}

void dte_expect_pushed(struct dte *t, const char *text) {
    char piece[256];
    for (size_t n = 0; *text != '\0'; text += n) {
        n = dte_pushed(t, piece, sizeof piece);
        if (strncmp(text, piece, n) != 0) {
            turn_failed(text, __FILE__, __LINE__);
        }
    }
}

void dte_is_silent(struct dte *t, int64_t ms) {
    turn_for(ms);
    if (buf_len(&t->got) > 0) {
        show(t);
        turn_failed("silence", __FILE__, __LINE__);
    }
}

void dte_read_on(struct dte *t, bool on) {
    t->is_deaf = !on;
    turn_events(t->fd, on ? POLLIN : 0);
}

/* -- bytes -- */

/* xorshift: every byte value comes, and a lost or doubled byte does not go unseen. */
static uint8_t next(struct pattern *p) {
    p->state ^= p->state << 13;
    p->state ^= p->state >> 17;
    p->state ^= p->state << 5;
    return (uint8_t)(p->state >> 8);
}

void pattern_init(struct pattern *p, unsigned seed) {
    p->state = (seed + 1) * 2654435769u;
}

void pattern_fill(struct pattern *p, void *to, size_t n) {
    for (uint8_t *at = to; n > 0; n--) {
        *at++ = next(p);
    }
}

bool pattern_check(struct pattern *p, const void *from, size_t n) {
    bool is_good = true;
    for (const uint8_t *at = from; n > 0; n--) {
        is_good &= *at++ == next(p);
    }
    return is_good;
}
