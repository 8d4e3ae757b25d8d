#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"

/* The ring as text; the caller frees it. */
static char *recent(void) {
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    log_dump_recent(to);
    fclose(to);
    return text;
}

static unsigned lines(const char *s) {
    unsigned n = 0;
    for (; *s != '\0'; s++) {
        n += *s == '\n';
    }
    return n;
}

Test(log, level_is_found_by_name_without_case) {
    enum log_level level = LOG_WARN;
    cr_assert_eq(log_level_parse("Trace", &level), 0);
    cr_assert_eq(level, LOG_TRACE);
    cr_assert_eq(log_level_parse("loud", &level), -EINVAL);
    cr_assert_eq(level, LOG_TRACE);
}

Test(log, line_is_kept_with_instant_level_category_and_object) {
    struct clk *clk = clk_new_manual();
    clk_advance(clk, CLK_MS(1500));
    log_set_clock(clk);
    LOG(LOG_PTY, LOG_INFO, "usb2", "speed %d", 9600);
    log_set_clock(NULL);
    clk_close(clk);
    char *text = recent();
    cr_assert_str_eq(text, "  1.500000 info pty usb2: speed 9600\n");
    free(text);
}

Test(log, lines_below_the_level_are_kept_but_trace_is_not) {
    LOG(LOG_AT, LOG_DEBUG, NULL, "kept");
    LOG(LOG_AT, LOG_TRACE, NULL, "lost");
    char *text = recent();
    cr_assert_not_null(strstr(text, "debug at -: kept"));
    cr_assert_null(strstr(text, "lost"));
    free(text);
}

Test(log, ring_keeps_the_newest_lines_oldest_first) {
    for (int i = 0; i < LIMIT_LOG_RECENT + 10; i++) {
        LOG(LOG_AT, LOG_DEBUG, NULL, "line %d.", i);
    }
    char *text = recent();
    cr_assert_eq(lines(text), LIMIT_LOG_RECENT);
    cr_assert_null(strstr(text, "line 9."));
    const char *oldest = strstr(text, "line 10.");
    const char *newest = strstr(text, "line 73.");
    cr_assert_not_null(oldest);
    cr_assert_not_null(newest);
    cr_assert_lt(oldest, newest);
    free(text);
}

Test(log, line_over_the_limit_is_cut) {
    char *word = malloc(5000);
    memset(word, 'x', 4999);
    word[4999] = '\0';
    LOG(LOG_AT, LOG_DEBUG, NULL, "%s", word);
    free(word);
    char *text = recent();
    cr_assert_lt(strlen(text), LIMIT_LOG_LINE + 3u);
    cr_assert_eq(lines(text), 1);
    free(text);
}

/* stderr goes to a file of its own for one call. */
static char *printed(void (*print)(void)) {
    static char got[2048];
    FILE *file = tmpfile();
    FILE *old = stderr;
    stderr = file;
    print();
    stderr = old;
    rewind(file);
    size_t n = fread(got, 1, sizeof got - 1, file);
    got[n] = '\0';
    fclose(file);
    return got;
}

static void print_warning(void) {
    LOG(LOG_NET, LOG_WARN, "link 0", "peer said \"no\"\\");
}

static void print_bytes(void) {
    log_bytes(LOG_PTY, "usb2", "<", "AT\r\n\x1a\\", 6);
}

Test(log, text_line_goes_to_stderr_when_the_level_allows) {
    cr_assert_str_eq(printed(print_warning), "0.000000 warn net link 0: peer said \"no\"\\\n");
    log_set_level(LOG_ERROR);
    cr_assert_str_eq(printed(print_warning), "");
}

static const char *hostile;

static void print_hostile(void) {
    LOG(LOG_NET, LOG_WARN, "link\r", "%s", hostile);
}

Test(log, what_acts_on_a_terminal_is_spelt_out) {
    static const struct {
        const char *text, *line;
    } cases[] = {
        {"\x1b]0;x\a\x1b[2J", "\\x1b]0;x\\x07\\x1b[2J"},
        {"a\n0.000000 error main -: forged", "a\\x0a0.000000 error main -: forged"},
        {"\x9b"
         "31m",
         "\\x9b31m"},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m"},
        {"\xc0\x9b", "\\xc0\\x9b"},
        {"\x7f\b", "\\x7f\\x08"},
        {"\xc3\xa4 \xe2\x82\xac", "\xc3\xa4 \xe2\x82\xac"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[128];
        hostile = cases[i].text;
        snprintf(line, sizeof line, "0.000000 warn net link\\x0d: %s\n", cases[i].line);
        cr_assert_str_eq(printed(print_hostile), line);
    }
}

Test(log, a_line_of_escapes_is_cut_like_any_other) {
    char text[LIMIT_LOG_LINE];
    memset(text, 1, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    hostile = text;
    const char *line = printed(print_hostile);
    cr_assert_lt(strlen(line), LIMIT_LOG_LINE + 1);
    cr_assert_str_eq(line + strlen(line) - 5, "\\x01\n");
}

Test(log, json_is_utf8_whatever_it_carries) {
    log_set_json(true);
    hostile = "\xc1\x81\xed\xa0\x80";
    cr_assert_not_null(strstr(printed(print_hostile), "\"text\":\"A\\ufffd\"}"));
    hostile = "\x9b\xc2\x9b\x7f\xc3\xa4";
    cr_assert_not_null(
        strstr(printed(print_hostile),
               "\"object\":\"link\\u000d\",\"text\":\"\\ufffd\\u009b\\u007f\xc3\xa4\"}"));
}

Test(log, json_line_escapes_what_it_carries) {
    log_set_json(true);
    cr_assert_str_eq(printed(print_warning),
                     "{\"us\":0,\"level\":\"warn\",\"category\":\"net\",\"object\":\"link 0\","
                     "\"text\":\"peer said \\\"no\\\"\\\\\"}\n");
}

Test(log, bytes_are_shown_with_escapes_at_trace_only) {
    cr_assert_str_eq(printed(print_bytes), "");
    log_set_level(LOG_TRACE);
    cr_assert_str_eq(printed(print_bytes), "0.000000 trace pty usb2: < 6 AT\\r\\n\\x1a\\x5c\n");
}
