/* unit.h: one complete module: model, settings, an AT session on each of its ports, and its NMEA
 * port.
 *
 * Owns:    all of that. Borrows: the clock, the host, the profile and the channels, for its life.
 * Bounds:  LIMIT_PORTS AT ports, one NMEA port.
 */
#ifndef EMULATOR_UNIT_H
#define EMULATOR_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/at/latency.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/modem.h"
#include "emulator/nvram.h"
#include "netstack/host.h"

struct chan;
struct clk;
struct modem;
struct profile;
struct unit;

struct unit_config {
    const struct profile *profile; /* borrowed, for the unit's life */
    const char *name;              /* in the log */
    struct clk *clk;
    struct net_host host;
    uint64_t seed;
    /* Other than AT_TIMING_NONE: it starts now; else it has been on for long. */
    enum at_timing timing;
    struct chan *chan; /* of the first port */
    struct modem_way_out way_out;
};

struct unit *unit_new(const struct unit_config *cfg);
/* A further port; the channel is borrowed for the unit's life. Bound: LIMIT_PORTS, a must. */
void unit_add_port(struct unit *u, enum cmd_role role, struct chan *chan);
/* The NMEA port (nmea_port.h), once; the channel is borrowed as well. */
void unit_add_nmea(struct unit *u, struct chan *chan);
struct modem *unit_modem(struct unit *u);
/* The settings that differ from the factory, as command lines (setting.h). */
void unit_settings(struct unit *u, void (*cb)(void *ctx, const char *line), void *ctx);
/* Keeps what is stored in this folder from now on, which may have it already (nvram.h). Once.
 * False: `error` says why not; nothing is kept. */
bool unit_keep(struct unit *u, const char *folder, char error[NVRAM_ERROR]);
/* Writes what has changed without a command. */
void unit_flush(struct unit *u);
void unit_close(struct unit *u); /* closes its links properly; NULL is allowed */

#endif
