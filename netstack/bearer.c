#include "netstack/bearer.h"

#include "base/obj.h"

void bearer_init(struct bearer *b, struct clk *clk, struct net_host host) {
    *b = (struct bearer){
        .clk = clk,
        .host = host,
        .retransmit = {.retries = 10, .least_ms = 500}, /* AT+CIPCCFG's defaults */
        .rtt_ms = 50,
        .dns_net_timeout_ms = 30000, /* AT+CIPDNSSET's defaults */
        .dns_net_retries = 3,
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

void bearer_touch(struct bearer *b) {
    b->traffic_at = clk_now(b->clk);
}

bool bearer_is_dormant(const struct bearer *b) {
    CHECK_OBJ(b, BEARER_MAGIC);
    return b->dormancy.us > 0 && clk_since(b->clk, b->traffic_at).us >= b->dormancy.us;
}

void bearer_changed(struct bearer *b) {
    CHECK_OBJ(b, BEARER_MAGIC);
    struct bearer_user *next = NULL;
    for (struct bearer_user *u = b->users; u != NULL; u = next) {
        next = u->next;
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

bool bearer_is_clean(const struct bearer *b, const struct impair *link) {
    return !b->is_suspended && impair_is_clean(&link[IMPAIR_UP]) &&
           impair_is_clean(&link[IMPAIR_DOWN]) && impair_is_clean(&b->impair[IMPAIR_UP]) &&
           impair_is_clean(&b->impair[IMPAIR_DOWN]);
}

uint16_t bearer_tap_port(struct bearer *b) {
    enum { FIRST = 49152, COUNT = 16384 }; /* RFC 6335 6: those that anybody may take */
    return (uint16_t)(FIRST + b->tap_ports++ % COUNT);
}

static bool swallows(const struct impair *im) {
    return im->black_hole || im->loss >= 1;
}

bool bearer_is_black_hole(const struct bearer *b, const struct impair *link,
                          enum impair_direction dir) {
    return b->is_suspended || swallows(&b->impair[dir]) || swallows(&link[dir]);
}

bool bearer_loses(struct bearer *b, struct impair *link, enum impair_direction dir) {
    bool by_bearer = impair_loses(&b->impair[dir], &b->rng);
    bool by_link = impair_loses(&link[dir], &b->rng);
    return by_bearer || by_link || b->is_suspended;
}

clk_dur bearer_delay(struct bearer *b, const struct impair *link, enum impair_direction dir) {
    return (clk_dur){impair_delay(&b->impair[dir], &b->rng).us +
                     impair_delay(&link[dir], &b->rng).us};
}

clk_dur bearer_duration(const struct bearer *b, const struct impair *link,
                        enum impair_direction dir, size_t bytes) {
    clk_dur mine = impair_duration(&link[dir], bytes);
    clk_dur all = impair_duration(&b->impair[dir], bytes);
    return mine.us > all.us ? mine : all;
}

clk_dur bearer_round_trip(const struct bearer *b, const struct impair *link) {
    uint32_t ms = b->rtt_ms;
    for (int dir = 0; dir < IMPAIR_DIRECTIONS; dir++) {
        ms += b->impair[dir].latency_ms + b->impair[dir].jitter_ms;
        ms += link[dir].latency_ms + link[dir].jitter_ms;
    }
    return CLK_MS(ms);
}

void bearer_up(struct bearer *b, uint32_t ip) {
    CHECK_OBJ(b, BEARER_MAGIC);
    b->is_up = true;
    b->ip = ip;
    bearer_touch(b);
}

static void on_opened(void *ctx) {
    struct bearer *b;
    CAST_OBJ(b, ctx, BEARER_MAGIC);
    b->is_opening = false;
    bearer_up(b, b->ip);
    struct bearer_user *next = NULL;
    for (struct bearer_user *u = b->users; u != NULL; u = next) {
        next = u->next;
        if (u->opened != NULL) {
            u->opened(u);
        }
    }
}

void bearer_open(struct bearer *b, uint32_t ip) {
    CHECK_OBJ(b, BEARER_MAGIC);
    if (b->open_delay.us == 0) {
        bearer_up(b, ip);
        return;
    }
    b->is_opening = true;
    b->ip = ip;
    clk_start(b->clk, &b->opening, b->open_delay, on_opened, b);
}

void bearer_down(struct bearer *b) {
    CHECK_OBJ(b, BEARER_MAGIC);
    clk_stop(b->clk, &b->opening);
    b->is_opening = false;
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
    must(bearer_is_there(b) && u->prev == NULL);
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
