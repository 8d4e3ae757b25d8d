/* act_module.c: what happens to the module itself: power, card, cell. */
#include <cjson/cJSON.h>
#include <string.h>

#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "scenarios/engine/action_priv.h"
#include "scenarios/events/words.h"

static struct modem *modem_of(struct stage *st) {
    return stage_world(st)->modem;
}

static const struct spec time_spec = {.type = SPEC_DURATION, .hi = 86400};
static const struct spec flag_spec = {.type = SPEC_BOOL};

/* -- power -- */

static const char *const power_words[] = {"off", "on", NULL};
const struct spec power_spec = {.type = SPEC_WORD, .words = power_words};

int act_power(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    if (strcmp(value->valuestring, "off") == 0) {
        modem_power_off(modem_of(st), false);
    } else {
        modem_power_on(modem_of(st));
    }
    return 0;
}

static const struct spec_key restart_keys[] = {
    {"off", &time_spec, "How long it is off (1s).", 0},
    {0},
};
static const struct spec restart_object_spec = {.type = SPEC_OBJECT, .keys = restart_keys};
static const struct spec *const restart_choices[] = {&flag_spec, &restart_object_spec, NULL};
const struct spec restart_spec = {
    .type = SPEC_CHOICE, .name = "restart", .choices = restart_choices};

int act_restart(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    clk_dur off = cJSON_IsObject(value) ? spec_dur(value, "off", CLK_S(1)) : CLK_S(1);
    if (!cJSON_IsFalse(value)) {
        modem_restart(modem_of(st), off, false);
    }
    return 0;
}

int act_hang(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    modem_set_hung(modem_of(st), cJSON_IsTrue(value) != 0);
    return 0;
}

/* -- card -- */

const struct spec sim_state_spec = {.type = SPEC_WORD, .words = words_sim};

int act_sim(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    modem_set_sim(modem_of(st), (enum sim_state)words_index(words_sim, value->valuestring));
    return 0;
}

/* -- signal -- */

static const struct spec rssi_spec = {.type = SPEC_INT, .lo = 0, .hi = 199};
static const struct spec ber_spec = {.type = SPEC_INT, .lo = 0, .hi = 99};
static const struct spec_key signal_keys[] = {
    {"rssi", &rssi_spec, "0-31, 99: not known (V3.00 3.2.8).", SPEC_REQUIRED},
    {"ber", &ber_spec, "0-7, 99: not known (as it was).", 0},
    {0},
};
const struct spec signal_spec = {.type = SPEC_OBJECT, .name = "a signal", .keys = signal_keys};

int act_signal(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    struct modem *m = modem_of(st);
    modem_set_signal(m, spec_int(value, "rssi", 99), spec_int(value, "ber", m->reg.ber));
    return 0;
}

static const struct spec level_spec = {.type = SPEC_INT, .lo = 0, .hi = 31};
static const struct spec_key fade_keys[] = {
    {"rssi", &level_spec, "Where it ends.", SPEC_REQUIRED},
    {"over", &time_spec, "How long it takes.", SPEC_REQUIRED},
    {0},
};
const struct spec fade_spec = {.type = SPEC_OBJECT, .name = "a fading", .keys = fade_keys};

int act_fade(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    stage_fade(st, spec_int(value, "rssi", 0), spec_dur(value, "over", CLK_S(1)));
    return 0;
}

/* -- registration -- */

const struct spec registration_spec = {.type = SPEC_WORD, .words = words_registration};

int act_registration(struct stage *st, const struct cJSON *value, struct decision *d,
                     const char **why) {
    (void)d;
    (void)why;
    modem_set_registration(modem_of(st), words_to_registration(value->valuestring));
    return 0;
}

int act_attached(struct stage *st, const struct cJSON *value, struct decision *d,
                 const char **why) {
    (void)d;
    (void)why;
    modem_set_attached(modem_of(st), cJSON_IsTrue(value) != 0);
    return 0;
}

