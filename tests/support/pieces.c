#include "tests/support/pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"

enum { LESS = 64, HOW = 16 };

bool pieces_are_single(void) {
    const char *fault = getenv("SIM7X00_FAULT");
    return fault != NULL && strncmp(fault, "capped", strlen("capped")) == 0;
}

/* How the list has it played, "": as any other. */
static void look_up(const char *dialogue, char how[HOW]) {
    char line[256];
    char path[128];
    how[0] = '\0';
    FILE *f = fopen("tests/torture/pieces", "re");
    must(f != NULL);
    while (fgets(line, sizeof line, f) != NULL &&
           (sscanf(line, "%15s %127s", how, path) != 2 || strcmp(path, dialogue) != 0)) {
        how[0] = '\0';
    }
    fclose(f);
}

bool pieces_leave_out(const char *dialogue) {
    char how[HOW];
    look_up(dialogue, how);
    return pieces_are_single() && strcmp(how, "left-out") == 0;
}

void pieces_prepare(const char *dialogue) {
    char how[HOW];
    look_up(dialogue, how);
    if (pieces_are_single() && strcmp(how, "tty-only") == 0) {
        setenv("SIM7X00_FAULT", "capped,sockets-whole", 1);
    }
}

size_t pieces_bulk(size_t n) {
    return pieces_are_single() ? n / LESS : n;
}
