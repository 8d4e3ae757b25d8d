/* torture.c: plays every dialogue again and again, each time with another call failing.
 *
 *     torture [--seed S --sample N] [--found FILE] [--state FILE] [--jobs J] [TRANSCRIPT...]
 *     torture --repeat TRANSCRIPT KIND N once|ever|startup|startup-ever
 *
 * First a dialogue is played as it is, and the calls are counted; meanwhile each allocation fails
 * in a child. Then for each kind and each number it is played with that call failing once, and
 * with all failing from there on. Of the program's start the same is done, with one dialogue.
 *
 * --sample: of each transcript only so many plays, drawn by the seed. --found: a list of plays,
 * words as --repeat takes them, that come first. --state: transcripts named there are done, and
 * those that are done now without a failure are added.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/obj.h"
#include "base/rng.h"
#include "base/sv.h"
#include "tests/torture/play.h"

enum { TRIES = 3, PROBE_EVERY = 64 /* of a sample */, MODES = 4, TRANSCRIPTS = 1024, TEXT = 2048 };

static const char *const modes[MODES] = {"once", "ever", "startup", "startup-ever"};
enum mode { ONCE, EVER, STARTUP, STARTUP_EVER };

static const char startup_transcript[] = "tests/transcripts/v250/profiles.at";

struct sums {
    _Atomic unsigned next; /* transcript to take */
    _Atomic uint64_t plays, probes, failed, flaky, calls, unanswered;
};

struct torture {
    const char *program;
    const char *state; /* NULL: none */
    const char *found; /* NULL: none */
    uint64_t seed;
    unsigned sample; /* plays a transcript; 0: all */
    unsigned jobs;
    char *paths[TRANSCRIPTS];
    size_t npaths;
    struct sums *sums;
};

struct candidate {
    enum fault_kind kind;
    uint64_t n;
    enum mode mode;
};

static int find(const char *const *names, int n, const char *name) {
    int i = 0;
    while (i < n && strcmp(names[i], name) != 0) {
        i++;
    }
    return i < n ? i : -1;
}

static struct play_plan plan_of(const struct candidate *c) {
    return (struct play_plan){.kind = c->kind,
                              .n = c->n,
                              .is_ever = c->mode == EVER || c->mode == STARTUP_EVER,
                              .is_startup = c->mode == STARTUP || c->mode == STARTUP_EVER};
}

static void tell(const struct torture *x, const struct transcript *t, const struct candidate *c,
                 const char *how, const char *why) {
    printf("%s %s: %s %llu %s: %s\n  again: %s --repeat %s %s %llu %s\n", how, t->path,
           fault_names[c->kind], (unsigned long long)c->n, modes[c->mode], why, x->program, t->path,
           fault_names[c->kind], (unsigned long long)c->n, modes[c->mode]);
    fflush(stdout);
}

/* Until it is as it must be, at most so often: where a machine is so busy that time ran out, it is
 * another thing the next time. What was wrong before is told, lest it stay unseen. Returns whether
 * it was at last. */
static bool play_in_tries(const struct torture *x, const struct transcript *t,
                          const struct candidate *c, const struct play_plan *plan, bool must_answer,
                          struct play_result *r) {
    char why[PLAY_WHY] = "";
    play(t, plan, must_answer, r);
    for (unsigned tries = 1; tries < TRIES && r->why[0] != '\0'; tries++) {
        memcpy(why, r->why, sizeof why);
        play(t, plan, must_answer, r);
    }
    if (r->why[0] != '\0') {
        tell(x, t, c, "FAILED", r->why);
        atomic_fetch_add(&x->sums->failed, 1);
    } else if (why[0] != '\0') {
        tell(x, t, c, "flaky", why);
        atomic_fetch_add(&x->sums->flaky, 1);
    }
    return r->why[0] == '\0';
}

static bool play_one(const struct torture *x, const struct transcript *t, const struct candidate *c,
                     bool must_answer) {
    struct play_plan plan = plan_of(c);
    static struct play_result r;
    atomic_fetch_add(&x->sums->plays, 1);
    return play_in_tries(x, t, c, &plan, must_answer, &r);
}

/* -- what there is to play -- */

struct list {
    struct candidate *items;
    size_t n, cap;
};

static void add(struct list *l, enum fault_kind kind, uint64_t n, enum mode mode) {
    if (l->n == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 256;
        l->items = xrealloc(l->items, l->cap * sizeof *l->items);
    }
    l->items[l->n++] = (struct candidate){kind, n, mode};
}

