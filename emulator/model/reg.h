/* reg.h: registration and signal: what the radio part of the module knows. Caller's memory. */
#ifndef EMULATOR_MODEL_REG_H
#define EMULATOR_MODEL_REG_H

#include <stdbool.h>

#include "emulator/model/profile.h"

/* 27.007 10.1.20, as +CREG prints it. */
enum reg_stat { REG_OFF = 0, REG_HOME = 1, REG_SEARCHING = 2, REG_DENIED = 3, REG_ROAMING = 5 };

struct reg {
    enum reg_stat stat;     /* what the module is: as granted, while it is on and looks for one */
    enum reg_stat granted;  /* what the network has for it; REG_OFF: there is no network */
    enum reg_stat found;    /* what it has where it is found again: the newest of home, roaming */
    bool has_left;          /* AT+COPS=2: wants none */
    bool is_attached;       /* to the packet service, wanted by AT+CGATT */
    enum profile_tech tech; /* of the serving cell */
    int rssi, ber;          /* as +CSQ prints them */
};

void reg_init(struct reg *reg, const struct profile *profile);
bool reg_is_registered(const struct reg *reg);
bool reg_has_packet_service(const struct reg *reg);

#endif
