#include "tests/support/spec_random.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/obj.h"
#include "base/rng.h"
#include "scenarios/json/spec.h"

enum { TEXT_MAX = 24, LIST_MAX = 3, INT_USUAL = 100 };

static size_t pick(struct rng *rng, size_t n) {
    return (size_t)rng_below(rng, n);
}

static double number(const struct spec *spec, struct rng *rng) {
    double hi = spec->hi != 0 || spec->lo != 0 ? spec->hi : INT_USUAL;
    switch (pick(rng, 4)) {
    case 0:
        return spec->lo;
    case 1:
        return hi;
    default:
        break;
    }
    if (spec->type == SPEC_NUMBER) {
        return spec->lo + (hi - spec->lo) * (double)rng_below(rng, 1000) / 1000;
    }
    double span = fmin(hi - spec->lo, INT_USUAL);
    return spec->lo + (double)rng_below(rng, (uint64_t)span + 1);
}

static struct cJSON *text(const struct spec *spec, struct rng *rng) {
    static const char letters[] = "AT+CSQOKRING:0123456789,\" \r\n\t;=?>~";
    static const char *const words[] = {"OK",
                                        "ERROR",
                                        "RING",
                                        "+CSQ: 1,1",
                                        "10.0.0.1",
                                        "p",
                                        "n",
                                        "02:00:00:00:00:01",
                                        "08/12/09,17:00:00",
                                        "C4:0B:CB:3E:68:62",
                                        "123456"};
    if (pick(rng, 2) == 0) {
        const char *word = words[pick(rng, sizeof words / sizeof words[0])];
        bool is_long = (double)strlen(word) > spec->hi && spec->hi != 0;
        bool is_wrong = spec->check != NULL && spec->check(word) != NULL;
        if (!is_long && !is_wrong && (double)strlen(word) >= spec->lo) {
            return cJSON_CreateString(word);
        }
    }
    char z[TEXT_MAX + 1];
    double hi = spec->hi != 0 ? fmin(spec->hi, TEXT_MAX) : TEXT_MAX;
    must(spec->lo <= hi);
    size_t n = (size_t)spec->lo + pick(rng, (size_t)(hi - spec->lo) + 1);
    for (size_t i = 0; i < n; i++) {
        z[i] = letters[pick(rng, sizeof letters - 1)];
    }
    z[n] = '\0';
    return spec->check == NULL || spec->check(z) == NULL ? cJSON_CreateString(z) : text(spec, rng);
}

static struct cJSON *duration(const struct spec *spec, struct rng *rng) {
    static const char *const some[] = {"1ms", "10ms", "150ms", "1s", "20s"};
    return cJSON_CreateString(
        spec->lo == 0 && pick(rng, 4) == 0 ? "0s" : some[pick(rng, sizeof some / sizeof some[0])]);
}

static struct cJSON *one_of(const char *const *words, struct rng *rng) {
    size_t n = 0;
    while (words[n] != NULL) {
        n++;
    }
    return cJSON_CreateString(words[pick(rng, n)]);
}

/* One verb, every required key, some of the others. */
static struct cJSON *object(const struct spec *spec, struct rng *rng) {
    struct cJSON *o = cJSON_CreateObject();
    size_t verbs = 0;
    for (const struct spec_key *k = spec->keys; k->name != NULL; k++) {
        verbs += (k->flags & SPEC_VERB) != 0;
    }
    size_t verb = verbs > 0 ? pick(rng, verbs) : 0;
    for (const struct spec_key *k = spec->keys; k->name != NULL; k++) {
        bool is_there = (k->flags & SPEC_REQUIRED) != 0 || pick(rng, 3) == 0;
        if ((k->flags & SPEC_VERB) != 0) {
            is_there = verb-- == 0;
        }
        if (is_there) {
            cJSON_AddItemToObject(o, k->name, spec_random(k->spec, rng));
        }
    }
    return o;
}

static struct cJSON *list(const struct spec *spec, struct rng *rng) {
    struct cJSON *l = cJSON_CreateArray();
    size_t lo = (size_t)spec->lo;
    size_t hi = (size_t)fmin(spec->hi, fmax(spec->lo, LIST_MAX));
    for (size_t n = lo + pick(rng, hi - lo + 1); n > 0; n--) {
        cJSON_AddItemToArray(l, spec_random(spec->item, rng));
    }
    return l;
}

struct cJSON *spec_random(const struct spec *spec, struct rng *rng) {
    static const char *const patterns[] = {"", "OK", "^AT", "[0-9]+", "x|y", NULL};
    static const char *const hex[] = {"", "00", "0d0a", "1a1b7e ff", NULL};
    size_t n = 0;
    switch (spec->type) {
    case SPEC_BOOL:
        return cJSON_CreateBool(pick(rng, 4) != 0);
    case SPEC_INT:
    case SPEC_NUMBER:
        return cJSON_CreateNumber(number(spec, rng));
    case SPEC_TEXT:
        return text(spec, rng);
    case SPEC_WORD:
        return one_of(spec->words, rng);
    case SPEC_DURATION:
        return duration(spec, rng);
    case SPEC_PATTERN:
        return one_of(patterns, rng);
    case SPEC_HEX:
        return one_of(hex, rng);
    case SPEC_LIST:
        return list(spec, rng);
    case SPEC_MAP:
        return cJSON_CreateObject();
    case SPEC_OBJECT:
        return object(spec, rng);
    case SPEC_CHOICE:
        while (spec->choices[n] != NULL) {
            n++;
        }
        return spec_random(spec->choices[pick(rng, n)], rng);
    }
    return NULL;
}
