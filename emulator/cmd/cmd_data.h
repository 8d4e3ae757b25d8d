/* cmd_data.h: data mode, whatever the port is attached to: +++ with its guard times and DTR lead
 * back to the session (note 2.5; V3.00 2.2.9, 2.2.18). A port is in one data mode at a time, so
 * its state is one of struct cmd.
 *
 * Borrows: the kind, while the mode lasts. Calls it back from inside of the channel's calls and of
 * the guard's timer; it may leave the mode then.
 */
#ifndef EMULATOR_CMD_CMD_DATA_H
#define EMULATOR_CMD_CMD_DATA_H

#include "base/chan.h"

struct cmd;

enum { CMD_DTR_IGNORE = 0, CMD_DTR_ESCAPE = 1, CMD_DTR_HANG_UP = 2 }; /* AT&D */

struct cmd_data_kind {
    struct chan_user
        user; /* its context is the cmd, its event cmd_data_event; also back from one */
    size_t (*pass)(struct cmd *c, const void *p, size_t n); /* data; how much was taken */
    void (*suspend)(struct cmd *c);                         /* leaves, and the link stays */
    void (*hang_up)(struct cmd *c, bool is_there);          /* and the DTE may be told */
};

/* Data mode begins, before CONNECT; the caller puts the kind's user on the channel. */
void cmd_data_begin(struct cmd *c, const struct cmd_data_kind *kind);
/* It ends: off the channel. What the DTE sees is written before, or waiting results would come
 * first. */
void cmd_data_leave(struct cmd *c);

/* For the user's rx: how much of it was taken. Room for ESCAPE_LENGTH bytes more is needed, for
 * plus signs that were held. */
size_t cmd_data_take(struct cmd *c, const uint8_t *p, size_t n, clk_mono at);
void cmd_data_event(void *ctx, enum chan_event event);
/* As AT&D has it; `is_there`: the DTE reads what is said. */
void cmd_data_dtr_off(struct cmd *c, bool is_there);

#endif
