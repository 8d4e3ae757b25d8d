#include "tests/simulate/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/at/session.h"
#include "emulator/model/profile.h"

enum { SAID_MAX = 1 << 24 };

static void mix(struct world *w, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        w->hash = (w->hash ^ p[i]) * 1099511628211u; /* FNV-1a */
    }
}

static void mix_instant(struct world *w) {
    int64_t now_us = world_now_us(w);
    mix(w, (const uint8_t *)&now_us, sizeof now_us);
}

void world_start(struct world *w, const struct world_config *cfg) {
    memset(w, 0, sizeof *w);
    OBJ_INIT(w, WORLD_MAGIC);
    w->hash = 1469598103934665603u;
    w->turns_max = WORLD_TURNS;
    w->verdict = cfg->verdict;
    w->tap = cfg->tap;
    w->ev = cfg->ev;
    w->ctx = cfg->ctx;
    w->clk = clk_new_manual();
    w->host = fake_host_new();
    chan_init(&w->chan, "at");
    chan_mem_init(&w->mem, &w->chan, w->clk);
    if (cfg->is_noted) {
        w->dialogue = xmalloc(sizeof *w->dialogue);
        dialogue_init(w->dialogue, w->clk);
    }
    const struct unit_config unit = {.profile = profile_find(cfg->profile),
                                     .name = "at",
                                     .clk = w->clk,
                                     .host = fake_host_net(w->host),
                                     .timing = cfg->timing,
                                     .chan = &w->chan};
    w->unit = unit_new(&unit);
    w->modem = unit_modem(w->unit);
}

void world_stop(struct world *w) {
    CHECK_OBJ(w, WORLD_MAGIC);
    unit_close(w->unit);
    if (fake_host_open_count(w->host) != 0) {
        verdict_fail(w->verdict, "left-open", NULL, "the module left %zu sockets open",
                     fake_host_open_count(w->host));
        abort(); /* nobody could close them */
    }
    int64_t due_us = clk_next_due(w->clk).us;
    if (due_us >= 0) {
        verdict_fail(w->verdict, "left-timer", NULL, "a timer is left, due in %lld us",
                     (long long)due_us);
    }
    chan_mem_fini(&w->mem);
    chan_fini(&w->chan);
    fake_host_free(w->host);
    if (w->dialogue != NULL) {
        dialogue_fini(w->dialogue);
        free(w->dialogue);
    }
    clk_close(w->clk);
    OBJ_FINI(w);
}

struct at_session *world_session(const struct world *w) {
    return w->chan.stack[0].ctx;
}

int32_t world_setting(const struct world *w, unsigned slot) {
    return session_int(world_session(w), slot);
}

int64_t world_now_us(const struct world *w) {
    return clk_now(w->clk).us;
}

/* Whether it may go on: a clock that never moves would turn for ever. */
static bool count_turn(struct world *w) {
    int64_t second = world_now_us(w) / 1000000;
    if (second != w->second) {
        w->second = second;
        w->turns_of_second = 0;
    }
    w->counts.turns++;
    w->turns_of_second++;
    if (w->turns_of_second > w->counts.busiest) {
        w->counts.busiest = w->turns_of_second;
    }
    if (w->turns_of_second > w->turns_max) {
        verdict_fail(w->verdict, "busy-clock", NULL, "%llu turns within one second of modem time",
                     (unsigned long long)w->turns_of_second);
    }
    return verdict_is_good(w->verdict);
}

static void check_bounds(struct world *w) {
    if (chan_pending(&w->chan) > LIMIT_CHAN_OUT || buf_len(&w->chan.in) > LIMIT_CHAN_IN) {
        verdict_fail(w->verdict, "bounds", NULL, "%zu bytes of output, %zu of input",
                     chan_pending(&w->chan), buf_len(&w->chan.in));
    }
}

/* All of it at once: a header and its data are one write. True: something came. */
static bool read_output(struct world *w) {
    uint8_t bytes[4096];
    size_t n = chan_mem_get(&w->mem, bytes, sizeof bytes);
    if (n == 0) {
        return false;
    }
    struct buf said;
    buf_init(&said, SAID_MAX);
    while (n > 0) {
        must(buf_put_all(&said, bytes, n) == 0);
        n = chan_mem_get(&w->mem, bytes, sizeof bytes);
    }
    if (w->tap.said != NULL) {
        w->tap.said(w->tap.ctx, &said);
    }
    n = buf_len(&said);
    w->counts.bytes_said += n;
    if (n > 0) {
        mix_instant(w);
        mix(w, buf_data(&said), n);
        w->ev->said(w->ctx, buf_data(&said), n);
    }
    buf_fini(&said);
    return true;
}

void world_settle(struct world *w) {
    CHECK_OBJ(w, WORLD_MAGIC);
    if (w->is_settling) {
        return;
    }
    w->is_settling = true;
    bool is_busy = true;
    while (is_busy && count_turn(w)) {
        is_busy = fake_host_run(w->host);
        is_busy |= clk_next_due(w->clk).us == 0;
        clk_advance(w->clk, CLK_US(0));
        is_busy |= read_output(w);
        is_busy |= !is_busy && w->ev->turn(w->ctx);
    }
    check_bounds(w);
    w->is_settling = false;
}

bool world_step(struct world *w, int64_t until_us) {
    world_settle(w);
    int64_t left_us = until_us - world_now_us(w);
    int64_t due_us = clk_next_due(w->clk).us;
    if (!verdict_is_good(w->verdict) || left_us <= 0) {
        return false;
    }
    bool is_over = due_us < 0 || due_us > left_us;
    clk_advance(w->clk, CLK_US(is_over ? left_us : due_us));
    world_settle(w);
    return !is_over;
}

void world_pass(struct world *w, clk_dur by) {
    int64_t until_us = world_now_us(w) + by.us;
    while (world_step(w, until_us)) {
    }
}

void world_type(struct world *w, const void *p, size_t n) {
    CHECK_OBJ(w, WORLD_MAGIC);
    struct buf typed;
    buf_init(&typed, SAID_MAX);
    must(buf_put_all(&typed, p, n) == 0);
    if (w->tap.typed != NULL) {
        w->tap.typed(w->tap.ctx, &typed);
    }
    mix_instant(w);
    mix(w, p, n);
    w->counts.bytes_typed += n;
    dialogue_typed(w->dialogue, p, n);
    chan_mem_put(&w->mem, buf_data(&typed), buf_len(&typed));
    buf_fini(&typed);
    world_settle(w);
}

void world_dte(struct world *w, bool is_open) {
    dialogue_line(w->dialogue, "dte port %s", is_open ? "on" : "off");
    chan_set_open(&w->chan, is_open);
    world_settle(w);
}
