#include "netstack/wire_up.h"

#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/retransmit.h"

static void on_schedule(void *ctx);
static void on_fly(void *ctx);

static clk_mono now(const struct wire_up *u) {
    return clk_now(u->bearer->clk);
}

static clk_mono later(clk_mono t, clk_dur by) {
    return (clk_mono){t.us + by.us};
}

static void trace(struct wire_up *u, const char *what, size_t bytes, bool lost, clk_dur wait) {
    const struct bearer_trace t = {u->link, what, u->n, u->acked, bytes, lost, wait};
    bearer_trace(u->bearer, &t);
}

void wire_up_init(struct wire_up *u, struct bearer *b, struct impair *impair,
                  const struct wire_up_owner *owner, void *ctx) {
    *u = (struct wire_up){.bearer = b, .impair = impair, .owner = owner, .ctx = ctx};
    buf_init(&u->out, LIMIT_STREAM_OUT);
}

void wire_up_fini(struct wire_up *u) {
    clk_stop(u->bearer->clk, &u->fly);
    clk_stop(u->bearer->clk, &u->schedule);
    buf_fini(&u->out);
    buf_init(&u->out, 0);
    u->nair = 0;
    u->nacks = 0;
}

size_t wire_up_room(const struct wire_up *u) {
    return buf_room(&u->out);
}

size_t wire_up_pending(const struct wire_up *u) {
    return buf_len(&u->out);
}

/* -- acknowledgements -- */

static void pop(struct wire_flight *queue, size_t *n) {
    (*n)--;
    memmove(queue, queue + 1, *n * sizeof *queue);
}

static void expect_ack(struct wire_up *u, uint64_t end, clk_mono due) {
    if (u->nacks == WIRE_FLIGHTS) {
        /* Acknowledgements are cumulative: the newest says what an older one would. */
        pop(u->acks, &u->nacks);
    }
    u->acks[u->nacks++] = (struct wire_flight){end, due};
}

/* An acknowledgement whose time has come passes or is lost; a later one makes up for it. */
static void pass_acks(struct wire_up *u) {
    while (u->nacks > 0 && u->acks[0].due.us <= now(u).us) {
        if (!bearer_loses(u->bearer, u->impair, IMPAIR_DOWN)) {
            u->ack_limit = u->acks[0].end;
        }
        pop(u->acks, &u->nacks);
    }
}

uint64_t wire_up_acked(struct wire_up *u) {
    pass_acks(u);
    uint64_t host = u->owner->host_acked(u->ctx);
    uint64_t acked = host < u->ack_limit ? host : u->ack_limit;
    if (acked > u->acked) {
        u->acked = acked < u->given ? acked : u->given;
    }
    if (u->acked == u->accepted && clk_pending(&u->schedule)) {
        clk_stop(u->bearer->clk, &u->schedule);
        trace(u, "acknowledged", 0, false, (clk_dur){0});
    }
    return u->acked;
}

/* -- the schedule -- */

static void start_wait(struct wire_up *u) {
    clk_dur spent = clk_since(u->bearer->clk, u->first);
    clk_dur wait = retransmit_wait(&u->bearer->retransmit, u->n,
                                   bearer_round_trip(u->bearer, u->impair), spent);
    trace(u, "wait", 0, false, wait);
    clk_start(u->bearer->clk, &u->schedule, wait, on_schedule, u);
}

static void begin_schedule(struct wire_up *u) {
    u->n = 1;
    u->first = now(u);
    u->progress = u->acked;
}

/* A transmission of `bytes` from `transmitted` on. Returns whether it gets through. */
static bool transmit(struct wire_up *u, size_t bytes) {
    if (!clk_pending(&u->schedule)) {
        begin_schedule(u);
    }
    bool lost = bearer_loses(u->bearer, u->impair, IMPAIR_UP);
    trace(u, "transmit", bytes, lost, (clk_dur){0});
    if (!clk_pending(&u->schedule)) {
        start_wait(u);
    }
    return !lost;
}

/* -- the air -- */

static void arm_fly(struct wire_up *u) {
    if (u->nair > 0) {
        clk_dur wait = {u->air[0].due.us - now(u).us};
        clk_start(u->bearer->clk, &u->fly, wait, on_fly, u);
    }
}

static void launch(struct wire_up *u, size_t bytes) {
    clk_mono start = u->free_at.us > now(u).us ? u->free_at : now(u);
    u->free_at = later(start, bearer_duration(u->bearer, u->impair, IMPAIR_UP, bytes));
    clk_mono due = later(u->free_at, bearer_delay(u->bearer, u->impair, IMPAIR_UP));
    /* Segments of a link do not overtake each other. */
    if (u->nair > 0 && due.us < u->air[u->nair - 1].due.us) {
        due = u->air[u->nair - 1].due;
    }
    u->transmitted += bytes;
    u->air[u->nair++] = (struct wire_flight){u->transmitted, due};
}

