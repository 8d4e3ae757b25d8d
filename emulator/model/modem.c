#include "emulator/model/modem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/model/audio.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/events.h"
#include "emulator/model/files.h"
#include "emulator/model/phonebook.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim_file.h"
#include "emulator/model/sockets.h"
#include "emulator/model/wifi.h"

/* The bearer follows from registration, attachment and contexts. */
static void update_bearer(struct modem *m) {
    bool is_wanted = false;
    for (unsigned cid = 1; cid <= MODEM_CIDS; cid++) {
        is_wanted |= m->active[cid];
    }
    is_wanted &= reg_has_packet_service(&m->reg);
    bool is_there = bearer_is_there(&m->bearer);
    if (is_wanted && !is_there) {
        uint32_t ip = 0;
        must(net_parse_ip(sv_of(m->profile->ip), &ip) == 0);
        bearer_open(&m->bearer, ip);
    } else if (!is_wanted && is_there) {
        bearer_down(&m->bearer);
    }
}

/* In GSM a call has the radio for itself (note 2.10); who hangs serves nobody. */
static void update_suspended(struct modem *m) {
    bool is_suspended = m->power == POWER_HUNG || (m->has_call && m->reg.tech == PROFILE_GSM);
    if (m->bearer.is_suspended != is_suspended) {
        m->bearer.is_suspended = is_suspended;
        bearer_changed(&m->bearer);
    }
}

/* Without a cell that it may use the module searches for one. */
static enum reg_stat wanted_stat(const struct reg *reg) {
    return reg->has_cell || reg->granted == REG_OFF ? reg->granted : REG_SEARCHING;
}

static void tell_time(struct modem *m) {
    if (reg_is_registered(&m->reg) && !m->nitz.is_silent) {
        const struct time_event e = {&m->nitz, !m->rtc.has_zone || m->rtc.zone != m->nitz.zone};
        bus_post(&m->bus, TOPIC_TIME_TOLD, &e);
    }
}

static void update_registration(struct modem *m);

static void on_searched(void *ctx) {
    struct modem *m;
    CAST_OBJ(m, ctx, MODEM_MAGIC);
    update_registration(m);
}

/* What it finds takes its time when it begins to look. */
static void update_search(struct modem *m, bool is_looking) {
    if (!is_looking) {
        clk_stop(m->clk, &m->search);
    } else if (!m->is_looking && m->boot.search.us > 0) {
        clk_start(m->clk, &m->search, m->boot.search, on_searched, m);
    }
    m->is_looking = is_looking;
}

/* Registration follows from what the module wants and what the network grants. */
static void update_registration(struct modem *m) {
    bool is_on = m->power == POWER_ON || m->power == POWER_HUNG;
    bool is_looking = is_on && m->sim.state == SIM_READY && m->fun == FUN_FULL && !m->reg.has_left;
    enum reg_stat stat = is_looking ? wanted_stat(&m->reg) : REG_OFF;
    update_search(m, is_looking);
    if (clk_pending(&m->search) && stat != REG_OFF) {
        stat = REG_SEARCHING;
    }
    if (m->reg.stat != stat) {
        m->reg.stat = stat;
        bus_post(&m->bus, TOPIC_REG_CHANGED, &m->reg);
        update_bearer(m);
        tell_time(m);
        if (!reg_is_registered(&m->reg)) {
            ussd_lose(&m->ussd);
        }
    }
}

/* The default bearer of LTE; in older technologies AT+NETOPEN activates it. */
static void reset_contexts(struct modem *m) {
    memset(m->active, 0, sizeof m->active);
    m->active[1] = true;
}

static struct bearer_name on_name(void *ctx, struct sv name) {
    struct modem *m;
    CAST_OBJ(m, ctx, MODEM_MAGIC);
    struct name_asked what = {name};
    const struct bus_verdict v = bus_ask(&m->bus, ASK_NET_RESOLVE, &what);
    struct bearer_name decided = {.delay = v.delay};
    switch (v.act) {
    case BUS_GO:
        break;
    case BUS_DROP:
        decided.act = BEARER_NAME_SILENT;
        break;
    case BUS_FAIL:
        decided.act = BEARER_NAME_UNKNOWN;
        break;
    case BUS_REPLACE:
        decided.act = net_parse_ip(v.text, &decided.ip) == 0 ? BEARER_NAME_IS : BEARER_NAME_UNKNOWN;
        break;
    }
    return decided;
}

