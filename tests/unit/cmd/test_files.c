/* Files over the port: a driver that does not read, one that goes, a module that restarts. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "emulator/model/files.h"
#include "tests/support/unit_suite.h"

enum { LONG = 131072, NAMES = 300, NAME = 120 };

TestSuite(files, .init = start, .fini = stop);

static void put(const char *to, const void *p, size_t n) {
    struct files_path path;
    cr_assert_eq(files_path(rig.modem->files, sv_of(to), &path), 0);
    cr_assert_eq(files_create(rig.modem->files, &path, p, n), 0);
}

static void put_long(void) {
    static char text[LONG];
    memset(text, 'x', sizeof text);
    put("C:/long", text, sizeof text);
}

/* All that comes, in steps of what the rig holds; how often `what` is in it. */
static size_t count_read(const char *what) {
    size_t n = 0;
    for (const char *text = unit_rig_read(&rig); *text != '\0'; text = unit_rig_read(&rig)) {
        for (const char *at = text; (at = strstr(at, what)) != NULL; at++) {
            n++;
        }
    }
    return n;
}

Test(files, a_long_file_waits_for_the_driver_to_read) {
    put_long();
    chan_mem_stall(&rig.mem, true);
    unit_rig_type(&rig, "AT+CFTRANTX=\"C:/long\"\r");
    cr_assert_lt(chan_pending(&rig.ch), LIMIT_CHAN_HIGH + 2 * LIMIT_FILE_BLOCK);
    chan_mem_stall(&rig.mem, false);
    cr_assert_eq(count_read("x"), LONG);
    ask("AT+CFTRANTX=\"C:/long\",131071,1",
        "\r\n+CFTRANTX: DATA,001\r\nx\r\n" LINE("+CFTRANTX: 0") OK);
}

Test(files, a_long_listing_waits_for_the_driver_to_read) {
    char name[NAME + 4] = "C:/";
    for (int i = 0; i < NAMES; i++) {
        snprintf(name + 3, sizeof name - 3, "y%0*d", NAME - 1, i);
        put(name, "", 0);
    }
    chan_mem_stall(&rig.mem, true);
    unit_rig_type(&rig, "AT+FSLS\r");
    cr_assert_lt(chan_pending(&rig.ch), LIMIT_CHAN_HIGH + 2 * NAME);
    chan_mem_stall(&rig.mem, false);
    cr_assert_eq(count_read("y"), NAMES);
    ask("AT", OK);
}

Test(files, who_goes_in_the_middle_of_a_file_gets_no_more_of_it) {
    put_long();
    chan_mem_stall(&rig.mem, true);
    unit_rig_type(&rig, "AT+CFTRANTX=\"C:/long\"\r");
    chan_set_open(&rig.ch, false);
    chan_mem_stall(&rig.mem, false);
    chan_set_open(&rig.ch, true);
    count_read("x");
    ask("AT", OK);
}

Test(files, a_file_that_is_broken_off_is_not_stored) {
    ask("AT+CFTRANRX=\"C:/part\",10", "\r\n>");
    unit_rig_type(&rig, "12345");
    chan_set_open(&rig.ch, false);
    chan_set_open(&rig.ch, true);
    ask("AT+FSLS?", LINE("+FSLS: SUBDIRECTORIES:0,FILES:0") OK);
    ask("AT+FSMEM", LINE("+FSMEM: C:(11348480, 2201600)") OK);
}

Test(files, a_file_that_goes_meanwhile_ends_its_transfer) {
    put_long();
    chan_mem_stall(&rig.mem, true);
    unit_rig_type(&rig, "AT+CFTRANTX=\"C:/long\"\r");
    struct files_path path;
    cr_assert_eq(files_path(rig.modem->files, SV("C:/long"), &path), 0);
    cr_assert_eq(files_remove(rig.modem->files, &path), 0);
    chan_mem_stall(&rig.mem, false);
    cr_assert_eq(count_read("\r\nERROR\r\n"), 1);
}

Test(files, a_drive_that_fills_up_meanwhile_takes_no_file) {
    ask("AT+CFTRANRX=\"C:/x\",3", "\r\n>");
    put("C:/x", "", 0);
    unit_rig_type(&rig, "abc");
    expect(LINE("ERROR"));
}

