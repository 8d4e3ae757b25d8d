#include "tests/support/fake_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/obj.h"

enum { MAX_BYTES = 64 << 20, FIRST_FREE_PORT = 49152 };

/* Whatever may have something to call back. All of them live as long as the fake. */
struct thing {
    struct fake_host *f;
    bool (*step)(struct thing *t); /* calls back at most once; true: did, ask again */
    bool is_ready;
    bool is_open; /* the modem still holds it */
    STAILQ_ENTRY(thing) ready;
    SLIST_ENTRY(thing) all;
};

struct host_tcp {
    struct thing thing; /* first */
    const struct host_tcp_events *ev;
    void *ctx;
    struct net_addr peer;
    uint16_t local_port;
    struct host_listener *listener; /* a caller that was not handed over yet */
    bool is_connecting, is_connected, is_reading, wants_room;
    bool has_ended, end_told;
    int connect_err, end_err;
    struct buf to_modem, to_peer;
    size_t window;
    uint64_t taken, acked;
    bool holds_acks;
    enum fake_seen seen;
};

struct fake_link {
    struct host_tcp tcp;
};

struct packet {
    STAILQ_ENTRY(packet) entry;
    struct net_addr addr;
    uint16_t port;
    size_t n;
    uint8_t bytes[];
};
STAILQ_HEAD(packets, packet);

struct host_udp {
    struct thing thing;
    const struct host_udp_events *ev;
    void *ctx;
    uint16_t port;
    bool is_reading;
    struct packets in;
};

struct host_listener {
    struct thing thing;
    host_accept_fn *cb;
    void *ctx;
    uint16_t port;
};

struct host_query {
    struct thing thing;
    host_name_fn *name_cb;
    host_addr_fn *addr_cb;
    host_ping_fn *ping_cb;
    void *ctx;
    char *name;
    uint32_t ip;
    int64_t rtt_us;
    unsigned ttl;
    int err;
};

struct rule {
    SLIST_ENTRY(rule) entry;
    enum { RULE_CONNECT, RULE_OCCUPIED, RULE_NAME, RULE_PING } kind;
    uint32_t ip;
    uint16_t port;
    enum fake_connect how;
    char *name;
    int64_t rtt_us;
};

struct fake_host {
    uint32_t magic;
#define FAKE_HOST_MAGIC 0x09d7fa3eu
    SLIST_HEAD(all_things, thing) all;
    STAILQ_HEAD(ready_things, thing) ready;
    SLIST_HEAD(rules, rule) rules;
    struct packets sent;
    struct packet *shown;
    uint16_t next_port;
    unsigned queries;
    int names_broken;
    bool no_ping;
};

static void kick(struct thing *t) {
    if (!t->is_ready && t->is_open) {
        t->is_ready = true;
        STAILQ_INSERT_TAIL(&t->f->ready, t, ready);
    }
}

static void add_thing(struct fake_host *f, struct thing *t, bool (*step)(struct thing *t)) {
    t->f = f;
    t->step = step;
    t->is_open = true;
    SLIST_INSERT_HEAD(&f->all, t, all);
}

static struct rule *add_rule(struct fake_host *f) {
    CHECK_OBJ(f, FAKE_HOST_MAGIC);
    struct rule *r = xmalloc(sizeof *r);
    SLIST_INSERT_HEAD(&f->rules, r, entry);
    return r;
}

static uint16_t free_port(struct fake_host *f, uint16_t wanted) {
    return wanted != 0 ? wanted : f->next_port++;
}

static struct packet *new_packet(const struct net_addr *addr, uint16_t port, const void *p,
                                 size_t n) {
    struct packet *packet = xmalloc(sizeof *packet + n);
    packet->addr = *addr;
    packet->port = port;
    packet->n = n;
    if (n > 0) {
        memcpy(packet->bytes, p, n);
    }
    return packet;
}

static void free_packets(struct packets *list) {
    struct packet *packet;
    while ((packet = STAILQ_FIRST(list)) != NULL) {
        STAILQ_REMOVE_HEAD(list, entry);
        free(packet);
    }
}

