#include "base/arena.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

Test(arena, memory_is_zeroed_and_aligned_for_anything) {
    struct arena a;
    arena_init(&a, 65536);
    for (size_t n = 1; n < 200; n += 13) {
        unsigned char *p = arena_alloc(&a, n);
        cr_assert_eq((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(p[i], 0);
        }
        memset(p, 0xff, n);
    }
    arena_fini(&a);
}

Test(arena, blocks_do_not_overlap_across_chunks) {
    struct arena a;
    arena_init(&a, 65536);
    char *kept[50];
    for (int i = 0; i < 50; i++) {
        size_t n = i % 7 == 0 ? 3000 : 100;
        kept[i] = arena_alloc(&a, n);
        memset(kept[i], i + 1, n);
    }
    for (int i = 0; i < 50; i++) {
        size_t n = i % 7 == 0 ? 3000 : 100;
        for (size_t k = 0; k < n; k++) {
            cr_assert_eq(kept[i][k], i + 1, "block %d was written over", i);
        }
    }
    arena_fini(&a);
}

Test(arena, clear_gives_the_whole_bound_back) {
    struct arena a;
    arena_init(&a, 4096);
    for (int round = 0; round < 10; round++) {
        cr_assert_not_null(arena_alloc(&a, 4096));
        arena_clear(&a);
        cr_assert_eq(a.used, 0);
        cr_assert_null(a.chunks);
    }
    arena_fini(&a);
}

Test(arena, string_copy_is_terminated) {
    struct arena a;
    arena_init(&a, 4096);
    char *s = arena_strndup(&a, "hello world", 5);
    cr_assert_str_eq(s, "hello");
    cr_assert_str_eq(arena_strndup(&a, "", 0), "");
    arena_fini(&a);
}

Test(arena, asking_for_more_than_the_bound_is_a_must, .signal = SIGABRT) {
    struct arena a;
    arena_init(&a, 4096);
    arena_alloc(&a, 4096);
    arena_alloc(&a, 1);
}
