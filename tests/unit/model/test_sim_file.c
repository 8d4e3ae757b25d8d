/* What the profile makes of the card's files. */
#include <criterion/criterion.h>
#include <string.h>

#include "emulator/model/profile.h"
#include "emulator/model/sim_file.h"

Test(sim_file, an_imsi_of_an_even_number_of_digits_says_so) {
    struct profile p = profiles[0];
    p.imsi = "46001123456789";
    struct sim_files *fs = sim_files_new(&p);
    const uint8_t want[] = {0x08, 0x41, 0x06, 0x10, 0x21, 0x43, 0x65, 0x87, 0xf9};
    int file = sim_file_find(SIM_USIM, 0x6f07);
    cr_assert_eq(memcmp(sim_files_content(fs, file), want, sizeof want), 0);
    sim_files_free(fs);
}

Test(sim_file, a_network_with_a_code_of_three_digits_has_it_in_its_places) {
    struct profile p = profiles[0];
    p.oper_numeric = "310410";
    struct sim_files *fs = sim_files_new(&p);
    const uint8_t want[] = {0x13, 0x00, 0x14};
    cr_assert_eq(memcmp(sim_files_content(fs, sim_file_find(SIM_USIM, 0x6fd9)), want, 3), 0);
    cr_assert_eq(sim_files_content(fs, sim_file_find(SIM_USIM, 0x6fad))[3], 3);
    sim_files_free(fs);
}

Test(sim_file, each_has_a_path_of_its_own_and_is_found_by_it) {
    for (int i = 0; sim_file_info(i) != NULL; i++) {
        char path[SIM_FILE_PATH];
        sim_file_path(i, path);
        cr_assert_eq(sim_file_of_path(path), i, "%s", path);
    }
    cr_assert_eq(sim_file_of_path("7F10/6F99"), SIM_FILE_NONE);
    cr_assert_eq(sim_file_of_path(""), SIM_FILE_NONE);
}

Test(sim_file, what_was_only_read_is_not_changed_and_of_two_cards_one_changes_alone) {
    struct sim_files *one = sim_files_new(&profiles[0]);
    struct sim_files *other = sim_files_new(&profiles[0]);
    for (int i = 0; sim_file_info(i) != NULL; i++) {
        size_t n = sim_file_size(sim_file_info(i));
        cr_assert_eq(memcmp(sim_files_content(one, i), sim_files_content(other, i), n), 0);
        uint8_t last = (uint8_t)~sim_files_content(one, i)[n - 1];
        cr_assert_not(sim_files_is_changed(one, i));
        sim_files_write(one, i, n - 1, &last, 1);
        cr_assert(sim_files_is_changed(one, i));
        cr_assert_not(sim_files_is_changed(other, i));
    }
    sim_files_free(one);
    sim_files_free(other);
}

Test(sim_file, only_what_differs_is_changed) {
    struct sim_files *fs = sim_files_new(&profiles[0]);
    int file = sim_file_of_path("7F10/6F44");
    uint8_t record[28];
    memset(record, 0xff, sizeof record);
    cr_assert_eq(sim_files_changes(fs), 0);
    sim_files_write(fs, file, 28, record, sizeof record);
    cr_assert_eq(sim_files_changes(fs), 0);
    record[0] = 'a';
    sim_files_add(fs, file, record);
    cr_assert(sim_files_is_changed(fs, file));
    cr_assert_gt(sim_files_changes(fs), 0);
    sim_files_free(fs);
}
