#include "emulator/model/bluetooth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bus.h"
#include "base/limits.h"
#include "base/obj.h"
#include "emulator/model/events.h"
#include "emulator/model/gatt.h"

/* How long things take: guesses, but that a pairing is given up after about 30 s (V3.00 28.2.5). */
enum { FIND_MS = 100, REACH_MS = 500, MISS_MS = 5000, DECIDE_S = 30 };

/* The example of V3.00 28.2.3; the code is that of 28.2.5. */
static const struct bluetooth_device around[] = {
    {.mac = "B8:86:87:43:4B:6A", .name = "MKRJ2B-GONGYONG", .rssi = 186},
    {.mac = "00:19:86:00:08:60", .name = "MK-JUMPING", .rssi = 184},
    {.mac = "4C:18:9A:89:88:7E", .name = "OPPO A57", .rssi = 174},
    {.mac = "C4:0B:CB:3E:68:62", .name = "ww\xe7\x82\xb8", .rssi = 173, .has_spp = true},
    {.mac = "F7:51:3B:1F:AF:B5", .name = "ofo", .rssi = 165},
};

struct bluetooth {
    uint32_t magic;
#define BLUETOOTH_MAGIC 0xb1e70071u
    struct clk *clk;
    struct bus *bus;
    struct gatt *gatt;
    bool is_on, has_server;
    int iocap;
    struct bluetooth_device devices[LIMIT_BLUETOOTH_DEVICES]; /* without an address: none */
    struct {
        struct bluetooth_device *found[LIMIT_BLUETOOTH_DEVICES]; /* also behind the scan */
        unsigned n;
        bool hides_paired;
        struct clk_timer next, end;
    } scan;
    struct {
        struct bluetooth_device *with; /* NULL: none is under way */
        enum bluetooth_pairing mode;
        bool is_asked; /* the host has to answer */
        struct clk_timer timer;
    } pairing;
    struct {
        struct bluetooth_device *with; /* NULL: none */
        bool is_up;
        struct clk_timer timer; /* until it is decided */
    } spp;
};

static struct bluetooth *bluetooth_from(void *ctx) {
    struct bluetooth *bt;
    CAST_OBJ(bt, ctx, BLUETOOTH_MAGIC);
    return bt;
}

struct bluetooth *bluetooth_new(struct clk *clk, struct bus *bus) {
    struct bluetooth *bt = xmalloc(sizeof *bt);
    OBJ_INIT(bt, BLUETOOTH_MAGIC);
    bt->clk = clk;
    bt->bus = bus;
    bt->gatt = gatt_new(clk, bus);
    bt->iocap = 1; /* until AT+BTIOCAP says otherwise */
    bluetooth_renew(bt);
    return bt;
}

static void post(struct bluetooth *bt, enum bluetooth_what what,
                 const struct bluetooth_device *device, int number, struct sv data) {
    const struct bluetooth_event e = {
        .what = what, .device = device, .number = number, .data = data};
    bus_post(bt->bus, TOPIC_BLUETOOTH, &e);
}

static void stop_all(struct bluetooth *bt) {
    clk_stop(bt->clk, &bt->scan.next);
    clk_stop(bt->clk, &bt->scan.end);
    clk_stop(bt->clk, &bt->pairing.timer);
    clk_stop(bt->clk, &bt->spp.timer);
    bt->scan.n = 0;
    bt->pairing.with = NULL;
    bt->spp.with = NULL;
    bt->spp.is_up = false;
    bt->has_server = false;
    gatt_reset(bt->gatt);
}

void bluetooth_free(struct bluetooth *bt) {
    if (bt == NULL) {
        return;
    }
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    stop_all(bt);
    gatt_free(bt->gatt);
    OBJ_FINI(bt);
    free(bt);
}

bool bluetooth_is_on(const struct bluetooth *bt) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    return bt->is_on;
}

void bluetooth_set_on(struct bluetooth *bt, bool on) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    bt->is_on = on;
    if (!on) {
        stop_all(bt);
    }
}

void bluetooth_set_iocap(struct bluetooth *bt, int iocap) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    bt->iocap = iocap;
}

struct gatt *bluetooth_gatt(struct bluetooth *bt) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    return bt->gatt;
}

/* -- scan: one device each time, in the order of the table -- */

static bool is_found(const struct bluetooth *bt, const struct bluetooth_device *d) {
    for (unsigned i = 0; i < bt->scan.n; i++) {
        if (bt->scan.found[i] == d) {
            return true;
        }
    }
    return false;
}

