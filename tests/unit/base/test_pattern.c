#include "base/pattern.h"

#include <criterion/criterion.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/rng.h"

/* -- what is found -- */

static struct pattern *make(const char *expression) {
    const char *why = "";
    struct pattern *p = pattern_new(expression, &why);
    cr_assert_not_null(p, "%s: %s", expression, why);
    return p;
}

struct row {
    const char *expression, *text;
    const char *found; /* NULL: nothing */
};

static const struct row rows[] = {
    {"b", "abc", "b"},
    {"abc", "ab", NULL},
    {"", "abc", ""},
    {"a.c", "abc a\nc", "abc"},
    {".c", "\nc", "\nc"},
    /* Anchors, anywhere. */
    {"^b", "ab", NULL},
    {"^a", "ab", "a"},
    {"b$", "ab", "b"},
    {"a$", "ab", NULL},
    {"^$", "", ""},
    {"a|^b", "cb", NULL},
    {"(^|,)x", "a,x", ",x"},
    {"x(,|$)", "xx,", "x,"},
    {"^b", "a\nb", NULL},
    {"a^b", "a^b", NULL},
    {"a$.", "a\n", NULL},
    /* Leftmost, of those the longest. */
    {"a|ab|abc", "xabcd", "abc"},
    {"b+|ab", "abbb", "ab"},
    {"(a|ab)(c|bcd)", "abcd", "abcd"},
    {"a*", "baaa", ""},
    {"xx*", "axxa xxx", "xx"},
    /* Repetitions. */
    {"ab*c", "xacabbc", "ac"},
    {"ab+c", "xacabbc", "abbc"},
    {"ab?c", "abbc ac", "ac"},
    {"a{2}", "aaa", "aa"},
    {"a{2,}", "baaaa", "aaaa"},
    {"a{1,2}", "aaaa", "aa"},
    {"a{,2}b", "aaab", "aab"},
    {"xa{0}y", "axy", "xy"},
    {"^(ab){2,3}$", "ab", NULL},
    {"^(ab){2,3}$", "abab", "abab"},
    {"^(ab){2,3}$", "ababab", "ababab"},
    {"^(ab){2,3}$", "abababab", NULL},
    {"^(a|b{2}){2}$", "abb", "abb"},
    {"(a*)+b", "aab", "aab"},
    {"(a*|b)*c", "abac", "abac"},
    {"a**", "aa", "aa"},
    {"(|a)b", "ab", "ab"},
    {"()*a", "a", "a"},
    {"(){255}{255}{255}a", "a", "a"},
    {"(^a)*b", "ab", "ab"},
    /* What is a character where it cannot be anything else. */
    {"a)", "a)", "a)"},
    {"a}", "a}", "a}"},
    {"]", "]", "]"},
    {"\\^\\.\\[\\$\\(\\)\\|\\*\\+\\?\\{\\\\", "^.[$()|*+?{\\", "^.[$()|*+?{\\"},
    {"\\]\\}\\/\\-\\\"", "]}/-\"", "]}/-\""},
    /* Brackets. */
    {"[b-d]+", "abcde", "bcd"},
    {"[^b-d]+", "bae", "ae"},
    {"[]a]+", "x]a", "]a"},
    {"[^]a]", "]ab", "b"},
    {"[a-]+", "x-a-", "-a-"},
    {"[-a]+", "x-a-", "-a-"},
    {"[+--]+", "*+,-.", "+,-"},
    {"[a\\]+", "x\\a", "\\a"},
    {"[*.^$]+", "a*.^$", "*.^$"},
    {"[[:digit:]x]+", "a1x2b", "1x2"},
    {"[^[:space:]]+", " \tab ", "ab"},
    {"[[:xdigit:]]{2}", "g0fF", "0f"},
    {"[[.-.]a]+", "x-a", "-a"},
    {"[[.].]-a]+", "\\]^_a", "]^_a"}, /* order of ASCII: \ ] ^ _ ` a */
    {"[[=a=]b]+", "xab", "ab"},
    {"[[]", "a[", "["},
};

