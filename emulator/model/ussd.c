#include "emulator/model/ussd.h"

#include <errno.h>

#include "base/bus.h"
#include "emulator/model/events.h"

enum { GSM_7_BIT = 15 }; /* 23.038 5: the default alphabet, no language said */

static const struct ussd_reply menu_replies[] = {{"1", "*100#"}, {"2", "data"}};
static const struct ussd_entry common[] = {
    {.code = "*100#", .text = "Your balance is 10.00", .dcs = GSM_7_BIT},
    {.code = "*101#",
     .state = USSD_ASKS,
     .text = "1 Balance\n2 Data",
     .dcs = GSM_7_BIT,
     .replies = menu_replies,
     .nreplies = sizeof menu_replies / sizeof menu_replies[0]},
    {.code = "data", .text = "500 MB are left", .dcs = GSM_7_BIT},
};

static const struct ussd_entry not_supported = {.state = USSD_NOT_SUPPORTED};
static const struct ussd_entry ended = {.state = USSD_ENDED};

void ussd_init(struct ussd *u, struct bus *bus, struct clk *clk) {
    *u = (struct ussd){.bus = bus, .clk = clk};
    ussd_set_table(u, NULL, 0);
}

void ussd_fini(struct ussd *u) {
    ussd_cancel(u);
}

void ussd_set_table(struct ussd *u, const struct ussd_entry *entries, size_t n) {
    ussd_cancel(u);
    u->entries = entries != NULL ? entries : common;
    u->n = entries != NULL ? n : sizeof common / sizeof common[0];
}

static const struct ussd_entry *find(const struct ussd *u, struct sv code) {
    for (size_t i = 0; i < u->n; i++) {
        if (sv_eq(code, sv_of(u->entries[i].code))) {
            return &u->entries[i];
        }
    }
    return NULL;
}

static const struct ussd_entry *find_reply(const struct ussd *u, struct sv text) {
    for (size_t i = 0; i < u->menu->nreplies; i++) {
        if (sv_eq(text, sv_of(u->menu->replies[i].text))) {
            return find(u, sv_of(u->menu->replies[i].to));
        }
    }
    return NULL;
}

static void on_due(void *ctx) {
    struct ussd *u = ctx;
    const struct ussd_entry *e = u->coming;
    u->menu = e->state == USSD_ASKS ? e : NULL;
    u->coming = NULL;
    bus_post(u->bus, TOPIC_USSD_ANSWERED, e);
}

static void tell(struct ussd *u, const struct ussd_entry *e) {
    u->coming = e;
    clk_start(u->clk, &u->timer, e->delay, on_due, u);
}

int ussd_request(struct ussd *u, struct sv text) {
    if (u->coming != NULL) {
        return -EBUSY;
    }
    const struct ussd_entry *e = u->menu != NULL ? find_reply(u, text) : find(u, text);
    const struct ussd_entry *nowhere = u->menu != NULL ? &ended : &not_supported;
    tell(u, e != NULL ? e : nowhere);
    return 0;
}

void ussd_cancel(struct ussd *u) {
    clk_stop(u->clk, &u->timer);
    u->menu = NULL;
    u->coming = NULL;
}

void ussd_lose(struct ussd *u) {
    if (u->menu != NULL || u->coming != NULL) {
        ussd_cancel(u);
        tell(u, &ended);
    }
}

int ussd_begin(struct ussd *u, struct sv code) {
    const struct ussd_entry *e = find(u, code);
    if (e == NULL) {
        return -ENOENT;
    }
    if (u->menu != NULL || u->coming != NULL) {
        return -EBUSY;
    }
    tell(u, e);
    return 0;
}
