#include "netstack/ppp/ppp_cp.h"

#include <string.h>

#include "base/be.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"

enum { RESTART_S = 3, MAX_CONFIGURE = 10, MAX_TERMINATE = 2, MAX_FAILURE = 5 };

/* -- the automaton: RFC 1661 4.1, cell by cell -- */

enum {
    TLD = 1 << 4,  /* this-layer-down */
    IRC = 1 << 5,  /* initialize-restart-count */
    ZRC = 1 << 6,  /* zero-restart-count */
    SCR = 1 << 7,  /* send-configure-request */
    SCA = 1 << 8,  /* send-configure-ack */
    SCN = 1 << 9,  /* send-configure-nak or -reject */
    STR = 1 << 10, /* send-terminate-request */
    STA = 1 << 11, /* send-terminate-ack */
    SCJ = 1 << 12, /* send-code-reject */
    TLU = 1 << 13, /* this-layer-up */
    TLF = 1 << 14, /* this-layer-finished */
    SER = 1 << 15, /* what the protocol itself answers */
    NEXT = 15,
    NO = 15, /* cannot happen */
};

/* This-layer-started is left out: the line is there before the automaton. */
/* clang-format off */
static const uint16_t cells[PPP_EVENTS][PPP_STATES] = {
/* Initial, Starting, Closed, Stopped, Closing, Stopping,
 * Req-Sent, Ack-Rcvd, Ack-Sent, Opened */
[PPP_UP]        = {2,  IRC|SCR|6, NO,         NO,            NO,       NO,
                   NO,         NO,         NO,          NO},
[PPP_DOWN]      = {NO, NO,        0,          1,             0,        1,
                   1,          1,          1,           TLD|1},
[PPP_OPEN]      = {1,  1,         IRC|SCR|6,  3,             5,        5,
                   6,          7,          8,           9},
[PPP_CLOSE]     = {0,  TLF|0,     2,          2,             4,        4,
                   IRC|STR|4,  IRC|STR|4,  IRC|STR|4,   TLD|IRC|STR|4},
[PPP_TO_PLUS]   = {NO, NO,        NO,         NO,            STR|4,    STR|5,
                   SCR|6,      SCR|6,      SCR|8,       NO},
[PPP_TO_MINUS]  = {NO, NO,        NO,         NO,            TLF|2,    TLF|3,
                   TLF|3,      TLF|3,      TLF|3,       NO},
[PPP_RCR_PLUS]  = {NO, NO,        STA|2,      IRC|SCR|SCA|8, 4,        5,
                   SCA|8,      SCA|TLU|9,  SCA|8,       TLD|SCR|SCA|8},
[PPP_RCR_MINUS] = {NO, NO,        STA|2,      IRC|SCR|SCN|6, 4,        5,
                   SCN|6,      SCN|7,      SCN|6,       TLD|SCR|SCN|6},
[PPP_RCA]       = {NO, NO,        STA|2,      STA|3,         4,        5,
                   IRC|7,      SCR|6,      IRC|TLU|9,   TLD|SCR|6},
[PPP_RCN]       = {NO, NO,        STA|2,      STA|3,         4,        5,
                   IRC|SCR|6,  SCR|6,      IRC|SCR|8,   TLD|SCR|6},
[PPP_RTR]       = {NO, NO,        STA|2,      STA|3,         STA|4,    STA|5,
                   STA|6,      STA|6,      STA|6,       TLD|ZRC|STA|5},
[PPP_RTA]       = {NO, NO,        2,          3,             TLF|2,    TLF|3,
                   6,          6,          8,           TLD|SCR|6},
[PPP_RUC]       = {NO, NO,        SCJ|2,      SCJ|3,         SCJ|4,    SCJ|5,
                   SCJ|6,      SCJ|7,      SCJ|8,       SCJ|9},
[PPP_RXJ_PLUS]  = {NO, NO,        2,          3,             4,        5,
                   6,          6,          8,           9},
[PPP_RXJ_MINUS] = {NO, NO,        TLF|2,      TLF|3,         TLF|2,    TLF|3,
                   TLF|3,      TLF|3,      TLF|3,       TLD|IRC|STR|5},
[PPP_RXR]       = {NO, NO,        2,          3,             4,        5,
                   6,          7,          8,           SER|9},
};
/* clang-format on */

const char *ppp_cp_state_name(enum ppp_cp_state state) {
    static const char *const names[PPP_STATES] = {
        "initial",  "starting", "closed",   "stopped",  "closing",
        "stopping", "req-sent", "ack-rcvd", "ack-sent", "opened",
    };
    return (size_t)state < PPP_STATES ? names[state] : "?";
}

