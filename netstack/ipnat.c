#include "netstack/ipnat.h"

#include <errno.h>

enum { TCP_IDLE_S = 7200, UDP_IDLE_S = 240 };

void ipnat_init(struct ipnat *nat, struct clk *clk) {
    *nat = (struct ipnat){.clk = clk};
}

static bool is_same(const struct net_addr *a, const struct net_addr *b) {
    return a->ip == b->ip && a->port == b->port;
}

struct ipnat_flow *ipnat_find_up(struct ipnat *nat, const struct ippkt *k) {
    for (size_t i = 0; i < LIMIT_IP_FLOWS; i++) {
        struct ipnat_flow *f = &nat->flows[i];
        if (f->proto == k->proto && f->port == k->src.port && is_same(&f->shown, &k->dst)) {
            return f;
        }
    }
    return NULL;
}

static struct ipnat_flow *find_down(struct ipnat *nat, uint8_t proto, uint16_t port,
                                    const struct net_addr *host) {
    for (size_t i = 0; i < LIMIT_IP_FLOWS; i++) {
        struct ipnat_flow *f = &nat->flows[i];
        if (f->proto == proto && f->port == port && is_same(&f->host, host)) {
            return f;
        }
    }
    return NULL;
}

struct ipnat_flow *ipnat_find_down(struct ipnat *nat, const struct ippkt *k) {
    return find_down(nat, k->proto, k->dst.port, &k->src);
}

static bool is_dead(const struct ipnat *nat, const struct ipnat_flow *f) {
    clk_dur idle = f->proto == IPPKT_TCP ? CLK_S(TCP_IDLE_S) : CLK_S(UDP_IDLE_S);
    return f->proto == 0 || f->is_over || clk_since(nat->clk, f->used).us >= idle.us;
}

struct ipnat_flow *ipnat_add(struct ipnat *nat, uint8_t proto, uint16_t port,
                             const struct net_addr *shown, const struct net_addr *host) {
    struct ipnat_flow *f = find_down(nat, proto, port, host);
    for (size_t i = 0; f == NULL && i < LIMIT_IP_FLOWS; i++) {
        f = is_dead(nat, &nat->flows[i]) ? &nat->flows[i] : NULL;
    }
    if (f != NULL) {
        *f = (struct ipnat_flow){.proto = proto,
                                 .port = port,
                                 .shown = *shown,
                                 .host = *host,
                                 .used = clk_now(nat->clk)};
    }
    return f;
}

static void note(struct ipnat *nat, struct ipnat_flow *f, const struct ippkt *k, bool is_up) {
    f->used = clk_now(nat->clk);
    f->bytes += k->n - k->data;
    f->fin_up |= is_up && (k->flags & IPPKT_FIN) != 0;
    f->fin_down |= !is_up && (k->flags & IPPKT_FIN) != 0;
    f->is_over |= (k->flags & IPPKT_RST) != 0 || (f->fin_up && f->fin_down);
}

void ipnat_up(struct ipnat *nat, struct ipnat_flow *f, struct ippkt *k) {
    note(nat, f, k, true);
    ippkt_set_dst(k, &f->host);
}

void ipnat_down(struct ipnat *nat, struct ipnat_flow *f, struct ippkt *k) {
    note(nat, f, k, false);
    if (k->is_fragment) {
        nat->fragments[nat->next_fragment] =
            (struct ipnat_fragment){k->proto, k->id, k->src.ip, f->shown.ip};
        nat->next_fragment = (nat->next_fragment + 1) % IPNAT_FRAGMENTS;
    }
    ippkt_set_src(k, &f->shown);
}

int ipnat_fragment_down(struct ipnat *nat, struct ippkt *k) {
    for (size_t i = 0; i < IPNAT_FRAGMENTS; i++) {
        const struct ipnat_fragment *g = &nat->fragments[i];
        if (g->proto == k->proto && g->id == k->id && g->from == k->src.ip) {
            ippkt_set_src(k, &(struct net_addr){.ip = g->to});
            return 0;
        }
    }
    return -ENOENT;
}
