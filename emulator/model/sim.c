#include "emulator/model/sim.h"

#include <stddef.h>

void sim_init(struct sim *sim) {
    *sim = (struct sim){.state = SIM_READY};
}

const char *sim_awaits(const struct sim *sim) {
    static const char *const words[] = {
        [SIM_READY] = "READY",
        [SIM_PIN] = "SIM PIN",
        [SIM_PUK] = "SIM PUK",
        [SIM_ABSENT] = NULL,
    };
    return words[sim->state];
}
