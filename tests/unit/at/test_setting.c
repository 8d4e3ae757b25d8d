#include "emulator/at/setting.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/unit.h"
#include "slots.h"
#include "tests/support/at_rig.h"
#include "tests/support/fake_host.h"

/* -- the test's own rows -- */

enum { A = SLOT_COUNT, NAME, MODE, LAST, LIVE, SLOTS = LIVE - SLOT_COUNT + 1 };

static const struct slot_info slots[SLOTS] = {
    [A - SLOT_COUNT] = {.name = "A", .save = AT_SAVE_PROFILE, .is_factory = 1, .def = 3},
    [NAME - SLOT_COUNT] =
        {.name = "NAME", .type = SLOT_STR, .save = AT_SAVE_PROFILE, .is_factory = 1, .text = "me"},
    [MODE - SLOT_COUNT] = {.name = "MODE", .save = AT_SAVE_PROFILE, .is_factory = 1, .def = 1},
    [LAST - SLOT_COUNT] = {.name = "LAST", .save = AT_SAVE_NONE, .is_factory = 0, .def = 7},
    [LIVE - SLOT_COUNT] = {.name = "LIVE", .save = AT_SAVE_PROFILE, .is_factory = 1, .is_port = 1},
};

static const struct at_range digits[] = {{0, 5}, {8, 9}};
static const struct at_range lengths[] = {{0, 4}};
static const struct at_range keys[] = {{1, 5}, {100, 199}};
static const struct at_range all[] = {{INT32_MIN, INT32_MAX}};
static const char *const words[] = {"ONE", "TWO", "THREE"};

static const struct at_param set_params[] = {
    {.name = "a", .type = AT_INT, .slot = A, .nranges = 2, .ranges = digits, .def = 3},
    {.name = "name",
     .type = AT_STR,
     .slot = NAME,
     .flags = AT_KEEP,
     .nranges = 1,
     .ranges = lengths,
     .text = "me"},
    {.name = "mode",
     .type = AT_WORD,
     .slot = MODE,
     .flags = AT_OPTIONAL,
     .nwords = 3,
     .words = words,
     .def = 1},
    {.name = "last",
     .type = AT_INT,
     .slot = LAST,
     .flags = AT_OPTIONAL | AT_SECRET,
     .nranges = 1,
     .ranges = digits,
     .def = 7},
};
static const struct at_param keep_params[] = {
    {.name = "a",
     .type = AT_INT,
     .slot = A,
     .flags = AT_KEEP,
     .nranges = 2,
     .ranges = digits,
     .def = 3},
    {.name = "no slot",
     .type = AT_INT,
     .slot = AT_NO_SLOT,
     .flags = AT_OPTIONAL,
     .nranges = 2,
     .ranges = digits},
    {.name = "mode",
     .type = AT_WORD,
     .slot = MODE,
     .flags = AT_KEEP | AT_BARE,
     .nwords = 3,
     .words = words,
     .def = 1},
};
static const struct at_param loose_params[] = {
    {.name = "name",
     .type = AT_STR,
     .slot = NAME,
     .flags = AT_LOOSE,
     .nranges = 1,
     .ranges = lengths,
     .text = "me"},
    {.name = "mode",
     .type = AT_WORD,
     .slot = MODE,
     .flags = AT_LOOSE,
     .nwords = 3,
     .words = words,
     .def = 1},
};
static const struct at_param port_params[] = {
    {.name = "live", .type = AT_INT, .slot = LIVE, .nranges = 2, .ranges = digits},
};
static const struct at_param wide_params[] = {
    {.name = "last", .type = AT_INT, .slot = LAST, .nranges = 1, .ranges = all, .def = 7},
};
static const struct at_param record_params[] = {
    {.name = "key", .type = AT_INT, .slot = AT_NO_SLOT, .nranges = 2, .ranges = keys},
    {.name = "mode",
     .type = AT_WORD,
     .slot = AT_NO_SLOT,
     .flags = AT_OPTIONAL,
     .nwords = 3,
     .words = words,
     .def = 0},
    {.name = "name",
     .type = AT_STR,
     .slot = AT_NO_SLOT,
     .flags = AT_OPTIONAL,
     .nranges = 1,
     .ranges = lengths,
     .text = "-"},
    {.name = "pass",
     .type = AT_STR,
     .slot = AT_NO_SLOT,
     .flags = AT_OPTIONAL | AT_SECRET,
     .nranges = 1,
     .ranges = lengths,
     .text = ""},
    {.name = "n",
     .type = AT_INT,
     .slot = AT_NO_SLOT,
     .flags = AT_OPTIONAL,
     .nranges = 2,
     .ranges = digits,
     .def = 2},
};

