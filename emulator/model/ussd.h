/* ussd.h: the network's USSD services: a table of codes, what each answers, and the module's
 * session. What it answers is posted (TOPIC_USSD_ANSWERED), in a turn of its own at the earliest.
 * Caller's memory.
 *
 * Borrows: the bus, the clock, the table until there is another one.
 */
#ifndef EMULATOR_MODEL_USSD_H
#define EMULATOR_MODEL_USSD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clk.h"
#include "base/sv.h"

struct bus;

/* <m> of +CUSD (V3.00 4.2.6). */
enum ussd_state {
    USSD_FINAL = 0,
    USSD_ASKS = 1, /* a reply is wanted: the session goes on */
    USSD_ENDED = 2,
    USSD_NOT_SUPPORTED = 4,
    USSD_TIMEOUT = 5,
};

struct ussd_reply {
    const char *text; /* what is typed */
    const char *to;   /* the code of what it leads to */
};

struct ussd_entry {
    const char *code; /* what is dialled; or any other name: for replies, and for the network */
    enum ussd_state state;
    const char *text; /* UTF-8; NULL: none */
    int dcs;          /* 23.038 5 */
    clk_dur delay;
    const struct ussd_reply *replies;
    size_t nreplies;
};

struct ussd {
    struct bus *bus;
    struct clk *clk;
    const struct ussd_entry *entries;
    size_t n;
    const struct ussd_entry *menu;   /* it asks; NULL: there is no session */
    const struct ussd_entry *coming; /* what will be told; NULL: nothing */
    struct clk_timer timer;
};

/* With the services of every network: a balance, and a menu (guess). */
void ussd_init(struct ussd *u, struct bus *bus, struct clk *clk);
void ussd_fini(struct ussd *u);
/* Other services; a session is forgotten. NULL: those of every network. */
void ussd_set_table(struct ussd *u, const struct ussd_entry *entries, size_t n);

/* Dials, or replies. A code that is not there is not supported; a reply that leads nowhere ends the
 * session (guess). -EBUSY: the last one is not answered yet. */
int ussd_request(struct ussd *u, struct sv text);
void ussd_cancel(struct ussd *u); /* by the module: nobody is told */
void ussd_lose(struct ussd *u);   /* by the network: a session is told that it has ended */
/* The network begins with this entry. -ENOENT: there is none; -EBUSY: there is a session. */
int ussd_begin(struct ussd *u, struct sv code);

#endif
