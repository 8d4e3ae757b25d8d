#include "netstack/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/host.h"
#include "netstack/stream_tap.h"
#include "netstack/syn.h"
#include "netstack/wire_down.h"
#include "netstack/wire_up.h"

struct net_stream {
    uint32_t magic;
#define STREAM_MAGIC 0x57a3e1c9u
    struct clk *clk;
    const struct host_ops *ops;
    struct bearer *bearer;
    struct bearer_user user;
    struct host_tcp *tcp; /* NULL: gone, or the SYN is not there yet. In STREAM_CLOSED it is still
                             there to send the rest. */
    const struct stream_events *ev;
    void *ctx;
    enum stream_state state;
    struct net_addr peer;
    uint16_t local_port; /* 0: any */
    struct impair impair[IMPAIR_DIRECTIONS];
    struct stream_tap tap;
    struct syn syn;
    struct wire_up up;
    struct wire_down down;
    uint64_t received, given;
    uint64_t watched; /* on_acked comes when as many are acknowledged */
    bool is_watching;
    bool is_reading;
    bool wants_room; /* the last send was short */
    bool is_orphan;  /* freed by its user, still sending */
    bool has_answer; /* the host has connected, or failed to; the module may not know yet */
    int answer;
    bool is_cut;  /* by `cut_after` or stream_end: the peer is to be told */
    bool has_end; /* the peer has ended the link; likewise */
    int end;
    struct clk_timer deadline; /* of connecting; of sending the rest after the close */
    struct clk_timer turn;     /* to report in a turn of its own */
};

static struct net_stream *stream_of(void *ctx) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    return s;
}

static void destroy(struct net_stream *s) {
    clk_stop(s->clk, &s->turn);
    wire_up_fini(&s->up);
    wire_down_fini(&s->down);
    OBJ_FINI(s);
    free(s);
}

/* The end of the host's socket, by tcp_close or tcp_reset. */
static void let_go(struct net_stream *s, void (*how)(struct host_tcp *t)) {
    s->state = STREAM_CLOSED;
    wire_up_fini(&s->up);
    wire_down_stop(&s->down);
    syn_stop(&s->syn);
    clk_stop(s->clk, &s->deadline);
    clk_stop(s->clk, &s->turn);
    bearer_detach(&s->user);
    if (s->tcp != NULL) {
        how(s->tcp);
        s->tcp = NULL;
    }
}

/* For who has let go of a link that may have been freed by its user before. */
static void end_orphan(struct net_stream *s) {
    if (s->is_orphan && s->tcp == NULL) {
        destroy(s);
    }
}

static void set_reading(struct net_stream *s, bool on) {
    if (s->tcp != NULL && s->is_reading != on) {
        s->is_reading = on;
        s->ops->tcp_read(s->tcp, on);
    }
}

static void on_linger_over(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    LOG(LOG_NET, LOG_INFO, "stream", "the peer never took the last %zu bytes: reset",
        wire_up_pending(&s->up));
    stream_tap_reset(&s->tap, true);
    let_go(s, s->ops->tcp_reset);
    end_orphan(s);
}

/* The link is over for its user; what it accepted is still sent, then a FIN. */
static void finish(struct net_stream *s) {
    s->state = STREAM_CLOSED;
    wire_down_stop(&s->down);
    wire_up_end(&s->up);
    if (wire_up_has_ended(&s->up)) {
        let_go(s, s->ops->tcp_close);
        return;
    }
    /* Reading on, to throw away: a peer that is stuck in a write of its own would never read. */
    set_reading(s, true);
    clk_start(s->clk, &s->deadline, CLK_S(RETRANSMIT_TOTAL_S), on_linger_over, s);
}

/* -- the way up -- */

/* Of n bytes in this direction, how many still pass; the link is cut behind them. */
static size_t pass(struct net_stream *s, enum impair_direction dir, uint64_t before, size_t n) {
    uint32_t mine = s->impair[dir].cut_after;
    uint32_t all = s->bearer->impair[dir].cut_after;
    uint32_t cut = mine == 0 || (all > 0 && all < mine) ? all : mine;
    if (cut == 0 || before + n < cut) {
        return n;
    }
    s->is_cut = true;
    return before < cut ? (size_t)(cut - before) : 0;
}

