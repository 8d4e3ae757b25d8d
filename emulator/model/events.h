/* events.h: what the model posts on its bus: the topics and their payloads. */
#ifndef EMULATOR_MODEL_EVENTS_H
#define EMULATOR_MODEL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sv.h"
#include "netstack/net.h"

struct impair;
struct nitz;

enum topic {
#define TOPIC(id, name, payload) id,
#include "emulator/bus_points.def"
    TOPIC_COUNT
};

enum ask {
#define ASK(id, name, payload) id,
#include "emulator/bus_points.def"
    ASK_COUNT
};

/* "at.command" */
const char *topic_name(enum topic t);
const char *ask_name(enum ask a);

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

struct auth_login; /* netstack/ppp/auth.h */

/* -- the AT sessions: what the command families pass on for them -- */

/* Verdicts: GO; DROP: nothing is run, or written; REPLACE: these lines are answered, the last as
 * the result; FAIL (a line, a command): +CME ERROR (+CMS ERROR from 300 on) of `code`, -1: ERROR.
 */
struct at_event {
    const char *port; /* the channel's name */
    struct sv text;   /* the line behind AT, a command as typed, a result, an unsolicited line */
    const char *name; /* of a command, and of its result when it has one: "+CMEE"; else "" */
    struct sv args;   /* behind the = */
    int form;         /* of a command: enum at_form; else 0 */
};

/* -- the module as a whole -- */

enum power_state { POWER_OFF, POWER_BOOTING, POWER_ON, POWER_HUNG };

struct power_event {
    enum power_state state;
    bool is_planned; /* by a command; else from outside */
};

/* Verdicts: FAIL: the context is not given; DROP: no answer comes. */
struct context_event {
    unsigned cid;
    bool is_active;
    bool by_network;
    /* Of a question; NULL: not known. */
    const char *apn;
    const char *user, *password; /* what the module says of itself to the network (AT+CGAUTH) */
    bool is_dialled;             /* the DTE may say of itself who it is, see login_asked */
};

/* The DTE of a dial-up link and the network behind the context. `login` NULL: whether it may stay
 * nameless. Verdicts: FAIL: it may not, it is not let in. */
struct login_asked {
    struct context_event context;
    const struct auth_login *login;
};

struct time_event {
    const struct nitz *nitz;
    bool is_other_zone; /* than the clock's, before it follows */
};

struct call_event {
    bool is_up; /* a voice call */
};

/* An unsolicited line for every port: from outside the model, or the card's. */
struct urc_event {
    const char *text;
    bool is_repeatable; /* a newer one makes up for it */
    bool is_now;        /* without waiting for its turn, in the middle of whatever is written */
};

/* The card's verdicts (struct sim): FAIL: +CME ERROR of `code`. The context's: FAIL: the same, and
 * +NETOPEN: 1; DROP: never answered. */

/* -- the network -- */

/* An update of the firmware. Verdicts: FAIL: <err> of `code` (V3.00 23.2.2); DROP: never answered.
 */
struct update_asked {
    struct sv version;
};

/* Verdicts: REPLACE: a dotted quad is the address; FAIL: no such name; DROP: never answered. */
struct name_asked {
    struct sv name;
};

/* Verdicts of a connect (TCP): FAIL: refused; DROP: never answered; a delay comes before the SYN.
 * Of a caller: FAIL: RST; DROP: FIN; the module hears of neither. Of a send: FAIL: enum ip_err of
 * `code`; DROP: taken and lost; in data mode both lose it. Of a close: DROP: the peer is not
 * told. */
struct link_asked {
    unsigned link;
    enum net_proto proto;
    struct net_addr peer;
    size_t bytes;          /* of a send */
    struct impair *impair; /* of a connect and a caller: the link's own path, an impairment a
                              direction, to be changed; else NULL */
};

/* `tag` names whoever opened the network, link or server: the port its results go to. It is the
 * first member of every payload below. */
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
