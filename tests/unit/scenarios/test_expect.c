#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limits.h"
#include "scenarios/json/spec.h"
#include "scenarios/verdict/expect.h"
#include "scenarios/verdict/report.h"

TestSuite(expect, .timeout = 60);

/* -- a run: what comes when; every one is played in pieces of several sizes -- */

enum what { DRIVER, MODULE, PEER, EVENT, CONNECTS, CLOSED, RESET, FAIL, END };

struct act {
    int64_t at_us;
    enum what what;
    const char *from, *bytes;
    size_t n;
};

#define S *1000000
#define D(at, text)                                                                                \
    { (int64_t)(at), DRIVER, NULL, text, sizeof(text) - 1 }
#define M(at, text)                                                                                \
    { (int64_t)(at), MODULE, NULL, text, sizeof(text) - 1 }
#define P(at, name, text)                                                                          \
    { (int64_t)(at), PEER, name, text, sizeof(text) - 1 }
#define E(at, name, text)                                                                          \
    { (int64_t)(at), EVENT, name, text, 0 }
#define DOES(at, what, from)                                                                       \
    { (int64_t)(at), what, from, NULL, 0 }
#define PLAY(steps, verdict, ...)                                                                  \
    play(steps, verdict, (struct act[]){__VA_ARGS__},                                              \
         sizeof((struct act[]){__VA_ARGS__}) / sizeof(struct act))

static size_t overs;

static void on_over(void *ctx) {
    (void)ctx;
    overs++;
}

static cJSON *parsed(const struct spec *spec, const char *text) {
    struct spec_error error = {0};
    if (text == NULL) {
        return NULL;
    }
    cJSON *tree = spec_parse(text, strlen(text), &error);
    cr_assert_not_null(tree, "%s: %s", error.path, error.text);
    cr_assert(spec_check(spec, tree, text, strlen(text), &error), "%s: %s", error.path, error.text);
    return tree;
}

static void feed(struct expect *e, enum expect_source from, const struct act *act, size_t piece) {
    for (size_t i = 0; i < act->n; i += piece) {
        size_t n = act->n - i < piece ? act->n - i : piece;
        expect_bytes(e, from, act->from, act->bytes + i, n);
    }
}

static void perform(struct expect *e, const struct act *act, size_t piece) {
    switch (act->what) {
    case DRIVER:
        feed(e, EXPECT_DRIVER, act, piece);
        break;
    case MODULE:
        feed(e, EXPECT_MODULE, act, piece);
        break;
    case PEER:
        feed(e, EXPECT_PEER, act, piece);
        break;
    case EVENT:
        expect_event(e, act->from, act->bytes);
        break;
    case CONNECTS:
        expect_peer(e, act->from, EXPECT_PEER_CONNECTS);
        break;
    case CLOSED:
        expect_peer(e, act->from, EXPECT_PEER_CLOSED);
        break;
    case RESET:
        expect_peer(e, act->from, EXPECT_PEER_RESET);
        break;
    case FAIL:
        expect_fail(e, act->from);
        break;
    case END:
        expect_end(e);
        break;
    }
}

/* "pass 1000000" and for each step "ok instant <got>", "FAIL instant <got> reason" or "-"; what
 * came is shown up to its first NUL. */
static char *outcome(struct expect *e) {
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    const struct report *r = expect_report(e, "run");
    cr_assert_eq(r->has_passed, expect_has_passed(e));
    fprintf(to, "%s %" PRId64, r->has_passed ? "pass" : "FAIL", r->took.us);
    if (r->why != NULL) {
        fprintf(to, " (%s)", r->why);
    }
    for (size_t i = 0; i < r->ncases; i++) {
        const struct report_case *c = &r->cases[i];
        if (c->outcome == REPORT_NOT_REACHED) {
            fprintf(to, "|-");
            continue;
        }
        fprintf(to, "|%s %" PRId64, c->outcome == REPORT_PASSED ? "ok" : "FAIL", c->at.us);
        if (c->got.n > 0) {
            fprintf(to, " <%.*s>", (int)c->got.n, c->got.p);
        }
        if (c->reason != NULL) {
            fprintf(to, " %s", c->reason);
        }
    }
    fclose(to);
    return text;
}

/* What was recorded must not depend on the pieces either. */
static char *dialogue(struct expect *e) {
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    report_text(to, expect_report(e, "run"));
    fclose(to);
    return text;
}

static void play_once(const char *steps, const char *verdict, const struct act *acts, size_t n,
                      size_t piece, char **result, char **record) {
    struct clk *clk = clk_new_manual();
    cJSON *steps_tree = parsed(&expect_spec, steps);
    cJSON *verdict_tree = parsed(&verdict_spec, verdict);
    struct expect *e = expect_new(clk, steps_tree, verdict_tree, on_over, NULL);
    clk_advance(clk, CLK_MS(1234)); /* the start is not the clock's */
    overs = 0;
    expect_start(e);
    clk_mono start = clk_now(clk);
    bool is_ended = false;
    for (size_t i = 0; i < n; i++) {
        clk_advance(clk, (clk_dur){acts[i].at_us - clk_since(clk, start).us});
        perform(e, &acts[i], piece);
        is_ended = is_ended || acts[i].what == END;
    }
    clk_advance(clk, CLK_S(1000));
    cr_assert(expect_is_over(e));
    cr_assert_eq(overs, is_ended ? 0 : 1, "on_over was called %zu times", overs);
    *result = outcome(e);
    *record = dialogue(e);
    expect_free(e);
    cr_assert_lt(clk_next_due(clk).us, 0, "no timer is left");
    cJSON_Delete(steps_tree);
    cJSON_Delete(verdict_tree);
    clk_close(clk);
}