static void report_end(void *ctx);

static enum net_close close_of(int err) {
    switch (err) {
    case 0:
        return NET_CLOSE_REMOTE;
    case -ETIMEDOUT:
    case -EHOSTUNREACH: /* the kernel's word for it when routers had complained meanwhile */
    case -ENETUNREACH:
        return NET_CLOSE_TIMEOUT;
    default:
        return NET_CLOSE_RESET;
    }
}

/* What the host itself has given up on; else the peer's end comes the way of its data. */
static bool is_end_local(int err) {
    return err != 0 && close_of(err) == NET_CLOSE_TIMEOUT;
}

/* An end that the peer has not made comes behind what has passed, like one of the peer's. */
static void put_end(struct net_stream *s, int err) {
    s->has_end = true;
    s->end = err;
    set_reading(s, false);
    if (is_end_local(err) || wire_down_put(&s->down, NULL, 0)) {
        clk_start(s->clk, &s->turn, CLK_US(0), report_end, s);
    }
}

static void end_if_cut(struct net_stream *s) {
    if (s->is_cut && !s->has_end && s->state == STREAM_OPEN) {
        put_end(s, -ECONNRESET);
    }
}

static int give(void *ctx, const uint8_t *p, size_t n) {
    struct net_stream *s = stream_of(ctx);
    if (s->tcp == NULL) {
        return -ENOTCONN;
    }
    n = pass(s, IMPAIR_UP, s->given, n);
    int took = n > 0 ? s->ops->tcp_write(s->tcp, p, n) : 0;
    s->given += took > 0 ? (uint64_t)took : 0;
    end_if_cut(s);
    return took;
}

static uint64_t host_acked(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    return s->tcp != NULL ? s->ops->tcp_acked(s->tcp) : 0;
}

static bool host_in_flight(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    return s->tcp != NULL && s->ops->tcp_in_flight(s->tcp);
}

/* Bytes have left. */
static void on_gave(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    if (s->state == STREAM_CLOSED) {
        if (s->tcp != NULL && wire_up_has_ended(&s->up)) {
            let_go(s, s->ops->tcp_close);
            end_orphan(s);
        }
        return;
    }
    if (s->wants_room && wire_up_room(&s->up) > 0) {
        s->wants_room = false;
        if (s->ev->on_room != NULL) {
            s->ev->on_room(s->ctx);
        }
    }
}

static void on_wire_acked(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    if (s->state != STREAM_OPEN || !s->is_watching || wire_up_acked(&s->up) < s->watched) {
        return;
    }
    s->is_watching = false;
    if (s->ev->on_acked != NULL) {
        s->ev->on_acked(s->ctx);
    }
}

/* The schedule has run out (note 2.6). The peer is told, if it can still be reached: a socket of
 * the host cannot vanish. */
static void on_failed(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    bool was_open = s->state == STREAM_OPEN;
    stream_tap_reset(&s->tap, true);
    let_go(s, s->ops->tcp_reset);
    if (was_open) {
        s->ev->on_closed(s->ctx, NET_CLOSE_TIMEOUT);
    } else {
        end_orphan(s);
    }
}

static void on_transmitted(void *ctx, uint64_t at, const uint8_t *p, size_t n, bool is_lost) {
    stream_tap_out(&stream_of(ctx)->tap, at, p, n, is_lost);
}

static void on_heard(void *ctx, uint64_t acked) {
    stream_tap_acked(&stream_of(ctx)->tap, acked);
}

static const struct wire_up_owner up_owner = {
    .give = give,
    .host_acked = host_acked,
    .host_in_flight = host_in_flight,
    .gave = on_gave,
    .acked = on_wire_acked,
    .failed = on_failed,
    .transmitted = on_transmitted,
    .heard = on_heard,
};

/* -- connecting -- */

static void opened(struct net_stream *s, int err) {
    clk_stop(s->clk, &s->deadline);
    clk_stop(s->clk, &s->turn);
    syn_stop(&s->syn);
    if (err == -ECONNREFUSED) {
        stream_tap_refused(&s->tap);
    }
    if (err != 0) {
        let_go(s, s->ops->tcp_close);
    } else {
        stream_tap_opened(&s->tap);
        s->state = STREAM_OPEN;
        set_reading(s, true);
    }
    s->ev->on_open(s->ctx, err);
}

