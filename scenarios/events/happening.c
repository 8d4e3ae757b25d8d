#include "scenarios/events/happening.h"
#include "netstack/ppp/auth.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/model/audio.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/gnss.h"
#include "emulator/model/hardware.h"
#include "emulator/model/reg.h"
#include "emulator/model/rtc.h"
#include "emulator/model/sim.h"
#include "emulator/model/ussd.h"
#include "emulator/model/wifi.h"
#include "scenarios/events/words.h"

const char *const happening_names[] = {
    "start",       "tty.opened", "tty.closed", "tty.in",       "tty.out",
    "dtr.changed", "peer.data",  "peer.ended", "peer.connect",
#define TOPIC(id, name, payload) name,
#include "emulator/bus_points.def"
#define ASK(id, name, payload) name,
#include "emulator/bus_points.def"
    NULL,
};

const char *const happening_shown[] = {"tty.mode", "action.done", NULL};

void happening_init(struct happening *h, const char *name) {
    h->name = name;
    h->ask = -1;
    h->n = 0;
}

static struct fact *add(struct happening *h, const char *key) {
    must(h->n < HAPPENING_FACTS);
    struct fact *f = &h->facts[h->n++];
    f->key = key;
    f->text = (struct sv){NULL, 0};
    return f;
}

void happening_add(struct happening *h, const char *key, int64_t number) {
    add(h, key)->number = number;
}

void happening_add_text(struct happening *h, const char *key, struct sv text) {
    add(h, key)->text = text.p != NULL ? text : SV("");
}

static void add_word(struct happening *h, const char *key, const char *word) {
    happening_add_text(h, key, sv_of(word));
}

static void add_address(struct happening *h, const struct net_addr *a) {
    struct fact *f = add(h, "address");
    f->text = sv_of(net_format_ip(a->ip, f->mem));
    happening_add(h, "port", a->port);
}

static void add_at(struct happening *h, const void *payload) {
    const struct at_event *e = payload;
    static const char *const forms[] = {[1] = "exec", [2] = "read", [4] = "test", [8] = "write"};
    happening_add_text(h, "text", e->text);
    if (e->name[0] != '\0') {
        add_word(h, "name", e->name);
    }
    if (e->args.n > 0) {
        happening_add_text(h, "args", e->args);
    }
    if (e->form > 0 && e->form <= 8 && forms[e->form] != NULL) {
        add_word(h, "form", forms[e->form]);
    }
}

static void add_power(struct happening *h, const void *payload) {
    const struct power_event *e = payload;
    add_word(h, "state", words_power[e->state]);
    add_word(h, "planned", e->is_planned ? "yes" : "no");
}

static void add_sim(struct happening *h, const void *payload) {
    const struct sim *sim = payload;
    add_word(h, "state", words_sim[sim->state]);
}

static void add_audio(struct happening *h, const void *payload) {
    const struct audio_event *e = payload;
    add_word(h, "job", words_audio_job[e->job]);
    add_word(h, "state", words_audio_state[e->state]);
}

static void add_bluetooth(struct happening *h, const void *payload) {
    const struct bluetooth_event *e = payload;
    add_word(h, "what", words_bluetooth[e->what]);
    if (e->device != NULL) {
        add_word(h, "mac", e->device->mac);
    }
    happening_add(h, "number", e->number);
    happening_add(h, "limit", e->limit);
    happening_add_text(h, "text", e->data);
}

static void add_update(struct happening *h, const void *payload) {
    const struct update_asked *e = payload;
    happening_add_text(h, "version", e->version);
}

static void add_context(struct happening *h, const void *payload) {
    const struct context_event *e = payload;
    happening_add(h, "cid", e->cid);
    add_word(h, "state", e->is_active ? "active" : "inactive");
}

static void add_reg(struct happening *h, const void *payload) {
    const struct reg *r = payload;
    happening_add(h, "stat", r->stat);
    happening_add(h, "rssi", r->rssi);
}

static void add_ussd(struct happening *h, const void *payload) {
    const struct ussd_entry *e = payload;
    happening_add(h, "state", e->state);
    add_word(h, "text", e->text != NULL ? e->text : "");
}

