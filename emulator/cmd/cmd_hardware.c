/* cmd_hardware.c: supply, temperature, ADCs, GPIOs, I2C, SD card, USB composition (V3.00 chapter
 * 19). */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "emulator/model/files.h"
#include "emulator/model/sdcard.h"
#include "handlers.h"
#include "slots.h"

/* -- supply and temperature -- */

enum { CVALARM_S = 10 }; /* V3.00 19.2.1 */

/* Where +CMTE alerts and where the module goes off: the ranges of normal and of extended operation,
 * for the manual names none (guess). */
enum { TOO_COLD = -40, COLD = -30, HOT = 80, TOO_HOT = 85 };

/* "UNDER", "OVER", or NULL: within the limits of a row. */
static const char *bad_supply(const struct cmd *c, unsigned enable, unsigned low, unsigned high) {
    int mv = c->modem->hw.supply;
    if (setting_int(c->module, enable) == 0) {
        return NULL;
    }
    if (mv < setting_int(c->module, low)) {
        return "UNDER";
    }
    return mv > setting_int(c->module, high) ? "OVER" : NULL;
}

/* The first session watches what is measured, once for all ports. */
static void tell_all(struct cmd *c, bool is_repeatable, const char *text) {
    const struct urc_event e = {.text = text, .is_repeatable = is_repeatable};
    bus_post(&c->modem->bus, TOPIC_URC, &e);
}

/* The spelling is the module's. */
static void warn_supply(void *ctx) {
    struct cmd *c = cmd_from(ctx);
    const char *bad =
        bad_supply(c, SLOT_CVALARM_ENABLE, SLOT_CVALARM_LOW_VOLTAGE, SLOT_CVALARM_HIGH_VOLTAGE);
    if (bad != NULL) {
        char text[32];
        snprintf(text, sizeof text, "%s-VOLTAGE WARNNING", bad);
        tell_all(c, true, text);
        clk_start(c->modem->clk, &c->hw.warning, CLK_S(CVALARM_S), warn_supply, c);
    }
}

static int heat_of(const struct cmd *c) {
    int t = c->modem->hw.temperature;
    if (t < COLD) {
        return t < TOO_COLD ? -2 : -1;
    }
    if (t > HOT) {
        return t > TOO_HOT ? 2 : 1;
    }
    return 0;
}

static void check_heat(struct cmd *c) {
    int heat = setting_int(c->module, SLOT_CMTE_ON_OFF) == 1 ? heat_of(c) : 0;
    if (heat != c->hw.heat && heat != 0) {
        char text[16];
        snprintf(text, sizeof text, "+CMTE:%d", heat);
        tell_all(c, false, text);
    }
    c->hw.heat = heat;
    if (heat == -2 || heat == 2) {
        cmd_power_off(c);
    }
}

static void check_measured(struct cmd *c) {
    if (c->power.go != POWER_GO_NOWHERE) {
        return; /* it goes off already */
    }
    if (!clk_pending(&c->hw.warning)) {
        warn_supply(c);
    }
    check_heat(c);
    const char *bad =
        bad_supply(c, SLOT_CPMVT_ENABLE, SLOT_CPMVT_LOW_VOLTAGE, SLOT_CPMVT_HIGH_VOLTAGE);
    if (bad != NULL) {
        char text[48];
        snprintf(text, sizeof text, "%s-VOLTAGE WARNNING POWER DOWN", bad);
        tell_all(c, false, text);
        cmd_power_off(c);
    }
}

/* +CVALARM, +CPMVT, +CMTE: what is bad already counts at once. */
void cmd_guard(struct at_req *rq) {
    struct cmd *c = cmd_of(rq)->first;
    setting_run(rq);
    check_measured(c);
}

void cmd_cbc(struct at_req *rq) {
    int mv = cmd_of(rq)->modem->hw.supply;
    at_info(rq, "+CBC: %d.%03dV", mv / 1000, mv % 1000);
    at_ok(rq);
}

void cmd_cpmutemp(struct at_req *rq) {
    at_info(rq, "+CPMUTEMP: %d", cmd_of(rq)->modem->hw.temperature);
    at_ok(rq);
}

/* The raw reading counts mV, too (guess). */
static void read_adc(struct at_req *rq, size_t adc) {
    at_info(rq, "%s: %d", at_row_of(rq)->name, cmd_of(rq)->modem->hw.adc[adc]);
    at_ok(rq);
}

void cmd_cadc(struct at_req *rq) {
    read_adc(rq, 0);
}

void cmd_cadc2(struct at_req *rq) {
    read_adc(rq, 1);
}

/* -- GPIOs -- */

static const struct setting_record *record_of(const struct cmd *c, const char *row, int gpio) {
    return setting_record_find(c->module, table_find(&at_dialect, sv_of(row)), gpio);
}

