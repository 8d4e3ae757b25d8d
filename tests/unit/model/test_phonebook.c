/* Lists of numbers: their bounds, and that the card's are its files. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "emulator/model/phonebook.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim_file.h"

static struct sim_files *card;
static struct phonebook *pb;
static struct phonebook_entry e;

static void start(void) {
    card = sim_files_new(&profiles[0]);
    pb = phonebook_new(card);
    e = (struct phonebook_entry){.number = "110", .type = 129, .name = {'a'}, .nname = 1};
}

static void stop(void) {
    phonebook_free(pb);
    sim_files_free(card);
}

TestSuite(phonebook, .init = start, .fini = stop);

Test(phonebook, every_place_of_a_list_can_be_taken_and_then_none_is_free) {
    for (unsigned list = 0; list < PHONEBOOK_LISTS; list++) {
        enum phonebook_list l = (enum phonebook_list)list;
        if (!phonebook_is_writable(l)) {
            continue;
        }
        unsigned total = phonebook_total(pb, l);
        for (unsigned i = 1; i <= total; i++) {
            cr_assert_eq(phonebook_first_free(pb, l), i);
            cr_assert_eq(phonebook_set(pb, l, i, &e), 0);
        }
        cr_assert_eq(phonebook_first_free(pb, l), 0);
        cr_assert_eq(phonebook_used(pb, l), total);
        phonebook_remove(pb, l, total);
        cr_assert_eq(phonebook_first_free(pb, l), total);
    }
}

Test(phonebook, a_list_that_nobody_wrote_to_is_empty_and_not_changed_by_reading) {
    for (enum phonebook_list l = PHONEBOOK_SM; l < PHONEBOOK_LISTS; l++) {
        if (l != PHONEBOOK_EN) {
            cr_assert_eq(phonebook_used(pb, l), 0);
            cr_assert_eq(phonebook_first_free(pb, l), 1);
        }
    }
    cr_assert_null(phonebook_record(pb, phonebook_total(pb, PHONEBOOK_ME)));
    cr_assert_eq(phonebook_changes(pb), 0);
}

Test(phonebook, what_is_refused_leaves_the_entry_as_it_was) {
    cr_assert_eq(phonebook_set(pb, PHONEBOOK_SM, 1, &e), 0);
    struct phonebook_entry bad = e;
    bad.nname = 15;
    for (size_t i = 0; i < bad.nname; i++) {
        bad.name[i] = 'b';
    }
    cr_assert_eq(phonebook_set(pb, PHONEBOOK_SM, 1, &bad), -ENAMETOOLONG);
    strncpy(bad.number, "1x", sizeof bad.number);
    cr_assert_eq(phonebook_set(pb, PHONEBOOK_SM, 1, &bad), -EINVAL);
    struct phonebook_entry now;
    cr_assert(phonebook_get(pb, PHONEBOOK_SM, 1, &now));
    cr_assert_str_eq(now.number, "110");
    cr_assert_eq(now.nname, 1);
}

Test(phonebook, the_cards_lists_are_its_files_and_the_others_are_not) {
    uint64_t before = sim_files_changes(card);
    cr_assert_eq(phonebook_set(pb, PHONEBOOK_ME, 1, &e), 0);
    cr_assert_eq(sim_files_changes(card), before);
    cr_assert_eq(phonebook_changes(pb), 1);
    cr_assert_eq(phonebook_set(pb, PHONEBOOK_FD, 1, &e), 0);
    cr_assert_gt(sim_files_changes(card), before);
    cr_assert(phonebook_needs_pin2(PHONEBOOK_FD));
    cr_assert(!phonebook_needs_pin2(PHONEBOOK_SM));
    cr_assert(!phonebook_needs_pin2(PHONEBOOK_ME));
    uint8_t record[28];
    memset(record, 0xff, sizeof record);
    cr_assert_eq(sim_text_put_number(SV("12"), 129, record + 14), 0);
    sim_files_add(card, sim_file_find(SIM_TELECOM, SIM_FILE_LND), record);
    cr_assert(phonebook_get(pb, PHONEBOOK_LD, 1, &e));
    cr_assert_str_eq(e.number, "12");
}
