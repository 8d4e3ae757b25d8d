/* cmd_tcpip.c: opening and closing: the service, links and servers (V3.00 11.2). */
#include "emulator/cmd/cmd_tcpip.h"

#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/at/setting.h"
#include "handlers.h"
#include "slots.h"

/* -- errors -- */

/* V3.00 11.5 prints 21 and 22 twice; the sister module's list has one meaning a number. */
static const char *const ip_infos[] = {
    [0] = "Connection time out",
    [1] = "Bind port failed",
    [2] = "Port overflow",
    [3] = "Create socket failed",
    [4] = "Network is already opened",
    [5] = "Network is already closed",
    [6] = "No clients connected",
    [7] = "No active client",
    [8] = "Network not opened",
    [9] = "Client index overflow",
    [10] = "Connection is already created",
    [11] = "Connection is not created",
    [12] = "Invalid parameter",
    [13] = "Operation not supported",
    [14] = "DNS query failed",
    [15] = "TCP busy",
    [16] = "Netclose failed for socket opened",
    [17] = "Sending time out",
    [18] = "Sending failure for network error",
    [19] = "Open failure for network error",
    [20] = "Server is already listening",
    [21] = "Operation failed",
    [22] = "No data",
};

void tcpip_ip_error(struct at_req *rq, enum ip_info info) {
    if (setting_int(cmd_of(rq)->module, SLOT_CIPCCFG_ERRMODE) != 0) {
        at_info(rq, "+IP ERROR: %s", ip_infos[info]);
    } else {
        at_info(rq, "+IP ERROR: %d", (int)info);
    }
    at_fail(rq, AT_ERR_PLAIN);
}

void tcpip_error(struct at_req *rq, const char *prefix, enum ip_err err) {
    at_info(rq, "%s: %d", prefix, (int)err);
    at_fail(rq, AT_ERR_PLAIN);
}

void tcpip_error_of(struct at_req *rq, const char *prefix, unsigned number, enum ip_err err) {
    at_info(rq, "%s: %u,%d", prefix, number, (int)err);
    at_fail(rq, AT_ERR_PLAIN);
}

unsigned tcpip_dns_retries(const struct cmd *c) {
    return (unsigned)setting_int(c->module, SLOT_CIPDNSSET_MAX_QUERY_RETRIES);
}

bool tcpip_number(struct at_req *rq, size_t i, int lo, int hi, int *out) {
    int64_t value = 0;
    const struct at_arg *arg = at_arg(rq, i);
    if (arg->kind != AT_ARG_BARE || sv_int(arg->text, lo, hi, &value) != 0) {
        return false;
    }
    *out = (int)value;
    return true;
}

/* -- the service -- */

void cmd_netopen(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+NETOPEN: %d", sockets_is_open(tcpip_sockets(c)));
        at_ok(rq);
        return;
    }
    /* Opening activates the context (V3.00 11.2.1). */
    int cid = setting_int(c->module, SLOT_CSOCKSETPN_PROFILE_NUMBER);
    struct bus_verdict context = {0};
    if (!sockets_is_open(tcpip_sockets(c))) {
        context = modem_activate(c->modem, (unsigned)cid);
    }
    clk_dur timeout = CLK_MS(setting_int(c->module, SLOT_CIPTIMEOUT_NETOPEN_TIMEOUT));
    enum ip_err e = sockets_open(tcpip_sockets(c), timeout, &context, c);
    if (e == IP_SOCKETS_OPENED) {
        tcpip_ip_error(rq, IP_INFO_ALREADY_OPENED);
    } else if (e != IP_OK) {
        at_fail(rq, AT_ERR_PLAIN); /* field F02 */
    } else {
        /* The mode counts from here on (note 2.2, 2.4). */
        c->tcpip->transparent.is_mode = setting_int(c->module, SLOT_CIPMODE_MODE) != 0;
        at_ok(rq);
    }
}

/* The service has closed every link. */
static void forget_all(struct cmd *c) {
    transparent_end(c);
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        tcpip_forget(c, n);
    }
}

void cmd_netclose(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    enum ip_err e = sockets_close(tcpip_sockets(c), c);
    if (e != IP_OK) {
        tcpip_error(rq, "+NETCLOSE", e);
        return;
    }
    forget_all(c);
    at_ok(rq);
}