static const char *play(const char *steps, const char *verdict, const struct act *acts, size_t n) {
    static char result[65536];
    static const size_t pieces[] = {1 << 20, 1, 7, 1460};
    char *first_record = NULL;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        char *text = NULL;
        char *record = NULL;
        play_once(steps, verdict, acts, n, pieces[i], &text, &record);
        if (i == 0) {
            snprintf(result, sizeof result, "%s", text);
            first_record = record;
            record = NULL;
        } else {
            cr_assert_str_eq(text, result, "in pieces of %zu", pieces[i]);
            cr_assert_str_eq(record, first_record, "in pieces of %zu", pieces[i]);
        }
        free(text);
        free(record);
    }
    free(first_record);
    return result;
}

/* -- lines of the tty -- */

Test(expect, a_line_of_the_driver_and_its_answer_pass) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"AT\"},{\"module\":\"OK\"}]", NULL, D(1 S, "AT\r"),
                          M(2 S, "\r\nOK\r\n")),
                     "pass 2000000|ok 1000000 <AT>|ok 2000000 <OK>");
}

Test(expect, a_line_is_the_whole_line) {
    cr_assert_str_eq(PLAY("[{\"module\":\"OK\"}]", NULL, M(1 S, "OKAY\r\n OK\r\nOK \r\nok\r\n")),
                     "FAIL 60000000|FAIL 60000000 not seen by 60.000 s");
}

Test(expect, a_line_comes_with_its_end) {
    cr_assert_str_eq(PLAY("[{\"module\":\"OK\"}]", NULL, M(1 S, "OK"), M(3 S, "\n")),
                     "pass 3000000|ok 3000000 <OK>");
}

Test(expect, the_driver_and_the_module_are_not_mixed_up) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"OK\"}]", NULL, M(1 S, "OK\r"), D(2 S, "OK\r")),
                     "pass 2000000|ok 2000000 <OK>");
}

Test(expect, the_prompt_is_a_line_without_an_end) {
    cr_assert_str_eq(
        PLAY("[{\"module\":\">\"},{\"module\":\"OK\"}]", NULL, M(1 S, "\r\n>"), M(2 S, "OK\r\n")),
        "pass 2000000|ok 1000000 <>>|ok 2000000 <OK>");
}

Test(expect, a_greater_than_inside_a_line_is_no_prompt) {
    cr_assert_str_eq(
        PLAY("[{\"module\":\">\",\"never\":true},{\"module\":\"a>b\"}]", NULL, M(1 S, "a>b\r\n")),
        "pass 1000000|ok 1000000|ok 1000000 <a>b>");
}

Test(expect, the_driver_has_no_prompt) {
    cr_assert_str_eq(PLAY("[{\"driver\":\">x\"}]", NULL, D(1 S, ">x\r")),
                     "pass 1000000|ok 1000000 <>x>");
}

Test(expect, data_behind_a_prompt_ends_with_the_next_line_of_the_module) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"hello\"},{\"module\":\"OK\"},{\"driver\":\"AT\"}]", NULL,
                          D(1 S, "AT+CIPSEND=0,5\r"), M(2 S, "\r\n>"), D(3 S, "hello"),
                          M(4 S, "\r\nOK\r\n"), D(5 S, "AT\r")),
                     "pass 5000000|ok 4000000 <hello>|ok 4000000 <OK>|ok 5000000 <AT>");
}

Test(expect, a_pattern_is_searched_in_each_line) {
    cr_assert_str_eq(PLAY("[{\"module\":{\"pattern\":\"^\\\\+CSQ: [0-9]+,99$\"}}]", NULL,
                          M(1 S, "x+CSQ: 1,99\r\n+CSQ: 1,99x\r\n+CSQ: ,99\r\n+CSQ: 17,99\r\n")),
                     "pass 1000000|ok 1000000 <+CSQ: 17,99>");
}

Test(expect, a_pattern_does_not_go_over_the_end_of_a_line) {
    cr_assert_str_eq(
        PLAY("[{\"module\":{\"pattern\":\"a.*b\"}}]", "{\"timeout\":\"2s\"}", M(1 S, "a\r\nb\r\n")),
        "FAIL 2000000|FAIL 2000000 not seen by 2.000 s");
}

Test(expect, bytes_are_found_across_lines) {
    cr_assert_str_eq(PLAY("[{\"module\":{\"hex\":\"4b 0d 0a 0d 0a 2b\"}}]", NULL,
                          M(1 S, "\r\nOK\r\n"), M(2 S, "\r\n+X")),
                     "pass 2000000|ok 2000000 <K\r\n\r\n+>");
}

Test(expect, bytes_that_begin_like_themselves_are_found) {
    cr_assert_str_eq(PLAY("[{\"driver\":{\"hex\":\"6161626161 63\"}}]", NULL, D(1 S, "aaabaabaac")),
                     "pass 1000000|ok 1000000 <aabaac>");
}

