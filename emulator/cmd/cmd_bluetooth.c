/* cmd_bluetooth.c: Bluetooth: scan, pairing, SPP and the GATT server (V3.00 chapter 28). */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/charset.h"
#include "base/hex.h"
#include "base/obj.h"
#include "emulator/at/setting.h"
#include "emulator/at/table.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/events.h"
#include "emulator/model/gatt.h"
#include "handlers.h"
#include "slots.h"

static struct bluetooth *bluetooth_of(struct at_req *rq) {
    return cmd_of(rq)->modem->bluetooth;
}

static void answer(struct at_req *rq, int rc) {
    if (rc >= 0) {
        at_ok(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

/* -- what others see of the module -- */

void cmd_bthost(struct at_req *rq) {
    at_info(rq, "+BTHOST: %s, 00:02:5B:AC:8D:D9",
            setting_text(cmd_of(rq)->module, SLOT_BTHOST_BTNAME));
    at_ok(rq);
}

void cmd_btiocap(struct at_req *rq) {
    at_info(rq, "+BTIOCAP: 1");
    setting_run(rq);
}

void cmd_btpower(struct at_req *rq) {
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+BTPOWER: %d", bluetooth_is_on(bluetooth_of(rq)) ? 1 : 0);
    } else if (at_int(rq, 0) == 0 && at_has(rq, 1)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    } else {
        bluetooth_set_on(bluetooth_of(rq), at_int(rq, 0) == 1);
    }
    at_ok(rq);
}

/* -- scan and pairing -- */

void cmd_btscan(struct at_req *rq) {
    struct bluetooth *bt = bluetooth_of(rq);
    answer(rq, at_int(rq, 0) == 0 ? bluetooth_stop_scan(bt)
                                  : bluetooth_scan(bt, at_int(rq, 1) == 1, CLK_S(at_int(rq, 2))));
}

/* Mode 0 asks a device of the scan, the others answer to what is asked. */
void cmd_btpair(struct at_req *rq) {
    struct bluetooth *bt = bluetooth_of(rq);
    int mode = at_int(rq, 0);
    if (mode == 0 && !at_has(rq, 2)) {
        answer(rq, bluetooth_pair(bt, (unsigned)at_int(rq, 1)));
    } else if (mode != 0 && at_int(rq, 1) <= 1) {
        answer(rq, bluetooth_answer(bt, (enum bluetooth_pairing)mode, at_int(rq, 1) == 1,
                                    at_text(rq, 2)));
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

/* -- who is paired is a record each, so that it outlives power -- */

enum { PAIRED_NAME = 1, PAIRED_MAC, PAIRED_FIELDS };

static const struct at_cmd *paired_row(void) {
    return table_find(&at_dialect, SV("+BTPAIRED"));
}

static void keep_paired(struct cmd *c) {
    struct setting_record records[LIMIT_BLUETOOTH_DEVICES];
    struct fields {
        int32_t ints[PAIRED_FIELDS];
        char *texts[PAIRED_FIELDS];
        struct bluetooth_device d;
    } *fields = xmalloc(LIMIT_BLUETOOTH_DEVICES * sizeof *fields);
    const struct bluetooth_device *d;
    size_t n = 0;
    while ((d = bluetooth_paired(c->modem->bluetooth, (unsigned)n + 1)) != NULL) {
        struct fields *f = &fields[n];
        f->d = *d;
        f->ints[0] = (int32_t)n + 1;
        f->texts[0] = "";
        f->texts[PAIRED_NAME] = f->d.name;
        f->texts[PAIRED_MAC] = f->d.mac;
        records[n++] = (struct setting_record){f->ints, f->texts};
    }
    setting_set_records(c->module, paired_row(), records, n);
    free(fields);
}

void cmd_bluetooth_load(struct cmd *c) {
    const struct setting_record *records = NULL;
    size_t n = setting_records(c->module, paired_row(), &records);
    for (size_t i = 0; i < n; i++) {
        bluetooth_know(c->modem->bluetooth, sv_of(records[i].texts[PAIRED_MAC]),
                       sv_of(records[i].texts[PAIRED_NAME]));
    }
}

void cmd_btunpair(struct at_req *rq) {
    int rc = bluetooth_unpair(bluetooth_of(rq), (unsigned)at_int(rq, 0));
    if (rc == 0) {
        keep_paired(cmd_of(rq));
        urc_post(cmd_of(rq)->session, URC_EVENT, "+BTUNPAIR: 1");
    }
    answer(rq, rc);
}

void cmd_btpaired(struct at_req *rq) {
    const struct bluetooth *bt = bluetooth_of(rq);
    unsigned n = 0;
    while (bluetooth_paired(bt, n + 1) != NULL) {
        n++;
    }
    for (unsigned i = 1; i <= n; i++) {
        const struct bluetooth_device *d = bluetooth_paired(bt, i);
        urc_post(cmd_of(rq)->session, URC_EVENT, "+BTPAIRED: %u, %u, %s, %s", n, i, d->name,
                 d->mac);
    }
    at_ok(rq);
}

/* -- SPP: text as UCS2 on the port, and as UTF-8 outside (guess) -- */

enum { UNIT = 4, RECEIVED_UNITS = 50 }; /* digits of a unit; 100 bytes of a line (V3.00 28.2.23) */

static bool is_high(unsigned unit) {
    return unit >= 0xd800 && unit < 0xdc00;
}

static uint32_t unit_at(struct sv hex, size_t at) {
    uint32_t unit = 0;
    must(hex_number(sv_slice(hex, at, UNIT), &unit) == 0);
    return unit;
}

static void utf8_of(struct sv hex, struct buf *to) {
    for (size_t at = 0; at < hex.n; at += UNIT) {
        uint32_t c = unit_at(hex, at);
        uint32_t low = is_high(c) ? unit_at(hex, at + UNIT) : 0;
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
            at += UNIT;
        }
        char bytes[CHARSET_UTF8];
        buf_put(to, bytes, charset_put(c, bytes));
    }
}

void cmd_btsppsend(struct at_req *rq) {
    struct sv hex = at_text(rq, 0);
    if (hex.n == 0 || hex.n % UNIT != 0 || !hex_is(hex)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    struct buf text;
    buf_init(&text, hex.n); /* a unit is three bytes at most */
    utf8_of(hex, &text);
    int rc = bluetooth_send(bluetooth_of(rq),
                            (struct sv){(const char *)buf_data(&text), buf_len(&text)});
    buf_fini(&text);
    if (rc == 0) {
        urc_post(cmd_of(rq)->session, URC_EVENT, "+BTSPPSEND: 1");
    }
    answer(rq, rc);
}

/* What is no UTF-8 is a byte of its own. */
static uint32_t next_character(struct sv *text) {
    struct sv was = *text;
    uint32_t c = charset_next(text);
    return c == CHARSET_UNKNOWN && was.n - text->n == 1 ? (uint8_t)was.p[0] : c;
}

static void tell_received(struct cmd *c, struct sv text) {
    char hex[RECEIVED_UNITS * UNIT + 1] = "";
    size_t units = 0;
    while (text.n > 0) {
        uint32_t ch = next_character(&text);
        unsigned pair[2] = {0xd800 + ((ch - 0x10000) >> 10), 0xdc00 | (ch & 0x3ff)};
        size_t wanted = ch > 0xffff ? 2 : 1;
        pair[0] = wanted == 1 ? ch : pair[0];
        for (size_t i = 0; i < wanted; i++) {
            snprintf(hex + units * UNIT, UNIT + 1, "%04X", pair[i] & 0xffff);
            units++;
        }
        if (units + 2 > RECEIVED_UNITS || text.n == 0) {
            urc_post(c->session, URC_EVENT, "+BTSPPRECV: %zu,%s", 2 * units, hex);
            units = 0;
        }
    }
}

void cmd_btsppsrv(struct at_req *rq) {
    struct bluetooth *bt = bluetooth_of(rq);
    int rc = 0;
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+BTSPPSRV: %d", bluetooth_has_server(bt) ? 1 : 0);
    } else if ((rc = bluetooth_set_server(bt, at_int(rq, 0) == 1)) == 0) {
        urc_post(cmd_of(rq)->session, URC_EVENT, "+BTSPPSRV: %d", (int)at_int(rq, 0));
    }
    answer(rq, rc);
}

void cmd_btsppprof(struct at_req *rq) {
    const struct bluetooth *bt = bluetooth_of(rq);
    const struct bluetooth_device *d = bluetooth_paired(bt, (unsigned)at_int(rq, 0));
    if (!bluetooth_is_on(bt) || d == NULL) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    at_info(rq, "+BTSPPPROF: %d", d->has_spp ? 1 : 0);
    at_ok(rq);
}

void cmd_btsppconn(struct at_req *rq) {
    struct bluetooth *bt = bluetooth_of(rq);
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+BTSPPCONN: %d", bluetooth_is_connected(bt) ? 1 : 0);
        at_ok(rq);
        return;
    }
    answer(rq, at_int(rq, 0) == 0 ? bluetooth_disconnect(bt)
                                  : bluetooth_connect(bt, (unsigned)at_int(rq, 1)));
}

/* -- GATT -- */

/* NULL: it is off, which is answered. */
static struct gatt *gatt_of(struct at_req *rq) {
    struct bluetooth *bt = bluetooth_of(rq);
    if (bluetooth_is_on(bt)) {
        return bluetooth_gatt(bt);
    }
    at_fail(rq, AT_ERR_PLAIN);
    return NULL;
}

/* What cannot be done now has the status 0 (guess). */
static void tell_status(struct at_req *rq, int rc) {
    at_info(rq, "%s: %d", at_row_of(rq)->name, rc >= 0 ? 1 : 0);
    at_ok(rq);
}

/* The status is the parameter (V3.00 28.2.12). */
void cmd_btgattreg(struct at_req *rq) {
    struct gatt *g = gatt_of(rq);
    if (g != NULL) {
        gatt_register(g, at_int(rq, 0) == 1);
        at_info(rq, "+BTGATTREG: %d", (int)at_int(rq, 0));
        at_ok(rq);
    }
}

void cmd_btgattact(struct at_req *rq) {
    struct gatt *g = gatt_of(rq);
    if (g == NULL) {
        return;
    }
    if (at_form_of(rq) == AT_EXEC) {
        tell_status(rq, gatt_activate(g));
        return;
    }
    gatt_set(g, at_int(rq, 0) == 1, (unsigned)(at_has(rq, 1) ? at_int(rq, 1) : GATT_MTU));
    at_ok(rq);
}

static void build(struct at_req *rq, int (*step)(struct gatt *g)) {
    struct gatt *g = gatt_of(rq);
    if (g != NULL) {
        tell_status(rq, step(g));
    }
}

void cmd_btgattcredb(struct at_req *rq) {
    build(rq, gatt_create_db);
}

void cmd_btgattcrechardes(struct at_req *rq) {
    build(rq, gatt_add_description);
}

void cmd_btgattsrvadd(struct at_req *rq) {
    build(rq, gatt_publish);
}

/* 4 or 32 digits; of what is between them the last 4 count, as in the example of V3.00 28.2.16. */
static bool uuid_of(struct sv typed, struct sv *uuid) {
    enum { SHORT = 4, LONG = 32 };
    *uuid = typed.n < LONG && typed.n > SHORT ? sv_slice(typed, typed.n - SHORT, SHORT) : typed;
    return typed.n >= SHORT && typed.n <= LONG && hex_is(typed);
}

void cmd_btgattcresrv(struct at_req *rq) {
    struct sv uuid;
    if (uuid_of(at_text(rq, 0), &uuid)) {
        build(rq, gatt_add_service);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

void cmd_btgattcrechar(struct at_req *rq) {
    struct gatt *g = gatt_of(rq);
    struct sv uuid;
    if (g == NULL) {
        return;
    }
    if (!uuid_of(at_text(rq, 0), &uuid)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    int handle = gatt_add_characteristic(g, (unsigned)at_int(rq, 1));
    if (handle < 0) {
        tell_status(rq, handle);
        return;
    }
    at_info(rq, "+BTGATTCRECHAR: 1,0X%.*s,%d", SV_ARG(uuid), handle);
    at_ok(rq);
}

void cmd_btgattreadcfm(struct at_req *rq) {
    struct gatt *g = gatt_of(rq);
    if (g == NULL) {
        return;
    }
    if (gatt_confirm_read(g, (unsigned)at_int(rq, 0), at_text(rq, 1)) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    tell_status(rq, 0);
}

void cmd_btgattwrcfm(struct at_req *rq) {
    struct gatt *g = gatt_of(rq);
    if (g == NULL) {
        return;
    }
    if (gatt_confirm_write(g) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    tell_status(rq, 0);
}

static void tell_client(struct at_req *rq, bool is_indication) {
    enum { DATA_MAX = 20 };
    struct gatt *g = gatt_of(rq);
    if (g == NULL) {
        return;
    }
    if (at_text(rq, 1).n > DATA_MAX) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    tell_status(rq, gatt_notify(g, (unsigned)at_int(rq, 0), at_text(rq, 1), is_indication));
}

void cmd_btgattnotify(struct at_req *rq) {
    tell_client(rq, false);
}

void cmd_btgattsendind(struct at_req *rq) {
    tell_client(rq, true);
}

/* -- what comes unasked -- */

static void tell_pairing(struct cmd *c, const struct bluetooth_event *e) {
    urc_post(c->session, URC_EVENT, "+BTPAIRING: %d, %s, %s%s%.*s", e->number, e->device->name,
             e->device->mac, e->data.n > 0 ? ", " : "", SV_ARG(e->data));
}

static void tell_write(struct cmd *c, const struct bluetooth_event *e) {
    char hex[2 * LIMIT_GATT_WRITE + 1];
    must(e->data.n <= LIMIT_GATT_WRITE);
    hex_print(e->data.p, e->data.n, hex);
    urc_post(c->session, URC_EVENT, "+BTGATTWRIND: %d,%s", e->number, hex);
}

void cmd_bluetooth_event(struct cmd *c, unsigned topic, const void *payload) {
    const struct bluetooth_event *e = payload;
    if (topic != TOPIC_BLUETOOTH) {
        return;
    }
    const struct bluetooth_device *d = e->device;
    struct at_session *s = c->session;
    switch (e->what) {
    case BLUETOOTH_FOUND:
        urc_post(s, URC_EVENT, "+BTSCAN: 0, %d, %s, %s, %d", e->number, d->name, d->mac, d->rssi);
        break;
    case BLUETOOTH_SCANNED:
        urc_post(s, URC_EVENT, "+BTSCAN: 1");
        break;
    case BLUETOOTH_PAIRING:
        tell_pairing(c, e);
        break;
    case BLUETOOTH_PAIRED:
        if (c == c->first) {
            keep_paired(c);
        }
        urc_post(s, URC_EVENT, "+BTPAIR: 1, %s, %s", d->name, d->mac);
        break;
    case BLUETOOTH_NOT_PAIRED:
        urc_post(s, URC_EVENT, "+BTPAIR: 0");
        break;
    case BLUETOOTH_SPP_UP:
        urc_post(s, URC_EVENT, "+BTSPPCONN: 1, %d, %s", BLUETOOTH_FRAME, d->mac);
        break;
    case BLUETOOTH_SPP_DOWN:
        urc_post(s, URC_EVENT, "+BTSPPCONN: 0");
        break;
    case BLUETOOTH_RECEIVED:
        tell_received(c, e->data);
        break;
    case BLUETOOTH_GATT_UP:
    case BLUETOOTH_GATT_DOWN:
        urc_post(s, URC_EVENT, "+BTGATTCONN: %d, %s", e->what == BLUETOOTH_GATT_UP ? 1 : 0, d->mac);
        break;
    case BLUETOOTH_READ:
        urc_post(s, URC_EVENT, "+BTGATTREADIND: %d,%d", e->number, e->limit);
        break;
    case BLUETOOTH_WRITE:
        tell_write(c, e);
        break;
    case BLUETOOTH_SENT:
    case BLUETOOTH_READ_DONE:
    case BLUETOOTH_WRITE_DONE:
    case BLUETOOTH_NOTIFIED:
    case BLUETOOTH_INDICATED:
        break; /* the others' side */
    }
}
