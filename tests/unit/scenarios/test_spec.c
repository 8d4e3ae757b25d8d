#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "scenarios/json/spec.h"

TestSuite(spec, .timeout = 30);

static const char *check_lower(const char *text) {
    return strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL ? NULL : "allowed: small letters";
}

/* One key for each type; a value of any of them may be an action that holds others. */
static const struct spec action;
static const char *const words[] = {"lost", "found", NULL};
static const struct spec flag = {.type = SPEC_BOOL};
static const struct spec whole = {.type = SPEC_INT};
static const struct spec small = {.type = SPEC_INT, .lo = -1, .hi = 999};
static const struct spec part = {.type = SPEC_NUMBER, .lo = 0, .hi = 1};
static const struct spec number = {.type = SPEC_NUMBER};
static const struct spec text = {.type = SPEC_TEXT, .lo = 1, .hi = 8};
static const struct spec lower = {.type = SPEC_TEXT, .check = check_lower, .pattern = "^[^A-Z]*$"};
static const struct spec word = {.type = SPEC_WORD, .words = words};
static const struct spec wait = {.type = SPEC_DURATION};
static const struct spec soon = {.type = SPEC_DURATION, .lo = 0.5, .hi = 60};
static const struct spec pattern = {.type = SPEC_PATTERN};
static const struct spec hex = {.type = SPEC_HEX, .lo = 1, .hi = 3};
static const struct spec list = {.type = SPEC_LIST, .item = &action, .lo = 1, .hi = 3};
static const struct spec more = {.type = SPEC_LIST, .item = &flag, .lo = 2, .hi = INFINITY};
static const struct spec map = {.type = SPEC_MAP,
                                .item = &action,
                                .lo = 0,
                                .hi = 2,
                                .check = check_lower,
                                .pattern = "^[^A-Z]*$"};
static const struct spec_key empty_keys[] = {{.name = NULL}};
static const struct spec empty = {.type = SPEC_OBJECT, .keys = empty_keys};
static const struct spec *const choices[] = {&word, &small, &more, &empty, NULL};
static const struct spec choice = {.type = SPEC_CHOICE, .choices = choices};
static const struct spec_key action_keys[] = {
    {"flag", &flag, "A flag.", 0},
    {"whole", &whole, "A number.", 0},
    {"small", &small, "A number.", 0},
    {"part", &part, "A part.", 0},
    {"number", &number, "A number.", 0},
    {"text", &text, "A text.", 0},
    {"lower", &lower, "A text.", 0},
    {"word", &word, "A word.", 0},
    {"wait", &wait, "A time.", 0},
    {"soon", &soon, "A time.", 0},
    {"match", &pattern, "A text.", 0},
    {"hex", &hex, "Digits.", 0},
    {"list", &list, "Actions.", 0},
    {"map", &map, "Actions.", 0},
    {"one", &choice, "A choice.", 0},
    {"bytes", &spec_of_bytes, "Bytes.", 0},
    {.name = NULL},
};
static const struct spec action = {
    .type = SPEC_OBJECT, .name = "an action", .keys = action_keys, .is_shared = true};

static struct spec_error error;

static bool accepts(const struct spec *spec, const char *json) {
    struct cJSON *tree = spec_parse(json, strlen(json), &error);
    bool is_good = tree != NULL && spec_check(spec, tree, json, strlen(json), &error);
    cJSON_Delete(tree);
    return is_good;
}

static void expect_good(const char *json) {
    cr_expect(accepts(&action, json), "%s: %s: %s", json, error.path, error.text);
}

/* Where and what, as one text. */
static void expect_bad_by(const struct spec *spec, const char *json, const char *says) {
    char got[1024];
    cr_expect_not(accepts(spec, json), "%s was accepted", json);
    snprintf(got, sizeof got, "%u:%u: %s: %s", error.line, error.column, error.path, error.text);
    cr_expect_str_eq(got, says, "%s gave\n  %s\nnot\n  %s", json, got, says);
}

static void expect_bad(const char *json, const char *says) {
    expect_bad_by(&action, json, says);
}

