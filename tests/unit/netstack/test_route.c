#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "netstack/route.h"

static struct route *route;
static char error[ROUTE_ERROR_TEXT];

static void setup(void) {
    route = route_new();
}

static void teardown(void) {
    route_free(route);
}

TestSuite(route, .init = setup, .fini = teardown);

/* "host:port" of an address, in a buffer of its own. */
static const char *text_of(const struct sockaddr_storage *a) {
    static char text[80];
    char ip[INET6_ADDRSTRLEN];
    if (a->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof ip);
        snprintf(text, sizeof text, "[%s]:%u", ip, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)a;
        inet_ntop(AF_INET, &in4->sin_addr, ip, sizeof ip);
        snprintf(text, sizeof text, "%s:%u", ip, ntohs(in4->sin_port));
    }
    return text;
}

static const char *host_of(const char *ip, uint16_t port) {
    struct net_addr to = {.port = port};
    cr_assert_eq(net_parse_ip(sv_of(ip), &to.ip), 0);
    struct sockaddr_storage host;
    route_to_host(route, &to, &host);
    return text_of(&host);
}

static const char *shown_of(const char *ip, uint16_t port) {
    static char text[40];
    struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(port)};
    cr_assert_eq(inet_pton(AF_INET, ip, &host.sin_addr), 1);
    struct net_addr shown;
    char quad[NET_IP_TEXT];
    route_from_host(route, (const struct sockaddr *)&host, &shown);
    snprintf(text, sizeof text, "%s:%u", net_format_ip(shown.ip, quad), shown.port);
    return text;
}

static void map(const char *text) {
    cr_assert_eq(route_add_map(route, text, error), 0, "%s: %s", text, error);
}

Test(route, without_an_entry_addresses_stand_for_themselves) {
    cr_assert_str_eq(host_of("192.0.2.1", 80), "192.0.2.1:80");
    cr_assert_str_eq(shown_of("192.0.2.1", 80), "192.0.2.1:80");
}

Test(route, an_entry_leads_there_and_back) {
    map("116.236.221.75:8011=127.0.0.1:9011");
    cr_assert_str_eq(host_of("116.236.221.75", 8011), "127.0.0.1:9011");
    cr_assert_str_eq(host_of("116.236.221.75", 8012), "116.236.221.75:8012");
    cr_assert_str_eq(shown_of("127.0.0.1", 9011), "116.236.221.75:8011");
    cr_assert_str_eq(shown_of("127.0.0.1", 9012), "127.0.0.1:9012");
}

Test(route, any_port_keeps_the_port_both_ways) {
    map("192.168.108.5:*=127.0.0.77:*");
    cr_assert_str_eq(host_of("192.168.108.5", 57202), "127.0.0.77:57202");
    cr_assert_str_eq(shown_of("127.0.0.77", 57202), "192.168.108.5:57202");
    cr_assert_str_eq(shown_of("127.0.0.78", 57202), "127.0.0.78:57202");
}

Test(route, any_port_may_lead_to_one_and_one_to_the_same) {
    map("192.0.2.1:*=127.0.0.1:7");
    map("192.0.2.2:80=127.0.0.2:*");
    cr_assert_str_eq(host_of("192.0.2.1", 4242), "127.0.0.1:7");
    cr_assert_str_eq(host_of("192.0.2.2", 80), "127.0.0.2:80");
    cr_assert_str_eq(shown_of("127.0.0.2", 80), "192.0.2.2:80");
}

Test(route, an_exact_port_wins_then_the_earliest) {
    map("192.0.2.1:*=127.0.0.1:*");
    map("192.0.2.1:80=127.0.0.2:8080");
    map("192.0.2.1:80=127.0.0.3:8080");
    cr_assert_str_eq(host_of("192.0.2.1", 80), "127.0.0.2:8080");
    cr_assert_str_eq(host_of("192.0.2.1", 81), "127.0.0.1:81");
    map("192.0.2.9:9=127.0.0.1:99");
    cr_assert_str_eq(shown_of("127.0.0.1", 99), "192.0.2.9:9");
}

Test(route, a_ping_has_no_port_and_any_entry_will_do) {
    map("192.0.2.1:80=127.0.0.2:8080");
    struct net_addr to = {.ip = 0xc0000201u};
    struct sockaddr_storage host;
    route_to_host(route, &to, &host);
    cr_assert_eq(((struct sockaddr_in *)&host)->sin_addr.s_addr, htonl(0x7f000002u));
}

