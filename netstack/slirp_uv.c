#include "netstack/slirp_uv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/be.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/obj.h"

enum {
    ETHER_HEAD = 14,
    ETHER_TYPE_AT = 12,
    TYPE_IP = 0x0800,
    TYPE_ARP = 0x0806,
    ARP_SIZE = 28,
    FRAME_MAX = 1 << 16,
    NET_MASK = 24,
};

#define SLIRP_NET 0xf0000000u

/* A socket of libslirp's that the loop watches. */
struct watch {
    uint32_t magic;
#define SLIRP_WATCH_MAGIC 0x62d1f70au
    uv_poll_t poll;
    struct slirp_uv *s;
    uint64_t number;
    int asked;    /* by libslirp for this turn; SLIRP_POLL_... */
    int watched;  /* by libuv; UV_... */
    int happened; /* SLIRP_POLL_... */
};

struct slirp_uv {
    uint32_t magic;
#define SLIRP_UV_MAGIC 0x3c05b2e8u
    struct slirp_uv_config cfg;
    Slirp *slirp;
    uv_prepare_t prepare;
    uv_check_t check;
    struct watch **watches; /* by descriptor; NULL: none */
    size_t n_watches;
    struct clk_timer timer; /* libslirp has something to do then */
    uint64_t newest;        /* socket */
    bool is_paused, is_closing;
    size_t handles;
};

/* -- handles -- */

static void free_if_done(struct slirp_uv *s) {
    if (s->is_closing && s->handles == 0) {
        free(s->watches);
        OBJ_FINI(s);
        free(s);
    }
}

static void on_handle_closed(uv_handle_t *handle) {
    struct slirp_uv *s;
    CAST_OBJ(s, handle->data, SLIRP_UV_MAGIC);
    s->handles--;
    free_if_done(s);
}

static void on_watch_closed(uv_handle_t *handle) {
    struct watch *w;
    CAST_OBJ(w, handle->data, SLIRP_WATCH_MAGIC);
    struct slirp_uv *s = w->s;
    OBJ_FINI(w);
    free(w);
    s->handles--;
    free_if_done(s);
}

/* NULL: the system refuses to watch it. */
static struct watch *watch_of(struct slirp_uv *s, int fd) {
    size_t i = (size_t)fd;
    if (i >= s->n_watches) {
        size_t n = i + 64;
        s->watches = xrealloc(s->watches, n * sizeof(struct watch *));
        memset(s->watches + s->n_watches, 0, (n - s->n_watches) * sizeof(struct watch *));
        s->n_watches = n;
    }
    if (s->watches[i] == NULL) {
        struct watch *w = xmalloc(sizeof *w);
        OBJ_INIT(w, SLIRP_WATCH_MAGIC);
        w->s = s;
        if (uv_poll_init(s->cfg.loop, &w->poll, fd) != 0) {
            OBJ_FINI(w);
            free(w);
            return NULL;
        }
        w->poll.data = w;
        s->handles++;
        s->watches[i] = w;
    }
    return s->watches[i];
}

/* -- the loop's side -- */

/* On an error libuv stops watching and says EBADF: the socket is asked itself, by whatever was to
 * be done with it. */
static void on_poll(uv_poll_t *poll, int status, int events) {
    struct watch *w;
    CAST_OBJ(w, poll->data, SLIRP_WATCH_MAGIC);
    if (status != 0) {
        w->watched = 0;
        w->happened |= SLIRP_POLL_ERR | SLIRP_POLL_HUP | (w->asked & SLIRP_POLL_OUT);
        return;
    }
    w->happened |= (events & UV_READABLE ? SLIRP_POLL_IN : 0) |
                   (events & UV_WRITABLE ? SLIRP_POLL_OUT : 0) |
                   (events & UV_PRIORITIZED ? SLIRP_POLL_PRI : 0);
}

static int add_poll(int fd, int events, void *opaque) {
    struct slirp_uv *s;
    CAST_OBJ(s, opaque, SLIRP_UV_MAGIC);
    struct watch *w = watch_of(s, fd);
    if (w != NULL) {
        w->asked = s->is_paused ? events & ~(SLIRP_POLL_IN | SLIRP_POLL_PRI) : events;
    }
    return fd;
}

static int get_revents(int fd, void *opaque) {
    struct slirp_uv *s;
    CAST_OBJ(s, opaque, SLIRP_UV_MAGIC);
    struct watch *w = s->watches[fd];
    int happened = w != NULL ? w->happened : SLIRP_POLL_ERR | SLIRP_POLL_HUP;
    if (w != NULL) {
        w->happened = 0;
    }
    return happened;
}

