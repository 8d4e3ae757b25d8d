#include "netstack/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/host.h"

enum {
    LINGER_S = 120,       /* all waits of the module's schedule together (note 2.6) */
    ACK_POLL_MAX_MS = 50, /* acknowledgements cannot be waited for, only asked for */
};

struct net_stream {
    uint32_t magic;
#define STREAM_MAGIC 0x57a3e1c9u
    struct clk *clk;
    const struct host_ops *ops;
    struct bearer_user user;
    struct host_tcp *tcp; /* NULL: gone. In STREAM_CLOSED it is still there to send the rest. */
    const struct stream_events *ev;
    void *ctx;
    enum stream_state state;
    struct net_addr peer;
    struct buf in, out;
    struct stream_counts counts;
    uint64_t watched; /* on_acked comes when as many are acknowledged */
    unsigned ack_wait_ms;
    bool is_reading;
    bool wants_room;           /* the last send was short */
    bool is_orphan;            /* freed by its user, still sending */
    struct clk_timer deadline; /* of connecting; of sending the rest after the close */
    struct clk_timer turn;     /* to report the loss of the bearer in a turn of its own */
    struct clk_timer ack;
};

static void destroy(struct net_stream *s) {
    clk_stop(s->clk, &s->turn);
    buf_fini(&s->in);
    buf_fini(&s->out);
    OBJ_FINI(s);
    free(s);
}

static void note_acked(struct net_stream *s) {
    uint64_t acked = s->tcp != NULL ? s->ops->tcp_acked(s->tcp) : 0;
    if (acked > s->counts.sent) {
        acked = s->counts.sent;
    }
    if (acked > s->counts.acked) {
        s->counts.acked = acked;
    }
}

/* The end of the host's socket, by tcp_close or tcp_reset. */
static void let_go(struct net_stream *s, void (*how)(struct host_tcp *t)) {
    note_acked(s);
    s->state = STREAM_CLOSED;
    how(s->tcp);
    s->tcp = NULL;
    buf_clear(&s->out);
    clk_stop(s->clk, &s->deadline);
    clk_stop(s->clk, &s->ack);
    bearer_detach(&s->user);
}

/* For who has let go of a link that may have been freed by its user before. */
static void end_orphan(struct net_stream *s) {
    if (s->is_orphan && s->tcp == NULL) {
        destroy(s);
    }
}

static void set_reading(struct net_stream *s, bool on) {
    if (s->is_reading != on) {
        s->is_reading = on;
        s->ops->tcp_read(s->tcp, on);
    }
}

static void pump_out(struct net_stream *s) {
    size_t n = buf_len(&s->out);
    if (n == 0) {
        return;
    }
    int taken = s->ops->tcp_write(s->tcp, buf_data(&s->out), n);
    if (taken < 0) {
        buf_clear(&s->out);
    } else {
        buf_drop(&s->out, (size_t)taken);
    }
}

static void on_linger_over(void *ctx) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    LOG(LOG_NET, LOG_INFO, "stream", "the peer never took the last %zu bytes: reset",
        buf_len(&s->out));
    let_go(s, s->ops->tcp_reset);
    end_orphan(s);
}

/* The link is over for its user; what it accepted is still sent, then a FIN. */
static void finish(struct net_stream *s) {
    s->state = STREAM_CLOSED;
    clk_stop(s->clk, &s->ack);
    if (buf_len(&s->out) == 0) {
        let_go(s, s->ops->tcp_close);
        return;
    }
    /* Reading on, to throw away: a peer that is stuck in a write of its own would never read. */
    set_reading(s, true);
    clk_start(s->clk, &s->deadline, CLK_S(LINGER_S), on_linger_over, s);
}

/* What the host says. */

static void on_connect(void *ctx, int err) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    must(s->state == STREAM_CONNECTING);
    clk_stop(s->clk, &s->deadline);
    if (err != 0) {
        let_go(s, s->ops->tcp_close);
    } else {
        s->state = STREAM_OPEN;
        set_reading(s, true);
    }
    s->ev->on_open(s->ctx, err);
}

static void on_connect_timeout(void *ctx) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    let_go(s, s->ops->tcp_close);
    s->ev->on_open(s->ctx, -ETIMEDOUT);
}

static void on_data(void *ctx, const uint8_t *p, size_t n) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    if (s->state != STREAM_OPEN) {
        return;
    }
    must(buf_put_all(&s->in, p, n) == 0);
    s->counts.received += n;
    if (buf_len(&s->in) >= LIMIT_STREAM_IN) {
        set_reading(s, false);
    }
    s->ev->on_data(s->ctx);
}

static void on_writable(void *ctx) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    pump_out(s);
    if (s->state == STREAM_CLOSED) {
        if (buf_len(&s->out) == 0) {
            let_go(s, s->ops->tcp_close);
            end_orphan(s);
        }
        return;
    }
    if (s->wants_room && buf_room(&s->out) > 0) {
        s->wants_room = false;
        if (s->ev->on_room != NULL) {
            s->ev->on_room(s->ctx);
        }
    }
}

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

static void on_end(void *ctx, int err) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    bool was_open = s->state == STREAM_OPEN;
    if (err != 0) {
        let_go(s, s->ops->tcp_close);
    } else if (was_open) {
        /* The module keeps no half-open links: it closes its side, too. */
        finish(s);
    }
    if (was_open) {
        s->ev->on_closed(s->ctx, close_of(err));
    } else {
        end_orphan(s);
    }
}

