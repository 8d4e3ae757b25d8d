#include "emulator/model/sdcard.h"

#include <errno.h>

#include "base/obj.h"

/* A card as the manual's example has it: the sizes that it prints are those of a disk of so many KB
 * in cylinders of 64 KB, of which the partition table takes a track. */
enum { CARD_KB = 3858432, CYLINDER_KB = 64, TRACK_KB = 8 };

void sdcard_init(struct sdcard *c) {
    must(sdcard_divide(c, 1, NULL) == 0);
}

int sdcard_divide(struct sdcard *c, size_t n, const int32_t *kb) {
    struct sdcard to = {.n = n};
    int64_t left = CARD_KB;
    if (n < 1 || n > SDCARD_PARTITIONS) {
        return -EINVAL;
    }
    for (size_t i = 0; i + 1 < n; i++) {
        if (kb[i] <= 0) {
            return -EINVAL;
        }
        to.kb[i] = ((int64_t)kb[i] + CYLINDER_KB - 1) / CYLINDER_KB * CYLINDER_KB;
        left -= to.kb[i];
        if (left <= 0) {
            return -ENOSPC;
        }
    }
    to.kb[n - 1] = left;
    to.kb[0] -= TRACK_KB;
    *c = to;
    return 0;
}
