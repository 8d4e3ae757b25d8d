/* Every dialogue file that is not bound to a process of its own, against the daemon. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/transcript.h"

/* What the program reads in single bytes it also hands on so: these dialogues show the pieces. */
static bool shows_pieces(const char *path) {
    char line[256];
    bool is_listed = false;
    const char *fault = getenv("SIM7X00_FAULT");
    FILE *f =
        fault != NULL && strcmp(fault, "capped") == 0 ? fopen("tests/torture/pieces", "re") : NULL;
    while (f != NULL && !is_listed && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, " \n")] = '\0';
        is_listed = strcmp(line, path) == 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return is_listed;
}

ParameterizedTestParameters(e2e_transcripts, every_dialogue_plays_on_the_daemon) {
    static char plays[512][256];
    char **paths = NULL;
    size_t found = transcript_find("tests/transcripts/*/*.at", &paths);
    size_t n = 0;
    for (size_t i = 0; i < found && n < sizeof plays / sizeof plays[0]; i++) {
        char error[TRANSCRIPT_ERROR_TEXT];
        struct transcript *t = transcript_load(paths[i], error);
        /* One that cannot be read is a failure of its own. */
        if (t == NULL || (!t->only_in_process && !shows_pieces(paths[i]))) {
            snprintf(plays[n++], sizeof plays[0], "%s", paths[i]);
        }
        transcript_free(t);
        free(paths[i]);
    }
    free(paths);
    return cr_make_param_array(char[256], plays, n);
}

ParameterizedTest(char (*path)[256], e2e_transcripts, every_dialogue_plays_on_the_daemon,
                  .timeout = 60) {
    char error[TRANSCRIPT_ERROR_TEXT];
    const char *program = getenv("SIM7X00");
    cr_assert_not_null(program, "SIM7X00 is the path of the daemon");
    struct transcript *t = transcript_load(*path, error);
    cr_assert_not_null(t, "%s", error);
    int rc = transcript_play_on_daemon(t, program, stderr);
    transcript_free(t);
    cr_assert_eq(rc, 0, "%s", *path);
}
