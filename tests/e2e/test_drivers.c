/* Whole drivers, written as those are that people use with the real module. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/support/daemon.h"

/* Twice in a row on the same module: the second one finds what the first one left. */
static void run_driver(const char *name) {
    struct daemon d;
    struct dte t;
    char command[256];
    daemon_init(&d);
    daemon_option(&d, "--map", "203.0.113.1:*=127.0.0.1:*");
    daemon_start(&d);
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "exec tests/e2e/%s %s", name, d.link);
        dte_run(&t, command);
        cr_assert_eq(dte_exited(&t), 0);
    }
    daemon_stop(&d);
}

TestSuite(e2e_drivers, .timeout = 100);

Test(e2e_drivers, a_polling_one_with_short_limits) {
    run_driver("driver_polling.py");
}

Test(e2e_drivers, an_event_driven_one_with_pushed_data) {
    run_driver("driver_events.py");
}