static void expect_bad_bytes(const char *json, size_t n, const char *says) {
    char got[1024];
    cr_expect_null(spec_parse(json, n, &error));
    snprintf(got, sizeof got, "%u:%u: %s", error.line, error.column, error.text);
    cr_expect_str_eq(got, says, "gave\n  %s\nnot\n  %s", got, says);
}

/* -- the text -- */

Test(spec, an_empty_text_is_refused) {
    expect_bad("", "1:1: : found the end of the text, allowed: a value");
    expect_bad(" \n ", "2:2: : found the end of the text, allowed: a value");
}

Test(spec, syntax_errors_have_a_place_and_say_what_may_stand_there) {
    expect_bad("{\"flag\": true,\n  wait}", "2:3: : found wait, allowed: a key in double quotes");
    expect_bad("{flag}", "1:2: : found flag, allowed: a key in double quotes or }");
    expect_bad("{\"a\" 1}", "1:6: : found 1, allowed: a colon");
    expect_bad("{\"a\":1 \"b\"}", "1:8: : found \"b\", allowed: a comma or }");
    expect_bad("[1 2]", "1:4: : found 2, allowed: a comma or ]");
    expect_bad("[1}", "1:3: : found }, allowed: a comma or ]");
    expect_bad("[1,]", "1:4: : found ], allowed: a value");
    expect_bad("[:", "1:2: : found :, allowed: a value or ]");
    expect_bad("[", "1:2: : found the end of the text, allowed: a value or ]");
    expect_bad("{} x", "1:4: : found x, allowed: the end of the text");
    expect_bad("[tru]", "1:2: : found tru, which is no value of JSON");
    expect_bad("['a']", "1:2: : found 'a', which is no value of JSON");
    expect_bad("[\x01]", "1:2: : found the control character 0x01, which is no value of JSON");
    expect_bad("[\"\\x\"]", "1:3: : found \\x\"], which is no escape of JSON");
    expect_bad("[\"\\ud800\"]", "1:3: : found \\ud800, which is no escape of JSON");
}

Test(spec, a_text_that_is_not_closed_is_told_where_it_begins) {
    expect_bad("[\n \"ab\ncd\"]",
               "2:2: : found \"ab, a text without its closing quote; a line end is written \\n");
    expect_bad("\"ab",
               "1:1: : found \"ab, a text without its closing quote; a line end is written \\n");
    expect_bad("\"ab\\",
               "1:1: : found \"ab\\, a text without its closing quote; a line end is written \\n");
}

Test(spec, numbers_are_those_of_JSON) {
    static const char *const bad[] = {"01", "+1",  "1.",  ".5",  "-",
                                      "1e", "1e+", "0x1", "NaN", "1.5.2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_not(accepts(&number, bad[i]), "%s", bad[i]);
        cr_expect(strstr(error.text, "which is no value of JSON") != NULL, "%s", error.text);
    }
    static const char *const good[] = {"0", "-0", "10", "1.5", "-1e5", "1E-5", "0.0e+0"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_expect(accepts(&number, good[i]), "%s: %s", good[i], error.text);
    }
}

Test(spec, a_byte_order_mark_is_skipped_and_has_no_column) {
    expect_good("\xef\xbb\xbf{\"flag\": true}");
    expect_bad("\xef\xbb\xbf{\"flag\": 1}", "1:10: flag: found 1, allowed: true or false");
}

Test(spec, columns_are_characters) {
    expect_bad("{\"text\": \"\xc3\xa4\xc3\xb6\", \"flag\": 1}",
               "1:24: flag: found 1, allowed: true or false");
}

Test(spec, a_NUL_is_refused_in_any_form) {
    static const char middle[] = "{\"a\0b\":1}";
    static const char outside[] = "{}\0{}";
    expect_bad_bytes(middle, sizeof middle - 1,
                     "1:2: found \"a, a text without its closing quote; a line end is written \\n");
    expect_bad_bytes(outside, sizeof outside - 1,
                     "1:3: found the control character 0x00, allowed: the end of the text");
    expect_bad("{\"text\": \"a\\u0000b\"}",
               "1:12: : found \\u0000, allowed: other characters; bytes "
               "are written {\"hex\": \"00\"}");
    expect_good("{\"text\": \"\\\\u0000\"}");
}

