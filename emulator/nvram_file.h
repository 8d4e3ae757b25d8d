/* nvram_file.h: the folder of one module's NVRAM: one text that is replaced as a whole.
 *
 * Whoever is killed at whatever moment leaves the old text or the new one. The folder is one
 * process's: a lock that ends with it says so. Calls block for as long as the disk needs for a
 * few KB (docs/decisions/009). Caller's memory.
 *
 * Files: nvram.json, nvram.json.bad (a text that could not be used), nvram.json.tmp, nvram.lock.
 */
#ifndef EMULATOR_NVRAM_FILE_H
#define EMULATOR_NVRAM_FILE_H

#include <stddef.h>

struct nvram_file {
    int folder, lock; /* descriptors; -1: none */
};

/* Makes the folder and the one it stands in. -EBUSY: another process has it; other -E...: as the
 * system says. Closed, then. */
int nvram_file_open(struct nvram_file *f, const char *folder);
void nvram_file_close(struct nvram_file *f); /* may be closed already */

/* *text is terminated and the caller's, for free(). -ENOENT: none; -EFBIG: longer than LIMIT_NVRAM;
 * -EINVAL: no file but something else; other -E...: as the system says. */
int nvram_file_read(const struct nvram_file *f, char **text, size_t *n);
/* It is on the disk when this returns 0; else the old one is. */
int nvram_file_write(const struct nvram_file *f, const char *text, size_t n);
int nvram_file_set_aside(const struct nvram_file *f); /* renames it, over an older bad one */

#endif
