/* The module's file system: names, folders, bounds. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "emulator/model/files.h"

enum { CARD = 16 << 20 };

static struct clk *clk;
static struct files *f;
static uint8_t zeros[CARD + 1];

static void start(void) {
    clk = clk_new_manual();
    f = files_new(clk);
}

static void stop(void) {
    files_free(f);
    clk_close(clk);
}

TestSuite(files, .init = start, .fini = stop);

static struct files_path path(const char *typed) {
    struct files_path p;
    cr_assert_eq(files_path(f, sv_of(typed), &p), 0, "%s", typed);
    return p;
}

static int change(const char *typed) {
    return files_change(f, sv_of(typed));
}

static int make(const char *typed, const char *text) {
    struct files_path p = path(typed);
    return files_create(f, &p, text, strlen(text));
}

static int make_folder(const char *typed) {
    struct files_path p = path(typed);
    return files_make_folder(f, &p);
}

static const char *text_of(const char *typed) {
    static char text[64];
    struct files_path p = path(typed);
    int n = files_read(f, &p, 0, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return n >= 0 ? text : NULL;
}

/* The current folder: folders with a slash, then files, blanks between. */
static const char *listing(void) {
    static char text[256];
    size_t n = 0;
    text[0] = '\0';
    for (int k = 0; k < 2; k++) {
        size_t pos = 0;
        struct sv name;
        while (files_next(f, k == 0, &pos, &name)) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s%s", n > 0 ? " " : "",
                                  SV_ARG(name), k == 0 ? "/" : "");
        }
    }
    return text;
}

Test(files, what_is_typed_becomes_a_plain_path) {
    static const char *const table[][2] = {
        {"x", "D:/a/x"},
        {"C:", "C:/"},
        {"c:/", "C:/"},
        {"f:/x/y", "F:/x/y"},
        {"..", "D:/"},
        {"../..", "D:/"},
        {"../../..", "D:/"},
        {"../b/../c", "D:/c"},
        {"E:/..", "E:/"},
        {"E:/../x", "E:/x"},
        {"_x.y z-!", "D:/a/_x.y z-!"},
        {"0", "D:/a/0"},
        {"\xc3\xa4", "D:/a/\xc3\xa4"},
        {"x..y", "D:/a/x..y"},
    };
    cr_assert_eq(make_folder("D:/a"), 0);
    cr_assert_eq(change("D:/a"), 0);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_assert_str_eq(path(table[i][0]).text, table[i][1]);
    }
}

Test(files, what_is_no_path_is_refused) {
    static const struct {
        const char *typed;
        int rc;
    } table[] = {
        {"", -EINVAL},
        {"G:/x", -EINVAL},
        {"C:x", -EINVAL},
        {":", -EILSEQ},
        {"/", -EILSEQ},
        {"/x", -EILSEQ},
        {"x/", -EILSEQ},
        {"C:/x/", -EILSEQ},
        {"C://x", -EILSEQ},
        {"x//y", -EILSEQ},
        {".", -EILSEQ},
        {"...", -EILSEQ},
        {"./x", -EILSEQ},
        {".x", -EILSEQ},
        {"x.", -EILSEQ},
        {"-x", -EILSEQ},
        {" x", -EILSEQ},
        {"x\ny", -EILSEQ},
        {"x\x7f", -EILSEQ},
        {"x\xff", -EILSEQ},
        {"../", -EILSEQ},
        {"x\xc3", -EILSEQ},
        {"\xa4", -EILSEQ},
        {"\xc0\x80", -EILSEQ},
        {"x\\y", -EILSEQ},
        {"xy:z", -EILSEQ},
        {"x*", -EILSEQ},
        {"x?", -EILSEQ},
        {"x\"", -EILSEQ},
        {"x<", -EILSEQ},
        {"x>", -EILSEQ},
        {"x|", -EILSEQ},
        {"x,y", -EILSEQ},
        {"x;y", -EILSEQ},
        {"\xed\xa0\x80", -EILSEQ},
        {"\xe0\x80\x80", -EILSEQ},
        {"\xf4\x90\x80\x80", -EILSEQ},
    };
    struct files_path p;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_assert_eq(files_path(f, sv_of(table[i].typed), &p), table[i].rc, "%s", table[i].typed);
    }
    cr_assert_eq(files_path(f, (struct sv){"x\0y", 3}, &p), -EILSEQ);
    cr_assert_eq(files_child(f, SV(".."), &p), -EILSEQ);
    cr_assert_eq(files_child(f, SV("a/b"), &p), -EILSEQ);
    cr_assert_eq(files_child(f, SV("C:"), &p), -EILSEQ);
}

