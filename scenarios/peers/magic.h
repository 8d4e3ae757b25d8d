/* magic.h: names and addresses that carry a fault, for firmware that cannot be told of others.
 *
 * Names end in .test (RFC 6761), which no network that is in use has, and so it is with the
 * addresses: 192.0.2.0/24 (TEST-NET-1, RFC 5737), for firmware that cannot look up a name. A
 * number stands in the name, or is the port of the address: close-after-20.test, 192.0.2.4 port 20.
 * Pure; magic_world.h makes what stands behind them.
 */
#ifndef SCENARIOS_PEERS_MAGIC_H
#define SCENARIOS_PEERS_MAGIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sv.h"
#include "netstack/impair.h"
#include "netstack/net.h"

enum magic_kind {
    MAGIC_PEER,       /* a far end of peers.h, perhaps behind a bad path */
    MAGIC_REFUSE,     /* connects are answered with RST */
    MAGIC_BLACK_HOLE, /* connects are not answered */
    MAGIC_NOT_FOUND,  /* the name does not exist */
    MAGIC_DNS_SILENT, /* look-ups of the name are not answered */
};

enum { MAGIC_NAME = 32, MAGIC_CONFIG = 256 };

struct magic {
    enum magic_kind kind;
    char name[MAGIC_NAME]; /* "close-after-20.test", also of one that was found by its address */
    uint32_t ip;           /* 0: has none of its own */
    bool has_number;
    unsigned number;           /* of the name, or the port */
    char config[MAGIC_CONFIG]; /* MAGIC_PEER: as peer_spec has it */
    struct impair impair[IMPAIR_DIRECTIONS];
    bool from_open; /* the impairments begin when the connection is there */
    const char *doc;
};

/* False: not magic, and *out is untouched. Case does not matter. */
bool magic_by_name(struct sv name, struct magic *out);
/* A port of 0 (a ping has none) is a number nowhere. */
bool magic_by_addr(const struct net_addr *to, struct magic *out);

/* The rows of the table in their order, for a page: the number shows as N. False: no more. */
struct magic_entry {
    const char *name, *doc;
    uint32_t ip;        /* 0: none */
    unsigned lo, hi;    /* of the number; 0: has none */
    const char *config; /* NULL: no far end */
};
bool magic_entry(size_t i, struct magic_entry *out);

#endif
