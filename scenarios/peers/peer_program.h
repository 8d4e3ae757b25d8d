/* peer_program.h: the script of a far end: what it does on each connection, step by step.
 *
 * A step takes what it waited for; what came behind that is there for the next one.
 * Knows no sockets: peer_run.c follows the steps.
 *
 * Bounds:  LIMIT_PEER_STEPS; a step that waits for bytes looks at the newest
 *          PEER_PROGRAM_WINDOW bytes that no step has taken.
 * Refused: steps that can never be reached, and a repeat that never waits for anything.
 */
#ifndef SCENARIOS_PEERS_PEER_PROGRAM_H
#define SCENARIOS_PEERS_PEER_PROGRAM_H

#include <stddef.h>

#include "base/clk.h"

struct cJSON;
struct pattern;
struct spec;

enum peer_verb {
    PEER_EXPECT,
    PEER_RECEIVE,
    PEER_SEND,
    PEER_WAIT,
    PEER_ECHO,
    PEER_DISCARD,
    PEER_STALL,
    PEER_READ,
    PEER_CLOSE,
    PEER_HALF_CLOSE,
    PEER_RESET,
    PEER_REPEAT,
    PEER_VERBS
};

struct peer_step {
    enum peer_verb verb;
    unsigned char *bytes;    /* expect, send */
    size_t n;                /* of bytes; of receive; of chargen, whose `bytes` is NULL */
    struct pattern *pattern; /* expect, instead of bytes */
    clk_dur wait;
    unsigned times; /* repeat: so often in all; 0: without end */
};

struct peer_program {
    struct peer_step *steps;
    size_t n;
};

enum { PEER_PROGRAM_WINDOW = 4096, PEER_PROGRAM_ERROR = 160 };

/* The list of steps. */
extern const struct spec peer_program_spec;

/* From a tree that peer_program_spec allows. NULL: `error` says which step makes no sense and
 * why. */
struct peer_program *peer_program_new(const struct cJSON *script, char error[PEER_PROGRAM_ERROR]);
void peer_program_free(struct peer_program *p); /* NULL is allowed */

#endif