/* Transmits what waits, segment by segment, until one is lost. */
static void transmit_rest(struct wire_up *u) {
    while (!u->is_stuck && u->transmitted < u->accepted && u->nair < WIRE_FLIGHTS) {
        uint64_t left = u->accepted - u->transmitted;
        size_t bytes = left < WIRE_SEGMENT ? (size_t)left : WIRE_SEGMENT;
        u->is_stuck = !transmit(u, bytes);
        if (!u->is_stuck) {
            launch(u, bytes);
        }
    }
    arm_fly(u);
}

/* To the host, as far as bytes have arrived there and it takes them. */
static void give_passed(struct wire_up *u) {
    size_t n = (size_t)(u->passed - u->given);
    if (n == 0) {
        return;
    }
    int took = u->owner->give(u->ctx, buf_data(&u->out), n);
    if (took < 0) {
        took = (int)n; /* the link is gone; its end is told by the host */
    }
    buf_drop(&u->out, (size_t)took);
    u->given += (uint64_t)took;
}

static void on_fly(void *ctx) {
    struct wire_up *u = ctx;
    while (u->nair > 0 && u->air[0].due.us <= now(u).us) {
        u->passed = u->air[0].end;
        expect_ack(u, u->passed, later(now(u), bearer_delay(u->bearer, u->impair, IMPAIR_DOWN)));
        pop(u->air, &u->nair);
    }
    give_passed(u);
    transmit_rest(u);
    u->owner->gave(u->ctx);
}

/* Nothing wrong and nothing under way: straight through. */
static void give_directly(struct wire_up *u) {
    u->transmitted = u->accepted;
    u->passed = u->accepted;
    u->ack_limit = u->accepted;
    u->nacks = 0;
    give_passed(u);
    if (!clk_pending(&u->schedule) && u->given > u->acked) {
        begin_schedule(u);
        trace(u, "transmit", (size_t)(u->given - u->acked), false, (clk_dur){0});
        start_wait(u);
    }
}

void wire_up_pump(struct wire_up *u) {
    if (u->nair == 0 && !u->is_stuck && bearer_is_clean(u->bearer, u->impair)) {
        give_directly(u);
        return;
    }
    give_passed(u);
    transmit_rest(u);
}

size_t wire_up_put(struct wire_up *u, const void *p, size_t n) {
    const uint8_t *bytes = p;
    size_t done = 0;
    size_t put = 0;
    bearer_touch(u->bearer);
    do {
        put = buf_put(&u->out, bytes + done, n - done);
        u->accepted += put;
        done += put;
        wire_up_pump(u);
    } while (put > 0 && done < n);
    return done;
}

/* -- the schedule runs -- */

/* What waits is the peer's to take: its window is closed, but it answers. */
static bool is_peer_slow(struct wire_up *u) {
    return !u->is_stuck && u->nair == 0 && bearer_is_clean(u->bearer, u->impair) && !u->owner->host_in_flight(u->ctx);
}

static void retransmit(struct wire_up *u) {
    uint64_t from = u->is_stuck ? u->transmitted : u->acked;
    uint64_t left = u->accepted - from;
    size_t bytes = left < WIRE_SEGMENT ? (size_t)left : WIRE_SEGMENT;
    bool lost = bearer_loses(u->bearer, u->impair, IMPAIR_UP);
    u->n++;
    trace(u, "transmit", bytes, lost, (clk_dur){0});
    start_wait(u);
    if (lost) {
        return;
    }
    if (u->is_stuck) {
        u->is_stuck = false;
        launch(u, bytes);
        transmit_rest(u);
    } else {
        /* The host has it already; what comes anew is its acknowledgement. */
        clk_dur both = {bearer_delay(u->bearer, u->impair, IMPAIR_UP).us + bearer_delay(u->bearer, u->impair, IMPAIR_DOWN).us};
        expect_ack(u, u->passed, later(now(u), both));
    }
}

static void on_schedule(void *ctx) {
    struct wire_up *u = ctx;
    uint64_t acked = wire_up_acked(u);
    if (acked == u->accepted) {
        trace(u, "acknowledged", 0, false, (clk_dur){0});
        return;
    }
    if (acked > u->progress || is_peer_slow(u)) {
        begin_schedule(u);
        start_wait(u);
        return;
    }
    if (retransmit_again(&u->bearer->retransmit, u->n, clk_since(u->bearer->clk, u->first))) {
        retransmit(u);
        return;
    }
    trace(u, "failed", 0, true, (clk_dur){0});
    u->owner->failed(u->ctx);
}