struct modem *modem_new(const struct profile *profile, struct clk *clk, struct net_host host) {
    struct modem *m = xmalloc(sizeof *m);
    OBJ_INIT(m, MODEM_MAGIC);
    m->profile = profile;
    m->clk = clk;
    m->power = POWER_ON;
    m->fun = FUN_FULL;
    m->boot.away = CLK_S(1); /* guess */
    bus_init(&m->bus);
    sim_init(&m->sim);
    m->card = sim_files_new(profile);
    sim_apdu_reset(&m->apdu);
    m->phonebook = phonebook_new(m->card);
    reg_init(&m->reg, profile);
    hardware_init(&m->hw);
    ussd_init(&m->ussd, &m->bus, clk);
    nitz_init(&m->nitz); /* and has told so already */
    rtc_follow(&m->rtc, &m->nitz);
    gnss_init(&m->gnss, clk, &m->bus);
    must(sv_copy(sv_of(profile->imei), m->imei, sizeof m->imei) == 0);
    bearer_init(&m->bearer, clk, host);
    m->bearer.on_name = on_name;
    m->bearer.name_ctx = m;
    m->bearer.rtt_ms = (uint32_t)profile->rtt_ms;
    m->bearer.dormancy = CLK_S(profile->dormancy_s);
    m->sockets = sockets_new(&m->bus, &m->bearer);
    m->files = files_new(clk);
    m->wifi = wifi_new(&m->bus);
    m->audio = audio_new(clk, &m->bus, m->files);
    m->bluetooth = bluetooth_new(clk, &m->bus);
    reset_contexts(m);
    update_bearer(m);
    return m;
}

void modem_free(struct modem *m) {
    if (m == NULL) {
        return;
    }
    CHECK_OBJ(m, MODEM_MAGIC);
    clk_stop(m->clk, &m->going.off);
    clk_stop(m->clk, &m->going.on);
    clk_stop(m->clk, &m->search);
    wifi_free(m->wifi);
    ussd_fini(&m->ussd);
    gnss_fini(&m->gnss);
    bluetooth_free(m->bluetooth);
    audio_free(m->audio);
    files_free(m->files);
    phonebook_free(m->phonebook);
    sim_files_free(m->card);
    sockets_free(m->sockets);
    bearer_fini(&m->bearer);
    OBJ_FINI(m);
    free(m);
}

void modem_set_seed(struct modem *m, uint64_t seed) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->seed = seed;
    bearer_set_seed(&m->bearer, seed);
}

void modem_set_retransmit(struct modem *m, unsigned retries, unsigned least_ms) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->bearer.retransmit = (struct retransmit_config){retries, least_ms};
}

void modem_set_dns_limits(struct modem *m, unsigned net_retries, unsigned net_timeout_ms) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->bearer.dns_net_retries = net_retries;
    m->bearer.dns_net_timeout_ms = net_timeout_ms;
}

void modem_set_open_delay(struct modem *m, clk_dur delay) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->bearer.open_delay = delay;
}

void modem_impair(struct modem *m, enum impair_direction dir, const struct impair *im) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->bearer.impair[dir] = *im;
    bearer_changed(&m->bearer);
}

void modem_set_voice_call(struct modem *m, bool is_up) {
    CHECK_OBJ(m, MODEM_MAGIC);
    if (m->has_call != is_up) {
        m->has_call = is_up;
        if (is_up) {
            m->call_began = clk_now(m->clk);
        }
        const struct call_event e = {is_up};
        bus_post(&m->bus, TOPIC_CALL_CHANGED, &e);
        update_suspended(m);
        if (!is_up) {
            audio_end_call(m->audio);
        }
    }
}

/* -- card -- */

static void sim_changed(struct modem *m, enum sim_state was) {
    if (m->sim.state != was) {
        bus_post(&m->bus, TOPIC_SIM_CHANGED, &m->sim);
        update_registration(m);
    }
}

void modem_set_quirk(struct modem *m, enum modem_quirk quirk, bool on) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->quirks = on ? m->quirks | 1u << quirk : m->quirks & ~(1u << quirk);
}

bool modem_has_quirk(const struct modem *m, enum modem_quirk quirk) {
    CHECK_OBJ(m, MODEM_MAGIC);
    return (m->quirks >> quirk & 1) != 0;
}

void modem_set_sim(struct modem *m, enum sim_state state) {
    CHECK_OBJ(m, MODEM_MAGIC);
    enum sim_state was = m->sim.state;
    sim_set(&m->sim, state);
    sim_apdu_reset(&m->apdu);
    sim_changed(m, was);
}

