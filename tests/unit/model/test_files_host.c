/* The module's file system in a folder of the host: what is kept, and what the host may do. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "emulator/model/files.h"
#include "tests/support/home.h"

static char folder[80];  /* the module's */
static char outside[80]; /* nothing of the module's */
static struct clk *clk;
static struct files *f;

static void open_files(void) {
    f = files_new(clk);
    cr_assert_eq(files_keep(f, folder), 0);
}

static void close_files(void) {
    files_free(f);
    f = NULL;
}

static void open_again(void) {
    close_files();
    open_files();
}

static void start(void) {
    home_make();
    snprintf(folder, sizeof folder, "%s/in", home);
    snprintf(outside, sizeof outside, "%s/out", home);
    cr_assert_eq(mkdir(outside, 0700), 0);
    clk = clk_new_manual();
    log_set_level(LOG_ERROR);
    open_files();
}

static void stop(void) {
    close_files();
    clk_close(clk);
    home_remove();
}

TestSuite(files_host, .init = start, .fini = stop);

/* -- on the host; names from `home` on -- */

static const char *at(const char *name) {
    static char paths[4][512];
    static size_t turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", home, name);
    return path;
}

static void host_put(const char *name, const char *text) {
    FILE *file = fopen(at(name), "w");
    cr_assert_not_null(file, "%s", name);
    fputs(text, file);
    fclose(file);
}