static void rewatch(struct watch *w) {
    int wanted = (w->asked & SLIRP_POLL_IN ? UV_READABLE : 0) |
                 (w->asked & SLIRP_POLL_OUT ? UV_WRITABLE : 0) |
                 (w->asked & SLIRP_POLL_PRI ? UV_PRIORITIZED : 0);
    if (wanted == w->watched) {
        return;
    }
    w->watched = wanted;
    if (wanted == 0) {
        uv_poll_stop(&w->poll);
    } else {
        uv_poll_start(&w->poll, wanted, on_poll);
    }
}

static void on_timer(void *ctx) {
    (void)ctx; /* the turn that it makes is what is wanted: on_check */
}

static void on_prepare(uv_prepare_t *prepare) {
    struct slirp_uv *s;
    CAST_OBJ(s, prepare->data, SLIRP_UV_MAGIC);
    uint32_t wait_ms = UINT32_MAX;
    for (size_t i = 0; i < s->n_watches; i++) {
        if (s->watches[i] != NULL) {
            s->watches[i]->asked = 0;
        }
    }
    slirp_pollfds_fill(s->slirp, &wait_ms, add_poll, s);
    for (size_t i = 0; i < s->n_watches; i++) {
        if (s->watches[i] != NULL) {
            rewatch(s->watches[i]);
        }
    }
    int64_t due_us = clk_now(s->cfg.clk).us + CLK_MS(wait_ms).us;
    if (wait_ms != UINT32_MAX && (!clk_pending(&s->timer) || s->timer.due_us > due_us)) {
        clk_start(s->cfg.clk, &s->timer, CLK_MS(wait_ms), on_timer, s);
    }
}

static void on_check(uv_check_t *check) {
    struct slirp_uv *s;
    CAST_OBJ(s, check->data, SLIRP_UV_MAGIC);
    slirp_pollfds_poll(s->slirp, 0, get_revents, s);
}

/* -- libslirp's side -- */

static ssize_t send_packet(const void *frame, size_t n, void *opaque) {
    struct slirp_uv *s;
    CAST_OBJ(s, opaque, SLIRP_UV_MAGIC);
    const uint8_t *p = frame;
    bool is_ip = n > ETHER_HEAD && be_get16(p + ETHER_TYPE_AT) == TYPE_IP;
    if (is_ip && !s->is_closing && n <= FRAME_MAX) {
        static uint8_t packet[FRAME_MAX];
        memcpy(packet, p + ETHER_HEAD, n - ETHER_HEAD);
        s->cfg.output(s->cfg.ctx, packet, n - ETHER_HEAD);
    }
    return (ssize_t)n;
}

static void guest_error(const char *msg, void *opaque) {
    (void)opaque;
    LOG(LOG_NET, LOG_INFO, "slirp", "%s", msg);
}

static int64_t clock_get_ns(void *opaque) {
    struct slirp_uv *s;
    CAST_OBJ(s, opaque, SLIRP_UV_MAGIC);
    return clk_now(s->cfg.clk).us * 1000;
}

/* Timers are for the router advertisements of IPv6, which is off. */
static void *timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque) {
    (void)cb;
    (void)cb_opaque;
    (void)opaque;
    return NULL;
}

static void timer_free(void *timer, void *opaque) {
    (void)timer;
    (void)opaque;
}

static void timer_mod(void *timer, int64_t expire_time, void *opaque) {
    (void)timer;
    (void)expire_time;
    (void)opaque;
}

static void register_poll_fd(int fd, void *opaque) {
    struct slirp_uv *s;
    CAST_OBJ(s, opaque, SLIRP_UV_MAGIC);
    watch_of(s, fd)->number = ++s->newest;
}

static void unregister_poll_fd(int fd, void *opaque) {
    struct slirp_uv *s;
    CAST_OBJ(s, opaque, SLIRP_UV_MAGIC);
    if (fd >= 0 && (size_t)fd < s->n_watches && s->watches[fd] != NULL) {
        uv_close((uv_handle_t *)&s->watches[fd]->poll, on_watch_closed);
        s->watches[fd] = NULL;
    }
}

static void notify(void *opaque) {
    (void)opaque; /* on_prepare comes by in any case */
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_poll_fd,
    .unregister_poll_fd = unregister_poll_fd,
    .notify = notify,
};

/* -- frames -- */

static void put_type(uint8_t *frame, uint16_t type) {
    memset(frame, 0x02, ETHER_TYPE_AT); /* addresses that nobody looks at */
    be_put16(frame + ETHER_TYPE_AT, type);
}

