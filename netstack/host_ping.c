/* Ping of host_uv: one echo request by an ICMP socket, which the host may allow to users
 * (net.ipv4.ping_group_range), else by a raw one, which it allows to root. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netstack/host_uv_priv.h"

enum {
    DATA_MAX = 65507 - sizeof(struct icmphdr), /* of an IPv4 packet */
    REPLY_MAX = 128, /* both headers; the data of a reply is not looked at */
};

struct ping {
    uint32_t magic;
#define PING_SOCKET_MAGIC 0x38c5e0a7u
    struct host_query *q; /* NULL: stopped */
    struct host_uv *h;
    uv_poll_t poll;
    int fd;
    bool is_raw;
    uint16_t id; /* of a raw socket; else the kernel sets it */
    clk_mono sent_at;
};

static uint16_t checksum(const uint8_t *p, size_t n) {
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < n; i += 2) {
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    }
    if (n % 2 != 0) {
        sum += (uint32_t)p[n - 1] << 8;
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return htons((uint16_t)~sum);
}

static int open_socket(bool *is_raw) {
    int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    *is_raw = false;
    int fd = socket(AF_INET, SOCK_DGRAM | flags, IPPROTO_ICMP);
    if (fd < 0) {
        *is_raw = true;
        fd = socket(AF_INET, SOCK_RAW | flags, IPPROTO_ICMP);
    }
    return fd < 0 ? -EACCES : fd;
}

static int send_request(const struct ping *p, const struct sockaddr_in *to,
                        const struct host_ping *ping) {
    size_t size = ping->size < DATA_MAX ? ping->size : DATA_MAX;
    size_t n = sizeof(struct icmphdr) + size;
    uint8_t *packet = xmalloc(n);
    struct icmphdr head = {.type = ICMP_ECHO};
    head.un.echo.id = htons(p->id);
    head.un.echo.sequence = htons(1);
    memcpy(packet, &head, sizeof head);
    for (size_t i = 0; i < size; i++) {
        packet[sizeof head + i] = (uint8_t)('a' + i % 23);
    }
    head.checksum = checksum(packet, n);
    memcpy(packet, &head, sizeof head);
    ssize_t sent = sendto(p->fd, packet, n, 0, (const struct sockaddr *)to, sizeof *to);
    int err = sent < 0 ? -errno : 0;
    free(packet);
    return err;
}

static bool is_reply(const struct ping *p, const uint8_t *packet, size_t n) {
    if (p->is_raw) {
        struct iphdr ip;
        if (n < sizeof ip) {
            return false;
        }
        memcpy(&ip, packet, sizeof ip);
        size_t skip = (size_t)ip.ihl * 4;
        if (n < skip) {
            return false;
        }
        packet += skip;
        n -= skip;
    }
    struct icmphdr head;
    if (n < sizeof head) {
        return false;
    }
    memcpy(&head, packet, sizeof head);
    return head.type == ICMP_ECHOREPLY && (!p->is_raw || head.un.echo.id == htons(p->id));
}

static unsigned ttl_of(struct msghdr *msg) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_TTL) {
            int ttl = 0;
            memcpy(&ttl, CMSG_DATA(c), sizeof ttl);
            return (unsigned)ttl;
        }
    }
    return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    (void)status; /* an error of the socket is consumed by the read */
    (void)events;
    struct ping *p;
    CAST_OBJ(p, poll->data, PING_SOCKET_MAGIC);
    uint8_t packet[REPLY_MAX];
    char control[64];
    struct iovec iov = {packet, sizeof packet};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(p->fd, &msg, 0);
    if (n < 0 || !is_reply(p, packet, (size_t)n)) {
        return;
    }
    uv_poll_stop(&p->poll);
    p->q->ttl = ttl_of(&msg);
    p->q->rtt_us = clk_since(p->h->clk, p->sent_at).us;
    host_uv_query_end(p->q, 0);
}

static void on_closed(uv_handle_t *handle) {
    struct ping *p;
    CAST_OBJ(p, handle->data, PING_SOCKET_MAGIC);
    struct host_uv *h = p->h;
    close(p->fd);
    OBJ_FINI(p);
    free(p);
    host_uv_handle_closed(h);
}

static void stop(struct host_query *q) {
    struct ping *p;
    CAST_OBJ(p, q->kind, PING_SOCKET_MAGIC);
    p->q = NULL;
    uv_close((uv_handle_t *)&p->poll, on_closed);
}

void host_ping_start(struct host_query *q, const struct host_ping *ping) {
    struct sockaddr_storage addr;
    route_to_host(q->h->route, &(struct net_addr){.ip = ping->ip}, &addr);
    bool is_raw = false;
    int fd = addr.ss_family == AF_INET ? open_socket(&is_raw) : -ENETUNREACH;
    if (fd < 0) {
        host_uv_query_end(q, fd);
        return;
    }
    struct ping *p = xmalloc(sizeof *p);
    OBJ_INIT(p, PING_SOCKET_MAGIC);
    p->q = q;
    p->h = q->h;
    p->fd = fd;
    p->is_raw = is_raw;
    p->id = (uint16_t)(getpid() + ++q->h->ping_id);
    int err = uv_poll_init(p->h->loop, &p->poll, fd);
    if (err != 0) {
        close(fd);
        OBJ_FINI(p);
        free(p);
        host_uv_query_end(q, err);
        return;
    }
    p->poll.data = p;
    host_uv_handle_opened(p->h);
    q->kind = p;
    q->stop = stop;

    int ttl = (int)ping->ttl;
    int on = 1;
    setsockopt(fd, SOL_IP, IP_TTL, &ttl, sizeof ttl);
    setsockopt(fd, SOL_IP, IP_RECVTTL, &on, sizeof on);
    struct sockaddr_in to;
    memcpy(&to, &addr, sizeof to);
    to.sin_port = 0;
    p->sent_at = clk_now(p->h->clk);
    uv_poll_start(&p->poll, UV_READABLE, on_poll);
    err = send_request(p, &to, ping);
    if (err != 0) {
        host_uv_query_end(q, err == -EACCES ? -EHOSTUNREACH : err);
    }
}
