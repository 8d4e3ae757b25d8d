#include "emulator/model/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bus.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/dgram.h"
#include "netstack/listener.h"
#include "netstack/resolve.h"

/* One AT+CIPSEND under way. */
struct send {
    bool is_active;
    bool wait_ack;
    bool is_lost; /* nothing is sent at all */
    uint8_t *data;
    size_t n, done;
    struct clk_timer timer;
};

struct link {
    uint32_t magic;
#define LINK_MAGIC 0x11d4ab30u
    struct sockets *sk;
    unsigned number;
    unsigned lives; /* so often it was freed */
    enum link_state state;
    enum net_proto proto;
    int server;
    struct net_addr peer;
    struct link_target target;
    void *tag;
    struct net_stream *stream;
    struct net_dgram *dgram;
    struct net_resolve *resolve;
    struct impair path[IMPAIR_DIRECTIONS]; /* to connect over */
    struct clk_timer wait;                 /* before the connect */
    struct send send;
};

struct server {
    uint32_t magic;
#define SERVER_MAGIC 0x5e47e400u
    struct sockets *sk;
    unsigned number;
    uint16_t port;
    struct server_links links;
    void *tag;
    struct net_listener *listener; /* NULL: stopped */
};

struct sockets {
    uint32_t magic;
#define SOCKETS_MAGIC 0x50cce75au
    struct bus *bus;
    struct bearer *bearer;
    struct clk *clk;
    bool is_open;
    bool is_lost;
    bool fin_when_dormant;
    void *tag; /* who opened the service */
    struct bearer_user user;
    struct clk_timer timer; /* the result of opening or closing */
    enum topic result;
    enum ip_err err;    /* with it */
    clk_dur open_delay; /* before it, by who was asked */
    struct link links[LIMIT_LINKS];
    struct server servers[LIMIT_SERVERS];
};

static struct link *link_of(void *ctx) {
    struct link *l;
    CAST_OBJ(l, ctx, LINK_MAGIC);
    return l;
}

static struct link *at(const struct sockets *sk, unsigned n) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    must(n < LIMIT_LINKS);
    return (struct link *)(uintptr_t)&sk->links[n];
}

static struct bus_verdict ask(const struct link *l, enum ask point, const struct net_addr *peer,
                              size_t bytes, struct impair *path) {
    struct link_asked what = {l->number, l->proto, *peer, bytes, path};
    return bus_ask(l->sk->bus, point, &what);
}

/* -- sending -- */

static void drop_send(struct link *l) {
    clk_stop(l->sk->clk, &l->send.timer);
    free(l->send.data);
    l->send = (struct send){0};
}

static void end_send(struct link *l, int confirmed) {
    const struct link_sent sent = {l->tag, l->number, l->send.n, confirmed};
    drop_send(l);
    bus_post(l->sk->bus, TOPIC_LINK_SENT, &sent);
}

static void on_send_timeout(void *ctx) {
    struct link *l = link_of(ctx);
    /* Waiting for the acknowledgement, what the stack has is not confirmed (V3.00 11.2.11). */
    end_send(l, l->send.wait_ack && l->send.done == l->send.n ? 0 : (int)l->send.done);
}

/* Hands on what fits. Returns whether the stack has all of it. */
static bool push_send(struct link *l) {
    struct send *s = &l->send;
    int took = stream_send(l->stream, s->data + s->done, s->n - s->done);
    s->done += took > 0 ? (size_t)took : 0;
    if (s->done == s->n && s->wait_ack) {
        stream_watch_ack(l->stream);
    }
    return s->done == s->n;
}

/* -- links -- */

static void free_link(struct link *l) {
    if (l->send.is_active) {
        end_send(l, -1);
    }
    stream_free(l->stream);
    dgram_free(l->dgram);
    resolve_cancel(l->resolve);
    clk_stop(l->sk->clk, &l->wait);
    l->stream = NULL;
    l->dgram = NULL;
    l->resolve = NULL;
    l->state = LINK_FREE;
    l->server = -1;
    l->peer = (struct net_addr){0};
    l->lives++;
}

