/* driver_acts.c: the table of everything that a driver may do. */
#include "tests/simulate/driver.h"

const struct driver_act driver_acts[] = {
    {"rows", driver_act_rows, 30, false},
    {"typed-ahead", driver_act_typed_ahead, 4, false},
    {"echo", driver_act_echo, 3, false},
    {"profile", driver_act_profile, 1, false},
    {"leave", driver_act_leave, 4, false},
    {"stall", driver_act_stall, 3, false},
    {"restart", driver_act_restart, 1, false},
    {"transparent", driver_act_transparent, 2, true},
    {"ppp", driver_act_ppp, 2, true},
    {"mux", driver_act_mux, 1, true},
    {"scenario", driver_act_scenario, 1, false},
    {"service", driver_act_service, 4, true},
    {"open", driver_act_open, 10, true},
    {"send", driver_act_send, 20, true},
    {"close", driver_act_close, 4, true},
    {"read", driver_act_read, 8, true},
    {"modes", driver_act_modes, 4, true},
    {"server", driver_act_server, 6, true},
    {"counts", driver_act_counts, 4, true},
    {"status", driver_status, 5, true},
    {"network", driver_act_network, 10, true},
    {"network-later", driver_network_later, 30, true},
    {NULL, NULL, 0, false},
};
