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
#include "emulator/model/events.h"
#include "emulator/model/gnss.h"
#include "emulator/model/hardware.h"
#include "emulator/model/reg.h"
#include "emulator/model/rtc.h"
#include "emulator/model/sim.h"
#include "emulator/model/sim_apdu.h"
#include "emulator/model/ussd.h"
#include "netstack/bearer.h"
#include "netstack/host.h"

struct auth_login;
struct audio;
struct bluetooth;
struct files;
struct phonebook;
struct profile;
struct route;
struct sim_files;
struct sockets;
struct uv_loop_s;
struct wifi;

/* AT+CFUN (V3.00 3.2.1). */
enum modem_fun {
    FUN_MINIMUM = 0,
    FUN_FULL = 1,
    FUN_FLIGHT = 4,
    FUN_FACTORY = 5,
    FUN_RESET = 6,
    FUN_OFFLINE = 7,
};

/* What some modules or firmwares do and others do not; none of it by default. */
enum modem_quirk {
    QUIRK_CMUX_ADVANCED,     /* AT+CMUX=1: framing with transparency */
    QUIRK_CMUX_MSC_FIRST,    /* tells a DLCI's lines as soon as it is open */
    QUIRK_CMUX_NO_CLD,       /* ends without an answer to CLD */
    QUIRK_CMUX_LONG_LENGTHS, /* two octets of length in every frame */
    QUIRK_CMUX_EARLY_URCS,   /* the lines of a start on DLCI 1, when it opens */
    QUIRKS
};

enum { MODEM_CIDS = 179 }; /* V3.00 8.2.4: 1-24 and 100-179 */
enum { MODEM_IMEI = 15 };  /* digits */

/* When a starting module is so far, from its start on. */
struct modem_boot {
    clk_dur rdy; /* it is on */
    clk_dur sim, sms, pb;
    clk_dur usb;  /* a port on USB is there; not behind rdy */
    clk_dur away; /* before all that, when it restarts itself */
    /* From then on that it looks for a network, whatever made it do so: it has looked. */
    clk_dur search;
};

/* What is set of a context: its APN, user and password, NULL where there is none. */
typedef void modem_context_fn(void *ctx, unsigned cid, struct context_event *out);

/* Where packets of dial-up links go. loop NULL: nowhere. */
struct modem_way_out {
    struct uv_loop_s *loop;
    const struct route *route;
};

struct modem {
    uint32_t magic;
#define MODEM_MAGIC 0x30de3000u
    const struct profile *profile;
    struct clk *clk;
    struct bus bus;
    enum power_state power;
    struct modem_boot boot; /* all 0 but `away`: at once */
    struct {
        struct clk_timer off; /* it goes off in a turn of its own */
        struct clk_timer on;  /* the next step of coming on */
        bool is_planned;
        bool is_restart; /* and comes back, after */
        clk_dur pause;
    } going;
    enum modem_fun fun;
    struct sim sim;
    struct sim_files *card; /* its files */
    struct sim_apdu apdu;   /* where raw commands to it are */
    struct phonebook *phonebook;
    struct reg reg;
    struct clk_timer search; /* until it has found a network, if it is_looking for one */
    bool is_looking;
    struct hardware hw;
    struct gnss gnss; /* gnss.h has its setters */
    struct rtc rtc;
    struct nitz nitz;
    struct ussd ussd;
    char imei[MODEM_IMEI + 1];   /* the profile's until another one is written */
    bool active[MODEM_CIDS + 1]; /* PDP contexts by cid */
    struct bearer bearer;        /* the network that active contexts give */
    struct sockets *sockets;
    struct files *files;
    modem_context_fn *context;
    void *context_ctx;
    bool is_dialled[MODEM_CIDS + 1]; /* a port of the module is the line of this context */
    struct modem_way_out way_out;
    uint64_t seed;
    struct wifi *wifi;
    struct audio *audio;
    struct bluetooth *bluetooth;
    uint32_t quirks;     /* 1 << enum modem_quirk */
    bool has_call;       /* a voice call */
    clk_mono call_began; /* the newest one */
    bool nv_fin;         /* NV item 1341: counts from the next start on (note 2.9) */
};

struct modem *modem_new(const struct profile *profile, struct clk *clk, struct net_host host);
void modem_free(struct modem *m); /* NULL is allowed */

void modem_set_quirk(struct modem *m, enum modem_quirk quirk, bool on);
bool modem_has_quirk(const struct modem *m, enum modem_quirk quirk);

