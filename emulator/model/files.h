/* files.h: the module's file system: drives with folders and files (V3.00 20.1).
 *
 * Kept in memory: it lives as long as the module, restarts included. With files_keep a folder of
 * the host stands behind it (files_host.h): what is there is read at each start of the module, and
 * each change is on the disk before its call returns; what files_write puts into a file is with the
 * host's kernel then.
 *
 * A path is whole and plain, "C:/" or "C:/folder/name", and comes from files_path or files_child
 * only, which have checked its names. Case counts, but not the drive's (guess).
 *
 * Owns:    every entry with its bytes, the current folder, files_host. Borrows: the clock.
 * Bounds:  LIMIT_FILES entries, LIMIT_FILE_PATH, the size of each drive.
 * Errors:  -ENODEV the card is out, -EINVAL no path, -ENAMETOOLONG a path too long, -EILSEQ a name
 *          with what no name has, -ENOTDIR its folder is not there, -ENOENT it is not there itself,
 *          -EEXIST a file, -EISDIR a folder of that name is there, -ENOTEMPTY, -EXDEV two drives
 *          between which nothing is copied, -ENOSPC the drive, or the host's disk, is full,
 *          -ENFILE too many entries, -EIO the host refuses for another reason, which is logged.
 */
#ifndef EMULATOR_MODEL_FILES_H
#define EMULATOR_MODEL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/limits.h"
#include "base/sv.h"

struct files;
struct sdcard;

struct files_path {
    char text[LIMIT_FILE_PATH + 1];
};

struct files_info {
    bool is_folder;
    size_t size;
    clk_wall created;
};

struct files_usage {
    char drive;
    size_t total, used; /* bytes */
};

struct files *files_new(struct clk *clk);
void files_free(struct files *f); /* NULL is allowed */

/* From now on in this folder. What of it the module cannot have stays there unseen, with a line in
 * the log: other things than files and folders, other names, what is too much. -EBUSY: another
 * process has it; other -E...: the system's. */
int files_keep(struct files *f, const char *folder);
void files_restart(struct files *f); /* the module starts: the first drive again */
/* The card in the slot; NULL: it is out. */
const struct sdcard *files_card(const struct files *f);
/* Makes partitions as sdcard_divide has it, or formats all: what was on it is gone. -ENODEV: it is
 * out. What the host refuses to remove stays, with its error. */
int files_divide_card(struct files *f, size_t n, const int32_t *kb);
int files_format_card(struct files *f);
/* D: what is on it comes back with it. Who stands in it while it goes, is on the first drive. */
void files_set_card(struct files *f, bool is_in);
struct files_usage files_usage(struct files *f);    /* of the current drive */
const char *files_current(const struct files *f);   /* the current folder, a path */
int files_change(struct files *f, struct sv typed); /* to that folder; a slash may end it */

/* What was typed: absolute, or from the current folder on; ".." goes up and stays at the root. */
int files_path(const struct files *f, struct sv typed, struct files_path *out);
/* A name in the current folder, and nothing but a name. */
int files_child(const struct files *f, struct sv name, struct files_path *out);

int files_stat(const struct files *f, const struct files_path *path, struct files_info *out);
int files_make_folder(struct files *f, const struct files_path *path);
int files_remove_folder(struct files *f, const struct files_path *path); /* an empty one */
/* 0: a file of `n` bytes can be made there now. */
int files_may_create(const struct files *f, const struct files_path *path, size_t n);
int files_create(struct files *f, const struct files_path *path, const void *p, size_t n);
/* Bytes from `at` on, at most n. Returns how many. */
int files_read(const struct files *f, const struct files_path *path, size_t at, void *to, size_t n);
/* Over what is there from `at` on, and beyond; all or nothing. -EINVAL: its end is before `at`. */
int files_write(struct files *f, const struct files_path *path, size_t at, const void *p, size_t n);
int files_remove(struct files *f, const struct files_path *path);
int files_remove_all(struct files *f); /* the files of the current folder */
int files_rename(struct files *f, const struct files_path *from, const struct files_path *to);
int files_copy(struct files *f, const struct files_path *from, const struct files_path *to);

/* The current folder's next folder or file in the order of names; *pos is 0 at first. False: no
 * more. The name is good until something is changed. */
bool files_next(const struct files *f, bool is_folder, size_t *pos, struct sv *name);

#endif
