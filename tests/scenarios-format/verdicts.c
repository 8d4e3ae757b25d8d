/* What the loader says to each line of its input, taken as a scenario: "good", or what is wrong. */
#define _GNU_SOURCE /* getline */
#include <stdio.h>
#include <stdlib.h>

#include "scenarios/engine/scenario.h"

int main(void) {
    char *line = NULL;
    size_t size = 0;
    ssize_t n = 0;
    while ((n = getline(&line, &size, stdin)) > 0) {
        char error[SCENARIO_ERROR] = "good";
        scenario_free(scenario_parse("line", line, (size_t)n, error));
        puts(error);
    }
    free(line);
    return 0;
}
