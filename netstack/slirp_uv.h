/* slirp_uv.h: libslirp on libuv: IP packets of one guest on this side, sockets of the host on the
 * other.
 *
 * libslirp wants Ethernet: frames are put around the packets here, and its question for the guest's
 * address is answered before it is asked. Its own network is one that nobody can address
 * (240.0.0.0/24), so that its built-in servers are out of reach; who calls from the host's loopback
 * is shown as SLIRP_UV_HOST. Its clock is ours.
 *
 * Owns:    the sockets, until slirp_uv_close; the memory goes with the last handle.
 * Borrows: loop, clock; the output's context.
 * Calls back: output, from slirp_uv_put and from the loop, never after slirp_uv_close.
 */
#ifndef NETSTACK_SLIRP_UV_H
#define NETSTACK_SLIRP_UV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct clk;
struct slirp_uv;
struct uv_loop_s;

#define SLIRP_UV_HOST 0xf0000001u /* 240.0.0.1 */

struct slirp_uv_config {
    struct uv_loop_s *loop;
    struct clk *clk;
    uint32_t guest_ip;
    size_t mtu;
    /* A packet to the guest, which may be changed in place. */
    void (*output)(void *ctx, uint8_t *p, size_t n);
    void *ctx;
};

/* NULL: libslirp has refused; the reason is logged. */
struct slirp_uv *slirp_uv_new(const struct slirp_uv_config *cfg);
void slirp_uv_close(struct slirp_uv *s); /* NULL is allowed */

void slirp_uv_put(struct slirp_uv *s, const uint8_t *p, size_t n); /* from the guest */

/* libslirp tells the host's peer of a guest's RST by closing, which says FIN. So: the socket that
 * was made last, as a number that stays its own, and that this one is closed with RST. */
uint64_t slirp_uv_newest(const struct slirp_uv *s);
void slirp_uv_reset_on_close(struct slirp_uv *s, uint64_t socket); /* gone: nothing happens */

/* Back-pressure: off, what comes for the guest stays with the host. */
void slirp_uv_set_reading(struct slirp_uv *s, bool on);

/* Who calls at this address of the host reaches the guest's port. -E...: it cannot be had. */
int slirp_uv_listen(struct slirp_uv *s, bool is_udp, const struct sockaddr_storage *at,
                    uint16_t guest_port);

#endif
