/* Commands without end: the same round of command lines, written in one piece and answered byte for
 * byte as it was the first time.
 *
 *     soak_commands [COMMANDS]      without: ten million
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "tests/soak/flat.h"
#include "tests/support/daemon.h"
#include "tests/support/turn.h"

enum { COMMANDS = 10 * 1000 * 1000, ROUND_MAX = 1 << 14 };

/* Reads, tests and settings that come back to where they were, errors of both kinds, lines of
 * several commands, what no row has. Each line is as many commands as it has parts. */
static const struct {
    const char *line;
    unsigned commands;
} lines[] = {
    {"AT", 1},
    {"AT+CSQ", 1},
    {"AT+CREG?;+CGREG?;+CEREG?", 3},
    {"AT+CGDCONT=1,\"IP\",\"soak\"", 1},
    {"AT+CGDCONT?", 1},
    {"AT+CGDCONT=1,\"IP\",\"other\"", 1},
    {"AT+CGDCONT=?", 1},
    {"AT+CMEE=2;+CMEE?", 2},
    {"AT+NOSUCH", 1},
    {"AT+CPIN?;+CNMI?;+CIMI", 3},
    {"AT+CIPOPEN?", 1},
    {"AT+CIPSEND=3,5", 1},
    {"AT+CMEE=0;+CMEE?", 2},
    {"AT+CIPOPEN=11,\"TCP\",\"203.0.113.1\",80", 1},
    {"ATE0V1Q0S0=0S3?S4?", 6},
    {"AT+CPBS=\"SM\";+CPBS?", 2},
    {"AT+CSCS=\"UCS2\";+CSCS?;+CSCS=\"IRA\"", 3},
    {"AT+CRSM=176,28589,0,0,4", 1},
    {"AT+CGPADDR;+CGACT?", 2},
    {"AT+CIPRXGET=1;+CIPRXGET?;+CIPRXGET=0", 3},
    {"AT&V", 1},
    {"AT+CGMR;+CGSN;I", 3},
    {"AT+CUSTOM=\"a;b\",,1", 1},
    {"at+csq;+csq", 2},
};

struct round {
    char typed[ROUND_MAX], wanted[ROUND_MAX], got[ROUND_MAX + 1];
    size_t n_typed, n_wanted;
    unsigned commands;
};

/* One line at a time, so that what is wanted is what a patient driver gets. */
static void learn(struct round *r, struct dte *t) {
    static const char *const ends[] = {"\r\nOK\r\n", "\r\nERROR\r\n", "+CME ERROR: "};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        size_t n = strlen(lines[i].line);
        memcpy(r->typed + r->n_typed, lines[i].line, n);
        r->typed[r->n_typed + n] = '\r';
        r->n_typed += n + 1;
        r->commands += lines[i].commands;
        dte_say(t, "%s", lines[i].line);
        size_t end = dte_expect_one_of(t, ends, 3);
        n = strlen(t->taken);
        memcpy(r->wanted + r->n_wanted, t->taken, n);
        r->n_wanted += n;
        if (end == 2) { /* and its text */
            const char *rest = dte_expect(t, "\r\n");
            n = strlen(rest);
            memcpy(r->wanted + r->n_wanted, rest, n);
            r->n_wanted += n;
        }
        must(r->n_wanted < ROUND_MAX / 2);
    }
}

static bool play(struct round *r, struct dte *t) {
    dte_send(t, r->typed, r->n_typed);
    dte_read(t, r->got, r->n_wanted);
    if (memcmp(r->got, r->wanted, r->n_wanted) == 0) {
        return true;
    }
    size_t i = 0;
    while (r->got[i] == r->wanted[i]) {
        i++;
    }
    printf("  wanted: %.80s\n  got: %.80s\n", r->wanted + i, r->got + i);
    return false;
}

int main(int argc, char **argv) {
    static struct round r;
    uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : COMMANDS;
    char beside[PATH_MAX];
    struct daemon d;
    struct dte t;
    struct flat flat;
    uint64_t done = 0;
    bool is_right = true;
    snprintf(beside, sizeof beside, "%s/sim7x00", dirname(argv[0]));
    daemon_init(&d);
    d.program = beside;
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "ATE0", "OK\r\n");
    learn(&r, &t);
    int64_t from_us = turn_now_us();
    for (flat_start(&flat, d.pid, total); done < total && is_right; done += r.commands) {
        is_right = play(&r, &t);
        flat_at(&flat, done);
    }
    dte_ask(&t, "AT", "OK\r\n");
    double took_s = (double)(turn_now_us() - from_us) / 1e6;
    printf("%llu commands in %.0f s, %.0f a second\n", (unsigned long long)done, took_s,
           (double)done / took_s);
    flat_at(&flat, total);
    unsigned wrong = flat_verdict(&flat, "commands") + !is_right;
    dte_close(&t);
    daemon_stop(&d);
    printf("soak_commands: 3 checks, %u failed\n", wrong);
    return wrong > 0;
}
