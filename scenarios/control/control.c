#include "scenarios/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "scenarios/control/control_rpc.h"

enum {
    BACKLOG = 128,
    NOT_OWNER = 0177, /* the umask that leaves 0600 */
};

struct client {
    uint32_t magic;
#define CLIENT_MAGIC 0x18f3c6a5u
    struct control *control;
    struct client *prev, *next;
    struct control_rpc rpc;
    uv_pipe_t pipe;
    uv_shutdown_t shutdown;
    bool is_reading;
    bool has_ended; /* it sends no more, but may take answers */
    bool is_leaving;
};

struct control {
    uint32_t magic;
#define CONTROL_MAGIC 0xe2509b74u
    uv_loop_t *loop;
    const struct control_method *methods;
    void *ctx;
    uv_pipe_t pipe;
    char *path;
    dev_t dev; /* the file that is ours, whatever lies at the path later */
    ino_t ino;
    struct client *clients;
    size_t client_count;
    size_t handles; /* not yet closed; the last one frees */
    bool is_closing;
    struct clk *clk; /* the host's, while the last output leaves; NULL: nobody waits for any */
    struct clk_timer late;
    bool is_subscribed; /* as was told last */
    void (*on_subscribed)(void *ctx, bool any);
    char bin[CONTROL_RPC_CHUNK];
};

struct output {
    uv_write_t req;
    size_t n;
    char bytes[];
};

/* -- who listens -- */

static void tell_subscribed(struct control *c) {
    bool any = false;
    for (const struct client *k = c->clients; k != NULL; k = k->next) {
        any |= k->rpc.topic_count > 0;
    }
    if (any != c->is_subscribed && c->on_subscribed != NULL && !c->is_closing) {
        c->is_subscribed = any;
        c->on_subscribed(c->ctx, any);
    }
}

void control_on_subscribed(struct control *c, void (*cb)(void *ctx, bool any)) {
    CHECK_OBJ(c, CONTROL_MAGIC);
    c->on_subscribed = cb;
}

/* -- one client -- */

static void drop_handle(struct control *c) {
    c->handles--;
    if (c->is_closing && c->handles == 0) {
        OBJ_FINI(c);
        free(c->path);
        free(c);
    }
}

static void on_client_closed(uv_handle_t *handle) {
    struct client *k;
    CAST_OBJ(k, handle->data, CLIENT_MAGIC);
    struct control *c = k->control;
    control_rpc_fini(&k->rpc);
    OBJ_FINI(k);
    free(k);
    drop_handle(c);
}

static void close_client(struct client *k) {
    if (uv_is_closing((uv_handle_t *)&k->pipe)) {
        return;
    }
    if (k->prev != NULL) {
        k->prev->next = k->next;
    } else {
        k->control->clients = k->next;
    }
    if (k->next != NULL) {
        k->next->prev = k->prev;
    }
    k->control->client_count--;
    control_rpc_end(&k->rpc);
    tell_subscribed(k->control);
    uv_close((uv_handle_t *)&k->pipe, on_client_closed);
    if (k->control->clients == NULL) {
        clk_close(k->control->clk);
        k->control->clk = NULL;
    }
}

static void on_shutdown(uv_shutdown_t *req, int status) {
    (void)status;
    close_client(req->handle->data);
}