/* TCP, the modem's side. */

static bool deliver_data(struct host_tcp *t) {
    uint8_t segment[FAKE_HOST_SEGMENT];
    size_t n = buf_take(&t->to_modem, segment, sizeof segment);
    t->ev->on_data(t->ctx, segment, n);
    return true;
}

static bool step_tcp(struct thing *thing) {
    struct host_tcp *t = (struct host_tcp *)thing;
    if (t->listener != NULL) {
        struct host_listener *l = t->listener;
        t->listener = NULL;
        if (l->thing.is_open) {
            l->cb(l->ctx, t, &t->peer);
            must(t->ev != NULL || !thing->is_open); /* adopted or closed */
        } else {
            thing->is_open = false; /* nobody listens any more */
            t->seen = FAKE_SEEN_RESET;
        }
        return true;
    }
    if (t->is_connecting) {
        t->is_connecting = false;
        t->is_connected = t->connect_err == 0;
        t->ev->on_connect(t->ctx, t->connect_err);
        return true;
    }
    if (!t->is_connected || (t->end_told && t->end_err != 0)) {
        return false;
    }
    if (t->wants_room && t->window > 0) {
        t->wants_room = false;
        t->ev->on_writable(t->ctx);
        return true;
    }
    if (t->is_reading && buf_len(&t->to_modem) > 0) {
        return deliver_data(t);
    }
    /* A FIN stands behind the data; an error is also seen by who does not read. */
    if (t->has_ended && !t->end_told && (t->is_reading || t->end_err != 0)) {
        t->end_told = true;
        t->ev->on_end(t->ctx, t->end_err);
        return true;
    }
    return false;
}

static struct host_tcp *new_tcp(struct fake_host *f, const struct net_addr *peer,
                                uint16_t local_port) {
    struct fake_link *l = xmalloc(sizeof *l);
    struct host_tcp *t = &l->tcp;
    add_thing(f, &t->thing, step_tcp);
    t->peer = *peer;
    t->local_port = local_port;
    t->window = SIZE_MAX;
    buf_init(&t->to_modem, MAX_BYTES);
    buf_init(&t->to_peer, MAX_BYTES);
    return t;
}

static enum fake_connect connect_rule(const struct fake_host *f, const struct net_addr *to) {
    struct rule *r;
    SLIST_FOREACH(r, &f->rules, entry) {
        if (r->kind == RULE_CONNECT && (r->ip == 0 || r->ip == to->ip) &&
            (r->port == 0 || r->port == to->port)) {
            return r->how;
        }
    }
    return FAKE_ACCEPT;
}

static int tcp_connect(void *host, const struct net_addr *to, uint16_t local_port,
                       const struct host_tcp_events *ev, void *ctx, struct host_tcp **out) {
    struct fake_host *f;
    CAST_OBJ(f, host, FAKE_HOST_MAGIC);
    enum fake_connect how = connect_rule(f, to);
    if (how == FAKE_NO_ROUTE) {
        return -ENETUNREACH;
    }
    struct host_tcp *t = new_tcp(f, to, free_port(f, local_port));
    t->ev = ev;
    t->ctx = ctx;
    if (how != FAKE_SILENT) {
        t->is_connecting = true;
        t->connect_err = how == FAKE_REFUSE ? -ECONNREFUSED : 0;
        t->connect_err = how == FAKE_UNREACHABLE ? -EHOSTUNREACH : t->connect_err;
        kick(&t->thing);
    }
    *out = t;
    return 0;
}

static void tcp_adopt(struct host_tcp *t, const struct host_tcp_events *ev, void *ctx) {
    must(t->thing.is_open && t->ev == NULL);
    t->ev = ev;
    t->ctx = ctx;
}

