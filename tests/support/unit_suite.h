/* unit_suite.h: what most files of tests on a whole module begin with: the rig, and short names for
 * what is done to it. For the file of a test, not for headers.
 */
#ifndef TESTS_SUPPORT_UNIT_SUITE_H
#define TESTS_SUPPORT_UNIT_SUITE_H

#include "tests/support/unit_rig.h"

static struct unit_rig rig;

#define ask(text, want) unit_rig_ask(&rig, text, want)
#define expect(want) unit_rig_expect(&rig, want)

static inline void start(void) {
    unit_rig_start(&rig, "sim7600e");
}

static inline void stop(void) {
    unit_rig_stop(&rig);
}

static inline void pass_ms(int64_t ms) {
    unit_rig_pass(&rig, CLK_MS(ms));
}

static inline void pass_s(int64_t s) {
    unit_rig_pass(&rig, CLK_S(s));
}

#endif
