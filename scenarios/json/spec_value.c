#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/hex.h"
#include "base/obj.h"
#include "base/pattern.h"
#include "scenarios/json/spec.h"

/* So many digits that the longest duration, 999999999h, is within 64 bits of microseconds. */
enum { WHOLE_DIGITS = 9, FRACTION_DIGITS = 6 };

static const struct {
    const char *name;
    int64_t us;
} units[] = {{"ms", 1000}, {"s", 1000000}, {"min", 60000000}, {"h", 3600000000}};

/* How many digits there are, if they are 1 to max; else 0. */
static size_t read_digits(const char *text, size_t max, int64_t *out) {
    size_t n = 0;
    *out = 0;
    for (; isdigit((unsigned char)text[n]); n++) {
        if (n == max) {
            return 0;
        }
        *out = *out * 10 + (text[n] - '0');
    }
    return n;
}

int spec_parse_duration(const char *text, clk_dur *out) {
    int64_t whole = 0;
    int64_t fraction = 0;
    int64_t scale = 1;
    size_t n = read_digits(text, WHOLE_DIGITS, &whole);
    if (n == 0) {
        return -EINVAL;
    }
    text += n;
    if (*text == '.') {
        n = read_digits(text + 1, FRACTION_DIGITS, &fraction);
        if (n == 0) {
            return -EINVAL;
        }
        text += 1 + n;
        for (; n > 0; n--) {
            scale *= 10;
        }
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text, units[i].name) == 0) {
            out->us = whole * units[i].us + fraction * units[i].us / scale;
            return 0;
        }
    }
    return -EINVAL;
}

clk_dur spec_duration(const char *text) {
    clk_dur d;
    must(spec_parse_duration(text, &d) == 0);
    return d;
}

static const struct spec free_text = {.type = SPEC_TEXT};
static const struct spec hex_digits = {.type = SPEC_HEX};
static const struct spec_key hex_keys[] = {
    {"hex", &hex_digits, "The bytes as pairs of hexadecimal digits.", SPEC_REQUIRED},
    {.name = NULL},
};
static const struct spec hex_object = {.type = SPEC_OBJECT, .name = "bytes", .keys = hex_keys};
static const struct spec *const bytes_choices[] = {&free_text, &hex_object, NULL};
const struct spec spec_of_bytes = {
    .type = SPEC_CHOICE, .name = "bytes", .choices = bytes_choices, .is_shared = true};

void spec_bytes(const struct cJSON *item, unsigned char **bytes, size_t *n) {
    bool is_hex = cJSON_IsObject(item);
    const char *text = is_hex ? spec_text(item, "hex", "") : item->valuestring;
    size_t size = strlen(text);
    *bytes = xmalloc(size);
    *n = 0;
    if (!is_hex) {
        memcpy(*bytes, text, size);
        *n = size;
        return;
    }
    while (*text != '\0') {
        (*bytes)[(*n)++] = (unsigned char)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
        text += 2;
        text += strspn(text, " ");
    }
}

const struct cJSON *spec_get(const struct cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

double spec_number(const struct cJSON *object, const char *key, double otherwise) {
    const cJSON *item = spec_get(object, key);
    return item != NULL ? item->valuedouble : otherwise;
}

int spec_int(const struct cJSON *object, const char *key, int otherwise) {
    double n = spec_number(object, key, otherwise);
    return n <= INT_MIN ? INT_MIN : (n >= INT_MAX ? INT_MAX : (int)n);
}

const char *spec_text(const struct cJSON *object, const char *key, const char *otherwise) {
    const cJSON *item = spec_get(object, key);
    return item != NULL ? item->valuestring : otherwise;
}

bool spec_flag(const struct cJSON *object, const char *key, bool otherwise) {
    const cJSON *item = spec_get(object, key);
    return item != NULL ? cJSON_IsTrue(item) != 0 : otherwise;
}

clk_dur spec_dur(const struct cJSON *object, const char *key, clk_dur otherwise) {
    const char *text = spec_text(object, key, NULL);
    return text != NULL ? spec_duration(text) : otherwise;
}

struct pattern *spec_pattern(const struct cJSON *object) {
    const char *text = spec_text(object, "pattern", NULL);
    if (text == NULL) {
        return NULL;
    }
    const char *why = NULL;
    struct pattern *p = pattern_new(text, &why);
    must(p != NULL);
    return p;
}
