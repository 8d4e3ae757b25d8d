#include "emulator/model/gnss.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "base/bus.h"
#include "emulator/model/events.h"

static struct clk *clk;
static struct bus bus;
static struct gnss g;
static unsigned posted;

static void on_bus(void *ctx, unsigned topic, const void *payload) {
    (void)ctx;
    posted += topic == TOPIC_GNSS_CHANGED && payload == &g ? 1 : 0;
}

static void start_test(void) {
    clk = clk_new_manual();
    bus_init(&bus);
    bus_listen(&bus, on_bus, NULL);
    gnss_init(&g, clk, &bus);
    posted = 0;
}

static void end_test(void) {
    gnss_fini(&g);
    bus_ignore(&bus, on_bus, NULL);
    clk_close(clk);
}

static const struct gnss_session alone = {.mode = GNSS_STANDALONE, .systems = 0x1f};

static void pass_ms(int ms) {
    clk_advance(clk, CLK_MS(ms));
}

static bool has_fix(void) {
    struct gnss_view v;
    gnss_look(&g, &v);
    cr_assert_eq(v.has_fix, g.state == GNSS_FIXED);
    return v.has_fix;
}

/* A fix takes this long, and not a millisecond less. */
static void expect_fix_after(int ms) {
    pass_ms(ms - 1);
    cr_assert(!has_fix());
    pass_ms(1);
    cr_assert(has_fix());
}

static void stop_it(void) {
    gnss_stop(&g);
    pass_ms(500);
    cr_assert_eq(g.state, GNSS_OFF);
}

static void set_clear(bool is_clear) {
    struct gnss_sky sky = gnss_sky_now(&g);
    sky.is_clear = is_clear;
    gnss_set_sky(&g, &sky);
}

Test(gnss, the_first_start_is_cold_and_later_ones_are_hot) {
    start_test();
    cr_assert_eq(gnss_start(&g, &alone), 0);
    expect_fix_after(35000);
    stop_it();
    cr_assert_eq(gnss_start(&g, &alone), 0);
    expect_fix_after(1000);
    stop_it();
    cr_assert_eq(gnss_forget(&g), 0);
    cr_assert_eq(gnss_start(&g, &alone), 0);
    expect_fix_after(35000);
    end_test();
}

Test(gnss, help_shortens_a_cold_start_down_to_a_hot_one) {
    struct gnss_session helped = alone;
    helped.is_helped = true;
    start_test();
    cr_assert_eq(gnss_start(&g, &helped), 0);
    expect_fix_after(11000);
    stop_it();
    cr_assert_eq(gnss_forget(&g), 0);
    struct gnss_sky sky = gnss_sky_now(&g);
    sky.cold = CLK_S(20);
    sky.hot = CLK_S(3);
    gnss_set_sky(&g, &sky);
    cr_assert_eq(gnss_start(&g, &helped), 0);
    expect_fix_after(3000);
    end_test();
}

Test(gnss, one_that_runs_or_stops_is_busy) {
    start_test();
    cr_assert_eq(gnss_start(&g, &alone), 0);
    cr_assert_eq(gnss_start(&g, &alone), -EBUSY);
    cr_assert_eq(gnss_forget(&g), -EBUSY);
    gnss_stop(&g);
    cr_assert_eq(g.state, GNSS_STOPPING);
    pass_ms(499);
    gnss_stop(&g); /* does not begin anew */
    cr_assert_eq(gnss_start(&g, &alone), -EBUSY);
    cr_assert_eq(gnss_forget(&g), -EBUSY);
    pass_ms(1);
    cr_assert_eq(g.state, GNSS_OFF);
    posted = 0;
    gnss_stop(&g);
    cr_assert_eq(posted, 0);
    cr_assert_eq(gnss_start(&g, &alone), 0);
    end_test();
}

Test(gnss, a_fix_is_lost_with_the_sky_and_comes_back_soon) {
    start_test();
    gnss_start(&g, &alone);
    pass_ms(35000);
    posted = 0;
    set_clear(false);
    cr_assert_eq(posted, 1);
    cr_assert_eq(g.state, GNSS_SEARCHING);
    pass_ms(3600000);
    cr_assert(!has_fix());
    set_clear(true);
    expect_fix_after(1000);
    end_test();
}

