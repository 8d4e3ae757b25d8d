/* act_net.c: what happens to the network, to links and to their far ends. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "emulator/model/events.h"
#include "emulator/model/modem.h"
#include "emulator/model/sockets.h"
#include "netstack/route.h"
#include "scenarios/engine/action_priv.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/events/happening.h"
#include "scenarios/peers/peers.h"

static const char no_link[] = "there is no such link";

static struct modem *modem_of(struct stage *st) {
    return stage_world(st)->modem;
}

static const struct spec link_number_spec = {.type = SPEC_INT, .lo = 0, .hi = LIMIT_LINKS - 1};
static const struct spec flag_spec = {.type = SPEC_BOOL};
static const struct spec time_spec = {.type = SPEC_DURATION, .hi = 3600};
static const struct spec count_spec = {.type = SPEC_INT, .lo = 0, .hi = 4294967295.0};
static const struct spec chance_spec = {.type = SPEC_NUMBER, .lo = 0, .hi = 1};
static const struct spec port_spec = {.type = SPEC_INT, .lo = 1, .hi = 65535};
static const struct spec name_spec = {.type = SPEC_TEXT, .lo = 1, .hi = 64};

/* -- the network as a whole -- */

static const char *const network_words[] = {"lost", "found", NULL};
const struct spec network_spec = {.type = SPEC_WORD, .words = network_words};

int act_network(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    bool is_lost = strcmp(value->valuestring, "lost") == 0;
    struct modem *m = modem_of(st);
    modem_set_registration(m, is_lost ? REG_SEARCHING : m->reg.found);
    return 0;
}

/* -- what it tells of the time -- */

static const char *check_time(const char *text) {
    return rtc_is_time(sv_of(text)) ? NULL : "allowed: yy/MM/dd,hh:mm:ss";
}

#define TWO_DIGITS "[0-9]{2}"
static const struct spec universal_text_spec = {.type = SPEC_TEXT,
                                                .lo = 17,
                                                .hi = 17,
                                                .check = check_time,
                                                .pattern = "^" TWO_DIGITS "/" TWO_DIGITS
                                                           "/" TWO_DIGITS "," TWO_DIGITS
                                                           ":" TWO_DIGITS ":" TWO_DIGITS "$"};
static const struct spec *const universal_choices[] = {&flag_spec, &universal_text_spec, NULL};
static const struct spec universal_spec = {.type = SPEC_CHOICE, .choices = universal_choices};
static const struct spec zone_spec = {.type = SPEC_INT, .lo = RTC_ZONE_LEAST, .hi = RTC_ZONE_MOST};
static const struct spec summer_spec = {.type = SPEC_INT, .lo = 0, .hi = NITZ_SUMMER_MOST};
static const struct spec_key time_keys[] = {
    {"zone", &zone_spec, "Quarters of an hour east of Greenwich, with summer time.", SPEC_REQUIRED},
    {"universal", &universal_spec,
     "Universal time that it is now, as \"08/12/09,17:00:00\"; true: the host's, false: it does "
     "not say (true).",
     0},
    {"summer", &summer_spec, "Hours of summer time (it does not say).", 0},
    {0},
};
static const struct spec time_object_spec = {
    .type = SPEC_OBJECT, .name = "a time", .keys = time_keys};
static const struct spec *const time_choices[] = {&flag_spec, &time_object_spec, NULL};
const struct spec time_told_spec = {.type = SPEC_CHOICE, .choices = time_choices};

int act_time(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    struct modem *m = modem_of(st);
    struct nitz nitz = m->nitz;
    nitz.is_silent = cJSON_IsFalse(value);
    if (cJSON_IsObject(value)) {
        const struct cJSON *universal = spec_get(value, "universal");
        nitz_init(&nitz);
        nitz.has_time = !cJSON_IsFalse(universal);
        nitz.zone = spec_int(value, "zone", 0);
        nitz.summer = spec_int(value, "summer", -1);
        if (cJSON_IsString(universal)) {
            must(nitz_set_time(&nitz, m->clk, sv_of(universal->valuestring)) == 0);
        }
    }
    modem_set_network_time(m, &nitz);
    return 0;
}

const struct spec ussd_spec = {.type = SPEC_TEXT, .lo = 1, .hi = 64};

int act_ussd(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    struct modem *m = modem_of(st);
    if (!reg_is_registered(&m->reg)) {
        *why = "the module is not registered";
        return -ENETDOWN;
    }
    int err = ussd_begin(&m->ussd, sv_of(value->valuestring));
    *why = err == -ENOENT ? "there is no such entry" : "there is a session already";
    return err;
}

const struct spec context_spec = {.type = SPEC_INT, .lo = 1, .hi = MODEM_CIDS};

int act_deactivate(struct stage *st, const struct cJSON *value, struct decision *d,
                   const char **why) {
    (void)d;
    (void)why;
    modem_deactivate(modem_of(st), (unsigned)value->valueint);
    return 0;
}

