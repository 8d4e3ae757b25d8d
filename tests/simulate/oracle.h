/* oracle.h: reads what the module says as a driver does, and knows what it may say.
 *
 * Every byte is an echo of what was typed, a part of the one answer that is due, an unsolicited
 * result that the module has decided to say (it is asked at the bus, so each comes once and in this
 * order), received data with its header, or data of whoever has the port. Nothing else may come.
 *
 * Borrows: the world, whose bus it answers, and who is told.
 */
#ifndef TESTS_SIMULATE_ORACLE_H
#define TESTS_SIMULATE_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/sv.h"
#include "tests/simulate/world.h"

/* The ledger holds what comes while a driver does not read for 20 s: NMEA has some 15 a second. */
enum { ORACLE_LEDGER = 1024, ORACLE_FINAL = 128 };

struct oracle_events {
    void (*urc)(void *ctx, const char *text);
    /* The header of pushed data, up to and with its last line end, if it is one and all of it is
     * there. Returns how long header and data are; 0: it is none; SIZE_MAX: more has to come. */
    size_t (*pushed)(void *ctx, const uint8_t *p, size_t n);
    /* A line of an answer; returns how many raw bytes follow it as its second line. */
    size_t (*info)(void *ctx, struct sv line);
    void (*raw)(void *ctx, const uint8_t *p, size_t n); /* of such a line, without its end */
    /* While somebody has the port; returns how much of it was his, all unless he leaves it. */
    size_t (*data)(void *ctx, const uint8_t *p, size_t n);
};

struct oracle_entry {
    enum { ORACLE_LINE, ORACLE_RESULT, ORACLE_URC } kind;
    char *text;
};

struct oracle {
    uint32_t magic;
#define ORACLE_MAGIC 0x04ac1e55u
    struct world *world;
    struct verdict *verdict;
    const struct oracle_events *ev;
    void *ctx;
    struct buf got; /* not judged yet */
    struct buf echo, data_echo;
    struct buf info;    /* of the answer that is under way, or was the last one */
    struct buf command; /* the line that is being answered, without CR */
    size_t raw;         /* bytes of raw data that come next */
    struct oracle_entry ledger[ORACLE_LEDGER];
    size_t first, n;
    unsigned lines_due; /* typed and not answered */
    unsigned answers;   /* so many there were */
    bool is_in_answer, is_in_echo, is_prompt, was_prompt, is_data;
    bool was_restarted;
    bool is_relaxed; /* somebody changes what is said: nothing is judged */
    bool is_blind;   /* nobody reads */
    char final[ORACLE_FINAL];
    uint64_t checks;
};

void oracle_start(struct oracle *o, struct world *w, const struct oracle_events *ev, void *ctx);
void oracle_stop(struct oracle *o);

/* Before it is typed: bytes of a command line; what stands behind a prompt, of which `shown` bytes
 * are echoed. */
void oracle_typing(struct oracle *o, const uint8_t *p, size_t n);
void oracle_giving(struct oracle *o, const uint8_t *p, size_t shown);
void oracle_said(struct oracle *o, const uint8_t *p, size_t n);
/* All that was due is forgotten: the port was closed. */
void oracle_forget(struct oracle *o);
/* The module goes off: what it had decided to say still comes, what was asked is not answered. */
void oracle_restarted(struct oracle *o);
/* It is back, and all is quiet. */
void oracle_recovered(struct oracle *o);
void oracle_set_relaxed(struct oracle *o, bool on);
/* What is said is thrown away, and unsolicited results are known all the same. */
void oracle_set_blind(struct oracle *o, bool on);
/* Whoever had the port has left it. */
void oracle_end_data(struct oracle *o);
/* Nothing is under way: whether all that the module decided to say was said. */
void oracle_check_idle(struct oracle *o);

bool oracle_is_final(struct sv line);
bool oracle_is_connect(struct sv line);    /* data mode is behind it */
const char *oracle_info(struct oracle *o); /* the lines of the last answer, \n behind each */

#endif
