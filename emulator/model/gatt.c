#include "emulator/model/gatt.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bus.h"
#include "base/limits.h"
#include "base/obj.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/events.h"

/* What stands in front of the first service, so that its first characteristic has the handle of the
 * manual's example (V3.00 28.2.16). */
enum { FIRST_HANDLE = 11, WAIT_S = 30 };

struct characteristic {
    unsigned handle, property;
};

struct gatt {
    uint32_t magic;
#define GATT_MAGIC 0x6a770001u
    struct clk *clk;
    struct bus *bus;
    bool is_registered, is_active, is_auto, has_db, has_service, is_published;
    unsigned mtu, next;
    struct characteristic all[LIMIT_GATT_CHARACTERISTICS];
    size_t n;
    const struct bluetooth_device *client;
    enum { WAITS_NOT, WAITS_READ, WAITS_WRITE } waits;
    unsigned handle;        /* for which */
    struct buf value;       /* of the read, so far */
    struct clk_timer bored; /* the client leaves */
};

static struct gatt *gatt_from(void *ctx) {
    struct gatt *g;
    CAST_OBJ(g, ctx, GATT_MAGIC);
    return g;
}

struct gatt *gatt_new(struct clk *clk, struct bus *bus) {
    struct gatt *g = xmalloc(sizeof *g);
    OBJ_INIT(g, GATT_MAGIC);
    g->clk = clk;
    g->bus = bus;
    buf_init(&g->value, LIMIT_GATT_VALUE);
    gatt_reset(g);
    return g;
}

static void wait_not(struct gatt *g) {
    g->waits = WAITS_NOT;
    buf_clear(&g->value);
    clk_stop(g->clk, &g->bored);
}

static void drop_db(struct gatt *g) {
    g->has_db = g->has_service = g->is_published = false;
    g->n = 0;
    g->next = FIRST_HANDLE;
}

void gatt_reset(struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    wait_not(g);
    drop_db(g);
    g->is_registered = g->is_active = g->is_auto = false;
    g->mtu = GATT_MTU;
    g->client = NULL;
}

void gatt_free(struct gatt *g) {
    if (g == NULL) {
        return;
    }
    gatt_reset(g);
    buf_fini(&g->value);
    OBJ_FINI(g);
    free(g);
}

static void post(struct gatt *g, enum bluetooth_what what, unsigned number, struct sv data) {
    const struct bluetooth_event e = {
        .what = what, .device = g->client, .number = (int)number, .data = data};
    bus_post(g->bus, TOPIC_BLUETOOTH, &e);
}

static const struct characteristic *find(const struct gatt *g, unsigned handle) {
    for (size_t i = 0; g->is_published && i < g->n; i++) {
        if (g->all[i].handle == handle) {
            return &g->all[i];
        }
    }
    return NULL;
}

static bool may(const struct gatt *g, unsigned handle, unsigned properties) {
    const struct characteristic *c = find(g, handle);
    return c != NULL && (c->property & properties) != 0;
}

/* -- the host -- */

bool gatt_is_registered(const struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    return g->is_registered;
}

void gatt_register(struct gatt *g, bool on) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (!on) {
        gatt_disconnect(g);
        gatt_reset(g);
    }
    g->is_registered = on;
}

int gatt_activate(struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (!g->is_registered) {
        return -ENOENT;
    }
    g->is_active = true;
    return 0;
}

void gatt_set(struct gatt *g, bool is_auto, unsigned mtu) {
    CHECK_OBJ(g, GATT_MAGIC);
    g->is_auto = is_auto;
    g->mtu = mtu;
}

int gatt_create_db(struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (!g->is_registered) {
        return -ENOENT;
    }
    drop_db(g);
    g->has_db = true;
    return 0;
}

int gatt_add_service(struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (!g->has_db) {
        return -ENOENT;
    }
    g->has_service = true;
    g->next++;
    return 0;
}

/* Its declaration, then its value, by whose handle it is known. */
int gatt_add_characteristic(struct gatt *g, unsigned property) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (!g->has_service) {
        return -ENOENT;
    }
    if (g->n == LIMIT_GATT_CHARACTERISTICS) {
        return -ENOSPC;
    }
    unsigned handle = g->next + 1;
    g->all[g->n++] = (struct characteristic){handle, property};
    g->next += 2;
    return (int)handle;
}

int gatt_add_description(struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (g->n == 0) {
        return -ENOENT;
    }
    g->next++;
    return 0;
}

int gatt_publish(struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (!g->has_service) {
        return -ENOENT;
    }
    g->is_published = true;
    return 0;
}

/* One byte of a packet is its kind. */
static unsigned read_max(const struct gatt *g) {
    return g->mtu - 1;
}

