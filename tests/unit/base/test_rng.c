#include <criterion/criterion.h>

#include "base/rng.h"

/* A run is its seed: these values may never change. */
Test(rng, known_values_stay) {
    struct rng zero = {0};
    /* SplitMix64's published sequence for seed 0. */
    cr_assert_eq(rng_next(&zero), 0xe220a8397b1dcdafu);
    cr_assert_eq(rng_next(&zero), 0x6e789e6aa1b965f4u);
    cr_assert_eq(rng_next(&zero), 0x06c45d188009454fu);
    struct rng r = rng_stream(1, "bearer");
    cr_assert_eq(rng_next(&r), 0x662807ae9b02d7a4u);
    cr_assert_eq(rng_next(&r), 0xb7209eb644e30ad9u);
}

Test(rng, a_stream_is_its_seed_and_its_name) {
    struct rng a = rng_stream(7, "loss");
    struct rng b = rng_stream(7, "loss");
    struct rng other_seed = rng_stream(8, "loss");
    struct rng other_name = rng_stream(7, "delay");
    for (int i = 0; i < 100; i++) {
        uint64_t v = rng_next(&a);
        cr_assert_eq(v, rng_next(&b));
        cr_assert_neq(v, rng_next(&other_seed));
        cr_assert_neq(v, rng_next(&other_name));
    }
}

Test(rng, a_consumer_does_not_shift_another_stream) {
    struct rng alone = rng_stream(3, "b");
    uint64_t want[10];
    for (int i = 0; i < 10; i++) {
        want[i] = rng_next(&alone);
    }
    struct rng a = rng_stream(3, "a");
    struct rng b = rng_stream(3, "b");
    for (int i = 0; i < 10; i++) {
        rng_next(&a);
        cr_assert_eq(rng_next(&b), want[i]);
        rng_next(&a);
    }
}

/* A bit of one stream tells nothing of the same bit of another: both agree half of the time. */
Test(rng, streams_with_like_names_are_independent) {
    struct rng a = rng_stream(0, "bearer0");
    struct rng b = rng_stream(0, "bearer1");
    int agree = 0;
    enum { WORDS = 10000 };
    for (int i = 0; i < WORDS; i++) {
        agree += __builtin_popcountll(~(rng_next(&a) ^ rng_next(&b)));
    }
    cr_assert_gt(agree, WORDS * 32 - 2000);
    cr_assert_lt(agree, WORDS * 32 + 2000);
}

Test(rng, below_stays_below_and_reaches_every_value) {
    struct rng r = rng_stream(0, "below");
    unsigned counts[7] = {0};
    for (int i = 0; i < 7000; i++) {
        uint64_t v = rng_below(&r, 7);
        cr_assert_lt(v, 7);
        counts[v]++;
    }
    for (int i = 0; i < 7; i++) {
        cr_assert(counts[i] > 850 && counts[i] < 1150, "%d came %u times", i, counts[i]);
    }
    cr_assert_eq(rng_below(&r, 1), 0);
}

Test(rng, a_chance_is_met_as_often_as_it_says) {
    struct rng r = rng_stream(0, "chance");
    int hits = 0;
    for (int i = 0; i < 10000; i++) {
        cr_assert_not(rng_chance(&r, 0));
        cr_assert(rng_chance(&r, 1));
        hits += rng_chance(&r, 0.3);
    }
    cr_assert(hits > 2850 && hits < 3150, "%d", hits);
}