/* What an event is about: a packet of the peer's, and for a Configure-Request its answer. */
struct packet {
    uint8_t code, id;
    const uint8_t *data;
    size_t n;
    const uint8_t *whole; /* with its head */
    size_t n_whole;
    uint8_t answer; /* a code */
    uint8_t reply[LIMIT_PPP_MRU];
    size_t n_reply;
};

static const struct packet no_packet; /* of events that are about none */

/* -- actions -- */

void ppp_cp_send(struct ppp_cp *cp, uint8_t code, uint8_t id, const void *data, size_t n) {
    uint8_t p[LIMIT_PPP_MRU];
    if (n > sizeof p - PPP_HEAD) {
        n = sizeof p - PPP_HEAD;
    }
    p[0] = code;
    p[1] = id;
    be_put16(p + 2, (uint16_t)(n + PPP_HEAD));
    if (n > 0) {
        memcpy(p + PPP_HEAD, data, n);
    }
    cp->ops->send(cp->ctx, cp->ops->protocol, p, n + PPP_HEAD);
}

static void send_request(struct ppp_cp *cp) {
    cp->n_options = 0;
    for (size_t i = 0; i < cp->ops->n_options; i++) {
        const struct ppp_option *o = &cp->ops->options[i];
        uint8_t *to = cp->options + cp->n_options;
        must(sizeof cp->options - cp->n_options >= 2 + PPP_VALUE_MAX);
        int n = o->ask != NULL ? o->ask(cp->ctx, to + 2) : -1;
        if (n >= 0) {
            to[0] = o->type;
            to[1] = (uint8_t)(2 + n);
            cp->n_options += to[1];
        }
    }
    cp->request_id = ++cp->id;
    ppp_cp_send(cp, PPP_CONF_REQ, cp->request_id, cp->options, cp->n_options);
}

static const struct ppp_option *find_option(const struct ppp_cp *cp, uint8_t type) {
    for (size_t i = 0; i < cp->ops->n_options; i++) {
        if (cp->ops->options[i].type == type) {
            return &cp->ops->options[i];
        }
    }
    return NULL;
}

/* The option at `at`: its size with its head; 0: the list is broken there. */
static size_t option_size(const uint8_t *p, size_t n, size_t at) {
    return n - at >= 2 && p[at + 1] >= 2 && p[at + 1] <= n - at ? p[at + 1] : 0;
}

static bool is_list(const uint8_t *p, size_t n) {
    size_t size = 1;
    for (size_t at = 0; at < n && size > 0; at += size) {
        size = option_size(p, n, at);
    }
    return size > 0;
}

static void acknowledge(struct ppp_cp *cp, const struct packet *in) {
    cp->ops->peer_defaults(cp->ctx);
    for (size_t at = 0; at < in->n; at += in->data[at + 1]) {
        const struct ppp_option *o = find_option(cp, in->data[at]);
        must(o != NULL); /* it was judged */
        o->agreed(cp->ctx, in->data + at + 2);
    }
    cp->naks_sent = 0;
    ppp_cp_send(cp, PPP_CONF_ACK, in->id, in->data, in->n);
}

static void on_restart(void *ctx);

static void act(struct ppp_cp *cp, unsigned actions, const struct packet *in) {
    if (actions & TLD) {
        cp->ops->down(cp->ctx);
    }
    if (actions & (IRC | ZRC)) {
        unsigned most = actions & STR ? MAX_TERMINATE : MAX_CONFIGURE;
        cp->tries = actions & IRC ? most : 0;
    }
    if (actions & (SCR | STR | ZRC)) {
        clk_start(cp->clk, &cp->restart, CLK_S(RESTART_S), on_restart, cp);
    }
    if (actions & (SCR | STR)) {
        cp->tries -= cp->tries > 0;
    }
    if (actions & SCR) {
        send_request(cp);
    }
    if (actions & SCA) {
        acknowledge(cp, in);
    }
    if (actions & SCN) {
        cp->naks_sent += in->answer == PPP_CONF_NAK;
        ppp_cp_send(cp, in->answer, in->id, in->reply, in->n_reply);
    }
    if (actions & STR) {
        ppp_cp_send(cp, PPP_TERM_REQ, ++cp->id, NULL, 0);
    }
    if (actions & STA) {
        bool is_answer = in->code == PPP_TERM_REQ;
        ppp_cp_send(cp, PPP_TERM_ACK, is_answer ? in->id : ++cp->id, NULL, 0);
    }
    if (actions & SCJ) {
        ppp_cp_send(cp, PPP_CODE_REJ, ++cp->id, in->whole, in->n_whole);
    }
    if (actions & SER) {
        cp->ops->other(cp->ctx, in->code, in->id, in->data, in->n);
    }
    if (actions & TLU) {
        cp->ops->up(cp->ctx);
    }
    if (actions & TLF) {
        cp->ops->finished(cp->ctx);
    }
}

