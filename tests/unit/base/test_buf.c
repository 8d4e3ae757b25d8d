#include "base/buf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(buf, bytes_come_out_in_the_order_they_went_in) {
    struct buf b;
    buf_init(&b, 100);
    cr_assert_eq(buf_put(&b, "hello ", 6), 6);
    cr_assert_eq(buf_put(&b, "world", 5), 5);
    cr_assert_eq(buf_len(&b), 11);
    char out[16];
    cr_assert_eq(buf_take(&b, out, 3), 3);
    cr_assert_eq(memcmp(out, "hel", 3), 0);
    cr_assert_eq(buf_take(&b, out, sizeof out), 8);
    cr_assert_eq(memcmp(out, "lo world", 8), 0);
    cr_assert_eq(buf_len(&b), 0);
    buf_fini(&b);
}

Test(buf, put_takes_what_fits_and_no_more) {
    struct buf b;
    buf_init(&b, 5);
    cr_assert_eq(buf_put(&b, "abcdefgh", 8), 5);
    cr_assert_eq(buf_room(&b), 0);
    cr_assert_eq(buf_put(&b, "x", 1), 0);
    cr_assert_eq(memcmp(buf_data(&b), "abcde", 5), 0);
    buf_fini(&b);
}

Test(buf, put_all_is_all_or_nothing) {
    struct buf b;
    buf_init(&b, 5);
    cr_assert_eq(buf_put_all(&b, "abc", 3), 0);
    cr_assert_eq(buf_put_all(&b, "def", 3), -ENOBUFS);
    cr_assert_eq(buf_len(&b), 3);
    cr_assert_eq(buf_put_all(&b, "de", 2), 0);
    cr_assert_eq(memcmp(buf_data(&b), "abcde", 5), 0);
    buf_fini(&b);
}

Test(buf, reserve_is_cut_at_the_bound_and_null_when_full) {
    struct buf b;
    buf_init(&b, 10);
    size_t got = 99;
    uint8_t *p = buf_reserve(&b, 50, &got);
    cr_assert_not_null(p);
    cr_assert_eq(got, 10);
    memcpy(p, "0123456789", 10);
    buf_commit(&b, 4);
    cr_assert_eq(buf_len(&b), 4, "only what is committed counts");
    buf_put(&b, "456789", 6);
    cr_assert_null(buf_reserve(&b, 1, &got));
    cr_assert_eq(got, 0);
    buf_fini(&b);
}

Test(buf, dropping_more_than_is_held_empties_it) {
    struct buf b;
    buf_init(&b, 10);
    buf_put(&b, "abc", 3);
    buf_drop(&b, 2);
    cr_assert_eq(buf_data(&b)[0], 'c');
    buf_drop(&b, 100);
    cr_assert_eq(buf_len(&b), 0);
    buf_fini(&b);
}

Test(buf, no_memory_before_the_first_byte_and_grown_memory_goes_with_the_last) {
    struct buf b;
    buf_init(&b, 1 << 20);
    cr_assert_null(b.mem);
    static const uint8_t block[65536];
    buf_put(&b, block, sizeof block);
    cr_assert_geq(b.cap, sizeof block);
    buf_clear(&b);
    cr_assert_null(b.mem);
    cr_assert_eq(b.cap, 0);
    buf_fini(&b);
}

Test(buf, stream_through_a_small_buffer_keeps_every_byte) {
    struct buf b;
    buf_init(&b, 700);
    uint8_t next_in = 0, next_out = 0;
    size_t total = 0;
    /* Steps of 301 in and 257 out pass every alignment of start and end. */
    while (total < 100000) {
        uint8_t chunk[301];
        for (size_t i = 0; i < sizeof chunk; i++) {
            chunk[i] = (uint8_t)(next_in + i);
        }
        next_in = (uint8_t)(next_in + buf_put(&b, chunk, sizeof chunk));
        size_t n = buf_take(&b, chunk, 257);
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(chunk[i], next_out, "at byte %zu", total + i);
            next_out++;
        }
        total += n;
    }
    cr_assert_leq(b.cap, 1024, "a bounded buffer must not grow with what passes through");
    buf_fini(&b);
}
