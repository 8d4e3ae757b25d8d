#include "emulator/at/table.h"

#include <string.h>

/* As strcmp of the name and a terminated copy of the view would order them. */
static int compare(struct sv name, const char *row) {
    size_t n = strlen(row);
    int order = memcmp(name.p, row, name.n < n ? name.n : n);
    return order != 0 ? order : (name.n > n) - (name.n < n);
}

const struct at_cmd *table_find(const struct at_table *t, struct sv name) {
    size_t lo = 0, hi = t->n;
    if (name.n == 0)
        return NULL;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = compare(name, t->rows[mid].name);
        if (order == 0)
            return &t->rows[mid];
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}
