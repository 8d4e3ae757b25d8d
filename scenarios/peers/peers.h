/* peers.h: built-in far ends: what a link of the module can be led to without any other program.
 *
 * Real sockets on 127.0.0.1, TCP and UDP on the same port, so that they stand behind the map as
 * a server of one's own would. A peer follows a script (peer_program.h) on each connection; after
 * its last step the connection stays, and what comes is dropped. The kinds are:
 *
 *   echo      sends back what it gets (RFC 862)
 *   discard   takes everything, says nothing (RFC 863)
 *   chargen   TCP: sends lines until closed; UDP: a line for each datagram (RFC 864)
 *   sink      discard, by the name of one who asks afterwards for the count and the checksum
 *
 * A FIN of the other side is answered as soon as the script would need more bytes, or repeat.
 *
 * Owns:    its sockets and connections, until peers_close.
 * Borrows: the loop; the clock.
 * Calls back: struct peer_events, from the loop only. All calls are allowed there.
 * Bounds:  LIMIT_PEERS peers. LIMIT_PEER_CONNECTIONS connections: for one more those go that the
 *          other side has left; where there are none, it is reset at once. What sends stops while
 *          a connection has PEERS_QUEUE_MAX bytes to send, and an echo then stops reading.
 */
#ifndef SCENARIOS_PEERS_PEERS_H
#define SCENARIOS_PEERS_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;
struct clk;
struct peer;
struct peers;
struct sockaddr;
struct sockaddr_storage;
struct spec;
struct uv_loop_s;

enum { PEERS_QUEUE_MAX = 65536, PEERS_ERROR_TEXT = 160 };

/* For messages about a wrong name. */
#define PEERS_NAMES "echo:, discard:, chargen:, sink:"

/* One peer: "at" (for whoever leads connects here), "kind" or "script", "udp". */
extern const struct spec peer_spec;

struct peer_events {
    void (*on_connect)(void *ctx, struct peer *peer);
    void (*on_bytes)(void *ctx, struct peer *peer, const uint8_t *p, size_t n);
    /* The other side's doing. 0: FIN; -ECONNRESET: RST; other -E...: peer_call had no success. */
    void (*on_end)(void *ctx, struct peer *peer, int err);
};

struct peers *peers_new(struct uv_loop_s *loop, struct clk *clk);

/* The memory goes in the last close callback. NULL is allowed. */
void peers_close(struct peers *p);

/* One listener for all peers; each function may be NULL. */
void peers_listen(struct peers *p, const struct peer_events *ev, void *ctx);

/* A peer with sockets of its own, from a tree that peer_spec allows. NULL: `error` says why: a
 * script that makes no sense, a name that is taken, LIMIT_PEERS, the system. */
struct peer *peers_add(struct peers *p, const char *name, const struct cJSON *config,
                       char error[PEERS_ERROR_TEXT]);
/* Ends its connections with RST, and it. */
void peers_remove(struct peer *peer);
struct peer *peers_find(struct peers *p, const char *name); /* NULL: there is none */

/* Where the peer of a kind is ("echo:"), making it if need be. -EINVAL: no such name (PEERS_NAMES
 * are allowed); other -E...: the system refused, and the reason is logged. */
int peers_addr(struct peers *p, const char *name, struct sockaddr_storage *addr);

/* Whether it is the name of a kind: one of PEERS_NAMES. */
bool peers_is_kind(const char *name);

/* Connections that were reset for want of room. */
uint64_t peers_refused(const struct peers *p);

const char *peer_name(const struct peer *peer);
void peer_addr(const struct peer *peer, struct sockaddr_storage *addr);
size_t peer_connections(const struct peer *peer); /* open ones */

/* What came on the newest connection, also when it has ended, and in datagrams since it began. */
uint64_t peer_received(const struct peer *peer);
uint32_t peer_crc32(const struct peer *peer);

/* To the newest connection; -ENOTCONN: there is none. The script goes on, but for peer_close and
 * peer_reset. -EPIPE: the FIN is on its way already. */
int peer_send(struct peer *peer, const void *p, size_t n); /* -ENOBUFS: PEERS_QUEUE_MAX */
int peer_close(struct peer *peer);                         /* FIN behind what is queued */
int peer_half_close(struct peer *peer);
int peer_reset(struct peer *peer);
int peer_stall(struct peer *peer, bool on);

/* Connects to a server and follows the script there. `from`: as whom; NULL: anybody. */
int peer_call(struct peer *peer, const struct sockaddr *to, const struct sockaddr *from);

#endif
