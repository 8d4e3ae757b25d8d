/* cmd_tcpip_rx.c: received data: pushed with headers, or fetched (AT+CIPRXGET, V3.00 11.2.6). */
#include <stdio.h>
#include <string.h>

#include "base/chan.h"
#include "base/hex.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "handlers.h"
#include "slots.h"

enum { RXGET_PUSH = 0, RXGET_NOTIFY = 1, RXGET_READ = 2, RXGET_HEX = 3, RXGET_ASK = 4 };
enum { HEX_MAX = 750 };

static bool is_manual(const struct cmd *c) {
    return setting_int(c->module, SLOT_CIPRXGET_MODE) == RXGET_NOTIFY;
}

static void post_closed(struct tcpip_link *t) {
    static const int reasons[] = {
        [NET_CLOSE_LOCAL] = 0,   [NET_CLOSE_REMOTE] = 1, [NET_CLOSE_TIMEOUT] = 2, /* V3.00 11.2.4 */
        [NET_CLOSE_RESET] = 3,                                                    /* note 2.3.1 */
        [NET_CLOSE_NETWORK] = 1,
    };
    t->is_closing = false;
    urc_post(t->c->session, URC_EVENT, "+IPCLOSE: %u,%s%d", t->number,
             t->c->modem->profile->ipclose_space ? " " : "", reasons[t->why]);
}

/* What stands in front of pushed data. With the sender's line it begins with CR LF, without it
 * does not (field F12, F13, F14). */
static size_t push_header(struct tcpip_link *t, const struct net_addr *from, size_t n, char *to,
                          size_t size) {
    const struct cmd *c = t->c;
    const char *eol = session_eol(c->session);
    char ip[NET_IP_TEXT];
    size_t len = 0;
    if (setting_int(c->module, SLOT_CIPSRIP_MODE) != 0) {
        len += (size_t)snprintf(to, size, "%s%s%s:%u%s", eol, c->modem->profile->rcv_from,
                                net_format_ip(from->ip, ip), from->port, eol);
    }
    if (setting_int(c->module, SLOT_CIPHEAD_MODE) == 0) {
        return len;
    }
    if (setting_int(c->module, SLOT_CIPCCFG_HEADERTYPE) == 0) {
        len += (size_t)snprintf(to + len, size - len, "+IPD%zu%s", n, eol);
    } else {
        len += (size_t)snprintf(to + len, size - len, "+RECEIVE,%u,%zu%s", t->number, n, eol);
    }
    return len;
}

/* One segment or datagram with its headers, in one write. */
static bool push(void *ctx, struct at_session *s) {
    struct tcpip_link *t = ctx;
    struct sockets *sk = tcpip_sockets(t->c);
    if (is_manual(t->c) || clk_pending(&t->delay)) {
        return false;
    }
    struct net_addr from;
    size_t n = 0;
    const uint8_t *data = link_peek(sk, t->number, &from, &n);
    struct link_info info;
    link_info(sk, t->number, &info);
    /* A stream comes in segments, a datagram whole. */
    if (info.proto == NET_TCP && n > LIMIT_PUSH) {
        n = LIMIT_PUSH;
    }
    if (n > 0) {
        char text[2 * NET_IP_TEXT + 64];
        uint8_t frame[sizeof text + LIMIT_DGRAM_SIZE];
        size_t len = push_header(t, &from, n, text, sizeof text);
        memcpy(frame, text, len);
        memcpy(frame + len, data, n);
        if (chan_write(session_chan(s), frame, len + n) != 0) {
            return true;
        }
        link_consume(sk, t->number, n);
    }
    if (link_available(sk, t->number) > 0) {
        return true;
    }
    if (t->is_closing) {
        post_closed(t);
    }
    return false;
}

static void on_delay(void *ctx) {
    struct tcpip_link *t = ctx;
    urc_post_source(t->c->session, push, t);
}

/* Announced when the buffer was empty before; read empty, the next arrival is announced again. */
static void announce(struct tcpip_link *t) {
    struct cmd *c = t->c;
    if (t->is_announced || link_available(tcpip_sockets(c), t->number) == 0) {
        return;
    }
    t->is_announced = true;
    if (c->modem->profile->rxget_announces_sender) {
        struct net_addr from;
        size_t n = 0;
        char ip[NET_IP_TEXT];
        link_peek(tcpip_sockets(c), t->number, &from, &n);
        urc_post(c->session, URC_EVENT, "%s%s:%u", c->modem->profile->rcv_from,
                 net_format_ip(from.ip, ip), from.port);
    }
    urc_post(c->session, URC_EVENT, "+CIPRXGET: 1,%u", t->number);
}

