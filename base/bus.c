#include "base/bus.h"

#include "base/obj.h"

void bus_init(struct bus *b) {
    *b = (struct bus){0};
}

void bus_listen(struct bus *b, bus_fn *cb, void *ctx) {
    must(b->n < LIMIT_BUS_LISTENERS);
    b->listeners[b->n].cb = cb;
    b->listeners[b->n].ctx = ctx;
    b->n++;
}

void bus_ignore(struct bus *b, bus_fn *cb, void *ctx) {
    for (size_t i = 0; i < b->n; i++) {
        if (b->listeners[i].cb == cb && b->listeners[i].ctx == ctx) {
            for (b->n--; i < b->n; i++) {
                b->listeners[i] = b->listeners[i + 1];
            }
            return;
        }
    }
}

void bus_post(struct bus *b, unsigned topic, const void *payload) {
    for (size_t i = 0; i < b->n; i++) {
        b->listeners[i].cb(b->listeners[i].ctx, topic, payload);
    }
}

void bus_answer(struct bus *b, bus_answer_fn *cb, void *ctx) {
    must(cb == NULL || b->answer == NULL);
    b->answer = cb;
    b->answer_ctx = ctx;
    b->asked = 0;
}

void bus_want(struct bus *b, uint32_t points) {
    must(b->answer != NULL);
    b->asked = points;
}
