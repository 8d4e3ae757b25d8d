/* Any octets at the multiplexer: the frames are the same in pieces of any size, and what runs over
 * them comes through, with time passing and a DTE that reads now and then.
 *
 * Input: option and quirks, the size of the pieces, then the octets; time passes behind a piece
 * that begins with a multiple of 4. */
#include <string.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "base/crc32.h"
#include "base/obj.h"
#include "pty/cmux.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 2 };

static size_t stand_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    struct chan *ch = ctx;
    (void)at;
    if (chan_is_busy(ch)) {
        return 0;
    }
    must(chan_write(ch, p, n) == 0);
    return n;
}

static void stand_drained(void *ctx) {
    chan_pump(ctx);
}

static const struct chan_user stand = {.name = "stand", .rx = stand_rx, .drained = stand_drained};

static void on_open(void *ctx, unsigned dlci, struct chan *ch) {
    struct chan **open = ctx;
    must(open[dlci] == NULL);
    open[dlci] = ch;
    chan_push(ch, &stand, ch);
}

static void on_close(void *ctx, unsigned dlci) {
    struct chan **open = ctx;
    must(open[dlci] != NULL);
    chan_pop(open[dlci], &stand, open[dlci]);
    open[dlci] = NULL;
}

static void on_end(void *ctx) {
    struct chan **open = ctx;
    for (size_t i = 0; i <= LIMIT_CMUX_DLCIS; i++) {
        must(open[i] == NULL);
    }
}

static uint32_t decode(enum cmux_option option, const uint8_t *p, size_t n, size_t piece) {
    static struct cmux_decoder d;
    uint32_t sum = 0;
    cmux_decoder_init(&d, option, LIMIT_CMUX_INFO);
    while (n > 0) {
        struct cmux_frame f;
        bool has_frame = false;
        size_t part = n < piece ? n : piece;
        size_t used = cmux_decode(&d, p, part, &f, &has_frame);
        must(used <= part && (used > 0 || has_frame));
        if (has_frame) {
            const uint8_t head[] = {(uint8_t)f.dlci, f.type, f.is_command, f.is_final};
            must(f.n <= LIMIT_CMUX_INFO);
            sum = crc32_add(crc32_add(sum, head, sizeof head), f.info, f.n);
        }
        p += used;
        n -= used;
    }
    return sum;
}

static size_t below_rx(void *ctx, const uint8_t *p, size_t n, clk_mono at) {
    (void)ctx;
    (void)p;
    (void)at;
    return n;
}

static const struct chan_user below = {.name = "at", .rx = below_rx};

static void run(const struct cmux_config *cfg, enum cmux_option option, struct clk *clk,
                struct chan_mem *mem, const uint8_t *p, size_t n, size_t piece) {
    static uint8_t out[LIMIT_CHAN_OUT];
    struct cmux *mux = cmux_new(cfg);
    const struct cmux_mode mode = {.option = option, .info_max = 128, .send_max = 31, .t2_ms = 300};
    chan_push(cfg->phys, cmux_user(mux, &mode), mux);
    for (size_t at = 0; at < n; at += piece) {
        size_t part = n - at < piece ? n - at : piece;
        chan_mem_put(mem, p + at, part);
        if (p[at] % 4 == 0) {
            clk_advance(clk, CLK_MS(p[at]));
            chan_mem_get(mem, out, sizeof out);
        }
        if (p[at] == 0xff) {
            cmux_stop(mux);
        }
    }
    cmux_free(mux);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEAD) {
        return 0;
    }
    enum cmux_option option = data[0] % 2 == 0 ? CMUX_BASIC : CMUX_ADVANCED;
    size_t piece = 1 + data[1] % 64;
    must(decode(option, data + HEAD, size - HEAD, size) ==
         decode(option, data + HEAD, size - HEAD, piece));
    struct clk *clk = clk_new_manual();
    struct chan phys;
    struct chan_mem mem;
    struct chan *open[LIMIT_CMUX_DLCIS + 1] = {0};
    chan_init(&phys, "at");
    chan_push(&phys, &below, &phys);
    chan_mem_init(&mem, &phys, clk);
    const struct cmux_config cfg = {.phys = &phys,
                                    .clk = clk,
                                    .quirks = {.is_msc_first = (data[0] & 2) != 0,
                                               .ignores_cld = (data[0] & 4) != 0,
                                               .has_long_lengths = (data[0] & 8) != 0},
                                    .on_open = on_open,
                                    .on_close = on_close,
                                    .on_end = on_end,
                                    .ctx = open};
    run(&cfg, option, clk, &mem, data + HEAD, size - HEAD, piece);
    chan_pop(&phys, &below, &phys);
    chan_mem_fini(&mem);
    chan_fini(&phys);
    clk_close(clk);
    return 0;
}
