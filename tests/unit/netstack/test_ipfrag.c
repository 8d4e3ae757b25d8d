#include <criterion/criterion.h>
#include <string.h>

#include "netstack/ipfrag.h"
#include "tests/support/raw_ip.h"

enum { SRC = 0x0a000002, DST = 0x74ecdd4b };

static struct ipfrag frags;
static struct ippkt whole;
static uint8_t data[1 << 17]; /* more than a packet can be */

static void setup(void) {
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + i / 251);
    }
}

static void teardown(void) {
    ipfrag_fini(&frags);
}

TestSuite(ipfrag, .init = setup, .fini = teardown);

static bool add(uint16_t id, size_t at, size_t n, bool is_more) {
    uint8_t packet[IPPKT_MAX];
    struct ippkt k;
    size_t size = raw_ip_make(packet, IPPKT_UDP, SRC, DST, id,
                              (uint16_t)((is_more ? 0x2000 : 0) | at / 8), data + at, n);
    cr_assert_eq(ippkt_parse(&k, packet, size), 0);
    return ipfrag_add(&frags, &k, &whole);
}

Test(ipfrag, fragments_in_order_are_a_packet) {
    cr_assert_not(add(1, 0, 1480, true));
    cr_assert_not(add(1, 1480, 1480, true));
    cr_assert(add(1, 2960, 100, false));
    cr_assert_eq(whole.n, 20 + 3060);
    cr_assert(!whole.is_fragment && whole.has_ports);
    cr_assert_eq(memcmp(whole.p + 20, data, 3060), 0);
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2) {
        sum += (uint32_t)(whole.p[i] << 8 | whole.p[i + 1]);
    }
    cr_assert_eq((sum & 0xffff) + (sum >> 16), 0xffff);
}

Test(ipfrag, a_gap_an_overlap_or_a_size_that_cannot_be_costs_the_packet) {
    static const struct {
        size_t at, n;
        bool is_more;
    } wrong[] = {{1488, 8, false}, {1472, 16, false}, {1480, 12, true}, {1480, 0, false}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_not(add(1, 0, 1480, true));
        cr_assert_not(add(1, wrong[i].at, wrong[i].n, wrong[i].is_more), "%zu", i);
        cr_assert_not(add(1, 1480, 8, false), "%zu: something was left", i);
    }
}

Test(ipfrag, what_has_no_beginning_is_dropped) {
    cr_assert_not(add(1, 1480, 8, false));
    cr_assert_not(add(1, 0, 1480, true));
    cr_assert_not(add(2, 1480, 8, false), "another packet's");
    cr_assert(add(1, 1480, 8, false));
}

Test(ipfrag, a_number_that_comes_again_begins_anew) {
    cr_assert_not(add(1, 0, 1480, true));
    cr_assert_not(add(1, 0, 8, true));
    cr_assert(add(1, 8, 4, false));
    cr_assert_eq(whole.n, 32);
}

Test(ipfrag, a_packet_is_never_longer_than_one_can_be) {
    size_t at = 0;
    while (at + 1480 < 65520) {
        cr_assert_not(add(1, at, 1480, true));
        at += 1480;
    }
    cr_assert_not(add(1, at, 1200, false));
    cr_assert_not(add(1, at, 8, false), "something was left");
}

Test(ipfrag, one_too_many_takes_the_place_of_the_oldest) {
    for (uint16_t id = 0; id <= IPFRAG_SLOTS; id++) {
        cr_assert_not(add(id, 0, 8, true));
    }
    cr_assert_not(add(0, 8, 8, false));
    cr_assert(add(1, 8, 8, false));
    cr_assert(add(IPFRAG_SLOTS, 8, 8, false));
}
