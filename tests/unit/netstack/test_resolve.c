#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "base/clk.h"
#include "netstack/bearer.h"
#include "netstack/resolve.h"
#include "tests/support/fake_host.h"

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;
static struct {
    int calls, err;
    uint32_t ip;
    char name[300];
} seen;

static void on_name(void *ctx, int err, uint32_t ip) {
    (void)ctx;
    seen.calls++;
    seen.err = err;
    seen.ip = ip;
}

static void on_addr(void *ctx, int err, const char *name) {
    (void)ctx;
    seen.calls++;
    seen.err = err;
    snprintf(seen.name, sizeof seen.name, "%s", name != NULL ? name : "");
}

static void setup(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    bearer_init(&bearer, clk, fake_host_net(fake));
    bearer_up(&bearer, 1);
    fake_host_add_name(fake, "www.sim.com", 0x01020304u);
}

static void teardown(void) {
    bearer_fini(&bearer);
    fake_host_free(fake);
    clk_close(clk);
}

TestSuite(resolve, .init = setup, .fini = teardown);

Test(resolve, a_name_gives_its_address) {
    cr_assert_not_null(resolve_name(&bearer, SV("WWW.sim.com"), 0, on_name, NULL));
    cr_assert_eq(seen.calls, 0);
    fake_host_run(fake);
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.err, 0);
    cr_assert_eq(seen.ip, 0x01020304u);
    cr_assert_lt(clk_next_due(clk).us, 0);
}

Test(resolve, a_dotted_quad_answers_itself_without_a_query) {
    cr_assert_not_null(resolve_name(&bearer, SV("10.0.0.7"), 0, on_name, NULL));
    cr_assert_eq(seen.calls, 0);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.ip, 0x0a000007u);
    cr_assert_eq(fake_host_queries(fake), 0);
}

Test(resolve, a_name_that_does_not_exist_is_not_asked_for_again) {
    resolve_name(&bearer, SV("no.such"), 5, on_name, NULL);
    fake_host_run(fake);
    cr_assert_eq(seen.err, -ENOENT);
    clk_advance(clk, CLK_S(100));
    cr_assert_eq(fake_host_queries(fake), 1);
    cr_assert_eq(seen.calls, 1);
}

/* Queries without an answer: the next ones and the end at their exact instants (note 2.8). */
static void check_schedule(int broken) {
    static const int64_t ends_s[] = {3, 3 + 4, 3 + 4 + 5, 3 + 4 + 5 + 6};
    fake_host_break_names(fake, broken);
    resolve_name(&bearer, SV("www.sim.com"), 3, on_name, NULL);
    fake_host_run(fake);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(fake_host_queries(fake), i + 1);
        cr_assert_eq(seen.calls, 0);
        int64_t left_us = ends_s[i] * 1000000 - clk_now(clk).us;
        clk_advance(clk, CLK_US(left_us - 1));
        fake_host_run(fake);
        cr_assert_eq(fake_host_queries(fake), i + 1);
        cr_assert_eq(seen.calls, 0);
        clk_advance(clk, CLK_US(1));
        fake_host_run(fake);
    }
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.err, -ETIMEDOUT);
    cr_assert_eq(fake_host_queries(fake), 4);
    cr_assert_eq(fake_host_open_count(fake), 0);
}

Test(resolve, silent_servers_are_asked_by_the_schedule) {
    check_schedule(1);
}

Test(resolve, failing_servers_are_as_good_as_silent_ones) {
    check_schedule(-EIO);
}

Test(resolve, a_later_query_may_be_answered) {
    fake_host_break_names(fake, 1);
    resolve_name(&bearer, SV("www.sim.com"), 1, on_name, NULL);
    clk_advance(clk, CLK_MS(2999));
    fake_host_break_names(fake, 0);
    clk_advance(clk, CLK_MS(1));
    fake_host_run(fake);
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.err, 0);
}

