#include "netstack/syn.h"

#include "netstack/bearer.h"
#include "netstack/retransmit.h"

static void on_schedule(void *ctx);

static bool is_lost(struct syn *s, enum impair_direction dir) {
    bool by_bearer = impair_loses(&s->bearer->impair[dir], &s->bearer->rng);
    bool by_link = impair_loses(&s->impair[dir], &s->bearer->rng);
    return by_bearer || by_link;
}

static clk_dur delay(struct syn *s, enum impair_direction dir) {
    return (clk_dur){impair_delay(&s->bearer->impair[dir], &s->bearer->rng).us +
                     impair_delay(&s->impair[dir], &s->bearer->rng).us};
}

static void on_fly(void *ctx) {
    struct syn *s = ctx;
    s->arrived(s->ctx);
}

/* Returns true when the SYN is at the peer already. */
static bool transmit(struct syn *s) {
    bool lost = is_lost(s, IMPAIR_UP);
    clk_dur rtt = bearer_round_trip(s->bearer, s->impair);
    clk_dur wait = retransmit_wait(&s->bearer->retransmit, s->n, rtt,
                                   clk_since(s->bearer->clk, s->first));
    const struct bearer_trace sent = {s->link, "connect", s->n, 0, 0, lost, wait};
    bearer_trace(s->bearer, &sent);
    clk_start(s->bearer->clk, &s->schedule, wait, on_schedule, s);
    if (lost) {
        return false;
    }
    clk_dur way = delay(s, IMPAIR_UP);
    if (way.us > 0) {
        clk_start(s->bearer->clk, &s->fly, way, on_fly, s);
    }
    return way.us == 0;
}

static void on_schedule(void *ctx) {
    struct syn *s = ctx;
    if (!retransmit_again(&s->bearer->retransmit, s->n, clk_since(s->bearer->clk, s->first))) {
        s->failed(s->ctx);
        return;
    }
    s->n++;
    if (transmit(s)) {
        s->arrived(s->ctx);
    }
}

bool syn_start(struct syn *s) {
    s->n = 1;
    s->first = clk_now(s->bearer->clk);
    return transmit(s);
}

void syn_stop(struct syn *s) {
    clk_stop(s->bearer->clk, &s->schedule);
    clk_stop(s->bearer->clk, &s->fly);
}

bool syn_loses_answer(struct syn *s) {
    return is_lost(s, IMPAIR_DOWN);
}

clk_dur syn_way_back(struct syn *s) {
    return delay(s, IMPAIR_DOWN);
}
