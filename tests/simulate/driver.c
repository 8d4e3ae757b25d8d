#include "tests/simulate/driver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/obj.h"
#include "emulator/model/events.h"
#include "slots.h"
#include "tests/simulate/rowline.h"

enum {
    LINE_MAX = 600,
    ANSWER_S = 200, /* a command: V3.00: the longest of all takes 180 s */
};

/* -- what the parts tell each other -- */

static struct driver *driver_of(void *ctx) {
    struct driver *d;
    CAST_OBJ(d, ctx, DRIVER_MAGIC);
    return d;
}

static void on_said(void *ctx, const uint8_t *p, size_t n) {
    static const char ok[] = "\r\nOK\r\n";
    struct driver *d = driver_of(ctx);
    for (size_t i = 0; i < n; i++) {
        bool is_next = p[i] == (uint8_t)ok[d->ok_len];
        d->ok_len = is_next ? d->ok_len + 1 : p[i] == '\r' ? 1 : 0;
        if (ok[d->ok_len] == '\0') {
            d->oks++;
            d->ok_len = 0;
        }
    }
    oracle_said(&d->oracle, p, n);
}

static bool on_turn(void *ctx) {
    struct driver *d = driver_of(ctx);
    bool is_busy = false;
    links_turn(&d->links);
    for (size_t i = 0; i < DRIVER_LATER; i++) {
        struct driver_later *l = &d->later[i];
        if (l->is_due) {
            struct rng own = d->rng;
            l->is_due = false;
            d->rng = rng_stream(l->seed, "later");
            driver_network(d);
            d->rng = own;
            is_busy = true;
        }
    }
    return is_busy;
}

static const struct world_events world_events = {.said = on_said, .turn = on_turn};

static void on_urc(void *ctx, const char *text) {
    struct driver *d = driver_of(ctx);
    d->urcs++;
    /* What was decided on before a restart may be read behind it, by a driver that did not read. */
    if (!d->oracle.was_restarted) {
        links_urc(&d->links, text);
    }
}

static size_t on_pushed(void *ctx, const uint8_t *p, size_t n) {
    return links_pushed(&driver_of(ctx)->links, p, n);
}

static size_t on_info(void *ctx, struct sv line) {
    struct driver *d = driver_of(ctx);
    unsigned mode = 0, link = 0, n = 0, rest = 0;
    char *text = sv_dup(line);
    int found = sscanf(text, "+CIPRXGET: %u,%u,%u,%u", &mode, &link, &n, &rest);
    free(text);
    if (found != 4 || link >= LIMIT_LINKS) {
        return 0;
    }
    d->reading = (int)link;
    d->is_hex = mode == 3;
    return d->is_hex ? 2 * (size_t)n : n;
}

static void on_raw(void *ctx, const uint8_t *p, size_t n) {
    struct driver *d = driver_of(ctx);
    uint8_t bytes[LIMIT_SEND];
    if (!d->is_hex) {
        links_received(&d->links, (unsigned)d->reading, p, n);
        return;
    }
    int got = hex_parse((struct sv){(const char *)p, n}, bytes, sizeof bytes);
    if (got < 0) {
        verdict_fail(d->verdict, "raw", NULL, "data in hexadecimal that is none");
        return;
    }
    links_received(&d->links, (unsigned)d->reading, bytes, (size_t)got);
}

static size_t on_data(void *ctx, const uint8_t *p, size_t n) {
    return driver_data(driver_of(ctx), p, n);
}

static const struct oracle_events oracle_events = {
    .urc = on_urc, .pushed = on_pushed, .info = on_info, .raw = on_raw, .data = on_data};

static void on_bus(void *ctx, unsigned topic, const void *payload) {
    struct driver *d = driver_of(ctx);
    if (topic == TOPIC_NET_LOST) {
        links_lost(&d->links);
    } else if (topic == TOPIC_POWER_CHANGED) {
        const struct power_event *e = payload;
        d->is_down = e->state != POWER_ON;
        if (d->is_down) {
            oracle_restarted(&d->oracle);
            links_forget(&d->links);
        }
    }
}

