/* folder.h: a folder of the host in which one process keeps things. Calls block for as long as the
 * disk needs. Descriptors; errors are the system's, -E... */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

#include <stddef.h>

/* Makes the folder and the one it stands in, for its owner alone; it may be there. */
int folder_make(const char *path);
/* A lock file that ends with the process. -EBUSY: another process has it. */
int folder_lock(int folder, const char *name);
/* A new file with these bytes, on the disk but for its name; what has the name is removed,
 * never opened. Returns its descriptor; if that fails nothing of the name is left. */
int folder_write(int folder, const char *name, const void *p, size_t n);

#endif
