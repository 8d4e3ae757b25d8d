/* ppp_cp.h: the option negotiation automaton of RFC 1661 4, for LCP and IPCP alike.
 *
 * The automaton is a table of cells; a protocol is a table of options and some words about what
 * its being up means. The packets go out through `send`.
 *
 * Caller's memory. Borrows: clock, ops, their context.
 * Calls back: everything of ops, from inside ppp_cp_ calls and from its timer.
 * Time: restart timer 3 s, 10 Configure-Requests, 2 Terminate-Requests, 5 Configure-Naks
 *       (RFC 1661 4.6).
 */
#ifndef NETSTACK_PPP_PPP_CP_H
#define NETSTACK_PPP_PPP_CP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "netstack/ppp/hdlc.h"

enum ppp_code {
    PPP_CONF_REQ = 1,
    PPP_CONF_ACK,
    PPP_CONF_NAK,
    PPP_CONF_REJ,
    PPP_TERM_REQ,
    PPP_TERM_ACK,
    PPP_CODE_REJ,
};

enum { PPP_HEAD = 4 }; /* code, identifier, length of two bytes */

enum ppp_cp_state {
    PPP_INITIAL,
    PPP_STARTING,
    PPP_CLOSED,
    PPP_STOPPED,
    PPP_CLOSING,
    PPP_STOPPING,
    PPP_REQ_SENT,
    PPP_ACK_RCVD,
    PPP_ACK_SENT,
    PPP_OPENED,
    PPP_STATES,
};

enum ppp_cp_event {
    PPP_UP,
    PPP_DOWN,
    PPP_OPEN,
    PPP_CLOSE,
    PPP_TO_PLUS, /* time-out with tries left */
    PPP_TO_MINUS,
    PPP_RCR_PLUS, /* Configure-Request, acceptable */
    PPP_RCR_MINUS,
    PPP_RCA, /* Configure-Ack */
    PPP_RCN, /* Configure-Nak or -Reject */
    PPP_RTR, /* Terminate-Request */
    PPP_RTA,
    PPP_RUC,      /* unknown code */
    PPP_RXJ_PLUS, /* Code- or Protocol-Reject that can be lived with */
    PPP_RXJ_MINUS,
    PPP_RXR, /* what only an open link answers */
    PPP_EVENTS,
};

enum ppp_verdict { PPP_ACK, PPP_NAK, PPP_REJ };

enum { PPP_VALUE_MAX = 8 }; /* bytes of an option's value in our requests and naks */

/* One option. A function that is NULL: we never ask for it; the peer's is rejected. */
struct ppp_option {
    uint8_t type;
    uint8_t size; /* bytes of the value in the peer's request; another size is rejected */
    /* Our own: its value's size, -1: not asked for. */
    int (*ask)(void *ctx, uint8_t value[PPP_VALUE_MAX]);
    void (*nakked)(void *ctx, const uint8_t *value, size_t n); /* the peer would rather have this */
    void (*rejected)(void *ctx);
    /* The peer's: for PPP_NAK, `better` of the same size. */
    enum ppp_verdict (*judge)(void *ctx, const uint8_t *value, uint8_t *better);
    void (*agreed)(void *ctx, const uint8_t *value); /* it is in force */
};

struct ppp_cp_ops {
    const char *name;
    uint16_t protocol;
    const struct ppp_option *options;
    size_t n_options;
    void (*send)(void *ctx, uint16_t protocol, const uint8_t *p, size_t n);
    void (*up)(void *ctx);
    void (*down)(void *ctx);
    void (*finished)(void *ctx);
    void (*terminated)(void *ctx);    /* the peer has ended it, and has its Terminate-Ack */
    void (*peer_defaults)(void *ctx); /* before `agreed` of what the peer has asked for */
    uint8_t last_code;                /* those after PPP_CODE_REJ are the protocol's own */
    /* One of these came; the peer does not know one of these. */
    void (*other)(void *ctx, uint8_t code, uint8_t id, const uint8_t *data, size_t n);
    void (*code_rejected)(void *ctx, uint8_t code);
};

struct ppp_cp {
    uint32_t magic;
#define PPP_CP_MAGIC 0x7c90c1e5u
    const struct ppp_cp_ops *ops;
    void *ctx;
    struct clk *clk;
    enum ppp_cp_state state;
    struct clk_timer restart;
    unsigned tries; /* of the restart counter, left */
    unsigned naks_sent, naks_taken;
    uint8_t id;         /* of the newest packet that is ours */
    uint8_t request_id; /* of the newest Configure-Request, and its options */
    uint8_t options[64];
    size_t n_options;
    uint64_t malformed; /* packets that were none */
};

void ppp_cp_init(struct ppp_cp *cp, const struct ppp_cp_ops *ops, void *ctx, struct clk *clk);
void ppp_cp_fini(struct ppp_cp *cp); /* allowed twice */

void ppp_cp_up(struct ppp_cp *cp); /* the layer below */
void ppp_cp_down(struct ppp_cp *cp);
void ppp_cp_open(struct ppp_cp *cp);
void ppp_cp_close(struct ppp_cp *cp);
void ppp_cp_rejected(struct ppp_cp *cp); /* the peer does not know the protocol */

void ppp_cp_receive(struct ppp_cp *cp, const uint8_t *p, size_t n);

/* A packet with its head. `n` bytes of data are cut to what fits a frame. */
void ppp_cp_send(struct ppp_cp *cp, uint8_t code, uint8_t id, const void *data, size_t n);

const char *ppp_cp_state_name(enum ppp_cp_state state);

#endif