void cmd_ipaddr(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    char ip[NET_IP_TEXT];
    if (!sockets_is_open(tcpip_sockets(c))) {
        tcpip_ip_error(rq, IP_INFO_NOT_OPENED);
        return;
    }
    at_info(rq, "+IPADDR: %s", net_format_ip(c->modem->bearer.ip, ip));
    at_ok(rq);
}

/* -- links -- */

static void list_links(struct at_req *rq, struct sockets *sk) {
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        struct link_info info;
        char ip[NET_IP_TEXT];
        link_info(sk, n, &info);
        if (info.state == LINK_OPEN) {
            at_info(rq, "+CIPOPEN: %u,\"%s\",\"%s\",%u,%d", n,
                    info.proto == NET_TCP ? "TCP" : "UDP", net_format_ip(info.peer.ip, ip),
                    info.peer.port, info.server);
        } else {
            at_info(rq, "+CIPOPEN: %u", n);
        }
    }
    at_ok(rq);
}

/* The link is being opened, or is not. Returns whether the answer is command mode's OK. */
static bool begin_open(struct at_req *rq, unsigned n, enum ip_err err) {
    struct cmd *c = cmd_of(rq);
    if (err == IP_OK) {
        tcpip_forget(c, n);
    }
    if (transparent_opens(c, n)) {
        transparent_open(rq, err);
        return false;
    }
    if (err != IP_OK) {
        tcpip_error_of(rq, "+CIPOPEN", n, err);
        return false;
    }
    return true;
}

static void open_tcp(struct at_req *rq, unsigned n, int port, int local_port) {
    struct cmd *c = cmd_of(rq);
    struct sv host = at_text(rq, 2);
    uint32_t ip = 0;
    bool is_good = net_parse_ip(host, &ip) == 0 || net_is_name(host);
    if (!is_good || port == 0) {
        begin_open(rq, n, IP_WRONG_PARAMETER);
        return;
    }
    const struct link_target to = {
        .host = host,
        .port = (uint16_t)port,
        .local_port = (uint16_t)local_port,
        .timeout = CLK_MS(setting_int(c->module, SLOT_CIPTIMEOUT_CIPOPEN_TIMEOUT)),
        .dns_retries = tcpip_dns_retries(c),
    };
    if (begin_open(rq, n, link_connect(tcpip_sockets(c), n, &to, c))) {
        at_ok(rq);
    }
}

/* In command mode the remote address may be left out, the local port may not (field F07). */
static void open_udp(struct at_req *rq, unsigned n, int port) {
    struct cmd *c = cmd_of(rq);
    struct net_addr peer = {0, (uint16_t)port};
    int local_port = 0;
    struct sv host = at_text(rq, 2);
    bool has_peer = host.n > 0;
    if ((has_peer && (net_parse_ip(host, &peer.ip) != 0 || port == 0)) ||
        !tcpip_number(rq, 4, 1, 65535, &local_port)) {
        begin_open(rq, n, IP_WRONG_PARAMETER);
        return;
    }
    /* The port's own data needs somewhere to go (V3.00 11.2.3). */
    if (!has_peer && transparent_opens(c, n)) {
        begin_open(rq, n, IP_WRONG_PARAMETER);
        return;
    }
    if (begin_open(
            rq, n,
            link_bind(tcpip_sockets(c), n, (uint16_t)local_port, has_peer ? &peer : NULL, c))) {
        at_info(rq, "+CIPOPEN: %u,0", n);
        at_ok(rq);
    }
}

void cmd_cipopen(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_form_of(rq) == AT_READ) {
        list_links(rq, tcpip_sockets(c));
        return;
    }
    int n = 0;
    int port = 0;
    int local_port = 0;
    if (!tcpip_number(rq, 0, 0, LIMIT_LINKS - 1, &n)) {
        tcpip_ip_error(rq, IP_INFO_INVALID);
        return;
    }
    bool is_good = at_check(rq) < 0 && (!at_has(rq, 3) || tcpip_number(rq, 3, 0, 65535, &port)) &&
                   (!at_has(rq, 4) || tcpip_number(rq, 4, 0, 65535, &local_port));
    if (!is_good) {
        begin_open(rq, (unsigned)n, IP_WRONG_PARAMETER);
    } else if (at_int(rq, 1) == 0) {
        open_tcp(rq, (unsigned)n, port, local_port);
    } else {
        open_udp(rq, (unsigned)n, port);
    }
}

