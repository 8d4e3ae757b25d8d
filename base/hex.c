#include "base/hex.h"

#include <errno.h>

enum { NUMBER_DIGITS = 8 };

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_is(struct sv text) {
    size_t i = 0;
    while (i < text.n && hex_digit(text.p[i]) >= 0) {
        i++;
    }
    return i == text.n;
}

int hex_number(struct sv text, uint32_t *out) {
    if (!hex_is(text)) {
        return -EINVAL;
    }
    if (text.n > NUMBER_DIGITS) {
        return -ERANGE;
    }
    *out = 0;
    for (size_t i = 0; i < text.n; i++) {
        *out = *out << 4 | (uint32_t)hex_digit(text.p[i]);
    }
    return 0;
}

int hex_parse(struct sv text, void *to, size_t room) {
    if (text.n / 2 > room) {
        return -ENOSPC;
    }
    if (text.n % 2 != 0 || !hex_is(text)) {
        return -EINVAL;
    }
    uint8_t *bytes = to;
    for (size_t i = 0; i < text.n / 2; i++) {
        bytes[i] = (uint8_t)(16 * hex_digit(text.p[2 * i]) + hex_digit(text.p[2 * i + 1]));
    }
    return (int)(text.n / 2);
}

void hex_print(const void *p, size_t n, char *to) {
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *bytes = p;
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 0xf];
    }
    *to = '\0';
}
