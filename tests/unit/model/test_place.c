#include "emulator/model/place.h"

#include <criterion/criterion.h>
#include <math.h>

/* Known pairs: Beijing, Shanghai, Shenzhen; and three places where nothing is bent. */
Test(place, gcj02_is_bent_in_china_only) {
    static const struct {
        double latitude, longitude, bent_latitude, bent_longitude;
    } cases[] = {
        {39.911954, 116.377817, 39.9133454, 116.3840472},
        {31.1774276, 121.5272106, 31.1753040, 121.5315419},
        {22.543847, 113.912316, 22.5407961, 113.9171765},
        {52.52, 13.405, 52.52, 13.405},
        {-33.8567844, 151.2152967, -33.8567844, 151.2152967},
        {56.0, 110.0, 56.0, 110.0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct place p = {cases[i].latitude, cases[i].longitude};
        struct place bent = place_in_gcj02(&p);
        cr_assert_lt(fabs(bent.latitude - cases[i].bent_latitude), 1e-6, "%zu", i);
        cr_assert_lt(fabs(bent.longitude - cases[i].bent_longitude), 1e-6, "%zu", i);
    }
}