static void post_link(struct link *l, enum topic topic, enum ip_err err) {
    const struct link_result r = {l->tag, l->number, err};
    bus_post(l->sk->bus, topic, &r);
}

static void post_opened(struct link *l, enum ip_err err) {
    post_link(l, TOPIC_LINK_OPENED, err);
}

/* Which error of the module a reason of the network is. Only the documented numbers exist;
 * which one a refused connect gives is not documented (guess). */
static enum ip_err err_of(int err) {
    switch (err) {
    case 0:
        return IP_OK;
    case -ETIMEDOUT:
        return IP_TIMEOUT;
    case -ENETDOWN:
        return IP_NOT_OPENED;
    case -EADDRINUSE:
        return IP_NOT_BOUND;
    default:
        return IP_NETWORK_FAILURE;
    }
}

static void on_stream_open(void *ctx, int err) {
    struct link *l = link_of(ctx);
    if (err == 0) {
        l->state = LINK_OPEN;
    } else {
        free_link(l);
    }
    post_opened(l, err_of(err));
}

static void on_data(void *ctx) {
    post_link(link_of(ctx), TOPIC_LINK_DATA, IP_OK);
}

static void on_stream_room(void *ctx) {
    struct link *l = link_of(ctx);
    if (!l->send.is_active) {
        post_link(l, TOPIC_LINK_ROOM, IP_OK);
        return;
    }
    if (l->send.is_lost) {
        return;
    }
    if (l->send.done < l->send.n && push_send(l) && !l->send.wait_ack) {
        end_send(l, (int)l->send.n);
    }
}

static void on_stream_acked(void *ctx) {
    struct link *l = link_of(ctx);
    if (l->send.is_active && l->send.wait_ack && l->send.done == l->send.n) {
        end_send(l, (int)l->send.n);
    }
}

static void on_closed(void *ctx, enum net_close why) {
    struct link *l = link_of(ctx);
    if (why == NET_CLOSE_NETWORK) {
        /* sockets_lost speaks for all of them (field F19). */
        return;
    }
    l->state = LINK_ENDED;
    if (l->send.is_active) {
        end_send(l, -1);
    }
    const struct link_closed closed = {l->tag, l->number, why};
    bus_post(l->sk->bus, TOPIC_LINK_CLOSED, &closed);
}

static const struct stream_events stream_events = {
    .on_open = on_stream_open,
    .on_data = on_data,
    .on_room = on_stream_room,
    .on_acked = on_stream_acked,
    .on_closed = on_closed,
};

static const struct dgram_events dgram_events = {.on_data = on_data, .on_closed = on_closed};

static int connect_now(struct link *l) {
    return stream_connect_over(&l->stream, l->sk->bearer, l->path, &l->peer, l->target.local_port,
                               l->number, l->target.timeout, &stream_events, l);
}

static void on_wait_over(void *ctx) {
    struct link *l = link_of(ctx);
    int rc = connect_now(l);
    if (rc != 0) {
        free_link(l);
        post_opened(l, err_of(rc));
    }
}

static int start_connect(struct link *l, uint32_t ip) {
    l->peer = (struct net_addr){ip, l->target.port};
    memset(l->path, 0, sizeof l->path);
    struct bus_verdict v = ask(l, ASK_NET_CONNECT, &l->peer, 0, l->path);
    l->path[IMPAIR_UP].refuse |= v.act == BUS_FAIL;
    l->path[IMPAIR_UP].black_hole |= v.act == BUS_DROP;
    if (v.delay.us == 0) {
        return connect_now(l);
    }
    clk_start(l->sk->clk, &l->wait, v.delay, on_wait_over, l);
    return 0;
}

