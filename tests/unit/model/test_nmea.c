/* The manual's and the application note's sentences, byte for byte, and those of a receiver without
 * a fix, which field logs have. */
#include "emulator/model/nmea.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "emulator/model/gnss.h"

static char out[8192];

static void take(void *ctx, const char *sentence) {
    (void)ctx;
    size_t n = strlen(out);
    snprintf(out + n, sizeof out - n, "%s\n", sentence);
}

static const char *sentences(const struct gnss_view *v, uint32_t mask) {
    out[0] = '\0';
    nmea_each(v, mask, take, NULL);
    return out;
}

static void add_gps(struct gnss_view *v, const struct gnss_satellite *sats, unsigned n) {
    v->nsats[GNSS_GPS] = n;
    memcpy(v->sats[GNSS_GPS], sats, n * sizeof *sats);
}

/* V3.00 17.2.16 */
static struct gnss_view example(void) {
    static const int used[] = {2, 4, 5, 10, 12, 13, 17, 23, 25, 26};
    struct gnss_view v = {
        .has_fix = true,
        .is_3d = true,
        .systems = 1u << GNSS_GPS,
        .place = {.lat = 31 + 13.320991 / 60, .lon = 121 + 21.248076 / 60, .alt = 47.5},
        .date = {2011, 12, 21, 5, 11, 47},
        .pdop = 1.4,
        .hdop = 0.8,
        .vdop = 1.2,
        .nsats[GNSS_GPS] = 10,
    };
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
        v.sats[GNSS_GPS][i].id = used[i];
    }
    return v;
}

Test(nmea, the_manuals_example_comes_out) {
    struct gnss_view v = example();
    cr_assert_str_eq(sentences(&v, NMEA_GGA | NMEA_VTG | NMEA_RMC | NMEA_GSA),
                     "$GPGGA,051147.0,3113.320991,N,12121.248076,E,1,10,0.8,47.5,M,0,M,,*45\n"
                     "$GPVTG,NaN,T,,M,0.0,N,0.0,K,A*42\n"
                     "$GPRMC,051147.0,A,3113.320991,N,12121.248076,E,0.0,0.0,211211,,,A*66\n"
                     "$GPGSA,A,3,02,04,05,10,12,13,17,23,25,26,,,1.4,0.8,1.2*3B\n");
}

/* The GNSS application note's, 4.2.1. */
Test(nmea, satellites_stand_four_to_a_sentence) {
    static const struct gnss_satellite sats[] = {
        {2, 19, 142, 20},  {8, 16, 45, 21},   {9, 19, 180, 22},  {10, 41, 63, 29},
        {15, 77, 317, 46}, {18, 9, 286, 31},  {21, 28, 315, 43}, {24, 73, 310, 47},
        {26, 53, 241, 31}, {27, 39, 158, 20}, {29, 30, 250, 41}};
    struct gnss_view v = example();
    add_gps(&v, sats, 11);
    cr_assert_str_eq(sentences(&v, NMEA_GSV),
                     "$GPGSV,3,1,11,02,19,142,20,08,16,045,21,09,19,180,22,10,41,063,29*7B\n"
                     "$GPGSV,3,2,11,15,77,317,46,18,09,286,31,21,28,315,43,24,73,310,47*7F\n"
                     "$GPGSV,3,3,11,26,53,241,31,27,39,158,20,29,30,250,41*45\n");
    v.nsats[GNSS_GPS] = 4;
    cr_assert_not_null(strstr(sentences(&v, NMEA_GSV), "$GPGSV,1,1,04,"));
    cr_assert_null(strstr(out, "GSV,1,2"));
    v.nsats[GNSS_GPS] = 0;
    cr_assert_str_eq(sentences(&v, NMEA_GSV), "$GPGSV,1,1,00*79\n");
}

/* Logs of a SIM7600NA-H and of other receivers of this maker. */
Test(nmea, without_a_fix_fields_are_empty) {
    struct gnss_view v = {.systems = 1u << GNSS_GPS | 1u << GNSS_BEIDOU};
    cr_assert_str_eq(sentences(&v, 0x101bbu | NMEA_GNS), /* all but GSV */
                     "$GPGGA,,,,,,0,,,,,,,,*66\n"
                     "$PQXFI,,,,,,,,,,*56\n"
                     "$GNGNS,,,,,,NNN,,,,,,*1D\n"
                     "$GPVTG,,T,,M,,N,,K,N*2C\n"
                     "$GPRMC,,V,,,,,,,,,,N*53\n"
                     "$GPGSA,A,1,,,,,,,,,,,,,,,*1E\n"
                     "$GNGSA,A,1,,,,,,,,,,,,,,,,*2C\n"
                     "$BDGSA,A,1,,,,,,,,,,,,,,,*0F\n");
}

