#include "base/clk.h"

#include <criterion/criterion.h>
#include <uv.h>

/* What fired, in order, and when. */
static struct {
    struct clk *clk;
    int ids[64];
    int64_t at_us[64];
    int n;
} seen;

struct probe {
    struct clk_timer timer;
    int id;
};

static void on_fire(void *ctx) {
    const struct probe *p = ctx;
    if (seen.n < 64) {
        seen.ids[seen.n] = p->id;
        seen.at_us[seen.n] = clk_now(seen.clk).us;
    }
    seen.n++;
}

static void start(struct probe *p, int id, clk_dur in) {
    p->id = id;
    clk_start(seen.clk, &p->timer, in, on_fire, p);
}

static void use_manual(void) {
    seen.clk = clk_new_manual();
    seen.n = 0;
}

static void close_clk(void) {
    clk_close(seen.clk);
}

Test(clk, manual_timers_fire_by_due_instant_not_by_start, .init = use_manual, .fini = close_clk) {
    struct probe p[3] = {0};
    start(&p[0], 0, CLK_MS(30));
    start(&p[1], 1, CLK_MS(10));
    start(&p[2], 2, CLK_MS(20));
    clk_advance(seen.clk, CLK_MS(25));
    cr_assert_eq(seen.n, 2);
    cr_assert_eq(seen.ids[0], 1);
    cr_assert_eq(seen.ids[1], 2);
    cr_assert(clk_pending(&p[0].timer));
    cr_assert_not(clk_pending(&p[1].timer));
}

Test(clk, manual_callback_sees_its_own_due_instant, .init = use_manual, .fini = close_clk) {
    struct probe p[2] = {0};
    start(&p[0], 0, CLK_MS(10));
    start(&p[1], 1, CLK_MS(20));
    clk_advance(seen.clk, CLK_S(1));
    cr_assert_eq(seen.at_us[0], 10000);
    cr_assert_eq(seen.at_us[1], 20000);
    cr_assert_eq(clk_now(seen.clk).us, 1000000);
}

Test(clk, manual_timer_fires_at_its_instant_and_not_a_microsecond_before, .init = use_manual,
     .fini = close_clk) {
    struct probe p = {0};
    start(&p, 0, CLK_S(1));
    clk_advance(seen.clk, CLK_US(999999));
    cr_assert_eq(seen.n, 0);
    clk_advance(seen.clk, CLK_US(1));
    cr_assert_eq(seen.n, 1);
}

Test(clk, equal_deadlines_fire_in_start_order, .init = use_manual, .fini = close_clk) {
    struct probe p[40] = {0};
    for (int i = 0; i < 40; i++) {
        start(&p[i], i, CLK_MS(5));
    }
    clk_advance(seen.clk, CLK_MS(5));
    cr_assert_eq(seen.n, 40);
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(seen.ids[i], i, "place %d is taken by timer %d", i, seen.ids[i]);
    }
}

Test(clk, restarting_a_timer_puts_it_behind_its_equals, .init = use_manual, .fini = close_clk) {
    struct probe p[2] = {0};
    start(&p[0], 0, CLK_MS(5));
    start(&p[1], 1, CLK_MS(5));
    start(&p[0], 0, CLK_MS(5));
    clk_advance(seen.clk, CLK_MS(5));
    cr_assert_eq(seen.n, 2);
    cr_assert_eq(seen.ids[0], 1);
    cr_assert_eq(seen.ids[1], 0);
}

Test(clk, heap_keeps_order_when_timers_are_stopped_in_the_middle, .init = use_manual,
     .fini = close_clk) {
    struct probe p[60] = {0};
    /* 7 is prime to 60: every distance from 1 to 60 ms occurs once, in a mixed order. */
    for (int i = 0; i < 60; i++) {
        start(&p[i], i, CLK_MS(i * 7 % 60 + 1));
    }
    for (int i = 0; i < 60; i += 3) {
        clk_stop(seen.clk, &p[i].timer);
        cr_assert_not(clk_pending(&p[i].timer));
    }
    clk_advance(seen.clk, CLK_S(1));
    cr_assert_eq(seen.n, 40);
    for (int i = 0; i < 40; i++) {
        cr_assert_neq(seen.ids[i] % 3, 0, "timer %d was stopped", seen.ids[i]);
        cr_assert(i == 0 || seen.at_us[i] > seen.at_us[i - 1]);
    }
}

