/* show.h: what an answer looks like: JSON for programs, indented lines for people. */
#ifndef SCENARIOS_CTL_SHOW_H
#define SCENARIOS_CTL_SHOW_H

#include "scenarios/ctl/ctl.h"

void show_json(const struct cJSON *value);
void show_value(const struct ctl *c, const struct cJSON *value);

/* As struct command's `show`. */
int show_result(const struct ctl *c, const struct cJSON *result, char **args);
int show_state(const struct ctl *c, const struct cJSON *result, char **args);
int show_methods(const struct ctl *c, const struct cJSON *result, char **args);
int show_saved(const struct ctl *c, const struct cJSON *result, char **args);
int show_verdict(const struct ctl *c, const struct cJSON *result, char **args);

#endif