static const int32_t first_ints[] = {2, 2, 0, 0, 9};
static const char *const first_texts[] = {NULL, NULL, "two", "x", NULL};
static const int32_t second_ints[] = {1, 0, 0, 0, 0};
static const char *const second_texts[] = {NULL, NULL, "", "", NULL};
static const struct at_record factory[] = {{first_ints, first_texts}, {second_ints, second_texts}};
static const int32_t exec_values[] = {5};

enum { ALL_FORMS = AT_EXEC | AT_READ | AT_TEST | AT_WRITE };

#define SETTING(params_)                                                                           \
    .kind = AT_SETTING, .forms = ALL_FORMS, .nparams = sizeof(params_) / sizeof *(params_),        \
    .params = (params_)

static const struct at_cmd rows[] = {
    {.name = "+KEEP", SETTING(keep_params)},
    {.name = "+LOOSE", SETTING(loose_params)},
    {.name = "+PORT", SETTING(port_params), .flags = AT_PORT},
    {.name = "+REC",
     .kind = AT_RECORD,
     .forms = ALL_FORMS,
     .nparams = 5,
     .params = record_params,
     .nrecords = 2,
     .records = factory},
    {.name = "+SET", SETTING(set_params)},
    {.name = "+TEXT",
     SETTING(set_params),
     .nexec = 1,
     .exec = exec_values,
     .read = "+TEXT: {2};{0:03},{1}.",
     .test = "+TEXT: one\n+TEXT: two"},
    {.name = "+WIDE", SETTING(wide_params), .read = "{0:08}", .test = ""},
};

static struct at_rig rig;

static void start(void) {
    at_rig_start(&rig, rows, sizeof rows / sizeof *rows, slots, SLOTS);
    at_rig_expect(&rig, "ATE0\r", "ATE0\r\r\nOK\r\n");
}

static void stop(void) {
    at_rig_stop(&rig);
}

TestSuite(setting, .init = start, .fini = stop);

#define expect(text, want) at_rig_expect(&rig, (text), (want))
#define OK "\r\nOK\r\n"
#define ERROR "\r\nERROR\r\n"

/* -- rows -- */

Test(setting, reads_what_was_written) {
    expect("AT+SET?\r", "\r\n+SET: 3,\"me\",\"TWO\"\r\n" OK);
    expect("AT+SET=9,\"you\",\"THREE\"\r", OK);
    expect("AT+SET?\r", "\r\n+SET: 9,\"you\",\"THREE\"\r\n" OK);
    expect("AT+SET=0,\"\",\"one\"\r", OK);
    expect("AT+SET?\r", "\r\n+SET: 0,\"\",\"ONE\"\r\n" OK);
    cr_assert_eq(setting_int(rig.module, A), 0);
    cr_assert_eq(setting_int(rig.module, MODE), 0);
    cr_assert_str_eq(setting_text(rig.module, NAME), "");
}

Test(setting, write_stores_all_or_nothing) {
    static const char *const bad[] = {
        "AT+SET=6\r",
        "AT+SET=1,\"12345\"\r",
        "AT+SET=1,\"you\",\"FOUR\"\r",
        "AT+SET=1,\"you\",\"ONE\",6\r",
        "AT+SET=1,\"you\",\"ONE\",5,1\r",
        "AT+SET=1,you,\"ONE\"\r",
        "AT+SET=1,\"you\",ONE\r",
        "AT+SET=1,\"you\",\"\"\r",
        "AT+SET=,\"you\"\r",
        "AT+SET=\r",
        "AT+SET=\"1\"\r",
        "AT+SET=-1\r",
        "AT+SET=7\r",
        "AT+SET=10\r",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect(bad[i], ERROR);
        expect("AT+SET?\r", "\r\n+SET: 3,\"me\",\"TWO\"\r\n" OK);
    }
    cr_assert_eq(setting_int(rig.module, LAST), 7);
}

Test(setting, left_out_optional_parameter_becomes_its_default) {
    expect("AT+SET=1,\"you\",\"ONE\",5\r", OK);
    expect("AT+SET=2\r", OK);
    expect("AT+SET?\r", "\r\n+SET: 2,\"you\",\"TWO\"\r\n" OK);
    cr_assert_eq(setting_int(rig.module, LAST), 7);
}

