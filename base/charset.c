#include "base/charset.h"

#include <stdbool.h>

enum { ALPHABET = 128, CONTINUATION_BITS = 6, LOW_BITS = 0x3f, LAST = 0x10ffff };

/* 23.038 6.2.1; the escape stands for itself. */
static const uint16_t alphabet[ALPHABET] = {
    '@',   0xa3, '$',  0xa5,  0xe8, 0xe9,  0xf9,  0xec,  0xf2,  0xc7,  '\n',  0xd8,  0xf8,
    '\r',  0xc5, 0xe5, 0x394, '_',  0x3a6, 0x393, 0x39b, 0x3a9, 0x3a0, 0x3a8, 0x3a3, 0x398,
    0x39e, 0x1b, 0xc6, 0xe6,  0xdf, 0xc9,  ' ',   '!',   '"',   '#',   0xa4,  '%',   '&',
    '\'',  '(',  ')',  '*',   '+',  ',',   '-',   '.',   '/',   '0',   '1',   '2',   '3',
    '4',   '5',  '6',  '7',   '8',  '9',   ':',   ';',   '<',   '=',   '>',   '?',   0xa1,
    'A',   'B',  'C',  'D',   'E',  'F',   'G',   'H',   'I',   'J',   'K',   'L',   'M',
    'N',   'O',  'P',  'Q',   'R',  'S',   'T',   'U',   'V',   'W',   'X',   'Y',   'Z',
    0xc4,  0xd6, 0xd1, 0xdc,  0xa7, 0xbf,  'a',   'b',   'c',   'd',   'e',   'f',   'g',
    'h',   'i',  'j',  'k',   'l',  'm',   'n',   'o',   'p',   'q',   'r',   's',   't',
    'u',   'v',  'w',  'x',   'y',  'z',   0xe4,  0xf6,  0xf1,  0xfc,  0xe0,
};

/* 23.038 6.2.1.1 */
static const struct {
    uint8_t code;
    uint16_t c;
} extension[] = {
    {0x0a, '\f'}, {0x14, '^'}, {0x28, '{'}, {0x29, '}'}, {0x2f, '\\'},
    {0x3c, '['},  {0x3d, '~'}, {0x3e, ']'}, {0x40, '|'}, {0x65, 0x20ac},
};

enum { EXTENSION = sizeof extension / sizeof extension[0] };

/* Bytes behind the first one, and what the first one adds; false: none begins so. */
static bool lead(uint8_t b, size_t *more, uint32_t *c) {
    static const struct {
        uint8_t mask, bits;
    } leads[] = {{0x80, 0x00}, {0xe0, 0xc0}, {0xf0, 0xe0}, {0xf8, 0xf0}};
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        if ((b & leads[i].mask) == leads[i].bits) {
            *more = i;
            *c = (uint8_t)(b & ~leads[i].mask);
            return true;
        }
    }
    return false;
}

uint32_t charset_next(struct sv *text) {
    uint32_t c = CHARSET_UNKNOWN;
    size_t more = 0;
    size_t n = 1;
    if (lead((uint8_t)text->p[0], &more, &c) && more < text->n) {
        while (n <= more && ((uint8_t)text->p[n] & 0xc0) == 0x80) {
            c = c << CONTINUATION_BITS | ((uint8_t)text->p[n++] & LOW_BITS);
        }
    }
    if (n != more + 1 || c > LAST) {
        c = CHARSET_UNKNOWN;
        n = 1;
    }
    *text = (struct sv){text->p + n, text->n - n};
    return c;
}

size_t charset_put(uint32_t c, char to[CHARSET_UTF8]) {
    static const uint8_t leads[] = {0x00, 0xc0, 0xe0, 0xf0};
    size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--) {
        to[i] = (char)(0x80 | (c & LOW_BITS));
        c >>= CONTINUATION_BITS;
    }
    to[0] = (char)(leads[more] | c);
    return more + 1;
}

int charset_to_gsm(uint32_t c) {
    for (int i = 0; i < ALPHABET; i++) {
        if (alphabet[i] == c && i != CHARSET_ESCAPE) {
            return i;
        }
    }
    for (size_t i = 0; i < EXTENSION; i++) {
        if (extension[i].c == c) {
            return CHARSET_ESCAPE << 8 | extension[i].code;
        }
    }
    return -1;
}

uint32_t charset_from_gsm(int code) {
    for (size_t i = 0; i < EXTENSION; i++) {
        if (code == (CHARSET_ESCAPE << 8 | extension[i].code)) {
            return extension[i].c;
        }
    }
    return code >= 0 && code < ALPHABET && code != CHARSET_ESCAPE ? alphabet[code]
                                                                  : CHARSET_UNKNOWN;
}
