#include "base/bus.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static char heard[64];

/* The context is the listener's letter, the topic and the payload are digits. */
static void on_bus(void *ctx, unsigned topic, const void *payload) {
    size_t n = strlen(heard);
    heard[n] = *(const char *)ctx;
    heard[n + 1] = (char)('0' + topic);
    heard[n + 2] = payload != NULL ? *(const char *)payload : '-';
    heard[n + 3] = '\0';
}

static void reset(void) {
    heard[0] = '\0';
}

Test(bus, listeners_are_called_at_once_in_the_order_they_came, .init = reset) {
    struct bus b;
    bus_init(&b);
    char a = 'a', c = 'c';
    bus_listen(&b, on_bus, &a);
    bus_listen(&b, on_bus, &c);
    bus_post(&b, 3, "p");
    bus_post(&b, 4, NULL);
    cr_assert_str_eq(heard, "a3pc3pa4-c4-");
}

Test(bus, who_ignores_hears_nothing_and_the_others_keep_their_order, .init = reset) {
    struct bus b;
    bus_init(&b);
    char a = 'a', c = 'c', d = 'd';
    bus_listen(&b, on_bus, &a);
    bus_listen(&b, on_bus, &c);
    bus_listen(&b, on_bus, &d);
    bus_ignore(&b, on_bus, &a);
    bus_post(&b, 1, NULL);
    cr_assert_str_eq(heard, "c1-d1-");
}

Test(bus, ignoring_an_unknown_context_changes_nothing, .init = reset) {
    struct bus b;
    bus_init(&b);
    char a = 'a', c = 'c';
    bus_listen(&b, on_bus, &a);
    bus_ignore(&b, on_bus, &c);
    bus_post(&b, 1, NULL);
    cr_assert_str_eq(heard, "a1-");
}

Test(bus, full_bus_takes_no_further_listener, .signal = SIGABRT) {
    struct bus b;
    bus_init(&b);
    char a[LIMIT_BUS_LISTENERS + 1];
    for (size_t i = 0; i < LIMIT_BUS_LISTENERS; i++) {
        bus_listen(&b, on_bus, &a[i]);
    }
    bus_listen(&b, on_bus, &a[LIMIT_BUS_LISTENERS]);
}

Test(bus, place_of_who_left_can_be_taken_again) {
    struct bus b;
    bus_init(&b);
    char a[LIMIT_BUS_LISTENERS];
    for (size_t i = 0; i < LIMIT_BUS_LISTENERS; i++) {
        bus_listen(&b, on_bus, &a[i]);
    }
    bus_ignore(&b, on_bus, &a[LIMIT_BUS_LISTENERS - 1]);
    bus_listen(&b, on_bus, &a[0]);
    cr_assert_eq(b.n, LIMIT_BUS_LISTENERS);
}

/* -- questions -- */

static struct bus_verdict on_ask(void *ctx, unsigned point, void *what) {
    int *asked = ctx;
    asked[point]++;
    *(char *)what = '!';
    return (struct bus_verdict){.act = BUS_FAIL, .code = (int)point};
}

Test(bus, a_question_that_nobody_answers_changes_nothing) {
    struct bus b;
    bus_init(&b);
    char what = '?';
    struct bus_verdict v = bus_ask(&b, 0, &what);
    cr_assert_eq(v.act, BUS_GO);
    cr_assert_eq(v.delay.us, 0);
    cr_assert_eq(what, '?');
}

Test(bus, the_answerer_is_asked_where_it_wants_to_be_and_nowhere_else) {
    struct bus b;
    int asked[32] = {0};
    char what = '?';
    bus_init(&b);
    bus_answer(&b, on_ask, asked);
    cr_assert_eq(bus_ask(&b, 5, &what).act, BUS_GO, "it has not said where yet");
    bus_want(&b, 1u << 5 | 1u << 31);
    cr_assert_eq(bus_ask(&b, 4, &what).act, BUS_GO);
    cr_assert_eq(what, '?');
    cr_assert_eq(bus_ask(&b, 5, &what).code, 5);
    cr_assert_eq(bus_ask(&b, 31, &what).code, 31);
    cr_assert_eq(what, '!');
    cr_assert_eq(asked[4] + 2 * asked[5] + 4 * asked[31], 6);
}

Test(bus, an_answerer_that_leaves_is_asked_no_more) {
    struct bus b;
    int asked[32] = {0};
    char what = '?';
    bus_init(&b);
    bus_answer(&b, on_ask, asked);
    bus_want(&b, UINT32_MAX);
    bus_answer(&b, NULL, NULL);
    cr_assert_eq(bus_ask(&b, 7, &what).act, BUS_GO);
    bus_answer(&b, on_ask, asked);
    bus_want(&b, UINT32_MAX);
    cr_assert_eq(bus_ask(&b, 7, &what).act, BUS_FAIL);
}

Test(bus, there_is_one_answerer, .signal = SIGABRT) {
    struct bus b;
    bus_init(&b);
    bus_answer(&b, on_ask, NULL);
    bus_answer(&b, on_ask, NULL);
}