static void happen(struct ppp_cp *cp, enum ppp_cp_event event, const struct packet *in) {
    unsigned cell = cells[event][cp->state];
    if ((cell & NEXT) == NO) {
        return;
    }
    enum ppp_cp_state next = (enum ppp_cp_state)(cell & NEXT);
    if (next != cp->state) {
        LOG(LOG_NET, LOG_DEBUG, cp->ops->name, "%s", ppp_cp_state_name(next));
    }
    cp->state = next;
    if (next < PPP_CLOSING || next == PPP_OPENED) {
        clk_stop(cp->clk, &cp->restart);
    }
    act(cp, cell & ~(unsigned)NEXT, in);
}

static void on_restart(void *ctx) {
    struct ppp_cp *cp;
    CAST_OBJ(cp, ctx, PPP_CP_MAGIC);
    happen(cp, cp->tries > 0 ? PPP_TO_PLUS : PPP_TO_MINUS, &no_packet);
}

/* -- what the peer asks for -- */

/* Puts the options of this verdict into the reply; PPP_NAK: with what would be better. */
static void collect(const struct ppp_cp *cp, struct packet *in, enum ppp_verdict wanted) {
    bool is_patient = cp->naks_sent < MAX_FAILURE;
    in->n_reply = 0;
    for (size_t at = 0; at < in->n; at += in->data[at + 1]) {
        const uint8_t *option = in->data + at;
        const struct ppp_option *o = find_option(cp, option[0]);
        uint8_t better[PPP_VALUE_MAX] = {0};
        enum ppp_verdict verdict = PPP_REJ;
        if (o != NULL && o->judge != NULL && option[1] == o->size + 2) {
            verdict = o->judge(cp->ctx, option + 2, better);
        }
        if (verdict == PPP_NAK && !is_patient) {
            verdict = PPP_REJ;
        }
        if (verdict != wanted) {
            continue;
        }
        memcpy(in->reply + in->n_reply, option, option[1]);
        if (verdict == PPP_NAK) {
            memcpy(in->reply + in->n_reply + 2, better, o->size);
        }
        in->n_reply += option[1];
    }
}

static void on_conf_req(struct ppp_cp *cp, struct packet *in) {
    collect(cp, in, PPP_REJ);
    in->answer = PPP_CONF_REJ;
    if (in->n_reply == 0) {
        collect(cp, in, PPP_NAK);
        in->answer = PPP_CONF_NAK;
    }
    happen(cp, in->n_reply == 0 ? PPP_RCR_PLUS : PPP_RCR_MINUS, in);
}

/* -- what the peer says to ours -- */

/* RFC 1661 5.4: of a Reject, each option stands in the request, in that order. */
static bool is_part_of_request(const struct ppp_cp *cp, const struct packet *in) {
    size_t own = 0;
    for (size_t at = 0; at < in->n; at += in->data[at + 1]) {
        size_t size = in->data[at + 1];
        while (own < cp->n_options && (cp->options[own + 1] != size ||
                                       memcmp(cp->options + own, in->data + at, size) != 0)) {
            own += cp->options[own + 1];
        }
        if (own >= cp->n_options) {
            return false;
        }
        own += size;
    }
    return true;
}

static bool is_asked(const struct ppp_cp *cp, uint8_t type) {
    for (size_t at = 0; at < cp->n_options; at += cp->options[at + 1]) {
        if (cp->options[at] == type) {
            return true;
        }
    }
    return false;
}

/* Two that do not agree would nak for ever: then the option is given up. */
static void on_conf_nak(struct ppp_cp *cp, struct packet *in) {
    bool is_reject = in->code == PPP_CONF_REJ || ++cp->naks_taken > MAX_FAILURE;
    for (size_t at = 0; at < in->n; at += in->data[at + 1]) {
        const uint8_t *option = in->data + at;
        const struct ppp_option *o = find_option(cp, option[0]);
        if (o == NULL || !is_asked(cp, option[0])) {
            continue; /* a Nak may ask for more: RFC 1661 5.3 */
        }
        if (is_reject) {
            o->rejected(cp->ctx);
        } else {
            o->nakked(cp->ctx, option + 2, option[1] - 2u);
        }
    }
    happen(cp, PPP_RCN, in);
}

