/* The lines of a serial port: by RFC 2217, and by the preloaded library on the tty. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/turn.h"

static struct daemon d;
static char url[64]; /* of its first UART */

static void setup(void) {
    daemon_init(&d);
    daemon_option(&d, "--rfc2217", "0");
    daemon_option(&d, "--control", "%s/control", d.folder);
    daemon_option(&d, "--map", "203.0.113.1:*=echo:");
    daemon_option(&d, "--clock", "x20");
    daemon_start(&d);
    const char *said = (const char *)buf_data(&d.said);
    cr_assert_eq(sscanf(said, "uart: %63s", url), 1, "%s", said);
}

static void teardown(void) {
    daemon_stop(&d);
}

/* The program, and whether it sees the lines. */
static void run(struct dte *t, bool has_lines, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void run(struct dte *t, bool has_lines, const char *fmt, ...) {
    char text[768];
    char command[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    setenv("MODEM", d.link, 1);
    setenv("HOME", d.folder, 1);
    if (has_lines) {
        snprintf(command, sizeof command, "export SIM7X00_CONTROL=%s/control LD_PRELOAD=%s; %s",
                 d.folder, getenv("SIM7X00LINES"), text);
    }
    dte_run(t, has_lines ? command : text);
}

/* As sim7x00ctl has them, "dtr: yes" among others; valid until the next call. */
static const char *lines(void) {
    static char text[512];
    char command[256];
    snprintf(command, sizeof command, "%s -s %s/control lines", getenv("SIM7X00CTL"), d.folder);
    FILE *from = popen(command, "r");
    text[fread(text, 1, sizeof text - 1, from)] = '\0';
    cr_assert_eq(pclose(from), 0);
    return text;
}

static void is_line(const char *want) {
    cr_assert_not_null(strstr(lines(), want), "%s is missing:\n%s", want, lines());
}

TestSuite(e2e_lines, .init = setup, .fini = teardown, .timeout = 120);

Test(e2e_lines, pyserial_by_rfc2217) {
    struct dte t;
    run(&t, false, "exec tests/e2e/client_lines.py %s", url);
    cr_assert_eq(dte_exited(&t), 0, "%s", dte_expect(&t, ""));
}

Test(e2e_lines, pyserial_that_asks_for_the_lines_each_time) {
    struct dte t;
    run(&t, false, "exec tests/e2e/client_lines.py '%s?poll_modem'", url);
    cr_assert_eq(dte_exited(&t), 0);
}

Test(e2e_lines, a_restart_leaves_the_uart_where_it_is) {
    struct dte t;
    unsigned port = 0;
    cr_assert_eq(sscanf(url, "rfc2217://127.0.0.1:%u", &port), 1);
    run(&t, false, "exec socat -,raw,echo=0 TCP:127.0.0.1:%u", port);
    dte_ask(&t, "AT+CRESET", "OK\r\n");
    dte_expect(&t, "PB DONE\r\n");
    dte_ask(&t, "AT", "OK\r\n");
    dte_close(&t);
}

Test(e2e_lines, each_of_several_modules_has_a_uart_of_its_own) {
    struct daemon many;
    struct dte t;
    unsigned ports[2] = {0};
    daemon_init(&many);
    many.modems = 2;
    daemon_option(&many, "--modems", "2");
    daemon_option(&many, "--rfc2217", "127.0.0.1:0");
    daemon_option(&many, "--json", NULL);
    daemon_start(&many);
    const char *said = (const char *)buf_data(&many.said);
    for (size_t i = 0; i < 2; i++) {
        char want[64];
        snprintf(want, sizeof want, "{\"port\":\"uart%zu\",\"url\":\"rfc2217://127.0.0.1:", i);
        const char *at = strstr(said, want);
        cr_assert_not_null(at, "%s", said);
        ports[i] = (unsigned)strtoul(at + strlen(want), NULL, 10);
    }
    cr_assert_neq(ports[0], ports[1]);
    run(&t, false, "exec socat -,raw,echo=0 TCP:127.0.0.1:%u", ports[1]);
    dte_ask(&t, "AT", "OK\r\n");
    dte_close(&t);
    daemon_stop(&many);
}

static void asks_nobody(bool has_lines, const char *control) {
    struct dte t;
    setenv("SIM7X00_CONTROL", control, 1);
    run(&t, false, "%s%s exec tests/e2e/client_pyserial.py $MODEM", has_lines ? "LD_PRELOAD=" : "",
        has_lines ? getenv("SIM7X00LINES") : "");
    cr_assert_eq(dte_exited(&t), 0);
    unsetenv("SIM7X00_CONTROL");
}

/* -- the library -- */

static void setup_tty(void) {
    daemon_init(&d);
    daemon_option(&d, "--control", "%s/control", d.folder);
    daemon_option(&d, "--map", "203.0.113.1:*=echo:");
    daemon_option(&d, "--clock", "x20");
    daemon_start(&d);
}

TestSuite(e2e_preload, .init = setup_tty, .fini = teardown, .timeout = 120);

Test(e2e_preload, pyserial_on_the_tty) {
    struct dte t;
    run(&t, true, "exec tests/e2e/client_lines.py $MODEM");
    cr_assert_eq(dte_exited(&t), 0);
    is_line("breaks: 3");
}

Test(e2e_preload, pyserial_in_all_its_ways) {
    struct dte t;
    run(&t, true, "exec tests/e2e/client_pyserial.py $MODEM");
    cr_assert_eq(dte_exited(&t), 0);
}

Test(e2e_preload, without_a_daemon_the_kernel_is_asked) {
    asks_nobody(true, "/nowhere");
    asks_nobody(true, "");
}

Test(e2e_preload, picocom_toggles_lines_and_sends_a_break) {
    struct dte t;
    run(&t, true, "exec picocom -b 115200 $MODEM");
    dte_expect(&t, "Terminal ready\r\n");
    dte_ask(&t, "AT", "OK\r\n");
    is_line("dtr: yes");
    dte_send(&t, "\001\024", 2);
    dte_expect(&t, "DTR: down");
    is_line("dtr: no");
    dte_send(&t, "\001\024", 2);
    dte_expect(&t, "DTR: up");
    is_line("dtr: yes");
    dte_send(&t, "\001\007", 2);
    dte_expect(&t, "RTS: down");
    is_line("rts: no");
    dte_send(&t, "\001\034", 2);
    dte_expect(&t, "break sent");
    is_line("breaks: 1");
    dte_send(&t, "\001\030", 2);
    cr_assert_eq(dte_exited(&t), 0);
}

Test(e2e_preload, stty_sets_and_shows) {
    struct dte t;
    run(&t, true, "exec 3<>$MODEM; stty -F $MODEM 9600 && stty -a <&3");
    dte_expect(&t, "speed 9600 baud");
    cr_assert_eq(dte_exited(&t), 0);
    run(&t, true, "stty -F /dev/null; test $? = 1"); /* no tty at all */
    cr_assert_eq(dte_exited(&t), 0);
}
