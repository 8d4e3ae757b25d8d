#include "tests/support/unit_rig.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bus_verdict answer(void *ctx, unsigned point, void *what) {
    struct unit_rig *r = ctx;
    (void)what;
    r->asked[point]++;
    if (point != (unsigned)r->point || r->times == 0) {
        return (struct bus_verdict){0};
    }
    r->times--;
    return r->verdict;
}

void unit_rig_boot(struct unit_rig *r, const char *profile, enum at_timing timing) {
    memset(r, 0, sizeof *r);
    r->clk = clk_new_manual();
    r->fake = fake_host_new();
    chan_init(&r->ch, "at");
    chan_mem_init(&r->mem, &r->ch, r->clk);
    r->profile = *profile_find(profile);
    const struct unit_config cfg = {.profile = &r->profile,
                                    .name = "at",
                                    .clk = r->clk,
                                    .host = fake_host_net(r->fake),
                                    .timing = timing,
                                    .chan = &r->ch};
    r->unit = unit_new(&cfg);
    r->modem = unit_modem(r->unit);
}

void unit_rig_start(struct unit_rig *r, const char *profile) {
    unit_rig_boot(r, profile, AT_TIMING_NONE);
    unit_rig_type(r, "ATE0\r");
    cr_assert_str_eq(unit_rig_read(r), "ATE0\r" OK);
}

void unit_rig_stop(struct unit_rig *r) {
    unit_close(r->unit);
    cr_assert_eq(fake_host_open_count(r->fake), 0);
    chan_mem_fini(&r->mem);
    chan_fini(&r->ch);
    fake_host_free(r->fake);
    clk_close(r->clk);
}

void unit_rig_type(struct unit_rig *r, const char *text) {
    chan_mem_put(&r->mem, text, strlen(text));
    fake_host_settle(r->fake, r->clk);
}

const char *unit_rig_read(struct unit_rig *r) {
    size_t len = 0;
    size_t n = 0;
    do {
        fake_host_settle(r->fake, r->clk);
        n = chan_mem_get(&r->mem, r->out + len, UNIT_RIG_OUT - len);
        len += n;
    } while (n > 0);
    r->out[len] = '\0';
    return r->out;
}

void unit_rig_pass(struct unit_rig *r, clk_dur by) {
    fake_host_pass(r->fake, r->clk, by);
}

void unit_rig_answer(struct unit_rig *r, enum ask point, struct bus_verdict v, int times) {
    if (r->modem->bus.answer == NULL) {
        bus_answer(&r->modem->bus, answer, r);
    }
    bus_want(&r->modem->bus, (uint32_t)1 << point);
    r->point = point;
    r->verdict = v;
    r->times = times;
    memset(r->asked, 0, sizeof r->asked);
}
