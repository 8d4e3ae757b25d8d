/* leaks.c: who is asked for leaks.
 *
 * criterion runs each test in a process of its own, which is asked, and makes the run fail. The
 * process that starts them runs none of our code, but its library loses 48 bytes in one run of
 * many: it is not asked. Programs that are no criterion runs are.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int __lsan_is_turned_off(void); /* of the leak sanitizer's interface */

int __lsan_is_turned_off(void) {
    const char *name = program_invocation_short_name;
    bool is_run = strncmp(name, "unit_", 5) == 0 || strncmp(name, "e2e_", 4) == 0;
    return is_run && getenv("BXFI_MAP") == NULL;
}
