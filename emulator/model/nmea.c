#include "emulator/model/nmea.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/obj.h"
#include "emulator/model/gnss.h"

/* Of one satellite's distance, in metres; speeds in knots (guess). */
static const double range_error = 5, speed_error = 0.1;
static const double km_h = 1.852; /* of a knot */
static const double still = 0.05; /* slower than this is printed as 0.0 */

struct out {
    nmea_line_fn *cb;
    void *ctx;
};

struct sentence {
    char text[NMEA_TEXT];
    size_t n;
};

/* -- fields -- */

/* Whole degrees and minutes, rounded in the last of six digits. */
static int put_angle(char *to, size_t size, double degrees, int width, const char letters[2]) {
    enum { MICRO = 1000000, DEGREE = 60 * MICRO };
    long long u = llround(fabs(degrees) * DEGREE);
    return snprintf(to, size, "%0*lld%02lld.%06lld,%c", width, u / DEGREE, u % DEGREE / MICRO,
                    u % MICRO, letters[degrees < 0 ? 1 : 0]);
}

const char *nmea_position(const struct gnss_view *v, char to[NMEA_FIELDS]) {
    if (!v->has_fix) {
        snprintf(to, NMEA_FIELDS, ",,,");
        return to;
    }
    int n = put_angle(to, NMEA_FIELDS, v->place.lat, 2, "NS");
    n += snprintf(to + n, NMEA_FIELDS - (size_t)n, ",");
    put_angle(to + n, NMEA_FIELDS - (size_t)n, v->place.lon, 3, "EW");
    return to;
}

const char *nmea_time(const struct gnss_view *v, char to[NMEA_FIELDS]) {
    to[0] = '\0';
    if (v->has_fix) {
        snprintf(to, NMEA_FIELDS, "%02d%02d%02d.%d", v->date.hour, v->date.minute, v->date.second,
                 v->tenths);
    }
    return to;
}

const char *nmea_course(const struct gnss_view *v, char to[NMEA_FIELDS]) {
    to[0] = '\0';
    if (v->has_fix && v->place.speed >= still) {
        snprintf(to, NMEA_FIELDS, "%.1f", v->place.course);
    }
    return to;
}

/* -- sentences -- */

__attribute__((format(printf, 2, 3))) static void add(struct sentence *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(s->text + s->n, sizeof s->text - s->n, fmt, ap);
    va_end(ap);
    must(n >= 0 && s->n + (size_t)n < sizeof s->text);
    s->n += (size_t)n;
}

static void end(struct sentence *s, const struct out *out) {
    unsigned sum = 0;
    for (size_t i = 1; i < s->n; i++) {
        sum ^= (unsigned char)s->text[i];
    }
    add(s, "*%02X", sum);
    out->cb(out->ctx, s->text);
}

static void put_gsv(const struct gnss_view *v, const char *talker, enum gnss_system system,
                    const struct out *out) {
    enum { EACH = 4 };
    unsigned n = v->nsats[system];
    unsigned total = n > 0 ? (n + EACH - 1) / EACH : 1;
    for (unsigned k = 0; k < total; k++) {
        struct sentence s = {.n = 0};
        add(&s, "$%sGSV,%u,%u,%02u", talker, total, k + 1, n);
        for (unsigned i = k * EACH; i < n && i < (k + 1) * EACH; i++) {
            const struct gnss_satellite *sat = &v->sats[system][i];
            add(&s, ",%02d,%02d,%03d,%02.0f", sat->id, sat->elevation, sat->azimuth, sat->snr);
        }
        end(&s, out);
    }
}

/* `number` is the system's in NMEA 4.11; 0: the sentence has none. */
static void put_gsa(const struct gnss_view *v, const char *talker, enum gnss_system system,
                    int number, const struct out *out) {
    struct sentence s = {.n = 0};
    bool is_used = v->has_fix && v->nsats[system] > 0;
    add(&s, "$%sGSA,A,%d", talker, !is_used ? 1 : v->is_3d ? 3 : 2);
    for (unsigned i = 0; i < GNSS_SATELLITES; i++) {
        if (is_used && i < v->nsats[system]) {
            add(&s, ",%02d", v->sats[system][i].id);
        } else {
            add(&s, ",");
        }
    }
    if (is_used) {
        add(&s, ",%.1f,%.1f,%.1f", v->pdop, v->hdop, v->vdop);
    } else {
        add(&s, ",,,");
    }
    if (number > 0 && is_used) {
        add(&s, ",%d", number);
    } else if (number > 0) {
        add(&s, ",");
    }
    end(&s, out);
}

static void put_gga(const struct gnss_view *v, const struct out *out) {
    struct sentence s = {.n = 0};
    char time[NMEA_FIELDS], position[NMEA_FIELDS];
    add(&s, "$GPGGA,%s,%s,", nmea_time(v, time), nmea_position(v, position));
    if (v->has_fix) {
        add(&s, "1,%02u,%.1f,%.1f,M,0,M,,", v->nsats[GNSS_GPS], v->hdop, v->place.alt);
    } else {
        add(&s, "0,,,,,,,,");
    }
    end(&s, out);
}

