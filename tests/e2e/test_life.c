/* The daemon's life: start, command line, rest, stop. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/turn.h"

enum {
    TRIES = 5, /* of a measurement that other work on the machine can only make worse */
    STOP_MS = DAEMON_IS_SANITIZED ? 500 : 50,
    FIRST_OK_MS = DAEMON_IS_SANITIZED ? 1000 : 100,
    REST_MS = 2000,
};

static bool link_exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

/* A driver with two links open. */
static void open_links(struct daemon *d, struct dte *t, struct far_end *far) {
    far_listen(far, FAR_CHECK);
    daemon_init(d);
    daemon_option(d, "--map", "203.0.113.1:*=127.0.0.1:%u", far->port);
    daemon_start(d);
    dte_open(t, d->link);
    dte_ask(t, "ATE0", "OK\r\n");
    dte_ask(t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 0,0\r\n");
    dte_ask(t, "AT+CIPOPEN=9,\"TCP\",\"203.0.113.1\",81", "+CIPOPEN: 9,0\r\n");
    far_link(far, 1);
}

/* How long it took, in milliseconds. */
static int64_t stop_by(int signal_number) {
    struct daemon d;
    struct dte t;
    struct far_end far;
    open_links(&d, &t, &far);
    int64_t from_us = turn_now_us();
    kill(d.pid, signal_number);
    int status = daemon_wait(&d, NULL, 0);
    int64_t took_us = turn_now_us() - from_us;
    cr_assert_eq(status, 0);
    cr_assert_not(link_exists(d.link));
    turn_until(far.links[0].is_fin && far.links[1].is_fin);
    dte_close(&t);
    far_stop(&far);
    daemon_fini(&d);
    return took_us / 1000;
}

static void stops_in_time(int signal_number) {
    int64_t best_ms = stop_by(signal_number);
    for (int i = 1; i < TRIES && best_ms > STOP_MS; i++) {
        int64_t ms = stop_by(signal_number);
        best_ms = ms < best_ms ? ms : best_ms;
    }
    cr_assert_leq(best_ms, STOP_MS, "%lld ms", (long long)best_ms);
}

Test(e2e_life, sigterm_closes_links_removes_the_tty_link_and_exits_0) {
    stops_in_time(SIGTERM);
}

Test(e2e_life, sigint_does_the_same) {
    stops_in_time(SIGINT);
}

Test(e2e_life, a_second_signal_while_it_stops_changes_nothing) {
    struct daemon d;
    daemon_quick(&d);
    kill(d.pid, SIGTERM);
    kill(d.pid, SIGINT);
    cr_assert_eq(daemon_wait(&d, NULL, 0), 0);
    cr_assert_not(link_exists(d.link));
    daemon_fini(&d);
}

Test(e2e_life, it_stops_with_a_client_that_has_not_read_its_output) {
    struct daemon d;
    struct dte t;
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:19=chargen:");
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0", "OK\r\n");
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",19", "+IPD");
    dte_read_on(&t, false);
    turn_for(100);
    daemon_stop(&d);
    dte_close(&t);
}

/* -- the command line -- */

