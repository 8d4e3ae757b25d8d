/* Every dialogue file below tests/transcripts, in process: as written and typed byte by byte. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/transcript.h"

struct play {
    char path[256];
    size_t chop;
};

ParameterizedTestParameters(transcripts, every_dialogue_plays_as_written) {
    static struct play plays[1024];
    char **paths = NULL;
    size_t found = transcript_find("tests/transcripts/*/*.at", &paths);
    size_t n = 0;
    for (size_t i = 0; i < found && n + 2 <= sizeof plays / sizeof plays[0]; i++) {
        for (size_t chop = 0; chop <= 1; chop++) {
            plays[n].chop = chop;
            snprintf(plays[n].path, sizeof plays[n].path, "%s", paths[i]);
            n++;
        }
        free(paths[i]);
    }
    free(paths);
    return cr_make_param_array(struct play, plays, n);
}

ParameterizedTest(struct play *play, transcripts, every_dialogue_plays_as_written) {
    char error[TRANSCRIPT_ERROR_TEXT];
    struct transcript *t = transcript_load(play->path, error);
    cr_assert_not_null(t, "%s", error);
    int rc = transcript_play_in_process(t, play->chop, NULL, NULL, stderr);
    transcript_free(t);
    cr_assert_eq(rc, 0, "%s%s", play->path, play->chop > 0 ? ", byte by byte" : "");
}

Test(transcripts, there_are_dialogues_to_play) {
    char **paths = NULL;
    size_t n = transcript_find("tests/transcripts/*/*.at", &paths);
    cr_assert_gt(n, 20, "run from the root of the repository");
    for (size_t i = 0; i < n; i++) {
        free(paths[i]);
    }
    free(paths);
}
