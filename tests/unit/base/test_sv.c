#include "base/sv.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>

Test(sv, slice_is_clamped_to_its_view) {
    struct sv v = SV("hello");
    cr_assert(sv_eq(sv_slice(v, 1, 3), SV("ell")));
    cr_assert(sv_eq(sv_slice(v, 3, 100), SV("lo")));
    cr_assert_eq(sv_slice(v, 5, 1).n, 0);
    cr_assert_eq(sv_slice(v, 100, SIZE_MAX).n, 0);
    cr_assert(sv_eq(sv_slice(v, 2, SIZE_MAX), SV("llo")), "the end must not wrap around");
}

Test(sv, trim_takes_blanks_off_both_ends_and_none_inside) {
    cr_assert(sv_eq(sv_trim(SV("  a b  ")), SV("a b")));
    cr_assert_eq(sv_trim(SV("    ")).n, 0);
    cr_assert_eq(sv_trim(SV("")).n, 0);
}

Test(sv, equality_is_of_length_and_bytes) {
    cr_assert(sv_eq(sv_of("AT"), SV("AT")));
    cr_assert_not(sv_eq(SV("AT"), SV("at")));
    cr_assert_not(sv_eq(SV("AT"), SV("ATE")));
    cr_assert(sv_eq_nocase(SV("+cmee"), SV("+CMEE")));
    cr_assert_not(sv_eq_nocase(SV("+cme"), SV("+CMEE")));
    cr_assert(sv_eq((struct sv){NULL, 0}, SV("")));
}

Test(sv, prefix_is_found_without_case_and_not_beyond_the_end) {
    cr_assert(sv_starts_nocase(SV("+cmee=1"), SV("+CMEE")));
    cr_assert_not(sv_starts_nocase(SV("+CM"), SV("+CMEE")));
    cr_assert(sv_starts_nocase(SV("x"), SV("")));
}

/* Criterion hands a copy to another process: the text is in the struct, not pointed to. */
struct number {
    char text[32];
    int64_t lo, hi;
    int rc;
    int64_t value;
};

static struct number numbers[] = {
    {"0", 0, 9, 0, 0},
    {"007", 0, 9, 0, 7},
    {"-5", -5, 5, 0, -5},
    {"10", 0, 9, -ERANGE, 0},
    {"-1", 0, 9, -ERANGE, 0},
    {"", 0, 9, -EINVAL, 0},
    {"-", -9, 9, -EINVAL, 0},
    {"--1", -9, 9, -EINVAL, 0},
    {"+1", 0, 9, -EINVAL, 0},
    {" 1", 0, 9, -EINVAL, 0},
    {"1 ", 0, 9, -EINVAL, 0},
    {"1x", 0, 9, -EINVAL, 0},
    {"0x1", 0, 9, -EINVAL, 0},
    {"2147483647", 0, INT32_MAX, 0, INT32_MAX},
    {"2147483648", 0, INT32_MAX, -ERANGE, 0},
    {"99999999999999999999999999", 0, INT64_MAX, -ERANGE, 0},
    {"-99999999999999999999999999", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"99999999999999999999999999x", 0, INT64_MAX, -EINVAL, 0},
    {"922337203685477580", 0, INT64_MAX, 0, 922337203685477580},
};

ParameterizedTestParameters(sv, integer_is_digits_in_range_or_an_error) {
    return cr_make_param_array(struct number, numbers, sizeof numbers / sizeof numbers[0]);
}

ParameterizedTest(struct number *t, sv, integer_is_digits_in_range_or_an_error) {
    int64_t out = 4711;
    cr_assert_eq(sv_int(sv_of(t->text), t->lo, t->hi, &out), t->rc, "\"%s\"", t->text);
    cr_assert_eq(out, t->rc == 0 ? t->value : 4711, "\"%s\" gave %lld", t->text, (long long)out);
}

Test(sv, the_copy_of_nothing_is_an_empty_text) {
    char *copy = sv_dup((struct sv){NULL, 0});
    cr_assert_str_eq(copy, "");
    free(copy);
}

Test(sv, copy_needs_room_for_its_terminator) {
    char to[4] = "xyz";
    cr_assert_eq(sv_copy(SV("abcd"), to, sizeof to), -ENOSPC);
    cr_assert_str_eq(to, "xyz", "nothing is copied when it does not fit");
    cr_assert_eq(sv_copy(SV("abc"), to, sizeof to), 0);
    cr_assert_str_eq(to, "abc");
    cr_assert_eq(sv_copy(SV(""), to, sizeof to), 0);
    cr_assert_str_eq(to, "");
}

Test(sv, dup_of_nothing_is_an_empty_text) {
    char *copy = sv_dup((struct sv){NULL, 0});
    cr_assert_str_eq(copy, "");
    free(copy);
}
