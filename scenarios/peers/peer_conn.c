#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "netstack/sockinfo.h"
#include "scenarios/peers/peers_priv.h"

enum { DRAIN_READS = 512 }; /* more than the kernel holds for one socket */

struct output {
    uv_write_t req;
    char bytes[];
};

/* -- the end -- */

static void on_closed(uv_handle_t *handle) {
    struct peer_conn *c;
    CAST_OBJ(c, handle->data, PEER_CONN_MAGIC);
    struct peer *peer = c->peer;
    peer_run_fini(c);
    OBJ_FINI(c);
    free(c);
    peer_drop_handle(peer);
}

bool peer_conn_is_gone(const struct peer_conn *c) {
    return uv_is_closing((const uv_handle_t *)&c->tcp) != 0;
}

static void drop(struct peer_conn *c) {
    if (peer_conn_is_gone(c)) {
        return;
    }
    struct peer *peer = c->peer;
    peer_run_stop(c);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        peer->conns = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    if (peer->counted == c) {
        peer->counted = NULL;
    }
    peer->peers->connections--;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void tell_end(const struct peer_conn *c, int err) {
    const struct peers *p = c->peer->peers;
    if (!c->is_leaving && p->events != NULL && p->events->on_end != NULL) {
        p->events->on_end(p->ctx, c->peer, err);
    }
}

static void lose(struct peer_conn *c, int err) {
    LOG(LOG_PEER, LOG_DEBUG, c->peer->name, "connection lost: %s", uv_strerror(err));
    tell_end(c, err == -EPIPE ? -ECONNRESET : err);
    drop(c);
}

/* As uv_tcp_close_reset, which refuses while a FIN waits behind what is queued. */
void peer_conn_reset(struct peer_conn *c) {
    struct linger none = {.l_onoff = 1};
    uv_os_fd_t fd = -1;
    if (!peer_conn_is_gone(c) && uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    drop(c);
}

/* A socket that is closed with unread bytes sends RST, and the other side may never see the FIN. */
static void drain(struct peer_conn *c) {
    uv_os_fd_t fd = -1;
    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0) {
        char *bin = c->peer->peers->bin;
        for (int i = 0; i < DRAIN_READS && recv(fd, bin, PEER_READ_SIZE, MSG_DONTWAIT) > 0; i++) {
        }
    }
}

static void leave_if_over(struct peer_conn *c) {
    if (c->is_fin_out && c->is_leaving) {
        drain(c);
        drop(c);
    }
}

static void on_shutdown(uv_shutdown_t *req, int status) {
    struct peer_conn *c;
    CAST_OBJ(c, req->data, PEER_CONN_MAGIC);
    if (peer_conn_is_gone(c)) {
        return;
    }
    if (status < 0) {
        lose(c, status);
        return;
    }
    c->is_fin_out = true;
    leave_if_over(c);
}

void peer_conn_half_close(struct peer_conn *c) {
    if (c->has_fin || peer_conn_is_gone(c)) {
        return;
    }
    c->has_fin = true;
    c->shutdown.data = c;
    if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0) {
        drop(c);
    }
}

void peer_conn_close(struct peer_conn *c) {
    peer_run_stop(c);
    c->is_leaving = true;
    peer_conn_half_close(c);
    peer_conn_update(c);
    leave_if_over(c);
}

/* -- sending -- */

/* Behind our FIN there is always room: it goes nowhere. */
size_t peer_conn_room(const struct peer_conn *c) {
    if (peer_conn_is_gone(c)) {
        return 0;
    }
    size_t queued = uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
    return c->has_fin ? PEERS_QUEUE_MAX : queued >= PEERS_QUEUE_MAX ? 0 : PEERS_QUEUE_MAX - queued;
}

static void on_written(uv_write_t *req, int status) {
    struct peer_conn *c;
    CAST_OBJ(c, req->handle->data, PEER_CONN_MAGIC);
    free(req->data);
    c->writes--;
    if (peer_conn_is_gone(c)) {
        return;
    }
    if (status < 0) {
        lose(c, status);
        return;
    }
    peer_run(c);
}