Test(setting, left_out_parameter_with_keep_stays) {
    expect("AT+KEEP=1,,THREE\r", OK);
    expect("AT+KEEP=,4\r", OK);
    expect("AT+KEEP?\r", "\r\n+KEEP: 1,THREE\r\n" OK);
    expect("AT+KEEP=5\r", OK);
    expect("AT+KEEP?\r", "\r\n+KEEP: 5,THREE\r\n" OK);
    expect("AT+KEEP=\r", OK);
    expect("AT+KEEP?\r", "\r\n+KEEP: 5,THREE\r\n" OK);
}

Test(setting, quotes_may_be_missing_where_the_row_says_so) {
    expect("AT+LOOSE=ab,three\r", OK);
    expect("AT+LOOSE?\r", "\r\n+LOOSE: \"ab\",\"THREE\"\r\n" OK);
    expect("AT+LOOSE=\"cd\",\"one\"\r", OK);
    expect("AT+LOOSE?\r", "\r\n+LOOSE: \"cd\",\"ONE\"\r\n" OK);
    expect("AT+KEEP=1,,\"two\"\r", OK);
    expect("AT+KEEP?\r", "\r\n+KEEP: 1,TWO\r\n" OK);
}

Test(setting, exec_sets_the_defaults_or_the_rows_values) {
    expect("AT+SET=9,\"you\",\"ONE\",5\r", OK);
    expect("AT+SET\r", OK);
    expect("AT+SET?\r", "\r\n+SET: 3,\"me\",\"TWO\"\r\n" OK);
    cr_assert_eq(setting_int(rig.module, LAST), 7);
    expect("AT+TEXT\r", OK);
    expect("AT+SET?\r", "\r\n+SET: 5,\"me\",\"TWO\"\r\n" OK);
}

Test(setting, test_form_shows_the_ranges_and_words) {
    expect("AT+KEEP=?\r", "\r\n+KEEP: (0-5,8-9),(0-5,8-9),(ONE,TWO,THREE)\r\n" OK);
    expect("AT+LOOSE=?\r", "\r\n+LOOSE: (0-4),(\"ONE\",\"TWO\",\"THREE\")\r\n" OK);
    expect("AT+WIDE=?\r", OK);
    expect("AT+TEXT=?\r", "\r\n+TEXT: one\r\n+TEXT: two\r\n" OK);
}

Test(setting, read_format_names_parameters) {
    expect("AT+TEXT?\r", "\r\n+TEXT: \"TWO\";003,\"me\".\r\n" OK);
    expect("AT+WIDE?\r", "\r\n00000007\r\n" OK);
    expect("AT+WIDE=123456789\r", OK);
    expect("AT+WIDE?\r", "\r\n123456789\r\n" OK);
    expect("AT+WIDE=-2147483648\r", OK);
    expect("AT+WIDE?\r", "\r\n-2147483648\r\n" OK);
    expect("AT+WIDE=2147483648\r", ERROR);
}

Test(setting, port_keeps_its_own) {
    expect("AT+PORT=4\r", OK);
    expect("AT+PORT?\r", "\r\n+PORT: 4\r\n" OK);
    cr_assert_eq(setting_int(session_settings(rig.s), LIVE), 4);
    cr_assert_eq(session_int(rig.s, LIVE), 4);
    cr_assert_eq(session_int(rig.s, A), 3);
}

/* -- records -- */

static const char factory_lines[] =
    "\r\n+REC: 1,\"ONE\",\"\",0\r\n+REC: 2,\"THREE\",\"two\",9\r\n" OK;

Test(setting, records_are_read_in_the_order_of_their_keys) {
    expect("AT+REC?\r", factory_lines);
    expect("AT+REC=199,\"TWO\",\"last\",\"pw\",8\r", OK);
    expect("AT+REC=4,\"two\"\r", OK);
    expect("AT+REC=3,,\"c\"\r", OK);
    expect("AT+REC?\r", "\r\n+REC: 1,\"ONE\",\"\",0\r\n"
                        "+REC: 2,\"THREE\",\"two\",9\r\n"
                        "+REC: 3,\"ONE\",\"c\",2\r\n"
                        "+REC: 4,\"TWO\",\"-\",2\r\n"
                        "+REC: 199,\"TWO\",\"last\",8\r\n" OK);
}

Test(setting, record_is_replaced_whole) {
    expect("AT+REC=2,\"TWO\"\r", OK);
    expect("AT+REC?\r", "\r\n+REC: 1,\"ONE\",\"\",0\r\n+REC: 2,\"TWO\",\"-\",2\r\n" OK);
}

