#include "tests/simulate/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/obj.h"

enum { HANG_S = 30 }; /* an hour of modem time takes some 20 ms */

static const char *const timings[] = {
    [AT_TIMING_NONE] = NULL, [AT_TIMING_TYPICAL] = "typical", [AT_TIMING_WORST] = "worst"};

static void write_dialogue(const char *path, const struct run_plan *plan, const char *text,
                           const char *rule, const char *why, const char *want) {
    FILE *to = fopen(path, "w");
    if (to == NULL) {
        perror(path);
        return;
    }
    bool is_good = rule[0] == '\0';
    fprintf(to, "# Found by ./dev simulate --seed %llu: %s.   source: simulation\n",
            (unsigned long long)plan->seed, is_good ? "all is well" : rule);
    fprintf(to, "profile %s\nonly in-process\n", plan->profile);
    if (timings[plan->timing] != NULL) {
        fprintf(to, "timing %s\n", timings[plan->timing]);
    }
    fprintf(to, "%s", text);
    if (!is_good) {
        fputs("# ", to);
        for (const char *p = why; *p != '\0'; p++) {
            fputc(*p == '\n' ? ' ' : *p, to);
        }
        fprintf(to, "\n%s", want != NULL ? want : ". nothing 1ms\n");
    }
    fclose(to);
}

/* -- in the process -- */

static const struct run_plan *running;
static const char *running_path;

static void on_crash(int number) {
    char why[64];
    snprintf(why, sizeof why, "signal %d", number);
    if (running_path != NULL && dialogue_newest() != NULL) {
        write_dialogue(running_path, running, dialogue_text(dialogue_newest()), "crash", why, NULL);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void play(const struct run_plan *plan, const char *path, int to) {
    struct run_result result;
    struct trial_report report = {0};
    /* What is logged is of use only for the one that is looked at. */
    if (path == NULL && freopen("/dev/null", "w", stderr) == NULL) {
        _exit(1);
    }
    setvbuf(stderr, NULL, _IONBF, 0); /* as before: the heap is watched */
    running = plan;
    running_path = path;
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    const struct rlimit limit = {HANG_S, HANG_S + 1}; /* of the processor's time */
    setrlimit(RLIMIT_CPU, &limit);
    run_play(plan, path != NULL, &result);
    report.figures = result.figures;
    memcpy(report.rule, result.verdict.rule, sizeof report.rule);
    memcpy(report.why, result.verdict.why, sizeof report.why);
    if (path != NULL && result.dialogue != NULL) {
        write_dialogue(path, plan, result.dialogue, report.rule, report.why, result.verdict.want);
    }
    run_result_fini(&result);
    if (write(to, &report, sizeof report) != (ssize_t)sizeof report) {
        _exit(1);
    }
    _exit(0);
}

/* -- outside -- */

void trial_start(struct trial *t, const struct run_plan *plan, const char *dialogue) {
    int ends[2];
    must(pipe(ends) == 0);
    fflush(stdout);
    t->seed = plan->seed;
    t->pid = fork();
    must(t->pid >= 0);
    if (t->pid == 0) {
        close(ends[0]);
        play(plan, dialogue, ends[1]);
    }
    close(ends[1]);
    t->from = ends[0];
}

size_t trial_wait(struct trial *trials, size_t n, struct trial_report *report) {
    int status = 0;
    pid_t pid = wait(&status);
    size_t i = 0;
    while (i < n && trials[i].pid != pid) {
        i++;
    }
    must(i < n);
    memset(report, 0, sizeof *report);
    ssize_t got = read(trials[i].from, report, sizeof *report);
    close(trials[i].from);
    trials[i].pid = 0;
    if (got != (ssize_t)sizeof *report || status != 0) {
        bool is_hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
        snprintf(report->rule, sizeof report->rule, "%s", is_hung ? "hang" : "crash");
        snprintf(report->why, sizeof report->why, "the process ended with status %d", status);
    }
    return i;
}

void trial_run(const struct run_plan *plan, const char *dialogue, struct trial_report *report) {
    struct trial t = {0};
    trial_start(&t, plan, dialogue);
    trial_wait(&t, 1, report);
}
