/* spec.h: what a JSON text may look like, as tables: the check of a text, and the JSON Schema.
 *
 * One table says it for both, so that an editor and the loader cannot disagree. A tree that has
 * passed the check is read without further error handling. Pure; knows nothing of modules.
 */
#ifndef SCENARIOS_JSON_SPEC_H
#define SCENARIOS_JSON_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clk.h"

struct cJSON;
struct pattern;

enum spec_type {
    SPEC_BOOL,
    SPEC_INT,      /* a whole number, lo..hi */
    SPEC_NUMBER,   /* lo..hi */
    SPEC_TEXT,     /* lo..hi bytes of UTF-8; `check` may be more particular */
    SPEC_WORD,     /* one of `words` */
    SPEC_DURATION, /* "10ms", "2s", "1.5s", "3min", "1h"; lo..hi in seconds */
    SPEC_PATTERN,  /* POSIX extended regular expression: base/pattern.h */
    SPEC_HEX,      /* lo..hi pairs of hexadecimal digits, blanks behind a pair allowed */
    SPEC_LIST,     /* lo..hi of `item` */
    SPEC_MAP,      /* free keys (`check` may be more particular), lo..hi values of `item` */
    SPEC_OBJECT,   /* `keys` */
    SPEC_CHOICE,   /* one of `choices`, told apart by their JSON types, which must differ */
};

struct spec_key {
    const char *name;
    const struct spec *spec;
    const char *doc; /* a sentence: the schema's description, and the page's */
    unsigned flags;  /* enum spec_key_flag */
};

enum spec_key_flag {
    SPEC_REQUIRED = 1,
    SPEC_VERB = 2, /* of the keys with this flag exactly one is there */
};

struct spec {
    enum spec_type type;
    const char *name; /* of an object, a list or a map in messages: "an action"; see is_shared */
    double lo, hi;    /* both 0: no limits; hi INFINITY: no upper one */
    const char *const *words; /* ends with NULL */
    const struct spec *item;
    const struct spec_key *keys;       /* ends with a NULL name */
    const struct spec *const *choices; /* ends with NULL */
    /* Of a text, or a map's key: NULL, or what is wrong and what is allowed. */
    const char *(*check)(const char *text);
    const char *pattern; /* ECMA regular expression for the schema, in agreement with `check` */
    bool is_shared;      /* stands under $defs, "an action" as action: specs may recurse */
};

enum { SPEC_PATH = 256, SPEC_ERROR = 512 };

/* Where and what: "rules[2].do[0].error", "found 5000, allowed: a whole number from 0 to 999". */
struct spec_error {
    unsigned line, column; /* from 1, the column in characters; both 0: not known */
    char path[SPEC_PATH];  /* "" for the text as a whole */
    char text[SPEC_ERROR];
};

/* Parses strictly (RFC 8259, a byte order mark is skipped) with bounds: LIMIT_JSON bytes,
 * LIMIT_JSON_VALUES values, LIMIT_JSON_DEPTH deep. A NUL is refused in any form, since a tree
 * cannot hold it. NULL: `e` says why not. The tree is the caller's, for cJSON_Delete. */
struct cJSON *spec_parse(const char *text, size_t n, struct spec_error *e);

/* Whether the tree is what `spec` says; unknown keys, duplicate keys and missing ones are errors,
 * which have the path of their object. The text is what the tree was parsed from, for the line
 * (NULL: no line is told). */
bool spec_check(const struct spec *spec, const struct cJSON *tree, const char *text, size_t n,
                struct spec_error *e);

/* For what a table cannot say: the error for a value of the tree, "found ..., " and why. False. */
bool spec_refuse(const struct cJSON *tree, const struct cJSON *item, const char *text, size_t n,
                 struct spec_error *e, const char *why);

/* JSON Schema, draft 2020-12. What it cannot say is left to the check: that a pattern compiles,
 * limits of a duration, keys given twice. The tree is the caller's, for cJSON_Delete. */
struct cJSON *spec_schema(const struct spec *spec, const char *id, const char *title);

/* -- values of a checked tree -- */

clk_dur spec_duration(const char *text);
int spec_parse_duration(const char *text, clk_dur *out); /* -EINVAL */

/* A text, or {"hex": "..."}: its bytes. *bytes is the caller's, for free(). */
void spec_bytes(const struct cJSON *item, unsigned char **bytes, size_t *n);
extern const struct spec spec_of_bytes; /* the CHOICE of text and {"hex"} */

/* Case matters. NULL: not there. */
const struct cJSON *spec_get(const struct cJSON *object, const char *key);

/* The value of a key, or `otherwise` where it is not there. */
int spec_int(const struct cJSON *object, const char *key, int otherwise); /* clamped to an int */
double spec_number(const struct cJSON *object, const char *key, double otherwise);
const char *spec_text(const struct cJSON *object, const char *key, const char *otherwise);
bool spec_flag(const struct cJSON *object, const char *key, bool otherwise);
clk_dur spec_dur(const struct cJSON *object, const char *key, clk_dur otherwise);

/* What is under "pattern", for pattern_free. NULL: there is none. */
struct pattern *spec_pattern(const struct cJSON *object);

#endif