Test(resolve, an_address_gives_its_name) {
    resolve_addr(&bearer, 0x01020304u, 0, on_addr, NULL);
    fake_host_run(fake);
    cr_assert_eq(seen.err, 0);
    cr_assert_str_eq(seen.name, "www.sim.com");
    resolve_addr(&bearer, 0x01020305u, 0, on_addr, NULL);
    fake_host_run(fake);
    cr_assert_eq(seen.err, -ENOENT);
    fake_host_break_names(fake, 1);
    resolve_addr(&bearer, 0x01020304u, 1, on_addr, NULL);
    clk_advance(clk, CLK_S(7));
    cr_assert_eq(seen.err, -ETIMEDOUT);
    cr_assert_eq(seen.calls, 3);
}

Test(resolve, malformed_names_and_a_missing_bearer_are_refused) {
    cr_assert_null(resolve_name(&bearer, SV("a..b"), 0, on_name, NULL));
    cr_assert_null(resolve_name(&bearer, SV(""), 0, on_name, NULL));
    bearer_down(&bearer);
    cr_assert_null(resolve_name(&bearer, SV("www.sim.com"), 0, on_name, NULL));
    cr_assert_null(resolve_name(&bearer, SV("10.0.0.7"), 0, on_name, NULL));
    cr_assert_null(resolve_addr(&bearer, 0x01020304u, 0, on_addr, NULL));
}

Test(resolve, cancelled_it_is_silent) {
    struct net_resolve *r = resolve_name(&bearer, SV("www.sim.com"), 3, on_name, NULL);
    resolve_cancel(r);
    r = resolve_name(&bearer, SV("10.0.0.7"), 3, on_name, NULL);
    resolve_cancel(r);
    resolve_cancel(NULL);
    fake_host_run(fake);
    clk_advance(clk, CLK_S(100));
    cr_assert_eq(seen.calls, 0);
    cr_assert_eq(fake_host_open_count(fake), 0);
}

Test(resolve, the_loss_of_the_bearer_is_told_in_a_later_turn) {
    resolve_name(&bearer, SV("www.sim.com"), 3, on_name, NULL);
    bearer_down(&bearer);
    cr_assert_eq(fake_host_open_count(fake), 0);
    cr_assert_eq(seen.calls, 0);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.err, -ENETDOWN);
    clk_advance(clk, CLK_S(100));
    cr_assert_eq(seen.calls, 1);
}

/* -- the note's recommendation (2.8) -- */

Test(resolve, five_retries_take_33_seconds_on_an_open_network) {
    fake_host_break_names(fake, 1);
    resolve_name(&bearer, SV("www.sim.com"), 5, on_name, NULL);
    clk_advance(clk, CLK_US(32999999)); /* 3 + 4 + 5 + 6 + 7 + 8 s */
    cr_assert_eq(seen.calls, 0);
    cr_assert_eq(fake_host_queries(fake), 6);
    clk_advance(clk, CLK_US(1));
    cr_assert_eq(seen.err, -ETIMEDOUT);
}

/* -- over a bad path -- */

static void impair(enum impair_direction dir, const char *text) {
    struct sv wrong;
    cr_assert_eq(impair_parse(&bearer.impair[dir], sv_of(text), &wrong), 0);
    bearer_changed(&bearer);
}

Test(resolve, a_lost_query_or_answer_is_asked_for_again) {
    for (int dir = 0; dir < IMPAIR_DIRECTIONS; dir++) {
        int64_t from_us = clk_now(clk).us;
        seen.calls = 0;
        impair((enum impair_direction)dir, "lose=2");
        resolve_name(&bearer, SV("www.sim.com"), 5, on_name, NULL);
        fake_host_run(fake);
        for (int i = 0; i < 100 && seen.calls == 0; i++) {
            clk_advance(clk, CLK_MS(100));
            fake_host_run(fake);
        }
        cr_assert_eq(seen.err, 0);
        cr_assert_eq(clk_now(clk).us - from_us, 7000000);
    }
}

Test(resolve, in_a_black_hole_the_limit_is_reached) {
    impair(IMPAIR_DOWN, "black-hole");
    resolve_name(&bearer, SV("www.sim.com"), 1, on_name, NULL);
    clk_advance(clk, CLK_US(6999999));
    cr_assert_eq(seen.calls, 0);
    clk_advance(clk, CLK_US(1));
    cr_assert_eq(seen.err, -ETIMEDOUT);
    cr_assert_eq(fake_host_queries(fake), 0);
}