Test(setting, key_alone_deletes_its_record) {
    expect("AT+REC=1\r", OK);
    expect("AT+REC?\r", "\r\n+REC: 2,\"THREE\",\"two\",9\r\n" OK);
    expect("AT+REC=1\r", OK);
    expect("AT+REC=2\r", OK);
    expect("AT+REC?\r", OK);
    expect("AT+REC=5,\r", OK);
    expect("AT+REC?\r", "\r\n+REC: 5,\"ONE\",\"-\",2\r\n" OK);
}

Test(setting, bad_record_changes_nothing) {
    static const char *const bad[] = {
        "AT+REC=0,\"ONE\"\r", "AT+REC=6\r",          "AT+REC=200,\"ONE\"\r",
        "AT+REC=99\r",        "AT+REC=2,\"FOUR\"\r", "AT+REC=2,ONE\r",
        "AT+REC=\r",          "AT+REC=,\"ONE\"\r",   "AT+REC=2,,\"12345\"\r",
        "AT+REC=2,,,,6\r",    "AT+REC=2,,,,5,5\r",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect(bad[i], ERROR);
        expect("AT+REC?\r", factory_lines);
    }
}

Test(setting, exec_of_a_record_brings_the_factory_ones_back) {
    expect("AT+REC=1\r", OK);
    expect("AT+REC=2,\"ONE\"\r", OK);
    expect("AT+REC=150,\"ONE\"\r", OK);
    expect("AT+REC\r", OK);
    expect("AT+REC?\r", factory_lines);
}

Test(setting, records_are_found_by_their_key) {
    const struct at_cmd *row = NULL;
    for (size_t i = 0; i < rig.table.n; i++) {
        row = strcmp(rig.table.rows[i].name, "+REC") == 0 ? &rig.table.rows[i] : row;
    }
    expect("AT+REC=101,\"TWO\",\"name\",\"pw\"\r", OK);
    const struct setting_record *r = setting_record_find(rig.module, row, 101);
    cr_assert_not_null(r);
    cr_assert_eq(r->ints[0], 101);
    cr_assert_eq(r->ints[1], 1);
    cr_assert_str_eq(r->texts[2], "name");
    cr_assert_str_eq(r->texts[3], "pw");
    cr_assert_null(setting_record_find(rig.module, row, 3));
    cr_assert_null(setting_record_find(rig.module, row, 102));
    const struct setting_record *list = NULL;
    cr_assert_eq(setting_records(rig.module, row, &list), 3);
    cr_assert_eq(list[2].ints[0], 101);
}

Test(setting, all_keys_of_the_widest_row_can_be_defined) {
    char line[32];
    for (int key = 199; key > 100; key--) {
        snprintf(line, sizeof line, "AT+REC=%d,\"TWO\"\r", key);
        expect(line, OK);
    }
    const char *first = "\r\n+REC: 1,\"ONE\"";
    at_rig_type(&rig, "AT+REC?\r");
    const char *got = at_rig_read(&rig);
    cr_assert(strncmp(got, first, strlen(first)) == 0);
    cr_assert_not_null(strstr(got, "+REC: 199,\"TWO\",\"-\",2\r\n\r\nOK\r\n"));
}

/* -- the store -- */

static unsigned changes[16];
static size_t nchanges;

static void on_change(void *ctx, unsigned slot) {
    cr_assert_eq(ctx, &nchanges);
    cr_assert_lt(nchanges, sizeof changes / sizeof *changes);
    changes[nchanges++] = slot;
}

/* AT_NO_SLOT ends the list. */
static void expect_changes(const unsigned *want) {
    size_t n = 0;
    for (; want[n] != AT_NO_SLOT; n++) {
        cr_assert_lt(n, nchanges);
        cr_assert_eq(changes[n], want[n]);
    }
    cr_assert_eq(nchanges, n);
    nchanges = 0;
}

Test(setting, owner_is_told_of_changes_only) {
    setting_on_change(rig.module, on_change, &nchanges);
    expect("AT+SET=3,\"me\",\"TWO\",5\r", OK);
    expect_changes((unsigned[]){LAST, AT_NO_SLOT});
    expect("AT+SET=4,\"you\",\"ONE\",5\r", OK);
    expect_changes((unsigned[]){A, NAME, MODE, AT_NO_SLOT});
    setting_factory(rig.module);
    expect_changes((unsigned[]){A, NAME, MODE, AT_NO_SLOT});
    setting_restore(rig.module);
    expect_changes((unsigned[]){AT_NO_SLOT});
}

