/* ppp_peer.h: the driver's end of a dial-up link, just enough to dial one.
 *
 * Says what it is told to, answers what it must, and says its own requests again when it is poked,
 * which is its only clock. Takes any config of the other side that it knows; what it does not know
 * it rejects. Caller's memory.
 */
#ifndef TESTS_SUPPORT_PPP_PEER_H
#define TESTS_SUPPORT_PPP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "netstack/ppp/hdlc.h"

struct ppp_peer_layer {
    bool is_acked, has_acked; /* our request; theirs */
    uint8_t id;
};

struct ppp_peer {
    /* How it is: set before the first byte. */
    const char *user, *password;
    bool is_shy;             /* never says who it is, though it has agreed to */
    bool no_pap, no_chap;    /* rejects the option, or naks it towards the other one */
    uint8_t lcp_request[64]; /* options */
    size_t n_lcp_request;
    /* What has become of it. */
    struct ppp_peer_layer lcp, ipcp;
    uint8_t addresses[18]; /* options of IPCP: its address and two name servers */
    bool gives_up[3];      /* of these: they were rejected */
    unsigned auth;         /* the protocol that it was asked for, 0: none */
    bool is_refused, is_let_in, is_terminated, is_terminate_acked;
    unsigned challenges, naks, rejects, protocol_rejects, echoes, packets;
    void (*on_packet)(void *ctx, const uint8_t *p, size_t n); /* each of IP; may be NULL */
    void *ctx;
    uint8_t packet[HDLC_PAYLOAD_MAX]; /* the newest of IP */
    size_t n_packet;
    struct hdlc_rx rx;
    struct hdlc_tx tx;
    struct buf out;
};

void ppp_peer_init(struct ppp_peer *p);
void ppp_peer_fini(struct ppp_peer *p);
void ppp_peer_poke(struct ppp_peer *p); /* its restart timers */
void ppp_peer_rx(struct ppp_peer *p, const uint8_t *bytes, size_t n);
void ppp_peer_say(struct ppp_peer *p, uint16_t protocol, const void *bytes, size_t n);
bool ppp_peer_is_up(const struct ppp_peer *p);
uint32_t ppp_peer_ip(const struct ppp_peer *p, unsigned which); /* 0: its own, 1, 2: name servers */

#endif
