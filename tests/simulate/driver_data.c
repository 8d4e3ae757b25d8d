/* driver_data.c: the port given to a link: transparent TCP with its escapes, and PPP. */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "base/obj.h"
#include "tests/simulate/driver.h"

enum { PIECE = 600, STEPS = 10, GUARD_MS = 1100, LINK = 0, ECHO_REQUEST = 0x09, LCP = 0xc021 };

static bool is_up(const struct driver *d) {
    return d->oracle.is_data && driver_is_good(d) && !d->oracle.was_restarted;
}

/* -- what comes -- */

/* The result that ends data mode; 0: it is none, or not all of it is there. */
static size_t end_of_data(struct driver *d, const uint8_t *p, size_t n) {
    static const char *const ends[] = {"\r\nCLOSED\r\n", "\r\nOK\r\n", "\r\nNO CARRIER\r\n"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t len = strlen(ends[i]);
        bool is_escape = i == 1;
        if (n >= len && memcmp(p, ends[i], len) == 0 && (!is_escape || d->is_escaping)) {
            d->is_escaped = is_escape;
            oracle_end_data(&d->oracle);
            return len;
        }
    }
    return 0;
}

static size_t take_frames(struct driver *d, const uint8_t *p, size_t n) {
    size_t at = 0;
    while (at < n && p[at] == 0x7e) {
        const uint8_t *end = at + 1 < n ? memchr(p + at + 1, 0x7e, n - at - 1) : NULL;
        size_t len = end != NULL ? (size_t)(end - (p + at)) + 1 : 1;
        ppp_peer_rx(&d->ppp, p + at, len);
        at += len;
    }
    return at;
}

size_t driver_data(struct driver *d, const uint8_t *p, size_t n) {
    if (d->is_mux) {
        return driver_mux_data(d, p, n);
    }
    struct links *ls = &d->links;
    size_t took = d->is_ppp ? take_frames(d, p, n) : links_take(ls, LINK, p, n);
    if (took == n) {
        return n;
    }
    size_t end = end_of_data(d, p + took, n - took);
    if (end == 0) {
        verdict_fail(d->verdict, "bytes-down", NULL, "data mode: neither data nor its end");
    } else if (!d->is_ppp && !d->is_escaped) {
        links_urc(ls, "CLOSED");
    }
    return took + end;
}

/* -- escapes -- */

/* Back to commands, as long as there is a link. */
static void escape(struct driver *d) {
    d->is_escaping = true;
    for (unsigned i = 0; i < 3 && is_up(d); i++) {
        links_open_windows(&d->links); /* it would wait behind what a stuck peer does not take */
        driver_pass(d, CLK_MS(GUARD_MS + 1000));
        if (is_up(d)) {
            world_type(&d->world, "+++", 3);
            driver_pass(d, CLK_MS(GUARD_MS));
        }
    }
    d->is_escaping = false;
    if (is_up(d)) {
        verdict_fail(d->verdict, "escape", NULL, "+++ three times, and it is still data mode");
    }
}

/* -- transparent TCP -- */

bool driver_close_service(struct driver *d) {
    const struct links *ls = &d->links;
    if (ls->open_due_us != 0 || ls->close_due_us != 0) {
        driver_pass(d, CLK_S(5));
    }
    if (ls->is_open) {
        driver_netclose(d);
        driver_pass(d, CLK_S(5));
    }
    return !ls->is_open && ls->open_due_us == 0 && ls->close_due_us == 0;
}

static bool open_service(struct driver *d, int mode) {
    struct links *ls = &d->links;
    driver_close_service(d);
    driver_ask(d, "AT+CIPMODE=%d", mode);
    if (!ls->is_open && ls->open_due_us == 0) {
        driver_netopen(d);
        driver_pass(d, CLK_S(2));
    }
    return ls->is_open;
}

static void send_piece(struct driver *d) {
    uint8_t bytes[PIECE];
    struct links_link *l = &d->links.links[LINK];
    size_t n = 1 + driver_pick(d, PIECE);
    links_fill(l->far->number, l->far->accepted, bytes, n);
    if (memmem(bytes, n, "+++", 3) != NULL) {
        return; /* it might be taken for an escape that comes behind a rest */
    }
    l->far->accepted += n;
    world_type(&d->world, bytes, n);
}

