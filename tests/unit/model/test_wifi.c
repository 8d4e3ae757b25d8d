#include "emulator/model/wifi.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bus.h"
#include "emulator/model/events.h"

static struct bus bus;
static struct wifi *w;
static unsigned posted[TOPIC_COUNT];
static char heard[LIMIT_WIFI_MESSAGE + 1];

static void on_bus(void *ctx, unsigned topic, const void *payload) {
    (void)ctx;
    posted[topic]++;
    if (topic == TOPIC_WIFI_RECEIVED || topic == TOPIC_WIFI_SENT) {
        cr_assert_eq(sv_copy(*(const struct sv *)payload, heard, sizeof heard), 0);
    }
}

static void start(void) {
    bus_init(&bus);
    bus_listen(&bus, on_bus, NULL);
    w = wifi_new(&bus);
}

static void stop(void) {
    wifi_free(w);
}

TestSuite(wifi, .init = start, .fini = stop);

static const char *mac(unsigned n) {
    static char text[WIFI_MAC + 1];
    snprintf(text, sizeof text, "02:00:00:00:00:%02x", n & 0xffu);
    return text;
}

Test(wifi, addresses_have_six_pairs) {
    cr_assert(wifi_is_mac("00:0A:f5:88:88:8F"));
    static const char *const bad[] = {"",
                                      "00:0A:f5:88:88:8",
                                      "00:0A:f5:88:88:8g",
                                      "00:0A:f5:88:88:8F0",
                                      "00-0A-f5-88-88-8F",
                                      "000:A:f5:88:88:8F"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(wifi_is_mac(bad[i]), "%s", bad[i]);
    }
}

Test(wifi, it_holds_32_clients_and_each_once) {
    for (unsigned i = 0; i < LIMIT_WIFI_CLIENTS; i++) {
        cr_assert_eq(wifi_join(w, mac(i), 0), 0);
    }
    cr_assert_eq(posted[TOPIC_WIFI_CHANGED], LIMIT_WIFI_CLIENTS);
    cr_assert_eq(wifi_join(w, mac(LIMIT_WIFI_CLIENTS), 0), -ENOSPC);
    cr_assert_eq(wifi_join(w, mac(7), 0), 0, "who is there may join again");
    cr_assert_eq(wifi_count(w, 0), LIMIT_WIFI_CLIENTS);
    cr_assert_eq(wifi_leave(w, mac(7)), 0);
    cr_assert_eq(wifi_leave(w, mac(7)), -ENOENT);
    cr_assert_eq(wifi_join(w, mac(LIMIT_WIFI_CLIENTS), 0), 0);
    wifi_leave_all(w);
    cr_assert_eq(wifi_count(w, 0), 0);
}

Test(wifi, who_is_at_one_access_point_is_not_at_the_other) {
    wifi_set_mode(w, WIFI_AP_AP);
    cr_assert_eq(wifi_join(w, mac(1), 0), 0);
    cr_assert_eq(wifi_join(w, mac(1), 1), 0);
    cr_assert_eq(wifi_count(w, 0), 0);
    cr_assert_eq(wifi_count(w, 1), 1);
}

Test(wifi, each_mode_has_its_access_points) {
    static const struct {
        enum wifi_mode mode;
        int err[WIFI_POINTS + 1];
    } table[] = {
        {WIFI_AP, {0, -ENETDOWN, -ENETDOWN, -ENETDOWN}},
        {WIFI_AP_AP, {0, 0, -ENETDOWN, -ENETDOWN}},
        {WIFI_STA_AP, {-ENETDOWN, -ENETDOWN, 0, -ENETDOWN}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        wifi_set_mode(w, table[i].mode);
        for (unsigned point = 0; point <= WIFI_POINTS; point++) {
            cr_assert_eq(wifi_join(w, mac(point), point), table[i].err[point], "%zu %u", i, point);
        }
    }
    wifi_switch(w, false);
    cr_assert_eq(wifi_count(w, 2), 0);
    cr_assert_eq(wifi_join(w, mac(1), 2), -ENETDOWN);
}

Test(wifi, a_station_joins_the_network_whose_password_it_has) {
    static const struct wifi_network air[] = {
        {.bssid = "02:00:00:00:00:01", .ssid = "locked", .password = "secret12"},
        {.bssid = "02:00:00:00:00:02", .ssid = "open"},
    };
    wifi_set_networks(w, air, 2);
    wifi_set_station(w, SV("locked"), SV("secret12"));
    cr_assert_null(wifi_joined(w), "there is no station");
    wifi_open_station(w, true);
    cr_assert_str_eq(wifi_joined(w)->ssid, "locked");
    wifi_set_station(w, SV("locked"), SV("secret13"));
    cr_assert_null(wifi_joined(w));
    wifi_set_station(w, SV("open"), SV(""));
    cr_assert_str_eq(wifi_joined(w)->ssid, "open");
    wifi_set_networks(w, air, 1);
    cr_assert_null(wifi_joined(w));
    wifi_set_networks(w, air, 2);
    wifi_switch(w, false);
    cr_assert_null(wifi_joined(w));
}

Test(wifi, no_station_joins_without_a_name) {
    wifi_set_mode(w, WIFI_STA_AP);
    cr_assert(wifi_has_station(w));
    cr_assert_null(wifi_joined(w));
}

Test(wifi, the_server_wants_a_client_and_to_be_open) {
    cr_assert_eq(wifi_say(w, SV("x")), -ENOTCONN);
    wifi_open_server(w, true);
    cr_assert_eq(wifi_say(w, SV("x")), -ENOTCONN);
    cr_assert_eq(wifi_hear(w, SV("x\n")), -ENOTCONN);
    wifi_join(w, mac(1), 0);
    cr_assert_eq(wifi_say(w, SV("to them")), 0);
    cr_assert_str_eq(heard, "to them");
    cr_assert_eq(wifi_hear(w, SV("from")), 0);
    cr_assert_eq(posted[TOPIC_WIFI_RECEIVED], 0);
    cr_assert_eq(wifi_hear(w, SV(" them\n")), 0);
    cr_assert_str_eq(heard, "from them");
    wifi_open_server(w, false);
    cr_assert_eq(wifi_hear(w, SV("x\n")), -ENOTCONN);
    cr_assert_eq(posted[TOPIC_WIFI_RECEIVED], 1);
}

Test(wifi, what_is_restored_is_all_that_was_set) {
    struct wifi *fresh = wifi_new(&bus);
    wifi_set_mode(w, WIFI_AP_AP);
    wifi_select(w, 1);
    cr_assert_eq(wifi_set_ssid(w, SV("b")), 0);
    cr_assert_eq(wifi_set_auth(w, 0, 0, SV("")), 0);
    wifi_point(w)->is_isolated = true;
    wifi_set_station(w, SV("s"), SV("p"));
    wifi_open_server(w, true);
    w->cfg.port = 1024;
    wifi_join(w, mac(1), 0);
    wifi_restore(w);
    cr_assert_eq(memcmp(w->cfg.points, fresh->cfg.points, sizeof w->cfg.points), 0);
    cr_assert_eq(w->cfg.mode, WIFI_AP);
    cr_assert_eq(w->cfg.selected, 0);
    cr_assert_str_eq(w->cfg.ssid, "");
    cr_assert_eq(w->cfg.port, 5555);
    cr_assert_not(w->server.is_open);
    cr_assert_eq(w->nclients, 0);
    wifi_free(fresh);
}
