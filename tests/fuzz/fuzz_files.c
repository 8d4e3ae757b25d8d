/* A file system in memory and one in a folder of the host are the same to who uses them: any
 * operations of the commands with any names give the same answers, and what is in the folder is
 * there again behind a restart.
 *
 * Input: an operation, its number of bytes of names, the names; two are parted by a zero. */
#define _GNU_SOURCE /* nftw */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32.h"
#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/files.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 2, OPERATIONS_MAX = 200, BLOCK = 64 };

enum operation {
    MAKE_FOLDER,
    REMOVE_FOLDER,
    CREATE,
    READ,
    REMOVE,
    REMOVE_ALL,
    RENAME,
    COPY,
    CHANGE,
    STAT,
    CARD,
    RESTART,
    FORMAT,
    OPERATIONS,
};

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    (void)at;
    return remove(name);
}

static int on_one(struct files *f, enum operation op, const struct files_path *p, struct sv name,
                  uint32_t *seen) {
    uint8_t bytes[BLOCK];
    struct files_info info;
    int rc = 0;
    switch ((unsigned)op) {
    case MAKE_FOLDER:
        return files_make_folder(f, p);
    case REMOVE_FOLDER:
        return files_remove_folder(f, p);
    case CREATE:
        return files_create(f, p, name.p, name.n);
    case READ:
        rc = files_read(f, p, name.n / 2, bytes, sizeof bytes);
        *seen = rc > 0 ? crc32_add(*seen, bytes, (size_t)rc) : *seen;
        return rc;
    case REMOVE:
        return files_remove(f, p);
    case STAT:
        rc = files_stat(f, p, &info);
        *seen += rc == 0 ? (uint32_t)info.size + info.is_folder : 0;
        return rc;
    default:
        return 0;
    }
}

static int run(struct files *f, enum operation op, struct sv name, struct sv other,
               uint32_t *seen) {
    struct files_path from, to;
    int rc = 0;
    switch ((unsigned)op) {
    case REMOVE_ALL:
        return files_remove_all(f);
    case CHANGE:
        return files_change(f, name);
    case CARD:
        files_set_card(f, name.n % 2 == 0);
        return 0;
    case RESTART:
        files_restart(f);
        return 0;
    case FORMAT:
        return files_format_card(f);
    case RENAME: /* within a folder, as AT+FSRENAME does */
        rc = files_child(f, name, &from);
        rc = rc == 0 ? files_child(f, other, &to) : rc;
        return rc != 0 ? rc : files_rename(f, &from, &to);
    case COPY:
        rc = files_path(f, name, &from);
        rc = rc == 0 ? files_path(f, other, &to) : rc;
        return rc != 0 ? rc : files_copy(f, &from, &to);
    default:
        rc = files_path(f, name, &from);
        return rc != 0 ? rc : on_one(f, op, &from, name, seen);
    }
}

/* What the current folder has, and how much is used. */
static uint32_t list(struct files *f) {
    uint32_t sum = crc32_add(0, (const uint8_t *)files_current(f), strlen(files_current(f)));
    for (int is_folder = 0; is_folder < 2; is_folder++) {
        struct sv name;
        size_t pos = 0;
        while (files_next(f, is_folder, &pos, &name)) {
            sum = crc32_add(sum, (const uint8_t *)name.p, name.n);
        }
    }
    return sum + (uint32_t)files_usage(f).used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char folder[] = "/dev/shm/files-XXXXXX";
    char elsewhere[] = "/tmp/files-XXXXXX";
    char *home = mkdtemp(folder);
    home = home != NULL ? home : mkdtemp(elsewhere);
    struct clk *clk = clk_new_manual();
    struct files *memory = files_new(clk);
    struct files *disk = files_new(clk);
    log_set_level(LOG_ERROR);
    must(home != NULL && files_keep(disk, home) == 0);
    for (unsigned i = 0; size >= HEAD && i < OPERATIONS_MAX; i++) {
        uint32_t seen[2] = {0};
        size_t n = data[1] < size - HEAD ? data[1] : size - HEAD;
        const char *names = (const char *)data + HEAD;
        size_t first = strnlen(names, n);
        struct sv name = {names, first};
        struct sv other = {names + first + (first < n), n - first - (first < n)};
        enum operation op = (enum operation)(data[0] % OPERATIONS);
        int rc = run(memory, op, name, other, &seen[0]);
        must(run(disk, op, name, other, &seen[1]) == rc && seen[0] == seen[1]);
        must(list(memory) == list(disk));
        data += HEAD + n;
        size -= HEAD + n;
    }
    files_free(memory);
    files_free(disk);
    nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    clk_close(clk);
    return 0;
}
