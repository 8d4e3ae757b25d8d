/* cmd_dial.c: dial-up: a port becomes the line of a PPP link, whose packets go out as the module's
 * own (note 1; V3.00 2.2.2, 2.2.7-2.2.10, 8.2.11; 27.007 10.2). */
#include "emulator/cmd/cmd_dial.h"
#include "emulator/cmd/cmd_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/log.h"
#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "emulator/model/modem.h"
#include "handlers.h"
#include "netstack/dialup.h"
#include "slots.h"

/* The module asks the DTE whether it is there, and hangs up when it is not (guess). */
enum { ECHO_S = 30, ECHO_FAILURES = 5 };

enum dial_state {
    DIAL_IDLE,
    DIAL_OPENING, /* the command waits for its context */
    DIAL_ONLINE,  /* the port is the line */
    DIAL_ESCAPED, /* the link is up, the port in command mode */
};

struct dial {
    enum dial_state state;
    unsigned cid;
    bool was_active;   /* the context, before */
    struct at_req *rq; /* OPENING */
    struct clk_timer wait;
    struct dialup *link;
};

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at);
static void on_drained(void *ctx);
static size_t pass(struct cmd *c, const void *p, size_t n);
static void suspend(struct cmd *c);
static void hang_up(struct cmd *c, bool is_there);

static const struct cmd_data_kind line_kind = {
    .user = {.name = "ppp", .rx = on_rx, .drained = on_drained, .event = cmd_data_event},
    .pass = pass,
    .suspend = suspend,
    .hang_up = hang_up,
};

static struct dial *of(const struct cmd *c) {
    return c->dial;
}

static struct chan *chan_of(const struct cmd *c) {
    return session_chan(c->session);
}

bool dial_is_up(const struct cmd *c) {
    return of(c)->state >= DIAL_ONLINE;
}

/* -- the link's end -- */

/* The port is the session's again, when it was the line. */
static void leave_line(struct cmd *c, enum dial_state state) {
    struct dial *d = of(c);
    bool was_online = d->state == DIAL_ONLINE;
    d->state = state;
    transparent_show_dcd(c);
    if (was_online) {
        cmd_data_leave(c);
    }
}

/* Nothing is left of it but the port. What was typed ahead runs as soon as the port is the
 * session's again: a new dial may have done this already, and have its own link by now. */
static void drop_link(struct cmd *c) {
    struct dial *d = of(c);
    if (dial_is_up(c) || d->link == NULL) {
        return;
    }
    dialup_free(d->link);
    d->link = NULL;
    c->modem->is_dialled[d->cid] = false;
    if (!d->was_active) {
        modem_set_active(c->modem, d->cid, false);
    }
}

/* The link is over, and has said what it had to say. */
static void end(struct cmd *c, const char *result) {
    struct dial *d = of(c);
    bool was_online = d->state == DIAL_ONLINE;
    if (was_online && result != NULL) {
        session_say(c->session, result);
    } else if (result != NULL) {
        urc_post(c->session, URC_EVENT, "%s", result);
    }
    leave_line(c, DIAL_IDLE);
    drop_link(c);
}

void dial_stop(struct cmd *c) {
    struct dial *d = of(c);
    clk_stop(c->modem->clk, &d->wait);
    d->rq = NULL;
    if (dial_is_up(c)) {
        chan_discard(chan_of(c), true, false); /* frames are not commands */
        leave_line(c, DIAL_IDLE);
        drop_link(c);
    }
    d->state = DIAL_IDLE;
}

/* -- what the link says -- */

static void on_opened(void *ctx) {
    const struct cmd *c = cmd_from(ctx);
    LOG(LOG_CMD, LOG_INFO, chan_of(c)->name, "dial-up: IP may pass");
}

static bool on_login(void *ctx, const struct auth_login *login) {
    struct cmd *c = cmd_from(ctx);
    return modem_let_in(c->modem, of(c)->cid, login);
}

