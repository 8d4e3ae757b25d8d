#include "scenarios/engine/state.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/obj.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim_file.h"
#include "emulator/model/sockets.h"
#include "emulator/model/wifi.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/engine/stage.h"
#include "scenarios/events/words.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/peers.h"
#include "scenarios/verdict/expect.h"

static const char *const link_states[] = {
    [LINK_FREE] = "free", [LINK_OPENING] = "opening", [LINK_OPEN] = "open", [LINK_ENDED] = "ended"};

/* -- the parts -- */

static void add_impair(struct cJSON *to, const char *key, const struct impair *im) {
    struct cJSON *json = cJSON_CreateObject();
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"rate", im->rate_bps},       {"lose", im->lose_next},  {"loss", im->loss},
        {"duplicate", im->duplicate}, {"reorder", im->reorder}, {"corrupt", im->corrupt},
        {"cut", im->cut_after},
    };
    const struct {
        const char *key;
        uint32_t ms;
    } times[] = {{"latency", im->latency_ms}, {"jitter", im->jitter_ms}};
    const struct {
        const char *key;
        bool on;
    } flags[] = {
        {"black-hole", im->black_hole}, {"refuse", im->refuse}, {"no-names", im->no_names}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[16];
        snprintf(text, sizeof text, "%ums", times[i].ms);
        if (times[i].ms > 0) {
            cJSON_AddStringToObject(json, times[i].key, text);
        }
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].value > 0) {
            cJSON_AddNumberToObject(json, numbers[i].key, numbers[i].value);
        }
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].on) {
            cJSON_AddBoolToObject(json, flags[i].key, true);
        }
    }
    if (json->child != NULL) {
        cJSON_AddItemToObject(to, key, json);
    } else {
        cJSON_Delete(json);
    }
}

static struct cJSON *one_link(const struct sockets *sk, unsigned n, const struct link_info *info) {
    struct cJSON *json = cJSON_CreateObject();
    struct stream_counts counts;
    char ip[NET_IP_TEXT];
    link_counts(sk, n, &counts);
    cJSON_AddNumberToObject(json, "link", n);
    cJSON_AddStringToObject(json, "state", link_states[info->state]);
    cJSON_AddStringToObject(json, "protocol", info->proto == NET_TCP ? "tcp" : "udp");
    if (info->server >= 0) {
        cJSON_AddNumberToObject(json, "server", info->server);
    }
    cJSON_AddStringToObject(json, "address", net_format_ip(info->peer.ip, ip));
    cJSON_AddNumberToObject(json, "port", info->peer.port);
    cJSON_AddNumberToObject(json, "sent", (double)counts.sent);
    cJSON_AddNumberToObject(json, "acknowledged", (double)counts.acked);
    cJSON_AddNumberToObject(json, "received", (double)counts.received);
    cJSON_AddNumberToObject(json, "unread", (double)link_available(sk, n));
    for (enum impair_direction dir = IMPAIR_UP; dir < IMPAIR_DIRECTIONS; dir++) {
        const struct impair *im = link_impairments(sk, n, dir);
        if (im != NULL) {
            add_impair(json, dir == IMPAIR_UP ? "up" : "down", im);
        }
    }
    return json;
}

static struct cJSON *links(const struct stage *st) {
    const struct sockets *sk = stage_world(st)->modem->sockets;
    struct cJSON *list = cJSON_CreateArray();
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        struct link_info info;
        link_info(sk, n, &info);
        if (info.state != LINK_FREE) {
            cJSON_AddItemToArray(list, one_link(sk, n, &info));
        }
    }
    return list;
}

static struct cJSON *servers(const struct stage *st) {
    struct cJSON *list = cJSON_CreateArray();
    for (unsigned i = 0; i < LIMIT_SERVERS; i++) {
        uint16_t port = 0;
        if (server_port(stage_world(st)->modem->sockets, i, &port)) {
            struct cJSON *json = cJSON_CreateObject();
            cJSON_AddNumberToObject(json, "server", i);
            cJSON_AddNumberToObject(json, "port", port);
            cJSON_AddItemToArray(list, json);
        }
    }
    return list;
}

