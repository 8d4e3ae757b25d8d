/* nmea.h: what a receiver knows as NMEA 0183 sentences. Pure.
 *
 * In the form and the order of the example in V3.00 17.2.16. Without a fix they have empty fields,
 * as Qualcomm's receivers print them (logs of a SIM7600NA-H and of others).
 */
#ifndef EMULATOR_MODEL_NMEA_H
#define EMULATOR_MODEL_NMEA_H

#include <stddef.h>
#include <stdint.h>

struct gnss_view;

/* The bits of AT+CGPSNMEA and AT+CGPSINFOCFG (V3.00 17.2.8); the others are reserved. */
enum {
    NMEA_GGA = 1 << 0,
    NMEA_RMC = 1 << 1,
    NMEA_GSV = 1 << 2,
    NMEA_GSA = 1 << 3,
    NMEA_VTG = 1 << 4,
    NMEA_XFI = 1 << 5,
    NMEA_GLONASS_GSV = 1 << 6,
    NMEA_GN_GSA = 1 << 7,
    NMEA_GNS = 1 << 8,
    NMEA_GALILEO_GSV = 1 << 10,
    NMEA_ASIA_GSA = 1 << 16, /* BeiDou and QZSS */
    NMEA_ASIA_GSV = 1 << 17,
};

enum { NMEA_TEXT = 96, NMEA_FIELDS = 32 };

typedef void nmea_line_fn(void *ctx, const char *sentence);

/* Each sentence of the mask, "$GPGGA,...*45", without CR LF. */
void nmea_each(const struct gnss_view *v, uint32_t mask, nmea_line_fn *cb, void *ctx);

/* "3113.320991,N,12121.248076,E"; "135325.0". Empty fields without a fix. */
const char *nmea_position(const struct gnss_view *v, char to[NMEA_FIELDS]);
const char *nmea_time(const struct gnss_view *v, char to[NMEA_FIELDS]);
/* "337.5"; who stands still has none. */
const char *nmea_course(const struct gnss_view *v, char to[NMEA_FIELDS]);

#endif