static void add_sent(struct happening *h, const void *payload) {
    const struct link_sent *e = payload;
    happening_add(h, "link", e->link);
    happening_add(h, "bytes", (int64_t)e->requested);
    happening_add(h, "confirmed", e->confirmed);
}

static void add_hardware(struct happening *h, const void *payload) {
    const struct hardware *hw = payload;
    happening_add(h, "supply", hw->supply);
    happening_add(h, "temperature", hw->temperature);
}

static void add_wifi(struct happening *h, const void *payload) {
    const struct wifi *w = payload;
    add_word(h, "state", w->cfg.is_on ? "on" : "off");
    happening_add(h, "clients", (int64_t)w->nclients);
}

static void add_gnss(struct happening *h, const void *payload) {
    const struct gnss *g = payload;
    add_word(h, "state", words_gnss[g->state]);
    add_word(h, "sky", g->sky.is_clear ? "yes" : "no");
}

static void add_link(struct happening *h, const void *payload) {
    const struct link_result *r = payload;
    happening_add(h, "link", r->link);
    happening_add(h, "err", r->err);
}

static void add_call(struct happening *h, const void *payload) {
    const struct call_event *e = payload;
    add_word(h, "up", e->is_up ? "yes" : "no");
}

static void add_time(struct happening *h, const void *payload) {
    const struct time_event *e = payload;
    happening_add(h, "zone", e->nitz->zone);
    happening_add(h, "summer", e->nitz->summer);
}

static void add_message(struct happening *h, const void *payload) {
    const struct sv *text = payload;
    happening_add_text(h, "text", *text);
}

static void add_urc(struct happening *h, const void *payload) {
    const struct urc_event *e = payload;
    add_word(h, "text", e->text);
}

static void add_net(struct happening *h, const void *payload) {
    const struct net_result *e = payload;
    happening_add(h, "err", e->err);
}

static void add_closed(struct happening *h, const void *payload) {
    const struct link_closed *e = payload;
    happening_add(h, "link", e->link);
    add_word(h, "why", net_close_name(e->why));
}

static void add_accepted(struct happening *h, const void *payload) {
    const struct link_accepted *e = payload;
    happening_add(h, "link", e->link);
    happening_add(h, "server", e->server);
    add_address(h, &e->peer);
}

static void add_name(struct happening *h, const void *payload) {
    const struct name_asked *e = payload;
    happening_add_text(h, "name", e->name);
}

static void add_asked(struct happening *h, const void *payload) {
    const struct link_asked *e = payload;
    happening_add(h, "link", e->link);
    add_word(h, "protocol", e->proto == NET_TCP ? "tcp" : "udp");
    add_address(h, &e->peer);
    happening_add(h, "bytes", (int64_t)e->bytes);
}

static void add_login(struct happening *h, const void *payload) {
    const struct login_asked *e = payload;
    add_context(h, &e->context);
    happening_add_text(h, "user", e->login != NULL ? e->login->user : SV(""));
}

