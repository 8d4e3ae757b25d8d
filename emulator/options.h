/* options.h: the command line.
 *
 * Pure: parses argv into a struct and touches nothing else. The strings are argv's own.
 */
#ifndef EMULATOR_OPTIONS_H
#define EMULATOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/log.h"
#include "emulator/at/latency.h"
#include "netstack/impair.h"

enum options_action {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_SCHEMA,
    OPTIONS_LIBRARY,
};

enum {
    OPTIONS_ERROR_TEXT = 512,
    OPTIONS_HOST = 64,
    OPTIONS_MODEMS_MAX = 1000,
    OPTIONS_FACTOR_MAX = 1000, /* of the clock */
    OPTIONS_WAIT_S = 60,
    OPTIONS_WAIT_MAX_S = 86400,
};

struct options {
    enum options_action action;
    const char *profile;
    const char *link;
    const char *group; /* of the ttys; NULL: the system's */
    const char *maps[LIMIT_ROUTES];
    size_t map_count;
    const char *listens[LIMIT_ROUTES];
    size_t listen_count;
    char rfc2217_host[OPTIONS_HOST]; /* of the UART's server, a number; "": there is none */
    uint16_t rfc2217_port;           /* of the first module; 0: any free one */
    unsigned clock_factor;           /* 1: real time; 0: it stands until it is told */
    enum at_timing timing;
    const char *dns;                         /* NULL: the host's own servers */
    struct impair impair[IMPAIR_DIRECTIONS]; /* of every module's bearer */
    uint64_t seed;
    const char *trace;       /* NULL: none */
    const char *pcap;        /* NULL: none */
    const char *nvram;       /* NULL: it ends with the process */
    const char *files;       /* NULL: in memory */
    const char *scenario;    /* NULL: none */
    const char *control;     /* NULL: none */
    const char *junit, *tap; /* NULL: none */
    unsigned modems;         /* 0: one, whose link has no number */
    enum log_level log_level;
    bool is_json, is_log_json, is_quick_start, is_sandboxed;
    bool is_run;     /* ends with the verdict */
    unsigned wait_s; /* until a driver has the tty, of the host's time; 0: for ever */
    bool is_check;   /* only looks at the scenario */
};

/* `profiles` ends with NULL; its first is the default. -EINVAL: `error` names the option, the
 * value and what is allowed. */
int options_parse(struct options *o, int argc, char **argv, const char *const *profiles,
                  char error[OPTIONS_ERROR_TEXT]);

/* A --map to a built-in peer: "ADDR:PORT=echo:" in its parts, port "*" as 0.
 * -ENOENT: the far side is a HOST:PORT; -EINVAL: it is a peer's, but the near side is wrong. */
int options_split_peer(const char *map, char addr[LIMIT_NAME + 1], uint16_t *port,
                       const char **peer);

void options_print_help(FILE *to, const char *const *profiles);

#endif
