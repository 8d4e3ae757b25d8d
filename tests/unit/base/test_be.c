#include "base/be.h"

#include <criterion/criterion.h>
#include <string.h>

Test(be, the_highest_byte_comes_first_wherever_the_number_stands) {
    uint8_t p[9] = {0};
    be_put16(p + 1, 0x80ff);
    be_put32(p + 3, 0xfedc0180u);
    cr_assert_eq(memcmp(p, "\x00\x80\xff\xfe\xdc\x01\x80\x00\x00", sizeof p), 0);
    cr_assert_eq(be_get16(p + 1), 0x80ff);
    cr_assert_eq(be_get32(p + 3), 0xfedc0180u);
}

Test(be, the_least_and_the_greatest_come_back) {
    uint8_t p[4];
    be_put16(p, UINT16_MAX);
    cr_assert_eq(be_get16(p), UINT16_MAX);
    be_put16(p, 0);
    cr_assert_eq(be_get16(p), 0);
    be_put32(p, UINT32_MAX);
    cr_assert_eq(be_get32(p), UINT32_MAX);
    be_put32(p, 0);
    cr_assert_eq(be_get32(p), 0);
}
