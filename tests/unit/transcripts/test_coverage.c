/* Every form of every row of the table is answered in some dialogue below tests/transcripts, and
 * not only by an error. A row without its dialogue fails here. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/sv.h"
#include "emulator/at/row.h"
#include "emulator/at/table.h"
#include "emulator/model/events.h"
#include "tests/support/transcript.h"

enum { ROWS_MAX = 1024 };

/* Forms that no dialogue gets an answer from but an error; ended by an empty entry. */
struct left_out {
    const char *name;
    unsigned form; /* enum at_form */
    const char *why;
};

static const struct left_out left_out[] = {
    {"+BTGATTREADCFM", AT_WRITE, "answers a device that asks: tests/unit/scenarios"},
    {"+BTGATTWRCFM", AT_WRITE, "answers a device that asks: tests/unit/scenarios"},
    {NULL, 0, NULL},
};

struct answered {
    unsigned forms[ROWS_MAX]; /* enum at_form, a row */
};

static bool is_error(struct sv result) {
    return sv_eq(result, SV("ERROR")) || sv_starts_nocase(result, SV("+CME ERROR")) ||
           sv_starts_nocase(result, SV("+CMS ERROR"));
}

static void on_event(void *ctx, unsigned topic, const void *payload) {
    struct answered *a = ctx;
    const struct at_event *e = payload;
    const struct at_cmd *row = NULL;
    if (topic == TOPIC_AT_DONE && !is_error(e->text)) {
        row = table_find(&at_dialect, sv_of(e->name));
    }
    if (row != NULL) {
        a->forms[row - at_dialect.rows] |= (unsigned)e->form;
    }
}

static void play(struct answered *a, const char *pattern) {
    char **paths = NULL;
    size_t n = transcript_find(pattern, &paths);
    cr_assert_gt(n, 0, "run from the root of the repository");
    for (size_t i = 0; i < n; i++) {
        char error[TRANSCRIPT_ERROR_TEXT];
        struct transcript *t = transcript_load(paths[i], error);
        cr_assert_not_null(t, "%s", error);
        cr_assert_eq(transcript_play_in_process(t, 0, on_event, a, stderr), 0, "%s", paths[i]);
        transcript_free(t);
        free(paths[i]);
    }
    free(paths);
}

static bool is_left_out(const struct left_out *list, const char *name, unsigned form) {
    while (list->name != NULL && (list->form != form || strcmp(list->name, name) != 0)) {
        list++;
    }
    return list->name != NULL;
}

static const char *suffix(unsigned form) {
    return form == AT_READ ? "?" : form == AT_TEST ? "=?" : form == AT_WRITE ? "=" : "";
}

/* How many forms have neither an answer nor a reason, or both. */
static size_t gaps(const struct answered *a, const struct left_out *list, FILE *report) {
    static const unsigned forms[] = {AT_EXEC, AT_READ, AT_TEST, AT_WRITE};
    size_t n = 0;
    cr_assert_leq(at_dialect.n, ROWS_MAX);
    for (size_t i = 0; i < at_dialect.n; i++) {
        const struct at_cmd *row = &at_dialect.rows[i];
        for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++) {
            bool is_answered = (a->forms[i] & forms[k]) != 0;
            if ((row->forms & forms[k]) == 0 ||
                is_answered != is_left_out(list, row->name, forms[k])) {
                continue;
            }
            n++;
            fprintf(report,
                    is_answered ? "AT%s%s is answered: its reason can go\n"
                                : "AT%s%s is answered in no dialogue\n",
                    row->name, suffix(forms[k]));
        }
    }
    return n;
}

Test(coverage, every_form_of_every_row_is_answered_in_some_dialogue) {
    static struct answered a;
    play(&a, "tests/transcripts/*/*.at");
    cr_assert_eq(gaps(&a, left_out, stderr), 0);
}

Test(coverage, what_is_never_asked_is_told) {
    static struct answered a;
    char *text = NULL;
    size_t len = 0;
    FILE *report = open_memstream(&text, &len);
    play(&a, "tests/transcripts/hsic/sleep.at");
    cr_assert_gt(gaps(&a, left_out, report), 500);
    fclose(report);
    cr_assert_not_null(strstr(text, "AT+CREG? is answered in no dialogue\n"));
    cr_assert_null(strstr(text, "AT+CHSICSLEEP"));
    free(text);
}

Test(coverage, a_reason_excuses_a_form_until_it_is_answered) {
    static const struct left_out list[] = {
        {"+CREG", AT_READ, "here: not asked"},
        {"+CHSICSLEEP", AT_TEST, "here: asked all the same"},
        {NULL, 0, NULL},
    };
    static struct answered a;
    char *text = NULL;
    size_t len = 0;
    FILE *report = open_memstream(&text, &len);
    play(&a, "tests/transcripts/hsic/sleep.at");
    gaps(&a, list, report);
    fclose(report);
    cr_assert_null(strstr(text, "AT+CREG? "));
    cr_assert_not_null(strstr(text, "AT+CHSICSLEEP=? is answered: its reason can go\n"));
    free(text);
}
