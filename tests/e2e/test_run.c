/* A scenario as a program of its own: what it exits with, and what it writes. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/turn.h"

TestSuite(e2e_run, .timeout = 120);

enum { TEXT_MAX = 1 << 16, ROUNDS = 60 };

struct play {
    struct daemon d;
    struct dte t;
    char out[TEXT_MAX], err[TEXT_MAX];
};

static void write_file(const struct daemon *d, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", d->folder, name);
    FILE *f = fopen(path, "w");
    must(f != NULL);
    fputs(text, f);
    fclose(f);
}

static char *read_file(const struct daemon *d, const char *name) {
    char path[128];
    char *text = xmalloc(TEXT_MAX);
    snprintf(path, sizeof path, "%s/%s", d->folder, name);
    FILE *f = fopen(path, "r");
    cr_assert_neq(f, NULL, "%s is not there", name);
    text[fread(text, 1, TEXT_MAX - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void prepare(struct play *p, const char *text) {
    daemon_init(&p->d);
    p->d.keeps_err = true;
    write_file(&p->d, "t.json", text);
    daemon_option(&p->d, "--scenario", "%s/t.json", p->d.folder);
}

static void reports(struct play *p) {
    daemon_option(&p->d, "--run", NULL);
    daemon_option(&p->d, "--junit", "%s/j.xml", p->d.folder);
    daemon_option(&p->d, "--tap", "%s/t.tap", p->d.folder);
}

/* The exit status. */
static int finish(struct play *p) {
    size_t n = 0;
    ssize_t got = 0;
    while ((got = read(p->d.out, p->out + n, sizeof p->out - 1 - n)) > 0) {
        n += (size_t)got;
    }
    p->out[n] = '\0';
    return daemon_wait(&p->d, p->err, sizeof p->err);
}

/* One that does not begin: its exit status. */
static int refused(const char *text, const char *option, const char *value, char err[TEXT_MAX]) {
    struct play p;
    prepare(&p, text);
    if (option != NULL) {
        daemon_option(&p.d, option, "%s", value);
    }
    daemon_spawn(&p.d);
    int status = finish(&p);
    memcpy(err, p.err, sizeof p.err);
    cr_assert_str_eq(p.out, "", "nothing is ready");
    daemon_fini(&p.d);
    return status;
}