static const char *host_get(const char *name) {
    static char text[256];
    FILE *file = fopen(at(name), "r");
    if (file == NULL) {
        return NULL;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static bool host_has(const char *name) {
    struct stat st;
    return lstat(at(name), &st) == 0;
}

/* -- in the module -- */

static struct files_path path(const char *typed) {
    struct files_path p;
    cr_assert_eq(files_path(f, sv_of(typed), &p), 0, "%s", typed);
    return p;
}

static int make(const char *typed, const char *text) {
    struct files_path p = path(typed);
    return files_create(f, &p, text, strlen(text));
}

static int make_folder(const char *typed) {
    struct files_path p = path(typed);
    return files_make_folder(f, &p);
}

static int take(const char *typed) {
    struct files_path p = path(typed);
    return files_remove(f, &p);
}

static int take_folder(const char *typed) {
    struct files_path p = path(typed);
    return files_remove_folder(f, &p);
}

static int move(const char *from, const char *to) {
    struct files_path a = path(from);
    struct files_path b = path(to);
    return files_rename(f, &a, &b);
}

static const char *text_of(const char *typed) {
    static char text[256];
    struct files_path p = path(typed);
    int n = files_read(f, &p, 0, text, sizeof text - 1);
    if (n < 0) {
        return "none";
    }
    text[n] = '\0';
    return text;
}

static size_t count(bool is_folder) {
    size_t pos = 0;
    size_t n = 0;
    struct sv name;
    while (files_next(f, is_folder, &pos, &name)) {
        n++;
    }
    return n;
}

/* -- what is kept -- */

Test(files_host, what_is_written_is_on_the_host_and_there_again) {
    struct files_info before;
    struct files_info after;
    cr_assert_eq(make_folder("C:/sub"), 0);
    cr_assert_eq(make("C:/sub/a", "hello"), 0);
    struct files_path a = path("C:/sub/a");
    cr_assert_eq(files_stat(f, &a, &before), 0);
    cr_assert_eq(files_write(f, &a, 5, " there", 6), 0);
    cr_assert_eq(files_write(f, &a, 0, "H", 1), 0);
    cr_assert_str_eq(host_get("in/C/sub/a"), "Hello there");
    open_again();
    cr_assert_str_eq(text_of("C:/sub/a"), "Hello there");
    cr_assert_eq(files_stat(f, &a, &after), 0);
    cr_assert_eq(after.created.us, before.created.us);
}

Test(files_host, nothing_is_written_behind_a_link_or_into_what_is_gone) {
    cr_assert_eq(make("C:/a", "hello"), 0);
    cr_assert_eq(make("C:/b", "hello"), 0);
    host_put("out/secret", "secret");
    cr_assert_eq(unlink(at("in/C/a")), 0);
    cr_assert_eq(symlink(at("out/secret"), at("in/C/a")), 0);
    cr_assert_eq(unlink(at("in/C/b")), 0);
    struct files_path a = path("C:/a");
    struct files_path b = path("C:/b");
    cr_assert_eq(files_write(f, &a, 0, "H", 1), -EIO);
    cr_assert_eq(files_write(f, &b, 0, "H", 1), -EIO);
    cr_assert_str_eq(host_get("out/secret"), "secret");
    cr_assert_str_eq(text_of("C:/a"), "hello", "all or nothing");
}

Test(files_host, what_is_made_is_on_the_host_and_there_again) {
    struct files_info before;
    struct files_info after;
    cr_assert_eq(make_folder("C:/sub"), 0);
    cr_assert_eq(make("C:/sub/a file.txt", "hello"), 0);
    cr_assert_eq(make("E:/empty", ""), 0);
    cr_assert_str_eq(host_get("in/C/sub/a file.txt"), "hello");
    cr_assert_str_eq(host_get("in/E/empty"), "");
    struct files_path p = path("C:/sub/a file.txt");
    cr_assert_eq(files_stat(f, &p, &before), 0);
    clk_advance(clk, CLK_S(1000));
    open_again();
    cr_assert_str_eq(text_of("C:/sub/a file.txt"), "hello");
    cr_assert_str_eq(text_of("E:/empty"), "");
    cr_assert_eq(files_stat(f, &p, &after), 0);
    cr_assert_eq(after.size, 5);
    cr_assert_eq(after.created.us / 1000000, before.created.us / 1000000);
}

Test(files_host, what_is_copied_renamed_and_removed_is_so_on_the_host) {
    cr_assert_eq(make("C:/a", "one"), 0);
    cr_assert_eq(make_folder("C:/sub"), 0);
    struct files_path a = path("C:/a");
    struct files_path copy = path("C:/sub/copy");
    cr_assert_eq(files_copy(f, &a, &copy), 0);
    cr_assert_eq(move("C:/a", "C:/b"), 0);
    cr_assert(!host_has("in/C/a"));
    cr_assert_str_eq(host_get("in/C/b"), "one");
    cr_assert_str_eq(host_get("in/C/sub/copy"), "one");
    cr_assert_eq(take_folder("C:/sub"), -ENOTEMPTY);
    cr_assert_eq(take("C:/sub/copy"), 0);
    cr_assert_eq(take_folder("C:/sub"), 0);
    cr_assert(!host_has("in/C/sub"));
    cr_assert_eq(files_remove_all(f), 0);
    cr_assert(!host_has("in/C/b"));
    open_again();
    cr_assert_eq(count(true) + count(false), 0);
}

Test(files_host, what_somebody_puts_there_is_seen_at_the_next_start) {
    host_put("in/C/new", "from outside");
    cr_assert_str_eq(text_of("C:/new"), "none");
    files_restart(f);
    cr_assert_str_eq(text_of("C:/new"), "from outside");
    cr_assert_eq(unlink(at("in/C/new")), 0);
    cr_assert_eq(take("C:/new"), 0, "what is gone can be removed");
}

Test(files_host, a_folder_is_one_process_s) {
    struct files *other = files_new(clk);
    cr_assert_eq(files_keep(other, folder), -EBUSY);
    files_free(other);
}

Test(files_host, the_leftover_of_a_killed_process_goes) {
    make_folder("C:/sub");
    host_put("in/C/sub/.files.new", "half");
    open_again();
    cr_assert(!host_has("in/C/sub/.files.new"));
    cr_assert_eq(take_folder("C:/sub"), 0);
}

/* -- names and links -- */

static const char *const hostile[] = {
    "..",   "../out/x",           "/etc/passwd", "C:/../../out/x", "C:/./x",
    "C:x",  "sub/../../../out/x", ".files.lock", ".files.new",     "a/",
    "X:/x",
};

Test(files_host, no_name_leads_out) {
    struct files_path p;
    make_folder("C:/sub");
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        if (files_path(f, sv_of(hostile[i]), &p) == 0) {
            (void)files_create(f, &p, "x", 1); /* ".." stays at the root */
        }
    }
    cr_assert(!host_has("out/x"));
    cr_assert(!host_has("x"));
    cr_assert_str_eq(host_get("in/.files.lock"), "");
    open_again();
    cr_assert_leq(count(false) + count(true), 2);
}

Test(files_host, links_and_other_things_are_left_out_and_let_alone) {
    host_put("out/secret", "secret");
    cr_assert_eq(symlink(at("out/secret"), at("in/C/link")), 0);
    cr_assert_eq(symlink(at("out"), at("in/C/folder")), 0);
    cr_assert_eq(symlink("nowhere", at("in/C/dangling")), 0);
    cr_assert_eq(mkfifo(at("in/C/pipe"), 0600), 0);
    open_again();
    cr_assert_eq(count(true) + count(false), 0);
    cr_assert_str_eq(text_of("C:/link"), "none");
    cr_assert_eq(make("C:/link", "mine"), -EEXIST);
    cr_assert_eq(make("C:/dangling", "mine"), -EEXIST);
    cr_assert_eq(make_folder("C:/folder"), -EEXIST);
    cr_assert_eq(make("C:/x", "mine"), 0);
    cr_assert_eq(move("C:/x", "C:/pipe"), -EEXIST);
    cr_assert_eq(files_remove_all(f), 0);
    cr_assert_str_eq(host_get("out/secret"), "secret");
    cr_assert(host_has("in/C/link") && host_has("in/C/pipe") && !host_has("in/nowhere"));
}

Test(files_host, a_folder_that_became_a_link_is_not_followed) {
    host_put("out/there", "theirs");
    make_folder("C:/sub");
    cr_assert_eq(make("C:/sub/there", "mine"), 0);
    cr_assert_eq(make("C:/other", "mine"), 0);
    cr_assert_eq(rename(at("in/C/sub"), at("in/C/away")), 0);
    cr_assert_eq(symlink(at("out"), at("in/C/sub")), 0);
    log_set_level(LOG_ERROR);
    cr_assert_eq(make("C:/sub/new", "mine"), -EIO);
    cr_assert_eq(make_folder("C:/sub/more"), -EIO);
    cr_assert_eq(take("C:/sub/there"), -EIO);
    cr_assert_eq(move("C:/other", "C:/sub/there2"), -EIO);
    cr_assert_str_eq(text_of("C:/other"), "mine", "what failed has not happened");
    cr_assert_str_eq(host_get("out/there"), "theirs");
    cr_assert(!host_has("out/new") && !host_has("out/more") && !host_has("out/there2"));
}

Test(files_host, a_drive_that_is_a_link_is_refused) {
    struct files *other = files_new(clk);
    char second[96];
    snprintf(second, sizeof second, "%s/second", home);
    cr_assert_eq(mkdir(second, 0700), 0);
    cr_assert_eq(symlink(at("out"), at("second/C")), 0);
    cr_assert_lt(files_keep(other, second), 0);
    files_free(other);
}

static const char *const foreign[] = {
    ".hidden", "-dash", " blank", "a:b",  "a*b",  "a?b",  "a,b",  "a;b",       "a|b",
    "a<b",     "a\"b",  "a\\b",   "dot.", "\x01", "a\nb", "\xff", "a\xc0\x80",
};

Test(files_host, names_that_the_module_cannot_have_are_left_out) {
    char name[64];
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        snprintf(name, sizeof name, "in/C/%s", foreign[i]);
        host_put(name, "x");
    }
    host_put("in/C/gr\xc3\xbc\xc3\x9f", "x");
    open_again();
    cr_assert_eq(count(false), 1);
    cr_assert_eq(files_remove_all(f), 0);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        snprintf(name, sizeof name, "in/C/%s", foreign[i]);
        cr_assert(host_has(name), "%s", foreign[i]);
    }
}

