/* Folders of the host that are made where something stands in the way. */
#include "base/folder.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[] = "/tmp/sim7x00-folder-XXXXXX";

static void start(void) {
    cr_assert_not_null(mkdtemp(home));
    cr_assert_eq(chdir(home), 0);
}

static void stop(void) {
    rmdir("a/b");
    rmdir("a");
    unlink("link");
    rmdir(home);
}

TestSuite(folder, .init = start, .fini = stop);

Test(folder, it_is_made_with_its_parent_for_its_owner_alone) {
    struct stat st;
    cr_assert_eq(folder_make("a/b"), 0);
    cr_assert_eq(stat("a", &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    cr_assert_eq(stat("a/b", &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    cr_assert_eq(folder_make("a/b"), 0, "it may be there");
}

Test(folder, more_than_its_parent_is_not_made) {
    cr_assert_eq(folder_make("a/b/c"), -ENOENT);
}

/* As one that another process has made a moment ago: only what stands in it counts. */
Test(folder, a_parent_that_is_there_already_is_no_error_of_its_own) {
    cr_assert_eq(symlink("nowhere", "link"), 0);
    cr_assert_eq(folder_make("link/b"), -ENOENT);
}
