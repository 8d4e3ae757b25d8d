/* The module's file system in a folder of the host. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/daemon.h"
#include "tests/support/home.h"

TestSuite(e2e_files, .init = home_make, .fini = home_remove);

static const char *host_get(const char *name) {
    static char text[256];
    char path[128];
    snprintf(path, sizeof path, "%s/%s", home, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void start(struct daemon *d, struct dte *t) {
    daemon_init(d);
    daemon_option(d, "--files", "%s/fs", home);
    daemon_start(d);
    dte_open(t, d->link);
    dte_ask(t, "ATE0", "OK\r\n");
}

Test(e2e_files, what_was_stored_is_back_when_it_was_killed_behind_its_ok) {
    struct daemon d;
    struct dte t;
    start(&d, &t);
    dte_ask(&t, "AT+FSMKDIR=certs", "OK\r\n");
    dte_say(&t, "AT+CFTRANRX=\"c:/certs/ca.pem\",5");
    dte_expect(&t, ">");
    dte_send(&t, "hello", 5);
    dte_expect(&t, "OK\r\n");
    kill(d.pid, SIGKILL);
    cr_assert_neq(daemon_wait(&d, NULL, 0), 0);
    dte_close(&t);
    unlink(d.link);
    daemon_fini(&d);
    cr_assert_str_eq(host_get("fs/C/certs/ca.pem"), "hello");
    start(&d, &t);
    cr_assert_str_eq(dte_ask(&t, "AT+CFTRANTX=\"c:/certs/ca.pem\"", "OK\r\n"),
                     "\r\n+CFTRANTX: DATA,005\r\nhello\r\n\r\n+CFTRANTX: 0\r\n\r\nOK\r\n");
    dte_close(&t);
    daemon_stop(&d);
}

Test(e2e_files, each_of_several_modems_has_its_own) {
    struct daemon d;
    struct dte t;
    char link[96];
    daemon_init(&d);
    daemon_option(&d, "--files", "%s/fs", home);
    daemon_option(&d, "--modems", "2");
    d.modems = 2;
    daemon_start(&d);
    snprintf(link, sizeof link, "%s1", d.link);
    dte_open(&t, link);
    dte_say(&t, "AT+CFTRANRX=\"c:/a\",3");
    dte_expect(&t, ">");
    dte_send(&t, "two", 3);
    dte_expect(&t, "OK\r\n");
    dte_close(&t);
    snprintf(link, sizeof link, "%s0", d.link);
    dte_open(&t, link);
    dte_ask(&t, "AT+FSATTRI=a", "ERROR\r\n");
    dte_close(&t);
    daemon_stop(&d);
    cr_assert_str_eq(host_get("fs/1/C/a"), "two");
}

Test(e2e_files, a_folder_that_another_process_has_is_refused) {
    struct daemon d;
    struct daemon second;
    struct dte t;
    char err[512];
    start(&d, &t);
    daemon_init(&second);
    second.keeps_err = true;
    daemon_option(&second, "--files", "%s/fs", home);
    daemon_spawn(&second);
    cr_assert_eq(daemon_wait(&second, err, sizeof err), 3);
    cr_assert_not_null(strstr(err, "--files"), "%s", err);
    cr_assert_not_null(strstr(err, "another process"), "%s", err);
    daemon_fini(&second);
    dte_close(&t);
    daemon_stop(&d);
}