Test(files, a_path_has_a_longest) {
    char name[LIMIT_FILE_PATH + 1];
    memset(name, 'n', sizeof name);
    struct files_path p;
    cr_assert_eq(files_child(f, (struct sv){name, LIMIT_FILE_PATH - 3}, &p), 0);
    cr_assert_eq(strlen(p.text), LIMIT_FILE_PATH);
    cr_assert_eq(files_child(f, (struct sv){name, LIMIT_FILE_PATH - 2}, &p), -ENAMETOOLONG);
    cr_assert_eq(make_folder("C:/d"), 0);
    cr_assert_eq(change("C:/d"), 0);
    cr_assert_eq(files_child(f, (struct sv){name, LIMIT_FILE_PATH - 5}, &p), 0);
    cr_assert_eq(files_child(f, (struct sv){name, LIMIT_FILE_PATH - 4}, &p), -ENAMETOOLONG);
}

Test(files, a_folder_shows_what_is_right_inside_in_order) {
    cr_assert_eq(make_folder("C:/b"), 0);
    cr_assert_eq(make_folder("C:/a"), 0);
    cr_assert_eq(make("C:/z", "1"), 0);
    cr_assert_eq(make("C:/b-", "2"), 0);
    cr_assert_eq(make("C:/b/inside", "3"), 0);
    cr_assert_eq(make_folder("C:/b/more"), 0);
    cr_assert_eq(make("D:/elsewhere", "4"), 0);
    cr_assert_str_eq(listing(), "a/ b/ b- z");
    cr_assert_eq(change("b/"), 0);
    cr_assert_str_eq(files_current(f), "C:/b");
    cr_assert_str_eq(listing(), "more/ inside");
    files_remove_all(f);
    cr_assert_str_eq(listing(), "more/");
    cr_assert_eq(change("../a"), 0);
    cr_assert_str_eq(listing(), "");
    cr_assert_eq(change("none"), -ENOENT);
    cr_assert_eq(change("C:/z"), -ENOENT);
    cr_assert_str_eq(files_current(f), "C:/a");
    files_restart(f);
    cr_assert_str_eq(files_current(f), "C:/");
    cr_assert_str_eq(listing(), "a/ b/ b- z");
}

Test(files, only_an_empty_folder_is_removed) {
    cr_assert_eq(make_folder("C:/a"), 0);
    cr_assert_eq(make("C:/a/x", ""), 0);
    cr_assert_eq(make("C:/ab", ""), 0);
    struct files_path a = path("C:/a");
    struct files_path x = path("C:/a/x");
    cr_assert_eq(files_remove_folder(f, &a), -ENOTEMPTY);
    cr_assert_eq(files_remove_folder(f, &x), -ENOENT);
    cr_assert_eq(files_remove(f, &a), -ENOENT);
    cr_assert_eq(files_remove(f, &x), 0);
    cr_assert_eq(files_remove(f, &x), -ENOENT);
    cr_assert_eq(files_remove_folder(f, &a), 0);
    cr_assert_eq(files_remove_folder(f, &a), -ENOENT);
    struct files_path root = path("C:");
    cr_assert_eq(files_remove_folder(f, &root), -ENOENT);
    cr_assert_str_eq(listing(), "ab");
}

Test(files, a_name_is_given_once_and_only_in_a_folder) {
    cr_assert_eq(make("x", "old"), 0);
    cr_assert_eq(make("x", "new"), -EEXIST);
    cr_assert_eq(make_folder("x"), -EEXIST);
    cr_assert_eq(make("x/y", ""), -ENOTDIR);
    cr_assert_eq(make("none/y", ""), -ENOTDIR);
    cr_assert_eq(make_folder("d"), 0);
    cr_assert_eq(make("d", ""), -EISDIR);
    cr_assert_eq(make("C:", ""), -EISDIR);
    cr_assert_str_eq(text_of("x"), "old");
}

Test(files, a_file_is_renamed_and_copied_with_its_bytes) {
    cr_assert_eq(make("x", "text"), 0);
    clk_advance(clk, CLK_S(60));
    struct files_path x = path("x");
    struct files_path y = path("y");
    struct files_path none = path("none/y");
    struct files_path card = path("D:/y");
    cr_assert_eq(files_rename(f, &x, &x), -EEXIST);
    cr_assert_eq(files_rename(f, &y, &x), -ENOENT);
    cr_assert_eq(files_rename(f, &x, &y), 0);
    cr_assert_null(text_of("x"));
    struct files_info info;
    cr_assert_eq(files_stat(f, &y, &info), 0);
    cr_assert(!info.is_folder && info.size == 4);
    cr_assert_eq(info.created.us, 946684800LL * 1000000);
    cr_assert_eq(files_copy(f, &y, &x), 0);
    cr_assert_str_eq(text_of("x"), "text");
    cr_assert_eq(files_stat(f, &x, &info), 0);
    cr_assert_eq(info.created.us, (946684800LL + 60) * 1000000);
    cr_assert_eq(files_copy(f, &y, &x), -EEXIST);
    cr_assert_eq(files_copy(f, &y, &none), -ENOTDIR);
    cr_assert_eq(files_copy(f, &none, &x), -ENOTDIR);
    cr_assert_eq(files_copy(f, &y, &card), -EXDEV);
    cr_assert_eq(make("D:/y", "card"), 0);
    struct files_path e = path("E:/y");
    cr_assert_eq(files_copy(f, &card, &e), 0);
    cr_assert_str_eq(text_of("E:/y"), "card");
    cr_assert_eq(files_copy(f, &card, &x), -EXDEV);
    cr_assert_eq(files_stat(f, &none, &info), -ENOTDIR);
}

