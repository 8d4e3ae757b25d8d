/* obj.h: magic numbers and the assertions that guard every long-lived struct.
 *
 * A struct that outlives a call starts with `uint32_t magic`. Whoever takes it
 * checks it, a callback gets its type back only through CAST_OBJ, and freeing
 * wipes the number, so that use after close is caught at the first touch.
 */
#ifndef BASE_OBJ_H
#define BASE_OBJ_H

#include <stddef.h>
#include <stdint.h>

/* Cannot be false unless the program is wrong: logs what went before and aborts. */
#define must(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            obj_must_failed(#cond, __FILE__, __LINE__);                                            \
        }                                                                                          \
    } while (0)

#define OBJ_INIT(obj, number) ((obj)->magic = (number))
#define OBJ_FINI(obj) ((obj)->magic = 0)
#define CHECK_OBJ(obj, number) must((obj) != NULL && (obj)->magic == (number))

/* Declares nothing: assigns the checked type to an existing pointer. */
#define CAST_OBJ(to, from, number)                                                                 \
    do {                                                                                           \
        (to) = (from);                                                                             \
        CHECK_OBJ((to), (number));                                                                 \
    } while (0)

/* The same for the object of this type that `from` is the member of. */
#define CAST_MEMBER(to, from, type, member, number)                                                \
    CAST_OBJ(to, (void *)((char *)(from)-offsetof(type, member)), number)

_Noreturn void obj_must_failed(const char *what, const char *file, int line);

/* Allocation that does not fail: without memory the process ends, with a line on stderr and status
 * 71 (EX_OSERR). The bounds of limits.h make that honest. What is new is zeroed. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);

#endif
