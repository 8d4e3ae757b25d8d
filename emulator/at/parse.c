#include "emulator/at/parse.h"

#include <ctype.h>
#include <string.h>

struct cursor {
    struct sv line;
    size_t at;
};

static bool is_end(const struct cursor *c) {
    return c->at >= c->line.n;
}

static char peek(const struct cursor *c) {
    return is_end(c) ? '\0' : c->line.p[c->at];
}

static bool take(struct cursor *c, char ch) {
    if (peek(c) != ch) {
        return false;
    }
    c->at++;
    return true;
}

static void skip_blanks(struct cursor *c) {
    while (peek(c) == ' ') {
        c->at++;
    }
}

static bool add_arg(struct parsed *out, enum at_arg_kind kind, struct sv text) {
    if (out->nargs == LIMIT_ARGS) {
        return false;
    }
    out->args[out->nargs].kind = kind;
    out->args[out->nargs].text = text;
    out->nargs++;
    return true;
}

/* A string with a mark in front, {non-ascii}"E6B58B" (V3.00 20.1): one bare argument, as typed. */
static bool skip_marked(struct cursor *c) {
    const char *end = peek(c) == '{' ? memchr(c->line.p + c->at, '}', c->line.n - c->at) : NULL;
    size_t at = end != NULL ? (size_t)(end - c->line.p) + 1 : c->line.n;
    if (at >= c->line.n || c->line.p[at] != '"') {
        return false;
    }
    const char *quote = memchr(c->line.p + at + 1, '"', c->line.n - at - 1);
    if (quote == NULL) {
        return false;
    }
    c->at = (size_t)(quote - c->line.p) + 1;
    skip_blanks(c);
    return true;
}

/* One argument up to its comma, semicolon or the end, which stay. */
static bool parse_arg(struct cursor *c, struct parsed *out) {
    skip_blanks(c);
    if (take(c, '"')) {
        size_t from = c->at;
        while (!is_end(c) && peek(c) != '"') {
            c->at++;
        }
        struct sv text = sv_slice(c->line, from, c->at - from);
        if (!take(c, '"')) {
            return false;
        }
        skip_blanks(c);
        bool is_over = is_end(c) || peek(c) == ',' || peek(c) == ';';
        return is_over && add_arg(out, AT_ARG_QUOTED, text);
    }
    size_t from = c->at;
    bool is_marked = skip_marked(c);
    while (!is_end(c) && peek(c) != ',' && peek(c) != ';') {
        if (peek(c) == '"' || is_marked) {
            return false;
        }
        c->at++;
    }
    struct sv text = sv_trim(sv_slice(c->line, from, c->at - from));
    return add_arg(out, text.n > 0 ? AT_ARG_BARE : AT_ARG_NONE, text);
}

static bool parse_args(struct cursor *c, struct parsed *out) {
    while (parse_arg(c, out)) {
        if (!take(c, ',')) {
            return true;
        }
    }
    return false;
}

/* Behind a name: nothing, "?", "=?" or "=" and arguments; up to the ";" or the end. */
static bool parse_suffix(struct cursor *c, struct parsed *out) {
    out->form = AT_EXEC;
    skip_blanks(c);
    if (take(c, '?')) {
        out->form = AT_READ;
    } else if (take(c, '=')) {
        size_t args = c->at;
        skip_blanks(c);
        out->form = AT_WRITE;
        if (take(c, '?')) {
            skip_blanks(c);
            if (is_end(c) || peek(c) == ';') {
                out->form = AT_TEST;
            } else {
                c->at = args;
            }
        }
        if (out->form == AT_WRITE && !parse_args(c, out)) {
            return false;
        }
    }
    skip_blanks(c);
    return true;
}

static bool is_name_char(char ch) {
    return isalnum((unsigned char)ch) || (ch != '\0' && strchr("!%-./:_", ch) != NULL);
}