Test(files, a_part_is_read_from_anywhere) {
    cr_assert_eq(make("x", "0123456789"), 0);
    struct files_path x = path("x");
    char to[16];
    cr_assert_eq(files_read(f, &x, 3, to, 4), 4);
    cr_assert(memcmp(to, "3456", 4) == 0);
    cr_assert_eq(files_read(f, &x, 9, to, sizeof to), 1);
    cr_assert_eq(files_read(f, &x, 10, to, sizeof to), 0);
    cr_assert_eq(files_read(f, &x, SIZE_MAX, to, sizeof to), 0);
}

Test(files, a_drive_is_full_to_the_byte) {
    struct files_path x = path("D:/x");
    struct files_path y = path("D:/y");
    cr_assert_eq(change("D:"), 0);
    cr_assert_eq(files_create(f, &x, zeros, CARD + 1), -ENOSPC);
    cr_assert_eq(files_may_create(f, &x, SIZE_MAX), -ENOSPC);
    cr_assert_eq(files_create(f, &x, zeros, CARD), 0);
    struct files_usage u = files_usage(f);
    cr_assert(u.drive == 'D' && u.total == CARD && u.used == CARD);
    cr_assert_eq(files_create(f, &y, zeros, 1), -ENOSPC);
    cr_assert_eq(files_create(f, &y, zeros, 0), 0);
    cr_assert_eq(make("E:/y", "other"), 0);
    cr_assert_eq(files_remove(f, &x), 0);
    cr_assert_eq(files_usage(f).used, 0);
}

Test(files, what_is_written_lies_over_the_old_and_grows) {
    char got[8] = "";
    struct files_path a = path("F:/a");
    cr_assert_eq(files_write(f, &a, 0, "x", 1), -ENOENT);
    cr_assert_eq(files_create(f, &a, "abc", 3), 0);
    cr_assert_eq(files_write(f, &a, 4, "x", 1), -EINVAL);
    cr_assert_eq(files_write(f, &a, 2, "CDE", 3), 0);
    cr_assert_eq(files_write(f, &a, 0, "A", 1), 0);
    cr_assert_eq(files_write(f, &a, 5, zeros, (2 << 20) - 4), -ENOSPC);
    cr_assert_eq(files_read(f, &a, 0, got, sizeof got), 5);
    cr_assert_str_eq(got, "AbCDE");
    cr_assert_eq(files_write(f, &a, 5, zeros, (2 << 20) - 5), 0);
}

Test(files, what_is_written_stays_within_the_partition) {
    static const int32_t least[] = {1};
    cr_assert_eq(files_divide_card(f, 2, least), 0);
    struct files_path a = path("D:/a");
    cr_assert_eq(files_change(f, SV("D:")), 0);
    size_t total = files_usage(f).total;
    cr_assert_lt(total, CARD);
    cr_assert_eq(files_create(f, &a, zeros, total), 0);
    cr_assert_eq(files_write(f, &a, total, zeros, 1), -ENOSPC);
}

Test(files, entries_are_bounded) {
    char name[16];
    for (int i = 0; i < LIMIT_FILES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        cr_assert_eq(i % 2 == 0 ? make(name, "") : make_folder(name), 0);
    }
    cr_assert_eq(make("more", ""), -ENFILE);
    cr_assert_eq(make_folder("more"), -ENFILE);
    struct files_path first = path("n0");
    cr_assert_eq(files_remove(f, &first), 0);
    cr_assert_eq(make_folder("more"), 0);
}

Test(files, a_card_that_is_out_is_no_drive) {
    cr_assert_eq(make("D:/kept", "text"), 0);
    cr_assert_eq(change("D:"), 0);
    files_set_card(f, false);
    cr_assert_str_eq(files_current(f), "C:/");
    struct files_path p;
    cr_assert_eq(files_path(f, SV("D:/kept"), &p), -ENODEV);
    cr_assert_eq(change("d:"), -ENODEV);
    cr_assert_eq(change("E:"), 0);
    files_set_card(f, true);
    cr_assert_str_eq(files_current(f), "E:/");
    cr_assert_str_eq(text_of("D:/kept"), "text");
}
