#include "netstack/impair.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

bool impair_is_clean(const struct impair *im) {
    return im->latency_ms == 0 && im->jitter_ms == 0 && im->rate_bps == 0 && im->lose_next == 0 &&
           im->loss <= 0 && im->duplicate <= 0 && im->reorder <= 0 && im->corrupt <= 0 &&
           !im->black_hole;
}

bool impair_loses(struct impair *im, struct rng *rng) {
    if (im->black_hole) {
        return true;
    }
    if (im->lose_next > 0) {
        im->lose_next--;
        return true;
    }
    return im->loss > 0 && rng_chance(rng, im->loss);
}

clk_dur impair_delay(const struct impair *im, struct rng *rng) {
    int64_t us = CLK_MS(im->latency_ms).us;
    if (im->jitter_ms > 0) {
        us += (int64_t)rng_below(rng, (uint64_t)CLK_MS(im->jitter_ms).us + 1);
    }
    return (clk_dur){us};
}

clk_dur impair_duration(const struct impair *im, size_t bytes) {
    return (clk_dur){im->rate_bps > 0 ? (int64_t)(bytes * 8 * 1000000 / im->rate_bps) : 0};
}

/* -- text -- */

enum key_type { KEY_COUNT, KEY_CHANCE, KEY_FLAG };

static const struct key {
    const char *name;
    enum key_type type;
    size_t offset;
    int64_t most;
} keys[] = {
    {"latency", KEY_COUNT, offsetof(struct impair, latency_ms), 600000},
    {"jitter", KEY_COUNT, offsetof(struct impair, jitter_ms), 600000},
    {"rate", KEY_COUNT, offsetof(struct impair, rate_bps), 4000000000},
    {"lose", KEY_COUNT, offsetof(struct impair, lose_next), 1000000},
    {"loss", KEY_CHANCE, offsetof(struct impair, loss), 0},
    {"dup", KEY_CHANCE, offsetof(struct impair, duplicate), 0},
    {"reorder", KEY_CHANCE, offsetof(struct impair, reorder), 0},
    {"corrupt", KEY_CHANCE, offsetof(struct impair, corrupt), 0},
    {"black-hole", KEY_FLAG, offsetof(struct impair, black_hole), 0},
    {"cut", KEY_COUNT, offsetof(struct impair, cut_after), UINT32_MAX},
    {"refuse", KEY_FLAG, offsetof(struct impair, refuse), 0},
    {"no-names", KEY_FLAG, offsetof(struct impair, no_names), 0},
};

static int parse_chance(struct sv text, double *out) {
    char copy[16];
    char *end = NULL;
    if (text.n == 0 || sv_copy(text, copy, sizeof copy) != 0) {
        return -EINVAL;
    }
    double value = strtod(copy, &end);
    if (*end != '\0' || !(value >= 0 && value <= 1)) {
        return -EINVAL;
    }
    *out = value;
    return 0;
}

static int set_key(struct impair *im, const struct key *key, bool has_value, struct sv value) {
    void *field = (char *)im + key->offset;
    int64_t count = 0;
    double chance = 0;
    bool flag = true;
    switch (key->type) {
    case KEY_COUNT:
        if (!has_value || sv_int(value, 0, key->most, &count) != 0) {
            return -EINVAL;
        }
        uint32_t number = (uint32_t)count;
        memcpy(field, &number, sizeof number);
        return 0;
    case KEY_CHANCE:
        if (!has_value || parse_chance(value, &chance) != 0) {
            return -EINVAL;
        }
        memcpy(field, &chance, sizeof chance);
        return 0;
    case KEY_FLAG:
        memcpy(field, &flag, sizeof flag);
        return has_value ? -EINVAL : 0;
    }
    return -EINVAL;
}

static int parse_part(struct impair *im, struct sv part) {
    size_t n = 0;
    while (n < part.n && part.p[n] != '=') {
        n++;
    }
    struct sv name = sv_slice(part, 0, n);
    if (sv_eq(part, SV("none"))) {
        *im = (struct impair){0};
        return 0;
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (sv_eq(name, sv_of(keys[i].name))) {
            return set_key(im, &keys[i], n < part.n, sv_slice(part, n + 1, part.n));
        }
    }
    return -EINVAL;
}

int impair_parse(struct impair *im, struct sv text, struct sv *wrong) {
    struct impair result = *im;
    bool is_more = true;
    while (is_more) {
        size_t n = 0;
        while (n < text.n && text.p[n] != ',') {
            n++;
        }
        struct sv part = sv_trim(sv_slice(text, 0, n));
        if (parse_part(&result, part) != 0) {
            *wrong = part;
            return -EINVAL;
        }
        is_more = n < text.n;
        text = sv_slice(text, n + 1, text.n);
    }
    *im = result;
    return 0;
}
