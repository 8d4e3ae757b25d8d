#include "scenarios/engine/peers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/obj.h"

enum {
    BACKLOG = 128,
    READ_SIZE = 16384,
    LINE_SIZE = 74,     /* RFC 864: 72 characters, CR, LF */
    LINES_AT_ONCE = 95, /* the whole pattern: one line for each first character */
    PORT_TRIES = 16,    /* until a port is free for TCP and UDP alike */
};

struct conn;

/* What differs between the kinds; NULL: nothing is done. */
struct kind {
    const char *name;
    void (*more)(struct conn *c); /* at the start and whenever there is room to send */
    void (*on_data)(struct conn *c, const char *bytes, size_t n);
    size_t (*datagram)(const char *got, size_t n, const char **answer); /* size of the answer */
};

struct server {
    const struct kind *kind;
    struct peers *peers;
    bool is_made;
    uv_tcp_t tcp;
    uv_udp_t udp;
};

enum { KINDS = 3 };

struct peers {
    uint32_t magic;
#define PEERS_MAGIC 0x21b7e0d4u
    uv_loop_t *loop;
    struct server servers[KINDS];
    struct conn *conns;
    size_t handles; /* not yet closed; the last one frees */
    bool is_closing;
    char bin[READ_SIZE];
};

struct conn {
    uint32_t magic;
#define CONN_MAGIC 0x90ce4f17u
    struct peers *peers;
    const struct kind *kind;
    struct conn *prev, *next;
    uv_tcp_t tcp;
    uv_shutdown_t shutdown;
    bool is_reading;
    bool has_ended; /* the other side sent its FIN */
};

struct output {
    uv_write_t req;
    char bytes[];
};

static void free_peers(struct peers *p) {
    OBJ_FINI(p);
    free(p);
}

static void drop_handle(struct peers *p) {
    p->handles--;
    if (p->is_closing && p->handles == 0) {
        free_peers(p);
    }
}

static void on_conn_closed(uv_handle_t *handle) {
    struct conn *c;
    CAST_OBJ(c, handle->data, CONN_MAGIC);
    struct peers *p = c->peers;
    OBJ_FINI(c);
    free(c);
    drop_handle(p);
}

static void close_conn(struct conn *c) {
    if (uv_is_closing((uv_handle_t *)&c->tcp)) {
        return;
    }
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        c->peers->conns = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

static bool is_stuffed(const struct conn *c) {
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) >= PEERS_QUEUE_MAX;
}

static void update_reading(struct conn *c);

static void on_written(uv_write_t *req, int status) {
    struct conn *c;
    CAST_OBJ(c, req->handle->data, CONN_MAGIC);
    free(req->data);
    if (status < 0) {
        close_conn(c);
        return;
    }
    if (c->kind->more != NULL && !is_stuffed(c)) {
        c->kind->more(c);
    }
    update_reading(c);
}

static void send_bytes(struct conn *c, const char *bytes, size_t n) {
    struct output *out = xmalloc(sizeof *out + n);
    memcpy(out->bytes, bytes, n);
    out->req.data = out;
    uv_buf_t buf = uv_buf_init(out->bytes, (unsigned)n);
    if (uv_write(&out->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0) {
        free(out);
        close_conn(c);
    }
}

static void on_shutdown(uv_shutdown_t *req, int status) {
    (void)status;
    close_conn(req->handle->data);
}

/* One buffer for all connections: it is used up before the next read. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    struct conn *c;
    CAST_OBJ(c, handle->data, CONN_MAGIC);
    (void)suggested;
    *buf = uv_buf_init(c->peers->bin, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    struct conn *c;
    CAST_OBJ(c, stream->data, CONN_MAGIC);
    if (n == UV_EOF) {
        c->has_ended = true;
        update_reading(c);
        /* What is still queued goes out before the FIN. */
        if (uv_shutdown(&c->shutdown, stream, on_shutdown) != 0) {
            close_conn(c);
        }
    } else if (n < 0) {
        LOG(LOG_PEER, LOG_DEBUG, c->kind->name, "connection lost: %s", uv_strerror((int)n));
        close_conn(c);
    } else if (n > 0 && c->kind->on_data != NULL) {
        c->kind->on_data(c, buf->base, (size_t)n);
        update_reading(c);
    }
}

static void update_reading(struct conn *c) {
    bool wanted = !c->has_ended && (c->kind->on_data == NULL || !is_stuffed(c));
    if (wanted == c->is_reading || uv_is_closing((uv_handle_t *)&c->tcp)) {
        return;
    }
    c->is_reading = wanted;
    if (!wanted) {
        uv_read_stop((uv_stream_t *)&c->tcp);
    } else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) {
        close_conn(c);
    }
}

static void echo_data(struct conn *c, const char *bytes, size_t n) {
    send_bytes(c, bytes, n);
}

static size_t echo_datagram(const char *got, size_t n, const char **answer) {
    *answer = got;
    return n;
}

/* RFC 864: each line begins one character further in the row of the printable ones. */
static const char *pattern(void) {
    static char lines[LINES_AT_ONCE * LINE_SIZE];
    if (lines[0] == '\0') {
        for (unsigned line = 0; line < LINES_AT_ONCE; line++) {
            char *at = lines + (size_t)line * LINE_SIZE;
            for (unsigned i = 0; i < LINE_SIZE - 2; i++) {
                at[i] = (char)(' ' + (line + i) % 95);
            }
            at[LINE_SIZE - 2] = '\r';
            at[LINE_SIZE - 1] = '\n';
        }
    }
    return lines;
}

static void chargen_more(struct conn *c) {
    if (!c->has_ended) {
        send_bytes(c, pattern(), (size_t)LINES_AT_ONCE * LINE_SIZE);
    }
}

