#include "emulator/model/sim_text.h"

#include <errno.h>
#include <string.h>

#include "base/be.h"

enum { UNUSED = 0xff, ESCAPE = 0x1b };

/* -- numbers -- */

static const char digits[] = "0123456789*#p?";

int sim_text_put_number(struct sv number, uint8_t type, uint8_t to[SIM_NUMBER]) {
    if (number.n > 0 && number.p[0] == '+') {
        type = SIM_TYPE_INTERNATIONAL;
        number = sv_slice(number, 1, number.n - 1);
    }
    if (number.n > SIM_NUMBER_DIGITS) {
        return -E2BIG;
    }
    memset(to, UNUSED, SIM_NUMBER);
    for (size_t i = 0; i < number.n; i++) {
        const char *found = number.p[i] != '\0' ? strchr(digits, number.p[i]) : NULL;
        if (found == NULL) {
            return -EINVAL;
        }
        unsigned digit = (unsigned)(found - digits);
        uint8_t *at = &to[2 + i / 2];
        *at = (uint8_t)(i % 2 == 0 ? 0xf0u | digit : (*at & 0x0fu) | digit << 4);
    }
    to[0] = (uint8_t)(1 + (number.n + 1) / 2);
    to[1] = type;
    return number.n > 0 ? 0 : -EINVAL;
}

void sim_text_get_number(const uint8_t from[SIM_NUMBER], char to[SIM_NUMBER_TEXT], uint8_t *type) {
    size_t bytes = from[0] > 1 && from[0] < SIM_NUMBER ? from[0] - 1u : 0;
    *type = bytes > 0 ? from[1] : SIM_TYPE_OTHER;
    if (*type == SIM_TYPE_INTERNATIONAL) {
        *to++ = '+';
    }
    for (size_t i = 0; i < 2 * bytes; i++) {
        unsigned digit = i % 2 == 0 ? from[2 + i / 2] & 0x0f : from[2 + i / 2] >> 4;
        if (digit >= sizeof digits - 1) {
            break;
        }
        *to++ = digits[digit];
    }
    *to = '\0';
}

/* -- texts -- */

static const uint16_t alphabet[128] = {
    '@',    0xa3,   '$',    0xa5,   0xe8,   0xe9, 0xf9,   0xec,   0xf2,   0xc7,   '\n',   0xd8,
    0xf8,   '\r',   0xc5,   0xe5,   0x0394, '_',  0x03a6, 0x0393, 0x039b, 0x03a9, 0x03a0, 0x03a8,
    0x03a3, 0x0398, 0x039e, ESCAPE, 0xc6,   0xe6, 0xdf,   0xc9,   ' ',    '!',    '"',    '#',
    0xa4,   '%',    '&',    '\'',   '(',    ')',  '*',    '+',    ',',    '-',    '.',    '/',
    '0',    '1',    '2',    '3',    '4',    '5',  '6',    '7',    '8',    '9',    ':',    ';',
    '<',    '=',    '>',    '?',    0xa1,   'A',  'B',    'C',    'D',    'E',    'F',    'G',
    'H',    'I',    'J',    'K',    'L',    'M',  'N',    'O',    'P',    'Q',    'R',    'S',
    'T',    'U',    'V',    'W',    'X',    'Y',  'Z',    0xc4,   0xd6,   0xd1,   0xdc,   0xa7,
    0xbf,   'a',    'b',    'c',    'd',    'e',  'f',    'g',    'h',    'i',    'j',    'k',
    'l',    'm',    'n',    'o',    'p',    'q',  'r',    's',    't',    'u',    'v',    'w',
    'x',    'y',    'z',    0xe4,   0xf6,   0xf1, 0xfc,   0xe0};

/* Behind an escape. */
static const struct {
    uint8_t code;
    uint16_t unit;
} extended[] = {{0x0a, '\f'}, {0x14, '^'}, {0x28, '{'}, {0x29, '}'}, {0x2f, '\\'},
                {0x3c, '['},  {0x3d, '~'}, {0x3e, ']'}, {0x40, '|'}, {0x65, 0x20ac}};
