/* happening.h: what happens at the module, as its outside sees it: a name and a few facts.
 *
 * Made of the bus's topics and questions, of what passes at the tty and at the peers. Rules match
 * it, expectations wait for it, subscribers are sent it. Views point into the event: none outlives
 * the call it came with.
 */
#ifndef SCENARIOS_EVENTS_HAPPENING_H
#define SCENARIOS_EVENTS_HAPPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sv.h"
#include "emulator/model/events.h"

struct cJSON;

enum { HAPPENING_FACTS = 8, HAPPENING_TEXT = 512 };

struct fact {
    const char *key;
    struct sv text; /* p NULL: a number */
    int64_t number;
    char mem[NET_IP_TEXT]; /* behind `text` where it had to be made */
};

struct happening {
    const char *name; /* "at.command" */
    int ask;          /* enum ask; -1: it has happened, and nothing can be decided */
    struct fact facts[HAPPENING_FACTS];
    size_t n;
};

/* Every name there is, ends with NULL. */
extern const char *const happening_names[];
/* Further names, which subscribers hear and nothing else: no rule can be led by itself. */
extern const char *const happening_shown[];

void happening_init(struct happening *h, const char *name);
void happening_add(struct happening *h, const char *key, int64_t number);
void happening_add_text(struct happening *h, const char *key, struct sv text);

void happening_of_topic(struct happening *h, enum topic topic, const void *payload);
void happening_of_ask(struct happening *h, enum ask ask, const void *what);

/* NULL: no such fact. */
const struct fact *happening_fact(const struct happening *h, const char *key);

/* "link 0, why reset", control characters escaped. */
const char *happening_text(const struct happening *h, char to[HAPPENING_TEXT]);
/* {"link": 0, "why": "reset"}; the caller's. Bytes that are no text become \xNN. */
struct cJSON *happening_json(const struct happening *h);

/* A question's name: its number; -1: it is none. */
int happening_ask(const char *name);

#endif