Test(spec, what_is_not_UTF_8_is_refused) {
    expect_bad("[\"\xff\"]",
               "1:3: : found the byte 0xff, allowed: UTF-8; bytes are written {\"hex\": \"ff\"}");
    static const char *const bad[] = {"\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
                                      "\"\xc3\"",     "\"\xe2\x82\"",     "\xef\xbb"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_not(accepts(&text, bad[i]));
        cr_expect(strstr(error.text, "allowed: UTF-8") != NULL, "%zu: %s", i, error.text);
    }
    cr_expect(accepts(&text, "\"\xf0\x9f\x98\x80\xe2\x82\xac\""));
}

Test(spec, what_is_cited_is_cut_between_characters_and_has_no_control_characters) {
    expect_bad(
        "{\"one\": \"1234567890123456789012345678901234567890123\xe2\x82\xac\xe2\x82\xac\"}",
        "1:9: one: found \"1234567890123456789012345678901234567890123...\", allowed: lost, found");
    expect_bad("{\"word\": \"\\u001b[2J\"}", "1:10: word: found \"?[2J\", allowed: lost, found");
}

Test(spec, bytes_are_bounded) {
    char *big = malloc(LIMIT_JSON + 1);
    cr_assert_not_null(big);
    memset(big, ' ', LIMIT_JSON + 1);
    expect_bad_bytes(big, LIMIT_JSON + 1, "1:1: found 4194305 bytes, allowed: at most 4194304");
    big[0] = '0';
    struct cJSON *tree = spec_parse(big, LIMIT_JSON, &error);
    cr_expect_not_null(tree);
    cJSON_Delete(tree);
    free(big);
}

/* `begin`, n times `piece`, `end`; for free(). */
static char *repeat(const char *begin, const char *piece, size_t n, const char *end) {
    size_t size = strlen(begin) + n * strlen(piece) + strlen(end) + 1;
    char *all = malloc(size);
    cr_assert_not_null(all);
    size_t at = (size_t)snprintf(all, size, "%s", begin);
    for (size_t i = 0; i < n; i++) {
        memcpy(all + at, piece, strlen(piece));
        at += strlen(piece);
    }
    snprintf(all + at, size - at, "%s", end);
    return all;
}

Test(spec, values_are_bounded) {
    char *most = repeat("[", "0,", LIMIT_JSON_VALUES - 2, "0]");
    struct cJSON *tree = spec_parse(most, strlen(most), &error);
    cr_expect_not_null(tree);
    cJSON_Delete(tree);
    free(most);
    char *too_many = repeat("[", "0,", LIMIT_JSON_VALUES - 1, "0]");
    expect_bad_bytes(too_many, strlen(too_many), "1:131072: found 0, more than 65536 values");
    free(too_many);
}

Test(spec, depth_is_bounded) {
    char *deep = repeat("", "[", LIMIT_JSON_DEPTH, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    struct cJSON *tree = spec_parse(deep, strlen(deep), &error);
    cr_expect_not_null(tree);
    cJSON_Delete(tree);
    free(deep);
    deep = repeat("", "[", LIMIT_JSON, "");
    expect_bad_bytes(deep, LIMIT_JSON, "1:33: found [, nested deeper than 32");
    free(deep);
}

Test(spec, a_tree_from_elsewhere_is_bounded_in_depth_too) {
    struct cJSON *tree = cJSON_CreateObject();
    struct cJSON *at = tree;
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
        at = cJSON_AddObjectToObject(cJSON_AddObjectToObject(at, "map"), "a");
    }
    cr_expect_not(spec_check(&action, tree, NULL, 0, &error));
    cr_expect_str_eq(error.text, "nested deeper than 32");
    cr_expect_eq(error.line, 0, "no text, no line");
    cJSON_Delete(tree);
}

/* -- types -- */