static const struct {
    const char *option, *value;
    const char *says[2];
} bad_usage[] = {
    {"--bogus", NULL, {"--bogus", "--help"}},
    {"--bogus=1", NULL, {"--bogus", "--help"}},
    {"-x", NULL, {"-x", "--help"}},
    {"stray", NULL, {"stray", "--help"}},
    {"--profile", NULL, {"--profile", "value"}},
    {"--profile", "sim9999", {"--profile", "sim7600e"}},
    {"--link", "", {"--link", "path"}},
    {"--clock", "x0", {"--clock", "x0"}},
    {"--clock", "x1001", {"--clock", "1000"}},
    {"--clock", "slow", {"--clock", "manual"}},
    {"--timing", "slow", {"--timing", "typical"}},
    {"--modems", "0", {"--modems", "1000"}},
    {"--modems", "1001", {"--modems", "1001"}},
    {"--modems", "two", {"--modems", "two"}},
    {"--log", "loud", {"--log", "loud"}},
    {"--json=yes", NULL, {"--json", "value"}},
    {"--map", "", {"--map", "ADDR"}},
    {"--map", "1.2.3.4:80", {"--map", "1.2.3.4:80"}},
    {"--map", "1.2.3.4:65536=127.0.0.1:80", {"--map", "65536"}},
    {"--map", "1.2.3.4:80=127.0.0.1:0", {"--map", "host port \"0\""}},
    {"--map", "1.2.3.4:x=echo:", {"--map", "1.2.3.4:x"}},
    {"--map", "1.2.3.4:80=nothing:", {"--map", "nothing:"}},
    {"--listen", "0=127.0.0.1:80", {"--listen", "port \"0\""}},
    {"--listen", "80", {"--listen", "80"}},
    {"--listen", "80=127.0.0.1:65536", {"--listen", "65536"}},
    {"--dns", "nowhere:x", {"--dns", "nowhere:x"}},
    {"--dns", "", {"--dns", "ADDR"}},
    {"--wait", "5", {"--wait", "--run"}},
};

Test(e2e_life, bad_usage_exits_2_and_names_the_option_and_what_is_allowed) {
    for (size_t i = 0; i < sizeof bad_usage / sizeof bad_usage[0]; i++) {
        struct daemon d;
        char err[2048];
        daemon_init(&d);
        d.keeps_err = true;
        daemon_option(&d, bad_usage[i].option, bad_usage[i].value != NULL ? "%s" : NULL,
                      bad_usage[i].value);
        daemon_spawn(&d);
        int status = daemon_wait(&d, err, sizeof err);
        cr_expect_eq(status, 2, "%s %s: status %d", bad_usage[i].option, bad_usage[i].value,
                     status);
        for (size_t k = 0; k < 2; k++) {
            cr_expect(strstr(err, bad_usage[i].says[k]) != NULL, "%s %s: no %s in '%s'",
                      bad_usage[i].option, bad_usage[i].value, bad_usage[i].says[k], err);
        }
        cr_expect(strchr(err, '\n') == err + strlen(err) - 1, "one line: '%s'", err);
        cr_expect_not(link_exists(d.link));
        daemon_fini(&d);
    }
}

/* The exit status of a --check of this text; `err` is what it said about it. */
static int check(const char *text, char err[2048]) {
    struct daemon d;
    char path[] = "/tmp/check-XXXXXX";
    int fd = mkstemp(path);
    ssize_t n = (ssize_t)strlen(text);
    cr_assert(fd >= 0 && write(fd, text, (size_t)n) == n);
    close(fd);
    daemon_init(&d);
    d.keeps_err = true;
    daemon_option(&d, "--scenario", "%s", path);
    daemon_option(&d, "--check", NULL);
    daemon_spawn(&d);
    int status = daemon_wait(&d, err, 2048);
    cr_expect_not(link_exists(d.link));
    daemon_fini(&d);
    unlink(path);
    return status;
}

Test(e2e_life, a_check_says_what_is_wrong_with_a_scenario_and_makes_no_tty) {
    char err[2048];
    cr_assert_eq(check("{\"name\": \"good\", \"peers\": {\"a\": {\"kind\": \"echo\"}}}", err), 0);
    cr_assert_str_eq(err, "");
    cr_assert_eq(check("{\"name\": \"bad\",\n \"timelin\": []}", err), 2);
    cr_assert(strstr(err, ":2:") != NULL && strstr(err, "timelin") != NULL, "%s", err);
    /* What only the far end itself finds out. */
    cr_assert_eq(check("{\"name\": \"bad\", \"peers\": {\"a\": {\"script\": [{\"close\": true}, "
                       "{\"wait\": \"1s\"}]}}}",
                       err),
                 2);
    cr_assert_neq(strstr(err, "peers.a"), NULL, "%s", err);
}

