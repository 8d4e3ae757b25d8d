#include "scenarios/json/spec.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/obj.h"
#include "base/pattern.h"
#include "base/sv.h"
#include "scenarios/json/spec_parse.h"

static const double whole_max = 9007199254740992.0; /* 2^53: from there on doubles skip numbers */

/* A container that is being walked through, and where the walk is in it. */
struct frame {
    const struct spec *spec;
    const cJSON *child;
    size_t index;
};

/* Instead of recursion: the frames are the path of an error as well. */
struct walk {
    const char *text;
    size_t n;
    struct spec_error *e;
    size_t depth;
    struct frame frames[LIMIT_JSON_DEPTH];
};

/* -- messages -- */

struct out {
    char *to;
    size_t size;
    size_t n;
};

/* What does not fit is cut. */
__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(o->to + o->n, o->size - o->n, fmt, args);
    va_end(args);
    size_t room = o->size - o->n - 1;
    o->n += n < 0 ? 0 : ((size_t)n < room ? (size_t)n : room);
}

static bool is_plain_key(const char *key) {
    for (const char *c = key; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr("_-$", *c) == NULL) {
            return false;
        }
    }
    return key[0] != '\0';
}

static struct spec_piece piece_of(const char *text) {
    return spec_parse_piece(text, strlen(text));
}

static void put_path(const struct walk *w, struct out *o) {
    for (size_t i = 0; i < w->depth; i++) {
        const struct frame *f = &w->frames[i];
        const char *key = f->child->string;
        if (f->spec->type == SPEC_LIST) {
            put(o, "[%zu]", f->index);
        } else if (is_plain_key(key)) {
            put(o, "%s%s", i > 0 ? "." : "", piece_of(key).z);
        } else {
            put(o, "[\"%s\"]", piece_of(key).z);
        }
    }
}

static void put_found(struct out *o, const cJSON *item) {
    if (cJSON_IsString(item)) {
        put(o, "found \"%s\"", piece_of(item->valuestring).z);
    } else if (cJSON_IsNumber(item)) {
        put(o, "found %.16g", item->valuedouble);
    } else if (cJSON_IsArray(item)) {
        put(o, "found a list");
    } else if (cJSON_IsObject(item)) {
        put(o, "found an object");
    } else {
        put(o, "found %s", cJSON_IsNull(item) ? "null" : (cJSON_IsTrue(item) ? "true" : "false"));
    }
}

static bool has_limits(const struct spec *spec) {
    return spec->lo != 0 || spec->hi != 0;
}

/* " of 1 to 3 values", " from 0 to 10 seconds" */
static void put_limits(struct out *o, const struct spec *spec, const char *from, const char *unit) {
    if (!has_limits(spec)) {
        return;
    }
    if (isinf(spec->hi)) {
        put(o, " %s %.16g%s or more", from, spec->lo, unit);
    } else if (spec->lo == spec->hi) {
        put(o, " %s %.16g%s", from, spec->lo, unit);
    } else {
        put(o, " %s %.16g to %.16g%s", from, spec->lo, spec->hi, unit);
    }
}

static void put_keys(struct out *o, const struct spec *spec, unsigned flags) {
    const char *between = "";
    for (const struct spec_key *k = spec->keys; k->name != NULL; k++) {
        if ((k->flags & flags) == flags) {
            put(o, "%s%s", between, k->name);
            between = ", ";
        }
    }
    put(o, "%s", between[0] == '\0' ? "none" : "");
}

/* How each type is named, and its limits, if it has any. */
static const struct {
    const char *name;
    const char *from, *unit;
} types[] = {
    [SPEC_BOOL] = {.name = "true or false"},
    [SPEC_INT] = {"a whole number", "from", ""},
    [SPEC_NUMBER] = {"a number", "from", ""},
    [SPEC_TEXT] = {"a text", "of", " bytes"},
    [SPEC_WORD] = {.name = ""},
    [SPEC_DURATION] = {"a duration as \"10ms\", \"1.5s\", \"3min\", \"1h\"", "from", " seconds"},
    [SPEC_PATTERN] = {.name = "a regular expression"},
    [SPEC_HEX] = {"a text of hexadecimal digits", "of", " pairs"},
    [SPEC_LIST] = {"a list", "of", " values"},
    [SPEC_MAP] = {"an object", "of", " values"},
    [SPEC_OBJECT] = {.name = "an object"},
    [SPEC_CHOICE] = {.name = ""},
};

