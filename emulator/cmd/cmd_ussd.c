/* cmd_ussd.c: USSD requests, replies and answers, in the alphabet and the character set that they
 * are wanted in (V3.00 4.2.6, 27.007 7.15). */
#include <stdio.h>
#include <string.h>

#include "base/charset.h"
#include "base/hex.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/cmd/cmd_text.h"
#include "emulator/model/events.h"
#include "handlers.h"
#include "slots.h"

/* -- alphabets -- */

enum alphabet { GSM_7_BIT, OCTETS, UCS2 };
enum { HEX_OCTET = 2 };

/* 23.038 5 */
static enum alphabet alphabet_of(int dcs) {
    enum { UCS2_WITH_LANGUAGE = 0x11, GENERAL = 1, WITH_HEADER = 9, CLASSES = 15 };
    int group = dcs >> 4;
    bool has_alphabet = dcs >> 6 == GENERAL || group == WITH_HEADER;
    int bits = dcs >> 2 & 3;
    if (dcs == UCS2_WITH_LANGUAGE || (has_alphabet && bits == 2)) {
        return UCS2;
    }
    return (has_alphabet && bits == 1) || (group == CLASSES && (bits & 1) != 0) ? OCTETS
                                                                                : GSM_7_BIT;
}

struct text {
    char p[LIMIT_USSD_TEXT + 1];
    size_t n;
};

/* What does not fit is left out. */
static void put(struct text *to, const char *p, size_t n) {
    if (to->n + n <= LIMIT_USSD_TEXT) {
        memcpy(to->p + to->n, p, n);
        to->n += n;
        to->p[to->n] = '\0';
    }
}

static void put_hex(struct text *to, uint32_t value, int digits) {
    char hex[16];
    int n = snprintf(hex, sizeof hex, "%0*X", digits, (unsigned)value);
    put(to, hex, n == digits ? (size_t)n : 0);
}

/* A NUL, which is the @ of the GSM alphabet, would end the line: it stays an @ (guess). */
static void put_gsm(struct text *to, uint32_t c) {
    int code = charset_to_gsm(c);
    const char octets[] = {(char)(code >> 8), (char)code};
    if (code <= 0) {
        put(to, code < 0 ? "?" : "@", 1);
    } else {
        put(to, code > 0xff ? octets : octets + 1, code > 0xff ? 2 : 1);
    }
}

static void encode(const char *utf8, enum alphabet alphabet, enum cmd_text_set set,
                   struct text *to) {
    struct sv rest = sv_of(utf8);
    *to = (struct text){.n = 0};
    while (rest.n > 0) {
        if (alphabet == OCTETS) {
            put_hex(to, (uint8_t)rest.p[0], HEX_OCTET);
            rest = sv_slice(rest, 1, rest.n);
            continue;
        }
        uint32_t c = charset_next(&rest);
        if (alphabet == UCS2 || set == CMD_TEXT_UCS2) {
            put_hex(to, c <= UINT16_MAX ? c : CHARSET_UNKNOWN, CMD_TEXT_UNIT);
        } else if (set == CMD_TEXT_GSM) {
            put_gsm(to, c);
        } else {
            const char ascii = c < 0x80 ? (char)c : '?';
            put(to, &ascii, 1);
        }
    }
}

static void put_utf8(struct text *to, uint32_t c) {
    char bytes[CHARSET_UTF8];
    put(to, bytes, charset_put(c, bytes));
}

/* False: not so many digits each. */
static bool decode_hex(struct sv typed, size_t digits, struct text *to) {
    for (; typed.n > 0; typed = sv_slice(typed, digits, typed.n)) {
        uint32_t value = 0;
        if (typed.n < digits || hex_number(sv_slice(typed, 0, digits), &value) != 0) {
            return false;
        }
        const char octet = (char)value;
        if (digits == CMD_TEXT_UNIT) {
            put_utf8(to, value);
        } else {
            put(to, &octet, 1);
        }
    }
    return true;
}

/* What is typed, in UTF-8. False: it is not hexadecimal where it must be. */
static bool decode(struct sv typed, enum alphabet alphabet, enum cmd_text_set set,
                   struct text *to) {
    *to = (struct text){.n = 0};
    if (alphabet == OCTETS) {
        return decode_hex(typed, HEX_OCTET, to);
    }
    if (alphabet == UCS2 || set == CMD_TEXT_UCS2) {
        return decode_hex(typed, CMD_TEXT_UNIT, to);
    }
    for (size_t i = 0; i < typed.n; i++) {
        int code = (uint8_t)typed.p[i];
        if (set == CMD_TEXT_GSM && code == CHARSET_ESCAPE && i + 1 < typed.n) {
            code = code << 8 | (uint8_t)typed.p[++i];
        }
        put_utf8(to, set == CMD_TEXT_GSM ? charset_from_gsm(code) : (uint32_t)code);
    }
    return true;
}

/* -- requests -- */

/* 0, or what it fails with. */
static enum at_err request(struct at_req *rq) {
    enum { STR = 1, DCS = 2 };
    struct cmd *c = cmd_of(rq);
    struct text code;
    if (!reg_is_registered(&c->modem->reg)) {
        return CME_NO_NETWORK_SERVICE;
    }
    if (!decode(at_text(rq, STR), alphabet_of(at_int(rq, DCS)), cmd_text_set(c), &code)) {
        return AT_ERR_PLAIN;
    }
    int err = ussd_request(&c->modem->ussd, (struct sv){code.p, code.n});
    return err == 0 ? 0 : CME_OPERATION_NOT_ALLOWED;
}

void cmd_cusd(struct at_req *rq) {
    enum { CANCEL = 2 };
    struct cmd *c = cmd_of(rq);
    int n = at_form_of(rq) == AT_EXEC ? 0 : at_int(rq, 0);
    if (n == CANCEL) {
        ussd_cancel(&c->modem->ussd);
        at_ok(rq);
        return;
    }
    bool is_request = at_form_of(rq) == AT_WRITE && at_text(rq, 1).n > 0;
    enum at_err err = is_request ? request(rq) : 0;
    if (err != 0) {
        at_fail(rq, err);
        return;
    }
    setting_set_int(c->module, SLOT_CUSD_N, n);
    at_ok(rq);
}

/* -- answers -- */

/* What asks while nothing is presented is cancelled: nobody would reply. */
void cmd_ussd_event(struct cmd *c, unsigned topic, const void *payload) {
    const struct ussd_entry *e = payload;
    if (topic != TOPIC_USSD_ANSWERED) {
        return;
    }
    if (setting_int(c->module, SLOT_CUSD_N) == 0) {
        ussd_cancel(&c->modem->ussd);
    } else if (e->text == NULL) {
        urc_post(c->session, URC_EVENT, "+CUSD: %d", (int)e->state);
    } else {
        struct text text;
        encode(e->text, alphabet_of(e->dcs), cmd_text_set(c), &text);
        urc_post(c->session, URC_EVENT, "+CUSD: %d,\"%s\",%d", (int)e->state, text.p, e->dcs);
    }
}
