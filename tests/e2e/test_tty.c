/* The tty: programs that people use on it, clients that come, go and die, and bytes that wait. */
#define _GNU_SOURCE /* setresuid */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/pieces.h"
#include "tests/support/turn.h"

enum {
    OPENS = 300,
    STALL_MS = 5000, /* of real time; the clock is TIMES as fast: a minute of the module's */
    TIMES = 12,
    FLOOD = 16 << 20, /* more than the kernel keeps for a link */
};

static struct daemon d;

static void setup(void) {
    daemon_quick(&d);
}

static void teardown(void) {
    daemon_stop(&d);
}

TestSuite(e2e_tty, .init = setup, .fini = teardown, .timeout = 120);
/* Those that start it themselves. */
TestSuite(e2e_tty_own, .timeout = 120);

/* Runs a command line with $MODEM as the tty, and the folder as its own. */
__attribute__((format(printf, 2, 3))) static void run(struct dte *t, const char *fmt, ...) {
    char text[1024];
    setenv("MODEM", d.link, 1);
    setenv("HOME", d.folder, 1);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    dte_run(t, text);
}

/* The modem answers as one that nobody has used before. A client that opens within microseconds of
 * another's close may be taken for the same: the kernel does not tell. */
static void is_fresh(void) {
    struct dte t;
    daemon_settle(&d);
    dte_open(&t, d.link);
    dte_say(&t, "AT");
    cr_assert_str_eq(dte_expect(&t, "OK\r\n"), "AT\r\r\nOK\r\n");
    dte_close(&t);
}

/* -- programs -- */

Test(e2e_tty, echo_and_then_cat_from_a_shell) {
    struct dte t;
    for (int i = 0; i < 10; i++) {
        run(&t, "cd ~; echo -e 'AT\\r' > modem; cat modem");
        dte_expect(&t, "OK\r\n");
        dte_close(&t);
    }
    is_fresh();
}

Test(e2e_tty, echo_while_cat_runs) {
    struct dte cat;
    struct dte t;
    run(&cat, "cat $MODEM");
    for (int i = 0; i < 10; i++) {
        run(&t, "echo -e 'AT+CSQ\\r' > $MODEM");
        cr_assert_eq(dte_exited(&t), 0);
        dte_expect(&cat, "+CSQ: ");
        dte_expect(&cat, "OK\r\n");
    }
    dte_close(&cat);
}

Test(e2e_tty, picocom) {
    struct dte t;
    for (int i = 0; i < 3; i++) {
        run(&t, "picocom %s $MODEM", i == 0 ? "" : i == 1 ? "-b 115200 -f h" : "-b 9600 -f s");
        dte_expect(&t, "Terminal ready\r\n");
        dte_ask(&t, "AT", "OK\r\n");
        dte_ask(&t, "ATI", "Manufacturer");
        dte_expect(&t, "OK\r\n");
        dte_send(&t, "\001\030", 2);
        dte_expect(&t, "Thanks for using picocom");
        cr_assert_eq(dte_exited(&t), 0);
    }
    is_fresh();
}

Test(e2e_tty, minicom) {
    struct dte t;
    run(&t, "minicom -b 115200 -D $MODEM");
    dte_expect(&t, "special keys");
    dte_ask(&t, "AT S7=45 S0=0 L1 V1 X4 &c1 E1 Q0", "OK"); /* its usual initialisation */
    dte_ask(&t, "AT+CSQ", "+CSQ: ");
    dte_expect(&t, "OK");
    dte_send(&t, "\001x", 2);
    dte_expect(&t, "Leave Minicom?");
    dte_say(&t, "%s", "");
    cr_assert_eq(dte_exited(&t), 0);
}

Test(e2e_tty, pyserial_in_all_its_ways) {
    struct dte t;
    run(&t, "exec tests/e2e/client_pyserial.py $MODEM");
    cr_assert_eq(dte_exited(&t), 0);
    is_fresh();
}

Test(e2e_tty, socat) {
    struct dte t;
    run(&t, "exec socat -,raw,echo=0 $MODEM,raw,echo=0");
    dte_ask(&t, "AT", "OK\r\n");
    dte_close(&t);
    run(&t, "printf 'AT+CSQ\\r' | socat -t 0.5 - $MODEM,raw,echo=0");
    dte_expect(&t, "+CSQ: ");
    dte_expect(&t, "OK");
    cr_assert_eq(dte_exited(&t), 0);
    is_fresh();
}

