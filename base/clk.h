/* clk.h: the modem's time and its timers.
 *
 * Three kinds: real (the host's monotonic clock), scaled (the same, N times as
 * fast) and manual (stands still until clk_advance). Instants, differences and
 * wall time are distinct types so that they cannot be mixed.
 *
 * Owns:    one uv_timer (real and scaled). Timers are embedded in their owners.
 * Borrows: the uv loop.
 * Order:   timers fire by due instant, equal ones in the order they were started.
 */
#ifndef BASE_CLK_H
#define BASE_CLK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;

typedef struct {
    int64_t us;
} clk_mono; /* instant since the clock was made */
typedef struct {
    int64_t us;
} clk_dur; /* difference */
typedef struct {
    int64_t us;
} clk_wall; /* since 1970, UTC */

#define CLK_US(n) ((clk_dur){(n)})
#define CLK_MS(n) ((clk_dur){(int64_t)(n)*1000})
#define CLK_S(n) ((clk_dur){(int64_t)(n)*1000000})

struct clk;
typedef void clk_fn(void *ctx);

struct clk_timer {
    clk_fn *cb;
    void *ctx;
    int64_t due_us;
    uint64_t start_number;
    size_t slot; /* index in the heap plus one; 0: not started */
};

struct clk *clk_new_real(struct uv_loop_s *loop, unsigned factor); /* factor 1: real time */
struct clk *clk_new_manual(void);

/* Stops every timer. The memory goes when the loop has closed the handle. NULL is allowed. */
void clk_close(struct clk *c);

/* Fixed during one turn of the loop. */
clk_mono clk_now(const struct clk *c);
clk_wall clk_wall_now(const struct clk *c);

/* Starts or restarts; `in` below zero counts as zero. Never calls back from inside. */
void clk_start(struct clk *c, struct clk_timer *t, clk_dur in, clk_fn *cb, void *ctx);
void clk_stop(struct clk *c, struct clk_timer *t); /* always allowed */
bool clk_pending(const struct clk_timer *t);

bool clk_is_manual(const struct clk *c);

/* Manual only: runs what falls due on the way, at its own instant. */
void clk_advance(struct clk *c, clk_dur by);

/* How long until the next timer; negative when there is none. */
clk_dur clk_next_due(const struct clk *c);

static inline clk_dur clk_since(const struct clk *c, clk_mono then) {
    return (clk_dur){clk_now(c).us - then.us};
}

#endif
