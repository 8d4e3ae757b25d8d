#include "base/hex.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

Test(hex, every_character_is_the_digit_that_strtoul_sees_or_none) {
    for (int c = 0; c < 256; c++) {
        const char text[] = {(char)c, '\0'};
        char *end = NULL;
        long value = strtol(text, &end, 16);
        cr_assert_eq(hex_digit((char)c), end != text ? (int)value : -1, "0x%02x", (unsigned)c);
    }
}

Test(hex, a_text_is_hexadecimal_when_each_character_is_a_digit) {
    cr_assert(hex_is(SV("0123456789abcdefABCDEF")));
    cr_assert(hex_is(SV("")));
    cr_assert(hex_is((struct sv){NULL, 0}));
    cr_assert_not(hex_is(SV("12g")));
    cr_assert_not(hex_is(SV("0x12")));
    cr_assert_not(hex_is(SV("1\0002")), "a NUL is no digit");
    cr_assert(hex_is(sv_slice(SV("12g"), 0, 2)), "what is behind it does not count");
}

Test(hex, numbers_have_up_to_eight_digits) {
    static const struct {
        const char *text;
        int rc;
        uint32_t value;
    } cases[] = {
        {"", 0, 0},
        {"0", 0, 0},
        {"5D", 0, 0x5d},
        {"00aB", 0, 0xab},
        {"ffffffff", 0, UINT32_MAX},
        {"123456789", -ERANGE, 7},
        {"12345678g", -EINVAL, 7},
        {"0x1", -EINVAL, 7},
        {"-1", -EINVAL, 7},
        {" 1", -EINVAL, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t value = 7;
        cr_assert_eq(hex_number(sv_of(cases[i].text), &value), cases[i].rc, "%s", cases[i].text);
        cr_assert_eq(value, cases[i].value, "%s", cases[i].text);
    }
}

Test(hex, pairs_become_bytes_as_far_as_there_is_room) {
    uint8_t to[3] = {7, 7, 7};
    cr_assert_eq(hex_parse(SV("00fF"), to, sizeof to), 2);
    cr_assert_eq(memcmp(to, "\x00\xff\x07", 3), 0);
    cr_assert_eq(hex_parse(SV("a1B2c3"), to, sizeof to), 3);
    cr_assert_eq(memcmp(to, "\xa1\xb2\xc3", 3), 0);
    cr_assert_eq(hex_parse(SV(""), to, 0), 0);
    cr_assert_eq(hex_parse(SV("00000000"), to, sizeof to), -ENOSPC);
    cr_assert_eq(hex_parse(SV("0000000g"), to, sizeof to), -ENOSPC);
    cr_assert_eq(hex_parse(SV("000"), to, sizeof to), -EINVAL);
    cr_assert_eq(hex_parse(SV("00 0"), to, sizeof to), -EINVAL);
    cr_assert_eq(hex_parse(SV("000g"), to, sizeof to), -EINVAL);
    cr_assert_eq(memcmp(to, "\xa1\xb2\xc3", 3), 0, "what is refused is not half there");
}

Test(hex, bytes_are_printed_in_capitals_and_come_back) {
    uint8_t bytes[256];
    char text[2 * sizeof bytes + 1];
    uint8_t back[sizeof bytes];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    hex_print("\x00\x5d\xff", 3, text);
    cr_assert_str_eq(text, "005DFF");
    hex_print(bytes, 0, text);
    cr_assert_str_eq(text, "");
    hex_print(bytes, sizeof bytes, text);
    cr_assert_eq(hex_parse(sv_of(text), back, sizeof back), 256);
    cr_assert_eq(memcmp(back, bytes, sizeof bytes), 0);
}
