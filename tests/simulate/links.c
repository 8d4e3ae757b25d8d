#include "tests/simulate/links.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/obj.h"
#include "slots.h"

enum { GRACE_US = 1000000, FAR_IP = 0x64400000 /* 100.64.0.0 */, FAR_PORT = 7000 };

/* A byte that says where it belongs; all values come up. */
static uint8_t byte_of(uint32_t key, uint64_t at) {
    uint64_t x = (at + 1) * 0x9e3779b97f4a7c15u ^ ((uint64_t)key << 32 | key);
    return (uint8_t)(x >> 29 ^ x >> 43);
}

void links_fill(uint32_t key, uint64_t at, uint8_t *to, size_t n) {
    for (size_t i = 0; i < n; i++) {
        to[i] = byte_of(key, at + i);
    }
}

/* What a far end sends has another key than what it gets. */
static uint32_t down_key(uint32_t number) {
    return number | 0x80000000u;
}

/* -1: it is all right; else the first byte that is wrong. */
static int64_t first_wrong(uint32_t key, uint64_t at, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] != byte_of(key, at + i)) {
            return (int64_t)i;
        }
    }
    return -1;
}

void links_start(struct links *ls, struct world *w) {
    memset(ls, 0, sizeof *ls);
    OBJ_INIT(ls, LINKS_MAGIC);
    ls->world = w;
    ls->verdict = w->verdict;
    ls->manual_us = -GRACE_US - 1;
}

static void note(struct links *ls, const struct links_far *f, const char *what) {
    dialogue_line(ls->world->dialogue, "peer p%u %s", f->number, what);
}

static void note_sent(struct links *ls, uint32_t number, const uint8_t *p, size_t n,
                      uint16_t port) {
    char what[32];
    snprintf(what, sizeof what, "peer p%u send", number);
    dialogue_bytes(ls->world->dialogue, what, p, n, port);
}

/* Its link is over on this side; the far end is looked at until it knows. */
static void end_link(struct links_link *l, enum links_state state, bool is_lossy) {
    if (l->far != NULL) {
        l->far->is_lossy |= is_lossy;
    }
    l->state = state;
    l->closed_us = 0;
    if (l->proto == NET_UDP) {
        l->ndatagrams = 0;
        l->got = 0;
    }
}

void links_close_all(struct links *ls) {
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        /* One that is being opened is still to be answered. */
        if (ls->links[n].state != LINKS_OPENING) {
            links_closed(ls, n);
        }
    }
    for (unsigned i = 0; i < LIMIT_SERVERS; i++) {
        ls->servers[i].port = 0;
    }
    ls->is_open = false;
}

void links_lost(struct links *ls) {
    for (size_t i = 0; i < ls->nlive; i++) {
        ls->live[i]->is_lossy = true;
    }
}

void links_forget(struct links *ls) {
    links_lost(ls);
    links_close_all(ls);
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        end_link(&ls->links[n], LINKS_FREE, true);
        ls->links[n].sending = 0;
        ls->links[n].due_us = 0;
    }
    ls->open_due_us = 0;
    ls->close_due_us = 0;
}

void links_abandon(struct links *ls, bool on) {
    links_forget(ls);
    ls->nlive = 0;
    ls->nsent = 0;
    ls->is_relaxed = on;
}

/* -- far ends -- */

struct net_addr links_peer(const struct links *ls) {
    return (struct net_addr){FAR_IP + ls->numbers + 1, FAR_PORT};
}

void links_name(struct links *ls, const char *name, uint32_t ip) {
    char text[NET_IP_TEXT];
    fake_host_add_name(ls->world->host, name, ip);
    dialogue_line(ls->world->dialogue, "name %s %s", name, net_format_ip(ip, text));
}

struct net_addr links_next_peer(struct links *ls, enum net_proto proto, const char *how) {
    struct net_addr peer = links_peer(ls);
    char ip[NET_IP_TEXT];
    ls->numbers++;
    dialogue_line(ls->world->dialogue, "peer %s %s:%u as p%u%s", proto == NET_UDP ? "udp" : "tcp",
                  net_format_ip(peer.ip, ip), peer.port, ls->numbers, how);
    return peer;
}

