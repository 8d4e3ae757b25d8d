#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netstack/ippkt.h"

static const struct net_addr driver = {0x0a000002u, 1234};
static const struct net_addr server = {0x74ecdd4bu, 8011};
static const struct net_addr host = {0x7f000001u, 40001};

static uint8_t packet[IPPKT_MAX];
static struct ippkt k;

/* What a receiver computes over the whole: 0xffff when it is right. */
static uint16_t check(const uint8_t *p, size_t n, uint32_t sum) {
    for (size_t i = 0; i < n; i++) {
        sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static bool is_right(const uint8_t *p) {
    size_t n = (size_t)(p[2] << 8 | p[3]);
    size_t head = (size_t)(p[0] & 15) * 4;
    uint32_t pseudo = p[9] == IPPKT_ICMP ? 0 : p[9] + (uint32_t)(n - head);
    if (p[9] != IPPKT_ICMP) {
        for (size_t i = 12; i < 20; i++) {
            pseudo += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
        }
    }
    return check(p, head, 0) == 0xffff && check(p + head, n - head, pseudo) == 0xffff;
}

Test(ippkt, a_segment_is_made_whole) {
    const struct ippkt_segment s = {.from = driver,
                                    .to = server,
                                    .seq = 0x01020304,
                                    .ack = 0x05060708,
                                    .flags = IPPKT_PSH | IPPKT_ACK,
                                    .data = (const uint8_t *)"HELLO",
                                    .n = 5};
    cr_assert_eq(ippkt_make_tcp(&s, packet), 45);
    cr_assert(is_right(packet));
    cr_assert_eq(ippkt_parse(&k, packet, 45), 0);
    cr_assert(k.src.ip == driver.ip && k.src.port == driver.port);
    cr_assert(k.dst.ip == server.ip && k.dst.port == server.port);
    cr_assert_eq(k.flags, IPPKT_PSH | IPPKT_ACK);
    cr_assert_arr_eq(packet + 24, "\1\2\3\4\5\6\7\10\x50\x18\xff\xff", 12);
    cr_assert_arr_eq(packet + k.data, "HELLO", 5);
}

Test(ippkt, a_syn_offers_segment_size_and_window_scale) {
    const struct ippkt_segment s = {.from = driver, .to = server, .flags = IPPKT_SYN};
    cr_assert_eq(ippkt_make_tcp(&s, packet), 48);
    cr_assert(is_right(packet));
    cr_assert_arr_eq(packet + 40, "\2\4\5\xb4\1\3\3\7", 8);
}

Test(ippkt, a_segment_whose_data_are_not_at_hand_has_heads_that_say_how_many) {
    const struct ippkt_segment s = {.from = driver, .to = server, .flags = IPPKT_ACK, .n = 100};
    cr_assert_eq(ippkt_make_tcp(&s, packet), 40);
    cr_assert_eq(packet[2] << 8 | packet[3], 140);
}

Test(ippkt, a_segment_fits_or_is_none) {
    static const uint8_t big[1461];
    struct ippkt_segment s = {.from = driver, .to = server, .data = big, .n = 1460};
    cr_assert_eq(ippkt_make_tcp(&s, packet), 1500);
    cr_assert(is_right(packet));
    s.n = 1461;
    cr_assert_eq(ippkt_make_tcp(&s, packet), 0);
}

static void make_udp(const char *data, size_t n) {
    size_t size = ippkt_make_udp(&driver, &server, (const uint8_t *)data, n, packet, IPPKT_MAX);
    cr_assert_eq(ippkt_parse(&k, packet, size), 0);
}

static void sum_head(void) {
    packet[10] = packet[11] = 0;
    uint16_t sum = (uint16_t)~check(packet, 20, 0);
    packet[10] = (uint8_t)(sum >> 8);
    packet[11] = (uint8_t)sum;
}

/* A segment of the driver's, out of a RST, which has all that one needs. */
static void make_tcp(uint8_t flags, const char *data) {
    size_t n = strlen(data);
    uint8_t from[IPPKT_MAX];
    struct ippkt u;
    make_udp("0123456789ab", 12);
    memcpy(from, packet, sizeof from);
    from[9] = IPPKT_TCP;
    cr_assert_eq(ippkt_parse(&u, from, 40), 0);
    u.src = server;
    u.dst = driver;
    u.data = u.n;
    size_t size = ippkt_make_rst(&u, packet);
    memcpy(packet + size, data, n);
    packet[3] = (uint8_t)(size + n);
    packet[33] = flags;
    sum_head();
    memcpy(packet + 24, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    cr_assert_eq(ippkt_parse(&k, packet, size + n), 0);
}

Test(ippkt, a_datagram_is_read_as_it_was_made) {
    make_udp("hello", 5);
    cr_assert_eq(k.proto, IPPKT_UDP);
    cr_assert_eq(k.src.ip, driver.ip);
    cr_assert_eq(k.src.port, driver.port);
    cr_assert_eq(k.dst.ip, server.ip);
    cr_assert_eq(k.dst.port, server.port);
    cr_assert(k.has_ports && !k.is_fragment);
    cr_assert_eq(k.n - k.data, 5);
    cr_assert_eq(memcmp(k.p + k.data, "hello", 5), 0);
    cr_assert(is_right(packet));
}

Test(ippkt, readdressed_packets_have_right_sums) {
    static const uint32_t ips[] = {0,          1,          0xffffffff, 0x0000ffff,
                                   0xffff0000, 0x7f000001, 0x80008000};
    for (size_t i = 0; i < 49; i++) {
        make_udp("odd", i % 2 == 0 ? 3 : 2);
        ippkt_set_dst(&k, &(struct net_addr){ips[i / 7], (uint16_t)(i * 1337 + 1)});
        ippkt_set_src(&k, &(struct net_addr){ips[i % 7], (uint16_t)(65535 - i)});
        cr_assert(is_right(packet), "%zu", i);
        struct ippkt again;
        cr_assert_eq(ippkt_parse(&again, packet, k.n), 0);
        cr_assert_eq(again.dst.ip, ips[i / 7]);
        cr_assert_eq(again.src.port, 65535 - i);
    }
}

Test(ippkt, a_datagram_without_a_sum_stays_without) {
    make_udp("x", 1);
    packet[26] = packet[27] = 0;
    ippkt_set_dst(&k, &host);
    cr_assert_eq(packet[26] | packet[27], 0);
}

Test(ippkt, a_sum_that_becomes_zero_is_written_as_all_ones) {
    make_udp("\0\0", 2);
    for (unsigned port = 1; port < 65536; port++) {
        ippkt_set_src(&k, &(struct net_addr){driver.ip, (uint16_t)port});
        cr_assert_neq(packet[26] | packet[27], 0, "port %u", port);
        cr_assert(is_right(packet), "port %u", port);
    }
}

Test(ippkt, what_is_no_packet_is_refused) {
    make_udp("hello", 5);
    for (size_t n = 0; n < k.n; n++) {
        struct ippkt cut;
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, packet, n);
        cr_assert_eq(ippkt_parse(&cut, copy, n), -EINVAL, "%zu", n);
        free(copy);
    }
    struct ippkt bad;
    uint8_t first = packet[0];
    packet[0] = 0x65;
    cr_assert_eq(ippkt_parse(&bad, packet, k.n), -EINVAL, "version 6");
    packet[0] = 0x44;
    cr_assert_eq(ippkt_parse(&bad, packet, k.n), -EINVAL, "a short head");
    packet[0] = 0x4f;
    cr_assert_eq(ippkt_parse(&bad, packet, k.n), -EINVAL, "a head longer than the packet");
    packet[0] = first;
    packet[2] = packet[3] = 0;
    cr_assert_eq(ippkt_parse(&bad, packet, k.n), -EINVAL, "no length");
}

Test(ippkt, what_is_behind_the_end_is_not_part_of_it) {
    make_udp("hello", 5);
    struct ippkt padded;
    cr_assert_eq(ippkt_parse(&padded, packet, 200), 0);
    cr_assert_eq(padded.n, 33);
}

Test(ippkt, a_transport_head_that_is_cut_has_no_ports) {
    make_udp("hello", 5);
    packet[3] = 27;
    cr_assert_eq(ippkt_parse(&k, packet, 27), 0);
    cr_assert_not(k.has_ports);
    packet[3] = 33;
    packet[9] = IPPKT_TCP;
    cr_assert_eq(ippkt_parse(&k, packet, 33), 0);
    cr_assert_not(k.has_ports);
}

Test(ippkt, later_fragments_have_no_ports_and_only_their_address_changes) {
    make_udp("hello", 5);
    packet[6] = 0x20;
    cr_assert_eq(ippkt_parse(&k, packet, 33), 0);
    cr_assert(k.is_fragment && !k.is_later && k.has_ports);
    packet[6] = 0;
    packet[7] = 3;
    cr_assert_eq(ippkt_parse(&k, packet, 33), 0);
    cr_assert(k.is_fragment && k.is_later && !k.has_ports);
    uint8_t was[13];
    memcpy(was, packet + 20, 13);
    sum_head();
    ippkt_set_dst(&k, &host);
    cr_assert_eq(check(packet, 20, 0), 0xffff);
    cr_assert_eq(memcmp(packet + 20, was, 13), 0);
}

Test(ippkt, a_syn_is_refused_with_the_right_numbers) {
    make_tcp(IPPKT_SYN, "");
    uint8_t rst[IPPKT_MAX];
    size_t n = ippkt_make_rst(&k, rst);
    cr_assert_eq(n, 40);
    cr_assert(is_right(rst));
    cr_assert_eq(memcmp(rst + 24, "\0\0\0\0\x11\x22\x33\x45", 8), 0);
    cr_assert_eq(rst[33], IPPKT_RST | IPPKT_ACK);
    struct ippkt r;
    cr_assert_eq(ippkt_parse(&r, rst, n), 0);
    cr_assert_eq(r.dst.port, driver.port);
    cr_assert_eq(r.src.ip, server.ip);
}

Test(ippkt, data_is_refused_where_its_ack_stands) {
    make_tcp(IPPKT_ACK, "data");
    uint8_t rst[IPPKT_MAX];
    ippkt_make_rst(&k, rst);
    cr_assert_eq(memcmp(rst + 24, "\x55\x66\x77\x88\x11\x22\x33\x48", 8), 0);
    cr_assert(is_right(rst));
}

Test(ippkt, a_segment_becomes_its_senders_rst) {
    make_tcp(IPPKT_ACK, "data");
    ippkt_turn_rst(&k);
    cr_assert_eq(k.n, 40);
    cr_assert_eq(packet[33], IPPKT_RST | IPPKT_ACK);
    cr_assert_eq(memcmp(packet + 24, "\x11\x22\x33\x44", 4), 0);
    cr_assert(is_right(packet));
}

static void make_echo(void) {
    make_udp("\0\0\0\0payload", 11);
    packet[9] = IPPKT_ICMP;
    memcpy(packet + 20, "\x08\x00\x00\x00\x12\x34\x00\x01", 8);
    sum_head();
    cr_assert_eq(ippkt_parse(&k, packet, k.n), 0);
}

Test(ippkt, a_ping_becomes_its_answer) {
    make_echo();
    cr_assert(ippkt_is_echo(&k));
    ippkt_turn_echo(&k, 55);
    cr_assert(is_right(packet));
    cr_assert_eq(packet[20], 0);
    cr_assert_eq(packet[8], 55);
    cr_assert_eq(k.src.ip, server.ip);
    cr_assert_eq(k.dst.ip, driver.ip);
    cr_assert_eq(memcmp(packet + 24, "\x12\x34\x00\x01", 4), 0);
    cr_assert_not(ippkt_is_echo(&k));
}

Test(ippkt, an_error_quotes_the_packet_it_is_about) {
    uint8_t inner[IPPKT_MAX];
    make_udp("hello", 5);
    memcpy(inner, packet, 28);
    make_echo();
    packet[20] = 3;
    memcpy(packet + 28, inner, 28);
    packet[3] = 56;
    cr_assert_eq(ippkt_parse(&k, packet, 56), 0);
    struct ippkt q;
    cr_assert_eq(ippkt_quoted(&k, &q), 0);
    cr_assert_eq(q.dst.ip, server.ip);
    cr_assert_eq(q.dst.port, server.port);
    cr_assert_eq(q.src.port, driver.port);
    ippkt_set_quoted_dst(&k, &host);
    cr_assert_eq(ippkt_quoted(&k, &q), 0);
    cr_assert_eq(q.dst.ip, host.ip);
    cr_assert_eq(q.dst.port, host.port);
    cr_assert_eq(check(packet + 20, 36, 0), 0xffff);
    cr_assert_eq(check(packet + 28, 20, 0), 0xffff);
    packet[3] = 47; /* not even the head */
    cr_assert_eq(ippkt_parse(&k, packet, 47), 0);
    cr_assert_eq(ippkt_quoted(&k, &q), -EINVAL);
}

Test(ippkt, a_datagram_that_is_too_long_is_not_made) {
    static uint8_t big[IPPKT_MAX];
    cr_assert_eq(ippkt_make_udp(&driver, &server, big, 1472, packet, IPPKT_MAX), 1500);
    cr_assert_eq(ippkt_make_udp(&driver, &server, big, 1473, packet, IPPKT_MAX), 0);
}
