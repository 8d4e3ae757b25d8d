#include <criterion/criterion.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "scenarios/verdict/report.h"

TestSuite(report, .timeout = 30);

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define AT_MS(ms)                                                                                  \
    { (int64_t)(ms) * 1000 }
#define TEXT(literal)                                                                              \
    { (literal), sizeof(literal) - 1 }

typedef void writer(FILE *to, const struct report *r);

/* The caller's, for free(). */
static char *written(writer *write_report, const struct report *r, size_t *n) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, n != NULL ? n : &size);
    write_report(to, r);
    fclose(to);
    return text;
}

#define WRITES(write_report, r, text)                                                              \
    do {                                                                                           \
        char *is = written(write_report, r, NULL);                                                 \
        cr_assert_str_eq(is, text, "is:\n%s\nexpected:\n%s", is, text);                            \
        free(is);                                                                                  \
    } while (0)

static const struct report_line lines[] = {
    {.at = AT_MS(100), .from = "driver", .text = TEXT("AT")},
    {.at = AT_MS(120), .from = "module", .text = TEXT("OK")},
    {.at = AT_MS(2000), .from = "module", .text = TEXT("RING"), .note = "no line end"},
    {.at = AT_MS(12345678), .from = "link.closed", .text = TEXT("")},
};

static const struct report_case met[] = {
    {.expected = "driver: AT",
     .outcome = REPORT_PASSED,
     .at = AT_MS(100),
     .took = AT_MS(100),
     .got = TEXT("AT"),
     .line = 0},
    {.name = "answer",
     .expected = "module: OK",
     .outcome = REPORT_PASSED,
     .at = AT_MS(120),
     .took = AT_MS(20),
     .got = TEXT("OK"),
     .line = 1},
};

static const struct report_case missed[] = {
    {.expected = "driver: AT",
     .outcome = REPORT_PASSED,
     .at = AT_MS(100),
     .took = AT_MS(100),
     .got = TEXT("AT"),
     .line = 0},
    {.expected = "never module: ERROR",
     .outcome = REPORT_PASSED,
     .at = AT_MS(120),
     .took = AT_MS(20),
     .line = REPORT_NO_LINE},
    {.expected = "module: OK",
     .outcome = REPORT_PASSED,
     .at = AT_MS(120),
     .took = AT_MS(20),
     .got = TEXT("OK"),
     .line = 1},
    {.name = "text",
     .expected = "module: /^\\+CMTI: \"[A-Z]+\",[0-9]+$/ within 10s",
     .outcome = REPORT_FAILED,
     .at = AT_MS(12345),
     .took = AT_MS(12225),
     .reason = "not seen by 12.345 s",
     .line = REPORT_NO_LINE},
    {.expected = "driver: AT+CMGR", .outcome = REPORT_NOT_REACHED, .line = REPORT_NO_LINE},
};

static const struct report passed_run = {.name = "lost-coverage",
                                         .has_passed = true,
                                         .took = AT_MS(12345),
                                         .cases = met,
                                         .ncases = COUNT(met),
                                         .lines = lines,
                                         .nlines = COUNT(lines)};
static const struct report failed_run = {.name = "lost-coverage",
                                         .took = AT_MS(12345),
                                         .cases = missed,
                                         .ncases = COUNT(missed),
                                         .lines = lines,
                                         .nlines = COUNT(lines)};
static const struct report empty_run = {.name = "empty", .has_passed = true, .took = AT_MS(60000)};
static const struct report told_run = {.name = "told",
                                       .why = "the \"server\" <saw> #1\n",
                                       .took = AT_MS(1),
                                       .cases = met,
                                       .ncases = 1,
                                       .lines = lines,
                                       .nlines = 1,
                                       .nlost = 7};

/* -- text -- */

Test(report, a_passed_run_is_one_line) {
    WRITES(report_text, &passed_run, "PASS lost-coverage: 2 of 2 expectations, 12.345 s\n");
    WRITES(report_text, &empty_run, "PASS empty: no expectations, 60.000 s\n");
}

Test(report, a_failed_run_is_shown_beside_what_came) {
    WRITES(report_text, &failed_run,
           "FAIL lost-coverage: 3 of 5 expectations, 12.345 s\n"
           "             expected                             |            came\n"
           "      0.100  driver: AT                           |     0.100  driver: AT\n"
           "      0.120  never module: ERROR                  |\n"
           "      0.120  module: OK                           |     0.120  module: OK\n"
           "!            [text] module: /^\\+CMTI: \"[A-Z]+\",[0 |     2.000  module: RING [no "
           "line end]\n"
           "!            -9]+$/ within 10s                    |\n"
           "!            not seen by 12.345 s                 |\n"
           "             driver: AT+CMGR                      | 12345.678  link.closed\n");
}

Test(report, another_failure_is_told_with_the_lines_that_are_left) {
    WRITES(report_text, &told_run,
           "FAIL told: 1 of 1 expectation, 0.001 s\n"
           "! the \"server\" <saw> #1\\n\n"
           "             expected                             |            came\n"
           "                                                  |            (7 earlier lines)\n"
           "      0.100  driver: AT                           |     0.100  driver: AT\n");
}

