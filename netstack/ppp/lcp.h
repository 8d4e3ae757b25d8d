/* lcp.h: the Link Control Protocol of a dial-up link (RFC 1661 6, RFC 1662 7): its options, and
 * the echo that finds out whether the peer is still there.
 *
 * Caller's memory. Borrows: clock, events. Calls back: events, from inside lcp_ calls and timers.
 */
#ifndef NETSTACK_PPP_LCP_H
#define NETSTACK_PPP_LCP_H

#include "base/rng.h"
#include "netstack/ppp/ppp_cp.h"

enum { LCP_PROTOCOL = 0xc021, LCP_MRU_LEAST = 128 };

/* Ways to ask the peer who it is; bits, so that several may be offered. */
enum ppp_auth { PPP_AUTH_NONE = 0, PPP_AUTH_PAP = 1, PPP_AUTH_CHAP = 2 };

struct lcp_config {
    uint32_t accm;          /* control characters that the peer is asked to escape */
    unsigned auth;          /* of enum ppp_auth; CHAP is asked for first */
    bool is_auth_required;  /* a peer that refuses is not let in */
    clk_dur echo_interval;  /* 0: the peer is not asked whether it is there */
    unsigned echo_failures; /* so many in a row unanswered: it is not */
};

struct lcp_events {
    void (*send)(void *ctx, uint16_t protocol, const uint8_t *p, size_t n);
    void (*up)(void *ctx);
    void (*down)(void *ctx);
    void (*finished)(void *ctx);
    void (*terminated)(void *ctx);
    void (*protocol_rejected)(void *ctx, uint16_t protocol);
    /* The link is of no use; who hears it closes it. */
    void (*auth_refused)(void *ctx); /* the peer says none of the ways asked for */
    void (*looped)(void *ctx);       /* what is sent comes back */
    void (*dead)(void *ctx);         /* echoes are not answered */
};

/* What the two sides have agreed on; defaults where nothing was said. */
struct lcp_side {
    uint32_t accm;
    uint16_t mru;
    bool pfc, acfc;
    uint32_t magic; /* 0: none */
};

struct lcp {
    uint32_t magic;
#define LCP_MAGIC 0x1c9a70b3u
    struct ppp_cp cp;
    struct lcp_config cfg;
    const struct lcp_events *ev;
    void *ctx;
    struct rng rng;
    struct lcp_side peer;
    struct lcp_side own; /* what we still ask for */
    bool asks_accm;
    enum ppp_auth auth; /* the way now asked for */
    unsigned auth_left; /* ways not refused yet */
    unsigned loops;
    struct clk_timer echo;
    unsigned unanswered;
    bool is_paused;
};

void lcp_init(struct lcp *l, const struct lcp_config *cfg, const struct lcp_events *ev, void *ctx,
              struct clk *clk, uint64_t seed);
void lcp_fini(struct lcp *l);
void lcp_start(struct lcp *l); /* the line is there: the first Configure-Request goes out */
void lcp_receive(struct lcp *l, const uint8_t *p, size_t n);
void lcp_close(struct lcp *l);

/* The packet with its protocol goes back as one that is not known. */
void lcp_reject_protocol(struct lcp *l, uint16_t protocol, const uint8_t *p, size_t n);
void lcp_heard(struct lcp *l);               /* the peer has sent something: it is there */
void lcp_set_paused(struct lcp *l, bool on); /* nobody reads the line: no echo is missed */

#endif
