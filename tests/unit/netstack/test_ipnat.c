#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/be.h"
#include "netstack/ipnat.h"

static const struct net_addr driver = {0x0a000002u, 1234};
static const struct net_addr server = {0x74ecdd4bu, 8011};
static const struct net_addr host = {0x7f000001u, 40001};

static struct clk *clk;
static struct ipnat nat;
static uint8_t packet[IPPKT_MAX];
static struct ippkt k;

static void setup(void) {
    clk = clk_new_manual();
    ipnat_init(&nat, clk);
}

static void teardown(void) {
    clk_close(clk);
}

TestSuite(ipnat, .init = setup, .fini = teardown);

static void make(const struct net_addr *from, const struct net_addr *to) {
    size_t n = ippkt_make_udp(from, to, (const uint8_t *)"0123456789abcdef", 16, packet, IPPKT_MAX);
    cr_assert_eq(ippkt_parse(&k, packet, n), 0);
}

static void make_tcp(const struct net_addr *from, const struct net_addr *to, uint8_t flags) {
    make(from, to);
    packet[9] = IPPKT_TCP;
    packet[33] = flags;
    cr_assert_eq(ippkt_parse(&k, packet, k.n), 0);
}

Test(ipnat, a_packet_goes_to_the_host_and_its_answer_comes_from_the_server) {
    struct ipnat_flow *f = ipnat_add(&nat, IPPKT_UDP, driver.port, &server, &host);
    make(&driver, &server);
    cr_assert_eq(ipnat_find_up(&nat, &k), f);
    ipnat_up(&nat, f, &k);
    cr_assert_eq(k.dst.ip, host.ip);
    cr_assert_eq(k.dst.port, host.port);
    make(&host, &driver);
    cr_assert_eq(ipnat_find_down(&nat, &k), f);
    ipnat_down(&nat, f, &k);
    cr_assert_eq(k.src.ip, server.ip);
    cr_assert_eq(k.src.port, server.port);
    cr_assert_eq(f->bytes, 32);
}

Test(ipnat, other_ports_protocols_and_hosts_are_other_flows) {
    ipnat_add(&nat, IPPKT_UDP, driver.port, &server, &host);
    make(&(struct net_addr){driver.ip, 9}, &server);
    cr_assert_null(ipnat_find_up(&nat, &k));
    make(&driver, &(struct net_addr){server.ip, 9});
    cr_assert_null(ipnat_find_up(&nat, &k));
    make_tcp(&driver, &server, IPPKT_ACK);
    cr_assert_null(ipnat_find_up(&nat, &k));
    make(&(struct net_addr){host.ip + 1, host.port}, &driver);
    cr_assert_null(ipnat_find_down(&nat, &k));
}

Test(ipnat, two_addresses_of_one_host_show_the_newest) {
    const struct net_addr other = {0x01020304u, 5};
    struct ipnat_flow *f = ipnat_add(&nat, IPPKT_UDP, driver.port, &server, &host);
    cr_assert_eq(ipnat_add(&nat, IPPKT_UDP, driver.port, &other, &host), f);
    cr_assert_eq(f->shown.ip, other.ip);
}

static unsigned fill(uint8_t proto) {
    unsigned n = 0;
    while (ipnat_add(&nat, proto, (uint16_t)(n + 1), &server, &host) != NULL) {
        n++;
        cr_assert_leq(n, LIMIT_IP_FLOWS);
    }
    return n;
}

Test(ipnat, as_many_flows_as_there_may_be) {
    cr_assert_eq(fill(IPPKT_TCP), LIMIT_IP_FLOWS);
    cr_assert_null(ipnat_add(&nat, IPPKT_TCP, 1000, &server, &host));
    cr_assert_not_null(ipnat_add(&nat, IPPKT_TCP, 7, &server, &host), "an old one anew");
}

Test(ipnat, datagrams_are_forgotten_after_four_minutes_and_links_after_two_hours) {
    fill(IPPKT_UDP);
    clk_advance(clk, CLK_S(239));
    cr_assert_null(ipnat_add(&nat, IPPKT_UDP, 1000, &server, &host));
    clk_advance(clk, CLK_S(1));
    cr_assert_eq(fill(IPPKT_TCP), LIMIT_IP_FLOWS);
    clk_advance(clk, CLK_S(7199));
    cr_assert_null(ipnat_add(&nat, IPPKT_UDP, 1000, &server, &host));
    clk_advance(clk, CLK_S(1));
    cr_assert_not_null(ipnat_add(&nat, IPPKT_UDP, 1000, &server, &host));
}

Test(ipnat, a_link_that_is_over_makes_room) {
    fill(IPPKT_TCP);
    make_tcp(&(struct net_addr){driver.ip, 3}, &server, IPPKT_FIN | IPPKT_ACK);
    ipnat_up(&nat, ipnat_find_up(&nat, &k), &k);
    cr_assert_null(ipnat_add(&nat, IPPKT_TCP, 1000, &server, &host), "one side only");
    make_tcp(&host, &(struct net_addr){driver.ip, 3}, IPPKT_FIN | IPPKT_ACK);
    ipnat_down(&nat, ipnat_find_down(&nat, &k), &k);
    cr_assert_not_null(ipnat_add(&nat, IPPKT_TCP, 1000, &server, &host));
    make_tcp(&(struct net_addr){driver.ip, 5}, &server, IPPKT_RST);
    ipnat_up(&nat, ipnat_find_up(&nat, &k), &k);
    cr_assert_not_null(ipnat_add(&nat, IPPKT_TCP, 1001, &server, &host));
}

static void make_fragment(const struct net_addr *from, const struct net_addr *to, uint16_t id,
                          bool is_first) {
    make(from, to);
    be_put16(packet + 4, id);
    packet[6] = is_first ? 0x20 : 0;
    packet[7] = is_first ? 0 : 3;
    cr_assert_eq(ippkt_parse(&k, packet, k.n), 0);
}

Test(ipnat, later_fragments_follow_their_first) {
    struct ipnat_flow *f = ipnat_add(&nat, IPPKT_UDP, driver.port, &server, &host);
    make_fragment(&host, &driver, 78, false);
    cr_assert_eq(ipnat_fragment_down(&nat, &k), -ENOENT);
    make_fragment(&host, &driver, 78, true);
    ipnat_down(&nat, f, &k);
    make_fragment(&host, &driver, 78, false);
    cr_assert_eq(ipnat_fragment_down(&nat, &k), 0);
    cr_assert_eq(k.src.ip, server.ip);
}

Test(ipnat, the_oldest_fragment_is_forgotten) {
    struct ipnat_flow *f = ipnat_add(&nat, IPPKT_UDP, driver.port, &server, &host);
    for (uint16_t id = 0; id <= IPNAT_FRAGMENTS; id++) {
        make_fragment(&host, &driver, id, true);
        ipnat_down(&nat, f, &k);
    }
    make_fragment(&host, &driver, 0, false);
    cr_assert_eq(ipnat_fragment_down(&nat, &k), -ENOENT);
    make_fragment(&host, &driver, 1, false);
    cr_assert_eq(ipnat_fragment_down(&nat, &k), 0);
}