Test(nmea, a_moving_one_has_its_course) {
    struct gnss_view v = example();
    v.place.speed = 8;
    v.place.course = 337.5;
    cr_assert_not_null(strstr(sentences(&v, NMEA_VTG), "$GPVTG,337.5,T,,M,8.0,N,14.8,K,A*"));
    cr_assert_not_null(strstr(sentences(&v, NMEA_RMC), ",E,8.0,337.5,211211,,,A*"));
    v.place.speed = 0.04; /* printed as 0.0 */
    cr_assert_not_null(strstr(sentences(&v, NMEA_VTG), "$GPVTG,NaN,"));
}

Test(nmea, only_what_is_asked_for_of_what_is_used_comes) {
    struct gnss_view v = example();
    cr_assert_str_eq(sentences(&v, 0), "");
    /* Reserved bits, and systems that are not used. */
    cr_assert_str_eq(sentences(&v, 1u << 9 | 0xfu << 11 | NMEA_GLONASS_GSV | NMEA_GALILEO_GSV |
                                       NMEA_ASIA_GSV | NMEA_ASIA_GSA),
                     "");
    v.systems = (1u << GNSS_SYSTEMS) - 1;
    v.nsats[GNSS_GLONASS] = 1;
    v.sats[GNSS_GLONASS][0] = (struct gnss_satellite){65, 1, 2, 3};
    cr_assert_not_null(strstr(sentences(&v, 0x3ffff), "$GLGSV,1,1,01,65,01,002,03*"));
    cr_assert_not_null(strstr(out, "$GNGSA,A,3,65,,,,,,,,,,,,1.4,0.8,1.2,2*"));
    cr_assert_not_null(strstr(out, "$GNGSA,A,1,,,,,,,,,,,,,,,,*2C\n$BDGSA")); /* no Galileo */
    cr_assert_not_null(strstr(out, "$PQGSV,1,1,00*"));
    cr_assert_not_null(strstr(out, ",E,AAN,11,0.8,47.5,0,,*"));
    cr_assert_not_null(strstr(out, "$PQXFI,051147.0,3113.320991,N,12121.248076,E,47.5,4.00,6.00,"
                                   "0.08*"));
}

Test(nmea, minutes_are_rounded_and_never_sixty) {
    static const struct {
        double lat, lon;
        const char *want;
    } table[] = {
        {0, 0, "0000.000000,N,00000.000000,E"},
        {-0.5, -179.99999999999, "0030.000000,S,18000.000000,W"},
        {90, 180, "9000.000000,N,18000.000000,E"},
        {-89.999999999999, 9.1, "9000.000000,S,00906.000000,E"},
        {31.99999999999, 1, "3200.000000,N,00100.000000,E"},
    };
    char text[NMEA_FIELDS];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct gnss_view v = {.has_fix = true, .place = {.lat = table[i].lat, .lon = table[i].lon}};
        cr_assert_str_eq(nmea_position(&v, text), table[i].want);
    }
    struct gnss_view none = {.place = {.lat = 1}};
    cr_assert_str_eq(nmea_position(&none, text), ",,,");
    cr_assert_str_eq(nmea_time(&none, text), "");
    cr_assert_str_eq(nmea_course(&none, text), "");
}

/* The longest fields there can be fit. */
Test(nmea, sentences_of_the_widest_values_fit) {
    struct gnss_view v = example();
    v.systems = (1u << GNSS_SYSTEMS) - 1;
    v.place = (struct gnss_place){-89.5, -179.5, -50000, 2000, 359.9};
    v.hdop = v.vdop = v.pdop = 8.0 / 3;
    for (unsigned s = 0; s < GNSS_SYSTEMS; s++) {
        v.nsats[s] = GNSS_SATELLITES;
        for (unsigned i = 0; i < GNSS_SATELLITES; i++) {
            v.sats[s][i] = (struct gnss_satellite){336, 89, 359, 43.75};
        }
    }
    sentences(&v, 0x3ffff);
    cr_assert_not_null(strstr(out, "$GNGSA,A,3,336,336,"));
    cr_assert_not_null(strstr(out, ",2000.0,359.9,211211,,,A*"));
}
