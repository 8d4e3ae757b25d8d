/* action.h: what a scenario, or somebody at the control socket, can do to the module: one table.
 *
 * An action is a JSON object with one verb. Some decide a question (answer, error, swallow, delay)
 * and stand in rules only; the others are things that happen, at any time. The table gives the
 * check, the JSON Schema, the page and the words of sim7x00ctl.
 */
#ifndef SCENARIOS_ENGINE_ACTION_H
#define SCENARIOS_ENGINE_ACTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bus.h"

struct cJSON;
struct happening;
struct spec;
struct stage;

extern const struct spec action_list_spec; /* "do": a list of actions */
extern const struct spec action_spec;

/* The verbs, for help and completion; NULL behind the last one. */
const char *action_name(size_t i);
const char *action_doc(size_t i);
bool action_is_decision(size_t i); /* in rules on a question only */

/* What a question's answer is being made of, and what led to it. */
struct decision {
    const struct happening *what; /* NULL: nothing did: a timeline, the control socket */
    void *asked;                  /* the question's payload */
    struct bus_verdict verdict;
};

/* The value that does not fit the event that the actions are to follow (NULL: none, a timeline),
 * and *why. NULL: they all do. */
const struct cJSON *action_misfit(const struct cJSON *list, const char *event, const char **why);

/* Now, or when it can be. 0; -E...: it could not be done, which is logged, and *why says so. */
int action_do(struct stage *st, const struct cJSON *json, struct decision *d, const char **why);

#endif