static void on_find(void *ctx) {
    struct bluetooth *bt = bluetooth_from(ctx);
    clk_start(bt->clk, &bt->scan.next, CLK_MS(FIND_MS), on_find, bt);
    for (size_t i = 0; i < LIMIT_BLUETOOTH_DEVICES; i++) {
        struct bluetooth_device *d = &bt->devices[i];
        bool is_hidden = bt->scan.hides_paired && d->paired > 0;
        if (d->is_in_air && !is_hidden && !is_found(bt, d)) {
            bt->scan.found[bt->scan.n++] = d;
            post(bt, BLUETOOTH_FOUND, d, (int)bt->scan.n, SV(""));
            return;
        }
    }
}

static void on_scanned(void *ctx) {
    struct bluetooth *bt = bluetooth_from(ctx);
    clk_stop(bt->clk, &bt->scan.next);
    post(bt, BLUETOOTH_SCANNED, NULL, 0, SV(""));
}

int bluetooth_scan(struct bluetooth *bt, bool hides_paired, clk_dur length) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    if (!bt->is_on || clk_pending(&bt->scan.end)) {
        return bt->is_on ? -EBUSY : -ENODEV;
    }
    bt->scan.n = 0;
    bt->scan.hides_paired = hides_paired;
    clk_start(bt->clk, &bt->scan.next, CLK_MS(FIND_MS), on_find, bt);
    clk_start(bt->clk, &bt->scan.end, length, on_scanned, bt);
    return 0;
}

int bluetooth_stop_scan(struct bluetooth *bt) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    clk_stop(bt->clk, &bt->scan.next);
    clk_stop(bt->clk, &bt->scan.end);
    return bt->is_on ? 0 : -ENODEV;
}

/* -- pairing -- */

/* Behind the others, unless it is among them. */
static void bond(struct bluetooth *bt, struct bluetooth_device *d) {
    unsigned last = 0;
    while (bluetooth_paired(bt, last + 1) != NULL) {
        last++;
    }
    d->paired = d->paired > 0 ? d->paired : last + 1;
}

static void end_pairing(struct bluetooth *bt, bool is_paired) {
    struct bluetooth_device *d = bt->pairing.with;
    clk_stop(bt->clk, &bt->pairing.timer);
    bt->pairing.with = NULL;
    if (is_paired) {
        bond(bt, d);
    }
    post(bt, is_paired ? BLUETOOTH_PAIRED : BLUETOOTH_NOT_PAIRED, d, 0, SV(""));
}

static void on_refused(void *ctx) {
    end_pairing(bluetooth_from(ctx), false);
}

static void on_decided(void *ctx) {
    struct bluetooth *bt = bluetooth_from(ctx);
    end_pairing(bt, bt->pairing.with->answer == BLUETOOTH_ACCEPTS);
}

/* The other side's turn. */
static void let_decide(struct bluetooth *bt) {
    bool is_silent = bt->pairing.with->answer == BLUETOOTH_SILENT;
    bt->pairing.is_asked = false;
    clk_start(bt->clk, &bt->pairing.timer, is_silent ? CLK_S(DECIDE_S) : CLK_MS(REACH_MS),
              on_decided, bt);
}

/* By what either side can show and take (Core 5.2 3.C.5.2.2.6); the other one shows and takes. */
static enum bluetooth_pairing mode_with(const struct bluetooth *bt,
                                        const struct bluetooth_device *d) {
    static const enum bluetooth_pairing modes[] = {BLUETOOTH_NOTIFY, BLUETOOTH_COMPARE,
                                                   BLUETOOTH_PASSKEY, BLUETOOTH_JUST_WORKS};
    if (d->paired > 0) {
        return BLUETOOTH_REBOND;
    }
    return d->has_pin ? BLUETOOTH_PIN : modes[bt->iocap];
}

static void on_reached(void *ctx) {
    struct bluetooth *bt = bluetooth_from(ctx);
    struct bluetooth_device *d = bt->pairing.with;
    enum bluetooth_pairing mode = mode_with(bt, d);
    bool is_shown = mode == BLUETOOTH_COMPARE || mode == BLUETOOTH_NOTIFY;
    if (!d->is_in_air) {
        end_pairing(bt, false);
        return;
    }
    bt->pairing.mode = mode;
    if (mode == BLUETOOTH_NOTIFY || mode == BLUETOOTH_JUST_WORKS) {
        let_decide(bt);
    } else {
        bt->pairing.is_asked = true;
        clk_start(bt->clk, &bt->pairing.timer, CLK_S(DECIDE_S), on_refused, bt);
    }
    if (mode != BLUETOOTH_JUST_WORKS) {
        post(bt, BLUETOOTH_PAIRING, d, (int)mode, is_shown ? sv_of(d->code) : SV(""));
    }
}