Test(setting, factory_leaves_alone_what_is_not_its_own) {
    expect("AT+SET=9,\"you\",\"ONE\",5\r", OK);
    expect("AT+PORT=5\r", OK);
    expect("AT+REC=1\r", OK);
    setting_factory(rig.module);
    expect("AT+SET?\r", "\r\n+SET: 3,\"me\",\"TWO\"\r\n" OK);
    cr_assert_eq(setting_int(rig.module, LAST), 5);
    expect("AT+PORT?\r", "\r\n+PORT: 5\r\n" OK);
    setting_factory(session_settings(rig.s)); /* echo comes back as well */
    expect("AT+PORT?\r", "AT+PORT?\r\r\n+PORT: 0\r\n" OK);
}

Test(setting, restore_brings_back_what_was_saved) {
    expect("AT+SET=9,\"you\",\"ONE\",5\r", OK);
    setting_save(rig.module);
    expect("AT+SET=1,\"him\",\"TWO\",4\r", OK);
    setting_restore(rig.module);
    expect("AT+SET?\r", "\r\n+SET: 9,\"you\",\"ONE\"\r\n" OK);
    cr_assert_eq(setting_int(rig.module, LAST), 4, "not part of the profile");
    setting_factory(rig.module);
    setting_restore(rig.module);
    expect("AT+SET?\r", "\r\n+SET: 9,\"you\",\"ONE\"\r\n" OK);
}

Test(setting, restore_without_a_save_gives_the_defaults) {
    expect("AT+SET=9,\"you\",\"ONE\"\r", OK);
    setting_restore(rig.module);
    expect("AT+SET?\r", "\r\n+SET: 3,\"me\",\"TWO\"\r\n" OK);
}

/* -- the same through the whole module -- */

struct whole {
    struct clk *clk;
    struct fake_host *host;
    struct unit *unit;
};

/* In place of the rig's session, on its channel. */
static struct whole whole_start(void) {
    struct whole w = {.clk = rig.clk, .host = fake_host_new()};
    session_close(rig.s);
    rig.s = NULL;
    const struct unit_config cfg = {
        .profile = profile_find("sim7600e"),
        .name = "test",
        .clk = w.clk,
        .host = fake_host_net(w.host),
        .chan = &rig.ch,
    };
    w.unit = unit_new(&cfg);
    expect("ATE0\r", "ATE0\r" OK);
    return w;
}

static void whole_stop(struct whole *w) {
    unit_close(w->unit);
    fake_host_free(w->host);
}

Test(setting, at_f_resets_port_and_module) {
    struct whole w = whole_start();
    expect("AT+CMEE=2;+CREG=2;+CSCS=\"UCS2\";S0=5\r", OK);
    expect("AT&F\r", OK);
    expect("AT+CMEE?\r", "AT+CMEE?\r\r\n+CMEE: 1\r\n" OK);
    expect("ATE0S0?\r", "ATE0S0?\r\r\n000\r\n" OK);
    expect("AT+CSCS?\r", "\r\n+CSCS: \"IRA\"\r\n" OK);
    expect("AT&F0E0\r", OK);
    expect("AT&F1\r", ERROR);
    whole_stop(&w);
}

Test(setting, at_w_and_z_save_and_restore_the_profile) {
    struct whole w = whole_start();
    expect("ATS0=5&C2&W\r", OK);
    expect("ATS0=6&C0\r", OK);
    expect("ATZ\r", OK);
    expect("ATS0?\r", "\r\n005\r\n" OK);
    expect("AT&F\r", OK);
    expect("ATZ\r", "ATZ\r" OK);
    expect("ATS0?\r", "\r\n005\r\n" OK);
    expect("ATS7=9\r", OK);
    expect("ATZ0\r", OK);
    expect("ATS7?\r", "\r\n000\r\n" OK);
    expect("ATZ1\r", ERROR);
    whole_stop(&w);
}

static char lines[2048];

static void add_line(void *ctx, const char *line) {
    (void)ctx;
    size_t n = strlen(lines);
    snprintf(lines + n, sizeof lines - n, "%s\n", line);
}

static const char *changed_lines(struct unit *u) {
    lines[0] = '\0';
    unit_settings(u, add_line, NULL);
    return lines;
}

