/* driver_mux.c: the port multiplexed for a while (27.010, basic option): commands on two virtual
 * ports at once, each line with one result on the port it was typed on. */
#include <string.h>

#include "base/obj.h"
#include "tests/simulate/driver.h"
#include "tests/support/cmux_dte.h"

enum { STEPS = 12, CLD_ANSWER = 0xc1 };

static void put_frame(struct driver *d, unsigned dlci, uint8_t type, const char *info) {
    uint8_t wire[CMUX_FRAME_WIRE];
    if (driver_is_good(d) && !d->oracle.was_restarted) {
        world_type(&d->world, wire, cmux_dte_frame(CMUX_BASIC, dlci, type, sv_of(info), wire));
    }
}

/* Lines that are results. */
static void count_results(struct driver_dlci *p, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r') {
            p->results += oracle_is_final((struct sv){p->line, p->len}) ? 1 : 0;
            p->len = 0;
        } else if (p->len < sizeof p->line) {
            p->line[p->len++] = (char)bytes[i];
        }
    }
}

/* The answer to CLD, or to DISC of DLCI 0: what follows is plain again. */
static bool is_last(const struct driver *d, const struct cmux_frame *f) {
    return d->is_escaping && f->dlci == 0 &&
           (f->type == CMUX_UA || (f->type == CMUX_UIH && f->n > 0 && f->info[0] == CLD_ANSWER));
}

size_t driver_mux_data(struct driver *d, const uint8_t *p, size_t n) {
    size_t at = 0;
    while (at < n && d->oracle.is_data) {
        struct cmux_frame f;
        bool has_frame = false;
        at += cmux_decode(&d->decoder, p + at, n - at, &f, &has_frame);
        if (!has_frame || f.dlci > LIMIT_CMUX_DLCIS) {
            continue;
        }
        if (is_last(d, &f)) {
            oracle_end_data(&d->oracle);
        } else if (f.type == CMUX_UA) {
            d->dlcis[f.dlci].answers++;
        } else if (f.type == CMUX_UIH && f.dlci > 0) {
            count_results(&d->dlcis[f.dlci], f.info, f.n);
        }
    }
    if (d->decoder.bad_fcs + d->decoder.torn + d->decoder.too_long > 0) {
        verdict_fail(d->verdict, "frames", NULL, "a broken frame from the module");
    }
    return at;
}

static void check_ports(struct driver *d) {
    driver_pass(d, CLK_US(d->lag.us + 10000000));
    for (unsigned i = 1; i <= 2 && !d->oracle.was_restarted && driver_is_good(d); i++) {
        if (d->dlcis[i].results != d->dlcis[i].lines) {
            verdict_fail(d->verdict, "final-once", NULL, "DLCI %u: %u lines, %u results", i,
                         d->dlcis[i].lines, d->dlcis[i].results);
        }
    }
}

static void use_ports(struct driver *d) {
    static const char *const lines[] = {"AT\r",        "AT+CSQ\r",     "ATI\r", "AT+CREG?;+CGMM\r",
                                        "AT+NOSUCH\r", "AT+CIPOPEN?\r"};
    for (size_t i = driver_pick(d, STEPS); i > 0; i--) {
        unsigned dlci = 1 + (unsigned)driver_pick(d, 2);
        d->dlcis[dlci].lines++;
        d->commands++;
        put_frame(d, dlci, CMUX_UIH, lines[driver_pick(d, sizeof lines / sizeof lines[0])]);
        driver_pass(d, CLK_MS(driver_pick(d, 500)));
    }
    check_ports(d);
}

void driver_act_mux(struct driver *d) {
    static const char close_down[] = "\xc3\x01"; /* CLD, 27.010 5.4.6.3.3 */
    /* Links of the port below are told to nobody meanwhile. */
    if (!driver_close_service(d) || !driver_is_ok(driver_ask(d, "AT+CMUX=0"))) {
        return;
    }
    memset(d->dlcis, 0, sizeof d->dlcis);
    cmux_decoder_init(&d->decoder, CMUX_BASIC, LIMIT_CMUX_INFO);
    d->is_mux = true;
    d->oracle.is_data = true;
    for (unsigned i = 0; i <= 2; i++) {
        put_frame(d, i, CMUX_SABM, "");
    }
    driver_pass(d, CLK_MS(100));
    for (unsigned i = 0; i <= 2 && !d->oracle.was_restarted; i++) {
        if (d->dlcis[i].answers != 1) {
            verdict_fail(d->verdict, "once", NULL, "DLCI %u: SABM was answered %u times", i,
                         d->dlcis[i].answers);
        }
    }
    use_ports(d);
    d->is_escaping = true;
    if (driver_pick(d, 2) == 0) {
        put_frame(d, 0, CMUX_UIH, close_down);
    } else {
        put_frame(d, 0, CMUX_DISC, "");
    }
    driver_pass(d, CLK_S(1));
    if (d->oracle.is_data && !d->oracle.was_restarted) {
        verdict_fail(d->verdict, "once", NULL, "the multiplexer does not close down");
    }
    d->is_escaping = false;
    d->is_mux = false;
    driver_ask(d, "AT");
}
