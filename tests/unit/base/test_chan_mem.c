#include "base/chan_mem.h"

#include <criterion/criterion.h>
#include <string.h>

/* A user that echoes what it gets, unless it holds it back. */
static struct {
    struct clk *clk;
    struct chan ch;
    struct chan_mem mem;
    bool is_holding;
    unsigned calls;
    unsigned drained;
    size_t longest;
    clk_mono at;
} t;

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)ctx;
    t.calls++;
    t.at = at;
    if (t.is_holding) {
        return 0;
    }
    t.longest = n > t.longest ? n : t.longest;
    cr_assert_eq(chan_write(&t.ch, p, n), 0);
    return n;
}

static void on_drained(void *ctx) {
    (void)ctx;
    t.drained++;
}

static const struct chan_user echo = {.name = "echo", .rx = on_rx, .drained = on_drained};

static void set_up(void) {
    t.clk = clk_new_manual();
    chan_init(&t.ch, "mem");
    chan_push(&t.ch, &echo, &t);
    chan_mem_init(&t.mem, &t.ch, t.clk);
}

static void tear_down(void) {
    chan_mem_fini(&t.mem);
    chan_pop(&t.ch, &echo, &t);
    chan_fini(&t.ch);
    clk_close(t.clk);
}

static void expect(const char *want) {
    char got[256];
    size_t n = chan_mem_get(&t.mem, got, sizeof got - 1);
    got[n] = '\0';
    cr_assert_str_eq(got, want);
}

TestSuite(chan_mem, .init = set_up, .fini = tear_down);

Test(chan_mem, what_is_put_reaches_the_user_and_its_answer_can_be_got) {
    cr_assert(t.ch.is_open);
    clk_advance(t.clk, CLK_MS(7));
    chan_mem_put(&t.mem, "hello", 5);
    cr_assert_eq(t.at.us, 7000);
    expect("hello");
    expect("");
}

Test(chan_mem, answer_is_taken_only_when_the_test_reads) {
    chan_mem_put(&t.mem, "hello", 5);
    cr_assert_eq(chan_pending(&t.ch), 5);
    cr_assert_eq(t.drained, 0);
    expect("hello");
    cr_assert_eq(chan_pending(&t.ch), 0);
    cr_assert_eq(t.drained, 1);
}

Test(chan_mem, chopped_input_arrives_in_pieces_and_whole) {
    t.mem.chop = 2;
    chan_mem_put(&t.mem, "abcdefg", 7);
    cr_assert_eq(t.calls, 4);
    cr_assert_eq(t.longest, 2);
    expect("abcdefg");
}

Test(chan_mem, more_than_the_channel_holds_waits_outside_and_follows) {
    static uint8_t block[LIMIT_CHAN_IN * 3];
    memset(block, 'x', sizeof block);
    t.is_holding = true;
    chan_mem_put(&t.mem, block, sizeof block);
    cr_assert_eq(buf_len(&t.ch.in), LIMIT_CHAN_IN);
    cr_assert_eq(buf_len(&t.mem.waiting), 2 * LIMIT_CHAN_IN);
    t.is_holding = false;
    chan_pump(&t.ch);
    cr_assert_eq(buf_len(&t.mem.waiting), 0);
    static uint8_t out[sizeof block + 1];
    cr_assert_eq(chan_mem_get(&t.mem, out, sizeof out), sizeof block);
    cr_assert_eq(memcmp(out, block, sizeof block), 0);
}

Test(chan_mem, stalled_reader_leaves_the_output_in_the_channel) {
    chan_mem_stall(&t.mem, true);
    chan_mem_put(&t.mem, "abc", 3);
    expect("");
    cr_assert_eq(chan_pending(&t.ch), 3);
    chan_mem_stall(&t.mem, false);
    cr_assert_eq(chan_pending(&t.ch), 0);
    expect("abc");
}

Test(chan_mem, part_of_the_answer_can_be_read_at_a_time) {
    chan_mem_put(&t.mem, "abcdef", 6);
    char got[2];
    cr_assert_eq(chan_mem_get(&t.mem, got, 2), 2);
    cr_assert_eq(memcmp(got, "ab", 2), 0);
    expect("cdef");
}
