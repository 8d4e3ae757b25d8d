/* sv.h: string views (pointer and length, not terminated) and what is parsed from them. */
#ifndef BASE_SV_H
#define BASE_SV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sv {
    const char *p;
    size_t n;
};

#define SV(literal) ((struct sv){(literal), sizeof(literal) - 1})
/* For printf: "%.*s". */
#define SV_ARG(v) (int)(v).n, (v).p

struct sv sv_of(const char *z);
struct sv sv_slice(struct sv v, size_t from, size_t n); /* clamped to v */
struct sv sv_trim(struct sv v);                         /* blanks at both ends */
bool sv_eq(struct sv a, struct sv b);
bool sv_eq_nocase(struct sv a, struct sv b);
bool sv_starts_nocase(struct sv v, struct sv prefix);

/* Decimal digits with an optional minus. -EINVAL: not a number; -ERANGE: not in lo..hi. */
int sv_int(struct sv v, int64_t lo, int64_t hi, int64_t *out);

/* Copies and terminates. -ENOSPC: does not fit with its terminator (nothing copied). */
int sv_copy(struct sv v, char *to, size_t size);
char *sv_dup(struct sv v); /* terminated; the caller's, for free() */

#endif
