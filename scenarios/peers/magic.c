#include "scenarios/peers/magic.h"

#include <stdio.h>
#include <string.h>

#include "base/obj.h"

enum { MAX_MS = 60000, MAX_PORT = 65535 };

/* What the number does to the path. */
enum effect { NO_EFFECT, DELAYS, LOSES, SWALLOWS };

/* 192.0.2.0/24 is for documents (RFC 5737): no network that is in use has it. */
static const uint32_t test_net = 192u << 24 | 2u << 8;

/* `N` in a name and in a script is the number, and there is one where `hi` is not 0. */
static const struct row {
    const char *name;
    const char *config;
    const char *doc;
    enum magic_kind kind;
    enum effect effect;
    uint8_t host; /* the last part of the address; 0: has none */
    uint16_t lo, hi;
} rows[] = {
    {.name = "refused.test",
     .host = 1,
     .kind = MAGIC_REFUSE,
     .doc = "Every connect is answered with RST."},
    {.name = "timeout.test",
     .host = 2,
     .kind = MAGIC_BLACK_HOLE,
     .doc = "A connect is never answered."},
    {.name = "close.test",
     .host = 3,
     .config = "{\"script\": [{\"close\": true}]}",
     .doc = "Accepts and closes at once (FIN)."},
    {.name = "close-after-N.test",
     .host = 4,
     .lo = 1,
     .hi = MAX_PORT,
     .config = "{\"script\": [{\"receive\": N}, {\"close\": true}]}",
     .doc = "Takes N bytes, then closes (FIN)."},
    {.name = "reset.test",
     .host = 5,
     .config = "{\"script\": [{\"reset\": true}]}",
     .doc = "Accepts and resets at once (RST)."},
    {.name = "reset-after-N.test",
     .host = 6,
     .lo = 1,
     .hi = MAX_PORT,
     .config = "{\"script\": [{\"receive\": N}, {\"reset\": true}]}",
     .doc = "Takes N bytes, then resets (RST)."},
    {.name = "echo.test",
     .host = 7,
     .config = "{\"kind\": \"echo\"}",
     .doc = "Sends back what it gets (RFC 862); nothing is wrong with it."},
    {.name = "stall.test",
     .host = 8,
     .config = "{\"script\": [{\"stall\": true}]}",
     .doc = "Accepts and never reads: the window closes."},
    {.name = "discard.test",
     .host = 9,
     .config = "{\"kind\": \"discard\"}",
     .doc = "Takes everything, says nothing (RFC 863)."},
    {.name = "silent.test",
     .host = 10,
     .config = "{\"kind\": \"discard\"}",
     .doc = "Takes everything and never answers, as a server that hangs: discard.test by the name "
            "of the fault."},
    {.name = "half-close.test",
     .host = 11,
     .config = "{\"script\": [{\"half-close\": true}]}",
     .doc = "Sends FIN at once and goes on reading."},
    {.name = "black-hole.test",
     .host = 12,
     .config = "{\"kind\": \"echo\"}",
     .effect = SWALLOWS,
     .doc = "Accepts; then nothing passes in either direction."},
    {.name = "latency-N.test",
     .host = 13,
     .lo = 1,
     .hi = MAX_MS,
     .config = "{\"kind\": \"echo\"}",
     .effect = DELAYS,
     .doc = "An echo; everything takes N ms in each direction."},
    {.name = "loss-N.test",
     .host = 14,
     .lo = 1,
     .hi = 100,
     .config = "{\"kind\": \"echo\"}",
     .effect = LOSES,
     .doc = "An echo; N percent of all transmissions are lost in each direction."},
    {.name = "garbage.test",
     .host = 15,
     .config =
         "{\"script\": [{\"send\": {\"hex\": \"00ff0d0a2b4950440d0a4f4b0d0a1a1b7e7d2b2b2b80fec0af"
         "f0130d0a4552524f520d0a\"}}, {\"wait\": \"1s\"}, {\"repeat\": true}]}",
     .doc =
         "Sends each second what parsers trip over: NUL, 0xff, +IPD, OK, ERROR, Ctrl-Z, ESC, +++, "
         "XOFF, no UTF-8."},
    {.name = "chargen.test",
     .host = 19,
     .config = "{\"kind\": \"chargen\"}",
     .doc = "Sends lines until it is closed (RFC 864)."},
    {.name = "not-found.test", .kind = MAGIC_NOT_FOUND, .doc = "The name does not exist."},
    {.name = "dns-timeout.test",
     .kind = MAGIC_DNS_SILENT,
     .doc = "Look-ups of the name are never answered."},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* The text around the N of a row; without one all of it stands before. */
static void split(const char *text, struct sv *before, struct sv *after) {
    const char *n = strchr(text, 'N');
    *before = n != NULL ? (struct sv){text, (size_t)(n - text)} : sv_of(text);
    *after = n != NULL ? sv_of(n + 1) : SV("");
}

static void fill(char *to, size_t size, const char *text, unsigned number) {
    struct sv before;
    struct sv after;
    split(text, &before, &after);
    bool has_number = before.n + after.n < strlen(text);
    int n = has_number ? snprintf(to, size, "%.*s%u%.*s", SV_ARG(before), number, SV_ARG(after))
                       : snprintf(to, size, "%s", text);
    must(n >= 0 && (size_t)n < size);
}

static void make(const struct row *r, unsigned number, struct magic *out) {
    *out = (struct magic){.kind = r->kind,
                          .ip = r->host > 0 ? test_net + r->host : 0,
                          .has_number = r->hi > 0,
                          .number = number,
                          .doc = r->doc};
    fill(out->name, sizeof out->name, r->name, number);
    if (r->config != NULL) {
        fill(out->config, sizeof out->config, r->config, number);
    }
    out->from_open = r->effect == SWALLOWS;
    for (size_t i = 0; i < IMPAIR_DIRECTIONS; i++) {
        struct impair *im = &out->impair[i];
        im->latency_ms = r->effect == DELAYS ? number : 0;
        im->loss = r->effect == LOSES ? number / 100.0 : 0;
        im->black_hole = r->effect == SWALLOWS;
    }
}

/* Digits only, and no leading 0: each number has one name. */
static bool is_number(struct sv v, const struct row *r, int64_t *out) {
    return v.n > 0 && v.p[0] != '0' && v.p[0] != '-' && sv_int(v, r->lo, r->hi, out) == 0;
}

static bool fits_name(const struct row *r, struct sv name, int64_t *number) {
    struct sv before;
    struct sv after;
    if (r->hi == 0) {
        return sv_eq_nocase(name, sv_of(r->name));
    }
    split(r->name, &before, &after);
    if (name.n < before.n + after.n) {
        return false;
    }
    size_t digits = name.n - before.n - after.n;
    return sv_eq_nocase(sv_slice(name, 0, before.n), before) &&
           sv_eq_nocase(sv_slice(name, before.n + digits, after.n), after) &&
           is_number(sv_slice(name, before.n, digits), r, number);
}

bool magic_by_name(struct sv name, struct magic *out) {
    for (size_t i = 0; i < ROWS; i++) {
        int64_t number = 0;
        if (fits_name(&rows[i], name, &number)) {
            make(&rows[i], (unsigned)number, out);
            return true;
        }
    }
    return false;
}

bool magic_by_addr(const struct net_addr *to, struct magic *out) {
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        bool fits = r->host > 0 && to->ip == test_net + r->host &&
                    (r->hi == 0 || (to->port >= r->lo && to->port <= r->hi));
        if (fits) {
            make(r, r->hi > 0 ? to->port : 0, out);
            return true;
        }
    }
    return false;
}

bool magic_entry(size_t i, struct magic_entry *out) {
    if (i >= ROWS) {
        return false;
    }
    const struct row *r = &rows[i];
    *out = (struct magic_entry){.name = r->name,
                                .doc = r->doc,
                                .ip = r->host > 0 ? test_net + r->host : 0,
                                .lo = r->lo,
                                .hi = r->hi,
                                .config = r->config};
    return true;
}
