/* place.h: where the module is, as its network knows it. Caller's memory. Degrees, north and east
 * positive. */
#ifndef EMULATOR_MODEL_PLACE_H
#define EMULATOR_MODEL_PLACE_H

#include <stdbool.h>

struct place {
    bool is_known;
    double latitude, longitude; /* WGS84 */
};

void place_init(struct place *p);
/* In GCJ02, which is bent in China and WGS84 elsewhere. */
struct place place_in_gcj02(const struct place *p);

#endif
