/* TCP of host_uv: links in both directions and listening sockets. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "netstack/host_uv_priv.h"
#include "netstack/sockinfo.h"

enum {
    PENDING_MAX = 16384, /* copied when the kernel takes no more: its room is then reported */
    LINGER_S = 120,      /* for these to be taken after the close */
    BACKLOG = 8,
    UNSENT_MAX = 16384,   /* bytes the host takes that the peer's window has no room for */
    HOST_GHOSTS_MAX = 64, /* forgotten links whose peers do not know; a further one is reset */
};

struct host_tcp {
    uint32_t magic;
#define HOST_TCP_MAGIC 0x48e7c163u
    struct host_uv *h;
    LIST_ENTRY(host_tcp) entry;
    uv_tcp_t handle;
    uv_connect_t connect;
    uv_write_t write;
    const struct host_tcp_events *ev; /* NULL: nobody's yet, or no longer */
    void *ctx;
    char *pending; /* what `write` is about; NULL: nothing under way */
    bool is_caller, is_connected, is_reading, is_closing;
    bool wants_room; /* the last tcp_write was short */
    bool has_ended;  /* on_end was called */
    bool is_ghost;   /* forgotten by its user */
    int err;         /* of a write: the read that follows would show a plain end */
    struct clk_timer timer;
};

struct host_listener {
    uint32_t magic;
#define HOST_LISTENER_MAGIC 0x25a01bd9u
    struct host_uv *h;
    LIST_ENTRY(host_listener) entry;
    uv_tcp_t handle;
    host_accept_fn *cb;
    void *ctx;
};

static int fd_of(const struct host_tcp *t) {
    uv_os_fd_t fd = -1;
    return uv_fileno((const uv_handle_t *)&t->handle, &fd) == 0 ? fd : -1;
}

/* Life and death of a link. */

static struct host_tcp *new_tcp(struct host_uv *h) {
    struct host_tcp *t = xmalloc(sizeof *t);
    OBJ_INIT(t, HOST_TCP_MAGIC);
    t->h = h;
    must(uv_tcp_init(h->loop, &t->handle) == 0);
    t->handle.data = t;
    host_uv_handle_opened(h);
    LIST_INSERT_HEAD(&h->tcps, t, entry);
    return t;
}

static void on_closed(uv_handle_t *handle) {
    struct host_tcp *t;
    CAST_OBJ(t, handle->data, HOST_TCP_MAGIC);
    struct host_uv *h = t->h;
    OBJ_FINI(t);
    free(t->pending);
    free(t);
    host_uv_handle_closed(h);
}

static void end_handle(struct host_tcp *t, bool by_reset) {
    if (t->is_closing) {
        return;
    }
    t->ev = NULL;
    t->is_closing = true;
    clk_stop(t->h->clk, &t->timer);
    t->h->nghosts -= t->is_ghost ? 1 : 0;
    LIST_REMOVE(t, entry);
    if (!by_reset || uv_tcp_close_reset(&t->handle, on_closed) != 0) {
        uv_close((uv_handle_t *)&t->handle, on_closed);
    }
}

static void on_linger_over(void *ctx) {
    struct host_tcp *t;
    CAST_OBJ(t, ctx, HOST_TCP_MAGIC);
    end_handle(t, true);
}

void host_tcp_close(struct host_tcp *t) {
    CHECK_OBJ(t, HOST_TCP_MAGIC);
    t->ev = NULL;
    uv_read_stop((uv_stream_t *)&t->handle);
    if (t->pending != NULL && t->err == 0) {
        /* The rest is the kernel's first; on_write closes. */
        clk_start(t->h->clk, &t->timer, CLK_S(LINGER_S), on_linger_over, t);
        return;
    }
    if (t->is_connected) {
        sockinfo_discard_input(fd_of(t));
    }
    end_handle(t, false);
}

void host_tcp_reset(struct host_tcp *t) {
    CHECK_OBJ(t, HOST_TCP_MAGIC);
    end_handle(t, t->is_connected);
}

/* Connecting. */

static void on_connect(uv_connect_t *req, int status) {
    struct host_tcp *t;
    CAST_OBJ(t, req->data, HOST_TCP_MAGIC);
    if (t->ev == NULL) {
        return;
    }
    t->is_connected = status == 0;
    t->ev->on_connect(t->ctx, status);
}

/* No delays that the module does not make; and what the peer's window does not let through waits
 * with the module, which tells the driver of it, and not in megabytes of the host. */
