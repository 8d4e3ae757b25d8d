/* stream.h: one TCP link of the module: states, both buffers and byte accounting.
 *
 * Owns:    its buffers and the host socket. Borrows: the bearer, until closed.
 * Freed:   by stream_free only, which its user calls whatever the state.
 * Calls back: never from inside a stream_ call; after stream_free or
 *          stream_close never again.
 * Bounds:  LIMIT_STREAM_IN received bytes, then the host socket is not read and the
 *          peer's window closes; LIMIT_STREAM_OUT accepted ones, then stream_send takes less.
 */
#ifndef NETSTACK_STREAM_H
#define NETSTACK_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "netstack/net.h"

struct bearer;
struct host_tcp;
struct impair;
struct net_stream;

enum stream_state { STREAM_CONNECTING, STREAM_OPEN, STREAM_CLOSED };

struct stream_events {
    void (*on_open)(void *ctx, int err); /* 0, or why not: -ECONNREFUSED, -ETIMEDOUT, ... */
    void (*on_data)(void *ctx);          /* more to read than before */
    void (*on_room)(void *ctx);          /* after a short send: takes more; may be NULL */
    void (*on_acked)(void *ctx);         /* all bytes sent are acknowledged; may be NULL */
    /* Over, once; what was received before stays readable until stream_free. */
    void (*on_closed)(void *ctx, enum net_close why);
};

struct stream_counts {
    uint64_t sent;     /* bytes accepted by stream_send */
    uint64_t acked;    /* of these, acknowledged by the peer */
    uint64_t received; /* bytes that came from the peer */
};

/* Connects; on_open says how it went, -ETIMEDOUT after `timeout` of modem time or when the
 * schedule of retransmit.h has run out. `link` names it in the trace.
 * -ENETDOWN: the bearer is down; other -E...: the host refused at once. */
int stream_connect(struct net_stream **out, struct bearer *b, const struct net_addr *to,
                   uint16_t local_port, unsigned link, clk_dur timeout,
                   const struct stream_events *ev, void *ctx);
/* The same on a path of its own from the first SYN on: an impairment a direction, copied. */
int stream_connect_over(struct net_stream **out, struct bearer *b, const struct impair *path,
                        const struct net_addr *to, uint16_t local_port, unsigned link,
                        clk_dur timeout, const struct stream_events *ev, void *ctx);

/* An accepted link, open from the start. */
struct net_stream *stream_accept(struct bearer *b, struct host_tcp *t, const struct net_addr *peer,
                                 uint16_t local_port, unsigned link, const struct stream_events *ev,
                                 void *ctx);

/* What is wrong with this link's own path, by direction; stream_impair_changed after a change. */
struct impair *stream_impair(struct net_stream *s);
void stream_impair_changed(struct net_stream *s);

enum stream_state stream_state(const struct net_stream *s);
const struct net_addr *stream_peer(const struct net_stream *s);
void stream_counts(const struct net_stream *s, struct stream_counts *out);

/* Takes up to n bytes; returns how many. -ENOTCONN: not open. */
int stream_send(struct net_stream *s, const void *p, size_t n);
size_t stream_room(const struct net_stream *s); /* bytes stream_send would take now */
void stream_want_room(struct net_stream *s);    /* on_room when that becomes more */

size_t stream_available(const struct net_stream *s);
const uint8_t *stream_peek(const struct net_stream *s, size_t *n); /* until the next stream_ call */
void stream_consume(struct net_stream *s, size_t n);               /* reading may start again */

/* on_acked when all that was sent so far is acknowledged (once a call). */
void stream_watch_ack(struct net_stream *s);

/* FIN behind what was accepted; the host finishes it in the background. No on_closed comes. */
void stream_close(struct net_stream *s);
void stream_reset(struct net_stream *s); /* RST */
/* As if the peer had ended it, or had never answered again: on_closed comes, behind the data that
 * is under way unless it is NET_CLOSE_TIMEOUT. The peer gets a FIN behind what was accepted, else
 * RST. -ENOTCONN: not open. */
int stream_end(struct net_stream *s, enum net_close why);
void stream_forget(struct net_stream *s); /* the peer is told nothing (note 2.9) */
void stream_free(struct net_stream *s);   /* closes first if need be; NULL is allowed */

#endif
