#include "base/clk.h"

#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/obj.h"

struct clk {
    uint32_t magic;
#define CLK_MAGIC 0x5c10c41eu
    bool is_manual;
    unsigned factor;
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_prepare_t prepare; /* a turn of the loop ends where it waits for events */
    unsigned nhandles;
    uint64_t origin_ns;     /* host instant of modem instant 0 */
    int64_t wall_origin_us; /* UTC of modem instant 0 */
    int64_t now_us;
    bool is_fresh; /* now_us is of this turn */
    struct clk_timer **heap;
    size_t n, cap;
    uint64_t starts;
    bool is_running; /* inside run_due: the uv timer is armed once at its end */
};

/* 2000-01-01, so that a manual clock gives the same wall time in every run. */
static const int64_t manual_wall_origin_us = 946684800LL * 1000000;

static int64_t host_now_us(const struct clk *c) {
    return (int64_t)((uv_hrtime() - c->origin_ns) / 1000) * c->factor;
}

clk_mono clk_now(const struct clk *c) {
    CHECK_OBJ(c, CLK_MAGIC);
    if (!c->is_manual && !c->is_fresh) {
        /* The cache is no state a caller can see: it only fixes time within a turn. */
        struct clk *cache = (struct clk *)(uintptr_t)c;
        cache->is_fresh = true;
        cache->now_us = host_now_us(c);
    }
    return (clk_mono){c->now_us};
}

clk_wall clk_wall_now(const struct clk *c) {
    return (clk_wall){c->wall_origin_us + clk_now(c).us};
}

static bool is_before(const struct clk_timer *a, const struct clk_timer *b) {
    if (a->due_us != b->due_us) {
        return a->due_us < b->due_us;
    }
    return a->start_number < b->start_number;
}

static void place(struct clk *c, size_t i, struct clk_timer *t) {
    c->heap[i] = t;
    t->slot = i + 1;
}

static void sift_up(struct clk *c, size_t i) {
    struct clk_timer *t = c->heap[i];
    while (i > 0 && is_before(t, c->heap[(i - 1) / 2])) {
        place(c, i, c->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(c, i, t);
}

static void sift_down(struct clk *c, size_t i) {
    struct clk_timer *t = c->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= c->n) {
            break;
        }
        if (child + 1 < c->n && is_before(c->heap[child + 1], c->heap[child])) {
            child++;
        }
        if (!is_before(c->heap[child], t)) {
            break;
        }
        place(c, i, c->heap[child]);
        i = child;
    }
    place(c, i, t);
}

static void on_uv_timer(uv_timer_t *timer);

static void arm(struct clk *c, uint64_t least_ms) {
    if (c->is_manual || c->is_running) {
        return;
    }
    if (c->n == 0) {
        uv_timer_stop(&c->timer);
        return;
    }
    /* libuv counts from the loop's cached time in whole milliseconds: refresh and round up. */
    uv_update_time(c->loop);
    int64_t wait_us = (c->heap[0]->due_us - host_now_us(c)) / (int64_t)c->factor;
    uint64_t wait_ms = wait_us > 0 ? (uint64_t)(wait_us + 999) / 1000 : 0;
    uv_timer_start(&c->timer, on_uv_timer, wait_ms > least_ms ? wait_ms : least_ms, 0);
}

static void remove_timer(struct clk *c, struct clk_timer *t) {
    size_t i = t->slot - 1;
    t->slot = 0;
    struct clk_timer *last = c->heap[--c->n];
    if (last == t) {
        return;
    }
    place(c, i, last);
    sift_up(c, i);
    sift_down(c, last->slot - 1);
}

/* Runs what is due at `until_us`; a timer started meanwhile and due by then runs too. */
static void run_due(struct clk *c, int64_t until_us) {
    uint64_t last_start = c->starts;
    c->is_running = true;
    while (c->n > 0 && c->heap[0]->due_us <= until_us) {
        struct clk_timer *t = c->heap[0];
        /* A timer that re-arms itself for now must not hold the real loop for ever. */
        if (!c->is_manual && t->start_number > last_start) {
            break;
        }
        if (c->is_manual && t->due_us > c->now_us) {
            c->now_us = t->due_us;
        }
        remove_timer(c, t);
        t->cb(t->ctx);
    }
    c->is_running = false;
}