Test(expect, a_step_takes_what_is_behind_the_match_before) {
    cr_assert_str_eq(PLAY("[{\"driver\":{\"hex\":\"6162\"}},{\"driver\":{\"hex\":\"6263\"}}]",
                          "{\"timeout\":\"3s\"}", D(1 S, "abc")),
                     "FAIL 3000000|ok 1000000 <ab>|FAIL 3000000 not seen by 3.000 s");
}

Test(expect, bytes_that_end_a_line_do_not_also_meet_the_step_for_the_line) {
    cr_assert_str_eq(PLAY("[{\"driver\":{\"hex\":\"61740d\"}},{\"driver\":\"at\"}]",
                          "{\"timeout\":\"3s\"}", D(1 S, "at\r")),
                     "FAIL 3000000|ok 1000000 <at\r>|FAIL 3000000 not seen by 3.000 s");
}

/* -- far ends and events -- */

Test(expect, text_is_found_anywhere_at_a_far_end) {
    cr_assert_str_eq(PLAY("[{\"peer\":{\"name\":\"server\",\"text\":\"lo\\r\\nwo\"}},"
                          "{\"peer\":{\"name\":\"server\",\"hex\":\"6c64\"}}]",
                          NULL, P(1 S, "other", "hello\r\nworld"), P(2 S, "server", "hello\r\nw"),
                          P(3 S, "server", "orld")),
                     "pass 3000000|ok 3000000 <lo\r\nwo>|ok 3000000 <ld>");
}

Test(expect, a_pattern_at_a_far_end_is_met_by_the_first_byte_that_does) {
    cr_assert_str_eq(PLAY("[{\"peer\":{\"name\":\"s\",\"pattern\":\"GET .*HTTP\"}},"
                          "{\"peer\":{\"name\":\"s\",\"pattern\":\"^/1[.][0-9]+\"}}]",
                          NULL, P(1 S, "s", "GET /a\nGET /b HTTP/1.12 HTTP")),
                     "pass 1000000|ok 1000000 <GET /a\nGET /b HTTP>|ok 1000000 </1.1>");
}

Test(expect, a_stream_has_no_end_that_a_pattern_could_see) {
    cr_assert_str_eq(PLAY("[{\"peer\":{\"name\":\"s\",\"pattern\":\"ab$\"}}]",
                          "{\"timeout\":\"2s\"}", P(1 S, "s", "ab")),
                     "FAIL 2000000|FAIL 2000000 not seen by 2.000 s");
}

static char big[4 * LIMIT_EXPECT_WINDOW + 1];

/* n bytes between an "a" and a "b"; the match is in the newest bytes only if they are few. */
static const char *far_apart(size_t n) {
    memset(big, '.', sizeof big);
    big[LIMIT_EXPECT_WINDOW - 1] = 'a';
    big[LIMIT_EXPECT_WINDOW + n] = 'b';
    struct act act = {1 S, PEER, "s", big, LIMIT_EXPECT_WINDOW + n + 1};
    return play("[{\"peer\":{\"name\":\"s\",\"pattern\":\"a.*b\"}}]", "{\"timeout\":\"2s\"}", &act,
                1);
}

Test(expect, a_pattern_is_seen_in_the_newest_4096_bytes) {
    cr_assert(strncmp(far_apart(LIMIT_EXPECT_WINDOW - 2), "pass", 4) == 0);
}

Test(expect, a_pattern_is_not_seen_over_any_distance) {
    cr_assert(strncmp(far_apart(2 * LIMIT_EXPECT_WINDOW), "FAIL", 4) == 0);
}

Test(expect, bytes_at_a_far_end_are_counted_and_summed) {
    cr_assert_str_eq(PLAY("[{\"peer\":{\"name\":\"s\",\"bytes\":9,\"crc32\":\"cbf43926\"}},"
                          "{\"peer\":{\"name\":\"s\",\"bytes\":2}}]",
                          NULL, P(1 S, "s", "1234"), P(2 S, "s", "56789a"), P(3 S, "s", "b")),
                     "pass 3000000|ok 2000000|ok 3000000");
}

Test(expect, a_wrong_sum_fails_at_once_and_is_told) {
    cr_assert_str_eq(PLAY("[{\"peer\":{\"name\":\"s\",\"bytes\":9,\"crc32\":\"cbf43927\"}}]", NULL,
                          P(1 S, "s", "123456789")),
                     "FAIL 1000000|FAIL 1000000 the CRC-32 of 9 bytes is cbf43926");
}

Test(expect, the_sum_of_all_that_came_until_the_end_is_checked) {
    cr_assert_str_eq(
        PLAY("[{\"peer\":{\"name\":\"s\",\"ends\":\"closed\",\"crc32\":\"cbf43926\"}}]", NULL,
             P(1 S, "s", "12345678"), P(1 S, "t", "x"), P(2 S, "s", "9"), DOES(3 S, CLOSED, "s")),
        "pass 3000000|ok 3000000 <(closed)>");
}

Test(expect, a_far_end_connects_and_ends) {
    cr_assert_str_eq(PLAY("[{\"peer\":{\"name\":\"s\",\"connects\":true}},"
                          "{\"peer\":{\"name\":\"s\",\"ends\":\"reset\"}}]",
                          NULL, DOES(1 S, CONNECTS, "t"), DOES(2 S, CONNECTS, "s"),
                          DOES(3 S, CLOSED, "s"), DOES(4 S, RESET, "t"), DOES(5 S, RESET, "s")),
                     "pass 5000000|ok 2000000 <(connects)>|ok 5000000 <(reset)>");
}