static struct cJSON *module(const struct stage *st) {
    const struct modem *m = stage_world(st)->modem;
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "profile", m->profile->name);
    cJSON_AddStringToObject(json, "model", m->profile->model);
    cJSON_AddStringToObject(json, "imei", m->imei);
    cJSON_AddStringToObject(json, "power", words_power[m->power]);
    cJSON_AddNumberToObject(json, "functionality", m->fun);
    cJSON_AddStringToObject(json, "sim", words_sim[m->sim.state]);
    char clock[RTC_TEXT];
    rtc_text(&m->rtc, m->clk, clock);
    cJSON_AddStringToObject(json, "clock", clock);
    return json;
}

/* As the action has it. */
static struct cJSON *board(const struct hardware *hw) {
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "supply", hw->supply);
    cJSON_AddNumberToObject(json, "temperature", hw->temperature);
    cJSON_AddNumberToObject(json, "adc", hw->adc[0]);
    cJSON_AddNumberToObject(json, "adc2", hw->adc[1]);
    struct cJSON *pins = cJSON_AddObjectToObject(json, "pins");
    for (unsigned i = 0; i < HARDWARE_PINS; i++) {
        char gpio[16];
        snprintf(gpio, sizeof gpio, "%d", hardware_gpio(i));
        cJSON_AddBoolToObject(pins, gpio, hw->pins[i].is_outside_high);
    }
    return json;
}

/* The board, and the pins that the module drives. */
static struct cJSON *hardware(const struct stage *st) {
    const struct hardware *hw = &stage_world(st)->modem->hw;
    struct cJSON *json = board(hw);
    struct cJSON *driven = cJSON_AddObjectToObject(json, "driven");
    for (unsigned i = 0; i < HARDWARE_PINS; i++) {
        char gpio[16];
        snprintf(gpio, sizeof gpio, "%d", hardware_gpio(i));
        if (hw->pins[i].is_out) {
            cJSON_AddBoolToObject(driven, gpio, hw->pins[i].is_driven_high);
        }
    }
    return json;
}

static void add_time(struct cJSON *to, const char *key, clk_dur time) {
    char text[32];
    snprintf(text, sizeof text, "%lldms", (long long)(time.us / 1000));
    cJSON_AddStringToObject(to, key, text);
}

/* As it is written in a file. */
static struct cJSON *sky(const struct modem *m) {
    const struct gnss_sky sky = gnss_sky_now(&m->gnss);
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddBoolToObject(json, "sky", sky.is_clear);
    struct cJSON *satellites = cJSON_AddObjectToObject(json, "satellites");
    for (unsigned s = 0; s < GNSS_SYSTEMS; s++) {
        cJSON_AddNumberToObject(satellites, words_systems[s], sky.satellites[s]);
    }
    add_time(json, "cold", sky.cold);
    add_time(json, "hot", sky.hot);
    cJSON_AddNumberToObject(json, "lat", sky.place.lat);
    cJSON_AddNumberToObject(json, "lon", sky.place.lon);
    cJSON_AddNumberToObject(json, "alt", sky.place.alt);
    cJSON_AddNumberToObject(json, "speed", sky.place.speed);
    cJSON_AddNumberToObject(json, "course", sky.place.course);
    return json;
}

static struct cJSON *gnss(const struct stage *st) {
    const struct modem *m = stage_world(st)->modem;
    struct cJSON *json = sky(m);
    cJSON_AddStringToObject(json, "state", words_gnss[m->gnss.state]);
    return json;
}

static struct cJSON *registration(const struct stage *st) {
    const struct modem *m = stage_world(st)->modem;
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "state", words_of_registration(m->reg.stat));
    cJSON_AddStringToObject(json, "granted", words_of_registration(m->reg.granted));
    cJSON_AddStringToObject(json, "technology", words_technology[m->reg.tech]);
    cJSON_AddBoolToObject(json, "attached", m->reg.is_attached);
    cJSON_AddNumberToObject(json, "rssi", m->reg.rssi);
    cJSON_AddNumberToObject(json, "ber", m->reg.ber);
    return json;
}

