/* act_hardware.c: what the board around the module does to it: supply, temperature, voltages at the
 * ADCs, levels at the pins. */
#include <cjson/cJSON.h>

#include "base/sv.h"
#include "emulator/model/modem.h"
#include "scenarios/engine/action_priv.h"

enum { GPIO_MOST = 999 };

/* -1: the module has no such pin. */
static int pin_of(const char *gpio) {
    int64_t number = 0;
    return sv_int(sv_of(gpio), 0, GPIO_MOST, &number) == 0 ? hardware_find_pin((int)number) : -1;
}

static const char *check_gpio(const char *text) {
    return pin_of(text) >= 0 ? NULL : "allowed: the GPIOs 3, 40, 41, 43, 44";
}

static const struct spec flag_spec = {.type = SPEC_BOOL};
static const struct spec supply_spec = {.type = SPEC_INT, .lo = 0, .hi = 10000};
static const struct spec temperature_spec = {.type = SPEC_INT, .lo = -100, .hi = 200};
static const struct spec adc_spec = {.type = SPEC_INT, .lo = 0, .hi = 5000};
static const struct spec pins_spec = {.type = SPEC_MAP,
                                      .name = "pins",
                                      .hi = HARDWARE_PINS,
                                      .item = &flag_spec,
                                      .check = check_gpio,
                                      .pattern = "^(3|40|41|43|44)$"};
static const struct spec_key hardware_keys[] = {
    {"supply", &supply_spec, "mV (3800).", 0},
    {"temperature", &temperature_spec, "Degrees Celsius (29).", 0},
    {"adc", &adc_spec, "mV at the first ADC (187).", 0},
    {"adc2", &adc_spec, "mV at the second one (187).", 0},
    {"pins", &pins_spec, "By GPIO: whether the board pulls it high (false).", 0},
    {0},
};
const struct spec hardware_spec = {
    .type = SPEC_OBJECT, .name = "the hardware", .keys = hardware_keys};

int act_hardware(struct stage *st, const struct cJSON *value, struct decision *d,
                 const char **why) {
    (void)d;
    (void)why;
    struct modem *m = stage_world(st)->modem;
    const struct cJSON *pin = NULL;
    cJSON_ArrayForEach(pin, spec_get(value, "pins")) {
        modem_set_pin_outside(m, (unsigned)pin_of(pin->string), cJSON_IsTrue(pin) != 0);
    }
    modem_set_adc(m, 0, spec_int(value, "adc", m->hw.adc[0]));
    modem_set_adc(m, 1, spec_int(value, "adc2", m->hw.adc[1]));
    modem_set_temperature(m, spec_int(value, "temperature", m->hw.temperature));
    modem_set_supply(m, spec_int(value, "supply", m->hw.supply));
    return 0;
}