/* What each of them has to say. */
typedef void add_fn(struct happening *h, const void *payload);
static add_fn *const of_topic[TOPIC_COUNT] = {
    [TOPIC_AT_DONE] = add_at,
    [TOPIC_POWER_CHANGED] = add_power,
    [TOPIC_SIM_CHANGED] = add_sim,
    [TOPIC_REG_CHANGED] = add_reg,
    [TOPIC_TIME_TOLD] = add_time,
    [TOPIC_USSD_ANSWERED] = add_ussd,
    [TOPIC_CALL_CHANGED] = add_call,
    [TOPIC_SIGNAL_CHANGED] = add_reg,
    [TOPIC_HARDWARE_CHANGED] = add_hardware,
    [TOPIC_GNSS_CHANGED] = add_gnss,
    [TOPIC_AUDIO_CHANGED] = add_audio,
    [TOPIC_BLUETOOTH] = add_bluetooth,
    [TOPIC_CONTEXT_CHANGED] = add_context,
    [TOPIC_WIFI_CHANGED] = add_wifi,
    [TOPIC_WIFI_RECEIVED] = add_message,
    [TOPIC_WIFI_SENT] = add_message,
    [TOPIC_URC] = add_urc,
    [TOPIC_NET_OPENED] = add_net,
    [TOPIC_NET_CLOSED] = add_net,
    [TOPIC_NET_LOST] = add_net,
    [TOPIC_LINK_OPENED] = add_link,
    [TOPIC_LINK_DATA] = add_link,
    [TOPIC_LINK_ROOM] = add_link,
    [TOPIC_LINK_SENT] = add_sent,
    [TOPIC_LINK_CLOSED] = add_closed,
    [TOPIC_LINK_ACCEPTED] = add_accepted,
};
static add_fn *const of_ask[ASK_COUNT] = {
    [ASK_AT_LINE] = add_at,       [ASK_AT_COMMAND] = add_at,
    [ASK_AT_RESULT] = add_at,     [ASK_AT_URC] = add_at,
    [ASK_SIM_ACCESS] = add_sim,   [ASK_CONTEXT_ACTIVATE] = add_context,
    [ASK_NET_RESOLVE] = add_name, [ASK_NET_CONNECT] = add_asked,
    [ASK_NET_ACCEPT] = add_asked, [ASK_NET_SEND] = add_asked,
    [ASK_NET_CLOSE] = add_asked,  [ASK_POWER_RESTART] = add_power,
    [ASK_PPP_LOGIN] = add_login,  [ASK_UPDATE_CHECK] = add_update,
};

void happening_of_topic(struct happening *h, enum topic topic, const void *payload) {
    happening_init(h, topic_name(topic));
    if (of_topic[topic] != NULL) {
        of_topic[topic](h, payload);
    }
}

void happening_of_ask(struct happening *h, enum ask point, const void *what) {
    happening_init(h, ask_name(point));
    h->ask = (int)point;
    if (of_ask[point] != NULL) {
        of_ask[point](h, what);
    }
}

const struct fact *happening_fact(const struct happening *h, const char *key) {
    for (size_t i = 0; i < h->n; i++) {
        if (strcmp(h->facts[i].key, key) == 0) {
            return &h->facts[i];
        }
    }
    return NULL;
}

enum { ESCAPED = 4 }; /* "\xNN" */

/* Printable, with \r \n \\ \xNN for the rest; what does not fit is cut. */
static size_t put_escaped(struct sv text, char *to, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < text.n && n + ESCAPED + 1 < size; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '\r' || c == '\n') {
            n += (size_t)snprintf(to + n, size - n, "\\%c", c == '\r' ? 'r' : 'n');
        } else if (c == '\\') {
            n += (size_t)snprintf(to + n, size - n, "\\\\");
        } else if (c < ' ' || c > '~') {
            n += (size_t)snprintf(to + n, size - n, "\\x%02x", c);
        } else {
            to[n++] = (char)c;
        }
    }
    to[n] = '\0';
    return n;
}

const char *happening_text(const struct happening *h, char to[HAPPENING_TEXT]) {
    size_t n = 0;
    to[0] = '\0';
    for (size_t i = 0; i < h->n && n + 64 < HAPPENING_TEXT; i++) {
        const struct fact *f = &h->facts[i];
        n += (size_t)snprintf(to + n, HAPPENING_TEXT - n, "%s%s ", i > 0 ? ", " : "", f->key);
        if (f->text.p != NULL) {
            n += put_escaped(f->text, to + n, HAPPENING_TEXT - n);
        } else {
            n += (size_t)snprintf(to + n, HAPPENING_TEXT - n, "%lld", (long long)f->number);
        }
    }
    return to;
}

struct cJSON *happening_json(const struct happening *h) {
    struct cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < h->n; i++) {
        const struct fact *f = &h->facts[i];
        if (f->text.p == NULL) {
            cJSON_AddNumberToObject(object, f->key, (double)f->number);
        } else {
            size_t size = ESCAPED * f->text.n + ESCAPED + 2;
            char *text = xmalloc(size);
            put_escaped(f->text, text, size);
            cJSON_AddStringToObject(object, f->key, text);
            free(text);
        }
    }
    return object;
}

int happening_ask(const char *name) {
    for (int i = 0; i < ASK_COUNT; i++) {
        if (strcmp(ask_name((enum ask)i), name) == 0) {
            return i;
        }
    }
    return -1;
}
