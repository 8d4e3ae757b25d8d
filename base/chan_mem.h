/* chan_mem.h: a transport with no kernel, for tests and for bridging two channels.
 *
 * Owns: what was sent, until taken. Borrows: the channel and the clock.
 */
#ifndef BASE_CHAN_MEM_H
#define BASE_CHAN_MEM_H

#include "base/chan.h"

struct chan_mem {
    uint32_t magic;
#define CHAN_MEM_MAGIC 0x71be03f9u
    struct chan *ch;
    const struct clk *clk;
    struct buf waiting; /* input that did not fit yet */
    struct buf sent;    /* output taken from the channel */
    size_t chop;        /* put at most this many bytes at a time; 0: all at once */
    bool is_stalled;    /* the DTE does not read */
    bool is_feeding;
    bool is_taking;
};

enum { CHAN_MEM_MAX = 16 << 20 };

void chan_mem_init(struct chan_mem *m, struct chan *ch, const struct clk *clk);
void chan_mem_fini(struct chan_mem *m);
void chan_mem_put(struct chan_mem *m, const void *p, size_t n); /* as if the DTE had written it */
size_t chan_mem_get(struct chan_mem *m, void *to, size_t n);    /* what the DTE reads */
void chan_mem_stall(struct chan_mem *m, bool is_stalled);

#endif