static struct links_far *new_far(struct links *ls, struct fake_link *link, uint32_t number) {
    must(ls->nfars < LINKS_FARS && ls->nlive < LINKS_LIVE);
    struct links_far *f = &ls->fars[ls->nfars++];
    *f = (struct links_far){.link = link, .number = number};
    ls->live[ls->nlive++] = f;
    return f;
}

struct links_far *links_any_far(struct links *ls, uint64_t which) {
    struct links_far *found[LINKS_LIVE];
    size_t n = 0;
    for (size_t i = 0; i < ls->nlive; i++) {
        if (!ls->live[i]->has_ended) {
            found[n++] = ls->live[i];
        }
    }
    return n > 0 ? found[which % n] : NULL;
}

void links_call(struct links *ls, unsigned server) {
    uint16_t port = ls->servers[server].port;
    struct net_addr from = {FAR_IP + ++ls->numbers, FAR_PORT};
    struct fake_link *link = port != 0 ? fake_host_call(ls->world->host, &from, port) : NULL;
    if (link == NULL) {
        return;
    }
    char ip[NET_IP_TEXT];
    dialogue_line(ls->world->dialogue, "peer call %s:%u -> %u as p%u", net_format_ip(from.ip, ip),
                  from.port, port, ls->numbers);
    new_far(ls, link, ls->numbers);
    world_settle(ls->world);
}

void links_far_send(struct links *ls, struct links_far *f, size_t n) {
    uint8_t bytes[8192];
    must(n <= sizeof bytes);
    links_fill(down_key(f->number), f->sent, bytes, n);
    f->sent += n;
    note_sent(ls, f->number, bytes, n, 0);
    fake_host_send(f->link, bytes, n);
    world_settle(ls->world);
}

void links_far_datagram(struct links *ls, uint64_t which, size_t n) {
    struct links_link *l = &ls->links[which % LIMIT_LINKS];
    uint8_t bytes[LIMIT_DGRAM_SIZE];
    if (l->state != LINKS_OPEN || l->proto != NET_UDP || l->ndatagrams == LINKS_DATAGRAMS) {
        return;
    }
    const struct links_datagram d = {down_key(++ls->numbers), n, l->peer};
    links_fill(d.key, 0, bytes, n);
    if (!fake_host_send_datagram(ls->world->host, &l->peer, l->port, bytes, n)) {
        return; /* it is being closed */
    }
    l->datagrams[(l->first + l->ndatagrams++) % LINKS_DATAGRAMS] = d;
    note_sent(ls, l->peer.ip - FAR_IP, bytes, n, l->port);
    world_settle(ls->world);
}

void links_far_end(struct links *ls, struct links_far *f, bool is_reset) {
    note(ls, f, is_reset ? "reset" : "close");
    f->has_ended = true;
    f->was_reset = is_reset;
    f->is_lossy |= is_reset;
    fake_host_end(f->link, is_reset ? -ECONNRESET : 0);
    world_settle(ls->world);
}

void links_far_window(struct links *ls, struct links_far *f, size_t n) {
    char what[32];
    snprintf(what, sizeof what, "window %d", n == SIZE_MAX ? -1 : (int)n);
    note(ls, f, what);
    f->is_narrow = n != SIZE_MAX;
    fake_host_window(f->link, n);
    world_settle(ls->world);
}

void links_open_windows(struct links *ls) {
    for (size_t i = 0; i < ls->nlive; i++) {
        if (ls->live[i]->is_narrow) {
            links_far_window(ls, ls->live[i], SIZE_MAX);
        }
    }
}

static void take_at_far(struct links *ls, struct links_far *f) {
    size_t n = 0;
    const uint8_t *p = fake_host_received(f->link, &n);
    if (n == 0) {
        return;
    }
    ls->checks++;
    int64_t wrong = first_wrong(f->number, f->seen, p, n);
    if (wrong >= 0 || f->seen + n > f->accepted) {
        verdict_fail(ls->verdict, "bytes-up", NULL,
                     "far end p%u: byte %llu of %llu that were given is not the one that was sent",
                     f->number, (unsigned long long)f->seen + (wrong >= 0 ? (uint64_t)wrong : n),
                     (unsigned long long)f->accepted);
    }
    f->seen += n;
    fake_host_take(f->link, n);
}