enum { EXTENDED = sizeof extended / sizeof extended[0] };

size_t sim_text_to_gsm(uint16_t unit, uint8_t to[2]) {
    for (uint8_t i = 0; i < sizeof alphabet / sizeof alphabet[0]; i++) {
        if (alphabet[i] == unit && i != ESCAPE) {
            to[0] = i;
            return 1;
        }
    }
    for (size_t i = 0; i < EXTENDED; i++) {
        if (extended[i].unit == unit) {
            to[0] = ESCAPE;
            to[1] = extended[i].code;
            return 2;
        }
    }
    return 0;
}

uint16_t sim_text_of_gsm(const uint8_t *from, size_t n, size_t *used) {
    *used = 1;
    if (from[0] != ESCAPE) {
        return from[0] < 0x80 ? alphabet[from[0]] : ' ';
    }
    *used = n > 1 ? 2 : 1;
    for (size_t i = 0; n > 1 && i < EXTENDED; i++) {
        if (extended[i].code == from[1]) {
            return extended[i].unit;
        }
    }
    return ' ';
}

/* Bytes; 0 for a text that is not all in there. */
static size_t put_gsm(const uint16_t *text, size_t n, uint8_t *to, size_t room) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t code[2];
        size_t k = sim_text_to_gsm(text[i], code);
        if (k == 0) {
            return 0;
        }
        for (size_t j = 0; j < k; j++, len++) {
            if (len < room) {
                to[len] = code[j];
            }
        }
    }
    return len;
}

int sim_text_put(const uint16_t *text, size_t n, uint8_t *to, size_t room) {
    enum { UCS2 = 0x80 };
    memset(to, UNUSED, room);
    size_t len = put_gsm(text, n, to, room);
    if (len > 0 || n == 0) {
        return len <= room ? 0 : -E2BIG;
    }
    memset(to, UNUSED, room);
    if (1 + 2 * n > room) {
        return -E2BIG;
    }
    *to++ = UCS2;
    for (size_t i = 0; i < n; i++) {
        be_put16(to + 2 * i, text[i]);
    }
    return 0;
}

static size_t get_ucs2(const uint8_t *from, size_t room, uint16_t *to) {
    size_t n = 0;
    for (size_t i = 1; i + 1 < room && !(from[i] == UNUSED && from[i + 1] == UNUSED); i += 2) {
        to[n++] = be_get16(from + i);
    }
    return n;
}

/* How many characters, where half a page begins, and then bytes into that half page, or of the
 * default alphabet (102.221 annex A, 81 and 82). */
static size_t get_paged(const uint8_t *from, size_t room, uint16_t *to) {
    enum { SHORT_BASE = 0x81 };
    size_t head = from[0] == SHORT_BASE ? 3 : 4;
    if (room < head) {
        return 0;
    }
    unsigned base = head == 3 ? (unsigned)from[2] << 7 : (unsigned)from[2] << 8 | from[3];
    size_t n = 0;
    for (size_t i = head; i < room && n < from[1]; i++, n++) {
        size_t used = 0;
        to[n] = from[i] >= 0x80 ? (uint16_t)(base + (from[i] & 0x7fu))
                                : sim_text_of_gsm(from + i, 1, &used);
    }
    return n;
}

size_t sim_text_get(const uint8_t *from, size_t room, uint16_t *to) {
    enum { UCS2 = 0x80, LONG_BASE = 0x82 };
    if (room > 0 && from[0] == UCS2) {
        return get_ucs2(from, room, to);
    }
    if (room > 0 && from[0] > UCS2 && from[0] <= LONG_BASE) {
        return get_paged(from, room, to);
    }
    size_t n = 0;
    size_t used = 0;
    for (size_t i = 0; i < room && from[i] != UNUSED; i += used) {
        to[n++] = sim_text_of_gsm(from + i, room - i, &used);
    }
    return n;
}
