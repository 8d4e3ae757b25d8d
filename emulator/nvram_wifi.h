/* nvram_wifi.h: what is set of WIFI, in the JSON of the NVRAM. */
#ifndef EMULATOR_NVRAM_WIFI_H
#define EMULATOR_NVRAM_WIFI_H

#include <stdbool.h>

struct cJSON;
struct wifi_config;

bool nvram_wifi_is_same(const struct wifi_config *a, const struct wifi_config *b);
/* Nothing where it is as from the factory. */
void nvram_wifi_add(struct cJSON *tree, const struct wifi_config *cfg);
/* What is not said is as from the factory. -EINVAL: not what nvram_wifi_add makes. */
int nvram_wifi_read(const struct cJSON *values, struct wifi_config *cfg);

#endif
