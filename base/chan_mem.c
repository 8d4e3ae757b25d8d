#include "base/chan_mem.h"

#include <string.h>

#include "base/obj.h"

static void take(struct chan_mem *m) {
    if (m->is_stalled || m->is_taking) {
        return;
    }
    m->is_taking = true;
    size_t n = 0;
    const uint8_t *p = chan_tx_data(m->ch, &n);
    while (n > 0) {
        must(buf_put(&m->sent, p, n) == n);
        chan_tx_done(m->ch, n); /* may write more */
        p = chan_tx_data(m->ch, &n);
    }
    m->is_taking = false;
}

static void feed(struct chan_mem *m) {
    if (m->is_feeding) {
        return;
    }
    m->is_feeding = true;
    while (buf_len(&m->waiting) > 0) {
        size_t want = buf_len(&m->waiting);
        if (m->chop > 0 && want > m->chop) {
            want = m->chop;
        }
        size_t got = 0;
        uint8_t *to = chan_rx_reserve(m->ch, want, &got);
        if (got == 0) {
            break;
        }
        buf_take(&m->waiting, to, got);
        chan_rx_commit(m->ch, got, clk_now(m->clk));
    }
    m->is_feeding = false;
}

static void on_kick(void *ctx) {
    /* Taken by chan_mem_get, so that a test sees back-pressure as a tty would show it. */
    struct chan_mem *m;
    CAST_OBJ(m, ctx, CHAN_MEM_MAGIC);
}

static void on_room(void *ctx) {
    struct chan_mem *m;
    CAST_OBJ(m, ctx, CHAN_MEM_MAGIC);
    feed(m);
}

static void on_drop(void *ctx) {
    struct chan_mem *m;
    CAST_OBJ(m, ctx, CHAN_MEM_MAGIC);
    buf_clear(&m->waiting);
}

static const struct chan_transport transport = {
    .kick = on_kick,
    .room = on_room,
    .drop = on_drop,
};

void chan_mem_init(struct chan_mem *m, struct chan *ch, const struct clk *clk) {
    *m = (struct chan_mem){.ch = ch, .clk = clk};
    OBJ_INIT(m, CHAN_MEM_MAGIC);
    buf_init(&m->waiting, CHAN_MEM_MAX);
    buf_init(&m->sent, CHAN_MEM_MAX);
    chan_set_transport(ch, &transport, m);
    chan_set_open(ch, true);
}

void chan_mem_fini(struct chan_mem *m) {
    CHECK_OBJ(m, CHAN_MEM_MAGIC);
    chan_set_transport(m->ch, NULL, NULL);
    buf_fini(&m->waiting);
    buf_fini(&m->sent);
    OBJ_FINI(m);
}

void chan_mem_put(struct chan_mem *m, const void *p, size_t n) {
    CHECK_OBJ(m, CHAN_MEM_MAGIC);
    must(buf_put(&m->waiting, p, n) == n);
    feed(m);
}

size_t chan_mem_get(struct chan_mem *m, void *to, size_t n) {
    CHECK_OBJ(m, CHAN_MEM_MAGIC);
    take(m);
    return buf_take(&m->sent, to, n);
}

void chan_mem_stall(struct chan_mem *m, bool is_stalled) {
    CHECK_OBJ(m, CHAN_MEM_MAGIC);
    m->is_stalled = is_stalled;
    take(m);
}
