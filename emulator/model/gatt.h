/* gatt.h: the module's GATT server: a database that commands build, and one client at a time.
 *
 * Building goes database, service, characteristic, description, then the database is added to the
 * server (V3.00 28.2.12 to 28.2.18). A client finds the module while it is active. What a client
 * reads and writes is the host's to answer; who waits for 30 s leaves (Core 5.2 3.F.3.3.3).
 *
 * Owns:    the database, what the client waits for. Borrows: the clock, the bus, the device.
 * Bounds:  LIMIT_GATT_CHARACTERISTICS, LIMIT_GATT_VALUE, LIMIT_GATT_WRITE.
 * Errors:  -ENOENT what it needs is not there yet, -ENOSPC too many, -ENOTCONN no client,
 *          -EACCES not with this characteristic, -EMSGSIZE too long, -EBUSY the client waits,
 *          -EISCONN it has a client, -ECONNREFUSED it is not active.
 */
#ifndef EMULATOR_MODEL_GATT_H
#define EMULATOR_MODEL_GATT_H

#include <stdbool.h>

#include "base/clk.h"
#include "base/sv.h"

struct bluetooth_device;
struct bus;
struct gatt;

/* The bits of a characteristic's property (Core 5.2 3.G.3.3.1.1). */
enum gatt_property {
    GATT_READ = 0x02,
    GATT_WRITE_ALONE = 0x04, /* without an answer */
    GATT_WRITE = 0x08,
    GATT_NOTIFY = 0x10,
    GATT_INDICATE = 0x20,
};

enum { GATT_MTU = 23 }; /* of a packet, unless it is set */

struct gatt *gatt_new(struct clk *clk, struct bus *bus);
void gatt_free(struct gatt *g);  /* NULL is allowed */
void gatt_reset(struct gatt *g); /* as new, without a word */

/* -- the host -- */
bool gatt_is_registered(const struct gatt *g);
void gatt_register(struct gatt *g, bool on); /* off: the database is gone, and the client */
int gatt_activate(struct gatt *g);
void gatt_set(struct gatt *g, bool is_auto, unsigned mtu); /* active again behind a client */
int gatt_create_db(struct gatt *g);                        /* an older one is gone */
int gatt_add_service(struct gatt *g);
int gatt_add_characteristic(struct gatt *g, unsigned property); /* returns its handle */
int gatt_add_description(struct gatt *g);
int gatt_publish(struct gatt *g);

/* Of a read: as much as it may be, and the client asks for the rest. */
int gatt_confirm_read(struct gatt *g, unsigned code, struct sv data);
int gatt_confirm_write(struct gatt *g);
int gatt_notify(struct gatt *g, unsigned handle, struct sv data, bool is_indication);

/* -- the client -- */
const struct bluetooth_device *gatt_client(const struct gatt *g); /* NULL: none */
int gatt_connect(struct gatt *g, const struct bluetooth_device *client);
int gatt_disconnect(struct gatt *g);
int gatt_read(struct gatt *g, unsigned handle);
int gatt_write(struct gatt *g, unsigned handle, struct sv data);

#endif