Test(expect, an_event_is_met_by_its_name_and_pattern) {
    cr_assert_str_eq(PLAY("[{\"event\":{\"name\":\"link.closed\",\"pattern\":\"reset\"}},"
                          "{\"event\":{\"name\":\"net.lost\"}}]",
                          NULL, E(1 S, "link.opened", "reset"), E(2 S, "link.closed", "link 0"),
                          E(3 S, "link.closed", "link 0, reset"), E(4 S, "net.lost", "")),
                     "pass 4000000|ok 3000000 <link 0, reset>|ok 4000000");
}

/* -- windows -- */

#define WITHIN(window) "[{\"driver\":\"A\"},{\"module\":\"B\",\"within\":" window "}]"

Test(expect, exactly_at_the_end_of_the_window_is_in_time) {
    cr_assert_str_eq(PLAY(WITHIN("\"5s\""), NULL, D(1 S, "A\r"), M(6 S, "B\r")),
                     "pass 6000000|ok 1000000 <A>|ok 6000000 <B>");
}

Test(expect, a_microsecond_later_is_too_late) {
    cr_assert_str_eq(PLAY(WITHIN("\"5s\""), NULL, D(1 S, "A\r"), M(6 S + 1, "B\r")),
                     "FAIL 6000000|ok 1000000 <A>|FAIL 6000000 not seen by 6.000 s");
}

Test(expect, exactly_at_the_beginning_of_the_window_is_not_too_early) {
    cr_assert_str_eq(PLAY(WITHIN("[\"1s\",\"5s\"]"), NULL, D(1 S, "A\r"), M(2 S, "B\r")),
                     "pass 2000000|ok 1000000 <A>|ok 2000000 <B>");
}

Test(expect, a_microsecond_before_the_window_fails_at_once) {
    cr_assert_str_eq(PLAY(WITHIN("[\"1s\",\"5s\"]"), NULL, D(1 S, "A\r"), M(2 S - 1, "B\r")),
                     "FAIL 1999999|ok 1000000 <A>|"
                     "FAIL 1999999 <B> came too early, at 1.999 s, not allowed before 2.000 s");
}

Test(expect, the_end_of_a_window_from_to_is_counted_from_the_step_before_too) {
    cr_assert_str_eq(PLAY(WITHIN("[\"1s\",\"5s\"]"), NULL, D(1 S, "A\r"), M(6 S + 1, "B\r")),
                     "FAIL 6000000|ok 1000000 <A>|FAIL 6000000 not seen by 6.000 s");
}

Test(expect, the_first_window_is_counted_from_the_start) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\",\"within\":\"10ms\"}]", NULL, D(10000, "A\r")),
                     "pass 10000|ok 10000 <A>");
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\",\"within\":\"10ms\"}]", NULL, D(10001, "A\r")),
                     "FAIL 10000|FAIL 10000 not seen by 0.010 s");
}

Test(expect, no_window_reaches_behind_the_timeout) {
    cr_assert_str_eq(
        PLAY("[{\"driver\":\"A\",\"within\":\"10s\"}]", "{\"timeout\":\"2s\"}", D(3 S, "A\r")),
        "FAIL 2000000|FAIL 2000000 not seen by 2.000 s");
}

Test(expect, the_timeout_itself_is_in_time) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\"}]", NULL, D(60 S, "A\r")),
                     "pass 60000000|ok 60000000 <A>");
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\"}]", NULL, D(60 S + 1, "A\r")),
                     "FAIL 60000000|FAIL 60000000 not seen by 60.000 s");
}

/* -- never -- */

#define NEVER "{\"module\":\"ERROR\",\"never\":true}"

Test(expect, what_must_never_come_fails_when_it_comes) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\"}," NEVER ",{\"module\":\"OK\"}]", NULL, D(1 S, "A\r"),
                          M(2 S, "ERROR\r"), M(3 S, "OK\r")),
                     "FAIL 2000000|ok 1000000 <A>|"
                     "FAIL 2000000 <ERROR> came at 2.000 s although never|-");
}

Test(expect, never_is_over_when_the_next_step_is_met) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\"}," NEVER ",{\"module\":\"OK\"},{\"driver\":\"B\"}]",
                          NULL, M(1 S, "ERROR\r"), D(1 S, "A\r"), M(2 S, "OK\rERROR\r"),
                          D(3 S, "B\r")),
                     "pass 3000000|ok 1000000 <A>|ok 2000000|ok 2000000 <OK>|ok 3000000 <B>");
}

Test(expect, nothing_but_ok_can_be_said) {
    static const char steps[] =
        "[{\"module\":{\"pattern\":\".\"},\"never\":true},{\"module\":\"OK\"}]";
    cr_assert_str_eq(PLAY(steps, NULL, M(1 S, "\r\nOK\r\n")), "pass 1000000|ok 1000000|"
                                                              "ok 1000000 <OK>");
    cr_assert_str_eq(PLAY(steps, NULL, M(1 S, "\r\nRING\r\n\r\nOK\r\n")),
                     "FAIL 1000000|FAIL 1000000 <RING> came at 1.000 s although never|-");
}

