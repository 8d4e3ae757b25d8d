/* pattern.h: POSIX extended regular expressions, searched in time that is bounded.
 *
 * As regcomp and regexec in the C locale: a character is a byte, `.` is any but NUL, an anchor
 * holds only at the ends of the text, and of several matches the leftmost is found, of those the
 * longest. What POSIX leaves undefined is refused, but for {,n}, which is {0,n}, a repetition of a
 * repetition, a branch with nothing in it and a \ before what needs none. Neither classes as \w nor
 * places as \< nor back-references are known.
 *
 * All places that a match may be at are followed at once (Thompson), so that a search looks at each
 * state at most once for each place between two bytes.
 *
 * Owns:   all it needs; the text is not kept.
 * Bounds: LIMIT_PATTERN, LIMIT_PATTERN_REPEAT, LIMIT_PATTERN_STATES; a search has 50 KB of stack.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/sv.h"

enum {
    PATTERN_NOT_BEGIN = 1, /* ^ does not hold before the first byte */
    PATTERN_NOT_END = 2,   /* $ does not hold behind the last one */
    PATTERN_FIRST = 4,     /* stops at the first byte that completes a match */
};

struct pattern;

/* NULL: `why` is what it must be without ("a ( that is not closed"), a text that stays. */
struct pattern *pattern_new(const char *expression, const char **why);
void pattern_free(struct pattern *p); /* NULL is allowed */

/* `found` is the part that matches; NULL: only whether there is one. */
bool pattern_find(struct pattern *p, struct sv text, unsigned flags, struct sv *found);

/* What all searches have looked at: states times places at most. */
size_t pattern_states(const struct pattern *p);
size_t pattern_steps(const struct pattern *p);

#endif
