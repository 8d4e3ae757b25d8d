/* lines.c: libsim7x00lines.so: the lines of a serial port for an unchanged driver on our ttys.
 *
 *     SIM7X00_CONTROL=./modem.control LD_PRELOAD=libsim7x00lines.so DRIVER
 *
 * A pty has no lines: the kernel answers ENOTTY to whoever asks for them. Preloaded, this answers
 * instead of the kernel, with what the daemon says at its control socket, as a serial driver would.
 * Whose tty it is the daemon knows; for every other one, and without a daemon, the kernel is asked
 * as before. It runs inside of foreign programs: so it keeps no state, no descriptor and no memory
 * between two calls, needs no library but libc, and may be called from any thread.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

enum {
    TTY_SIZE = 32,    /* "/dev/pts/1048575" */
    LINE_SIZE = 1024, /* a message: the longest has fewer */
    ANSWER_S = 5,     /* a daemon that takes longer is not there */
    PTS_MAJOR = 136,  /* slaves of ptys: 8 majors from here on (Linux, devices.txt) */
    PTS_MAJORS = 8,
};

/* What became of a question to the daemon. */
enum outcome { ANSWERED, NOT_OURS, GONE, INTERRUPTED };

int ioctl(int fd, unsigned long request, ...);
int tcsendbreak(int fd, int duration);

/* -- the kernel's -- */

typedef int ioctl_fn(int fd, unsigned long request, ...);

static int ask_kernel(int fd, unsigned long request, void *arg) {
    void *next = dlsym(RTLD_NEXT, "ioctl");
    ioctl_fn *call = NULL;
    memcpy(&call, &next, sizeof call); /* ISO C knows no cast between the two */
    if (call == NULL) {
        return (int)syscall(SYS_ioctl, fd, request, arg);
    }
    return call(fd, request, arg);
}

/* -- the daemon's -- */

static bool is_pty(int fd, char tty[TTY_SIZE]) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) >= PTS_MAJOR &&
           major(st.st_rdev) < PTS_MAJOR + PTS_MAJORS && ttyname_r(fd, tty, TTY_SIZE) == 0;
}

static int dial(const char *path) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (path == NULL || strlen(path) >= sizeof addr.sun_path) {
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* One line there and one back. A signal ends a wait, as it does in a driver. */
static enum outcome exchange(int fd, char line[LINE_SIZE], bool is_wait) {
    const struct timeval limit = {.tv_sec = ANSWER_S};
    size_t n = strlen(line);
    size_t got = 0;
    if (!is_wait) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    if (send(fd, line, n, MSG_NOSIGNAL) != (ssize_t)n) {
        return NOT_OURS;
    }
    do {
        ssize_t came = recv(fd, line + got, LINE_SIZE - 1 - got, 0);
        if (came < 0 && errno == EINTR) {
            if (is_wait) {
                return INTERRUPTED;
            }
            continue;
        }
        if (came <= 0) {
            return is_wait ? GONE : NOT_OURS; /* it was there when the wait began */
        }
        got += (size_t)came;
    } while (got < LINE_SIZE - 1 && (got == 0 || line[got - 1] != '\n'));
    line[got] = '\0';
    return ANSWERED;
}

static bool has(const char *answer, const char *text) {
    return strstr(answer, text) != NULL;
}

static unsigned number(const char *answer, const char *key) {
    const char *at = strstr(answer, key);
    return at != NULL ? (unsigned)strtoul(at + strlen(key), NULL, 10) : 0;
}

/* `params` begins with a comma, or is empty. The answer takes the place of the question. */
static enum outcome ask_daemon(int tty_fd, const char *method, const char *params,
                               char line[LINE_SIZE]) {
    char tty[TTY_SIZE] = "";
    int before = errno;
    const char *path = getenv("SIM7X00_CONTROL");
    if (path == NULL || !is_pty(tty_fd, tty)) {
        errno = before;
        return NOT_OURS;
    }
    enum outcome what = NOT_OURS;
    int fd = dial(path);
    if (fd >= 0) {
        snprintf(
            line, LINE_SIZE,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"port\":\"%s\"%s}}\n",
            method, tty, params);
        what = exchange(fd, line, strcmp(method, "lines.wait") == 0);
        close(fd);
    }
    if (what == ANSWERED && !has(line, "\"result\"")) {
        what = has(line, "-32000") ? GONE : NOT_OURS; /* refused; no port of it */
    }
    errno = before;
    return what;
}

/* -- as a serial driver answers -- */

static const struct {
    const char *word;
    int bit;
} lines[] = {
    {"\"dtr\":true", TIOCM_DTR}, {"\"rts\":true", TIOCM_RTS}, {"\"cts\":true", TIOCM_CTS},
    {"\"dsr\":true", TIOCM_DSR}, {"\"dcd\":true", TIOCM_CAR}, {"\"ri\":true", TIOCM_RNG},
};

static enum outcome get_lines(int fd, int *to) {
    char line[LINE_SIZE];
    enum outcome what = ask_daemon(fd, "lines.get", "", line);
    if (what == ANSWERED) {
        *to = 0;
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
            *to |= has(line, lines[i].word) ? lines[i].bit : 0;
        }
    }
    return what;
}