Test(expect, a_trailing_never_lasts_a_second) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\"}," NEVER "]", NULL, D(1 S, "A\r"), M(2 S, "ERROR\r")),
                     "FAIL 2000000|ok 1000000 <A>|"
                     "FAIL 2000000 <ERROR> came at 2.000 s although never");
    cr_assert_str_eq(
        PLAY("[{\"driver\":\"A\"}," NEVER "]", NULL, D(1 S, "A\r"), M(2 S + 1, "ERROR\r")),
        "pass 2000000|ok 1000000 <A>|ok 2000000");
}

Test(expect, a_trailing_never_lasts_its_window) {
    static const char steps[] = "[{\"driver\":\"A\"},{\"module\":\"ERROR\",\"never\":true,"
                                "\"within\":[\"1s\",\"5s\"]}]";
    cr_assert_str_eq(PLAY(steps, NULL, D(1 S, "A\r"), M(2 S - 1, "ERROR\r")),
                     "pass 6000000|ok 1000000 <A>|ok 6000000");
    cr_assert_str_eq(PLAY(steps, NULL, D(1 S, "A\r"), M(6 S, "ERROR\r")),
                     "FAIL 6000000|ok 1000000 <A>|"
                     "FAIL 6000000 <ERROR> came at 6.000 s although never");
    cr_assert_str_eq(PLAY(steps, NULL, D(1 S, "A\r"), M(6 S + 1, "ERROR\r")),
                     "pass 6000000|ok 1000000 <A>|ok 6000000");
}

Test(expect, never_alone_lasts_to_the_timeout) {
    cr_assert_str_eq(PLAY("[" NEVER "]", "{\"timeout\":\"9s\"}", M(1 S, "OK\r")),
                     "pass 9000000|ok 9000000");
    cr_assert_str_eq(PLAY("[" NEVER "]", "{\"timeout\":\"9s\"}", M(9 S, "ERROR\r")),
                     "FAIL 9000000|FAIL 9000000 <ERROR> came at 9.000 s although never");
}

Test(expect, what_came_at_a_far_end_outside_the_window_does_not_count_inside) {
    static const char steps[] =
        "[{\"peer\":{\"name\":\"s\",\"pattern\":\"ab*\"},\"never\":true,"
        "\"within\":[\"1s\",\"5s\"]},{\"peer\":{\"name\":\"s\",\"text\":\"a\"},\"never\":true,"
        "\"within\":[\"1s\",\"5s\"]}]";
    cr_assert_str_eq(PLAY(steps, NULL, P(0, "s", "a"), P(2 S, "s", "bbb")),
                     "pass 5000000|ok 5000000|ok 5000000");
}

Test(expect, what_must_never_come_may_have_a_sum_too) {
    static const char steps[] = "[{\"peer\":{\"name\":\"s\",\"bytes\":9,\"crc32\":\"cbf43926\"},"
                                "\"never\":true,\"within\":\"5s\"}]";
    cr_assert_str_eq(PLAY(steps, NULL, P(1 S, "s", "987654321")), "pass 5000000|ok 5000000");
    cr_assert_str_eq(PLAY(steps, NULL, P(1 S, "s", "123456789")),
                     "FAIL 1000000|FAIL 1000000 came at 1.000 s although never");
}

Test(expect, a_missing_step_leaves_never_as_passed) {
    cr_assert_str_eq(PLAY("[" NEVER ",{\"module\":\"OK\"}]", "{\"timeout\":\"2s\"}", M(1 S, "\r")),
                     "FAIL 2000000|ok 2000000|FAIL 2000000 not seen by 2.000 s");
}

/* -- order -- */

#define AB "[{\"driver\":\"A\"},{\"driver\":\"B\"}]"

Test(expect, strict_order_looks_only_behind_the_step_before) {
    cr_assert_str_eq(PLAY(AB, "{\"order\":\"strict\",\"timeout\":\"2s\"}", D(1 S, "B\rA\r")),
                     "FAIL 2000000|ok 1000000 <A>|FAIL 2000000 not seen by 2.000 s");
}

Test(expect, a_line_meets_one_step) {
    cr_assert_str_eq(
        PLAY("[{\"driver\":\"A\"},{\"driver\":\"A\"}]", "{\"timeout\":\"2s\"}", D(1 S, "A\r")),
        "FAIL 2000000|ok 1000000 <A>|FAIL 2000000 not seen by 2.000 s");
}

Test(expect, what_is_behind_a_failed_step_is_not_reached) {
    cr_assert_str_eq(PLAY(AB, "{\"timeout\":\"2s\"}", D(1 S, "B\r")),
                     "FAIL 2000000|FAIL 2000000 not seen by 2.000 s|-");
}

Test(expect, any_order_looks_for_each_on_its_own) {
    cr_assert_str_eq(PLAY(AB, "{\"order\":\"any\"}", D(1 S, "B\r"), D(3 S, "A\r")),
                     "pass 3000000|ok 3000000 <A>|ok 1000000 <B>");
}

Test(expect, any_order_goes_on_behind_a_failure) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\",\"within\":\"1s\"},{\"driver\":\"B\"}," NEVER "]",
                          "{\"order\":\"any\"}", M(4 S, "ERROR\r"), D(5 S, "A\r"), D(6 S, "B\r")),
                     "FAIL 6000000|FAIL 1000000 not seen by 1.000 s|ok 6000000 <B>|"
                     "FAIL 4000000 <ERROR> came at 4.000 s although never");
}

Test(expect, any_order_counts_windows_from_the_start) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\"},{\"driver\":\"B\",\"within\":\"2s\"}]",
                          "{\"order\":\"any\"}", D(1 S, "A\r"), D(2 S + 1, "B\r")),
                     "FAIL 2000000|ok 1000000 <A>|FAIL 2000000 not seen by 2.000 s");
}

