#include "scenarios/engine/tables.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "emulator/model/sockets.h"
#include "netstack/net.h"
#include "netstack/ppp/auth.h"
#include "netstack/route.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/magic_world.h"

static const struct bus_verdict go = {.act = BUS_GO};
static const struct bus_verdict fail = {.act = BUS_FAIL};
static const struct bus_verdict drop = {.act = BUS_DROP};

/* -- names -- */

static struct bus_verdict name_in_table(const struct cJSON *names, struct sv name) {
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, names) {
        if (!sv_eq_nocase(name, sv_of(item->string))) {
            continue;
        }
        if (strcmp(item->valuestring, "not-found") == 0) {
            return fail;
        }
        return strcmp(item->valuestring, "silent") == 0
                   ? drop
                   : (struct bus_verdict){.act = BUS_REPLACE, .text = sv_of(item->valuestring)};
    }
    return go;
}

static struct bus_verdict magic_name(struct magic_world *magic, struct sv name) {
    static char text[NET_IP_TEXT]; /* acted on before the next question */
    uint32_t ip = 0;
    switch (magic_world_resolve(magic, name, &ip)) {
    case MAGIC_NAME_NOT_MINE:
        break;
    case MAGIC_NAME_ADDR:
        return (struct bus_verdict){.act = BUS_REPLACE, .text = sv_of(net_format_ip(ip, text))};
    case MAGIC_NAME_NOT_FOUND:
        return fail;
    case MAGIC_NAME_SILENT:
        return drop;
    }
    return go;
}

/* -- connects, and datagrams -- */

static struct bus_verdict lead_there(struct tables *t, const struct link_asked *asked,
                                     const struct magic_way *way) {
    if (route_put_map_addr(t->route, &asked->peer, (const struct sockaddr *)&way->host) != 0) {
        LOG(LOG_STAGE, LOG_WARN, "magic", "no room left in the map");
        return fail;
    }
    if (asked->impair == NULL) {
        /* A datagram, which opens nothing: its link may have other peers with other paths. */
        return way->impair[IMPAIR_UP].black_hole ? drop : go;
    }
    if (!way->from_open) {
        memcpy(asked->impair, way->impair, sizeof way->impair);
    } else {
        t->later[asked->link].is_set = true;
        memcpy(t->later[asked->link].impair, way->impair, sizeof way->impair);
    }
    return go;
}

static struct bus_verdict magic_connect(struct tables *t, const struct link_asked *asked) {
    struct magic_way way;
    t->later[asked->link].is_set = false; /* of a connect that came to nothing */
    switch (magic_world_connect(t->magic, &asked->peer, &way)) {
    case MAGIC_CONNECT_NOT_MINE:
        break;
    case MAGIC_CONNECT_HOST:
        return lead_there(t, asked, &way);
    case MAGIC_CONNECT_REFUSE:
        return fail;
    case MAGIC_CONNECT_BLACK_HOLE:
        return drop;
    }
    return go;
}

/* -- contexts -- */

static struct bus_verdict apn_in_table(const struct cJSON *apns, const struct context_event *e) {
    if (apns == NULL || e->apn == NULL) {
        return go;
    }
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, apns) {
        if (sv_eq_nocase(sv_of(item->valuestring), sv_of(e->apn))) {
            return go;
        }
    }
    return fail;
}

/* A network that knows its users: the module says who it is, or the DTE of a dial-up link does. */
static struct bus_verdict login_in_table(const struct cJSON *logins, const struct context_event *e,
                                         const struct auth_login *login) {
    const struct cJSON *user = spec_get(logins, e->apn != NULL ? e->apn : "");
    if (user == NULL) {
        return go;
    }
    const char *name = spec_text(user, "user", "");
    const char *password = spec_text(user, "password", "");
    bool is_good = e->user != NULL && strcmp(e->user, name) == 0 && e->password != NULL &&
                   strcmp(e->password, password) == 0;
    if (login != NULL) {
        is_good =
            is_good || (sv_eq(login->user, sv_of(name)) && auth_login_is(login, sv_of(password)));
    }
    return is_good ? go : fail;
}

static struct bus_verdict context_in_tables(const struct tables *t, const struct context_event *e) {
    struct bus_verdict v = apn_in_table(spec_get(t->network, "apns"), e);
    if (v.act == BUS_GO && !e->is_dialled) {
        v = login_in_table(spec_get(t->network, "logins"), e, NULL);
    }
    return v;
}

uint32_t tables_asks(const struct tables *t) {
    uint32_t asks = 0;
    if (t->magic != NULL) {
        asks |= 1u << ASK_NET_RESOLVE | 1u << ASK_NET_CONNECT | 1u << ASK_NET_SEND;
    }
    if (t->network != NULL) {
        asks |= 1u << ASK_NET_RESOLVE | 1u << ASK_CONTEXT_ACTIVATE | 1u << ASK_PPP_LOGIN;
    }
    return asks;
}

struct bus_verdict tables_answer(struct tables *t, enum ask point, void *asked) {
    struct bus_verdict v = go;
    if (point == ASK_NET_RESOLVE) {
        const struct name_asked *e = asked;
        v = name_in_table(spec_get(t->network, "names"), e->name);
        if (v.act == BUS_GO && t->magic != NULL) {
            v = magic_name(t->magic, e->name);
        }
    } else if (point == ASK_CONTEXT_ACTIVATE) {
        v = context_in_tables(t, asked);
    } else if (point == ASK_PPP_LOGIN) {
        const struct login_asked *e = asked;
        v = login_in_table(spec_get(t->network, "logins"), &e->context, e->login);
    } else if (t->magic != NULL && point == ASK_NET_CONNECT) {
        v = magic_connect(t, asked);
    } else if (t->magic != NULL && point == ASK_NET_SEND) {
        const struct link_asked *e = asked;
        v = e->proto == NET_UDP ? magic_connect(t, e) : go;
    }
    return v;
}

void tables_opened(struct tables *t, struct sockets *sk, unsigned link) {
    if (!t->later[link].is_set) {
        return;
    }
    t->later[link].is_set = false;
    for (enum impair_direction dir = IMPAIR_UP; dir < IMPAIR_DIRECTIONS; dir++) {
        link_impair(sk, link, dir, &t->later[link].impair[dir]);
    }
}