static void on_uv_timer(uv_timer_t *timer) {
    struct clk *c;
    CAST_OBJ(c, timer->data, CLK_MAGIC);
    c->now_us = host_now_us(c);
    c->is_fresh = true;
    run_due(c, c->now_us);
    /* libuv would run a timer of 0 ms, started in its own callback, without a turn of the loop. */
    arm(c, 1);
}

static void on_uv_prepare(uv_prepare_t *prepare) {
    struct clk *c;
    CAST_OBJ(c, prepare->data, CLK_MAGIC);
    c->is_fresh = false;
}

struct clk *clk_new_real(uv_loop_t *loop, unsigned factor) {
    struct clk *c = xmalloc(sizeof *c);
    OBJ_INIT(c, CLK_MAGIC);
    c->loop = loop;
    c->factor = factor;
    c->origin_ns = uv_hrtime();
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    c->wall_origin_us = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
    must(uv_timer_init(loop, &c->timer) == 0);
    c->timer.data = c;
    uv_unref((uv_handle_t *)&c->timer);
    must(uv_prepare_init(loop, &c->prepare) == 0);
    c->prepare.data = c;
    must(uv_prepare_start(&c->prepare, on_uv_prepare) == 0);
    uv_unref((uv_handle_t *)&c->prepare);
    c->nhandles = 2;
    return c;
}

struct clk *clk_new_manual(void) {
    struct clk *c = xmalloc(sizeof *c);
    OBJ_INIT(c, CLK_MAGIC);
    c->is_manual = true;
    c->factor = 1;
    c->wall_origin_us = manual_wall_origin_us;
    return c;
}

static void free_clk(struct clk *c) {
    OBJ_FINI(c);
    free(c->heap);
    free(c);
}

static void on_uv_closed(uv_handle_t *handle) {
    struct clk *c;
    CAST_OBJ(c, handle->data, CLK_MAGIC);
    if (--c->nhandles == 0) {
        free_clk(c);
    }
}

void clk_close(struct clk *c) {
    if (c == NULL) {
        return;
    }
    CHECK_OBJ(c, CLK_MAGIC);
    while (c->n > 0) {
        c->heap[--c->n]->slot = 0;
    }
    if (c->is_manual) {
        free_clk(c);
    } else {
        uv_close((uv_handle_t *)&c->timer, on_uv_closed);
        uv_close((uv_handle_t *)&c->prepare, on_uv_closed);
    }
}

void clk_start(struct clk *c, struct clk_timer *t, clk_dur in, clk_fn *cb, void *ctx) {
    CHECK_OBJ(c, CLK_MAGIC);
    if (t->slot != 0) {
        remove_timer(c, t);
    }
    t->cb = cb;
    t->ctx = ctx;
    t->due_us = clk_now(c).us + (in.us > 0 ? in.us : 0);
    t->start_number = ++c->starts;
    if (c->n == c->cap) {
        c->cap = c->cap > 0 ? 2 * c->cap : 16;
        c->heap = xrealloc(c->heap, c->cap * sizeof(struct clk_timer *));
    }
    c->heap[c->n] = t;
    sift_up(c, c->n++);
    if (c->heap[0] == t) {
        arm(c, 0);
    }
}

void clk_stop(struct clk *c, struct clk_timer *t) {
    CHECK_OBJ(c, CLK_MAGIC);
    if (t->slot == 0) {
        return;
    }
    bool was_first = c->heap[0] == t;
    remove_timer(c, t);
    if (was_first) {
        arm(c, 0);
    }
}

bool clk_is_manual(const struct clk *c) {
    CHECK_OBJ(c, CLK_MAGIC);
    return c->is_manual;
}

bool clk_pending(const struct clk_timer *t) {
    return t->slot != 0;
}

void clk_advance(struct clk *c, clk_dur by) {
    CHECK_OBJ(c, CLK_MAGIC);
    must(c->is_manual && !c->is_running);
    int64_t until_us = c->now_us + by.us;
    run_due(c, until_us);
    c->now_us = until_us;
}

clk_dur clk_next_due(const struct clk *c) {
    CHECK_OBJ(c, CLK_MAGIC);
    if (c->n == 0) {
        return (clk_dur){-1};
    }
    int64_t left = c->heap[0]->due_us - clk_now(c).us;
    return (clk_dur){left > 0 ? left : 0};
}
