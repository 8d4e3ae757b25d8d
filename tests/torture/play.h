/* play.h: a dialogue with the program, in which one call fails, or all from one on.
 *
 * The program is a child of this process, forked and not started anew, with a clock that goes as
 * fast as there is nothing to do (fault.h). The dialogue may go otherwise. What may not: a crash,
 * a report of a sanitizer, a leak, a descriptor left open, no rest, no answer to AT afterwards,
 * an end that is none, an NVRAM that is neither old nor new.
 */
#ifndef TESTS_TORTURE_PLAY_H
#define TESTS_TORTURE_PLAY_H

#include "tests/support/transcript.h"
#include "tests/torture/fault.h"

struct play_plan {
    enum fault_kind kind;
    uint64_t n;           /* of the kind's calls, from 1; 0: none fails */
    bool is_ever;         /* all from there on, until the dialogue is over; else the one */
    bool is_startup;      /* counted from the program's start; else from when it is ready */
    bool is_probing;      /* each allocation, in a child */
    uint64_t probe_every; /* or only so many of them; 0: each */
    bool is_shown;        /* what the program says, and where the call was */
};

enum { PLAY_WHY = 512 };

struct play_result {
    char why[PLAY_WHY]; /* what may not be; "": nothing */
    int passed_over;    /* steps of the dialogue that went otherwise */
    bool has_answered;  /* AT, behind the dialogue */
    uint64_t hits;
    uint64_t counts[FAULT_KINDS_COUNT];          /* until the dialogue was over */
    uint64_t counts_with_end[FAULT_KINDS_COUNT]; /* until the program was */
    uint64_t probes;
    size_t nsurvivors;
    uint64_t survivors[FAULT_SURVIVORS];
};

/* must_answer: whether AT has to be answered behind it. */
void play(const struct transcript *t, const struct play_plan *plan, bool must_answer,
          struct play_result *out);

#endif