static const struct report_line hostile_lines[] = {
    {.at = AT_MS(1), .from = "a\x1b[31m", .text = TEXT("\0\r\n\t\x7f\x80\xff]]>&<>\"'\\#")},
};
static const struct report_case hostile_cases[] = {
    {.expected = "driver: came at once",
     .outcome = REPORT_FAILED,
     .at = AT_MS(1),
     .got = TEXT("\0\x01<&"),
     .reason = "came too early, \"\\\x02 #",
     .line = 0},
    {.name = "<a href=\"x\">\n# SKIP", .expected = "b", .outcome = REPORT_PASSED, .line = 0},
};
static const struct report hostile_run = {.name = "\"<\x03&>\xc3\xbc",
                                          .took = AT_MS(1),
                                          .cases = hostile_cases,
                                          .ncases = COUNT(hostile_cases),
                                          .lines = hostile_lines,
                                          .nlines = COUNT(hostile_lines)};

Test(report, bytes_that_cannot_be_printed_are_escaped) {
    WRITES(report_text, &hostile_run,
           "FAIL \"<\\x03&>\\xc3\\xbc: 1 of 2 expectations, 0.001 s\n"
           "             expected                             |            came\n"
           "!     0.001  driver: came at once                 |     0.001  a\\x1b[31m: "
           "\\x00\\r\\n\\t\\x7f\\x80\\xff]]>&\n"
           "!                                                 |            <>\"'\\#\n"
           "!            came too early, \"\\\\x02 #             |\n"
           "      0.000  [<a href=\"x\">\\n# SKIP] b             |\n");
}

Test(report, no_row_is_wider_than_100_columns_and_all_of_a_text_is_there) {
    static char wide[1000];
    memset(wide, 'w', sizeof wide);
    struct report_line line = {.at = AT_MS(99999999), .from = "m", .text = {wide, sizeof wide}};
    char expected[201];
    memset(expected, 'e', sizeof expected - 1);
    expected[sizeof expected - 1] = '\0';
    struct report_case c = {
        .expected = expected, .outcome = REPORT_FAILED, .reason = "r", .line = 0};
    struct report r = {.name = "x", .cases = &c, .ncases = 1, .lines = &line, .nlines = 1};
    char *text = written(report_text, &r, NULL);
    size_t ws = 0;
    size_t es = 0;
    for (char *row = strtok(strchr(text, '|'), "\n"); row != NULL; row = strtok(NULL, "\n")) {
        cr_assert_leq(strlen(row), 100, "%s", row);
        for (const char *p = row; *p != '\0'; p++) {
            ws += *p == 'w';
            es += *p == 'e';
        }
    }
    cr_assert_eq(ws, sizeof wide);
    cr_assert_eq(es, 200 + 1, "and the one of the word came");
    free(text);
}

Test(report, a_terminal_gets_colour) {
    int master = -1;
    int slave = -1;
    cr_assert_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
    struct termios raw;
    char got[256] = "";
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    FILE *to = fdopen(slave, "w");
    report_text(to, &empty_run);
    fflush(to);
    cr_assert_gt(read(master, got, sizeof got - 1), 0);
    cr_assert_str_eq(got, "\033[32mPASS\033[0m empty: no expectations, 60.000 s\n");
    fclose(to);
    close(master);
}

/* -- JUnit -- */

Test(report, junit_has_a_case_for_each_expectation) {
    WRITES(
        report_junit, &failed_run,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites>\n"
        "  <testsuite name=\"lost-coverage\" tests=\"5\" failures=\"1\" errors=\"0\" skipped=\"1\" "
        "time=\"12.345\">\n"
        "    <testcase classname=\"lost-coverage\" name=\"driver: AT\" time=\"0.100\"/>\n"
        "    <testcase classname=\"lost-coverage\" name=\"never module: ERROR\" time=\"0.020\"/>\n"
        "    <testcase classname=\"lost-coverage\" name=\"module: OK\" time=\"0.020\"/>\n"
        "    <testcase classname=\"lost-coverage\" name=\"text\" time=\"12.225\"><failure "
        "message=\"not seen by 12.345 s\" type=\"expectation\">expected module: /^\\+CMTI: "
        "&quot;[A-Z]+&quot;,[0-9]+$/ within 10s</failure></testcase>\n"
        "    <testcase classname=\"lost-coverage\" name=\"driver: AT+CMGR\" "
        "time=\"0.000\"><skipped message=\"not reached\"/></testcase>\n"
        "    <system-out>0.100 driver: AT\n"
        "0.120 module: OK\n"
        "2.000 module: RING [no line end]\n"
        "12345.678 link.closed\n"
        "</system-out>\n"
        "  </testsuite>\n"
        "</testsuites>\n");
}

