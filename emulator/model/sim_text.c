#include "emulator/model/sim_text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/be.h"
#include "base/charset.h"

enum { UNUSED = 0xff };

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

size_t sim_text_to_gsm(uint16_t unit, uint8_t to[2]) {
    int code = charset_to_gsm(unit);
    if (code < 0) {
        return 0;
    }
    size_t n = 0;
    if (code > UINT8_MAX) {
        to[n++] = CHARSET_ESCAPE;
    }
    to[n++] = (uint8_t)code;
    return n;
}

uint16_t sim_text_of_gsm(const uint8_t *from, size_t n, size_t *used) {
    bool is_extended = from[0] == CHARSET_ESCAPE && n > 1;
    uint32_t c = charset_from_gsm(is_extended ? CHARSET_ESCAPE << 8 | from[1] : from[0]);
    *used = is_extended ? 2 : 1;
    return c != CHARSET_UNKNOWN ? (uint16_t)c : ' ';
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
