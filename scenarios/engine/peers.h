/* peers.h: built-in far ends: what a link of the module can be mapped to without any other program.
 *
 * Real sockets on 127.0.0.1, made on first use, TCP and UDP on the same port, so that
 * they stand behind the map as a server of one's own would.
 *
 *   echo:     sends back what it gets (RFC 862)
 *   discard:  takes everything, says nothing (RFC 863)
 *   chargen:  TCP: sends lines until closed; UDP: a line for each datagram (RFC 864)
 *
 * Owns:    its sockets and connections, until peers_close.
 * Borrows: the loop.
 * Bounds:  while a connection has PEERS_QUEUE_MAX bytes to send, nothing is read from it.
 */
#ifndef SCENARIOS_ENGINE_PEERS_H
#define SCENARIOS_ENGINE_PEERS_H

struct peers;
struct sockaddr_storage;
struct uv_loop_s;

enum { PEERS_QUEUE_MAX = 65536 };

/* For messages about a wrong name. */
#define PEERS_NAMES "echo:, discard:, chargen:"

struct peers *peers_new(struct uv_loop_s *loop);

/* Where the peer is, making it if need be. -EINVAL: no such name (PEERS_NAMES are allowed);
 * other -E...: the system refused, and the reason is logged. */
int peers_addr(struct peers *p, const char *name, struct sockaddr_storage *addr);

/* The memory goes in the last close callback. NULL is allowed. */
void peers_close(struct peers *p);

#endif