Test(spec, a_flag_is_true_or_false) {
    expect_good("{\"flag\": true}");
    expect_good("{\"flag\": false}");
    expect_bad("{\"flag\": 1}", "1:10: flag: found 1, allowed: true or false");
    expect_bad("{\"flag\": null}", "1:10: flag: found null, allowed: true or false");
}

Test(spec, a_whole_number_has_limits) {
    expect_good("{\"small\": -1}");
    expect_good("{\"small\": 999}");
    expect_good("{\"small\": 1e2}");
    static const char *const bad[] = {"-2", "1000", "0.5"};
    for (size_t i = 0; i < 3; i++) {
        char json[32];
        char says[96];
        snprintf(json, sizeof json, "{\"small\": %s}", bad[i]);
        snprintf(says, sizeof says, "1:11: small: found %s, allowed: a whole number from -1 to 999",
                 bad[i]);
        expect_bad(json, says);
    }
    expect_bad("{\"small\": true}",
               "1:11: small: found true, allowed: a whole number from -1 to 999");
    expect_bad("{\"whole\": 0.5}", "1:11: whole: found 0.5, allowed: a whole number");
    expect_bad("{\"whole\": 1e999}", "1:11: whole: found inf, allowed: a whole number");
}

Test(spec, a_whole_number_that_a_double_cannot_hold_is_refused) {
    expect_good("{\"whole\": 9007199254740991}");
    expect_good("{\"whole\": -9007199254740991}");
    expect_bad("{\"whole\": 9007199254740993}",
               "1:11: whole: found 9007199254740992, whole numbers from 2^53 on are not exact: "
               "write it as a text");
}

Test(spec, a_number_has_limits) {
    expect_good("{\"part\": 0.25, \"number\": -1e300}");
    expect_bad("{\"part\": 1.5}", "1:10: part: found 1.5, allowed: a number from 0 to 1");
    expect_bad("{\"number\": 1e999}", "1:12: number: found inf, allowed: a number");
    expect_bad("{\"number\": \"1\"}", "1:12: number: found \"1\", allowed: a number");
}

Test(spec, a_text_has_so_many_bytes) {
    expect_good("{\"text\": \"a\"}");
    expect_good("{\"text\": \"12345678\"}");
    expect_bad("{\"text\": \"\"}", "1:10: text: found \"\", allowed: a text of 1 to 8 bytes");
    expect_bad("{\"text\": \"123456789\"}",
               "1:10: text: found \"123456789\", allowed: a text of 1 to 8 bytes");
    expect_bad("{\"text\": {}}", "1:10: text: found an object, allowed: a text of 1 to 8 bytes");
}

Test(spec, a_text_may_have_its_own_check) {
    expect_good("{\"lower\": \"abc\"}");
    expect_bad("{\"lower\": \"aBc\"}", "1:11: lower: found \"aBc\", allowed: small letters");
}

Test(spec, a_word_is_one_of_them) {
    expect_good("{\"word\": \"lost\"}");
    expect_bad("{\"word\": \"loose\"}", "1:10: word: found \"loose\", allowed: lost, found");
    expect_bad("{\"word\": []}", "1:10: word: found a list, allowed: lost, found");
}

Test(spec, a_duration_has_a_unit_and_limits) {
    expect_good("{\"wait\": \"0s\"}");
    expect_good("{\"soon\": \"500ms\"}");
    expect_good("{\"soon\": \"1min\"}");
    expect_bad("{\"wait\": \"10\"}", "1:10: wait: found \"10\", allowed: a duration as \"10ms\", "
                                     "\"1.5s\", \"3min\", \"1h\"");
    expect_bad("{\"soon\": \"61s\"}", "1:10: soon: found \"61s\", allowed: a duration as \"10ms\", "
                                      "\"1.5s\", \"3min\", \"1h\" from 0.5 to 60 seconds");
}

