#include "scenarios/engine/library.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "package.h"
#include "scenarios/engine/scenario.h"

static const char suffix[] = ".json";

enum { SUFFIX = sizeof suffix - 1, NAME_COLUMN = 38 };

/* Where there is none `to` is empty. */
static void find_folder(char to[LIBRARY_PATH]) {
    static const char *const places[] = {SIM7X00_DATADIR "/scenarios", "scenarios"};
    char program[LIBRARY_PATH] = "";
    size_t n = sizeof program;
    char *slash = uv_exepath(program, &n) == 0 ? strrchr(program, '/') : NULL;
    to[0] = '\0';
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof places[0]; i++) {
        int size =
            snprintf(to, LIBRARY_PATH, "%.*s/%s", (int)(slash - program), program, places[i]);
        if (size < LIBRARY_PATH && access(to, R_OK | X_OK) == 0) {
            return;
        }
        to[0] = '\0';
    }
}

const char *library_find(const char *what, char path[LIBRARY_PATH]) {
    char folder[LIBRARY_PATH];
    if (strchr(what, '/') != NULL || access(what, F_OK) == 0) {
        return what;
    }
    find_folder(folder);
    int size = snprintf(path, LIBRARY_PATH, "%s/%s%s", folder, what, suffix);
    return folder[0] != '\0' && size < LIBRARY_PATH && access(path, R_OK) == 0 ? path : what;
}

static int is_scenario(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return n > SUFFIX && strcmp(entry->d_name + n - SUFFIX, suffix) == 0;
}

int library_list(FILE *to) {
    char folder[LIBRARY_PATH];
    char path[LIBRARY_PATH];
    char error[SCENARIO_ERROR];
    struct dirent **entries = NULL;
    find_folder(folder);
    int count = folder[0] != '\0' ? scandir(folder, &entries, is_scenario, alphasort) : -1;
    for (int i = 0; i < count; i++) {
        char *name = entries[i]->d_name;
        name[strlen(name) - SUFFIX] = '\0';
        struct scenario *sc = scenario_load(library_find(name, path), error);
        fprintf(to, "%-*s %s\n", NAME_COLUMN, name, sc != NULL ? scenario_name(sc) : error);
        scenario_free(sc);
        free(entries[i]);
    }
    free(entries);
    return count > 0 ? 0 : -ENOENT;
}
