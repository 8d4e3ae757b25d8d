/* links.h: what a driver knows of its links, and what their far ends see: each byte carries its
 * place, so that one that is lost, doubled or late is seen at both ends.
 *
 * A far end sends and takes by itself (far_*); what it got is looked at in each turn.
 *
 * Borrows: the world and the verdict.
 */
#ifndef TESTS_SIMULATE_LINKS_H
#define TESTS_SIMULATE_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "netstack/net.h"
#include "tests/simulate/world.h"

enum { LINKS_FARS = 4096, LINKS_LIVE = 64, LINKS_DATAGRAMS = 64 };

/* The far end of a TCP link, from its connect or call until the module has ended it. */
struct links_far {
    struct fake_link *link;
    uint32_t number;   /* pN in the dialogue, and the key of its payload */
    uint64_t accepted; /* bytes that the module took for it */
    uint64_t seen;     /* bytes that came */
    uint64_t sent;     /* bytes it sent */
    bool has_ended;    /* it has sent a FIN or a RST */
    bool was_reset;
    bool is_narrow; /* its window is closed, or will be */
    bool is_lossy;  /* what is under way may be lost: the module or the network ended it */
};

struct links_datagram {
    uint32_t key; /* of its payload */
    size_t n;
    struct net_addr to;
};

enum links_state { LINKS_FREE, LINKS_OPENING, LINKS_OPEN, LINKS_ENDED };

struct links_link {
    enum links_state state;
    enum net_proto proto;
    int server;
    struct net_addr peer;
    struct links_far *far; /* TCP: of the link that is or was; NULL: there was none yet */
    uint64_t got;          /* bytes that the driver has */
    size_t sending;        /* bytes of the CIPSEND that +CIPSEND is due for; 0: none */
    int64_t closed_us;     /* when a command closed it; 0: none did */
    int64_t due_us;        /* of the answer to an open or a send */
    uint16_t port;         /* UDP: its own */
    /* UDP: sent to it and not read yet; `got` counts in the first. */
    struct links_datagram datagrams[LINKS_DATAGRAMS];
    size_t first, ndatagrams;
};

struct links {
    uint32_t magic;
#define LINKS_MAGIC 0x11a4b5e1u
    struct world *world;
    struct verdict *verdict;
    struct links_far fars[LINKS_FARS]; /* in the order in which they came */
    size_t nfars;
    struct links_far *live[LINKS_LIVE]; /* those that the module has not ended */
    size_t nlive;
    struct links_link links[LIMIT_LINKS];
    struct {
        uint16_t port; /* 0: it does not listen */
    } servers[LIMIT_SERVERS];
    struct links_datagram sent[LINKS_DATAGRAMS]; /* by the module, and not arrived yet */
    size_t first_sent, nsent;
    bool is_open;        /* the service */
    bool is_relaxed;     /* whatever arrives is all right */
    int64_t manual_us;   /* when data was last to be fetched */
    int64_t open_due_us; /* +NETOPEN is due; 0: it is not */
    int64_t close_due_us;
    uint32_t numbers; /* of far ends and datagrams so far */
    uint64_t checks;
};

void links_start(struct links *ls, struct world *w);
/* The module was restarted: nothing is open any more, and nothing is due. */
void links_forget(struct links *ls);
/* The same, and nobody looks at their far ends any more; nor, on, at any others. */
void links_abandon(struct links *ls, bool on);
/* The service is closed by a command or by the network. */
void links_close_all(struct links *ls);
/* The network is gone: what is under way is lost. */
void links_lost(struct links *ls);

void links_fill(uint32_t key, uint64_t at, uint8_t *to, size_t n);

/* -- what commands do -- */
/* The address of the next far end; each has its own. */
struct net_addr links_peer(const struct links *ls); /* which it will be */
/* `how`: "", " refuse", " black-hole". */
struct net_addr links_next_peer(struct links *ls, enum net_proto proto, const char *how);
void links_name(struct links *ls, const char *name, uint32_t ip); /* has an address from now on */
void links_opening(struct links *ls, unsigned n, const struct net_addr *peer, clk_dur timeout);
void links_sending(struct links *ls, unsigned n, size_t bytes, clk_dur timeout);
/* The payload of the next datagram, of n bytes, which goes to the link's peer. */
void links_datagram(struct links *ls, unsigned n, uint8_t *to, size_t bytes);
/* It was refused. */
void links_unsent(struct links *ls, unsigned n, size_t bytes);
void links_closed(struct links *ls, unsigned n); /* by a command */

/* -- what the module says -- */
void links_urc(struct links *ls, const char *text);
size_t links_pushed(struct links *ls, const uint8_t *p, size_t n);
/* Data mode: of these bytes those that are the link's next ones. Returns how many. */
size_t links_take(struct links *ls, unsigned n, const uint8_t *p, size_t len);
void links_connected(struct links *ls, unsigned n); /* CONNECT */
void links_bound(struct links *ls, unsigned n, const struct net_addr *peer, uint16_t port);
void links_received(struct links *ls, unsigned n, const uint8_t *p, size_t len);

/* -- far ends -- */
struct links_far *links_any_far(struct links *ls, uint64_t which); /* NULL: there is none */
/* A datagram from the peer of some UDP link. */
void links_far_datagram(struct links *ls, uint64_t which, size_t n);
/* Calls a server of the module. */
void links_call(struct links *ls, unsigned server);
void links_far_send(struct links *ls, struct links_far *f, size_t n);
void links_far_end(struct links *ls, struct links_far *f, bool is_reset);
void links_far_window(struct links *ls, struct links_far *f, size_t n);

void links_open_windows(struct links *ls);
void links_turn(struct links *ls); /* far ends look at what came */
/* Whether all that was due came in time; when all is quiet, also whether all bytes are there. */
void links_check(struct links *ls, bool is_quiet);
/* Received data is to be fetched, and not pushed. */
bool links_is_manual(const struct links *ls);

#endif
