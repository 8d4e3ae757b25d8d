#include <criterion/criterion.h>
#include <string.h>

#include "base/rng.h"
#include "pty/cmux_frame.h"

enum { FRAMES_MAX = 64 };

struct seen {
    struct cmux_frame frames[FRAMES_MAX];
    uint8_t info[FRAMES_MAX][LIMIT_CMUX_INFO];
    size_t n;
};

static struct cmux_decoder decoder;
static struct seen seen;

static void feed(const void *p, size_t n, size_t piece) {
    const uint8_t *from = p;
    size_t used = 0;
    while (used < n) {
        bool has_frame = false;
        struct cmux_frame f;
        size_t part = n - used < piece ? n - used : piece;
        size_t took = cmux_decode(&decoder, from + used, part, &f, &has_frame);
        cr_assert(took > 0 || has_frame);
        used += took;
        if (has_frame) {
            cr_assert_lt(seen.n, FRAMES_MAX);
            memcpy(seen.info[seen.n], f.info, f.n);
            f.info = seen.info[seen.n];
            seen.frames[seen.n++] = f;
        }
    }
}

static void start(enum cmux_option option, size_t info_max) {
    cmux_decoder_init(&decoder, option, info_max);
    seen.n = 0;
}

static void expect_frame(size_t i, unsigned dlci, uint8_t type, const char *info) {
    cr_assert_lt(i, seen.n);
    cr_assert_eq(seen.frames[i].dlci, dlci);
    cr_assert_eq(seen.frames[i].type, type);
    cr_assert_eq(seen.frames[i].n, strlen(info));
    cr_assert_arr_eq(seen.frames[i].info, info, strlen(info));
}

#define WIRE(text) (text), sizeof(text) - 1

/* Seen on the wire between two real multiplexers and in vendors' notes. */
static const struct {
    const char *wire;
    size_t n;
    struct cmux_frame frame;
    const char *info;
} known[] = {
    {WIRE("\xf9\x03\x3f\x01\x1c\xf9"), {0, true, true, CMUX_SABM, NULL, 0}, ""},
    {WIRE("\xf9\x03\x73\x01\xd7\xf9"), {0, true, true, CMUX_UA, NULL, 0}, ""},
    {WIRE("\xf9\x07\x3f\x01\xde\xf9"), {1, true, true, CMUX_SABM, NULL, 0}, ""},
    {WIRE("\xf9\x07\x73\x01\x15\xf9"), {1, true, true, CMUX_UA, NULL, 0}, ""},
    {WIRE("\xf9\x03\xef\x05\xc3\x01\xf2\xf9"), {0, true, false, CMUX_UIH, NULL, 2}, "\xc3\x01"},
    {WIRE("\xf9\x03\xef\x09\xe3\x05\x07\x0d\xfb\xf9"),
     {0, true, false, CMUX_UIH, NULL, 4},
     "\xe3\x05\x07\x0d"},
};

Test(cmux_frame, known_frames_are_read_and_made) {
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint8_t wire[CMUX_FRAME_WIRE];
        struct cmux_frame f = known[i].frame;
        f.info = (const uint8_t *)known[i].info;
        size_t n = cmux_encode(CMUX_BASIC, &f, false, wire);
        cr_assert_eq(n, known[i].n);
        cr_assert_arr_eq(wire, known[i].wire, n);
        start(CMUX_BASIC, 127);
        feed(known[i].wire, known[i].n, 1);
        cr_assert_eq(seen.n, 1);
        expect_frame(0, f.dlci, f.type, known[i].info);
        cr_assert_eq(seen.frames[0].is_command, f.is_command);
        cr_assert_eq(seen.frames[0].is_final, f.is_final);
    }
}

static size_t make(enum cmux_option option, uint8_t *wire) {
    static uint8_t info[LIMIT_CMUX_INFO];
    static const size_t sizes[] = {0, 1, 31, 127, 128, 1500};
    struct rng rng = rng_stream(7, "cmux");
    size_t n = 0;
    for (size_t i = 0; i < sizeof info; i++) {
        info[i] = (uint8_t)rng_below(&rng, 256);
    }
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct cmux_frame f = {
            .dlci = i, .type = i == 2 ? CMUX_UI : CMUX_UIH, .info = info, .n = sizes[i]};
        n += cmux_encode(option, &f, i == 1, wire + n);
    }
    return n;
}

Test(cmux_frame, any_octets_come_back_in_pieces_of_any_size) {
    static uint8_t wire[8 * CMUX_FRAME_WIRE];
    for (enum cmux_option option = CMUX_BASIC; option <= CMUX_ADVANCED; option++) {
        size_t n = make(option, wire);
        for (size_t piece = 1; piece < 9; piece++) {
            start(option, LIMIT_CMUX_INFO);
            feed(wire, n, piece);
            cr_assert_eq(seen.n, 6);
            cr_assert_eq(seen.frames[5].n, 1500);
            cr_assert_eq(seen.frames[5].dlci, 5);
            cr_assert_eq(decoder.bad_fcs + decoder.too_long + decoder.torn, 0);
        }
    }
}