Test(files, no_card_is_said_in_words_by_a_copy_only) {
    put("D:/x", "1", 1);
    ask("AT+FSCD=D:", LINE("+FSCD: D:/") OK);
    files_set_card(rig.modem->files, false);
    ask("AT+FSCD?", LINE("+FSCD: C:/") OK);
    ask("AT+FSCD=D:", LINE("ERROR"));
    ask("AT+FSCOPY=D:/x,E:/x", LINE("SD CARD NOT PLUGGED IN") LINE("ERROR"));
    ask("AT+CFTRANTX=\"D:/x\"", LINE("ERROR"));
    ask("AT+CFTRANRX=\"D:/y\",1", LINE("ERROR"));
}

Test(files, a_card_that_is_out_has_no_partitions) {
    put("D:/x", "1", 1);
    files_set_card(rig.modem->files, false);
    ask("AT+CFDISK?", LINE("ERROR"));
    ask("AT+CFDISK", LINE("ERROR"));
    ask("AT+CFDISK=2,1000", LINE("ERROR"));
    ask("AT+CFDISK=?", LINE("+CFDISK: (1-4)[...]") OK);
    files_set_card(rig.modem->files, true);
    ask("AT+CFDISK?", LINE("+CFDISK: 1,3858424") OK);
    ask("AT+FSCD=D:", LINE("+FSCD: D:/") OK);
    ask("AT+FSMEM", LINE("+FSMEM: D:(16777216, 1)") OK);
}

Test(files, entries_end_a_copy_with_its_own_words) {
    char name[16];
    for (int i = 0; i < LIMIT_FILES; i++) {
        snprintf(name, sizeof name, "C:/%d", i);
        put(name, "", 0);
    }
    ask("AT+FSCOPY=0,x", LINE("FILE CREATE ERROR") LINE("ERROR"));
    ask("AT+FSMKDIR=x", LINE("ERROR"));
}

Test(files, a_full_card_and_a_full_store_have_different_words) {
    static char half[9 << 20];
    put("D:/x", half, sizeof half);
    put("E:/x", half, 5 << 20);
    ask("AT+FSCOPY=D:/x,D:/y", LINE("SD CARD HAVE NO ENOUGH MEMORY") LINE("ERROR"));
    ask("AT+FSCOPY=E:/x,E:/y", LINE("EFS HAVE NO ENOUGH MEMORY") LINE("ERROR"));
}

Test(files, the_date_is_that_of_the_modem) {
    unit_rig_pass(&rig, CLK_S(59 * 86400 + 3661));
    put("C:/x", "abc", 3);
    ask("AT+FSATTRI=x", LINE("+FSATTRI: 3, 2000/02/29 01:01:01 Tue") OK);
}

Test(files, files_outlive_a_restart_and_the_current_folder_does_not) {
    put("D:/x", "abc", 3);
    ask("AT+FSCD=D:", LINE("+FSCD: D:/") OK);
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(2));
    unit_rig_read(&rig);
    ask("ATE0", "ATE0\r" OK);
    ask("AT+FSCD?", LINE("+FSCD: C:/") OK);
    ask("AT+CFTRANTX=\"D:/x\"", "\r\n+CFTRANTX: DATA,003\r\nabc\r\n" LINE("+CFTRANTX: 0") OK);
}

Test(files, a_restart_in_the_middle_of_a_file_ends_it) {
    put_long();
    chan_mem_stall(&rig.mem, true);
    unit_rig_type(&rig, "AT+CFTRANTX=\"C:/long\"\r");
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(2));
    chan_mem_stall(&rig.mem, false);
    cr_assert_lt(count_read("x"), LONG);
    ask("ATE0", "ATE0\r" OK);
}

Test(files, who_hangs_in_the_middle_of_a_file_ends_it_unheard) {
    put_long();
    chan_mem_stall(&rig.mem, true);
    unit_rig_type(&rig, "AT+CFTRANTX=\"C:/long\"\r");
    modem_set_hung(rig.modem, true);
    chan_mem_stall(&rig.mem, false);
    count_read("x");
    modem_set_hung(rig.modem, false);
    count_read("x");
    ask("AT", OK);
}