/* Returns whether the module has ended it. */
static bool look_at_far(struct links *ls, struct links_far *f) {
    take_at_far(ls, f);
    enum fake_seen seen = fake_host_seen(f->link);
    if (seen == FAKE_SEEN_NOTHING) {
        return false;
    }
    ls->checks++;
    if (seen == FAKE_SEEN_FIN && f->seen != f->accepted && !f->is_lossy && !f->is_narrow) {
        verdict_fail(ls->verdict, "bytes-up", NULL,
                     "far end p%u got a FIN behind %llu of %llu bytes", f->number,
                     (unsigned long long)f->seen, (unsigned long long)f->accepted);
    }
    return true;
}

/* Datagrams arrive once, whole, and in order: nothing impairs them. */
static void look_at_datagrams(struct links *ls) {
    struct fake_datagram got;
    while (fake_host_next_datagram(ls->world->host, &got)) {
        const struct links_datagram *want = &ls->sent[ls->first_sent];
        bool is_due = ls->nsent > 0 && got.n == want->n && got.to.ip == want->to.ip &&
                      got.to.port == want->to.port && first_wrong(want->key, 0, got.p, got.n) < 0;
        ls->checks++;
        if (!is_due && !ls->is_relaxed) {
            verdict_fail(ls->verdict, "bytes-up", NULL, "a datagram of %zu bytes that is not due",
                         got.n);
        } else if (is_due) {
            ls->first_sent = (ls->first_sent + 1) % LINKS_DATAGRAMS;
            ls->nsent--;
        }
    }
}

/* A closing line may be the first thing that comes behind a long step of the clock. */
static void note_manual(struct links *ls) {
    if (links_is_manual(ls)) {
        ls->manual_us = world_now_us(ls->world);
    }
}

void links_turn(struct links *ls) {
    CHECK_OBJ(ls, LINKS_MAGIC);
    note_manual(ls);
    look_at_datagrams(ls);
    size_t i = 0;
    while (i < ls->nlive) {
        if (look_at_far(ls, ls->live[i])) {
            ls->live[i] = ls->live[--ls->nlive];
        } else {
            i++;
        }
    }
}

/* -- what commands do -- */

void links_opening(struct links *ls, unsigned n, const struct net_addr *peer, clk_dur timeout) {
    struct links_link *l = &ls->links[n];
    *l = (struct links_link){.state = LINKS_OPENING, .proto = NET_TCP, .server = -1, .peer = *peer};
    l->due_us = world_now_us(ls->world) + timeout.us + GRACE_US;
}

void links_bound(struct links *ls, unsigned n, const struct net_addr *peer, uint16_t port) {
    ls->links[n] = (struct links_link){
        .state = LINKS_OPEN, .proto = NET_UDP, .server = -1, .peer = *peer, .port = port};
}

void links_datagram(struct links *ls, unsigned n, uint8_t *to, size_t bytes) {
    const struct links_datagram d = {++ls->numbers, bytes, ls->links[n].peer};
    links_fill(d.key, 0, to, bytes);
    must(ls->nsent < LINKS_DATAGRAMS);
    ls->sent[(ls->first_sent + ls->nsent++) % LINKS_DATAGRAMS] = d;
}

void links_sending(struct links *ls, unsigned n, size_t bytes, clk_dur timeout) {
    struct links_link *l = &ls->links[n];
    struct links_far *f = l->far;
    if (f != NULL) {
        f->accepted += bytes;
    }
    l->sending = bytes;
    l->due_us = world_now_us(ls->world) + timeout.us + GRACE_US;
}

void links_unsent(struct links *ls, unsigned n, size_t bytes) {
    struct links_link *l = &ls->links[n];
    struct links_far *f = l->far;
    if (l->sending > 0 && f != NULL) {
        f->accepted -= bytes;
    } else if (l->proto == NET_UDP && ls->nsent > 0) {
        ls->nsent--; /* the newest, which did not leave */
    }
    l->sending = 0;
    l->due_us = 0;
}

void links_closed(struct links *ls, unsigned n) {
    end_link(&ls->links[n], LINKS_FREE, ls->links[n].sending > 0);
    ls->links[n].closed_us = world_now_us(ls->world);
}

/* -- what the module says -- */