static void put_allowed_one(struct out *o, const struct spec *spec) {
    bool is_named = spec->name != NULL && (spec->type == SPEC_LIST || spec->type == SPEC_MAP ||
                                           spec->type == SPEC_OBJECT);
    if (is_named) {
        put(o, "%s (", spec->name);
    }
    put(o, "%s", types[spec->type].name);
    if (spec->type == SPEC_WORD) {
        for (const char *const *word = spec->words; *word != NULL; word++) {
            put(o, "%s%s", word == spec->words ? "" : ", ", *word);
        }
    } else if (types[spec->type].from != NULL) {
        put_limits(o, spec, types[spec->type].from, types[spec->type].unit);
    }
    put(o, "%s", is_named ? ")" : "");
}

static void put_allowed(struct out *o, const struct spec *spec) {
    if (spec->type != SPEC_CHOICE) {
        put_allowed_one(o, spec);
        return;
    }
    for (const struct spec *const *choice = spec->choices; *choice != NULL; choice++) {
        put(o, "%s", choice == spec->choices ? "" : "; or ");
        put_allowed_one(o, *choice);
    }
}

/* Path and place of the value that the frames lead to, or of a key of it. */
static struct out begin_error(const struct walk *w, const cJSON *object, const cJSON *key) {
    struct out path = {w->e->path, sizeof w->e->path, 0};
    put_path(w, &path);
    if (w->text != NULL) {
        size_t indexes[LIMIT_JSON_DEPTH + 1];
        size_t depth = 0;
        for (; depth < w->depth; depth++) {
            indexes[depth] = w->frames[depth].index;
        }
        if (key != NULL) {
            size_t index = 0;
            for (const cJSON *c = object->child; c != key; c = c->next) {
                index++;
            }
            indexes[depth++] = index;
        }
        spec_parse_place(w->text, w->n, indexes, depth, key != NULL, w->e);
    }
    return (struct out){w->e->text, sizeof w->e->text, 0};
}

static bool refuse(const struct walk *w, const struct spec *spec, const cJSON *item) {
    struct out o = begin_error(w, NULL, NULL);
    put_found(&o, item);
    put(&o, ", allowed: ");
    put_allowed(&o, spec);
    return false;
}

/* -- values -- */

static bool is_within(const struct spec *spec, double n) {
    return !has_limits(spec) || (n >= spec->lo && n <= spec->hi);
}

/* Beyond whole_max every double is. */
static bool is_whole(double n) {
    return fabs(n) >= whole_max || n == (double)(int64_t)n;
}

static bool check_number(const struct walk *w, const struct spec *spec, const cJSON *item) {
    double n = item->valuedouble;
    if (!isfinite(n) || !is_within(spec, n) || (spec->type == SPEC_INT && !is_whole(n))) {
        return refuse(w, spec, item);
    }
    if (spec->type == SPEC_INT && fabs(n) >= whole_max) {
        struct out o = begin_error(w, NULL, NULL);
        put_found(&o, item);
        put(&o, ", whole numbers from 2^53 on are not exact: write it as a text");
        return false;
    }
    return true;
}

/* Pairs; < 0: something else. */
static int count_hex(const char *text) {
    int pairs = 0;
    for (const char *c = text; *c != '\0'; pairs++) {
        if (hex_digit(c[0]) < 0 || hex_digit(c[1]) < 0) {
            return -1;
        }
        c += 2;
        c += strspn(c, " ");
    }
    return pairs;
}

static bool is_word(const struct spec *spec, const char *text) {
    const char *const *word = spec->words;
    while (*word != NULL && strcmp(*word, text) != 0) {
        word++;
    }
    return *word != NULL;
}

static bool is_duration(const struct spec *spec, const char *text) {
    clk_dur d;
    return spec_parse_duration(text, &d) == 0 && is_within(spec, (double)d.us / 1e6);
}

static bool check_free_text(const struct walk *w, const struct spec *spec, const cJSON *item) {
    if (!is_within(spec, (double)strlen(item->valuestring))) {
        return refuse(w, spec, item);
    }
    const char *wrong = spec->check != NULL ? spec->check(item->valuestring) : NULL;
    if (wrong != NULL) {
        struct out o = begin_error(w, NULL, NULL);
        put_found(&o, item);
        put(&o, ", %s", wrong);
    }
    return wrong == NULL;
}

static bool check_pattern(const struct walk *w, const cJSON *item) {
    const char *why = NULL;
    struct pattern *p = pattern_new(item->valuestring, &why);
    if (p == NULL) {
        struct out o = begin_error(w, NULL, NULL);
        put_found(&o, item);
        put(&o, ", allowed: a regular expression without %s", why);
        return false;
    }
    pattern_free(p);
    return true;
}

/* -- objects -- */

static const struct spec_key *find_key(const struct spec *spec, const char *name) {
    const struct spec_key *k = spec->keys;
    while (k->name != NULL && strcmp(k->name, name) != 0) {
        k++;
    }
    return k->name != NULL ? k : NULL;
}

/* Behind check_known. */
static const struct spec_key *known_key(const struct spec *spec, const char *name) {
    const struct spec_key *k = find_key(spec, name);
    must(k != NULL);
    return k;
}