/* A pin with a function of its own is not for these commands (V3.00 19.2.20 to 19.2.23). */
static bool is_plain(const struct cmd *c, int gpio) {
    const struct setting_record *r = record_of(c, "+CGFUNC", gpio);
    return r == NULL || r->ints[1] == 0;
}

/* The pin of the first argument; -1: it has a function of its own, which is answered. */
static int pin_of(struct at_req *rq) {
    int gpio = at_int(rq, 0);
    if (is_plain(cmd_of(rq), gpio)) {
        return hardware_find_pin(gpio);
    }
    at_fail(rq, AT_ERR_PLAIN);
    return -1;
}

/* With the pin alone it is a question (V3.00 19.2.19). */
void cmd_cgfunc(struct at_req *rq) {
    if (at_has(rq, 1)) {
        setting_run(rq);
        return;
    }
    int gpio = at_int(rq, 0);
    at_info(rq, "+CGFUNC: %d,%d", gpio, is_plain(cmd_of(rq), gpio) ? 0 : 1);
    at_ok(rq);
}

/* With the pin alone only OK is printed (V3.00 19.2.20). */
void cmd_cgdrt(struct at_req *rq) {
    int pin = pin_of(rq);
    if (pin < 0) {
        return;
    }
    if (at_has(rq, 1)) {
        modem_set_pin_out(cmd_of(rq)->modem, (unsigned)pin, at_int(rq, 1) == 1);
    }
    at_ok(rq);
}

void cmd_cgsetv(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    int pin = pin_of(rq);
    if (pin < 0) {
        return;
    }
    if (!m->hw.pins[pin].is_out) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    modem_drive_pin(m, (unsigned)pin, at_int(rq, 1) == 1);
    at_ok(rq);
}

void cmd_cggetv(struct at_req *rq) {
    int pin = pin_of(rq);
    if (pin >= 0) {
        const struct hardware *hw = &cmd_of(rq)->modem->hw;
        at_info(rq, "+CGGETV: %d,%d", (int)at_int(rq, 0),
                hardware_is_high(hw, (unsigned)pin) ? 1 : 0);
        at_ok(rq);
    }
}

/* -- interrupts -- */

enum { ISR_DETECT = 1, ISR_POLARITY, ISR_TEXT, ISR_LENGTH = 45 }; /* fields of +CGISR */

static void isr_text(const struct setting_record *r, char to[ISR_LENGTH + 1]) {
    if (r->texts[ISR_TEXT][0] != '\0') {
        snprintf(to, ISR_LENGTH + 1, "%.*s", ISR_LENGTH, r->texts[ISR_TEXT]);
    } else {
        snprintf(to, ISR_LENGTH + 1, "GPIO_%d_ISR!", (int)r->ints[0]);
    }
}

/* One line when the pin gets there; a level that is there when it is asked for counts as well, an
 * edge must come (guess). */
static void interrupt(struct cmd *c, int gpio, bool is_high, bool is_edge) {
    const struct setting_record *r = record_of(c, "+CGISR", gpio);
    enum { LEVEL = 1, EDGE = 2 };
    if (r == NULL || is_high != (r->ints[ISR_POLARITY] == 1) || !is_plain(c, gpio)) {
        return;
    }
    if (r->ints[ISR_DETECT] == LEVEL || (r->ints[ISR_DETECT] == EDGE && is_edge)) {
        char text[ISR_LENGTH + 1];
        isr_text(r, text);
        urc_post(c->session, URC_EVENT, "%s", text);
    }
}

static void check_pins(struct cmd *c) {
    for (unsigned i = 0; i < HARDWARE_PINS; i++) {
        bool is_high = hardware_is_high(&c->modem->hw, i);
        bool was_high = c->hw.is_high[i];
        c->hw.is_high[i] = is_high;
        if (is_high != was_high && !c->modem->hw.pins[i].is_out) {
            interrupt(c, hardware_gpio(i), is_high, true);
        }
    }
}

static void tell_isr(struct at_req *rq, int gpio) {
    const struct setting_record *r = record_of(cmd_of(rq), "+CGISR", gpio);
    if (r == NULL || r->ints[ISR_DETECT] == 0) {
        at_info(rq, "+CGISR: %d,0", gpio);
    } else {
        char text[ISR_LENGTH + 1];
        isr_text(r, text);
        at_info(rq, "+CGISR: %d,%d,%d,%s", gpio, (int)r->ints[ISR_DETECT],
                (int)r->ints[ISR_POLARITY], text);
    }
    at_ok(rq);
}