int modem_set_sim_codes(struct modem *m, struct sv pin, struct sv puk) {
    CHECK_OBJ(m, MODEM_MAGIC);
    return sim_set_codes(&m->sim, pin, puk);
}

int modem_enter_pin(struct modem *m, struct sv pin) {
    CHECK_OBJ(m, MODEM_MAGIC);
    enum sim_state was = m->sim.state;
    int rc = sim_enter_pin(&m->sim, pin);
    sim_changed(m, was);
    return rc;
}

int modem_enter_puk(struct modem *m, struct sv puk, struct sv new_pin) {
    CHECK_OBJ(m, MODEM_MAGIC);
    enum sim_state was = m->sim.state;
    int rc = sim_enter_puk(&m->sim, puk, new_pin);
    sim_changed(m, was);
    return rc;
}

int modem_unblock_sim(struct modem *m, struct sv puk, struct sv new_pin) {
    CHECK_OBJ(m, MODEM_MAGIC);
    enum sim_state was = m->sim.state;
    int rc = sim_unblock(&m->sim, puk, new_pin);
    sim_changed(m, was);
    return rc;
}

int modem_lock_sim(struct modem *m, struct sv pin, bool is_locked) {
    CHECK_OBJ(m, MODEM_MAGIC);
    enum sim_state was = m->sim.state;
    int rc = sim_lock(&m->sim, pin, is_locked);
    sim_changed(m, was);
    return rc;
}

int modem_change_pin(struct modem *m, struct sv pin, struct sv new_pin) {
    CHECK_OBJ(m, MODEM_MAGIC);
    enum sim_state was = m->sim.state;
    int rc = sim_change_pin(&m->sim, pin, new_pin);
    sim_changed(m, was);
    return rc;
}

int modem_set_imei(struct modem *m, struct sv imei) {
    CHECK_OBJ(m, MODEM_MAGIC);
    for (size_t i = 0; i < imei.n; i++) {
        if (imei.p[i] < '0' || imei.p[i] > '9') {
            return -EINVAL;
        }
    }
    if (imei.n != MODEM_IMEI) {
        return -EINVAL;
    }
    must(sv_copy(imei, m->imei, sizeof m->imei) == 0);
    return 0;
}

/* -- what is measured, pins -- */

static void set_measured(struct modem *m, int *what, int value) {
    CHECK_OBJ(m, MODEM_MAGIC);
    if (*what != value) {
        *what = value;
        bus_post(&m->bus, TOPIC_HARDWARE_CHANGED, &m->hw);
    }
}

void modem_set_supply(struct modem *m, int mv) {
    set_measured(m, &m->hw.supply, mv);
}

void modem_set_temperature(struct modem *m, int celsius) {
    set_measured(m, &m->hw.temperature, celsius);
}

void modem_set_adc(struct modem *m, unsigned adc, int mv) {
    must(adc < HARDWARE_ADCS);
    set_measured(m, &m->hw.adc[adc], mv);
}

int modem_set_i2c(struct modem *m, uint8_t address, uint8_t reg, uint8_t value) {
    CHECK_OBJ(m, MODEM_MAGIC);
    int rc = i2c_attach(&m->hw.i2c, address);
    if (rc == 0) {
        must(i2c_write(&m->hw.i2c, address, reg, &value, 1) == 0);
        bus_post(&m->bus, TOPIC_HARDWARE_CHANGED, &m->hw);
    }
    return rc;
}

void modem_remove_i2c(struct modem *m, uint8_t address) {
    CHECK_OBJ(m, MODEM_MAGIC);
    i2c_detach(&m->hw.i2c, address);
    bus_post(&m->bus, TOPIC_HARDWARE_CHANGED, &m->hw);
}

static void set_pin(struct modem *m, unsigned pin, struct hardware_pin to) {
    CHECK_OBJ(m, MODEM_MAGIC);
    bool was_high = hardware_is_high(&m->hw, pin);
    m->hw.pins[pin] = to;
    if (hardware_is_high(&m->hw, pin) != was_high) {
        bus_post(&m->bus, TOPIC_HARDWARE_CHANGED, &m->hw);
    }
}

void modem_set_pin_outside(struct modem *m, unsigned pin, bool is_high) {
    must(pin < HARDWARE_PINS);
    struct hardware_pin to = m->hw.pins[pin];
    to.is_outside_high = is_high;
    set_pin(m, pin, to);
}

void modem_set_pin_out(struct modem *m, unsigned pin, bool is_out) {
    must(pin < HARDWARE_PINS);
    struct hardware_pin to = m->hw.pins[pin];
    to.is_out = is_out;
    set_pin(m, pin, to);
}