static void on_conf_answer(struct ppp_cp *cp, struct packet *in) {
    bool is_same = in->n == cp->n_options && memcmp(in->data, cp->options, in->n) == 0;
    bool is_right = in->code == PPP_CONF_ACK   ? is_same
                    : in->code == PPP_CONF_REJ ? is_part_of_request(cp, in)
                                               : true;
    if (in->id != cp->request_id || !is_right) {
        cp->malformed++;
        return;
    }
    if (in->code == PPP_CONF_ACK) {
        cp->naks_taken = 0;
        happen(cp, PPP_RCA, in);
    } else {
        on_conf_nak(cp, in);
    }
}

static void on_code_rej(struct ppp_cp *cp, struct packet *in) {
    if (in->n == 0) {
        cp->malformed++;
        return;
    }
    bool is_vital = in->data[0] >= PPP_CONF_REQ && in->data[0] <= PPP_CODE_REJ;
    bool is_own = in->data[0] > PPP_CODE_REJ && in->data[0] <= cp->ops->last_code;
    if (is_own) {
        cp->ops->code_rejected(cp->ctx, in->data[0]);
    }
    happen(cp, is_vital ? PPP_RXJ_MINUS : PPP_RXJ_PLUS, in);
}

static void receive(struct ppp_cp *cp, struct packet *in) {
    bool has_options = in->code >= PPP_CONF_REQ && in->code <= PPP_CONF_REJ;
    if (has_options && !is_list(in->data, in->n)) {
        cp->malformed++;
        return;
    }
    switch (in->code) {
    case PPP_CONF_REQ:
        on_conf_req(cp, in);
        return;
    case PPP_CONF_ACK:
    case PPP_CONF_NAK:
    case PPP_CONF_REJ:
        on_conf_answer(cp, in);
        return;
    case PPP_TERM_REQ:
        happen(cp, PPP_RTR, in);
        cp->ops->terminated(cp->ctx);
        return;
    case PPP_TERM_ACK:
        happen(cp, PPP_RTA, in);
        return;
    case PPP_CODE_REJ:
        on_code_rej(cp, in);
        return;
    default:
        happen(cp, in->code != 0 && in->code <= cp->ops->last_code ? PPP_RXR : PPP_RUC, in);
        return;
    }
}

void ppp_cp_receive(struct ppp_cp *cp, const uint8_t *p, size_t n) {
    CHECK_OBJ(cp, PPP_CP_MAGIC);
    size_t size = n >= PPP_HEAD ? be_get16(p + 2) : 0;
    if (size < PPP_HEAD || size > n) {
        cp->malformed++;
        return;
    }
    struct packet in = {.code = p[0],
                        .id = p[1],
                        .data = p + PPP_HEAD,
                        .n = size - PPP_HEAD,
                        .whole = p,
                        .n_whole = size};
    receive(cp, &in);
}

void ppp_cp_init(struct ppp_cp *cp, const struct ppp_cp_ops *ops, void *ctx, struct clk *clk) {
    *cp = (struct ppp_cp){.ops = ops, .ctx = ctx, .clk = clk, .state = PPP_INITIAL};
    OBJ_INIT(cp, PPP_CP_MAGIC);
}

void ppp_cp_fini(struct ppp_cp *cp) {
    clk_stop(cp->clk, &cp->restart);
    OBJ_FINI(cp);
}

void ppp_cp_up(struct ppp_cp *cp) {
    CHECK_OBJ(cp, PPP_CP_MAGIC);
    cp->naks_sent = 0;
    cp->naks_taken = 0;
    happen(cp, PPP_UP, &no_packet);
}

void ppp_cp_down(struct ppp_cp *cp) {
    CHECK_OBJ(cp, PPP_CP_MAGIC);
    happen(cp, PPP_DOWN, &no_packet);
}

void ppp_cp_open(struct ppp_cp *cp) {
    CHECK_OBJ(cp, PPP_CP_MAGIC);
    happen(cp, PPP_OPEN, &no_packet);
}

void ppp_cp_close(struct ppp_cp *cp) {
    CHECK_OBJ(cp, PPP_CP_MAGIC);
    happen(cp, PPP_CLOSE, &no_packet);
}

void ppp_cp_rejected(struct ppp_cp *cp) {
    CHECK_OBJ(cp, PPP_CP_MAGIC);
    happen(cp, PPP_RXJ_MINUS, &no_packet);
}
