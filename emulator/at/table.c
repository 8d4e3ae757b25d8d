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

int table_word(const struct at_param *param, struct sv text) {
    for (int k = 0; k < param->nwords; k++) {
        if (sv_eq_nocase(text, sv_of(param->words[k]))) {
            return k;
        }
    }
    return -1;
}

bool table_in_ranges(const struct at_param *param, int64_t value) {
    for (size_t k = 0; k < param->nranges; k++) {
        if (value >= param->ranges[k].lo && value <= param->ranges[k].hi) {
            return true;
        }
    }
    return param->nranges == 0;
}
