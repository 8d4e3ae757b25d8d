/* Runs a fuzz target over every file of a folder, so that what fuzzing once found is tested with
 * any compiler. Needs at least one input: a target without a corpus tests nothing. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 1 << 20, PATH_SIZE = 4096 };

/* The input is a block of exactly its size, so that a read past its end is seen by ASan. */
static int run_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return -1;
    }
    uint8_t *all = malloc(INPUT_MAX);
    size_t n = all != NULL ? fread(all, 1, INPUT_MAX, f) : 0;
    fclose(f);
    uint8_t *input = malloc(n > 0 ? n : 1);
    if (all == NULL || input == NULL) {
        free(all);
        free(input);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        input[i] = all[i];
    }
    free(all);
    int rc = LLVMFuzzerTestOneInput(input, n);
    free(input);
    return rc;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    DIR *dir = opendir(argv[1]);
    if (dir == NULL) {
        perror(argv[1]);
        return 1;
    }
    unsigned n = 0, failed = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] == '.') {
            continue;
        }
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
        n++;
        /* Named before it runs: a crash leaves its name as the last line. */
        printf("%s\n", path);
        fflush(stdout);
        failed += run_file(path) != 0;
    }
    closedir(dir);
    printf("corpus: %u inputs, %u failed\n", n, failed);
    return n > 0 && failed == 0 ? 0 : 1;
}