Test(files_host, a_folder_with_something_unseen_is_not_removed) {
    make_folder("C:/sub");
    host_put("in/C/sub/.hidden", "x");
    cr_assert_eq(take_folder("C:/sub"), -ENOTEMPTY);
    cr_assert(host_has("in/C/sub/.hidden"));
}

/* -- bounds -- */

Test(files_host, what_is_more_than_the_drive_holds_is_left_out) {
    host_put("in/F/small", "x");
    host_put("in/F/large", "");
    cr_assert_eq(truncate(at("in/F/large"), (off_t)1 << 40), 0);
    open_again();
    cr_assert_eq(files_change(f, SV("F:")), 0);
    cr_assert_eq(count(false), 1);
    cr_assert_eq(files_usage(f).used, 1);
    cr_assert(host_has("in/F/large"));
}

Test(files_host, more_entries_than_the_bound_are_left_out) {
    char name[32];
    for (int i = 0; i < LIMIT_FILES + 5; i++) {
        snprintf(name, sizeof name, "in/C/f%d", i);
        host_put(name, "");
    }
    open_again();
    cr_assert_eq(count(false), LIMIT_FILES);
    cr_assert_eq(make("C:/new", ""), -ENFILE);
}

Test(files_host, a_path_that_is_too_long_is_left_out) {
    char name[512] = "in/C";
    for (int i = 0; i < 3; i++) {
        snprintf(name + strlen(name), sizeof name - strlen(name), "/%0100d", 0);
        cr_assert_eq(mkdir(at(name), 0700), 0);
    }
    open_again();
    snprintf(name, sizeof name, "C:/%0100d/%0100d", 0, 0);
    cr_assert_eq(files_change(f, sv_of(name)), 0);
    cr_assert_eq(count(true), 0);
}

