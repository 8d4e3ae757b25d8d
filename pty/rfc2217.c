#define _GNU_SOURCE /* accept4, POLLRDHUP */
#include "pty/rfc2217.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/chan.h"
#include "base/log.h"
#include "base/obj.h"
#include "pty/comport.h"
#include "pty/uart.h"

enum {
    READ_MAX = 4096,
    READS_A_TURN = 4, /* the other way has its turn before the next */
    WRITES_A_TURN = 4,
    READS_ALL = LIMIT_PORT_STASH / READ_MAX,
    BACKLOG = 8,
    URL_SIZE = 80,
    ANSWER_ROOM = COMPORT_ANSWERS * READ_MAX + TELNET_COMMAND_WIRE, /* for what a read leads to */
};

/* One connection, with a poll handle that ends by itself. */
struct visitor {
    uint32_t magic;
#define VISITOR_MAGIC 0x22170c11u
    uv_poll_t poll;
    int fd;
    int events;
};

struct rfc2217 {
    uint32_t magic;
#define RFC2217_MAGIC 0x22170fe1u
    struct chan chan;
    struct clk *clk;
    uv_loop_t *loop;
    uv_poll_t listener;
    int fd;
    int spare; /* a descriptor to have one when there are no more: a caller must be sent away */
    uv_idle_t turn; /* active while there is output */
    unsigned handles;
    bool is_closing;
    bool is_full; /* the channel had no room for input: `room` goes on */
    char url[URL_SIZE];
    struct visitor *visitor; /* NULL: nobody */
    struct comport port;     /* of this one */
    struct uart uart;        /* XON/XOFF */
    struct buf in, out;      /* data for the channel; bytes for the client */
};

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_turn(uv_idle_t *turn);

static struct rfc2217 *of(void *ctx) {
    struct rfc2217 *r;
    CAST_OBJ(r, ctx, RFC2217_MAGIC);
    return r;
}

/* -- the lines -- */

/* Room for answers is kept: what does not fit now is told with the next output. */
static void show_lines(struct rfc2217 *r) {
    uint8_t lines = COMPORT_CTS | COMPORT_DSR;
    lines |= r->chan.is_dcd_on ? COMPORT_DCD : 0;
    lines |= r->chan.is_ri_on ? COMPORT_RI : 0;
    if (r->visitor != NULL && buf_room(&r->out) >= ANSWER_ROOM + TELNET_COMMAND_WIRE) {
        comport_set_lines(&r->port, lines);
    }
}

/* -- input -- */

static void send_data(struct rfc2217 *r, const uint8_t *p, size_t n) {
    size_t room = 0;
    uint8_t *to = buf_reserve(&r->out, 2 * n + 1, &room);
    must(room == 2 * n + 1);
    buf_commit(&r->out, comport_tx(&r->port, p, n, to));
}

static void tell_flow(struct rfc2217 *r) {
    uint8_t byte = uart_flow_byte(&r->uart, r->is_full);
    if (byte != 0 && r->visitor != NULL && buf_room(&r->out) > ANSWER_ROOM + TELNET_COMMAND_WIRE) {
        send_data(r, &byte, 1);
        uv_idle_start(&r->turn, on_turn);
    }
}

/* As far as the channel takes it. */
static void move_input(struct rfc2217 *r) {
    while (buf_len(&r->in) > 0 && !r->is_full) {
        size_t room = 0;
        uint8_t *to = chan_rx_reserve(&r->chan, buf_len(&r->in), &room);
        if (room == 0) {
            r->is_full = true;
            tell_flow(r);
            return;
        }
        chan_rx_commit(&r->chan, buf_take(&r->in, to, room), clk_now(r->clk));
    }
}

static void on_data(void *ctx, const uint8_t *p, size_t n) {
    struct rfc2217 *r = of(ctx);
    size_t room = 0;
    uint8_t *to = buf_reserve(&r->in, n, &room);
    must(room == n);
    memcpy(to, p, n);
    buf_commit(&r->in, uart_filter(&r->uart, to, n));
    move_input(r);
}

static void on_send(void *ctx, const uint8_t *p, size_t n) {
    struct rfc2217 *r = of(ctx);
    must(buf_put_all(&r->out, p, n) == 0);
    uv_idle_start(&r->turn, on_turn);
}

