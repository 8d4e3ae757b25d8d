/* driver_links.c: the TCP/IP service, its links and servers, as a driver uses them. */
#include <stdio.h>
#include <string.h>

#include "slots.h"
#include "tests/simulate/driver.h"

enum { SERVICE_S = 260, DNS_S = 600, SENT_MAX = 1500, FIRST_PORT = 8000, UDP_PORT = 9000 };

static int64_t in(const struct driver *d, int64_t seconds) {
    return world_now_us(&d->world) + seconds * 1000000;
}

/* One in this state, by chance; -1: there is none. */
static int pick_link(struct driver *d, enum links_state state) {
    int found[LIMIT_LINKS];
    size_t n = 0;
    for (int i = 0; i < LIMIT_LINKS; i++) {
        if (d->links.links[i].state == state) {
            found[n++] = i;
        }
    }
    return n > 0 ? found[driver_pick(d, n)] : -1;
}

void driver_netopen(struct driver *d) {
    d->links.open_due_us = in(d, SERVICE_S);
    if (!driver_is_ok(driver_ask(d, "AT+NETOPEN"))) {
        d->links.open_due_us = 0;
    }
}

void driver_netclose(struct driver *d) {
    d->links.close_due_us = in(d, SERVICE_S);
    if (driver_is_ok(driver_ask(d, "AT+NETCLOSE"))) {
        links_close_all(&d->links);
    } else {
        d->links.close_due_us = 0;
    }
}

void driver_act_service(struct driver *d) {
    struct links *ls = &d->links;
    if (ls->open_due_us != 0 || ls->close_due_us != 0) {
        driver_pass(d, CLK_S(1));
    } else if (!ls->is_open) {
        driver_netopen(d);
    } else if (driver_pick(d, 8) == 0) {
        driver_netclose(d);
    } else {
        driver_ask(d, "AT+NETOPEN"); /* it is refused, and nothing follows */
    }
}

/* What the far end does with the connect, and how the dialogue says it. */
static const char *script_connect(struct driver *d, const struct net_addr *to) {
    static const struct {
        enum fake_connect how;
        const char *text;
    } hows[] = {{FAKE_REFUSE, " refuse"}, {FAKE_SILENT, " black-hole"}};
    size_t i = driver_pick(d, 8);
    if (i >= sizeof hows / sizeof hows[0]) {
        return "";
    }
    fake_host_on_connect(d->world.host, to->ip, to->port, hows[i].how);
    return hows[i].text;
}

static void open_tcp(struct driver *d, unsigned n) {
    struct links *ls = &d->links;
    const struct net_addr to = links_peer(ls);
    const char *how = script_connect(d, &to);
    struct net_addr peer = links_next_peer(ls, NET_TCP, how);
    char host[64];
    net_format_ip(peer.ip, host);
    if (driver_pick(d, 6) == 0) {
        snprintf(host, sizeof host, "p%u.example", ls->numbers);
        links_name(ls, host, peer.ip);
    }
    links_opening(ls, n, &peer, CLK_S(SERVICE_S + DNS_S));
    struct links_link *l = &ls->links[n];
    if (!driver_is_ok(driver_ask(d, "AT+CIPOPEN=%u,\"TCP\",\"%s\",%u", n, host, peer.port))) {
        l->state = l->state == LINKS_OPENING ? LINKS_FREE : l->state; /* a caller may have it now */
        l->due_us = 0;
    }
}

static void open_udp(struct driver *d, unsigned n) {
    uint16_t port = (uint16_t)(UDP_PORT + n);
    struct net_addr peer = links_next_peer(&d->links, NET_UDP, "");
    /* The service may have ended in the same instant. */
    if (driver_is_ok(driver_ask(d, "AT+CIPOPEN=%u,\"UDP\",,,%u", n, port)) && d->links.is_open) {
        links_bound(&d->links, n, &peer, port);
    }
}

void driver_act_open(struct driver *d) {
    if (!d->links.is_open) {
        driver_act_service(d);
        return;
    }
    int n = pick_link(d, driver_pick(d, 4) == 0 ? LINKS_ENDED : LINKS_FREE);
    if (n >= 0 && d->links.links[n].sending == 0) {
        (driver_pick(d, 5) == 0 ? open_udp : open_tcp)(d, (unsigned)n);
    }
}

/* Control characters in data that Ctrl-Z ends have an ETX in front. Returns the length. */
static size_t quote(const uint8_t *p, size_t n, uint8_t *to) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == 0x03 || p[i] == 0x1a || p[i] == 0x1b) {
            to[len++] = 0x03;
        }
        to[len++] = p[i];
    }
    to[len] = 0x1a;
    return len + 1;
}

static void send_tcp(struct driver *d, unsigned n) {
    struct links *ls = &d->links;
    struct links_link *l = &ls->links[n];
    uint8_t data[SENT_MAX], quoted[2 * SENT_MAX + 1];
    size_t len = 1 + driver_pick(d, driver_pick(d, 4) == 0 ? SENT_MAX : 100);
    bool is_counted = l->server >= 0 || driver_pick(d, 4) != 0;
    if (is_counted) {
        driver_ask(d, "AT+CIPSEND=%u,%zu", n, len);
    } else {
        driver_ask(d, "AT+CIPSEND=%u,", n);
    }
    if (!d->oracle.is_prompt || !driver_is_good(d)) {
        return;
    }
    if (driver_pick(d, 8) == 0) {
        driver_pass(d, CLK_MS(driver_pick(d, 3000)));
    }
    /* It may be over by now: then it is refused behind the data. */
    links_fill(l->far->number, l->far->accepted, data, len);
    links_sending(ls, n, len, CLK_S(SERVICE_S));
    const char *result = is_counted ? driver_give(d, data, len, 0)
                                    : driver_give(d, quoted, quote(data, len, quoted), 1);
    if (!driver_is_ok(result)) {
        links_unsent(ls, n, len);
    }
}