static int begin_pairing(struct bluetooth *bt, struct bluetooth_device *d, clk_dur in) {
    if (bt->pairing.with != NULL) {
        return -EBUSY;
    }
    bt->pairing.with = d;
    bt->pairing.is_asked = false;
    clk_start(bt->clk, &bt->pairing.timer, in, on_reached, bt);
    return 0;
}

int bluetooth_pair(struct bluetooth *bt, unsigned scan_index) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    if (!bt->is_on || scan_index == 0 || scan_index > bt->scan.n) {
        return bt->is_on ? -ENOENT : -ENODEV;
    }
    struct bluetooth_device *d = bt->scan.found[scan_index - 1];
    return begin_pairing(bt, d, CLK_MS(d->is_in_air ? REACH_MS : MISS_MS));
}

int bluetooth_answer(struct bluetooth *bt, enum bluetooth_pairing mode, bool is_accepted,
                     struct sv code) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    bool is_typed = mode == BLUETOOTH_PASSKEY || mode == BLUETOOTH_PIN;
    if (bt->pairing.with == NULL || !bt->pairing.is_asked || bt->pairing.mode != mode ||
        (is_accepted && is_typed && code.n == 0)) {
        return -EINVAL;
    }
    bool is_right = !is_typed || sv_eq(code, sv_of(bt->pairing.with->code));
    if (is_accepted && is_right) {
        let_decide(bt);
    } else {
        end_pairing(bt, false);
    }
    return 0;
}

static struct bluetooth_device *find_paired(const struct bluetooth *bt, unsigned index) {
    for (size_t i = 0; index > 0 && i < LIMIT_BLUETOOTH_DEVICES; i++) {
        if (bt->devices[i].paired == index) {
            return (struct bluetooth_device *)&bt->devices[i];
        }
    }
    return NULL;
}

const struct bluetooth_device *bluetooth_paired(const struct bluetooth *bt, unsigned index) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    return find_paired(bt, index);
}

int bluetooth_unpair(struct bluetooth *bt, unsigned index) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    struct bluetooth_device *d = find_paired(bt, index);
    if (!bt->is_on || d == NULL) {
        return bt->is_on ? -ENOENT : -ENODEV;
    }
    if (bt->spp.with == d) {
        bluetooth_hang_up(bt, false);
    }
    d->paired = 0;
    for (size_t i = 0; i < LIMIT_BLUETOOTH_DEVICES; i++) {
        bt->devices[i].paired -= bt->devices[i].paired > index ? 1 : 0;
    }
    return 0;
}

/* -- SPP -- */

bool bluetooth_has_server(const struct bluetooth *bt) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    return bt->has_server;
}

int bluetooth_set_server(struct bluetooth *bt, bool on) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    if (!bt->is_on) {
        return -ENODEV;
    }
    bt->has_server = on;
    return 0;
}

bool bluetooth_is_connected(const struct bluetooth *bt) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    return bt->spp.is_up;
}

static void set_link(struct bluetooth *bt, bool is_up) {
    struct bluetooth_device *d = bt->spp.with;
    clk_stop(bt->clk, &bt->spp.timer);
    bt->spp.is_up = is_up;
    bt->spp.with = is_up ? d : NULL;
    post(bt, is_up ? BLUETOOTH_SPP_UP : BLUETOOTH_SPP_DOWN, d, 0, SV(""));
}

static void on_connected(void *ctx) {
    struct bluetooth *bt = bluetooth_from(ctx);
    set_link(bt, bt->spp.with->is_in_air && bt->spp.with->has_spp);
}

int bluetooth_connect(struct bluetooth *bt, unsigned paired_index) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    struct bluetooth_device *d = find_paired(bt, paired_index);
    if (!bt->is_on || d == NULL) {
        return bt->is_on ? -ENOENT : -ENODEV;
    }
    if (bt->spp.with != NULL) {
        return -EISCONN;
    }
    bt->spp.with = d;
    clk_start(bt->clk, &bt->spp.timer, CLK_MS(d->is_in_air ? REACH_MS : MISS_MS), on_connected, bt);
    return 0;
}

/* Also one that is not up yet. */
int bluetooth_disconnect(struct bluetooth *bt) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    if (bt->spp.with == NULL) {
        return -ENOTCONN;
    }
    set_link(bt, false);
    return 0;
}

int bluetooth_send(struct bluetooth *bt, struct sv data) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    if (!bt->spp.is_up) {
        return -ENOTCONN;
    }
    post(bt, BLUETOOTH_SENT, bt->spp.with, 0, data);
    return 0;
}

