/* magic_world.h: what stands behind the magic names and addresses, made on first use.
 *
 * A name with a number in it gets an address of 198.19.0.0/16 (RFC 2544) that it keeps; the others
 * have theirs of the table.
 *
 * Owns:    its far ends, until magic_world_close.
 * Borrows: the loop; the clock.
 * Bounds:  LIMIT_MAGIC_NAMES names with numbers: one more does not exist. LIMIT_PEERS far ends: for
 *          one more the longest unused one without a connection goes; without such, it is refused.
 */
#ifndef SCENARIOS_PEERS_MAGIC_WORLD_H
#define SCENARIOS_PEERS_MAGIC_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/sv.h"
#include "netstack/impair.h"

struct clk;
struct magic_world;
struct net_addr;
struct uv_loop_s;

struct magic_world *magic_world_new(struct uv_loop_s *loop, struct clk *clk);
/* The memory goes in the last close callback. NULL is allowed. */
void magic_world_close(struct magic_world *w);

enum magic_name_verdict {
    MAGIC_NAME_NOT_MINE,
    MAGIC_NAME_ADDR,
    MAGIC_NAME_NOT_FOUND,
    MAGIC_NAME_SILENT, /* no answer, ever */
};
/* *ip is set for MAGIC_NAME_ADDR only. */
enum magic_name_verdict magic_world_resolve(struct magic_world *w, struct sv name, uint32_t *ip);

/* The name of an address that a name with a number has been given. NULL: none. */
const char *magic_world_name(const struct magic_world *w, uint32_t ip);

enum magic_connect_verdict {
    MAGIC_CONNECT_NOT_MINE,
    MAGIC_CONNECT_HOST, /* goes the way of *out, TCP or UDP; else *out is untouched */
    MAGIC_CONNECT_REFUSE,
    MAGIC_CONNECT_BLACK_HOLE, /* no answer, ever */
};
struct magic_way {
    struct sockaddr_storage host;
    struct impair impair[IMPAIR_DIRECTIONS];
    bool from_open; /* the impairments begin when the connection is there, not with its SYN */
};
enum magic_connect_verdict magic_world_connect(struct magic_world *w, const struct net_addr *to,
                                               struct magic_way *out);

#endif
