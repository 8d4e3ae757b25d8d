#include "scenarios/events/happening.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
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

static void add_at(struct happening *h, const struct at_event *e) {
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

static void add_power(struct happening *h, const struct power_event *e) {
    add_word(h, "state", words_power[e->state]);
    add_word(h, "planned", e->is_planned ? "yes" : "no");
}

static void add_sim(struct happening *h, const struct sim *sim) {
    add_word(h, "state", words_sim[sim->state]);
}

static void add_context(struct happening *h, const struct context_event *e) {
    happening_add(h, "cid", e->cid);
    add_word(h, "state", e->is_active ? "active" : "inactive");
}

static void add_reg(struct happening *h, const struct reg *r) {
    happening_add(h, "stat", r->stat);
    happening_add(h, "rssi", r->rssi);
}

static void add_nitz(struct happening *h, const struct nitz *n) {
    happening_add(h, "zone", n->zone);
    happening_add(h, "summer", n->summer);
}

static void add_ussd(struct happening *h, const struct ussd_entry *e) {
    happening_add(h, "state", e->state);
    add_word(h, "text", e->text != NULL ? e->text : "");
}

static void add_sent(struct happening *h, const struct link_sent *e) {
    happening_add(h, "link", e->link);
    happening_add(h, "bytes", (int64_t)e->requested);
    happening_add(h, "confirmed", e->confirmed);
}

static void add_hardware(struct happening *h, const struct hardware *hw) {
    happening_add(h, "supply", hw->supply);
    happening_add(h, "temperature", hw->temperature);
}

static void add_wifi(struct happening *h, const struct wifi *w) {
    add_word(h, "state", w->cfg.is_on ? "on" : "off");
    happening_add(h, "clients", (int64_t)w->nclients);
}

static void add_link(struct happening *h, const struct link_result *r) {
    happening_add(h, "link", r->link);
    happening_add(h, "err", r->err);
}

void happening_of_topic(struct happening *h, enum topic topic, const void *payload) {
    happening_init(h, topic_name(topic));
    switch (topic) {
    case TOPIC_AT_DONE:
        add_at(h, payload);
        break;
    case TOPIC_POWER_CHANGED:
        add_power(h, payload);
        break;
    case TOPIC_SIM_CHANGED:
        add_sim(h, payload);
        break;
    case TOPIC_REG_CHANGED:
    case TOPIC_SIGNAL_CHANGED:
        add_reg(h, payload);
        break;
    case TOPIC_TIME_TOLD:
        add_nitz(h, ((const struct time_event *)payload)->nitz);
        break;
    case TOPIC_USSD_ANSWERED:
        add_ussd(h, payload);
        break;
    case TOPIC_CALL_CHANGED:
        add_word(h, "up", ((const struct call_event *)payload)->is_up ? "yes" : "no");
        break;
    case TOPIC_HARDWARE_CHANGED:
        add_hardware(h, payload);
        break;
    case TOPIC_WIFI_CHANGED:
        add_wifi(h, payload);
        break;
    case TOPIC_WIFI_RECEIVED:
    case TOPIC_WIFI_SENT:
        happening_add_text(h, "text", *(const struct sv *)payload);
        break;
    case TOPIC_CONTEXT_CHANGED:
        add_context(h, payload);
        break;
    case TOPIC_URC:
        add_word(h, "text", ((const struct urc_event *)payload)->text);
        break;
    case TOPIC_NET_OPENED:
    case TOPIC_NET_CLOSED:
    case TOPIC_NET_LOST:
        happening_add(h, "err", ((const struct net_result *)payload)->err);
        break;
    case TOPIC_LINK_OPENED:
    case TOPIC_LINK_DATA:
    case TOPIC_LINK_ROOM:
        add_link(h, payload);
        break;
    case TOPIC_LINK_SENT:
        add_sent(h, payload);
        break;
    case TOPIC_LINK_CLOSED: {
        const struct link_closed *e = payload;
        happening_add(h, "link", e->link);
        add_word(h, "why", net_close_name(e->why));
        break;
    }
    case TOPIC_LINK_ACCEPTED: {
        const struct link_accepted *e = payload;
        happening_add(h, "link", e->link);
        happening_add(h, "server", e->server);
        add_address(h, &e->peer);
        break;
    }
    case TOPIC_COUNT:
        break;
    }
}

void happening_of_ask(struct happening *h, enum ask point, const void *what) {
    happening_init(h, ask_name(point));
    h->ask = (int)point;
    switch (point) {
    case ASK_AT_LINE:
    case ASK_AT_COMMAND:
    case ASK_AT_RESULT:
    case ASK_AT_URC:
        add_at(h, what);
        break;
    case ASK_CONTEXT_ACTIVATE:
        add_context(h, what);
        break;
    case ASK_NET_RESOLVE:
        happening_add_text(h, "name", ((const struct name_asked *)what)->name);
        break;
    case ASK_NET_CONNECT:
    case ASK_NET_ACCEPT:
    case ASK_NET_SEND:
    case ASK_NET_CLOSE: {
        const struct link_asked *e = what;
        happening_add(h, "link", e->link);
        add_word(h, "protocol", e->proto == NET_TCP ? "tcp" : "udp");
        add_address(h, &e->peer);
        happening_add(h, "bytes", (int64_t)e->bytes);
        break;
    }
    case ASK_POWER_RESTART:
        add_power(h, what);
        break;
    case ASK_SIM_ACCESS:
        add_sim(h, what);
        break;
    case ASK_NET_OPEN:
    case ASK_COUNT:
        break;
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

/* Printable, with \r \n \xNN for the rest; what does not fit is cut. */
static size_t put_escaped(struct sv text, char *to, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < text.n && n + ESCAPED + 1 < size; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '\r' || c == '\n') {
            n += (size_t)snprintf(to + n, size - n, "\\%c", c == '\r' ? 'r' : 'n');
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