Test(clk, stopping_a_timer_that_was_never_started_is_allowed, .init = use_manual,
     .fini = close_clk) {
    struct probe p = {0};
    clk_stop(seen.clk, &p.timer);
    cr_assert_not(clk_pending(&p.timer));
}

Test(clk, time_below_zero_counts_as_now, .init = use_manual, .fini = close_clk) {
    struct probe p = {0};
    clk_advance(seen.clk, CLK_S(1));
    start(&p, 0, CLK_MS(-500));
    cr_assert_eq(seen.n, 0, "it must not be called from inside clk_start");
    cr_assert_eq(clk_next_due(seen.clk).us, 0);
    clk_advance(seen.clk, CLK_US(0));
    cr_assert_eq(seen.n, 1);
    cr_assert_eq(seen.at_us[0], 1000000);
}

struct chain {
    struct clk_timer timer;
    struct clk *clk;
    int left;
};

static void on_chain(void *ctx) {
    struct chain *c = ctx;
    if (--c->left > 0) {
        clk_start(c->clk, &c->timer, CLK_MS(10), on_chain, c);
    }
}

Test(clk, timer_restarted_in_its_own_callback_goes_on_in_the_same_advance, .init = use_manual,
     .fini = close_clk) {
    struct chain c = {.clk = seen.clk, .left = 5};
    clk_start(seen.clk, &c.timer, CLK_MS(10), on_chain, &c);
    clk_advance(seen.clk, CLK_MS(39));
    cr_assert_eq(c.left, 2);
    cr_assert_eq(clk_next_due(seen.clk).us, 1000, "the chain must not drift");
    clk_advance(seen.clk, CLK_S(1));
    cr_assert_eq(c.left, 0);
    cr_assert(clk_next_due(seen.clk).us < 0);
}

static void on_stop_other(void *ctx) {
    struct probe *other = ctx;
    clk_stop(seen.clk, &other->timer);
}

Test(clk, timer_stopped_by_a_sibling_due_at_the_same_instant_does_not_fire, .init = use_manual,
     .fini = close_clk) {
    struct probe victim = {0};
    struct clk_timer killer = {0};
    clk_start(seen.clk, &killer, CLK_MS(5), on_stop_other, &victim);
    start(&victim, 1, CLK_MS(5));
    clk_advance(seen.clk, CLK_MS(5));
    cr_assert_eq(seen.n, 0);
}

Test(clk, next_due_is_the_earliest_and_negative_when_there_is_none, .init = use_manual,
     .fini = close_clk) {
    struct probe p[2] = {0};
    cr_assert(clk_next_due(seen.clk).us < 0);
    start(&p[0], 0, CLK_MS(30));
    start(&p[1], 1, CLK_MS(20));
    clk_advance(seen.clk, CLK_MS(5));
    cr_assert_eq(clk_next_due(seen.clk).us, 15000);
    clk_stop(seen.clk, &p[1].timer);
    cr_assert_eq(clk_next_due(seen.clk).us, 25000);
}

Test(clk, manual_wall_time_starts_at_2000_and_moves_with_the_clock, .init = use_manual,
     .fini = close_clk) {
    int64_t y2000_us = 946684800LL * 1000000;
    cr_assert_eq(clk_wall_now(seen.clk).us, y2000_us);
    clk_advance(seen.clk, CLK_S(90));
    cr_assert_eq(clk_wall_now(seen.clk).us, y2000_us + 90 * 1000000LL);
}

Test(clk, since_counts_from_an_earlier_instant, .init = use_manual, .fini = close_clk) {
    clk_advance(seen.clk, CLK_MS(3));
    clk_mono then = clk_now(seen.clk);
    clk_advance(seen.clk, CLK_MS(4));
    cr_assert_eq(clk_since(seen.clk, then).us, 4000);
}

