/* sdcard.h: the partitions of the card in the module's SD slot (V3.00 19.2.13), in KB. Caller's
 * memory. What is in the first one is the drive D: of files.h. */
#ifndef EMULATOR_MODEL_SDCARD_H
#define EMULATOR_MODEL_SDCARD_H

#include <stddef.h>
#include <stdint.h>

enum { SDCARD_PARTITIONS = 4 };

struct sdcard {
    size_t n;
    int64_t kb[SDCARD_PARTITIONS];
};

void sdcard_init(struct sdcard *c); /* one partition */
/* n partitions: `kb` has the sizes of all but the last, which takes the rest. -EINVAL: there are
 * not so many, or a size is not above 0; -ENOSPC: the card is too small. */
int sdcard_divide(struct sdcard *c, size_t n, const int32_t *kb);

#endif
