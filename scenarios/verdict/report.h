/* report.h: the outcome of a run, for people, for JUnit's readers and for TAP's.
 *
 * What was expected beside what came. Whatever the bytes, the output is printable ASCII and well
 * formed: all others are written as \r, \n, \t or \xNN. Pure: writes to the stream it is given,
 * whose errors are the caller's to ask for (ferror).
 *
 * Units: instants count from the start of the scenario and are printed in seconds.
 */
#ifndef SCENARIOS_VERDICT_REPORT_H
#define SCENARIOS_VERDICT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/clk.h"
#include "base/sv.h"

enum report_outcome { REPORT_PASSED, REPORT_FAILED, REPORT_NOT_REACHED };

/* Of a case that nothing on the record belongs to. */
#define REPORT_NO_LINE ((size_t)-1)

struct report_case {
    const char *name;     /* its title; NULL: what was expected is the title */
    const char *expected; /* "module: OK" */
    const char *reason;   /* what is wrong; NULL unless it failed */
    struct sv got;        /* what decided it; empty: nothing did */
    enum report_outcome outcome;
    clk_dur at;   /* when it was decided */
    clk_dur took; /* since it could have been met */
    size_t line;  /* index of the line that decided it, or REPORT_NO_LINE */
};

/* Something that came. */
struct report_line {
    clk_dur at;
    const char *from; /* "driver", "module", a far end's or an event's name */
    struct sv text;
    const char *note; /* "cut", "no line end"; NULL */
};

struct report {
    const char *name; /* the scenario's */
    bool has_passed;
    const char *why; /* what failed besides the cases; NULL */
    clk_dur took;
    const struct report_case *cases;
    size_t ncases;
    const struct report_line *lines; /* oldest first */
    size_t nlines;
    size_t nlost; /* older lines that are not there any more */
};

/* A line that says how it went; for a failed run also the dialogue, `expected | came`, in 100
 * columns, the first difference marked. In colour where the stream is a terminal. */
void report_text(FILE *to, const struct report *r);

/* JUnit's XML: the scenario is a suite, an expectation is a case, the dialogue is the output. A
 * run without expectations, or with another failure, has the case "run". */
void report_junit(FILE *to, const struct report *r);

/* TAP version 13, with the same cases: prove of Debian 12 refuses 14. */
void report_tap(FILE *to, const struct report *r);

#endif