static void report_opened(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    opened(s, s->answer);
}

/* The answer to a SYN comes back, or is lost; the next SYN brings another. */
static void answer_syn(struct net_stream *s) {
    if (clk_pending(&s->turn) || syn_loses_answer(&s->syn)) {
        return;
    }
    clk_dur way = syn_way_back(&s->syn);
    if (way.us > 0) {
        clk_start(s->clk, &s->turn, way, report_opened, s);
    } else {
        opened(s, s->answer);
    }
}

static void on_connect(void *ctx, int err) {
    struct net_stream *s = stream_of(ctx);
    must(s->state == STREAM_CONNECTING);
    s->has_answer = true;
    s->answer = err;
    answer_syn(s);
}

static void on_syn(void *ctx, bool is_lost) {
    stream_tap_syn(&stream_of(ctx)->tap, is_lost);
}

static void on_connect_timeout(void *ctx) {
    opened(stream_of(ctx), -ETIMEDOUT);
}

/* -- the way down -- */

/* The newest n bytes that have arrived. */
static void tap_arrived(struct net_stream *s, size_t n) {
    size_t all = 0;
    const uint8_t *p = stream_peek(s, &all);
    if (s->bearer->tap != NULL) {
        s->tap.acked = wire_up_acked(&s->up); /* asks the host, so not for nobody */
    }
    if (n > 0) {
        stream_tap_in(&s->tap, p + all - n, n);
    }
}

static void on_data(void *ctx, const uint8_t *p, size_t n) {
    struct net_stream *s = stream_of(ctx);
    if (s->state != STREAM_OPEN || s->has_end) {
        return;
    }
    n = pass(s, IMPAIR_DOWN, s->received, n);
    if (n == 0) {
        end_if_cut(s);
        return;
    }
    s->received += n;
    bearer_touch(s->bearer);
    bool is_there = wire_down_put(&s->down, p, n);
    if (buf_len(&s->down.in) >= LIMIT_STREAM_IN) {
        set_reading(s, false);
    }
    end_if_cut(s);
    if (is_there) {
        tap_arrived(s, n);
        s->ev->on_data(s->ctx);
    }
}

static void on_writable(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    wire_up_pump(&s->up);
    on_gave(s);
}

static void report_end(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    if (s->end == 0) {
        stream_tap_fin(&s->tap);
    } else if (!is_end_local(s->end)) {
        stream_tap_reset(&s->tap, false);
    }
    if (s->end != 0) {
        let_go(s, s->is_cut ? s->ops->tcp_reset : s->ops->tcp_close);
    } else {
        /* The module keeps no half-open links: it closes its side, too. */
        finish(s);
    }
    s->ev->on_closed(s->ctx, close_of(s->end));
}

static void on_end(void *ctx, int err) {
    struct net_stream *s = stream_of(ctx);
    if (s->state != STREAM_OPEN) {
        /* A FIN is no reason not to send the rest. */
        if (err != 0) {
            let_go(s, s->ops->tcp_close);
            end_orphan(s);
        }
        return;
    }
    s->has_end = true;
    s->end = err;
    if (is_end_local(err) || wire_down_put(&s->down, NULL, 0)) {
        report_end(s);
    }
}

/* Bytes that were under way are there, or the end that stood behind them. */
static void on_arrived(void *ctx, size_t n) {
    struct net_stream *s = stream_of(ctx);
    tap_arrived(s, n);
    if (s->has_end && wire_down_is_idle(&s->down)) {
        clk_start(s->clk, &s->turn, CLK_US(0), report_end, s);
    }
    if (n > 0) {
        s->ev->on_data(s->ctx);
    }
}

static const struct host_tcp_events tcp_events = {
    .on_connect = on_connect,
    .on_data = on_data,
    .on_writable = on_writable,
    .on_end = on_end,
};