Test(e2e_life, json_and_several_modems_say_a_line_each) {
    struct daemon d;
    struct dte t;
    char path[96];
    char line[160];
    daemon_init(&d);
    daemon_option(&d, "--json", NULL);
    daemon_option(&d, "--modems", "3");
    d.modems = 3;
    daemon_start(&d);
    buf_put(&d.said, "", 1);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%u", d.link, i);
        snprintf(line, sizeof line, "{\"port\":\"at%u\",\"link\":\"%s\",\"tty\":\"/dev/pts/", i,
                 path);
        cr_assert_not_null(strstr((const char *)buf_data(&d.said), line), "no %s", line);
        dte_open(&t, path);
        dte_ask(&t, "AT", "OK\r\n");
        dte_close(&t);
    }
    daemon_stop(&d);
    cr_assert_not(link_exists(path));
}

Test(e2e_life, it_runs_without_standard_descriptors) {
    struct daemon d;
    struct dte shell;
    struct dte t;
    char command[512];
    daemon_init(&d);
    snprintf(command, sizeof command, "exec %s --link %s <&- >&- 2>&-", d.program, d.link);
    dte_run(&shell, command);
    turn_until(access(d.link, F_OK) == 0);
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0", "OK\r\n");
    dte_ask(&t, "AT+NETOPEN", "\r\nOK\r\n\r\n+NETOPEN: 0\r\n");
    dte_close(&t);
    kill(shell.pid, SIGTERM);
    cr_assert_eq(dte_exited(&shell), 0);
    daemon_fini(&d);
}

/* -- a run -- */

static const char csq_is_answered[] =
    "{\"name\":\"signal\",\"expect\":[{\"driver\":\"AT+CSQ\"},{\"module\":\"OK\"}]}";

/* Between daemon_init and daemon_start. */
static void play(struct daemon *d, const char *scenario) {
    char path[96];
    snprintf(path, sizeof path, "%s/scenario.json", d->folder);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(scenario, f);
    fclose(f);
    daemon_option(d, "--scenario", "%s", path);
    daemon_option(d, "--run", NULL);
}

/* Its exit status; what it said until then is added to d->said. */
static int end_of_run(struct daemon *d) {
    char bytes[4096];
    ssize_t n = 0;
    while ((n = read(d->out, bytes, sizeof bytes)) > 0) {
        buf_put(&d->said, bytes, (size_t)n);
    }
    buf_put(&d->said, "", 1);
    return daemon_wait(d, NULL, 0);
}

static bool has_said(const struct daemon *d, const char *text) {
    return strstr((const char *)buf_data(&d->said), text) != NULL;
}

Test(e2e_life, a_run_to_which_no_driver_comes_fails_on_every_clock_and_says_why) {
    static const char *const clocks[] = {"real", "x1000", "manual"};
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        struct daemon d;
        daemon_init(&d);
        play(&d, csq_is_answered);
        daemon_option(&d, "--wait", "1");
        daemon_option(&d, "--clock", "%s", clocks[i]);
        daemon_start(&d);
        cr_assert_eq(end_of_run(&d), 1, "%s", clocks[i]);
        cr_assert_geq(turn_now_us() - d.started_at_us, 1000000, "%s: too soon", clocks[i]);
        cr_assert(has_said(&d, "\n! no driver opened the tty within 1 s\n"), "%s", clocks[i]);
        cr_assert_not(link_exists(d.link));
        daemon_fini(&d);
    }
}

Test(e2e_life, a_run_whose_driver_has_come_does_not_wait_for_one) {
    struct daemon d;
    struct dte t;
    daemon_init(&d);
    play(&d, "{\"name\":\"silence\",\"verdict\":{\"timeout\":\"1.5s\"}}");
    daemon_option(&d, "--wait", "1");
    daemon_start(&d);
    dte_open(&t, d.link);
    cr_assert_eq(end_of_run(&d), 0);
    cr_assert(has_said(&d, "\nPASS silence: no expectations, 1.500 s\n"));
    dte_close(&t);
    daemon_fini(&d);
}