/* Those of DTR and RTS that are in `which`. */
static enum outcome set_lines(int fd, int which, int to) {
    char line[LINE_SIZE];
    char params[64] = "";
    snprintf(params, sizeof params, "%s%s",
             (which & TIOCM_DTR) == 0 ? ""
             : (to & TIOCM_DTR) != 0  ? ",\"dtr\":true"
                                      : ",\"dtr\":false",
             (which & TIOCM_RTS) == 0 ? ""
             : (to & TIOCM_RTS) != 0  ? ",\"rts\":true"
                                      : ",\"rts\":false");
    return ask_daemon(fd, "lines.set", params, line);
}

static enum outcome wait_lines(int fd, unsigned long which) {
    char line[LINE_SIZE];
    char params[64];
    snprintf(params, sizeof params, ",\"dcd\":%s,\"ri\":%s",
             (which & TIOCM_CAR) != 0 ? "true" : "false",
             (which & TIOCM_RNG) != 0 ? "true" : "false");
    return ask_daemon(fd, "lines.wait", params, line);
}

static enum outcome count_changes(int fd, struct serial_icounter_struct *to) {
    char line[LINE_SIZE];
    enum outcome what = ask_daemon(fd, "lines.get", "", line);
    if (what == ANSWERED) {
        memset(to, 0, sizeof *to);
        to->rng = (int)number(line, "\"ri_ends\":");
        to->dcd = (int)number(line, "\"dcd_changes\":");
    }
    return what;
}

static enum outcome send_break(int fd) {
    char line[LINE_SIZE];
    return ask_daemon(fd, "lines.set", ",\"break\":true", line);
}

static enum outcome serve(int fd, unsigned long request, void *arg) {
    int drop = 0;
    switch (request) {
    case TIOCMGET:
        return get_lines(fd, arg);
    case TIOCMSET:
        return set_lines(fd, TIOCM_DTR | TIOCM_RTS, *(const int *)arg);
    case TIOCMBIS:
        return set_lines(fd, *(const int *)arg, *(const int *)arg);
    case TIOCMBIC:
        return set_lines(fd, *(const int *)arg, 0);
    case TIOCMIWAIT:
        return wait_lines(fd, (unsigned long)arg);
    case TIOCGICOUNT:
        return count_changes(fd, arg);
    case TCSBRK: /* with an argument it is tcdrain */
        return arg == NULL ? send_break(fd) : NOT_OURS;
    case TCSBRKP:
    case TIOCSBRK:
        return send_break(fd);
    case TIOCCBRK: /* it is over: known only to be ours */
        return get_lines(fd, &drop);
    default:
        return NOT_OURS;
    }
}

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...) {
    va_list ap;
    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    switch (serve(fd, request, arg)) {
    case ANSWERED:
        return 0;
    case INTERRUPTED:
        errno = EINTR;
        return -1;
    case GONE:
        errno = EIO;
        return -1;
    case NOT_OURS:
        break;
    }
    return ask_kernel(fd, request, arg);
}

/* libc's own does not come by here. */
__attribute__((visibility("default"))) int tcsendbreak(int fd, int duration) {
    enum { TENTH_MS = 100 };
    if (duration <= 0) {
        return ioctl(fd, TCSBRK, 0);
    }
    return ioctl(fd, TCSBRKP, (duration + TENTH_MS - 1) / TENTH_MS);
}