void cmd_cipclose(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    struct link_info info;
    if (at_form_of(rq) == AT_READ) {
        char states[2 * LIMIT_LINKS];
        for (unsigned n = 0; n < LIMIT_LINKS; n++) {
            link_info(tcpip_sockets(c), n, &info);
            states[2 * n] = info.state == LINK_OPEN ? '1' : '0';
            states[2 * n + 1] = ',';
        }
        at_info(rq, "+CIPCLOSE: %.*s", 2 * LIMIT_LINKS - 1, states);
        at_ok(rq);
        return;
    }
    int number = 0;
    if (!tcpip_number(rq, 0, 0, LIMIT_LINKS - 1, &number) || at_nargs(rq) > 1) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    unsigned n = (unsigned)number;
    link_info(tcpip_sockets(c), n, &info);
    enum ip_err e = link_close(tcpip_sockets(c), n);
    if (e != IP_OK) {
        tcpip_error_of(rq, "+CIPCLOSE", n, e);
        return;
    }
    tcpip_forget(c, n);
    if (transparent_has(c, n)) {
        transparent_close(rq, info.proto);
        return;
    }
    if (info.proto == NET_UDP) {
        at_info(rq, "+CIPCLOSE: %u,0", n);
        at_ok(rq);
        return;
    }
    /* Queued first, sent behind the OK of the whole line. */
    urc_post(c->session, URC_EVENT, "+CIPCLOSE: %u,0", n);
    at_ok(rq);
}

void cmd_cipack(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    struct link_info info;
    struct stream_counts counts;
    int n = 0;
    if (!tcpip_number(rq, 0, 0, LIMIT_LINKS - 1, &n) || at_nargs(rq) > 1) {
        tcpip_ip_error(rq, IP_INFO_INVALID);
        return;
    }
    link_info(tcpip_sockets(c), (unsigned)n, &info);
    if (!sockets_is_open(tcpip_sockets(c))) {
        tcpip_ip_error(rq, IP_INFO_NOT_OPENED);
    } else if (info.state != LINK_OPEN) {
        tcpip_ip_error(rq, IP_INFO_NOT_CREATED);
    } else if (info.proto != NET_TCP) {
        tcpip_ip_error(rq, IP_INFO_NOT_SUPPORTED); /* guess */
    } else {
        link_counts(tcpip_sockets(c), (unsigned)n, &counts);
        at_info(rq, "+CIPACK: %llu,%llu,%llu", (unsigned long long)counts.sent,
                (unsigned long long)counts.acked, (unsigned long long)counts.received);
        at_ok(rq);
    }
}

/* -- servers -- */

static void list_servers(struct at_req *rq, struct sockets *sk) {
    if (!sockets_is_open(sk)) {
        tcpip_error(rq, "+CIPERROR", IP_NOT_OPENED);
        return;
    }
    for (unsigned i = 0; i < LIMIT_SERVERS; i++) {
        uint16_t port = 0;
        if (server_port(sk, i, &port)) {
            at_info(rq, "+SERVERSTART: %u,%u", i, port);
        }
    }
    at_ok(rq);
}

void cmd_serverstart(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    int port = 0;
    int i = 0;
    if (at_form_of(rq) == AT_READ) {
        list_servers(rq, tcpip_sockets(c));
        return;
    }
    if (!tcpip_number(rq, 0, 1, 65535, &port) || !tcpip_number(rq, 1, 0, LIMIT_SERVERS - 1, &i) ||
        at_nargs(rq) > 2) {
        tcpip_error(rq, "+CIPERROR", IP_WRONG_PARAMETER);
        return;
    }
    /* Link 0 is the port's own in transparent mode, and server 0 answers on it alone (note 2.4). */
    bool is_mode = c->tcpip->transparent.is_mode;
    const struct server_links links = {
        .first = is_mode && i != TRANSPARENT_SERVER ? TRANSPARENT_LINK + 1 : 0,
        .is_single = is_mode && i == TRANSPARENT_SERVER,
    };
    enum ip_err e = server_start(tcpip_sockets(c), (unsigned)i, (uint16_t)port, links, c);
    if (e != IP_OK) {
        tcpip_error(rq, "+CIPERROR", e);
    } else {
        at_ok(rq);
    }
}

