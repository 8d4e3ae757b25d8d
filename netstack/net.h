/* net.h: addresses and words shared by the files of the network.
 *
 * Addresses are the modem's own: what the driver writes and is shown. Which
 * host address stands behind one is the route's business alone.
 */
#ifndef NETSTACK_NET_H
#define NETSTACK_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sv.h"

struct net_addr {
    uint32_t ip; /* IPv4, host byte order */
    uint16_t port;
};

enum net_proto { NET_TCP, NET_UDP };

/* Why a link ended. */
enum net_close {
    NET_CLOSE_LOCAL,   /* closed from the modem's side */
    NET_CLOSE_REMOTE,  /* FIN from the peer */
    NET_CLOSE_TIMEOUT, /* data was not acknowledged in time */
    NET_CLOSE_RESET,   /* RST from the peer */
    NET_CLOSE_NETWORK, /* the bearer went down */
};

#define NET_IP_TEXT 16 /* "255.255.255.255" and its terminator */

/* Dotted quad, four decimal numbers 0-255. -EINVAL otherwise. */
int net_parse_ip(struct sv text, uint32_t *ip);
const char *net_format_ip(uint32_t ip, char to[NET_IP_TEXT]);

/* Letters, digits, - and ., labels of 1-63 that begin and end alphanumeric, 1-254 in all
 * (V3.00 11.3.1). */
bool net_is_name(struct sv text);

const char *net_close_name(enum net_close why);

#endif