Test(e2e_life, a_driver_gets_the_answer_that_made_the_run_pass_and_ends_it_by_closing) {
    int64_t best_us = INT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        struct daemon d;
        struct dte t;
        daemon_init(&d);
        play(&d, csq_is_answered);
        daemon_start(&d);
        dte_open(&t, d.link);
        dte_ask(&t, "AT+CSQ", "OK\r\n");
        dte_ask(&t, "AT", "OK\r\n");
        int64_t from_us = turn_now_us();
        dte_close(&t);
        cr_assert_eq(end_of_run(&d), 0);
        int64_t took_us = turn_now_us() - from_us;
        best_us = took_us < best_us ? took_us : best_us;
        cr_assert(has_said(&d, "\nPASS signal: 2 of 2 expectations, "));
        daemon_fini(&d);
    }
    cr_assert_leq(best_us, STOP_MS * 1000);
}

Test(e2e_life, a_driver_that_keeps_the_tty_holds_a_passed_run_for_a_second_only) {
    struct daemon d;
    struct dte t;
    daemon_init(&d);
    play(&d, csq_is_answered);
    daemon_option(&d, "--clock", "x1000");
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "AT+CSQ", "OK\r\n");
    int64_t from_us = turn_now_us();
    cr_assert_eq(end_of_run(&d), 0);
    cr_assert_geq(turn_now_us() - from_us, 900000);
    dte_close(&t);
    daemon_fini(&d);
}

Test(e2e_life, a_stopped_run_has_failed_unless_all_has_come) {
    for (int has_come = 0; has_come <= 1; has_come++) {
        struct daemon d;
        struct dte t;
        daemon_init(&d);
        play(&d, csq_is_answered);
        daemon_option(&d, "--json", NULL);
        daemon_start(&d);
        dte_open(&t, d.link);
        dte_ask(&t, has_come ? "AT+CSQ" : "AT", "OK\r\n");
        kill(d.pid, SIGTERM);
        cr_assert_eq(end_of_run(&d), has_come ? 0 : 1);
        cr_assert(has_said(&d, has_come ? "\n{\"passed\":true,\"report\":\"PASS signal: 2 of 2"
                                        : "\n{\"passed\":false,\"report\":\"FAIL signal: 0 of 2"));
        cr_assert_not(link_exists(d.link));
        dte_close(&t);
        daemon_fini(&d);
    }
}

/* -- the link -- */

/* Starts another one on the same link, which is refused. */
static void is_refused(const struct daemon *of, const char *because) {
    struct daemon d;
    char err[1024];
    daemon_init(&d);
    d.keeps_err = true;
    daemon_option(&d, "--link", "%s", of->link);
    daemon_spawn(&d);
    cr_assert_eq(daemon_wait(&d, err, sizeof err), 3);
    cr_assert_not_null(strstr(err, of->link), "%s", err);
    cr_assert_not_null(strstr(err, because), "%s", err);
    daemon_fini(&d);
}

Test(e2e_life, a_second_daemon_on_a_living_link_is_refused_and_the_first_goes_on) {
    struct daemon d;
    struct dte t;
    daemon_quick(&d);
    is_refused(&d, "");
    dte_open(&t, d.link);
    dte_ask(&t, "AT", "OK\r\n");
    is_refused(&d, "");
    dte_ask(&t, "AT", "OK\r\n");
    dte_close(&t);
    daemon_stop(&d);
}

Test(e2e_life, a_file_in_the_links_place_is_left_alone) {
    struct daemon d;
    struct stat st;
    daemon_init(&d);
    close(open(d.link, O_CREAT | O_WRONLY, 0600));
    is_refused(&d, "");
    cr_assert(stat(d.link, &st) == 0 && S_ISREG(st.st_mode));
    daemon_fini(&d);
}

