#include "scenarios/peers/magic.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/json/spec.h"
#include "scenarios/peers/peer_program.h"
#include "scenarios/peers/peers.h"

static bool by_name(const char *name, struct magic *m) {
    return magic_by_name(sv_of(name), m);
}

static bool by_addr(const char *ip, uint16_t port, struct magic *m) {
    struct net_addr to = {.port = port};
    cr_assert_eq(net_parse_ip(sv_of(ip), &to.ip), 0);
    return magic_by_addr(&to, m);
}

Test(magic, a_name_carries_its_fault) {
    struct magic m;
    cr_assert(by_name("refused.test", &m) && m.kind == MAGIC_REFUSE);
    cr_assert(by_name("timeout.test", &m) && m.kind == MAGIC_BLACK_HOLE);
    cr_assert(by_name("not-found.test", &m) && m.kind == MAGIC_NOT_FOUND && m.ip == 0);
    cr_assert(by_name("dns-timeout.test", &m) && m.kind == MAGIC_DNS_SILENT && m.ip == 0);
    cr_assert(by_name("ECHO.Test", &m) && m.kind == MAGIC_PEER, "case does not matter");
    cr_assert_str_eq(m.config, "{\"kind\": \"echo\"}");
    cr_assert(impair_is_clean(&m.impair[IMPAIR_UP]) && impair_is_clean(&m.impair[IMPAIR_DOWN]));
}

Test(magic, a_number_stands_in_the_name_or_is_the_port) {
    struct magic m;
    cr_assert(by_name("close-after-20.test", &m));
    cr_assert_eq(m.number, 20);
    cr_assert_str_eq(m.config, "{\"script\": [{\"receive\": 20}, {\"close\": true}]}");
    cr_assert(by_addr("192.0.2.4", 20, &m));
    cr_assert_str_eq(m.name, "close-after-20.test");
    cr_assert_str_eq(m.config, "{\"script\": [{\"receive\": 20}, {\"close\": true}]}");
    cr_assert(by_name("latency-250.test", &m));
    cr_assert_eq(m.impair[IMPAIR_UP].latency_ms, 250);
    cr_assert_eq(m.impair[IMPAIR_DOWN].latency_ms, 250);
    cr_assert(by_addr("192.0.2.14", 5, &m));
    cr_assert_float_eq(m.impair[IMPAIR_DOWN].loss, 0.05, 1e-9);
    cr_assert(!m.from_open);
    cr_assert(by_name("black-hole.test", &m));
    cr_assert(m.impair[IMPAIR_UP].black_hole && m.impair[IMPAIR_DOWN].black_hole && m.from_open);
}

Test(magic, an_address_without_a_number_has_any_port) {
    struct magic m;
    cr_assert(by_addr("192.0.2.7", 1, &m));
    cr_assert(by_addr("192.0.2.7", 65535, &m));
    cr_assert_str_eq(m.name, "echo.test");
}

Test(magic, what_is_not_in_the_table_is_not_magic) {
    static const char *const names[] = {
        "",
        "test",
        "example.com",
        "echo.test.",
        "echo.tes",
        "my.echo.test",
        "close-after-.test",
        "close-after-0.test",
        "close-after-65536.test",
        "close-after-020.test",
        "close-after--1.test",
        "close-after-1x.test",
        "close-after-99999999999999999999.test",
        "close-after-N.test",
        "close-after-20",
        "loss-101.test",
        "latency-60001.test",
    };
    struct magic m = {.number = 77};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert(!by_name(names[i], &m), "%s", names[i]);
    }
    cr_assert(!by_name("echo.test\0", &m) || m.number == 0);
    m.number = 77;
    cr_assert(!magic_by_name((struct sv){"echo.test\0x", 11}, &m));
    cr_assert(!by_addr("192.0.2.0", 80, &m));
    cr_assert(!by_addr("192.0.2.255", 80, &m));
    cr_assert(!by_addr("192.0.3.7", 80, &m));
    cr_assert(!by_addr("192.0.2.14", 101, &m), "percent");
    cr_assert(!by_addr("192.0.2.4", 0, &m), "a ping has no port");
    cr_assert_eq(m.number, 77, "and nothing is written");
}

Test(magic, every_row_says_what_it_does_and_makes_a_peer) {
    struct magic_entry e;
    size_t n = 0;
    for (; magic_entry(n, &e); n++) {
        struct magic m;
        struct spec_error wrong = {0};
        char name[64];
        const char *number = strchr(e.name, 'N');
        cr_assert_eq(number != NULL, e.hi > 0, "%s", e.name);
        snprintf(name, sizeof name, "%.*s%.0u%s", number ? (int)(number - e.name) : 0, e.name, e.hi,
                 number ? number + 1 : e.name);
        cr_assert(by_name(name, &m), "%s", name);
        cr_assert_str_eq(m.name, name);
        cr_assert_str_eq(m.doc, e.doc);
        cr_assert_gt(strlen(e.doc), 10);
        cr_assert_eq(m.kind == MAGIC_PEER, e.config != NULL, "%s", name);
        cr_assert_eq(e.ip != 0, m.kind != MAGIC_NOT_FOUND && m.kind != MAGIC_DNS_SILENT);
        for (size_t k = 0; k < n && e.ip != 0; k++) {
            struct magic_entry other;
            cr_assert(magic_entry(k, &other) && other.ip != e.ip, "%s has %s's address", e.name,
                      other.name);
        }
        if (e.config != NULL) {
            cJSON *tree = spec_parse(m.config, strlen(m.config), &wrong);
            cr_assert_not_null(tree, "%s: %s", m.config, wrong.text);
            cr_assert(spec_check(&peer_spec, tree, NULL, 0, &wrong), "%s: %s", m.config,
                      wrong.text);
            cJSON_Delete(tree);
        }
        cr_assert(impair_is_clean(&m.impair[IMPAIR_UP]) ||
                      strcmp(m.config, "{\"kind\": \"echo\"}") == 0,
                  "%s: behind bad paths there is one echo for all", name);
    }
    cr_assert_gt(n, 15);
}
