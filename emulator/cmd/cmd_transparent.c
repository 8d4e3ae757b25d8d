/* cmd_transparent.c: data mode: link 0 or a caller of server 0 is what the port is attached to
 * (note 2.4, 2.5; V3.00 2.2.8-2.2.10, 2.2.18, 2.2.23-2.2.25). */
#include <stdio.h>
#include <string.h>

#include "base/chan.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd_data.h"
#include "emulator/cmd/cmd_dial.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "handlers.h"
#include "slots.h"

enum { RING_PERIOD_S = 5 }; /* as a voice call rings (guess) */
enum { DCD_WITH_LINK = 1 };

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at);
static void on_turn_down(void *ctx);
static size_t pass(struct cmd *c, const void *p, size_t n);
static void suspend(struct cmd *c);
static void hang_up(struct cmd *c, bool is_there);

static const struct cmd_data_kind data_kind = {
    .user = {.name = "transparent", .rx = on_rx, .drained = on_turn_down, .event = cmd_data_event},
    .pass = pass,
    .suspend = suspend,
    .hang_up = hang_up,
};

static struct transparent *of(const struct cmd *c) {
    return &c->tcpip->transparent;
}

static struct chan *chan_of(const struct cmd *c) {
    return session_chan(c->session);
}

/* -- CONNECT -- */

/* "CONNECT[ <speed>[ <protocol> <APN> <uplink> <downlink>]]"; the separators behind the speed are
 * nowhere shown (guess). */
void transparent_connect_text(struct cmd *c, unsigned cid, char *to, size_t size) {
    const struct at_session *s = c->session;
    /* As a number it is the bare one's: the module lists no others (guess). */
    if (session_int(s, SLOT_X) == 0 || session_int(s, SLOT_V) == 0) {
        snprintf(to, size, "CONNECT");
        return;
    }
    int32_t speed = session_int(s, SLOT_IPR_SPEED);
    if (session_int(s, SLOT_AMP_E) == 0) {
        speed = c->modem->profile->wireless_rate;
    } else if (speed == 0) {
        speed = 115200; /* automatic baud rate: the rate of the factory setting (guess) */
    }
    int n = snprintf(to, size, "CONNECT %d", (int)speed);
    if (session_int(s, SLOT_BS_V) == 0) {
        return;
    }
    struct context_event context = modem_context(c->modem, cid);
    snprintf(to + n, size - (size_t)n, " PACKET %s %d %d", context.apn != NULL ? context.apn : "",
             (int)(c->modem->profile->wireless_rate / 1000),
             (int)(c->modem->profile->wireless_rate / 1000));
}

static void connect_text(struct cmd *c, char *to, size_t size) {
    int cid = setting_int(c->module, SLOT_CSOCKSETPN_PROFILE_NUMBER);
    transparent_connect_text(c, (unsigned)cid, to, size);
}

static void pump_down(struct cmd *c);

/* The port is attached. A DTE that left while the link was being opened has dropped DTR. */
static void settle_online(struct cmd *c) {
    if (chan_of(c)->is_open) {
        pump_down(c);
    } else {
        cmd_data_dtr_off(c, false);
    }
}

/* AT&C: on always, with a link the port is attached to, or off only as a wink when it ends, which
 * lasts no time here (V3.00 2.2.15; guess). */
void transparent_show_dcd(struct cmd *c) {
    bool has_link =
        of(c)->state == TRANSPARENT_ONLINE || of(c)->state == TRANSPARENT_ESCAPED || dial_is_up(c);
    chan_set_dcd(chan_of(c), session_int(c->session, SLOT_AMP_C) != DCD_WITH_LINK || has_link);
}

static void begin_online(struct cmd *c) {
    struct transparent *t = of(c);
    t->state = TRANSPARENT_ONLINE;
    clk_stop(c->modem->clk, &t->ring);
    cmd_data_begin(c, &data_kind);
}

/* Answers a command with CONNECT and attaches the port to the link. */
static void connect_request(struct cmd *c, struct at_req *rq) {
    char text[LIMIT_URC_TEXT];
    connect_text(c, text, sizeof text);
    begin_online(c);
    at_connect(rq, text, &data_kind.user, c);
    settle_online(c);
}

/* The same without a command: a caller is answered. */
static bool connect_called(void *ctx, struct at_session *s) {
    struct cmd *c = cmd_from(ctx);
    char text[LIMIT_URC_TEXT];
    if (of(c)->state != TRANSPARENT_CALLED) {
        return false;
    }
    connect_text(c, text, sizeof text);
    session_say(s, text);
    begin_online(c);
    chan_push(chan_of(c), &data_kind.user, c);
    settle_online(c);
    return false;
}

static void leave(struct cmd *c, enum transparent_state state) {
    struct transparent *t = of(c);
    bool was_online = t->state == TRANSPARENT_ONLINE;
    t->state = state;
    t->is_closing = false;
    transparent_show_dcd(c);
    clk_stop(c->modem->clk, &t->delay);
    clk_stop(c->modem->clk, &t->ring);
    if (state == TRANSPARENT_IDLE) {
        link_release(tcpip_sockets(c), TRANSPARENT_LINK);
    }
    if (was_online) {
        cmd_data_leave(c);
    }
}

