#include "emulator/model/gnss.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "base/bus.h"
#include "base/obj.h"
#include "emulator/model/events.h"

enum {
    FIX_2D = 3, /* satellites */
    FIX_3D = 4,
    /* An immediate start behind AT+CGPS=0 was refused, one a second later not (log of a
     * SIM7600NA-H); the moment between is a guess. */
    STOPPING_MS = 500,
    /* Under open sky (guess: what receivers of this class promise). */
    COLD_S = 35,
    HOT_S = 1,
    /* What help saves of a cold start: the application note has 18 to 30 s. */
    HELP_S = 24,
    XTRA_DAYS = 7,
    DAY_S = 86400,
    SECOND_US = 1000000,
    TENTH_US = 100000,
};

static const double degree = 3.14159265358979323846 / 180;

void gnss_init(struct gnss *g, struct clk *clk, struct bus *bus) {
    *g = (struct gnss){.magic = GNSS_MAGIC,
                       .clk = clk,
                       .bus = bus,
                       .sky = gnss_default_sky(),
                       .since = clk_wall_now(clk),
                       .session = {.mode = GNSS_STANDALONE}};
}

void gnss_fini(struct gnss *g) {
    CHECK_OBJ(g, GNSS_MAGIC);
    clk_stop(g->clk, &g->next);
    OBJ_FINI(g);
}

/* Place and counts of the example in V3.00 17.2.21; it counts no Galileo and no QZSS (guess). */
struct gnss_sky gnss_default_sky(void) {
    return (struct gnss_sky){
        .is_clear = true,
        .satellites = {[GNSS_GPS] = 9, [GNSS_GLONASS] = 5, [GNSS_GALILEO] = 4, [GNSS_QZSS] = 1},
        .cold = CLK_S(COLD_S),
        .hot = CLK_S(HOT_S),
        .place = {.lat = 31 + 13.330650 / 60, .lon = 121 + 21.262554 / 60, .alt = 32.9},
    };
}

/* -- movement -- */

static double turned(double degrees) {
    double d = fmod(degrees, 360);
    return d < 0 ? d + 360 : d;
}

/* A sphere on which a sea mile is a minute. */
struct gnss_place gnss_moved(struct gnss_place from, clk_dur after) {
    double way = from.speed * (double)after.us / SECOND_US / 3600 / 60 * degree;
    if (way <= 0) {
        return from;
    }
    double lat = from.lat * degree;
    double course = from.course * degree;
    double up = sin(lat) * cos(way) + cos(lat) * sin(way) * cos(course);
    double east = sin(course) * sin(way) * cos(lat);
    struct gnss_place to = from;
    to.lat = asin(fmax(-1, fmin(1, up))) / degree;
    to.lon = turned(from.lon + atan2(east, cos(way) - sin(lat) * up) / degree + 180) - 180;
    to.course = turned(
        atan2(sin(course) * cos(lat), cos(lat) * cos(way) * cos(course) - sin(lat) * sin(way)) /
        degree);
    return to;
}

static struct gnss_place place_at(const struct gnss *g, clk_wall when) {
    return gnss_moved(g->sky.place, CLK_US(when.us - g->since.us));
}

/* -- the receiver -- */

static unsigned heard(const struct gnss *g) {
    unsigned n = 0;
    for (unsigned s = 0; s < GNSS_SYSTEMS; s++) {
        n += (g->session.systems & 1u << s) != 0 ? g->sky.satellites[s] : 0;
    }
    return g->sky.is_clear ? n : 0;
}

static void set_state(struct gnss *g, enum gnss_state state) {
    if (g->state != state) {
        g->state = state;
        bus_post(g->bus, TOPIC_GNSS_CHANGED, g);
    }
}

static void on_fix(void *ctx) {
    struct gnss *g;
    CAST_OBJ(g, ctx, GNSS_MAGIC);
    g->has_data = true;
    g->fixed = clk_wall_now(g->clk);
    g->fixed_place = place_at(g, g->fixed);
    set_state(g, GNSS_FIXED);
}

static clk_dur time_to_fix(const struct gnss *g) {
    int64_t us = g->has_data ? g->sky.hot.us : g->sky.cold.us;
    if (!g->has_data && g->session.is_helped) {
        int64_t helped = us - CLK_S(HELP_S).us;
        us = helped > g->sky.hot.us ? helped : g->sky.hot.us;
    }
    return CLK_US(us);
}

/* What satellites and time make of a receiver that runs. */
static void update(struct gnss *g) {
    bool is_done = g->state == GNSS_FIXED && g->session.mode == GNSS_ASSISTED;
    if ((g->state != GNSS_SEARCHING && g->state != GNSS_FIXED) || is_done) {
        return;
    }
    if (heard(g) < FIX_2D) {
        clk_stop(g->clk, &g->next);
        set_state(g, GNSS_SEARCHING);
    } else if (g->state == GNSS_SEARCHING) {
        if (!clk_pending(&g->next)) {
            g->search = clk_now(g->clk);
        }
        clk_dur left = CLK_US(time_to_fix(g).us - clk_since(g->clk, g->search).us);
        clk_start(g->clk, &g->next, left, on_fix, g);
    }
}