/* The program's exit status; `file` of the daemon's folder stands behind the command. */
static int judged(const struct daemon *d, const char *command, const char *file) {
    char line[512];
    snprintf(line, sizeof line, "%s %s/%s >/dev/null 2>&1", command, d->folder, file);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    must(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char xml[] = "/usr/bin/python3 -c 'import sys, xml.dom.minidom as m; "
                          "m.parse(sys.argv[1])'";

static const char text[] = "{\"name\":\"dial <\\\"&\\u0001\\u00e9>\",\"expect\":[{\"driver\":"
                           "\"AT+CSQ\"},{\"module\":\"OK\",\"name\":\"it # says OK\"}],"
                           "\"verdict\":{\"timeout\":\"2s\"}}";

static void play_once(bool is_good) {
    struct play p;
    prepare(&p, text);
    reports(&p);
    daemon_start(&p.d);
    dte_open(&p.t, p.d.link);
    dte_say(&p.t, is_good ? "AT+CSQ" : "AT+CGMR");
    int status = finish(&p);
    cr_assert_eq(status, is_good ? 0 : 1, "%d: %s", status, p.err);
    cr_assert_eq(strncmp(p.out, is_good ? "PASS dial" : "FAIL dial", 9), 0, "%s", p.out);
    cr_assert_eq(judged(&p.d, xml, "j.xml"), 0, "JUnit is well-formed");
    cr_assert_eq(judged(&p.d, "prove -e cat", "t.tap"), is_good ? 0 : 1);
    char *tap = read_file(&p.d, "t.tap");
    cr_assert_neq(strstr(tap, "\n1..2\n"), NULL, "%s", tap);
    cr_assert_neq(strstr(tap, is_good ? "\nok 1 - " : "\nnot ok 1 - "), NULL, "%s", tap);
    cr_assert_neq(strstr(tap, "it \\# says OK"), NULL, "a # begins a directive: %s", tap);
    char *junit = read_file(&p.d, "j.xml");
    cr_assert_eq(strstr(junit, "failures=\"0\"") != NULL, is_good, "%s", junit);
    free(tap);
    free(junit);
    dte_close(&p.t);
    daemon_fini(&p.d);
}

Test(e2e_run, a_driver_that_does_it_passes) {
    play_once(true);
}

Test(e2e_run, one_that_does_not_fails) {
    play_once(false);
}

Test(e2e_run, what_is_wrong_is_told_before_anything_begins) {
    char err[TEXT_MAX];
    cr_assert_eq(refused("{\"name\":\"x\",\n\"expct\":[]}", NULL, NULL, err), 2);
    cr_assert_neq(strstr(err, "t.json:2:1: unknown key \"expct\""), NULL, "%s", err);
    cr_assert_eq(refused("{\"name\":\"x\",\"module\":{\"settings\":[\"AT+NO\"]}}", NULL, NULL, err),
                 2);
    cr_assert_neq(strstr(err, "t.json: module.settings: \"AT+NO\""), NULL, "%s", err);
    cr_assert_eq(refused("{\"name\":\"x\",\"network\":{\"map\":{\"1.1.1.1:1\":\"nobody\"}}}", NULL,
                         NULL, err),
                 2);
    cr_assert_neq(strstr(err, "t.json:1:43: network.map["), NULL, "%s", err);
    cr_assert_eq(refused(text, "--junit", "/nonexistent/j.xml", err), 3);
    cr_assert_neq(strstr(err, "--junit"), NULL, "%s", err);
    cr_assert_eq(refused(text, "--control", "/nonexistent/c", err), 3);
    cr_assert_neq(strstr(err, "/nonexistent/c: no control socket"), NULL, "%s", err);
    cr_assert_eq(refused(text, "--scenario", "/nonexistent/t.json", err), 2);
    cr_assert_neq(strstr(err, "/nonexistent/t.json: No such file"), NULL, "%s", err);
    cr_assert_eq(refused(text, "--scenario", "/", err), 2);
}

Test(e2e_run, one_that_is_stopped_has_failed) {
    struct play p;
    prepare(&p, text);
    reports(&p);
    daemon_start(&p.d);
    kill(p.d.pid, SIGTERM);
    cr_assert_eq(finish(&p), 1);
    char *tap = read_file(&p.d, "t.tap");
    cr_assert_neq(strstr(tap, "\nnot ok 3 - run"), NULL, "%s", tap);
    free(tap);
    daemon_fini(&p.d);
}

Test(e2e_run, without_run_the_daemon_stays_and_reports_at_its_end) {
    struct play p;
    prepare(&p, text);
    daemon_option(&p.d, "--tap", "%s/t.tap", p.d.folder);
    daemon_start(&p.d);
    dte_open(&p.t, p.d.link);
    dte_ask(&p.t, "AT+CSQ", "OK\r\n");
    dte_ask(&p.t, "AT", "OK\r\n");
    kill(p.d.pid, SIGTERM);
    cr_assert_eq(finish(&p), 0);
    char *tap = read_file(&p.d, "t.tap");
    cr_assert_neq(strstr(tap, "\nok 1 - "), NULL, "%s", tap);
    free(tap);
    dte_close(&p.t);
    daemon_fini(&p.d);
}

/* -- chance -- */

static const char random_text[] =
    "{\"name\":\"random\",\"start\":\"load\",\"module\":{\"settings\":[\"ATE0\",\"AT+CMEE=1\"]},"
    "\"rules\":[{\"on\":\"at.command\",\"match\":{\"name\":\"+CSQ\"},\"probability\":0.4,"
    "\"do\":[{\"error\":10}]},{\"on\":\"start\",\"do\":[{\"garble\":{\"way\":\"out\",\"chance\":"
    "0.05}}]}],\"expect\":[{\"driver\":\"AT+CGMR\"}]}";

/* All that the driver has read, and the report. */
static void play_random(const char *seed, char *heard, char **junit) {
    struct play p;
    prepare(&p, random_text);
    reports(&p);
    daemon_option(&p.d, "--clock", "manual");
    daemon_option(&p.d, "--control", "%s/control", p.d.folder);
    daemon_option(&p.d, "--seed", "%s", seed);
    daemon_start(&p.d);
    dte_open(&p.t, p.d.link);
    size_t n = 0;
    for (int i = 0; i < ROUNDS; i++) {
        dte_say(&p.t, "AT+CSQ");
        turn_until(buf_len(&p.t.got) > 0);
        daemon_settle(&p.d);
        turn_for(0);
        size_t now = buf_len(&p.t.got);
        dte_read(&p.t, heard + n, now);
        n += now;
    }
    heard[n] = '\0';
    dte_say(&p.t, "AT+CGMR");
    daemon_settle(&p.d);
    judged(&p.d, "f() { \"$SIM7X00CTL\" -s \"$1\" advance 1ms; }; f", "control");
    cr_assert_eq(finish(&p), 0, "%s", p.err);
    *junit = read_file(&p.d, "j.xml");
    dte_close(&p.t);
    daemon_fini(&p.d);
}

Test(e2e_run, the_same_seed_is_the_same_run) {
    static char heard[3][TEXT_MAX];
    char *junit[3];
    play_random("7", heard[0], &junit[0]);
    play_random("7", heard[1], &junit[1]);
    play_random("8", heard[2], &junit[2]);
    cr_assert_str_eq(heard[0], heard[1]);
    cr_assert_str_eq(junit[0], junit[1]);
    cr_assert_str_neq(heard[0], heard[2]);
    for (int i = 0; i < 3; i++) {
        free(junit[i]);
    }
}