void links_connected(struct links *ls, unsigned n) {
    struct links_link *l = &ls->links[n];
    struct fake_link *link = fake_host_link(ls->world->host, l->peer.ip, l->peer.port);
    l->due_us = 0;
    l->state = LINKS_OPEN;
    l->far = link != NULL ? new_far(ls, link, l->peer.ip - FAR_IP) : NULL;
    if (l->far == NULL) {
        verdict_fail(ls->verdict, "once", NULL, "link %u is open to nobody", n);
    }
}

static void on_opened(struct links *ls, unsigned n, unsigned err) {
    struct links_link *l = &ls->links[n];
    if (l->state != LINKS_OPENING) {
        verdict_fail(ls->verdict, "once", NULL, "+CIPOPEN: %u,%u answers nothing", n, err);
    } else if (err == 0 && ls->is_open) { /* else it crossed the end of the service */
        links_connected(ls, n);
    } else {
        l->due_us = 0;
        l->state = LINKS_FREE;
    }
}

/* Of link 0, which has the port. */
static void on_port_closed(struct links *ls) {
    struct links_link *l = &ls->links[0];
    const struct links_far *f = l->far;
    if (l->state == LINKS_OPEN && f != NULL && f->has_ended && !f->is_lossy && l->got != f->sent) {
        verdict_fail(ls->verdict, "bytes-down", NULL, "CLOSED behind %llu of %llu bytes",
                     (unsigned long long)l->got, (unsigned long long)f->sent);
    }
    links_closed(ls, 0);
}

static void on_sent(struct links *ls, unsigned n, unsigned requested, int confirmed) {
    struct links_link *l = &ls->links[n];
    bool is_due = l->sending == requested && requested > 0;
    if (!is_due || confirmed < -1 || confirmed > (int)requested) {
        verdict_fail(ls->verdict, "once", NULL, "+CIPSEND: %u,%u,%d answers nothing", n, requested,
                     confirmed);
    }
    l->sending = 0;
    l->due_us = 0;
}

static void on_ended(struct links *ls, unsigned n, unsigned why) {
    struct links_link *l = &ls->links[n];
    struct links_far *f = l->far;
    /* The peer's close and the driver's may cross. */
    if (l->state == LINKS_FREE && l->closed_us > world_now_us(ls->world) - GRACE_US) {
        return;
    }
    if (l->state != LINKS_OPEN) {
        verdict_fail(ls->verdict, "once", NULL, "+IPCLOSE: %u,%u of a link that is not open", n,
                     why);
        return;
    }
    /* A peer's FIN stands behind all that it sent, and pushed data in front of its line. What was
     * to be fetched when it came is behind it. */
    note_manual(ls);
    bool is_pushed = world_now_us(ls->world) > ls->manual_us + GRACE_US;
    if (why == 1 && f != NULL && !f->is_lossy && is_pushed && l->got != f->sent) {
        verdict_fail(ls->verdict, "bytes-down", NULL,
                     "link %u: closed by the peer behind %llu bytes, %llu came", n,
                     (unsigned long long)f->sent, (unsigned long long)l->got);
    }
    end_link(l, LINKS_ENDED, why != 1);
}

static void on_client(struct links *ls, const char *text) {
    unsigned n = 0, server = 0, port = 0;
    uint8_t from[4];
    if (sscanf(text, "+CLIENT: %u,%u,%hhu.%hhu.%hhu.%hhu:%u", &n, &server, &from[0], &from[1],
               &from[2], &from[3], &port) != 7 ||
        n >= LIMIT_LINKS) {
        verdict_fail(ls->verdict, "once", NULL, "not understood: %s", text);
        return;
    }
    if (!ls->is_open) {
        return; /* it crossed the end of the service */
    }
    struct links_link *l = &ls->links[n];
    uint32_t ip = be_get32(from);
    if (l->state == LINKS_OPEN) {
        verdict_fail(ls->verdict, "once", NULL, "a caller on a link that is in use: %s", text);
    }
    /* What it owed as another link, it still owes. */
    *l = (struct links_link){.state = LINKS_OPEN,
                             .sending = l->sending,
                             .due_us = l->due_us,
                             .proto = NET_TCP,
                             .server = (int)server,
                             .peer = {ip, (uint16_t)port}};
    for (size_t i = 0; i < ls->nfars; i++) {
        if (ls->fars[i].number == ip - FAR_IP) {
            l->far = &ls->fars[i];
        }
    }
    if (l->far == NULL) {
        verdict_fail(ls->verdict, "once", NULL, "nobody has called: %s", text);
    }
}