static void on_dtr(void *ctx, bool on) {
    chan_set_dtr(&of(ctx)->chan, on);
}

static void on_rts(void *ctx, bool on) {
    chan_set_rts(&of(ctx)->chan, on);
}

static void on_break(void *ctx) {
    chan_break(&of(ctx)->chan);
}

static void on_purge(void *ctx, bool to_client, bool from_client) {
    struct rfc2217 *r = of(ctx);
    if (from_client) {
        buf_clear(&r->in);
    }
    if (to_client) {
        chan_discard(&r->chan, false, true);
    }
}

static const struct comport_events port_events = {
    .data = on_data,
    .send = on_send,
    .dtr = on_dtr,
    .rts = on_rts,
    .brk = on_break,
    .purge = on_purge,
};

/* Whether there is room for all that a read may lead to. It goes on behind a full channel, for
 * there may be a DC1, or DTR's end. */
static bool may_read(const struct rfc2217 *r) {
    return buf_room(&r->in) >= READ_MAX && buf_room(&r->out) >= ANSWER_ROOM;
}

/* -- output -- */

static bool may_send(const struct rfc2217 *r) {
    size_t n = 0;
    chan_tx_data(&r->chan, &n);
    return n > 0 && !r->port.is_suspended && !r->uart.is_stopped;
}

/* What the channel has goes behind the answers, in whole escapes. */
static void fill_output(struct rfc2217 *r) {
    enum { KEPT = ANSWER_ROOM + 2 * TELNET_COMMAND_WIRE };
    show_lines(r);
    while (may_send(r) && buf_room(&r->out) > KEPT + 2) {
        size_t n = 0;
        const uint8_t *p = chan_tx_data(&r->chan, &n);
        size_t most = (buf_room(&r->out) - KEPT - 1) / 2;
        n = n < most ? n : most;
        log_bytes(LOG_PTY, r->chan.name, ">", p, n);
        send_data(r, p, n);
        chan_tx_done(&r->chan, n);
    }
}

