/* turn.h: one poll loop for everything that a test against the daemon waits for.
 *
 * Descriptors are served by their functions while anything is waited for, so that far ends,
 * name servers and readers go on in one thread. A wait that is never over ends the process
 * with what was waited for.
 */
#ifndef TESTS_SUPPORT_TURN_H
#define TESTS_SUPPORT_TURN_H

#include <stdbool.h>
#include <stdint.h>

enum { TURN_LIMIT_MS = 30000 }; /* longer nothing may take, whatever else the machine does */

typedef void turn_fn(void *ctx, int fd, short revents);

int64_t turn_now_us(void);

void turn_add(int fd, short events, turn_fn *fn, void *ctx);
void turn_events(int fd, short events);
void turn_remove(int fd); /* not there: nothing happens */

/* Serves what is ready, or waits for it. False: `until_us` has come. */
bool turn_once(int64_t until_us);
void turn_for(int64_t ms);
/* As turn_once, but soon back: for conditions that no descriptor tells of. */
bool turn_step(int64_t until_us);

_Noreturn void turn_failed(const char *what, const char *file, int line);

#define turn_until(cond)                                                                           \
    do {                                                                                           \
        int64_t limit_us_ = turn_now_us() + TURN_LIMIT_MS * 1000;                                  \
        while (!(cond)) {                                                                          \
            if (!turn_step(limit_us_)) {                                                           \
                turn_failed(#cond, __FILE__, __LINE__);                                            \
            }                                                                                      \
        }                                                                                          \
    } while (0)

#endif
