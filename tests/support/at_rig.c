#include "tests/support/at_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "slots.h"

static int compare(const void *a, const void *b) {
    return strcmp(((const struct at_cmd *)a)->name, ((const struct at_cmd *)b)->name);
}

static int missing(void *owner, unsigned needs) {
    const struct at_rig *r = owner;
    (void)needs;
    return r->missing;
}

static struct bus_verdict ask(void *owner, enum at_point point, const struct at_asked *asked) {
    const struct at_rig *r = owner;
    return r->ask != NULL ? r->ask(point, asked) : (struct bus_verdict){0};
}

static void done(void *owner, const struct at_asked *result) {
    const struct at_rig *r = owner;
    if (r->done != NULL) {
        r->done(result);
    }
}

static void make_table(struct at_rig *r, const struct at_cmd *rows, size_t nrows) {
    size_t n = 0;
    r->rows = xmalloc((at_dialect.n + nrows) * sizeof *r->rows);
    for (size_t i = 0; i < at_dialect.n; i++) {
        if (at_dialect.rows[i].code_forms == 0) {
            r->rows[n++] = at_dialect.rows[i];
        }
    }
    for (size_t i = 0; i < nrows; i++) {
        r->rows[n++] = rows[i];
    }
    qsort(r->rows, n, sizeof *r->rows, compare);
    r->table = (struct at_table){r->rows, n};
}

static void make_slots(struct at_rig *r, const struct slot_info *slots, size_t nslots) {
    r->slots = xmalloc((SLOT_COUNT + nslots) * sizeof *r->slots);
    memcpy(r->slots, slot_infos, SLOT_COUNT * sizeof *r->slots);
    for (size_t i = 0; i < nslots; i++) {
        r->slots[SLOT_COUNT + i] = slots[i];
    }
}

void at_rig_start(struct at_rig *r, const struct at_cmd *rows, size_t nrows,
                  const struct slot_info *slots, size_t nslots) {
    *r = (struct at_rig){.clk = clk_new_manual(), .out = xmalloc(AT_RIG_OUT)};
    make_table(r, rows, nrows);
    make_slots(r, slots, nslots);
    chan_init(&r->ch, "rig");
    chan_mem_init(&r->mem, &r->ch, r->clk);
    r->module = setting_store_new(r->slots, SLOT_COUNT + nslots, false);
    const struct at_session_config cfg = {
        .chan = &r->ch,
        .clk = r->clk,
        .table = &r->table,
        .module = r->module,
        .slots = r->slots,
        .nslots = SLOT_COUNT + nslots,
        .owner = r,
        .missing = missing,
        .ask = ask,
        .done = done,
    };
    r->s = session_new(&cfg);
}

void at_rig_stop(struct at_rig *r) {
    session_close(r->s);
    setting_store_free(r->module);
    chan_mem_fini(&r->mem);
    chan_fini(&r->ch);
    clk_close(r->clk);
    free(r->slots);
    free(r->rows);
    free(r->out);
}

void at_rig_type(struct at_rig *r, const char *text) {
    chan_mem_put(&r->mem, text, strlen(text));
}

const char *at_rig_read(struct at_rig *r) {
    size_t n = chan_mem_get(&r->mem, r->out, AT_RIG_OUT - 1);
    r->out[n] = '\0';
    return r->out;
}
