/* toolkit.h: the application of the card (102.223): a menu, and what its items want of the user.
 * The menu and its texts are the model's own.
 *
 * A step is wanted until it is answered; behind the last one the menu is wanted again. Caller's
 * memory.
 */
#ifndef EMULATOR_MODEL_TOOLKIT_H
#define EMULATOR_MODEL_TOOLKIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/sv.h"

/* Types of proactive commands (102.223 8.6). */
enum toolkit_type {
    TOOLKIT_NOTHING = 0,
    TOOLKIT_TEXT = 0x21,
    TOOLKIT_KEY = 0x22,
    TOOLKIT_INPUT = 0x23,
    TOOLKIT_SELECT = 0x24,
    TOOLKIT_MENU = 0x25,
};

enum { TOOLKIT_ITEMS = 4, TOOLKIT_PDU = 255, TOOLKIT_TITLE = 25 /* letters of a text */ };

struct toolkit_item {
    const char *text; /* NULL: behind the last one */
    uint8_t next;     /* number of the step that it leads to */
};

struct toolkit_step {
    uint8_t type;                                 /* enum toolkit_type */
    uint8_t qualifier;                            /* 102.223 8.6 */
    const char *text;                             /* ASCII, as are the items' */
    uint8_t least, most;                          /* letters of an input */
    uint8_t next;                                 /* but for items; 0: it was the last one */
    uint8_t back;                                 /* where the user goes back to */
    struct toolkit_item items[TOOLKIT_ITEMS + 1]; /* numbered from 1 */
};

struct toolkit {
    uint8_t step; /* what is wanted; 0: the application does not run */
};

void toolkit_start(struct toolkit *t); /* the menu is wanted */
void toolkit_stop(struct toolkit *t);
/* What is wanted; of type TOOLKIT_NOTHING when it does not run. */
const struct toolkit_step *toolkit_wants(const struct toolkit *t);
const struct toolkit_step *toolkit_menu(void);
size_t toolkit_items(const struct toolkit_step *s);

/* Answers: 1: the next step is wanted, 0: it was the last, the menu is; -EINVAL: not what is
 * wanted. */
int toolkit_choose(struct toolkit *t, unsigned item); /* of a menu or a list, from 1 */
int toolkit_enter(struct toolkit *t, struct sv text); /* a key, or an input */
int toolkit_confirm(struct toolkit *t);               /* a text has been read */
int toolkit_go_back(struct toolkit *t);
int toolkit_end(struct toolkit *t);

/* The proactive command, its bytes. */
size_t toolkit_pdu(const struct toolkit_step *s, uint8_t to[TOOLKIT_PDU]);

/* Takes what the host sends as bytes: a menu selection in an envelope (102.223 7.2), and a terminal
 * response (6.8). As an answer above. */
int toolkit_envelope(struct toolkit *t, const uint8_t *p, size_t n);
int toolkit_response(struct toolkit *t, const uint8_t *p, size_t n);

#endif