static void on_resolved(void *ctx, int err, uint32_t ip) {
    struct link *l = link_of(ctx);
    l->resolve = NULL;
    int rc = err == 0 ? start_connect(l, ip) : 0;
    if (err != 0 || rc != 0) {
        free_link(l);
        post_opened(l, err != 0 ? IP_DNS_FAILED : err_of(rc));
    }
}

static enum ip_err begin_link(struct sockets *sk, unsigned n, enum net_proto proto, void *tag) {
    struct link *l = at(sk, n);
    if (!sk->is_open) {
        return IP_NOT_OPENED;
    }
    if (l->state == LINK_OPENING || l->state == LINK_OPEN) {
        return IP_NOT_SUPPORTED; /* field F07 */
    }
    free_link(l);
    l->proto = proto;
    l->tag = tag;
    return IP_OK;
}

enum ip_err link_connect(struct sockets *sk, unsigned n, const struct link_target *to, void *tag) {
    struct link *l = at(sk, n);
    enum ip_err e = begin_link(sk, n, NET_TCP, tag);
    if (e != IP_OK) {
        return e;
    }
    l->target = *to;
    uint32_t ip = 0;
    if (net_parse_ip(to->host, &ip) == 0) {
        int rc = start_connect(l, ip);
        if (rc != 0) {
            free_link(l);
            return err_of(rc);
        }
    } else {
        l->resolve = resolve_name(sk->bearer, to->host, to->dns_retries, on_resolved, l);
        if (l->resolve == NULL) {
            return IP_WRONG_PARAMETER;
        }
    }
    l->target.host = (struct sv){NULL, 0}; /* the caller's text ends with the call */
    l->state = LINK_OPENING;
    return IP_OK;
}

enum ip_err link_bind(struct sockets *sk, unsigned n, uint16_t local_port,
                      const struct net_addr *peer, void *tag) {
    struct link *l = at(sk, n);
    enum ip_err e = begin_link(sk, n, NET_UDP, tag);
    if (e != IP_OK) {
        return e;
    }
    int rc = dgram_open(&l->dgram, sk->bearer, local_port, &dgram_events, l);
    if (rc != 0) {
        return err_of(rc);
    }
    l->peer = peer != NULL ? *peer : (struct net_addr){0};
    l->state = LINK_OPEN;
    return IP_OK;
}

/* In dormancy a link is closed without a word to the peer (note 2.9). While something is
 * unacknowledged the service is not dormant. */
static bool is_forgotten(const struct link *l) {
    struct stream_counts counts;
    stream_counts(l->stream, &counts);
    return bearer_is_dormant(l->sk->bearer) && counts.acked == counts.sent &&
           !l->sk->fin_when_dormant;
}

enum ip_err link_close(struct sockets *sk, unsigned n) {
    struct link *l = at(sk, n);
    if (!sk->is_open) {
        return IP_NOT_OPENED;
    }
    if (l->state != LINK_OPENING && l->state != LINK_OPEN) {
        return IP_NOT_SUPPORTED; /* field F18 */
    }
    bool is_dropped = ask(l, ASK_NET_CLOSE, &l->peer, 0, NULL).act == BUS_DROP;
    if (l->stream != NULL && (is_dropped || is_forgotten(l))) {
        stream_forget(l->stream);
    }
    free_link(l);
    return IP_OK;
}

void link_release(struct sockets *sk, unsigned n) {
    if (at(sk, n)->state == LINK_ENDED) {
        free_link(at(sk, n));
    }
}

void sockets_set_fin_when_dormant(struct sockets *sk, bool on) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    sk->fin_when_dormant = on;
}

void link_info(const struct sockets *sk, unsigned n, struct link_info *out) {
    const struct link *l = at(sk, n);
    *out = (struct link_info){l->state, l->proto, l->server, l->peer, l->tag, l->lives};
}

bool link_is_sending(const struct sockets *sk, unsigned n) {
    return at(sk, n)->send.is_active;
}