Test(route, a_name_gets_an_address_of_its_own) {
    uint32_t www = 0;
    uint32_t same = 0;
    uint32_t other = 0;
    map("www.sim.com:80=127.0.0.1:8080");
    map("other.example:80=127.0.0.1:8081");
    map("WWW.sim.com:443=127.0.0.1:8443");
    cr_assert_eq(route_name(route, SV("www.SIM.com"), &www), 0);
    cr_assert_eq(route_name(route, SV("other.example"), &other), 0);
    cr_assert_eq(route_name(route, SV("www.sim.com"), &same), 0);
    cr_assert_eq(www, 0xc6120001u);
    cr_assert_eq(same, www);
    cr_assert_neq(other, www);
    cr_assert_eq(route_name(route, SV("sim.com"), &www), -ENOENT);
    cr_assert_str_eq(route_addr_name(route, other), "other.example");
    cr_assert_null(route_addr_name(route, 0x01020304u));
    cr_assert_str_eq(host_of("198.18.0.1", 443), "127.0.0.1:8443");
    cr_assert_str_eq(shown_of("127.0.0.1", 8081), "198.18.0.2:80");
}

Test(route, the_host_side_may_be_a_name_or_ipv6) {
    map("192.0.2.1:1=localhost:81");
    map("192.0.2.1:2=[::1]:82");
    cr_assert_str_eq(host_of("192.0.2.1", 1), "127.0.0.1:81");
    cr_assert_str_eq(host_of("192.0.2.1", 2), "[::1]:82");

    struct sockaddr_in6 host = {.sin6_family = AF_INET6, .sin6_port = htons(82)};
    host.sin6_addr = in6addr_loopback;
    struct net_addr shown;
    route_from_host(route, (const struct sockaddr *)&host, &shown);
    cr_assert_eq(shown.ip, 0xc0000201u);
    cr_assert_eq(shown.port, 2);
    host.sin6_port = htons(83);
    route_from_host(route, (const struct sockaddr *)&host, &shown);
    cr_assert_eq(shown.ip, 0);
    cr_assert_eq(shown.port, 83);
}

struct wrong {
    const char *text;
    const char *says; /* must be in the error */
};

Test(route, an_error_names_the_part_and_what_is_allowed) {
    static const struct wrong maps[] = {
        {"", "want ADDR:PORT=HOST:PORT"},
        {"1.2.3.4:80", "want ADDR:PORT=HOST:PORT"},
        {"1.2.3.4=127.0.0.1:80", "modem side \"1.2.3.4\": want ADDR:PORT"},
        {"1.2.3.4:80=127.0.0.1", "host side \"127.0.0.1\": want HOST:PORT"},
        {"1.2.3.4:0=127.0.0.1:80", "modem-side port \"0\": want 1-65535 or *"},
        {"1.2.3.4:x=127.0.0.1:80", "modem-side port \"x\""},
        {"1.2.3.4:80=127.0.0.1:65536", "host port \"65536\": want 1-65535 or *"},
        {"1.2.3.400:80=127.0.0.1:80", "modem-side address \"1.2.3.400\": want four numbers"},
        {"a_b:80=127.0.0.1:80", "modem-side address \"a_b\""},
        {":80=127.0.0.1:80", "modem-side address \"\""},
        {"1.2.3.4:80=:80", "host \"\": want an address"},
        {"1.2.3.4:80=[1.2.3.4]:80", "host \"[1.2.3.4]\""},
    };
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        cr_assert_eq(route_add_map(route, maps[i].text, error), -EINVAL, "%s", maps[i].text);
        cr_assert_not_null(strstr(error, maps[i].says), "%s: %s", maps[i].text, error);
    }
    static const struct wrong listens[] = {
        {"80", "want PORT=HOST:PORT"},
        {"0=127.0.0.1:80", "modem-side port \"0\": want 1-65535"},
        {"*=127.0.0.1:80", "modem-side port \"*\": want 1-65535"},
        {"80=127.0.0.1:*", "host port \"*\": want 0-65535"},
    };
    for (size_t i = 0; i < sizeof listens / sizeof listens[0]; i++) {
        cr_assert_eq(route_add_listen(route, listens[i].text, error), -EINVAL);
        cr_assert_not_null(strstr(error, listens[i].says), "%s: %s", listens[i].text, error);
    }
}

