/* tables.h: the questions that tables answer: the name table and the APNs of a scenario, and the
 * magic destinations.
 *
 * Borrows: everything. Caller's memory.
 */
#ifndef SCENARIOS_ENGINE_TABLES_H
#define SCENARIOS_ENGINE_TABLES_H

#include <stdbool.h>

#include "base/bus.h"
#include "base/limits.h"
#include "emulator/model/events.h"
#include "netstack/impair.h"

struct cJSON;
struct magic_world;
struct route;
struct sockets;

struct tables {
    const struct cJSON *network; /* of the scenario; NULL: none */
    struct magic_world *magic;   /* NULL: there are no magic destinations */
    struct route *route;
    /* What is wrong with the way of a link from the instant on that it is open. */
    struct {
        bool is_set;
        struct impair impair[IMPAIR_DIRECTIONS];
    } later[LIMIT_LINKS];
};

/* The questions that are answered, a bit each. */
uint32_t tables_asks(const struct tables *t);
struct bus_verdict tables_answer(struct tables *t, enum ask point, void *asked);
void tables_opened(struct tables *t, struct sockets *sk, unsigned link);

#endif