static void set_up(const struct host_tcp *t) {
    int unsent = UNSENT_MAX;
    uv_tcp_nodelay((uv_tcp_t *)&t->handle, 1);
    setsockopt(fd_of(t), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

/* A socket of our own, because libuv tells of a failed bind only when it is too late. */
static int bound_socket(int family, uint16_t local_port) {
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || local_port == 0) {
        return fd < 0 ? -errno : fd;
    }
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(local_port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(local_port)};
    int rc = family == AF_INET6 ? bind(fd, (struct sockaddr *)&in6, sizeof in6)
                                : bind(fd, (struct sockaddr *)&in4, sizeof in4);
    if (rc != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

static int connect_from(struct host_uv *h, const struct sockaddr_storage *to, uint16_t local_port,
                        struct host_tcp **out) {
    int fd = bound_socket(to->ss_family, local_port);
    if (fd < 0) {
        return fd;
    }
    struct host_tcp *t = new_tcp(h);
    t->is_caller = true;
    must(uv_tcp_open(&t->handle, fd) == 0);
    set_up(t);
    t->connect.data = t;
    int err = uv_tcp_connect(&t->connect, &t->handle, (const struct sockaddr *)to, on_connect);
    if (err != 0) {
        end_handle(t, false);
        return err;
    }
    *out = t;
    return 0;
}

int host_tcp_connect(void *host, const struct net_addr *to, uint16_t local_port,
                     const struct host_tcp_events *ev, void *ctx, struct host_tcp **out) {
    struct host_uv *h;
    CAST_OBJ(h, host, HOST_UV_MAGIC);
    struct sockaddr_storage addr;
    route_to_host(h->route, to, &addr);
    int err = connect_from(h, &addr, local_port, out);
    if (err != 0 && local_port != 0) {
        /* The modem's port is free, only the host's is not (or is a privileged one). */
        LOG(LOG_NET, LOG_INFO, "tcp", "host port %u: %s; using another", local_port,
            uv_strerror(err));
        err = connect_from(h, &addr, 0, out);
    }
    if (err == 0) {
        host_tcp_adopt(*out, ev, ctx);
    }
    return err;
}

void host_tcp_adopt(struct host_tcp *t, const struct host_tcp_events *ev, void *ctx) {
    CHECK_OBJ(t, HOST_TCP_MAGIC);
    must(t->ev == NULL && !t->is_closing);
    t->ev = ev;
    t->ctx = ctx;
}

/* Data. */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    struct host_tcp *t;
    CAST_OBJ(t, handle->data, HOST_TCP_MAGIC);
    *buf = host_uv_read_buf(t->h, HOST_READ_MAX);
}

static void tell_end(struct host_tcp *t, int err) {
    t->has_ended = true;
    uv_read_stop((uv_stream_t *)&t->handle);
    t->ev->on_end(t->ctx, err);
}

/* Behind the last bytes. */
static int end_of(const struct host_tcp *t, int err) {
    if (err != UV_EOF) {
        return err;
    }
    return t->err != 0 ? t->err : sockinfo_error(fd_of(t));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
    struct host_tcp *t;
    CAST_OBJ(t, stream->data, HOST_TCP_MAGIC);
    if (t->ev == NULL) {
        if (nread != 0) {
            end_handle(t, nread > 0);
        }
    } else if (nread > 0) {
        t->ev->on_data(t->ctx, (const uint8_t *)buf->base, (size_t)nread);
    } else if (nread < 0) {
        tell_end(t, end_of(t, (int)nread));
    }
}

static void on_failed(void *ctx) {
    struct host_tcp *t;
    CAST_OBJ(t, ctx, HOST_TCP_MAGIC);
    if (!t->has_ended) {
        tell_end(t, t->err);
    }
}

void host_tcp_read(struct host_tcp *t, bool on) {
    CHECK_OBJ(t, HOST_TCP_MAGIC);
    t->is_reading = on;
    if (!on) {
        uv_read_stop((uv_stream_t *)&t->handle);
    } else if (!t->has_ended) {
        uv_read_start((uv_stream_t *)&t->handle, on_alloc, on_read);
    }
}

/* A write has failed: the link is broken. Who reads gets what arrived before, then the end. */
static void fail(struct host_tcp *t, int err) {
    t->err = err == UV_EPIPE ? -ECONNRESET : err;
    if (!t->is_reading) {
        clk_start(t->h->clk, &t->timer, CLK_US(0), on_failed, t);
    }
}

static void on_write(uv_write_t *req, int status) {
    struct host_tcp *t;
    CAST_OBJ(t, req->data, HOST_TCP_MAGIC);
    free(t->pending);
    t->pending = NULL;
    if (t->is_closing) {
        return;
    }
    if (t->ev == NULL) {
        sockinfo_discard_input(fd_of(t));
        end_handle(t, false);
        return;
    }
    if (status != 0) {
        fail(t, status);
    } else if (t->wants_room) {
        t->wants_room = false;
        t->ev->on_writable(t->ctx);
    }
}

/* libuv tells that a socket is writable only by finishing a write, so there is one to finish. */
static size_t write_pending(struct host_tcp *t, const char *p, size_t n) {
    if (n > PENDING_MAX) {
        n = PENDING_MAX;
    }
    t->pending = xmalloc(n);
    memcpy(t->pending, p, n);
    t->write.data = t;
    uv_buf_t buf = uv_buf_init(t->pending, (unsigned)n);
    must(uv_write(&t->write, (uv_stream_t *)&t->handle, &buf, 1, on_write) == 0);
    return n;
}

int host_tcp_write(struct host_tcp *t, const void *p, size_t n) {
    CHECK_OBJ(t, HOST_TCP_MAGIC);
    if (!t->is_connected || t->err != 0) {
        return -EPIPE;
    }
    if (t->pending != NULL) {
        t->wants_room = true;
        return 0;
    }
    uv_buf_t buf = {.base = (char *)(uintptr_t)p, .len = n};
    int done = uv_try_write((uv_stream_t *)&t->handle, &buf, 1);
    if (done < 0 && done != UV_EAGAIN) {
        fail(t, done);
        return -EPIPE;
    }
    size_t taken = done > 0 ? (size_t)done : 0;
    if (taken < n) {
        taken += write_pending(t, (const char *)p + taken, n - taken);
        t->wants_room = taken < n;
    }
    return (int)taken;
}

/* A socket of the host cannot vanish: it stays as a ghost until the peer speaks. */
void host_tcp_forget(struct host_tcp *t) {
    CHECK_OBJ(t, HOST_TCP_MAGIC);
    t->ev = NULL;
    if (!t->is_connected || t->has_ended || t->h->nghosts == HOST_GHOSTS_MAX) {
        end_handle(t, t->is_connected);
        return;
    }
    t->is_ghost = true;
    t->h->nghosts++;
    uv_read_start((uv_stream_t *)&t->handle, on_alloc, on_read);
}

bool host_tcp_in_flight(const struct host_tcp *t) {
    CHECK_OBJ(t, HOST_TCP_MAGIC);
    return t->is_connected && sockinfo_in_flight(fd_of(t)) > 0;
}

uint64_t host_tcp_acked(const struct host_tcp *t) {
    CHECK_OBJ(t, HOST_TCP_MAGIC);
    return t->is_connected ? sockinfo_acked(fd_of(t), t->is_caller) : 0;
}

/* Listening. */

static void on_listener_closed(uv_handle_t *handle) {
    struct host_listener *l;
    CAST_OBJ(l, handle->data, HOST_LISTENER_MAGIC);
    struct host_uv *h = l->h;
    OBJ_FINI(l);
    free(l);
    host_uv_handle_closed(h);
}

void host_tcp_listen_close(struct host_listener *l) {
    CHECK_OBJ(l, HOST_LISTENER_MAGIC);
    l->cb = NULL;
    LIST_REMOVE(l, entry);
    uv_close((uv_handle_t *)&l->handle, on_listener_closed);
}

static void on_connection(uv_stream_t *server, int status) {
    struct host_listener *l;
    CAST_OBJ(l, server->data, HOST_LISTENER_MAGIC);
    if (status != 0 || l->cb == NULL) {
        return;
    }
    struct host_tcp *t = new_tcp(l->h);
    struct sockaddr_storage from;
    int size = sizeof from;
    if (uv_accept(server, (uv_stream_t *)&t->handle) != 0 ||
        uv_tcp_getpeername(&t->handle, (struct sockaddr *)&from, &size) != 0) {
        end_handle(t, false);
        return;
    }
    set_up(t);
    t->is_connected = true;
    struct net_addr peer;
    route_from_host(l->h->route, (const struct sockaddr *)&from, &peer);
    l->cb(l->ctx, t, &peer);
}

int host_tcp_listen(void *host, uint16_t port, host_accept_fn *cb, void *ctx,
                    struct host_listener **out) {
    struct host_uv *h;
    CAST_OBJ(h, host, HOST_UV_MAGIC);
    struct sockaddr_storage at;
    route_listen(h->route, port, &at);
    struct host_listener *l = xmalloc(sizeof *l);
    OBJ_INIT(l, HOST_LISTENER_MAGIC);
    l->h = h;
    l->cb = cb;
    l->ctx = ctx;
    must(uv_tcp_init(h->loop, &l->handle) == 0);
    l->handle.data = l;
    host_uv_handle_opened(h);
    LIST_INSERT_HEAD(&h->listeners, l, entry);
    int err = uv_tcp_bind(&l->handle, (const struct sockaddr *)&at, 0);
    if (err == 0) {
        err = uv_listen((uv_stream_t *)&l->handle, BACKLOG, on_connection);
    }
    if (err != 0) {
        host_tcp_listen_close(l);
        return err;
    }
    *out = l;
    return 0;
}

void host_tcp_close_all(struct host_uv *h) {
    while (!LIST_EMPTY(&h->listeners)) {
        host_tcp_listen_close(LIST_FIRST(&h->listeners));
    }
    while (!LIST_EMPTY(&h->tcps)) {
        end_handle(LIST_FIRST(&h->tcps), false);
    }
}