Test(spec, durations_are_parsed_exactly) {
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"10ms", 10000},
        {"2s", 2000000},
        {"1.5s", 1500000},
        {"3min", 180000000},
        {"1h", 3600000000},
        {"0.1s", 100000},
        {"0.000001s", 1},
        {"0.0001ms", 0},
        {"999999999.999999h", 3599999999999996400},
        {"", -1},
        {"s", -1},
        {"1", -1},
        {"-1s", -1},
        {"1 s", -1},
        {" 1s", -1},
        {"1s ", -1},
        {".5s", -1},
        {"1.s", -1},
        {"1us", -1},
        {"1m", -1},
        {"1S", -1},
        {"1e3s", -1},
        {"1000000000s", -1},
        {"1.0000000s", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clk_dur d = {-1};
        int err = spec_parse_duration(rows[i].text, &d);
        cr_expect_eq(err, rows[i].us < 0 ? -EINVAL : 0, "%s", rows[i].text);
        cr_expect_eq(d.us, rows[i].us, "%s", rows[i].text);
    }
}

Test(spec, hexadecimal_digits_come_in_pairs) {
    expect_good("{\"hex\": \"0d0A\"}");
    expect_good("{\"hex\": \"0d 0a  ff \"}");
    static const char *const bad[] = {"", "0", "0d0", "0 d", " 0d", "0g", "0d,0a", "01020304"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[32];
        char says[128];
        snprintf(json, sizeof json, "{\"hex\": \"%s\"}", bad[i]);
        snprintf(says, sizeof says,
                 "1:9: hex: found \"%s\", allowed: a text of hexadecimal digits of 1 to 3 pairs",
                 bad[i]);
        expect_bad(json, says);
    }
}

Test(spec, a_list_has_so_many_values) {
    expect_good("{\"list\": [{}]}");
    expect_good("{\"list\": [{}, {}, {}]}");
    expect_bad("{\"list\": []}", "1:10: list: found 0 values, allowed: a list of 1 to 3 values");
    expect_bad("{\"list\": [{}, {}, {}, {}]}",
               "1:10: list: found 4 values, allowed: a list of 1 to 3 values");
    expect_bad("{\"list\": \"a\"}", "1:10: list: found \"a\", allowed: a list of 1 to 3 values");
    expect_bad("{\"list\": [7]}", "1:11: list[0]: found 7, allowed: an action (an object)");
    expect_bad("{\"one\": [true]}",
               "1:9: one: found 1 values, allowed: a list of 2 values or more");
}

Test(spec, a_map_has_free_keys_with_a_check) {
    expect_good("{\"map\": {\"a\": {}, \"b c\": {\"flag\": true}}}");
    expect_bad("{\"map\": {\"a\": {},\n \"Bc\": {}}}",
               "2:2: map: found the key \"Bc\", allowed: small letters");
    expect_bad("{\"map\": {\"a\": {}, \"a\": {}}}", "1:19: map: duplicate key \"a\"");
    expect_bad("{\"map\": {\"a\": {}, \"b\": {}, \"c\": {}}}",
               "1:9: map: found 3 values, allowed: an object of 0 to 2 values");
    expect_bad("{\"map\": {\"b c\": {\"flag\": 1}}}",
               "1:26: map[\"b c\"].flag: found 1, allowed: true or false");
}

Test(spec, a_choice_is_taken_by_the_type) {
    expect_good("{\"one\": \"lost\"}");
    expect_good("{\"one\": 5}");
    expect_good("{\"one\": [true, false, true]}");
    expect_good("{\"one\": {}}");
    expect_bad("{\"one\": true}", "1:9: one: found true, allowed: lost, found; or a whole number "
                                  "from -1 to 999; or a list of 2 values or more; or an object");
    expect_bad("{\"one\": \"x\"}", "1:9: one: found \"x\", allowed: lost, found");
    expect_bad("{\"one\": {\"a\": 1}}", "1:10: one: unknown key \"a\", allowed: none");
}

/* -- patterns -- */

