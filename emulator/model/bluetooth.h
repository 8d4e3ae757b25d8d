/* bluetooth.h: the module's Bluetooth and the devices around it (V3.00 chapter 28).
 *
 * Devices are in the air or not, by their addresses; those of the manual's example are there at
 * first. The module scans, pairs, and has one serial link (SPP) and one GATT client (gatt.h). What
 * happens is posted as one topic. Off, it forgets all but who is paired.
 *
 * Owns:    the devices, who live as long as this, and the GATT server. Borrows: the clock, the bus.
 * Bounds:  LIMIT_BLUETOOTH_DEVICES; who is neither in the air nor paired makes room.
 * Errors:  -ENODEV it is off, -ENOENT no such device, or it is not in the air, -EBUSY this is under
 *          way already, -EINVAL not the answer to what was asked, -ENOSPC too many devices,
 *          -EISCONN there is a link, -ENOTCONN there is none, -ECONNREFUSED nobody takes it.
 */
#ifndef EMULATOR_MODEL_BLUETOOTH_H
#define EMULATOR_MODEL_BLUETOOTH_H

#include <stdbool.h>

#include "base/clk.h"
#include "base/sv.h"

struct bluetooth;
struct bus;
struct gatt;

enum {
    BLUETOOTH_MAC = 17,    /* "C4:0B:CB:3E:68:62" */
    BLUETOOTH_NAME = 64,   /* bytes */
    BLUETOOTH_CODE = 16,   /* digits */
    BLUETOOTH_FRAME = 990, /* bytes of one SPP frame (V3.00 28.2.10, its example) */
};

enum bluetooth_answer { BLUETOOTH_ACCEPTS, BLUETOOTH_REFUSES, BLUETOOTH_SILENT };

struct bluetooth_device {
    char mac[BLUETOOTH_MAC + 1];
    char name[BLUETOOTH_NAME + 1];
    int rssi; /* as +BTSCAN prints it */
    /* The number that both show, or that it shows and the module's user types; or its PIN. */
    char code[BLUETOOTH_CODE + 1];
    bool has_pin; /* it knows PINs only */
    bool has_spp;
    enum bluetooth_answer answer; /* to a pairing */
    bool is_in_air;
    unsigned paired; /* <paired index>; 0: it is not */
};

/* <mode> of +BTPAIRING (V3.00 28.2.5). */
enum bluetooth_pairing {
    BLUETOOTH_COMPARE = 1,
    BLUETOOTH_PASSKEY,
    BLUETOOTH_REBOND,
    BLUETOOTH_NOTIFY,
    BLUETOOTH_JUST_WORKS,
    BLUETOOTH_PIN,
};

enum bluetooth_what {
    BLUETOOTH_FOUND, /* `number`: its index in the scan */
    BLUETOOTH_SCANNED,
    BLUETOOTH_PAIRING, /* `number`: enum bluetooth_pairing; `data`: the number to show */
    BLUETOOTH_PAIRED,
    BLUETOOTH_NOT_PAIRED,
    BLUETOOTH_SPP_UP,
    BLUETOOTH_SPP_DOWN,
    BLUETOOTH_RECEIVED, /* over SPP */
    BLUETOOTH_SENT,
    BLUETOOTH_GATT_UP,
    BLUETOOTH_GATT_DOWN,
    BLUETOOTH_READ,      /* of the client; `number`: the handle, `limit`: bytes of an answer */
    BLUETOOTH_READ_DONE, /* `limit`: 0, or the error */
    BLUETOOTH_WRITE,
    BLUETOOTH_WRITE_DONE,
    BLUETOOTH_NOTIFIED,
    BLUETOOTH_INDICATED,
};

struct bluetooth_event {
    enum bluetooth_what what;
    const struct bluetooth_device *device; /* NULL: of none */
    int number, limit;
    struct sv data;
};

struct bluetooth *bluetooth_new(struct clk *clk, struct bus *bus);
void bluetooth_free(struct bluetooth *bt); /* NULL is allowed */

bool bluetooth_is_on(const struct bluetooth *bt);
void bluetooth_set_on(struct bluetooth *bt, bool on);      /* off: links end without a word */
void bluetooth_set_iocap(struct bluetooth *bt, int iocap); /* AT+BTIOCAP */
struct gatt *bluetooth_gatt(struct bluetooth *bt);

/* -- the host -- */
int bluetooth_scan(struct bluetooth *bt, bool hides_paired, clk_dur length);
int bluetooth_stop_scan(struct bluetooth *bt);
int bluetooth_pair(struct bluetooth *bt, unsigned scan_index);
int bluetooth_answer(struct bluetooth *bt, enum bluetooth_pairing mode, bool is_accepted,
                     struct sv code);
/* NULL: nobody. From 1 on, without gaps. */
const struct bluetooth_device *bluetooth_paired(const struct bluetooth *bt, unsigned index);
int bluetooth_unpair(struct bluetooth *bt, unsigned index);

bool bluetooth_has_server(const struct bluetooth *bt);
int bluetooth_set_server(struct bluetooth *bt, bool on);
bool bluetooth_is_connected(const struct bluetooth *bt);
int bluetooth_connect(struct bluetooth *bt, unsigned paired_index); /* posts how it went */
int bluetooth_disconnect(struct bluetooth *bt);
int bluetooth_send(struct bluetooth *bt, struct sv data);

/* Who was paired before, in the order of the calls; not in the air unless it is there already. */
int bluetooth_know(struct bluetooth *bt, struct sv mac, struct sv name);

/* -- the world around it -- */

void bluetooth_renew(struct bluetooth *bt); /* as at first, but for who is paired */

/* Puts it into the air, or makes it another one; what it is paired with stays. */
int bluetooth_put(struct bluetooth *bt, const struct bluetooth_device *d);
int bluetooth_take(struct bluetooth *bt, struct sv mac); /* out of the air, links and all */
int bluetooth_ask_pairing(struct bluetooth *bt, struct sv mac);
int bluetooth_call(struct bluetooth *bt, struct sv mac, bool is_gatt); /* it connects */
int bluetooth_hang_up(struct bluetooth *bt, bool is_gatt);
int bluetooth_receive(struct bluetooth *bt, struct sv data);

#endif