static void be_transparent(struct driver *d) {
    struct links_link *l = &d->links.links[LINK];
    for (size_t i = driver_pick(d, STEPS); i > 0 && is_up(d); i--) {
        switch (driver_pick(d, 5)) {
        case 0:
        case 1:
            send_piece(d);
            break;
        case 2:
            if (!l->far->has_ended) {
                links_far_send(&d->links, l->far, 1 + driver_pick(d, 3000));
            }
            break;
        case 3:
            driver_pass(d, CLK_MS(driver_pick(d, 5000)));
            break;
        default:
            escape(d);
            driver_ask(d, "AT+CSQ");
            if (d->is_escaped && l->state == LINKS_OPEN) {
                driver_ask(d, "ATO");
            }
            break;
        }
    }
}

static void end_transparent(struct driver *d) {
    struct links_link *l = &d->links.links[LINK];
    escape(d);
    driver_pass(d, CLK_S(1));
    if (l->state == LINKS_OPEN && driver_is_ok(driver_ask(d, "AT+CIPCLOSE=%d", LINK))) {
        driver_pass(d, CLK_S(1));
        links_closed(&d->links, LINK);
    }
}

void driver_act_transparent(struct driver *d) {
    struct links *ls = &d->links;
    if (open_service(d, 1) && ls->links[LINK].state == LINKS_FREE) {
        char ip[NET_IP_TEXT];
        struct net_addr peer = links_next_peer(ls, NET_TCP, "");
        links_opening(ls, LINK, &peer, CLK_S(300));
        const char *result = driver_ask(d, "AT+CIPOPEN=%d,\"TCP\",\"%s\",%u", LINK,
                                        net_format_ip(peer.ip, ip), peer.port);
        if (oracle_is_connect(sv_of(result))) {
            links_connected(ls, LINK);
            be_transparent(d);
            end_transparent(d);
        } else {
            ls->links[LINK].state = LINKS_FREE;
            ls->links[LINK].due_us = 0;
        }
    }
    open_service(d, 0);
}

/* -- PPP -- */

static void flush_ppp(struct driver *d) {
    while (buf_len(&d->ppp.out) > 0 && is_up(d)) {
        uint8_t bytes[PIECE];
        size_t n = buf_take(&d->ppp.out, bytes, sizeof bytes);
        world_type(&d->world, bytes, n);
    }
}

/* Each echo request is answered exactly once. */
static void ask_echo(struct driver *d) {
    static const uint8_t request[] = {ECHO_REQUEST, 7, 0, 8, 0, 0, 0, 0};
    unsigned before = d->ppp.echoes;
    ppp_peer_say(&d->ppp, LCP, request, sizeof request);
    flush_ppp(d);
    driver_pass(d, CLK_MS(100));
    if (is_up(d) && d->ppp.echoes != before + 1) {
        verdict_fail(d->verdict, "once", NULL, "an LCP echo was answered %u times",
                     d->ppp.echoes - before);
    }
}

static void be_online(struct driver *d) {
    for (unsigned i = 0; i < 5 && is_up(d) && !ppp_peer_is_up(&d->ppp); i++) {
        ppp_peer_poke(&d->ppp);
        for (unsigned k = 0; k < 5; k++) {
            flush_ppp(d);
            driver_pass(d, CLK_MS(200));
        }
    }
    for (size_t i = driver_pick(d, STEPS); i > 0 && is_up(d) && ppp_peer_is_up(&d->ppp); i--) {
        ask_echo(d);
        driver_pass(d, CLK_MS(driver_pick(d, 5000)));
        flush_ppp(d);
    }
}

static void hang_up(struct driver *d) {
    static const uint8_t terminate[] = {5, 9, 0, 4};
    if (is_up(d) && driver_pick(d, 2) == 0) {
        ppp_peer_say(&d->ppp, LCP, terminate, sizeof terminate);
        flush_ppp(d);
        driver_pass(d, CLK_S(5));
    }
    if (is_up(d)) {
        escape(d);
        driver_ask(d, "ATH");
        driver_pass(d, CLK_S(5));
    }
}

void driver_act_ppp(struct driver *d) {
    d->is_ppp = true;
    ppp_peer_init(&d->ppp);
    if (oracle_is_connect(sv_of(driver_ask(d, "ATD*99#")))) {
        be_online(d);
        hang_up(d);
    }
    ppp_peer_fini(&d->ppp);
    d->is_ppp = false;
}
