/* transcript_mem.c: dialogue files against a unit in this process: no kernel, exact time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "base/obj.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/model/wifi.h"
#include "emulator/unit.h"
#include "tests/support/fake_host.h"
#include "tests/support/transcript.h"

enum { DATAGRAMS = 32 };

/* What a datagram peer has got. */
struct datagrams {
    struct {
        uint8_t *p;
        size_t n;
    } items[DATAGRAMS];
    size_t first, n;
    uint16_t heard_from; /* the modem's port; 0: nothing heard yet */
};

struct bench {
    const struct transcript *t;
    struct clk *clk;
    struct fake_host *fake;
    struct chan chan;
    struct chan_mem mem;
    struct unit *unit;
    struct fake_link *callers[TRANSCRIPT_PEERS];
    struct datagrams datagrams[TRANSCRIPT_PEERS];
};

static int64_t now_us(void *ctx) {
    return clk_now(((struct bench *)ctx)->clk).us;
}

static void send_bytes(void *ctx, const uint8_t *p, size_t n) {
    chan_mem_put(&((struct bench *)ctx)->mem, p, n);
}

static size_t read_output(struct bench *b, struct buf *got) {
    uint8_t bytes[4096];
    size_t total = 0;
    size_t n = 0;
    while ((n = chan_mem_get(&b->mem, bytes, sizeof bytes)) > 0) {
        must(buf_put_all(got, bytes, n) == 0);
        total += n;
    }
    return total;
}

static bool turn(void *ctx, int64_t until_us, struct buf *got) {
    struct bench *b = ctx;
    bool happened = fake_host_settle(b->fake, b->clk);
    if (read_output(b, got) > 0 || happened) {
        return true;
    }
    int64_t left_us = until_us - now_us(b);
    int64_t due_us = clk_next_due(b->clk).us;
    if (due_us < 0 || due_us > left_us) {
        clk_advance(b->clk, CLK_US(left_us > 0 ? left_us : 0));
        return false;
    }
    clk_advance(b->clk, CLK_US(due_us));
    fake_host_settle(b->fake, b->clk);
    read_output(b, got);
    return true;
}

/* -- far ends -- */

static struct fake_link *link_of(struct bench *b, size_t peer) {
    const struct transcript_peer *p = &b->t->peers[peer];
    return p->kind == TRANSCRIPT_CALLER ? b->callers[peer]
                                        : fake_host_link(b->fake, p->addr.ip, p->addr.port);
}

/* Datagrams to nobody's address are lost, as they would be. */
static void collect_datagrams(struct bench *b) {
    struct fake_datagram d;
    while (fake_host_next_datagram(b->fake, &d)) {
        for (size_t i = 0; i < b->t->npeers; i++) {
            const struct transcript_peer *p = &b->t->peers[i];
            struct datagrams *to = &b->datagrams[i];
            if (p->kind != TRANSCRIPT_UDP || p->addr.ip != d.to.ip || p->addr.port != d.to.port) {
                continue;
            }
            must(to->n < DATAGRAMS);
            uint8_t *copy = xmalloc(d.n + 1);
            memcpy(copy, d.p, d.n);
            to->items[(to->first + to->n) % DATAGRAMS].p = copy;
            to->items[(to->first + to->n) % DATAGRAMS].n = d.n;
            to->n++;
            to->heard_from = d.from_port;
        }
    }
}

static const uint8_t *peer_data(void *ctx, size_t peer, size_t *n) {
    struct bench *b = ctx;
    *n = 0;
    if (b->t->peers[peer].kind == TRANSCRIPT_UDP) {
        collect_datagrams(b);
        const struct datagrams *d = &b->datagrams[peer];
        *n = d->n > 0 ? d->items[d->first].n : 0;
        return d->n > 0 ? d->items[d->first].p : NULL;
    }
    const struct fake_link *l = link_of(b, peer);
    return l != NULL ? fake_host_received(l, n) : NULL;
}

static void drop_datagram(struct datagrams *d) {
    free(d->items[d->first].p);
    d->first = (d->first + 1) % DATAGRAMS;
    d->n--;
}

