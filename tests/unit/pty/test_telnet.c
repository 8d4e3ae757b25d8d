#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "pty/telnet.h"

enum { SEEN = 4096 };

/* What came of it, as text: data as they are, signs in brackets. */
static char seen[SEEN];
static size_t nseen;
static struct telnet_decoder decoder;

static void put(const void *p, size_t n) {
    cr_assert_leq(nseen + n, sizeof seen);
    memcpy(seen + nseen, p, n);
    nseen += n;
}

static void put_sign(const struct telnet_sign *sign) {
    char text[32];
    int n = 0;
    switch (sign->kind) {
    case TELNET_NOTHING:
        return;
    case TELNET_VERB:
        n = snprintf(text, sizeof text, "[%u %u]", sign->verb, sign->option);
        break;
    case TELNET_BREAK:
        n = snprintf(text, sizeof text, "[break]");
        break;
    case TELNET_COMMAND:
        n = snprintf(text, sizeof text, "[%u:", sign->command);
        put(text, (size_t)n);
        put(sign->value, sign->n);
        n = snprintf(text, sizeof text, "]");
        break;
    }
    put(text, (size_t)n);
}

/* In pieces; -1: in one. */
static void feed(const void *p, size_t n, size_t piece) {
    const uint8_t *from = p;
    while (n > 0) {
        uint8_t data[SEEN];
        size_t ndata = 0;
        struct telnet_sign sign;
        size_t part = n < piece ? n : piece;
        size_t used = telnet_decode(&decoder, from, part, data, &ndata, &sign);
        cr_assert_gt(used, 0);
        cr_assert_leq(used, part);
        cr_assert_leq(ndata, used);
        put(data, ndata);
        put_sign(&sign);
        from += used;
        n -= used;
    }
}

static void start(void) {
    telnet_decoder_init(&decoder);
    nseen = 0;
}

static void is_seen(const void *want, size_t n) {
    cr_assert_eq(nseen, n, "%zu bytes instead of %zu: %.*s", nseen, n, (int)nseen, seen);
    cr_assert_arr_eq(seen, want, n);
}

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
    const char *wire;
    size_t n;
    const char *seen;
    size_t nseen;
} known[] = {
    {BYTES("AT\r"), BYTES("AT\r")},
    {BYTES("a\xff\xff"
           "b"),
     BYTES("a\xff"
           "b")},
    {BYTES("a\xff\xfb\x2c"
           "b"),
     BYTES("a[251 44]b")},
    {BYTES("\xff\xfd\xff"), BYTES("[253 255]")},
    {BYTES("\xff\xfa\x2c\x05\x08\xff\xf0x"), BYTES("[5:\x08]x")},
    {BYTES("\xff\xfa\x2c\x01\xff\xff\x00\xff\xff\x01\xff\xf0"), BYTES("[1:\xff\x00\xff\x01]")},
    {BYTES("\xff\xfa\x2c\x00\xff\xf0"), BYTES("[0:]")},
    {BYTES("\xff\xfa\x18\x01\xff\xf0x"), BYTES("x")}, /* another option's */
    {BYTES("\xff\xfa\x2c\xff\xf0x"), BYTES("x")},     /* no command in it */
    {BYTES("\xff\xf3x\xff\xf1y\xff\xf0z"), BYTES("[break]xyz")},
    {BYTES("\xff\xfa\x2c\x05\x08\xff\xfb\x00x"), BYTES("[251 0]x")}, /* its end is lost */
    {BYTES("\xff\xfa\x2c\x05\x08\xff\xfa\x2c\x05\x09\xff\xf0x"), BYTES("[5:\x09]x")},
};

Test(telnet, data_negotiations_and_commands_come_apart_wherever_they_are_cut) {
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        for (size_t cut = 0; cut <= known[i].n; cut++) {
            start();
            feed(known[i].wire, cut, SIZE_MAX);
            feed(known[i].wire + cut, known[i].n - cut, SIZE_MAX);
            is_seen(known[i].seen, known[i].nseen);
        }
        start();
        feed(known[i].wire, known[i].n, 1);
        is_seen(known[i].seen, known[i].nseen);
    }
}

Test(telnet, a_command_of_the_longest_value_is_read_and_a_longer_one_dropped) {
    uint8_t value[TELNET_VALUE];
    uint8_t wire[TELNET_COMMAND_WIRE];
    memset(value, TELNET_IAC, sizeof value);
    size_t n = telnet_command(0, value, sizeof value, wire);
    cr_assert_eq(n, sizeof wire);
    start();
    feed(wire, n, 1);
    cr_assert_eq(nseen, 4 + sizeof value);
    cr_assert_arr_eq(seen + 3, value, sizeof value);
    start();
    feed(wire, n - 2, SIZE_MAX);
    feed("x", 1, SIZE_MAX);
    feed(BYTES("\xff\xf0y"), SIZE_MAX);
    is_seen("y", 1);
}

Test(telnet, what_is_encoded_is_decoded) {
    uint8_t all[256];
    uint8_t wire[2 * sizeof all + 1];
    for (size_t nvt = 0; nvt < 2; nvt++) {
        struct telnet_encoder encoder = {.is_nvt = nvt == 1};
        for (size_t i = 0; i < sizeof all; i++) {
            all[i] = (uint8_t)(i * 0x0d); /* a CR is followed by others */
        }
        all[10] = '\r';
        all[11] = TELNET_IAC;
        size_t n = telnet_encode(&encoder, all, sizeof all, wire);
        cr_assert_leq(n, sizeof wire);
        start();
        decoder.is_nvt = nvt == 1;
        feed(wire, n, 1);
        is_seen(all, sizeof all);
    }
}

Test(telnet, on_a_terminal_a_cr_has_a_nul_or_an_lf_behind_it) {
    struct telnet_encoder encoder = {.is_nvt = true};
    uint8_t wire[16];
    size_t n = telnet_encode(&encoder, (const uint8_t *)"a\r", 2, wire);
    cr_assert_eq(n, 2);
    n = telnet_encode(&encoder, (const uint8_t *)"\r\nb\rc", 5, wire);
    cr_assert_eq(n, 7);
    cr_assert_arr_eq(wire, "\0\r\nb\r\0c", 7);
    start();
    decoder.is_nvt = true;
    feed(BYTES("AT\r\0\0A\r\nB"), 1);
    is_seen(BYTES("AT\r\0A\r\nB"));
    start();
    feed(BYTES("AT\r\0"), 1);
    is_seen(BYTES("AT\r\0"));
}