void cmd_serverstop(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    int i = 0;
    if (at_nargs(rq) > 1 || (at_has(rq, 0) && !tcpip_number(rq, 0, 0, LIMIT_SERVERS - 1, &i))) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    enum ip_err e = server_stop(tcpip_sockets(c), (unsigned)i);
    if (e != IP_OK) {
        tcpip_error_of(rq, "+SERVERSTOP", (unsigned)i, e);
        return;
    }
    at_info(rq, "+SERVERSTOP: %d,0", i);
    at_ok(rq);
}

/* -- what the model tells -- */

static void on_net_opened(struct cmd *c, const void *payload) {
    const struct net_result *r = payload;
    urc_post(c->session, URC_EVENT, "+NETOPEN: %d", (int)r->err);
}

static void on_net_closed(struct cmd *c, const void *payload) {
    const struct net_result *r = payload;
    urc_post(c->session, URC_EVENT, "+NETCLOSE: %d", (int)r->err);
}

static void on_lost(struct cmd *c, const void *payload) {
    (void)payload;
    forget_all(c);
    urc_post(c->session, URC_EVENT, "+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY");
}

static void on_opened(struct cmd *c, const void *payload) {
    const struct link_result *r = payload;
    if (transparent_has(c, r->link)) {
        transparent_on_opened(c, r->err);
    } else {
        urc_post(c->session, URC_EVENT, "+CIPOPEN: %u,%d", r->link, (int)r->err);
    }
}

static void on_data(struct cmd *c, const void *payload) {
    const struct link_result *r = payload;
    if (transparent_has(c, r->link)) {
        transparent_on_data(c);
    } else {
        tcpip_on_data(c, r->link);
    }
}

static void on_room(struct cmd *c, const void *payload) {
    const struct link_result *r = payload;
    if (transparent_has(c, r->link)) {
        transparent_on_room(c);
    }
}

static void on_sent(struct cmd *c, const void *payload) {
    const struct link_sent *sent = payload;
    urc_post(c->session, URC_EVENT, "+CIPSEND: %u,%zu,%d", sent->link, sent->requested,
             sent->confirmed);
}

static void on_closed(struct cmd *c, const void *payload) {
    const struct link_closed *closed = payload;
    if (transparent_has(c, closed->link)) {
        transparent_on_closed(c);
    } else {
        tcpip_on_closed(c, closed->link, closed->why);
    }
}

static void on_accepted(struct cmd *c, const void *payload) {
    const struct link_accepted *a = payload;
    char ip[NET_IP_TEXT];
    tcpip_forget(c, a->link);
    urc_post(c->session, URC_EVENT, "+CLIENT: %u,%u,%s:%u", a->link, a->server,
             net_format_ip(a->peer.ip, ip), a->peer.port);
    if (c->tcpip->transparent.is_mode && a->server == TRANSPARENT_SERVER) {
        transparent_on_called(c);
    }
}

typedef void hear_fn(struct cmd *c, const void *payload);

/* Their payloads begin with a tag: whose it is. */
static hear_fn *const of_topic[TOPIC_COUNT] = {
    [TOPIC_NET_OPENED] = on_net_opened,  [TOPIC_NET_CLOSED] = on_net_closed,
    [TOPIC_NET_LOST] = on_lost,          [TOPIC_LINK_OPENED] = on_opened,
    [TOPIC_LINK_DATA] = on_data,         [TOPIC_LINK_ROOM] = on_room,
    [TOPIC_LINK_SENT] = on_sent,         [TOPIC_LINK_CLOSED] = on_closed,
    [TOPIC_LINK_ACCEPTED] = on_accepted,
};

void cmd_tcpip_event(struct cmd *c, unsigned topic, const void *payload) {
    void *const *tag = payload;
    if (of_topic[topic] != NULL && *tag == c) {
        of_topic[topic](c, payload);
    }
}

void cmd_tcpip_start(struct cmd *c) {
    c->tcpip = xmalloc(sizeof *c->tcpip);
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        c->tcpip->links[n].c = c;
        c->tcpip->links[n].number = n;
    }
}

void cmd_tcpip_reset(struct cmd *c) {
    transparent_stop(c);
    c->tcpip->transparent.is_mode = false;
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        tcpip_forget(c, n);
    }
}

/* The session has gone already, and with it what waited in its queue. */
void cmd_tcpip_stop(struct cmd *c) {
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        clk_stop(c->modem->clk, &c->tcpip->links[n].delay);
    }
    free(c->tcpip);
    c->tcpip = NULL;
}
