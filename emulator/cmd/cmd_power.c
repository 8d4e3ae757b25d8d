/* cmd_power.c: what the port shows of the module's power: the commands that switch it, the silence
 * and the lines of a start. */
#include "base/chan.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd_dial.h"
#include "emulator/cmd/cmd_tcpip.h"
#include "handlers.h"

/* The answer is on its way, then the module goes. How long that takes is nowhere said (guess). */
enum { GOING_MS = 50 };

/* -- the lines of a start, in the order of field logs: RDY, +CPIN: READY, SMS DONE, PB DONE
 * (LilyGO T-SIM7600X pull request 41); V3.00 names none. -- */

enum { LINE_SIM = 1, LINES = 4 };

/* The second one is that of a good card. */
static const char *const texts[LINES] = {"RDY", "+CPIN: READY", "SMS DONE", "PB DONE"};

static clk_dur line_at(const struct modem_boot *b, size_t line) {
    const clk_dur at[LINES] = {b->rdy, b->sim, b->sms, b->pb};
    return at[line];
}

/* A card that is not there is told as one that was pulled: drivers of the module wait for this
 * text; when it comes is a guess. */
static void tell_sim(struct cmd *c) {
    const char *awaits = sim_awaits(&c->modem->sim);
    urc_post(c->session, URC_EVENT, "+CPIN: %s", awaits != NULL ? awaits : "SIM REMOVED");
}

void cmd_power_say_start(struct cmd *c) {
    for (size_t line = 0; line < LINES; line++) {
        urc_post(c->session, URC_EVENT, "%s", texts[line]);
    }
}

/* Messages and phone book are on the card: without its PIN the lines behind it do not come. */
static void tell_start(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    const struct modem_boot *b = &c->modem->boot;
    clk_dur wait = CLK_US(0);
    while (c->power.next < LINES && wait.us <= 0) {
        size_t line = c->power.next++;
        if (line == LINE_SIM) {
            tell_sim(c);
        } else {
            urc_post(c->session, URC_EVENT, "%s", texts[line]);
        }
        if (line >= LINE_SIM && c->modem->sim.state != SIM_READY) {
            c->power.next = LINES;
        }
        if (c->power.next < LINES) {
            wait.us = line_at(b, c->power.next).us - line_at(b, line).us;
        }
    }
    if (c->power.next < LINES) {
        clk_start(c->modem->clk, &c->power.start, wait, tell_start, c);
    } else if (c->modem->sim.state == SIM_READY) {
        cmd_stk_card_ready(c);
    } else {
        cmd_stk_stop(c);
    }
}

static void tell_from(struct cmd *c, size_t line) {
    clk_stop(c->modem->clk, &c->power.start);
    c->power.next = line;
    tell_start(c);
}

/* -- off and on -- */

static void on_usb(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    chan_set_present(session_chan(c->session), true);
}

/* A port on USB is there as soon as the host has found it, before anybody answers on it. */
static void plug_in(struct cmd *c) {
    if (c->modem->profile->usb) {
        clk_start(c->modem->clk, &c->power.usb, c->modem->boot.usb, on_usb, c);
    }
}

static void unplug(struct cmd *c) {
    clk_stop(c->modem->clk, &c->power.usb);
    if (c->modem->profile->usb) {
        chan_set_present(session_chan(c->session), false);
    }
}

/* Everything stops without a word; a port on USB is gone. */
static void go_off(struct cmd *c) {
    session_set_deaf(c->session, true);
    cmd_status_stop(c);
    cmd_fota_stop(c);
    cmd_hardware_stop(c);
    cmd_gnss_stop(c);
    cmd_sleep_stop(c);
    cmd_power_stop(c);
    cmd_stk_stop(c);
    session_reset(c->session);
    cmd_tcpip_reset(c);
    dial_stop(c);
    cmd_ping_stop(c);
    cmd_ntp_stop(c);
    cmd_lbs_stop(c);
    cmd_tft_stop(c);
    cmd_take_profile(c);
    setting_restart(session_settings(c->session));
    setting_restart(c->module);
}

/* What the end of the links has posted meanwhile is nobody's. */
static void come_on(struct cmd *c) {
    session_reset(c->session);
    cmd_call_start(c);
    cmd_ecall_start(c);
    cmd_network_start(c);
    cmd_packet_start(c);
    cmd_standard_start(c);
    cmd_hardware_start(c);
    cmd_gnss_start(c);
    cmd_stk_start(c);
    session_set_deaf(c->session, false);
    tell_from(c, 0);
}

static void change_power(struct cmd *c, const struct power_event *e) {
    enum power_state was = c->power.state;
    c->power.state = e->state;
    switch (e->state) {
    case POWER_OFF:
        if (was != POWER_BOOTING) {
            go_off(c);
        }
        unplug(c);
        break;
    case POWER_BOOTING:
        plug_in(c);
        break;
    case POWER_HUNG:
        session_set_deaf(c->session, true);
        break;
    case POWER_ON:
        if (was == POWER_HUNG) {
            session_set_deaf(c->session, false);
        } else {
            come_on(c);
        }
        break;
    }
}

void cmd_power_event(struct cmd *c, unsigned topic, const void *payload) {
    bool is_starting = clk_pending(&c->power.start) && c->power.next <= LINE_SIM;
    bool is_on = c->power.state == POWER_ON || c->power.state == POWER_HUNG;
    if (topic == TOPIC_POWER_CHANGED) {
        change_power(c, payload);
    } else if (topic == TOPIC_SIM_CHANGED && is_on && !is_starting) {
        tell_from(c, LINE_SIM);
    }
}

void cmd_power_start(struct cmd *c) {
    c->power.state = c->modem->power;
    c->power.next = LINES;
    session_set_deaf(c->session, c->power.state != POWER_ON);
}

void cmd_power_stop(struct cmd *c) {
    c->power.go = POWER_GO_NOWHERE;
    clk_stop(c->modem->clk, &c->power.going);
    clk_stop(c->modem->clk, &c->power.start);
    clk_stop(c->modem->clk, &c->power.usb);
}

/* -- commands -- */

static void on_going(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    bool is_restart = c->power.go == POWER_GO_RESTART;
    c->power.go = POWER_GO_NOWHERE;
    if (is_restart) {
        modem_restart(c->modem, c->modem->boot.away, true);
    } else {
        modem_power_off(c->modem, true);
    }
}

void cmd_power_done(struct cmd *c) {
    if (c->power.go != POWER_GO_NOWHERE && !clk_pending(&c->power.going)) {
        clk_start(c->modem->clk, &c->power.going, CLK_MS(GOING_MS), on_going, c);
    }
}

void cmd_power_restart(struct cmd *c) {
    c->power.go = POWER_GO_RESTART;
}

void cmd_power_off(struct cmd *c) {
    c->power.go = POWER_GO_OFF;
    cmd_power_done(c);
}

void cmd_cpof(struct at_req *rq) {
    cmd_of(rq)->power.go = POWER_GO_OFF;
    at_ok(rq);
}

void cmd_creset(struct at_req *rq) {
    cmd_power_restart(cmd_of(rq));
    at_ok(rq);
}
