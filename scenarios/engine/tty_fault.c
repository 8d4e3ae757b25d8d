#include "scenarios/engine/tty_fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "base/rng.h"

enum { EOL_MAX = 4, OUT_SIZE = 4096 };

/* At an output position: bytes that are put in, or bits that are changed, or a stop. */
struct edit {
    uint64_t at;
    enum { EDIT_INSERT, EDIT_FLIP, EDIT_STOP } kind;
    uint8_t *bytes; /* EDIT_INSERT */
    size_t n;
    uint8_t bits;
    clk_dur time;
};

/* Output stands still behind this many bytes put, for so long. */
struct stop {
    uint64_t at;
    clk_dur time;
};

struct tty_fault {
    uint32_t magic;
#define TTY_FAULT_MAGIC 0x7d3fa017u
    struct chan *chan;
    struct clk *clk;
    struct rng rng;
    const struct tty_fault_events *ev;
    void *ctx;
    uint64_t written, put; /* by the module; into the channel */
    struct edit edits[LIMIT_TTY_EDITS];
    size_t nedits;
    struct stop stops[LIMIT_TTY_EDITS];
    size_t nstops;
    struct clk_timer stop_timer;
    struct {
        bool is_on;
        size_t bytes, credit;
        clk_dur every;
        uint64_t until; /* put; UINT64_MAX: the answer has not ended yet */
        struct clk_timer timer;
    } drip;
    uint8_t eol[EOL_MAX];
    size_t eol_n; /* 0: as it is */
    bool was_cr;  /* the byte before this one */
    bool is_swallowing;
    unsigned garble_ways;
    double garble_chance;
    struct clk_timer garble_timer;
    uint8_t out[OUT_SIZE];
    size_t nout;
};

static struct tty_fault *of(void *ctx) {
    struct tty_fault *t;
    CAST_OBJ(t, ctx, TTY_FAULT_MAGIC);
    return t;
}

/* -- what may go out -- */

static void on_stop_over(void *ctx);

/* Output that a client left behind has gone, too. */
static uint64_t sent(const struct tty_fault *t) {
    return t->put - chan_pending(t->chan);
}

/* The first stop begins when all that stands before it has gone. */
static void begin_stop(struct tty_fault *t, uint64_t gone) {
    if (t->nstops > 0 && gone >= t->stops[0].at && !clk_pending(&t->stop_timer)) {
        clk_start(t->clk, &t->stop_timer, t->stops[0].time, on_stop_over, t);
    }
}

static void update_gate(struct tty_fault *t) {
    size_t gate = CHAN_GATE_OPEN;
    if (t->nstops > 0) {
        gate = t->stops[0].at > sent(t) ? (size_t)(t->stops[0].at - sent(t)) : 0;
        begin_stop(t, sent(t));
    }
    if (t->drip.is_on && t->drip.credit < gate) {
        gate = t->drip.credit;
    }
    chan_set_gate(t->chan, gate);
}

static void on_stop_over(void *ctx) {
    struct tty_fault *t = of(ctx);
    t->nstops--;
    memmove(t->stops, t->stops + 1, t->nstops * sizeof t->stops[0]);
    update_gate(t);
}

static void on_drip(void *ctx) {
    struct tty_fault *t = of(ctx);
    if (sent(t) >= t->drip.until) {
        t->drip.is_on = false;
    } else {
        t->drip.credit = t->drip.bytes;
        clk_start(t->clk, &t->drip.timer, t->drip.every, on_drip, t);
    }
    update_gate(t);
}

/* -- output -- */

int tty_fault_put(struct tty_fault *t, const void *p, size_t n) {
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    t->put += n; /* first: the transport may take it at once */
    int err = chan_put(t->chan, p, n);
    t->put -= err == 0 ? 0 : n;
    return err;
}

static void flush(struct tty_fault *t) {
    /* The channel has room for what it was offered; what was put in besides may be too much, and
     * then the end is lost, as a line loses what comes too fast. */
    size_t room = LIMIT_CHAN_OUT - chan_pending(t->chan);
    size_t n = t->nout < room ? t->nout : room;
    t->nout = 0;
    must(tty_fault_put(t, t->out, n) == 0);
}

static void put_byte(struct tty_fault *t, uint8_t c) {
    if (t->nout == sizeof t->out) {
        flush(t);
    }
    t->out[t->nout++] = c;
}