Test(gnss, a_search_begins_when_there_is_something_to_hear) {
    start_test();
    set_clear(false);
    gnss_start(&g, &alone);
    pass_ms(60000);
    set_clear(true);
    pass_ms(20000);
    set_clear(true); /* nothing new: the search goes on */
    pass_ms(14999);
    cr_assert(!has_fix());
    set_clear(false);
    set_clear(true); /* and now begins anew */
    expect_fix_after(35000);
    end_test();
}

Test(gnss, another_time_to_fix_counts_from_the_search_on) {
    start_test();
    gnss_start(&g, &alone);
    pass_ms(10000);
    struct gnss_sky sky = gnss_sky_now(&g);
    sky.cold = CLK_S(60);
    gnss_set_sky(&g, &sky);
    expect_fix_after(50000);
    stop_it();
    gnss_forget(&g);
    gnss_start(&g, &alone);
    pass_ms(10000);
    sky.cold = CLK_S(5); /* is over */
    gnss_set_sky(&g, &sky);
    cr_assert(!has_fix());
    pass_ms(0);
    cr_assert(has_fix());
    end_test();
}

Test(gnss, three_satellites_of_systems_in_use_give_a_fix_in_two_dimensions) {
    static const struct {
        unsigned gps, glonass, systems;
        bool has_fix, is_3d;
    } table[] = {
        {2, 0, 0x1f, false, false}, {3, 0, 0x1f, true, false},  {4, 0, 0x1f, true, true},
        {2, 12, 0x1f, true, true},  {2, 12, 0x1, false, false}, {1, 2, 0x3, true, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        start_test();
        struct gnss_sky sky = gnss_default_sky();
        memset(sky.satellites, 0, sizeof sky.satellites);
        sky.satellites[GNSS_GPS] = table[i].gps;
        sky.satellites[GNSS_GLONASS] = table[i].glonass;
        gnss_set_sky(&g, &sky);
        struct gnss_session session = alone;
        session.systems = table[i].systems;
        gnss_start(&g, &session);
        pass_ms(35000);
        struct gnss_view v;
        gnss_look(&g, &v);
        cr_assert_eq(v.has_fix, table[i].has_fix, "%zu", i);
        cr_assert_eq(v.is_3d, table[i].is_3d, "%zu", i);
        cr_assert_eq(v.nsats[GNSS_GLONASS], (table[i].systems & 2) != 0 ? table[i].glonass : 0);
        end_test();
    }
}

Test(gnss, satellites_have_numbers_of_their_own) {
    start_test();
    struct gnss_sky sky = gnss_default_sky();
    for (unsigned s = 0; s < GNSS_SYSTEMS; s++) {
        sky.satellites[s] = s == GNSS_QZSS ? GNSS_QZSS_SATELLITES : GNSS_SATELLITES;
    }
    gnss_set_sky(&g, &sky);
    gnss_start(&g, &alone);
    struct gnss_view v;
    gnss_look(&g, &v);
    static bool seen[400];
    for (unsigned s = 0; s < GNSS_SYSTEMS; s++) {
        for (unsigned i = 0; i < v.nsats[s]; i++) {
            const struct gnss_satellite *sat = &v.sats[s][i];
            cr_assert(!seen[sat->id], "%d", sat->id);
            seen[sat->id] = true;
            cr_assert(sat->elevation > 0 && sat->elevation < 90);
            cr_assert(sat->azimuth >= 0 && sat->azimuth < 360);
            cr_assert(sat->snr > 20 && sat->snr < 50);
        }
    }
    cr_assert(seen[193] && seen[197] && !seen[198]);
    end_test();
}

Test(gnss, too_many_satellites_are_caught, .signal = SIGABRT) {
    start_test();
    struct gnss_sky sky = gnss_default_sky();
    sky.satellites[GNSS_QZSS] = GNSS_QZSS_SATELLITES + 1;
    gnss_set_sky(&g, &sky);
}

static void expect_place(struct gnss_place p, double lat, double lon, double course) {
    cr_assert_float_eq(p.lat, lat, 1e-6, "%f", p.lat);
    cr_assert_float_eq(p.lon, lon, 1e-6, "%f", p.lon);
    cr_assert_float_eq(p.course, course, 1e-4, "%f", p.course);
}

Test(gnss, a_knot_is_a_minute_of_a_great_circle_an_hour) {
    const struct gnss_place north = {.lat = 10, .lon = 20, .speed = 60};
    expect_place(gnss_moved(north, CLK_S(3600)), 11, 20, 0);
    const struct gnss_place south = {.lat = 0.5, .lon = 20, .speed = 60, .course = 180};
    expect_place(gnss_moved(south, CLK_S(3600)), -0.5, 20, 180);
    const struct gnss_place east = {.lon = 179.5, .speed = 60, .course = 90};
    expect_place(gnss_moved(east, CLK_S(3600)), 0, -179.5, 90);
    const struct gnss_place west = {.lon = -179.5, .speed = 600, .course = 270};
    expect_place(gnss_moved(west, CLK_S(360)), 0, 179.5, 270);
    const struct gnss_place pole = {.lat = 89.5, .lon = 30, .speed = 60};
    expect_place(gnss_moved(pole, CLK_S(3600)), 89.5, -150, 180);
    /* Half way round the world, and not a number out of range for years. */
    expect_place(gnss_moved(east, CLK_S(3600 * 180)), 0, -0.5, 90);
    const struct gnss_place mad = {.lat = -90, .lon = 180, .speed = 2000, .course = 360};
    for (int day = 0; day < 3650; day++) {
        struct gnss_place p = gnss_moved(mad, CLK_S(86400LL * day));
        cr_assert(p.lat >= -90 && p.lat <= 90 && p.lon >= -180 && p.lon <= 180);
        cr_assert(p.course >= 0 && p.course <= 360);
    }
    const struct gnss_place still = {.lat = 1, .lon = 180, .course = 360};
    expect_place(gnss_moved(still, CLK_S(3600)), 1, 180, 360);
    expect_place(gnss_moved(north, CLK_S(-5)), 10, 20, 0);
}

Test(gnss, positions_are_of_whole_seconds_or_tenths) {
    start_test();
    struct gnss_sky sky = gnss_default_sky();
    sky.place = (struct gnss_place){.lat = 0, .lon = 0, .speed = 3600 * 60, .course = 90};
    sky.place.speed = 2000;
    sky.cold = CLK_MS(1500);
    gnss_set_sky(&g, &sky);
    gnss_start(&g, &alone);
    pass_ms(2990);
    struct gnss_view v;
    gnss_look(&g, &v);
    cr_assert_eq(v.date.year, 2000);
    cr_assert_eq(v.date.second, 2);
    cr_assert_eq(v.tenths, 0);
    cr_assert_float_eq(v.place.lon, 2000.0 / 60 * 2 / 3600, 1e-9);
    stop_it();
    struct gnss_session fast = alone;
    fast.is_fast = true;
    sky.hot = CLK_US(0);
    gnss_set_sky(&g, &sky);
    gnss_start(&g, &fast);
    pass_ms(250); /* 3.74 */
    gnss_look(&g, &v);
    cr_assert_eq(v.date.second, 3);
    cr_assert_eq(v.tenths, 7);
    end_test();
}

/* V3.00 17.2.1 */
Test(gnss, an_assisted_session_has_one_fix) {
    start_test();
    struct gnss_sky sky = gnss_default_sky();
    sky.place.speed = 100;
    gnss_set_sky(&g, &sky);
    const struct gnss_session assisted = {GNSS_ASSISTED, 0x1f, true, false};
    gnss_start(&g, &assisted);
    pass_ms(11000);
    struct gnss_view then, now;
    gnss_look(&g, &then);
    set_clear(false);
    pass_ms(60000);
    gnss_look(&g, &now);
    cr_assert(now.has_fix);
    cr_assert_eq(now.date.second, then.date.second);
    cr_assert_eq(now.place.lat, then.place.lat);
    cr_assert_eq(now.place.lon, then.place.lon);
    end_test();
}

Test(gnss, power_that_goes_leaves_what_it_knows) {
    start_test();
    gnss_start(&g, &alone);
    pass_ms(35000);
    gnss_cut(&g);
    cr_assert_eq(g.state, GNSS_OFF);
    cr_assert_eq(gnss_start(&g, &alone), 0);
    expect_fix_after(1000);
    gnss_stop(&g);
    gnss_cut(&g);
    posted = 0;
    pass_ms(1000);
    cr_assert_eq(posted, 0);
    end_test();
}

Test(gnss, an_assistance_file_is_good_for_a_week) {
    start_test();
    cr_assert(!gnss_has_xtra(&g));
    gnss_inject(&g);
    cr_assert(gnss_has_xtra(&g));
    clk_advance(clk, CLK_US(7LL * 86400 * 1000000 - 1));
    cr_assert(gnss_has_xtra(&g));
    clk_advance(clk, CLK_US(1));
    cr_assert(!gnss_has_xtra(&g));
    end_test();
}