void peer_conn_send(struct peer_conn *c, const void *p, size_t n) {
    if (c->has_fin || peer_conn_is_gone(c)) {
        return;
    }
    struct output *out = xmalloc(sizeof *out + n);
    memcpy(out->bytes, p, n);
    out->req.data = out;
    uv_buf_t buf = uv_buf_init(out->bytes, (unsigned)n);
    if (uv_write(&out->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0) {
        free(out);
        drop(c);
        return;
    }
    c->writes++;
}

/* -- reading -- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    struct peer_conn *c;
    CAST_OBJ(c, handle->data, PEER_CONN_MAGIC);
    (void)suggested;
    *buf = uv_buf_init(c->peer->peers->bin, PEER_READ_SIZE);
}

static void take_bytes(struct peer_conn *c, const uint8_t *p, size_t n) {
    struct peer *peer = c->peer;
    if (c == peer->counted) {
        peer_count(peer, p, n);
    }
    const struct peers *peers = peer->peers;
    if (peers->events != NULL && peers->events->on_bytes != NULL) {
        peers->events->on_bytes(peers->ctx, peer, p, n);
    }
    if (!peer_conn_is_gone(c)) {
        peer_run_bytes(c, p, n);
    }
}

static int fd_of(const struct peer_conn *c) {
    uv_os_fd_t fd = -1;
    return uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0 ? fd : -1;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    struct peer_conn *c;
    CAST_OBJ(c, stream->data, PEER_CONN_MAGIC);
    if (n > 0) {
        take_bytes(c, (const uint8_t *)buf->base, (size_t)n);
        return;
    }
    int err = n == UV_EOF ? sockinfo_error(fd_of(c)) : (int)n;
    if (err != 0) {
        lose(c, err);
    } else if (n == UV_EOF) {
        c->is_ended = true;
        peer_conn_update(c);
        tell_end(c, 0);
        if (!peer_conn_is_gone(c)) {
            peer_run(c);
        }
    }
}

void peer_conn_update(struct peer_conn *c) {
    bool wanted = c->is_open && !c->is_ended && peer_run_takes_more(c);
    if (wanted == c->is_reading || peer_conn_is_gone(c)) {
        return;
    }
    c->is_reading = wanted;
    if (!wanted) {
        uv_read_stop((uv_stream_t *)&c->tcp);
    } else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) {
        drop(c);
    }
}

/* -- the beginning -- */

static struct peer_conn *new_conn(struct peer *peer) {
    struct peer_conn *c = xmalloc(sizeof *c);
    OBJ_INIT(c, PEER_CONN_MAGIC);
    c->peer = peer;
    must(uv_tcp_init(peer->peers->loop, &c->tcp) == 0);
    c->tcp.data = c;
    peer->handles++;
    peer->peers->connections++;
    c->next = peer->conns;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    peer->conns = c;
    peer_run_init(c);
    return c;
}

static void begin(struct peer_conn *c) {
    struct peer *peer = c->peer;
    const struct peers *p = peer->peers;
    c->is_open = true;
    peer->counted = c;
    peer->received = 0;
    peer->crc = 0;
    /* Answers in many small pieces must not wait for each other's acknowledgement. */
    uv_tcp_nodelay(&c->tcp, 1);
    if (p->events != NULL && p->events->on_connect != NULL) {
        p->events->on_connect(p->ctx, peer);
    }
    peer_run(c);
}

/* Who does not read is not told that the other side has gone. */
static bool is_deserted(const struct peer_conn *c) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    return c->is_ended ||
           (c->is_open && getsockopt(fd_of(c), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
            (info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_CLOSE));
}

/* Scripts that wait or stall may outlive the other side; that ends where room is needed. */
static void sweep(struct peers *p) {
    for (struct peer *peer = p->list; peer != NULL; peer = peer->next) {
        struct peer_conn *next = NULL;
        for (struct peer_conn *c = peer->conns; c != NULL; c = next) {
            next = c->next;
            if (is_deserted(c)) {
                peer_conn_reset(c);
            }
        }
    }
}

void peer_conn_accept(struct peer *peer, uv_stream_t *listener) {
    struct peers *p = peer->peers;
    if (p->connections >= LIMIT_PEER_CONNECTIONS) {
        sweep(p);
    }
    struct peer_conn *c = new_conn(peer);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        drop(c);
    } else if (p->connections > LIMIT_PEER_CONNECTIONS) {
        p->refused++;
        LOG(LOG_PEER, LOG_WARN, peer->name, "connection reset: %d are all there can be",
            LIMIT_PEER_CONNECTIONS);
        peer_conn_reset(c);
    } else {
        begin(c);
    }
}

static void on_connected(uv_connect_t *req, int status) {
    struct peer_conn *c;
    CAST_OBJ(c, req->data, PEER_CONN_MAGIC);
    if (peer_conn_is_gone(c)) {
        return;
    }
    if (status < 0) {
        lose(c, status);
        return;
    }
    begin(c);
}

int peer_conn_call(struct peer *peer, const struct sockaddr *to, const struct sockaddr *from) {
    if (peer->peers->connections >= LIMIT_PEER_CONNECTIONS) {
        return -ENOBUFS;
    }
    struct peer_conn *c = new_conn(peer);
    c->connect.data = c;
    int err = from != NULL ? uv_tcp_bind(&c->tcp, from, 0) : 0;
    if (err == 0) {
        err = uv_tcp_connect(&c->connect, &c->tcp, to, on_connected);
    }
    if (err != 0) {
        drop(c);
    }
    return err;
}

struct peer_conn *peer_conn_newest(const struct peer *peer) {
    struct peer_conn *c = peer->conns;
    while (c != NULL && (!c->is_open || c->is_leaving)) {
        c = c->next;
    }
    return c;
}
