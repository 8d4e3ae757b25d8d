/* ppp.h: the network's side of a dial-up link: bytes of the line in and out, IP packets in and out.
 *
 * LCP, then who the peer is if that is asked, then IPCP; what else the peer would like to speak
 * gets a Protocol-Reject. The link begins to talk when it is made. Its output is taken, not
 * pushed: see ppp_out. Back-pressure: while the output is full ppp_rx takes nothing and ppp_send
 * refuses.
 *
 * Owns:    the output, at most LIMIT_PPP_OUT bytes. Borrows: clock, events and their context.
 * Calls back: `closed` and `room` from a turn of their own, where the link may be freed; the others
 *          from inside ppp_rx, ppp_close and timers, `output` from ppp_send too, where it may not.
 */
#ifndef NETSTACK_PPP_PPP_H
#define NETSTACK_PPP_PPP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netstack/ppp/auth.h"
#include "netstack/ppp/hdlc.h"
#include "netstack/ppp/ipcp.h"
#include "netstack/ppp/lcp.h"

struct ppp;

enum ppp_close {
    PPP_CLOSE_LOCAL,       /* ppp_close */
    PPP_CLOSE_PEER,        /* Terminate-Request: its Ack is in the output */
    PPP_CLOSE_NEGOTIATION, /* no agreement, or nobody there */
    PPP_CLOSE_AUTH,        /* not who it should be, or would not say */
    PPP_CLOSE_LOOP,        /* the line sends back what it is sent */
    PPP_CLOSE_DEAD,        /* echoes are not answered */
};

struct ppp_config {
    struct clk *clk;
    uint64_t seed;
    struct lcp_config lcp;
    struct ipcp_config ipcp;
};

struct ppp_events {
    void (*output)(void *ctx); /* there are bytes for ppp_out */
    /* IP may pass, packets of at most `mtu` to the peer. Comes again when the peer negotiates
     * anew. */
    void (*opened)(void *ctx, size_t mtu);
    void (*packet)(void *ctx, const uint8_t *p, size_t n); /* from the peer */
    void (*room)(void *ctx);                               /* after a refused ppp_send */
    bool (*accept)(void *ctx, const struct auth_login *login);
    void (*closed)(void *ctx, enum ppp_close why); /* once; what is in the output may still go */
    /* Each frame that passes, for who looks on; calls nothing of the link. May be NULL. */
    void (*frame)(void *ctx, bool is_out, uint16_t protocol, const uint8_t *p, size_t n);
};

struct ppp_counts {
    uint64_t packets_in, bytes_in, packets_out, bytes_out; /* IP */
    uint64_t dropped;   /* packets from the peer before IP was up */
    uint64_t malformed; /* control packets that were none */
    uint64_t unsent;    /* control packets that the output had no room for */
    struct hdlc_counts frames;
};

struct ppp *ppp_new(const struct ppp_config *cfg, const struct ppp_events *ev, void *ctx);
void ppp_free(struct ppp *ppp); /* NULL is allowed */

/* Bytes of the line; returns how many were taken. Fewer: the output is full, and they are offered
 * again when it has room. After the end none are: they are for who comes next. */
size_t ppp_rx(struct ppp *ppp, const uint8_t *p, size_t n);

/* What is to go out; ppp_out_done says how much of it went. */
const uint8_t *ppp_out(const struct ppp *ppp, size_t *n);
void ppp_out_done(struct ppp *ppp, size_t n);

/* An IP packet to the peer. -ENETDOWN: IP is not up; -EMSGSIZE: over its MTU; -ENOBUFS: the output
 * is full, `room` follows. */
int ppp_send(struct ppp *ppp, const uint8_t *p, size_t n);

/* Says goodbye: `closed` comes when the peer has said so too, after 6 s without it. */
void ppp_close(struct ppp *ppp);

/* Command state: nobody at the other end hears PPP, so that no echo is missed. */
void ppp_set_paused(struct ppp *ppp, bool on);

bool ppp_is_up(const struct ppp *ppp); /* IP may pass */
void ppp_counts(const struct ppp *ppp, struct ppp_counts *out);
const char *ppp_close_name(enum ppp_close why);

#endif