Test(clk, closing_forgets_pending_timers) {
    seen.clk = clk_new_manual();
    struct probe p = {0};
    start(&p, 0, CLK_MS(5));
    clk_close(seen.clk);
    cr_assert_not(clk_pending(&p.timer));
    clk_close(NULL);
}

/* -- clocks that run by themselves: a loop, kept alive by the test until its last timer -- */

static uv_loop_t loop;
static uv_idle_t alive; /* the clock's own handle is unreferenced */

static void on_idle(uv_idle_t *idle) {
    (void)idle;
}

static void use_loop(unsigned factor) {
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(uv_idle_init(&loop, &alive), 0);
    cr_assert_eq(uv_idle_start(&alive, on_idle), 0);
    seen.clk = clk_new_real(&loop, factor);
    seen.n = 0;
}

static void run_until(int n) {
    while (seen.n < n) {
        uv_run(&loop, UV_RUN_ONCE);
    }
}

static void close_loop(void) {
    clk_close(seen.clk);
    uv_close((uv_handle_t *)&alive, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

Test(clk, real_timers_fire_by_due_instant_and_never_early) {
    use_loop(1);
    struct probe p[4] = {0};
    int64_t from = clk_now(seen.clk).us;
    start(&p[0], 0, CLK_MS(6));
    start(&p[1], 1, CLK_MS(2));
    start(&p[2], 2, CLK_MS(2));
    start(&p[3], 3, CLK_US(0));
    run_until(4);
    cr_assert_eq(seen.ids[0], 3);
    cr_assert_eq(seen.ids[1], 1);
    cr_assert_eq(seen.ids[2], 2);
    cr_assert_eq(seen.ids[3], 0);
    cr_assert_geq(seen.at_us[1], from + 2000);
    cr_assert_geq(seen.at_us[3], from + 6000);
    close_loop();
}

Test(clk, scaled_clock_runs_that_many_times_as_fast, .timeout = 10) {
    use_loop(1000);
    struct clk *host = clk_new_real(&loop, 1);
    struct probe p = {0};
    clk_mono host_from = clk_now(host);
    int64_t from = clk_now(seen.clk).us;
    start(&p, 0, CLK_S(30));
    run_until(1);
    int64_t modem_us = seen.at_us[0] - from;
    int64_t host_us = clk_since(host, host_from).us;
    cr_assert_geq(modem_us, 30 * 1000000LL);
    /* A ratio, so that a slow machine does not matter: both clocks saw the same wait. */
    cr_assert_geq(host_us, 29000, "30 s of modem time are 30 ms of the host's");
    cr_assert_leq(host_us * 1000, modem_us * 2);
    clk_close(host);
    close_loop();
}

Test(clk, time_stands_still_within_one_turn_of_the_loop) {
    use_loop(1);
    clk_mono first = clk_now(seen.clk);
    for (int i = 0; i < 100000; i++) {
        cr_assert_eq(clk_now(seen.clk).us, first.us);
    }
    close_loop();
}

static void on_again(void *ctx) {
    struct probe *p = ctx;
    seen.n++;
    clk_start(seen.clk, &p->timer, CLK_US(0), on_again, p);
}

Test(clk, timer_that_rearms_itself_for_now_lets_the_loop_turn, .timeout = 10) {
    use_loop(1);
    struct probe p = {0};
    clk_start(seen.clk, &p.timer, CLK_US(0), on_again, &p);
    for (int turns = 0; turns < 5; turns++) {
        int before = seen.n;
        run_until(before + 1);
        cr_assert_eq(seen.n, before + 1);
    }
    close_loop();
}

Test(clk, clock_alone_does_not_keep_the_loop_alive) {
    use_loop(1);
    struct probe p = {0};
    start(&p, 0, CLK_S(3600));
    uv_unref((uv_handle_t *)&alive);
    cr_assert_eq(uv_run(&loop, UV_RUN_NOWAIT), 0);
    close_loop();
}