static void send_udp(struct driver *d, unsigned n) {
    struct links *ls = &d->links;
    const struct links_link *l = &ls->links[n];
    uint8_t data[SENT_MAX];
    char ip[NET_IP_TEXT];
    size_t len = 1 + driver_pick(d, driver_pick(d, 4) == 0 ? SENT_MAX : 100);
    driver_ask(d, "AT+CIPSEND=%u,%zu,\"%s\",%u", n, len, net_format_ip(l->peer.ip, ip),
               l->peer.port);
    if (!d->oracle.is_prompt || !driver_is_good(d)) {
        return;
    }
    if (l->state != LINKS_OPEN) { /* it has gone meanwhile: refused behind the data */
        memset(data, 'x', len);
        driver_give(d, data, len, 0);
        return;
    }
    links_datagram(ls, n, data, len);
    links_sending(ls, n, len, CLK_S(SERVICE_S));
    if (!driver_is_ok(driver_give(d, data, len, 0))) {
        links_unsent(ls, n, len);
    }
}

void driver_act_send(struct driver *d) {
    int n = pick_link(d, LINKS_OPEN);
    if (n < 0) {
        driver_act_open(d);
    } else if (d->links.links[n].sending > 0) {
        driver_pass(d, CLK_S(1));
    } else if (d->links.links[n].proto == NET_UDP) {
        send_udp(d, (unsigned)n);
    } else {
        send_tcp(d, (unsigned)n);
    }
}

void driver_act_close(struct driver *d) {
    int n = pick_link(d, LINKS_OPEN);
    if (n < 0 || driver_pick(d, 2) == 0) {
        return;
    }
    if (driver_is_ok(driver_ask(d, "AT+CIPCLOSE=%d", n))) {
        links_closed(&d->links, (unsigned)n);
    }
}

void driver_act_read(struct driver *d) {
    int n = pick_link(d, driver_pick(d, 3) == 0 ? LINKS_ENDED : LINKS_OPEN);
    if (n < 0 || !links_is_manual(&d->links)) {
        return;
    }
    for (unsigned i = 0; i < 8; i++) {
        unsigned mode = 2 + (unsigned)driver_pick(d, 2);
        unsigned most = mode == 2 ? 1500 : 750;
        const char *result =
            driver_ask(d, "AT+CIPRXGET=%u,%d,%u", mode, n, 1 + (unsigned)driver_pick(d, most));
        if (!driver_is_ok(result)) {
            break;
        }
    }
}

void driver_act_modes(struct driver *d) {
    static const char *const lines[] = {
        "AT+CIPRXGET=0",
        "AT+CIPRXGET=1",
        "AT+CIPSRIP=0",
        "AT+CIPSRIP=1",
        "AT+CIPHEAD=1",
        "AT+CIPSENDMODE=0",
        "AT+CIPSENDMODE=1",
        "AT+CIPRXGET=0",
        "AT+CIPCCFG=10,0,0,1,0,0,500",
        "AT+CIPCCFG=3,200,0,1,1,0,1000",
        "AT+CIPRXGET?",
    };
    driver_ask(d, "%s", lines[driver_pick(d, sizeof lines / sizeof lines[0])]);
}

void driver_act_server(struct driver *d) {
    struct links *ls = &d->links;
    unsigned i = (unsigned)driver_pick(d, LIMIT_SERVERS);
    if (!ls->is_open) {
        return;
    }
    if (ls->servers[i].port == 0) {
        uint16_t port = (uint16_t)(FIRST_PORT + i);
        if (driver_is_ok(driver_ask(d, "AT+SERVERSTART=%u,%u", port, i))) {
            ls->servers[i].port = port;
        }
    } else if (driver_pick(d, 4) == 0) {
        if (driver_is_ok(driver_ask(d, "AT+SERVERSTOP=%u", i))) {
            ls->servers[i].port = 0;
        }
    } else {
        links_call(ls, i);
    }
}

/* What the module counts of a link is what its far end has seen of it. */
void driver_act_counts(struct driver *d) {
    int n = pick_link(d, LINKS_OPEN);
    if (n < 0 || d->links.links[n].proto != NET_TCP) {
        return;
    }
    const struct links_link *l = &d->links.links[n];
    unsigned long long sent = 0, acked = 0, got = 0;
    if (!driver_is_ok(driver_ask(d, "AT+CIPACK=%d", n)) || l->far == NULL ||
        sscanf(oracle_info(&d->oracle), "+CIPACK: %llu,%llu,%llu", &sent, &acked, &got) != 3) {
        return;
    }
    if (sent != l->far->accepted || acked > sent || got > l->far->sent) {
        verdict_fail(d->verdict, "state", NULL,
                     "+CIPACK: %llu,%llu,%llu of link %d, which took %llu and was sent %llu", sent,
                     acked, got, n, (unsigned long long)l->far->accepted,
                     (unsigned long long)l->far->sent);
    }
}
