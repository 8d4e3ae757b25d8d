#include "emulator/model/sim.h"

#include <errno.h>
#include <stddef.h>

#include "base/obj.h"

static void refill(struct sim *sim) {
    sim->pin_tries = SIM_PIN_TRIES;
    sim->puk_tries = SIM_PUK_TRIES;
}

static void refill_second(struct sim *sim) {
    sim->pin2_tries = SIM_PIN_TRIES;
    sim->puk2_tries = SIM_PUK_TRIES;
}

void sim_init(struct sim *sim) {
    *sim = (struct sim){
        .state = SIM_READY, .pin = "1234", .puk = "12345678", .pin2 = "1234", .puk2 = "12345678"};
    refill(sim);
    refill_second(sim);
}

void sim_set(struct sim *sim, enum sim_state state) {
    sim->state = state;
    sim->is_locked = state == SIM_PIN || state == SIM_PUK;
    refill(sim);
    refill_second(sim);
    sim->is_pin2_good = false;
    sim->wants_pin2 = false;
    sim->pin_tries = state == SIM_PUK ? 0 : sim->pin_tries;
}

static bool is_code(struct sv text) {
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }
    return text.n >= 4 && text.n < SIM_CODE;
}

int sim_set_codes(struct sim *sim, struct sv pin, struct sv puk) {
    if (!is_code(pin) || !is_code(puk)) {
        return -EINVAL;
    }
    must(sv_copy(pin, sim->pin, sizeof sim->pin) == 0);
    must(sv_copy(puk, sim->puk, sizeof sim->puk) == 0);
    return 0;
}

int sim_set_code2(struct sim *sim, struct sv pin2) {
    if (!is_code(pin2)) {
        return -EINVAL;
    }
    must(sv_copy(pin2, sim->pin2, sizeof sim->pin2) == 0);
    return 0;
}

void sim_restart(struct sim *sim) {
    sim->is_pin2_good = false;
    sim->wants_pin2 = false;
    if (sim->state == SIM_READY && sim->is_locked) {
        sim->state = SIM_PIN;
    }
}

/* A wrong one costs a try, in whatever state. */
static int check_pin(struct sim *sim, struct sv pin) {
    if (!sv_eq(pin, sv_of(sim->pin))) {
        sim->pin_tries--;
        sim->state = sim->pin_tries == 0 ? SIM_PUK : sim->state;
        sim->is_locked |= sim->pin_tries == 0;
        return -EACCES;
    }
    refill(sim);
    return 0;
}

int sim_lock(struct sim *sim, struct sv pin, bool is_locked) {
    if (sim->state != SIM_READY) {
        return -EINVAL;
    }
    int rc = check_pin(sim, pin);
    sim->is_locked = rc == 0 ? is_locked : sim->is_locked;
    return rc;
}

int sim_change_pin(struct sim *sim, struct sv pin, struct sv new_pin) {
    if (sim->state != SIM_READY || !sim->is_locked || !is_code(new_pin)) {
        return -EINVAL;
    }
    int rc = check_pin(sim, pin);
    if (rc == 0) {
        must(sv_copy(new_pin, sim->pin, sizeof sim->pin) == 0);
    }
    return rc;
}

int sim_enter_pin(struct sim *sim, struct sv pin) {
    if (sim->state != SIM_PIN) {
        return -EINVAL;
    }
    int rc = check_pin(sim, pin);
    sim->state = rc == 0 ? SIM_READY : sim->state;
    return rc;
}

int sim_enter_puk(struct sim *sim, struct sv puk, struct sv new_pin) {
    return sim->state == SIM_PUK ? sim_unblock(sim, puk, new_pin) : -EINVAL;
}

int sim_unblock(struct sim *sim, struct sv puk, struct sv new_pin) {
    if (!is_code(new_pin)) {
        return -EINVAL;
    }
    if (!sv_eq(puk, sv_of(sim->puk))) {
        sim->state = --sim->puk_tries == 0 ? SIM_ABSENT : sim->state;
        return -EACCES;
    }
    must(sv_copy(new_pin, sim->pin, sizeof sim->pin) == 0);
    refill(sim);
    sim->state = SIM_READY;
    return 0;
}

bool sim_is_pin2_blocked(const struct sim *sim) {
    return sim->pin2_tries == 0;
}

int sim_enter_pin2(struct sim *sim, struct sv pin2) {
    if (sim_is_pin2_blocked(sim)) {
        return -EPERM;
    }
    sim->is_pin2_good = sv_eq(pin2, sv_of(sim->pin2));
    if (!sim->is_pin2_good) {
        sim->pin2_tries--;
        return sim_is_pin2_blocked(sim) ? -EPERM : -EACCES;
    }
    sim->pin2_tries = SIM_PIN_TRIES;
    sim->wants_pin2 = false;
    return 0;
}

int sim_change_pin2(struct sim *sim, struct sv pin2, struct sv new_pin2) {
    int rc = is_code(new_pin2) ? sim_enter_pin2(sim, pin2) : -EINVAL;
    if (rc == 0) {
        must(sv_copy(new_pin2, sim->pin2, sizeof sim->pin2) == 0);
    }
    return rc;
}

int sim_enter_puk2(struct sim *sim, struct sv puk2, struct sv new_pin2) {
    if (!is_code(new_pin2)) {
        return -EINVAL;
    }
    if (sim->puk2_tries == 0) {
        return -EPERM;
    }
    if (!sv_eq(puk2, sv_of(sim->puk2))) {
        return --sim->puk2_tries == 0 ? -EPERM : -EACCES;
    }
    must(sv_copy(new_pin2, sim->pin2, sizeof sim->pin2) == 0);
    refill_second(sim);
    sim->is_pin2_good = true;
    sim->wants_pin2 = false;
    return 0;
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