/* -- how a run ends -- */

Test(expect, no_expectations_pass_at_the_timeout) {
    cr_assert_str_eq(PLAY(NULL, NULL, D(1 S, "AT\r")), "pass 60000000");
    cr_assert_str_eq(PLAY("[]", "{\"timeout\":\"3s\"}", D(1 S, "AT\r")), "pass 3000000");
}

Test(expect, an_action_fails_the_run_at_once) {
    cr_assert_str_eq(PLAY(NULL, NULL, DOES(2 S, FAIL, "no"), DOES(3 S, FAIL, "twice")),
                     "FAIL 2000000 (no)");
    cr_assert_str_eq(PLAY(AB, NULL, D(1 S, "A\r"), DOES(2 S, FAIL, "no"), D(3 S, "B\r")),
                     "FAIL 2000000 (no)|ok 1000000 <A>|-");
}

Test(expect, a_run_that_ends_with_the_timeout_lasts_to_it) {
    static const char verdict[] = "{\"ends\":\"timeout\",\"timeout\":\"9s\"}";
    cr_assert_str_eq(
        PLAY("[{\"driver\":\"A\"}," NEVER "]", verdict, D(1 S, "A\r"), M(9 S, "ERROR\r")),
        "FAIL 9000000|ok 1000000 <A>|"
        "FAIL 9000000 <ERROR> came at 9.000 s although never");
    cr_assert_str_eq(PLAY(AB, verdict, D(1 S, "A\rB\r")),
                     "pass 9000000|ok 1000000 <A>|ok 1000000 <B>");
    cr_assert_str_eq(PLAY(AB, verdict, D(1 S, "A\rB\r"), DOES(2 S, FAIL, "no")),
                     "FAIL 9000000 (no)|ok 1000000 <A>|ok 1000000 <B>");
}

Test(expect, a_run_lingers_when_all_is_met) {
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\"}]", "{\"linger\":\"3s\"}", D(1 S, "A\r")),
                     "pass 4000000|ok 1000000 <A>");
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\"}]", "{\"linger\":\"3s\"}", D(59 S, "A\r")),
                     "pass 60000000|ok 59000000 <A>");
    cr_assert_str_eq(
        PLAY("[{\"driver\":\"A\"}]", "{\"linger\":\"3s\"}", D(1 S, "A\r"), DOES(2 S, FAIL, "no")),
        "FAIL 2000000 (no)|ok 1000000 <A>");
    cr_assert_str_eq(PLAY("[{\"driver\":\"A\"}," NEVER "]", "{\"linger\":\"3s\"}", D(1 S, "A\r"),
                          M(4 S, "ERROR\r")),
                     "FAIL 4000000|ok 1000000 <A>|"
                     "FAIL 4000000 <ERROR> came at 4.000 s although never");
}

Test(expect, at_the_end_of_the_run_what_has_not_come_is_missing) {
    cr_assert_str_eq(PLAY("[" NEVER ",{\"driver\":\"A\"},{\"driver\":\"B\"}]", NULL, D(1 S, "B\r"),
                          DOES(2 S, END, NULL)),
                     "FAIL 2000000|ok 2000000|FAIL 2000000 not seen by 2.000 s|-");
    cr_assert_str_eq(
        PLAY("[{\"driver\":\"A\"}," NEVER "]", NULL, D(1 S, "A\r"), DOES(1 S + 5, END, NULL)),
        "pass 1000005|ok 1000000 <A>|ok 1000005");
    cr_assert_str_eq(PLAY(AB, "{\"order\":\"any\"}", DOES(2 S, END, NULL)),
                     "FAIL 2000000|FAIL 2000000 not seen by 2.000 s|"
                     "FAIL 2000000 not seen by 2.000 s");
}

Test(expect, only_events_that_a_step_names_are_recorded) {
    struct clk *clk = clk_new_manual();
    cJSON *steps = parsed(&expect_spec, "[{\"event\": {\"name\": \"link.closed\"}}]");
    struct expect *e = expect_new(clk, steps, NULL, NULL, NULL);
    expect_start(e);
    expect_event(e, "at.line", "text A");
    expect_event(e, "link.closed", "link 0");
    expect_end(e);
    const struct report *r = expect_report(e, "run");
    cr_assert(r->has_passed);
    cr_assert_eq(r->nlines, 1);
    cr_assert_str_eq(r->lines[0].from, "link.closed");
    expect_free(e);
    cJSON_Delete(steps);
    clk_close(clk);
}

Test(expect, what_comes_before_the_start_or_after_the_end_does_not_count) {
    struct clk *clk = clk_new_manual();
    cJSON *steps = parsed(&expect_spec, AB);
    struct expect *e = expect_new(clk, steps, NULL, NULL, NULL);
    expect_bytes(e, EXPECT_DRIVER, NULL, "A\r", 2);
    clk_advance(clk, CLK_S(100));
    expect_start(e);
    expect_bytes(e, EXPECT_DRIVER, NULL, "B\r", 2);
    expect_end(e);
    expect_bytes(e, EXPECT_DRIVER, NULL, "A\rB\r", 4);
    char *text = outcome(e);
    cr_assert_str_eq(text, "FAIL 0|FAIL 0 not seen by 0.000 s|-");
    cr_assert_eq(expect_report(e, "run")->nlines, 1);
    free(text);
    expect_free(e);
    cJSON_Delete(steps);
    clk_close(clk);
}

