/* sim.h: the SIM card: whether it is there, what it waits for, its numbers. Caller's memory. */
#ifndef EMULATOR_MODEL_SIM_H
#define EMULATOR_MODEL_SIM_H

enum sim_state { SIM_READY, SIM_PIN, SIM_PUK, SIM_ABSENT };

struct sim {
    enum sim_state state;
};

void sim_init(struct sim *sim);

/* What AT+CPIN? prints of the state; NULL: no card. */
const char *sim_awaits(const struct sim *sim);

#endif
