/* cmd_tcpip.h: what the files of the TCP/IP commands (V3.00 chapter 11) share. */
#ifndef EMULATOR_CMD_CMD_TCPIP_H
#define EMULATOR_CMD_CMD_TCPIP_H

#include <stdbool.h>

#include "base/clk.h"
#include "base/limits.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/sockets.h"

/* How one link's received data reaches this session. */
struct tcpip_link {
    struct cmd *c;
    unsigned number;
    struct clk_timer delay; /* AT+CIPCCFG's DelayTm */
    bool is_announced;      /* +CIPRXGET: 1 was sent and not all has been read since */
    bool is_closing;        /* the close is told behind the data that is still pushed */
    enum net_close why;
};

/* The one link that the port itself can be attached to (note 2.4). */
enum { TRANSPARENT_LINK = 0, TRANSPARENT_SERVER = 0 };

enum transparent_state {
    TRANSPARENT_IDLE,    /* no link */
    TRANSPARENT_OPENING, /* AT+CIPOPEN waits for its CONNECT */
    TRANSPARENT_CALLED,  /* a caller's link is up, not answered */
    TRANSPARENT_ONLINE,  /* data mode */
    TRANSPARENT_ESCAPED, /* the link is up, the port in command mode */
};

struct transparent {
    bool is_mode; /* AT+CIPMODE as it was at AT+NETOPEN */
    enum transparent_state state;
    struct at_req *rq;      /* OPENING: the AT+CIPOPEN */
    struct clk_timer delay; /* AT+CIPCCFG's DelayTm */
    struct clk_timer ring;
    int rings;
    bool is_closing; /* the peer has closed; told behind what it sent before */
};

struct tcpip {
    struct tcpip_link links[LIMIT_LINKS];
    struct transparent transparent;
};

/* Texts and numbers of +IP ERROR (V3.00 11.5). */
enum ip_info {
    IP_INFO_ALREADY_OPENED = 4,
    IP_INFO_NOT_OPENED = 8,
    IP_INFO_NOT_CREATED = 11,
    IP_INFO_INVALID = 12,
    IP_INFO_NOT_SUPPORTED = 13,
    IP_INFO_NO_DATA = 22,
};

/* "+IP ERROR: <text or number by errMode>" and ERROR. */
void tcpip_ip_error(struct at_req *rq, enum ip_info info);
/* "<prefix>: <err>" and ERROR. */
void tcpip_error(struct at_req *rq, const char *prefix, enum ip_err err);
/* "<prefix>: <number>,<err>" and ERROR. */
void tcpip_error_of(struct at_req *rq, const char *prefix, unsigned number, enum ip_err err);

/* Argument i as a number in lo..hi. */
bool tcpip_number(struct at_req *rq, size_t i, int lo, int hi, int *out);

/* AT+CIPDNSSET's limit of queries. */
unsigned tcpip_dns_retries(const struct cmd *c);

static inline struct sockets *tcpip_sockets(struct cmd *c) {
    return c->modem->sockets;
}

/* cmd_transparent.c: data mode. */
bool transparent_opens(struct cmd *c, unsigned link); /* AT+CIPOPEN of this link is for data mode */
void transparent_open(struct at_req *rq, enum ip_err err); /* AT+CIPOPEN was started, or failed */
bool transparent_has(const struct cmd *c, unsigned link);
void transparent_close(struct at_req *rq,
                       enum net_proto proto); /* AT+CIPCLOSE has closed the link */
void transparent_on_opened(struct cmd *c, enum ip_err err);
void transparent_on_data(struct cmd *c);
void transparent_on_room(struct cmd *c);
void transparent_on_closed(struct cmd *c);
void transparent_on_called(struct cmd *c);
/* The service is closed or lost: "CLOSED" where a link was up. */
void transparent_end(struct cmd *c);
void transparent_stop(struct cmd *c);
void transparent_show_dcd(struct cmd *c); /* AT&C or the link has changed */
/* "CONNECT ..." as X, V, &E and \V want it, for a link of this context. */
void transparent_connect_text(struct cmd *c, unsigned cid, char *to, size_t size);

/* cmd_tcpip_rx.c: received data. */
void tcpip_on_data(struct cmd *c, unsigned link);
void tcpip_on_closed(struct cmd *c, unsigned link, enum net_close why);
void tcpip_forget(struct cmd *c,
                  unsigned link); /* the link is closed from this side, or opened anew */

#endif
