#include "netstack/bearer.h"

#include "base/obj.h"

void bearer_init(struct bearer *b, struct clk *clk, struct net_host host) {
    *b = (struct bearer){
        .clk = clk,
        .host = host,
        .retransmit = {.retries = 10, .least_ms = 500}, /* AT+CIPCCFG's defaults */
        .rtt_ms = 50,
        .rng = rng_stream(0, "bearer"),
    };
    OBJ_INIT(b, BEARER_MAGIC);
}

void bearer_fini(struct bearer *b) {
    bearer_down(b);
    OBJ_FINI(b);
}

void bearer_set_seed(struct bearer *b, uint64_t seed) {
    CHECK_OBJ(b, BEARER_MAGIC);
    b->rng = rng_stream(seed, "bearer");
}

void bearer_changed(struct bearer *b) {
    CHECK_OBJ(b, BEARER_MAGIC);
    for (struct bearer_user *u = b->users; u != NULL; u = u->next) {
        if (u->changed != NULL) {
            u->changed(u);
        }
    }
}

void bearer_trace(const struct bearer *b, const struct bearer_trace *t) {
    if (b->on_trace != NULL) {
        b->on_trace(b->trace_ctx, t);
    }
}

clk_dur bearer_round_trip(const struct bearer *b, const struct impair *link) {
    uint32_t ms = b->rtt_ms;
    for (int dir = 0; dir < IMPAIR_DIRECTIONS; dir++) {
        ms += b->impair[dir].latency_ms + link[dir].latency_ms;
    }
    return CLK_MS(ms);
}

void bearer_up(struct bearer *b, uint32_t ip) {
    CHECK_OBJ(b, BEARER_MAGIC);
    b->is_up = true;
    b->ip = ip;
}

void bearer_down(struct bearer *b) {
    CHECK_OBJ(b, BEARER_MAGIC);
    b->is_up = false;
    b->ip = 0;
    while (b->users != NULL) {
        struct bearer_user *u = b->users;
        bearer_detach(u);
        u->down(u);
    }
}

void bearer_attach(struct bearer *b, struct bearer_user *u) {
    CHECK_OBJ(b, BEARER_MAGIC);
    must(b->is_up && u->prev == NULL);
    u->next = b->users;
    u->prev = &b->users;
    if (u->next != NULL) {
        u->next->prev = &u->next;
    }
    b->users = u;
}

void bearer_detach(struct bearer_user *u) {
    if (u->prev == NULL) {
        return;
    }
    *u->prev = u->next;
    if (u->next != NULL) {
        u->next->prev = u->prev;
    }
    u->next = NULL;
    u->prev = NULL;
}
