#include "emulator/model/place.h"

#include <math.h>
#include <stdbool.h>

/* The manual's example (V3.00 18.2.3). */
static const double pi = 3.14159265358979323846;

static double wave(double amplitude, double of) {
    return amplitude * sin(of * pi) * 2 / 3;
}

static bool is_bent(const struct place *p) {
    return p->longitude >= 72.004 && p->longitude <= 137.8347 && p->latitude >= 0.8293 &&
           p->latitude <= 55.8271;
}

/* No standard of it was published; these are the numbers that all converters have, metres on the
 * Krasovsky ellipsoid from 35 N, 105 E. */
struct place place_in_gcj02(const struct place *p) {
    static const double radius = 6378245.0;
    static const double flatness = 0.00669342162296594323;
    if (!is_bent(p)) {
        return *p;
    }
    double x = p->longitude - 105;
    double y = p->latitude - 35;
    double both = wave(20, 6 * x) + wave(20, 2 * x) + 0.1 * x * y;
    double north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.2 * sqrt(fabs(x)) + both + wave(20, y) +
                   wave(40, y / 3) + wave(160, y / 12) + wave(320, y / 30);
    double east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * sqrt(fabs(x)) + both + wave(20, x) +
                  wave(40, x / 3) + wave(150, x / 12) + wave(300, x / 30);
    double angle = p->latitude * pi / 180;
    double bend = 1 - flatness * sin(angle) * sin(angle);
    double degree = radius / sqrt(bend) * pi / 180;
    return (struct place){
        .latitude = p->latitude + north / (degree * (1 - flatness) / bend),
        .longitude = p->longitude + east / (degree * cos(angle)),
    };
}