Test(spec, a_pattern_is_an_extended_regular_expression) {
    expect_good("{\"match\": \"^AT\\\\+CIP(OPEN|SEND)=[0-9]{1,2}$\"}");
    expect_good("{\"match\": \"[]a[:alpha:]{999}]+\\\\{999}\"}");
    expect_bad("{\"match\": \"(\"}", "1:11: match: found \"(\", allowed: a regular expression "
                                     "without a ( that is not closed");
    expect_bad("{\"match\": 1}", "1:11: match: found 1, allowed: a regular expression");
}

Test(spec, a_pattern_is_bounded) {
    char *json = repeat("{\"match\": \"", "a", LIMIT_PATTERN, "\"}");
    expect_good(json);
    free(json);
    json = repeat("{\"match\": \"", "a", LIMIT_PATTERN + 1, "\"}");
    expect_bad(json, "1:11: match: found \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\", "
                     "allowed: a regular expression without more than 256 bytes");
    free(json);
    expect_bad("{\"match\": \"a{255}{255}\"}",
               "1:11: match: found \"a{255}{255}\", allowed: a regular expression without "
               "repetitions that grow too large");
}

/* -- objects -- */

static const struct spec_key verb_keys[] = {
    {"name", &text, "A name.", SPEC_REQUIRED},
    {"error", &small, "Fails.", SPEC_VERB},
    {"drop", &flag, NULL, SPEC_VERB},
    {.name = NULL},
};
static const struct spec verb = {.type = SPEC_OBJECT, .keys = verb_keys};

Test(spec, an_unknown_key_is_told_with_the_known_ones) {
    expect_bad_by(&verb, "{\"name\": \"a\",\n  \"foo\": 1}",
                  "2:3: : unknown key \"foo\", allowed: name, error, drop");
    expect_bad_by(&verb, "{\"Name\": \"a\"}",
                  "1:2: : unknown key \"Name\", allowed: name, error, drop");
}

Test(spec, a_key_given_twice_is_refused_at_the_second) {
    expect_bad_by(&verb, "{\"name\": \"a\", \"drop\": true,\n\"name\": \"b\"}",
                  "2:1: : duplicate key \"name\"");
    expect_bad_by(&verb, "{\"n\\u0061me\": \"a\", \"name\": \"a\"}",
                  "1:20: : duplicate key \"name\"");
}

Test(spec, a_missing_key_is_told_at_the_object) {
    expect_bad_by(&verb, " {\"drop\": true}", "1:2: : missing key \"name\"");
}

Test(spec, exactly_one_verb_is_needed) {
    cr_expect(accepts(&verb, "{\"name\": \"a\", \"drop\": true}"));
    expect_bad_by(&verb, "{\"name\": \"a\"}", "1:1: : missing key, needed: one of error, drop");
    expect_bad_by(&verb, "{\"name\": \"a\", \"drop\": true, \"error\": 1}",
                  "1:29: : found \"drop\" and \"error\", allowed: one of error, drop");
}

Test(spec, the_place_is_found_behind_anything) {
    expect_bad("{\"map\": {\"a\": {\"list\": [{\"text\": \"]}\\\"\"}, {}]},\n"
               "  \"b\": {\"list\": [{}, {\"map\": {}},\n"
               "    {\"one\": [true, false, [], {}], \"flag\": 7}]}}}",
               "3:27: map.b.list[2].one[2]: found a list, allowed: true or false");
}

Test(spec, a_long_path_and_a_long_text_are_cut) {
    char *json = repeat("", "{\"map\":{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":", 14, "7");
    char *whole_json = repeat(json, "}}", 14, "");
    cr_expect_not(accepts(&action, whole_json));
    cr_expect_eq(strlen(error.path), SPEC_PATH - 1);
    cr_expect_str_eq(error.text, "found 7, allowed: an action (an object)");
    free(whole_json);
    free(json);
}

Test(spec, many_keys_cost_little) {
    size_t n = 60000;
    char *json = malloc(n * 16);
    cr_assert_not_null(json);
    size_t at = (size_t)snprintf(json, n * 16, "{\"k\":0");
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(json + at, n * 16 - at, ",\"k%zu\":0", i);
    }
    snprintf(json + at, n * 16 - at, "}");
    static const struct spec free_map = {.type = SPEC_MAP, .item = &whole};
    cr_expect(accepts(&free_map, json), "%s", error.text);
    free(json);
}

