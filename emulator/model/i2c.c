#include "emulator/model/i2c.h"

#include <errno.h>
#include <string.h>

#include "base/obj.h"

/* V3.00 19.2.9 and 19.2.10: the address is that of a usual audio codec; its other registers are 0
 * (guess). */
enum { EXAMPLE = 0x34, EXAMPLE_FIRST = 0x02 };
static const uint8_t example[] = {0x01, 0x5d};

static struct i2c_device *find(const struct i2c *bus, uint8_t address) {
    for (size_t i = 0; i < LIMIT_I2C_DEVICES; i++) {
        const struct i2c_device *d = &bus->devices[i];
        if (d->is_there && d->address == address) {
            return (struct i2c_device *)(uintptr_t)d;
        }
    }
    return NULL;
}

void i2c_init(struct i2c *bus) {
    memset(bus, 0, sizeof *bus);
    must(i2c_attach(bus, EXAMPLE) == 0);
    must(i2c_write(bus, EXAMPLE, EXAMPLE_FIRST, example, sizeof example) == 0);
}

int i2c_attach(struct i2c *bus, uint8_t address) {
    if (find(bus, address) != NULL) {
        return 0;
    }
    for (size_t i = 0; i < LIMIT_I2C_DEVICES; i++) {
        if (!bus->devices[i].is_there) {
            bus->devices[i] = (struct i2c_device){.is_there = true, .address = address};
            return 0;
        }
    }
    return -ENOSPC;
}

void i2c_detach(struct i2c *bus, uint8_t address) {
    struct i2c_device *d = find(bus, address);
    if (d != NULL) {
        d->is_there = false;
    }
}

/* Where they begin. */
static int registers_of(const struct i2c *bus, uint8_t address, uint8_t first, size_t n,
                        uint8_t **out) {
    struct i2c_device *d = find(bus, address);
    if (d == NULL) {
        return -ENODEV;
    }
    *out = d->registers + first;
    return n <= (size_t)(I2C_REGISTERS - first) ? 0 : -ERANGE;
}

int i2c_read(const struct i2c *bus, uint8_t address, uint8_t first, uint8_t *to, size_t n) {
    uint8_t *from = NULL;
    int rc = registers_of(bus, address, first, n, &from);
    if (rc == 0) {
        memcpy(to, from, n);
    }
    return rc;
}

int i2c_write(struct i2c *bus, uint8_t address, uint8_t first, const uint8_t *p, size_t n) {
    uint8_t *to = NULL;
    int rc = registers_of(bus, address, first, n, &to);
    if (rc == 0) {
        memcpy(to, p, n);
    }
    return rc;
}