/* The SYN is at the peer; the first one calls it, a later one asks for its answer again. */
static int call_peer(struct net_stream *s) {
    if (s->tcp != NULL) {
        if (s->has_answer) {
            answer_syn(s);
        }
        return 0;
    }
    if (s->impair[IMPAIR_UP].refuse || s->bearer->impair[IMPAIR_UP].refuse) {
        s->has_answer = true;
        s->answer = -ECONNREFUSED;
        clk_start(s->clk, &s->turn, syn_way_back(&s->syn), report_opened, s);
        return 0;
    }
    return s->ops->tcp_connect(s->bearer->host.host, &s->peer, s->local_port, &tcp_events, s,
                               &s->tcp);
}

static void on_syn_arrived(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    int err = call_peer(s);
    if (err != 0) {
        opened(s, err);
    }
}

/* -- what the bearer says -- */

static void report_open_lost(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    s->ev->on_open(s->ctx, -ENETDOWN);
}

static void report_lost(void *ctx) {
    struct net_stream *s = stream_of(ctx);
    s->ev->on_closed(s->ctx, NET_CLOSE_NETWORK);
}

static struct net_stream *of_user(struct bearer_user *u) {
    struct net_stream *s;
    CAST_MEMBER(s, u, struct net_stream, user, STREAM_MAGIC);
    return s;
}

static void on_down(struct bearer_user *u) {
    struct net_stream *s = of_user(u);
    enum stream_state was = s->state;
    let_go(s, s->ops->tcp_close);
    if (was != STREAM_CLOSED) {
        clk_start(s->clk, &s->turn, CLK_US(0),
                  was == STREAM_CONNECTING ? report_open_lost : report_lost, s);
    }
    end_orphan(s);
}

static void on_changed(struct bearer_user *u) {
    stream_impair_changed(of_user(u));
}

/* -- what the user says -- */

static struct net_stream *new_stream(struct bearer *b, const struct net_addr *peer,
                                     uint16_t local_port, const struct stream_events *ev,
                                     void *ctx) {
    struct net_stream *s = xmalloc(sizeof *s);
    OBJ_INIT(s, STREAM_MAGIC);
    s->clk = b->clk;
    s->ops = b->host.ops;
    s->bearer = b;
    s->user.down = on_down;
    s->user.changed = on_changed;
    s->peer = *peer;
    s->local_port = local_port;
    stream_tap_init(&s->tap, b, peer, local_port);
    s->ev = ev;
    s->ctx = ctx;
    s->syn = (struct syn){.bearer = b,
                          .impair = s->impair,
                          .arrived = on_syn_arrived,
                          .failed = on_connect_timeout,
                          .transmitted = on_syn,
                          .ctx = s};
    wire_up_init(&s->up, b, s->impair, &up_owner, s);
    wire_down_init(&s->down, b, s->impair, LIMIT_STREAM_IN + HOST_READ_MAX, on_arrived, s);
    return s;
}

int stream_connect(struct net_stream **out, struct bearer *b, const struct net_addr *to,
                   uint16_t local_port, unsigned link, clk_dur timeout,
                   const struct stream_events *ev, void *ctx) {
    static const struct impair nothing[IMPAIR_DIRECTIONS];
    return stream_connect_over(out, b, nothing, to, local_port, link, timeout, ev, ctx);
}

int stream_connect_over(struct net_stream **out, struct bearer *b, const struct impair *path,
                        const struct net_addr *to, uint16_t local_port, unsigned link,
                        clk_dur timeout, const struct stream_events *ev, void *ctx) {
    CHECK_OBJ(b, BEARER_MAGIC);
    if (!b->is_up) {
        return -ENETDOWN;
    }
    struct net_stream *s = new_stream(b, to, local_port, ev, ctx);
    memcpy(s->impair, path, sizeof s->impair);
    s->up.link = link;
    s->syn.link = link;
    s->state = STREAM_CONNECTING;
    bearer_attach(b, &s->user);
    int err = syn_start(&s->syn) ? call_peer(s) : 0;
    if (err != 0) {
        let_go(s, s->ops->tcp_close);
        destroy(s);
        return err;
    }
    clk_start(s->clk, &s->deadline, timeout, on_connect_timeout, s);
    *out = s;
    return 0;
}