static size_t pass(struct cmd *c, const void *p, size_t n) {
    link_put(tcpip_sockets(c), TRANSPARENT_LINK, p, n);
    return n;
}

/* Plus signs that waited for their guard are data after all. */
static void put_held(struct cmd *c) {
    pass(c, "+++", c->data.escape.held);
}

/* Off the channel, and the link stays: if the peer has not closed it meanwhile. */
static void suspend(struct cmd *c) {
    put_held(c);
    bool is_over = of(c)->is_closing;
    if (is_over) {
        urc_post(c->session, URC_EVENT, "CLOSED");
    }
    leave(c, is_over ? TRANSPARENT_IDLE : TRANSPARENT_ESCAPED);
}

/* -- from the DTE -- */

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    struct cmd *c = cmd_from(ctx);
    struct transparent *t = of(c);
    size_t room = link_room(tcpip_sockets(c), TRANSPARENT_LINK);
    /* Room for held plus signs is kept, so that what is passed always fits. A link that has ended
     * takes everything, to nowhere (guess). */
    if (room <= ESCAPE_LENGTH && !t->is_closing) {
        link_want_room(tcpip_sockets(c), TRANSPARENT_LINK);
        return 0;
    }
    size_t most = t->is_closing ? n : room - ESCAPE_LENGTH;
    return cmd_data_take(c, p, n < most ? n : most, at);
}

void transparent_on_room(struct cmd *c) {
    if (of(c)->state == TRANSPARENT_ONLINE) {
        chan_pump(chan_of(c));
    }
}

static void hang_up(struct cmd *c, bool is_there) {
    put_held(c);
    link_close(tcpip_sockets(c), TRANSPARENT_LINK);
    if (is_there) {
        session_say(c->session, "CLOSED");
    }
    leave(c, TRANSPARENT_IDLE);
}

/* -- to the DTE -- */

static void finish_closed(struct cmd *c) {
    session_say(c->session, "CLOSED");
    leave(c, TRANSPARENT_IDLE);
}

static void pump_down(struct cmd *c) {
    struct transparent *t = of(c);
    struct sockets *sk = tcpip_sockets(c);
    struct chan *ch = chan_of(c);
    if (t->state != TRANSPARENT_ONLINE || clk_pending(&t->delay)) {
        return;
    }
    while (ch->is_open && !chan_is_busy(ch)) {
        struct net_addr from;
        size_t n = 0;
        const uint8_t *p = link_peek(sk, TRANSPARENT_LINK, &from, &n);
        if (n == 0) {
            break;
        }
        n = n < LIMIT_CHAN_HIGH ? n : LIMIT_CHAN_HIGH;
        if (chan_write(ch, p, n) != 0) {
            return;
        }
        link_consume(sk, TRANSPARENT_LINK, n);
    }
    if (t->is_closing && link_available(sk, TRANSPARENT_LINK) == 0) {
        finish_closed(c);
    }
}

/* There is room towards the DTE, or DelayTm is over. */
static void on_turn_down(void *ctx) {
    pump_down(cmd_from(ctx));
}

void transparent_on_data(struct cmd *c) {
    struct transparent *t = of(c);
    int delay_ms = setting_int(c->module, SLOT_CIPCCFG_DELAYTM);
    if (t->state == TRANSPARENT_ONLINE && delay_ms > 0 && !clk_pending(&t->delay)) {
        clk_start(c->modem->clk, &t->delay, CLK_MS(delay_ms), on_turn_down, c);
    }
    pump_down(c);
}

/* -- opening and closing -- */

/* While the service is closed, the answer is that of the mode it would open in. */
bool transparent_opens(struct cmd *c, unsigned link) {
    bool is_mode = sockets_is_open(tcpip_sockets(c))
                       ? of(c)->is_mode
                       : setting_int(c->module, SLOT_CIPMODE_MODE) != 0;
    return is_mode && link == TRANSPARENT_LINK;
}

bool transparent_has(const struct cmd *c, unsigned link) {
    return link == TRANSPARENT_LINK && of(c)->state != TRANSPARENT_IDLE;
}

static void forget_request(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    of(c)->rq = NULL;
    of(c)->state = TRANSPARENT_IDLE;
    link_close(tcpip_sockets(c), TRANSPARENT_LINK);
}

void transparent_open(struct at_req *rq, enum ip_err err) {
    struct cmd *c = cmd_of(rq);
    struct link_info info;
    if (err != IP_OK) {
        at_final(rq, "CONNECT FAIL");
        return;
    }
    link_info(tcpip_sockets(c), TRANSPARENT_LINK, &info);
    if (info.state == LINK_OPEN) {
        connect_request(c, rq); /* UDP */
        return;
    }
    of(c)->state = TRANSPARENT_OPENING;
    of(c)->rq = rq;
    at_on_cancel(rq, forget_request, c);
}

