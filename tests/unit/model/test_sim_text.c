/* Names and numbers as the card has them: there and back, and whatever stands in a card. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/crc32.h"
#include "base/rng.h"
#include "emulator/model/sim_text.h"

static char number[SIM_NUMBER_TEXT];
static uint8_t type;
static uint16_t units[256];

static const char *there_and_back(const char *text, uint8_t as) {
    uint8_t coded[SIM_NUMBER];
    cr_assert_eq(sim_text_put_number(sv_of(text), as, coded), 0);
    sim_text_get_number(coded, number, &type);
    return number;
}

Test(sim_text, a_number_comes_back_as_it_was) {
    cr_assert_str_eq(there_and_back("1", 129), "1");
    cr_assert_str_eq(there_and_back("+12345678901234567890", 129), "+12345678901234567890");
    cr_assert_eq(type, 145);
    cr_assert_str_eq(there_and_back("*100#", 161), "*100#");
    cr_assert_eq(type, 161);
    uint8_t coded[SIM_NUMBER];
    cr_assert_eq(sim_text_put_number(SV("123456789012345678901"), 129, coded), -E2BIG);
    cr_assert_eq(sim_text_put_number(SV(""), 129, coded), -EINVAL);
    cr_assert_eq(sim_text_put_number(SV("+"), 129, coded), -EINVAL);
    cr_assert_eq(sim_text_put_number(SV("1+2"), 129, coded), -EINVAL);
    cr_assert_eq(sim_text_put_number(SV("1\0002"), 129, coded), -EINVAL);
}

Test(sim_text, every_letter_of_the_default_alphabet_comes_back) {
    for (unsigned unit = 1; unit < 0x10000; unit++) {
        uint8_t gsm[2];
        size_t used = 0;
        size_t n = sim_text_to_gsm((uint16_t)unit, gsm);
        cr_assert(n == 0 || sim_text_of_gsm(gsm, n, &used) == unit, "%04X", unit);
        cr_assert(n == 0 || used == n);
    }
}

Test(sim_text, a_text_that_does_not_fit_is_refused) {
    static const uint16_t latin[] = {'a', 'b', 0x20ac};
    static const uint16_t other[] = {0x738b, 0xffff};
    uint8_t coded[8];
    cr_assert_eq(sim_text_put(latin, 3, coded, 4), 0);
    cr_assert_eq(sim_text_put(latin, 3, coded, 3), -E2BIG);
    cr_assert_eq(sim_text_put(other, 1, coded, 3), 0);
    cr_assert_eq(sim_text_get(coded, 3, units), 1);
    cr_assert_eq(units[0], 0x738b);
    cr_assert_eq(sim_text_put(other, 1, coded, 2), -E2BIG);
    cr_assert_eq(sim_text_put(latin, 0, coded, 0), 0);
}

/* 102.221 annex A, examples 2 and 3. */
Test(sim_text, half_pages_of_ucs2_are_read) {
    const uint8_t short_base[] = {0x81, 5, 0x13, 0x53, 0x95, 0xa6, 0xa6, 0xff, 0xff};
    cr_assert_eq(sim_text_get(short_base, sizeof short_base, units), 5);
    cr_assert_eq(units[0], 'S');
    cr_assert_eq(units[1], 0x0995);
    cr_assert_eq(units[2], 0x09a6);
    const uint8_t long_base[] = {0x82, 5, 0x05, 0x30, 0x2d, 0x82, 0xd3, 0x2d, 0x31};
    cr_assert_eq(sim_text_get(long_base, sizeof long_base, units), 5);
    cr_assert_eq(units[1], 0x0532);
    cr_assert_eq(units[2], 0x0583);
}

Test(sim_text, whatever_a_card_has_fits_its_room) {
    struct rng rng = rng_stream(3, "text");
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[16];
        size_t room = rng_below(&rng, sizeof bytes + 1);
        for (size_t k = 0; k < room; k++) {
            bytes[k] = (uint8_t)rng_below(&rng, 256);
        }
        if (room > 0 && i % 3 == 0) {
            bytes[0] = (uint8_t)(0x80 + rng_below(&rng, 3));
        }
        cr_assert_leq(sim_text_get(bytes, room, units), room);
        bytes[0] = (uint8_t)rng_below(&rng, 256);
        sim_text_get_number(bytes, number, &type);
        cr_assert_lt(strlen(number), sizeof number);
    }
}

/* All that it says, as it was with a table of its own: of every unit, and of every two bytes, of
 * which one or both are there. */
Test(sim_text, the_default_alphabet_is_what_it_always_was) {
    uint32_t to_gsm = 0;
    for (unsigned unit = 0; unit < 0x10000; unit++) {
        uint8_t said[3] = {0, '?', '?'};
        said[0] = (uint8_t)sim_text_to_gsm((uint16_t)unit, said + 1);
        to_gsm = crc32_add(to_gsm, said, sizeof said);
    }
    uint32_t of_gsm = 0;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        const uint8_t from[] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        for (size_t n = 1; n <= sizeof from; n++) {
            size_t used = 0;
            uint16_t unit = sim_text_of_gsm(from, n, &used);
            const uint8_t said[] = {(uint8_t)used, (uint8_t)(unit >> 8), (uint8_t)unit};
            of_gsm = crc32_add(of_gsm, said, sizeof said);
        }
    }
    cr_assert_eq(to_gsm, 0x9131dd2bu, "%08x", to_gsm);
    cr_assert_eq(of_gsm, 0x71044203u, "%08x", of_gsm);
}