Test(files_host, a_full_disk_leaves_nothing_and_is_told) {
    struct rlimit limit;
    struct rlimit small;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){100, limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    static const char bytes[200];
    struct files_path p = path("C:/large");
    cr_assert_eq(files_create(f, &p, bytes, sizeof bytes), -ENOSPC);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_str_eq(text_of("C:/large"), "none");
    cr_assert(!host_has("in/C/large") && !host_has("in/C/.files.new"));
    cr_assert_eq(files_create(f, &p, bytes, sizeof bytes), 0);
}

Test(files_host, what_a_full_disk_cannot_take_is_not_written) {
    struct rlimit limit;
    struct rlimit small;
    cr_assert_eq(make("C:/a", "hello"), 0);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){100, limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    static const char bytes[200];
    struct files_path p = path("C:/a");
    cr_assert_eq(files_write(f, &p, 5, bytes, sizeof bytes), -ENOSPC);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_str_eq(text_of("C:/a"), "hello");
    struct stat st;
    cr_assert_eq(stat(at("in/C/a"), &st), 0);
    cr_assert_eq(st.st_size, 5);
}

Test(files_host, a_host_that_refuses_is_an_error_and_nothing_has_changed) {
    cr_assert_eq(make("C:/a", "one"), 0);
    cr_assert_eq(rename(at("in/C"), at("in/gone")), 0);
    cr_assert_eq(make("C:/b", "two"), -EIO);
    cr_assert_eq(make_folder("C:/sub"), -EIO);
    cr_assert_str_eq(text_of("C:/a"), "one");
    cr_assert_str_eq(text_of("C:/b"), "none");
}

Test(files_host, a_card_is_emptied_on_the_host_but_for_what_is_unseen) {
    const int32_t size = 1000;
    make_folder("D:/sub");
    cr_assert_eq(make("D:/sub/a", "one"), 0);
    cr_assert_eq(make("C:/a", "one"), 0);
    cr_assert_eq(files_divide_card(f, 2, &size), 0);
    cr_assert(!host_has("in/D/sub") && host_has("in/C/a") && host_has("in/D"));
    make_folder("D:/sub");
    host_put("in/D/sub/.hidden", "x");
    cr_assert_eq(files_format_card(f), -ENOTEMPTY);
    cr_assert(host_has("in/D/sub/.hidden"));
}
