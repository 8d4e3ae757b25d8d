/* The port against the kernel's pseudo-terminals; the clients are this process and children. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

#include "base/chan.h"
#include "base/log.h"
#include "base/obj.h"
#include "pty/port.h"
#include "pty/watch.h"

enum { MIB = 1 << 20 };

/* One port with one user on its channel, on a clock that stands still. */
static uv_loop_t loop;
static struct clk *clk;
static struct watch *watch;
static struct port *port;
static char dir[64];
static char path[96];

static struct {
    size_t opened, closed;
    size_t taken;     /* input bytes */
    size_t take_max;  /* a turn; 0: nothing */
    uint8_t next;     /* of the counting input expected */
    bool is_counting; /* input is checked to be 0, 1, 2 ... 250, 0, ... */
    size_t to_send;   /* output bytes still to be made, counting likewise */
    size_t made;
    bool (*act)(char why); /* r: input came, O, C: events, d: drained; true: it is done */
} user;

static void produce(struct chan *ch) {
    while (user.to_send > 0 && !chan_is_busy(ch)) {
        uint8_t bin[1000];
        size_t n = user.to_send < sizeof bin ? user.to_send : sizeof bin;
        for (size_t i = 0; i < n; i++) {
            bin[i] = (uint8_t)(user.made++ % 251);
        }
        cr_assert_eq(chan_write(ch, bin, n), 0);
        user.to_send -= n;
    }
}

static void act(char why) {
    if (user.act != NULL && user.act(why)) {
        user.act = NULL;
    }
}

/* Answers each CR with OK, as an AT session with echo off would. */
static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)at;
    size_t take = n < user.take_max ? n : user.take_max;
    for (size_t i = 0; i < take; i++) {
        if (user.is_counting) {
            cr_assert_eq(p[i], user.next, "byte %zu", user.taken + i);
            user.next = (uint8_t)((user.next + 1) % 251);
        } else if (p[i] == '\r') {
            cr_assert_eq(chan_write(ctx, "\r\nOK\r\n", 6), 0);
        }
    }
    user.taken += take;
    act('r');
    if (user.is_counting) {
        user.take_max = 0; /* once a turn */
    }
    return take;
}

static void on_drained(void *ctx) {
    produce(ctx);
    act('d');
}

static void on_event(void *ctx, enum chan_event event) {
    (void)ctx;
    user.opened += event == CHAN_OPENED;
    user.closed += event == CHAN_CLOSED;
    act(event == CHAN_OPENED ? 'O' : 'C');
}

static const struct chan_user session = {
    .name = "session", .rx = on_rx, .drained = on_drained, .event = on_event};

static int make_port(struct port **out, const char *link) {
    struct port_config cfg = {
        .name = "at", .link = link, .loop = &loop, .clk = clk, .watch = watch};
    return port_new(out, &cfg);
}

static void start(void) {
    memset(&user, 0, sizeof user);
    user.take_max = SIZE_MAX;
    signal(SIGHUP, SIG_IGN);
    cr_assert_eq(uv_loop_init(&loop), 0);
    clk = clk_new_manual();
    cr_assert_eq(watch_new(&watch, &loop), 0);
    snprintf(dir, sizeof dir, "/tmp/test_port.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/modem", dir);
    cr_assert_eq(make_port(&port, path), 0);
    chan_push(port_chan(port), &session, port_chan(port));
}

static void stop(void) {
    if (port != NULL) {
        chan_pop(port_chan(port), &session, port_chan(port));
        port_close(port);
        port = NULL;
    }
    watch_close(watch);
    uv_run(&loop, UV_RUN_DEFAULT);
    clk_close(clk);
    cr_assert_eq(uv_loop_close(&loop), 0);
    cr_assert_eq(rmdir(dir), 0, "something was left in the folder");
}

/* The kernel hands bytes over by a worker of its own, which a busy machine can keep waiting. */
enum { SETTLE_MS = 20 };

/* What has happened is worked off; the port has then nothing left to do. */
static void settle(void) {
    struct pollfd p = {.fd = uv_backend_fd(&loop), .events = POLLIN};
    do {
        /* The second turn hands to the kernel what the first one wants polled. */
        uv_run(&loop, UV_RUN_NOWAIT);
        uv_run(&loop, UV_RUN_NOWAIT);
    } while (uv_backend_timeout(&loop) == 0 || poll(&p, 1, SETTLE_MS) > 0);
}

static int client_open(void) {
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    cr_assert_geq(fd, 0, "open: %s", strerror(errno));
    return fd;
}