static const struct host_tcp_events tcp_events = {
    .on_connect = on_connect,
    .on_data = on_data,
    .on_writable = on_writable,
    .on_end = on_end,
};

/* What the bearer says. */

static void report_open_lost(void *ctx) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    s->ev->on_open(s->ctx, -ENETDOWN);
}

static void report_lost(void *ctx) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    s->ev->on_closed(s->ctx, NET_CLOSE_NETWORK);
}

static void on_down(struct bearer_user *u) {
    struct net_stream *s;
    CAST_OBJ(s, (void *)((char *)u - offsetof(struct net_stream, user)), STREAM_MAGIC);
    enum stream_state was = s->state;
    if (was != STREAM_CLOSED) {
        clk_start(s->clk, &s->turn, CLK_US(0),
                  was == STREAM_CONNECTING ? report_open_lost : report_lost, s);
    }
    let_go(s, s->ops->tcp_close);
    end_orphan(s);
}

/* What the user says. */

static struct net_stream *new_stream(struct bearer *b, const struct net_addr *peer,
                                     const struct stream_events *ev, void *ctx) {
    struct net_stream *s = xmalloc(sizeof *s);
    OBJ_INIT(s, STREAM_MAGIC);
    s->clk = b->clk;
    s->ops = b->host.ops;
    s->user.down = on_down;
    s->peer = *peer;
    s->ev = ev;
    s->ctx = ctx;
    buf_init(&s->in, LIMIT_STREAM_IN + HOST_READ_MAX);
    buf_init(&s->out, LIMIT_STREAM_OUT);
    return s;
}

int stream_connect(struct net_stream **out, struct bearer *b, const struct net_addr *to,
                   uint16_t local_port, clk_dur timeout, const struct stream_events *ev,
                   void *ctx) {
    CHECK_OBJ(b, BEARER_MAGIC);
    if (!b->is_up) {
        return -ENETDOWN;
    }
    struct net_stream *s = new_stream(b, to, ev, ctx);
    int err = s->ops->tcp_connect(b->host.host, to, local_port, &tcp_events, s, &s->tcp);
    if (err != 0) {
        destroy(s);
        return err;
    }
    s->state = STREAM_CONNECTING;
    bearer_attach(b, &s->user);
    clk_start(s->clk, &s->deadline, timeout, on_connect_timeout, s);
    *out = s;
    return 0;
}

struct net_stream *stream_accept(struct bearer *b, struct host_tcp *t, const struct net_addr *peer,
                                 const struct stream_events *ev, void *ctx) {
    CHECK_OBJ(b, BEARER_MAGIC);
    struct net_stream *s = new_stream(b, peer, ev, ctx);
    s->tcp = t;
    s->state = STREAM_OPEN;
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

void stream_counts(const struct net_stream *s, struct stream_counts *out) {
    CHECK_OBJ(s, STREAM_MAGIC);
    /* The count is the host's; here is only its newest reading. */
    note_acked((struct net_stream *)(uintptr_t)s);
    *out = s->counts;
}

int stream_send(struct net_stream *s, const void *p, size_t n) {
    CHECK_OBJ(s, STREAM_MAGIC);
    if (s->state != STREAM_OPEN) {
        return -ENOTCONN;
    }
    const uint8_t *bytes = p;
    size_t done = 0;
    while (done < n && buf_room(&s->out) > 0) {
        done += buf_put(&s->out, bytes + done, n - done);
        pump_out(s);
    }
    s->counts.sent += done;
    s->wants_room = done < n;
    return (int)done;
}

size_t stream_room(const struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    return s->state == STREAM_OPEN ? buf_room(&s->out) : 0;
}

void stream_want_room(struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    s->wants_room = true;
}

size_t stream_available(const struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    return buf_len(&s->in);
}

const uint8_t *stream_peek(const struct net_stream *s, size_t *n) {
    CHECK_OBJ(s, STREAM_MAGIC);
    *n = buf_len(&s->in);
    return buf_data(&s->in);
}

void stream_consume(struct net_stream *s, size_t n) {
    CHECK_OBJ(s, STREAM_MAGIC);
    must(n <= buf_len(&s->in));
    buf_drop(&s->in, n);
    if (s->state == STREAM_OPEN && buf_len(&s->in) < LIMIT_STREAM_IN) {
        set_reading(s, true);
    }
}

static void poll_acked(void *ctx) {
    struct net_stream *s;
    CAST_OBJ(s, ctx, STREAM_MAGIC);
    note_acked(s);
    if (s->counts.acked < s->watched) {
        s->ack_wait_ms = s->ack_wait_ms == 0 ? 1 : 2 * s->ack_wait_ms;
        if (s->ack_wait_ms > ACK_POLL_MAX_MS) {
            s->ack_wait_ms = ACK_POLL_MAX_MS;
        }
        clk_start(s->clk, &s->ack, CLK_MS(s->ack_wait_ms), poll_acked, s);
    } else if (s->ev->on_acked != NULL) {
        s->ev->on_acked(s->ctx);
    }
}

void stream_watch_ack(struct net_stream *s) {
    CHECK_OBJ(s, STREAM_MAGIC);
    if (s->state == STREAM_OPEN) {
        s->watched = s->counts.sent;
        s->ack_wait_ms = 0;
        clk_start(s->clk, &s->ack, CLK_US(0), poll_acked, s);
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
    if (s->tcp != NULL) {
        let_go(s, s->ops->tcp_reset);
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
    buf_fini(&s->in);
}
