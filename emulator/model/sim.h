/* sim.h: the SIM card: whether it is there, what it waits for, its secrets. Caller's memory. */
#ifndef EMULATOR_MODEL_SIM_H
#define EMULATOR_MODEL_SIM_H

#include <stdbool.h>

#include "base/sv.h"

enum sim_state { SIM_READY, SIM_PIN, SIM_PUK, SIM_ABSENT };

enum { SIM_CODE = 9, SIM_PIN_TRIES = 3, SIM_PUK_TRIES = 10 }; /* 27.007, 31.101: 4 to 8 digits */

struct sim {
    enum sim_state state;
    bool is_locked; /* the PIN is wanted after each start */
    char pin[SIM_CODE], puk[SIM_CODE];
    int pin_tries, puk_tries; /* that are left */
    /* The second pair guards fixed numbers and charges (31.102 6). */
    char pin2[SIM_CODE], puk2[SIM_CODE];
    int pin2_tries, puk2_tries;
    bool is_pin2_good; /* it was entered since the module has started */
    bool wants_pin2;   /* something has failed for want of it */
};

/* Ready, PIN and PIN2 1234, PUK and PUK2 12345678, none wanted. */
void sim_init(struct sim *sim);
/* Puts it into a state, all tries left: SIM_PIN and SIM_PUK lock it, so does no other. */
void sim_set(struct sim *sim, enum sim_state state);
int sim_set_codes(struct sim *sim, struct sv pin, struct sv puk); /* -EINVAL: not 4 to 8 digits */
int sim_set_code2(struct sim *sim, struct sv pin2);
void sim_restart(struct sim *sim); /* the module has lost power */

/* 0: unlocked. -EACCES: wrong; the third wrong PIN asks for the PUK, the tenth wrong PUK ends the
 * card. -EINVAL: not what is awaited, or the new PIN is none. */
int sim_enter_pin(struct sim *sim, struct sv pin);
int sim_enter_puk(struct sim *sim, struct sv puk, struct sv new_pin);
/* The same whether the PIN is blocked or not, as the card itself has it (102.221 11.1.13). */
int sim_unblock(struct sim *sim, struct sv puk, struct sv new_pin);

/* Wants the PIN after each start, or does not any more; changes it, which only a card that wants it
 * can. 0, -EACCES as above; -EINVAL: not ready, not locked, the new PIN is none. What is so already
 * needs the PIN all the same (27.007 7.4). */
int sim_lock(struct sim *sim, struct sv pin, bool is_locked);
int sim_change_pin(struct sim *sim, struct sv pin, struct sv new_pin);

/* The second PIN. 0; -EACCES: wrong; -EPERM: blocked, by three wrong ones, or, its PUK, by ten;
 * -EINVAL: the new one is none. */
int sim_enter_pin2(struct sim *sim, struct sv pin2);
int sim_change_pin2(struct sim *sim, struct sv pin2, struct sv new_pin2);
int sim_enter_puk2(struct sim *sim, struct sv puk2, struct sv new_pin2);
bool sim_is_pin2_blocked(const struct sim *sim);

/* What AT+CPIN? prints of the state; NULL: no card. */
const char *sim_awaits(const struct sim *sim);

#endif
