/* modem.h: everything one emulated module has: the owner of the model's parts.
 *
 * Commands and whatever else acts on the module use the same setters; each change
 * is posted on the bus (events.h).
 *
 * Owns:    all of its members. Borrows: profile, clock and host.
 */
#ifndef EMULATOR_MODEL_MODEM_H
#define EMULATOR_MODEL_MODEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bus.h"
#include "emulator/model/reg.h"
#include "emulator/model/sim.h"
#include "netstack/bearer.h"
#include "netstack/host.h"

struct profile;
struct sockets;

enum { MODEM_CIDS = 179 }; /* V3.00 8.2.4: 1-24 and 100-179 */

struct modem {
    uint32_t magic;
#define MODEM_MAGIC 0x30de3000u
    const struct profile *profile;
    struct clk *clk;
    struct bus bus;
    int fun; /* AT+CFUN */
    struct sim sim;
    struct reg reg;
    bool active[MODEM_CIDS + 1]; /* PDP contexts by cid */
    struct bearer bearer;        /* the network that active contexts give */
    struct sockets *sockets;
    bool has_call; /* a voice call */
    bool nv_fin;   /* NV item 1341: counts from the next power cycle on (note 2.9) */
};

struct modem *modem_new(const struct profile *profile, struct clk *clk, struct net_host host);
void modem_free(struct modem *m); /* NULL is allowed */

/* 0, 1 or 4 (V3.00 3.2.1): 1 registers, the others leave the network. */
void modem_set_fun(struct modem *m, int fun);
/* What the network grants; no command changes it. The module is it while it looks for a network. */
void modem_set_registration(struct modem *m, enum reg_stat granted);
void modem_set_left(struct modem *m, bool has_left); /* AT+COPS=2 */
void modem_set_attached(struct modem *m, bool is_attached);
void modem_set_signal(struct modem *m, int rssi, int ber); /* as +CSQ prints them */
void modem_set_tech(struct modem *m, enum profile_tech tech);
void modem_set_seed(struct modem *m, uint64_t seed);
/* AT+CIPCCFG's limits of retransmission (note 2.6). */
void modem_set_retransmit(struct modem *m, unsigned retries, unsigned least_ms);
/* AT+CIPDNSSET: how often and how long a look-up waits for the network to open (note 2.8). */
void modem_set_dns_limits(struct modem *m, unsigned net_retries, unsigned net_timeout_ms);
/* How long the packet network takes to open, from the next time on. */
void modem_set_open_delay(struct modem *m, clk_dur delay);
/* What is wrong with the way to every peer. */
void modem_impair(struct modem *m, enum impair_direction dir, const struct impair *im);
/* A voice call: in GSM no TCP passes meanwhile, in WCDMA and LTE it does (note 2.10). */
void modem_set_voice_call(struct modem *m, bool is_up);
/* Off and on again: links die, what NV keeps for the next start counts from now on. */
void modem_power_cycle(struct modem *m);
/* A context up or down; while none is up there is no network for the sockets. */
void modem_set_active(struct modem *m, unsigned cid, bool is_active);

#endif
