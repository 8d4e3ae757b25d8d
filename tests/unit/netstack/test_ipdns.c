#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netstack/ipdns.h"

static struct ipdns_question q;
static uint8_t out[IPDNS_ANSWER_MAX];

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define PARSE(text) ipdns_parse(&q, (const uint8_t *)(text), sizeof(text) - 1)

Test(ipdns, a_question_is_read_and_answered) {
    cr_assert_eq(PARSE(HEAD "\x04test\x07"
                            "example\x00\x00\x01\x00\x01"),
                 0);
    cr_assert_str_eq(q.name, "test.example");
    cr_assert_eq(q.type, IPDNS_A);
    size_t n = ipdns_answer_ip(&q, 0xc6120001u, out);
    static const char right[] = "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
                                "\x04test\x07"
                                "example\x00\x00\x01\x00\x01"
                                "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x12\x00\x01";
    cr_assert_eq(n, sizeof right - 1);
    cr_assert_eq(memcmp(out, right, n), 0);
}

Test(ipdns, an_answer_without_records_keeps_the_question) {
    cr_assert_eq(PARSE(HEAD "\x01x\x00\x00\x1c\x00\x01"), 0);
    cr_assert_eq(q.type, 28);
    cr_assert_eq(ipdns_answer(&q, IPDNS_NO_NAME, out), 12 + 7);
    cr_assert_eq(out[3], 0x83);
    cr_assert_eq(out[7], 0);
    cr_assert_eq(memcmp(out + 12, "\x01x\x00\x00\x1c\x00\x01", 7), 0);
}

Test(ipdns, what_follows_the_question_is_ignored) {
    cr_assert_eq(PARSE("\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x01x\x00\x00\x01\x00\x01"
                       "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"),
                 0);
    cr_assert_eq(ipdns_answer_ip(&q, 1, out), 12 + 7 + 16);
}

Test(ipdns, a_reverse_question_has_an_address) {
    uint32_t ip = 0;
    cr_assert_eq(PARSE(HEAD "\x01"
                            "4\x01"
                            "3\x01"
                            "2\x03"
                            "100\x07in-addr\x04"
                            "ARPA\x00\x00\x0c\x00\x01"),
                 0);
    cr_assert_eq(ipdns_reverse(&q, &ip), 0);
    cr_assert_eq(ip, 0x64020304u);
    size_t n = ipdns_answer_name(&q, "a.bc", out);
    cr_assert_eq(memcmp(out + n - 6,
                        "\x01"
                        "a\x02"
                        "bc\x00",
                        6),
                 0);
    cr_assert_eq(ipdns_answer_name(&q, "not a name", out), 12 + q.n_wire);
    cr_assert_eq(out[3] & 15, IPDNS_NO_NAME);
}

Test(ipdns, other_reverse_questions_have_none) {
    uint32_t ip = 0;
    cr_assert_eq(PARSE(HEAD "\x07in-addr\x04"
                            "arpa\x00\x00\x0c\x00\x01"),
                 0);
    cr_assert_eq(ipdns_reverse(&q, &ip), -EINVAL);
    cr_assert_eq(PARSE(HEAD "\x03"
                            "256\x01"
                            "1\x01"
                            "1\x01"
                            "1\x07in-addr\x04"
                            "arpa\x00\x00\x0c\x00\x01"),
                 0);
    cr_assert_eq(ipdns_reverse(&q, &ip), -EINVAL);
}

Test(ipdns, what_is_not_a_question_gets_no_answer) {
    cr_assert_eq(PARSE(""), -EINVAL);
    cr_assert_eq(PARSE("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00"), -EINVAL);
    cr_assert_eq(PARSE("\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00"), -EINVAL, "an answer");
}

Test(ipdns, what_cannot_be_read_is_a_format_error) {
    static const struct {
        const char *p;
        size_t n;
    } broken[] = {
#define ROW(text) {text, sizeof(text) - 1}
        ROW(HEAD),
        ROW("\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"), /* none */
        ROW("\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"), /* two */
        ROW(HEAD "\x01x\x00\x00\x01\x00"),                                           /* cut */
        ROW(HEAD "\x05x\x00\x00\x01\x00\x01"), /* a label longer than the message */
        ROW(HEAD "\x01x"),                     /* no end */
        ROW(HEAD "\xc0\x0c\x00\x01\x00\x01"),  /* a pointer to itself */
        ROW(HEAD "\x40x\x00\x00\x01\x00\x01"), /* a label of a kind that is not */
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        uint8_t *copy = malloc(broken[i].n);
        memcpy(copy, broken[i].p, broken[i].n);
        cr_assert_eq(ipdns_parse(&q, copy, broken[i].n), IPDNS_FORMAT_ERROR, "%zu", i);
        free(copy);
        cr_assert_eq(ipdns_answer(&q, IPDNS_FORMAT_ERROR, out), 12);
        cr_assert_eq(out[5], 0, "the question is not repeated");
    }
}

Test(ipdns, other_operations_and_classes_are_not_done) {
    cr_assert_eq(PARSE("\x12\x34\x28\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"),
                 IPDNS_NOT_DONE);
    cr_assert_eq(PARSE(HEAD "\x01x\x00\x00\x01\x00\x03"), IPDNS_REFUSED);
}

Test(ipdns, a_name_that_no_text_can_say_is_no_hosts) {
    cr_assert_eq(PARSE(HEAD "\x03"
                            "a.b\x00\x00\x01\x00\x01"),
                 0);
    cr_assert_str_eq(q.name, "");
    cr_assert_eq(PARSE(HEAD "\x02"
                            "a\x00\x00\x00\x01\x00\x01"),
                 0);
    cr_assert_str_eq(q.name, "");
}

Test(ipdns, the_longest_name_passes_and_a_longer_one_does_not) {
    uint8_t p[400] = HEAD;
    size_t n = 12;
    for (unsigned i = 0; i < 4; i++) {
        size_t label = i < 3 ? 63 : 61;
        p[n++] = (uint8_t)label;
        memset(p + n, 'a', label);
        n += label;
    }
    memcpy(p + n, "\x00\x00\x01\x00\x01", 5);
    cr_assert_eq(ipdns_parse(&q, p, n + 5), 0);
    cr_assert_eq(strlen(q.name), 253);
    cr_assert_eq(ipdns_answer_ip(&q, 1, out), n + 5 + 16);
    p[12 + 3 * 64] = 62;
    p[n++] = 'a';
    memcpy(p + n, "\x00\x00\x01\x00\x01", 5);
    cr_assert_eq(ipdns_parse(&q, p, n + 5), IPDNS_FORMAT_ERROR);
}
