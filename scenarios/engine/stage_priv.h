/* stage_priv.h: the inside of a stage, for stage.c and stage_play.c only. */
#ifndef SCENARIOS_ENGINE_STAGE_PRIV_H
#define SCENARIOS_ENGINE_STAGE_PRIV_H

#include <sys/queue.h>

#include "base/limits.h"
#include "netstack/impair.h"
#include "scenarios/engine/stage.h"
#include "scenarios/engine/tables.h"

enum { STAGE_KEPT = 8 }; /* texts that askers still act on: questions nest no deeper */

struct cue;
struct pending;
struct services;

struct stage {
    uint32_t magic;
#define STAGE_MAGIC 0x57a6e001u
    struct stage_world world;
    const struct stage_events *ev;
    void *ctx;
    const struct scenario *sc; /* NULL: nothing plays */
    bool is_started;
    clk_mono start;
    struct rng rng;
    struct tables tables;
    struct services *services;               /* the scenario's USSD; NULL: the model's own */
    struct impair impair[IMPAIR_DIRECTIONS]; /* as it was before anything played */
    struct tty_fault *tty;                   /* made when it is first needed */
    struct rule *rules[LIMIT_RULES];
    size_t nrules;
    unsigned rules_made;
    struct cue *cues;
    size_t ncues;
    LIST_HEAD(pendings, pending) pendings;
    size_t npending;
    unsigned depth; /* of what is being done */
    struct {
        clk_mono at;
        unsigned n; /* what was to come in its next turn */
    } instant;
    struct expect *expect;
    struct {
        struct clk_timer timer;
        int to;
        clk_dur step;
    } fade;
    struct clk_timer vanish; /* pending: the tty is gone */
    char *kept[STAGE_KEPT];
    size_t nkept;
    bool is_listened;   /* somebody outside wants to hear of everything */
    bool is_setting_up; /* what the first state makes the module say is for nobody */
    bool is_setting_ok; /* the newest setting was answered OK */
};

struct stage *stage_of(void *ctx);
void stage_update_wants(struct stage *st); /* after a change of what is asked for */
void stage_drop_rules(struct stage *st);

/* stage_play.c */
void stage_start(struct stage *st); /* instant 0, unless it has come */
void stage_clear(struct stage *st); /* everything of what was played goes */

#endif
