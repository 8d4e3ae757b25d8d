#define _GNU_SOURCE /* memmem */
/* The NMEA port of the daemon, as a program for receivers reads it. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/daemon.h"
#include "tests/support/pieces.h"
#include "tests/support/turn.h"

static struct daemon d;
static char nmea[80];

static void start(void) {
    daemon_init(&d);
    snprintf(nmea, sizeof nmea, "%s.nmea", d.link);
}

TestSuite(e2e_nmea, .init = start);

/* "$...*hh" with the right sum, and nothing else in the line. */
static bool is_sentence(const char *line) {
    unsigned sum = 0;
    const char *c = line + 1;
    while (*c != '\0' && *c != '*') {
        sum ^= (unsigned char)*c++;
    }
    return line[0] == '$' && *c == '*' && strlen(c) == strlen("*hh\r\n") &&
           strtoul(c + 1, NULL, 16) == sum && strcmp(c + 3, "\r\n") == 0;
}

static void switch_on(struct dte *at, const char *path) {
    dte_open(at, path);
    dte_ask(at, "ATE0", "OK\r\n");
    dte_ask(at, "AT+CGPS=1", "OK\r\n");
}

/* Until the wanted sentence; each one on the way is good. */
static void expect_sentence(struct dte *t, const char *begin) {
    const char *line = "";
    for (int i = 0; i < 100 && strncmp(line, begin, strlen(begin)) != 0; i++) {
        line = dte_expect(t, "\r\n");
        cr_assert(is_sentence(line), "%s", line);
    }
    cr_assert_eq(strncmp(line, begin, strlen(begin)), 0, "no %s", begin);
}

Test(e2e_nmea, sentences_come_before_the_fix_and_with_it) {
    struct dte at, t;
    daemon_option(&d, "--clock", "x20");
    daemon_start(&d);
    dte_open(&t, nmea);
    switch_on(&at, d.link);
    expect_sentence(&t, "$GPRMC,,V,");
    dte_say(&t, "AT+CGPS=0");
    for (int i = 0; i < 40; i++) {
        expect_sentence(&t, "$GPGGA,");
    }
    expect_sentence(&t, "$GPRMC,");
    cr_assert_neq(strstr(t.taken, ",A,3113.330650,N,12121.262554,E,"), NULL, "%s", t.taken);
    dte_ask(&at, "AT+CGPS=0", "+CGPS: 0\r\n");
    dte_close(&t);
    dte_close(&at);
    daemon_stop(&d);
}

Test(e2e_nmea, a_reader_that_slept_finds_whole_sentences) {
    struct dte at, t;
    /* In single bytes a thousand seconds of sentences are more than a second takes, and those at
     * the end of each are never heard. */
    daemon_option(&d, "--clock", pieces_are_single() ? "x20" : "x1000");
    daemon_start(&d);
    dte_open(&t, nmea);
    dte_open(&at, d.link);
    dte_ask(&at, "AT+CGPSNMEARATE=1", "OK\r\n");
    dte_close(&at);
    switch_on(&at, d.link);
    expect_sentence(&t, "$GPRMC,");
    dte_read_on(&t, false);
    turn_for(500);
    dte_ask(&at, "AT", "OK\r\n");
    dte_read_on(&t, true);
    for (int i = 0; i < 100; i++) {
        expect_sentence(&t, "$GPRMC,");
    }
    dte_close(&t);
    dte_close(&at);
    daemon_stop(&d);
}

/* Each has its own, and a restart takes it away. */
Test(e2e_nmea, every_module_has_one_that_comes_back) {
    struct dte at, t;
    char tty[64] = "";
    daemon_option(&d, "--modems", "2");
    d.modems = 2;
    daemon_start(&d);
    snprintf(nmea, sizeof nmea, "%s1", d.link);
    switch_on(&at, nmea);
    snprintf(nmea, sizeof nmea, "%s1.nmea", d.link);
    cr_assert_gt(readlink(nmea, tty, sizeof tty - 1), 0);
    dte_open(&t, nmea);
    expect_sentence(&t, "$GPRMC,,V,");
    dte_say(&at, "AT+CRESET");
    turn_until(access(nmea, F_OK) != 0);
    dte_close(&at);
    dte_close(&t);
    turn_until(access(nmea, F_OK) == 0);
    dte_open(&t, nmea);
    dte_is_silent(&t, 100);
    dte_close(&t);
    kill(d.pid, SIGTERM);
    cr_assert_eq(daemon_wait(&d, NULL, 0), 0);
    cr_assert_neq(access(nmea, F_OK), 0);
    daemon_fini(&d);
}

Test(e2e_nmea, the_ready_lines_name_it_behind_the_others) {
    char line[128];
    daemon_option(&d, "--json", NULL);
    daemon_start(&d);
    size_t n =
        (size_t)snprintf(line, sizeof line, "{\"port\":\"nmea\",\"link\":\"%s\",\"tty\":\"", nmea);
    while (memmem(buf_data(&d.said), buf_len(&d.said), line, n) == NULL) {
        char more[1024];
        ssize_t got = read(d.out, more, sizeof more);
        cr_assert_gt(got, 0, "no %s", line);
        cr_assert_eq(buf_put_all(&d.said, more, (size_t)got), 0);
    }
    daemon_stop(&d);
}

Test(e2e_nmea, a_module_on_a_uart_has_none) {
    daemon_option(&d, "--profile", "appnote-1.00");
    daemon_start(&d);
    cr_assert_neq(access(nmea, F_OK), 0);
    daemon_stop(&d);
}
