/* view.h: a live session as lines that people read, made of the events of the control socket.
 *
 *     1.204 -> AT+CIPSEND=0,5          a line of the driver; its echo is left out
 *     1.204 <- >                       a line of the module
 *     1.210 => 5 bytes "HELLO"         data of the driver, <= of the module
 *     1.211 <* +CIPSEND: 0,5,5         an unsolicited line
 *     1.350 -- link.closed: link 0, why reset
 *     1.350 !! {"reset":{"link":0}}    what a scenario or a hand does to the module
 *
 * Pure: events in, text out; one module. Half a line, and how much data there was when it is not
 * all shown, wait for what follows or for view_flush.
 *
 * Owns:    what waits. Borrows: the file.
 * Bounds:  LIMIT_VIEW_LINE bytes of a line, LIMIT_VIEW_URCS unsolicited ones.
 */
#ifndef SCENARIOS_CTL_VIEW_H
#define SCENARIOS_CTL_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/limits.h"

struct cJSON;

struct view {
    FILE *to;
    bool has_colors;
    double time; /* of what is being shown, in s */
    bool is_prompt, is_data;
    struct buf typed; /* of a line of the driver */
    struct buf echo;  /* typed, and not come back yet */
    struct buf out;   /* of a line of the module */
    char *urcs[LIMIT_VIEW_URCS];
    size_t nurcs;
    struct {
        unsigned pieces; /* since the newest line that was no data */
        uint64_t hidden, hidden_bytes;
        double since;
    } data[2]; /* of the driver, of the module */
};

/* What it wants to hear; ends with NULL. */
extern const char *const view_topics[];

void view_init(struct view *v, FILE *to, bool has_colors);
void view_fini(struct view *v);

/* The params of an event. */
void view_event(struct view *v, const struct cJSON *params);
void view_dropped(struct view *v, double count); /* so many events are missing here */
void view_flush(struct view *v);                 /* nothing has come for a while */

#endif
