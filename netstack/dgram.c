#include "netstack/dgram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/limits.h"
#include "base/obj.h"
#include "base/tap.h"
#include "netstack/bearer.h"
#include "netstack/dgram_air.h"
#include "netstack/ippkt.h"

/* In the queue a datagram is this and its bytes: the bound counts headers, as UDP does. */
struct head {
    uint32_t ip;
    uint16_t port, n;
};

struct net_dgram {
    uint32_t magic;
#define DGRAM_MAGIC 0x2d6f0b87u
    struct clk *clk;
    struct bearer *bearer;
    const struct host_ops *ops;
    struct bearer_user user;
    struct host_udp *udp; /* NULL: the bearer went down */
    const struct dgram_events *ev;
    void *ctx;
    uint16_t port; /* in packets for the tap */
    struct buf in;
    size_t taken;     /* bytes of the oldest datagram that are read already */
    size_t available; /* bytes of all datagrams, without `taken` */
    uint64_t sent, received, dropped;
    struct impair impair[IMPAIR_DIRECTIONS];
    struct dgram_air up, down;
    int send_error; /* of the newest datagram */
    struct clk_timer turn;
};

/* One that IP would have cut in pieces is shown whole. */
static void tap(const struct net_dgram *d, bool is_out, const struct net_addr *peer, const void *p,
                size_t n) {
    const struct net_addr own = {d->bearer->ip, d->port};
    uint8_t packet[IPPKT_HEAD + IPPKT_UDP_HEAD + LIMIT_DGRAM_SIZE];
    if (d->bearer->tap == NULL) {
        return;
    }
    size_t size =
        ippkt_make_udp(is_out ? &own : peer, is_out ? peer : &own, p, n, packet, sizeof packet);
    const struct tap_packet k = {
        .link = TAP_IP, .is_out = is_out, .p = packet, .n = size, .size = size};
    d->bearer->tap->packet(d->bearer->tap->ctx, &k);
}

static void on_arrived(void *ctx, const struct net_addr *from, const uint8_t *p, size_t n) {
    struct net_dgram *d;
    CAST_OBJ(d, ctx, DGRAM_MAGIC);
    tap(d, false, from, p, n);
    struct head head = {.ip = from->ip, .port = from->port, .n = (uint16_t)n};
    if (buf_room(&d->in) < sizeof head + n) {
        d->dropped++;
        return;
    }
    buf_put(&d->in, &head, sizeof head);
    buf_put(&d->in, p, n);
    d->available += n;
    d->received += n;
    d->ev->on_data(d->ctx);
}

static void on_datagram(void *ctx, const struct net_addr *from, const uint8_t *p, size_t n) {
    struct net_dgram *d;
    CAST_OBJ(d, ctx, DGRAM_MAGIC);
    bearer_touch(d->bearer);
    /* An empty one has nothing that could be shown. */
    if (n > 0) {
        dgram_air_put(&d->down, from, p, n < LIMIT_DGRAM_SIZE ? n : LIMIT_DGRAM_SIZE);
    }
}

/* A datagram leaves the air towards its peer. What the host says of it is nobody's to hear. */
static void on_leave(void *ctx, const struct net_addr *to, const uint8_t *p, size_t n) {
    struct net_dgram *d;
    CAST_OBJ(d, ctx, DGRAM_MAGIC);
    if (d->udp != NULL) {
        d->send_error = d->ops->udp_send(d->udp, to, p, n);
    }
}

static const struct host_udp_events udp_events = {.on_datagram = on_datagram};

static void close_host(struct net_dgram *d) {
    dgram_air_fini(&d->up);
    dgram_air_fini(&d->down);
    if (d->udp != NULL) {
        d->ops->udp_close(d->udp);
        d->udp = NULL;
    }
}

static void report_lost(void *ctx) {
    struct net_dgram *d;
    CAST_OBJ(d, ctx, DGRAM_MAGIC);
    d->ev->on_closed(d->ctx, NET_CLOSE_NETWORK);
}

static void on_down(struct bearer_user *u) {
    struct net_dgram *d;
    CAST_MEMBER(d, u, struct net_dgram, user, DGRAM_MAGIC);
    close_host(d);
    clk_start(d->clk, &d->turn, CLK_US(0), report_lost, d);
}

