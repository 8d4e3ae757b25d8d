/* resolve.h: names and addresses, with the module's own limits (AT+CIPDNSSET).
 *
 * A dotted quad answers itself. While the network is opening, that is waited for, as often and as
 * long as the bearer says. Then query n = 0 .. retries is given up after
 * 3000 ms + n * 1000 ms of modem time (note 2.8) and the next one is made. Queries and
 * answers meet the impairments of the bearer.
 *
 * Owns: the query under way. Calls back once, never from inside a resolve_ call,
 * never after resolve_cancel.
 */
#ifndef NETSTACK_RESOLVE_H
#define NETSTACK_RESOLVE_H

#include <stdint.h>

#include "base/sv.h"

struct bearer;
struct net_resolve;

typedef void resolve_name_fn(void *ctx, int err, uint32_t ip);
typedef void resolve_addr_fn(void *ctx, int err, const char *name);

/* err: -ENOENT no such name, -ETIMEDOUT, -ENETDOWN the bearer went down. The handle is gone
 * when the callback is called. NULL: the bearer is down or the name is malformed. */
struct net_resolve *resolve_name(struct bearer *b, struct sv name, unsigned retries,
                                 resolve_name_fn *cb, void *ctx);
struct net_resolve *resolve_addr(struct bearer *b, uint32_t ip, unsigned retries,
                                 resolve_addr_fn *cb, void *ctx);
void resolve_cancel(struct net_resolve *r); /* NULL is allowed */

#endif