struct net_stream *stream_accept(struct bearer *b, struct host_tcp *t, const struct net_addr *peer,
                                 uint16_t local_port, unsigned link, const struct stream_events *ev,
                                 void *ctx) {
    CHECK_OBJ(b, BEARER_MAGIC);
    struct net_stream *s = new_stream(b, peer, local_port, ev, ctx);
    s->tcp = t;
    s->up.link = link;
    s->state = STREAM_OPEN;
    stream_tap_accepted(&s->tap);
    bearer_attach(b, &s->user);
    s->ops->tcp_adopt(t, &tcp_events, s);
    set_reading(s, true);
    return s;
}

enum stream_state stream_state(const struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    return s->state;
}

const struct net_addr *stream_peer(const struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    return &s->peer;
}

struct impair *stream_impair(struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    return s->impair;
}

void stream_impair_changed(struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    if (s->tcp != NULL && s->state != STREAM_CONNECTING) {
        wire_up_changed(&s->up);
        wire_down_changed(&s->down);
    }
}

void stream_counts(const struct net_stream *s, struct stream_counts *out) {
    CHECK_OBJ(s, STREAM_MAGIC);
    *out = (struct stream_counts){
        .sent = s->up.accepted,
        .acked = wire_up_acked(&s->up),
        .received = s->received,
    };
}

int stream_send(struct net_stream *s, const void *p, size_t n) {
    CHECK_OBJ(s, STREAM_MAGIC);
    if (s->state != STREAM_OPEN) {
        return -ENOTCONN;
    }
    size_t done = wire_up_put(&s->up, p, n);
    s->wants_room = done < n;
    return (int)done;
}

size_t stream_room(const struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    return s->state == STREAM_OPEN ? wire_up_room(&s->up) : 0;
}

void stream_want_room(struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    s->wants_room = true;
}

size_t stream_available(const struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    return s->down.arrived_n;
}

const uint8_t *stream_peek(const struct net_stream *s, size_t *n) {
    CHECK_OBJ(s, STREAM_MAGIC);
    *n = s->down.arrived_n;
    return buf_data(&s->down.in);
}

void stream_consume(struct net_stream *s, size_t n) {
    CHECK_OBJ(s, STREAM_MAGIC);
    must(n <= s->down.arrived_n);
    buf_drop(&s->down.in, n);
    s->down.arrived_n -= n;
    if (s->state == STREAM_OPEN && !s->has_end && buf_len(&s->down.in) < LIMIT_STREAM_IN) {
        set_reading(s, true);
    }
}

void stream_watch_ack(struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    if (s->state == STREAM_OPEN) {
        s->watched = s->up.accepted;
        s->is_watching = true;
        wire_up_ask(&s->up);
    }
}

void stream_close(struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    clk_stop(s->clk, &s->turn);
    switch (s->state) {
    case STREAM_CONNECTING:
        let_go(s, s->ops->tcp_close);
        break;
    case STREAM_OPEN:
        finish(s);
        break;
    case STREAM_CLOSED:
        break;
    }
}

void stream_reset(struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    clk_stop(s->clk, &s->turn);
    if (s->state != STREAM_CLOSED || s->tcp != NULL) {
        stream_tap_reset(&s->tap, true);
        let_go(s, s->ops->tcp_reset);
    }
}

int stream_end(struct net_stream *s, enum net_close why) {
    static const int errs[] = {
        [NET_CLOSE_REMOTE] = 0,
        [NET_CLOSE_RESET] = -ECONNRESET,
        [NET_CLOSE_TIMEOUT] = -ETIMEDOUT,
    };
    CHECK_OBJ(s, STREAM_MAGIC);
    must(why == NET_CLOSE_REMOTE || why == NET_CLOSE_RESET || why == NET_CLOSE_TIMEOUT);
    if (s->state != STREAM_OPEN || s->has_end) {
        return -ENOTCONN;
    }
    s->is_cut = errs[why] != 0;
    put_end(s, errs[why]);
    return 0;
}

void stream_forget(struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    clk_stop(s->clk, &s->turn);
    if (s->state == STREAM_OPEN) {
        let_go(s, s->ops->tcp_forget);
    }
}

void stream_free(struct net_stream *s) {
    if (s == NULL) {
        return;
    }
    stream_close(s);
    if (s->tcp == NULL) {
        destroy(s);
        return;
    }
    s->is_orphan = true;
    wire_down_fini(&s->down);
}
