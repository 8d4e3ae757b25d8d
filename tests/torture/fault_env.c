/* fault_env.c: SIM7X00_FAULT says what is wrong with reads and writes: "capped", where
 * "sockets-whole" may stand beside it, "again=SEED", or more of them with commas between them.
 * Linked into a program that is otherwise as users have it. */
#include <stdlib.h>
#include <string.h>

#include "tests/torture/fault.h"

__attribute__((constructor)) static void set_up(void) {
    static struct fault_page page;
    const char *text = getenv("SIM7X00_FAULT");
    const char *again = text != NULL ? strstr(text, "again=") : NULL;
    if (text == NULL) {
        return;
    }
    page.is_capped = strstr(text, "capped") != NULL;
    page.are_streams_capped = page.is_capped && strstr(text, "sockets-whole") == NULL;
    page.is_again = again != NULL;
    page.chance = again != NULL ? 1 + strtoull(again + strlen("again="), NULL, 10) : 1;
    fault_attach(&page);
}
