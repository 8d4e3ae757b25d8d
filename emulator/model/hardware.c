#include "emulator/model/hardware.h"

#include <stddef.h>

#include "base/obj.h"

/* The GPIOs that the manual's lists and examples name (V3.00 19.2.19 to 19.2.23). */
static const int gpios[HARDWARE_PINS] = {3, 40, 41, 43, 44};

/* The manual's examples (V3.00 19.2.4, 19.2.11 as described, 19.2.12). */
void hardware_init(struct hardware *hw) {
    *hw = (struct hardware){.supply = 3800, .temperature = 29, .adc = {187, 187}};
    i2c_init(&hw->i2c);
}

void hardware_restart(struct hardware *hw) {
    for (size_t i = 0; i < HARDWARE_PINS; i++) {
        hw->pins[i].is_out = false;
        hw->pins[i].is_driven_high = false;
    }
}

int hardware_find_pin(int gpio) {
    for (int i = 0; i < HARDWARE_PINS; i++) {
        if (gpios[i] == gpio) {
            return i;
        }
    }
    return -1;
}

int hardware_gpio(unsigned pin) {
    must(pin < HARDWARE_PINS);
    return gpios[pin];
}

bool hardware_is_high(const struct hardware *hw, unsigned pin) {
    must(pin < HARDWARE_PINS);
    const struct hardware_pin *p = &hw->pins[pin];
    return p->is_out ? p->is_driven_high : p->is_outside_high;
}
