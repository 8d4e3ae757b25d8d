#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "netstack/ppp/hdlc.h"

enum { LCP = 0xc021, IP = 0x0021 };

static struct hdlc_rx rx;
static struct hdlc_tx tx;
static struct buf line;
static struct hdlc_frame frame;
static uint8_t all[256];

static void setup(void) {
    hdlc_rx_init(&rx);
    hdlc_tx_init(&tx);
    buf_init(&line, 65536);
    for (unsigned i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)i;
    }
}

static void teardown(void) {
    buf_fini(&line);
}

TestSuite(hdlc, .init = setup, .fini = teardown);

/* How many frames come out of these bytes; `frame` is the last of them. */
static unsigned feed_in(const uint8_t *p, size_t n, size_t piece) {
    unsigned frames = 0;
    for (size_t at = 0; at < n;) {
        bool has = false;
        size_t want = n - at < piece ? n - at : piece;
        at += hdlc_rx_feed(&rx, p + at, want, &frame, &has);
        frames += has;
    }
    return frames;
}

static unsigned feed(const char *p, size_t n) {
    return feed_in((const uint8_t *)p, n, n);
}

#define FEED(text) feed(text, sizeof(text) - 1)

static void send(uint16_t protocol, const void *p, size_t n) {
    cr_assert_eq(hdlc_tx_frame(&tx, protocol, p, n, &line), 0);
}

Test(hdlc, a_frame_has_flags_header_escapes_and_fcs) {
    send(LCP, "\x01\x7e", 2);
    cr_assert_eq(buf_data(&line)[0], 0x7e);
    cr_assert_eq(memcmp(buf_data(&line), "\x7e\xff\x7d\x23\xc0\x21\x7d\x21\x7d\x5e", 10), 0);
    cr_assert_eq(buf_data(&line)[buf_len(&line) - 1], 0x7e);
}

/* A Configure-Request with everything escaped, up to its FCS. */
Test(hdlc, the_bytes_of_a_frame_under_way) {
    static const char bytes[] =
        "\x7e\xff\x7d\x23\xc0!}!}!} }4}\"}&} } } } }%}&\x53\x64\x41\x25}'}\"}(}\"";
    cr_assert_eq(FEED(bytes), 0);
    cr_assert_eq(rx.n, 24u, "%zu", rx.n);
    cr_assert_eq(
        memcmp(rx.frame, "\xff\x03\xc0\x21\x01\x01\x00\x14\x02\x06\x00\x00\x00\x00\x05\x06", 16),
        0);
}

Test(hdlc, the_check_value_of_the_fcs) {
    /* CRC-16/X-25 of "123456789" is 906e; here as protocol 31 ('1', odd: one byte). */
    cr_assert_eq(FEED("\x7e"
                      "123456789\x6e\x90\x7e"),
                 1);
    cr_assert_eq(frame.protocol, '1');
    cr_assert_eq(frame.n, 8);
    cr_assert_eq(memcmp(frame.payload, "23456789", 8), 0);
}

Test(hdlc, whatever_is_sent_comes_back) {
    static const uint32_t maps[] = {0xffffffff, 0, 0x000a0000, 0x00000001};
    for (unsigned i = 0; i < 16; i++) {
        tx = (struct hdlc_tx){.accm = maps[i % 4],
                              .compresses_address = (i & 4) != 0,
                              .compresses_protocol = (i & 8) != 0};
        rx.accm = maps[i % 4];
        for (unsigned j = 0; j < 2; j++) {
            buf_clear(&line);
            send(j == 0 ? IP : LCP, all, sizeof all);
            cr_assert_eq(feed_in(buf_data(&line), buf_len(&line), 1 + i), 1);
            cr_assert_eq(frame.protocol, j == 0 ? IP : LCP);
            cr_assert_eq(frame.n, sizeof all);
            cr_assert_eq(memcmp(frame.payload, all, sizeof all), 0);
        }
    }
    cr_assert_eq(rx.counts.frames, 32);
}

Test(hdlc, only_the_characters_of_the_map_are_escaped) {
    tx.accm = 0x000a0000; /* XON and XOFF */
    send(IP, all, sizeof all);
    for (size_t i = 1; i + 4 < buf_len(&line); i++) {
        uint8_t c = buf_data(&line)[i];
        cr_assert(c != 0x11 && c != 0x13);
    }
    /* Flags, header of 4, 2 of the map, 7d and 7e, FCS of 2 to 4. */
    cr_assert_geq(buf_len(&line), 2 + 4 + 256 + 4 + 2);
    cr_assert_leq(buf_len(&line), 2 + 4 + 256 + 4 + 4);
}

Test(hdlc, compressed_headers_are_shorter) {
    tx.accm = 0;
    send(IP, "abc", 3);
    size_t full = buf_len(&line);
    buf_clear(&line);
    tx.compresses_address = true;
    tx.compresses_protocol = true;
    send(IP, "abc", 3);
    cr_assert_eq(buf_len(&line), full - 3);
    cr_assert_eq(buf_data(&line)[1], 0x21);
    buf_clear(&line);
    send(LCP, "abc", 3);
    cr_assert_eq(buf_data(&line)[1], 0xc0);
}

