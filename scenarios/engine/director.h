/* director.h: scenarios in a running program: one stage a module, the far ends they share, the
 * control socket, the verdict.
 *
 * What the program's main needs to know of this folder.
 *
 * Owns:    the scenario, the stages, the control socket, the magic destinations.
 * Borrows: loop, clock, route and peers, until director_close; the modules until director_drop.
 */
#ifndef SCENARIOS_ENGINE_DIRECTOR_H
#define SCENARIOS_ENGINE_DIRECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "scenarios/engine/scenario.h"
#include "scenarios/engine/stage.h"

struct clk;
struct director;
struct peers;
struct profile;
struct route;
struct uv_loop_s;

struct director_config {
    struct uv_loop_s *loop;
    struct clk *clk;
    struct route *route;
    struct peers *peers;
    const char *scenario;       /* file; NULL: none */
    const char *version;        /* of the program */
    void (*on_stop)(void *ctx); /* somebody at the control socket wants it to end */
    void (*on_over)(void *ctx); /* every module has its verdict */
    void (*on_left)(void *ctx); /* no driver has a tty open any more; may be NULL */
    /* Every packet goes to this file from now on. -EALREADY: to another one; other -E...: it cannot
     * be written. */
    int (*on_capture_start)(void *ctx, const char *file);
    /* No more; *packets: so many did. -ENOENT: none is running; -EIO: it had ended before. */
    int (*on_capture_stop)(void *ctx, uint64_t *packets);
    void *ctx;
};

/* -EINVAL: the scenario is wrong, `error` says where; other -E...: its far ends could not be
 * made. */
int director_new(struct director **out, const struct director_config *cfg,
                 char error[SCENARIO_ERROR]);
/* The control socket. -E...: as control_new. */
int director_listen(struct director *d, const char *path);

/* The module that is wanted; `base` unless the scenario says otherwise. */
const struct profile *director_profile(struct director *d, const struct profile *base);
uint64_t director_seed(const struct director *d, uint64_t otherwise);

/* A module: the scenario plays on it. `world` without peers and magic, which are the director's.
 * -EINVAL: `error` says which setting was refused. */
int director_add(struct director *d, const struct stage_world *world, char error[SCENARIO_ERROR]);
/* Before the modules go. The verdict and the reports stay. */
void director_drop(struct director *d);

/* Whether every module's scenario has reached its instant 0; of those that have not, this is why
 * they have failed. */
bool director_has_started(struct director *d, const char *or_why);
/* The run ends now: what has not come is missing. on_over follows from inside. */
void director_end(struct director *d);
bool director_has_passed(const struct director *d);
bool director_has_driver(const struct director *d); /* one has a tty open */
/* What was expected and what came, of every module. */
enum director_format { DIRECTOR_TEXT, DIRECTOR_JUNIT, DIRECTOR_TAP };
void director_report(struct director *d, enum director_format format, FILE *to);

/* The memory goes in the last close callback. NULL is allowed. */
void director_close(struct director *d);

#endif
