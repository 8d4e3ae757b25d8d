/* gnss.h: the satellite receiver, and what it hears: sky, place and movement of the module.
 *
 * The outside sets the sky and the place; from there the module moves by itself, on a great circle.
 * The receiver is started and stopped by commands; how it stands, and a new sky, is posted
 * (TOPIC_GNSS_CHANGED). Caller's memory. Borrows: clock and bus, until gnss_fini.
 * Units: degrees, north and east positive; metres above the sea; knots; UTC.
 */
#ifndef EMULATOR_MODEL_GNSS_H
#define EMULATOR_MODEL_GNSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"
#include "emulator/model/rtc.h"

struct bus;

enum gnss_system {
    GNSS_GPS,
    GNSS_GLONASS,
    GNSS_GALILEO,
    GNSS_BEIDOU,
    GNSS_QZSS,
    GNSS_SYSTEMS,
};
enum {
    GNSS_SATELLITES = 12, /* of one system: V3.00 17.2.21 */
    GNSS_QZSS_SATELLITES = 5,
};

struct gnss_place {
    double lat, lon, alt;
    double speed;  /* over ground */
    double course; /* clockwise from north, 0 to 360 */
};

/* What the outside decides. */
struct gnss_sky {
    bool is_clear;                     /* else nothing is heard */
    unsigned satellites[GNSS_SYSTEMS]; /* above the horizon, at most GNSS_SATELLITES */
    clk_dur cold, hot;                 /* from the start, or the first sight, to the fix */
    struct gnss_place place;
};

enum gnss_state { GNSS_OFF, GNSS_STOPPING, GNSS_SEARCHING, GNSS_FIXED };

enum gnss_mode { GNSS_STANDALONE = 1, GNSS_BASED = 2, GNSS_ASSISTED = 3 }; /* V3.00 17.2.1 */

struct gnss_session {
    enum gnss_mode mode; /* GNSS_ASSISTED has one fix, which stays */
    unsigned systems;    /* 1 << enum gnss_system: those that are used */
    bool is_helped;      /* a server gives what a cold start would have to receive */
    bool is_fast;        /* ten positions a second instead of one */
};

struct gnss {
    uint32_t magic;
#define GNSS_MAGIC 0x6a55f1c5u
    struct clk *clk;
    struct bus *bus;
    struct gnss_sky sky;
    clk_wall since; /* when it was at sky.place */
    enum gnss_state state;
    struct gnss_session session; /* the newest */
    bool has_data;               /* of an earlier fix: the next start is a hot one */
    bool has_xtra;
    clk_wall xtra_from; /* when the assistance file came */
    clk_mono search;    /* since when satellites are heard and there is no fix */
    clk_wall fixed;     /* the newest first fix after a search */
    struct gnss_place fixed_place;
    struct clk_timer next; /* the fix, or the end of stopping */
};

struct gnss_satellite {
    int id;                 /* as NMEA sentences number them */
    int elevation, azimuth; /* degrees */
    double snr;             /* dB-Hz */
};

/* What the receiver knows. */
struct gnss_view {
    bool has_fix;
    bool is_3d;
    unsigned systems;
    unsigned nsats[GNSS_SYSTEMS]; /* heard; with a fix all of them are used */
    struct gnss_satellite sats[GNSS_SYSTEMS][GNSS_SATELLITES];
    /* Only with a fix: */
    struct gnss_place place;
    struct rtc_date date;
    int tenths; /* of its second */
    double pdop, hdop, vdop;
};

void gnss_init(struct gnss *g, struct clk *clk, struct bus *bus);
void gnss_fini(struct gnss *g);

/* The sky of the start: clear, the place of the manual's example. */
struct gnss_sky gnss_default_sky(void);
/* The place counts from now on. */
void gnss_set_sky(struct gnss *g, const struct gnss_sky *sky);
struct gnss_sky gnss_sky_now(const struct gnss *g); /* with the place where it is by now */

/* Where it is so long after it was at `from`. */
struct gnss_place gnss_moved(struct gnss_place from, clk_dur after);

/* -EBUSY: it runs, or still stops. */
int gnss_start(struct gnss *g, const struct gnss_session *session);
void gnss_stop(struct gnss *g);   /* takes a moment; off already: nothing happens */
void gnss_cut(struct gnss *g);    /* the module has no power any more; what it knows stays */
int gnss_forget(struct gnss *g);  /* the next start is a cold one; -EBUSY: it is not off */
void gnss_inject(struct gnss *g); /* a new assistance file */
bool gnss_has_xtra(const struct gnss *g); /* one that is still valid */

void gnss_look(const struct gnss *g, struct gnss_view *v);

#endif
