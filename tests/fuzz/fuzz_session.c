/* A whole module at the mercy of a DTE and of its network: any bytes in any pieces, while
 * peers send and leave, the clock runs and the DTE comes, goes and does not read.
 *
 * Input: bytes of the DTE and acts (acts.h). In the end the port must still answer AT, and the
 * module must leave nothing open. */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "base/obj.h"
#include "emulator/at/session.h"
#include "slots.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/acts.h"

enum { ESC = 0x1b, ROUNDS = 100, PATIENCE = 3 };

struct rig {
    struct acts a;
    uint8_t out[65536]; /* what was read last, cut */
    size_t n;
};

static void read_all(struct rig *r) {
    r->n = chan_mem_get(&r->a.mem, r->out, sizeof r->out);
    acts_do(&r->a, ACT_READ);
}

static void play(struct rig *r, const uint8_t *p, size_t n) {
    struct acts_step step;
    while (acts_next(&p, &n, &step)) {
        chan_mem_put(&r->a.mem, step.p, step.n);
        if (step.has_act) {
            acts_do(&r->a, step.act);
        }
        /* Far below its bound, so that nothing is ever dropped. */
        must(chan_pending(&r->a.ch) < LIMIT_CHAN_OUT / 2 && buf_len(&r->a.ch.in) <= LIMIT_CHAN_IN);
    }
}

/* -- the end -- */

/* Lets everything that is under way come to its end: a prompt is given what it asks for, data mode
 * is escaped from; and where that does not help, the network and the DTE go. */
static void settle(struct rig *r) {
    static uint8_t escapes[LIMIT_SEND];
    memset(escapes, ESC, sizeof escapes);
    for (unsigned round = 0; round == 0 || r->a.ch.depth > 1; round++) {
        must(round < ROUNDS);
        read_all(r);
        acts_do(&r->a, ACT_NETWORK);
        clk_advance(r->a.clk, CLK_S(200));
        acts_do(&r->a, ACT_NETWORK);
        if (r->a.ch.depth > 1) {
            chan_mem_put(&r->a.mem, escapes, sizeof escapes);
            clk_advance(r->a.clk, CLK_S(2));
            chan_mem_put(&r->a.mem, "+++", 3);
            clk_advance(r->a.clk, CLK_S(2));
        }
        modem_set_hung(unit_modem(r->a.unit), false);
        modem_power_on(unit_modem(r->a.unit));
        if (round >= PATIENCE) {
            modem_set_registration(unit_modem(r->a.unit), REG_OFF);
            /* A prompt for a file wants more than anyone gives. */
            chan_set_open(&r->a.ch, false);
            chan_set_open(&r->a.ch, true);
        }
        read_all(r);
    }
}

static bool has(const struct rig *r, const char *text) {
    return memmem(r->out, r->n, text, strlen(text)) != NULL;
}

/* True: AT was answered as S3, V and Q have it. The line before it may have been half typed. */
static bool answers(struct rig *r) {
    const struct at_session *s = r->a.ch.stack[0].ctx;
    char end = (char)session_int(s, SLOT_S3);
    const char line[] = {'A', 'T', end};
    const char number[] = {'0', end, '\0'};
    chan_mem_put(&r->a.mem, line, sizeof line);
    read_all(r);
    if (session_int(s, SLOT_Q) != 0) {
        return true;
    }
    return has(r, session_int(s, SLOT_V) != 0 ? "OK" : number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct rig r;
    acts_start(&r.a);
    play(&r, data, size);
    chan_mem_stall(&r.a.mem, false);
    chan_set_open(&r.a.ch, true);
    r.a.mem.chop = 0;
    settle(&r);
    unsigned rounds = 0;
    while (!answers(&r)) {
        must(++rounds < ROUNDS);
        settle(&r);
    }
    acts_stop(&r.a);
    return 0;
}
