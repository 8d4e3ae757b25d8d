#include "scenarios/json/spec_pattern.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

/* What an expression grows to in regcomp, which copies what is repeated: glibc copies the operand
 * of + once and that of {m,n} max(m + 1, n) times, and copies of copies multiply. 256 characters
 * such as a{255}{255}{255} or a++++++++ ... would take all memory of the host. What may
 * be empty costs more than its size, by what it is inside of: a?*?*?*?*?*?*++++++++++ took half a
 * minute. With EMPTY the worst of 500 random expressions at the bound took 0.2 s. */
enum { EMPTY = 4 };

struct cost {
    size_t before[LIMIT_PATTERN + 1]; /* of each open group: all but its last atom */
    size_t last[LIMIT_PATTERN + 1];   /* its last atom */
    size_t depth;
};

static size_t capped(size_t n) {
    return n <= LIMIT_PATTERN_COST ? n : LIMIT_PATTERN_COST + 1;
}

static void add_atom(struct cost *c, size_t cost) {
    c->before[c->depth] = capped(c->before[c->depth] + c->last[c->depth]);
    c->last[c->depth] = cost;
}

static void multiply(struct cost *c, size_t by) {
    c->last[c->depth] = capped(c->last[c->depth] * by);
}

static void add_empty(struct cost *c) {
    c->last[c->depth] = capped(c->last[c->depth] + EMPTY);
}

/* The whole group is an atom of the one around it. An unmatched ) is a character. */
static void close_group(struct cost *c) {
    if (c->depth == 0) {
        add_atom(c, 1);
        return;
    }
    size_t inside = capped(c->before[c->depth] + c->last[c->depth] + 1);
    c->depth--;
    add_atom(c, inside);
}

static void open_group(struct cost *c) {
    c->depth++;
    c->before[c->depth] = 0;
    c->last[c->depth] = 0;
}

/* Behind the bracket expression at p: a ] that comes first is a member, and so is one inside of
 * [:class:], [.name.] and [=class=]. */
static const char *bracket_end(const char *p) {
    p++;
    p += *p == '^' ? 1 : 0;
    p += *p == ']' ? 1 : 0;
    while (*p != '\0' && *p != ']') {
        if (*p == '[' && p[1] != '\0' && strchr(":.=", p[1]) != NULL) {
            const char stop[] = {p[1], ']', '\0'};
            const char *end = strstr(p + 2, stop);
            if (end == NULL) {
                return p + strlen(p);
            }
            p = end + 1;
        }
        p++;
    }
    return *p == ']' ? p + 1 : p;
}

static const char *number(const char *p, size_t *out) {
    *out = 0;
    for (; isdigit((unsigned char)*p); p++) {
        *out = capped(*out * 10 + (size_t)(*p - '0'));
    }
    return p;
}

/* Behind the interval at p. NULL: a bound is too high. */
static const char *interval(const char *p, size_t *copies) {
    size_t lo = 0;
    size_t hi = 0;
    p = number(p + 1, &lo);
    if (*p == ',') {
        p = number(p + 1, &hi);
    }
    if (lo > LIMIT_PATTERN_REPEAT || hi > LIMIT_PATTERN_REPEAT) {
        return NULL;
    }
    *copies = lo + 1 > hi ? lo + 1 : hi;
    return *p == '}' ? p + 1 : p;
}

/* NULL: its cost is bounded; else what is too much. */
static const char *too_much(const char *p) {
    struct cost c = {.depth = 0};
    while (*p != '\0') {
        size_t copies = 2;
        if (*p == '{') {
            p = interval(p, &copies);
            if (p == NULL) {
                return "a repetition of more than 255";
            }
            multiply(&c, copies);
            continue;
        }
        if (*p == '[') {
            add_atom(&c, 1);
            p = bracket_end(p);
            continue;
        }
        if (*p == '\\' && isdigit((unsigned char)p[1])) {
            /* Not of POSIX, and matching them takes exponential time. */
            return "a back-reference";
        }
        if (*p == '+') {
            multiply(&c, copies);
        } else if (*p == '(') {
            open_group(&c);
        } else if (*p == ')') {
            close_group(&c);
        } else if (*p == '*' || *p == '?') {
            add_empty(&c);
        } else if (*p == '|') {
            add_atom(&c, EMPTY); /* a branch may have nothing in it */
        } else {
            add_atom(&c, 1);
            p += *p == '\\' && p[1] != '\0' ? 1 : 0;
        }
        p++;
    }
    while (c.depth > 0) {
        close_group(&c);
    }
    bool is_cheap = c.before[0] + c.last[0] <= LIMIT_PATTERN_COST;
    return is_cheap ? NULL : "repetitions of repetitions that grow too large";
}

int spec_pattern_check(const char *pattern, char *why, size_t size) {
    if (strlen(pattern) > LIMIT_PATTERN) {
        snprintf(why, size, "a regular expression of at most %d bytes", LIMIT_PATTERN);
        return -EINVAL;
    }
    const char *what = too_much(pattern);
    if (what != NULL) {
        snprintf(why, size, "a regular expression without %s", what);
        return -EINVAL;
    }
    regex_t re;
    int err = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);
    if (err != 0) {
        char says[128];
        regerror(err, &re, says, sizeof says);
        snprintf(why, size, "a regular expression: %s", says);
        return -EINVAL;
    }
    regfree(&re);
    return 0;
}
