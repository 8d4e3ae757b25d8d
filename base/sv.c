#include "base/sv.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/obj.h"

struct sv sv_of(const char *z) {
    return (struct sv){z, strlen(z)};
}

struct sv sv_slice(struct sv v, size_t from, size_t n) {
    if (from > v.n) {
        from = v.n;
    }
    if (n > v.n - from) {
        n = v.n - from;
    }
    return (struct sv){v.p + from, n};
}

struct sv sv_trim(struct sv v) {
    while (v.n > 0 && v.p[0] == ' ') {
        v.p++;
        v.n--;
    }
    while (v.n > 0 && v.p[v.n - 1] == ' ') {
        v.n--;
    }
    return v;
}

bool sv_eq(struct sv a, struct sv b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool sv_eq_nocase(struct sv a, struct sv b) {
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool sv_starts_nocase(struct sv v, struct sv prefix) {
    return v.n >= prefix.n && sv_eq_nocase(sv_slice(v, 0, prefix.n), prefix);
}

int sv_int(struct sv v, int64_t lo, int64_t hi, int64_t *out) {
    bool negative = v.n > 0 && v.p[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == v.n) {
        return -EINVAL;
    }
    int64_t value = 0;
    bool over = false;
    for (; i < v.n; i++) {
        if (!isdigit((unsigned char)v.p[i])) {
            return -EINVAL;
        }
        int digit = v.p[i] - '0';
        if (value > (INT64_MAX - digit) / 10) {
            over = true;
            continue;
        }
        value = value * 10 + digit;
    }
    if (negative) {
        value = -value;
    }
    if (over || value < lo || value > hi) {
        return -ERANGE;
    }
    *out = value;
    return 0;
}

int sv_copy(struct sv v, char *to, size_t size) {
    if (v.n >= size) {
        return -ENOSPC;
    }
    if (v.n > 0) {
        memcpy(to, v.p, v.n);
    }
    to[v.n] = '\0';
    return 0;
}

char *sv_dup(struct sv v) {
    char *copy = xmalloc(v.n + 1);
    if (v.n > 0) {
        memcpy(copy, v.p, v.n);
    }
    return copy;
}