static void on_closed(void *ctx, enum ppp_close why) {
    struct cmd *c = cmd_from(ctx);
    struct ppp_counts n;
    dialup_counts(of(c)->link, &n);
    LOG(LOG_CMD, LOG_INFO, chan_of(c)->name,
        "dial-up over: %s; packets %llu in, %llu out; "
        "frames %llu good, %llu of a wrong check, %llu too long, %llu aborted",
        ppp_close_name(why), (unsigned long long)n.packets_in, (unsigned long long)n.packets_out,
        (unsigned long long)n.frames.frames, (unsigned long long)n.frames.bad_fcs,
        (unsigned long long)n.frames.too_long, (unsigned long long)n.frames.aborted);
    end(c, "NO CARRIER");
}

static const struct dialup_events link_events = {
    .opened = on_opened,
    .accept = on_login,
    .closed = on_closed,
};

/* -- from the DTE -- */

static void suspend(struct cmd *c) {
    dialup_set_paused(of(c)->link, true);
    leave_line(c, DIAL_ESCAPED);
}

static void hang_up(struct cmd *c, bool is_there) {
    end(c, is_there ? "NO CARRIER" : NULL);
}

static size_t pass(struct cmd *c, const void *p, size_t n) {
    return dialup_rx(of(c)->link, p, n);
}

static size_t on_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    struct cmd *c = cmd_from(ctx);
    return of(c)->link != NULL ? cmd_data_take(c, p, n, at) : 0;
}

static void on_drained(void *ctx) {
    const struct dial *d = of(cmd_from(ctx));
    if (d->link != NULL) {
        dialup_drained(d->link);
    }
}

/* -- dialling -- */

/* The network's side of the link: the context's address for the DTE, its neighbour for itself,
 * which is a name server, too (guess). It speaks first. */
static struct dialup *make_link(struct cmd *c) {
    struct modem *m = c->modem;
    uint32_t ip = m->bearer.ip;
    const struct dialup_config cfg = {
        .ch = chan_of(c),
        .seed = m->seed,
        .lcp = {.auth = PPP_AUTH_PAP | PPP_AUTH_CHAP,
                .is_auth_required = !modem_let_in(m, of(c)->cid, NULL),
                .echo_interval = CLK_S(ECHO_S),
                .echo_failures = ECHO_FAILURES},
        .gate = {.loop = m->way_out.loop,
                 .bearer = &m->bearer,
                 .route = m->way_out.route,
                 .gateway_ip = ip ^ 1,
                 .dns = {ip ^ 1, ip ^ 2}},
    };
    return dialup_new(&cfg, &link_events, c);
}

/* The link is made, or goes on, behind CONNECT. */
static void go_online(struct cmd *c, struct at_req *rq) {
    struct dial *d = of(c);
    char text[LIMIT_URC_TEXT];
    transparent_connect_text(c, d->cid, text, sizeof text);
    d->state = DIAL_ONLINE;
    cmd_data_begin(c, &line_kind);
    at_connect(rq, text, &line_kind.user, c);
    if (d->link == NULL) {
        d->link = make_link(c);
    } else {
        dialup_set_paused(d->link, false);
    }
    chan_pump(chan_of(c));
}

static void forget_request(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    clk_stop(c->modem->clk, &of(c)->wait);
    of(c)->rq = NULL;
    of(c)->state = DIAL_IDLE;
}

static void on_waited(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    struct dial *d = of(c);
    struct at_req *rq = d->rq;
    d->rq = NULL;
    d->state = DIAL_IDLE;
    if (!c->modem->active[d->cid] || !c->modem->bearer.is_up || c->modem->is_dialled[d->cid]) {
        at_final(rq, "NO CARRIER");
        return;
    }
    c->modem->is_dialled[d->cid] = true;
    go_online(c, rq);
}

/* A context that is not given fails when the question's delay is over, one that is not answered
 * when S7 is (V3.00 2.2.21), or a minute where that is 0 (guess). */
