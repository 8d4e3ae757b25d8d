/* The blocks byte for byte, as the draft's figures 9, 11 and 14 have them. */
#include "base/pcapng.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"

static struct buf out;

static void setup(void) {
    buf_init(&out, 4096);
}

static void teardown(void) {
    buf_fini(&out);
}

TestSuite(pcapng, .init = setup, .fini = teardown);

static void expect(const void *golden, size_t n) {
    cr_assert_eq(buf_len(&out), n);
    cr_assert_arr_eq(buf_data(&out), golden, n);
}

static uint32_t word(size_t at) {
    uint32_t v = 0;
    memcpy(&v, buf_data(&out) + at, sizeof v);
    return v;
}

Test(pcapng, a_section_says_its_byte_order_and_who_wrote_it) {
    static const uint8_t golden[] = {
        0x0a, 0x0d, 0x0d, 0x0a, 0x28, 0,    0,    0,    /* type, length */
        0x4d, 0x3c, 0x2b, 0x1a, 1,    0,    0,    0,    /* order, version 1.0 */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* of unknown length */
        4,    0,    3,    0,    's',  'i',  'm',  0,    /* program, padded */
        0,    0,    0,    0,    0x28, 0,    0,    0,    /* end, length */
    };
    cr_assert_eq(pcapng_section(&out, "sim"), 0);
    expect(golden, sizeof golden);
}

Test(pcapng, an_interface_has_its_link_its_name_and_microseconds) {
    static const uint8_t golden[] = {
        1,   0, 0, 0, 0x34, 0,   0,   0,                 /* type, length */
        204, 0, 0, 0, 0,    0,   0,   0,                 /* link, no limit */
        2,   0, 4, 0, 'p',  'p', 'p', '0',               /* name */
        3,   0, 5, 0, 'd',  'i', 'a', 'l', 's', 0, 0, 0, /* description, padded */
        9,   0, 1, 0, 6,    0,   0,   0,                 /* 10^-6 s */
        0,   0, 0, 0, 0x34, 0,   0,   0,                 /* end, length */
    };
    cr_assert_eq(pcapng_interface(&out, PCAPNG_PPP_WITH_DIR, "ppp0", "dials"), 0);
    expect(golden, sizeof golden);
}

Test(pcapng, a_packet_has_its_instant_its_direction_and_a_note) {
    static const uint8_t golden[] = {
        6, 0, 0,   0,   0x3c, 0,   0,   0,   /* type, length */
        3, 0, 0,   0,                        /* interface */
        1, 0, 0,   0,   2,    0,   0,   0,   /* instant, high and low */
        5, 0, 0,   0,   9,    0,   0,   0,   /* captured, of so many */
        7, 8, 'a', 'b', 'c',  0,   0,   0,   /* prefix and packet, padded together */
        2, 0, 4,   0,   2,    0,   0,   0,   /* outbound */
        1, 0, 4,   0,   'l',  'o', 's', 't', /* comment */
        0, 0, 0,   0,   0x3c, 0,   0,   0,   /* end, length */
    };
    const struct pcapng_packet k = {
        .interface = 3,
        .at = {0x100000002},
        .is_out = true,
        .prefix = (const uint8_t *)"\x07\x08",
        .nprefix = 2,
        .p = (const uint8_t *)"abc",
        .n = 3,
        .size = 7,
        .note = "lost",
    };
    cr_assert_eq(pcapng_packet(&out, &k), 0);
    expect(golden, sizeof golden);
}

Test(pcapng, a_packet_that_comes_is_inbound) {
    const struct pcapng_packet k = {.p = (const uint8_t *)"abcd", .n = 4, .size = 4};
    cr_assert_eq(pcapng_packet(&out, &k), 0);
    cr_assert_eq(buf_len(&out), 48);
    cr_assert_eq(word(36), 1);
}

Test(pcapng, an_empty_packet_is_one) {
    const struct pcapng_packet k = {.p = NULL};
    cr_assert_eq(pcapng_packet(&out, &k), 0);
    cr_assert_eq(buf_len(&out), 44);
    cr_assert_eq(word(20), 0);
    cr_assert_eq(word(40), 44);
}

Test(pcapng, a_text_of_any_length_is_cut) {
    static char text[4000];
    memset(text, 'x', sizeof text - 1);
    cr_assert_eq(pcapng_interface(&out, PCAPNG_RAW, text, text), 0);
    cr_assert_eq(buf_len(&out), word(4));
    cr_assert_eq(buf_len(&out), 16 + 2 * (4 + 256) + 8 + 4 + 4);
    cr_assert_eq(word(16), 2u | PCAPNG_TEXT << 16);
}

Test(pcapng, without_room_nothing_is_written) {
    static const uint8_t bytes[4096];
    const struct pcapng_packet k = {.p = bytes, .n = sizeof bytes, .size = sizeof bytes};
    cr_assert_eq(pcapng_packet(&out, &k), -ENOBUFS);
    buf_fini(&out);
    buf_init(&out, 100);
    cr_assert_eq(pcapng_section(&out, "sim"), -ENOBUFS);
    cr_assert_eq(pcapng_interface(&out, PCAPNG_RAW, "ip", "links"), -ENOBUFS);
    cr_assert_eq(buf_len(&out), 0);
}