Test(e2e_tty, stty_shows_a_raw_line_from_the_first_moment) {
    struct dte t;
    for (int i = 0; i < 2; i++) {
        run(&t, "stty -F $MODEM -a; echo end");
        const char *says = dte_expect(&t, "\nend\n");
        cr_assert_not_null(strstr(says, "speed 115200 baud"), "%s", says);
        static const char *const flags[] = {"-icanon", "-echo ", "-isig", "-icrnl",
                                            "-ixon",   "-opost", " cs8",  "-onlcr"};
        for (size_t k = 0; k < sizeof flags / sizeof flags[0]; k++) {
            cr_assert_not_null(strstr(says, flags[k]), "no%s in %s", flags[k], says);
        }
        cr_assert_eq(dte_exited(&t), 0);
        /* What this one sets does not last. */
        run(&t, "stty -F $MODEM 9600 sane && stty -F $MODEM raw -echo 19200 crtscts");
        cr_assert_eq(dte_exited(&t), 0);
    }
    is_fresh();
}

/* -- comings and goings -- */

Test(e2e_tty, three_hundred_opens_and_closes) {
    daemon_settle(&d); /* while it cleans a tty up, it has it open itself */
    unsigned before = daemon_count(&d, "fd");
    for (int i = 0; i < OPENS; i++) {
        struct dte t;
        dte_open(&t, d.link);
        if (i % 3 != 0) {
            dte_say(&t, "AT");
            cr_assert_str_eq(dte_expect(&t, "OK\r\n"), "AT\r\r\nOK\r\n", "open %d", i);
        }
        dte_close(&t);
    }
    is_fresh();
    daemon_settle(&d);
    cr_assert_eq(daemon_count(&d, "fd"), before);
}