const struct spec technology_spec = {.type = SPEC_WORD, .words = words_technology};

int act_technology(struct stage *st, const struct cJSON *value, struct decision *d,
                   const char **why) {
    (void)d;
    (void)why;
    modem_set_tech(modem_of(st),
                   (enum profile_tech)words_index(words_technology, value->valuestring));
    return 0;
}

int act_voice_call(struct stage *st, const struct cJSON *value, struct decision *d,
                   const char **why) {
    (void)d;
    (void)why;
    modem_set_voice_call(modem_of(st), cJSON_IsTrue(value) != 0);
    return 0;
}

/* -- satellites -- */

static const struct spec satellites_spec = {.type = SPEC_INT, .hi = GNSS_SATELLITES};
static const struct spec few_spec = {.type = SPEC_INT, .hi = GNSS_QZSS_SATELLITES};
static const struct spec_key system_keys[] = {
    {"gps", &satellites_spec, "9 if nothing is said.", 0},
    {"glonass", &satellites_spec, "5 if nothing is said.", 0},
    {"galileo", &satellites_spec, "4 if nothing is said.", 0},
    {"beidou", &satellites_spec, "None if nothing is said.", 0},
    {"qzss", &few_spec, "1 if nothing is said.", 0},
    {0},
};
static const struct spec systems_spec = {
    .type = SPEC_OBJECT, .name = "satellites", .keys = system_keys};
static const struct spec lat_spec = {.type = SPEC_NUMBER, .lo = -90, .hi = 90};
static const struct spec lon_spec = {.type = SPEC_NUMBER, .lo = -180, .hi = 180};
static const struct spec alt_spec = {.type = SPEC_NUMBER, .lo = -500, .hi = 50000};
static const struct spec speed_spec = {.type = SPEC_NUMBER, .lo = 0, .hi = 2000};
static const struct spec course_spec = {.type = SPEC_NUMBER, .lo = 0, .hi = 360};
static const struct spec_key gnss_keys[] = {
    {"sky", &flag_spec, "Whether any satellite is heard (true).", 0},
    {"satellites", &systems_spec, "How many of each system are heard; 3 give a fix.", 0},
    {"cold", &time_spec, "Time to the fix of a receiver that knows nothing (35s).", 0},
    {"hot", &time_spec, "Time to the fix of one that has had one before (1s).", 0},
    {"lat", &lat_spec, "Degrees, north positive (31.222178).", 0},
    {"lon", &lon_spec, "Degrees, east positive (121.354376).", 0},
    {"alt", &alt_spec, "Metres above the sea (32.9).", 0},
    {"speed", &speed_spec, "Knots (0).", 0},
    {"course", &course_spec, "Degrees, clockwise from north (0).", 0},
    {0},
};
const struct spec gnss_spec = {.type = SPEC_OBJECT, .name = "the satellites", .keys = gnss_keys};

int act_gnss(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    struct gnss *g = &modem_of(st)->gnss;
    struct gnss_sky sky = gnss_sky_now(g);
    const struct cJSON *satellites = spec_get(value, "satellites");
    for (unsigned s = 0; s < GNSS_SYSTEMS; s++) {
        sky.satellites[s] =
            (unsigned)spec_int(satellites, words_systems[s], (int)sky.satellites[s]);
    }
    sky.is_clear = spec_flag(value, "sky", sky.is_clear);
    sky.cold = spec_dur(value, "cold", sky.cold);
    sky.hot = spec_dur(value, "hot", sky.hot);
    sky.place.lat = spec_number(value, "lat", sky.place.lat);
    sky.place.lon = spec_number(value, "lon", sky.place.lon);
    sky.place.alt = spec_number(value, "alt", sky.place.alt);
    sky.place.speed = spec_number(value, "speed", sky.place.speed);
    sky.place.course = spec_number(value, "course", sky.place.course);
    gnss_set_sky(g, &sky);
    return 0;
}