Test(hdlc, control_characters_of_the_map_that_the_line_put_in_are_dropped) {
    rx.accm = 0x000a0000;
    cr_assert_eq(FEED("\x7e"
                      "123\x11"
                      "456\x13"
                      "789\x6e\x90\x7e"),
                 1);
    cr_assert_eq(frame.n, 8);
    rx.accm = 0;
    cr_assert_eq(FEED("123\x11"
                      "456789\x6e\x90\x7e"),
                 0);
    cr_assert_eq(rx.counts.bad_fcs, 1);
}

Test(hdlc, a_dropped_character_inside_an_escape_leaves_the_escape) {
    rx.accm = 0x00080000;
    cr_assert_eq(FEED("\x7e\x7d\x13\x11"
                      "23456789\x6e\x90\x7e"),
                 1);
    cr_assert_eq(frame.protocol, '1');
}

Test(hdlc, nothing_counts_before_the_first_flag) {
    cr_assert_eq(FEED("\r\nNO CARRIER\r\n\x7d\x7e"), 0);
    cr_assert_eq(rx.counts.aborted + rx.counts.bad_fcs + rx.counts.too_short, 0);
    cr_assert_eq(FEED("123456789\x6e\x90\x7e"), 1);
}

Test(hdlc, flags_between_frames_are_nothing_and_one_flag_may_be_shared) {
    cr_assert_eq(FEED("\x7e\x7e\x7e"
                      "123456789\x6e\x90\x7e\x7e"
                      "123456789\x6e\x90\x7e"
                      "123456789\x6e\x90\x7e"),
                 3);
    cr_assert_eq(rx.counts.too_short, 0);
}

Test(hdlc, an_aborted_frame_is_dropped_and_counted) {
    cr_assert_eq(FEED("\x7e"
                      "123456789\x6e\x90\x7d\x7e"),
                 0);
    cr_assert_eq(rx.counts.aborted, 1);
    cr_assert_eq(FEED("123456789\x6e\x90\x7e"), 1);
}

Test(hdlc, a_wrong_fcs_is_dropped_and_counted) {
    cr_assert_eq(FEED("\x7e"
                      "123456788\x6e\x90\x7e"),
                 0);
    cr_assert_eq(rx.counts.bad_fcs, 1);
}

Test(hdlc, frames_without_a_protocol_are_too_short) {
    cr_assert_eq(FEED("\x7e\x41\x7e\x41\x42\x7e"), 0);
    cr_assert_eq(rx.counts.too_short, 2);
    /* An FCS that is right over ff 03 alone. */
    rx.accm = 0;
    cr_assert_eq(FEED("\xff\x03\x1c\xc2\x7e"), 0);
    cr_assert_eq(rx.counts.too_short, 3);
}

Test(hdlc, the_longest_frame_passes_and_one_byte_more_does_not) {
    uint8_t big[HDLC_PAYLOAD_MAX + 5];
    memset(big, 'x', sizeof big);
    send(IP, big, HDLC_PAYLOAD_MAX);
    send(IP, big, HDLC_PAYLOAD_MAX + 1);
    send(LCP, "end", 3);
    cr_assert_eq(feed_in(buf_data(&line), buf_len(&line), 100), 2);
    cr_assert_eq(rx.counts.too_long, 1);
    cr_assert_eq(frame.protocol, LCP);
    /* What compression saves is no room for more. */
    buf_clear(&line);
    tx.compresses_address = true;
    tx.compresses_protocol = true;
    send(IP, big, HDLC_PAYLOAD_MAX + 1);
    send(IP, big, HDLC_PAYLOAD_MAX + 4);
    cr_assert_eq(feed_in(buf_data(&line), buf_len(&line), 100), 0);
    cr_assert_eq(rx.counts.too_long, 3);
}

Test(hdlc, a_full_buffer_takes_nothing_of_a_frame) {
    struct buf small;
    buf_init(&small, hdlc_tx_most(3) - 1);
    cr_assert_eq(hdlc_tx_frame(&tx, IP, (const uint8_t *)"abc", 3, &small), -ENOBUFS);
    cr_assert_eq(buf_len(&small), 0);
    cr_assert_eq(hdlc_tx_frame(&tx, IP, (const uint8_t *)"ab", 2, &small), 0);
    buf_fini(&small);
}

Test(hdlc, no_frame_is_longer_than_promised) {
    uint8_t worst[64];
    memset(worst, 0x7e, sizeof worst);
    for (size_t n = 0; n <= sizeof worst; n++) {
        buf_clear(&line);
        send(IP, worst, n);
        cr_assert_leq(buf_len(&line), hdlc_tx_most(n));
    }
}

Test(hdlc, every_corrupted_byte_costs_its_frame_at_most) {
    for (unsigned i = 0; i < 3; i++) {
        send(IP, all, sizeof all);
    }
    size_t n = buf_len(&line);
    static uint8_t copy[4096];
    cr_assert_leq(n, sizeof copy);
    for (size_t at = 0; at < n; at++) {
        memcpy(copy, buf_data(&line), n);
        copy[at] ^= 0x55;
        hdlc_rx_init(&rx);
        unsigned frames = feed_in(copy, n, 7);
        cr_assert(frames == 2 || frames == 1 || (frames == 3 && copy[at] == (0x7e ^ 0x55)),
                  "byte %zu: %u frames", at, frames);
        cr_assert_eq(feed_in(buf_data(&line), n, n), 3, "byte %zu: not back", at);
    }
}