int act_open_delay(struct stage *st, const struct cJSON *value, struct decision *d,
                   const char **why) {
    (void)d;
    (void)why;
    modem_set_open_delay(modem_of(st), spec_duration(value->valuestring));
    return 0;
}

/* -- the path -- */

#define PATH_KEYS                                                                                  \
    {"latency", &time_spec, "So much longer under way.", 0},                                       \
        {"jitter", &time_spec, "0 to so much longer still, evenly.", 0},                           \
        {"rate", &count_spec, "Bits per second; 0: unlimited.", 0},                                \
        {"lose", &count_spec, "So many transmissions are lost for certain, first.", 0},            \
        {"loss", &chance_spec, "Then each is lost with this probability.", 0},                     \
        {"duplicate", &chance_spec, "Datagrams come twice.", 0},                                   \
        {"reorder", &chance_spec, "Datagrams are overtaken.", 0},                                  \
        {"corrupt", &chance_spec, "Datagrams have a wrong byte.", 0},                              \
        {"cut", &count_spec, "A TCP link is reset after so many bytes.", 0},                       \
        {"black-hole", &flag_spec, "Nothing passes.", 0},                                          \
        {"refuse", &flag_spec, "Connects are refused (up).", 0}, {                                 \
        "no-names", &flag_spec, "No name exists (up).", 0                                          \
    }

static const struct spec_key path_keys[] = {PATH_KEYS, {0}};
const struct spec path_spec = {.type = SPEC_OBJECT, .name = "a path", .keys = path_keys};

static const char *const way_words[] = {"up", "down", "both", NULL};
static const struct spec way_spec = {.type = SPEC_WORD, .words = way_words};
static const struct spec_key impair_keys[] = {
    {"way", &way_spec, "From the module, to it, or both (both).", 0},
    {"link", &link_number_spec, "Of this link; else of all, or of the one that is asked about.", 0},
    {"clear", &flag_spec, "First of all nothing is wrong any more.", 0},
    PATH_KEYS,
    {0},
};
const struct spec impair_spec = {.type = SPEC_OBJECT, .name = "an impairment", .keys = impair_keys};

static uint32_t ms_of(const struct cJSON *json, const char *key, uint32_t otherwise) {
    return (uint32_t)(spec_dur(json, key, CLK_MS(otherwise)).us / 1000);
}

static uint32_t count_of(const struct cJSON *json, const char *key, uint32_t otherwise) {
    return (uint32_t)spec_number(json, key, otherwise);
}

void action_path(const struct cJSON *json, struct impair *im) {
    im->latency_ms = ms_of(json, "latency", im->latency_ms);
    im->jitter_ms = ms_of(json, "jitter", im->jitter_ms);
    im->rate_bps = count_of(json, "rate", im->rate_bps);
    im->lose_next = count_of(json, "lose", im->lose_next);
    im->loss = spec_number(json, "loss", im->loss);
    im->duplicate = spec_number(json, "duplicate", im->duplicate);
    im->reorder = spec_number(json, "reorder", im->reorder);
    im->corrupt = spec_number(json, "corrupt", im->corrupt);
    im->cut_after = count_of(json, "cut", im->cut_after);
    im->black_hole = spec_flag(json, "black-hole", im->black_hole);
    im->refuse = spec_flag(json, "refuse", im->refuse);
    im->no_names = spec_flag(json, "no-names", im->no_names);
}

/* One direction of what is meant: the link that is asked about, a running one, or all. */
static int impair_way(struct stage *st, const struct cJSON *value, const struct decision *d,
                      enum impair_direction dir) {
    struct modem *m = modem_of(st);
    bool is_asked = d != NULL && d->what != NULL &&
                    (d->what->ask == ASK_NET_CONNECT || d->what->ask == ASK_NET_ACCEPT);
    struct impair im = {0};
    bool is_clear = spec_flag(value, "clear", false);
    if (spec_get(value, "link") == NULL && is_asked) {
        struct link_asked *asked = d->asked;
        im = is_clear ? im : asked->impair[dir];
        action_path(value, &im);
        asked->impair[dir] = im;
        return 0;
    }
    if (spec_get(value, "link") == NULL) {
        im = is_clear ? im : m->bearer.impair[dir];
        action_path(value, &im);
        modem_impair(m, dir, &im);
        return 0;
    }
    unsigned link = action_link(value, d);
    const struct impair *now = link_impairments(m->sockets, link, dir);
    if (now == NULL) {
        return -ENOTCONN;
    }
    im = is_clear ? im : *now;
    action_path(value, &im);
    return link_impair(m->sockets, link, dir, &im);
}

int act_impair(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    const char *way = spec_text(value, "way", "both");
    *why = no_link;
    int err = 0;
    for (enum impair_direction dir = IMPAIR_UP; dir < IMPAIR_DIRECTIONS && err == 0; dir++) {
        if (strcmp(way, "both") == 0 || strcmp(way, dir == IMPAIR_UP ? "up" : "down") == 0) {
            err = impair_way(st, value, d, dir);
        }
    }
    return err;
}