void modem_drive_pin(struct modem *m, unsigned pin, bool is_high) {
    must(pin < HARDWARE_PINS);
    struct hardware_pin to = m->hw.pins[pin];
    to.is_driven_high = is_high;
    set_pin(m, pin, to);
}

/* -- power -- */

enum { LEAVING_MS = 50 };

static struct modem *modem_of(void *ctx) {
    struct modem *m;
    CAST_OBJ(m, ctx, MODEM_MAGIC);
    return m;
}

static void set_power(struct modem *m, enum power_state state) {
    m->power = state;
    const struct power_event e = {state, m->going.is_planned};
    bus_post(&m->bus, TOPIC_POWER_CHANGED, &e);
}

static void on_started(void *ctx) {
    struct modem *m = modem_of(ctx);
    m->fun = FUN_FULL;
    m->reg.has_left = false;
    m->reg.is_attached = true;
    enum sim_state was = m->sim.state;
    hardware_restart(&m->hw);
    sim_restart(&m->sim);
    sim_apdu_reset(&m->apdu);
    files_restart(m->files);
    sim_changed(m, was);
    reset_contexts(m);
    sockets_set_fin_when_dormant(m->sockets, m->nv_fin);
    set_power(m, POWER_ON);
    update_registration(m);
}

static void start(void *ctx) {
    struct modem *m = modem_of(ctx);
    set_power(m, POWER_BOOTING);
    clk_start(m->clk, &m->going.on, m->boot.rdy, on_started, m);
}

static void go_off(void *ctx) {
    struct modem *m = modem_of(ctx);
    clk_stop(m->clk, &m->going.on);
    set_power(m, POWER_OFF);
    modem_set_voice_call(m, false);
    gnss_cut(&m->gnss);
    audio_reset(m->audio);
    bluetooth_set_on(m->bluetooth, false);
    update_suspended(m);
    update_registration(m);
    sockets_forget(m->sockets);
    wifi_stop(m->wifi);
    if (m->going.is_restart) {
        clk_start(m->clk, &m->going.on, m->going.pause, start, m);
    }
}

void modem_start(struct modem *m, const struct modem_boot *boot) {
    CHECK_OBJ(m, MODEM_MAGIC);
    clk_dur left = {boot->rdy.us - (m->profile->usb ? boot->usb.us : 0)};
    m->boot = *boot;
    m->power = POWER_BOOTING;
    update_registration(m);
    clk_start(m->clk, &m->going.on, left, on_started, m);
}

/* Who is told to go leaves the network first: with the network open modules in the field say that
 * it is closed behind the OK of AT+CRESET (field F19). How long that takes is a guess. */
static clk_dur leave(struct modem *m, bool is_planned) {
    if (!is_planned) {
        return CLK_US(0);
    }
    modem_set_attached(m, false);
    return CLK_MS(LEAVING_MS);
}

void modem_restart(struct modem *m, clk_dur off, bool is_planned) {
    CHECK_OBJ(m, MODEM_MAGIC);
    struct power_event e = {POWER_BOOTING, is_planned};
    struct bus_verdict v = {0};
    if (is_planned) {
        v = bus_ask(&m->bus, ASK_POWER_RESTART, &e);
    }
    if (m->power == POWER_OFF || v.act == BUS_DROP) {
        return;
    }
    m->going.is_planned = is_planned;
    m->going.is_restart = true;
    m->going.pause = off;
    v.delay.us += leave(m, is_planned).us;
    clk_start(m->clk, &m->going.off, v.delay, go_off, m);
}

void modem_power_off(struct modem *m, bool is_planned) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->going.is_planned = is_planned;
    m->going.is_restart = false;
    if (m->power == POWER_OFF) {
        clk_stop(m->clk, &m->going.on);
    } else {
        clk_start(m->clk, &m->going.off, leave(m, is_planned), go_off, m);
    }
}

void modem_power_on(struct modem *m) {
    CHECK_OBJ(m, MODEM_MAGIC);
    if (m->power == POWER_OFF) {
        clk_start(m->clk, &m->going.on, CLK_US(0), start, m);
    } else if (clk_pending(&m->going.off)) {
        m->going.is_restart = true;
        m->going.pause = CLK_US(0);
    }
}

void modem_set_hung(struct modem *m, bool is_hung) {
    CHECK_OBJ(m, MODEM_MAGIC);
    if (m->power == (is_hung ? POWER_ON : POWER_HUNG)) {
        m->going.is_planned = false;
        set_power(m, is_hung ? POWER_HUNG : POWER_ON);
        update_suspended(m);
    }
}

