/* peer_rig.h: a loop, a manual clock and far ends; and the other side of their sockets, by hand.
 *
 * peer_rig_init and _fini are for .init and .fini of a suite; _fini finds out whether the loop
 * closes empty.
 */
#ifndef TESTS_SUPPORT_PEER_RIG_H
#define TESTS_SUPPORT_PEER_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

struct peer_rig {
    uv_loop_t loop;
    struct clk *clk;
    struct peers *peers;
};
extern struct peer_rig peer_rig;

enum { PEER_RIG_OPEN = 1 };

void peer_rig_init(void);
void peer_rig_fini(void);

/* A peer from its JSON text, which must be right. */
struct peer *peer_rig_add(const char *name, const char *config);
int peer_rig_dial(const struct sockaddr_storage *to, int type); /* does not block */
int peer_rig_call(const struct peer *peer);                     /* dials a peer's TCP */

/* One turn of the loop; then waits for the socket, but not for long. */
void peer_rig_turn(int fd);
/* So many turns that nothing on this machine is under way any more. */
void peer_rig_settle(void);
void peer_rig_advance(int ms); /* settles before and after */

/* Reads until there are n bytes or the end; returns how many there were. */
size_t peer_rig_receive(int fd, char *to, size_t n);
void peer_rig_say(int fd, const char *text);
/* What is there after settling, as text. */
const char *peer_rig_heard(int fd);
/* 0: FIN; -ECONNRESET; PEER_RIG_OPEN: neither, after settling. Drops bytes. */
int peer_rig_end(int fd);
void peer_rig_reset(int fd); /* RST; fd is closed */

#endif
