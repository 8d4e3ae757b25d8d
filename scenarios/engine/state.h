/* state.h: what a module is like just now, as JSON: to be looked at, and to be played again. */
#ifndef SCENARIOS_ENGINE_STATE_H
#define SCENARIOS_ENGINE_STATE_H

struct cJSON;
struct stage;

/* The parts, NULL behind the last one: "links", "servers", "registration", ... */
extern const char *const state_parts[];

/* One part, or all of them (NULL); the caller's. */
struct cJSON *state_json(const struct stage *st, const char *part);

/* A scenario that begins where the module is now: settings, card, network, impairments, rules. What
 * is under way (links, commands) is not in it. The caller's. */
struct cJSON *state_scenario(const struct stage *st);

#endif