/* -- radio -- */

void modem_set_registration(struct modem *m, enum reg_stat granted) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->reg.granted = granted;
    if (granted == REG_HOME || granted == REG_ROAMING) {
        m->reg.found = granted;
    }
    update_registration(m);
}

void modem_set_network_time(struct modem *m, const struct nitz *nitz) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->nitz = *nitz;
    tell_time(m);
}

void modem_set_left(struct modem *m, bool has_left) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->reg.has_left = has_left;
    update_registration(m);
}

void modem_set_signal(struct modem *m, int rssi, int ber) {
    CHECK_OBJ(m, MODEM_MAGIC);
    if (m->reg.rssi != rssi || m->reg.ber != ber) {
        m->reg.rssi = rssi;
        m->reg.ber = ber;
        bus_post(&m->bus, TOPIC_SIGNAL_CHANGED, &m->reg);
    }
}

static void camp(struct modem *m) {
    if (reg_camp(&m->reg, m->profile)) {
        bus_post(&m->bus, TOPIC_REG_CHANGED, &m->reg);
        update_suspended(m);
    }
    update_registration(m);
}

void modem_set_tech(struct modem *m, enum profile_tech tech) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->reg.best = tech;
    camp(m);
}

void modem_choose_cells(struct modem *m, const struct reg_choice *choice) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->reg.choice = *choice;
    camp(m);
}

void modem_set_fun(struct modem *m, enum modem_fun fun) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->fun = fun;
    update_registration(m);
}

void modem_set_attached(struct modem *m, bool is_attached) {
    CHECK_OBJ(m, MODEM_MAGIC);
    if (m->reg.is_attached != is_attached) {
        m->reg.is_attached = is_attached;
        bus_post(&m->bus, TOPIC_REG_CHANGED, &m->reg);
        update_bearer(m);
    }
}

static void set_active(struct modem *m, unsigned cid, bool is_active, bool by_network) {
    must(cid >= 1 && cid <= MODEM_CIDS);
    if (m->active[cid] == is_active) {
        return;
    }
    m->active[cid] = is_active;
    const struct context_event e = {.cid = cid, .is_active = is_active, .by_network = by_network};
    bus_post(&m->bus, TOPIC_CONTEXT_CHANGED, &e);
    update_bearer(m);
}

void modem_set_active(struct modem *m, unsigned cid, bool is_active) {
    CHECK_OBJ(m, MODEM_MAGIC);
    set_active(m, cid, is_active, false);
}

void modem_set_context(struct modem *m, modem_context_fn *context, void *ctx) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->context = context;
    m->context_ctx = ctx;
}

void modem_set_way_out(struct modem *m, const struct modem_way_out *way) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->way_out = *way;
}

void modem_set_nv_fin(struct modem *m, bool on) {
    CHECK_OBJ(m, MODEM_MAGIC);
    m->nv_fin = on;
    sockets_set_fin_when_dormant(m->sockets, on);
}

struct context_event modem_context(const struct modem *m, unsigned cid) {
    CHECK_OBJ(m, MODEM_MAGIC);
    struct context_event e = {.cid = cid, .is_active = true};
    if (m->context != NULL) {
        m->context(m->context_ctx, cid, &e);
    }
    return e;
}

static struct bus_verdict activate(struct modem *m, unsigned cid, bool is_dialled) {
    struct context_event e = modem_context(m, cid);
    e.is_dialled = is_dialled;
    struct bus_verdict v = bus_ask(&m->bus, ASK_CONTEXT_ACTIVATE, &e);
    if (v.act == BUS_GO) {
        set_active(m, cid, true, false);
    }
    return v;
}

struct bus_verdict modem_activate(struct modem *m, unsigned cid) {
    CHECK_OBJ(m, MODEM_MAGIC);
    return activate(m, cid, false);
}

struct bus_verdict modem_dial(struct modem *m, unsigned cid) {
    CHECK_OBJ(m, MODEM_MAGIC);
    return activate(m, cid, true);
}

bool modem_let_in(struct modem *m, unsigned cid, const struct auth_login *login) {
    CHECK_OBJ(m, MODEM_MAGIC);
    struct login_asked what = {modem_context(m, cid), login};
    return bus_ask(&m->bus, ASK_PPP_LOGIN, &what).act == BUS_GO;
}

void modem_deactivate(struct modem *m, unsigned cid) {
    CHECK_OBJ(m, MODEM_MAGIC);
    set_active(m, cid, false, true);
}