Test(e2e_life, of_several_modems_none_stays_when_one_link_is_taken) {
    struct daemon d;
    struct stat st;
    char path[2][96];
    daemon_init(&d);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s%u", d.link, i);
    }
    close(open(path[1], O_CREAT | O_WRONLY, 0600));
    daemon_option(&d, "--modems", "2");
    d.keeps_err = true;
    daemon_spawn(&d);
    char err[1024];
    cr_assert_eq(daemon_wait(&d, err, sizeof err), 3);
    cr_assert_not_null(strstr(err, path[1]), "%s", err);
    cr_assert_not(link_exists(path[0]));
    cr_assert(stat(path[1], &st) == 0 && S_ISREG(st.st_mode));
    daemon_fini(&d);
}

Test(e2e_life, the_stale_link_of_a_killed_daemon_is_replaced) {
    struct daemon killed;
    struct daemon d;
    struct dte t;
    daemon_quick(&killed);
    kill(killed.pid, SIGKILL);
    cr_assert_eq(daemon_wait(&killed, NULL, 0), 128 + SIGKILL);
    cr_assert(link_exists(killed.link));
    daemon_init(&d);
    daemon_option(&d, "--link", "%s", killed.link);
    daemon_start(&d);
    dte_open(&t, killed.link);
    dte_ask(&t, "AT", "OK\r\n");
    dte_close(&t);
    daemon_stop(&d);
    cr_assert_not(link_exists(killed.link));
    daemon_fini(&killed);
}

Test(e2e_life, a_link_to_nothing_is_replaced) {
    struct daemon d;
    struct dte t;
    daemon_init(&d);
    cr_assert_eq(symlink("/dev/pts/999999", d.link), 0);
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "AT", "OK\r\n");
    dte_close(&t);
    daemon_stop(&d);
}

Test(e2e_life, a_link_in_no_folder_is_refused) {
    struct daemon d;
    char err[1024];
    daemon_init(&d);
    d.keeps_err = true;
    daemon_option(&d, "--link", "%s/none/modem", d.folder);
    daemon_spawn(&d);
    cr_assert_eq(daemon_wait(&d, err, sizeof err), 3);
    cr_assert_not_null(strstr(err, "none/modem"), "%s", err);
    daemon_fini(&d);
}

/* -- at rest -- */

Test(e2e_life, the_first_ok_comes_soon_after_the_start) {
    int64_t best_us = INT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        struct daemon d;
        struct dte t;
        daemon_quick(&d);
        dte_open(&t, d.link);
        dte_ask(&t, "AT", "OK\r\n");
        int64_t took_us = turn_now_us() - d.started_at_us;
        best_us = took_us < best_us ? took_us : best_us;
        dte_close(&t);
        daemon_stop(&d);
    }
    cr_log_info("first OK %lld us after the start", (long long)best_us);
    cr_assert_leq(best_us, FIRST_OK_MS * 1000);
}

static long wakeups(const struct daemon *d) {
    return daemon_status(d, "voluntary_ctxt_switches");
}

/* Waits until it has come to rest, then counts. */
static void does_not_wake(const struct daemon *d, const char *when) {
    long before = -1;
    for (int i = 0; i < 50 && before != wakeups(d); i++) {
        before = wakeups(d);
        turn_for(100);
    }
    turn_for(REST_MS);
    cr_assert_gt(before, 0);
    cr_assert_eq(wakeups(d), before, "%s: %ld wake-ups", when, wakeups(d) - before);
}

Test(e2e_life, it_does_not_wake_while_nothing_happens) {
    struct daemon d;
    struct dte t;
    daemon_quick(&d);
    does_not_wake(&d, "nobody was there yet");
    dte_open(&t, d.link);
    does_not_wake(&d, "a client that says nothing");
    dte_ask(&t, "ATE0", "OK\r\n");
    does_not_wake(&d, "a client that has said something");
    dte_close(&t);
    does_not_wake(&d, "the client has gone");
    daemon_stop(&d);
}