/* -- values -- */

Test(spec, values_are_read_or_otherwise) {
    static const char json[] =
        "{\"i\":7,\"big\":1e10,\"low\":-1e10,\"n\":0.5,\"t\":\"x\",\"f\":true,"
        "\"d\":\"2s\"}";
    struct cJSON *o = spec_parse(json, strlen(json), &error);
    cr_assert_not_null(o);
    cr_expect_eq(spec_int(o, "i", 1), 7);
    cr_expect_eq(spec_int(o, "big", 1), INT_MAX);
    cr_expect_eq(spec_int(o, "low", 1), INT_MIN);
    cr_expect_eq(spec_int(o, "none", -3), -3);
    cr_expect_eq(spec_number(o, "n", 1), 0.5);
    cr_expect_eq(spec_number(o, "N", 1), 1, "case matters");
    cr_expect_str_eq(spec_text(o, "t", "y"), "x");
    cr_expect_null(spec_text(o, "none", NULL));
    cr_expect(spec_flag(o, "f", false));
    cr_expect(spec_flag(o, "none", true));
    cr_expect_eq(spec_dur(o, "d", CLK_S(1)).us, 2000000);
    cr_expect_eq(spec_dur(o, "none", CLK_S(1)).us, 1000000);
    cr_expect_null(spec_get(o, "T"));
    cr_expect_eq(spec_duration("3min").us, 180000000);
    cJSON_Delete(o);
}

static void expect_bytes(const char *json, const char *bytes, size_t n) {
    struct cJSON *tree = spec_parse(json, strlen(json), &error);
    cr_assert_not_null(tree);
    cr_assert(spec_check(&spec_of_bytes, tree, json, strlen(json), &error), "%s", error.text);
    unsigned char *got = NULL;
    size_t size = 99;
    spec_bytes(tree, &got, &size);
    cr_expect_eq(size, n, "%s: %zu bytes", json, size);
    cr_expect_arr_eq(got, bytes, n, "%s", json);
    free(got);
    cJSON_Delete(tree);
}

Test(spec, bytes_are_a_text_or_hexadecimal) {
    expect_bytes("\"a\\r\\n\xc3\xa4\"", "a\r\n\xc3\xa4", 5);
    expect_bytes("\"\"", "", 0);
    expect_bytes("{\"hex\": \"00 fFa1\"}", "\0\xff\xa1", 3);
    expect_bytes("{\"hex\": \"\"}", "", 0);
    expect_bad_by(&spec_of_bytes, "7", "1:1: : found 7, allowed: a text; or bytes (an object)");
    expect_bad_by(&spec_of_bytes, "{}", "1:1: : missing key \"hex\"");
}

/* -- the schema -- */

static void expect_schema(const struct spec *spec, const char *rest) {
    struct cJSON *schema = spec_schema(spec, "https://x.example/s.json", "A table");
    char *got = cJSON_PrintUnformatted(schema);
    static const char head[] = "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                               "\"$id\":\"https://x.example/s.json\",\"title\":\"A table\",";
    cr_assert_eq(strncmp(got, head, strlen(head)), 0, "%s", got);
    cr_expect_str_eq(got + strlen(head), rest, "%s", got + strlen(head));
    cJSON_free(got);
    cJSON_Delete(schema);
}

Test(spec, the_schema_says_required_keys_and_verbs) {
    expect_schema(&verb,
                  "\"type\":\"object\",\"properties\":{"
                  "\"name\":{\"description\":\"A name.\",\"type\":\"string\",\"minLength\":1,"
                  "\"maxLength\":8},"
                  "\"error\":{\"description\":\"Fails.\",\"type\":\"integer\",\"minimum\":-1,"
                  "\"maximum\":999},"
                  "\"drop\":{\"type\":\"boolean\"}},"
                  "\"required\":[\"name\"],"
                  "\"oneOf\":[{\"required\":[\"error\"]},{\"required\":[\"drop\"]}],"
                  "\"additionalProperties\":false}");
}

