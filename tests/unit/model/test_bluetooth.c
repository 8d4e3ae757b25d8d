/* Bluetooth's bounds, and what nobody should do. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bus.h"
#include "base/limits.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/events.h"
#include "emulator/model/gatt.h"

static struct clk *clk;
static struct bus bus;
static struct bluetooth *bt;
static struct gatt *gatt;
static enum bluetooth_what newest;
static char text[LIMIT_GATT_VALUE + 1];
static int limit;

static void on_bus(void *ctx, unsigned topic, const void *payload) {
    const struct bluetooth_event *e = payload;
    (void)ctx;
    cr_assert_eq(topic, TOPIC_BLUETOOTH);
    newest = e->what;
    limit = e->limit;
    snprintf(text, sizeof text, "%.*s", SV_ARG(e->data));
}

static void start(void) {
    clk = clk_new_manual();
    bus_init(&bus);
    bus_listen(&bus, on_bus, NULL);
    bt = bluetooth_new(clk, &bus);
    gatt = bluetooth_gatt(bt);
    bluetooth_set_on(bt, true);
}

static void stop(void) {
    bluetooth_free(bt);
    clk_close(clk);
}

TestSuite(bluetooth, .init = start, .fini = stop);

static int put(unsigned n) {
    struct bluetooth_device d = {.name = "n", .code = "1"};
    snprintf(d.mac, sizeof d.mac, "00:00:00:00:00:%02X", n & 0xff);
    return bluetooth_put(bt, &d);
}

static int take(unsigned n) {
    char mac[BLUETOOTH_MAC + 1];
    snprintf(mac, sizeof mac, "00:00:00:00:00:%02X", n & 0xff);
    return bluetooth_take(bt, sv_of(mac));
}

#define WW SV("C4:0B:CB:3E:68:62")

Test(bluetooth, devices_are_bounded_and_a_scan_finds_all_of_them) {
    unsigned n = 0;
    while (put(n) == 0) {
        n++;
    }
    cr_assert_eq(n, LIMIT_BLUETOOTH_DEVICES - 5);
    cr_assert_eq(put(0), 0); /* known */
    cr_assert_eq(put(n), -ENOSPC);
    cr_assert_eq(take(0), 0);
    cr_assert_eq(take(0), -ENOENT);
    cr_assert_eq(put(n), 0);
    cr_assert_eq(bluetooth_scan(bt, false, CLK_S(6)), 0);
    clk_advance(clk, CLK_S(6));
    cr_assert_eq(newest, BLUETOOTH_SCANNED);
    cr_assert_eq(bluetooth_pair(bt, LIMIT_BLUETOOTH_DEVICES + 1), -ENOENT);
    cr_assert_eq(bluetooth_pair(bt, 0), -ENOENT);
    cr_assert_eq(take(1), 0);
    cr_assert_eq(put(99), -ENOSPC); /* the scan still names it */
    cr_assert_eq(bluetooth_pair(bt, LIMIT_BLUETOOTH_DEVICES), 0);
}

Test(bluetooth, who_has_gone_is_missed) {
    cr_assert_eq(bluetooth_scan(bt, false, CLK_S(6)), 0);
    clk_advance(clk, CLK_S(6));
    cr_assert_eq(bluetooth_take(bt, WW), 0);
    cr_assert_eq(bluetooth_pair(bt, 4), 0);
    clk_advance(clk, CLK_MS(4999));
    cr_assert_eq(newest, BLUETOOTH_SCANNED);
    clk_advance(clk, CLK_MS(1));
    cr_assert_eq(newest, BLUETOOTH_NOT_PAIRED);
    cr_assert_eq(bluetooth_ask_pairing(bt, WW), -ENOENT);
    cr_assert_eq(bluetooth_ask_pairing(bt, SV("")), -ENOENT);
    cr_assert_eq(bluetooth_call(bt, WW, false), -ENOENT);
}

