#include "scenarios/json/spec_parse.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/sv.h"
#include "scenarios/json/spec.h"

enum { NUMBER_MAX = 63 }; /* characters: cJSON reads no further */

/* Besides the six characters of structure, which are their own kinds. */
enum { KIND_TEXT = '"', KIND_WORD = 'w', KIND_UNCLOSED = 'u', KIND_END = '$' };

struct token {
    size_t at, n;
    char kind;
};

/* What may come next; the kinds and their names are in `wants`. */
enum want {
    WANT_VALUE,
    WANT_FIRST,
    WANT_KEY,
    WANT_FIRST_KEY,
    WANT_COLON,
    WANT_MORE_VALUES,
    WANT_MORE_KEYS,
    WANT_END,
};

static const struct {
    const char *kinds;
    const char *says;
} wants[] = {
    [WANT_VALUE] = {"{[\"w", "a value"},
    [WANT_FIRST] = {"{[\"w]", "a value or ]"},
    [WANT_KEY] = {"\"", "a key in double quotes"},
    [WANT_FIRST_KEY] = {"\"}", "a key in double quotes or }"},
    [WANT_COLON] = {":", "a colon"},
    [WANT_MORE_VALUES] = {",]", "a comma or ]"},
    [WANT_MORE_KEYS] = {",}", "a comma or }"},
    [WANT_END] = {"$", "the end of the text"},
};

struct parser {
    struct sv text;
    struct spec_error *e;
    enum want want;
    size_t values;
    size_t depth;
    bool is_object[LIMIT_JSON_DEPTH];
};

/* -- characters -- */

