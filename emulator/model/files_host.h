/* files_host.h: the host's folder behind the module's file system: DIR/C, DIR/D, ... with what is
 * on each drive (docs/decisions/011).
 *
 * Every path comes from files.h and so has names that mean nothing to the host; each step of it
 * is opened without following links, so nothing outside of the folder is ever touched. A file is
 * there whole or not at all. The folder is one process's. Calls block for as long as the disk
 * needs.
 *
 * Owns:   the descriptors.
 * Errors: -ENOSPC the disk or its quota is full, -ENOTEMPTY, -EEXIST something of that name is
 *         there that the module does not see; -EIO what else the host has to say, which is logged.
 */
#ifndef EMULATOR_MODEL_FILES_HOST_H
#define EMULATOR_MODEL_FILES_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clk.h"

struct files_host;

/* What stands in a folder; `size` and `changed` of a file. */
struct files_found {
    const char *name;
    bool is_folder;
    bool is_other; /* neither file nor folder: a link, a pipe */
    size_t size;
    clk_wall changed;
};

/* Makes what is missing of DIR and its drives. NULL: *err is the system's -E..., -EBUSY: another
 * process has it. */
struct files_host *files_host_new(const char *folder, const char *drives, int *err);
void files_host_free(struct files_host *h); /* NULL is allowed */

/* Calls back for all that is in the folder `path`, in no order. The leftovers of a killed process
 * are removed. */
void files_host_scan(struct files_host *h, const char *path,
                     void (*found)(void *ctx, const struct files_found *what), void *ctx);
/* All `n` bytes of a file, or -EIO. */
int files_host_read(struct files_host *h, const char *path, void *to, size_t n);

int files_host_create(struct files_host *h, const char *path, const void *p, size_t n,
                      clk_wall created);
/* Over what is in a file from `at` on, and beyond. Not synced: a recording writes often, so the
 * bytes outlive this process but maybe not the host. */
int files_host_write(struct files_host *h, const char *path, size_t at, const void *p, size_t n,
                     clk_wall created);
int files_host_make_folder(struct files_host *h, const char *path);
int files_host_remove(struct files_host *h, const char *path, bool is_folder);
int files_host_rename(struct files_host *h, const char *from, const char *to);

#endif