static void client_write(int fd, const char *text) {
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* As `echo AT > modem` is one. */
static void client_only_writes(void) {
    int fd = client_open();
    client_write(fd, "AT\r");
    close(fd);
}

/* Reads exactly this, running the loop meanwhile. */
static void client_expect(int fd, const char *text) {
    char got[256] = "";
    size_t n = 0;
    while (n < strlen(text)) {
        uv_run(&loop, UV_RUN_NOWAIT);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        poll(&p, 1, 1);
        ssize_t more = read(fd, got + n, sizeof got - 1 - n);
        cr_assert(more > 0 || (more < 0 && errno == EAGAIN));
        n += more > 0 ? (size_t)more : 0;
        got[n] = '\0';
    }
    cr_assert_str_eq(got, text);
}

/* Its tty is gone. */
static void client_expect_end(int fd) {
    char c = 0;
    cr_assert_leq(read(fd, &c, 1), 0, "got byte %d", c);
    cr_assert_neq(errno, EAGAIN);
    cr_assert_eq(write(fd, "x", 1), -1);
    cr_assert_eq(errno, EIO);
}

/* As a program does that asks and is answered. */
static void client_asks_and_reads(void) {
    int fd = client_open();
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    close(fd);
}

static void client_expect_nothing(int fd) {
    char c = 0;
    settle();
    cr_assert_lt(read(fd, &c, 1), 0, "got byte %d", c);
    cr_assert_eq(errno, EAGAIN);
}

static void assert_idle(void) {
    struct pollfd p = {.fd = uv_backend_fd(&loop), .events = POLLIN};
    settle();
    cr_assert_eq(uv_backend_timeout(&loop), -1);
    cr_assert_eq(poll(&p, 1, 300), 0, "the port would wake up");
}

/* Of libc's name, so that a client comes and goes while the port does not watch its tty. */
static bool is_caller_waiting;

int inotify_rm_watch(int fd, int wd) {
    int err = (int)syscall(SYS_inotify_rm_watch, fd, wd);
    if (is_caller_waiting) {
        is_caller_waiting = false;
        client_only_writes();
    }
    return err;
}

TestSuite(port, .init = start, .fini = stop, .timeout = 60);

Test(port, answers_its_client) {
    int fd = client_open();
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    cr_assert_eq(user.opened, 1);
    close(fd);
    settle();
    cr_assert_eq(user.closed, 1);
}

Test(port, is_raw_before_anybody_opens_it) {
    int fd = client_open();
    struct termios t;
    cr_assert_eq(tcgetattr(fd, &t), 0);
    cr_assert_eq(t.c_lflag & (tcflag_t)(ECHO | ICANON | ISIG), 0);
    cr_assert_eq(t.c_oflag & (tcflag_t)OPOST, 0);
    cr_assert_eq(t.c_iflag & (tcflag_t)(ICRNL | IXON | IXOFF), 0);
    cr_assert_eq(cfgetospeed(&t), (speed_t)B115200);
    cr_assert_eq(port_speed(port), 115200);
    cr_assert_eq(chan_write(port_chan(port), "\r\nRING\r\n", 8), 0);
    client_expect(fd, "\r\nRING\r\n");
    settle();
    cr_assert_eq(user.taken, 0, "our own output came back");
    close(fd);
}

Test(port, shows_the_clients_speed) {
    int fd = client_open();
    struct termios t;
    tcgetattr(fd, &t);
    cfsetspeed(&t, B9600);
    tcsetattr(fd, TCSANOW, &t);
    cr_assert_eq(port_speed(port), 9600);
    cfsetspeed(&t, B0);
    tcsetattr(fd, TCSANOW, &t);
    cr_assert_eq(port_speed(port), 0);
    close(fd);
    settle();
    cr_assert_eq(port_speed(port), 115200, "settings are cleared at the last close");
}

Test(port, opens_and_closes_200_times) {
    for (size_t i = 1; i <= 200; i++) {
        client_asks_and_reads();
        settle();
        cr_assert_eq(user.opened, i);
        cr_assert_eq(user.closed, i);
    }
}

Test(port, survives_opens_too_quick_to_be_noticed) {
    for (size_t i = 0; i < 200; i++) {
        int fd = client_open();
        if (i % 3 == 0) {
            uv_run(&loop, UV_RUN_NOWAIT);
        }
        client_write(fd, "x");
        close(fd);
        if (i % 2 == 0) {
            uv_run(&loop, UV_RUN_NOWAIT);
        }
    }
    settle();
    cr_assert_eq(user.taken, 200);
    cr_assert_eq(user.opened, user.closed);
    client_asks_and_reads();
    settle();
    assert_idle();
}

Test(port, tells_the_last_close_of_two_clients) {
    int a = client_open();
    int b = client_open();
    settle();
    close(a);
    settle();
    cr_assert_eq(user.closed, 0);
    client_write(b, "AT\r");
    client_expect(b, "\r\nOK\r\n");
    close(b);
    settle();
    cr_assert_eq(user.opened, 1);
    cr_assert_eq(user.closed, 1);
}

Test(port, notices_a_killed_client) {
    int fd = client_open();
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    close(fd); /* the child has the last one */
    settle();
    cr_assert_eq(user.opened, 1);
    cr_assert_eq(user.closed, 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    settle();
    cr_assert_eq(user.closed, 1);
}

Test(port, notices_a_client_that_goes_while_its_input_waits) {
    user.take_max = 0;
    int fd = client_open();
    char bin[1024] = {0};
    while (write(fd, bin, sizeof bin) > 0) {
        settle();
    }
    assert_idle();
    close(fd);
    settle();
    cr_assert_eq(user.closed, 1);
    assert_idle();
    user.take_max = SIZE_MAX;
    size_t before = user.taken;
    chan_pump(port_chan(port));
    cr_assert_gt(user.taken, before + 4096, "what the kernel still held is read as well");
    assert_idle();
}

Test(port, clears_exclusive_use) {
    char before[64];
    snprintf(before, sizeof before, "%s", port_tty(port));
    int fd = client_open();
    cr_assert_eq(ioctl(fd, TIOCEXCL), 0);
    settle();
    close(fd);
    settle();
    fd = client_open();
    int is_exclusive = 1;
    cr_assert_eq(ioctl(fd, TIOCGEXCL, &is_exclusive), 0);
    cr_assert_eq(is_exclusive, 0);
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    close(fd);
    settle();
    cr_assert(geteuid() != 0 || strcmp(port_tty(port), before) == 0);
}

/* The same without privilege, where only a new tty helps. */
static void start_unprivileged(void) {
    if (geteuid() == 0) {
        cr_assert(setgid(65534) == 0 && setuid(65534) == 0);
        prctl(PR_SET_DUMPABLE, 1); /* the leak checker wants to look at its own process */
    }
    start();
}

TestSuite(port_unprivileged, .init = start_unprivileged, .fini = stop, .timeout = 10);

Test(port_unprivileged, replaces_a_tty_left_in_exclusive_use) {
    char before[64];
    snprintf(before, sizeof before, "%s", port_tty(port));
    int fd = client_open();
    cr_assert_eq(ioctl(fd, TIOCEXCL), 0);
    client_write(fd, "AT\r");
    close(fd);
    settle();
    cr_assert_str_neq(port_tty(port), before);
    char target[64] = "";
    cr_assert_gt(readlink(path, target, sizeof target - 1), 0);
    cr_assert_str_eq(target, port_tty(port));
    fd = client_open();
    client_expect(fd, "\r\nOK\r\n");
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    close(fd);
    settle();
    cr_assert_eq(user.opened, 2);
    cr_assert_eq(user.closed, 2);
}

/* Opens the tty for itself again and again, faster than its leaving is noticed. */
static void *come_and_go(void *over) {
    for (int i = 0; i < 1000; i++) {
        int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
        if (fd >= 0) {
            ioctl(fd, TIOCEXCL);
            sched_yield();
            ioctl(fd, TIOCNXCL);
            close(fd);
        }
    }
    atomic_store((atomic_bool *)over, true);
    return NULL;
}

Test(port_unprivileged, keeps_the_tty_of_a_client_that_is_back_at_once, .timeout = 60) {
    char before[64];
    snprintf(before, sizeof before, "%s", port_tty(port));
    atomic_bool over = false;
    pthread_t client;
    cr_assert_eq(pthread_create(&client, NULL, come_and_go, &over), 0);
    while (!atomic_load(&over)) {
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    pthread_join(client, NULL);
    settle();
    cr_assert_str_eq(port_tty(port), before);
}

Test(port, does_not_show_one_clients_output_to_the_next) {
    int fd = client_open();
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    chan_write(port_chan(port), "\r\nSECRET\r\n", 10);
    settle();
    close(fd);
    settle();
    fd = client_open();
    client_expect_nothing(fd);
    close(fd);
}

Test(port, drops_what_a_client_left_waiting_in_the_channel) {
    int fd = client_open();
    user.to_send = 60000;
    produce(port_chan(port));
    settle();
    cr_assert_gt(chan_pending(port_chan(port)), 0);
    assert_idle();
    user.to_send = 0;
    close(fd);
    settle();
    cr_assert_eq(chan_pending(port_chan(port)), 0);
    fd = client_open();
    client_expect_nothing(fd);
    close(fd);
}

Test(port, answers_the_next_client_when_the_first_only_wrote) {
    client_only_writes();
    settle();
    cr_assert_eq(user.opened, 1);
    cr_assert_eq(user.closed, 1);
    int fd = client_open();
    client_expect(fd, "\r\nOK\r\n");
    client_expect_nothing(fd);
    close(fd);
}

Test(port, answers_the_next_client_when_the_answer_was_already_out) {
    int fd = client_open();
    client_write(fd, "AT\r");
    settle();
    close(fd);
    settle();
    fd = client_open(); /* as `stty -F` between the two would */
    settle();
    close(fd);
    settle();
    fd = client_open();
    client_expect(fd, "\r\nOK\r\n");
    client_expect_nothing(fd);
    close(fd);
}

Test(port, does_not_answer_the_last_words_of_a_client_that_has_read) {
    int fd = client_open();
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    client_write(fd, "AT\r");
    close(fd);
    settle();
    fd = client_open();
    client_expect_nothing(fd);
    close(fd);
}

Test(port, answers_the_next_client_though_an_earlier_close_went_unseen) {
    client_asks_and_reads();
    int fd = client_open(); /* before the port looks */
    client_write(fd, "AT\r");
    settle();
    close(fd);
    settle();
    fd = client_open();
    client_expect(fd, "\r\nOK\r\n");
    close(fd);
}

/* `echo` directly behind another's close, on a machine too busy for the port to look between. */
Test(port, answers_the_next_client_of_one_that_came_and_went_unseen) {
    client_asks_and_reads();
    client_only_writes();
    settle();
    int fd = client_open();
    client_expect(fd, "\r\nOK\r\n");
    close(fd);
}

Test(port, answers_the_next_client_of_one_that_came_and_went_while_nobody_watched) {
    client_asks_and_reads();
    is_caller_waiting = true;
    settle();
    cr_assert(!is_caller_waiting);
    int fd = client_open();
    client_expect(fd, "\r\nOK\r\n");
    close(fd);
}

Test(port, does_not_hand_on_the_output_of_a_client_that_stayed) {
    int fd = client_open();
    client_write(fd, "AT\r");
    settle();
    clk_advance(clk, CLK_MS(LIMIT_PORT_HOLD_MS));
    close(fd);
    settle();
    fd = client_open();
    client_expect_nothing(fd);
    close(fd);
}

Test(port, throws_held_output_away_in_time) {
    client_only_writes();
    settle();
    cr_assert_eq(clk_next_due(clk).us, CLK_MS(LIMIT_PORT_HOLD_MS).us);
    clk_advance(clk, CLK_MS(LIMIT_PORT_HOLD_MS));
    int fd = client_open();
    client_expect_nothing(fd);
    close(fd);
    settle();
    cr_assert_lt(clk_next_due(clk).us, 0);

    chan_write(port_chan(port), "\r\nRING\r\n", 8);
    clk_advance(clk, CLK_MS(LIMIT_PORT_HOLD_MS - 1));
    fd = client_open();
    client_expect(fd, "\r\nRING\r\n");
    close(fd);
    settle();
    chan_write(port_chan(port), "\r\nRING\r\n", 8);
    clk_advance(clk, CLK_MS(LIMIT_PORT_HOLD_MS));
    cr_assert_eq(chan_pending(port_chan(port)), 0);
}

Test(port, writes_what_one_turn_brings_in_one_piece) {
    int fd = client_open();
    settle();
    chan_write(port_chan(port), "\r\nA\r\n", 5);
    chan_write(port_chan(port), "\r\nB\r\n", 5);
    char got[16];
    cr_assert_lt(read(fd, got, sizeof got), 0, "written from inside chan_write");
    settle();
    cr_assert_eq(read(fd, got, sizeof got), 10);
    close(fd);
}

Test(port, loses_no_input_when_the_user_is_slow) {
    user.is_counting = true;
    int fd = client_open();
    uint8_t bin[4096];
    size_t sent = 0;
    while (user.taken < MIB) {
        size_t n = sizeof bin < MIB - sent ? sizeof bin : MIB - sent;
        for (size_t i = 0; i < n; i++) {
            bin[i] = (uint8_t)((sent + i) % 251);
        }
        ssize_t took = n > 0 ? write(fd, bin, n) : 0;
        sent += took > 0 ? (size_t)took : 0;
        user.take_max = 1500;
        chan_pump(port_chan(port));
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    cr_assert_eq(sent, MIB);
    cr_assert_eq(user.taken, MIB);
    close(fd);
}

Test(port, loses_no_output_when_the_client_is_slow) {
    int fd = client_open();
    settle();
    user.to_send = MIB;
    produce(port_chan(port));
    uint8_t bin[700];
    size_t got = 0;
    while (got < MIB) {
        uv_run(&loop, UV_RUN_NOWAIT);
        ssize_t n = read(fd, bin, sizeof bin);
        cr_assert(n > 0 || errno == EAGAIN);
        for (ssize_t i = 0; i < n; i++, got++) {
            cr_assert_eq(bin[i], got % 251, "byte %zu", got);
        }
    }
    client_expect_nothing(fd);
    close(fd);
}

Test(port, sleeps_while_nothing_happens) {
    assert_idle();
    int fd = client_open();
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    assert_idle();
    close(fd);
    assert_idle();
}

Test(port, removes_its_link) {
    char target[64] = "";
    cr_assert_gt(readlink(path, target, sizeof target - 1), 0);
    cr_assert_str_eq(target, port_tty(port));
    cr_assert_str_eq(port_link(port), path);
    chan_pop(port_chan(port), &session, port_chan(port));
    port_close(port);
    port = NULL;
    cr_assert_lt(readlink(path, target, sizeof target - 1), 0);
}

Test(port, keeps_a_link_that_was_put_in_place_of_its_own) {
    unlink(path);
    cr_assert_eq(symlink("/dev/null", path), 0);
    chan_pop(port_chan(port), &session, port_chan(port));
    port_close(port);
    port = NULL;
    struct stat st;
    cr_assert_eq(lstat(path, &st), 0);
    unlink(path);
}

Test(port, shows_its_clients_the_end) {
    int fd = client_open();
    settle();
    chan_pop(port_chan(port), &session, port_chan(port));
    port_close(port);
    port = NULL;
    char c = 0;
    cr_assert_eq(read(fd, &c, 1), 0);
    close(fd);
}

Test(port, refuses_what_is_not_its_own_to_replace) {
    struct port *other = NULL;
    char name[128];
    snprintf(name, sizeof name, "%s/./modem", dir);
    log_set_level(LOG_ERROR);
    cr_assert_eq(make_port(&other, name), -EEXIST, "a living emulator's, by another path");

    snprintf(name, sizeof name, "%s/file", dir);
    close(open(name, O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(make_port(&other, name), -EEXIST);
    unlink(name);
    cr_assert_eq(symlink("/dev/null", name), 0);
    cr_assert_eq(make_port(&other, name), -EEXIST);
    unlink(name);
    cr_assert_eq(mkdir(name, 0700), 0);
    cr_assert_eq(make_port(&other, name), -EEXIST);
    rmdir(name);
    snprintf(name, sizeof name, "%s/no/modem", dir);
    cr_assert_eq(make_port(&other, name), -ENOENT);
    snprintf(name, sizeof name, "%s/", dir);
    cr_assert_eq(make_port(&other, name), -EINVAL);
    cr_assert_null(other);
}

Test(port, a_tty_is_its_owners_alone_whatever_the_umask) {
    struct stat st;
    cr_assert_eq(stat(port_tty(port), &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    cr_assert_eq(st.st_uid, geteuid());
}

Test(port, replaces_a_link_of_the_dead) {
    const char *const targets[] = {"/dev/pts/999999", port_tty(port), "/nowhere/at/all"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s/stale", dir);
        cr_assert_eq(symlink(targets[i], name), 0);
        struct port *other = NULL;
        cr_assert_eq(make_port(&other, name), 0, "%s", targets[i]);
        char target[64] = "";
        cr_assert_gt(readlink(name, target, sizeof target - 1), 0);
        cr_assert_str_eq(target, port_tty(other));
        port_close(other);
        cr_assert_lt(readlink(name, target, sizeof target - 1), 0);
    }
}

/* -- pulled and back -- */

static void set_present(bool on) {
    chan_set_present(port_chan(port), on);
}

static void assert_link_points_to_the_tty(void) {
    char target[64] = "";
    cr_assert_gt(readlink(path, target, sizeof target - 1), 0);
    cr_assert_str_eq(target, port_tty(port));
}

static void assert_answers(void) {
    int fd = client_open();
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    client_expect_nothing(fd);
    close(fd);
    settle();
}

Test(port, vanishes_when_it_is_pulled_and_comes_back_under_another_number) {
    char before[64];
    snprintf(before, sizeof before, "%s", port_tty(port));
    int fd = client_open();
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    set_present(false);
    settle();
    errno = 0;
    client_expect_end(fd);
    cr_assert_eq(user.closed, 1);
    cr_assert_str_eq(port_tty(port), "");
    cr_assert_eq(port_speed(port), 0);
    struct stat st;
    cr_assert_eq(lstat(path, &st), -1);
    assert_idle();
    close(fd); /* with nobody on the old one its number is free again */
    assert_idle();

    set_present(true);
    settle();
    cr_assert_str_neq(port_tty(port), before);
    assert_link_points_to_the_tty();
    assert_answers();
    cr_assert_eq(user.opened, 2);
    cr_assert_eq(user.closed, 2);
    assert_idle();
}

static void assert_shared_with(gid_t group, struct port *p) {
    struct stat st;
    cr_assert_eq(stat(port_tty(p), &st), 0);
    cr_assert_eq(st.st_gid, group);
    cr_assert_eq(st.st_mode & 0777u, 0660, "%o", (unsigned)st.st_mode);
}

Test(port, is_shared_with_a_group_also_when_it_comes_back) {
    const gid_t group = getegid() > 0 ? getegid() : 1; /* root may give it to any */
    char link[128];
    snprintf(link, sizeof link, "%s/shared", dir);
    struct port_config cfg = {
        .name = "at", .link = link, .loop = &loop, .clk = clk, .watch = watch, .group = group};
    struct port *shared = NULL;
    cr_assert_eq(port_new(&shared, &cfg), 0);
    assert_shared_with(group, shared);
    chan_set_present(port_chan(shared), false);
    settle();
    chan_set_present(port_chan(shared), true);
    settle();
    assert_shared_with(group, shared);
    port_close(shared);
}

Test(port, is_pulled_with_nobody_there) {
    for (int i = 0; i < 20; i++) {
        char before[64];
        snprintf(before, sizeof before, "%s", port_tty(port));
        set_present(false);
        settle();
        cr_assert_str_eq(port_tty(port), "");
        set_present(true);
        settle();
        cr_assert_str_neq(port_tty(port), before);
    }
    cr_assert_eq(user.opened, 0);
    cr_assert_eq(user.closed, 0);
    assert_answers();
}

Test(port, does_nothing_when_it_is_pulled_or_put_back_twice) {
    char before[64];
    snprintf(before, sizeof before, "%s", port_tty(port));
    int fd = client_open();
    settle();
    set_present(true);
    settle();
    cr_assert_str_eq(port_tty(port), before);
    cr_assert_eq(user.closed, 0);
    close(fd);
    settle();
    set_present(false);
    settle();
    set_present(false);
    assert_idle();
    set_present(true);
    settle();
    snprintf(before, sizeof before, "%s", port_tty(port));
    set_present(true);
    settle();
    cr_assert_str_eq(port_tty(port), before);
    assert_answers();
}

Test(port, has_been_away_when_it_is_pulled_and_put_back_in_one_turn) {
    char before[64];
    snprintf(before, sizeof before, "%s", port_tty(port));
    int fd = client_open();
    settle();
    set_present(false);
    set_present(true);
    settle();
    errno = 0;
    client_expect_end(fd);
    cr_assert_str_neq(port_tty(port), before);
    cr_assert_eq(user.closed, 1);
    close(fd);
    assert_answers();

    set_present(false);
    set_present(true);
    set_present(false);
    settle();
    cr_assert_str_eq(port_tty(port), "");
    set_present(true);
    set_present(false);
    settle();
    cr_assert_str_eq(port_tty(port), "");
    set_present(true);
    settle();
    assert_answers();
}

Test(port, forgets_input_and_output_when_it_is_pulled) {
    user.take_max = 0;
    int fd = client_open();
    user.to_send = 60000;
    produce(port_chan(port));
    char bin[1024] = {0};
    while (write(fd, bin, sizeof bin) > 0) {
        settle();
    }
    cr_assert_gt(chan_pending(port_chan(port)), 0);
    user.to_send = 0;
    set_present(false);
    settle();
    cr_assert_eq(chan_pending(port_chan(port)), 0);
    user.take_max = SIZE_MAX;
    chan_pump(port_chan(port));
    set_present(true);
    settle();
    chan_pump(port_chan(port));
    cr_assert_eq(user.taken, 0);
    close(fd);
    assert_answers();
    cr_assert_eq(user.taken, 3);
}

Test(port, throws_away_what_is_written_while_it_is_pulled) {
    static const uint8_t block[LIMIT_CHAN_OUT];
    set_present(false);
    settle();
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(chan_write(port_chan(port), block, sizeof block), 0);
        cr_assert_eq(chan_write(port_chan(port), "x", 1), -ENOBUFS);
        clk_advance(clk, CLK_MS(0));
        cr_assert_eq(chan_pending(port_chan(port)), 0);
    }
    cr_assert_eq(chan_write(port_chan(port), "late", 4), 0);
    chan_set_gate(port_chan(port), 0);
    cr_assert_eq(chan_write(port_chan(port), "held", 4), 0);
    set_present(true);
    settle();
    chan_set_gate(port_chan(port), CHAN_GATE_OPEN);
    int fd = client_open();
    client_expect_nothing(fd);
    cr_assert_eq(chan_write(port_chan(port), "new", 3), 0);
    client_expect(fd, "new");
    close(fd);
    settle();
    cr_assert_eq(clk_next_due(clk).us, -1);
}

Test(port, keeps_what_is_written_when_it_is_back_for_the_first_client) {
    set_present(false);
    settle();
    set_present(true);
    settle();
    cr_assert_eq(chan_write(port_chan(port), "\r\nRDY\r\n", 7), 0);
    clk_advance(clk, CLK_MS(LIMIT_PORT_HOLD_MS - 1));
    int fd = client_open();
    client_expect(fd, "\r\nRDY\r\n");
    close(fd);
}

Test(port, keeps_its_claim_while_it_is_pulled) {
    set_present(false);
    settle();
    struct port *other = NULL;
    log_set_level(LOG_ERROR);
    cr_assert_eq(make_port(&other, path), -EEXIST);
    cr_assert_null(other);

    /* Somebody else's file is not replaced, and the next try may find it gone. */
    close(open(path, O_CREAT | O_WRONLY, 0600));
    set_present(true);
    settle();
    struct stat st;
    cr_assert_eq(lstat(path, &st), 0);
    cr_assert(S_ISREG(st.st_mode));
    cr_assert_str_eq(port_tty(port), "");
    assert_idle();
    unlink(path);
    set_present(true);
    settle();
    assert_link_points_to_the_tty();
    assert_answers();
}

Test(port, keeps_a_link_of_others_when_it_is_pulled) {
    unlink(path);
    cr_assert_eq(symlink("/dev/null", path), 0);
    set_present(false);
    settle();
    struct stat st;
    cr_assert_eq(lstat(path, &st), 0);
    unlink(path);
}

Test(port, closes_while_it_is_pulled) {
    int fd = client_open();
    settle();
    set_present(false);
    settle();
    close(fd);
    chan_pop(port_chan(port), &session, port_chan(port));
    port_close(port);
    port = NULL;
    assert_idle();
    cr_assert_eq(make_port(&port, path), 0, "the claim was given up");
    chan_push(port_chan(port), &session, port_chan(port));
    assert_answers();
}

Test(port, closes_while_it_is_about_to_be_pulled) {
    int fd = client_open();
    settle();
    chan_write(port_chan(port), "late", 4);
    set_present(false);
    chan_pop(port_chan(port), &session, port_chan(port));
    port_close(port);
    port = NULL;
    settle();
    errno = 0;
    client_expect_end(fd);
    close(fd);
}

Test(port, asks_for_no_speed_while_it_is_pulled) {
    chan_watch_dtr(port_chan(port), true);
    cr_assert_geq(clk_next_due(clk).us, 0);
    set_present(false);
    settle();
    cr_assert_lt(clk_next_due(clk).us, 0);
    chan_watch_dtr(port_chan(port), true);
    cr_assert_lt(clk_next_due(clk).us, 0);
    set_present(true);
    settle();
    cr_assert_geq(clk_next_due(clk).us, 0);
    chan_watch_dtr(port_chan(port), false);
}

static char pull_on;   /* which callback pulls */
static bool puts_back; /* in the same callback */
static size_t pulls;

static bool pull(char why) {
    if (why != pull_on) {
        return false;
    }
    pulls++;
    set_present(false);
    chan_write(port_chan(port), "late", 4);
    if (puts_back) {
        set_present(true);
    }
    return true;
}

/* A client comes, writes, reads what there is, goes; whatever it is in the middle of. */
static void meet_a_pulled_tty(char why, bool comes_back) {
    char before[64];
    snprintf(before, sizeof before, "%s", port_tty(port));
    pull_on = why;
    puts_back = comes_back;
    pulls = 0;
    size_t gone = user.closed;
    int fd = client_open();
    if (why != 'O') {
        settle();
    }
    user.act = pull;
    client_write(fd, "AT\rAT\r");
    if (why == 'C') {
        close(fd);
        fd = -1;
    }
    while (pulls == 0) {
        settle();
    }
    settle();
    cr_assert_eq(user.closed, gone + 1, "%c", why);
    cr_assert_eq(user.opened, user.closed, "%c", why);
    if (fd >= 0) {
        errno = 0;
        client_expect_end(fd);
        close(fd);
    }
    if (!comes_back) {
        cr_assert_str_eq(port_tty(port), "");
        clk_advance(clk, CLK_MS(0));
        assert_idle();
        set_present(true);
        settle();
    }
    cr_assert_str_neq(port_tty(port), before, "%c", why);
    assert_answers();
    cr_assert_eq(pulls, 1, "%c", why);
}

Test(port, may_be_pulled_from_inside_any_callback) {
    for (const char *why = "rOCd"; *why != '\0'; why++) {
        meet_a_pulled_tty(*why, false);
        meet_a_pulled_tty(*why, true);
    }
}

static void on_timer(void *ctx) {
    (void)ctx;
    pull(pull_on);
}

Test(port, may_be_pulled_from_a_timer) {
    struct clk *real = clk_new_real(&loop, 1);
    struct clk_timer timer = {0};
    int fd = client_open();
    settle();
    pull_on = 't';
    pulls = 0;
    puts_back = false;
    clk_start(real, &timer, CLK_MS(0), on_timer, NULL);
    client_write(fd, "AT\r");
    while (pulls == 0) {
        settle();
    }
    settle();
    errno = 0;
    client_expect_end(fd);
    cr_assert_eq(user.taken, 0, "input of a tty that was pulled");
    cr_assert_eq(user.closed, 1);
    close(fd);
    clk_advance(clk, CLK_MS(0));
    clk_close(real);
    assert_idle();
}

static bool put_back(char why) {
    if (why == 'C') {
        set_present(true);
    }
    return why == 'C';
}

Test(port, may_be_put_back_when_its_close_is_told) {
    int fd = client_open();
    settle();
    user.act = put_back;
    set_present(false);
    settle();
    close(fd);
    assert_link_points_to_the_tty();
    assert_answers();
}

static void on_flush(uv_prepare_t *flush) {
    set_present(false);
    uv_prepare_stop(flush);
}

Test(port, is_pulled_at_once_also_from_inside_a_prepare_handle) {
    static uv_prepare_t flush;
    uv_prepare_init(&loop, &flush);
    settle();
    uv_prepare_start(&flush, on_flush);
    uv_run(&loop, UV_RUN_NOWAIT);
    cr_assert_eq(uv_backend_timeout(&loop), 0, "the loop must not wait now");
    settle();
    cr_assert_str_eq(port_tty(port), "");
    uv_close((uv_handle_t *)&flush, NULL);
}

TestSuite(port_unprivileged_pulled, .init = start_unprivileged, .fini = stop, .timeout = 10);

Test(port_unprivileged_pulled, leaves_exclusive_use_behind) {
    int fd = client_open();
    cr_assert_eq(ioctl(fd, TIOCEXCL), 0);
    settle();
    set_present(false);
    set_present(true);
    settle();
    assert_answers();
    close(fd);
    assert_answers();
}

/* -- output that waits behind the gate -- */

Test(port, gives_a_client_what_the_gate_allows_and_sleeps_meanwhile) {
    struct chan *ch = port_chan(port);
    int fd = client_open();
    settle();
    chan_set_gate(ch, 3);
    cr_assert_eq(chan_write(ch, "abcdefgh", 8), 0);
    client_expect(fd, "abc");
    client_expect_nothing(fd);
    assert_idle();
    cr_assert_eq(chan_pending(ch), 5);
    client_write(fd, "x");
    settle();
    cr_assert_eq(user.taken, 1, "the other way is free");
    assert_idle();
    chan_set_gate(ch, 2);
    client_expect(fd, "de");
    client_expect_nothing(fd);
    chan_set_gate(ch, CHAN_GATE_OPEN);
    client_expect(fd, "fgh");
    client_expect_nothing(fd);
    close(fd);
}

static void on_over(void *ctx) {
    *(bool *)ctx = true;
}

Test(port, takes_few_turns_while_output_waits_behind_the_gate) {
    struct chan *ch = port_chan(port);
    int fd = client_open();
    settle();
    chan_set_gate(ch, 0);
    cr_assert_eq(chan_write(ch, "abc", 3), 0);
    struct clk *real = clk_new_real(&loop, 1);
    struct clk_timer timer = {0};
    bool is_over = false;
    clk_start(real, &timer, CLK_MS(200), on_over, &is_over);
    int turns = 0;
    while (!is_over) {
        uv_run(&loop, UV_RUN_ONCE);
        turns++;
    }
    clk_close(real);
    cr_assert_lt(turns, 10);
    close(fd);
}

Test(port, drops_what_waits_behind_the_gate_with_its_client) {
    struct chan *ch = port_chan(port);
    int fd = client_open();
    settle();
    chan_set_gate(ch, 3);
    cr_assert_eq(chan_write(ch, "abcdef", 6), 0);
    client_expect(fd, "abc");
    close(fd);
    settle();
    cr_assert_eq(chan_pending(ch), 0);
    assert_idle();
    fd = client_open();
    settle();
    chan_set_gate(ch, CHAN_GATE_OPEN);
    client_expect_nothing(fd);
    close(fd);
}

Test(port, answers_the_next_client_from_behind_the_gate) {
    struct chan *ch = port_chan(port);
    int fd = client_open();
    settle();
    chan_set_gate(ch, 3);
    client_write(fd, "AT\r");
    settle();
    close(fd); /* it only wrote: what it left unread and what waits are the next one's */
    settle();
    fd = client_open();
    client_expect(fd, "\r\nO");
    client_expect_nothing(fd);
    chan_set_gate(ch, CHAN_GATE_OPEN);
    client_expect(fd, "K\r\n");
    client_expect_nothing(fd);
    close(fd);
}

Test(port, does_not_keep_output_behind_the_gate_for_ever) {
    struct chan *ch = port_chan(port);
    int fd = client_open();
    settle();
    chan_set_gate(ch, 0);
    client_write(fd, "AT\r");
    settle();
    close(fd);
    settle();
    cr_assert_gt(chan_pending(ch), 0);
    clk_advance(clk, CLK_MS(LIMIT_PORT_HOLD_MS));
    cr_assert_eq(chan_pending(ch), 0);
}

Test(port, does_not_answer_last_words_from_behind_the_gate) {
    struct chan *ch = port_chan(port);
    int fd = client_open();
    client_write(fd, "AT\r");
    client_expect(fd, "\r\nOK\r\n");
    chan_set_gate(ch, 0);
    client_write(fd, "AT\r");
    close(fd);
    settle();
    fd = client_open();
    settle();
    chan_set_gate(ch, CHAN_GATE_OPEN);
    client_expect_nothing(fd);
    close(fd);
}