Test(setting, what_differs_from_the_factory_is_told_as_command_lines) {
    struct whole w = whole_start();
    expect("ATE1\r", OK);
    cr_assert_str_eq(changed_lines(w.unit), "");
    at_rig_type(&rig, "ATE0S0=1&C2\\V1\r");
    at_rig_type(&rig, "AT+CMEE=2;+CSCS=\"UCS2\";+CIPCCFG=3,10;+CIPRXGET=1;+COPS=3,2\r");
    at_rig_type(&rig, "AT+CGDCONT=5,\"IPV6\",\"net\"\r");
    at_rig_type(&rig, "AT+CGSOCKCONT=1\r");
    at_rig_type(&rig, "AT+CSOCKAUTH=2,1,\"secret\",\"me\"\r");
    at_rig_read(&rig);
    cr_assert_str_eq(changed_lines(w.unit), "AT&C2\n"
                                            "AT+CGDCONT=5,\"IPV6\",\"net\",\"0.0.0.0\",0,0,0,0\n"
                                            "AT+CGSOCKCONT=1\n"
                                            "AT+CIPCCFG=3,10,0,1,0,0,500\n"
                                            "AT+CIPRXGET=1\n"
                                            "AT+CMEE=2\n"
                                            "AT+CSCS=\"UCS2\"\n"
                                            "AT+CSOCKAUTH=2,1,\"secret\",\"me\"\n"
                                            "ATE0\n"
                                            "ATS0=1\n"
                                            "AT\\V1\n"
                                            "AT+COPS=3,2\n");
    whole_stop(&w);
}

/* Every line sets what it tells, from the factory on. */
Test(setting, the_lines_bring_the_settings_back) {
    static char before[sizeof lines];
    static char told[sizeof lines];
    struct whole w = whole_start();
    at_rig_type(&rig, "ATS7=9X0;+CREG=2;+CGDCONT=1,\"IP\",\"a\";+CIPTIMEOUT=30000,20000\r");
    at_rig_type(&rig, "AT+CGDCONT=100,\"IP\",\"b\";+IFC=2,2;+COPS=3,1\r");
    snprintf(before, sizeof before, "%s", changed_lines(w.unit));
    snprintf(told, sizeof told, "%s", before);
    at_rig_type(&rig, "AT&F;+CGDCONT;+CIPTIMEOUT=120000,120000,120000;+IFC=0,0;+COPS=3,0\r");
    at_rig_type(&rig, "ATE0\r");
    cr_assert_str_eq(changed_lines(w.unit), "ATE0\n");
    for (char *line = strtok(told, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        at_rig_type(&rig, line);
        at_rig_type(&rig, "\r");
    }
    at_rig_read(&rig);
    cr_assert_str_eq(changed_lines(w.unit), before);
    whole_stop(&w);
}

Test(setting, z_brings_echo_back) {
    struct whole w = whole_start();
    expect("ATZ\r\n", OK);
    expect("AT\r\n", "AT\r" OK);
    whole_stop(&w);
}

/* These change what an answer looks like; they have tests of their own. */
static bool is_framing(const char *name) {
    static const char *const names[] = {"S3", "S4", "S5", "V", "Q"};
    bool is_one = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        is_one |= strcmp(name, names[i]) == 0;
    }
    return is_one;
}

Test(setting, every_row_answers_every_form_and_the_port_works_on) {
    struct whole w = whole_start();
    static const char *const suffixes[] = {"", "?", "=?", "=", "=1", "=0,0", "=\"\"", "=,,,,,,,,"};
    for (size_t i = 0; i < at_dialect.n; i++) {
        for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++) {
            if (is_framing(at_dialect.rows[i].name)) {
                continue;
            }
            char text[64];
            snprintf(text, sizeof text, "AT%s%s\r", at_dialect.rows[i].name, suffixes[k]);
            at_rig_type(&rig, text);
            clk_advance(rig.clk, CLK_S(200));
            fake_host_run(w.host);
            modem_power_on(unit_modem(w.unit)); /* some switch it off */
            clk_advance(rig.clk, CLK_S(1));
            const char *got = at_rig_read(&rig);
            bool is_answered = strstr(got, OK) != NULL || strstr(got, "ERROR") != NULL ||
                               strstr(got, "NO CARRIER") != NULL || strstr(got, "CONNECT") != NULL;
            cr_assert(is_answered, "%s: %s", text, got);
            at_rig_type(&rig, "\xf9\x03\xef\x05\xc3\x01\xf2\xf9"); /* no multiplexer any more */
            at_rig_type(&rig, "ATE0\r");
            at_rig_read(&rig);
            expect("AT\r", OK);
        }
    }
    whole_stop(&w);
}