static int tcp_write(struct host_tcp *t, const void *p, size_t n) {
    must(t->thing.is_open);
    if (!t->is_connected || (t->has_ended && t->end_err != 0)) {
        return -EPIPE;
    }
    size_t taken = n < t->window ? n : t->window;
    must(buf_put_all(&t->to_peer, p, taken) == 0);
    t->window -= t->window != SIZE_MAX ? taken : 0;
    t->taken += taken;
    if (!t->holds_acks) {
        t->acked = t->taken;
    }
    t->wants_room = taken < n;
    return (int)taken;
}

static void tcp_read(struct host_tcp *t, bool on) {
    must(t->thing.is_open && t->is_connected);
    t->is_reading = on;
    kick(&t->thing);
}

static void tcp_gone(struct host_tcp *t, enum fake_seen seen) {
    must(t->thing.is_open);
    t->thing.is_open = false;
    t->seen = t->is_connected ? seen : FAKE_SEEN_NOTHING;
}

static void tcp_close(struct host_tcp *t) {
    tcp_gone(t, FAKE_SEEN_FIN);
}

static void tcp_reset(struct host_tcp *t) {
    tcp_gone(t, FAKE_SEEN_RESET);
}

/* The far end is told nothing. */
static void tcp_forget(struct host_tcp *t) {
    tcp_gone(t, FAKE_SEEN_NOTHING);
}

static bool tcp_in_flight(const struct host_tcp *t) {
    return t->taken > t->acked;
}

static uint64_t tcp_acked(const struct host_tcp *t) {
    return t->acked;
}

/* UDP and listeners, the modem's side. */

static bool step_udp(struct thing *thing) {
    struct host_udp *u = (struct host_udp *)thing;
    struct packet *packet = STAILQ_FIRST(&u->in);
    if (!u->is_reading || packet == NULL) {
        return false;
    }
    STAILQ_REMOVE_HEAD(&u->in, entry);
    u->ev->on_datagram(u->ctx, &packet->addr, packet->bytes, packet->n);
    free(packet);
    return true;
}

static int udp_open(void *host, uint16_t local_port, const struct host_udp_events *ev, void *ctx,
                    struct host_udp **out) {
    struct fake_host *f;
    CAST_OBJ(f, host, FAKE_HOST_MAGIC);
    struct host_udp *u = xmalloc(sizeof *u);
    add_thing(f, &u->thing, step_udp);
    u->ev = ev;
    u->ctx = ctx;
    u->port = free_port(f, local_port);
    STAILQ_INIT(&u->in);
    *out = u;
    return 0;
}

static int udp_send(struct host_udp *u, const struct net_addr *to, const void *p, size_t n) {
    must(u->thing.is_open);
    struct packet *packet = new_packet(to, u->port, p, n);
    STAILQ_INSERT_TAIL(&u->thing.f->sent, packet, entry);
    return 0;
}

static void udp_read(struct host_udp *u, bool on) {
    must(u->thing.is_open);
    u->is_reading = on;
    kick(&u->thing);
}

static void udp_close(struct host_udp *u) {
    must(u->thing.is_open);
    u->thing.is_open = false;
    free_packets(&u->in);
}

static bool step_nothing(struct thing *thing) {
    (void)thing;
    return false;
}

static struct host_listener *find_listener(const struct fake_host *f, uint16_t port) {
    struct thing *t;
    SLIST_FOREACH(t, &f->all, all) {
        struct host_listener *l = (struct host_listener *)t;
        if (t->step == step_nothing && t->is_open && l->port == port) {
            return l;
        }
    }
    return NULL;
}

static int host_listen(void *host, uint16_t port, host_accept_fn *cb, void *ctx,
                       struct host_listener **out) {
    struct fake_host *f;
    CAST_OBJ(f, host, FAKE_HOST_MAGIC);
    struct rule *r;
    SLIST_FOREACH(r, &f->rules, entry) {
        if (r->kind == RULE_OCCUPIED && r->port == port) {
            return -EADDRINUSE;
        }
    }
    if (find_listener(f, port) != NULL) {
        return -EADDRINUSE;
    }
    struct host_listener *l = xmalloc(sizeof *l);
    add_thing(f, &l->thing, step_nothing);
    l->cb = cb;
    l->ctx = ctx;
    l->port = port;
    *out = l;
    return 0;
}