/* What is queued goes out before the end. */
static void leave(struct client *k) {
    if (!k->is_leaving) {
        k->is_leaving = true;
        control_rpc_end(&k->rpc);
        if (uv_shutdown(&k->shutdown, (uv_stream_t *)&k->pipe, on_shutdown) != 0) {
            close_client(k);
        }
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    struct client *k;
    CAST_OBJ(k, handle->data, CLIENT_MAGIC);
    (void)suggested;
    *buf = uv_buf_init(k->control->bin, sizeof k->control->bin);
}

/* Both directions are shut, and not only the client's output. */
static bool has_gone(const struct client *k) {
    uv_os_fd_t fd = -1;
    struct pollfd p = {.fd = -1};
    if (uv_fileno((const uv_handle_t *)&k->pipe, &fd) == 0) {
        p.fd = fd;
    }
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void update(struct client *k);

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    struct client *k;
    CAST_OBJ(k, stream->data, CLIENT_MAGIC);
    if (n > 0) {
        control_rpc_put(&k->rpc, buf->base, (size_t)n);
        tell_subscribed(k->control);
    } else if (n == UV_EOF && !has_gone(k)) {
        k->has_ended = true;
    } else if (n < 0) {
        close_client(k);
    }
    update(k);
}

/* After everything that may change what is to be done next. */
static void update(struct client *k) {
    if (uv_is_closing((uv_handle_t *)&k->pipe)) {
        return;
    }
    bool wanted = !k->has_ended && control_rpc_is_reading(&k->rpc);
    if (wanted && !k->is_reading) {
        must(uv_read_start((uv_stream_t *)&k->pipe, on_alloc, on_read) == 0);
    } else if (!wanted && k->is_reading) {
        uv_read_stop((uv_stream_t *)&k->pipe);
    }
    k->is_reading = wanted;
    if (k->rpc.is_over || (k->has_ended && control_rpc_is_idle(&k->rpc))) {
        leave(k);
    }
}

static void on_written(uv_write_t *req, int status) {
    struct client *k;
    CAST_OBJ(k, req->handle->data, CLIENT_MAGIC);
    struct output *out = req->data;
    size_t n = out->n;
    free(out);
    if (status < 0) {
        close_client(k);
        return;
    }
    control_rpc_sent(&k->rpc, n);
    update(k);
}

static void send_line(void *sink, const char *line, size_t n) {
    struct client *k;
    CAST_OBJ(k, sink, CLIENT_MAGIC);
    struct output *out = xmalloc(sizeof *out + n);
    memcpy(out->bytes, line, n);
    out->n = n;
    out->req.data = out;
    uv_buf_t buf = uv_buf_init(out->bytes, (unsigned)n);
    if (uv_write(&out->req, (uv_stream_t *)&k->pipe, &buf, 1, on_written) != 0) {
        free(out);
        close_client(k);
    }
}

/* -- clients come -- */

/* A client over the limit is told so and goes; its socket is new and has room for a line. */
static void send_away(struct client *k) {
    size_t n = 0;
    char *line = control_rpc_complaint(CONTROL_BUSY, "too many clients", &n);
    uv_buf_t buf = uv_buf_init(line, (unsigned)n);
    uv_try_write((uv_stream_t *)&k->pipe, &buf, 1);
    free(line);
    close_client(k);
}

static void on_connection(uv_stream_t *listener, int status) {
    struct control *c;
    CAST_OBJ(c, listener->data, CONTROL_MAGIC);
    if (status < 0) {
        LOG(LOG_CONTROL, LOG_WARN, c->path, "no connection: %s", uv_strerror(status));
        return;
    }
    struct client *k = xmalloc(sizeof *k);
    OBJ_INIT(k, CLIENT_MAGIC);
    k->control = c;
    control_rpc_init(&k->rpc, c->methods, c->ctx, send_line, k);
    must(uv_pipe_init(c->loop, &k->pipe, 0) == 0);
    k->pipe.data = k;
    c->handles++;
    c->client_count++;
    k->next = c->clients;
    if (k->next != NULL) {
        k->next->prev = k;
    }
    c->clients = k;
    if (uv_accept(listener, (uv_stream_t *)&k->pipe) != 0) {
        close_client(k);
    } else if (c->client_count > LIMIT_CONTROL_CLIENTS) {
        LOG(LOG_CONTROL, LOG_WARN, c->path, "too many clients: one is sent away");
        send_away(k);
    } else {
        update(k);
    }
}

/* -- the socket -- */

/* Nobody else may open it, not for an instant: the mode is there from the start. */
static int bind_private(int fd, const struct sockaddr_un *addr) {
    mode_t before = umask(NOT_OWNER);
    int err = bind(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 ? 0 : -errno;
    umask(before);
    return err;
}

/* Whether a process listens there. */
static bool is_alive(const struct sockaddr_un *addr) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_refused = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof *addr) != 0 &&
                      errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return !is_refused;
}

static int bind_or_replace(int fd, const struct sockaddr_un *addr) {
    int err = bind_private(fd, addr);
    struct stat st;
    if (err != -EADDRINUSE) {
        return err;
    }
    bool is_there = lstat(addr->sun_path, &st) == 0;
    if (is_there && !S_ISSOCK(st.st_mode)) {
        return -EEXIST;
    }
    if (is_there && st.st_uid != geteuid()) {
        return -EPERM; /* root could remove it */
    }
    if (is_alive(addr)) {
        return -EADDRINUSE;
    }
    unlink(addr->sun_path);
    return bind_private(fd, addr);
}

