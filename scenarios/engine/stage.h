/* stage.h: one module with its tty and the world around it, and what is played on it: the rules,
 * the timeline, the expectations of one scenario.
 *
 * The one listener and answerer between the module and everything outside. With nothing to play it
 * wants to be asked at no point but those of the magic destinations, so it costs nothing.
 *
 * Owns:    the tap on the tty, its rules and timers, a copy of the scenario.
 * Borrows: everything of struct stage_world, until stage_free.
 * Bounds:  LIMIT_RULES rules, LIMIT_PENDING actions that wait for their time.
 */
#ifndef SCENARIOS_ENGINE_STAGE_H
#define SCENARIOS_ENGINE_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/rng.h"
#include "base/sv.h"
#include "scenarios/verdict/expect.h"

struct cJSON;
struct chan;
struct expect;
struct happening;
struct magic_world;
struct modem;
struct peers;
struct route;
struct scenario;
struct stage;
struct tty_fault;

typedef void stage_setting_fn(void *ctx, const char *command);

/* A port of the module. */
struct stage_port {
    const char *name; /* of its channel: "at", "modem3", "uart" */
    const char *tty;  /* "/dev/pts/5"; "": it has none, or not now */
    const char *at;   /* where a driver finds it: the tty's link, or a URL */
    struct chan *chan;
};
typedef void stage_port_fn(void *ctx, const struct stage_port *port);

struct stage_world {
    unsigned number; /* of the module */
    struct modem *modem;
    struct chan *chan;
    struct clk *clk;
    struct route *route;
    struct peers *peers;
    struct magic_world *magic; /* NULL: there are no magic destinations */
    uint64_t seed;
    /* The settings that differ from the factory's, as commands. */
    void (*settings)(void *ctx, stage_setting_fn *each, void *each_ctx);
    void *settings_ctx;
    /* All ports, the one of `chan` first; what clients have done by now is known. NULL: there is
     * only that one, without a tty. */
    void (*ports)(void *ctx, stage_port_fn *each, void *each_ctx);
    void *ports_ctx;
};

struct stage_events {
    void (*on_happening)(void *ctx, struct stage *st, const struct happening *h); /* may be NULL */
    void (*on_over)(void *ctx, struct stage *st); /* the verdict is there; may be NULL */
};

struct stage *stage_new(const struct stage_world *world, const struct stage_events *ev, void *ctx);
void stage_free(struct stage *st); /* NULL is allowed */

/* Plays it from its start on; one that was playing ends. What it does not say of the module is as
 * it was when the daemon started; links and settings stay. Rules act from the start on. The
 * scenario is the caller's, and stays until stage_free or the next stage_play. -EINVAL: a setting
 * was refused; *why, for free(). */
int stage_play(struct stage *st, const struct scenario *sc, char **why);
void stage_stop(struct stage *st); /* nothing plays any more; the module stays as it is */
const struct scenario *stage_scenario(const struct stage *st);
struct expect *stage_expect(const struct stage *st); /* NULL: nothing plays */
bool stage_is_started(const struct stage *st);
size_t stage_waiting(const struct stage *st); /* actions of which the time has not come */
clk_dur stage_time(const struct stage *st);   /* since the start */
int stage_end(struct stage *st);              /* the run ends now; -ENOENT: nothing plays */

const struct stage_world *stage_world(const struct stage *st);
struct tty_fault *stage_tty(struct stage *st);

/* Rules that come and go while it runs. The JSON is checked; it is copied. -ENOSPC, -EEXIST: the
 * name is taken. */
int stage_add_rule(struct stage *st, const struct cJSON *rule);
int stage_remove_rule(struct stage *st, const char *name); /* -ENOENT */
int stage_enable_rule(struct stage *st, const char *name, bool on);
struct cJSON *stage_rules(const struct stage *st); /* with their counts; the caller's */

/* An action from outside, now. 0; -E..., *why says why not. */
int stage_do(struct stage *st, const struct cJSON *action, const char **why);

/* Whether somebody outside wants to hear of everything. */
void stage_listen(struct stage *st, bool on);

/* What far ends see; they belong to no module, so every stage is told. */
void stage_peer_bytes(struct stage *st, const char *peer, const void *p, size_t n);
void stage_peer(struct stage *st, const char *peer, enum expect_peer_event what);

/* For actions. */
struct rng *stage_rng(struct stage *st);
/* A signal that changes step by step until it is `rssi`. */
void stage_fade(struct stage *st, int rssi, clk_dur over);
/* The tty is gone for so long. */
void stage_vanish(struct stage *st, clk_dur time);
/* Calls back once, later, with a copy of the JSON; at stage_free or the next play not any more.
 * -ENOSPC: LIMIT_PENDING. -ELOOP: what does this was itself done so within this instant, and that
 * LIMIT_RULE_CHAIN times over; or LIMIT_PENDING others were. */
typedef void stage_later_fn(struct stage *st, const struct cJSON *json, int link);
int stage_later(struct stage *st, clk_dur in, stage_later_fn *cb, const struct cJSON *json,
                int link);
/* Keeps a copy of the text long enough for who has asked to act on it. */
struct sv stage_keep(struct stage *st, const void *p, size_t n);
void stage_tell(struct stage *st, const struct happening *h); /* it has happened */
/* The same for subscribers only: one of happening_shown. */
void stage_show(struct stage *st, const struct happening *h);
int stage_fail(struct stage *st, const char *why); /* -ENOENT: nothing plays */

#endif
