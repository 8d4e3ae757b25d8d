#include "tests/soak/flat.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"

static long resident_kib(pid_t pid) {
    char path[64];
    char line[128];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    must(f != NULL);
    while (kib < 0 && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    fclose(f);
    must(kib > 0);
    return kib;
}

static unsigned count_fds(pid_t pid) {
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    must(d != NULL);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        n += e->d_name[0] != '.';
    }
    closedir(d);
    return n;
}

static void sample(struct flat *f, uint64_t done) {
    must(f->n <= FLAT_SAMPLES);
    f->samples[f->n++] =
        (struct flat_sample){.done = done, .kib = resident_kib(f->pid), .fds = count_fds(f->pid)};
}

void flat_start(struct flat *f, pid_t pid, uint64_t total) {
    *f = (struct flat){.pid = pid, .total = total, .kib_slack = FLAT_KIB_SLACK};
    sample(f, 0);
}

void flat_at(struct flat *f, uint64_t done) {
    if (f->n <= FLAT_SAMPLES && done * FLAT_SAMPLES >= f->n * f->total) {
        sample(f, done);
    }
}

/* The highest of the first quarter, and of the rest. */
static void find_highest(const struct flat *f, struct flat_sample *early,
                         struct flat_sample *late) {
    for (unsigned i = 0; i < f->n; i++) {
        const struct flat_sample *s = &f->samples[i];
        struct flat_sample *highest = s->done * 4 <= f->total ? early : late;
        highest->kib = s->kib > highest->kib ? s->kib : highest->kib;
        highest->fds = s->fds > highest->fds ? s->fds : highest->fds;
    }
}

unsigned flat_verdict(const struct flat *f, const char *unit) {
    struct flat_sample early = {0};
    struct flat_sample late = {0};
    unsigned wrong = 0;
    for (unsigned i = 0; i < f->n; i++) {
        const struct flat_sample *s = &f->samples[i];
        if (i % 4 != 0 && i + 1 < f->n) {
            continue;
        }
        printf("  %12llu %s: %ld KiB, %u descriptors\n", (unsigned long long)s->done, unit, s->kib,
               s->fds);
    }
    find_highest(f, &early, &late);
    if (late.kib > early.kib + f->kib_slack) {
        printf("  memory grew from %ld to %ld KiB\n", early.kib, late.kib);
        wrong++;
    }
    if (late.fds > early.fds + f->fds_slack) {
        printf("  descriptors grew from %u to %u\n", early.fds, late.fds);
        wrong++;
    }
    return wrong;
}