static void peer_take(void *ctx, size_t peer, size_t n) {
    struct bench *b = ctx;
    if (b->t->peers[peer].kind == TRANSCRIPT_UDP) {
        drop_datagram(&b->datagrams[peer]);
    } else if (n > 0) {
        fake_host_take(link_of(b, peer), n);
    }
}

static enum transcript_end peer_end(void *ctx, size_t peer) {
    const struct fake_link *l = link_of(ctx, peer);
    switch (l != NULL ? fake_host_seen(l) : FAKE_SEEN_NOTHING) {
    case FAKE_SEEN_NOTHING:
        return TRANSCRIPT_OPEN;
    case FAKE_SEEN_FIN:
        return TRANSCRIPT_FIN;
    case FAKE_SEEN_RESET:
        return TRANSCRIPT_RST;
    }
    return TRANSCRIPT_OPEN;
}

static bool send_datagram(struct bench *b, const struct transcript_step *s) {
    collect_datagrams(b);
    uint16_t port = s->port != 0 ? s->port : b->datagrams[s->peer].heard_from;
    return port != 0 &&
           fake_host_send_datagram(b->fake, &b->t->peers[s->peer].addr, port, s->text, s->n);
}

static bool act_on_peer(struct bench *b, const struct transcript_step *s) {
    const struct transcript_peer *p = &b->t->peers[s->peer];
    if (s->kind == TRANSCRIPT_PEER_CALL) {
        b->callers[s->peer] = fake_host_call(b->fake, &p->addr, p->server_port);
        return b->callers[s->peer] != NULL;
    }
    if (p->kind == TRANSCRIPT_UDP) {
        return s->kind == TRANSCRIPT_PEER_SEND && send_datagram(b, s);
    }
    struct fake_link *l = link_of(b, s->peer);
    if (l == NULL) {
        return false;
    }
    if (s->kind == TRANSCRIPT_PEER_SEND) {
        fake_host_send(l, s->text, s->n);
    } else if (s->kind == TRANSCRIPT_PEER_CLOSE || s->kind == TRANSCRIPT_PEER_RESET) {
        fake_host_end(l, s->kind == TRANSCRIPT_PEER_CLOSE ? 0 : -ECONNRESET);
    } else if (s->kind == TRANSCRIPT_PEER_WINDOW) {
        fake_host_window(l, s->number < 0 ? SIZE_MAX : (size_t)s->number);
    } else {
        must(s->kind == TRANSCRIPT_PEER_HOLD_ACKS);
        fake_host_hold_acks(l, s->number != 0);
    }
    return true;
}

/* -- WIFI devices -- */

/* "f4:83:cd:d8:24:c8 TP-LINK_24C8 -52" */
static bool add_network(struct wifi *w, const char *text) {
    struct wifi_network networks[LIMIT_WIFI_NETWORKS];
    size_t n = w->nnetworks;
    must(n < LIMIT_WIFI_NETWORKS);
    memcpy(networks, w->networks, sizeof networks);
    struct wifi_network *to = &networks[n];
    memset(to, 0, sizeof *to);
    bool is_good = sscanf(text, "%17s %32s %d", to->bssid, to->ssid, &to->signal) == 3;
    wifi_set_networks(w, networks, n + 1);
    return is_good;
}

/* One that joins does so where commands are. */
static bool act_on_wifi(struct wifi *w, const struct transcript_step *s) {
    char *text = sv_dup((struct sv){(const char *)s->text, s->n});
    bool is_done = false;
    if (s->kind == TRANSCRIPT_WIFI_JOIN) {
        is_done = wifi_is_mac(text) && wifi_join(w, text, (unsigned)w->cfg.selected) == 0;
    } else if (s->kind == TRANSCRIPT_WIFI_LEAVE) {
        is_done = wifi_leave(w, text) == 0;
    } else if (s->kind == TRANSCRIPT_WIFI_SAYS) {
        is_done = wifi_hear(w, (struct sv){(const char *)s->text, s->n}) == 0;
    } else {
        is_done = add_network(w, text);
    }
    free(text);
    return is_done;
}

