#include "tests/support/home.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

char home[HOME_PATH];

void home_make(void) {
    snprintf(home, sizeof home, "/tmp/home-XXXXXX");
    cr_assert_not_null(mkdtemp(home));
}

void home_remove(void) {
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", home);
    cr_expect_eq(system(command), 0);
}
