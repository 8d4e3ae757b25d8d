/* act_wifi.c: what WIFI devices around the module do. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "emulator/model/modem.h"
#include "emulator/model/wifi.h"
#include "scenarios/engine/action_priv.h"

enum { SIGNAL = -50 }; /* dBm: the networks of the manual's example are near it */

static const char *check_mac(const char *text) {
    return wifi_is_mac(text) ? NULL : "allowed: six pairs of hexadecimal digits with colons";
}

static const struct spec mac_spec = {.type = SPEC_TEXT,
                                     .lo = WIFI_MAC,
                                     .hi = WIFI_MAC,
                                     .check = check_mac,
                                     .pattern = "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"};
static const struct spec point_spec = {.type = SPEC_INT, .lo = 0, .hi = WIFI_POINTS - 1};
static const struct spec ssid_spec = {.type = SPEC_TEXT, .lo = 1, .hi = WIFI_SSID};
static const struct spec password_spec = {.type = SPEC_TEXT, .hi = WIFI_PASSWORD};
static const struct spec dbm_spec = {.type = SPEC_INT, .lo = -120, .hi = 0};
static const struct spec_key network_keys[] = {
    {"bssid", &mac_spec, "Its address.", SPEC_REQUIRED},
    {"ssid", &ssid_spec, "Its name.", SPEC_REQUIRED},
    {"signal", &dbm_spec, "In dBm (-50).", 0},
    {"password", &password_spec, "What lets the station in (anything).", 0},
    {0},
};
static const struct spec air_spec = {
    .type = SPEC_OBJECT, .name = "a WIFI network", .keys = network_keys};
static const struct spec networks_spec = {
    .type = SPEC_LIST, .name = "WIFI networks", .hi = LIMIT_WIFI_NETWORKS, .item = &air_spec};
static const struct spec_key wifi_keys[] = {
    {"join", &mac_spec, "A client joins the hotspot.", SPEC_VERB},
    {"leave", &mac_spec, "A client leaves it.", SPEC_VERB},
    {"send", &spec_of_bytes, "A client sends to the server of AT+CWLANSRV.", SPEC_VERB},
    {"networks", &networks_spec, "All networks that the station can see.", SPEC_VERB},
    {"point", &point_spec, "Of a join: which access point (the first that is there).", 0},
    {0},
};
const struct spec wifi_spec = {.type = SPEC_OBJECT, .name = "WIFI", .keys = wifi_keys};

static int join(struct wifi *w, const struct cJSON *value, const char **why) {
    unsigned first = 0;
    while (first < WIFI_POINTS - 1 && !wifi_is_up(w, first)) {
        first++;
    }
    int err =
        wifi_join(w, spec_text(value, "join", ""), (unsigned)spec_int(value, "point", (int)first));
    *why = err == -ENOSPC ? "there is no room for another client" : "there is no such access point";
    return err;
}

static int hear(struct wifi *w, const struct cJSON *bytes, const char **why) {
    unsigned char *p = NULL;
    size_t n = 0;
    spec_bytes(bytes, &p, &n);
    int err = wifi_hear(w, (struct sv){(const char *)p, n});
    free(p);
    *why = "the server is closed, or there is no client";
    return err;
}

static void set_networks(struct wifi *w, const struct cJSON *list) {
    struct wifi_network networks[LIMIT_WIFI_NETWORKS] = {0};
    size_t n = 0;
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, list) {
        struct wifi_network *to = &networks[n++];
        must(sv_copy(sv_of(spec_text(item, "bssid", "")), to->bssid, sizeof to->bssid) == 0);
        must(sv_copy(sv_of(spec_text(item, "ssid", "")), to->ssid, sizeof to->ssid) == 0);
        must(sv_copy(sv_of(spec_text(item, "password", "")), to->password, sizeof to->password) ==
             0);
        to->signal = spec_int(item, "signal", SIGNAL);
    }
    wifi_set_networks(w, networks, n);
}

int act_wifi(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    struct wifi *w = stage_world(st)->modem->wifi;
    if (spec_get(value, "join") != NULL) {
        return join(w, value, why);
    }
    if (spec_get(value, "leave") != NULL) {
        *why = "there is no such client";
        return wifi_leave(w, spec_text(value, "leave", ""));
    }
    if (spec_get(value, "send") != NULL) {
        return hear(w, spec_get(value, "send"), why);
    }
    set_networks(w, spec_get(value, "networks"));
    return 0;
}