static bool act(void *ctx, const struct transcript_step *s) {
    struct bench *b = ctx;
    if (s->kind == TRANSCRIPT_DTE) {
        chan_set_open(&b->chan, s->number != 0);
    } else if (s->kind == TRANSCRIPT_ATTACHED) {
        modem_set_attached(unit_modem(b->unit), s->number != 0);
    } else if (s->kind == TRANSCRIPT_REGISTERED) {
        modem_set_registration(unit_modem(b->unit), (enum reg_stat)s->number);
    } else if (s->kind == TRANSCRIPT_NAMES_ARE) {
        fake_host_break_names(b->fake, s->number < 0 ? -EIO : s->number);
    } else if (s->kind == TRANSCRIPT_PORT_TAKEN) {
        fake_host_occupy(b->fake, s->port);
    } else if (s->kind >= TRANSCRIPT_WIFI_JOIN && s->kind <= TRANSCRIPT_WIFI_NETWORK) {
        return act_on_wifi(unit_modem(b->unit)->wifi, s);
    } else {
        return act_on_peer(b, s);
    }
    return true;
}

/* -- the whole -- */

static void set_world(struct bench *b) {
    static const enum fake_connect how[] = {
        [TRANSCRIPT_ACCEPT] = FAKE_ACCEPT,
        [TRANSCRIPT_REFUSE] = FAKE_REFUSE,
        [TRANSCRIPT_BLACK_HOLE] = FAKE_SILENT,
    };
    const struct transcript *t = b->t;
    /* An address without a peer behind it is nobody's. */
    fake_host_on_connect(b->fake, 0, 0, FAKE_SILENT);
    for (size_t i = 0; i < t->npeers; i++) {
        fake_host_on_connect(b->fake, t->peers[i].addr.ip, t->peers[i].addr.port,
                             how[t->peers[i].how]);
    }
    for (size_t i = 0; i < t->nnames; i++) {
        fake_host_add_name(b->fake, t->names[i].name, t->names[i].ip);
    }
    for (size_t i = 0; i < t->npings; i++) {
        fake_host_add_ping(b->fake, t->pings[i].ip, t->pings[i].rtt_us);
    }
}

static void close_bench(struct bench *b) {
    unit_close(b->unit);
    chan_mem_fini(&b->mem);
    chan_fini(&b->chan);
    fake_host_free(b->fake);
    clk_close(b->clk);
    for (size_t i = 0; i < TRANSCRIPT_PEERS; i++) {
        while (b->datagrams[i].n > 0) {
            drop_datagram(&b->datagrams[i]);
        }
    }
    free(b);
}

int transcript_play_in_process(const struct transcript *t, size_t chop, bus_fn *listener, void *ctx,
                               FILE *report) {
    const struct profile *profile = t->profile[0] != '\0' ? profile_find(t->profile) : &profiles[0];
    if (profile == NULL) {
        fprintf(report, "%s: no profile %s\n", t->path, t->profile);
        return 1;
    }
    struct bench *b = xmalloc(sizeof *b);
    b->t = t;
    b->clk = clk_new_manual();
    b->fake = fake_host_new();
    chan_init(&b->chan, "at");
    chan_mem_init(&b->mem, &b->chan, b->clk);
    b->mem.chop = chop;
    set_world(b);
    const struct unit_config cfg = {
        .profile = profile,
        .name = "modem",
        .clk = b->clk,
        .host = fake_host_net(b->fake),
        .timing = t->timing,
        .chan = &b->chan,
    };
    b->unit = unit_new(&cfg);
    if (listener != NULL) {
        bus_listen(&unit_modem(b->unit)->bus, listener, ctx);
    }
    const struct transcript_driver driver = {
        .ctx = b,
        .now_us = now_us,
        .send = send_bytes,
        .turn = turn,
        .peer_data = peer_data,
        .peer_take = peer_take,
        .peer_end = peer_end,
        .act = act,
    };
    int rc = transcript_play(t, &driver, report);
    close_bench(b);
    return rc;
}
