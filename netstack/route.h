/* route.h: which host address stands behind a modem-side one, and where servers listen.
 *
 * Without an entry a connect goes where it says. A name on the modem's side gets
 * an address of 198.18.0.0/15 (RFC 2544) of its own, so that the driver is shown
 * an address everywhere it expects one.
 *
 * An entry may have an owner, with whom it goes: a world that is built and pulled down again.
 *
 * Owns: its entries. Bound: LIMIT_ROUTES of each kind.
 */
#ifndef NETSTACK_ROUTE_H
#define NETSTACK_ROUTE_H

#include <stddef.h>
#include <sys/socket.h>

#include "netstack/net.h"

struct route;

enum { ROUTE_ERROR_TEXT = 160 };

struct route *route_new(void);
void route_free(struct route *r); /* NULL is allowed */

/* "ADDR:PORT=HOST:PORT", names allowed on both sides, "*" for any port; the host side may
 * be "[v6]:port". Resolves HOST at once. On -EINVAL or -ENOSPC `error` says what is wrong
 * with which part and what is allowed. */
int route_add_map(struct route *r, const char *text, char error[ROUTE_ERROR_TEXT]);

/* "PORT=HOST:PORT"; host port 0: any free one. Errors as above. */
int route_add_listen(struct route *r, const char *text, char error[ROUTE_ERROR_TEXT]);

/* The same with a host address already known, for built-in peers. port 0: any. */
int route_add_map_addr(struct route *r, const char *modem_addr, uint16_t port,
                       const struct sockaddr *host);

/* Entries that are added from now on are this owner's; NULL, as at the start: nobody's. */
void route_set_owner(struct route *r, const void *owner);
/* Removes the entries of this owner, who is not NULL. */
void route_forget(struct route *r, const void *owner);

/* The same, instead of an entry that is there for this address and port. */
int route_put_map_addr(struct route *r, const struct net_addr *at, const struct sockaddr *host);

/* Where a connect to `to` goes: always an answer. The earliest matching entry wins, exact port
 * before "*". Port 0 (a ping has none): any entry of the address. */
void route_to_host(const struct route *r, const struct net_addr *to, struct sockaddr_storage *host);

/* What the modem's side is shown of a host address: the entry that leads there, else itself
 * (an IPv6 address without an entry is shown as 0.0.0.0). */
void route_from_host(const struct route *r, const struct sockaddr *host, struct net_addr *shown);

/* Where a server of this port listens: the entry, else 127.0.0.1 and the same port. */
void route_listen(const struct route *r, uint16_t port, struct sockaddr_storage *host);

/* The ports that have such an entry: as many as fit, their number. */
size_t route_listens(const struct route *r, uint16_t *ports, size_t max);

/* Address of a mapped name. -ENOENT: no entry has it. And the reverse. */
int route_name(const struct route *r, struct sv name, uint32_t *ip);
const char *route_addr_name(const struct route *r, uint32_t ip);

#endif