/* Taken and lost: who waits for the acknowledgement waits in vain. */
static void lose_send(struct link *l, size_t len, bool wait_ack, clk_dur timeout, bool *is_done) {
    *is_done = !wait_ack || l->proto == NET_UDP;
    if (!*is_done) {
        l->send = (struct send){.is_active = true, .wait_ack = true, .is_lost = true, .n = len};
        clk_start(l->sk->clk, &l->send.timer, timeout, on_send_timeout, l);
    }
}

static void send_stream(struct link *l, const void *p, size_t len, bool wait_ack, clk_dur timeout,
                        bool *is_done) {
    l->send = (struct send){.is_active = true, .wait_ack = wait_ack, .n = len};
    l->send.data = xmalloc(len);
    memcpy(l->send.data, p, len);
    *is_done = push_send(l) && !wait_ack;
    if (*is_done) {
        drop_send(l);
    } else {
        clk_start(l->sk->clk, &l->send.timer, timeout, on_send_timeout, l);
    }
}

enum ip_err link_send(struct sockets *sk, unsigned n, const void *p, size_t len,
                      const struct net_addr *to, bool wait_ack, clk_dur timeout, bool *is_done) {
    struct link *l = at(sk, n);
    if (l->state != LINK_OPEN) {
        return IP_NOT_SUPPORTED;
    }
    if (l->send.is_active) {
        return IP_BUSY;
    }
    struct bus_verdict v = ask(l, ASK_NET_SEND, l->proto == NET_TCP ? &l->peer : to, len, NULL);
    if (v.act == BUS_FAIL) {
        return v.code != 0 ? (enum ip_err)v.code : IP_NETWORK_FAILURE;
    }
    if (v.act == BUS_DROP) {
        lose_send(l, len, wait_ack, timeout, is_done);
        return IP_OK;
    }
    if (l->proto == NET_TCP) {
        send_stream(l, p, len, wait_ack, timeout, is_done);
        return IP_OK;
    }
    /* A datagram is sent or lost; nobody is told of a loss. */
    int rc = dgram_send(l->dgram, to, p, len);
    if (rc != 0) {
        LOG(LOG_MODEL, LOG_INFO, "udp", "datagram to port %u not sent: %s", to->port,
            strerror(-rc));
    }
    *is_done = true;
    return IP_OK;
}

int link_end(struct sockets *sk, unsigned n, enum net_close why) {
    struct link *l = at(sk, n);
    return l->stream != NULL ? stream_end(l->stream, why) : -ENOTCONN;
}

static struct impair *path_of(const struct link *l) {
    if (l->state == LINK_ENDED) {
        return NULL;
    }
    if (l->stream != NULL) {
        return stream_impair(l->stream);
    }
    return l->dgram != NULL ? dgram_impair(l->dgram) : NULL;
}

int link_impair(struct sockets *sk, unsigned n, enum impair_direction dir,
                const struct impair *im) {
    struct link *l = at(sk, n);
    struct impair *path = path_of(l);
    if (path == NULL) {
        return -ENOTCONN;
    }
    path[dir] = *im;
    if (l->stream != NULL) {
        stream_impair_changed(l->stream);
    } else {
        dgram_impair_changed(l->dgram);
    }
    return 0;
}

const struct impair *link_impairments(const struct sockets *sk, unsigned n,
                                      enum impair_direction dir) {
    const struct impair *path = path_of(at(sk, n));
    return path != NULL ? &path[dir] : NULL;
}

size_t link_room(const struct sockets *sk, unsigned n) {
    const struct link *l = at(sk, n);
    if (l->state != LINK_OPEN) {
        return 0;
    }
    return l->proto == NET_TCP ? stream_room(l->stream) : LIMIT_STREAM_OUT;
}

void link_want_room(struct sockets *sk, unsigned n) {
    struct link *l = at(sk, n);
    if (l->stream != NULL) {
        stream_want_room(l->stream);
    }
}