static void listen_close(struct host_listener *l) {
    must(l->thing.is_open);
    l->thing.is_open = false;
}

/* Queries. */

static bool step_query(struct thing *thing) {
    struct host_query *q = (struct host_query *)thing;
    thing->is_open = false;
    if (q->name_cb != NULL) {
        q->name_cb(q->ctx, q->err, q->ip);
    } else if (q->addr_cb != NULL) {
        q->addr_cb(q->ctx, q->err, q->name);
    } else {
        q->ping_cb(q->ctx, q->err, q->rtt_us, q->ttl);
    }
    return false;
}

static struct host_query *new_query(struct fake_host *f, void *ctx) {
    struct host_query *q = xmalloc(sizeof *q);
    add_thing(f, &q->thing, step_query);
    q->ctx = ctx;
    return q;
}

/* By name, or by address when `name` is NULL. */
static const struct rule *find_name(const struct fake_host *f, const char *name, uint32_t ip) {
    struct rule *r;
    SLIST_FOREACH(r, &f->rules, entry) {
        if (r->kind == RULE_NAME && (name != NULL ? strcasecmp(r->name, name) == 0 : r->ip == ip)) {
            return r;
        }
    }
    return NULL;
}

static void answer_query(struct host_query *q, const struct rule *r) {
    struct fake_host *f = q->thing.f;
    f->queries++;
    if (f->names_broken > 0) {
        return;
    }
    if (f->names_broken < 0 || r == NULL) {
        q->err = f->names_broken < 0 ? f->names_broken : -ENOENT;
    } else {
        q->ip = r->ip;
        q->name = xstrdup(r->name);
    }
    kick(&q->thing);
}

static struct host_query *host_name(void *host, const char *name, host_name_fn *cb, void *ctx) {
    struct fake_host *f;
    CAST_OBJ(f, host, FAKE_HOST_MAGIC);
    struct host_query *q = new_query(f, ctx);
    q->name_cb = cb;
    answer_query(q, find_name(f, name, 0));
    return q;
}

static struct host_query *host_addr(void *host, uint32_t ip, host_addr_fn *cb, void *ctx) {
    struct fake_host *f;
    CAST_OBJ(f, host, FAKE_HOST_MAGIC);
    struct host_query *q = new_query(f, ctx);
    q->addr_cb = cb;
    answer_query(q, find_name(f, NULL, ip));
    return q;
}

static struct host_query *host_ping(void *host, const struct host_ping *ping, host_ping_fn *cb,
                                    void *ctx) {
    struct fake_host *f;
    CAST_OBJ(f, host, FAKE_HOST_MAGIC);
    struct host_query *q = new_query(f, ctx);
    q->ping_cb = cb;
    q->ttl = ping->ttl;
    if (f->no_ping) {
        q->err = -EACCES;
        kick(&q->thing);
        return q;
    }
    struct rule *r;
    SLIST_FOREACH(r, &f->rules, entry) {
        if (r->kind == RULE_PING && r->ip == ping->ip) {
            q->rtt_us = r->rtt_us;
            kick(&q->thing);
            break;
        }
    }
    return q;
}

static void cancel(struct host_query *q) {
    must(q->thing.is_open);
    q->thing.is_open = false;
}

static const struct host_ops ops = {
    .tcp_connect = tcp_connect,
    .tcp_adopt = tcp_adopt,
    .tcp_write = tcp_write,
    .tcp_read = tcp_read,
    .tcp_close = tcp_close,
    .tcp_reset = tcp_reset,
    .tcp_forget = tcp_forget,
    .tcp_in_flight = tcp_in_flight,
    .tcp_acked = tcp_acked,
    .udp_open = udp_open,
    .udp_send = udp_send,
    .udp_read = udp_read,
    .udp_close = udp_close,
    .listen = host_listen,
    .listen_close = listen_close,
    .name = host_name,
    .addr = host_addr,
    .ping = host_ping,
    .cancel = cancel,
};

/* The test's side. */

