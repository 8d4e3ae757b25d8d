/* i2c.h: the devices on the module's I2C bus, as registers of a byte each. Caller's memory.
 *
 * Addresses are those of AT+CRIIC: eight bits, the way a device's data sheet has its write address.
 * Devices keep their registers while the module is off: they have a supply of their own (guess).
 */
#ifndef EMULATOR_MODEL_I2C_H
#define EMULATOR_MODEL_I2C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

enum { I2C_REGISTERS = 256 };

struct i2c_device {
    bool is_there;
    uint8_t address;
    uint8_t registers[I2C_REGISTERS];
};

struct i2c {
    struct i2c_device devices[LIMIT_I2C_DEVICES];
};

void i2c_init(struct i2c *bus); /* with the device of the manual's examples */
/* A device with all registers 0; one that is there stays as it is. -ENOSPC: no room. */
int i2c_attach(struct i2c *bus, uint8_t address);
void i2c_detach(struct i2c *bus, uint8_t address);

/* `n` registers from `first` on. -ENODEV: nobody answers; -ERANGE: there are not so many. */
int i2c_read(const struct i2c *bus, uint8_t address, uint8_t first, uint8_t *to, size_t n);
int i2c_write(struct i2c *bus, uint8_t address, uint8_t first, const uint8_t *p, size_t n);

#endif
