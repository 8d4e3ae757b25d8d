#include "scenarios/peers/magic_world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "netstack/net.h"
#include "tests/support/peer_rig.h"

static struct magic_world *world;

static void start(void) {
    peer_rig_init();
    world = magic_world_new(&peer_rig.loop, peer_rig.clk);
}

static void stop(void) {
    magic_world_close(world);
    peer_rig_fini();
}

TestSuite(magic_world, .init = start, .fini = stop, .timeout = 60);

static uint32_t ip_of(const char *text) {
    uint32_t ip = 0;
    cr_assert_eq(net_parse_ip(sv_of(text), &ip), 0);
    return ip;
}

static enum magic_name_verdict resolve(const char *name, uint32_t *ip) {
    return magic_world_resolve(world, sv_of(name), ip);
}

static uint32_t address(const char *name) {
    uint32_t ip = 0;
    cr_assert_eq(resolve(name, &ip), MAGIC_NAME_ADDR, "%s", name);
    return ip;
}

static enum magic_connect_verdict way_to(uint32_t ip, uint16_t port, struct magic_way *way) {
    struct net_addr to = {ip, port};
    return magic_world_connect(world, &to, way);
}

static int dial(uint32_t ip, uint16_t port) {
    struct magic_way way;
    cr_assert_eq(way_to(ip, port, &way), MAGIC_CONNECT_HOST);
    int fd = peer_rig_dial(&way.host, SOCK_STREAM);
    peer_rig_settle();
    return fd;
}

Test(magic_world, a_name_has_the_address_of_the_table) {
    cr_assert_eq(address("echo.test"), ip_of("192.0.2.7"));
    cr_assert_eq(address("Refused.TEST"), ip_of("192.0.2.1"));
    cr_assert_null(magic_world_name(world, ip_of("192.0.2.7")));
}

Test(magic_world, a_name_with_a_number_has_an_address_that_it_keeps) {
    uint32_t a = address("close-after-20.test");
    uint32_t b = address("close-after-21.test");
    cr_assert_eq(a, ip_of("198.19.0.1"));
    cr_assert_eq(b, ip_of("198.19.0.2"));
    cr_assert_eq(address("CLOSE-after-20.test"), a);
    cr_assert_str_eq(magic_world_name(world, b), "close-after-21.test");
    cr_assert_null(magic_world_name(world, b + 1));
    cr_assert_null(magic_world_name(world, a - 1));
}

Test(magic_world, look_ups_fail_as_the_name_says) {
    uint32_t ip = 77;
    cr_assert_eq(resolve("not-found.test", &ip), MAGIC_NAME_NOT_FOUND);
    cr_assert_eq(resolve("dns-timeout.test", &ip), MAGIC_NAME_SILENT);
    cr_assert_eq(resolve("example.com", &ip), MAGIC_NAME_NOT_MINE);
    cr_assert_eq(ip, 77);
}

Test(magic_world, connects_fail_as_the_address_says) {
    struct magic_way way;
    cr_assert_eq(way_to(ip_of("192.0.2.1"), 80, &way), MAGIC_CONNECT_REFUSE);
    cr_assert_eq(way_to(ip_of("192.0.2.2"), 80, &way), MAGIC_CONNECT_BLACK_HOLE);
    cr_assert_eq(way_to(ip_of("192.0.2.200"), 80, &way), MAGIC_CONNECT_NOT_MINE);
    cr_assert_eq(way_to(ip_of("203.0.113.1"), 80, &way), MAGIC_CONNECT_NOT_MINE);
    cr_assert_eq(way_to(ip_of("198.19.0.1"), 80, &way), MAGIC_CONNECT_NOT_MINE, "nobody has it");
}

Test(magic_world, the_path_is_as_bad_as_the_name_says) {
    struct magic_way way;
    cr_assert_eq(way_to(address("latency-70.test"), 80, &way), MAGIC_CONNECT_HOST);
    cr_assert_eq(way.impair[IMPAIR_UP].latency_ms, 70);
    cr_assert_eq(way_to(address("black-hole.test"), 80, &way), MAGIC_CONNECT_HOST);
    cr_assert(way.impair[IMPAIR_DOWN].black_hole && way.from_open);
    cr_assert_eq(way_to(address("echo.test"), 80, &way), MAGIC_CONNECT_HOST);
    cr_assert(impair_is_clean(&way.impair[IMPAIR_UP]) && !way.from_open);
}

