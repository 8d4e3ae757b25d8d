/* sntp.h: asks a time server for the time, once (RFC 4330).
 *
 * Name look-up, then a query to port 123; one that is not answered is repeated. What did not come
 * from there in answer to the newest query is ignored.
 *
 * Owns: its socket and its look-up. Borrows: the bearer. Calls back once, never from inside an
 * sntp_ call, never after sntp_cancel.
 */
#ifndef NETSTACK_SNTP_H
#define NETSTACK_SNTP_H

#include "base/clk.h"
#include "base/sv.h"

struct bearer;
struct sntp;

enum { SNTP_TRIES = 3, SNTP_WAIT_S = 5 }; /* guess */

/* err: -ENETDOWN the bearer went down, -ENOENT no such name, -ETIMEDOUT, -EPROTO the server has no
 * time, or the host's reason. The handle is gone when this is called. */
typedef void sntp_done_fn(void *ctx, int err, clk_wall utc);

/* NULL: the bearer is down or the name is malformed. `dns_retries` as in resolve.h. */
struct sntp *sntp_start(struct bearer *b, struct sv host, unsigned dns_retries, sntp_done_fn *cb,
                        void *ctx);
void sntp_cancel(struct sntp *s); /* NULL is allowed */

#endif