/* -- the world around it -- */

static struct bluetooth_device *find(struct bluetooth *bt, struct sv mac) {
    for (size_t i = 0; i < LIMIT_BLUETOOTH_DEVICES; i++) {
        if (mac.n > 0 && sv_eq_nocase(sv_of(bt->devices[i].mac), mac)) {
            return &bt->devices[i];
        }
    }
    return NULL;
}

static struct bluetooth_device *find_in_air(struct bluetooth *bt, struct sv mac) {
    struct bluetooth_device *d = find(bt, mac);
    return d != NULL && d->is_in_air ? d : NULL;
}

/* A place that nobody needs: nor a scan or a pairing that may still name it. */
static struct bluetooth_device *find_free(struct bluetooth *bt) {
    for (size_t i = 0; i < LIMIT_BLUETOOTH_DEVICES; i++) {
        struct bluetooth_device *d = &bt->devices[i];
        if (!d->is_in_air && d->paired == 0 && !is_found(bt, d) && bt->pairing.with != d) {
            return d;
        }
    }
    return NULL;
}

int bluetooth_put(struct bluetooth *bt, const struct bluetooth_device *d) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    struct bluetooth_device *to = find(bt, sv_of(d->mac));
    unsigned paired = to != NULL ? to->paired : 0;
    to = to != NULL ? to : find_free(bt);
    if (to == NULL) {
        return -ENOSPC;
    }
    *to = *d;
    to->is_in_air = true;
    to->paired = paired;
    return 0;
}

int bluetooth_know(struct bluetooth *bt, struct sv mac, struct sv name) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    struct bluetooth_device *d = find(bt, mac);
    if (d == NULL) {
        struct bluetooth_device known = {.name = ""};
        d = find_free(bt);
        if (d == NULL || mac.n == 0 || sv_copy(mac, known.mac, sizeof known.mac) != 0 ||
            sv_copy(name, known.name, sizeof known.name) != 0) {
            return d == NULL ? -ENOSPC : -EINVAL;
        }
        *d = known;
    }
    bond(bt, d);
    return 0;
}

static void leave(struct bluetooth *bt, struct bluetooth_device *d) {
    d->is_in_air = false;
    if (bt->spp.is_up && bt->spp.with == d) {
        bluetooth_hang_up(bt, false);
    }
    if (gatt_client(bt->gatt) == d) {
        bluetooth_hang_up(bt, true);
    }
}

int bluetooth_take(struct bluetooth *bt, struct sv mac) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    struct bluetooth_device *d = find_in_air(bt, mac);
    if (d == NULL) {
        return -ENOENT;
    }
    leave(bt, d);
    return 0;
}

/* Where strangers are paired or still named in all places, there are fewer. */
void bluetooth_renew(struct bluetooth *bt) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    for (size_t i = 0; i < LIMIT_BLUETOOTH_DEVICES; i++) {
        leave(bt, &bt->devices[i]);
    }
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        struct bluetooth_device d = around[i];
        must(sv_copy(SV("623850"), d.code, sizeof d.code) == 0);
        bluetooth_put(bt, &d);
    }
}

int bluetooth_ask_pairing(struct bluetooth *bt, struct sv mac) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    struct bluetooth_device *d = find_in_air(bt, mac);
    if (!bt->is_on || d == NULL) {
        return bt->is_on ? -ENOENT : -ENODEV;
    }
    return begin_pairing(bt, d, CLK_US(0));
}

int bluetooth_call(struct bluetooth *bt, struct sv mac, bool is_gatt) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    struct bluetooth_device *d = find_in_air(bt, mac);
    if (!bt->is_on || d == NULL) {
        return bt->is_on ? -ENOENT : -ENODEV;
    }
    if (is_gatt) {
        return gatt_connect(bt->gatt, d);
    }
    if (bt->spp.with != NULL || !bt->has_server || d->paired == 0) {
        return bt->spp.with != NULL ? -EISCONN : -ECONNREFUSED;
    }
    bt->spp.with = d;
    set_link(bt, true);
    return 0;
}

int bluetooth_hang_up(struct bluetooth *bt, bool is_gatt) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    return is_gatt ? gatt_disconnect(bt->gatt) : bluetooth_disconnect(bt);
}

int bluetooth_receive(struct bluetooth *bt, struct sv data) {
    CHECK_OBJ(bt, BLUETOOTH_MAGIC);
    if (!bt->spp.is_up) {
        return -ENOTCONN;
    }
    post(bt, BLUETOOTH_RECEIVED, bt->spp.with, 0, data);
    return 0;
}