struct fake_host *fake_host_new(void) {
    struct fake_host *f = xmalloc(sizeof *f);
    OBJ_INIT(f, FAKE_HOST_MAGIC);
    SLIST_INIT(&f->all);
    STAILQ_INIT(&f->ready);
    SLIST_INIT(&f->rules);
    STAILQ_INIT(&f->sent);
    f->next_port = FIRST_FREE_PORT;
    return f;
}

static void free_thing(struct thing *t) {
    if (t->step == step_tcp) {
        buf_fini(&((struct host_tcp *)t)->to_modem);
        buf_fini(&((struct host_tcp *)t)->to_peer);
    } else if (t->step == step_query) {
        free(((struct host_query *)t)->name);
    }
    free(t);
}

void fake_host_free(struct fake_host *f) {
    CHECK_OBJ(f, FAKE_HOST_MAGIC);
    must(fake_host_open_count(f) == 0);
    while (!SLIST_EMPTY(&f->all)) {
        struct thing *t = SLIST_FIRST(&f->all);
        SLIST_REMOVE_HEAD(&f->all, all);
        free_thing(t);
    }
    while (!SLIST_EMPTY(&f->rules)) {
        struct rule *r = SLIST_FIRST(&f->rules);
        SLIST_REMOVE_HEAD(&f->rules, entry);
        free(r->name);
        free(r);
    }
    free_packets(&f->sent);
    free(f->shown);
    OBJ_FINI(f);
    free(f);
}

struct net_host fake_host_net(struct fake_host *f) {
    return (struct net_host){&ops, f};
}

bool fake_host_run(struct fake_host *f) {
    CHECK_OBJ(f, FAKE_HOST_MAGIC);
    bool ran = false;
    struct thing *t;
    while ((t = STAILQ_FIRST(&f->ready)) != NULL) {
        STAILQ_REMOVE_HEAD(&f->ready, ready);
        t->is_ready = false;
        if (t->is_open && t->step(t)) {
            kick(t);
        }
        ran = true;
    }
    return ran;
}

bool fake_host_settle(struct fake_host *f, struct clk *clk) {
    bool happened = false;
    while (fake_host_run(f) || clk_next_due(clk).us == 0) {
        clk_advance(clk, CLK_US(0));
        happened = true;
    }
    return happened;
}

void fake_host_pass(struct fake_host *f, struct clk *clk, clk_dur by) {
    int64_t until_us = clk_now(clk).us + by.us;
    for (;;) {
        fake_host_settle(f, clk);
        int64_t due_us = clk_next_due(clk).us;
        if (due_us < 0 || clk_now(clk).us + due_us > until_us) {
            break;
        }
        clk_advance(clk, CLK_US(due_us));
    }
    clk_advance(clk, CLK_US(until_us - clk_now(clk).us));
    fake_host_settle(f, clk);
}

size_t fake_host_open_count(const struct fake_host *f) {
    CHECK_OBJ(f, FAKE_HOST_MAGIC);
    size_t n = 0;
    struct thing *t;
    SLIST_FOREACH(t, &f->all, all) {
        /* A caller nobody was told of is not the modem's yet. */
        bool is_untold = t->step == step_tcp && ((struct host_tcp *)t)->ev == NULL;
        n += t->is_open && !is_untold;
    }
    return n;
}

void fake_host_on_connect(struct fake_host *f, uint32_t ip, uint16_t port, enum fake_connect how) {
    struct rule *r = add_rule(f);
    r->kind = RULE_CONNECT;
    r->ip = ip;
    r->port = port;
    r->how = how;
}

struct fake_link *fake_host_link(struct fake_host *f, uint32_t ip, uint16_t port) {
    CHECK_OBJ(f, FAKE_HOST_MAGIC);
    struct thing *t;
    SLIST_FOREACH(t, &f->all, all) {
        struct host_tcp *tcp = (struct host_tcp *)t;
        if (t->step == step_tcp && tcp->peer.ip == ip && tcp->peer.port == port) {
            return (struct fake_link *)t;
        }
    }
    return NULL;
}