Test(bluetooth, off_it_answers_nobody) {
    bluetooth_set_on(bt, false);
    cr_assert_eq(bluetooth_ask_pairing(bt, WW), -ENODEV);
    cr_assert_eq(bluetooth_call(bt, WW, true), -ENODEV);
    cr_assert_eq(bluetooth_receive(bt, SV("x")), -ENOTCONN);
    cr_assert_eq(bluetooth_hang_up(bt, true), -ENOTCONN);
    cr_assert_eq(bluetooth_hang_up(bt, false), -ENOTCONN);
    cr_assert_eq(gatt_read(gatt, 13), -ENOTCONN);
    cr_assert_eq(bluetooth_send(bt, SV("x")), -ENOTCONN);
}

/* Handles 13 read, 15 write, 17 write alone, 19 indicate. */
static void serve(unsigned mtu) {
    gatt_register(gatt, true);
    gatt_create_db(gatt);
    gatt_add_service(gatt);
    gatt_add_characteristic(gatt, GATT_READ);
    gatt_add_characteristic(gatt, GATT_WRITE);
    gatt_add_characteristic(gatt, GATT_WRITE_ALONE);
    gatt_add_characteristic(gatt, GATT_INDICATE);
    cr_assert_eq(bluetooth_call(bt, WW, true), -ECONNREFUSED);
    gatt_activate(gatt);
    cr_assert_eq(bluetooth_call(bt, WW, true), -ECONNREFUSED);
    gatt_publish(gatt);
    gatt_set(gatt, true, mtu);
    cr_assert_eq(bluetooth_call(bt, WW, true), 0);
    cr_assert_eq(bluetooth_call(bt, WW, true), -EISCONN);
}

Test(bluetooth, characteristics_are_bounded) {
    gatt_register(gatt, true);
    gatt_create_db(gatt);
    gatt_add_service(gatt);
    for (int i = 0; i < LIMIT_GATT_CHARACTERISTICS; i++) {
        cr_assert_eq(gatt_add_characteristic(gatt, GATT_READ), 13 + 2 * i);
    }
    cr_assert_eq(gatt_add_characteristic(gatt, GATT_READ), -ENOSPC);
}

Test(bluetooth, a_client_does_what_a_characteristic_takes) {
    serve(GATT_MTU);
    cr_assert_eq(gatt_read(gatt, 15), -EACCES);
    cr_assert_eq(gatt_read(gatt, 14), -EACCES);
    cr_assert_eq(gatt_write(gatt, 13, SV("x")), -EACCES);
    cr_assert_eq(gatt_write(gatt, 15, SV("123456789012345678901")), -EMSGSIZE);
    cr_assert_eq(gatt_write(gatt, 15, SV("12345678901234567890")), 0);
    cr_assert_eq(gatt_read(gatt, 13), -EBUSY);
    cr_assert_eq(gatt_confirm_read(gatt, 0, SV("x")), -ENOENT);
    cr_assert_eq(gatt_confirm_write(gatt), 0);
    cr_assert_eq(newest, BLUETOOTH_WRITE_DONE);
    cr_assert_eq(gatt_confirm_write(gatt), -ENOENT);
    cr_assert_eq(gatt_write(gatt, 17, SV("x")), 0);
    cr_assert_eq(gatt_confirm_write(gatt), -ENOENT);
    cr_assert_eq(gatt_notify(gatt, 17, SV("x"), false), -EACCES);
    cr_assert_eq(gatt_notify(gatt, 19, SV("x"), false), 0);
    cr_assert_eq(newest, BLUETOOTH_NOTIFIED);
    cr_assert_eq(gatt_notify(gatt, 19, SV("x"), true), 0);
    cr_assert_eq(newest, BLUETOOTH_INDICATED);
}