void gnss_set_sky(struct gnss *g, const struct gnss_sky *sky) {
    CHECK_OBJ(g, GNSS_MAGIC);
    for (unsigned s = 0; s < GNSS_SYSTEMS; s++) {
        must(sky->satellites[s] <= (s == GNSS_QZSS ? GNSS_QZSS_SATELLITES : GNSS_SATELLITES));
    }
    enum gnss_state was = g->state;
    g->sky = *sky;
    g->since = clk_wall_now(g->clk);
    update(g);
    if (g->state == was) {
        bus_post(g->bus, TOPIC_GNSS_CHANGED, g);
    }
}

struct gnss_sky gnss_sky_now(const struct gnss *g) {
    CHECK_OBJ(g, GNSS_MAGIC);
    struct gnss_sky sky = g->sky;
    sky.place = place_at(g, clk_wall_now(g->clk));
    return sky;
}

int gnss_start(struct gnss *g, const struct gnss_session *session) {
    CHECK_OBJ(g, GNSS_MAGIC);
    if (g->state != GNSS_OFF) {
        return -EBUSY;
    }
    g->session = *session;
    set_state(g, GNSS_SEARCHING);
    update(g);
    return 0;
}

static void on_stopped(void *ctx) {
    struct gnss *g;
    CAST_OBJ(g, ctx, GNSS_MAGIC);
    set_state(g, GNSS_OFF);
}

void gnss_stop(struct gnss *g) {
    CHECK_OBJ(g, GNSS_MAGIC);
    if (g->state == GNSS_SEARCHING || g->state == GNSS_FIXED) {
        clk_start(g->clk, &g->next, CLK_MS(STOPPING_MS), on_stopped, g);
        set_state(g, GNSS_STOPPING);
    }
}

void gnss_cut(struct gnss *g) {
    CHECK_OBJ(g, GNSS_MAGIC);
    clk_stop(g->clk, &g->next);
    set_state(g, GNSS_OFF);
}

int gnss_forget(struct gnss *g) {
    CHECK_OBJ(g, GNSS_MAGIC);
    if (g->state != GNSS_OFF) {
        return -EBUSY;
    }
    g->has_data = false;
    return 0;
}

void gnss_inject(struct gnss *g) {
    CHECK_OBJ(g, GNSS_MAGIC);
    g->has_xtra = true;
    g->xtra_from = clk_wall_now(g->clk);
}

bool gnss_has_xtra(const struct gnss *g) {
    CHECK_OBJ(g, GNSS_MAGIC);
    return g->has_xtra && clk_wall_now(g->clk).us - g->xtra_from.us < CLK_S(XTRA_DAYS * DAY_S).us;
}

/* -- what it knows -- */

/* Where a system's satellites stand is the same at every place and hour: nobody computes orbits
 * here. The numbers are those that the examples print (V3.00 17.2.11). */
static void look_at(const struct gnss *g, enum gnss_system system, struct gnss_view *v) {
    static const struct {
        int first, count;
    } ids[GNSS_SYSTEMS] = {[GNSS_GPS] = {1, 32},
                           [GNSS_GLONASS] = {65, 24},
                           [GNSS_GALILEO] = {301, 36},
                           [GNSS_BEIDOU] = {201, 37},
                           [GNSS_QZSS] = {193, GNSS_QZSS_SATELLITES}};
    v->nsats[system] = g->sky.satellites[system];
    for (unsigned i = 0; i < v->nsats[system]; i++) {
        struct gnss_satellite *sat = &v->sats[system][i];
        int n = (int)i;
        int other = (int)system;
        sat->id = ids[system].first + (7 * n + 3) % ids[system].count;
        sat->elevation = 10 + (29 * n + 13 * other) % 75;
        sat->azimuth = (97 * n + 41 * other) % 360;
        sat->snr = 22 + sat->elevation / 4.0;
    }
}

/* The example of V3.00 17.2.16 has 1.4, 0.8 and 1.2 with 10 satellites; how it goes with their
 * number is a guess. */
static void look_at_fix(const struct gnss *g, struct gnss_view *v) {
    bool is_over = g->session.mode == GNSS_ASSISTED;
    clk_wall when = is_over ? g->fixed : clk_wall_now(g->clk);
    int64_t step = g->session.is_fast ? TENTH_US : SECOND_US;
    when.us -= when.us % step;
    v->has_fix = true;
    v->date = rtc_date_of(when.us / SECOND_US);
    v->tenths = (int)(when.us % SECOND_US / TENTH_US);
    v->place = is_over ? g->fixed_place : place_at(g, when);
    unsigned n = heard(g);
    v->is_3d = n >= FIX_3D;
    v->hdop = fmax(0.5, 8.0 / (n > 0 ? n : FIX_2D));
    v->vdop = 1.5 * v->hdop;
    v->pdop = hypot(v->hdop, v->vdop);
}

void gnss_look(const struct gnss *g, struct gnss_view *v) {
    CHECK_OBJ(g, GNSS_MAGIC);
    *v = (struct gnss_view){.systems = g->session.systems};
    bool is_running = g->state == GNSS_SEARCHING || g->state == GNSS_FIXED;
    for (unsigned s = 0; s < GNSS_SYSTEMS; s++) {
        if (is_running && g->sky.is_clear && (g->session.systems & 1u << s) != 0) {
            look_at(g, (enum gnss_system)s, v);
        }
    }
    if (g->state == GNSS_FIXED) {
        look_at_fix(g, v);
    }
}
