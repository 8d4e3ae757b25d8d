/* place.h: where the module is, in one system of coordinates or the other. Degrees, north and east
 * positive. Pure. */
#ifndef EMULATOR_MODEL_PLACE_H
#define EMULATOR_MODEL_PLACE_H

struct place {
    double latitude, longitude;
};

/* From WGS84 to GCJ02, which is bent in China and WGS84 elsewhere. */
struct place place_in_gcj02(const struct place *p);

#endif