static void put_bytes(struct tty_fault *t, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        put_byte(t, p[i]);
    }
}

/* Another byte than it was, for certain. */
static uint8_t garbled(struct tty_fault *t, uint8_t c) {
    bool is_hit = t->garble_chance >= 1 || rng_chance(&t->rng, t->garble_chance);
    return is_hit ? (uint8_t)(c ^ (1 + rng_below(&t->rng, 255))) : c;
}

static void drop_edit(struct tty_fault *t, size_t i) {
    free(t->edits[i].bytes);
    t->nedits--;
    memmove(&t->edits[i], &t->edits[i + 1], (t->nedits - i) * sizeof t->edits[0]);
}

static void drop_edits(struct tty_fault *t) {
    while (t->nedits > 0) {
        drop_edit(t, t->nedits - 1);
    }
}

static void stop_here(struct tty_fault *t, clk_dur time) {
    flush(t);
    must(t->nstops < LIMIT_TTY_EDITS);
    t->stops[t->nstops++] = (struct stop){t->put, time};
    update_gate(t);
}

/* What is to be done in front of, or with, the byte at this position. */
static uint8_t edited(struct tty_fault *t, uint8_t c) {
    for (size_t i = 0; i < t->nedits;) {
        struct edit *e = &t->edits[i];
        if (e->at > t->written) {
            i++;
            continue;
        }
        switch (e->kind) {
        case EDIT_INSERT:
            put_bytes(t, e->bytes, e->n);
            break;
        case EDIT_FLIP:
            /* One whose byte was swallowed hits no other. */
            c ^= e->at == t->written ? e->bits : 0;
            break;
        case EDIT_STOP:
            stop_here(t, e->time);
            break;
        }
        drop_edit(t, i);
    }
    return c;
}

/* CR, LF and CR LF end a line: numeric results have CR alone. */
static void put_line_end(struct tty_fault *t, uint8_t c) {
    if (c == '\r' || !t->was_cr) {
        put_bytes(t, t->eol, t->eol_n);
    }
}

static void write_bytes(struct tty_fault *t, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t c = edited(t, p[i]);
        t->written++;
        if (t->is_swallowing) {
            continue;
        }
        if (t->eol_n > 0 && (c == '\r' || c == '\n')) {
            put_line_end(t, c);
        } else {
            put_byte(t, (t->garble_ways & TTY_FAULT_OUT) != 0 ? garbled(t, c) : c);
        }
        t->was_cr = c == '\r';
    }
    flush(t);
}

static bool is_idle(const struct tty_fault *t) {
    return t->nedits == 0 && !t->is_swallowing && t->eol_n == 0 &&
           (t->garble_ways & TTY_FAULT_OUT) == 0;
}

static bool on_tx(void *ctx, const uint8_t *p, size_t n) {
    struct tty_fault *t = of(ctx);
    if (t->nstops > 0) {
        update_gate(t); /* a client may have left its output behind */
    }
    if (!t->ev->on_output(t->ctx, p, n)) {
        t->written += n;
        return true;
    }
    if (is_idle(t)) {
        t->written += n;
        t->put += n;
        return false;
    }
    write_bytes(t, p, n);
    return true;
}

static void on_sent(void *ctx, const uint8_t *p, size_t n) {
    struct tty_fault *t = of(ctx);
    if (t->drip.is_on) {
        t->drip.credit -= n < t->drip.credit ? n : t->drip.credit;
    }
    begin_stop(t, sent(t) + n);
    t->ev->on_sent(t->ctx, p, n);
}

static size_t on_rx(void *ctx, uint8_t *p, size_t n) {
    struct tty_fault *t = of(ctx);
    for (size_t i = 0; (t->garble_ways & TTY_FAULT_IN) != 0 && i < n; i++) {
        p[i] = garbled(t, p[i]);
    }
    return t->ev->on_input(t->ctx, p, n) ? n : 0;
}

static void forget_answer(struct tty_fault *t) {
    t->is_swallowing = false;
    t->eol_n = 0;
    drop_edits(t);
    if (t->drip.is_on && t->drip.until == UINT64_MAX) {
        t->drip.until = t->put;
    }
}

static void on_line(void *ctx) {
    tty_fault_answered(of(ctx));
}

static void on_event(void *ctx, enum chan_event event) {
    struct tty_fault *t = of(ctx);
    if (event == CHAN_CLOSED) {
        forget_answer(t); /* if there is one, it is nobody's */
    }
    t->ev->on_event(t->ctx, event);
}

