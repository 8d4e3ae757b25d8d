/* Runs a fuzz target over every file of its folders, so that what fuzzing once found is tested with
 * any compiler. The first folder, the corpus, must not be empty: a
 * target without one tests nothing. */
#include <dirent.h>
#include <stdbool.h>
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

/* Counts what it runs. A folder that is not there has no inputs. */
static void run_folder(const char *folder, unsigned *n, unsigned *failed) {
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] == '.') {
            continue;
        }
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        (*n)++;
        /* Named before it runs: a crash leaves its name as the last line. */
        printf("%s\n", path);
        fflush(stdout);
        *failed += run_file(path) != 0;
    }
    closedir(dir);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s CORPUS [SEEDS]...\n", argv[0]);
        return 2;
    }
    unsigned n = 0, failed = 0;
    run_folder(argv[1], &n, &failed);
    bool has_corpus = n > 0;
    for (int i = 2; i < argc; i++) {
        run_folder(argv[i], &n, &failed);
    }
    printf("corpus: %u inputs, %u failed\n", n, failed);
    return has_corpus && failed == 0 ? 0 : 1;
}
