#include "emulator/model/sim_file.h"

#include <string.h>

#include "emulator/model/profile.h"

enum { UNUSED = 0xff };

static uint8_t nibble(char c) {
    if (c >= '0' && c <= '9') {
        return (uint8_t)(c - '0');
    }
    return c >= 'A' && c <= 'F' ? (uint8_t)(c - 'A' + 10) : 0xf;
}

/* Two digits a byte, the first one low; what is left over is filled with F. */
static void put_digits(const char *text, uint8_t *to, size_t n) {
    size_t len = strlen(text);
    for (size_t i = 0; i < n; i++) {
        uint8_t low = 2 * i < len ? nibble(text[2 * i]) : 0xf;
        uint8_t high = 2 * i + 1 < len ? nibble(text[2 * i + 1]) : 0xf;
        to[i] = (uint8_t)(high << 4 | low);
    }
}

/* 102.221 13.2 */
static size_t put_iccid(const struct profile *p, uint8_t *to) {
    put_digits(p->iccid, to, 10);
    return 10;
}

/* 31.102 4.2.2: the length, then the parity of the digits' number in front of them. */
static size_t put_imsi(const struct profile *p, uint8_t *to) {
    size_t len = strlen(p->imsi);
    char text[20] = {len % 2 == 1 ? '9' : '1'};
    strncat(text, p->imsi, 15);
    to[0] = (uint8_t)(len / 2 + 1);
    put_digits(text, to + 1, 8);
    return 9;
}

/* 31.102 4.2.12: the home network need not be shown with it. */
static size_t put_spn(const struct profile *p, uint8_t *to) {
    size_t len = strlen(p->oper_long);
    memset(to, UNUSED, 17);
    to[0] = 0;
    memcpy(to + 1, p->oper_long, len < 16 ? len : 16);
    return 17;
}

/* 31.102 4.2.18: a card of everyday; the last byte is how long the MNC is. */
static size_t put_ad(const struct profile *p, uint8_t *to) {
    memset(to, 0, 4);
    to[3] = (uint8_t)(strlen(p->oper_numeric) - 3);
    return 4;
}

size_t sim_file(const struct profile *p, int id, uint8_t to[SIM_FILE]) {
    switch (id) {
    case SIM_FILE_ICCID:
        return put_iccid(p, to);
    case SIM_FILE_IMSI:
        return put_imsi(p, to);
    case SIM_FILE_SPN:
        return put_spn(p, to);
    case SIM_FILE_AD:
        return put_ad(p, to);
    default:
        return 0;
    }
}

/* The others can be read by anybody (102.221 13.2, 31.102 4.2.12, 4.2.18). */
bool sim_file_needs_pin(int id) {
    return id == SIM_FILE_IMSI;
}