/* Writes from a process that is then killed. */
static void write_and_die(const char *text, const char *wait_for) {
    pid_t pid = fork();
    if (pid == 0) {
        struct dte t;
        dte_open(&t, d.link);
        dte_send(&t, text, strlen(text));
        if (wait_for != NULL) {
            dte_expect(&t, wait_for);
        }
        raise(SIGKILL);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

Test(e2e_tty, a_killed_client_leaves_nothing_to_the_next) {
    for (int i = 0; i < 20; i++) {
        write_and_die("AT+CM", "AT+CM");
        is_fresh();
        write_and_die("AT+CSQ\rAT+CSQ\r", "OK\r\n");
        is_fresh();
    }
}

Test(e2e_tty, half_a_line_does_not_reach_the_next_client) {
    for (int i = 0; i < 20; i++) {
        struct dte t;
        dte_open(&t, d.link);
        dte_ask(&t, "AT", "OK\r\n");
        dte_send(&t, "AT+CPIN", 7);
        if (i % 2 == 0) {
            dte_expect(&t, "AT+CPIN");
        }
        dte_close(&t);
        is_fresh();
    }
}

Test(e2e_tty_own, an_open_prompt_does_not_swallow_the_next_clients_input) {
    struct far_end far;
    struct dte t;
    far_listen(&far, FAR_CHECK);
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:80=127.0.0.1:%u", far.port);
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 0,0\r\n");
    dte_ask(&t, "AT+CIPSEND=0,10", ">");
    dte_send(&t, "12345", 5);
    dte_close(&t);
    is_fresh();
    cr_assert_eq(far_link(&far, 0)->received, 0);
    far_stop(&far);
    daemon_stop(&d);
}

Test(e2e_tty, an_unread_answer_does_not_reach_the_next_client) {
    for (int i = 0; i < 20; i++) {
        struct dte t;
        dte_open(&t, d.link);
        dte_ask(&t, "AT", "OK\r\n");
        dte_read_on(&t, false);
        dte_say(&t, "ATI");
        /* The answer is with the kernel. */
        struct pollfd p = {.fd = t.fd, .events = POLLIN};
        cr_assert_eq(poll(&p, 1, TURN_LIMIT_MS), 1);
        dte_close(&t);
        is_fresh();
    }
}

static void run_exclusive_client(void) {
    pid_t pid = fork();
    if (pid == 0) {
        struct dte t;
        dte_open(&t, d.link);
        ioctl(t.fd, TIOCEXCL);
        dte_ask(&t, "AT", "OK\r\n");
        raise(SIGKILL);
    }
    waitpid(pid, NULL, 0);
}

/* Exclusive use bars everybody but root: both sides are somebody else here. */
static void become_nobody(void) {
    enum { NOBODY = 65534 };
    if (getuid() == 0) {
        must(chown(d.folder, NOBODY, NOBODY) == 0);
        must(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
        prctl(PR_SET_DUMPABLE, 1); /* which the leak checker needs */
    }
}

Test(e2e_tty_own, exclusive_use_left_behind_does_not_lock_the_next_client_out) {
    char program[64];
    daemon_init(&d);
    /* Its folder may be closed to nobody. */
    int fd = open(d.program, O_PATH);
    cr_assert_geq(fd, 0);
    snprintf(program, sizeof program, "/proc/self/fd/%d", fd);
    d.program = program;
    become_nobody();
    daemon_start(&d);
    for (int i = 0; i < 5; i++) {
        run_exclusive_client();
        int tty = -1;
        int64_t limit_us = turn_now_us() + 5000000;
        while ((tty = open(d.link, O_RDWR | O_NOCTTY)) < 0 && turn_step(limit_us)) {
        }
        cr_assert_geq(tty, 0, "%s", strerror(errno));
        close(tty);
        is_fresh();
    }
    cr_assert_eq(daemon_count(&d, "task"), 1);
    daemon_stop(&d);
}

/* -- pieces of any size -- */

Test(e2e_tty, a_byte_at_a_time_both_ways) {
    struct dte t;
    static const char text[] = "AT+CMEE=2;+CMEE?\r";
    static const char answer[] = "AT+CMEE=2;+CMEE?\r\r\n+CMEE: 2\r\n\r\nOK\r\n";
    char got[sizeof answer] = "";
    dte_open(&t, d.link);
    dte_read_on(&t, false);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        cr_assert_eq(write(t.fd, &text[i], 1), 1);
        cr_assert_eq(tcdrain(t.fd), 0);
    }
    for (size_t i = 0; i < sizeof answer - 1; i++) {
        struct pollfd p = {.fd = t.fd, .events = POLLIN};
        cr_assert_eq(poll(&p, 1, TURN_LIMIT_MS), 1, "after %s", got);
        cr_assert_eq(read(t.fd, &got[i], 1), 1);
    }
    cr_assert_str_eq(got, answer);
    dte_close(&t);
}

Test(e2e_tty, two_commands_in_one_write) {
    struct dte t;
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0", "OK\r\n");
    dte_send(&t, "AT+CMEE=1\rAT+CMEE?\r\nAT\r", 24);
    char got[64] = "";
    static const char answer[] = "\r\nOK\r\n\r\n+CMEE: 1\r\n\r\nOK\r\n\r\nOK\r\n";
    dte_read(&t, got, sizeof answer - 1);
    cr_assert_str_eq(got, answer);
    dte_close(&t);
}

Test(e2e_tty_own, data_in_one_write_with_the_command_that_asks_for_it) {
    struct dte t;
    struct far_end far;
    uint8_t line[64];
    uint8_t data[10];
    struct pattern p;
    far_listen(&far, FAR_CHECK);
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:80=127.0.0.1:%u", far.port);
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0", "OK\r\n");
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 0,0\r\n");
    pattern_init(&p, 0);
    size_t sent = 0;
    for (int i = 0; i < 20; i++) {
        /* CR, CR LF; then the next command behind the data. An LF that comes late, behind a
         * line that had none, would be data. */
        bool is_cr_alone = i % 2 == 0 || pieces_are_single();
        size_t n = (size_t)snprintf((char *)line, sizeof line, "AT+CIPSEND=0,%zu\r%s", sizeof data,
                                    is_cr_alone ? "" : "\n");
        pattern_fill(&p, data, sizeof data);
        cr_assert_neq(data[0], '\n', "which would be the command's");
        memcpy(line + n, data, sizeof data);
        n += sizeof data;
        memcpy(line + n, "AT\r", 3);
        dte_send(&t, line, n + 3);
        dte_expect(&t, ">");
        cr_assert_str_eq(dte_expect(&t, "+CIPSEND: 0,10,10\r\n"),
                         "\r\nOK\r\n\r\n+CIPSEND: 0,10,10\r\n");
        cr_assert_str_eq(dte_expect(&t, "OK\r\n"), "\r\nOK\r\n");
        sent += sizeof data;
    }
    turn_until(far_link(&far, 0)->received == sent);
    cr_assert_not(far.links[0].is_wrong);
    dte_close(&t);
    far_stop(&far);
    daemon_stop(&d);
}

/* -- bytes that wait -- */

Test(e2e_tty, a_writer_that_never_waits_loses_only_what_its_own_write_refused) {
    static const char command[] = "AT\r";
    struct dte t;
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0", "OK\r\n");
    dte_read_on(&t, false);
    /* As much as goes in while nothing is read: the kernel's buffers and the daemon's. */
    size_t written = 0;
    size_t refused = 0;
    int64_t quiet_us = turn_now_us() + 500000;
    while (turn_now_us() < quiet_us) {
        size_t at = written % 3;
        ssize_t n = write(t.fd, &command[at], 3 - at);
        if (n > 0) {
            written += (size_t)n;
            quiet_us = turn_now_us() + 500000;
        } else {
            refused++;
            turn_for(1);
        }
    }
    dte_read_on(&t, true);
    dte_send(&t, &command[written % 3], 3 - written % 3);
    size_t commands = written / 3 + 1;
    cr_assert_gt(commands, 1000);
    cr_assert_gt(refused, 0, "the daemon has swallowed %zu commands", commands);
    for (size_t i = 0; i < commands; i++) {
        char got[7] = "";
        dte_read(&t, got, 6);
        cr_assert_str_eq(got, "\r\nOK\r\n", "answer %zu of %zu", i, commands);
    }
    dte_is_silent(&t, 100);
    dte_close(&t);
}

Test(e2e_tty, long_input_arrives_whole_while_a_command_runs) {
    struct dte t;
    char line[LIMIT_LINE + 8];
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0+CMEE=2", "OK\r\n");
    memset(line, ' ', sizeof line);
    memcpy(line, "AT+CMEE?", 8);
    line[LIMIT_LINE + 2] = '\r';
    dte_say(&t, "AT+NETOPEN");
    for (int i = 0; i < 200; i++) {
        dte_send(&t, line, LIMIT_LINE + 3);
    }
    for (int i = 0; i < 200; i++) {
        dte_expect(&t, "+CMEE: 2\r\n\r\nOK\r\n");
    }
    dte_ask(&t, "AT+NETOPEN?", "+NETOPEN: 1");
    dte_close(&t);
}

/* Pushed data of the only link that sends. */
static void read_pushed(struct dte *t, struct pattern *p, size_t total) {
    static uint8_t bytes[LIMIT_PUSH];
    for (size_t got = 0; got < total;) {
        size_t n = dte_pushed(t, bytes, sizeof bytes);
        cr_assert(pattern_check(p, bytes, n), "after %zu bytes", got);
        got += n;
        cr_assert(got <= total || pieces_are_single(), "%zu", got);
    }
}

Test(e2e_tty_own, a_client_that_does_not_read_for_a_minute_loses_nothing_and_stops_nobody) {
    struct far_end flood;
    struct far_end other;
    struct dte t[2];
    char link[2][96];
    struct pattern p;
    far_listen(&flood, FAR_SOURCE);
    far_listen(&other, FAR_ECHO);
    flood.total = FLOOD;
    daemon_init(&d);
    daemon_option(&d, "--modems", "2");
    daemon_option(&d, "--clock", "x%d", TIMES);
    daemon_option(&d, "--map", "203.0.113.1:80=127.0.0.1:%u", flood.port);
    daemon_option(&d, "--map", "203.0.113.2:80=127.0.0.1:%u", other.port);
    d.modems = 2;
    daemon_start(&d);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(link[i], sizeof link[i], "%s%u", d.link, i);
        dte_open(&t[i], link[i]);
        dte_ask(&t[i], "ATE0", "OK\r\n");
        dte_ask(&t[i], "AT+NETOPEN", "+NETOPEN: 0\r\n");
        dte_ask(&t[i], "AT+CIPOPEN=1,\"TCP\",\"203.0.113.2\",80", "+CIPOPEN: 1,0\r\n");
    }
    dte_say(&t[0], "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80");
    dte_expect(&t[0], "+IPD");
    dte_read_on(&t[0], false);
    /* Meanwhile the other module's driver works on. */
    struct pattern echo;
    struct pattern back;
    uint8_t data[100];
    pattern_init(&echo, 1);
    pattern_init(&back, 1);
    size_t rounds = 0;
    for (int64_t until_us = turn_now_us() + STALL_MS * 1000; turn_now_us() < until_us; rounds++) {
        dte_ask(&t[1], "AT+CIPSEND=1,100", ">");
        pattern_fill(&echo, data, sizeof data);
        dte_send(&t[1], data, sizeof data);
        dte_expect(&t[1], "+CIPSEND: 1,100,100\r\n");
        read_pushed(&t[1], &back, sizeof data);
        turn_for(20);
    }
    cr_assert_gt(rounds, 20);
    struct far_link *l = far_link(&flood, 0);
    cr_log_info("%zu rounds beside it, %llu bytes sent to the one that does not read", rounds,
                (unsigned long long)l->sent);
    cr_assert_lt(l->sent, FLOOD);
    dte_read_on(&t[0], true);
    pattern_init(&p, 0);
    size_t first = strtoul(dte_expect(&t[0], "\r\n"), NULL, 10);
    uint8_t bytes[LIMIT_PUSH];
    dte_read(&t[0], bytes, first);
    cr_assert(pattern_check(&p, bytes, first));
    read_pushed(&t[0], &p, pieces_bulk(FLOOD) - first);
    if (!pieces_are_single()) { /* else it would stand behind the rest of it */
        dte_ask(&t[0], "AT", "OK\r\n");
    }
    for (unsigned i = 0; i < 2; i++) {
        dte_close(&t[i]);
    }
    far_stop(&flood);
    far_stop(&other);
    kill(d.pid, SIGTERM);
    cr_assert_eq(daemon_wait(&d, NULL, 0), 0);
    daemon_fini(&d);
}
