/* cmd_sleep.c: AT+CSCLK=1, the UART that sleeps while DTR is high, which is off (V3.00 19.2.17).
 * All that a tty can tell of DTR by itself is that nobody has it open, or speed B0.
 *
 * A port on USB goes on, also while the UART of such a module sleeps. What an unsolicited result
 * wakes goes back to sleep behind it, which nobody can see. */
#include "base/chan.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "slots.h"

/* Sleep Mode application note V3.00: it takes 15 to 20 s to fall asleep, and with DTR low again the
 * host is to wait 20 ms before it sends; that what comes earlier is lost is a guess. */
enum { ASLEEP_S = 15, WAKING_MS = 20 };

static bool is_on(const struct cmd *c) {
    return c->power.state == POWER_ON;
}

static bool may_sleep(const struct cmd *c) {
    const struct chan *chan = session_chan(c->session);
    bool is_dtr_off = !chan->is_open || chan->is_dtr_off;
    bool is_virtual = c->role >= CMD_DLCI1;
    bool is_uart = c->role == CMD_UART || !c->modem->profile->usb;
    return is_on(c) && is_dtr_off && !is_virtual && is_uart && chan_is_top(chan, c->session) &&
           setting_int(c->module, SLOT_CSCLK_STATUS) != 0;
}

static void on_asleep(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    if (may_sleep(c)) {
        c->sleep.state = SLEEP_ASLEEP;
    }
}

static void end_waking(struct cmd *c, enum sleep_state state) {
    c->sleep.state = state;
    if (is_on(c)) {
        session_set_deaf(c->session, false);
    }
}

static void on_awake(void *ctx) {
    end_waking(cmd_from(ctx), SLEEP_AWAKE);
}

void cmd_sleep_changed(struct cmd *c) {
    bool may = may_sleep(c);
    struct clk *clk = c->modem->clk;
    switch (c->sleep.state) {
    case SLEEP_AWAKE:
        if (may) {
            clk_start(clk, &c->sleep.timer, CLK_S(ASLEEP_S), on_asleep, c);
        } else {
            clk_stop(clk, &c->sleep.timer);
        }
        break;
    case SLEEP_ASLEEP:
        if (!may && is_on(c)) {
            session_set_deaf(c->session, true);
            c->sleep.state = SLEEP_WAKING;
            clk_start(clk, &c->sleep.timer, CLK_MS(WAKING_MS), on_awake, c);
        }
        break;
    case SLEEP_WAKING:
        if (may) {
            clk_stop(clk, &c->sleep.timer);
            end_waking(c, SLEEP_ASLEEP);
        }
        break;
    }
}

void cmd_sleep_stop(struct cmd *c) {
    clk_stop(c->modem->clk, &c->sleep.timer);
    c->sleep.state = SLEEP_AWAKE;
}
