/* director_priv.h: the director's inside, for its files: director.c, methods.c, lines.c. */
#ifndef SCENARIOS_ENGINE_DIRECTOR_PRIV_H
#define SCENARIOS_ENGINE_DIRECTOR_PRIV_H

#include <uv.h>

#include "scenarios/control/control.h"
#include "scenarios/engine/director.h"

/* An answer that waits for the verdict. */
struct verdict_call {
    struct verdict_call *next;
    struct control_call *call;
    struct stage *stage;
};

/* An answer that waits for a change of a port's lines. */
struct lines_call {
    struct lines_call *next;
    struct control_call *call;
    struct chan *chan;
    bool dcd, ri;                  /* which ones count */
    uint32_t dcd_changes, ri_ends; /* when it was asked */
};

struct director {
    uint32_t magic;
#define DIRECTOR_MAGIC 0x0d14ec70u
    struct director_config cfg;
    struct scenario *scenario; /* of the command line */
    struct magic_world *magics;
    struct control *control;
    struct stage **stages;
    struct scenario **loaded; /* over the control socket, one a stage; NULL: none */
    size_t nstages;
    struct verdict_call *waiting;
    struct lines_call *watching;
    struct control_call *advanced; /* answered when what the time brought has been written */
    clk_mono until;                /* the instant to which it is advanced */
    bool is_written;
    struct uv_idle_s *idle;
};

/* director.c */
/* Plays it instead of what was played there, which has ended in any case. Takes the scenario.
 * -E...: `error` says why not, and nothing plays. */
int director_load(struct director *d, struct stage *st, struct scenario *sc, const char *file,
                  char error[SCENARIO_ERROR]);

/* methods.c; with a control socket only */
extern const struct control_method director_methods[];
void director_start_methods(struct director *d);
void director_stop_methods(struct director *d);
void director_tell_verdict(struct director *d, struct stage *st); /* to who waits for it */
/* The module that is meant; NULL: there is none of this number, which has been answered. */
struct stage *director_stage(struct director *d, struct control_call *call,
                             const struct cJSON *params);

/* lines.c */
void lines_ports(void *ctx, struct control_call *call, const struct cJSON *params);
void lines_get(void *ctx, struct control_call *call, const struct cJSON *params);
void lines_set(void *ctx, struct control_call *call, const struct cJSON *params);
void lines_wait(void *ctx, struct control_call *call, const struct cJSON *params);
void lines_forget(struct director *d); /* who waits is told that it ends */

#endif