static const struct spec step;
static const struct spec steps = {.type = SPEC_LIST, .item = &step};
static const struct spec named = {.type = SPEC_MAP,
                                  .item = &step,
                                  .lo = 0,
                                  .hi = 2,
                                  .check = check_lower,
                                  .pattern = "^[^A-Z]*$"};
static const struct spec *const either[] = {&step, &steps, &word, NULL};
static const struct spec any = {.type = SPEC_CHOICE, .choices = either};
static const struct spec_key step_keys[] = {
    {"any", &any, NULL, 0},     {"match", &pattern, NULL, 0},       {"wait", &wait, NULL, 0},
    {"named", &named, NULL, 0}, {"bytes", &spec_of_bytes, "B.", 0}, {.name = NULL},
};
static const struct spec step = {
    .type = SPEC_OBJECT, .name = "a step of a script", .keys = step_keys, .is_shared = true};

Test(spec, the_schema_of_specs_that_recurse_ends) {
    expect_schema(
        &step,
        "\"$ref\":\"#/$defs/step-of-a-script\",\"$defs\":{"
        "\"step-of-a-script\":{\"type\":\"object\",\"properties\":{"
        "\"any\":{\"oneOf\":[{\"$ref\":\"#/$defs/step-of-a-script\"},"
        "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/step-of-a-script\"}},"
        "{\"enum\":[\"lost\",\"found\"]}]},"
        "\"match\":{\"type\":\"string\",\"maxLength\":256},"
        "\"wait\":{\"type\":\"string\",\"pattern\":\"^[0-9]{1,9}(\\\\.[0-9]{1,6})?(ms|s|min|h)$\"},"
        "\"named\":{\"type\":\"object\",\"minProperties\":0,\"maxProperties\":2,"
        "\"propertyNames\":{\"pattern\":\"^[^A-Z]*$\"},"
        "\"additionalProperties\":{\"$ref\":\"#/$defs/step-of-a-script\"}},"
        "\"bytes\":{\"description\":\"B.\",\"$ref\":\"#/$defs/bytes\"}},"
        "\"additionalProperties\":false},"
        "\"bytes\":{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{"
        "\"hex\":{\"description\":\"The bytes as pairs of hexadecimal "
        "digits.\",\"type\":\"string\","
        "\"pattern\":\"^([0-9A-Fa-f]{2} *)*$\"}},"
        "\"required\":[\"hex\"],\"additionalProperties\":false}]}}}");
}

Test(spec, the_schema_says_limits_as_the_check_has_them) {
    static const struct spec wide = {.type = SPEC_TEXT, .lo = 5, .hi = INFINITY};
    static const struct spec pairs = {.type = SPEC_HEX, .lo = 2, .hi = INFINITY};
    static const struct spec_key keys[] = {
        {"wide", &wide, NULL, 0},   {"pairs", &pairs, NULL, 0},
        {"hex", &hex, NULL, 0},     {"more", &more, NULL, 0},
        {"part", &part, NULL, 0},   {"number", &number, NULL, 0},
        {"lower", &lower, NULL, 0}, {.name = NULL},
    };
    static const struct spec all = {.type = SPEC_OBJECT, .keys = keys};
    expect_schema(&all, "\"type\":\"object\",\"properties\":{"
                        "\"wide\":{\"type\":\"string\",\"minLength\":2},"
                        "\"pairs\":{\"type\":\"string\",\"pattern\":\"^([0-9A-Fa-f]{2} *){2,}$\"},"
                        "\"hex\":{\"type\":\"string\",\"pattern\":\"^([0-9A-Fa-f]{2} *){1,3}$\"},"
                        "\"more\":{\"type\":\"array\",\"minItems\":2,\"items\":{\"type\":"
                        "\"boolean\"}},"
                        "\"part\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},"
                        "\"number\":{\"type\":\"number\"},"
                        "\"lower\":{\"type\":\"string\",\"pattern\":\"^[^A-Z]*$\"}},"
                        "\"additionalProperties\":false}");
}
