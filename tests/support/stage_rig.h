/* stage_rig.h: a whole module with its stage: a channel without a kernel, manual time and a fake
 * outside world; scenarios and actions as texts.
 *
 * Far ends and the route are real ones that nobody's loop turns: what is made is there, and nothing
 * comes from it.
 *
 * Owns: all of it. One a test.
 */
#ifndef TESTS_SUPPORT_STAGE_RIG_H
#define TESTS_SUPPORT_STAGE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "scenarios/engine/stage.h"
#include "tests/support/unit_rig.h"

struct scenario;

enum { STAGE_RIG_EVENTS = 1 << 16 };

struct stage_rig {
    struct unit_rig u; /* the module; nobody else may answer its questions */
    uv_loop_t loop;
    struct peers *peers;
    struct route *route;
    struct magic_world *magic;
    struct stage *stage;
    struct scenario *scenario;
    char events[STAGE_RIG_EVENTS]; /* "name: facts\n" of each while stage_listen is on, cut */
    size_t nevents;
    unsigned over; /* how often the verdict came */
};

/* The DTE has it open; echo is off. */
void stage_rig_start(struct stage_rig *r);
void stage_rig_stop(struct stage_rig *r); /* the module has left nothing open */

/* Of a scenario's text without its name: "\"rules\": [...]". The text must be right. */
void stage_rig_play(struct stage_rig *r, const char *parts);
/* The same; what the check, or stage_play, refuses it with. NULL: nothing; good until the next. */
const char *stage_rig_refused(struct stage_rig *r, const char *parts);

/* An action, a rule from outside; both must pass the check. As stage_do, stage_add_rule. */
int stage_rig_do(struct stage_rig *r, const char *action, const char **why);
int stage_rig_rule(struct stage_rig *r, const char *rule);

void stage_rig_type(struct stage_rig *r, const char *text);
/* All that was sent since the last call; valid until the next one. */
const char *stage_rig_read(struct stage_rig *r);
void stage_rig_pass(struct stage_rig *r, clk_dur by);
/* The events since the last call; valid until the next event. */
const char *stage_rig_events(struct stage_rig *r);

/* The network open, and link 0 to 116.236.221.75:8011; its far end. */
struct fake_link *stage_rig_link(struct stage_rig *r);

#define stage_rig_expect(r, want) cr_assert_str_eq(stage_rig_read(r), (want))
/* Types, and compares all that comes back, byte for byte. */
#define stage_rig_ask(r, text, want)                                                               \
    do {                                                                                           \
        stage_rig_type((r), text "\r");                                                            \
        cr_assert_str_eq(stage_rig_read(r), (want));                                               \
    } while (0)

#endif
