/* cmd_ecall.c: what the message of an emergency call is made of (V3.00 chapter 26). */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/hex.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "handlers.h"
#include "slots.h"

void cmd_cecallversion(struct at_req *rq) {
    at_info(rq, "+CMSDVERSION: %d", (int)setting_int(cmd_of(rq)->module, SLOT_CMSDVERSION_VER));
    at_ok(rq);
}

/* ISO 3779 leaves out the letters that look like digits. */
static bool is_vin(struct sv text) {
    enum { VIN_LEN = 17 };
    for (size_t i = 0; i < text.n; i++) {
        bool is_upper = text.p[i] >= 'A' && text.p[i] <= 'Z';
        if (!isdigit((unsigned char)text.p[i]) &&
            (!is_upper || memchr("IOQ", text.p[i], 3) != NULL)) {
            return false;
        }
    }
    return text.n == VIN_LEN;
}

void cmd_cecallcfg(struct at_req *rq) {
    cmd_store_if(rq, is_vin(at_text(rq, 3)));
}

/* "[-]ddd[.dddddd]", at most `max` degrees to either side. */
static bool is_degrees(struct sv text, long max) {
    enum { MICRO_DIGITS = 6, MICRO = 1000000 };
    size_t first = text.n > 0 && text.p[0] == '-' ? 1 : 0, i = first;
    long whole = 0, micro = 0;
    for (; i < text.n && isdigit((unsigned char)text.p[i]) && whole <= max; i++) {
        whole = whole * 10 + (text.p[i] - '0');
    }
    if (i == first) {
        return false;
    }
    size_t point = i;
    if (i < text.n && text.p[i] == '.') {
        for (i++; i < text.n && isdigit((unsigned char)text.p[i]); i++) {
            micro = micro * 10 + (text.p[i] - '0');
        }
    }
    size_t decimals = i > point ? i - point - 1 : 0;
    bool is_dot_alone = i == point + 1;
    return i == text.n && !is_dot_alone && decimals <= MICRO_DIGITS &&
           (whole < max || (whole == max && micro == 0));
}

void cmd_cecallpos(struct at_req *rq) {
    cmd_store_if(rq, is_degrees(at_text(rq, 0), 180) && is_degrees(at_text(rq, 1), 90));
}

static int days_of(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

void cmd_cecalltime(struct at_req *rq) {
    enum { FLAG, YEAR, MONTH, DAY, SECOND = 6 };
    bool has_all = true;
    for (size_t i = YEAR; i <= SECOND; i++) {
        has_all = has_all && at_has(rq, i);
    }
    bool has_day = at_int(rq, DAY) <= days_of(at_int(rq, YEAR), at_int(rq, MONTH));
    cmd_store_if(rq, at_int(rq, FLAG) == 0 || (has_all && has_day));
}

/* T5 to T7 in ms: what they are at first is the least they may be (V3.00 26.2.7). */
static const int least_timeouts[CMD_ECALL_TIMERS] = {2000, 5000, 20000};

void cmd_ecall_start(struct cmd *c) {
    memcpy(c->ecall_timeouts, least_timeouts, sizeof c->ecall_timeouts);
}

void cmd_cecalltout(struct at_req *rq) {
    int *t = cmd_of(rq)->first->ecall_timeouts;
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+CECALLTOUT: T5=%d, T6=%d, T7=%d", t[0], t[1], t[2]);
    } else if (at_int(rq, 1) >= least_timeouts[at_int(rq, 0)]) {
        t[at_int(rq, 0)] = at_int(rq, 1);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    at_ok(rq);
}

static bool is_bytes(struct sv text) {
    return text.n > 0 && text.n % 2 == 0 && hex_is(text);
}

void cmd_cmsd(struct at_req *rq) {
    cmd_store_if(rq, is_bytes(at_text(rq, 0)));
}

/* Numbers with dots between them: "1.2.125". */
static bool is_oid(struct sv text) {
    bool is_digit = false;
    for (size_t i = 0; i < text.n; i++) {
        bool was_digit = is_digit;
        is_digit = isdigit((unsigned char)text.p[i]);
        if (!is_digit && (text.p[i] != '.' || !was_digit)) {
            return false;
        }
    }
    return is_digit;
}

void cmd_cmsdoiddata(struct at_req *rq) {
    cmd_store_if(rq, is_oid(at_text(rq, 0)) && is_bytes(at_text(rq, 1)));
}
