#include <criterion/criterion.h>
#include <errno.h>

#include "base/rng.h"
#include "netstack/impair.h"

static struct impair im;
static struct sv wrong;

static int parse(const char *text) {
    return impair_parse(&im, sv_of(text), &wrong);
}

Test(impair, nothing_said_is_clean) {
    cr_assert(impair_is_clean(&im));
}

Test(impair, every_key_is_taken) {
    cr_assert_eq(parse("latency=100,jitter=20,rate=9600,lose=3,loss=0.1,dup=0.2,reorder=0.3,"
                       "corrupt=0.01,black-hole"),
                 0);
    cr_assert_eq(im.latency_ms, 100);
    cr_assert_eq(im.jitter_ms, 20);
    cr_assert_eq(im.rate_bps, 9600);
    cr_assert_eq(im.lose_next, 3);
    cr_assert_float_eq(im.loss, 0.1, 1e-9);
    cr_assert_float_eq(im.duplicate, 0.2, 1e-9);
    cr_assert_float_eq(im.reorder, 0.3, 1e-9);
    cr_assert_float_eq(im.corrupt, 0.01, 1e-9);
    cr_assert(im.black_hole);
}

Test(impair, each_key_alone_makes_the_path_unclean) {
    static const char *const keys[] = {"latency=1", "jitter=1",    "rate=1",
                                       "lose=1",    "loss=0.001",  "dup=1",
                                       "reorder=1", "corrupt=0.5", "black-hole"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        im = (struct impair){0};
        cr_assert_eq(parse(keys[i]), 0, "%s", keys[i]);
        cr_assert_not(impair_is_clean(&im), "%s", keys[i]);
    }
}

Test(impair, keys_left_out_keep_their_value) {
    cr_assert_eq(parse("latency=5,loss=1"), 0);
    cr_assert_eq(parse(" jitter=6 , lose=2"), 0);
    cr_assert_eq(im.latency_ms, 5);
    cr_assert_eq(im.jitter_ms, 6);
    cr_assert_eq(im.lose_next, 2);
    cr_assert_eq(im.loss, 1);
}

Test(impair, none_clears_all_before_it) {
    cr_assert_eq(parse("latency=5,black-hole,none,jitter=1"), 0);
    cr_assert_eq(im.latency_ms, 0);
    cr_assert_not(im.black_hole);
    cr_assert_eq(im.jitter_ms, 1);
    cr_assert_eq(parse("none"), 0);
    cr_assert(impair_is_clean(&im));
}

Test(impair, bounds_are_allowed_and_one_more_is_not) {
    cr_assert_eq(parse("latency=600000,jitter=600000,rate=4000000000,lose=1000000,loss=1"), 0);
    cr_assert_eq(im.rate_bps, 4000000000u);
    cr_assert_eq(parse("latency=0,jitter=0,rate=0,lose=0,loss=0"), 0);
    cr_assert(impair_is_clean(&im));
}

