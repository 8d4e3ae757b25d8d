#include "netstack/wire_up.h"

#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "netstack/bearer.h"
#include "netstack/retransmit.h"

enum { ASK_MOST_MS = 50 };

static void on_schedule(void *ctx);
static void on_fly(void *ctx);
static void on_back(void *ctx);
static void on_ask(void *ctx);

static clk_mono now(const struct wire_up *u) {
    return clk_now(u->bearer->clk);
}

static clk_mono later(clk_mono t, clk_dur by) {
    return (clk_mono){t.us + by.us};
}

static uint64_t lesser(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static void start_at(struct wire_up *u, struct clk_timer *t, clk_mono due, clk_fn *cb) {
    clk_start(u->bearer->clk, t, (clk_dur){due.us - now(u).us}, cb, u);
}

static void trace(struct wire_up *u, const char *what, unsigned n, size_t bytes, bool lost,
                  clk_dur wait) {
    const struct bearer_trace t = {u->link, what, n, u->acked, bytes, lost, wait};
    bearer_trace(u->bearer, &t);
}

void wire_up_init(struct wire_up *u, struct bearer *b, struct impair *impair,
                  const struct wire_up_owner *owner, void *ctx) {
    *u = (struct wire_up){.bearer = b, .impair = impair, .owner = owner, .ctx = ctx};
    buf_init(&u->out, LIMIT_STREAM_OUT);
}

void wire_up_fini(struct wire_up *u) {
    u->acked = wire_up_acked(u);
    u->ack_limit = u->acked;
    struct clk_timer *timers[] = {&u->fly, &u->back, &u->ask, &u->schedule};
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
        clk_stop(u->bearer->clk, timers[i]);
    }
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

bool wire_up_has_ended(const struct wire_up *u) {
    return u->is_ending && u->given == u->accepted && u->passed > u->accepted;
}

/* Behind the last byte, or the FIN. */
static uint64_t end_of(const struct wire_up *u) {
    return u->accepted + (u->is_ending ? 1 : 0);
}

/* -- the schedule -- */

/* What the next segment holds; zero bytes: the FIN alone. */
static size_t next_bytes(const struct wire_up *u) {
    return (size_t)lesser(u->accepted - lesser(u->accepted, u->transmitted), WIRE_SEGMENT);
}

static clk_dur spent(const struct wire_up *u) {
    return (clk_dur){u->newest.us - u->first.us};
}

/* The wait for an acknowledgement begins when the rate has let the segment go. */
static void start_wait(struct wire_up *u) {
    clk_dur rtt = bearer_round_trip(u->bearer, u->impair);
    size_t bytes = (size_t)lesser(u->accepted - u->acked, WIRE_SEGMENT);
    rtt.us += bearer_duration(u->bearer, u->impair, IMPAIR_UP, bytes).us;
    clk_dur wait = retransmit_wait(&u->bearer->retransmit, u->n, rtt, spent(u));
    u->due = later(u->newest, wait);
    trace(u, "wait", u->n, 0, false, wait);
    start_at(u, &u->schedule, u->due, on_schedule);
}

static void begin_schedule(struct wire_up *u) {
    u->n = 1;
    u->first = now(u);
    u->newest = u->first;
    start_wait(u);
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
    start_at(u, &u->back, u->acks[0].due, on_back);
}

/* The host may have acknowledged what it was given, and the way back is open to it. */
static void ask_again(struct wire_up *u) {
    if (u->acked < lesser(u->given, u->ack_limit) && !clk_pending(&u->ask)) {
        u->ask_ms = u->ask_ms == 0 ? 1 : 2 * u->ask_ms;
        u->ask_ms = u->ask_ms > ASK_MOST_MS ? ASK_MOST_MS : u->ask_ms;
        clk_start(u->bearer->clk, &u->ask, CLK_MS(u->ask_ms), on_ask, u);
    }
}

uint64_t wire_up_acked(const struct wire_up *u) {
    uint64_t acked = lesser(u->owner->host_acked(u->ctx), lesser(u->ack_limit, u->given));
    return acked > u->acked ? acked : u->acked;
}

/* Returns whether more is acknowledged than before. */
static bool take_acks(struct wire_up *u) {
    uint64_t acked = wire_up_acked(u);
    if (acked == u->acked) {
        return false;
    }
    u->acked = acked;
    u->owner->heard(u->ctx, acked);
    u->ask_ms = 0;
    if (acked == end_of(u)) {
        clk_stop(u->bearer->clk, &u->schedule);
        clk_stop(u->bearer->clk, &u->ask);
        trace(u, "acknowledged", u->n, 0, false, (clk_dur){0});
    } else if (clk_pending(&u->schedule)) {
        begin_schedule(u);
    }
    return true;
}

static void on_ask(void *ctx) {
    struct wire_up *u = ctx;
    take_acks(u);
    ask_again(u);
    u->owner->acked(u->ctx);
}

void wire_up_ask(struct wire_up *u) {
    u->ask_ms = 0;
    clk_start(u->bearer->clk, &u->ask, CLK_US(0), on_ask, u);
}

/* An acknowledgement whose time has come passes or is lost; a later one makes up for it. */
static void on_back(void *ctx) {
    struct wire_up *u = ctx;
    while (u->nacks > 0 && u->acks[0].due.us <= now(u).us) {
        if (!bearer_loses(u->bearer, u->impair, IMPAIR_DOWN)) {
            u->ack_limit = u->acks[0].end;
        }
        pop(u->acks, &u->nacks);
    }
    if (u->nacks > 0) {
        start_at(u, &u->back, u->acks[0].due, on_back);
    }
    bool is_more = take_acks(u);
    ask_again(u);
    if (is_more) {
        u->owner->acked(u->ctx);
    }
}

/* -- the air -- */

static void arm_fly(struct wire_up *u) {
    bool is_waiting = !u->is_stuck && u->transmitted < end_of(u) && u->nair < WIRE_FLIGHTS;
    if (u->nair > 0 && !(is_waiting && u->free_at.us < u->air[0].due.us)) {
        start_at(u, &u->fly, u->air[0].due, on_fly);
    } else if (is_waiting) {
        start_at(u, &u->fly, u->free_at, on_fly);
    }
}

static void launch(struct wire_up *u, size_t bytes) {
    clk_mono start = u->free_at.us > now(u).us ? u->free_at : now(u);
    u->free_at = later(start, bearer_duration(u->bearer, u->impair, IMPAIR_UP, bytes));
    clk_mono due = later(u->free_at, bearer_delay(u->bearer, u->impair, IMPAIR_UP));
    u->transmitted += bytes > 0 ? bytes : 1;
    u->air[u->nair++] = (struct wire_flight){u->transmitted, due};
}

/* What was given to the host is not kept. */
static void tell_transmission(struct wire_up *u, uint64_t at, size_t bytes, bool lost) {
    bool is_kept = at >= u->given && bytes > 0;
    const uint8_t *p = is_kept ? buf_data(&u->out) + (at - u->given) : NULL;
    u->owner->transmitted(u->ctx, at, p, bytes, lost);
}

/* Transmits what waits, segment by segment, until one is lost. */
static void transmit_rest(struct wire_up *u) {
    while (!u->is_stuck && u->transmitted < end_of(u) && u->nair < WIRE_FLIGHTS &&
           u->free_at.us <= now(u).us) {
        size_t bytes = next_bytes(u);
        u->is_stuck = bearer_loses(u->bearer, u->impair, IMPAIR_UP);
        trace(u, "transmit", 1, bytes, u->is_stuck, (clk_dur){0});
        tell_transmission(u, u->transmitted, bytes, u->is_stuck);
        if (!u->is_stuck) {
            launch(u, bytes);
        }
        if (!clk_pending(&u->schedule)) {
            begin_schedule(u);
        }
    }
    arm_fly(u);
}

/* To the host, as far as bytes have arrived there and it takes them; those from `fresh` on are
 * transmitted by that. */
static void give_passed(struct wire_up *u, uint64_t fresh) {
    size_t n = (size_t)(lesser(u->passed, u->accepted) - u->given);
    if (n == 0) {
        return;
    }
    int took = u->owner->give(u->ctx, buf_data(&u->out), n);
    if (took < 0) {
        took = (int)n; /* the link is gone; its end is told by the host */
    } else if (u->given + (uint64_t)took > fresh) {
        uint64_t at = u->given > fresh ? u->given : fresh;
        tell_transmission(u, at, (size_t)(u->given + (uint64_t)took - at), false);
    }
    buf_drop(&u->out, (size_t)took);
    u->given += (uint64_t)took;
}

/* Nothing wrong and nothing under way: straight through, as far as the host takes it. */
static void give_directly(struct wire_up *u) {
    uint64_t before = u->transmitted;
    u->passed = end_of(u);
    give_passed(u, before);
    if (u->given < u->accepted) {
        u->passed = u->given > before ? u->given : before;
    } else if (u->is_ending && before <= u->accepted) {
        tell_transmission(u, u->accepted, 0, false);
    }
    u->transmitted = u->passed;
    u->ack_limit = end_of(u);
    u->nacks = 0;
    clk_stop(u->bearer->clk, &u->back);
    if (u->given > before) {
        trace(u, "transmit", 1, (size_t)(u->given - before), false, (clk_dur){0});
        if (!clk_pending(&u->schedule)) {
            begin_schedule(u);
        }
    }
}

void wire_up_pump(struct wire_up *u) {
    if (u->nair == 0 && !u->is_stuck && bearer_is_clean(u->bearer, u->impair)) {
        give_directly(u);
    } else {
        give_passed(u, UINT64_MAX);
        transmit_rest(u);
    }
    ask_again(u);
}

/* Segments of a link do not overtake each other: each waits for the one in front of it. */
static void on_fly(void *ctx) {
    struct wire_up *u = ctx;
    while (u->nair > 0 && u->air[0].due.us <= now(u).us) {
        u->passed = u->air[0].end;
        expect_ack(u, u->passed, later(now(u), bearer_delay(u->bearer, u->impair, IMPAIR_DOWN)));
        pop(u->air, &u->nair);
    }
    wire_up_pump(u);
    u->owner->gave(u->ctx);
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

void wire_up_end(struct wire_up *u) {
    u->is_ending = true;
    wire_up_pump(u);
}

/* What the rate held up goes as the new one lets it, but no later than it would have. */
static void hurry(struct wire_up *u) {
    if (u->nair == 0 || u->free_at.us <= now(u).us) {
        return;
    }
    struct wire_flight *newest = &u->air[u->nair - 1];
    uint64_t begin = u->nair > 1 ? u->air[u->nair - 2].end : u->passed;
    size_t bytes = (size_t)(newest->end - begin);
    clk_mono free_at = later(now(u), bearer_duration(u->bearer, u->impair, IMPAIR_UP, bytes));
    if (free_at.us < u->free_at.us) {
        newest->due.us -= u->free_at.us - free_at.us;
        u->free_at = free_at;
    }
}

void wire_up_changed(struct wire_up *u) {
    if (bearer_is_black_hole(u->bearer, u->impair, IMPAIR_DOWN)) {
        u->ack_limit = wire_up_acked(u); /* a retransmission brings another */
    }
    hurry(u);
    if (u->given < end_of(u)) {
        clk_start(u->bearer->clk, &u->fly, CLK_US(0), on_fly, u);
    }
}

/* -- the schedule runs -- */

/* What waits is the peer's to take: its window is closed, and it answers those who ask (the
 * probe of a closed window and its answer go the way of all segments). */
static bool is_peer_slow(struct wire_up *u) {
    return !u->is_stuck && u->nair == 0 && u->owner->host_acked(u->ctx) == u->acked &&
           !u->owner->host_in_flight(u->ctx) && !bearer_loses(u->bearer, u->impair, IMPAIR_UP) &&
           !bearer_loses(u->bearer, u->impair, IMPAIR_DOWN);
}

static void retransmit(struct wire_up *u) {
    uint64_t unacked = lesser(u->transmitted, u->accepted) - u->acked;
    size_t bytes = u->is_stuck ? next_bytes(u) : (size_t)lesser(unacked, WIRE_SEGMENT);
    bool lost = bearer_loses(u->bearer, u->impair, IMPAIR_UP);
    u->n++;
    trace(u, "transmit", u->n, bytes, lost, (clk_dur){0});
    tell_transmission(u, u->is_stuck ? u->transmitted : u->acked, bytes, lost);
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
        clk_dur both = {bearer_delay(u->bearer, u->impair, IMPAIR_UP).us +
                        bearer_delay(u->bearer, u->impair, IMPAIR_DOWN).us};
        expect_ack(u, u->passed, later(now(u), both));
    }
}

static void on_schedule(void *ctx) {
    struct wire_up *u = ctx;
    u->newest = u->due;
    if (take_acks(u)) {
        ask_again(u);
        u->owner->acked(u->ctx);
    } else if (is_peer_slow(u)) {
        begin_schedule(u);
    } else if (retransmit_again(&u->bearer->retransmit, u->n, spent(u))) {
        retransmit(u);
    } else {
        trace(u, "failed", u->n, 0, true, (clk_dur){0});
        u->owner->failed(u->ctx);
    }
}