static struct cJSON *network(const struct stage *st) {
    const struct modem *m = stage_world(st)->modem;
    struct cJSON *json = cJSON_CreateObject();
    char ip[NET_IP_TEXT];
    cJSON_AddStringToObject(json, "bearer",
                            m->bearer.is_up        ? "up"
                            : m->bearer.is_opening ? "opening"
                                                   : "down");
    cJSON_AddStringToObject(json, "address", net_format_ip(m->bearer.ip, ip));
    cJSON_AddBoolToObject(json, "opened", sockets_is_open(m->sockets));
    cJSON_AddBoolToObject(json, "dormant", bearer_is_dormant(&m->bearer));
    add_impair(json, "up", &m->bearer.impair[IMPAIR_UP]);
    add_impair(json, "down", &m->bearer.impair[IMPAIR_DOWN]);
    return json;
}

static struct cJSON *wifi(const struct stage *st) {
    const struct wifi *w = stage_world(st)->modem->wifi;
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddBoolToObject(json, "on", w->cfg.is_on);
    cJSON_AddStringToObject(json, "mode", words_wifi[w->cfg.mode]);
    struct cJSON *points = cJSON_AddArrayToObject(json, "points");
    for (unsigned i = 0; i < WIFI_POINTS; i++) {
        if (wifi_is_up(w, i)) {
            struct cJSON *point = cJSON_CreateObject();
            cJSON_AddNumberToObject(point, "point", i);
            cJSON_AddNumberToObject(point, "clients", (double)wifi_count(w, i));
            cJSON_AddItemToArray(points, point);
        }
    }
    cJSON_AddBoolToObject(json, "server", w->server.is_open);
    cJSON_AddBoolToObject(json, "joined", wifi_joined(w) != NULL);
    return json;
}

static void add_command(void *ctx, const char *command) {
    cJSON_AddItemToArray(ctx, cJSON_CreateString(command));
}

static struct cJSON *settings(const struct stage *st) {
    struct cJSON *list = cJSON_CreateArray();
    const struct stage_world *w = stage_world(st);
    w->settings(w->settings_ctx, add_command, list);
    return list;
}

static struct cJSON *tty(const struct stage *st) {
    const struct chan *ch = stage_world(st)->chan;
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddBoolToObject(json, "open", ch->is_open);
    cJSON_AddBoolToObject(json, "dtr", ch->is_open && !ch->is_dtr_off);
    cJSON_AddStringToObject(json, "user", ch->depth > 0 ? ch->stack[ch->depth - 1].user->name : "");
    return json;
}

/* What waits: bytes at the tty and in the links, actions of which the time has not come. */
static struct cJSON *queues(const struct stage *st) {
    const struct chan *ch = stage_world(st)->chan;
    size_t unread = 0;
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        unread += link_available(stage_world(st)->modem->sockets, n);
    }
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "input", (double)buf_len(&ch->in));
    cJSON_AddNumberToObject(json, "output", (double)chan_pending(ch));
    cJSON_AddNumberToObject(json, "unread", (double)unread);
    cJSON_AddNumberToObject(json, "actions", (double)stage_waiting(st));
    return json;
}

/* What has passed since the start of the daemon. */
static struct cJSON *counters(const struct stage *st) {
    const struct stage_world *w = stage_world(st);
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "read", (double)w->chan->nin);
    cJSON_AddNumberToObject(json, "written", (double)w->chan->nout);
    cJSON_AddNumberToObject(json, "refused", (double)peers_refused(w->peers));
    return json;
}