static size_t chargen_datagram(const char *got, size_t n, const char **answer) {
    (void)got;
    (void)n;
    *answer = pattern();
    return LINE_SIZE;
}

static const struct kind kinds[KINDS] = {
    {.name = "echo:", .on_data = echo_data, .datagram = echo_datagram},
    {.name = "discard:"},
    {.name = "chargen:", .more = chargen_more, .datagram = chargen_datagram},
};

static void on_connection(uv_stream_t *listener, int status) {
    struct server *s = listener->data;
    CHECK_OBJ(s->peers, PEERS_MAGIC);
    if (status < 0) {
        LOG(LOG_PEER, LOG_WARN, s->kind->name, "no connection: %s", uv_strerror(status));
        return;
    }
    struct conn *c = xmalloc(sizeof *c);
    OBJ_INIT(c, CONN_MAGIC);
    c->peers = s->peers;
    c->kind = s->kind;
    must(uv_tcp_init(s->peers->loop, &c->tcp) == 0);
    c->tcp.data = c;
    s->peers->handles++;
    c->next = s->peers->conns;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    s->peers->conns = c;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        close_conn(c);
        return;
    }
    /* Answers in many small pieces must not wait for each other's acknowledgement. */
    uv_tcp_nodelay(&c->tcp, 1);
    update_reading(c);
    if (c->kind->more != NULL) {
        c->kind->more(c);
    }
}

static void on_datagram_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    struct server *s = handle->data;
    CHECK_OBJ(s->peers, PEERS_MAGIC);
    (void)suggested;
    *buf = uv_buf_init(s->peers->bin, READ_SIZE);
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                        unsigned flags) {
    struct server *s = udp->data;
    CHECK_OBJ(s->peers, PEERS_MAGIC);
    (void)flags;
    if (n < 0 || from == NULL || s->kind->datagram == NULL) {
        return;
    }
    const char *answer = NULL;
    size_t size = s->kind->datagram(buf->base, (size_t)n, &answer);
    /* uv_buf_t has no const; a datagram that cannot go now is lost, as datagrams are. */
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)answer, (unsigned)size);
    uv_udp_try_send(udp, &out, 1, from);
}

static void on_server_closed(uv_handle_t *handle) {
    struct server *s = handle->data;
    drop_handle(s->peers);
}

/* A TCP and a UDP socket on the same free port. */
static int open_pair(int *tcp, int *udp) {
    int err = 0;
    for (int i = 0; i < PORT_TRIES; i++) {
        struct sockaddr_in addr = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct sockaddr *sa = (struct sockaddr *)&addr;
        socklen_t size = sizeof addr;
        *tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        *udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (*tcp >= 0 && *udp >= 0 && bind(*tcp, sa, size) == 0 &&
            getsockname(*tcp, sa, &size) == 0 && bind(*udp, sa, size) == 0) {
            return 0;
        }
        err = -errno;
        if (*tcp >= 0) {
            close(*tcp);
        }
        if (*udp >= 0) {
            close(*udp);
        }
        if (err != -EADDRINUSE) {
            break;
        }
    }
    return err;
}

static int make_server(struct peers *p, struct server *s) {
    int tcp = -1;
    int udp = -1;
    int err = open_pair(&tcp, &udp);
    if (err != 0) {
        return err;
    }
    must(uv_tcp_init(p->loop, &s->tcp) == 0 && uv_udp_init(p->loop, &s->udp) == 0);
    must(uv_tcp_open(&s->tcp, tcp) == 0 && uv_udp_open(&s->udp, udp) == 0);
    s->tcp.data = s;
    s->udp.data = s;
    p->handles += 2;
    s->is_made = true;
    err = uv_udp_recv_start(&s->udp, on_datagram_alloc, on_datagram);
    if (err == 0) {
        err = uv_listen((uv_stream_t *)&s->tcp, BACKLOG, on_connection);
    }
    return err;
}

struct peers *peers_new(uv_loop_t *loop) {
    struct peers *p = xmalloc(sizeof *p);
    OBJ_INIT(p, PEERS_MAGIC);
    p->loop = loop;
    for (size_t i = 0; i < KINDS; i++) {
        p->servers[i].kind = &kinds[i];
        p->servers[i].peers = p;
    }
    return p;
}

static struct server *find(struct peers *p, const char *name) {
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &p->servers[i];
        }
    }
    return NULL;
}

int peers_addr(struct peers *p, const char *name, struct sockaddr_storage *addr) {
    CHECK_OBJ(p, PEERS_MAGIC);
    struct server *s = find(p, name);
    if (s == NULL) {
        return -EINVAL;
    }
    int err = s->is_made ? 0 : make_server(p, s);
    if (err == 0) {
        int size = sizeof *addr;
        err = uv_tcp_getsockname(&s->tcp, (struct sockaddr *)addr, &size);
    }
    if (err != 0) {
        LOG(LOG_PEER, LOG_ERROR, name, "no socket on 127.0.0.1: %s", uv_strerror(err));
    }
    return err;
}

void peers_close(struct peers *p) {
    if (p == NULL) {
        return;
    }
    CHECK_OBJ(p, PEERS_MAGIC);
    p->is_closing = true;
    for (size_t i = 0; i < KINDS; i++) {
        if (p->servers[i].is_made) {
            uv_close((uv_handle_t *)&p->servers[i].tcp, on_server_closed);
            uv_close((uv_handle_t *)&p->servers[i].udp, on_server_closed);
        }
    }
    while (p->conns != NULL) {
        close_conn(p->conns);
    }
    if (p->handles == 0) {
        free_peers(p);
    }
}
