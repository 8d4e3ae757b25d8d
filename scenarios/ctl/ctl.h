/* ctl.h: what the files of sim7x00ctl share: one request to a daemon, and how it comes out. */
#ifndef SCENARIOS_CTL_CTL_H
#define SCENARIOS_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct cJSON;

enum exit_code { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_LOST = 3 };

struct ctl {
    const char *path;
    int64_t modem;
    bool is_json, has_colors;
    int fd; /* -1: not connected */
    struct buf in;
};

struct command {
    const char *name, *args, *doc;
    const char *method; /* asked with the params that `build` makes */
    /* False: wrong usage, which it has told. */
    bool (*build)(const struct command *cmd, char **args, struct cJSON *params);
    int (*show)(const struct ctl *c, const struct cJSON *result, char **args);
    int (*run)(struct ctl *c, char **args); /* instead of these three */
    bool is_of_modem;                       /* sends params.modem */
};

#endif
