/* spec_pattern.h: whether a regular expression may be given to regcomp. Inside of spec_*.c only.
 *
 * POSIX extended, without back-references. Bounds: LIMIT_PATTERN, LIMIT_PATTERN_REPEAT and
 * LIMIT_PATTERN_COST.
 */
#ifndef SCENARIOS_JSON_SPEC_PATTERN_H
#define SCENARIOS_JSON_SPEC_PATTERN_H

#include <stddef.h>

/* -EINVAL: `why` says what is wrong with it. */
int spec_pattern_check(const char *pattern, char *why, size_t size);

#endif
