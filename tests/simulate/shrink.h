/* shrink.h: the smallest plan that still breaks the same rule: acts are left out, half of them at
 * first, then fewer, until none can go. */
#ifndef TESTS_SIMULATE_SHRINK_H
#define TESTS_SIMULATE_SHRINK_H

struct run_plan;

/* Changes the plan; it breaks `rule`. Returns how many runs that took. */
unsigned shrink_plan(struct run_plan *plan, const char *rule);

#endif