static void on_service(struct links *ls, int64_t *due_us, const char *text, bool is_open) {
    if (*due_us == 0) {
        verdict_fail(ls->verdict, "once", NULL, "answers nothing: %s", text);
    }
    *due_us = 0;
    ls->is_open = is_open;
}

void links_urc(struct links *ls, const char *text) {
    CHECK_OBJ(ls, LINKS_MAGIC);
    unsigned n = 0, a = 0;
    int b = 0;
    ls->checks++;
    if (strncmp(text, "+CLIENT: ", 9) == 0) {
        on_client(ls, text);
    } else if (sscanf(text, "+NETOPEN: %u", &a) == 1) {
        on_service(ls, &ls->open_due_us, text, a == 0);
    } else if (sscanf(text, "+NETCLOSE: %u", &a) == 1) {
        on_service(ls, &ls->close_due_us, text, false);
    } else if (strcmp(text, "CLOSED") == 0) {
        on_port_closed(ls);
    } else if (strcmp(text, "+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY") == 0) {
        links_close_all(ls);
    } else if (sscanf(text, "+CIPOPEN: %u,%u", &n, &a) == 2 && n < LIMIT_LINKS) {
        on_opened(ls, n, a);
    } else if (sscanf(text, "+CIPSEND: %u,%u,%d", &n, &a, &b) == 3 && n < LIMIT_LINKS) {
        on_sent(ls, n, a, b);
    } else if (sscanf(text, "+IPCLOSE: %u, %u", &n, &a) == 2 && n < LIMIT_LINKS) {
        on_ended(ls, n, a);
    }
}

bool links_is_manual(const struct links *ls) {
    return world_setting(ls->world, SLOT_CIPRXGET_MODE) != 0;
}

static void receive_datagram(struct links *ls, unsigned n, const uint8_t *p, size_t len) {
    struct links_link *l = &ls->links[n];
    if (l->ndatagrams > 0) {
        uint32_t key = l->datagrams[l->first].key;
        size_t want = l->datagrams[l->first].n;
        if (len <= want && first_wrong(key, l->got, p, len) < 0) {
            l->got += len;
            if (l->got == want) {
                l->got = 0;
                l->first = (l->first + 1) % LINKS_DATAGRAMS;
                l->ndatagrams--;
            }
            return;
        }
    }
    verdict_fail(ls->verdict, "bytes-down", NULL, "link %u: not the datagram that is due", n);
}

void links_received(struct links *ls, unsigned n, const uint8_t *p, size_t len) {
    struct links_link *l = &ls->links[n];
    ls->checks++;
    if (l->state != LINKS_OPEN && l->state != LINKS_ENDED) {
        verdict_fail(ls->verdict, "bytes-down", NULL, "data of link %u, which is not open", n);
        return;
    }
    if (l->proto == NET_UDP) {
        receive_datagram(ls, n, p, len);
        return;
    }
    struct links_far *f = l->far;
    uint64_t sent = f->sent;
    int64_t wrong = first_wrong(down_key(f->number), l->got, p, len);
    if (wrong >= 0 || l->got + len > sent) {
        verdict_fail(ls->verdict, "bytes-down", NULL,
                     "link %u: byte %llu of %llu is not the one that was sent", n,
                     (unsigned long long)l->got + (wrong >= 0 ? (uint64_t)wrong : len),
                     (unsigned long long)sent);
    }
    l->got += len;
}

size_t links_take(struct links *ls, unsigned n, const uint8_t *p, size_t len) {
    struct links_link *l = &ls->links[n];
    if (l->state != LINKS_OPEN) {
        return 0;
    }
    uint64_t left = l->far->sent - l->got;
    size_t most = len < left ? len : (size_t)left;
    int64_t wrong = first_wrong(down_key(l->far->number), l->got, p, most);
    size_t took = wrong < 0 ? most : (size_t)wrong;
    l->got += took;
    ls->checks++;
    return took;
}

