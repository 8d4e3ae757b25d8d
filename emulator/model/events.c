#include "emulator/model/events.h"

const char *topic_name(enum topic t) {
    static const char *const names[] = {
#define TOPIC(id, name, payload) [id] = (name),
#include "emulator/bus_points.def"
    };
    return names[t];
}

const char *ask_name(enum ask a) {
    static const char *const names[] = {
#define ASK(id, name, payload) [id] = (name),
#include "emulator/bus_points.def"
    };
    return names[a];
}
