/* fake_host.h: the outside world of a test: struct net_host with no kernel and no time.
 *
 * The modem's side is host.h, through fake_host_net. The test is every far end: it
 * scripts what connects, names and pings meet, and sends and reads as the peers do.
 * Nothing is called back until fake_host_run; what became due first is called first.
 *
 * Owns: all far ends, which stay readable until fake_host_free, however they ended.
 */
#ifndef TESTS_SUPPORT_FAKE_HOST_H
#define TESTS_SUPPORT_FAKE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "netstack/host.h"

struct fake_host;
struct fake_link; /* the far end of one TCP link */

enum { FAKE_HOST_SEGMENT = 1460 }; /* bytes of one on_data at most */

struct fake_host *fake_host_new(void);
void fake_host_free(struct fake_host *f); /* the modem must have closed everything */
struct net_host fake_host_net(struct fake_host *f);

/* Calls back until nothing is due. True: something was. */
bool fake_host_run(struct fake_host *f);
/* The same together with the timers of a manual clock: everything that is due now. */
bool fake_host_settle(struct fake_host *f, struct clk *clk);
/* Time passes: what falls due meanwhile is settled, each at its own instant. */
void fake_host_pass(struct fake_host *f, struct clk *clk, clk_dur by);
/* What the modem holds: links, sockets, listeners, queries. 0: it left nothing open. */
size_t fake_host_open_count(const struct fake_host *f);

/* Connects. The newest script that fits decides; ip 0 or port 0 fits any. Without one: accepted. */
enum fake_connect {
    FAKE_ACCEPT,
    FAKE_REFUSE,
    FAKE_UNREACHABLE,
    FAKE_NO_ROUTE, /* refused at once, from inside the connect */
    FAKE_SILENT,
};
void fake_host_on_connect(struct fake_host *f, uint32_t ip, uint16_t port, enum fake_connect how);

/* The newest link to (or, for a caller, from) this address, in whatever state; NULL: none. */
struct fake_link *fake_host_link(struct fake_host *f, uint32_t ip, uint16_t port);
/* Calls a listening port of the modem; NULL: nobody listens. */
struct fake_link *fake_host_call(struct fake_host *f, const struct net_addr *from, uint16_t port);
/* Listening on it gives -EADDRINUSE. */
void fake_host_occupy(struct fake_host *f, uint16_t port);

/* What the far end got from the modem and did not take yet. */
const uint8_t *fake_host_received(const struct fake_link *l, size_t *n);
void fake_host_take(struct fake_link *l, size_t n);
void fake_host_send(struct fake_link *l, const void *p, size_t n);
size_t fake_host_unread(const struct fake_link *l); /* sent, but the modem does not read */
/* The far end is done after what it sent: 0 is a FIN, -ECONNRESET, -ETIMEDOUT ... an error. */
void fake_host_end(struct fake_link *l, int err);
/* Takes so many bytes more, then its window is closed. SIZE_MAX, as at the start: any number. */
void fake_host_window(struct fake_link *l, size_t n);
/* On: what is taken from now on is not acknowledged. Off: everything is. */
void fake_host_hold_acks(struct fake_link *l, bool on);

enum fake_seen { FAKE_SEEN_NOTHING, FAKE_SEEN_FIN, FAKE_SEEN_RESET };
enum fake_seen fake_host_seen(const struct fake_link *l); /* how the modem ended it */
uint16_t fake_host_local_port(const struct fake_link *l); /* the modem's port */

/* The oldest datagram the modem has sent; valid until the next fake_host_ call. */
struct fake_datagram {
    uint16_t from_port;
    struct net_addr to;
    const uint8_t *p;
    size_t n;
};
bool fake_host_next_datagram(struct fake_host *f, struct fake_datagram *out);
/* False: the modem has no socket on this port. Port 0: its newest socket. */
bool fake_host_send_datagram(struct fake_host *f, const struct net_addr *from, uint16_t port,
                             const void *p, size_t n);

/* Names answer both ways; one that is not in the table does not exist. */
void fake_host_add_name(struct fake_host *f, const char *name, uint32_t ip);
/* 0: answers (the start). An error: every query ends with it. 1: no answer ever comes. */
void fake_host_break_names(struct fake_host *f, int how);
unsigned fake_host_queries(const struct fake_host *f); /* name and address queries so far */

/* Pings of this address are answered; others never are. */
void fake_host_add_ping(struct fake_host *f, uint32_t ip, int64_t rtt_us);
void fake_host_forbid_ping(struct fake_host *f); /* -EACCES for all */

#endif
