#include "emulator/nmea_port.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/chan.h"
#include "base/obj.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/modem.h"
#include "emulator/model/nmea.h"

enum { SECOND_US = 1000000, TENTH_US = 100000 };

struct nmea_port {
    uint32_t magic;
#define NMEA_PORT_MAGIC 0x4e3ea9d7u
    struct modem *modem;
    const struct cmd *first;
    struct chan *chan;
    struct clk_timer next; /* the next sentences; runs only while they are said */
    struct clk_timer usb;  /* until the host has found it again */
};

static struct nmea_port *port_of(void *ctx) {
    struct nmea_port *p;
    CAST_OBJ(p, ctx, NMEA_PORT_MAGIC);
    return p;
}

/* -- sentences -- */

/* What finds no room is lost, as one. */
static void say(void *ctx, const char *sentence) {
    const struct nmea_port *p = port_of(ctx);
    char line[NMEA_TEXT + sizeof "\r\n"];
    int n = snprintf(line, sizeof line, "%s\r\n", sentence);
    if (!chan_is_busy(p->chan)) {
        chan_write(p->chan, line, (size_t)n);
    }
}

static void on_next(void *ctx);

/* On whole seconds, or tenths of one, which is what the sentences have. */
static void wait_for_next(struct nmea_port *p) {
    const struct modem *m = p->modem;
    int64_t step = m->gnss.session.is_fast ? TENTH_US : SECOND_US;
    clk_dur left = CLK_US(step - clk_wall_now(m->clk).us % step);
    clk_start(m->clk, &p->next, left, on_next, p);
}

static void on_next(void *ctx) {
    struct nmea_port *p = port_of(ctx);
    struct gnss_view v;
    gnss_look(&p->modem->gnss, &v);
    nmea_each(&v, p->first->gnss.nmea, say, p);
    wait_for_next(p);
}

/* A module that hangs says nothing, though its receiver is on. */
static bool is_talking(const struct nmea_port *p) {
    enum gnss_state state = p->modem->gnss.state;
    return p->chan->is_open && p->modem->power == POWER_ON &&
           (state == GNSS_SEARCHING || state == GNSS_FIXED);
}

static void update(struct nmea_port *p) {
    if (!is_talking(p)) {
        clk_stop(p->modem->clk, &p->next);
    } else if (!clk_pending(&p->next)) {
        wait_for_next(p);
    }
}

/* -- the port -- */

static size_t on_rx(void *ctx, const uint8_t *bytes, size_t n, clk_mono at) {
    (void)ctx, (void)bytes, (void)at;
    return n;
}

static void on_event(void *ctx, enum chan_event event) {
    (void)event;
    update(port_of(ctx));
}

static const struct chan_user user = {.name = "nmea", .rx = on_rx, .event = on_event};

static void on_usb(void *ctx) {
    chan_set_present(port_of(ctx)->chan, true);
}

static void on_power(struct nmea_port *p, enum power_state state) {
    if (p->modem->profile->usb && state == POWER_BOOTING) {
        clk_start(p->modem->clk, &p->usb, p->modem->boot.usb, on_usb, p);
    } else if (p->modem->profile->usb && state == POWER_OFF) {
        clk_stop(p->modem->clk, &p->usb);
        chan_set_present(p->chan, false);
    }
}

static void on_bus(void *ctx, unsigned topic, const void *payload) {
    struct nmea_port *p = port_of(ctx);
    if (topic == TOPIC_POWER_CHANGED) {
        const struct power_event *e = payload;
        on_power(p, e->state);
    }
    if (topic == TOPIC_POWER_CHANGED || topic == TOPIC_GNSS_CHANGED) {
        update(p);
    }
}

struct nmea_port *nmea_port_new(struct modem *modem, const struct cmd *first, struct chan *chan) {
    struct nmea_port *p = xmalloc(sizeof *p);
    OBJ_INIT(p, NMEA_PORT_MAGIC);
    p->modem = modem;
    p->first = first;
    p->chan = chan;
    chan_push(chan, &user, p);
    bus_listen(&modem->bus, on_bus, p);
    update(p);
    return p;
}

void nmea_port_free(struct nmea_port *p) {
    if (p == NULL) {
        return;
    }
    CHECK_OBJ(p, NMEA_PORT_MAGIC);
    clk_stop(p->modem->clk, &p->next);
    clk_stop(p->modem->clk, &p->usb);
    bus_ignore(&p->modem->bus, on_bus, p);
    chan_pop(p->chan, &user, p);
    OBJ_FINI(p);
    free(p);
}
