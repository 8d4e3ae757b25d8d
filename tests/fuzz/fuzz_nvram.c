/* Any bytes as the NVRAM of a module: it starts with what is allowed in them, answers AT, and what
 * it then keeps it reads again as it was.
 *
 * Input: the text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/modem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/acts.h"

static char folder[64], path[96], bad[96];

static void remove_all(void) {
    static const char *const names[] = {"nvram.json", "nvram.json.bad", "nvram.lock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        remove(name);
    }
    rmdir(folder);
}

/* Once a process; where it costs no disk, if the host has that. */
static void make_folder(void) {
    if (folder[0] != '\0') {
        return;
    }
    bool has_memory = access("/dev/shm", W_OK) == 0;
    snprintf(folder, sizeof folder, "%s/nvram-XXXXXX", has_memory ? "/dev/shm" : "/tmp");
    must(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/nvram.json", folder);
    snprintf(bad, sizeof bad, "%s/nvram.json.bad", folder);
    atexit(remove_all);
}

static void put(const uint8_t *p, size_t n) {
    FILE *f = fopen(path, "w");
    must(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0);
    remove(bad);
}

/* The caller's. */
static char *get(void) {
    FILE *f = fopen(path, "r");
    char *text = xmalloc(LIMIT_NVRAM + 1);
    must(f != NULL);
    text[fread(text, 1, LIMIT_NVRAM, f)] = '\0';
    fclose(f);
    return text;
}

/* A module starts with what is there, and changes one item, so that it writes all. */
static char *start_and_write(void) {
    static const char line[] = "AT&V;+CSQ;+CPBR=1,2;+CWSSID?;+CGDCONT?\r";
    struct acts a = {0};
    char error[NVRAM_ERROR] = "";
    acts_start(&a);
    must(unit_keep(a.unit, folder, error));
    chan_mem_put(&a.mem, line, sizeof line - 1);
    acts_do(&a, ACT_NETWORK);
    acts_do(&a, ACT_READ);
    struct modem *m = unit_modem(a.unit);
    modem_set_nv_fin(m, !m->nv_fin);
    unit_flush(a.unit);
    acts_stop(&a);
    return get();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    make_folder();
    log_set_level(LOG_ERROR);
    put(data, size);
    char *first = start_and_write();
    remove(bad); /* the input may have been no NVRAM, but what is written is one */
    char *second = start_and_write();
    char *third = start_and_write();
    must(access(bad, F_OK) != 0);
    must(strcmp(first, third) == 0 && strcmp(first, second) != 0);
    free(first);
    free(second);
    free(third);
    return 0;
}