static void put_xfi(const struct gnss_view *v, const struct out *out) {
    struct sentence s = {.n = 0};
    char time[NMEA_FIELDS], position[NMEA_FIELDS];
    add(&s, "$PQXFI,%s,%s,", nmea_time(v, time), nmea_position(v, position));
    if (v->has_fix) {
        add(&s, "%.1f,%.2f,%.2f,%.2f", v->place.alt, range_error * v->hdop, range_error * v->vdop,
            speed_error * v->hdop);
    } else {
        add(&s, ",,,,");
    }
    end(&s, out);
}

/* A letter each for GPS, GLONASS and Galileo (V3.00 17.2.8). */
static void put_gns(const struct gnss_view *v, const struct out *out) {
    static const enum gnss_system of[] = {GNSS_GPS, GNSS_GLONASS, GNSS_GALILEO};
    struct sentence s = {.n = 0};
    char time[NMEA_FIELDS], position[NMEA_FIELDS];
    unsigned n = 0;
    add(&s, "$GNGNS,%s,%s,", nmea_time(v, time), nmea_position(v, position));
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        n += v->nsats[of[i]];
        add(&s, "%c", v->has_fix && v->nsats[of[i]] > 0 ? 'A' : 'N');
    }
    if (v->has_fix) {
        add(&s, ",%02u,%.1f,%.1f,0,,", n, v->hdop, v->place.alt);
    } else {
        add(&s, ",,,,,,");
    }
    end(&s, out);
}

static void put_vtg(const struct gnss_view *v, const struct out *out) {
    struct sentence s = {.n = 0};
    char course[NMEA_FIELDS];
    if (v->has_fix) {
        const char *text = nmea_course(v, course);
        add(&s, "$GPVTG,%s,T,,M,%.1f,N,%.1f,K,A", *text != '\0' ? text : "NaN", v->place.speed,
            v->place.speed * km_h);
    } else {
        add(&s, "$GPVTG,,T,,M,,N,,K,N");
    }
    end(&s, out);
}

static void put_rmc(const struct gnss_view *v, const struct out *out) {
    struct sentence s = {.n = 0};
    char time[NMEA_FIELDS], position[NMEA_FIELDS], course[NMEA_FIELDS];
    if (v->has_fix) {
        const char *text = nmea_course(v, course);
        add(&s, "$GPRMC,%s,A,%s,%.1f,%s,%02d%02d%02d,,,A", nmea_time(v, time),
            nmea_position(v, position), v->place.speed, *text != '\0' ? text : "0.0", v->date.day,
            v->date.month, v->date.year % 100);
    } else {
        add(&s, "$GPRMC,,V,,,,,,,,,,N");
    }
    end(&s, out);
}

/* Sentences that one bit chooses for each system that is used. */
struct each_system {
    uint32_t bit;
    const char *talker;
    enum gnss_system system;
    int number;
};

static const struct each_system gsvs[] = {
    {NMEA_GSV, "GP", GNSS_GPS, 0},
    {NMEA_GLONASS_GSV, "GL", GNSS_GLONASS, 0},
    {NMEA_GALILEO_GSV, "GA", GNSS_GALILEO, 0},
    {NMEA_ASIA_GSV, "BD", GNSS_BEIDOU, 0},
    {NMEA_ASIA_GSV, "PQ", GNSS_QZSS, 0},
};

static const struct each_system gsas[] = {
    {NMEA_GSA, "GP", GNSS_GPS, 0},         {NMEA_GN_GSA, "GN", GNSS_GPS, 1},
    {NMEA_GN_GSA, "GN", GNSS_GLONASS, 2},  {NMEA_GN_GSA, "GN", GNSS_GALILEO, 3},
    {NMEA_ASIA_GSA, "BD", GNSS_BEIDOU, 0}, {NMEA_ASIA_GSA, "PQ", GNSS_QZSS, 0},
};

static bool is_wanted(const struct gnss_view *v, uint32_t mask, const struct each_system *e) {
    return (mask & e->bit) != 0 && (v->systems & 1u << e->system) != 0;
}

void nmea_each(const struct gnss_view *v, uint32_t mask, nmea_line_fn *cb, void *ctx) {
    static const struct {
        uint32_t bit;
        void (*put)(const struct gnss_view *v, const struct out *out);
    } singles[] = {{NMEA_GGA, put_gga},
                   {NMEA_XFI, put_xfi},
                   {NMEA_GNS, put_gns},
                   {NMEA_VTG, put_vtg},
                   {NMEA_RMC, put_rmc}};
    const struct out out = {cb, ctx};
    for (size_t i = 0; i < sizeof gsvs / sizeof gsvs[0]; i++) {
        if (is_wanted(v, mask, &gsvs[i])) {
            put_gsv(v, gsvs[i].talker, gsvs[i].system, &out);
        }
    }
    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++) {
        if ((mask & singles[i].bit) != 0) {
            singles[i].put(v, &out);
        }
    }
    for (size_t i = 0; i < sizeof gsas / sizeof gsas[0]; i++) {
        if (is_wanted(v, mask, &gsas[i])) {
            put_gsa(v, gsas[i].talker, gsas[i].system, gsas[i].number, &out);
        }
    }
}
