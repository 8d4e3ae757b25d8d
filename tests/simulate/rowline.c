#include "tests/simulate/rowline.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { COMMANDS_MAX = 3, TEXT_MAX = 24 };

/* How the port talks, who has it, whether the module is there, and links: their actions are apart
 * (driver_acts.c), which know what comes of them. */
static const char *const not_by_chance[] = {
    "E",
    "V",
    "Q",
    "S3",
    "S4",
    "S5",
    "&F",
    "Z",
    "&W",
    "A",
    "D",
    "H",
    "O",
    "+CGDATA",
    "+CMUX",
    "+CFUN",
    "+CRESET",
    "+CPOF",
    "+CSCLK",
    "+CATR",
    "+CIPMODE",
    "+NETOPEN",
    "+NETCLOSE",
    "+CIPOPEN",
    "+CIPCLOSE",
    "+CIPSEND",
    "+CIPRXGET",
    "+CIPHEAD",
    "+CIPSRIP",
    "+CIPCCFG",
    "+SERVERSTART",
    "+SERVERSTOP",
    "+CIPTIMEOUT",
    "+CIPSENDMODE",
    "+CPIN",
    "+CLCK",
    "+CPWD",
    "+SPIC",
    "+CUSBPIDSWITCH",
    "+CHUP",
    "+REBOOT",
    "+CPSTON",
};

static bool is_by_chance(const struct at_cmd *row) {
    for (size_t i = 0; i < sizeof not_by_chance / sizeof not_by_chance[0]; i++) {
        if (strcmp(row->name, not_by_chance[i]) == 0) {
            return false;
        }
    }
    return true;
}

struct writer {
    struct rng *rng;
    char *to;
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(w->to + w->n, ROWLINE_MAX + 1 - w->n, fmt, ap);
    va_end(ap);
    w->n += (size_t)n;
    w->n = w->n < ROWLINE_MAX ? w->n : ROWLINE_MAX;
}

static size_t pick(struct writer *w, size_t n) {
    return (size_t)rng_below(w->rng, n);
}

static void put_number(struct writer *w, const struct at_param *p) {
    if (p->nranges == 0) {
        put(w, "%d", (int)pick(w, 300));
        return;
    }
    const struct at_range *r = &p->ranges[pick(w, p->nranges)];
    int64_t span = (int64_t)r->hi - r->lo + 1;
    switch (pick(w, 8)) {
    case 0:
        put(w, "%d", r->lo);
        break;
    case 1:
        put(w, "%d", r->hi);
        break;
    case 2:
        put(w, "%lld", (long long)r->hi + 1);
        break;
    case 3:
        put(w, "%lld", (long long)r->lo - 1);
        break;
    default:
        put(w, "%lld", (long long)r->lo + (long long)rng_below(w->rng, (uint64_t)span));
        break;
    }
}

static void put_text(struct writer *w, const struct at_param *p) {
    static const char letters[] = "ABCDEFabcdef0123456789+*#. -_/:";
    size_t lo = p->nranges > 0 ? (size_t)p->ranges[0].lo : 0;
    size_t hi = p->nranges > 0 ? (size_t)p->ranges[0].hi : TEXT_MAX;
    hi = hi < TEXT_MAX ? hi : TEXT_MAX;
    size_t n = lo + (hi > lo ? pick(w, hi - lo + 1) : 0);
    n = n < TEXT_MAX ? n : TEXT_MAX;
    put(w, "\"");
    for (size_t i = 0; i < n; i++) {
        put(w, "%c", letters[pick(w, sizeof letters - 1)]);
    }
    put(w, "\"");
}

/* Something, whatever the parameter takes. */
static void put_anything(struct writer *w) {
    static const char *const things[] = {"",  "0",  "1",       "-1", "99999999999", "\"\"", "\"x\"",
                                         "x", "\"", "\"a,b\"", "?",  "=",           ",",    "1.5"};
    put(w, "%s", things[pick(w, sizeof things / sizeof things[0])]);
}

static void put_param(struct writer *w, const struct at_param *p) {
    if (pick(w, 12) == 0) {
        put_anything(w);
        return;
    }
    switch ((enum at_type)p->type) {
    case AT_INT:
        put_number(w, p);
        break;
    case AT_STR:
    case AT_RAW:
        put_text(w, p);
        break;
    case AT_WORD:
        put(w, (p->flags & AT_BARE) != 0 ? "%s" : "\"%s\"",
            p->nwords > 0 ? p->words[pick(w, p->nwords)] : "");
        break;
    }
}

static void put_params(struct writer *w, const struct at_cmd *row) {
    size_t n = row->nparams;
    if (n > 0 && pick(w, 3) == 0) {
        n = 1 + pick(w, n);
    }
    n += pick(w, 20) == 0 ? 1 : 0;
    for (size_t i = 0; i < n; i++) {
        put(w, i > 0 ? "," : "");
        if (i < row->nparams) {
            put_param(w, &row->params[i]);
        } else {
            put_anything(w);
        }
    }
}

/* A form that it has, and now and then one that it has not. */
static enum at_form pick_form(struct writer *w, const struct at_cmd *row) {
    static const enum at_form forms[] = {AT_EXEC, AT_READ, AT_TEST, AT_WRITE};
    enum at_form form = forms[pick(w, 4)];
    while ((row->forms & form) == 0 && pick(w, 20) != 0) {
        form = forms[pick(w, 4)];
    }
    return form;
}

static void put_command(struct writer *w, const struct at_cmd *row) {
    bool is_basic = row->name[0] != '+' && row->name[0] != '$' && row->name[0] != '*';
    put(w, "%s", row->name);
    switch (pick_form(w, row)) {
    case AT_EXEC:
        break;
    case AT_READ:
        put(w, "?");
        break;
    case AT_TEST:
        put(w, "=?");
        break;
    case AT_WRITE:
        put(w, is_basic && row->name[0] != 'S' ? "" : "=");
        put_params(w, row);
        break;
    }
}

static const struct at_cmd *pick_row(struct writer *w) {
    const struct at_cmd *row = NULL;
    do {
        row = &at_dialect.rows[pick(w, at_dialect.n)];
    } while (!is_by_chance(row));
    return row;
}

void rowline_make(struct rng *rng, char to[ROWLINE_MAX + 1]) {
    struct writer w = {.rng = rng, .to = to};
    size_t n = pick(&w, 6) == 0 ? 1 + pick(&w, COMMANDS_MAX) : 1;
    put(&w, "%s", pick(&w, 4) == 0 ? "at" : "AT");
    for (size_t i = 0; i < n; i++) {
        put(&w, i > 0 ? ";" : "");
        put_command(&w, pick_row(&w));
    }
}
