#include "emulator/at/line.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static struct line line;
static struct line_config cfg;
static struct buf echo;
static char events[4096]; /* "[text]": a line, "again[text]", "long" */

static void start(void) {
    line_init(&line);
    cfg = (struct line_config){.echo = true, .end = '\r', .erase = '\b'};
    buf_init(&echo, 65536);
    events[0] = '\0';
}

static void stop(void) {
    buf_fini(&echo);
}

TestSuite(line, .init = start, .fini = stop);

static void note(enum line_event event) {
    static const char *const names[] = {
        [LINE_READY] = "", [LINE_AGAIN] = "again", [LINE_TOO_LONG] = "long"};
    size_t n = strlen(events);
    struct sv text = line_text(&line);
    if (event == LINE_TOO_LONG) {
        snprintf(events + n, sizeof events - n, "long");
    } else if (event != LINE_NONE) {
        snprintf(events + n, sizeof events - n, "%s[%.*s]", names[event], SV_ARG(text));
    }
}

static void feed(const char *p, size_t n) {
    while (n > 0) {
        enum line_event event = LINE_NONE;
        bool was_idle = line_is_idle(&line);
        size_t used = line_feed(&line, &cfg, (const uint8_t *)p, n, &echo, &event);
        cr_assert(used > 0 && used <= n);
        bool was_noise = line_is_idle(&line) && (used > 1 || !was_idle);
        cr_assert(event != LINE_NONE || used == n || was_noise,
                  "stops only at an event and where an A was noise");
        note(event);
        p += used;
        n -= used;
    }
}

static void type(const char *text) {
    feed(text, strlen(text));
}

static const char *echoed(void) {
    static char text[2048];
    text[buf_take(&echo, text, sizeof text - 1)] = '\0';
    return text;
}

struct example {
    const char *typed, *events, *echo;
};

static void check(const struct example *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        stop();
        start();
        type(x[i].typed);
        cr_assert_str_eq(events, x[i].events, "'%s' gave %s", x[i].typed, events);
        const char *got = echoed();
        cr_assert_str_eq(got, x[i].echo, "'%s' echoed '%s'", x[i].typed, got);
    }
}

#define CHECK(examples) check((examples), sizeof(examples) / sizeof *(examples))

Test(line, prefix_in_every_spelling_begins_a_line) {
    static const struct example examples[] = {
        {"AT\r", "[]", "AT\r"},
        {"at\r", "[]", "at\r"},
        {"At\r", "[]", "At\r"},
        {"aT\r", "[]", "aT\r"},
        {"AT+CSQ\r", "[+CSQ]", "AT+CSQ\r"},
        {"ate0\r", "[e0]", "ate0\r"},
    };
    CHECK(examples);
}

Test(line, noise_before_the_prefix_is_neither_kept_nor_echoed) {
    static const struct example examples[] = {
        {"\x1a"
         "AT\r",
         "[]", "AT\r"},
        {"\x1b"
         "AT\r",
         "[]", "AT\r"},
        {"+++AT\r", "[]", "AT\r"},
        {"T\rAT\r", "[]", "AT\r"},
        {"~\xff}#\xc0!}!} }4}\"}&~AT+CSQ\r", "[+CSQ]", "AT+CSQ\r"},
        {"half a lin\rAT\r", "[]", "aaAT\r"}, /* an A may be the beginning of a prefix */
        {"\xf9\x03\x3f\x01\x1c\xf9"
         "AT\r",
         "[]", "AT\r"},
        {"OK\r\nERROR\r\nAT\r", "[]", "AT\r"},
    };
    CHECK(examples);
}

Test(line, second_a_begins_the_prefix_anew) {
    static const struct example examples[] = {
        {"AAT\r", "[]", "AAT\r"},      {"aAaTI\r", "[I]", "aAaTI\r"}, {"A\rAT\r", "[]", "AAT\r"},
        {"A\nT\rAT\r", "[]", "AAT\r"}, {"ABAT\r", "[]", "AAT\r"},
    };
    CHECK(examples);
}

Test(line, empty_lines_give_nothing) {
    static const struct example examples[] = {
        {"\r", "", ""},
        {"\r\n\r\n\n\r\r", "", ""},
        {"\r\nAT\r\n", "[]", "AT\r"},
    };
    CHECK(examples);
}

Test(line, control_characters_inside_a_line_are_dropped) {
    static const struct example examples[] = {
        {"AT\n+\x01"
         "C\tS\x7fQ\x1a\x1b\r",
         "[+CSQ]", "AT+CSQ\r"},
        {"AT\r\nAT\r\n", "[][]", "AT\rAT\r"},
    };
    CHECK(examples);
    stop();
    start();
    feed("A\0TI\rATI\0003\r", 11);
    cr_assert_str_eq(events, "[I3]", "NUL is noise in a prefix and nothing in a line");
}

Test(line, high_bytes_inside_a_line_are_kept) {
    type("AT+X=\"\xe4\xff\"\r");
    cr_assert_str_eq(events, "[+X=\"\xe4\xff\"]");
}

