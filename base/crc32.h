/* crc32.h: the CRC-32 of IEEE 802.3, as zip, PNG and `cksum -a crc32b` have it.
 *
 * Pure. The checksum of no bytes is 0; bytes may come in pieces.
 */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` is the checksum of, followed by these bytes. */
uint32_t crc32_add(uint32_t crc, const void *p, size_t n);

#endif
