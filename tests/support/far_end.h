/* far_end.h: what stands at the other end of a module's links: servers on 127.0.0.1, in turn.h's
 * loop.
 */
#ifndef TESTS_SUPPORT_FAR_END_H
#define TESTS_SUPPORT_FAR_END_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "tests/support/daemon.h"

enum { FAR_LINKS = 32 };

enum far_kind {
    FAR_CHECK,  /* what comes is the pattern with the link's number as seed */
    FAR_ECHO,   /* that, and it is sent back */
    FAR_SOURCE, /* sends `total` bytes of the pattern, drops what comes */
    FAR_MUTE,   /* never reads */
};

struct far_link {
    struct far_end *far;
    int fd; /* -1: closed */
    struct pattern in, out;
    uint64_t received, sent;
    struct buf back; /* to be echoed */
    bool is_wrong;   /* something else came */
    bool is_fin, is_reset;
};

struct far_end {
    enum far_kind kind;
    int listener;
    uint16_t port;
    uint64_t total;
    struct far_link links[FAR_LINKS]; /* in the order in which they came */
    size_t count;
};

void far_listen(struct far_end *f, enum far_kind kind);
struct far_link *far_link(struct far_end *f, size_t i); /* waits until it is there */
/* Adds a connection that the test made itself. */
struct far_link *far_add(struct far_end *f, int fd);
void far_set_kind(struct far_end *f, enum far_kind kind);
void far_close(struct far_link *l);
void far_reset(struct far_link *l);
void far_stop(struct far_end *f); /* closes everything */

struct sockaddr_in far_loopback(uint16_t port);
int far_socket(int type); /* bound to a free port of 127.0.0.1 */
uint16_t far_bound_port(int fd);
uint16_t far_free_port(void); /* of TCP, free a moment ago */
int far_call(uint16_t port);  /* connects; -1: refused */

#endif
