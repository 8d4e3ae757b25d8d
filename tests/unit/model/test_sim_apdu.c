/* The card behind its commands: whatever is sent, it answers as a card does. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/rng.h"
#include "emulator/model/sim_apdu.h"
#include "emulator/model/sim_file.h"
#include "tests/support/unit_suite.h"

static struct sim_answer answer;

static unsigned run(const void *p, size_t n) {
    sim_apdu_run(rig.modem, p, n, &answer);
    return answer.sw;
}

static bool has(const uint8_t *part, size_t n) {
    for (size_t i = 0; i + n <= answer.n; i++) {
        if (memcmp(answer.data + i, part, n) == 0) {
            return true;
        }
    }
    return false;
}

#define send(...) run((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

TestSuite(sim_apdu, .init = start, .fini = stop);

Test(sim_apdu, every_file_can_be_selected_in_each_of_its_folders_and_tells_its_size) {
    const struct sim_file *f = NULL;
    for (int i = 0; (f = sim_file_info(i)) != NULL; i++) {
        for (unsigned folder = 0; folder < SIM_FOLDERS; folder++) {
            if ((f->in & 1u << folder) == 0 || f->id == 0x6f06) {
                continue;
            }
            uint16_t at = sim_folder_id((enum sim_folder)folder);
            uint8_t class = folder == SIM_GSM ? 0xa0 : 0;
            cr_assert_neq(send(class, 0xa4, 0, 4, 2, (uint8_t)(at >> 8), (uint8_t)at), 0x6a82);
            unsigned sw = send(class, 0xa4, 0, 4, 2, (uint8_t)(f->id >> 8), (uint8_t)f->id);
            cr_assert_eq(sw >> 8, folder == SIM_GSM ? 0x9f : 0x61, "%04X: %04X", f->id, sw);
            cr_assert_eq(send(class, 0xc0, 0, 0, (uint8_t)sw), 0x9000);
            size_t size = sim_file_size(f);
            if (folder == SIM_GSM) {
                cr_assert_eq((size_t)answer.data[2] << 8 | answer.data[3], size, "%04X", f->id);
            } else {
                cr_assert_eq(answer.data[0], 0x62);
                cr_assert_eq(answer.data[1] + 2u, answer.n);
                const uint8_t want[] = {0x80, 2, (uint8_t)(size >> 8), (uint8_t)size};
                cr_assert(has(want, sizeof want), "%04X", f->id);
            }
        }
    }
}

Test(sim_apdu, the_pin_guards_what_it_should) {
    cr_assert_eq(sim_lock(&rig.modem->sim, SV("1234"), true), 0);
    modem_set_sim(rig.modem, SIM_PIN);
    cr_assert_eq(send(0, 0xa4, 8, 0x0c, 4, 0x7f, 0xff, 0x6f, 0x07), 0x9000);
    cr_assert_eq(send(0, 0xb0, 0, 0, 9), 0x6982);
    cr_assert_eq(send(0, 0xa4, 8, 0x0c, 4, 0x7f, 0xff, 0x6f, 0xad), 0x9000);
    cr_assert_eq(send(0, 0xb0, 0, 0, 4), 0x9000);
    cr_assert_eq(send(0, 0x20, 0, 1, 8, '1', '2', '3', '4', 255, 255, 255, 255), 0x9000);
    cr_assert_eq(rig.modem->sim.state, SIM_READY);
    cr_assert_eq(send(0, 0xb0, 0x87, 0, 9), 0x9000);
    /* PIN2: fixed numbers. */
    cr_assert_eq(send(0, 0xa4, 8, 0x0c, 4, 0x7f, 0x10, 0x6f, 0x3b), 0x9000);
    uint8_t update[5 + 28] = {0, 0xdc, 1, 4, 28};
    cr_assert_eq(run(update, sizeof update), 0x6982);
    cr_assert_eq(send(0, 0x20, 0, 0x81, 8, '1', '2', '3', '4', 255, 255, 255, 255), 0x9000);
    cr_assert_eq(run(update, sizeof update), 0x9000);
    modem_restart(rig.modem, CLK_US(0), false);
    unit_rig_pass(&rig, CLK_S(1));
    cr_assert_eq(send(0, 0xa4, 8, 0x0c, 4, 0x7f, 0x10, 0x6f, 0x3b), 0x9000);
    cr_assert_eq(run(update, sizeof update), 0x6982);
}

