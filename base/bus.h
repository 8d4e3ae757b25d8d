/* bus.h: events by number: who changes something posts, who cares listens.
 *
 * The numbers and payloads are the program's (emulator/bus_points.def); this
 * file knows neither. Listeners are called in the order they came, at once.
 *
 * Borrows: each listener's context, until bus_ignore.
 */
#ifndef BASE_BUS_H
#define BASE_BUS_H

#include <stddef.h>

#include "base/limits.h"

typedef void bus_fn(void *ctx, unsigned topic, const void *payload);

struct bus {
    struct {
        bus_fn *cb;
        void *ctx;
    } listeners[LIMIT_BUS_LISTENERS];
    size_t n;
};

void bus_init(struct bus *b);
void bus_listen(struct bus *b, bus_fn *cb, void *ctx); /* bound: LIMIT_BUS_LISTENERS, a must */
void bus_ignore(struct bus *b, bus_fn *cb, void *ctx);
void bus_post(struct bus *b, unsigned topic, const void *payload);

#endif
