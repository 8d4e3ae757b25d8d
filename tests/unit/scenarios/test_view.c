/* Events of a session, and the lines that sim7x00ctl watch makes of them. */
#include "scenarios/ctl/view.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct view v;
static FILE *to;
static char *text;
static size_t size;

static void start(bool has_colors) {
    to = open_memstream(&text, &size);
    view_init(&v, to, has_colors);
}

static void setup(void) {
    start(false);
}

static void teardown(void) {
    view_fini(&v);
    fclose(to);
    free(text);
}

TestSuite(view, .init = setup, .fini = teardown);

static void happen(double time, const char *topic, const char *facts) {
    struct cJSON *params = cJSON_CreateObject();
    struct cJSON *tree = cJSON_Parse(facts);
    cr_assert_not_null(tree, "%s", facts);
    cJSON_AddStringToObject(params, "topic", topic);
    cJSON_AddNumberToObject(params, "time", time);
    cJSON_AddItemToObject(params, "facts", tree);
    view_event(&v, params);
    cJSON_Delete(params);
}

/* `bytes` as JSON text has them: \\r is \r of the driver. */
static void in(const char *bytes) {
    char facts[512];
    snprintf(facts, sizeof facts, "{\"text\": \"%s\"}", bytes);
    happen(1, "tty.in", facts);
}

static void out(const char *bytes) {
    char facts[512];
    snprintf(facts, sizeof facts, "{\"text\": \"%s\"}", bytes);
    happen(1, "tty.out", facts);
}

static void mode(const char *name) {
    char facts[64];
    snprintf(facts, sizeof facts, "{\"mode\": \"%s\"}", name);
    happen(1, "tty.mode", facts);
}

/* All since the last call. */
static void expect(const char *want) {
    fclose(to);
    cr_assert_str_eq(text, want);
    free(text);
    to = open_memstream(&text, &size);
    v.to = to;
}

Test(view, a_command_and_its_answer) {
    in("AT+CSQ\\\\r");
    out("\\\\r\\\\n+CSQ: 22,0\\\\r\\\\n\\\\r\\\\nOK\\\\r\\\\n");
    expect("    1.000 -> AT+CSQ\n    1.000 <- +CSQ: 22,0\n    1.000 <- OK\n");
}

Test(view, the_echo_is_left_out_in_pieces_and_as_a_whole) {
    in("AT");
    out("AT");
    in("I\\\\r");
    out("I\\\\r");
    out("\\\\r\\\\nSIM7600E\\\\r\\\\n");
    expect("    1.000 -> ATI\n    1.000 <- SIM7600E\n");
    in("AT\\\\r");
    out("AT\\\\r\\\\r\\\\nOK\\\\r\\\\n");
    expect("    1.000 -> AT\n    1.000 <- OK\n");
}

Test(view, the_echo_of_lines_typed_ahead_is_left_out) {
    in("AT+CSQ\\\\rAT+CREG?\\\\r");
    out("AT+CSQ\\\\r");
    out("\\\\r\\\\n+CSQ: 22,0\\\\r\\\\n");
    out("AT+CREG?\\\\r");
    out("\\\\r\\\\nOK\\\\r\\\\n");
    expect("    1.000 -> AT+CSQ\n    1.000 -> AT+CREG?\n    1.000 <- +CSQ: 22,0\n"
           "    1.000 <- OK\n");
}

Test(view, the_echo_is_found_again_after_lines_without_one) {
    for (int i = 0; i < 1000; i++) {
        in("ATE1\\\\r");
        out("\\\\r\\\\nOK\\\\r\\\\n");
    }
    in("ATI\\\\r");
    out("ATI\\\\r");
    out("\\\\r\\\\nSIM7600E\\\\r\\\\n");
    view_flush(&v);
    fflush(to);
    cr_assert_null(strstr(text, "<- ATI"));
    cr_assert_not_null(strstr(text, "-> ATI\n    1.000 <- SIM7600E\n"));
}

Test(view, what_was_announced_as_unsolicited_is_marked_once) {
    happen(1, "at.urc", "{\"text\": \"RING\"}");
    out("\\\\r\\\\nRING\\\\r\\\\n");
    out("\\\\r\\\\nRING\\\\r\\\\n");
    expect("    1.000 <* RING\n    1.000 <- RING\n");
}

Test(view, an_unsolicited_line_that_never_comes_costs_nothing) {
    for (int i = 0; i < 3 * LIMIT_VIEW_URCS; i++) {
        happen(1, "at.urc", "{\"text\": \"SWALLOWED\"}");
    }
    happen(1, "at.urc", "{\"text\": \"RING\"}");
    out("\\\\r\\\\nRING\\\\r\\\\n");
    expect("    1.000 <* RING\n");
    cr_assert_eq(v.nurcs, 0);
}

Test(view, data_of_a_prompt_are_counted_and_quoted) {
    in("AT+CIPSEND=0,5\\\\r");
    out("\\\\r\\\\n>");
    mode("prompt");
    in("HELLO");
    mode("at");
    out("\\\\r\\\\nOK\\\\r\\\\n");
    expect("    1.000 -> AT+CIPSEND=0,5\n    1.000 <- >\n    1.000 => 5 bytes \"HELLO\"\n"
           "    1.000 <- OK\n");
}

