#include "base/charset.h"

#include <criterion/criterion.h>
#include <string.h>

Test(charset, every_character_of_gsm_comes_back) {
    for (int code = 0; code < 128; code++) {
        if (code != CHARSET_ESCAPE) {
            cr_assert_eq(charset_to_gsm(charset_from_gsm(code)), code, "0x%02x", (unsigned)code);
        }
    }
    unsigned extended = 0;
    for (int code = 0; code < 128; code++) {
        uint32_t c = charset_from_gsm(CHARSET_ESCAPE << 8 | code);
        if (c != CHARSET_UNKNOWN) {
            cr_assert_eq(charset_to_gsm(c), CHARSET_ESCAPE << 8 | code);
            extended++;
        }
    }
    cr_assert_eq(extended, 10);
}

Test(charset, the_alphabet_is_that_of_23038) {
    static const struct {
        int code;
        uint32_t c;
    } cases[] = {{0, '@'},     {2, '$'},     {0x10, 0x394}, {0x1a, 0x39e}, {0x24, 0xa4},
                 {0x40, 0xa1}, {0x5b, 0xc4}, {0x5f, 0xa7},  {0x60, 0xbf},  {0x7b, 0xe4},
                 {0x7f, 0xe0}, {'A', 'A'},   {'z', 'z'},    {'*', '*'},    {0x1b65, 0x20ac}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(charset_from_gsm(cases[i].code), cases[i].c, "0x%02x",
                     (unsigned)cases[i].code);
    }
    cr_assert_eq(charset_to_gsm(CHARSET_ESCAPE), -1);
    cr_assert_eq(charset_to_gsm(0x430), -1);
    cr_assert_eq(charset_from_gsm(128), CHARSET_UNKNOWN);
    cr_assert_eq(charset_from_gsm(-1), CHARSET_UNKNOWN);
    cr_assert_eq(charset_from_gsm(CHARSET_ESCAPE), CHARSET_UNKNOWN);
}

Test(charset, utf8_is_read_as_it_is_written) {
    static const uint32_t cases[] = {'a',    0x7f,   0x80,    0x7ff,   0x800,
                                     0x20ac, 0xffff, 0x10000, 0x1f600, 0x10ffff};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[CHARSET_UTF8 + 1] = "";
        struct sv text = {bytes, charset_put(cases[i], bytes)};
        cr_assert_eq(charset_next(&text), cases[i]);
        cr_assert_eq(text.n, 0);
    }
}

Test(charset, what_is_no_utf8_is_one_unknown_character_a_byte) {
    static const char *const bad[] = {
        "\x80", "\xff", "\xc3", "\xe2\x82", "\xc3(", "\xf0\x9f\x98", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sv text = sv_of(bad[i]);
        cr_assert_eq(charset_next(&text), CHARSET_UNKNOWN, "case %zu", i);
        cr_assert_eq(text.n, strlen(bad[i]) - 1);
    }
}