size_t spec_parse_char(const char *p, size_t n) {
    /* The second byte tells overlong forms, surrogates and what lies beyond U+10FFFF. */
    static const struct {
        uint8_t first, last, size, second_lo, second_hi;
    } forms[] = {
        {0x00, 0x7f, 1, 0x80, 0xbf}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
        {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
        {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
    };
    const uint8_t *b = (const uint8_t *)p;
    for (size_t f = 0; n > 0 && f < sizeof forms / sizeof *forms; f++) {
        if (b[0] < forms[f].first || b[0] > forms[f].last) {
            continue;
        }
        if (n < forms[f].size ||
            (forms[f].size > 1 && (b[1] < forms[f].second_lo || b[1] > forms[f].second_hi))) {
            return 0;
        }
        for (size_t i = 2; i < forms[f].size; i++) {
            if ((b[i] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return forms[f].size;
    }
    return 0;
}

struct spec_piece spec_parse_piece(const char *text, size_t n) {
    static const char more[] = "...";
    struct spec_piece piece = {""};
    size_t put = 0;
    size_t size = 0;
    for (size_t at = 0; at < n; at += size) {
        size = spec_parse_char(text + at, n - at);
        bool is_clean = size > 0 && !iscntrl((unsigned char)text[at]);
        size = size > 0 ? size : 1;
        /* Up to the end the dots must fit; the last character may have their place. */
        size_t room = SPEC_PIECE - 1 - put - (at + size < n ? sizeof more - 1 : 0);
        if (size > room || put + sizeof more > SPEC_PIECE) {
            memcpy(piece.z + put, more, sizeof more);
            return piece;
        }
        if (is_clean) {
            memcpy(piece.z + put, text + at, size);
        } else {
            memset(piece.z + put, '?', size);
        }
        put += size;
    }
    return piece;
}

static void place(struct sv text, size_t at, struct spec_error *e) {
    e->line = 1;
    e->column = 1;
    for (size_t i = 0; i < at; i++) {
        if (text.p[i] == '\n') {
            e->line++;
            e->column = 1;
        } else if (((uint8_t)text.p[i] & 0xc0) != 0x80) {
            e->column++;
        }
    }
}

/* -- tokens -- */

static struct sv without_mark(const char *text, size_t n) {
    static const char mark[] = "\xef\xbb\xbf";
    size_t skip = n >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    return (struct sv){text + skip, n - skip};
}

static bool is_control(char c) {
    return (uint8_t)c < 0x20;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_in_word(char c) {
    return !is_control(c) && strchr(" \"{}[],:", c) == NULL;
}

static size_t text_end(struct sv text, size_t at) {
    size_t i = at + 1;
    while (i < text.n && text.p[i] != '"' && !is_control(text.p[i])) {
        i += text.p[i] == '\\' && i + 1 < text.n && !is_control(text.p[i + 1]) ? 2 : 1;
    }
    return i;
}

/* The one that begins at or behind *at, which goes behind it. */
static struct token next_token(struct sv text, size_t *at) {
    size_t i = *at;
    while (i < text.n && is_blank(text.p[i])) {
        i++;
    }
    struct token t = {.at = i, .kind = KIND_END};
    if (i < text.n && strchr("{}[],:", text.p[i]) != NULL && text.p[i] != '\0') {
        t.kind = text.p[i++];
    } else if (i < text.n && text.p[i] == '"') {
        i = text_end(text, i);
        bool is_closed = i < text.n && text.p[i] == '"';
        t.kind = is_closed ? KIND_TEXT : KIND_UNCLOSED;
        i += is_closed ? 1 : 0;
    } else if (i < text.n) {
        t.kind = KIND_WORD;
        do {
            i++;
        } while (i < text.n && is_in_word(text.p[i]));
    }
    t.n = i - t.at;
    *at = i;
    return t;
}

/* -- the check before cJSON: it would take what is no JSON, and any amount of it -- */

static bool refuse(struct parser *p, struct token t, const char *what) {
    place(p->text, t.at, p->e);
    char *to = p->e->text;
    if (t.kind == KIND_END) {
        snprintf(to, SPEC_ERROR, "found the end of the text, %s", what);
    } else if (is_control(p->text.p[t.at])) {
        snprintf(to, SPEC_ERROR, "found the control character 0x%02x, %s",
                 (unsigned)p->text.p[t.at], what);
    } else {
        snprintf(to, SPEC_ERROR, "found %s, %s", spec_parse_piece(p->text.p + t.at, t.n).z, what);
    }
    return false;
}

static bool refuse_wanted(struct parser *p, struct token t) {
    char what[64];
    snprintf(what, sizeof what, "allowed: %s", wants[p->want].says);
    return refuse(p, t, what);
}

static size_t digits(struct sv v, size_t at) {
    size_t i = at;
    while (i < v.n && isdigit((unsigned char)v.p[i])) {
        i++;
    }
    return i - at;
}

static bool is_number(struct sv v) {
    size_t i = v.n > 0 && v.p[0] == '-' ? 1 : 0;
    size_t whole = digits(v, i);
    if (whole == 0 || (whole > 1 && v.p[i] == '0')) {
        return false;
    }
    i += whole;
    if (i < v.n && v.p[i] == '.') {
        size_t fraction = digits(v, i + 1);
        if (fraction == 0) {
            return false;
        }
        i += 1 + fraction;
    }
    if (i < v.n && (v.p[i] == 'e' || v.p[i] == 'E')) {
        i += i + 1 < v.n && (v.p[i + 1] == '+' || v.p[i + 1] == '-') ? 2 : 1;
        size_t exponent = digits(v, i);
        if (exponent == 0) {
            return false;
        }
        i += exponent;
    }
    return i == v.n && v.n <= NUMBER_MAX;
}

static bool check_word(struct parser *p, struct token t) {
    struct sv v = sv_slice(p->text, t.at, t.n);
    if (sv_eq(v, SV("true")) || sv_eq(v, SV("false")) || sv_eq(v, SV("null")) || is_number(v)) {
        return true;
    }
    return refuse(p, t, "which is no value of JSON");
}

/* A tree holds terminated texts: what stands behind a NUL would be lost without a word. */
static bool check_text(struct parser *p, struct token t) {
    static const struct sv nul = {"\\u0000", 6};
    for (size_t i = t.at; i < t.at + t.n; i++) {
        if (p->text.p[i] != '\\') {
            continue;
        }
        if (sv_eq(sv_slice(p->text, i, nul.n), nul)) {
            t.at = i;
            t.n = nul.n;
            return refuse(p, t, "allowed: other characters; bytes are written {\"hex\": \"00\"}");
        }
        i++;
    }
    return true;
}

static bool push(struct parser *p, struct token t) {
    if (p->depth == LIMIT_JSON_DEPTH) {
        char what[64];
        snprintf(what, sizeof what, "nested deeper than %d", LIMIT_JSON_DEPTH);
        return refuse(p, t, what);
    }
    p->is_object[p->depth++] = t.kind == '{';
    p->want = t.kind == '{' ? WANT_FIRST_KEY : WANT_FIRST;
    return true;
}

static void want_after_value(struct parser *p) {
    if (p->depth == 0) {
        p->want = WANT_END;
    } else {
        p->want = p->is_object[p->depth - 1] ? WANT_MORE_KEYS : WANT_MORE_VALUES;
    }
}

static bool count_value(struct parser *p, struct token t) {
    if (++p->values > LIMIT_JSON_VALUES) {
        char what[64];
        snprintf(what, sizeof what, "more than %d values", LIMIT_JSON_VALUES);
        return refuse(p, t, what);
    }
    return true;
}

/* Takes a token that is wanted. */
static bool take(struct parser *p, struct token t) {
    bool is_key = p->want == WANT_KEY || p->want == WANT_FIRST_KEY;
    switch (t.kind) {
    case '{':
    case '[':
        return count_value(p, t) && push(p, t);
    case '}':
    case ']':
        p->depth--;
        want_after_value(p);
        return true;
    case ',':
        p->want = p->is_object[p->depth - 1] ? WANT_KEY : WANT_VALUE;
        return true;
    case ':':
        p->want = WANT_VALUE;
        return true;
    case KIND_TEXT:
        if (!check_text(p, t) || (!is_key && !count_value(p, t))) {
            return false;
        }
        break;
    case KIND_WORD:
        if (!check_word(p, t) || !count_value(p, t)) {
            return false;
        }
        break;
    default:
        return true;
    }
    want_after_value(p);
    if (is_key) {
        p->want = WANT_COLON;
    }
    return true;
}

static bool check_characters(struct parser *p) {
    size_t size = 0;
    for (size_t at = 0; at < p->text.n; at += size) {
        size = spec_parse_char(p->text.p + at, p->text.n - at);
        if (size == 0) {
            place(p->text, at, p->e);
            snprintf(p->e->text, SPEC_ERROR,
                     "found the byte 0x%02x, allowed: UTF-8; bytes are written {\"hex\": \"%02x\"}",
                     (uint8_t)p->text.p[at], (uint8_t)p->text.p[at]);
            return false;
        }
    }
    return true;
}

static bool check_tokens(struct parser *p) {
    size_t at = 0;
    for (;;) {
        struct token t = next_token(p->text, &at);
        if (t.kind == KIND_UNCLOSED) {
            return refuse(p, t, "a text without its closing quote; a line end is written \\n");
        }
        if (strchr(wants[p->want].kinds, t.kind) == NULL) {
            return refuse_wanted(p, t);
        }
        if (t.kind == KIND_END) {
            return true;
        }
        if (!take(p, t)) {
            return false;
        }
    }
}

struct cJSON *spec_parse(const char *text, size_t n, struct spec_error *e) {
    *e = (struct spec_error){.line = 1, .column = 1};
    if (n > LIMIT_JSON) {
        snprintf(e->text, sizeof e->text, "found %zu bytes, allowed: at most %d", n, LIMIT_JSON);
        return NULL;
    }
    struct parser p = {.text = without_mark(text, n), .e = e, .want = WANT_VALUE};
    if (!check_characters(&p) || !check_tokens(&p)) {
        return NULL;
    }
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(p.text.p, p.text.n, &end, false);
    if (tree == NULL) {
        /* All that is left are escapes. */
        size_t at = end != NULL ? (size_t)(end - p.text.p) : 0;
        struct token t = {.at = at, .n = sv_slice(p.text, at, 6).n, .kind = KIND_TEXT};
        refuse(&p, t, "which is no escape of JSON");
    }
    return tree;
}

/* -- places -- */

/* Goes behind the value that begins with t. */
static void skip_value(struct sv text, size_t *at, struct token t) {
    size_t depth = 0;
    for (;;) {
        if (t.kind == '{' || t.kind == '[') {
            depth++;
        } else if (t.kind == '}' || t.kind == ']') {
            depth--;
        }
        if (depth == 0 || t.kind == KIND_END) {
            return;
        }
        t = next_token(text, at);
    }
}

void spec_parse_place(const char *text, size_t n, const size_t *path, size_t depth, bool of_key,
                      struct spec_error *e) {
    struct sv v = without_mark(text, n);
    size_t at = 0;
    struct token value = next_token(v, &at);
    struct token key = value;
    for (size_t level = 0; level < depth; level++) {
        bool is_object = value.kind == '{';
        for (size_t child = 0;; child++) {
            if (is_object) {
                key = next_token(v, &at);
                next_token(v, &at);
            }
            value = next_token(v, &at);
            if (child == path[level]) {
                break;
            }
            skip_value(v, &at, value);
            next_token(v, &at);
        }
    }
    place(v, of_key ? key.at : value.at, e);
}
