#include "emulator/capacity.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { OWN_DESCRIPTORS = 64 }; /* the loop's, the control socket's and its clients', reports */

/* What all processes together may have and have; systems without /proc have no such limit. */
static long tty_number(const char *name) {
    char path[64];
    char text[32] = "";
    snprintf(path, sizeof path, "/proc/sys/kernel/pty/%s", name);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return -1;
    }
    bool is_read = fgets(text, sizeof text, f) != NULL;
    fclose(f);
    return is_read ? strtol(text, NULL, 10) : -1;
}

/* The usual limit of 1,024 is a soft one. */
static rlim_t raise_limit(void) {
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

int capacity_take(const struct capacity *c, char error[CAPACITY_ERROR]) {
    unsigned descriptors = OWN_DESCRIPTORS + c->modules * c->descriptors;
    rlim_t allowed = raise_limit();
    if (allowed < descriptors) {
        snprintf(error, CAPACITY_ERROR,
                 "%u modules take %u descriptors and this process may have %llu (ulimit -Hn)",
                 c->modules, descriptors, (unsigned long long)allowed);
        return -EMFILE;
    }
    unsigned ttys = c->modules * c->ttys;
    long most = tty_number("max");
    long used = tty_number("nr");
    if (most >= 0 && used >= 0 && used + (long)ttys > most) {
        snprintf(error, CAPACITY_ERROR,
                 "%u modules take %u pseudo-terminals and %ld of %ld are used (kernel.pty.max)",
                 c->modules, ttys, used, most);
        return -ENOSPC;
    }
    return 0;
}
