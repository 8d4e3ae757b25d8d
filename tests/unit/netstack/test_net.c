#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "netstack/net.h"

Test(net, a_dotted_quad_is_parsed) {
    uint32_t ip = 0;
    cr_assert_eq(net_parse_ip(SV("116.236.221.75"), &ip), 0);
    cr_assert_eq(ip, 0x74ecdd4bu);
    cr_assert_eq(net_parse_ip(SV("0.0.0.0"), &ip), 0);
    cr_assert_eq(ip, 0);
    cr_assert_eq(net_parse_ip(SV("255.255.255.255"), &ip), 0);
    cr_assert_eq(ip, UINT32_MAX);
}

Test(net, what_is_not_a_dotted_quad_is_refused) {
    static const char *const wrong[] = {
        "",         "1.2.3",   "1.2.3.4.5",  "256.1.1.1", "1.2.3.",  ".1.2.3", "1..2.3", "1.2.3.-4",
        "1.2.3.4 ", "a.b.c.d", "1.2.3.0001", "1.2.3.4.",  "1,2,3,4", "...",    "1234"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint32_t ip = 77;
        cr_assert_eq(net_parse_ip(sv_of(wrong[i]), &ip), -EINVAL, "%s", wrong[i]);
        cr_assert_eq(ip, 77, "%s", wrong[i]);
    }
}

Test(net, an_address_is_formatted) {
    char text[NET_IP_TEXT];
    cr_assert_str_eq(net_format_ip(0xffffffffu, text), "255.255.255.255");
    cr_assert_str_eq(net_format_ip(0x0a712b9du, text), "10.113.43.157");
}

Test(net, names_follow_the_manual) {
    char label[70];
    memset(label, 'a', sizeof label);
    cr_assert(net_is_name(SV("www.sim.com")));
    cr_assert(net_is_name(SV("a")));
    cr_assert(net_is_name(SV("3g-x.4g")));
    cr_assert(net_is_name((struct sv){label, 63}));
    cr_assert_not(net_is_name((struct sv){label, 64}));
    static const char *const wrong[] = {"",     ".",    "a.",  ".a",  "a..b", "-a",       "a-",
                                        "a-.b", "a.-b", "a_b", "a b", "a\"b", "b\xc3\xa4"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_not(net_is_name(sv_of(wrong[i])), "%s", wrong[i]);
    }
}

Test(net, a_name_has_at_most_254_characters) {
    char name[256];
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = i % 2 == 0 ? 'a' : '.';
    }
    name[253] = 'b';
    cr_assert(net_is_name((struct sv){name, 254}));
    name[253] = '.';
    cr_assert_not(net_is_name((struct sv){name, 255}));
}

Test(net, every_reason_has_a_name) {
    cr_assert_str_eq(net_close_name(NET_CLOSE_LOCAL), "local");
    cr_assert_str_eq(net_close_name(NET_CLOSE_REMOTE), "remote");
    cr_assert_str_eq(net_close_name(NET_CLOSE_TIMEOUT), "timeout");
    cr_assert_str_eq(net_close_name(NET_CLOSE_RESET), "reset");
    cr_assert_str_eq(net_close_name(NET_CLOSE_NETWORK), "network");
}