struct fake_link *fake_host_call(struct fake_host *f, const struct net_addr *from, uint16_t port) {
    CHECK_OBJ(f, FAKE_HOST_MAGIC);
    struct host_listener *l = find_listener(f, port);
    if (l == NULL) {
        return NULL;
    }
    struct host_tcp *t = new_tcp(f, from, port);
    t->is_connected = true;
    t->listener = l;
    kick(&t->thing);
    return (struct fake_link *)t;
}

void fake_host_occupy(struct fake_host *f, uint16_t port) {
    struct rule *r = add_rule(f);
    r->kind = RULE_OCCUPIED;
    r->port = port;
}

const uint8_t *fake_host_received(const struct fake_link *l, size_t *n) {
    *n = buf_len(&l->tcp.to_peer);
    return buf_data(&l->tcp.to_peer);
}

void fake_host_take(struct fake_link *l, size_t n) {
    must(n <= buf_len(&l->tcp.to_peer));
    buf_drop(&l->tcp.to_peer, n);
}

void fake_host_send(struct fake_link *l, const void *p, size_t n) {
    must(!l->tcp.has_ended);
    must(buf_put_all(&l->tcp.to_modem, p, n) == 0);
    kick(&l->tcp.thing);
}

size_t fake_host_unread(const struct fake_link *l) {
    return buf_len(&l->tcp.to_modem);
}

void fake_host_end(struct fake_link *l, int err) {
    l->tcp.has_ended = true;
    l->tcp.end_told = false; /* an error may follow a FIN */
    l->tcp.end_err = err;
    kick(&l->tcp.thing);
}

void fake_host_window(struct fake_link *l, size_t n) {
    l->tcp.window = n;
    kick(&l->tcp.thing);
}

void fake_host_hold_acks(struct fake_link *l, bool on) {
    l->tcp.holds_acks = on;
    if (!on) {
        l->tcp.acked = l->tcp.taken;
    }
}

enum fake_seen fake_host_seen(const struct fake_link *l) {
    return l->tcp.seen;
}

uint16_t fake_host_local_port(const struct fake_link *l) {
    return l->tcp.local_port;
}

bool fake_host_next_datagram(struct fake_host *f, struct fake_datagram *out) {
    CHECK_OBJ(f, FAKE_HOST_MAGIC);
    free(f->shown);
    f->shown = STAILQ_FIRST(&f->sent);
    if (f->shown == NULL) {
        return false;
    }
    STAILQ_REMOVE_HEAD(&f->sent, entry);
    *out = (struct fake_datagram){f->shown->port, f->shown->addr, f->shown->bytes, f->shown->n};
    return true;
}

bool fake_host_send_datagram(struct fake_host *f, const struct net_addr *from, uint16_t port,
                             const void *p, size_t n) {
    CHECK_OBJ(f, FAKE_HOST_MAGIC);
    struct thing *t;
    SLIST_FOREACH(t, &f->all, all) {
        struct host_udp *u = (struct host_udp *)t;
        if (t->step == step_udp && t->is_open && (port == 0 || u->port == port)) {
            struct packet *packet = new_packet(from, port, p, n);
            STAILQ_INSERT_TAIL(&u->in, packet, entry);
            kick(t);
            return true;
        }
    }
    return false;
}

void fake_host_add_name(struct fake_host *f, const char *name, uint32_t ip) {
    struct rule *r = add_rule(f);
    r->kind = RULE_NAME;
    r->name = xstrdup(name);
    r->ip = ip;
}

void fake_host_break_names(struct fake_host *f, int how) {
    f->names_broken = how;
}

unsigned fake_host_queries(const struct fake_host *f) {
    return f->queries;
}

void fake_host_add_ping(struct fake_host *f, uint32_t ip, int64_t rtt_us) {
    struct rule *r = add_rule(f);
    r->kind = RULE_PING;
    r->ip = ip;
    r->rtt_us = rtt_us;
}

void fake_host_forbid_ping(struct fake_host *f) {
    f->no_ping = true;
}
