/* sandbox.h: gives up what the running daemon does not need: Landlock for files, seccomp for system
 * calls. See docs/decisions/017.
 *
 * For the rest of the process's life, and for this thread: to be called while there is no other.
 * What is open stays open. Both layers or none of use: what cannot be had is an error, behind which
 * the process should end.
 */
#ifndef EMULATOR_SANDBOX_H
#define EMULATOR_SANDBOX_H

#include <stddef.h>

enum { SANDBOX_ERROR = 160, SANDBOX_SAYS = 64 };

/* What may be done below a folder, or with one file. */
enum sandbox_use {
    SANDBOX_READ,  /* read a file */
    SANDBOX_TTY,   /* open a pseudo-terminal */
    SANDBOX_NAMES, /* make symbolic links, remove names */
    SANDBOX_KEEP,  /* all of folders and regular files */
};

struct sandbox_path {
    const char *path;
    enum sandbox_use use;
};

/* `paths` beside those that every daemon needs (terminals, the resolver's files); one that is not
 * there is left out. `says` names the layers. -ENOSYS, -EOPNOTSUPP: this kernel or this processor
 * has no such layer, as `error` says; other -E...: the system refused. */
int sandbox_enter(const struct sandbox_path *paths, size_t n, char says[SANDBOX_SAYS],
                  char error[SANDBOX_ERROR]);

#endif
