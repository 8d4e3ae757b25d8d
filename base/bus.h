/* bus.h: events by number: who changes something posts, who cares listens; and questions: who is
 * about to do something asks, and one answerer may decide otherwise.
 *
 * The numbers and payloads are the program's (emulator/bus_points.def); this
 * file knows neither. Listeners are called in the order they came, at once.
 *
 * Borrows: each listener's and the answerer's context, until bus_ignore and bus_answer(NULL).
 */
#ifndef BASE_BUS_H
#define BASE_BUS_H

#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/sv.h"

typedef void bus_fn(void *ctx, unsigned topic, const void *payload);

/* What is to become of what was about to happen. All zero: it goes on as if nobody was asked. */
struct bus_verdict {
    enum {
        BUS_GO,
        BUS_DROP,    /* it does not happen, and nobody is told */
        BUS_FAIL,    /* it fails, with `code` */
        BUS_REPLACE, /* `text` happens instead */
    } act;
    int code;       /* which errors there are is the point's */
    clk_dur delay;  /* before any of it; served by who asks */
    struct sv text; /* the answerer's; good until the asker returns to the loop */
};

typedef struct bus_verdict bus_answer_fn(void *ctx, unsigned point, void *what);

struct bus {
    struct {
        bus_fn *cb;
        void *ctx;
    } listeners[LIMIT_BUS_LISTENERS];
    size_t n;
    bus_answer_fn *answer;
    void *answer_ctx;
    uint32_t asked; /* the points that the answerer wants to be asked at, a bit each */
};

void bus_init(struct bus *b);
void bus_listen(struct bus *b, bus_fn *cb, void *ctx); /* bound: LIMIT_BUS_LISTENERS, a must */
void bus_ignore(struct bus *b, bus_fn *cb, void *ctx);
void bus_post(struct bus *b, unsigned topic, const void *payload);

/* The one answerer of all questions; NULL: none any more. Wants to be asked at no point yet. */
void bus_answer(struct bus *b, bus_answer_fn *cb, void *ctx);
void bus_want(struct bus *b, uint32_t points); /* the bits of the points */

/* `what` may be changed where the point says so. */
static inline struct bus_verdict bus_ask(const struct bus *b, unsigned point, void *what) {
    if ((b->asked & (uint32_t)1 << point) == 0) {
        return (struct bus_verdict){0};
    }
    return b->answer(b->answer_ctx, point, what);
}

#endif