static struct cJSON *play(const struct stage *st) {
    struct cJSON *json = cJSON_CreateObject();
    const struct scenario *sc = stage_scenario(st);
    const struct expect *e = stage_expect(st);
    if (sc != NULL) {
        cJSON_AddStringToObject(json, "name", scenario_name(sc));
        cJSON_AddBoolToObject(json, "started", stage_is_started(st));
        cJSON_AddNumberToObject(json, "time", (double)stage_time(st).us / 1e6);
        cJSON_AddStringToObject(json, "verdict",
                                !expect_is_over(e)     ? "open"
                                : expect_has_passed(e) ? "passed"
                                                       : "failed");
    }
    cJSON_AddItemToObject(json, "rules", stage_rules(st));
    return json;
}

typedef struct cJSON *part_fn(const struct stage *st);

static const struct {
    const char *name;
    part_fn *make;
} parts[] = {
    {"module", module},     {"hardware", hardware},
    {"gnss", gnss},         {"registration", registration},
    {"network", network},   {"links", links},
    {"servers", servers},   {"wifi", wifi},
    {"tty", tty},           {"queues", queues},
    {"counters", counters}, {"settings", settings},
    {"scenario", play},
};

enum { PARTS = sizeof parts / sizeof parts[0] };

const char *const state_parts[] = {
    "module", "hardware", "gnss",   "registration", "network",  "links",    "servers",
    "wifi",   "tty",      "queues", "counters",     "settings", "scenario", NULL};

struct cJSON *state_json(const struct stage *st, const char *part) {
    struct cJSON *all = cJSON_CreateObject();
    for (size_t i = 0; i < PARTS; i++) {
        if (part == NULL || strcmp(part, parts[i].name) == 0) {
            cJSON_AddItemToObject(all, parts[i].name, parts[i].make(st));
        }
    }
    return all;
}

/* -- a scenario of it -- */

static void add_copy(struct cJSON *to, const struct scenario *sc, const char *key) {
    const struct cJSON *part = sc != NULL ? scenario_part(sc, key) : NULL;
    if (part != NULL) {
        cJSON_AddItemToObject(to, key, cJSON_Duplicate(part, 1));
    }
}

/* What it tells of the time, as an action has it; the universal time goes on meanwhile. */
static void add_nitz(struct cJSON *to, const struct modem *m) {
    const struct nitz *nitz = &m->nitz;
    if (nitz->is_silent) {
        cJSON_AddBoolToObject(to, "time", false);
        return;
    }
    struct cJSON *json = cJSON_AddObjectToObject(to, "time");
    cJSON_AddNumberToObject(json, "zone", nitz->zone);
    if (nitz->has_time && nitz->ahead.us != 0) {
        char text[RTC_TEXT];
        nitz_text(nitz, m->clk, text);
        cJSON_AddStringToObject(json, "universal", text);
    } else {
        cJSON_AddBoolToObject(json, "universal", nitz->has_time);
    }
    if (nitz->summer >= 0) {
        cJSON_AddNumberToObject(json, "summer", nitz->summer);
    }
}

static struct cJSON *network_part(const struct stage *st) {
    const struct modem *m = stage_world(st)->modem;
    const struct scenario *sc = stage_scenario(st);
    const struct cJSON *old = sc != NULL ? scenario_part(sc, "network") : NULL;
    struct cJSON *json = old != NULL ? cJSON_Duplicate(old, 1) : cJSON_CreateObject();
    static const char *const now[] = {"technology", "registration", "attached",   "signal",
                                      "time",       "address",      "open-delay", "impair"};
    for (size_t i = 0; i < sizeof now / sizeof now[0]; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(json, now[i]);
    }
    cJSON_AddStringToObject(json, "technology", words_technology[m->reg.best]);
    cJSON_AddStringToObject(json, "registration", words_of_registration(m->reg.granted));
    cJSON_AddBoolToObject(json, "attached", m->reg.is_attached);
    struct cJSON *signal = cJSON_AddObjectToObject(json, "signal");
    cJSON_AddNumberToObject(signal, "rssi", m->reg.rssi);
    cJSON_AddNumberToObject(signal, "ber", m->reg.ber);
    add_nitz(json, m);
    cJSON_AddStringToObject(json, "address", m->profile->ip);
    add_time(json, "open-delay", m->bearer.open_delay);
    struct cJSON *impair = cJSON_AddObjectToObject(json, "impair");
    add_impair(impair, "up", &m->bearer.impair[IMPAIR_UP]);
    add_impair(impair, "down", &m->bearer.impair[IMPAIR_DOWN]);
    return json;
}

