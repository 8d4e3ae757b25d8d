#include "base/crc32.h"

static const uint32_t polynomial = 0xedb88320u; /* bits reversed: the lowest one comes first */

static uint32_t of_byte(uint32_t byte) {
    for (int i = 0; i < 8; i++) {
        byte = (byte >> 1) ^ ((byte & 1) != 0 ? polynomial : 0);
    }
    return byte;
}

uint32_t crc32_add(uint32_t crc, const void *p, size_t n) {
    static uint32_t table[256];
    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            table[i] = of_byte(i);
        }
    }
    const uint8_t *bytes = p;
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xff];
    }
    return ~crc;
}