static void add_all(struct list *l, const struct play_result *base, bool is_startup) {
    for (enum fault_kind kind = FAULT_ALLOC + 1; kind < FAULT_KINDS_COUNT; kind++) {
        for (uint64_t n = 1; n <= base->counts_with_end[kind]; n++) {
            add(l, kind, n, is_startup ? STARTUP : ONCE);
            if (n <= base->counts[kind] && kind != FAULT_POLL) { /* signals come one by one */
                add(l, kind, n, is_startup ? STARTUP_EVER : EVER);
            }
        }
    }
    for (size_t i = 0; i < base->nsurvivors; i++) {
        add(l, FAULT_ALLOC, base->survivors[i], is_startup ? STARTUP : ONCE);
        add(l, FAULT_ALLOC, base->survivors[i], is_startup ? STARTUP_EVER : EVER);
    }
}

/* The first of a shuffled list. */
static void draw(struct list *l, size_t n, struct rng *rng) {
    for (size_t i = 0; i < n && i < l->n; i++) {
        size_t k = i + (size_t)rng_below(rng, l->n - i);
        struct candidate c = l->items[i];
        l->items[i] = l->items[k];
        l->items[k] = c;
    }
    l->n = n < l->n ? n : l->n;
}

static bool torture_one(const struct torture *x, const struct transcript *t, bool is_startup) {
    static struct play_result base;
    const struct play_plan plan = {.is_probing = true,
                                   .probe_every = x->sample > 0 ? PROBE_EVERY : 0,
                                   .is_startup = is_startup};
    struct rng rng = rng_stream(x->seed, t->path);
    struct list l = {0};
    const struct candidate none = {FAULT_ALLOC, 0, is_startup ? STARTUP : ONCE};
    bool is_good = play_in_tries(x, t, &none, &plan, false, &base);
    uint64_t calls = 0;
    for (enum fault_kind kind = 0; kind < FAULT_KINDS_COUNT; kind++) {
        calls += base.counts_with_end[kind];
    }
    atomic_fetch_add(&x->sums->calls, calls);
    atomic_fetch_add(&x->sums->probes, base.probes);
    atomic_fetch_add(&x->sums->unanswered, base.has_answered ? 0 : 1);
    add_all(&l, &base, is_startup);
    if (x->sample > 0) {
        draw(&l, x->sample, &rng);
    }
    for (size_t i = 0; i < l.n; i++) {
        is_good = play_one(x, t, &l.items[i], base.has_answered && !is_startup) && is_good;
    }
    free(l.items);
    return is_good;
}

/* A line of a list of plays; false: it is none. */
static bool play_line(const struct torture *x, const char *line) {
    char path[256];
    char kind_name[32];
    char mode_name[32];
    char error[TRANSCRIPT_ERROR_TEXT];
    unsigned long long n = 0;
    if (sscanf(line, "%255s %31s %llu %31s", path, kind_name, &n, mode_name) != 4) {
        return false;
    }
    int kind = find(fault_names, FAULT_KINDS_COUNT, kind_name);
    int mode = find(modes, MODES, mode_name);
    struct transcript *t = kind >= 0 && mode >= 0 ? transcript_load(path, error) : NULL;
    if (t == NULL) {
        return false;
    }
    const struct candidate c = {(enum fault_kind)kind, n, (enum mode)mode};
    play_one(x, t, &c, mode == ONCE || mode == EVER);
    transcript_free(t);
    return true;
}

static void play_found(const struct torture *x) {
    char line[512];
    FILE *f = fopen(x->found, "re");
    must(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        if (line[0] != '#' && !play_line(x, line)) {
            printf("%s: not a play: %s", x->found, line);
            atomic_fetch_add(&x->sums->failed, 1);
        }
    }
    fclose(f);
}

/* -- workers -- */

static void note_done(const struct torture *x, const char *path) {
    FILE *f = x->state != NULL ? fopen(x->state, "ae") : NULL;
    if (f != NULL) {
        fprintf(f, "%s\n", path);
        fclose(f);
    }
}

static void work(const struct torture *x) {
    char error[TRANSCRIPT_ERROR_TEXT];
    unsigned i = 0;
    while ((i = atomic_fetch_add(&x->sums->next, 1)) < x->npaths) {
        bool is_startup = strncmp(x->paths[i], "startup:", 8) == 0;
        struct transcript *t = transcript_load(x->paths[i] + (is_startup ? 8 : 0), error);
        if (t == NULL) {
            printf("%s\n", error);
            atomic_fetch_add(&x->sums->failed, 1);
        } else if (!t->only_in_process && torture_one(x, t, is_startup)) {
            note_done(x, x->paths[i]);
        }
        transcript_free(t);
    }
}