/* As they are written in a file: without the counts, and without names that nobody gave. */
static struct cJSON *rules_part(const struct stage *st) {
    struct cJSON *list = stage_rules(st);
    struct cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, list) {
        cJSON_DeleteItemFromObjectCaseSensitive(rule, "seen");
        cJSON_DeleteItemFromObjectCaseSensitive(rule, "fired");
        if (spec_get(rule, "unnamed") != NULL) {
            cJSON_DeleteItemFromObjectCaseSensitive(rule, "unnamed");
            cJSON_DeleteItemFromObjectCaseSensitive(rule, "name");
        }
    }
    return list;
}

/* Those that are not as the profile makes them. */
static struct cJSON *card_files(const struct modem *m) {
    struct cJSON *json = cJSON_CreateObject();
    const struct sim_file *file = NULL;
    for (int i = 0; (file = sim_file_info(i)) != NULL; i++) {
        if (!sim_files_is_changed(m->card, i)) {
            continue;
        }
        size_t n = sim_file_size(file);
        char *hex = xmalloc(2 * n + 1);
        hex_print(sim_files_content(m->card, i), n, hex);
        char path[SIM_FILE_PATH];
        sim_file_path(i, path);
        cJSON_AddStringToObject(cJSON_AddObjectToObject(json, path), "hex", hex);
        free(hex);
    }
    return json;
}

struct cJSON *state_scenario(const struct stage *st) {
    const struct modem *m = stage_world(st)->modem;
    const struct scenario *sc = stage_scenario(st);
    struct cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", sc != NULL ? scenario_name(sc) : "saved state");
    add_copy(json, sc, "description");
    add_copy(json, sc, "source");
    add_copy(json, sc, "seed");
    add_copy(json, sc, "start");
    struct cJSON *part = cJSON_AddObjectToObject(json, "module");
    cJSON_AddStringToObject(part, "profile", m->profile->name);
    cJSON_AddItemToObject(part, "settings", settings(st));
    struct cJSON *identity = cJSON_AddObjectToObject(part, "identity");
    cJSON_AddStringToObject(identity, "manufacturer", m->profile->manufacturer);
    cJSON_AddStringToObject(identity, "model", m->profile->model);
    cJSON_AddStringToObject(identity, "revision", m->profile->revision_cgmr);
    cJSON_AddStringToObject(identity, "imei", m->imei);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(part, "nvram"), "1341",
                            m->nv_fin ? "01" : "00");
    cJSON_AddItemToObject(part, "hardware", board(&m->hw));
    cJSON_AddItemToObject(part, "gnss", sky(m));
    struct cJSON *quirks = cJSON_AddArrayToObject(part, "quirks");
    for (enum modem_quirk quirk = 0; quirk < QUIRKS; quirk++) {
        if (modem_has_quirk(m, quirk)) {
            cJSON_AddItemToArray(quirks, cJSON_CreateString(words_quirk[quirk]));
        }
    }
    part = cJSON_AddObjectToObject(json, "sim");
    cJSON_AddStringToObject(part, "state", words_sim[m->sim.state]);
    cJSON_AddStringToObject(part, "pin", m->sim.pin);
    cJSON_AddStringToObject(part, "puk", m->sim.puk);
    cJSON_AddStringToObject(part, "iccid", m->profile->iccid);
    cJSON_AddStringToObject(part, "imsi", m->profile->imsi);
    cJSON_AddItemToObject(part, "files", card_files(m));
    cJSON_AddItemToObject(json, "network", network_part(st));
    add_copy(json, sc, "peers");
    add_copy(json, sc, "timeline");
    cJSON_AddItemToObject(json, "rules", rules_part(st));
    add_copy(json, sc, "expect");
    add_copy(json, sc, "verdict");
    return json;
}
