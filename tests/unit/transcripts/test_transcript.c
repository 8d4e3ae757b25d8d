/* The reader and the player of dialogue files: what they accept, refuse and show. */
#include "tests/support/transcript.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char error[TRANSCRIPT_ERROR_TEXT];
static char *shown; /* what the player reported */

static struct transcript *parsed(const char *text) {
    struct transcript *t = transcript_parse("x.at", text, error);
    cr_assert_not_null(t, "%s", error);
    return t;
}

static int play(const char *text) {
    struct transcript *t = parsed(text);
    size_t n = 0;
    FILE *to = open_memstream(&shown, &n);
    int rc = transcript_play_in_process(t, 0, NULL, NULL, to);
    fclose(to);
    transcript_free(t);
    return rc;
}

static void expect_refused(const char *text, const char *says) {
    cr_assert_null(transcript_parse("x.at", text, error), "%s", text);
    cr_assert_not_null(strstr(error, says), "\"%s\" says: %s", text, error);
}

static void expect_text(const char *line, const char *bytes, size_t n) {
    struct transcript *t = parsed(line);
    cr_assert_eq(t->nsteps, 1);
    cr_assert_eq(t->steps[0].n, n, "%s: %zu bytes", line, t->steps[0].n);
    cr_assert_eq(memcmp(t->steps[0].text, bytes, n), 0, "%s", line);
    transcript_free(t);
}

static void clean_up(void) {
    free(shown);
}

TestSuite(transcript, .fini = clean_up);

Test(transcript, line_ends_are_as_the_readme_says) {
    expect_text("> AT", "AT\r", 3);
    expect_text(">", "\r", 1);
    expect_text(">> AT", "AT", 2);
    expect_text("< OK", "OK\r\n", 4);
    expect_text("<", "\r\n", 2);
    expect_text("< AT\\r", "AT\r", 3);
    expect_text("< AT\\\\r", "AT\\r\r\n", 6);
    expect_text("<- >", ">", 1);
    expect_text("<hex 0d 0A 3e", "\r\n>", 3);
}

Test(transcript, escapes_are_bytes) {
    expect_text(">> \\r\\n\\z\\e\\t\\\\\\\"\\x00\\xFf", "\r\n\x1a\x1b\t\\\"\0\xff", 9);
    expect_text(">> a\\(bc\\x00)*3d", "abc\0bc\0bc\0d", 11);
    expect_refused(">> \\q", "want one of");
    expect_refused(">> \\xg0", "want one of");
    expect_refused(">> \\(abc", "*N");
    expect_refused(">> \\(abc)*0", "*N");
}

Test(transcript, what_is_no_line_is_refused_with_its_number) {
    expect_refused("# good\n\nOK\n", "x.at:3:");
    expect_refused("peer p send \"x\"\n", "no such peer");
    expect_refused("peer tcp 1.2.3.4 as p\n", "want");
    expect_refused("peer tcp 1.2.3.400:1 as p\n", "0-255");
    expect_refused("peer tcp 1.2.3.4:1 as p maybe\n", "refuse or black-hole");
    expect_refused("peer tcp 1.2.3.4:1 as p\npeer tcp 1.2.3.4:2 as p\n", "same name");
    expect_refused("peer tcp 1.2.3.4:1 as p\npeer p send x\n", "quotes");
    expect_refused("peer tcp 1.2.3.4:1 as p\npeer p send \"x\n", "closing quote");
    expect_refused("peer tcp 1.2.3.4:1 as p\npeer p dance\n", "no such verb");
    expect_refused("wait 5\n", "ms or s");
    expect_refused("@ 5s\n", "+TIME");
    expect_refused("<~ (\n", "regular expression");
    expect_refused("only on-mondays\n", "in-process");
}

Test(transcript, what_only_the_fake_world_can_do_marks_the_file) {
    expect_refused("modem attached off\n", "only in-process");
    expect_refused("ping 8.8.8.8 rtt 40ms\n", "only in-process");
    expect_refused("peer tcp 1.2.3.4:1 as p\npeer p window 0\n", "only in-process");
    expect_refused("peer udp 1.2.3.4:1 as p\npeer p send \"x\" to 9000\n", "only in-process");
}

Test(transcript, good_dialogue_passes_and_says_nothing) {
    cr_assert_eq(play("> AT\n< AT\\r\n<\n< OK\n. nothing 1s\n"), 0);
    cr_assert_str_eq(shown, "");
}

Test(transcript, other_bytes_fail_and_both_dialogues_are_shown) {
    cr_assert_eq(play("> AT+CSQ\n< AT+CSQ\\r\n<\n< +CSQ: 1,2\n<\n< OK\n"), 1);
    cr_assert_not_null(strstr(shown, "x.at:4: other bytes came"), "%s", shown);
    cr_assert_not_null(strstr(shown, "< +CSQ: 1,2"), "%s", shown);
    cr_assert_not_null(strstr(shown, "+CSQ: 22,0\\r\\n"), "%s", shown);
}

