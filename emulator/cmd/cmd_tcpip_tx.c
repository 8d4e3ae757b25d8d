/* cmd_tcpip_tx.c: AT+CIPSEND (V3.00 11.2.5, note 2.3.1, 2.3.2). */
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "handlers.h"
#include "slots.h"

/* What the prompt is for; lives in the request. */
struct sending {
    unsigned link, life;
    struct net_addr to; /* UDP */
};

static void fail(struct at_req *rq, enum ip_err err) {
    tcpip_error(rq, "+CIPERROR", err);
}

static void on_input(struct at_req *rq, const uint8_t *p, size_t n) {
    struct cmd *c = cmd_of(rq);
    const struct sending *s = at_data(rq);
    if (p == NULL && n > LIMIT_SEND) {
        fail(rq, IP_WRONG_PARAMETER); /* more than 1500 bytes before Ctrl-Z (guess) */
        return;
    }
    if (p == NULL || n == 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    struct link_info now;
    link_info(tcpip_sockets(c), s->link, &now);
    if (now.life != s->life) {
        fail(rq, IP_NOT_SUPPORTED); /* it ended; a caller that took its number gets nothing of it */
        return;
    }
    bool wait_ack = setting_int(c->module, SLOT_CIPSENDMODE_MODE) != 0;
    clk_dur timeout = CLK_MS(setting_int(c->module, SLOT_CIPTIMEOUT_CIPSEND_TIMEOUT));
    bool is_done = false;
    enum ip_err e = link_send(tcpip_sockets(c), s->link, p, n, &s->to, wait_ack, timeout, &is_done);
    if (e != IP_OK) {
        fail(rq, e);
        return;
    }
    /* Queued first, sent behind the OK of the whole line. */
    if (is_done) {
        urc_post(c->session, URC_EVENT, "+CIPSEND: %u,%zu,%zu", s->link, n, n);
    }
    at_ok(rq);
}

/* Where the datagram goes: the address given, or the one the link was opened with. */
static bool read_target(struct at_req *rq, const struct link_info *info, struct net_addr *to) {
    int port = 0;
    *to = info->peer;
    if (at_has(rq, 2) || at_has(rq, 3)) {
        bool is_good =
            net_parse_ip(at_text(rq, 2), &to->ip) == 0 && tcpip_number(rq, 3, 1, 65535, &port);
        to->port = (uint16_t)port;
        return is_good && info->proto == NET_UDP;
    }
    return info->proto == NET_TCP || to->port != 0;
}

/* 0, or why nothing can be sent now (field F09, F19). */
static enum ip_err check_link(struct at_req *rq, unsigned n, const struct link_info *info) {
    struct sockets *sk = tcpip_sockets(cmd_of(rq));
    if (!sockets_is_open(sk)) {
        return sockets_was_lost(sk) ? IP_NOT_SUPPORTED : IP_NOT_OPENED;
    }
    if (info->state != LINK_OPEN) {
        return at_has(rq, 2) ? IP_WRONG_PARAMETER : IP_NOT_SUPPORTED;
    }
    if (transparent_has(cmd_of(rq), n)) {
        return IP_NOT_SUPPORTED; /* the port's own: only the others take commands (note 2.4) */
    }
    if (info->server >= 0 && !at_has(rq, 1)) {
        return IP_NOT_SUPPORTED; /* accepted links take counted sending only (note 2.3.4) */
    }
    return link_is_sending(sk, n) ? IP_BUSY : IP_OK;
}

void cmd_cipsend(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    struct link_info info;
    int n = 0;
    int len = 0;
    bool is_good = tcpip_number(rq, 0, 0, LIMIT_LINKS - 1, &n) && at_nargs(rq) >= 2 &&
                   at_nargs(rq) <= 4 &&
                   (!at_has(rq, 1) || tcpip_number(rq, 1, 1, LIMIT_SEND, &len));
    if (!is_good) {
        fail(rq, IP_WRONG_PARAMETER);
        return;
    }
    link_info(tcpip_sockets(c), (unsigned)n, &info);
    enum ip_err e = check_link(rq, (unsigned)n, &info);
    if (e != IP_OK) {
        fail(rq, e);
        return;
    }
    struct sending *s = at_alloc(rq, sizeof *s);
    s->link = (unsigned)n;
    s->life = info.life;
    if (!read_target(rq, &info, &s->to)) {
        fail(rq, IP_WRONG_PARAMETER);
        return;
    }
    at_set_data(rq, s);
    at_prompt(rq, ">", (size_t)len, LIMIT_SEND, on_input);
}