static void on_bored(void *ctx) {
    gatt_disconnect(gatt_from(ctx));
}

static void ask_read(struct gatt *g) {
    const struct bluetooth_event e = {.what = BLUETOOTH_READ,
                                      .device = g->client,
                                      .number = (int)g->handle,
                                      .limit = (int)read_max(g)};
    clk_start(g->clk, &g->bored, CLK_S(WAIT_S), on_bored, g);
    bus_post(g->bus, TOPIC_BLUETOOTH, &e);
}

int gatt_confirm_read(struct gatt *g, unsigned code, struct sv data) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (g->waits != WAITS_READ) {
        return -ENOENT;
    }
    if (data.n > read_max(g)) {
        return -EMSGSIZE;
    }
    size_t room = LIMIT_GATT_VALUE - buf_len(&g->value);
    buf_put(&g->value, data.p, data.n < room ? data.n : room);
    if (code == 0 && data.n == read_max(g) && data.n < room) {
        ask_read(g);
        return 0;
    }
    struct bluetooth_event e = {.what = BLUETOOTH_READ_DONE,
                                .device = g->client,
                                .number = (int)g->handle,
                                .limit = (int)code};
    if (code == 0) {
        e.data = (struct sv){(const char *)buf_data(&g->value), buf_len(&g->value)};
    }
    g->waits = WAITS_NOT;
    bus_post(g->bus, TOPIC_BLUETOOTH, &e);
    wait_not(g);
    return 0;
}

int gatt_confirm_write(struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (g->waits != WAITS_WRITE) {
        return -ENOENT;
    }
    wait_not(g);
    post(g, BLUETOOTH_WRITE_DONE, g->handle, SV(""));
    return 0;
}

int gatt_notify(struct gatt *g, unsigned handle, struct sv data, bool is_indication) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (g->client == NULL) {
        return -ENOTCONN;
    }
    /* The manual wants an indicating one for both (V3.00 28.2.21). */
    if (!may(g, handle, is_indication ? GATT_INDICATE : GATT_INDICATE | GATT_NOTIFY)) {
        return -EACCES;
    }
    post(g, is_indication ? BLUETOOTH_INDICATED : BLUETOOTH_NOTIFIED, handle, data);
    return 0;
}

/* -- the client -- */

const struct bluetooth_device *gatt_client(const struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    return g->client;
}

int gatt_connect(struct gatt *g, const struct bluetooth_device *client) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (g->client != NULL) {
        return -EISCONN;
    }
    if (!g->is_active || !g->is_published) {
        return -ECONNREFUSED;
    }
    g->client = client;
    g->is_active = false;
    post(g, BLUETOOTH_GATT_UP, 0, SV(""));
    return 0;
}

int gatt_disconnect(struct gatt *g) {
    CHECK_OBJ(g, GATT_MAGIC);
    if (g->client == NULL) {
        return -ENOTCONN;
    }
    wait_not(g);
    const struct bluetooth_event e = {.what = BLUETOOTH_GATT_DOWN, .device = g->client};
    g->client = NULL;
    g->is_active = g->is_auto;
    bus_post(g->bus, TOPIC_BLUETOOTH, &e);
    return 0;
}

static int check_ask(const struct gatt *g, unsigned handle, unsigned properties) {
    if (g->client == NULL) {
        return -ENOTCONN;
    }
    if (g->waits != WAITS_NOT) {
        return -EBUSY;
    }
    return may(g, handle, properties) ? 0 : -EACCES;
}

int gatt_read(struct gatt *g, unsigned handle) {
    CHECK_OBJ(g, GATT_MAGIC);
    int rc = check_ask(g, handle, GATT_READ);
    if (rc == 0) {
        g->waits = WAITS_READ;
        g->handle = handle;
        ask_read(g);
    }
    return rc;
}

/* Three bytes of a packet are its kind and the handle. */
int gatt_write(struct gatt *g, unsigned handle, struct sv data) {
    CHECK_OBJ(g, GATT_MAGIC);
    int rc = check_ask(g, handle, GATT_WRITE | GATT_WRITE_ALONE);
    if (rc == 0 && (data.n > g->mtu - 3 || data.n > LIMIT_GATT_WRITE)) {
        rc = -EMSGSIZE;
    }
    if (rc == 0 && may(g, handle, GATT_WRITE)) {
        g->waits = WAITS_WRITE;
        g->handle = handle;
        clk_start(g->clk, &g->bored, CLK_S(WAIT_S), on_bored, g);
    }
    if (rc == 0) {
        post(g, BLUETOOTH_WRITE, handle, data);
    }
    return rc;
}