struct named {
    const cJSON *item;
    size_t index;
};

static int compare_named(const void *a, const void *b) {
    const struct named *l = a;
    const struct named *r = b;
    int by_name = strcmp(l->item->string, r->item->string);
    return by_name != 0 ? by_name : (l->index > r->index) - (l->index < r->index);
}

/* Sorted, since a hostile text may have as many keys as it may have values. */
static const cJSON *find_duplicate(const cJSON *object, size_t n) {
    struct named *all = xmalloc(n * sizeof *all);
    size_t i = 0;
    for (const cJSON *c = object->child; c != NULL; c = c->next, i++) {
        all[i] = (struct named){c, i};
    }
    qsort(all, n, sizeof *all, compare_named);
    const cJSON *found = NULL;
    for (i = 1; i < n && found == NULL; i++) {
        if (strcmp(all[i - 1].item->string, all[i].item->string) == 0) {
            found = all[i].item;
        }
    }
    free(all);
    return found;
}

static bool check_duplicates(const struct walk *w, const cJSON *object, size_t n) {
    const cJSON *twin = find_duplicate(object, n);
    if (twin != NULL) {
        struct out o = begin_error(w, object, twin);
        put(&o, "duplicate key \"%s\"", piece_of(twin->string).z);
    }
    return twin == NULL;
}

static bool check_known(const struct walk *w, const struct spec *spec, const cJSON *object) {
    for (const cJSON *c = object->child; c != NULL; c = c->next) {
        if (find_key(spec, c->string) == NULL) {
            struct out o = begin_error(w, object, c);
            put(&o, "unknown key \"%s\", allowed: ", piece_of(c->string).z);
            put_keys(&o, spec, 0);
            return false;
        }
    }
    return true;
}

static bool has_verbs(const struct spec *spec) {
    const struct spec_key *k = spec->keys;
    while (k->name != NULL && (k->flags & SPEC_VERB) == 0) {
        k++;
    }
    return k->name != NULL;
}

static bool check_verbs(const struct walk *w, const struct spec *spec, const cJSON *object) {
    const cJSON *verb = NULL;
    for (const cJSON *c = object->child; c != NULL; c = c->next) {
        if ((known_key(spec, c->string)->flags & SPEC_VERB) == 0) {
            continue;
        }
        if (verb != NULL) {
            struct out o = begin_error(w, object, c);
            put(&o, "found \"%s\" and \"%s\", allowed: one of ", verb->string, c->string);
            put_keys(&o, spec, SPEC_VERB);
            return false;
        }
        verb = c;
    }
    if (verb == NULL && has_verbs(spec)) {
        struct out o = begin_error(w, NULL, NULL);
        put(&o, "missing key, needed: one of ");
        put_keys(&o, spec, SPEC_VERB);
        return false;
    }
    return true;
}

static bool check_required(const struct walk *w, const struct spec *spec, const cJSON *object) {
    for (const struct spec_key *k = spec->keys; k->name != NULL; k++) {
        if ((k->flags & SPEC_REQUIRED) != 0 && spec_get(object, k->name) == NULL) {
            struct out o = begin_error(w, NULL, NULL);
            put(&o, "missing key \"%s\"", k->name);
            return false;
        }
    }
    return true;
}

static bool check_map_keys(const struct walk *w, const struct spec *spec, const cJSON *object) {
    for (const cJSON *c = object->child; c != NULL && spec->check != NULL; c = c->next) {
        const char *wrong = spec->check(c->string);
        if (wrong != NULL) {
            struct out o = begin_error(w, object, c);
            put(&o, "found the key \"%s\", %s", piece_of(c->string).z, wrong);
            return false;
        }
    }
    return true;
}

static bool check_object(const struct walk *w, const struct spec *spec, const cJSON *object) {
    size_t n = (size_t)cJSON_GetArraySize(object);
    if (spec->type == SPEC_MAP) {
        return check_map_keys(w, spec, object) && check_duplicates(w, object, n);
    }
    return check_known(w, spec, object) && check_duplicates(w, object, n) &&
           check_verbs(w, spec, object) && check_required(w, spec, object);
}

static bool check_size(const struct walk *w, const struct spec *spec, const cJSON *item) {
    int n = cJSON_GetArraySize(item);
    if (is_within(spec, n)) {
        return true;
    }
    struct out o = begin_error(w, NULL, NULL);
    put(&o, "found %d values, allowed: ", n);
    put_allowed(&o, spec);
    return false;
}

/* -- the walk -- */

