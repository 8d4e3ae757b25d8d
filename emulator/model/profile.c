#include "emulator/model/profile.h"

#include <string.h>

const struct profile *profile_find(const char *name) {
    for (size_t i = 0; i < nprofiles; i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}
