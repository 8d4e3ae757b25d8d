/* sim_file.h: the card's files that modules are asked for (31.102): made from the profile. */
#ifndef EMULATOR_MODEL_SIM_FILE_H
#define EMULATOR_MODEL_SIM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct profile;

enum { SIM_FILE_ICCID = 0x2fe2, SIM_FILE_IMSI = 0x6f07, SIM_FILE_SPN = 0x6f46 };
enum { SIM_FILE_AD = 0x6fad };
enum { SIM_FILE = 17 }; /* bytes of the longest one */

/* Its length, 0: there is no such file. */
size_t sim_file(const struct profile *p, int id, uint8_t to[SIM_FILE]);
bool sim_file_needs_pin(int id);

#endif
