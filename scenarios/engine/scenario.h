/* scenario.h: a scenario file: its format, and what was loaded of one.
 *
 * The tables of its parts stand with who carries them out: actions, rules, peers, expectations. A
 * scenario that was loaded has passed every check that needs no module.
 *
 * Owns: the JSON tree.
 */
#ifndef SCENARIOS_ENGINE_SCENARIO_H
#define SCENARIOS_ENGINE_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

struct cJSON;
struct peers;
struct profile;
struct route;
struct scenario;
struct spec;

enum { SCENARIO_ERROR = 1024 };

extern const struct spec scenario_spec;

/* `path` may be a name of the library's. NULL: `error` says "FILE:LINE: PATH: what was found, what
 * is allowed". */
struct scenario *scenario_load(const char *path, char error[SCENARIO_ERROR]);
struct scenario *scenario_parse(const char *file, const char *text, size_t n,
                                char error[SCENARIO_ERROR]);
void scenario_free(struct scenario *sc); /* NULL is allowed */

const char *scenario_name(const struct scenario *sc);
const struct cJSON *scenario_part(const struct scenario *sc, const char *key); /* NULL: none */

/* The module it wants: `base` where it says nothing else. What is returned is the scenario's. */
const struct profile *scenario_profile(struct scenario *sc, const struct profile *base);
uint64_t scenario_seed(const struct scenario *sc, uint64_t otherwise);

/* Makes its far ends, and leads there what its maps and their addresses say. 0; -EINVAL: it is
 * wrong; other -E...: there is no room, or the system refused. `error` says what could not be
 * done; what could stays until it is pulled down. */
int scenario_build(struct scenario *sc, struct peers *peers, struct route *route,
                   char error[SCENARIO_ERROR]);
void scenario_pull_down(struct scenario *sc, struct route *route);

/* The JSON Schema of the format; the caller's, for cJSON_Delete. */
struct cJSON *scenario_schema(void);

#endif