size_t link_put(struct sockets *sk, unsigned n, const void *p, size_t len) {
    struct link *l = at(sk, n);
    if (l->state != LINK_OPEN || len == 0) {
        return 0;
    }
    if (ask(l, ASK_NET_SEND, &l->peer, len, NULL).act != BUS_GO) {
        return len;
    }
    if (l->proto == NET_TCP) {
        int took = stream_send(l->stream, p, len);
        return took > 0 ? (size_t)took : 0;
    }
    const uint8_t *bytes = p;
    for (size_t done = 0; done < len; done += LIMIT_PUSH) {
        size_t part = len - done < LIMIT_PUSH ? len - done : LIMIT_PUSH;
        dgram_send(l->dgram, &l->peer, bytes + done, part);
    }
    return len;
}

const uint8_t *link_peek(const struct sockets *sk, unsigned n, struct net_addr *from, size_t *len) {
    const struct link *l = at(sk, n);
    *len = 0;
    *from = l->peer;
    if (l->stream != NULL) {
        return stream_peek(l->stream, len);
    }
    return l->dgram != NULL ? dgram_peek(l->dgram, from, len) : NULL;
}

void link_consume(struct sockets *sk, unsigned n, size_t len) {
    struct link *l = at(sk, n);
    if (l->stream != NULL) {
        stream_consume(l->stream, len);
    } else if (l->dgram != NULL) {
        dgram_consume(l->dgram, len);
    }
}

size_t link_available(const struct sockets *sk, unsigned n) {
    const struct link *l = at(sk, n);
    if (l->stream != NULL) {
        return stream_available(l->stream);
    }
    return l->dgram != NULL ? dgram_available(l->dgram) : 0;
}

void link_counts(const struct sockets *sk, unsigned n, struct stream_counts *out) {
    const struct link *l = at(sk, n);
    *out = (struct stream_counts){0};
    if (l->stream != NULL) {
        stream_counts(l->stream, out);
    }
}

/* -- servers -- */

/* LIMIT_LINKS: none. A link that has ended is free again when all it received was read. */
static unsigned free_link_for(const struct server *sv) {
    unsigned end = sv->links.is_single ? sv->links.first + 1 : LIMIT_LINKS;
    for (unsigned n = sv->links.first; n < end; n++) {
        bool is_read = !sv->links.is_single && link_available(sv->sk, n) == 0;
        if (sv->sk->links[n].state == LINK_FREE ||
            (sv->sk->links[n].state == LINK_ENDED && is_read)) {
            return n;
        }
    }
    return LIMIT_LINKS;
}

static void on_accept(void *ctx, struct host_tcp *t, const struct net_addr *peer) {
    struct server *sv;
    CAST_OBJ(sv, ctx, SERVER_MAGIC);
    struct sockets *sk = sv->sk;
    unsigned n = free_link_for(sv);
    if (n == LIMIT_LINKS) {
        LOG(LOG_MODEL, LOG_INFO, "server", "caller refused: no free link");
        listener_refuse(sv->listener, t);
        return;
    }
    struct link *l = &sk->links[n];
    free_link(l);
    l->proto = NET_TCP;
    memset(l->path, 0, sizeof l->path);
    struct bus_verdict v = ask(l, ASK_NET_ACCEPT, peer, 0, l->path);
    if (v.act == BUS_FAIL || v.act == BUS_DROP) {
        (v.act == BUS_FAIL ? listener_refuse : listener_hang_up)(sv->listener, t);
        return;
    }
    l->tag = sv->tag;
    l->server = (int)sv->number;
    l->peer = *peer;
    l->state = LINK_OPEN;
    l->stream = stream_accept(sk->bearer, t, peer, sv->port, n, &stream_events, l);
    memcpy(stream_impair(l->stream), l->path, sizeof l->path);
    stream_impair_changed(l->stream);
    const struct link_accepted a = {l->tag, n, sv->number, *peer};
    bus_post(sk->bus, TOPIC_LINK_ACCEPTED, &a);
}