Test(e2e_life, it_does_not_wake_while_links_and_servers_are_idle) {
    struct daemon d;
    struct dte t;
    struct far_end far;
    open_links(&d, &t, &far);
    dte_ask(&t, "AT+CIPOPEN=1,\"UDP\",,,5000", "+CIPOPEN: 1,0\r\n\r\nOK\r\n");
    does_not_wake(&d, "open links");
    dte_close(&t);
    does_not_wake(&d, "open links, no client");
    far_stop(&far);
    daemon_stop(&d);
}

Test(e2e_life, one_process_with_one_thread) {
    struct daemon d;
    struct dte t;
    struct far_end far;
    open_links(&d, &t, &far);
    dte_say(&t, "AT+CDNSGIP=\"localhost\"");
    dte_expect(&t, "CDNSGIP: ");
    cr_assert_eq(daemon_count(&d, "task"), 1);
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)d.pid, (int)d.pid);
    FILE *f = fopen(path, "r");
    cr_assert(f == NULL || fgetc(f) == EOF, "it has children");
    if (f != NULL) {
        fclose(f);
    }
    cr_log_info("VmRSS %ld KiB", daemon_status(&d, "VmRSS"));
    dte_close(&t);
    far_stop(&far);
    daemon_stop(&d);
}

Test(e2e_life, links_that_come_and_go_leave_no_descriptor_behind) {
    struct daemon d;
    struct dte t;
    struct far_end far;
    open_links(&d, &t, &far);
    unsigned before = daemon_count(&d, "fd");
    for (size_t i = 0; i < 25; i++) {
        dte_ask(&t, "AT+CIPOPEN=3,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 3,0\r\n");
        struct far_link *l = far_link(&far, 2 + i);
        dte_ask(&t, "AT+CIPCLOSE=3", "+CIPCLOSE: 3,0\r\n");
        turn_until(l->is_fin);
        far_close(l);
    }
    turn_until(daemon_count(&d, "fd") == before);
    dte_close(&t);
    far_stop(&far);
    daemon_stop(&d);
}

/* -- timing -- */

Test(e2e_life, under_a_timing_it_boots_and_takes_its_time_to_answer) {
    enum { FACTOR = 10, ACT_MS = 800 }; /* of what asks the network */
    struct daemon d;
    struct dte t;
    daemon_init(&d);
    daemon_option(&d, "--timing", "typical");
    daemon_option(&d, "--clock", "x%d", FACTOR);
    daemon_start(&d);
    dte_open(&t, d.link);
    cr_assert_str_eq(dte_expect(&t, "PB DONE\r\n"),
                     "\r\nRDY\r\n\r\n+CPIN: READY\r\n\r\nSMS DONE\r\n\r\nPB DONE\r\n");
    int64_t from_us = turn_now_us();
    cr_assert_str_eq(dte_ask(&t, "AT+CGATT=1", "OK\r\n"), "AT+CGATT=1\r\r\nOK\r\n");
    cr_assert_geq(turn_now_us() - from_us, ACT_MS * 1000 / FACTOR);
    /* The port goes and comes back under the same link. */
    dte_ask(&t, "AT+CRESET", "OK\r\n");
    turn_until(!link_exists(d.link));
    dte_close(&t);
    turn_until(access(d.link, F_OK) == 0);
    dte_open(&t, d.link);
    dte_expect(&t, "\r\nRDY\r\n");
    dte_close(&t);
    daemon_stop(&d);
}

Test(e2e_life, without_a_timing_it_has_been_on_for_long) {
    struct daemon d;
    struct dte t;
    daemon_quick(&d);
    dte_open(&t, d.link);
    cr_assert_str_eq(dte_ask(&t, "AT", "OK\r\n"), "AT\r\r\nOK\r\n");
    dte_close(&t);
    daemon_stop(&d);
}
