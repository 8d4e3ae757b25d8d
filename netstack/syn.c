#include "netstack/syn.h"

#include "netstack/bearer.h"
#include "netstack/retransmit.h"

static void on_schedule(void *ctx);

static void on_fly(void *ctx) {
    struct syn *s = ctx;
    s->arrived(s->ctx);
}

/* One that is sooner there than an earlier one (jitter) is the one that counts. */
static void launch(struct syn *s, clk_dur way) {
    clk_mono due = {clk_now(s->bearer->clk).us + way.us};
    if (!clk_pending(&s->fly) || due.us < s->due.us) {
        s->due = due;
        clk_start(s->bearer->clk, &s->fly, way, on_fly, s);
    }
}

static clk_dur spent(const struct syn *s) {
    return (clk_dur){s->newest.us - s->first.us};
}

/* Returns true when the SYN is at the peer already. */
static bool transmit(struct syn *s) {
    bool lost = bearer_loses(s->bearer, s->impair, IMPAIR_UP);
    clk_dur rtt = bearer_round_trip(s->bearer, s->impair);
    clk_dur wait = retransmit_wait(&s->bearer->retransmit, s->n, rtt, spent(s));
    const struct bearer_trace sent = {s->link, "connect", s->n, 0, 0, lost, wait};
    bearer_trace(s->bearer, &sent);
    s->transmitted(s->ctx, lost);
    s->wait_ends.us = s->newest.us + wait.us;
    clk_dur left = {s->wait_ends.us - clk_now(s->bearer->clk).us};
    clk_start(s->bearer->clk, &s->schedule, left, on_schedule, s);
    if (lost) {
        return false;
    }
    clk_dur way = bearer_delay(s->bearer, s->impair, IMPAIR_UP);
    if (way.us > 0) {
        launch(s, way);
    }
    return way.us == 0;
}

static void on_schedule(void *ctx) {
    struct syn *s = ctx;
    s->newest = s->wait_ends;
    if (!retransmit_again(&s->bearer->retransmit, s->n, spent(s))) {
        const struct bearer_trace end = {s->link, "failed", s->n, 0, 0, true, {0}};
        bearer_trace(s->bearer, &end);
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
    s->newest = s->first;
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