Test(bluetooth, a_write_is_no_longer_than_its_line) {
    static const char zeros[LIMIT_GATT_WRITE + 1];
    serve(512);
    cr_assert_eq(gatt_write(gatt, 15, (struct sv){zeros, sizeof zeros}), -EMSGSIZE);
    cr_assert_eq(gatt_write(gatt, 15, (struct sv){zeros, LIMIT_GATT_WRITE}), 0);
}

Test(bluetooth, a_long_value_is_read_in_parts) {
    serve(24);
    cr_assert_eq(gatt_read(gatt, 13), 0);
    cr_assert_eq(limit, 23);
    cr_assert_eq(gatt_confirm_read(gatt, 0, SV("123456789012345678901234")), -EMSGSIZE);
    cr_assert_eq(gatt_confirm_read(gatt, 0, SV("12345678901234567890123")), 0);
    cr_assert_eq(newest, BLUETOOTH_READ);
    cr_assert_eq(gatt_confirm_read(gatt, 0, SV("x")), 0);
    cr_assert_eq(newest, BLUETOOTH_READ_DONE);
    cr_assert_str_eq(text, "12345678901234567890123x");
    cr_assert_eq(gatt_read(gatt, 13), 0);
    for (int i = 0; i < LIMIT_GATT_VALUE / 23; i++) {
        cr_assert_eq(gatt_confirm_read(gatt, 0, SV("12345678901234567890123")), 0);
        cr_assert_eq(newest, BLUETOOTH_READ);
    }
    cr_assert_eq(gatt_confirm_read(gatt, 0, SV("12345678901234567890123")), 0);
    cr_assert_eq(newest, BLUETOOTH_READ_DONE);
    cr_assert_eq(strlen(text), LIMIT_GATT_VALUE);
    cr_assert_eq(gatt_read(gatt, 13), 0);
    cr_assert_eq(gatt_confirm_read(gatt, 5, SV("no")), 0);
    cr_assert_eq(limit, 5);
    cr_assert_str_eq(text, "");
}

Test(bluetooth, who_waits_too_long_leaves_and_may_come_again) {
    serve(GATT_MTU);
    cr_assert_eq(gatt_read(gatt, 13), 0);
    clk_advance(clk, CLK_S(30));
    cr_assert_eq(newest, BLUETOOTH_GATT_DOWN);
    cr_assert_eq(gatt_confirm_read(gatt, 0, SV("late")), -ENOENT);
    cr_assert_eq(bluetooth_call(bt, WW, true), 0); /* active again */
    gatt_set(gatt, false, GATT_MTU);
    cr_assert_eq(bluetooth_take(bt, WW), 0);
    cr_assert_eq(newest, BLUETOOTH_GATT_DOWN);
    cr_assert_eq(bluetooth_call(bt, SV("F7:51:3B:1F:AF:B5"), true), -ECONNREFUSED);
}

Test(bluetooth, who_is_known_is_paired_and_not_there) {
    cr_assert_eq(bluetooth_know(bt, WW, SV("ww")), 0);
    cr_assert_eq(bluetooth_know(bt, WW, SV("ww")), 0);
    cr_assert_eq(bluetooth_know(bt, SV("00:00:00:00:00:01"), SV("old")), 0);
    cr_assert_str_eq(bluetooth_paired(bt, 2)->name, "old");
    cr_assert_null(bluetooth_paired(bt, 3));
    cr_assert_eq(bluetooth_know(bt, SV(""), SV("none")), -EINVAL);
    cr_assert_eq(bluetooth_call(bt, SV("00:00:00:00:00:01"), false), -ENOENT);
    cr_assert_eq(put(2), 0);
    cr_assert_eq(bluetooth_take(bt, WW), 0);
    bluetooth_renew(bt);
    cr_assert_eq(take(2), -ENOENT);
    cr_assert_eq(bluetooth_take(bt, WW), 0);
    cr_assert_str_eq(bluetooth_paired(bt, 1)->mac, "C4:0B:CB:3E:68:62");
}