/* -- links -- */

static const struct spec_key link_keys[] = {
    {"link", &link_number_spec, "Which (that of what led to it, else 0).", 0},
    {0},
};
static const struct spec link_object_spec = {.type = SPEC_OBJECT, .keys = link_keys};
static const struct spec *const link_choices[] = {&flag_spec, &link_object_spec, NULL};
const struct spec link_spec = {.type = SPEC_CHOICE, .choices = link_choices};

static int end_link(struct stage *st, const struct cJSON *value, const struct decision *d,
                    enum net_close why_closed, const char **why) {
    *why = no_link;
    if (cJSON_IsFalse(value)) {
        return 0;
    }
    return link_end(modem_of(st)->sockets, action_link(value, d), why_closed);
}

int act_close(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    return end_link(st, value, d, NET_CLOSE_REMOTE, why);
}

int act_reset(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    return end_link(st, value, d, NET_CLOSE_RESET, why);
}

int act_give_up(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    return end_link(st, value, d, NET_CLOSE_TIMEOUT, why);
}

/* -- far ends -- */

static const struct spec_key peer_keys[] = {
    {"name", &name_spec, "Which.", SPEC_REQUIRED},
    {"send", &spec_of_bytes, "On its newest connection, like all of these.", SPEC_VERB},
    {"close", &flag_spec, "FIN behind what is queued.", SPEC_VERB},
    {"half-close", &flag_spec, "FIN, and it goes on reading.", SPEC_VERB},
    {"reset", &flag_spec, "RST.", SPEC_VERB},
    {"stall", &flag_spec, "It reads no more, or again.", SPEC_VERB},
    {0},
};
const struct spec peer_action_spec = {
    .type = SPEC_OBJECT, .name = "a far end's action", .keys = peer_keys};

static struct peer *find_peer(struct stage *st, const char *name, const char **why) {
    *why = "there is no peer of this name";
    return peers_find(stage_world(st)->peers, name);
}

int act_peer(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    struct peer *peer = find_peer(st, spec_text(value, "name", ""), why);
    if (peer == NULL) {
        return -ENOENT;
    }
    *why = "it has no connection";
    const struct cJSON *bytes = spec_get(value, "send");
    if (bytes != NULL) {
        unsigned char *p = NULL;
        size_t n = 0;
        spec_bytes(bytes, &p, &n);
        int err = peer_send(peer, p, n);
        free(p);
        return err;
    }
    if (spec_get(value, "stall") != NULL) {
        return peer_stall(peer, spec_flag(value, "stall", true));
    }
    return spec_flag(value, "close", false)        ? peer_close(peer)
           : spec_flag(value, "half-close", false) ? peer_half_close(peer)
           : spec_flag(value, "reset", false)      ? peer_reset(peer)
                                                   : 0;
}

static const struct spec_key call_keys[] = {
    {"peer", &name_spec, "Who calls.", SPEC_REQUIRED},
    {"port", &port_spec, "Of the module's server.", SPEC_REQUIRED},
    {0},
};
const struct spec call_spec = {.type = SPEC_OBJECT, .name = "a call", .keys = call_keys};

/* The caller's own address, so that the module sees it as the map has it: a loopback address that
 * looks like it, and an entry of the map, which goes with the scenario. */
static bool find_caller(struct stage *st, const char *name, struct sockaddr_in *from) {
    const struct scenario *sc = stage_scenario(st);
    const struct cJSON *peers = sc != NULL ? scenario_part(sc, "peers") : NULL;
    const struct cJSON *at = spec_get(spec_get(peers, name), "at");
    at = cJSON_IsArray(at) ? at->child : at;
    struct net_addr shown = {0};
    const char *colon = cJSON_IsString(at) ? strrchr(at->valuestring, ':') : NULL;
    if (colon == NULL ||
        net_parse_ip((struct sv){at->valuestring, (size_t)(colon - at->valuestring)}, &shown.ip) !=
            0) {
        return false;
    }
    uint32_t own = 127u << 24 | 0x800000u | (shown.ip & 0x7fffffu);
    *from = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(own)};
    struct route *route = stage_world(st)->route;
    route_set_owner(route, sc);
    int err = route_put_map_addr(route, &shown, (const struct sockaddr *)from);
    route_set_owner(route, NULL);
    return err == 0;
}

int act_call(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    struct peer *peer = find_peer(st, spec_text(value, "peer", ""), why);
    if (peer == NULL) {
        return -ENOENT;
    }
    struct sockaddr_storage to;
    route_listen(stage_world(st)->route, (uint16_t)spec_int(value, "port", 0), &to);
    *why = NULL;
    struct sockaddr_in from;
    bool has_own = find_caller(st, peer_name(peer), &from);
    return peer_call(peer, (const struct sockaddr *)&to,
                     has_own ? (const struct sockaddr *)&from : NULL);
}