void tcpip_on_data(struct cmd *c, unsigned link) {
    struct tcpip_link *t = &c->tcpip->links[link];
    int delay_ms = setting_int(c->module, SLOT_CIPCCFG_DELAYTM);
    if (is_manual(c)) {
        announce(t);
    } else if (delay_ms == 0) {
        urc_post_source(c->session, push, t);
    } else if (!clk_pending(&t->delay)) {
        clk_start(c->modem->clk, &t->delay, CLK_MS(delay_ms), on_delay, t);
    }
}

/* Pushed data comes before its link's close; data to be fetched stays, the close comes at once. */
void tcpip_on_closed(struct cmd *c, unsigned link, enum net_close why) {
    struct tcpip_link *t = &c->tcpip->links[link];
    t->why = why;
    if (!is_manual(c) && link_available(tcpip_sockets(c), link) > 0) {
        t->is_closing = true;
        tcpip_on_data(c, link);
    } else {
        post_closed(t);
    }
}

void tcpip_forget(struct cmd *c, unsigned link) {
    struct tcpip_link *t = &c->tcpip->links[link];
    clk_stop(c->modem->clk, &t->delay);
    urc_drop_source(c->session, t);
    t->is_announced = false;
    t->is_closing = false;
}

/* -- AT+CIPRXGET -- */

static void set_mode(struct at_req *rq, int mode) {
    struct cmd *c = cmd_of(rq);
    setting_set_int(c->module, SLOT_CIPRXGET_MODE, mode);
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        struct tcpip_link *t = &c->tcpip->links[n];
        if (mode == RXGET_NOTIFY && t->is_closing) {
            post_closed(t);
        }
        if (mode == RXGET_PUSH) {
            t->is_announced = false;
        }
        if (link_available(tcpip_sockets(c), n) > 0 && !transparent_has(c, n)) {
            tcpip_on_data(c, n);
        }
    }
    at_ok(rq);
}

/* All of a TCP link's bytes are one run; of a UDP link, one datagram is read at a time. */
static void read_data(struct at_req *rq, int mode, unsigned n, size_t want) {
    struct sockets *sk = tcpip_sockets(cmd_of(rq));
    struct net_addr from;
    size_t have = 0;
    const uint8_t *data = link_peek(sk, n, &from, &have);
    if (have == 0) {
        tcpip_ip_error(rq, IP_INFO_NO_DATA);
        return;
    }
    size_t len = have < want ? have : want;
    at_info(rq, "+CIPRXGET: %d,%u,%zu,%zu", mode, n, len, link_available(sk, n) - len);
    if (mode == RXGET_READ) {
        at_info_raw(rq, data, len);
    } else {
        char hex[2 * HEX_MAX + 1];
        hex_print(data, len, hex);
        at_info_raw(rq, hex, 2 * len);
    }
    link_consume(sk, n, len);
    if (link_available(sk, n) == 0) {
        cmd_of(rq)->tcpip->links[n].is_announced = false;
    }
    at_ok(rq);
}

void cmd_ciprxget(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+CIPRXGET: %d", (int)setting_int(c->module, SLOT_CIPRXGET_MODE));
        at_ok(rq);
        return;
    }
    int mode = 0;
    int n = 0;
    int len = 0;
    if (!tcpip_number(rq, 0, RXGET_PUSH, RXGET_ASK, &mode) ||
        (mode <= RXGET_NOTIFY && at_nargs(rq) > 1)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    if (mode <= RXGET_NOTIFY) {
        set_mode(rq, mode);
        return;
    }
    int most = mode == RXGET_HEX ? HEX_MAX : LIMIT_SEND;
    bool is_good = tcpip_number(rq, 1, 0, LIMIT_LINKS - 1, &n) &&
                   (!at_has(rq, 2) || tcpip_number(rq, 2, 1, most, &len)) &&
                   at_nargs(rq) <= (mode == RXGET_ASK ? 2 : 3);
    if (!is_good) {
        tcpip_ip_error(rq, IP_INFO_INVALID);
    } else if (!is_manual(c) || transparent_has(c, (unsigned)n)) {
        tcpip_ip_error(rq, IP_INFO_NOT_SUPPORTED);
    } else if (mode == RXGET_ASK) {
        at_info(rq, "+CIPRXGET: 4,%d,%zu", n, link_available(tcpip_sockets(c), (unsigned)n));
        at_ok(rq);
    } else {
        read_data(rq, mode, (unsigned)n, (size_t)(len > 0 ? len : most));
    }
}