Test(impair, the_wrong_part_is_pointed_at_and_nothing_is_changed) {
    static const struct {
        const char *text, *wrong;
    } rows[] = {
        {"", ""},
        {",", ""},
        {"latency=1,", ""},
        {",latency=1", ""},
        {"latency=1,,jitter=1", ""},
        {"latency", "latency"},
        {"latency=", "latency="},
        {"latency=-1", "latency=-1"},
        {"latency=1.5", "latency=1.5"},
        {"latency=600001", "latency=600001"},
        {"jitter=600001", "jitter=600001"},
        {"rate=4000000001", "rate=4000000001"},
        {"rate=fast", "rate=fast"},
        {"lose=1000001", "lose=1000001"},
        {"lose=0x1", "lose=0x1"},
        {"jitter=5,loss=1.01", "loss=1.01"},
        {"loss=-0.1", "loss=-0.1"},
        {"loss=nan", "loss=nan"},
        {"loss=inf", "loss=inf"},
        {"loss=", "loss="},
        {"loss", "loss"},
        {"loss=0.1x", "loss=0.1x"},
        {"loss=0.12345678901234567", "loss=0.12345678901234567"},
        {"dup=2", "dup=2"},
        {"reorder=2", "reorder=2"},
        {"corrupt=2", "corrupt=2"},
        {"black-hole=1", "black-hole=1"},
        {"black-hole=", "black-hole="},
        {"latency=5, blackhole ,jitter=1", "blackhole"},
        {"none=1", "none=1"},
        {"=1", "=1"},
        {"Latency=1", "Latency=1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        im = (struct impair){.latency_ms = 77};
        cr_assert_eq(parse(rows[i].text), -EINVAL, "%s", rows[i].text);
        cr_assert(sv_eq(wrong, sv_of(rows[i].wrong)), "%s: '%.*s'", rows[i].text, SV_ARG(wrong));
        cr_assert_eq(im.latency_ms, 77, "%s", rows[i].text);
        cr_assert_eq(im.jitter_ms, 0, "%s", rows[i].text);
    }
}

Test(impair, so_many_are_lost_for_certain_and_then_none) {
    struct rng rng = rng_stream(0, "t");
    im.lose_next = 3;
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(impair_loses(&im, &rng), i < 3);
    }
    cr_assert(impair_is_clean(&im));
}

Test(impair, a_black_hole_loses_all_and_uses_nothing_up) {
    struct rng rng = rng_stream(0, "t");
    struct rng before = rng;
    im = (struct impair){.lose_next = 2, .loss = 0.5, .black_hole = true};
    for (int i = 0; i < 100; i++) {
        cr_assert(impair_loses(&im, &rng));
    }
    cr_assert_eq(im.lose_next, 2);
    cr_assert_eq(rng_next(&rng), rng_next(&before));
}

Test(impair, a_clean_path_takes_nothing_from_the_seed) {
    struct rng rng = rng_stream(0, "t");
    struct rng before = rng;
    cr_assert_not(impair_loses(&im, &rng));
    cr_assert_eq(impair_delay(&im, &rng).us, 0);
    im.latency_ms = 9;
    cr_assert_eq(impair_delay(&im, &rng).us, 9000);
    cr_assert_eq(rng_next(&rng), rng_next(&before));
}

Test(impair, losses_are_as_many_as_the_probability_says) {
    struct rng rng = rng_stream(5, "t");
    im.loss = 0.25;
    int lost = 0;
    for (int i = 0; i < 10000; i++) {
        lost += impair_loses(&im, &rng);
    }
    cr_assert(lost > 2350 && lost < 2650, "%d", lost);
}

Test(impair, the_same_seed_loses_and_delays_the_same) {
    struct impair a = {.latency_ms = 10, .jitter_ms = 50, .lose_next = 2, .loss = 0.5};
    struct impair b = a;
    struct rng x = rng_stream(42, "t");
    struct rng y = rng_stream(42, "t");
    struct rng z = rng_stream(43, "t");
    int differences = 0;
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(impair_loses(&a, &x), impair_loses(&b, &y));
        int64_t us = impair_delay(&a, &x).us;
        cr_assert_eq(us, impair_delay(&b, &y).us);
        differences += us != impair_delay(&b, &z).us;
    }
    cr_assert_gt(differences, 190);
}

Test(impair, jitter_stays_within_its_bounds_and_reaches_them) {
    struct rng rng = rng_stream(1, "t");
    im = (struct impair){.latency_ms = 100, .jitter_ms = 1};
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t us = impair_delay(&im, &rng).us;
        least = us < least ? us : least;
        most = us > most ? us : most;
    }
    cr_assert_eq(least, 100000);
    cr_assert_eq(most, 101000);
}

Test(impair, the_rate_is_in_bits) {
    im.rate_bps = 9600;
    cr_assert_eq(impair_duration(&im, 1200).us, 1000000);
    cr_assert_eq(impair_duration(&im, 0).us, 0);
    im.rate_bps = 4000000000u;
    cr_assert_eq(impair_duration(&im, 65536).us, 131);
    im.rate_bps = 0;
    cr_assert_eq(impair_duration(&im, 65536).us, 0);
}
