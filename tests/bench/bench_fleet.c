/* Measures many modules in one process: what each costs, and whether those that pump data leave
 * the others their turn.
 *
 *     bench_fleet [DAEMON [MODEMS]]      without: the sim7x00 beside this program, 1000
 */
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/fleet.h"
#include "tests/support/turn.h"

enum { MODEMS = 1000, BUSY = 100, REST_MS = 2000, PUMP_MS = 4000, ROUNDS = 20000 };

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double ms_since(int64_t from_us) {
    return (double)(turn_now_us() - from_us) / 1000;
}

static long resident_of_one(const char *program) {
    struct fleet f;
    fleet_init(&f, program, 1);
    fleet_start(&f);
    daemon_settle(&f.daemon);
    long kib = daemon_status(&f.daemon, "VmRSS");
    fleet_stop(&f);
    return kib;
}

static void say_resident(const struct fleet *f, const char *when, long one_kib) {
    long all_kib = daemon_status(&f->daemon, "VmRSS");
    printf("  %-28s %8ld KiB, %.0f KiB a further module\n", when, all_kib,
           (double)(all_kib - one_kib) / (f->count - 1));
}

static void say_rest(struct fleet *f) {
    daemon_settle(&f->daemon);
    long before = daemon_status(&f->daemon, "voluntary_ctxt_switches");
    turn_for(REST_MS);
    long after = daemon_status(&f->daemon, "voluntary_ctxt_switches");
    printf("  %-28s %8.1f per s\n", "wake-ups, all open",
           (double)(after - before) * 1000 / REST_MS);
}

/* Of the modules that do not pump, one after the other, until so much time is over. */
static void say_latency(struct fleet *f, const char *name, int64_t ms) {
    static double took_us[ROUNDS];
    size_t n = 0;
    unsigned span = f->count - BUSY;
    int64_t until_us = turn_now_us() + ms * 1000;
    while (n < ROUNDS && turn_now_us() < until_us) {
        took_us[n] = fleet_ask_us(f, BUSY + (unsigned)(n * 7919 % span), "AT", "OK\r\n");
        n++;
    }
    qsort(took_us, n, sizeof *took_us, compare);
    printf("  %-28s %8.0f us p50 %8.0f us p99 %8.0f us max, %zu times\n", name, took_us[n / 2],
           took_us[n * 99 / 100], took_us[n - 1], n);
}

/* One request on a connection of its own; returns how long its answer took. */
static double call_us(const struct fleet *f, const char *socket_path, const char *method,
                      unsigned modem) {
    (void)f;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    static char answer[1 << 16];
    char request[128];
    snprintf(to.sun_path, sizeof to.sun_path, "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    int64_t from_us = turn_now_us();
    must(connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    int n = snprintf(request, sizeof request,
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"modem\":%u}}\n",
                     method, modem);
    must(write(fd, request, (size_t)n) == n);
    ssize_t got = 0;
    size_t len = 0;
    while (len == 0 || answer[len - 1] != '\n') {
        got = read(fd, answer + len, sizeof answer - len);
        must(got > 0);
        len += (size_t)got;
    }
    close(fd);
    return (double)(turn_now_us() - from_us);
}

static void say_control(struct fleet *f, const char *socket_path) {
    static const char *const methods[] = {"ports", "state"};
    for (size_t m = 0; m < 2; m++) {
        double first = 1e9;
        double last = 1e9;
        for (unsigned i = 0; i < 20; i++) {
            double a = call_us(f, socket_path, methods[m], 0);
            double b = call_us(f, socket_path, methods[m], f->count - 1);
            first = a < first ? a : first;
            last = b < last ? b : last;
        }
        printf("  control: %-19s %8.0f us the first module, %.0f us the last one\n", methods[m],
               first, last);
    }
}

static void say_share(struct fleet *f) {
    fleet_ready(f, BUSY);
    fleet_pump(f, PUMP_MS);
    say_latency(f, "AT to OK, 100 others pumping", PUMP_MS * 9 / 10);
    struct fleet_share s = fleet_pumped(f);
    printf("  %-28s %8.1f MiB/s each way, Jain's index %.4f, the slowest has %.2f of the mean\n",
           "100 in transparent mode", s.mib_per_s, s.jain, s.least);
}

int main(int argc, char **argv) {
    char beside[PATH_MAX];
    struct fleet f;
    snprintf(beside, sizeof beside, "%s/sim7x00", dirname(argv[0]));
    const char *program = argc > 1 ? argv[1] : beside;
    unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : MODEMS;
    must(count > BUSY);
    if (access(program, X_OK) != 0) {
        perror(program);
        return 1;
    }
    long one_kib = resident_of_one(program);
    fleet_init(&f, program, count);
    char control[128];
    snprintf(control, sizeof control, "%s/control", f.daemon.folder);
    daemon_option(&f.daemon, "--control", "%s", control);
    int64_t from_us = turn_now_us();
    fleet_start(&f);
    printf("%u modules\n  %-28s %8.0f ms\n", count, "start to the last ready line",
           ms_since(from_us));
    printf("  %-28s %8u\n", "descriptors", daemon_count(&f.daemon, "fd"));
    say_resident(&f, "resident, never used", one_kib);
    from_us = turn_now_us();
    fleet_open(&f);
    fleet_ask_all(&f, 0, count, "AT", "OK\r\n");
    printf("  %-28s %8.0f ms\n", "all opened and answered", ms_since(from_us));
    say_rest(&f);
    say_resident(&f, "resident, all answered", one_kib);
    say_latency(&f, "AT to OK, nobody pumping", PUMP_MS);
    say_control(&f, control);
    say_share(&f);
    say_resident(&f, "resident, 100 in data mode", one_kib);
    from_us = turn_now_us();
    fleet_stop(&f);
    printf("  %-28s %8.0f ms\n", "SIGTERM to exit", ms_since(from_us));
    return 0;
}