/* "I am here", before libslirp asks who is. */
static void announce_guest(struct slirp_uv *s) {
    static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 1}; /* Ethernet, IPv4, request */
    uint8_t frame[ETHER_HEAD + ARP_SIZE];
    uint32_t ip = htonl(s->cfg.guest_ip);
    put_type(frame, TYPE_ARP);
    uint8_t *arp = frame + ETHER_HEAD;
    memset(arp, 0x02, ARP_SIZE);
    memcpy(arp, head, sizeof head);
    memcpy(arp + 14, &ip, sizeof ip);
    memcpy(arp + 24, &ip, sizeof ip);
    slirp_input(s->slirp, frame, sizeof frame);
}

void slirp_uv_put(struct slirp_uv *s, const uint8_t *p, size_t n) {
    CHECK_OBJ(s, SLIRP_UV_MAGIC);
    static uint8_t frame[FRAME_MAX];
    must(n <= FRAME_MAX - ETHER_HEAD);
    put_type(frame, TYPE_IP);
    memcpy(frame + ETHER_HEAD, p, n);
    slirp_input(s->slirp, frame, (int)(ETHER_HEAD + n));
}

uint64_t slirp_uv_newest(const struct slirp_uv *s) {
    CHECK_OBJ(s, SLIRP_UV_MAGIC);
    return s->newest;
}

void slirp_uv_reset_on_close(struct slirp_uv *s, uint64_t socket) {
    CHECK_OBJ(s, SLIRP_UV_MAGIC);
    const struct linger at_once = {.l_onoff = 1};
    for (size_t fd = 0; fd < s->n_watches; fd++) {
        if (s->watches[fd] != NULL && s->watches[fd]->number == socket) {
            setsockopt((int)fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        }
    }
}

void slirp_uv_set_reading(struct slirp_uv *s, bool on) {
    CHECK_OBJ(s, SLIRP_UV_MAGIC);
    s->is_paused = !on;
}

int slirp_uv_listen(struct slirp_uv *s, bool is_udp, const struct sockaddr_storage *at,
                    uint16_t guest_port) {
    CHECK_OBJ(s, SLIRP_UV_MAGIC);
    struct sockaddr_in guest = {.sin_family = AF_INET, .sin_port = htons(guest_port)};
    guest.sin_addr.s_addr = htonl(s->cfg.guest_ip);
    socklen_t size =
        at->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int rc = slirp_add_hostxfwd(s->slirp, (const struct sockaddr *)at, size,
                                (const struct sockaddr *)&guest, sizeof guest,
                                is_udp ? SLIRP_HOSTFWD_UDP : 0);
    return rc == 0 ? 0 : errno != 0 ? -errno : -EIO;
}

struct slirp_uv *slirp_uv_new(const struct slirp_uv_config *cfg) {
    struct slirp_uv *s = xmalloc(sizeof *s);
    OBJ_INIT(s, SLIRP_UV_MAGIC);
    s->cfg = *cfg;
    const SlirpConfig config = {
        .version = SLIRP_CONFIG_VERSION_MAX,
        .in_enabled = true,
        .vnetwork.s_addr = htonl(SLIRP_NET),
        .vnetmask.s_addr = htonl(UINT32_MAX << (32 - NET_MASK)),
        .vhost.s_addr = htonl(SLIRP_UV_HOST),
        .vdhcp_start.s_addr = htonl(SLIRP_NET | 15),
        .vnameserver.s_addr = htonl(SLIRP_NET | 2),
        .if_mtu = cfg->mtu,
        .if_mru = cfg->mtu,
        .disable_dns = true,
        .disable_dhcp = true,
    };
    s->slirp = slirp_new(&config, &callbacks, s);
    if (s->slirp == NULL) {
        LOG(LOG_NET, LOG_ERROR, "slirp", "libslirp %s refuses", slirp_version_string());
        OBJ_FINI(s);
        free(s);
        return NULL;
    }
    uv_prepare_init(cfg->loop, &s->prepare);
    s->prepare.data = s;
    uv_prepare_start(&s->prepare, on_prepare);
    uv_check_init(cfg->loop, &s->check);
    s->check.data = s;
    uv_check_start(&s->check, on_check);
    s->handles = 2;
    announce_guest(s);
    return s;
}

void slirp_uv_close(struct slirp_uv *s) {
    if (s == NULL) {
        return;
    }
    CHECK_OBJ(s, SLIRP_UV_MAGIC);
    s->is_closing = true;
    slirp_cleanup(s->slirp);
    clk_stop(s->cfg.clk, &s->timer);
    for (size_t fd = 0; fd < s->n_watches; fd++) {
        unregister_poll_fd((int)fd, s);
    }
    uv_close((uv_handle_t *)&s->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&s->check, on_handle_closed);
}
