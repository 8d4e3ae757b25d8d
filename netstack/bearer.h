/* bearer.h: a PDP context as a network: what links, servers and look-ups stand on.
 *
 * Down, nothing can be opened; going down ends every link on it with
 * NET_CLOSE_NETWORK (servers and look-ups too) without a word to the peers
 * beyond what the host sends by itself.
 *
 * Owns: nothing but its list. Borrows: clock and host. Caller's memory.
 */
#ifndef NETSTACK_BEARER_H
#define NETSTACK_BEARER_H

#include <stdbool.h>
#include <stdint.h>

#include "netstack/host.h"

struct clk;

/* What stands on a bearer embeds one of these and is told when it goes down. */
struct bearer_user {
    struct bearer_user *next, **prev; /* prev NULL: not attached */
    void (*down)(struct bearer_user *u);
};

struct bearer {
    uint32_t magic;
#define BEARER_MAGIC 0x0bea4e47u
    struct clk *clk;
    struct net_host host;
    struct bearer_user *users;
    bool is_up;
    uint32_t ip; /* the modem's own address while up */
};

void bearer_init(struct bearer *b, struct clk *clk, struct net_host host);
void bearer_fini(struct bearer *b); /* takes it down first */
void bearer_up(struct bearer *b, uint32_t ip);
void bearer_down(struct bearer *b);
void bearer_attach(struct bearer *b, struct bearer_user *u); /* only while up */
void bearer_detach(struct bearer_user *u);                   /* always allowed */

#endif
