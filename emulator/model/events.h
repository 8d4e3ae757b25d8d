/* events.h: what the model posts on its bus: the topics and their payloads. */
#ifndef EMULATOR_MODEL_EVENTS_H
#define EMULATOR_MODEL_EVENTS_H

#include <stdint.h>

#include "netstack/net.h"

enum topic {
#define X(id, name, payload) id,
#include "emulator/bus_points.def"
#undef X
};

/* The module's IP errors (V3.00 11.6), the <err> of every TCP/IP result. */
enum ip_err {
    IP_OK = 0,
    IP_NETWORK_FAILURE = 1,
    IP_NOT_OPENED = 2,
    IP_WRONG_PARAMETER = 3,
    IP_NOT_SUPPORTED = 4,
    IP_NOT_CREATED = 5,
    IP_NOT_BOUND = 6,
    IP_LISTENING = 7,
    IP_BUSY = 8,
    IP_SOCKETS_OPENED = 9,
    IP_TIMEOUT = 10,
    IP_DNS_FAILED = 11,
    IP_UNKNOWN = 12,
};

/* `tag` names whoever opened the network, link or server: the port its results go to. It is the
 * first member of every payload but that of TOPIC_REG_CHANGED. */
struct net_result {
    void *tag;
    enum ip_err err;
};

struct link_result {
    void *tag;
    unsigned link;
    enum ip_err err;
};

struct link_sent {
    void *tag;
    unsigned link;
    size_t requested;
    int confirmed; /* bytes; -1: the connection is gone (V3.00 11.2.5) */
};

struct link_closed {
    void *tag;
    unsigned link;
    enum net_close why; /* never NET_CLOSE_LOCAL: who closes knows */
};

struct link_accepted {
    void *tag;
    unsigned link, server;
    struct net_addr peer;
};

#endif
