/* rule.h: what is done when something happens: whether a happening is the one that is meant.
 *
 * Counts what it was shown: "after" leaves out the first matches, "nth" takes one of them alone,
 * "times" ends it, "probability" lets chance decide, and outside "within" nothing is counted.
 *
 * Owns: a copy of its JSON, its patterns.
 */
#ifndef SCENARIOS_ENGINE_RULE_H
#define SCENARIOS_ENGINE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"

struct cJSON;
struct happening;
struct rng;
struct rule;
struct spec;

extern const struct spec rule_spec;

/* The JSON has passed the check. `number` names one that has no name: "rule 3". */
struct rule *rule_new(const struct cJSON *json, unsigned number);
void rule_free(struct rule *r); /* NULL is allowed */

const char *rule_name(const struct rule *r);
const char *rule_event(const struct rule *r);
int rule_ask(const struct rule *r); /* enum ask; -1: its event is no question */
const struct cJSON *rule_actions(const struct rule *r);
void rule_enable(struct rule *r, bool on);

/* Counts it if it is meant. `at`: since the start. */
bool rule_fires(struct rule *r, const struct happening *h, clk_dur at, struct rng *rng);

/* Its JSON with "seen" and "fired"; the caller's. */
struct cJSON *rule_json(const struct rule *r);

#endif