void driver_start(struct driver *d, const struct world_config *cfg, bool has_faults) {
    memset(d, 0, sizeof *d);
    OBJ_INIT(d, DRIVER_MAGIC);
    struct world_config own = *cfg;
    own.ev = &world_events;
    own.ctx = d;
    d->verdict = cfg->verdict;
    d->has_faults = has_faults;
    d->lag = cfg->timing == AT_TIMING_WORST ? CLK_S(130) : CLK_S(2);
    world_start(&d->world, &own);
    oracle_start(&d->oracle, &d->world, &oracle_events, d);
    links_start(&d->links, &d->world);
    bus_listen(&d->world.modem->bus, on_bus, d);
    for (size_t i = 0; i < DRIVER_LATER; i++) {
        d->later[i].d = d;
    }
    world_settle(&d->world);
}

void driver_stop(struct driver *d) {
    CHECK_OBJ(d, DRIVER_MAGIC);
    for (size_t i = 0; i < DRIVER_LATER; i++) {
        clk_stop(d->world.clk, &d->later[i].timer);
    }
    bus_ignore(&d->world.modem->bus, on_bus, d);
    bus_answer(&d->world.modem->bus, NULL, NULL);
    world_stop(&d->world);
    oracle_stop(&d->oracle);
    OBJ_FINI(d);
}

/* -- lines -- */

size_t driver_pick(struct driver *d, size_t n) {
    return (size_t)rng_below(&d->rng, n);
}

bool driver_is_good(const struct driver *d) {
    return verdict_is_good(d->verdict);
}

bool driver_is_ok(const char *result) {
    return strcmp(result, "OK") == 0;
}

void driver_pass(struct driver *d, clk_dur by) {
    world_pass(&d->world, by);
}

static bool is_waiting(const struct driver *d, unsigned answers) {
    return driver_is_good(d) && !d->oracle.was_restarted && !d->oracle.is_prompt &&
           (int)(d->oracle.answers - answers) < 0;
}

const char *driver_await(struct driver *d, unsigned answers, unsigned commands) {
    int64_t until_us = world_now_us(&d->world) + commands * ANSWER_S * (int64_t)1000000;
    world_settle(&d->world);
    while (is_waiting(d, answers)) {
        if (!world_step(&d->world, until_us) && is_waiting(d, answers)) {
            verdict_fail(d->verdict, "final-missing", "<... (OK|ERROR|[+]CM[ES] ERROR: .*)\n",
                         "no result within %u s", commands * ANSWER_S);
        }
    }
    if (!driver_is_good(d)) {
        return "";
    }
    return d->oracle.is_prompt || d->oracle.was_restarted ? "" : d->oracle.final;
}

/* A tty takes what a driver writes in pieces, and a terminal a key at a time. */
static void type_line(struct driver *d, const char *line, size_t n) {
    size_t pieces = driver_pick(d, 8) == 0 ? 2 + driver_pick(d, 3) : 1;
    size_t at = 0;
    for (size_t i = 1; i <= pieces && driver_is_good(d); i++) {
        size_t end = i == pieces ? n : at + driver_pick(d, n - at + 1);
        if (end > at) {
            oracle_typing(&d->oracle, (const uint8_t *)line + at, end - at);
            world_type(&d->world, line + at, end - at);
        }
        if (i < pieces) {
            driver_pass(d, CLK_MS(driver_pick(d, 300)));
        }
        at = end;
    }
}

const char *driver_ask(struct driver *d, const char *fmt, ...) {
    char line[LINE_MAX + 2];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, LINE_MAX, fmt, ap);
    va_end(ap);
    must(n >= 0 && n < LINE_MAX);
    /* Behind a restart nothing is asked before all is quiet again. */
    if (!driver_is_good(d) || d->oracle.was_restarted) {
        return "";
    }
    line[n++] = '\r';
    unsigned answers = d->oracle.answers + 1;
    d->commands++;
    unsigned commands = 1;
    for (const char *p = line; *p != '\r'; p++) {
        commands += *p == ';' ? 1 : 0;
    }
    type_line(d, line, (size_t)n);
    return driver_await(d, answers, commands);
}

const char *driver_give(struct driver *d, const uint8_t *p, size_t n, size_t end) {
    unsigned answers = d->oracle.answers + 1;
    oracle_giving(&d->oracle, p, n - end);
    d->oracle.is_prompt = false;
    world_type(&d->world, p, n);
    return driver_await(d, answers, 1);
}

/* -- acts: the port itself -- */

/* A row that asks for data is told that there is none. */
static void refuse_prompt(struct driver *d) {
    static const uint8_t esc[] = {0x1b};
    for (unsigned i = 0; i < 4 && d->oracle.is_prompt && driver_is_good(d); i++) {
        driver_give(d, esc, 1, 1);
    }
}

