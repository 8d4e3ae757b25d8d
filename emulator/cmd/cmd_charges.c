/* cmd_charges.c: what calls have cost, on the card: AT+CACM, AT+CAMM, AT+CPUC (V3.00 3.2.14 to
 * 3.2.16; 27.007 8.25 to 8.27). Nobody calls yet, so nothing is counted. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/obj.h"
#include "emulator/cmd/cmd.h"
#include "emulator/cmd/cmd_text.h"
#include "emulator/model/sim_file.h"
#include "emulator/model/sim_text.h"
#include "handlers.h"

enum { METER = 3 /* bytes */ };

static void tell_meter(struct at_req *rq, const char *name, uint16_t id) {
    const struct sim_files *card = cmd_of(rq)->modem->card;
    const uint8_t *p = sim_files_content(card, sim_file_find(SIM_USIM, id));
    at_info(rq, "%s: \"%02X%02X%02X\"", name, p[0], p[1], p[2]);
    at_ok(rq);
}

void cmd_cacm(struct at_req *rq) {
    static const uint8_t nothing[METER];
    struct sim_files *card = cmd_of(rq)->modem->card;
    if (at_form_of(rq) == AT_READ) {
        tell_meter(rq, "+CACM", SIM_FILE_ACM);
    } else if (cmd_has_pin2(rq, 0)) {
        sim_files_add(card, sim_file_find(SIM_USIM, SIM_FILE_ACM), nothing);
        at_ok(rq);
    }
}

void cmd_camm(struct at_req *rq) {
    if (at_form_of(rq) == AT_READ) {
        tell_meter(rq, "+CAMM", SIM_FILE_ACM_MAX);
        return;
    }
    uint32_t max = 0;
    if (hex_number(at_text(rq, 0), &max) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    const uint8_t bytes[METER] = {(uint8_t)(max >> 16), (uint8_t)(max >> 8), (uint8_t)max};
    struct sim_files *card = cmd_of(rq)->modem->card;
    if (cmd_has_pin2(rq, 1)) {
        sim_files_write(card, sim_file_find(SIM_USIM, SIM_FILE_ACM_MAX), 0, bytes, METER);
        at_ok(rq);
    }
}

/* -- the price of a unit: a number of twelve bits, and a power of ten (51.011 10.3.9) -- */

enum { CURRENCY = 3, PRICE_MOST = 0xfff, POWER_MOST = 7 };

struct price {
    uint64_t number; /* of at most 19 digits */
    int power;
};

/* -EINVAL: no decimal number, or one that the card cannot hold. */
static int parse_price(struct sv text, struct price *p) {
    bool has_digit = false;
    bool has_dot = false;
    *p = (struct price){0};
    for (size_t i = 0; i < text.n; i++) {
        bool is_digit = isdigit((unsigned char)text.p[i]) != 0;
        if (!is_digit && (text.p[i] != '.' || has_dot)) {
            return -EINVAL;
        }
        has_dot |= !is_digit;
        has_digit |= is_digit;
        p->number = is_digit ? p->number * 10 + (uint64_t)(text.p[i] - '0') : p->number;
        p->power -= is_digit && has_dot ? 1 : 0;
    }
    while (p->number > PRICE_MOST && p->number % 10 == 0) {
        p->number /= 10;
        p->power++;
    }
    bool fits = p->number <= PRICE_MOST && abs(p->power) <= POWER_MOST;
    return has_digit && fits ? 0 : -EINVAL;
}

static void put_price(const struct price *p, uint8_t to[2]) {
    unsigned sign = p->power < 0 ? 0x10 : 0;
    to[0] = (uint8_t)(p->number >> 4);
    to[1] = (uint8_t)((unsigned)abs(p->power) << 5 | sign | (unsigned)(p->number & 0x0f));
}

static void get_price(const uint8_t from[2], struct price *p) {
    p->number = (uint64_t)from[0] << 4 | (from[1] & 0x0f);
    p->power = (from[1] & 0x10) != 0 ? -(from[1] >> 5) : from[1] >> 5;
}

enum { PRICE_TEXT = 24 };

/* With as many digits behind the dot as the power has. */
static void print_price(const struct price *p, char to[PRICE_TEXT]) {
    uint64_t unit = 1;
    for (int i = 0; i < abs(p->power); i++) {
        unit *= 10;
    }
    if (p->power >= 0) {
        snprintf(to, PRICE_TEXT, "%llu", (unsigned long long)(p->number * unit));
        return;
    }
    int n = snprintf(to, PRICE_TEXT, "%llu.", (unsigned long long)(p->number / unit));
    for (uint64_t place = unit / 10; place > 0; place /= 10) {
        to[n++] = (char)('0' + p->number / place % 10);
    }
    to[n] = '\0';
}

static void tell_price(struct at_req *rq, const uint8_t *file) {
    struct cmd_text t = {0};
    uint16_t units[CURRENCY];
    struct price price;
    char tail[PRICE_TEXT];
    get_price(file + CURRENCY, &price);
    print_price(&price, tail);
    cmd_text_add(&t, "+CPUC: \"", 8);
    cmd_text_add_units(&t, cmd_of(rq), units, sim_text_get(file, CURRENCY, units));
    cmd_text_add(&t, "\",\"", 3);
    cmd_text_add(&t, tail, strlen(tail));
    cmd_text_add(&t, "\"", 1);
    at_info_raw(rq, t.bytes, t.n);
    at_ok(rq);
}

void cmd_cpuc(struct at_req *rq) {
    struct sim_files *card = cmd_of(rq)->modem->card;
    int file = sim_file_find(SIM_USIM, SIM_FILE_PUCT);
    if (at_form_of(rq) == AT_READ) {
        tell_price(rq, sim_files_content(card, file));
        return;
    }
    uint8_t bytes[CURRENCY + 2];
    uint16_t units[CURRENCY];
    struct price price;
    int n = cmd_text_parse(cmd_of(rq), at_text(rq, 0), units, CURRENCY);
    uint8_t letter[2];
    bool is_good = n == CURRENCY && parse_price(at_text(rq, 1), &price) == 0;
    for (size_t i = 0; is_good && i < CURRENCY; i++) {
        is_good = sim_text_to_gsm(units[i], letter) == 1;
        bytes[i] = letter[0];
    }
    if (!is_good) {
        at_fail(rq, AT_ERR_PLAIN);
    } else if (cmd_has_pin2(rq, 2)) {
        put_price(&price, bytes + CURRENCY);
        sim_files_write(card, file, 0, bytes, sizeof bytes);
        at_ok(rq);
    }
}
