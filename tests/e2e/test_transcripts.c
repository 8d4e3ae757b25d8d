/* Every dialogue file that is not bound to a process of its own, against the daemon. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>

#include "tests/support/pieces.h"
#include "tests/support/transcript.h"

ParameterizedTestParameters(e2e_transcripts, every_dialogue_plays_on_the_daemon) {
    static char plays[512][256];
    char **paths = NULL;
    size_t found = transcript_find("tests/transcripts/*/*.at", &paths);
    size_t n = 0;
    for (size_t i = 0; i < found && n < sizeof plays / sizeof plays[0]; i++) {
        char error[TRANSCRIPT_ERROR_TEXT];
        struct transcript *t = transcript_load(paths[i], error);
        /* One that cannot be read is a failure of its own. */
        if (t == NULL || (!t->only_in_process && !pieces_leave_out(paths[i]))) {
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
    pieces_prepare(*path);
    int rc = transcript_play_on_daemon(t, program, stderr);
    transcript_free(t);
    cr_assert_eq(rc, 0, "%s", *path);
}