Test(route, a_text_of_any_length_is_only_refused) {
    char text[5000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_assert_eq(route_add_map(route, text, error), -EINVAL);
    memcpy(text + 1000, ":1=", 3);
    memcpy(text + 4990, ":1", 3);
    cr_assert_eq(route_add_map(route, text, error), -EINVAL);
}

Test(route, the_number_of_entries_is_bounded) {
    for (int i = 0; i < LIMIT_ROUTES; i++) {
        map("192.0.2.1:80=127.0.0.1:80");
        cr_assert_eq(route_add_listen(route, "80=127.0.0.1:80", error), 0);
    }
    cr_assert_eq(route_add_map(route, "192.0.2.1:80=127.0.0.1:80", error), -ENOSPC);
    cr_assert_not_null(strstr(error, "64"));
    cr_assert_eq(route_add_listen(route, "80=127.0.0.1:80", error), -ENOSPC);
    struct sockaddr_in host = {.sin_family = AF_INET};
    cr_assert_eq(route_add_map_addr(route, "192.0.2.1", 0, (struct sockaddr *)&host), -ENOSPC);
}

Test(route, servers_listen_on_loopback_unless_told) {
    struct sockaddr_storage host;
    route_listen(route, 8080, &host);
    cr_assert_str_eq(text_of(&host), "127.0.0.1:8080");
    cr_assert_eq(route_add_listen(route, "8080=127.0.0.5:0", error), 0, "%s", error);
    route_listen(route, 8080, &host);
    cr_assert_str_eq(text_of(&host), "127.0.0.5:0");
    route_listen(route, 8081, &host);
    cr_assert_str_eq(text_of(&host), "127.0.0.1:8081");
}

Test(route, a_known_host_address_is_mapped) {
    struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(40000)};
    host.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const struct sockaddr *sa = (const struct sockaddr *)&host;
    cr_assert_eq(route_add_map_addr(route, "116.236.221.75", 8011, sa), 0);
    cr_assert_eq(route_add_map_addr(route, "echo.example", 0, sa), 0);
    cr_assert_eq(route_add_map_addr(route, "no good", 0, sa), -EINVAL);
    cr_assert_str_eq(host_of("116.236.221.75", 8011), "127.0.0.1:40000");
    cr_assert_str_eq(host_of("198.18.0.1", 5), "127.0.0.1:40000");
    cr_assert_str_eq(shown_of("127.0.0.1", 40000), "116.236.221.75:8011");
}

Test(route, entries_go_with_their_owner) {
    int world = 0;
    cr_assert_eq(route_add_map(route, "stays.example:80=127.0.0.1:8080", error), 0);
    route_set_owner(route, &world);
    cr_assert_eq(route_add_map(route, "goes.example:80=127.0.0.1:8081", error), 0);
    cr_assert_eq(route_add_listen(route, "80=127.0.0.5:0", error), 0);
    route_set_owner(route, NULL);
    cr_assert_eq(route_add_map(route, "later.example:80=127.0.0.1:8082", error), 0);
    route_forget(route, &world);
    uint32_t ip = 0;
    struct sockaddr_storage host;
    cr_assert_eq(route_name(route, SV("goes.example"), &ip), -ENOENT);
    route_listen(route, 80, &host);
    cr_assert_str_eq(text_of(&host), "127.0.0.1:80");
    cr_assert_str_eq(host_of("198.18.0.1", 80), "127.0.0.1:8080");
    cr_assert_str_eq(host_of("198.18.0.3", 80), "127.0.0.1:8082");
    cr_assert_eq(route_add_map(route, "new.example:80=127.0.0.1:8083", error), 0);
    cr_assert_str_eq(host_of("198.18.0.4", 80), "127.0.0.1:8083", "no address is given twice");
}

Test(route, an_entry_for_an_address_is_put_in_place_of_the_one_that_is_there) {
    struct sockaddr_in first = {
        .sin_family = AF_INET, .sin_port = htons(40000), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in second = first;
    second.sin_port = htons(40001);
    const struct net_addr at = {192u << 24 | 2u << 8 | 7, 7};
    for (size_t i = 0; i < 2u * LIMIT_ROUTES; i++) {
        cr_assert_eq(route_put_map_addr(route, &at, (const struct sockaddr *)&first), 0);
    }
    cr_assert_str_eq(host_of("192.0.2.7", 7), "127.0.0.1:40000");
    cr_assert_eq(route_put_map_addr(route, &at, (const struct sockaddr *)&second), 0);
    cr_assert_str_eq(host_of("192.0.2.7", 7), "127.0.0.1:40001");
    cr_assert_str_eq(host_of("192.0.2.7", 8), "192.0.2.7:8", "another port is another entry");
    struct net_addr other = at;
    int err = 0;
    for (size_t i = 0; i < LIMIT_ROUTES && err == 0; i++) {
        other.port++;
        err = route_put_map_addr(route, &other, (const struct sockaddr *)&first);
    }
    cr_assert_eq(err, -ENOSPC);
    cr_assert_eq(other.port, at.port + LIMIT_ROUTES);
}
