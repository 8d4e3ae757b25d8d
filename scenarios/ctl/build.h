/* build.h: what a request is made of: the params of a method, from the words of the command line.
 * What is wrong with them is told. */
#ifndef SCENARIOS_CTL_BUILD_H
#define SCENARIOS_CTL_BUILD_H

#include <stddef.h>

#include "scenarios/ctl/ctl.h"

bool build_usage(const struct command *cmd); /* tells how it is used; false */
bool build_has_args(char **args, size_t at_least, size_t at_most);
bool build_is_port(const char *arg); /* "port=..." */
/* A JSON text of the command line; NULL: it is none. */
struct cJSON *build_json(const char *text, size_t n);

/* As struct command's `build`. */
bool build_do(const struct command *cmd, char **args, struct cJSON *params);
bool build_rule(const struct command *cmd, char **args, struct cJSON *params);
bool build_unrule(const struct command *cmd, char **args, struct cJSON *params);
bool build_advance(const struct command *cmd, char **args, struct cJSON *params);
bool build_none(const struct command *cmd, char **args, struct cJSON *params);
bool build_optional(const struct command *cmd, char **args, struct cJSON *params);
bool build_load(const struct command *cmd, char **args, struct cJSON *params);
bool build_capture(const struct command *cmd, char **args, struct cJSON *params);
bool build_verdict(const struct command *cmd, char **args, struct cJSON *params);
bool build_lines(const struct command *cmd, char **args, struct cJSON *params);
/* args[-1] is the action's name. */
bool build_action(const struct command *cmd, char **args, struct cJSON *params);

#endif
