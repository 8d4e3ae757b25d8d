/* daemon.h: the daemon under test in a folder of its own, and programs beside it.
 *
 * Whatever goes wrong here ends the test process with the reason on stderr; a daemon dies with the
 * process that started it.
 */
#ifndef TESTS_SUPPORT_DAEMON_H
#define TESTS_SUPPORT_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#if defined(__SANITIZE_ADDRESS__)
#define DAEMON_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DAEMON_IS_SANITIZED 1
#endif
#endif
#ifndef DAEMON_IS_SANITIZED
#define DAEMON_IS_SANITIZED 0
#endif

enum { DAEMON_ARGS = 192 };

struct daemon {
    const char *program; /* the environment's SIM7X00, unless set before daemon_start */
    char folder[40];
    char link[64]; /* "<folder>/modem", also of the first of several */
    char *args[DAEMON_ARGS];
    size_t nargs;
    unsigned modems; /* ttys to wait for, 1 */
    pid_t pid;
    int out, err; /* pipes from its stdout and, if wanted, stderr */
    bool keeps_err;
    struct buf said;       /* on stdout, until it was ready */
    int64_t started_at_us; /* turn_now_us */
};

/* With SIM7X00_SANDBOX in the environment it is started with --sandbox. */
void daemon_init(struct daemon *d);
void daemon_init_in(struct daemon *d, const char *base); /* its folder is there, not in /tmp */
/* `fmt` NULL: an option without a value. */
__attribute__((format(printf, 3, 4))) void daemon_option(struct daemon *d, const char *option,
                                                         const char *fmt, ...);
void daemon_spawn(struct daemon *d);
void daemon_start(struct daemon *d); /* spawns it and waits until its last tty is ready */
void daemon_quick(struct daemon *d); /* init and start, without options */
/* The exit status; what it said on stderr, if kept, goes to `err`. */
int daemon_wait(struct daemon *d, char *err, size_t size);
void daemon_fini(struct daemon *d); /* removes the folder */
/* SIGTERM, exit status 0, the link is gone, the folder goes. */
void daemon_stop(struct daemon *d);
/* A number from a line "<key>: number" of /proc/PID/status; -1: no such line. */
long daemon_status(const struct daemon *d, const char *key);
/* Waits until it has dealt with everything and sleeps: a close leaves no other trace outside. */
void daemon_settle(const struct daemon *d);
unsigned daemon_count(const struct daemon *d,
                      const char *folder); /* entries of /proc/PID/<folder> */

/* -- a client of a tty, or a program on a terminal of its own -- */

struct dte {
    int fd;         /* -1: closed */
    pid_t pid;      /* of the program, 0: none */
    struct buf got; /* not taken yet */
    char *taken;    /* what dte_expect gave out last */
    bool is_deaf;   /* does not read */
};

void dte_open(struct dte *t, const char *path);
void dte_run(struct dte *t, const char *command); /* on a terminal, by the shell */
int dte_exited(struct dte *t);                    /* waits for the program: its exit status */
void dte_close(struct dte *t);

void dte_send(struct dte *t, const void *p, size_t n); /* reads meanwhile */
__attribute__((format(printf, 2, 3))) void dte_say(struct dte *t, const char *fmt,
                                                   ...); /* and CR */
/* Waits for the text; gives out all up to its end, valid until the next call. */
const char *dte_expect(struct dte *t, const char *text);
/* The same for whichever comes first. */
size_t dte_expect_one_of(struct dte *t, const char *const *texts, size_t count);
void dte_read(struct dte *t, void *to, size_t n);
const char *dte_ask(struct dte *t, const char *command, const char *answer); /* say and expect */
/* Waits for "+IPD<n>" and takes its data; returns n. */
size_t dte_pushed(struct dte *t, void *to, size_t size);
/* The same until the text is there, in whatever pieces. */
void dte_expect_pushed(struct dte *t, const char *text);
void dte_is_silent(struct dte *t, int64_t ms);
void dte_read_on(struct dte *t, bool on); /* off: what comes is left with the kernel */

/* -- bytes that can be checked -- */

struct pattern {
    uint32_t state;
};

void pattern_init(struct pattern *p, unsigned seed);
void pattern_fill(struct pattern *p, void *to, size_t n);
bool pattern_check(struct pattern *p, const void *from, size_t n);

#endif
