#include "emulator/model/reg.h"

void reg_init(struct reg *reg, const struct profile *profile) {
    *reg = (struct reg){
        .stat = REG_HOME,
        .granted = REG_HOME,
        .found = REG_HOME,
        .is_attached = true,
        .tech = profile->tech,
        .rssi = profile->rssi,
        .ber = profile->ber,
    };
}

bool reg_is_registered(const struct reg *reg) {
    return reg->stat == REG_HOME || reg->stat == REG_ROAMING;
}

bool reg_has_packet_service(const struct reg *reg) {
    return reg_is_registered(reg) && reg->is_attached;
}