void driver_act_rows(struct driver *d) {
    for (size_t n = 1 + driver_pick(d, 6); n > 0; n--) {
        char line[ROWLINE_MAX + 1];
        rowline_make(&d->rng, line);
        driver_ask(d, "%s", line);
        refuse_prompt(d);
    }
}

/* Several lines in one write: each is answered, one after the other. */
void driver_act_typed_ahead(struct driver *d) {
    char text[2 * LINE_MAX];
    size_t n = 0;
    unsigned lines = 0;
    while (lines < 4 && n < LINE_MAX && (lines < 2 || driver_pick(d, 2) == 0)) {
        static const char *const some[] = {
            "AT",        "AT+CSQ",           "AT+CREG?",    "ATI", "AT+CGMM;+CGMR",
            "AT+NOSUCH", "AT+CMEE=2;+CMEE?", "AT+CIPCLOSE?"};
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\r",
                              some[driver_pick(d, sizeof some / sizeof some[0])]);
        lines++;
    }
    if (d->oracle.was_restarted || !driver_is_good(d)) {
        return;
    }
    unsigned answers = d->oracle.answers + lines;
    d->commands += lines;
    type_line(d, text, n);
    driver_await(d, answers, 2 * lines);
}

void driver_act_echo(struct driver *d) {
    driver_ask(d, "ATE%u", (unsigned)driver_pick(d, 2));
}

void driver_act_profile(struct driver *d) {
    static const char *const lines[] = {"ATZ", "AT&F", "AT&W", "AT&V"};
    driver_ask(d, "%s", lines[driver_pick(d, 4)]);
}

/* -- acts: what is so -- */

/* What the module says of its links, and what it has told of them. */
static bool are_links_so(struct driver *d) {
    const size_t head = strlen("+CIPCLOSE: ");
    if (!driver_is_ok(driver_ask(d, "AT+CIPCLOSE?"))) {
        return true;
    }
    const char *told = oracle_info(&d->oracle);
    bool is_good = strlen(told) == head + 2 * LIMIT_LINKS;
    for (unsigned i = 0; i < LIMIT_LINKS && is_good; i++) {
        const struct links_link *l = &d->links.links[i];
        is_good =
            l->state == LINKS_OPENING || (told[head + 2 * i] == '1') == (l->state == LINKS_OPEN);
    }
    return is_good;
}

static bool is_service_so(struct driver *d) {
    int is_open = -1;
    bool is_due = d->links.open_due_us != 0 || d->links.close_due_us != 0;
    return is_due || !driver_is_ok(driver_ask(d, "AT+NETOPEN?")) || d->links.open_due_us != 0 ||
           sscanf(oracle_info(&d->oracle), "+NETOPEN: %d", &is_open) != 1 ||
           is_open == d->links.is_open;
}

/* What has just happened may not be told yet: then it is looked at again. */
static void check_state(struct driver *d, bool (*is_so)(struct driver *d)) {
    bool is_good = false;
    for (unsigned i = 0; i < 3 && !is_good; i++) {
        driver_pass(d, i > 0 ? d->lag : CLK_S(0));
        is_good = is_so(d);
    }
    if (!is_good) {
        verdict_fail(d->verdict, "state", NULL, "it says %s, and has told otherwise",
                     oracle_info(&d->oracle));
    }
}

void driver_status(struct driver *d) {
    check_state(d, is_service_so);
    check_state(d, are_links_so);
    links_check(&d->links, false);
}

void driver_act_network(struct driver *d) {
    driver_network(d);
}

/* A module that went off comes back, and says what it says then. */
static void recover(struct driver *d) {
    if (!d->oracle.was_restarted) {
        return;
    }
    driver_pass(d, CLK_US(d->lag.us + DRIVER_BOOT_US));
    if (d->is_down) {
        dialogue_gap(d->world.dialogue, "the power key is pressed");
        modem_power_on(d->world.modem);
        driver_pass(d, CLK_US(d->lag.us + DRIVER_BOOT_US));
    }
    oracle_recovered(&d->oracle);
}

void driver_do(struct driver *d, int what, uint64_t seed) {
    recover(d);
    d->rng = rng_stream(seed, "act");
    driver_acts[what].fn(d);
    oracle_check_idle(&d->oracle);
}

void driver_settle(struct driver *d) {
    driver_pass(d, CLK_US(10 * d->lag.us));
    oracle_check_idle(&d->oracle);
    links_check(&d->links, true);
}