Test(cmux_frame, a_length_takes_one_octet_up_to_127_and_two_beyond_or_when_asked) {
    uint8_t wire[CMUX_FRAME_WIRE];
    uint8_t info[128] = {0};
    struct cmux_frame f = {.dlci = 1, .type = CMUX_UIH, .info = info, .n = 127};
    cr_assert_eq(cmux_encode(CMUX_BASIC, &f, false, wire), 127 + 6);
    cr_assert_eq(wire[3], 0xff);
    cr_assert_eq(cmux_encode(CMUX_BASIC, &f, true, wire), 127 + 7);
    cr_assert_eq(wire[3], 0xfe);
    cr_assert_eq(wire[4], 0);
    f.n = 128;
    cr_assert_eq(cmux_encode(CMUX_BASIC, &f, false, wire), 128 + 7);
    cr_assert_eq(wire[3], 0);
    cr_assert_eq(wire[4], 1);
}

/* A frame that lost octets claims those of the next ones, up to 127 of them where the flag of the
 * next one stands in the place of its length. They come behind it all the same. */
Test(cmux_frame, a_torn_frame_costs_no_other_one) {
    static uint8_t wire[8 * CMUX_FRAME_WIRE];
    for (enum cmux_option option = CMUX_BASIC; option <= CMUX_ADVANCED; option++) {
        const struct cmux_frame f = {
            .dlci = 1, .type = CMUX_UIH, .info = (const uint8_t *)"abcdefghijkl", .n = 12};
        size_t one = cmux_encode(option, &f, false, wire);
        for (size_t cut = 1; cut < one - 1; cut++) {
            start(option, 127);
            feed(wire, cut, 1);
            for (size_t i = 0; i < 10; i++) {
                feed(wire, one, 1);
            }
            cr_assert_eq(seen.n, 10, "cut at %zu: %zu", cut, seen.n);
        }
    }
}

Test(cmux_frame, a_corrupt_header_is_never_believed) {
    uint8_t wire[CMUX_FRAME_WIRE];
    const struct cmux_frame f = {
        .dlci = 2, .type = CMUX_UIH, .info = (const uint8_t *)"AT\r", .n = 3};
    size_t n = cmux_encode(CMUX_BASIC, &f, false, wire);
    for (size_t at = 1; at < 4; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            wire[at] ^= (uint8_t)(1u << bit);
            start(CMUX_BASIC, 127);
            feed(wire, n, n);
            cr_assert_eq(seen.n, 0);
            wire[at] ^= (uint8_t)(1u << bit);
        }
    }
}

Test(cmux_frame, what_is_longer_than_agreed_is_dropped) {
    static uint8_t wire[2 * CMUX_FRAME_WIRE];
    uint8_t info[100] = {0};
    for (enum cmux_option option = CMUX_BASIC; option <= CMUX_ADVANCED; option++) {
        struct cmux_frame f = {.dlci = 1, .type = CMUX_UIH, .info = info, .n = 100};
        size_t n = cmux_encode(option, &f, false, wire);
        f.n = 31;
        n += cmux_encode(option, &f, false, wire + n);
        start(option, 31);
        feed(wire, n, 7);
        cr_assert_eq(seen.n, 1);
        cr_assert_eq(seen.frames[0].n, 31);
        cr_assert_eq(decoder.too_long, 1);
    }
}

Test(cmux_frame, an_endless_frame_takes_no_more_than_its_bound) {
    uint8_t noise[256];
    memset(noise, 0x55, sizeof noise);
    start(CMUX_ADVANCED, LIMIT_CMUX_INFO);
    feed("\x7e", 1, 1);
    for (size_t i = 0; i < 64; i++) {
        feed(noise, sizeof noise, sizeof noise);
    }
    cr_assert_eq(seen.n, 0);
    cr_assert_eq(decoder.too_long, 1);
    feed("\x7e\x03\x3f\x1c\x7e", 5, 5);
    cr_assert_leq(seen.n, 1);
}

Test(cmux_frame, noise_and_flags_are_nothing) {
    static uint8_t noise[100000];
    struct rng rng = rng_stream(1, "cmux");
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)rng_below(&rng, 256);
    }
    start(CMUX_BASIC, 31);
    feed("\xf9\xf9\xf9\xf9 AT\r\n\xf9", 10, 1);
    cr_assert_eq(seen.n, 0);
    for (size_t at = 0; at < sizeof noise; at += 1000) {
        start(CMUX_BASIC, LIMIT_CMUX_INFO);
        feed(noise + at, 1000, 1 + at % 13);
        feed("\xf9\xf9", 2, 2);
    }
}
