/* The card's application: every way through it ends at the menu, and any bytes are an answer or
 * are refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "emulator/model/toolkit.h"

static struct toolkit t;

/* Tries every item of a list, and goes on until the menu is wanted. */
static void walk(struct toolkit from, unsigned depth) {
    cr_assert_lt(depth, 8);
    const struct toolkit_step *s = toolkit_wants(&from);
    uint8_t pdu[TOOLKIT_PDU];
    size_t n = toolkit_pdu(s, pdu);
    cr_assert_eq(pdu[0], 0xd0);
    cr_assert_eq(pdu[1] == 0x81 ? pdu[2] + 3u : pdu[1] + 2u, n);
    cr_assert_leq(strlen(s->text), TOOLKIT_TITLE);
    for (unsigned i = 1; i <= toolkit_items(s); i++) {
        cr_assert_leq(strlen(s->items[i - 1].text), TOOLKIT_TITLE);
        struct toolkit next = from;
        cr_assert_eq(toolkit_choose(&next, i), 1);
        walk(next, depth + 1);
    }
    struct toolkit next = from;
    int rc = s->type == TOOLKIT_TEXT    ? toolkit_confirm(&next)
             : s->type == TOOLKIT_KEY   ? toolkit_enter(&next, SV("N"))
             : s->type == TOOLKIT_INPUT ? toolkit_enter(&next, SV("1234"))
                                        : 0;
    cr_assert_geq(rc, 0);
    if (rc == 1) {
        walk(next, depth + 1);
    } else if (toolkit_items(s) == 0) {
        cr_assert_eq(toolkit_wants(&next)->type, TOOLKIT_MENU);
    }
}

Test(toolkit, every_way_ends_at_the_menu) {
    toolkit_start(&t);
    walk(t, 0);
}

Test(toolkit, what_does_not_run_takes_nothing) {
    toolkit_stop(&t);
    cr_assert_eq(toolkit_choose(&t, 1), -EINVAL);
    cr_assert_eq(toolkit_confirm(&t), -EINVAL);
    cr_assert_eq(toolkit_enter(&t, SV("1234")), -EINVAL);
    cr_assert_eq(toolkit_go_back(&t), -EINVAL);
    cr_assert_eq(toolkit_end(&t), -EINVAL);
    cr_assert_eq(toolkit_wants(&t)->type, TOOLKIT_NOTHING);
}

Test(toolkit, any_bytes_are_an_answer_or_are_refused) {
    static const uint8_t likely[] = {0x81, 0x82, 0x83, 0x90, 0x8d, 3,    2,    1,    0,    4,
                                     8,    0x21, 0x22, 0x23, 0x24, 0xd3, 0x10, 0x11, 0x12, '1'};
    struct rng rng = rng_stream(5, "toolkit");
    unsigned taken = 0;
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t bytes[40];
        size_t n = rng_below(&rng, sizeof bytes + 1);
        for (size_t k = 0; k < n; k++) {
            bytes[k] = rng_below(&rng, 4) != 0 ? likely[rng_below(&rng, sizeof likely)]
                                               : (uint8_t)rng_below(&rng, 256);
        }
        if (n >= 5 && rng_below(&rng, 2) == 0) {
            memcpy(bytes, (uint8_t[]){0x81, 3, 1, toolkit_wants(&t)->type, 0}, 5);
        }
        toolkit_start(&t);
        toolkit_choose(&t, 1 + (unsigned)rng_below(&rng, 4));
        taken += toolkit_response(&t, bytes, n) >= 0;
        taken += toolkit_envelope(&t, bytes, n) >= 0;
        cr_assert_neq(toolkit_wants(&t)->type, TOOLKIT_NOTHING);
    }
    cr_assert_gt(taken, 0);
}