/* Whether these can be the next bytes of this link. */
static bool may_be_next(const struct links_link *l, const uint8_t *p, size_t n) {
    if (l->state != LINKS_OPEN && l->state != LINKS_ENDED) {
        return false;
    }
    if (l->proto == NET_UDP) {
        return l->ndatagrams > 0 && first_wrong(l->datagrams[l->first].key, l->got, p, n) < 0;
    }
    return l->got + n <= l->far->sent && first_wrong(down_key(l->far->number), l->got, p, n) < 0;
}

/* The link whose next bytes these are; -1: none's. */
static int owner_of(const struct links *ls, const uint8_t *p, size_t n) {
    for (unsigned i = 0; i < LIMIT_LINKS; i++) {
        if (may_be_next(&ls->links[i], p, n)) {
            return (int)i;
        }
    }
    return -1;
}

static int link_from(const struct links *ls, uint32_t ip, unsigned port) {
    for (unsigned i = 0; i < LIMIT_LINKS; i++) {
        const struct links_link *l = &ls->links[i];
        bool is_there = l->state == LINKS_OPEN || l->state == LINKS_ENDED;
        if (is_there && l->peer.ip == ip && l->peer.port == port) {
            return (int)i;
        }
    }
    return -1;
}

size_t links_pushed(struct links *ls, const uint8_t *p, size_t n) {
    char head[160];
    size_t len = n < sizeof head - 1 ? n : sizeof head - 1;
    memcpy(head, p, len);
    head[len] = '\0';
    unsigned port = 0, link = 0, size = 0;
    uint8_t from[4];
    int at = 0, more = 0;
    int number = -1;
    if (sscanf(head, "\r\n%*[RECV] FROM:%hhu.%hhu.%hhu.%hhu:%u%n", &from[0], &from[1], &from[2],
               &from[3], &port, &at) == 5) {
        number = link_from(ls, be_get32(from), port);
        at += 2;
    }
    if (sscanf(head + at, "+IPD%u%n", &size, &more) == 1) {
        at += more + 2;
    } else if (sscanf(head + at, "+RECEIVE,%u,%u%n", &link, &size, &more) == 2) {
        at += more + 2;
        number = (int)link;
    } else {
        return 0;
    }
    if (n < (size_t)at + size) {
        return SIZE_MAX;
    }
    if (number < 0) {
        number = owner_of(ls, p + at, size);
    }
    if (number < 0) {
        verdict_fail(ls->verdict, "bytes-down", NULL, "%u bytes that are no link's next ones",
                     size);
        return (size_t)at + size;
    }
    links_received(ls, (unsigned)number, p + at, size);
    return (size_t)at + size;
}

/* -- in time, and all of it -- */

static void check_due(struct links *ls, int64_t due_us, const char *what, unsigned n) {
    if (due_us > 0 && world_now_us(ls->world) > due_us) {
        verdict_fail(ls->verdict, "once", NULL, "%s %u was never answered", what, n);
    }
}

static void check_bytes(struct links *ls, unsigned n) {
    const struct links_link *l = &ls->links[n];
    struct links_far *f = l->far;
    if (l->state != LINKS_OPEN || l->proto != NET_TCP || f == NULL || f->was_reset) {
        return;
    }
    ls->checks++;
    if (!links_is_manual(ls) && l->got != f->sent) {
        verdict_fail(ls->verdict, "bytes-down", NULL, "link %u: %llu of %llu bytes came", n,
                     (unsigned long long)l->got, (unsigned long long)f->sent);
    }
    if (l->sending == 0 && !f->is_narrow && f->seen != f->accepted) {
        verdict_fail(ls->verdict, "bytes-up", NULL, "link %u: %llu of %llu bytes arrived", n,
                     (unsigned long long)f->seen, (unsigned long long)f->accepted);
    }
}

void links_check(struct links *ls, bool is_quiet) {
    check_due(ls, ls->open_due_us, "AT+NETOPEN", 0);
    check_due(ls, ls->close_due_us, "AT+NETCLOSE", 0);
    for (unsigned n = 0; n < LIMIT_LINKS; n++) {
        const struct links_link *l = &ls->links[n];
        check_due(ls, l->due_us, l->sending > 0 ? "AT+CIPSEND" : "AT+CIPOPEN", n);
        if (is_quiet) {
            check_bytes(ls, n);
        }
    }
}