static void on_top(void *ctx, const char *user) {
    struct tty_fault *t = of(ctx);
    if (t->ev->on_top != NULL) {
        t->ev->on_top(t->ctx, user);
    }
}

static const struct chan_tap tap = {
    .tx = on_tx, .sent = on_sent, .rx = on_rx, .line = on_line, .event = on_event, .top = on_top};

struct tty_fault *tty_fault_new(struct chan *ch, struct clk *clk, uint64_t seed,
                                const struct tty_fault_events *ev, void *ctx) {
    struct tty_fault *t = xmalloc(sizeof *t);
    OBJ_INIT(t, TTY_FAULT_MAGIC);
    t->chan = ch;
    t->clk = clk;
    tty_fault_set_seed(t, seed);
    t->ev = ev;
    t->ctx = ctx;
    /* What was written before goes out as well, and is counted there. */
    t->put = t->written = chan_pending(ch);
    chan_set_tap(ch, &tap, t);
    return t;
}

void tty_fault_set_seed(struct tty_fault *t, uint64_t seed) {
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    t->rng = rng_stream(seed, "tty");
}

void tty_fault_free(struct tty_fault *t) {
    if (t == NULL) {
        return;
    }
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    tty_fault_clear(t);
    chan_set_tap(t->chan, NULL, NULL);
    OBJ_FINI(t);
    free(t);
}

/* -- faults -- */

static int add_edit(struct tty_fault *t, struct edit e) {
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    if (t->nedits + t->nstops == LIMIT_TTY_EDITS) {
        free(e.bytes);
        return -ENOSPC;
    }
    e.at += t->written;
    t->edits[t->nedits++] = e;
    return 0;
}

int tty_fault_cut(struct tty_fault *t, size_t after, clk_dur stop) {
    return add_edit(t, (struct edit){.at = after, .kind = EDIT_STOP, .time = stop});
}

int tty_fault_insert(struct tty_fault *t, size_t at, const void *p, size_t n) {
    uint8_t *bytes = xmalloc(n);
    memcpy(bytes, p, n);
    return add_edit(t, (struct edit){.at = at, .kind = EDIT_INSERT, .bytes = bytes, .n = n});
}

int tty_fault_flip(struct tty_fault *t, size_t at, uint8_t bits) {
    return add_edit(t, (struct edit){.at = at, .kind = EDIT_FLIP, .bits = bits});
}

void tty_fault_drip(struct tty_fault *t, size_t bytes, clk_dur every) {
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    t->drip.is_on = true;
    t->drip.bytes = bytes;
    t->drip.credit = bytes;
    t->drip.every = every;
    t->drip.until = UINT64_MAX;
    clk_start(t->clk, &t->drip.timer, every, on_drip, t);
    update_gate(t);
}

void tty_fault_line_end(struct tty_fault *t, const void *p, size_t n) {
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    must(n <= EOL_MAX);
    memcpy(t->eol, p, n);
    t->eol_n = n;
    t->was_cr = false;
}

void tty_fault_swallow(struct tty_fault *t) {
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    t->is_swallowing = true;
}

void tty_fault_answered(struct tty_fault *t) {
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    /* What stands right behind the last byte is done; what lies further must not hit the next
     * answer. */
    edited(t, 0);
    flush(t);
    forget_answer(t);
}

static void on_garble_over(void *ctx) {
    of(ctx)->garble_ways = 0;
}

void tty_fault_garble(struct tty_fault *t, unsigned ways, double chance, clk_dur time) {
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    t->garble_ways = ways;
    t->garble_chance = chance;
    clk_stop(t->clk, &t->garble_timer);
    if (time.us > 0) {
        clk_start(t->clk, &t->garble_timer, time, on_garble_over, t);
    }
}

void tty_fault_clear(struct tty_fault *t) {
    CHECK_OBJ(t, TTY_FAULT_MAGIC);
    drop_edits(t);
    t->nstops = 0;
    t->drip.is_on = false;
    t->is_swallowing = false;
    t->eol_n = 0;
    t->garble_ways = 0;
    clk_stop(t->clk, &t->stop_timer);
    clk_stop(t->clk, &t->drip.timer);
    clk_stop(t->clk, &t->garble_timer);
    update_gate(t);
}