Test(transcript, missing_and_unexpected_output_fail) {
    cr_assert_eq(play("> ATQ1\n< ATQ1\\r\n<\n< OK\n"), 1);
    cr_assert_not_null(strstr(shown, "nothing came"), "%s", shown);
    clean_up();
    cr_assert_eq(play("> AT\n< AT\\r\n"), 1);
    cr_assert_not_null(strstr(shown, "(end of the file)"), "%s", shown);
    clean_up();
    cr_assert_eq(play("> AT\n. nothing 1s\n"), 1);
}

Test(transcript, unknown_profile_fails) {
    cr_assert_eq(play("profile nokia-3310\n> AT\n"), 1);
}

#define SCAN "> ATE0\n< ATE0\\r\n<\n< OK\n> AT+COPS=?\n"
#define SCANNED "<\n<~ \\+COPS: .*\n<\n< OK\n"

Test(transcript, output_comes_in_its_window_or_the_file_fails) {
    cr_assert_eq(play(SCAN "@ +2s\n" SCANNED), 0, "%s", shown);
    clean_up();
    cr_assert_eq(play(SCAN "@ +1.5s..+3s\n" SCANNED), 0, "%s", shown);
    clean_up();
    cr_assert_eq(play(SCAN SCANNED), 1, "without a window it must come at once");
    clean_up();
    cr_assert_eq(play(SCAN "@ +2001ms..+3s\n" SCANNED), 1);
    cr_assert_not_null(strstr(shown, "came after 2.0"), "%s", shown);
    clean_up();
    cr_assert_eq(play(SCAN "@ +1s..+1999ms\n" SCANNED), 1);
}

Test(transcript, regular_expression_is_for_the_whole_line) {
    cr_assert_eq(play("> AT+CSQ\n< AT+CSQ\\r\n<\n<~ \\+CSQ: [0-9]+,0\n<\n< OK\n"), 0, "%s", shown);
    clean_up();
    cr_assert_eq(play("> AT+CSQ\n< AT+CSQ\\r\n<\n<~ CSQ\n<\n< OK\n"), 1);
}

#define LINK                                                                                       \
    "peer tcp 203.0.113.9:80 as p\n> ATE0\n< ATE0\\r\n<\n< OK\n"                                   \
    "> AT+NETOPEN\n<\n< OK\n<\n< +NETOPEN: 0\n"                                                    \
    "> AT+CIPOPEN=0,\"TCP\",\"203.0.113.9\",80\n<\n< OK\n<\n< +CIPOPEN: 0,0\n"

Test(transcript, peers_see_what_the_module_did) {
    cr_assert_eq(play(LINK "> AT+CIPSEND=0,2\n<\n<- >\n>> hi\n<\n< OK\n<\n< +CIPSEND: 0,2,2\n"
                           "peer p expect \"hi\"\n> AT+NETCLOSE\n<\n< OK\n<\n< +NETCLOSE: 0\n"
                           "peer p expect-close\n"),
                 0, "%s", shown);
    clean_up();
    cr_assert_eq(play(LINK "peer p expect \"hi\"\n"), 1);
    cr_assert_not_null(strstr(shown, "0 of 2 bytes"), "%s", shown);
    clean_up();
    cr_assert_eq(play(LINK "peer p expect-close\n"), 1);
    clean_up();
    cr_assert_eq(play(LINK "> AT+NETCLOSE\n<\n< OK\n<\n< +NETCLOSE: 0\npeer p expect-reset\n"), 1);
}

Test(transcript, lines_are_skipped_up_to_one_and_no_further) {
    cr_assert_eq(play("> ATI\n<... Revision.*\n<... OK\n"), 0, "%s", shown);
    clean_up();
    cr_assert_eq(play("> ATI\n<... Rev\n"), 1);
    cr_assert_not_null(strstr(shown, "no whole line"), "%s", shown);
}

Test(transcript, a_question_is_asked_until_the_answer_fits) {
    cr_assert_eq(play("? AT+CSQ every 1s until \\+CSQ: .*\n> AT\n< AT\\r\n<\n< OK\n"), 0, "%s",
                 shown);
    clean_up();
    cr_assert_eq(play("? AT+CSQ every 1s until \\+CREG: .*\n"), 1);
    expect_refused("? AT+CSQ until OK\n", "want: ? COMMAND");
    expect_refused("? AT+CSQ every 1 until OK\n", "ms or s");
    expect_refused("? AT+CSQ every 1s until (\n", "regular expression");
}

Test(transcript, a_scenario_and_a_clock_are_words_of_the_file) {
    struct transcript *t = parsed("scenario a-name\nclock x25\n");
    cr_assert_str_eq(t->scenario, "a-name");
    cr_assert_eq(t->factor, 25);
    transcript_free(t);
    expect_refused("scenario\n", "scenario NAME");
    expect_refused("clock 25\n", "clock xN");
    expect_refused("clock x0\n", "1 to 1000");
}