static void write_output(struct rfc2217 *r) {
    fill_output(r);
    for (int i = 0; i < WRITES_A_TURN && buf_len(&r->out) > 0; i++) {
        ssize_t n = send(r->visitor->fd, buf_data(&r->out), buf_len(&r->out), MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        buf_drop(&r->out, (size_t)n);
        fill_output(r);
    }
}

/* -- the client -- */

static void on_visitor_closed(uv_handle_t *handle) {
    struct visitor *v;
    CAST_MEMBER(v, handle, struct visitor, poll, VISITOR_MAGIC);
    OBJ_FINI(v);
    free(v);
}

static void update_poll(struct rfc2217 *r) {
    struct visitor *v = r->visitor;
    if (v == NULL) {
        return;
    }
    bool is_sending = buf_len(&r->out) > 0 || may_send(r);
    int events = UV_DISCONNECT | (may_read(r) ? UV_READABLE : 0) | (is_sending ? UV_WRITABLE : 0);
    if (events != v->events) {
        v->events = events;
        must(uv_poll_start(&v->poll, events, on_poll) == 0);
    }
}

/* Its last words are answered as far as the kernel takes that. What the channel has not taken of
 * them is still offered. */
static void leave(struct rfc2217 *r) {
    struct visitor *v = r->visitor;
    write_output(r);
    r->visitor = NULL;
    uv_close((uv_handle_t *)&v->poll, on_visitor_closed);
    close(v->fd);
    buf_clear(&r->out);
    uart_reset(&r->uart);
    LOG(LOG_PTY, LOG_DEBUG, r->chan.name, "the client has gone");
    chan_set_open(&r->chan, false);
    uv_idle_start(&r->turn, on_turn);
}

/* Returns whether the client is still there. */
static bool read_some(struct rfc2217 *r, int reads) {
    uint8_t bytes[READ_MAX];
    for (int i = 0; i < reads && may_read(r); i++) {
        ssize_t n = recv(r->visitor->fd, bytes, sizeof bytes, 0);
        if (n <= 0) {
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        }
        log_bytes(LOG_PTY, r->chan.name, "<", bytes, (size_t)n);
        comport_rx(&r->port, bytes, (size_t)n);
    }
    return true;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct rfc2217 *r = of(poll->data);
    bool is_there = status >= 0;
    if (is_there && (events & UV_DISCONNECT) != 0) {
        read_some(r, READS_ALL);
        is_there = false;
    } else if (is_there && (events & UV_READABLE) != 0) {
        is_there = read_some(r, READS_A_TURN);
    }
    if (!is_there) {
        leave(r);
        return;
    }
    write_output(r);
    update_poll(r);
}

static void welcome(struct rfc2217 *r, int fd) {
    struct visitor *v = xmalloc(sizeof *v);
    OBJ_INIT(v, VISITOR_MAGIC);
    static const int on = 1;
    v->fd = fd;
    int err = uv_poll_init(r->loop, &v->poll, fd);
    if (err != 0) {
        LOG(LOG_PTY, LOG_WARN, r->chan.name, "no client: %s", strerror(-err));
        close(fd);
        OBJ_FINI(v);
        free(v);
        return;
    }
    v->poll.data = r;
    /* A host that is gone without a word must not keep the port for ever. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    LOG(LOG_PTY, LOG_DEBUG, r->chan.name, "a client");
    chan_discard(&r->chan, false, true);
    r->visitor = v;
    comport_init(&r->port, 0, &port_events, r);
    show_lines(r);
    chan_set_open(&r->chan, true);
    write_output(r);
    update_poll(r);
}

/* Its end may stand behind this connection in the same turn. */
static bool has_left(const struct visitor *v) {
    struct pollfd p = {.fd = v->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0;
}

/* Without a descriptor for him the caller would be reported for ever. */
static void turn_away(struct rfc2217 *r, int err) {
    if (err == EMFILE || err == ENFILE) {
        LOG(LOG_PTY, LOG_WARN, r->chan.name, "no client: %s", strerror(err));
        close(r->spare);
        close(accept4(r->fd, NULL, NULL, SOCK_CLOEXEC));
        r->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

static void on_connection(uv_poll_t *poll, int status, int events) {
    static const char in_use[] = "\r\nThe port is in use\r\n";
    struct rfc2217 *r = of(poll->data);
    (void)status;
    (void)events;
    int fd = accept4(r->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        turn_away(r, errno);
        return;
    }
    if (r->visitor != NULL && has_left(r->visitor)) {
        read_some(r, READS_ALL);
        leave(r);
    }
    if (r->visitor != NULL) {
        LOG(LOG_PTY, LOG_INFO, r->chan.name, "a second client was sent away");
        send(fd, in_use, sizeof in_use - 1, MSG_NOSIGNAL);
        close(fd);
        return;
    }
    welcome(r, fd);
}

/* -- the channel -- */

/* Here no user is in the middle of anything. */
static void on_turn(uv_idle_t *turn) {
    struct rfc2217 *r = of(turn->data);
    uv_idle_stop(turn);
    if (r->visitor == NULL) {
        chan_discard(&r->chan, false, true);
        return;
    }
    write_output(r);
    update_poll(r);
}

static void on_kick(void *ctx) {
    struct rfc2217 *r = of(ctx);
    if (!r->is_closing) {
        uv_idle_start(&r->turn, on_turn);
    }
}

static void on_room(void *ctx) {
    struct rfc2217 *r = of(ctx);
    if (r->is_full) {
        r->is_full = false;
        tell_flow(r);
        move_input(r);
        update_poll(r);
    }
}

/* What the kernel still has came behind it. */
static void on_drop(void *ctx) {
    struct rfc2217 *r = of(ctx);
    buf_clear(&r->in);
    r->is_full = false;
    update_poll(r);
}

static void on_line(void *ctx, bool on) {
    (void)on;
    show_lines(of(ctx));
}

static void on_set_flow(void *ctx, bool obeys_xoff, bool sends_xoff) {
    struct rfc2217 *r = of(ctx);
    uart_set_flow(&r->uart, obeys_xoff, sends_xoff);
    update_poll(r);
}

/* Without set_present: a UART does not vanish. */
static const struct chan_transport transport = {
    .kick = on_kick,
    .room = on_room,
    .drop = on_drop,
    .set_dcd = on_line,
    .set_ri = on_line,
    .set_flow = on_set_flow,
};

/* -- beginning and end -- */

static void release(struct rfc2217 *r) {
    buf_fini(&r->in);
    buf_fini(&r->out);
    chan_fini(&r->chan);
    OBJ_FINI(r);
    free(r);
}

/* Where it listens, as the kernel has it. */
static void name_url(struct rfc2217 *r) {
    struct sockaddr_storage addr;
    socklen_t size = sizeof addr;
    char host[INET6_ADDRSTRLEN] = "";
    must(getsockname(r->fd, (struct sockaddr *)&addr, &size) == 0);
    const struct sockaddr_in6 *six = (const void *)&addr;
    const struct sockaddr_in *four = (const void *)&addr;
    bool is_six = addr.ss_family == AF_INET6;
    uv_inet_ntop(addr.ss_family, is_six ? (const void *)&six->sin6_addr : &four->sin_addr, host,
                 sizeof host);
    snprintf(r->url, sizeof r->url, is_six ? "rfc2217://[%s]:%u" : "rfc2217://%s:%u", host,
             ntohs(is_six ? six->sin6_port : four->sin_port));
}

static int listen_at(struct rfc2217 *r, const char *host, uint16_t port) {
    struct sockaddr_storage addr = {0};
    static const int on = 1;
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&addr) != 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)&addr) != 0) {
        return -EINVAL;
    }
    r->fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (r->fd < 0) {
        return -errno;
    }
    socklen_t size =
        addr.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    setsockopt(r->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(r->fd, (const struct sockaddr *)&addr, size) != 0 || listen(r->fd, BACKLOG) != 0) {
        int err = -errno;
        close(r->fd);
        return err;
    }
    name_url(r);
    return 0;
}

int rfc2217_new(struct rfc2217 **out, const struct rfc2217_config *cfg) {
    struct rfc2217 *r = xmalloc(sizeof *r);
    OBJ_INIT(r, RFC2217_MAGIC);
    r->clk = cfg->clk;
    r->loop = cfg->loop;
    chan_init(&r->chan, cfg->name);
    chan_set_transport(&r->chan, &transport, r);
    uart_init(&r->uart, cfg->clk, NULL, &r->chan); /* whose DTR is never asked for */
    buf_init(&r->in, LIMIT_PORT_STASH);
    buf_init(&r->out, LIMIT_RFC2217_OUT);
    int err = listen_at(r, cfg->host, cfg->port);
    if (err == 0) {
        err = uv_poll_init(cfg->loop, &r->listener, r->fd);
        if (err != 0) {
            close(r->fd);
        }
    }
    if (err != 0) {
        LOG(LOG_PTY, LOG_ERROR, cfg->name, "cannot listen at %s, port %u: %s", cfg->host, cfg->port,
            strerror(-err));
        release(r);
        return err;
    }
    r->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    r->listener.data = r;
    must(uv_poll_start(&r->listener, UV_READABLE, on_connection) == 0);
    must(uv_idle_init(cfg->loop, &r->turn) == 0);
    r->turn.data = r;
    r->handles = 2;
    *out = r;
    return 0;
}

struct chan *rfc2217_chan(struct rfc2217 *r) {
    CHECK_OBJ(r, RFC2217_MAGIC);
    return &r->chan;
}

const char *rfc2217_url(const struct rfc2217 *r) {
    CHECK_OBJ(r, RFC2217_MAGIC);
    return r->url;
}

static void on_closed(uv_handle_t *handle) {
    struct rfc2217 *r = of(handle->data);
    if (--r->handles == 0) {
        release(r);
    }
}

void rfc2217_close(struct rfc2217 *r) {
    if (r == NULL) {
        return;
    }
    CHECK_OBJ(r, RFC2217_MAGIC);
    if (r->visitor != NULL) {
        leave(r);
    }
    r->is_closing = true;
    uv_close((uv_handle_t *)&r->listener, on_closed);
    uv_close((uv_handle_t *)&r->turn, on_closed);
    close(r->fd);
    close(r->spare);
}