void cmd_cgisr(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    int gpio = at_int(rq, 0);
    if (at_nargs(rq) == 1) {
        tell_isr(rq, gpio);
        return;
    }
    unsigned pin = (unsigned)hardware_find_pin(gpio);
    bool is_off = at_int(rq, ISR_DETECT) == 0;
    bool is_ready = is_plain(c, gpio) && !c->modem->hw.pins[pin].is_out;
    if (!is_off && (!at_has(rq, ISR_POLARITY) || !is_ready)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    setting_run(rq);
    interrupt(c, gpio, hardware_is_high(&c->modem->hw, pin), false);
}

/* -- the module's own -- */

void cmd_hardware_event(struct cmd *c, unsigned topic, const void *payload) {
    (void)payload;
    if (topic == TOPIC_HARDWARE_CHANGED && c->power.state == POWER_ON) {
        check_pins(c);
        if (c == c->first) {
            check_measured(c);
        }
    }
}

void cmd_hardware_start(struct cmd *c) {
    c->hw.heat = 0;
    for (unsigned i = 0; i < HARDWARE_PINS; i++) {
        c->hw.is_high[i] = hardware_is_high(&c->modem->hw, i);
    }
}

void cmd_hardware_stop(struct cmd *c) {
    clk_stop(c->modem->clk, &c->hw.warning);
}

/* Another composition takes a restart (V1.12 4.23). */
void cmd_cusbpidswitch(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_int(rq, 0) != setting_int(c->module, SLOT_CUSBPIDSWITCH_PID)) {
        cmd_power_restart(c);
    }
    setting_run(rq);
}

/* -- I2C -- */

enum { I2C_MOST = 4, I2C_ADDRESS_DIGITS = 2, I2C_DATA_DIGITS = 8 }; /* V3.00 19.2.10 */

/* "0x5D"; at most so many digits. */
static bool take_hex(struct at_req *rq, size_t i, size_t digits, uint32_t *out) {
    struct sv text = at_text(rq, i);
    struct sv number = sv_slice(text, 2, text.n);
    return sv_starts_nocase(text, SV("0x")) && number.n > 0 && number.n <= digits &&
           hex_number(number, out) == 0;
}

void cmd_criic(struct at_req *rq) {
    uint32_t address = 0;
    uint32_t reg = 0;
    uint8_t bytes[I2C_MOST];
    size_t n = (size_t)at_int(rq, 2);
    if (!take_hex(rq, 0, I2C_ADDRESS_DIGITS, &address) ||
        !take_hex(rq, 1, I2C_ADDRESS_DIGITS, &reg) ||
        i2c_read(&cmd_of(rq)->modem->hw.i2c, (uint8_t)address, (uint8_t)reg, bytes, n) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    char text[I2C_MOST * sizeof ",0x00"] = "";
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s0x%02x", i > 0 ? "," : "", bytes[i]);
    }
    at_info(rq, "+CRIIC: %s", text);
    at_ok(rq);
}

void cmd_cwiic(struct at_req *rq) {
    struct modem *m = cmd_of(rq)->modem;
    uint32_t address = 0;
    uint32_t reg = 0;
    uint32_t data = 0;
    uint8_t old[I2C_MOST];
    size_t n = (size_t)at_int(rq, 3);
    if (!take_hex(rq, 0, I2C_ADDRESS_DIGITS, &address) ||
        !take_hex(rq, 1, I2C_ADDRESS_DIGITS, &reg) || !take_hex(rq, 2, I2C_DATA_DIGITS, &data) ||
        (uint64_t)data >> (8 * n) != 0 ||
        i2c_read(&m->hw.i2c, (uint8_t)address, (uint8_t)reg, old, n) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(data >> (8 * (n - 1 - i)));
        must(modem_set_i2c(m, (uint8_t)address, (uint8_t)(reg + i), byte) == 0);
    }
    at_ok(rq);
}

/* -- SD card -- */

static int divide_card(struct at_req *rq, struct files *f) {
    size_t n = (size_t)at_int(rq, 0);
    int32_t kb[SDCARD_PARTITIONS - 1] = {0};
    if (at_nargs(rq) != n) {
        return -1;
    }
    for (size_t i = 0; i + 1 < n; i++) {
        kb[i] = at_has(rq, 1 + i) ? at_int(rq, 1 + i) : 0;
    }
    return files_divide_card(f, n, kb);
}

void cmd_cfdisk(struct at_req *rq) {
    struct files *f = cmd_of(rq)->modem->files;
    const struct sdcard *card = files_card(f);
    int rc = card != NULL ? 0 : -1;
    if (at_form_of(rq) == AT_WRITE) {
        rc = divide_card(rq, f);
    } else if (at_form_of(rq) == AT_EXEC) {
        rc = files_format_card(f);
    }
    for (size_t i = 0; card != NULL && at_form_of(rq) == AT_READ && i < card->n; i++) {
        at_info(rq, "+CFDISK: %zu,%lld", i + 1, (long long)card->kb[i]);
    }
    if (rc == 0) {
        at_ok(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}
