#include "scenarios/peers/peers.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crc32.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "netstack/net.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/peers_priv.h"

enum {
    BACKLOG = 128,
    WINDOW = 16384,  /* bytes that the host takes for a peer that does not read */
    PORT_TRIES = 16, /* until a port is free for TCP and UDP alike */
    LINE_SIZE = 74,  /* RFC 864 */
};

/* -- the kinds -- */

static size_t echo_datagram(const char *got, size_t n, const char **answer) {
    *answer = got;
    return n;
}

static size_t chargen_datagram(const char *got, size_t n, const char **answer) {
    (void)got;
    (void)n;
    *answer = peer_run_pattern(&n);
    return LINE_SIZE;
}

struct peer_kind {
    const char *name;
    const char *script;
    size_t (*datagram)(const char *got, size_t n, const char **answer); /* NULL: no answer */
};

/* A chargen sends the whole pattern in each round, so that the rounds join. */
static const struct peer_kind kinds[] = {
    {"echo", "[{\"echo\": true}]", echo_datagram},
    {"discard", "[{\"discard\": true}]", NULL},
    {"chargen", "[{\"discard\": true}, {\"send\": {\"chargen\": 7030}}, {\"repeat\": true}]",
     chargen_datagram},
    {"sink", "[{\"discard\": true}]", NULL},
};
static const char *const kind_names[] = {"echo", "discard", "chargen", "sink", NULL};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const struct peer_kind *find_kind(const char *name, size_t n) {
    for (size_t i = 0; i < KINDS; i++) {
        if (sv_eq(sv_of(kinds[i].name), (struct sv){name, n})) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* -- what one looks like -- */

static bool is_port(struct sv v) {
    int64_t port = 0;
    return sv_eq(v, SV("*")) || (v.n > 0 && v.p[0] != '0' && sv_int(v, 1, UINT16_MAX, &port) == 0);
}

static const char *check_at(const char *text) {
    const char *colon = strrchr(text, ':');
    struct sv addr = {text, colon != NULL ? (size_t)(colon - text) : 0};
    return colon != NULL && net_is_name(addr) && is_port(sv_of(colon + 1))
               ? NULL
               : "want ADDR:PORT, an address or a name and a port from 1 to 65535 or *";
}

static const struct spec at_text = {
    .type = SPEC_TEXT,
    .name = "an address",
    .lo = 1,
    .hi = LIMIT_NAME + 6,
    .check = check_at,
    .pattern = "^[0-9A-Za-z.-]+:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}"
               "|655[0-2][0-9]|6553[0-5]|[*])$"};
static const struct spec at_list = {
    .type = SPEC_LIST, .name = "addresses", .lo = 1, .hi = LIMIT_ROUTES, .item = &at_text};
static const struct spec at_spec = {.type = SPEC_CHOICE,
                                    .name = "one address or a list of them",
                                    .choices =
                                        (const struct spec *const[]){&at_text, &at_list, NULL}};
static const struct spec kind_spec = {
    .type = SPEC_WORD, .name = "a kind of peer", .words = kind_names};

static const struct spec_key peer_keys[] = {
    {.name = "at", .spec = &at_spec, .doc = "Where the module finds it; * is any port."},
    {.name = "kind",
     .spec = &kind_spec,
     .doc = "echo sends back, discard and sink take everything, chargen sends without end.",
     .flags = SPEC_VERB},
    {.name = "script",
     .spec = &peer_program_spec,
     .doc = "What it does on each connection; after the last step what comes is dropped.",
     .flags = SPEC_VERB},
    {.name = "udp",
     .spec = &kind_spec,
     .doc = "What it does with datagrams: as the kind says, or discard where there is a script."},
    {0},
};
const struct spec peer_spec = {
    .type = SPEC_OBJECT, .name = "a peer", .keys = peer_keys, .is_shared = true};

/* -- sockets -- */

static void free_peers_if_over(struct peers *p) {
    if (p->is_closing && p->unfreed == 0) {
        free(p->bin);
        OBJ_FINI(p);
        free(p);
    }
}

void peer_drop_handle(struct peer *peer) {
    CHECK_OBJ(peer, PEER_MAGIC);
    peer->handles--;
    if (!peer->is_closing || peer->handles > 0) {
        return;
    }
    struct peers *p = peer->peers;
    peer_program_free(peer->program);
    free(peer->name);
    OBJ_FINI(peer);
    free(peer);
    p->unfreed--;
    free_peers_if_over(p);
}

static void on_socket_closed(uv_handle_t *handle) {
    peer_drop_handle(handle->data);
}

static void on_connection(uv_stream_t *listener, int status) {
    struct peer *peer;
    CAST_OBJ(peer, listener->data, PEER_MAGIC);
    if (status < 0) {
        LOG(LOG_PEER, LOG_WARN, peer->name, "no connection: %s", uv_strerror(status));
        return;
    }
    peer_conn_accept(peer, listener);
}

void peer_count(struct peer *peer, const void *p, size_t n) {
    peer->received += n;
    peer->crc = crc32_add(peer->crc, p, n);
}

static void on_datagram_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    struct peer *peer;
    CAST_OBJ(peer, handle->data, PEER_MAGIC);
    (void)suggested;
    *buf = uv_buf_init(peer->peers->bin, PEER_READ_SIZE);
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                        unsigned flags) {
    struct peer *peer;
    CAST_OBJ(peer, udp->data, PEER_MAGIC);
    (void)flags;
    if (n < 0 || from == NULL) {
        return;
    }
    const struct peers *p = peer->peers;
    peer_count(peer, buf->base, (size_t)n);
    if (peer->udp->datagram != NULL) {
        const char *answer = NULL;
        size_t size = peer->udp->datagram(buf->base, (size_t)n, &answer);
        /* uv_buf_t has no const; a datagram that cannot go now is lost, as datagrams are. */
        uv_buf_t out = uv_buf_init((char *)(uintptr_t)answer, (unsigned)size);
        uv_udp_try_send(udp, &out, 1, from);
    }
    if (p->events != NULL && p->events->on_bytes != NULL) {
        p->events->on_bytes(p->ctx, peer, (const uint8_t *)buf->base, (size_t)n);
    }
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

/* Takes the program. */
static int make_peer(struct peers *p, const char *name, struct peer_program *program,
                     const struct peer_kind *udp, struct peer **out) {
    int tcp_fd = -1;
    int udp_fd = -1;
    int err = p->count < LIMIT_PEERS ? open_pair(&tcp_fd, &udp_fd) : -ENOSPC;
    if (err != 0) {
        peer_program_free(program);
        return err;
    }
    p->bin = p->bin != NULL ? p->bin : xmalloc(PEER_READ_SIZE);
    struct peer *peer = xmalloc(sizeof *peer);
    OBJ_INIT(peer, PEER_MAGIC);
    peer->peers = p;
    peer->name = xstrdup(name);
    peer->program = program;
    peer->udp = udp;
    must(uv_tcp_init(p->loop, &peer->tcp) == 0 && uv_udp_init(p->loop, &peer->udp_socket) == 0);
    must(uv_tcp_open(&peer->tcp, tcp_fd) == 0 && uv_udp_open(&peer->udp_socket, udp_fd) == 0);
    peer->tcp.data = peer;
    peer->udp_socket.data = peer;
    peer->handles = 2;
    peer->next = p->list;
    p->list = peer;
    p->count++;
    p->unfreed++;
    err = uv_udp_recv_start(&peer->udp_socket, on_datagram_alloc, on_datagram);
    if (err == 0) {
        /* Its connections have it from here: one that stalls has a closed window soon. */
        int window = WINDOW;
        uv_recv_buffer_size((uv_handle_t *)&peer->tcp, &window);
        err = uv_listen((uv_stream_t *)&peer->tcp, BACKLOG, on_connection);
    }
    if (err != 0) {
        peers_remove(peer);
        return err;
    }
    *out = peer;
    return 0;
}

/* -- peers -- */

struct peers *peers_new(uv_loop_t *loop, struct clk *clk) {
    struct peers *p = xmalloc(sizeof *p);
    OBJ_INIT(p, PEERS_MAGIC);
    p->loop = loop;
    p->clk = clk;
    return p;
}

void peers_listen(struct peers *p, const struct peer_events *ev, void *ctx) {
    CHECK_OBJ(p, PEERS_MAGIC);
    p->events = ev;
    p->ctx = ctx;
}

static struct peer_program *program_of(const struct peer_kind *kind) {
    must(kind != NULL);
    char error[PEER_PROGRAM_ERROR] = "";
    cJSON *script = cJSON_Parse(kind->script);
    must(script != NULL);
    struct peer_program *program = peer_program_new(script, error);
    must(program != NULL);
    cJSON_Delete(script);
    return program;
}

struct peer *peers_add(struct peers *p, const char *name, const struct cJSON *config,
                       char error[PEERS_ERROR_TEXT]) {
    CHECK_OBJ(p, PEERS_MAGIC);
    const char *kind_name = spec_text(config, "kind", NULL);
    const char *udp_name = spec_text(config, "udp", kind_name != NULL ? kind_name : "discard");
    const struct peer_kind *udp = find_kind(udp_name, strlen(udp_name));
    const struct peer_kind *kind =
        kind_name != NULL ? find_kind(kind_name, strlen(kind_name)) : NULL;
    must(udp != NULL && (kind != NULL || kind_name == NULL));
    if (peers_find(p, name) != NULL) {
        snprintf(error, PEERS_ERROR_TEXT, "there is a peer of this name");
        return NULL;
    }
    struct peer_program *program =
        kind != NULL ? program_of(kind) : peer_program_new(spec_get(config, "script"), error);
    if (program == NULL) {
        return NULL;
    }
    struct peer *peer = NULL;
    int err = make_peer(p, name, program, udp, &peer);
    if (err == -ENOSPC) {
        snprintf(error, PEERS_ERROR_TEXT, "%d peers are all there can be", LIMIT_PEERS);
    } else if (err != 0) {
        snprintf(error, PEERS_ERROR_TEXT, "no socket on 127.0.0.1: %s", uv_strerror(err));
    }
    return peer;
}

void peers_remove(struct peer *peer) {
    CHECK_OBJ(peer, PEER_MAGIC);
    struct peers *p = peer->peers;
    struct peer **at = &p->list;
    while (*at != peer) {
        at = &(*at)->next;
    }
    *at = peer->next;
    p->count--;
    peer->is_closing = true;
    while (peer->conns != NULL) {
        peer_conn_reset(peer->conns);
    }
    uv_close((uv_handle_t *)&peer->tcp, on_socket_closed);
    uv_close((uv_handle_t *)&peer->udp_socket, on_socket_closed);
}

struct peer *peers_find(struct peers *p, const char *name) {
    CHECK_OBJ(p, PEERS_MAGIC);
    struct peer *peer = p->list;
    while (peer != NULL && strcmp(peer->name, name) != 0) {
        peer = peer->next;
    }
    return peer;
}

/* "echo:"; NULL: it is none. */
static const struct peer_kind *kind_of(const char *name) {
    size_t n = strlen(name);
    return n > 0 && name[n - 1] == ':' ? find_kind(name, n - 1) : NULL;
}

bool peers_is_kind(const char *name) {
    return kind_of(name) != NULL;
}

int peers_addr(struct peers *p, const char *name, struct sockaddr_storage *addr) {
    const struct peer_kind *kind = kind_of(name);
    if (kind == NULL) {
        return -EINVAL;
    }
    struct peer *peer = peers_find(p, name);
    int err = peer != NULL ? 0 : make_peer(p, name, program_of(kind), kind, &peer);
    if (err != 0) {
        LOG(LOG_PEER, LOG_ERROR, name, "no socket on 127.0.0.1: %s", uv_strerror(err));
        return err;
    }
    peer_addr(peer, addr);
    return 0;
}

uint64_t peers_refused(const struct peers *p) {
    CHECK_OBJ(p, PEERS_MAGIC);
    return p->refused;
}

void peers_close(struct peers *p) {
    if (p == NULL) {
        return;
    }
    CHECK_OBJ(p, PEERS_MAGIC);
    while (p->list != NULL) {
        peers_remove(p->list);
    }
    p->is_closing = true;
    free_peers_if_over(p);
}

/* -- one peer -- */

const char *peer_name(const struct peer *peer) {
    CHECK_OBJ(peer, PEER_MAGIC);
    return peer->name;
}

void peer_addr(const struct peer *peer, struct sockaddr_storage *addr) {
    CHECK_OBJ(peer, PEER_MAGIC);
    int size = sizeof *addr;
    *addr = (struct sockaddr_storage){0};
    must(uv_tcp_getsockname(&peer->tcp, (struct sockaddr *)addr, &size) == 0);
}

size_t peer_connections(const struct peer *peer) {
    CHECK_OBJ(peer, PEER_MAGIC);
    size_t n = 0;
    for (const struct peer_conn *c = peer->conns; c != NULL; c = c->next) {
        n += c->is_open;
    }
    return n;
}

uint64_t peer_received(const struct peer *peer) {
    CHECK_OBJ(peer, PEER_MAGIC);
    return peer->received;
}

uint32_t peer_crc32(const struct peer *peer) {
    CHECK_OBJ(peer, PEER_MAGIC);
    return peer->crc;
}

/* The connection a command is for; `sends`: its FIN must not be on the way. */
static int find_conn(const struct peer *peer, bool sends, struct peer_conn **out) {
    CHECK_OBJ(peer, PEER_MAGIC);
    *out = peer_conn_newest(peer);
    if (*out == NULL) {
        return -ENOTCONN;
    }
    return sends && (*out)->has_fin ? -EPIPE : 0;
}

int peer_send(struct peer *peer, const void *p, size_t n) {
    struct peer_conn *c = NULL;
    int err = find_conn(peer, true, &c);
    if (err == 0 && n > peer_conn_room(c)) {
        err = -ENOBUFS;
    }
    if (err == 0 && n > 0) {
        peer_conn_send(c, p, n);
    }
    return err;
}

int peer_close(struct peer *peer) {
    struct peer_conn *c = NULL;
    int err = find_conn(peer, false, &c);
    if (err == 0) {
        peer_conn_close(c);
    }
    return err;
}

int peer_half_close(struct peer *peer) {
    struct peer_conn *c = NULL;
    int err = find_conn(peer, true, &c);
    if (err == 0) {
        peer_conn_half_close(c);
    }
    return err;
}

int peer_reset(struct peer *peer) {
    struct peer_conn *c = NULL;
    int err = find_conn(peer, false, &c);
    if (err == 0) {
        peer_conn_reset(c);
    }
    return err;
}

int peer_stall(struct peer *peer, bool on) {
    struct peer_conn *c = NULL;
    int err = find_conn(peer, false, &c);
    if (err == 0) {
        c->is_stalled = on;
        peer_conn_update(c);
    }
    return err;
}

int peer_call(struct peer *peer, const struct sockaddr *to, const struct sockaddr *from) {
    CHECK_OBJ(peer, PEER_MAGIC);
    return peer_conn_call(peer, to, from);
}
