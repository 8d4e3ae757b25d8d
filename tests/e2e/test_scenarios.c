/* The scenarios of the library: each has a driver that copes with it, and passes; and each fails
 * when what it expects does not come. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/obj.h"
#include "scenarios/engine/scenario.h"
#include "tests/support/pieces.h"
#include "tests/support/transcript.h"

enum { NAME = 64, NAMES = 256 };

/* A file without its folder and what its name ends with. */
static void cut_name(const char *path, const char *end, char to[NAME]) {
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    snprintf(to, NAME, "%.*s", (int)(strlen(name) - strlen(end)), name);
}

static size_t find_names(const char *pattern, const char *end, char to[NAMES][NAME]) {
    char **paths = NULL;
    size_t n = transcript_find(pattern, &paths);
    cr_assert_leq(n, NAMES);
    for (size_t i = 0; i < n; i++) {
        cut_name(paths[i], end, to[i]);
        free(paths[i]);
    }
    free(paths);
    return n;
}

static size_t find_scenarios(char to[NAMES][NAME]) {
    return find_names("scenarios/library/*.json", ".json", to);
}

/* Those that are played. */
static size_t find_plays(char to[NAMES][NAME]) {
    size_t n = 0;
    size_t found = find_scenarios(to);
    for (size_t i = 0; i < found; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/scenarios/%s.at", to[i]);
        if (!pieces_leave_out(path)) {
            memmove(to[n++], to[i], NAME);
        }
    }
    return n;
}

static struct transcript *dialogue_of(const char *name) {
    char path[128];
    char error[TRANSCRIPT_ERROR_TEXT];
    snprintf(path, sizeof path, "tests/scenarios/%s.at", name);
    struct transcript *t = transcript_load(path, error);
    cr_assert_not_null(t, "%s", error);
    cr_assert_str_eq(t->scenario, name, "%s: want: scenario %s", path, name);
    return t;
}

static int play(const char *name, const char *scenario, bool is_patient, FILE *report) {
    const char *program = getenv("SIM7X00");
    cr_assert_not_null(program, "SIM7X00 is the path of the daemon");
    struct transcript *t = dialogue_of(name);
    pieces_prepare(t->path);
    int rc = transcript_play_scenario(t, program, scenario, is_patient, report);
    transcript_free(t);
    return rc;
}

Test(e2e_scenarios, every_scenario_has_a_dialogue_and_every_dialogue_a_scenario) {
    static char scenarios[NAMES][NAME];
    static char dialogues[NAMES][NAME];
    size_t n = find_scenarios(scenarios);
    cr_assert_gt(n, 0);
    cr_assert_eq(find_names("tests/scenarios/*.at", ".at", dialogues), n);
    for (size_t i = 0; i < n; i++) {
        cr_expect_str_eq(scenarios[i], dialogues[i]);
    }
}

Test(e2e_scenarios, every_scenario_says_what_it_shows_and_where_that_is_from) {
    static char names[NAMES][NAME];
    size_t n = find_scenarios(names);
    for (size_t i = 0; i < n; i++) {
        char path[128];
        char error[SCENARIO_ERROR];
        snprintf(path, sizeof path, "scenarios/library/%s.json", names[i]);
        struct scenario *sc = scenario_load(path, error);
        cr_assert_not_null(sc, "%s", error);
        cr_expect_not_null(scenario_part(sc, "description"), "%s", path);
        cr_expect_not_null(scenario_part(sc, "source"), "%s", path);
        cr_expect_gt(cJSON_GetArraySize(scenario_part(sc, "expect")), 0, "%s", path);
        scenario_free(sc);
    }
}

ParameterizedTestParameters(e2e_scenarios, a_good_driver_passes) {
    static char names[NAMES][NAME];
    return cr_make_param_array(char[NAME], names, find_plays(names));
}

ParameterizedTest(char (*name)[NAME], e2e_scenarios, a_good_driver_passes, .timeout = 60) {
    char path[128];
    snprintf(path, sizeof path, "scenarios/library/%s.json", *name);
    cr_assert_eq(play(*name, path, true, stderr), 0, "%s", *name);
}

/* -- the test of the test -- */

static struct cJSON *load(const char *path) {
    static char text[1 << 20];
    FILE *f = fopen(path, "re");
    cr_assert_not_null(f, "%s", path);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    struct cJSON *tree = cJSON_Parse(text);
    cr_assert_not_null(tree, "%s", path);
    return tree;
}

/* The last step that must come waits for a line that never does. */
static void make_impossible(struct cJSON *tree) {
    struct cJSON *last = NULL;
    struct cJSON *step = NULL;
    cJSON_ArrayForEach(step, cJSON_GetObjectItem(tree, "expect")) {
        if (!cJSON_IsTrue(cJSON_GetObjectItem(step, "never"))) {
            last = step;
        }
    }
    cr_assert_not_null(last, "nothing is expected that must come");
    static const char *const sources[] = {"driver", "module", "peer", "event"};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        cJSON_DeleteItemFromObject(last, sources[i]);
    }
    cJSON_AddStringToObject(last, "module", "what no module ever says");
}

static void save(struct cJSON *tree, int fd) {
    char *text = cJSON_Print(tree);
    FILE *f = fdopen(fd, "w");
    must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
    free(text);
    cJSON_Delete(tree);
}

ParameterizedTestParameters(e2e_scenarios, what_does_not_come_fails_the_run) {
    static char names[NAMES][NAME];
    return cr_make_param_array(char[NAME], names, find_plays(names));
}

ParameterizedTest(char (*name)[NAME], e2e_scenarios, what_does_not_come_fails_the_run,
                  .timeout = 60) {
    char path[128];
    char changed[] = "/tmp/sim7x00-scenario-XXXXXX";
    snprintf(path, sizeof path, "scenarios/library/%s.json", *name);
    struct cJSON *tree = load(path);
    make_impossible(tree);
    save(tree, mkstemp(changed));
    char *shown = NULL;
    size_t n = 0;
    FILE *report = open_memstream(&shown, &n);
    int rc = play(*name, changed, false, report);
    fclose(report);
    unlink(changed);
    cr_expect_eq(rc, 1, "%s: %d\n%s", *name, rc, shown);
    free(shown);
}
