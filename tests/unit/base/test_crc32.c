#include "base/crc32.h"

#include <criterion/criterion.h>

Test(crc32, has_the_check_value_of_the_standard) {
    cr_assert_eq(crc32_add(0, "123456789", 9), 0xcbf43926u);
}

Test(crc32, of_nothing_is_zero) {
    cr_assert_eq(crc32_add(0, "", 0), 0);
}

Test(crc32, does_not_depend_on_the_pieces) {
    static const char digits[] = "123456789";
    uint32_t crc = 0;
    for (size_t i = 0; i < 9; i++) {
        crc = crc32_add(crc, &digits[i], 1);
    }
    cr_assert_eq(crc, 0xcbf43926u);
}
