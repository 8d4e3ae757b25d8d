/* Many modules in one process: all answer, at rest nothing runs, nobody takes the others' turn. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/fleet.h"
#include "tests/support/pieces.h"
#include "tests/support/turn.h"

enum {
    MODULES = DAEMON_IS_SANITIZED ? 60 : 200,
    BUSY = DAEMON_IS_SANITIZED ? 10 : 30,
    ROUNDS = 40,
    TRIES = 5, /* of a measurement that other work on the machine can only make worse */
    REST_MS = 1000,
    PUMP_MS = 1500,
};

static struct fleet f;

static void start(void) {
    fleet_init(&f, NULL, MODULES);
    fleet_start(&f);
    fleet_open(&f);
}

static void stop(void) {
    fleet_stop(&f);
}

Test(e2e_fleet, each_answers_and_keeps_what_is_its_own, .init = start, .fini = stop) {
    fleet_ask_all(&f, 0, MODULES, "AT", "OK\r\n");
    fleet_ask_all(&f, 1, 2, "AT+CMEE=2", "OK\r\n");
    fleet_ask_all(&f, 0, 1, "AT+CMEE?", "+CMEE: 1\r\n");
    fleet_ask_all(&f, 1, 2, "AT+CMEE?", "+CMEE: 2\r\n");
    fleet_ask_all(&f, 2, MODULES, "AT+CMEE?", "+CMEE: 1\r\n");
}

Test(e2e_fleet, with_a_client_at_each_nothing_wakes_it_up, .init = start, .fini = stop) {
    fleet_ask_all(&f, 0, MODULES, "AT", "OK\r\n");
    daemon_settle(&f.daemon);
    long before = daemon_status(&f.daemon, "voluntary_ctxt_switches");
    turn_for(REST_MS);
    cr_assert_eq(daemon_status(&f.daemon, "voluntary_ctxt_switches"), before);
}

/* The slowest answer of the modules that do not pump, in ms: each waits for a turn of the loop, in
 * which each of the busy ones may pass some bytes. */
static double slowest_ms(void) {
    double most_us = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        double us = fleet_ask_us(&f, BUSY + i * 7 % (MODULES - BUSY), "AT", "OK\r\n");
        most_us = us > most_us ? us : most_us;
    }
    return most_us / 1000;
}

Test(e2e_fleet, those_that_pump_share_alike_and_leave_the_others_their_turn, .init = start,
     .fini = stop) {
    enum { SLOWEST_MS = DAEMON_IS_SANITIZED ? 3000 : 1000 };
    struct fleet_share s = {0};
    double ms = 0;
    fleet_ready(&f, BUSY);
    for (int i = 0; i < TRIES && (s.jain < 0.95 || ms > SLOWEST_MS); i++) {
        fleet_pump(&f, PUMP_MS);
        ms = slowest_ms();
        s = fleet_pumped(&f);
    }
    cr_assert_gt(s.mib_per_s, pieces_are_single() ? 0.001 : 0.1);
    cr_assert_geq(s.jain, 0.95, "Jain's index %.3f, the slowest %.2f", s.jain, s.least);
    cr_assert_leq(ms, SLOWEST_MS, "%.0f ms", ms);
}

/* Runs with so few descriptors that they cannot be had; the limit is inherited. */
static int run_with(rlim_t descriptors, unsigned modules, char *said, size_t size) {
    struct rlimit old;
    struct daemon d;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    daemon_init(&d);
    daemon_option(&d, "--modems", "%u", modules);
    d.keeps_err = true;
    struct rlimit low = {.rlim_cur = descriptors, .rlim_max = descriptors};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    daemon_spawn(&d);
    int status = daemon_wait(&d, said, size);
    char first[128];
    snprintf(first, sizeof first, "%s0", d.link);
    cr_assert_neq(access(first, F_OK), 0, "a module was made in spite of it");
    daemon_fini(&d);
    return status;
}

Test(e2e_fleet, too_few_descriptors_are_told_before_anything_is_made) {
    char said[1024];
    cr_assert_eq(run_with(200, 100, said, sizeof said), 3);
    cr_assert_str_eq(said, "sim7x00: --modems: 100 modules take 664 descriptors and this process "
                           "may have 200 (ulimit -Hn)\n");
}

Test(e2e_fleet, the_soft_limit_of_descriptors_is_no_limit) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = {.rlim_cur = 64, .rlim_max = limit.rlim_max};
    fleet_init(&f, NULL, MODULES);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    fleet_start(&f);
    fleet_open(&f);
    fleet_ask_all(&f, 0, MODULES, "AT", "OK\r\n");
    fleet_stop(&f);
}
