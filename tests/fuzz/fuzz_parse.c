/* Any bytes as a command line: every view stays inside it, every bound holds. */
#include <string.h>

#include "base/obj.h"
#include "emulator/at/parse.h"
#include "tests/fuzz/fuzz.h"

static bool is_inside(struct sv part, struct sv line) {
    return part.n == 0 || (part.p >= line.p && part.p + part.n <= line.p + line.n);
}

static void check_command(const struct parsed *p, struct sv line) {
    must(memchr(p->name, '\0', sizeof p->name) != NULL && p->name[0] != '\0');
    must(p->nargs <= LIMIT_ARGS);
    must(p->form == AT_WRITE ? p->nargs > 0 : p->nargs == 0);
    for (const char *c = p->name; *c != '\0'; c++) {
        must(*c < 'a' || *c > 'z');
    }
    for (size_t i = 0; i < p->nargs; i++) {
        must(is_inside(p->args[i].text, line));
        must(p->args[i].kind != AT_ARG_NONE || p->args[i].text.n == 0);
        must(p->args[i].kind != AT_ARG_BARE || p->args[i].text.n > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sv line = {(const char *)data, size};
    struct parsed p;
    size_t pos = 0;
    size_t n = 0;
    for (;;) {
        size_t before = pos;
        enum parse_result r = parse_next(line, &pos, &p);
        must(pos <= size && pos >= before);
        if (r != PARSE_COMMAND) {
            must(r == PARSE_BAD || pos == size);
            break;
        }
        must(pos > before);
        check_command(&p, line);
        n++;
    }
    must(parse_count(line) == n);
    return 0;
}
