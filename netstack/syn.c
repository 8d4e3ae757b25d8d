#include "netstack/syn.h"

#include "netstack/bearer.h"
#include "netstack/retransmit.h"

static void on_schedule(void *ctx);

static void on_fly(void *ctx) {
    struct syn *s = ctx;
    s->arrived(s->ctx);
}

/* Returns true when the SYN is at the peer already. */
static bool transmit(struct syn *s) {
    bool lost = bearer_loses(s->bearer, s->impair, IMPAIR_UP);
    clk_dur rtt = bearer_round_trip(s->bearer, s->impair);
    clk_dur wait = retransmit_wait(&s->bearer->retransmit, s->n, rtt,
                                   clk_since(s->bearer->clk, s->first));
    const struct bearer_trace sent = {s->link, "connect", s->n, 0, 0, lost, wait};
    bearer_trace(s->bearer, &sent);
    clk_start(s->bearer->clk, &s->schedule, wait, on_schedule, s);
    if (lost) {
        return false;
    }
    clk_dur way = bearer_delay(s->bearer, s->impair, IMPAIR_UP);
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
    return bearer_loses(s->bearer, s->impair, IMPAIR_DOWN);
}

clk_dur syn_way_back(struct syn *s) {
    return bearer_delay(s->bearer, s->impair, IMPAIR_DOWN);
}