Test(expect, a_failure_before_the_start_ends_the_run) {
    struct clk *clk = clk_new_manual();
    struct expect *e = expect_new(clk, NULL, NULL, on_over, NULL);
    overs = 0;
    expect_fail(e, "no");
    cr_assert(expect_is_over(e));
    cr_assert_eq(overs, 0, "never from inside a call");
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(overs, 1);
    expect_start(e);
    cr_assert_not(expect_has_passed(e));
    expect_free(e);
    clk_close(clk);
}

Test(expect, a_run_that_never_started_has_not_passed) {
    struct clk *clk = clk_new_manual();
    cJSON *steps = parsed(&expect_spec, "[" NEVER "]");
    struct expect *e = expect_new(clk, steps, NULL, NULL, NULL);
    expect_end(e);
    cr_assert(expect_is_over(e));
    cr_assert_not(expect_has_passed(e));
    cr_assert_not_null(expect_report(e, "run")->why, "no case would say so");
    expect_free(e);
    cJSON_Delete(steps);
    clk_close(clk);
}

static void free_it(void *ctx) {
    struct expect **e = ctx;
    expect_free(*e);
    *e = NULL;
}

Test(expect, the_callback_may_free_it) {
    struct clk *clk = clk_new_manual();
    struct expect *e = NULL;
    e = expect_new(clk, NULL, NULL, free_it, &e);
    expect_start(e);
    clk_advance(clk, CLK_S(60));
    cr_assert_null(e);
    clk_close(clk);
}

/* -- bounds -- */

Test(expect, a_line_that_was_cut_is_not_the_line) {
    static char steps[sizeof big + 64];
    memset(big, 'x', LIMIT_EXPECT_LINE + 1);
    big[LIMIT_EXPECT_LINE] = '\0';
    snprintf(steps, sizeof steps, "[{\"driver\":\"%s\"}]", big);
    big[LIMIT_EXPECT_LINE] = '\r';
    struct act act = {1 S, DRIVER, NULL, big, LIMIT_EXPECT_LINE + 1};
    cr_assert(strncmp(play(steps, NULL, &act, 1), "pass", 4) == 0);
    big[LIMIT_EXPECT_LINE] = 'x';
    big[LIMIT_EXPECT_LINE + 1] = '\r';
    act.n++;
    cr_assert(strncmp(play(steps, NULL, &act, 1), "FAIL", 4) == 0);
}

Test(expect, the_record_keeps_the_newest_lines) {
    struct clk *clk = clk_new_manual();
    struct expect *e = expect_new(clk, NULL, NULL, NULL, NULL);
    expect_start(e);
    for (int i = 0; i < LIMIT_EXPECT_RECORD + 3; i++) {
        char line[16];
        int n = snprintf(line, sizeof line, "%d\r\n", i);
        clk_advance(clk, CLK_MS(1));
        expect_bytes(e, EXPECT_MODULE, NULL, line, (size_t)n);
    }
    expect_bytes(e, EXPECT_DRIVER, NULL, "AT", 2);
    expect_end(e);
    const struct report *r = expect_report(e, "run");
    cr_assert_eq(r->nlines, LIMIT_EXPECT_RECORD);
    cr_assert_eq(r->nlost, 4);
    cr_assert_eq(r->lines[0].at.us, 5000);
    cr_assert(sv_eq(r->lines[0].text, SV("4")));
    cr_assert_str_eq(r->lines[0].from, "module");
    cr_assert(sv_eq(r->lines[LIMIT_EXPECT_RECORD - 1].text, SV("AT")));
    cr_assert_str_eq(r->lines[LIMIT_EXPECT_RECORD - 1].note, "no line end");
    expect_free(e);
    clk_close(clk);
}

Test(expect, the_case_knows_the_line_that_met_it) {
    struct clk *clk = clk_new_manual();
    cJSON *steps =
        parsed(&expect_spec, "[{\"driver\":\"B\"},{\"module\":{\"hex\":\"43 0d\"}},"
                             "{\"peer\":{\"name\":\"s\",\"bytes\":3}},{\"driver\":\"never\"}]");
    struct expect *e = expect_new(clk, steps, NULL, NULL, NULL);
    expect_start(e);
    expect_bytes(e, EXPECT_DRIVER, NULL, "A\rB\r", 4);
    expect_bytes(e, EXPECT_MODULE, NULL, "\r\nC\r\n", 5);
    expect_bytes(e, EXPECT_PEER, "s", "abcd", 4);
    expect_end(e);
    const struct report *r = expect_report(e, "run");
    cr_assert_eq(r->cases[2].line, 3);
    cr_assert(sv_eq(r->lines[3].text, SV("abcd")));
    cr_assert_eq(r->cases[3].line, REPORT_NO_LINE);
    cr_assert_eq(r->cases[0].line, 1);
    cr_assert_eq(r->cases[1].line, 2);
    cr_assert(sv_eq(r->lines[2].text, SV("C")));
    expect_free(e);
    cJSON_Delete(steps);
    clk_close(clk);
}