static bool parse_extended(struct cursor *c, struct parsed *out) {
    size_t n = 0;
    do {
        if (n + 1 == PARSE_NAME) {
            return false;
        }
        out->name[n++] = (char)toupper((unsigned char)peek(c));
        c->at++;
    } while (is_name_char(peek(c)));
    out->name[n] = '\0';
    return n > 1 && parse_suffix(c, out) && (is_end(c) || peek(c) == ';');
}

static struct sv digits(struct cursor *c) {
    size_t from = c->at;
    while (isdigit((unsigned char)peek(c))) {
        c->at++;
    }
    return sv_slice(c->line, from, c->at - from);
}

/* S parameters are named with their number and take "=" or "?" but no list (V.250 5.3.2). */
static bool parse_s(struct cursor *c, struct parsed *out) {
    struct sv number = digits(c);
    if (number.n == 0 || number.n > 3) {
        return false;
    }
    while (number.n > 1 && number.p[0] == '0') {
        number = sv_slice(number, 1, number.n - 1);
    }
    memcpy(out->name + 1, number.p, number.n);
    out->name[1 + number.n] = '\0';
    out->form = AT_EXEC;
    skip_blanks(c);
    if (take(c, '?')) {
        out->form = AT_READ;
    } else if (take(c, '=')) {
        skip_blanks(c);
        if (take(c, '?')) {
            out->form = AT_TEST;
            return true;
        }
        out->form = AT_WRITE;
        struct sv value = digits(c);
        return add_arg(out, value.n > 0 ? AT_ARG_BARE : AT_ARG_NONE, value);
    }
    return true;
}

/* A dial string runs to its semicolon, which is part of it, or to the end; quotes hide one. */
static bool parse_dial(struct cursor *c, struct parsed *out) {
    size_t from = c->at;
    bool is_quoted = false;
    while (!is_end(c) && (is_quoted || peek(c) != ';')) {
        is_quoted ^= peek(c) == '"';
        c->at++;
    }
    take(c, ';');
    struct sv text = sv_trim(sv_slice(c->line, from, c->at - from));
    out->form = text.n > 0 ? AT_WRITE : AT_EXEC;
    return text.n == 0 || add_arg(out, AT_ARG_BARE, text);
}

static bool parse_basic(struct cursor *c, struct parsed *out) {
    size_t n = 0;
    if (peek(c) == '&' || peek(c) == '\\') {
        out->name[n++] = peek(c);
        c->at++;
    }
    if (!isalpha((unsigned char)peek(c))) {
        return false;
    }
    out->name[n++] = (char)toupper((unsigned char)peek(c));
    out->name[n] = '\0';
    c->at++;
    if (n == 1 && out->name[0] == 'S') {
        return parse_s(c, out);
    }
    if (n == 1 && out->name[0] == 'D') {
        return parse_dial(c, out);
    }
    struct sv value = digits(c);
    out->form = value.n > 0 ? AT_WRITE : AT_EXEC;
    return value.n == 0 || add_arg(out, AT_ARG_BARE, value);
}

enum parse_result parse_next(struct sv line, size_t *pos, struct parsed *out) {
    struct cursor c = {.line = line, .at = *pos};
    /* A semicolon behind basic commands is everyday input, and so is one at the end. */
    while (peek(&c) == ' ' || peek(&c) == ';') {
        c.at++;
    }
    if (is_end(&c)) {
        *pos = c.at;
        return PARSE_END;
    }
    out->nargs = 0;
    bool is_extended = peek(&c) != '\0' && strchr("+$#*^%", peek(&c)) != NULL;
    bool is_good = is_extended ? parse_extended(&c, out) : parse_basic(&c, out);
    *pos = c.at;
    return is_good ? PARSE_COMMAND : PARSE_BAD;
}

size_t parse_count(struct sv line) {
    struct parsed command;
    size_t pos = 0;
    size_t n = 0;
    while (parse_next(line, &pos, &command) == PARSE_COMMAND) {
        n++;
    }
    return n;
}