Test(sim_apdu, three_wrong_pins_block_it_and_ten_wrong_puks_end_the_card) {
    cr_assert_eq(sim_lock(&rig.modem->sim, SV("1234"), true), 0);
    for (unsigned left = 3; left-- > 0;) {
        cr_assert_eq(send(0, 0x20, 0, 1, 8, '9', '9', '9', '9', 255, 255, 255, 255), 0x63c0 + left);
    }
    cr_assert_eq(rig.modem->sim.state, SIM_PUK);
    cr_assert_eq(send(0, 0x20, 0, 1, 8, '1', '2', '3', '4', 255, 255, 255, 255), 0x6983);
    uint8_t unblock[5 + 16] = {0,   0x2c, 0,   1,   16,  '0', '0', '0', '0', '0', '0',
                               '0', '0',  '1', '1', '1', '1', 255, 255, 255, 255};
    for (unsigned left = 10; left-- > 0;) {
        cr_assert_eq(run(unblock, sizeof unblock), 0x63c0 + left);
    }
    cr_assert_eq(rig.modem->sim.state, SIM_ABSENT);
}

Test(sim_apdu, a_cyclic_file_turns_round_and_a_list_ends) {
    send(0, 0xa4, 8, 0x0c, 4, 0x7f, 0x10, 0x6f, 0x44);
    uint8_t update[5 + 28] = {0, 0xdc, 0, 3, 28};
    for (uint8_t i = 1; i <= 11; i++) {
        update[5] = i;
        cr_assert_eq(run(update, sizeof update), 0x9000);
    }
    cr_assert_eq(send(0, 0xb2, 1, 4, 28), 0x9000);
    cr_assert_eq(answer.data[0], 11);
    cr_assert_eq(send(0, 0xb2, 10, 4, 28), 0x9000);
    cr_assert_eq(answer.data[0], 2);
    cr_assert_eq(send(0, 0xb2, 0, 3, 28), 0x9000); /* before the first: the last */
    cr_assert_eq(answer.data[0], 2);
    cr_assert_eq(send(0, 0xb2, 0, 2, 28), 0x9000);
    cr_assert_eq(answer.data[0], 11);
    send(0, 0xa4, 8, 0x0c, 4, 0x7f, 0xff, 0x6f, 0x40);
    cr_assert_eq(send(0, 0xb2, 0, 2, 28), 0x9000);
    cr_assert_eq(send(0, 0xb2, 0, 2, 28), 0x9000);
    cr_assert_eq(send(0, 0xb2, 0, 2, 28), 0x6a83);
    cr_assert_eq(send(0, 0xb2, 0, 4, 28), 0x9000); /* the current one */
    cr_assert_eq(send(0, 0xb2, 0, 7, 28), 0x6a83);
}

Test(sim_apdu, a_card_that_is_put_in_anew_has_nothing_selected) {
    cr_assert_eq(send(0, 0xa4, 8, 0x0c, 4, 0x7f, 0xff, 0x6f, 0xad), 0x9000);
    cr_assert_eq(send(0, 0xb0, 0, 0, 4), 0x9000);
    modem_set_sim(rig.modem, SIM_ABSENT);
    modem_set_sim(rig.modem, SIM_READY);
    cr_assert_eq(send(0, 0xb0, 0, 0, 4), 0x6986);
}

Test(sim_apdu, any_bytes_are_answered_by_a_status_word) {
    static const uint8_t classes[] = {0, 0xa0, 0x80};
    static const uint8_t commands[] = {0x20, 0x24, 0x26, 0x28, 0x2c, 0x70, 0xa4,
                                       0xb0, 0xb2, 0xc0, 0xd6, 0xdc, 0xf2, 0x88};
    static const uint8_t places[] = {0x3f, 0x7f, 0x6f, 0x2f, 0x10, 0x20, 0xff, 0x07, 0x3a, 0x44};
    struct rng rng = rng_stream(7, "apdu");
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t apdu[SIM_APDU_HEADER + SIM_APDU_DATA];
        size_t n = rng_below(&rng, i % 2 == 0 ? 12 : sizeof apdu + 1);
        for (size_t k = 0; k < n; k++) {
            apdu[k] = k >= 5 && rng_below(&rng, 2) == 0 ? places[rng_below(&rng, sizeof places)]
                                                        : (uint8_t)rng_below(&rng, 256);
        }
        if (n >= 5) {
            apdu[0] = classes[rng_below(&rng, sizeof classes)];
            apdu[1] = commands[rng_below(&rng, sizeof commands)];
            apdu[2] = rng_below(&rng, 2) == 0 ? (uint8_t)rng_below(&rng, 10) : apdu[2];
            apdu[4] = rng_below(&rng, 4) != 0 ? (uint8_t)(n - 5) : apdu[4];
        }
        unsigned sw = run(apdu, n);
        cr_assert(sw >> 12 == 6 || sw >> 12 == 9, "%04X", sw);
        cr_assert_leq(answer.n, SIM_APDU_DATA);
        if (rig.modem->sim.state != SIM_READY) {
            modem_set_sim(rig.modem, SIM_READY);
        }
        unit_rig_read(&rig);
    }
}