Test(view, data_behind_a_command_in_one_piece_are_data) {
    in("AT+CIPSEND=0,5\\\\rHELLO");
    mode("prompt");
    mode("at");
    expect("    1.000 -> AT+CIPSEND=0,5\n    1.000 => 5 bytes \"HELLO\"\n");
}

Test(view, data_mode_shows_bytes_and_counts_what_is_much) {
    mode("ppp");
    in("~\\\\xff}#");
    for (int i = 0; i < 9; i++) {
        out("0123456789abcdef\\\\x00");
    }
    mode("at");
    expect("    1.000 -- ppp mode\n"
           "    1.000 => 4 bytes  7e ff 7d 23"
           "                                      |~.}#|\n"
           "    1.000 <= 17 bytes  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  "
           "|0123456789abcdef| ...\n"
           "    1.000 <= 17 bytes  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  "
           "|0123456789abcdef| ...\n"
           "    1.000 <= 17 bytes  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  "
           "|0123456789abcdef| ...\n"
           "    1.000 <= 17 bytes  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  "
           "|0123456789abcdef| ...\n"
           "    1.000 <= and 5 more, 85 bytes\n"
           "    1.000 -- command mode\n");
}

Test(view, a_count_is_told_after_a_second_and_when_nothing_comes) {
    mode("transparent");
    for (int i = 0; i < 6; i++) {
        out("x");
    }
    view_flush(&v);
    fflush(to);
    cr_assert_not_null(strstr(text, "<= and 2 more, 2 bytes\n"));
    out("x");
    view_flush(&v);
    fflush(to);
    cr_assert_not_null(strstr(text, "<= and 1 more, 1 byte\n"));
    out("x");
    happen(2.5, "tty.out", "{\"text\": \"x\"}");
    fflush(to);
    cr_assert_not_null(strstr(text, "    2.500 <= and 2 more, 2 bytes\n"));
}

Test(view, half_a_line_is_shown_when_nothing_follows) {
    out("\\\\r\\\\n>");
    expect("");
    view_flush(&v);
    expect("    1.000 <- >\n");
}

Test(view, events_faults_and_gaps) {
    static const struct {
        const char *topic, *facts, *line;
    } rows[] = {
        {"tty.opened", "{}", "-- tty.opened"},
        {"link.opened", "{\"link\": 0, \"err\": 0}", "-- link.opened: link 0"},
        {"link.opened", "{\"link\": 0, \"err\": 4}", "!! link.opened: link 0, err 4"},
        {"link.closed", "{\"link\": 0, \"why\": \"closed\"}", "-- link.closed: link 0, why closed"},
        {"link.closed", "{\"link\": 0, \"why\": \"reset\"}", "!! link.closed: link 0, why reset"},
        {"net.lost", "{\"err\": 9}", "!! net.lost: err 9"},
        {"peer.connect", "{\"peer\": \"echo:\"}", "-- peer.connect: peer echo:"},
        {"action.done", "{\"action\": \"{\\\"urc\\\":\\\"RING\\\"}\", \"err\": 0}",
         "!! {\"urc\":\"RING\"}"},
        {"action.done", "{\"action\": \"{\\\"urc\\\":\\\"RING\\\"}\", \"err\": -2}",
         "!! {\"urc\":\"RING\"} (not done)"},
        {"reg.changed", "{\"stat\": 1, \"rssi\": 22}", "-- reg.changed: stat 1, rssi 22"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "   12.346 %s\n", rows[i].line);
        happen(12.3456, rows[i].topic, rows[i].facts);
        expect(line);
    }
    view_dropped(&v, 7);
    expect("   12.346 !! 7 events are missing here\n");
}

Test(view, colors_are_behind_the_marks) {
    teardown();
    start(true);
    in("AT\\\\r");
    out("\\\\r\\\\nERROR\\\\r\\\\n");
    expect("\033[2m    1.000\033[0m \033[1m-> AT\033[0m\n"
           "\033[2m    1.000\033[0m \033[31m<- ERROR\033[0m\n");
}

Test(view, a_terminal_is_told_nothing_by_what_passes) {
    out("\\\\x1b[2J\\\\x07\\\\x80\\\\r\\\\n");
    mode("transparent");
    in("\\\\x1b[2J");
    fflush(to);
    for (const char *p = text; *p != '\0'; p++) {
        cr_assert((*p >= ' ' && *p <= '~') || *p == '\n', "%02x", (unsigned char)*p);
    }
}

Test(view, lines_without_an_end_are_cut) {
    for (int i = 0; i < 100; i++) {
        in("0123456789012345678901234567890123456789012345678901234567890123456789");
        out("0123456789012345678901234567890123456789012345678901234567890123456789");
    }
    cr_assert_leq(buf_len(&v.typed), LIMIT_VIEW_LINE);
    cr_assert_leq(buf_len(&v.out), LIMIT_VIEW_LINE);
    cr_assert_leq(buf_len(&v.echo), LIMIT_VIEW_LINE);
}

Test(view, events_without_what_they_should_have_do_no_harm) {
    struct cJSON *empty = cJSON_CreateObject();
    view_event(&v, empty);
    view_event(&v, NULL);
    cJSON_Delete(empty);
    happen(1, "tty.in", "{\"text\": \"\\\\\\\\\"}");
    happen(1, "tty.out", "{\"text\": \"\\\\x1\"}");
    happen(1, "tty.mode", "{}");
    happen(1, "link.opened", "{\"link\": null, \"err\": \"x\"}");
}