static bool has_type(const struct spec *spec, const cJSON *item) {
    must(spec->type != SPEC_CHOICE); /* types could not tell a choice of choices apart */
    switch (spec->type) {
    case SPEC_BOOL:
        return cJSON_IsBool(item);
    case SPEC_INT:
    case SPEC_NUMBER:
        return cJSON_IsNumber(item);
    case SPEC_TEXT:
    case SPEC_WORD:
    case SPEC_DURATION:
    case SPEC_PATTERN:
    case SPEC_HEX:
        return cJSON_IsString(item);
    case SPEC_LIST:
        return cJSON_IsArray(item);
    case SPEC_MAP:
    case SPEC_OBJECT:
        return cJSON_IsObject(item);
    case SPEC_CHOICE:
        break;
    }
    return false;
}

/* NULL: none. */
static const struct spec *choose(const struct spec *spec, const cJSON *item) {
    if (spec->type != SPEC_CHOICE) {
        return has_type(spec, item) ? spec : NULL;
    }
    const struct spec *const *choice = spec->choices;
    while (*choice != NULL && !has_type(*choice, item)) {
        choice++;
    }
    return *choice;
}

static bool enter(struct walk *w, const struct spec *spec, const cJSON *item) {
    if (w->depth == LIMIT_JSON_DEPTH) {
        struct out o = begin_error(w, NULL, NULL);
        put(&o, "nested deeper than %d", LIMIT_JSON_DEPTH);
        return false;
    }
    w->frames[w->depth++] = (struct frame){spec, item->child, 0};
    return true;
}

/* Without what is in it. */
static bool check_item(struct walk *w, const struct spec *allowed, const cJSON *item) {
    const struct spec *spec = choose(allowed, item);
    if (spec == NULL) {
        return refuse(w, allowed, item);
    }
    bool is_good = true;
    switch (spec->type) {
    case SPEC_BOOL:
    case SPEC_CHOICE:
        return true;
    case SPEC_INT:
    case SPEC_NUMBER:
        return check_number(w, spec, item);
    case SPEC_TEXT:
        return check_free_text(w, spec, item);
    case SPEC_PATTERN:
        return check_pattern(w, item);
    case SPEC_WORD:
        is_good = is_word(spec, item->valuestring);
        break;
    case SPEC_DURATION:
        is_good = is_duration(spec, item->valuestring);
        break;
    case SPEC_HEX: {
        int pairs = count_hex(item->valuestring);
        is_good = pairs >= 0 && is_within(spec, pairs);
        break;
    }
    case SPEC_LIST:
        return check_size(w, spec, item) && enter(w, spec, item);
    case SPEC_MAP:
    case SPEC_OBJECT:
        return check_size(w, spec, item) && check_object(w, spec, item) && enter(w, spec, item);
    }
    return is_good || refuse(w, spec, item);
}

bool spec_check(const struct spec *spec, const struct cJSON *tree, const char *text, size_t n,
                struct spec_error *e) {
    *e = (struct spec_error){.line = 0};
    struct walk w = {.text = text, .n = n, .e = e};
    if (!check_item(&w, spec, tree)) {
        return false;
    }
    while (w.depth > 0) {
        struct frame *f = &w.frames[w.depth - 1];
        if (f->child == NULL) {
            w.depth--;
            if (w.depth > 0) {
                f = &w.frames[w.depth - 1];
                f->child = f->child->next;
                f->index++;
            }
            continue;
        }
        bool is_object = f->spec->type == SPEC_OBJECT;
        const struct spec *inner =
            is_object ? known_key(f->spec, f->child->string)->spec : f->spec->item;
        size_t depth = w.depth;
        if (!check_item(&w, inner, f->child)) {
            return false;
        }
        if (w.depth == depth) {
            f->child = f->child->next;
            f->index++;
        }
    }
    return true;
}

/* To the next sibling, or that of the innermost container that has one. */
static void go_on(struct walk *w) {
    while (w->depth > 0) {
        struct frame *f = &w->frames[w->depth - 1];
        f->child = f->child->next;
        f->index++;
        if (f->child != NULL) {
            return;
        }
        w->depth--;
    }
}

bool spec_refuse(const struct cJSON *tree, const struct cJSON *item, const char *text, size_t n,
                 struct spec_error *e, const char *why) {
    static const struct spec list = {.type = SPEC_LIST};
    static const struct spec object = {.type = SPEC_OBJECT};
    *e = (struct spec_error){.line = 0};
    struct walk w = {.text = text, .n = n, .e = e};
    const cJSON *at = tree;
    while (at != item) {
        if (at->child != NULL && w.depth < LIMIT_JSON_DEPTH) {
            const struct spec *spec = cJSON_IsArray(at) ? &list : &object;
            w.frames[w.depth++] = (struct frame){spec, at->child, 0};
        } else {
            go_on(&w);
        }
        must(w.depth > 0);
        at = w.frames[w.depth - 1].child;
    }
    struct out o = begin_error(&w, NULL, NULL);
    put_found(&o, item);
    put(&o, ", %s", why);
    return false;
}