Test(pattern, finds_what_posix_says) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct pattern *p = make(r->expression);
        struct sv found = SV("(nothing)");
        bool is_found = pattern_find(p, sv_of(r->text), 0, &found);
        cr_expect_eq(is_found, r->found != NULL, "/%s/ in %s", r->expression, r->text);
        cr_expect(r->found == NULL || sv_eq(found, sv_of(r->found)), "/%s/ in %s: %.*s",
                  r->expression, r->text, SV_ARG(found));
        cr_expect_eq(pattern_find(p, sv_of(r->text), 0, NULL), is_found, "/%s/", r->expression);
        pattern_free(p);
    }
}

Test(pattern, a_character_is_a_byte) {
    struct pattern *p = make("^.{2}$");
    cr_expect(pattern_find(p, SV("\xc3\xa9"), 0, NULL));
    cr_expect_not(pattern_find(p, SV("a\0"), 0, NULL), "not NUL");
    pattern_free(p);
    p = make("^[^a][\x80-\xff]$");
    cr_expect(pattern_find(p, SV("\0\xff"), 0, NULL));
    cr_expect_not(pattern_find(p, SV("\0\x7f"), 0, NULL));
    pattern_free(p);
    p = make("[[:alpha:]]");
    cr_expect_not(pattern_find(p, SV("\xe9"), 0, NULL));
    pattern_free(p);
}

Test(pattern, an_end_of_the_text_can_be_none) {
    struct pattern *p = make("^a|b$");
    cr_expect(pattern_find(p, SV("ax"), PATTERN_NOT_END, NULL));
    cr_expect_not(pattern_find(p, SV("ax"), PATTERN_NOT_BEGIN, NULL));
    cr_expect(pattern_find(p, SV("xb"), PATTERN_NOT_BEGIN, NULL));
    cr_expect_not(pattern_find(p, SV("xb"), PATTERN_NOT_END, NULL));
    pattern_free(p);
}

Test(pattern, the_first_end_can_be_asked_for) {
    struct pattern *p = make("abcd|b+");
    struct sv found;
    cr_assert(pattern_find(p, SV("xabbcd"), PATTERN_FIRST, &found));
    cr_expect(sv_eq(found, SV("b")), "%.*s", SV_ARG(found));
    cr_assert(pattern_find(p, SV("xabcd"), 0, &found));
    cr_expect(sv_eq(found, SV("abcd")), "%.*s", SV_ARG(found));
    pattern_free(p);
    /* Of those that end there the one that began first. */
    p = make("ab|b");
    cr_assert(pattern_find(p, SV("abb"), PATTERN_FIRST, &found));
    cr_expect(sv_eq(found, SV("ab")), "%.*s", SV_ARG(found));
    pattern_free(p);
}

/* -- what is refused -- */