void dial_start(struct at_req *rq, unsigned cid) {
    struct cmd *c = cmd_of(rq);
    struct dial *d = of(c);
    dial_hang_up(c); /* the one that the port has escaped from (guess) */
    drop_link(c);
    if (d->state != DIAL_IDLE || !reg_has_packet_service(&c->modem->reg)) {
        at_final(rq, "NO CARRIER");
        return;
    }
    d->cid = cid;
    d->was_active = c->modem->active[cid];
    d->rq = rq;
    d->state = DIAL_OPENING;
    struct bus_verdict v = {0};
    if (!d->was_active) {
        v = modem_dial(c->modem, cid);
    }
    int s7 = session_int(c->session, SLOT_S7);
    clk_dur wait = v.act == BUS_DROP ? CLK_S(s7 > 0 ? s7 : 60) : v.delay;
    at_on_cancel(rq, forget_request, c);
    if (wait.us > 0) {
        clk_start(c->modem->clk, &d->wait, wait, on_waited, c);
    } else {
        on_waited(c);
    }
}

/* *99[*[<address>][*[<L2P>][*[<cid>]]]]#; only the last part counts. False: another number. */
static bool packet_call(struct sv number, unsigned *cid) {
    static const struct sv code = {"*99", 3};
    enum { PARTS = 3 };
    if (!sv_starts_nocase(number, code) || number.p[number.n - 1] != '#') {
        return false;
    }
    struct sv rest = sv_slice(number, code.n, number.n - code.n - 1);
    *cid = 1;
    for (size_t part = 1; rest.n > 0; part++) {
        if (rest.p[0] != '*' || part > PARTS) {
            return false;
        }
        size_t n = 1;
        while (n < rest.n && rest.p[n] != '*') {
            n++;
        }
        int64_t value = 0;
        struct sv text = sv_slice(rest, 1, n - 1);
        if (part == PARTS && text.n > 0) {
            if (sv_int(text, 1, MODEM_CIDS, &value) != 0) {
                return false;
            }
            *cid = (unsigned)value;
        }
        rest = sv_slice(rest, n, rest.n);
    }
    return true;
}

static bool is_cid(unsigned cid) {
    enum { CID = 1 };
    return table_in_ranges(&table_find(&at_dialect, SV("+CGDATA"))->params[CID], cid);
}

/* T and P only say how to dial (V3.00 2.2.2). */
bool dial_is_packet_call(struct sv number, unsigned *cid) {
    while (number.n > 0 && strchr("TtPp ", number.p[0]) != NULL) {
        number = sv_slice(number, 1, number.n);
    }
    return packet_call(number, cid) && is_cid(*cid);
}

void cmd_cgdata(struct at_req *rq) {
    dial_start(rq, (unsigned)at_int(rq, 1));
}

/* -- the rest of the line's life -- */

bool dial_resume(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (of(c)->state != DIAL_ESCAPED) {
        return false;
    }
    go_online(c, rq);
    return true;
}

void dial_hang_up(struct cmd *c) {
    if (dial_is_up(c)) {
        end(c, NULL);
    }
}

static bool is_taken(const struct cmd *c, unsigned topic, const void *payload) {
    const struct context_event *e = payload;
    if (topic == TOPIC_CONTEXT_CHANGED) {
        return !e->is_active && e->cid == of(c)->cid;
    }
    return topic == TOPIC_REG_CHANGED && !reg_has_packet_service(&c->modem->reg);
}

/* The network has taken the context, or is gone: the DTE is told by the link's own goodbye. */
void cmd_dial_event(struct cmd *c, unsigned topic, const void *payload) {
    struct dial *d = of(c);
    if (dial_is_up(c) && is_taken(c, topic, payload)) {
        if (d->state == DIAL_ONLINE) {
            dialup_close(d->link);
        } else {
            end(c, "NO CARRIER");
        }
    }
}

void cmd_dial_start(struct cmd *c) {
    c->dial = xmalloc(sizeof *c->dial);
}

void cmd_dial_stop(struct cmd *c) {
    dial_stop(c);
    free(c->dial);
    c->dial = NULL;
}
