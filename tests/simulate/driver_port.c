/* driver_port.c: the port closed and opened again, not read for a while; the module restarted. */
#include <stdio.h>
#include <string.h>

#include "tests/simulate/driver.h"

enum { AWAY_MS = 20000, STALL_MS = 20000 };

/* Half a line is typed, or a command that nobody waits for; who comes next starts anew. */
void driver_act_leave(struct driver *d) {
    static const char *const left[] = {
        "", "", "AT+CS", "AT+CSQ\r", "AT+COPS=?\r", "AT+CIPCLOSE?\r", "AT+CPIN?\rAT+CREG"};
    const char *line = left[driver_pick(d, sizeof left / sizeof left[0])];
    oracle_set_blind(&d->oracle, true);
    if (line[0] != '\0') {
        world_type(&d->world, line, strlen(line));
    }
    world_dte(&d->world, false);
    driver_pass(d, CLK_MS(driver_pick(d, AWAY_MS)));
    oracle_set_blind(&d->oracle, false);
    world_dte(&d->world, true);
    driver_ask(d, "AT");
}

/* What is typed is answered when the driver reads again, all of it and in order. */
void driver_act_stall(struct driver *d) {
    static const char *const lines[] = {"AT\r",   "AT+CSQ\r",  "ATI\r",
                                        "AT&V\r", "AT+CLAC\r", "AT+CIPOPEN?\r"};
    unsigned n = (unsigned)driver_pick(d, 12);
    if (d->oracle.was_restarted) {
        return;
    }
    dialogue_gap(d->world.dialogue, "the driver does not read");
    unsigned answers = d->oracle.answers + n;
    chan_mem_stall(&d->world.mem, true);
    for (unsigned i = 0; i < n; i++) {
        const char *line = lines[driver_pick(d, sizeof lines / sizeof lines[0])];
        oracle_typing(&d->oracle, (const uint8_t *)line, strlen(line));
        world_type(&d->world, line, strlen(line));
        driver_pass(d, CLK_MS(driver_pick(d, 1000)));
    }
    d->commands += n;
    driver_pass(d, CLK_MS(driver_pick(d, STALL_MS)));
    chan_mem_stall(&d->world.mem, false);
    dialogue_gap(d->world.dialogue, "it reads again");
    driver_await(d, answers, n + 1);
}

/* By a command, or from outside; driver_do brings it back. */
void driver_act_restart(struct driver *d) {
    static const char *const lines[] = {"AT+CRESET", "AT+CFUN=1,1", "AT+CPOF", "AT+CFUN=0",
                                        "AT+CFUN=4"};
    size_t i = driver_pick(d, sizeof lines / sizeof lines[0] + 2);
    if (i < sizeof lines / sizeof lines[0]) {
        driver_ask(d, "%s", lines[i]);
        driver_pass(d, CLK_S(10));
        driver_ask(d, "AT+CFUN=1");
        return;
    }
    dialogue_gap(d->world.dialogue, "the module loses its supply");
    modem_restart(d->world.modem, CLK_MS(20 + driver_pick(d, 5000)), false);
    world_settle(&d->world);
}
