/* sockets.h: the module's TCP/IP service: opened or not, ten links, four servers.
 *
 * Knows nothing of AT. Results that come later are posted on the bus (events.h). What
 * a call ends (a look-up, a send under way, everything when the network goes) is posted
 * from inside it.
 *
 * Owns:    streams, datagram sockets, listeners, look-ups and pending sends.
 * Borrows: the bus, the bearer (which decides whether there is a network at all).
 */
#ifndef EMULATOR_MODEL_SOCKETS_H
#define EMULATOR_MODEL_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/sv.h"
#include "emulator/model/events.h"
#include "netstack/impair.h"
#include "netstack/net.h"
#include "netstack/stream.h"

struct bearer;
struct bus;
struct bus_verdict;
struct sockets;

enum link_state {
    LINK_FREE,
    LINK_OPENING, /* looking a name up or connecting */
    LINK_OPEN,
    LINK_ENDED, /* over, but received data may still be read */
};

struct link_info {
    enum link_state state;
    enum net_proto proto;
    int server;           /* -1: a client link */
    struct net_addr peer; /* 0.0.0.0 and 0 of a UDP link without one */
    void *tag;
    unsigned life; /* another one: the number is another link's by now */
};

struct link_target {
    struct sv host; /* address or name */
    uint16_t port;
    uint16_t local_port;  /* 0: any */
    clk_dur timeout;      /* AT+CIPTIMEOUT */
    unsigned dns_retries; /* AT+CIPDNSSET */
};

struct sockets *sockets_new(struct bus *bus, struct bearer *bearer);
void sockets_free(struct sockets *sk); /* closes every link and server; NULL is allowed */

/* -- the service -- */

/* 0: TOPIC_NET_OPENED follows, IP_TIMEOUT when the network took longer to open than `timeout`
 * (AT+CIPTIMEOUT). IP_SOCKETS_OPENED: it is open already. IP_NETWORK_FAILURE: there is no packet
 * service. `context` is what came of the activation: what failed or was not answered fails it, and
 * it is asked about itself (ASK_NET_OPEN). */
enum ip_err sockets_open(struct sockets *sk, clk_dur timeout, const struct bus_verdict *context,
                         void *tag);
/* 0: every link and server is closed and TOPIC_NET_CLOSED follows. IP_NOT_OPENED. */
enum ip_err sockets_close(struct sockets *sk, void *tag);
/* As new, without a word: the module has gone off, and with it the network. */
void sockets_forget(struct sockets *sk);
/* What happens to the service, links and servers of `from` is told to `to` from now on. */
void sockets_hand_over(struct sockets *sk, void *from, void *to);
bool sockets_is_open(const struct sockets *sk);
bool sockets_was_lost(const struct sockets *sk); /* closed by the loss of the network */

/* -- links -- */

void link_info(const struct sockets *sk, unsigned n, struct link_info *out);

/* 0: TOPIC_LINK_OPENED follows. Else why not, at once. */
enum ip_err link_connect(struct sockets *sk, unsigned n, const struct link_target *to, void *tag);
/* UDP; `peer` may be NULL. Done when it returns 0. */
enum ip_err link_bind(struct sockets *sk, unsigned n, uint16_t local_port,
                      const struct net_addr *peer, void *tag);
/* Closes whatever state it is in and forgets unread data. IP_NOT_SUPPORTED: nothing is open.
 * On a dormant bearer the peer is not told, unless `fin_when_dormant` (note 2.9). */
enum ip_err link_close(struct sockets *sk, unsigned n);
void sockets_set_fin_when_dormant(struct sockets *sk, bool on);
/* Forgets the unread data of a link that has ended; any other stays as it is. */
void link_release(struct sockets *sk, unsigned n);

/* 0: *is_done says whether the stack has taken all already; if not, TOPIC_LINK_SENT follows when it
 * has, or (wait_ack) when the peer has acknowledged it, or after `timeout`. IP_BUSY: an earlier one
 * is under way. `to` is for UDP. */
enum ip_err link_send(struct sockets *sk, unsigned n, const void *p, size_t len,
                      const struct net_addr *to, bool wait_ack, clk_dur timeout, bool *is_done);
/* Data mode: takes what fits and returns how many bytes; fewer than len: TOPIC_LINK_ROOM follows. A
 * UDP link sends them as datagrams of at most LIMIT_PUSH bytes to its peer. */
size_t link_put(struct sockets *sk, unsigned n, const void *p, size_t len);
size_t link_room(const struct sockets *sk, unsigned n); /* bytes link_put would take now */
void link_want_room(struct sockets *sk, unsigned n);    /* TOPIC_LINK_ROOM when that becomes more */
bool link_is_sending(const struct sockets *sk, unsigned n);

/* -- what happens to a link from outside -- */

/* As if the peer had closed it (NET_CLOSE_REMOTE), reset it, or never answered any more: the close
 * comes behind data that is under way. The peer gets a FIN behind what the link still owes it, else
 * a RST. -ENOTCONN: no open TCP link. */
int link_end(struct sockets *sk, unsigned n, enum net_close why);
/* What is wrong with a link's own path. -ENOTCONN, NULL: it has none. */
int link_impair(struct sockets *sk, unsigned n, enum impair_direction dir, const struct impair *im);
const struct impair *link_impairments(const struct sockets *sk, unsigned n,
                                      enum impair_direction dir);

/* Received data: all of a TCP link, the oldest datagram of a UDP link. */
const uint8_t *link_peek(const struct sockets *sk, unsigned n, struct net_addr *from, size_t *len);
void link_consume(struct sockets *sk, unsigned n, size_t len);
size_t link_available(const struct sockets *sk, unsigned n); /* all datagrams together */
void link_counts(const struct sockets *sk, unsigned n, struct stream_counts *out);

/* -- servers -- */

/* Its callers get the lowest free one of the links `first` to LIMIT_LINKS - 1. `is_single`: only
 * `first`, and not before link_release if it has ended. */
struct server_links {
    unsigned first;
    bool is_single;
};
enum ip_err server_start(struct sockets *sk, unsigned i, uint16_t port, struct server_links links,
                         void *tag);
enum ip_err server_stop(struct sockets *sk, unsigned i); /* accepted links stay (note 2.3.4) */
bool server_port(const struct sockets *sk, unsigned i, uint16_t *port); /* whether it listens */

#endif
