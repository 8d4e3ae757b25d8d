#include "scenarios/engine/library.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/engine/scenario.h"

TestSuite(library, .timeout = 60);

static char path[LIBRARY_PATH];

Test(library, a_name_is_the_file_of_a_scenario) {
    const char *file = library_find("answer-late", path);
    cr_assert_eq(file, path);
    cr_assert_eq(access(file, R_OK), 0, "%s", file);
    char error[SCENARIO_ERROR];
    struct scenario *sc = scenario_load("answer-late", error);
    cr_assert_neq(sc, NULL, "%s", error);
    scenario_free(sc);
}

Test(library, what_it_does_not_have_is_left_as_it_is) {
    static const char *const names[] = {
        "", "nothing", "./answer-late", "/answer-late", "../library/answer-late", ".."};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert_eq(library_find(names[i], path), names[i], "%s", path);
    }
    char error[SCENARIO_ERROR];
    cr_assert_eq(scenario_load("nothing", error), NULL);
    cr_assert_str_eq(error, "nothing: No such file or directory");
}

Test(library, a_name_that_no_path_holds_is_left_as_it_is) {
    static char name[2 * LIBRARY_PATH];
    memset(name, 'n', sizeof name - 1);
    cr_assert_eq(library_find(name, path), name);
}

Test(library, a_file_comes_before_the_library) {
    char folder[] = "/tmp/library-XXXXXX";
    cr_assert_neq(mkdtemp(folder), NULL);
    cr_assert_eq(chdir(folder), 0);
    FILE *file = fopen("answer-late", "w");
    cr_assert_neq(file, NULL);
    fclose(file);
    cr_assert_str_eq(library_find("answer-late", path), "answer-late");
    unlink("answer-late");
    cr_assert_eq(library_find("answer-late", path), path);
    rmdir(folder);
}

Test(library, lists_names_in_order_and_what_happens) {
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    cr_assert_eq(library_list(to), 0);
    fclose(to);
    const char *first = strstr(text, "answer-late  ");
    const char *second = strstr(text, "zero-window  ");
    cr_assert(first != NULL && second != NULL && first < second, "%s", text);
    cr_assert_neq(strstr(first, " An answer comes after the driver has given it up\n"), NULL);
    cr_assert_eq(strstr(text, ".json"), NULL);
    free(text);
}