Test(magic_world, far_ends_do_what_they_are_called) {
    int fd = dial(address("close.test"), 80);
    cr_assert_eq(peer_rig_end(fd), 0);
    close(fd);
    fd = dial(address("reset.test"), 80);
    cr_assert_eq(peer_rig_end(fd), -ECONNRESET);
    close(fd);
    fd = dial(address("echo.test"), 80);
    peer_rig_say(fd, "hello");
    cr_assert_str_eq(peer_rig_heard(fd), "hello");
    close(fd);
    fd = dial(address("silent.test"), 80);
    peer_rig_say(fd, "hello");
    cr_assert_eq(peer_rig_end(fd), PEER_RIG_OPEN);
    close(fd);
    fd = dial(address("half-close.test"), 80);
    cr_assert_eq(peer_rig_end(fd), 0);
    peer_rig_say(fd, "still there");
    close(fd);
    fd = dial(address("chargen.test"), 19);
    cr_assert_eq(strncmp(peer_rig_heard(fd), " !\"#$", 5), 0);
    close(fd);
}

Test(magic_world, a_number_counts_bytes_in_both_forms) {
    const uint32_t ips[] = {address("reset-after-3.test"), ip_of("192.0.2.6")};
    for (int i = 0; i < 2; i++) {
        int fd = dial(ips[i], 3);
        peer_rig_say(fd, "ab");
        cr_assert_eq(peer_rig_end(fd), PEER_RIG_OPEN);
        peer_rig_say(fd, "c");
        cr_assert_eq(peer_rig_end(fd), -ECONNRESET);
        close(fd);
    }
    int fd = dial(ip_of("192.0.2.4"), 2);
    peer_rig_say(fd, "ab");
    cr_assert_eq(peer_rig_end(fd), 0);
    close(fd);
}

Test(magic_world, garbage_comes_each_second) {
    char got[128];
    int fd = dial(address("garbage.test"), 80);
    peer_rig_settle();
    ssize_t n = read(fd, got, sizeof got);
    cr_assert(n > 30 && got[0] == '\0' && got[1] == '\xff');
    cr_assert_lt(read(fd, got, sizeof got), 0);
    peer_rig_advance(1000);
    cr_assert_eq(read(fd, got, sizeof got), n);
    close(fd);
}

Test(magic_world, one_name_too_many_does_not_exist) {
    char name[32];
    uint32_t ip = 0;
    for (int i = 1; i <= LIMIT_MAGIC_NAMES; i++) {
        snprintf(name, sizeof name, "close-after-%d.test", i);
        cr_assert_eq(address(name), ip_of("198.19.0.0") + (uint32_t)i);
    }
    cr_assert_eq(resolve("reset-after-1.test", &ip), MAGIC_NAME_NOT_FOUND);
    cr_assert_eq(address("close-after-1.test"), ip_of("198.19.0.1"), "the others stay");
}

Test(magic_world, the_longest_unused_far_end_makes_room) {
    uint32_t ip = ip_of("192.0.2.4");
    for (uint16_t n = 1; n <= 3 * LIMIT_PEERS; n++) {
        int fd = dial(ip, n);
        close(fd);
        peer_rig_settle();
    }
    int fd = dial(ip, 1);
    peer_rig_say(fd, "x");
    cr_assert_eq(peer_rig_end(fd), 0, "made anew");
    close(fd);
}

Test(magic_world, a_far_end_in_use_stays) {
    static int fds[LIMIT_PEERS];
    struct magic_way way;
    uint32_t ip = ip_of("192.0.2.4");
    for (uint16_t i = 0; i < LIMIT_PEERS; i++) {
        fds[i] = dial(ip, (uint16_t)(i + 1));
    }
    cr_assert_eq(way_to(ip, 1000, &way), MAGIC_CONNECT_REFUSE, "all are in use");
    close(fds[5]);
    peer_rig_settle();
    int fd = dial(ip, 1000);
    peer_rig_say(fds[0], "x");
    cr_assert_eq(peer_rig_end(fds[0]), 0);
    close(fd);
    for (int i = 0; i < LIMIT_PEERS; i++) {
        if (i != 5) {
            close(fds[i]);
        }
    }
}

Test(magic_world, paths_share_one_echo) {
    struct magic_way a;
    struct magic_way b;
    cr_assert_eq(way_to(address("latency-1.test"), 80, &a), MAGIC_CONNECT_HOST);
    cr_assert_eq(way_to(address("loss-2.test"), 80, &b), MAGIC_CONNECT_HOST);
    cr_assert_eq(((struct sockaddr_in *)&a.host)->sin_port,
                 ((struct sockaddr_in *)&b.host)->sin_port);
}
