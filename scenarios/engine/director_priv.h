/* director_priv.h: the director's inside, for its two files: director.c, methods.c. */
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

#endif
