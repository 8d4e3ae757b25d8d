/* acts.h: a whole module, and all that may be done to it from outside, by one byte each: for
 * fuzz targets.
 *
 * An input is bytes of the DTE; 0xFF and a byte are an act: its lower half says which (enum act),
 * its upper half how much.
 *
 * Owns: all of it. One an input.
 */
#ifndef TESTS_SUPPORT_ACTS_H
#define TESTS_SUPPORT_ACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chan.h"
#include "base/chan_mem.h"
#include "base/clk.h"
#include "emulator/unit.h"
#include "tests/support/fake_host.h"

enum { ACTS_MARK = 0xff, ACTS_ENDED = 64 };

enum act {
    ACT_BYTE, /* the byte 0xFF itself */
    ACT_CLOCK,
    ACT_NETWORK,
    ACT_STALL,
    ACT_DTE,
    ACT_SEND,
    ACT_ECHO,
    ACT_END,
    ACT_CALL,
    ACT_REGISTRATION,
    ACT_DATAGRAM,
    ACT_CONNECT,
    ACT_ACKS,
    ACT_WINDOW,
    ACT_CHOP,
    ACT_READ, /* what is read is thrown away */
};

/* 116.236.221.75:8011, of the note, and who calls the module's port 8080. */
extern const struct net_addr acts_server, acts_caller;

struct acts {
    struct clk *clk;
    struct chan ch;
    struct chan_mem mem;
    struct fake_host *host;
    struct unit *unit;
    const struct fake_link *ended[ACTS_ENDED]; /* their far ends send nothing more */
    size_t nended;
};

void acts_start(struct acts *a);
void acts_stop(struct acts *a); /* the module has left nothing open */

void acts_do(struct acts *a, uint8_t what);

/* What is typed up to the next act, and the act. */
struct acts_step {
    const uint8_t *p;
    size_t n;
    bool has_act;
    uint8_t act;
};

/* The next step of the input, which moves on. False: it is at its end. */
bool acts_next(const uint8_t **p, size_t *n, struct acts_step *out);

#endif
