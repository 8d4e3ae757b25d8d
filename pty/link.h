/* link.h: the stable name of a tty: a symbolic link, and the claim to it.
 *
 * The claim is a socket in the abstract namespace, named after the link's full path: it
 * needs no file, and the kernel drops it when the process dies, however it dies. So a link
 * whose claim is free is a dead process's, even if its tty's number is in use again.
 *
 * Owns: the claim and the link.
 */
#ifndef PTY_LINK_H
#define PTY_LINK_H

enum { LINK_TARGET = 32 };

struct link {
    char *path;
    int claim;                /* descriptor; -1: none */
    char target[LINK_TARGET]; /* "": not made */
};

/* Makes sure that `path` may be ours; makes nothing yet. Reasons are logged under `name`.
 * -EEXIST: it belongs to a living process, or something is there that is no link to a tty. */
int link_claim(struct link *l, const char *path, const char *name);

/* Makes the link or swings it over to another target, so that it never is absent in between.
 * -EEXIST: while there was none, its name was taken by what link_claim would refuse. */
int link_point(struct link *l, const char *target, const char *name);

/* Removes the link if it is still the one that was made; the claim stays. */
void link_hide(struct link *l);

/* Hides the link and gives up the claim. */
void link_drop(struct link *l);

#endif
