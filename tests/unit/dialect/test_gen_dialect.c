/* The generator, run as a program on files made here: what it refuses, whether it says where, and
 * what it writes. Its path is in the environment: GEN_DIALECT.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char dir[PATH_MAX / 4];

static const char *path_of(const char *name) {
    static char path[4][PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static void setup(void) {
    const char *base = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/gen_dialect.XXXXXX", base ? base : "/tmp");
    cr_assert_not_null(mkdtemp(dir));
}

static void teardown(void) {
    static const char *const names[] = {
        "a.json",         "b.json", "slots.h",    "handlers.h",  "errors.inc",
        "dialect_rows.c", "said",   "profiles.c", "commands.md",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(path_of(names[i]));
    rmdir(dir);
}

static void put(const char *name, const char *text) {
    FILE *f = fopen(path_of(name), "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *content(const char *name) {
    static char text[1 << 16];
    FILE *f = fopen(path_of(name), "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = '\0';
    return text;
}

/* The exit status; what was said on stderr is then in the file "said". */
static int run(const char *second) {
    const char *tool = getenv("GEN_DIALECT");
    cr_assert_not_null(tool, "GEN_DIALECT is not set");
    char *argv[] = {strdup(tool),
                    strdup(dir),
                    strdup(path_of("commands.md")),
                    strdup(path_of("a.json")),
                    second ? strdup(path_of(second)) : NULL,
                    NULL};
    posix_spawn_file_actions_t fa;
    int status;
    pid_t pid;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, path_of("said"),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_eq(posix_spawn(&pid, argv[0], &fa, NULL, argv, environ), 0, "%s", argv[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    posix_spawn_file_actions_destroy(&fa);
    for (int i = 0; argv[i]; i++)
        free(argv[i]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void refused(const char *what) {
    cr_assert_eq(run(NULL), 1, "taken: %s", what);
    const char *said = content("said");
    cr_assert(strstr(said, "a.json: "), "no file in: %s", said);
    cr_assert(strstr(said, what), "\"%s\" wanted, said: %s", what, said);
    cr_assert_neq(access(path_of("slots.h"), F_OK), 0, "written in spite of a fault");
}

/* A row that is right; `extra` comes before it, so that a key there is a duplicate or unknown. */
#define ROW_WITH(extra, param)                                                                     \
    "{\"family\":\"t\",\"commands\":[{" extra "\"name\":\"+XYZ\",\"kind\":\"setting\","            \
    "\"forms\":[\"read\",\"write\"],\"summary\":\"s\",\"source\":\"V3.00 1.1\","                   \
    "\"disposition\":\"kept\",\"params\":[{\"name\":\"n\"," param "}]}]}"
#define GOOD "\"in\":\"0-2,5\",\"default\":5"

TestSuite(gen_dialect, .init = setup, .fini = teardown);

Test(gen_dialect, a_good_row_gives_slot_row_and_page) {
    put("a.json", ROW_WITH("", GOOD));
    cr_assert_eq(run(NULL), 0, "%s", content("said"));
    cr_assert(strstr(content("slots.h"), "SLOT_XYZ_N,"));
    cr_assert(strstr(content("dialect_rows.c"), "{{0, 2}, {5, 5}}"));
    cr_assert(strstr(content("commands.md"), "| `AT+XYZ` | read write | n 0-2,5 = 5 |"));
}

Test(gen_dialect, the_slots_of_ports_come_before_those_of_the_module) {
    put("a.json",
        "{\"family\":\"t\",\"commands\":["
        "{\"name\":\"+ABC\",\"kind\":\"setting\",\"forms\":[\"read\"],\"summary\":\"s\","
        "\"source\":\"x\",\"disposition\":\"kept\",\"params\":[{\"name\":\"n\"," GOOD "}]},"
        "{\"name\":\"+XYZ\",\"kind\":\"setting\",\"forms\":[\"read\"],\"summary\":\"s\","
        "\"source\":\"x\",\"disposition\":\"kept\",\"flags\":[\"port\"],"
        "\"params\":[{\"name\":\"n\"," GOOD "}]}]}");
    cr_assert_eq(run(NULL), 0, "%s", content("said"));
    const char *text = content("slots.h");
    const char *port = strstr(text, "SLOT_XYZ_N,");
    const char *module = strstr(text, "SLOT_ABC_N,");
    cr_assert(port != NULL && module != NULL && port < module, "%s", text);
}

/* A row of what is not there yet, and one that is. */
#define LATER_WITH(extra, param)                                                                   \
    "{\"family\":\"t\",\"commands\":[{" extra "\"name\":\"+ABC\",\"disposition\":\"later\","       \
    "\"forms\":[\"exec\",\"test\",\"write\"],\"summary\":\"s\",\"source\":\"x\","                  \
    "\"params\":[{\"name\":\"n\"," param "}]},"                                                    \
    "{\"name\":\"+XYZ\",\"disposition\":\"kept\",\"kind\":\"setting\",\"forms\":[\"read\"],"       \
    "\"summary\":\"s\",\"source\":\"x\",\"params\":[{\"name\":\"n\"," GOOD "}]}]}"

Test(gen_dialect, what_is_not_there_yet_is_on_the_page_alone) {
    put("a.json", LATER_WITH("", GOOD));
    cr_assert_eq(run(NULL), 0, "%s", content("said"));
    cr_assert(strstr(content("commands.md"),
                     "| `AT+ABC` | exec test write | n 0-2,5 = 5 | none | later |  | s | x |"));
    cr_assert(strstr(content("commands.md"), "2 commands."));
    cr_assert(strstr(content("commands.md"), "1 commands)"));
    cr_assert_null(strstr(content("dialect_rows.c"), "ABC"));
    cr_assert_null(strstr(content("slots.h"), "ABC"));
    cr_assert(strstr(content("dialect_rows.c"), "+XYZ"));
}

Test(gen_dialect, what_is_not_there_yet_is_answered_by_nothing) {
    static const char *const keys[][2] = {
        {"\"handler\":\"cmd_abc\",", "handler"},
        {"\"code\":[\"exec\"],", "code"},
        {"\"test\":\"\",", "test"},
        {"\"read\":\"x\",", "read"},
        {"\"exec\":\"default\",", "exec"},
        {"\"save\":\"auto\",", "save"},
        {"\"needs\":[\"SIM\"],", "needs"},
        {"\"kind\":\"setting\",", "kind"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char text[1024], what[64];
        snprintf(text, sizeof text, LATER_WITH("%s", GOOD), keys[i][0]);
        snprintf(what, sizeof what, "+ABC: unknown key \"%s\"", keys[i][1]);
        put("a.json", text);
        refused(what);
    }
}

Test(gen_dialect, what_is_not_there_yet_keeps_nothing) {
    put("a.json", LATER_WITH("", GOOD ",\"slot\":true"));
    refused("+ABC: parameter n: what is not there yet keeps nothing");
}

Test(gen_dialect, what_is_not_there_yet_has_forms_and_one_row) {
    put("a.json", "{\"family\":\"t\",\"commands\":[{\"name\":\"+ABC\",\"disposition\":\"later\","
                  "\"summary\":\"s\",\"source\":\"x\"}]}");
    refused("+ABC: no \"forms\"");
    put("a.json", LATER_WITH("", GOOD));
    put("b.json", LATER_WITH("", GOOD));
    cr_assert_eq(run("b.json"), 1);
    cr_assert(strstr(content("said"), "+ABC: duplicate command"));
}

Test(gen_dialect, broken_json_names_the_line) {
    put("a.json", "{\n\"family\": \"t\",\n,\n}");
    refused("line 3");
}

Test(gen_dialect, a_file_of_no_known_kind_is_refused) {
    put("a.json", "{\"rows\":[]}");
    refused("neither");
}

Test(gen_dialect, an_unknown_key_of_a_row_is_refused) {
    put("a.json", ROW_WITH("\"defualt\":1,", GOOD));
    refused("+XYZ: unknown key \"defualt\"");
}

Test(gen_dialect, an_unknown_key_of_a_parameter_is_refused) {
    put("a.json", ROW_WITH("", GOOD ",\"max\":3"));
    refused("+XYZ: unknown key \"max\"");
}

Test(gen_dialect, a_duplicate_key_is_refused) {
    put("a.json", ROW_WITH("\"source\":\"x\",", GOOD));
    refused("+XYZ: duplicate key \"source\"");
}

Test(gen_dialect, a_row_without_source_is_refused) {
    put("a.json", "{\"family\":\"t\",\"commands\":[{\"name\":\"+XYZ\",\"summary\":\"s\"}]}");
    refused("+XYZ: no \"source\"");
}

Test(gen_dialect, a_bad_form_is_refused) {
    put("a.json", "{\"family\":\"t\",\"commands\":[{\"name\":\"+XYZ\",\"kind\":\"query\","
                  "\"forms\":[\"raed\"],\"summary\":\"s\",\"source\":\"x\","
                  "\"disposition\":\"works\"}]}");
    refused("+XYZ: bad name in \"forms\": raed");
}

Test(gen_dialect, code_for_a_form_that_does_not_exist_is_refused) {
    put("a.json", ROW_WITH("\"code\":[\"test\"],\"handler\":\"cmd_xyz\",", GOOD));
    refused("+XYZ: \"code\" names a form");
}

Test(gen_dialect, a_handler_without_code_is_refused) {
    put("a.json", ROW_WITH("\"handler\":\"cmd_xyz\",", GOOD));
    refused("+XYZ: a handler but no \"code\"");
}

Test(gen_dialect, overlapping_ranges_are_refused) {
    put("a.json", ROW_WITH("", "\"in\":\"0-2,2-5\",\"default\":0"));
    refused("+XYZ: overlapping ranges");
}

Test(gen_dialect, malformed_ranges_are_refused) {
    static const char *const bad[] = {"", "x", "1-", "2-1", "1,,2", "1 -2", "1-2 ", "99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[600];
        snprintf(text, sizeof text, ROW_WITH("", "\"in\":\"%s\",\"default\":1"), bad[i]);
        put("a.json", text);
        refused("+XYZ: ");
    }
}

Test(gen_dialect, a_default_out_of_range_is_refused) {
    put("a.json", ROW_WITH("", "\"in\":\"0-2,5\",\"default\":3"));
    refused("+XYZ: parameter n: default 3 out of range");
}

Test(gen_dialect, a_default_that_is_no_whole_number_is_refused) {
    put("a.json", ROW_WITH("", "\"in\":\"0-2\",\"default\":1.5"));
    refused("+XYZ: \"n\" must be a whole number");
}

Test(gen_dialect, a_default_that_is_no_word_is_refused) {
    put("a.json", ROW_WITH("", "\"type\":\"word\",\"words\":[\"A\",\"B\"],\"default\":\"C\""));
    refused("+XYZ: parameter n: default out of range: \"C\"");
}

Test(gen_dialect, a_default_longer_than_its_parameter_is_refused) {
    put("a.json", ROW_WITH("", "\"type\":\"str\",\"len\":\"0-3\",\"default\":\"abcd\""));
    refused("+XYZ: parameter n: default out of range");
}

Test(gen_dialect, a_slot_without_default_is_refused) {
    put("a.json", ROW_WITH("", "\"in\":\"0-2\""));
    refused("+XYZ: parameter n: a slot needs a default");
}

Test(gen_dialect, an_exec_value_out_of_range_is_refused) {
    put("a.json", "{\"family\":\"t\",\"commands\":[{\"name\":\"X\",\"kind\":\"setting\","
                  "\"forms\":[\"exec\"],\"exec\":[7],\"summary\":\"s\",\"source\":\"x\","
                  "\"disposition\":\"kept\",\"params\":[{\"name\":\"n\"," GOOD "}]}]}");
    refused("X: parameter n: default 7 out of range");
}

Test(gen_dialect, a_read_format_with_an_unknown_name_is_refused) {
    put("a.json", ROW_WITH("\"read\":\"{m:03}\",", GOOD));
    refused("+XYZ: \"read\" names no parameter");
}

Test(gen_dialect, a_command_that_is_in_two_files_is_refused) {
    put("a.json", ROW_WITH("", GOOD));
    put("b.json", ROW_WITH("", GOOD));
    cr_assert_eq(run("b.json"), 1);
    const char *said = content("said");
    cr_assert(strstr(said, "b.json: +XYZ: duplicate command, also in "), "%s", said);
    cr_assert(strstr(said, "a.json"), "%s", said);
}

Test(gen_dialect, two_names_for_one_slot_are_refused) {
    put("a.json", "{\"family\":\"t\",\"commands\":[{\"name\":\"+XYZ\",\"kind\":\"setting\","
                  "\"forms\":[\"read\"],\"summary\":\"s\",\"source\":\"x\","
                  "\"disposition\":\"kept\",\"params\":[{\"name\":\"a b\"," GOOD "},"
                  "{\"name\":\"a_b\"," GOOD "}]}]}");
    refused("+XYZ: slot XYZ_A_B is also that of +XYZ");
}

Test(gen_dialect, a_record_with_a_missing_value_is_refused) {
    put("a.json", "{\"family\":\"t\",\"commands\":[{\"name\":\"+XYZ\",\"kind\":\"record\","
                  "\"forms\":[\"read\"],\"summary\":\"s\",\"source\":\"x\","
                  "\"disposition\":\"kept\",\"records\":[[1]],\"params\":["
                  "{\"name\":\"a\",\"in\":\"1-2\"},{\"name\":\"b\",\"in\":\"1-2\"}]}]}");
    refused("+XYZ: a record has a value for each parameter");
}

Test(gen_dialect, two_errors_of_one_name_are_refused) {
    put("a.json", "{\"errors\":\"x\",\"cme\":[{\"code\":1,\"text\":\"Memory full\"},"
                  "{\"code\":2,\"text\":\"memory full\"}],\"cms\":[]}");
    refused("memory full: duplicate error 2 CME_MEMORY_FULL");
}

Test(gen_dialect, an_error_gets_its_name_from_its_text_or_its_id) {
    put("a.json", "{\"errors\":\"x\",\"cme\":[{\"code\":7,\"text\":\"It's PH-SIM (1)\"}],"
                  "\"cms\":[{\"code\":300,\"text\":\"ME failure\",\"id\":\"broken\"}]}");
    cr_assert_eq(run(NULL), 0, "%s", content("said"));
    const char *inc = content("errors.inc");
    cr_assert(strstr(inc, "X(CME_ITS_PH_SIM_1, 7, \"It's PH-SIM (1)\")\n"), "%s", inc);
    cr_assert(strstr(inc, "X(CMS_BROKEN, 300, \"ME failure\")\n"), "%s", inc);
}

Test(gen_dialect, a_profile_with_a_missing_field_is_refused) {
    put("a.json", "{\"profile\":\"p\",\"source\":\"x\"}");
    refused("p: no \"manufacturer\"");
}

#define IDENTITY                                                                                   \
    "{\"profile\":\"p\",\"source\":\"x\",\"manufacturer\":\"x\",\"model\":\"x\",\"revision_ati\":" \
    "\"x\","                                                                                       \
    "\"revision_cgmr\":\"x\",\"imei\":\"351602000330579\",\"gcap\":\"x\",\"iccid\":\"1\","         \
    "\"imsi\":\"1\","                                                                              \
    "\"oper_long\":\"x\",\"oper_short\":\"x\",\"oper_numeric\":\"1\","

Test(gen_dialect, a_technology_that_is_none_is_refused) {
    put("a.json", IDENTITY "\"techs\":[\"GSM\",\"NMT\"]}");
    refused("p: \"techs\" has a name that is not known");
    put("a.json", IDENTITY "\"techs\":[]}");
    refused("p: \"techs\" is not a list of names");
}

Test(gen_dialect, a_band_mask_has_all_its_digits) {
    put("a.json", IDENTITY "\"techs\":[\"GSM\"],\"bands\":\"0x000000000000018\"}");
    refused("p: \"bands\" is not 0x and 16 hexadecimal digits");
}

#define CLASS(times)                                                                               \
    "{\"name\":\"quick\",\"ask\":[1,2],\"act\":" times                                             \
    ",\"urc\":[5,6],\"what\":\"w\",\"source\":\"s\"}"

Test(gen_dialect, a_row_has_a_latency_of_its_own_its_familys_or_the_first) {
    put("a.json", "{\"family\":\"t\",\"latency\":\"slow\",\"commands\":["
                  "{\"name\":\"+ABC\",\"kind\":\"query\",\"forms\":[\"test\"],\"test\":\"\","
                  "\"summary\":\"s\",\"source\":\"x\",\"disposition\":\"works\"},"
                  "{\"name\":\"+XYZ\",\"kind\":\"query\",\"forms\":[\"test\"],\"test\":\"\","
                  "\"latency\":\"quick\",\"summary\":\"s\",\"source\":\"x\","
                  "\"disposition\":\"works\"}]}");
    put("b.json", "{\"latencies\":[" CLASS(
                      "[3,4]") ","
                               "{\"name\":\"slow\",\"ask\":[7,8],\"act\":[9,9],\"urc\":[0,1],"
                               "\"what\":\"w\",\"source\":\"s\"}]}");
    cr_assert_eq(run("b.json"), 0, "%s", content("said"));
    cr_assert(strstr(content("dialect_rows.c"), "{\"quick\", {1, 2}, {3, 4}, {5, 6}}"));
    cr_assert(strstr(content("dialect_rows.c"), ".latency = 0"));
    cr_assert(strstr(content("dialect_rows.c"), ".latency = 1"));
    cr_assert(strstr(content("commands.md"), "| works | slow | s | x |"));
    cr_assert(strstr(content("commands.md"), "| works | quick | s | x |"));
    cr_assert(strstr(content("commands.md"), "| slow | 7, 8 | 9, 9 | 0, 1 | w | s |"));
}

Test(gen_dialect, an_unknown_latency_is_refused) {
    put("a.json", ROW_WITH("\"latency\":\"brisk\",", GOOD));
    refused("+XYZ: bad latency \"brisk\"");
}

Test(gen_dialect, latencies_are_pairs_in_order_once) {
    static const char *const bad[] = {"3",      "[3]",     "[3,4,5]",  "[4,3]",
                                      "[-1,3]", "[1.5,3]", "[0,\"1\"]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[600];
        snprintf(text, sizeof text, "{\"latencies\":[" CLASS("%s") "]}", bad[i]);
        put("a.json", text);
        refused("quick: \"act\"");
    }
    put("a.json", "{\"latencies\":[" CLASS("[3,4]") "," CLASS("[3,4]") "]}");
    refused("quick: duplicate latency");
}
