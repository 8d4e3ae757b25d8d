/* simulate: modem-hours of a driver by chance, a seed an hour; which seed failed, and how to play
 * it again; made as small as it gets, as a dialogue file. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/simulate/shrink.h"
#include "tests/simulate/trial.h"
#include "tests/support/transcript.h"
#include "tests/support/turn.h"

enum { JOBS_MAX = 64, SHOWN_MAX = 10 };

struct totals {
    uint64_t hours, failed, first_failed;
    struct run_figures sum;
};

static int usage(FILE *to, int status) {
    fputs("usage: simulate [--seed S] [--hours H] [--jobs N] [--shrink] [--out FILE]\n"
          "  --seed S    the first one; each is an hour of modem time (1)\n"
          "  --hours H   so many seeds (1)\n"
          "  --jobs N    processes at a time (one a processor)\n"
          "  --shrink    the first seed that fails, as short as it gets, as a dialogue file\n"
          "  --out FILE  which one (simulate-SEED.at); without --shrink: all of the first seed\n",
          to);
    return status;
}

static void add(struct totals *t, uint64_t seed, const struct trial_report *r) {
    const struct run_figures *f = &r->figures;
    t->hours++;
    t->sum.modem_us += f->modem_us;
    t->sum.checks += f->checks;
    t->sum.commands += f->commands;
    t->sum.acts += f->acts;
    t->sum.urcs += f->urcs;
    t->sum.bytes += f->bytes;
    t->sum.turns += f->turns;
    t->sum.busiest = f->busiest > t->sum.busiest ? f->busiest : t->sum.busiest;
    if (r->rule[0] == '\0') {
        return;
    }
    t->first_failed = t->failed == 0 || seed < t->first_failed ? seed : t->first_failed;
    if (t->failed++ < SHOWN_MAX) {
        printf("seed %llu: %s: %s\n  ./dev simulate --seed %llu --hours 1 --shrink\n",
               (unsigned long long)seed, r->rule, r->why, (unsigned long long)seed);
    }
}

static void play_all(uint64_t seed, uint64_t hours, size_t jobs, struct totals *t) {
    struct run_plan *plan = xmalloc(sizeof *plan);
    struct trial trials[JOBS_MAX] = {0};
    size_t running = 0;
    uint64_t next = 0;
    while (next < hours || running > 0) {
        struct trial_report report;
        if (next < hours && running < jobs) {
            size_t i = 0;
            while (trials[i].pid != 0) {
                i++;
            }
            run_plan_make(plan, seed + next++);
            trial_start(&trials[i], plan, NULL);
            running++;
            continue;
        }
        size_t i = trial_wait(trials, jobs, &report);
        running--;
        add(t, trials[i].seed, &report);
    }
    free(plan);
}

/* Whether the file fails as it should, as it would in unit_transcripts. */
static void check_dialogue(const char *path) {
    char error[TRANSCRIPT_ERROR_TEXT];
    struct transcript *t = transcript_load(path, error);
    if (t == NULL) {
        printf("%s: %s\n", path, error);
        return;
    }
    FILE *report = tmpfile();
    must(report != NULL);
    int rc = transcript_play_in_process(t, 0, NULL, NULL, report);
    printf("%s %s\n", path, rc != 0 ? "fails, too" : "passes: it lacks what made the run fail");
    fclose(report);
    transcript_free(t);
}

static void make_small(uint64_t seed, const char *path) {
    struct run_plan *plan = xmalloc(sizeof *plan);
    struct trial_report report;
    char name[64];
    snprintf(name, sizeof name, "simulate-%llu.at", (unsigned long long)seed);
    path = path != NULL ? path : name;
    run_plan_make(plan, seed);
    trial_run(plan, NULL, &report);
    size_t before = plan->n;
    unsigned runs = shrink_plan(plan, report.rule);
    remove(path);
    trial_run(plan, path, &report);
    printf("seed %llu: %zu of %zu acts are left after %u runs: %s: %s\n", (unsigned long long)seed,
           plan->n, before, runs, report.rule, report.why);
    check_dialogue(path);
    free(plan);
}

static void note(uint64_t seed, const char *path) {
    struct run_plan *plan = xmalloc(sizeof *plan);
    struct trial_report report;
    run_plan_make(plan, seed);
    trial_run(plan, path, &report);
    free(plan);
}

static void tell(const struct totals *t, double took) {
    double hours = (double)t->sum.modem_us / 3.6e9;
    const struct run_figures *s = &t->sum;
    printf("%.0f modem-hours in %.1f s: %.0f a second\n", hours, took, hours / took);
    printf("an hour: %.0f acts, %.0f commands, %.0f unsolicited results, %.0f bytes, %.0f turns, "
           "%.0f things checked\n",
           (double)s->acts / hours, (double)s->commands / hours, (double)s->urcs / hours,
           (double)s->bytes / hours, (double)s->turns / hours, (double)s->checks / hours);
    printf("the busiest second: %llu turns\n", (unsigned long long)s->busiest);
    printf("simulate: %llu checks, %llu failed\n", (unsigned long long)t->hours,
           (unsigned long long)t->failed);
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"hours", required_argument, NULL, 'h'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"shrink", no_argument, NULL, 'k'},
                                            {"out", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'e'},
                                            {NULL, 0, NULL, 0}};
    uint64_t seed = 1, hours = 1;
    long jobs = sysconf(_SC_NPROCESSORS_ONLN);
    bool is_to_shrink = false;
    const char *out = NULL;
    int c = 0;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 's':
            seed = strtoull(optarg, NULL, 0);
            break;
        case 'h':
            hours = strtoull(optarg, NULL, 0);
            break;
        case 'j':
            jobs = strtol(optarg, NULL, 0);
            break;
        case 'k':
            is_to_shrink = true;
            break;
        case 'o':
            out = optarg;
            break;
        case 'e':
            return usage(stdout, 0);
        default:
            return usage(stderr, 2);
        }
    }
    if (optind != argc || hours == 0 || jobs < 1) {
        return usage(stderr, 2);
    }
    struct totals totals = {0};
    int64_t from_us = turn_now_us();
    play_all(seed, hours, (size_t)(jobs < JOBS_MAX ? jobs : JOBS_MAX), &totals);
    double took = (double)(turn_now_us() - from_us) / 1e6;
    if (is_to_shrink && totals.failed > 0) {
        make_small(totals.first_failed, out);
    }
    if (!is_to_shrink && out != NULL) {
        note(seed, out);
    }
    tell(&totals, took);
    return totals.failed == 0 ? 0 : 1;
}
