/* spec_random.h: JSON that a spec allows, by chance: every key and every choice comes up. Numbers
 * are often at their limits; durations are short, so that what they lead to is seen. */
#ifndef TESTS_SUPPORT_SPEC_RANDOM_H
#define TESTS_SUPPORT_SPEC_RANDOM_H

struct cJSON;
struct rng;
struct spec;

struct cJSON *spec_random(const struct spec *spec, struct rng *rng); /* the caller's */

#endif