void transparent_on_opened(struct cmd *c, enum ip_err err) {
    struct at_req *rq = of(c)->rq;
    of(c)->rq = NULL;
    if (rq == NULL) {
        return;
    }
    if (err == IP_OK) {
        connect_request(c, rq);
    } else {
        of(c)->state = TRANSPARENT_IDLE;
        at_final(rq, "CONNECT FAIL");
    }
}

/* The peer's data comes first; escaped or unanswered, the link is gone at once, and what was not
 * fetched by then with it (guess). */
void transparent_on_closed(struct cmd *c) {
    struct transparent *t = of(c);
    if (t->state == TRANSPARENT_ONLINE) {
        t->is_closing = true;
        clk_stop(c->modem->clk, &t->delay);
        pump_down(c);
        return;
    }
    if (t->state != TRANSPARENT_IDLE) {
        leave(c, TRANSPARENT_IDLE);
        urc_drop_source(c->session, c);
        urc_post(c->session, URC_EVENT, "CLOSED");
    }
}

/* TCP: OK, CLOSED, +CIPCLOSE. UDP: CLOSED, +CIPCLOSE, OK (note 2.4.1, 2.4.3). */
void transparent_close(struct at_req *rq, enum net_proto proto) {
    struct cmd *c = cmd_of(rq);
    char result[32];
    snprintf(result, sizeof result, "+CIPCLOSE: %d,0", TRANSPARENT_LINK);
    leave(c, TRANSPARENT_IDLE);
    if (proto == NET_UDP) {
        at_info_alone(rq, "CLOSED");
        at_info_alone(rq, result);
    } else {
        urc_post(c->session, URC_EVENT, "CLOSED");
        urc_post(c->session, URC_EVENT, "%s", result);
    }
    at_ok(rq);
}

void transparent_end(struct cmd *c) {
    struct transparent *t = of(c);
    bool was_online = t->state == TRANSPARENT_ONLINE;
    bool was_up = was_online || t->state == TRANSPARENT_ESCAPED || t->state == TRANSPARENT_CALLED;
    if (t->rq != NULL) {
        transparent_on_opened(c, IP_NETWORK_FAILURE);
    }
    if (was_online) {
        session_say(c->session, "CLOSED");
    } else if (was_up) {
        urc_post(c->session, URC_EVENT, "CLOSED");
    }
    leave(c, TRANSPARENT_IDLE);
}

void transparent_stop(struct cmd *c) {
    if (of(c)->state == TRANSPARENT_ONLINE) {
        chan_discard(chan_of(c), true, false); /* unsent data is not commands */
    }
    leave(c, TRANSPARENT_IDLE);
}

/* -- callers -- */

static bool may_answer(const struct cmd *c) {
    bool is_dtr_off =
        session_int(c->session, SLOT_AMP_D) == CMD_DTR_HANG_UP && !chan_of(c)->is_open;
    return session_int(c->session, SLOT_S0) != 0 && !is_dtr_off;
}

static void answer(struct cmd *c) {
    urc_post_source(c->session, connect_called, c);
}

static void on_ring(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    struct transparent *t = of(c);
    urc_post(c->session, URC_REPEATABLE, "RING");
    t->rings++;
    if (may_answer(c) && t->rings >= session_int(c->session, SLOT_S0)) {
        answer(c);
    } else {
        clk_start(c->modem->clk, &t->ring, CLK_S(RING_PERIOD_S), on_ring, c);
    }
}

/* With S0 other than 0 the caller is answered at once (note 2.4.2); with 0 the link is up and its
 * data waits for ATA or ATO (guess). Some modules ring instead. */
void transparent_on_called(struct cmd *c) {
    struct transparent *t = of(c);
    t->state = TRANSPARENT_CALLED;
    t->rings = 0;
    if (c->modem->profile->server_rings) {
        on_ring(c);
    } else if (may_answer(c)) {
        answer(c);
    }
}

/* -- ATA, ATO, ATH -- */

static void resume(struct at_req *rq, bool is_up) {
    if (is_up) {
        connect_request(cmd_of(rq), rq);
    } else {
        at_final(rq, "NO CARRIER");
    }
}

void cmd_a(struct at_req *rq) {
    resume(rq, of(cmd_of(rq))->state == TRANSPARENT_CALLED);
}

void cmd_o(struct at_req *rq) {
    if (dial_resume(rq)) {
        return;
    }
    enum transparent_state state = of(cmd_of(rq))->state;
    resume(rq, state == TRANSPARENT_ESCAPED || state == TRANSPARENT_CALLED);
}

/* Hangs up the link that the port was attached to. Never an error (V3.00 2.2.7). */
void cmd_h(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (of(c)->state != TRANSPARENT_IDLE) {
        link_close(tcpip_sockets(c), TRANSPARENT_LINK);
        transparent_end(c);
    }
    dial_hang_up(c);
    at_ok(rq);
}