static void on_changed(struct bearer_user *u) {
    struct net_dgram *d;
    CAST_MEMBER(d, u, struct net_dgram, user, DGRAM_MAGIC);
    dgram_air_changed(&d->up);
    dgram_air_changed(&d->down);
}

int dgram_open(struct net_dgram **out, struct bearer *b, uint16_t local_port,
               const struct dgram_events *ev, void *ctx) {
    CHECK_OBJ(b, BEARER_MAGIC);
    if (!b->is_up) {
        return -ENETDOWN;
    }
    struct net_dgram *d = xmalloc(sizeof *d);
    d->clk = b->clk;
    d->bearer = b;
    d->ops = b->host.ops;
    d->user.down = on_down;
    d->user.changed = on_changed;
    d->ev = ev;
    d->ctx = ctx;
    d->up = (struct dgram_air){
        .bearer = b, .impair = d->impair, .dir = IMPAIR_UP, .deliver = on_leave, .ctx = d};
    d->down = (struct dgram_air){
        .bearer = b, .impair = d->impair, .dir = IMPAIR_DOWN, .deliver = on_arrived, .ctx = d};
    int err = d->ops->udp_open(b->host.host, local_port, &udp_events, d, &d->udp);
    if (err != 0) {
        free(d);
        return err;
    }
    OBJ_INIT(d, DGRAM_MAGIC);
    d->port = local_port != 0 ? local_port : bearer_tap_port(b);
    buf_init(&d->in, LIMIT_DGRAM_IN);
    bearer_attach(b, &d->user);
    d->ops->udp_read(d->udp, true);
    *out = d;
    return 0;
}

int dgram_send(struct net_dgram *d, const struct net_addr *to, const void *p, size_t n) {
    CHECK_OBJ(d, DGRAM_MAGIC);
    if (d->udp == NULL) {
        return -ENETDOWN;
    }
    d->send_error = 0;
    bearer_touch(d->bearer);
    tap(d, true, to, p, n);
    dgram_air_put(&d->up, to, p, n);
    if (d->send_error == 0) {
        d->sent += n;
    }
    return d->send_error;
}

struct impair *dgram_impair(struct net_dgram *d) {
    CHECK_OBJ(d, DGRAM_MAGIC);
    return d->impair;
}

void dgram_impair_changed(struct net_dgram *d) {
    CHECK_OBJ(d, DGRAM_MAGIC);
    on_changed(&d->user);
}

const uint8_t *dgram_peek(const struct net_dgram *d, struct net_addr *from, size_t *n) {
    CHECK_OBJ(d, DGRAM_MAGIC);
    *n = 0;
    if (d->available == 0) {
        return NULL;
    }
    const uint8_t *p = buf_data(&d->in);
    must(p != NULL);
    struct head head;
    memcpy(&head, p, sizeof head);
    *from = (struct net_addr){head.ip, head.port};
    *n = head.n - d->taken;
    return p + sizeof head + d->taken;
}

void dgram_consume(struct net_dgram *d, size_t n) {
    struct net_addr from;
    size_t left;
    dgram_peek(d, &from, &left);
    must(n <= left);
    d->taken += n;
    d->available -= n;
    if (n > 0 && n == left) {
        buf_drop(&d->in, sizeof(struct head) + d->taken);
        d->taken = 0;
    }
}

size_t dgram_available(const struct net_dgram *d) {
    CHECK_OBJ(d, DGRAM_MAGIC);
    return d->available;
}

uint64_t dgram_dropped(const struct net_dgram *d) {
    CHECK_OBJ(d, DGRAM_MAGIC);
    return d->dropped;
}

void dgram_counts(const struct net_dgram *d, uint64_t *sent, uint64_t *received) {
    CHECK_OBJ(d, DGRAM_MAGIC);
    *sent = d->sent;
    *received = d->received;
}

void dgram_free(struct net_dgram *d) {
    if (d == NULL) {
        return;
    }
    CHECK_OBJ(d, DGRAM_MAGIC);
    close_host(d);
    bearer_detach(&d->user);
    clk_stop(d->clk, &d->turn);
    buf_fini(&d->in);
    OBJ_FINI(d);
    free(d);
}
