#define _GNU_SOURCE /* accept4 */
#include "tests/support/far_end.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/turn.h"

enum { CHUNK = 65536 };

struct sockaddr_in far_loopback(uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

int far_socket(int type) {
    struct sockaddr_in a = far_loopback(0);
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

uint16_t far_bound_port(int fd) {
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    must(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
    return ntohs(a.sin_port);
}

uint16_t far_free_port(void) {
    int fd = far_socket(SOCK_STREAM);
    uint16_t port = far_bound_port(fd);
    close(fd);
    return port;
}

int far_call(uint16_t port) {
    struct sockaddr_in to = far_loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* -- a link -- */

static bool wants_to_write(const struct far_link *l) {
    return buf_len(&l->back) > 0 || (l->far->kind == FAR_SOURCE && l->sent < l->far->total);
}

static void update(struct far_link *l) {
    if (l->fd >= 0) {
        bool reads = l->far->kind != FAR_MUTE && !l->is_fin && buf_room(&l->back) >= CHUNK;
        turn_events(l->fd, (short)((reads ? POLLIN : 0) | (wants_to_write(l) ? POLLOUT : 0)));
    }
}

static void on_gone(struct far_link *l) {
    l->is_reset = true;
    turn_remove(l->fd);
    close(l->fd);
    l->fd = -1;
}

static void receive(struct far_link *l) {
    uint8_t bytes[CHUNK];
    ssize_t n = recv(l->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0) {
        l->is_fin = true;
    } else if (n < 0 && errno != EAGAIN) {
        on_gone(l);
    } else if (n > 0) {
        l->received += (uint64_t)n;
        if (l->far->kind != FAR_SOURCE) {
            l->is_wrong |= !pattern_check(&l->in, bytes, (size_t)n);
        }
        if (l->far->kind == FAR_ECHO) {
            must(buf_put_all(&l->back, bytes, (size_t)n) == 0);
        }
    }
}

/* What of the pattern was not taken is made again. */
static void send_pattern(struct far_link *l) {
    uint8_t bytes[4096];
    uint64_t left = l->far->total - l->sent;
    struct pattern before = l->out;
    size_t n = left < sizeof bytes ? (size_t)left : sizeof bytes;
    pattern_fill(&l->out, bytes, n);
    ssize_t wrote = send(l->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (wrote < (ssize_t)n) {
        l->out = before;
        pattern_fill(&l->out, bytes, wrote > 0 ? (size_t)wrote : 0);
    }
    l->sent += wrote > 0 ? (uint64_t)wrote : 0;
}

static void on_ready(void *ctx, int fd, short revents) {
    struct far_link *l = ctx;
    if (l->far->kind == FAR_MUTE && (revents & (POLLERR | POLLHUP)) != 0) {
        on_gone(l);
        return;
    }
    if (l->is_fin && (revents & POLLHUP) != 0) {
        turn_remove(fd); /* over in both directions, which poll would report for ever */
        return;
    }
    if ((revents & POLLOUT) != 0 && buf_len(&l->back) > 0) {
        ssize_t n = send(fd, buf_data(&l->back), buf_len(&l->back), MSG_DONTWAIT | MSG_NOSIGNAL);
        buf_drop(&l->back, n > 0 ? (size_t)n : 0);
        l->sent += n > 0 ? (uint64_t)n : 0;
    } else if ((revents & POLLOUT) != 0 && wants_to_write(l)) {
        send_pattern(l);
    }
    if ((revents & (POLLIN | POLLERR | POLLHUP)) != 0) {
        receive(l);
    }
    update(l);
}

struct far_link *far_add(struct far_end *f, int fd) {
    must(f->count < FAR_LINKS);
    struct far_link *l = &f->links[f->count];
    *l = (struct far_link){.far = f, .fd = fd};
    pattern_init(&l->in, (unsigned)f->count);
    pattern_init(&l->out, (unsigned)f->count);
    buf_init(&l->back, 16 * CHUNK);
    f->count++;
    turn_add(fd, 0, on_ready, l);
    update(l);
    return l;
}

static void on_caller(void *ctx, int fd, short revents) {
    (void)revents;
    int link = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (link >= 0) {
        far_add(ctx, link);
    }
}

void far_listen(struct far_end *f, enum far_kind kind) {
    *f = (struct far_end){.kind = kind, .listener = far_socket(SOCK_STREAM)};
    int small = 8192;
    if (kind == FAR_MUTE) {
        setsockopt(f->listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    must(listen(f->listener, FAR_LINKS) == 0);
    f->port = far_bound_port(f->listener);
    turn_add(f->listener, POLLIN, on_caller, f);
}

struct far_link *far_link(struct far_end *f, size_t i) {
    turn_until(f->count > i);
    return &f->links[i];
}

void far_set_kind(struct far_end *f, enum far_kind kind) {
    f->kind = kind;
    for (size_t i = 0; i < f->count; i++) {
        update(&f->links[i]);
    }
}

void far_close(struct far_link *l) {
    if (l->fd >= 0) {
        turn_remove(l->fd);
        close(l->fd);
        l->fd = -1;
    }
    buf_fini(&l->back);
}

void far_reset(struct far_link *l) {
    struct linger hard = {.l_onoff = 1};
    must(setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    far_close(l);
}

void far_stop(struct far_end *f) {
    for (size_t i = 0; i < f->count; i++) {
        far_close(&f->links[i]);
    }
    if (f->listener >= 0) {
        turn_remove(f->listener);
        close(f->listener);
        f->listener = -1;
    }
}