static const char *reason(int err) {
    switch (err) {
    case -EADDRINUSE:
        return "another daemon listens there";
    case -EEXIST:
        return "is there and is no socket";
    case -EPERM:
        return "is another user's";
    case -ENAMETOOLONG:
        return "longer than a Unix socket's path may be (107 bytes)";
    default:
        return strerror(-err);
    }
}

/* A listening socket at the path, and which file it is. */
static int open_socket(const char *path, int *out, struct stat *st) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path) {
        return -ENAMETOOLONG;
    }
    memcpy(addr.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    int err = bind_or_replace(fd, &addr);
    if (err == 0 && (listen(fd, BACKLOG) != 0 || lstat(path, st) != 0)) {
        err = -errno;
        unlink(path);
    }
    if (err != 0) {
        close(fd);
        return err;
    }
    *out = fd;
    return 0;
}

int control_new(struct control **out, uv_loop_t *loop, const char *path,
                const struct control_method *methods, void *ctx) {
    int fd = -1;
    struct stat st = {0};
    int err = open_socket(path, &fd, &st);
    if (err != 0) {
        LOG(LOG_CONTROL, LOG_ERROR, path, "no control socket: %s", reason(err));
        return err;
    }
    struct control *c = xmalloc(sizeof *c);
    OBJ_INIT(c, CONTROL_MAGIC);
    c->loop = loop;
    c->methods = methods;
    c->ctx = ctx;
    c->path = xstrdup(path);
    c->dev = st.st_dev;
    c->ino = st.st_ino;
    c->handles = 1;
    must(uv_pipe_init(loop, &c->pipe, 0) == 0 && uv_pipe_open(&c->pipe, fd) == 0);
    c->pipe.data = c;
    err = uv_listen((uv_stream_t *)&c->pipe, BACKLOG, on_connection);
    if (err != 0) {
        LOG(LOG_CONTROL, LOG_ERROR, path, "no control socket: %s", reason(err));
        control_close(c);
        return err;
    }
    *out = c;
    return 0;
}

bool control_is_subscribed(const struct control *c, const char *topic) {
    CHECK_OBJ(c, CONTROL_MAGIC);
    const struct client *k = c->clients;
    while (k != NULL && !control_rpc_is_subscribed(&k->rpc, topic)) {
        k = k->next;
    }
    return k != NULL;
}

void control_notify(struct control *c, const char *topic, struct cJSON *params) {
    CHECK_OBJ(c, CONTROL_MAGIC);
    size_t n = 0;
    char *line = control_rpc_event(topic, params, &n);
    struct client *next = NULL;
    for (struct client *k = c->clients; k != NULL; k = next) {
        next = k->next;
        if (control_rpc_is_subscribed(&k->rpc, topic)) {
            control_rpc_notify(&k->rpc, line, n);
        }
    }
    free(line);
}

static void on_closed(uv_handle_t *handle) {
    drop_handle(handle->data);
}

/* Our file only: another daemon may have put its own there since. */
static void remove_file(const struct control *c) {
    struct stat st;
    if (lstat(c->path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino) {
        unlink(c->path);
    }
}

/* Nobody is served any more, but what the kernel has not taken yet may still be an answer. */
static void part(struct client *k) {
    control_rpc_end(&k->rpc);
    if (uv_stream_get_write_queue_size((const uv_stream_t *)&k->pipe) == 0) {
        close_client(k);
    } else {
        update(k);
    }
}

static void on_late(void *ctx) {
    struct control *c;
    CAST_OBJ(c, ctx, CONTROL_MAGIC);
    while (c->clients != NULL) {
        close_client(c->clients);
    }
}

void control_close(struct control *c) {
    if (c == NULL) {
        return;
    }
    CHECK_OBJ(c, CONTROL_MAGIC);
    must(!c->is_closing);
    c->is_closing = true;
    remove_file(c);
    uv_close((uv_handle_t *)&c->pipe, on_closed);
    struct client *next = NULL;
    for (struct client *k = c->clients; k != NULL; k = next) {
        next = k->next;
        part(k);
    }
    if (c->clients != NULL) {
        c->clk = clk_new_real(c->loop, 1);
        clk_start(c->clk, &c->late, CLK_MS(LIMIT_CONTROL_LEAVE_MS), on_late, c);
    }
}