Test(report, junit_has_a_case_for_what_is_no_expectation) {
    WRITES(report_junit, &empty_run,
           "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<testsuites>\n"
           "  <testsuite name=\"empty\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\" "
           "time=\"60.000\">\n"
           "    <testcase classname=\"empty\" name=\"run\" time=\"60.000\"/>\n"
           "    <system-out></system-out>\n"
           "  </testsuite>\n"
           "</testsuites>\n");
    WRITES(report_junit, &told_run,
           "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<testsuites>\n"
           "  <testsuite name=\"told\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" "
           "time=\"0.001\">\n"
           "    <testcase classname=\"told\" name=\"driver: AT\" time=\"0.100\"/>\n"
           "    <testcase classname=\"told\" name=\"run\" time=\"0.001\"><failure message=\"the "
           "&quot;server&quot; &lt;saw&gt; #1\\n\" type=\"expectation\"></failure></testcase>\n"
           "    <system-out>0.100 driver: AT\n"
           "</system-out>\n"
           "  </testsuite>\n"
           "</testsuites>\n");
}

/* Python's parser says what it read, so that it is seen to be well formed. */
static void parses(const struct report *r, const char *as) {
    char command[] = "/tmp/report-XXXXXX";
    char line[512];
    char got[512] = "";
    int fd = mkstemp(command);
    FILE *to = fdopen(fd, "w");
    report_junit(to, r);
    cr_assert_eq(fclose(to), 0);
    snprintf(line, sizeof line,
             "python3 -c 'import sys, xml.etree.ElementTree as t\n"
             "s = t.parse(sys.argv[1]).getroot()[0]\n"
             "print(s.get(\"name\"), [c.get(\"name\") for c in s.iter(\"testcase\")],"
             " s.find(\"system-out\").text, end=\"\")' %s",
             command);
    FILE *from = popen(line, "r");
    got[fread(got, 1, sizeof got - 1, from)] = '\0';
    cr_assert_eq(pclose(from), 0);
    unlink(command);
    cr_assert_str_eq(got, as, "%s", got);
}

Test(report, junit_is_well_formed_whatever_the_bytes) {
    parses(&hostile_run,
           "\"<\\x03&>\\xc3\\xbc ['driver: came at once', '<a href=\"x\">\\\\n# SKIP']"
           " 0.001 a\\x1b[31m: \\x00\\r\\n\\t\\x7f\\x80\\xff]]>&<>\"'\\#\n");
}

Test(report, every_byte_is_well_formed_in_junit) {
    static char all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (char)i;
    }
    char name[sizeof all];
    memcpy(name, all + 1, sizeof all - 1);
    name[sizeof all - 1] = '\0';
    struct report_line line = {.from = name, .text = {all, sizeof all}};
    struct report_case c = {.name = name,
                            .expected = name,
                            .reason = name,
                            .outcome = REPORT_FAILED,
                            .got = {all, sizeof all}};
    struct report r = {.name = name, .cases = &c, .ncases = 1, .lines = &line, .nlines = 1};
    char *text = written(report_junit, &r, NULL);
    for (const char *p = text; *p != '\0'; p++) {
        cr_assert(*p == '\n' || (*p >= ' ' && *p <= '~'));
    }
    free(text);
    r.name = "all";
    r.nlines = 0;
    c.name = "one";
    parses(&r, "all ['one'] None");
}

/* -- TAP -- */

Test(report, tap_has_a_point_for_each_expectation) {
    WRITES(report_tap, &failed_run,
           "TAP version 13\n"
           "1..5\n"
           "ok 1 - driver: AT\n"
           "ok 2 - never module: ERROR\n"
           "ok 3 - module: OK\n"
           "not ok 4 - text\n"
           "  ---\n"
           "  message: \"not seen by 12.345 s\"\n"
           "  severity: fail\n"
           "  at: 12.345\n"
           "  expected: \"module: /^\\\\+CMTI: \\\"[A-Z]+\\\",[0-9]+$/ within 10s\"\n"
           "  ...\n"
           "ok 5 - driver: AT+CMGR # SKIP not reached\n");
    WRITES(report_tap, &passed_run,
           "TAP version 13\n"
           "1..2\n"
           "ok 1 - driver: AT\n"
           "ok 2 - answer\n");
}

Test(report, tap_has_a_point_for_what_is_no_expectation) {
    WRITES(report_tap, &empty_run,
           "TAP version 13\n"
           "1..1\n"
           "ok 1 - run\n");
    WRITES(report_tap, &told_run,
           "TAP version 13\n"
           "1..2\n"
           "ok 1 - driver: AT\n"
           "not ok 2 - run\n"
           "  ---\n"
           "  message: \"the \\\"server\\\" <saw> #1\\\\n\"\n"
           "  severity: fail\n"
           "  ...\n");
}

Test(report, tap_escapes_what_has_a_meaning) {
    WRITES(report_tap, &hostile_run,
           "TAP version 13\n"
           "1..2\n"
           "not ok 1 - driver: came at once\n"
           "  ---\n"
           "  message: \"came too early, \\\"\\\\\\\\x02 #\"\n"
           "  severity: fail\n"
           "  at: 0.001\n"
           "  expected: \"driver: came at once\"\n"
           "  got: \"\\\\x00\\\\x01<&\"\n"
           "  ...\n"
           "ok 2 - <a href=\"x\">\\\\n\\# SKIP\n");
}