Test(expect, bytes_of_any_value_are_taken) {
    for (size_t i = 0; i < sizeof big; i++) {
        big[i] = (char)(i * 31 >> 3);
    }
    struct act acts[] = {{1 S, DRIVER, NULL, big, sizeof big},
                         {2 S, MODULE, NULL, big, sizeof big},
                         {3 S, PEER, "s", big, sizeof big}};
    cr_assert_str_eq(play("[{\"module\":{\"pattern\":\"zzzz\"},\"never\":true},"
                          "{\"peer\":{\"name\":\"s\",\"pattern\":\"a+b{9}\"},\"never\":true},"
                          "{\"peer\":{\"name\":\"s\",\"hex\":\"00 03 07 0b\"}}]",
                          NULL, acts, 3),
                     "pass 3000000|ok 3000000|ok 3000000|ok 3000000 <>");
}

Test(expect, the_report_says_what_was_expected) {
    static const char *const wanted[] = {
        "driver: AT",         "never module: /^ERR/ within 1s to 5s",
        "driver: hex 0d 0a",  "server: hello within 10ms",
        "server: /a+/",       "server: 9 bytes, crc32 cbf43926",
        "server: (connects)", "server: (reset)",
        "link.closed",        "link.closed: /reset/",
        "server: hex 00"};
    struct clk *clk = clk_new_manual();
    cJSON *steps =
        parsed(&expect_spec,
               "[{\"driver\":\"AT\",\"name\":\"title\"},"
               "{\"module\":{\"pattern\":\"^ERR\"},\"never\":true,\"within\":[\"1s\",\"5s\"]},"
               "{\"driver\":{\"hex\":\"0d 0a\"}},"
               "{\"peer\":{\"name\":\"server\",\"text\":\"hello\"},\"within\":\"10ms\"},"
               "{\"peer\":{\"name\":\"server\",\"pattern\":\"a+\"}},"
               "{\"peer\":{\"name\":\"server\",\"bytes\":9,\"crc32\":\"cbf43926\"}},"
               "{\"peer\":{\"name\":\"server\",\"connects\":true}},"
               "{\"peer\":{\"name\":\"server\",\"ends\":\"reset\"}},"
               "{\"event\":{\"name\":\"link.closed\"}},"
               "{\"event\":{\"name\":\"link.closed\",\"pattern\":\"reset\"}},"
               "{\"peer\":{\"name\":\"server\",\"hex\":\"00\"}}]");
    struct expect *e = expect_new(clk, steps, NULL, NULL, NULL);
    const struct report *r = expect_report(e, "run");
    cr_assert_eq(r->ncases, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < r->ncases; i++) {
        cr_assert_str_eq(r->cases[i].expected, wanted[i]);
    }
    cr_assert_str_eq(r->cases[0].name, "title");
    cr_assert_null(r->cases[1].name);
    expect_free(e);
    cJSON_Delete(steps);
    clk_close(clk);
}

/* -- the tables -- */

static bool is_good(const struct spec *spec, const char *text) {
    struct spec_error error;
    cJSON *tree = spec_parse(text, strlen(text), &error);
    cr_assert_not_null(tree);
    bool good = spec_check(spec, tree, text, strlen(text), &error);
    cJSON_Delete(tree);
    return good;
}

Test(expect, what_is_no_expectation_is_refused) {
    static const char *const wrong[] = {
        "[{}]",
        "[{\"driver\":\"A\",\"module\":\"B\"}]",
        "[{\"driver\":\"\"}]",
        "[{\"driver\":\"A\\r\"}]",
        "[{\"driver\":{}}]",
        "[{\"driver\":{\"hex\":\"\"}}]",
        "[{\"driver\":{\"hex\":\"00\",\"pattern\":\"a\"}}]",
        "[{\"driver\":{\"pattern\":\"(\"}}]",
        "[{\"peer\":{\"text\":\"a\"}}]",
        "[{\"peer\":{\"name\":\"s\"}}]",
        "[{\"peer\":{\"name\":\"s\",\"bytes\":0}}]",
        "[{\"peer\":{\"name\":\"s\",\"bytes\":1,\"crc32\":\"cbf4392\"}}]",
        "[{\"peer\":{\"name\":\"s\",\"bytes\":1,\"crc32\":\"cbf4392g\"}}]",
        "[{\"peer\":{\"name\":\"s\",\"ends\":\"somehow\"}}]",
        "[{\"event\":{\"pattern\":\"a\"}}]",
        "[{\"driver\":\"A\",\"within\":[\"1s\"]}]",
        "[{\"driver\":\"A\",\"within\":5}]",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_not(is_good(&expect_spec, wrong[i]), "%s", wrong[i]);
    }
    cr_assert_not(is_good(&verdict_spec, "{\"order\":\"loose\"}"));
    cr_assert_not(is_good(&verdict_spec, "{\"ends\":\"now\"}"));
    cr_assert(is_good(&verdict_spec, "{\"order\":\"any\",\"timeout\":\"1h\",\"ends\":\"met\","
                                     "\"linger\":\"2s\"}"));
}

static bool is_count_good(size_t count) {
    static char text[(LIMIT_EXPECT_STEPS + 1) * 16 + 3];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s{\"driver\":\"A\"}", i > 0 ? "," : "[");
    }
    snprintf(text + n, sizeof text - n, "]");
    return is_good(&expect_spec, text);
}

Test(expect, the_number_of_steps_is_bounded) {
    cr_assert(is_count_good(LIMIT_EXPECT_STEPS));
    cr_assert_not(is_count_good(LIMIT_EXPECT_STEPS + 1));
}
