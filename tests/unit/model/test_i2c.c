/* The I2C bus: devices and registers. */
#include "emulator/model/i2c.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct i2c bus;

static void start(void) {
    i2c_init(&bus);
}

TestSuite(i2c, .init = start);

Test(i2c, what_is_written_is_read_in_that_device_alone) {
    const uint8_t three[] = {1, 2, 3};
    uint8_t got[4];
    cr_assert_eq(i2c_attach(&bus, 0x50), 0);
    cr_assert_eq(i2c_write(&bus, 0x50, 253, three, 3), 0);
    cr_assert_eq(i2c_read(&bus, 0x50, 252, got, 4), 0);
    cr_assert(got[0] == 0 && got[1] == 1 && got[3] == 3);
    cr_assert_eq(i2c_read(&bus, 0x34, 252, got, 4), 0);
    cr_assert_eq(got[1], 0);
}

Test(i2c, the_last_register_is_the_bound) {
    uint8_t got[2];
    cr_assert_eq(i2c_read(&bus, 0x34, 255, got, 1), 0);
    cr_assert_eq(i2c_read(&bus, 0x34, 255, got, 2), -ERANGE);
    cr_assert_eq(i2c_write(&bus, 0x34, 255, got, 2), -ERANGE);
}

Test(i2c, a_device_that_is_not_there_does_not_answer) {
    uint8_t got[1] = {7};
    cr_assert_eq(i2c_read(&bus, 0x51, 0, got, 1), -ENODEV);
    cr_assert_eq(i2c_write(&bus, 0x51, 0, got, 1), -ENODEV);
    cr_assert_eq(i2c_attach(&bus, 0x51), 0);
    cr_assert_eq(i2c_write(&bus, 0x51, 0, got, 1), 0);
    cr_assert_eq(i2c_attach(&bus, 0x51), 0, "it is there, and stays as it is");
    got[0] = 0;
    cr_assert_eq(i2c_read(&bus, 0x51, 0, got, 1), 0);
    cr_assert_eq(got[0], 7);
    i2c_detach(&bus, 0x51);
    i2c_detach(&bus, 0x51);
    cr_assert_eq(i2c_read(&bus, 0x51, 0, got, 1), -ENODEV);
}

Test(i2c, there_is_room_for_so_many) {
    for (unsigned i = 1; i < LIMIT_I2C_DEVICES; i++) {
        cr_assert_eq(i2c_attach(&bus, (uint8_t)i), 0);
    }
    cr_assert_eq(i2c_attach(&bus, 0xff), -ENOSPC);
    i2c_detach(&bus, 1);
    cr_assert_eq(i2c_attach(&bus, 0xff), 0);
}