static void on_listener_closed(void *ctx) {
    struct server *sv;
    CAST_OBJ(sv, ctx, SERVER_MAGIC);
}

static const struct listener_events listener_events = {
    .on_accept = on_accept,
    .on_closed = on_listener_closed,
};

enum ip_err server_start(struct sockets *sk, unsigned i, uint16_t port, struct server_links links,
                         void *tag) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    must(i < LIMIT_SERVERS);
    if (!sk->is_open) {
        return IP_NOT_OPENED;
    }
    for (unsigned k = 0; k < LIMIT_SERVERS; k++) {
        if (sk->servers[k].listener != NULL && (k == i || sk->servers[k].port == port)) {
            return IP_LISTENING;
        }
    }
    struct server *sv = &sk->servers[i];
    sv->port = port;
    sv->links = links;
    sv->tag = tag;
    int rc = listener_open(&sv->listener, sk->bearer, port, &listener_events, sv);
    return err_of(rc);
}

enum ip_err server_stop(struct sockets *sk, unsigned i) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    must(i < LIMIT_SERVERS);
    if (!sk->is_open) {
        return IP_NOT_OPENED;
    }
    if (sk->servers[i].listener == NULL) {
        return IP_NOT_SUPPORTED;
    }
    listener_free(sk->servers[i].listener);
    sk->servers[i].listener = NULL;
    return IP_OK;
}

bool server_port(const struct sockets *sk, unsigned i, uint16_t *port) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    must(i < LIMIT_SERVERS);
    *port = sk->servers[i].port;
    return sk->servers[i].listener != NULL;
}

/* -- the service -- */

static void close_all(struct sockets *sk) {
    for (unsigned i = 0; i < LIMIT_SERVERS; i++) {
        listener_free(sk->servers[i].listener);
        sk->servers[i].listener = NULL;
    }
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        bool was_opening = sk->links[n].state == LINK_OPENING;
        free_link(&sk->links[n]);
        if (was_opening) {
            post_opened(&sk->links[n], IP_NETWORK_FAILURE);
        }
    }
    bearer_detach(&sk->user);
    sk->is_open = false;
}

static void sockets_lost(struct bearer_user *user) {
    struct sockets *sk;
    CAST_MEMBER(sk, user, struct sockets, user, SOCKETS_MAGIC);
    bool is_opening = !sk->is_open;
    close_all(sk);
    clk_stop(sk->clk, &sk->timer);
    sk->is_lost = true;
    const struct net_result r = {sk->tag, IP_NETWORK_FAILURE};
    bus_post(sk->bus, is_opening ? TOPIC_NET_OPENED : TOPIC_NET_LOST, &r);
}

static void on_result(void *ctx) {
    struct sockets *sk;
    CAST_OBJ(sk, ctx, SOCKETS_MAGIC);
    const struct net_result r = {sk->tag, sk->err};
    sk->is_open = sk->result == TOPIC_NET_OPENED && sk->err == IP_OK;
    if (!sk->is_open) {
        bearer_detach(&sk->user);
    }
    bus_post(sk->bus, sk->result, &r);
}

static void result_after(struct sockets *sk, enum topic result, enum ip_err err, clk_dur wait) {
    sk->result = result;
    sk->err = err;
    clk_start(sk->clk, &sk->timer, wait, on_result, sk);
}

static void sockets_opened(struct bearer_user *user) {
    struct sockets *sk;
    CAST_MEMBER(sk, user, struct sockets, user, SOCKETS_MAGIC);
    result_after(sk, TOPIC_NET_OPENED, IP_OK, sk->open_delay);
}

