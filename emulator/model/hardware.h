/* hardware.h: what the module measures, its pins and its bus: supply, temperature, ADCs, GPIOs,
 * I2C. Caller's memory. Voltages are mV, temperatures degrees Celsius. */
#ifndef EMULATOR_MODEL_HARDWARE_H
#define EMULATOR_MODEL_HARDWARE_H

#include <stdbool.h>

#include "emulator/model/i2c.h"

enum { HARDWARE_ADCS = 2, HARDWARE_PINS = 5 };

struct hardware_pin {
    bool is_out;          /* driven by the module */
    bool is_driven_high;  /* if it is an output */
    bool is_outside_high; /* what the board puts on it, if it is an input */
};

struct hardware {
    int supply;
    int temperature;
    int adc[HARDWARE_ADCS];
    struct hardware_pin pins[HARDWARE_PINS];
    struct i2c i2c;
};

void hardware_init(struct hardware *hw);
/* The module starts: its pins are inputs again, what is outside stays as it is (guess). */
void hardware_restart(struct hardware *hw);
/* The pin of a GPIO number, -1: there is none. */
int hardware_find_pin(int gpio);
int hardware_gpio(unsigned pin); /* the other way */
bool hardware_is_high(const struct hardware *hw, unsigned pin);

#endif