/* The card, as sim_set has it. Only with a ready one the module registers. */
void modem_set_sim(struct modem *m, enum sim_state state);
/* As sim.h has them. */
int modem_set_sim_codes(struct modem *m, struct sv pin, struct sv puk);
int modem_enter_pin(struct modem *m, struct sv pin);
int modem_enter_puk(struct modem *m, struct sv puk, struct sv new_pin);
int modem_unblock_sim(struct modem *m, struct sv puk, struct sv new_pin);
int modem_lock_sim(struct modem *m, struct sv pin, bool is_locked);
int modem_change_pin(struct modem *m, struct sv pin, struct sv new_pin);
int modem_set_imei(struct modem *m, struct sv imei); /* -EINVAL: not 15 digits */
/* FUN_FULL registers, the others leave the network; FUN_RESET is none of them. */
void modem_set_fun(struct modem *m, enum modem_fun fun);
/* What the network grants; no command changes it. The module is it while it looks for a network. */
void modem_set_registration(struct modem *m, enum reg_stat granted);
/* What the network tells of the time, now and at each registration. */
void modem_set_network_time(struct modem *m, const struct nitz *nitz);
void modem_set_left(struct modem *m, bool has_left); /* AT+COPS=2 */
void modem_set_attached(struct modem *m, bool is_attached);
void modem_set_signal(struct modem *m, int rssi, int ber); /* as +CSQ prints them */
/* What is measured, and what the board puts on a pin (hardware.h). */
void modem_set_supply(struct modem *m, int mv);
void modem_set_temperature(struct modem *m, int celsius);
void modem_set_adc(struct modem *m, unsigned adc, int mv);
void modem_set_pin_outside(struct modem *m, unsigned pin, bool is_high);
/* A register of a device on the I2C bus, which is put there with it; from the module or from
 * outside. -ENOSPC: there are too many devices. */
int modem_set_i2c(struct modem *m, uint8_t address, uint8_t reg, uint8_t value);
void modem_remove_i2c(struct modem *m, uint8_t address);
/* What the module makes of a pin. */
void modem_set_pin_out(struct modem *m, unsigned pin, bool is_out);
void modem_drive_pin(struct modem *m, unsigned pin, bool is_high);
/* The best cell that is there; the module camps on it if it may. */
void modem_set_tech(struct modem *m, enum profile_tech tech);
/* AT+CNMP, AT+CNBP, AT+CNAOP: it looks for a cell at once. Without one it searches. */
void modem_choose_cells(struct modem *m, const struct reg_choice *choice);
void modem_set_seed(struct modem *m, uint64_t seed);
/* AT+CIPCCFG's limits of retransmission (note 2.6). */
void modem_set_retransmit(struct modem *m, unsigned retries, unsigned least_ms);
/* AT+CIPDNSSET: how often and how long a look-up waits for the network to open (note 2.8). */
void modem_set_dns_limits(struct modem *m, unsigned net_retries, unsigned net_timeout_ms);
/* How long the packet network takes to open, from the next time on. */
void modem_set_open_delay(struct modem *m, clk_dur delay);
/* Who knows the contexts, for the question of modem_activate. NULL: nobody. */
void modem_set_context(struct modem *m, modem_context_fn *context, void *ctx);
struct context_event modem_context(const struct modem *m, unsigned cid); /* what they know of it */
void modem_set_way_out(struct modem *m, const struct modem_way_out *way);
/* NV item 1341 as if it had been so at the last start (note 2.9). */
void modem_set_nv_fin(struct modem *m, bool on);
/* What is wrong with the way to every peer. */
void modem_impair(struct modem *m, enum impair_direction dir, const struct impair *im);
/* A voice call: in GSM no TCP passes meanwhile, in WCDMA and LTE it does (note 2.10). */
void modem_set_voice_call(struct modem *m, bool is_up);
/* -- power; each state is posted. Going off is done in a turn of its own, so that it can be asked
 * for from anywhere. -- */

/* Off: links die without a word beyond what the host sends, calls end, the registration is gone.
 * After `off` it starts again, as new but for what is stored. A planned one is asked about
 * (ASK_POWER_RESTART), and leaves the packet service before it goes; an off module stays off. */
void modem_restart(struct modem *m, clk_dur off, bool is_planned);
/* A new module is one that has been on for long. With this call, before anything else, it is one
 * that has just been switched on: with a port on USB so far that the port is there. */
void modem_start(struct modem *m, const struct modem_boot *boot);
void modem_power_off(struct modem *m, bool is_planned);
void modem_power_on(struct modem *m);
/* The firmware hangs: nothing is answered and nothing passes, until a restart or power off. Only a
 * module that is on can. */
void modem_set_hung(struct modem *m, bool is_hung);
/* A context up or down; while none is up there is no network for the sockets. */
void modem_set_active(struct modem *m, unsigned cid, bool is_active);
/* Asks for one (ASK_CONTEXT_ACTIVATE); with BUS_GO it is up when this returns, whatever delay the
 * caller serves before it tells so. */
struct bus_verdict modem_activate(struct modem *m, unsigned cid);
/* The same for a dial-up link, whose DTE says who it is later on. */
struct bus_verdict modem_dial(struct modem *m, unsigned cid);
/* Whether the network lets this DTE in (ASK_PPP_LOGIN); NULL: one that does not say who it is. */
bool modem_let_in(struct modem *m, unsigned cid, const struct auth_login *login);
void modem_deactivate(struct modem *m, unsigned cid); /* the network does it */

#endif