struct sockets *sockets_new(struct bus *bus, struct bearer *bearer) {
    struct sockets *sk = xmalloc(sizeof *sk);
    OBJ_INIT(sk, SOCKETS_MAGIC);
    sk->bus = bus;
    sk->bearer = bearer;
    sk->clk = bearer->clk;
    sk->user.down = sockets_lost;
    sk->user.opened = sockets_opened;
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        OBJ_INIT(&sk->links[n], LINK_MAGIC);
        sk->links[n].sk = sk;
        sk->links[n].number = n;
        sk->links[n].server = -1;
    }
    for (unsigned i = 0; i < LIMIT_SERVERS; i++) {
        OBJ_INIT(&sk->servers[i], SERVER_MAGIC);
        sk->servers[i].sk = sk;
        sk->servers[i].number = i;
    }
    return sk;
}

void sockets_free(struct sockets *sk) {
    if (sk == NULL) {
        return;
    }
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    clk_stop(sk->clk, &sk->timer);
    close_all(sk);
    OBJ_FINI(sk);
    free(sk);
}

/* What was decided before anything is done. Returns whether the service is opened all the same. */
static bool may_open(struct sockets *sk, clk_dur timeout, const struct bus_verdict *context) {
    struct net_result what = {sk->tag, IP_OK};
    struct bus_verdict v = *context;
    sk->open_delay = v.delay;
    if (v.act == BUS_FAIL) {
        result_after(sk, TOPIC_NET_OPENED, IP_NETWORK_FAILURE, v.delay);
        return false;
    }
    if (v.act == BUS_DROP) {
        result_after(sk, TOPIC_NET_OPENED, IP_TIMEOUT, timeout);
        return false;
    }
    v = bus_ask(sk->bus, ASK_NET_OPEN, &what);
    sk->open_delay.us += v.delay.us;
    if (v.act == BUS_FAIL) {
        enum ip_err err = v.code != 0 ? (enum ip_err)v.code : IP_NETWORK_FAILURE;
        result_after(sk, TOPIC_NET_OPENED, err, sk->open_delay);
    }
    return v.act != BUS_FAIL && v.act != BUS_DROP;
}

enum ip_err sockets_open(struct sockets *sk, clk_dur timeout, const struct bus_verdict *context,
                         void *tag) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    if (sk->is_open) {
        return IP_SOCKETS_OPENED;
    }
    bool is_refused = context->act == BUS_FAIL || context->act == BUS_DROP;
    if (!is_refused && !bearer_is_there(sk->bearer)) {
        return IP_NETWORK_FAILURE;
    }
    if (clk_pending(&sk->timer)) {
        return IP_BUSY;
    }
    sk->tag = tag;
    sk->is_lost = false;
    if (!may_open(sk, timeout, context)) {
        return IP_OK;
    }
    bearer_attach(sk->bearer, &sk->user);
    if (sk->bearer->is_up) {
        result_after(sk, TOPIC_NET_OPENED, IP_OK, sk->open_delay);
    } else {
        result_after(sk, TOPIC_NET_OPENED, IP_TIMEOUT, timeout);
    }
    return IP_OK;
}

enum ip_err sockets_close(struct sockets *sk, void *tag) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    if (!sk->is_open) {
        return IP_NOT_OPENED;
    }
    sk->tag = tag;
    close_all(sk);
    result_after(sk, TOPIC_NET_CLOSED, IP_OK, CLK_US(0));
    return IP_OK;
}

void sockets_forget(struct sockets *sk) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    clk_stop(sk->clk, &sk->timer);
    close_all(sk);
    sk->is_lost = false;
}

void sockets_hand_over(struct sockets *sk, void *from, void *to) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    if (sk->tag == from) {
        sk->tag = to;
    }
    for (size_t i = 0; i < LIMIT_LINKS; i++) {
        if (sk->links[i].tag == from) {
            sk->links[i].tag = to;
        }
    }
    for (size_t i = 0; i < LIMIT_SERVERS; i++) {
        if (sk->servers[i].tag == from) {
            sk->servers[i].tag = to;
        }
    }
}

bool sockets_is_open(const struct sockets *sk) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    return sk->is_open;
}

bool sockets_was_lost(const struct sockets *sk) {
    CHECK_OBJ(sk, SOCKETS_MAGIC);
    return sk->is_lost;
}
