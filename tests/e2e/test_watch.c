/* sim7x00ctl watch beside a driver: what it shows, and that it holds nobody up. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/pieces.h"

static struct daemon d;
static struct dte t;
static struct far_end far;
static char shown[80];
static char text[1 << 22];
static pid_t watcher;

TestSuite(e2e_watch, .timeout = 60);

static size_t read_shown(void) {
    FILE *f = fopen(shown, "r");
    cr_assert_not_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return n;
}

/* With a watcher that has begun to hear. */
static void start(const char *option) {
    char control[80];
    far_listen(&far, FAR_ECHO);
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:*=127.0.0.1:%u", far.port);
    daemon_option(&d, "--control", "%s/control", d.folder);
    daemon_start(&d);
    snprintf(control, sizeof control, "%s/control", d.folder);
    snprintf(shown, sizeof shown, "%s/shown", d.folder);
    watcher = fork();
    if (watcher == 0) {
        int fd = open(shown, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        must(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0);
        const char *ctl = getenv("SIM7X00CTL");
        execl(ctl, ctl, "-s", control, option, "watch", (char *)NULL);
        _exit(127);
    }
    dte_open(&t, d.link);
    struct stat st = {0};
    do {
        dte_ask(&t, "AT", "OK\r\n");
    } while (stat(shown, &st) != 0 || st.st_size == 0);
}

static void stop(void) {
    dte_close(&t);
    far_stop(&far);
    daemon_stop(&d);
    waitpid(watcher, NULL, 0);
}

static void wait_for(const char *what) {
    while (read_shown() == 0 || strstr(text, what) == NULL) {
        dte_ask(&t, "AT", "OK\r\n");
    }
}

Test(e2e_watch, a_session_is_shown_as_it_goes) {
    static const char *const lines[] = {
        "-> AT+NETOPEN\n",     "<* +NETOPEN: 0\n",
        "-> AT+CIPSEND=0,5\n", "-- link.opened: link 0\n",
        "<- ERROR\n",          "!! {\"urc\":\"RING\"}\n",
        "<* RING\n",
    };
    const char *data = pieces_are_single() ? "=> 1 byte \"H\"\n" : "=> 5 bytes \"HELLO\"\n";
    start("--no-color");
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",80", "+CIPOPEN: 0,0\r\n");
    dte_say(&t, "AT+CIPSEND=0,5");
    dte_expect(&t, ">");
    dte_send(&t, "HELLO", 5);
    dte_expect_pushed(&t, "HELLO");
    dte_ask(&t, "AT+NONE", "ERROR\r\n");
    char command[256];
    snprintf(command, sizeof command, "%s -s %s/control urc RING", getenv("SIM7X00CTL"), d.folder);
    cr_assert_eq(system(command), 0);
    dte_expect(&t, "RING");
    wait_for("!! {\"urc\":\"RING\"}\n");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_assert_not_null(strstr(text, lines[i]), "%s in:\n%s", lines[i], text);
    }
    cr_assert_not_null(strstr(text, data), "%s in:\n%s", data, text);
    cr_assert_null(strchr(text, '\033'));
    stop();
}

Test(e2e_watch, colors_on_demand) {
    start("--color");
    wait_for("\033[32m<- OK\033[0m\n");
    stop();
}

Test(e2e_watch, one_that_does_not_read_holds_nobody_up_and_hears_what_is_missing) {
    start("--no-color");
    kill(watcher, SIGSTOP);
    /* Each command is some ten events of 150 bytes: well over what waits for a client. */
    for (int i = 0; i < LIMIT_CONTROL_OUT / 500; i++) {
        dte_ask(&t, "AT", "OK\r\n");
    }
    kill(watcher, SIGCONT);
    wait_for("events are missing here\n");
    stop();
}