Test(resolve, latency_delays_the_answer) {
    impair(IMPAIR_UP, "latency=400");
    impair(IMPAIR_DOWN, "latency=600");
    resolve_name(&bearer, SV("www.sim.com"), 0, on_name, NULL);
    clk_advance(clk, CLK_US(999999));
    fake_host_run(fake);
    cr_assert_eq(seen.calls, 0);
    clk_advance(clk, CLK_US(1));
    fake_host_run(fake);
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.err, 0);
}

Test(resolve, an_answer_that_takes_longer_than_every_wait_is_none) {
    impair(IMPAIR_DOWN, "latency=60000");
    resolve_name(&bearer, SV("www.sim.com"), 5, on_name, NULL);
    clk_advance(clk, CLK_S(100));
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.err, -ETIMEDOUT);
    cr_assert_lt(clk_next_due(clk).us, 0);
}

Test(resolve, cancelled_or_without_bearer_a_query_in_the_air_is_gone) {
    impair(IMPAIR_DOWN, "latency=1000");
    resolve_cancel(resolve_name(&bearer, SV("www.sim.com"), 5, on_name, NULL));
    resolve_name(&bearer, SV("www.sim.com"), 5, on_name, NULL);
    bearer_down(&bearer);
    clk_advance(clk, CLK_S(100));
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.err, -ENETDOWN);
    cr_assert_eq(fake_host_queries(fake), 0);
}

static struct bearer_name decided;
static int asked;

static struct bearer_name decide(void *ctx, struct sv name) {
    cr_assert_eq(ctx, &decided);
    cr_assert(sv_eq(name, SV("www.sim.com")));
    asked++;
    return decided;
}

static void look_up_decided(struct bearer_name how) {
    decided = how;
    bearer.on_name = decide;
    bearer.name_ctx = &decided;
    int calls = seen.calls;
    cr_assert_not_null(resolve_name(&bearer, SV("www.sim.com"), 1, on_name, NULL));
    cr_assert_eq(seen.calls, calls);
}

Test(resolve, a_query_may_be_decided_behind_the_way_there_and_back) {
    bearer.impair[IMPAIR_DOWN].latency_ms = 500;
    look_up_decided((struct bearer_name){BEARER_NAME_IS, 0x0a000009u, CLK_S(1)});
    clk_advance(clk, CLK_US(1499999));
    cr_assert_eq(seen.calls, 0);
    clk_advance(clk, CLK_US(1));
    cr_assert(seen.calls == 1 && seen.err == 0 && seen.ip == 0x0a000009u);
    look_up_decided((struct bearer_name){.act = BEARER_NAME_UNKNOWN});
    clk_advance(clk, CLK_MS(500));
    cr_assert(seen.calls == 2 && seen.err == -ENOENT);
    cr_assert_eq(fake_host_queries(fake), 0);
}

Test(resolve, a_decision_that_is_too_late_or_none_at_all_is_asked_for_again) {
    look_up_decided((struct bearer_name){BEARER_NAME_IS, 1, CLK_S(10)});
    clk_advance(clk, CLK_S(7));
    cr_assert(seen.calls == 1 && seen.err == -ETIMEDOUT && asked == 2);
    look_up_decided((struct bearer_name){.act = BEARER_NAME_SILENT});
    clk_advance(clk, CLK_S(7));
    cr_assert(seen.calls == 2 && seen.err == -ETIMEDOUT && asked == 4);
    look_up_decided((struct bearer_name){.delay = CLK_S(2)});
    clk_advance(clk, CLK_S(2));
    fake_host_run(fake);
    cr_assert(seen.calls == 3 && seen.err == 0 && seen.ip == 0x01020304u);
}

Test(resolve, no_name_exists_where_there_are_none) {
    bearer.impair[IMPAIR_UP].no_names = true;
    resolve_name(&bearer, SV("WWW.sim.com"), 5, on_name, NULL);
    cr_assert_eq(seen.calls, 0);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(seen.calls, 1);
    cr_assert_eq(seen.err, -ENOENT);
    cr_assert_eq(fake_host_queries(fake), 0);
}