Test(pattern, what_is_none_is_refused_with_the_reason) {
    static const struct {
        const char *expression, *why;
    } bad[] = {
        {"(", "a ( that is not closed"},
        {"(a|(b)", "a ( that is not closed"},
        {"[", "a [ that is not closed"},
        {"([", "a [ that is not closed"},
        {"[]", "a [ that is not closed"},
        {"[^]", "a [ that is not closed"},
        {"[a-", "a [ that is not closed"},
        {"[a", "a [ that is not closed"},
        {"[[.a.]", "a [ that is not closed"},
        {"a\\", "a \\ at its end"},
        {"(a)\\1", "a \\ before a letter, a digit or one of <>`'"},
        {"\\w", "a \\ before a letter, a digit or one of <>`'"},
        {"\\<", "a \\ before a letter, a digit or one of <>`'"},
        {"*", "a repetition of nothing"},
        {"a|+", "a repetition of nothing"},
        {"(?:a)", "a repetition of nothing"},
        {"^*", "a repetition of nothing"},
        {"{2}", "a repetition of nothing"},
        {"a{", "a { that is no repetition"},
        {"a{}", "a { that is no repetition"},
        {"a{x}", "a { that is no repetition"},
        {"a{1", "a { that is no repetition"},
        {"a{1,", "a { that is no repetition"},
        {"a{2,1}", "a { that is no repetition"},
        {"a{-1}", "a { that is no repetition"},
        {"a{256}", "a repetition of more than 255"},
        {"a{1,256}", "a repetition of more than 255"},
        {"a{256,}", "a repetition of more than 255"},
        {"a{99999999999999999999}", "a repetition of more than 255"},
        {"[[:Alpha:]]", "an unknown class in [ ]"},
        {"[[:alpha]", "an unknown class in [ ]"},
        {"[[:", "an unknown class in [ ]"},
        {"[[=ab=]]", "an unknown class in [ ]"},
        {"[[=", "an unknown class in [ ]"},
        {"[[.ab.]]", "more than a character in [. .]"},
        {"[[.", "more than a character in [. .]"},
        {"[b-a]", "a - in [ ] that is no range"},
        {"[a-c-e]", "a - in [ ] that is no range"},
        {"[a-[:digit:]]", "a - in [ ] that is no range"},
        {"[[:digit:]-a]", "a - in [ ] that is no range"},
        {"a{255}{5}", "repetitions that grow too large"},
        {"((a{255}){255}){255}", "repetitions that grow too large"},
        {"(a?){255}{255}", "repetitions that grow too large"},
        {"(a{9}|b{9})*{255}", "repetitions that grow too large"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *why = "";
        cr_expect_null(pattern_new(bad[i].expression, &why), "%s", bad[i].expression);
        cr_expect_str_eq(why, bad[i].why, "%s: %s", bad[i].expression, why);
    }
}

Test(pattern, is_bounded_in_length_and_states) {
    char text[LIMIT_PATTERN + 2];
    memset(text, 'a', sizeof text);
    text[LIMIT_PATTERN] = '\0';
    pattern_free(make(text));
    text[LIMIT_PATTERN] = 'a';
    text[LIMIT_PATTERN + 1] = '\0';
    const char *why = "";
    cr_expect_null(pattern_new(text, &why));
    cr_expect_str_eq(why, "more than 256 bytes");

    /* a{255}, four times, three more and the end. */
    struct pattern *p = make("a{255}a{255}a{255}a{255}aaa");
    cr_expect_eq(pattern_states(p), LIMIT_PATTERN_STATES);
    pattern_free(p);
    cr_expect_null(pattern_new("a{255}a{255}a{255}a{255}aaaa", &why));
    cr_expect_str_eq(why, "repetitions that grow too large");
}

/* -- against regexec -- */

enum { PATTERNS = 60000, TEXTS = 6 };

/* Some of what this makes is no expression: both must say so. */
static void make_expression(struct rng *rng, char *to, size_t size) {
    static const char *const parts[] = {"a",
                                        "b",
                                        "c",
                                        "a",
                                        "b",
                                        ".",
                                        "(",
                                        ")",
                                        "(a",
                                        "b)",
                                        "|",
                                        "*",
                                        "+",
                                        "?",
                                        "{2}",
                                        "{0}",
                                        "{1,2}",
                                        "{,1}",
                                        "{2,}",
                                        "^",
                                        "$",
                                        "(^",
                                        "$)",
                                        "[ab]",
                                        "[^a]",
                                        "[",
                                        "]",
                                        "[]a]",
                                        "-",
                                        "[a-b]",
                                        "[b-]",
                                        "[-c]",
                                        "[a-",
                                        "[[.b.]",
                                        "\\.",
                                        "{",
                                        "[^[:alpha:]]",
                                        "[[=c=]",
                                        "}",
                                        "\\(",
                                        "(a|",
                                        "(|b)",
                                        "()",
                                        "\\\\",
                                        ",",
                                        "1",
                                        "\xe9",
                                        "[\x80-\xff]"};
    to[0] = '\0';
    size_t n = 1 + rng_below(rng, 8);
    for (size_t i = 0; i < n; i++) {
        const char *part = parts[rng_below(rng, sizeof parts / sizeof *parts)];
        size_t at = strlen(to);
        snprintf(to + at, size - at, "%s", part);
    }
}

/* Without a newline: glibc finds a$. in one, though REG_NEWLINE is not set. */
static size_t make_text(struct rng *rng, char *to) {
    static const char letters[] = "aaabbbccc.(\\-]\xe9"; /* and its NUL */
    size_t n = rng_below(rng, 9);
    for (size_t i = 0; i < n; i++) {
        to[i] = letters[rng_below(rng, sizeof letters)];
    }
    to[n] = '\0';
    return n;
}

static void compare(struct pattern *p, const regex_t *re, const char *expression, struct rng *rng) {
    for (int i = 0; i < TEXTS; i++) {
        char text[16];
        size_t n = make_text(rng, text);
        unsigned flags = (unsigned)rng_below(rng, 4); /* both, one, none of the anchors */
        regmatch_t at = {.rm_so = 0, .rm_eo = (regoff_t)n};
        int eflags = REG_STARTEND | ((flags & PATTERN_NOT_BEGIN) != 0 ? REG_NOTBOL : 0) |
                     ((flags & PATTERN_NOT_END) != 0 ? REG_NOTEOL : 0);
        bool is_theirs = regexec(re, text, 1, &at, eflags) == 0;
        struct sv found = {text, 0};
        bool is_ours = pattern_find(p, (struct sv){text, n}, flags, &found);
        cr_assert_eq(is_ours, is_theirs, "/%s/ in \"%s\", %zu bytes, flags %u: %d", expression,
                     text, n, flags, is_ours);
        cr_assert(!is_ours || ((regoff_t)(found.p - text) == at.rm_so &&
                               (regoff_t)(found.p + found.n - text) == at.rm_eo),
                  "/%s/ in \"%s\", %zu bytes, flags %u: \"%.*s\", %d to %d", expression, text, n,
                  flags, SV_ARG(found), (int)at.rm_so, (int)at.rm_eo);
    }
}

Test(pattern, agrees_with_regexec_by_chance) {
    struct rng rng = rng_stream(1, "pattern");
    size_t good = 0;
    for (int i = 0; i < PATTERNS; i++) {
        char expression[128];
        make_expression(&rng, expression, sizeof expression);
        const char *why = "";
        struct pattern *p = pattern_new(expression, &why);
        regex_t re;
        bool is_theirs = regcomp(&re, expression, REG_EXTENDED) == 0;
        cr_assert_eq(p != NULL, is_theirs, "/%s/: %s", expression, why);
        if (p != NULL) {
            compare(p, &re, expression, &rng);
            regfree(&re);
            good++;
        }
        pattern_free(p);
    }
    cr_expect_gt(good, PATTERNS / 4, "%zu", good);
}

/* -- what it costs -- */

Test(pattern, a_hostile_one_takes_no_more_than_states_times_places) {
    static const char *const hostile[] = {
        "(a|b)*a(a|b){16}c",
        "(a|b)*a(a|b){200}c",
        "(a*)*c",
        "(a|a)*c",
        "(a|b)*(a|b)*(a|b)*(a|b)*c",
        "(((a+)+)+)+c",
        "a?*?*?*?*?*?*+++++++c",
        "(a?){255}a{255}c",
        "(.*)(.*)(.*)(.*)(.*)[^a-b]",
        "(x+x+)+y|(a|aa)+$c",
        "((a{0,30}){0,10}){0,1}c",
        "(^|a|b|$)*c",
    };
    static char text[4096];
    struct rng rng = rng_stream(1, "text");
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = rng_chance(&rng, 0.9) ? 'a' : 'b';
    }
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct pattern *p = make(hostile[i]);
        cr_expect_not(pattern_find(p, (struct sv){text, sizeof text}, 0, NULL), "%s", hostile[i]);
        cr_expect_gt(pattern_steps(p), sizeof text, "%s", hostile[i]);
        cr_expect_leq(pattern_steps(p), pattern_states(p) * (sizeof text + 1), "%s", hostile[i]);
        pattern_free(p);
    }
}