Test(line, backspace_erases_but_not_into_the_prefix) {
    static const struct example examples[] = {
        {"AT+CSX\bQ\r", "[+CSQ]", "AT+CSX\b \bQ\r"},
        {"ATI\b\b\bE\r", "[E]", "ATI\b \bE\r"},
        {"AT\b\bI\r", "[I]", "ATI\r"},
        {"A\bT\rAT\r", "[]", "AAT\r"}, /* between A and T it is noise like any other */
    };
    CHECK(examples);
}

Test(line, erase_character_is_s5) {
    cfg.erase = 0x7f;
    type("ATIX\x7f"
         "0\b\r");
    cr_assert_str_eq(events, "[I0]");
    cr_assert_str_eq(echoed(), "ATIX\x7f \x7f"
                               "0\r");
}

Test(line, end_character_is_s3) {
    cfg.end = '!';
    type("AT+CSQ\r\n!AT!");
    cr_assert_str_eq(events, "[+CSQ][]");
    cr_assert_str_eq(echoed(), "AT+CSQ!AT!", "CR is a control character now");
}

Test(line, nothing_is_echoed_with_echo_off) {
    cfg.echo = false;
    type("AAT+CSX\bQ\rA/");
    cr_assert_str_eq(events, "[+CSQ]again[+CSQ]");
    cr_assert_str_eq(echoed(), "");
}

Test(line, linefeed_is_never_echoed) {
    type("\nA\nAT\n+CSQ\n\r\n");
    cr_assert_str_eq(events, "[+CSQ]");
    cr_assert_str_eq(echoed(), "AAT+CSQ\r");
}

Test(line, again_acts_at_once_and_repeats_the_line_before) {
    static const struct example examples[] = {
        {"AT+CSQ\rA/", "[+CSQ]again[+CSQ]", "AT+CSQ\rA/"},
        {"ATI\ra/a/A/\rAT\r", "[I]again[I]again[I]again[I][]", "ATI\ra/a/A/AT\r"},
        {"A/", "again[]", "A/"},
        {"AA/", "again[]", "AA/"},
        {"ATI\rAT+CSQA/", "[I]", "ATI\rAT+CSQA/"}, /* inside a line it is text */
        {"ATI\rAT\rA/", "[I][]again[]", "ATI\rAT\rA/"},
    };
    CHECK(examples);
}

Test(line, limit_is_559_characters_behind_the_prefix) {
    char text[LIMIT_LINE + 8];
    memset(text, 'x', sizeof text);
    type("AT");
    feed(text, LIMIT_LINE);
    type("\r");
    cr_assert_eq(strlen(events), 559 + 2);
    events[0] = '\0';
    type("AT");
    feed(text, LIMIT_LINE + 1);
    cr_assert_str_eq(events, "", "it is eaten to its end first");
    type("AT\r");
    cr_assert_str_eq(events, "long");
    cr_assert_eq(strlen(echoed()), 2 + 559 + 1 + 2 + 560 + 2 + 1, "the echo does not stop");
}

Test(line, too_long_a_line_is_not_mended_by_backspace) {
    char text[LIMIT_LINE + 1];
    memset(text, 'x', sizeof text);
    type("AT");
    feed(text, sizeof text);
    type("\b\b\b\b\r");
    cr_assert_str_eq(events, "long");
}

Test(line, full_line_can_be_erased_and_refilled) {
    char text[LIMIT_LINE];
    memset(text, 'x', sizeof text);
    type("AT");
    feed(text, sizeof text);
    type("\b\by\r");
    cr_assert_eq(strlen(events), LIMIT_LINE - 1 + 2);
    cr_assert_eq(events[LIMIT_LINE - 1], 'y');
}

Test(line, again_after_too_long_a_line_repeats_the_last_good_one) {
    char text[LIMIT_LINE + 1];
    memset(text, 'x', sizeof text);
    type("ATI\rAT");
    feed(text, sizeof text);
    type("\rA/");
    cr_assert_str_eq(events, "[I]longagain[I]");
}

Test(line, is_idle_only_while_nothing_is_typed) {
    cr_assert(line_is_idle(&line));
    type("A");
    cr_assert_not(line_is_idle(&line));
    type("B");
    cr_assert(line_is_idle(&line));
    type("AT");
    cr_assert_not(line_is_idle(&line));
    type("+CSQ\r");
    cr_assert(line_is_idle(&line));
}

Test(line, reset_forgets_a_half_line_but_not_what_again_repeats) {
    type("ATI\rAT+C");
    line_reset(&line);
    cr_assert(line_is_idle(&line));
    type("SQ\rA/");
    cr_assert_str_eq(events, "[I]again[I]");
}

Test(line, pieces_of_any_size_give_the_same_events_and_echo) {
    static const char all[] = "\x1a+++AT+CSX\bQ\r\n\r\nA/aat;;e0v1\rA\r"
                              "AT+X=\"a;b\"\rA/AT\x1b\x7f\r";
    type(all);
    char want[sizeof events];
    char want_echo[2048];
    snprintf(want, sizeof want, "%s", events);
    snprintf(want_echo, sizeof want_echo, "%s", echoed());
    for (size_t piece = 1; piece <= 7; piece++) {
        stop();
        start();
        for (size_t at = 0; at < sizeof all - 1; at += piece) {
            size_t left = sizeof all - 1 - at;
            feed(all + at, left < piece ? left : piece);
        }
        cr_assert_str_eq(events, want);
        cr_assert_str_eq(echoed(), want_echo);
    }
}
