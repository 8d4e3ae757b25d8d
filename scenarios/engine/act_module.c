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

static const struct spec latitude_spec = {.type = SPEC_NUMBER, .lo = -90, .hi = 90};
static const struct spec longitude_spec = {.type = SPEC_NUMBER, .lo = -180, .hi = 180};
static const struct spec_key place_keys[] = {
    {"latitude", &latitude_spec, "In degrees of WGS84, north positive.", SPEC_REQUIRED},
    {"longitude", &longitude_spec, "East positive.", SPEC_REQUIRED},
    {0},
};
static const struct spec place_object_spec = {
    .type = SPEC_OBJECT, .name = "a place", .keys = place_keys};
static const struct spec *const place_choices[] = {&flag_spec, &place_object_spec, NULL};
const struct spec place_spec = {.type = SPEC_CHOICE, .name = "place", .choices = place_choices};

int act_place(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    struct place to = modem_of(st)->place;
    to.is_known = !cJSON_IsFalse(value);
    if (cJSON_IsObject(value)) {
        to.latitude = spec_number(value, "latitude", 0);
        to.longitude = spec_number(value, "longitude", 0);
    }
    modem_set_place(modem_of(st), &to);
    return 0;
}