static int run_workers(const struct torture *x) {
    unsigned lost = 0;
    if (x->found != NULL) {
        play_found(x);
    }
    for (unsigned i = 0; i < x->jobs; i++) {
        fflush(NULL);
        if (fork() == 0) {
            work(x);
            fflush(stdout);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < x->jobs; i++) {
        int status = 0;
        wait(&status);
        if (status != 0) {
            fprintf(stderr, "torture: a worker ended with status %#x\n", (unsigned)status);
            lost++;
        }
    }
    struct sums *s = x->sums;
    if (lost > 0) {
        printf("%u workers were lost\n", lost);
        s->failed += lost;
    }
    printf("%llu calls counted; %llu allocations failed in a child, %llu plays with a call that "
           "fails; %llu dialogues end where AT is not answered; %llu plays were flaky\n",
           (unsigned long long)s->calls, (unsigned long long)s->probes,
           (unsigned long long)s->plays, (unsigned long long)s->unanswered,
           (unsigned long long)s->flaky);
    printf("torture: %llu checks, %llu failed\n", (unsigned long long)(s->plays + s->probes),
           (unsigned long long)s->failed);
    return s->failed > 0 ? 1 : 0;
}

/* -- the command line -- */

static bool is_done(const struct torture *x, const char *path) {
    char line[512];
    bool is_found = false;
    FILE *f = x->state != NULL ? fopen(x->state, "re") : NULL;
    while (f != NULL && !is_found && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        is_found = strcmp(line, path) == 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return is_found;
}

static void take_path(struct torture *x, const char *path) {
    if (x->npaths < TRANSCRIPTS && !is_done(x, path)) {
        x->paths[x->npaths++] = xstrdup(path);
    }
}

static void take_all(struct torture *x) {
    char **paths = NULL;
    char startup[128];
    snprintf(startup, sizeof startup, "startup:%s", startup_transcript);
    take_path(x, startup);
    size_t n = transcript_find("tests/transcripts/*/*.at", &paths);
    for (size_t i = 0; i < n; i++) {
        take_path(x, paths[i]);
        free(paths[i]);
    }
    free(paths);
}

static int repeat(char **words, int n) {
    char error[TRANSCRIPT_ERROR_TEXT];
    int kind = n == 4 ? find(fault_names, FAULT_KINDS_COUNT, words[1]) : -1;
    int mode = n == 4 ? find(modes, MODES, words[3]) : -1;
    if (kind < 0 || mode < 0) {
        fprintf(stderr, "torture: --repeat TRANSCRIPT KIND N once|ever|startup|startup-ever\n");
        return 2;
    }
    struct transcript *t = transcript_load(words[0], error);
    if (t == NULL) {
        fprintf(stderr, "%s\n", error);
        return 2;
    }
    struct candidate c = {(enum fault_kind)kind, strtoull(words[2], NULL, 10), (enum mode)mode};
    struct play_plan plan = plan_of(&c);
    plan.is_shown = true;
    plan.is_probing = c.n == 0;
    static struct play_result r;
    play(t, &plan, !plan.is_startup && c.n > 0, &r);
    printf("%s\n%d steps went otherwise, AT %s, %llu calls failed\n",
           r.why[0] != '\0' ? r.why : "all is as it must be", r.passed_over,
           r.has_answered ? "was answered" : "was not answered", (unsigned long long)r.hits);
    for (enum fault_kind k = 0; k < FAULT_KINDS_COUNT; k++) {
        printf("%s %llu/%llu ", fault_names[k], (unsigned long long)r.counts[k],
               (unsigned long long)r.counts_with_end[k]);
    }
    printf("probes %llu survivors %zu\n", (unsigned long long)r.probes, r.nsurvivors);
    transcript_free(t);
    return r.why[0] != '\0' ? 1 : 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"sample", required_argument, NULL, 'n'},
        {"state", required_argument, NULL, 'f'},
        {"jobs", required_argument, NULL, 'j'},
        {"repeat", no_argument, NULL, 'r'},
        {"found", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    static struct torture x = {.jobs = 4};
    bool is_repeat = false;
    int what = 0;
    x.program = argv[0];
    while ((what = getopt_long(argc, argv, "", options, NULL)) != -1) {
        is_repeat |= what == 'r';
        x.seed = what == 's' ? strtoull(optarg, NULL, 10) : x.seed;
        x.sample = what == 'n' ? (unsigned)strtoul(optarg, NULL, 10) : x.sample;
        x.jobs = what == 'j' ? (unsigned)strtoul(optarg, NULL, 10) : x.jobs;
        x.state = what == 'f' ? optarg : x.state;
        x.found = what == 'l' ? optarg : x.found;
        if (what == '?') {
            return 2;
        }
    }
    if (is_repeat) {
        return repeat(argv + optind, argc - optind);
    }
    x.sums = mmap(NULL, sizeof *x.sums, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(x.sums != MAP_FAILED);
    for (int i = optind; i < argc; i++) {
        take_path(&x, argv[i]);
    }
    if (optind == argc) {
        take_all(&x);
    }
    return run_workers(&x);
}
