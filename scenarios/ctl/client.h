/* client.h: the connection to the daemon, and what is told on stderr. Blocks. */
#ifndef SCENARIOS_CTL_CLIENT_H
#define SCENARIOS_CTL_CLIENT_H

#include "scenarios/ctl/ctl.h"

__attribute__((format(printf, 1, 2))) void client_say(const char *fmt, ...);
int client_lost(const struct ctl *c); /* tells it; EXIT_LOST */

/* The next line as JSON, the caller's; NULL: the connection is lost. */
struct cJSON *client_receive(struct ctl *c);
/* Takes the params; connects if need be. EXIT_DONE: *message holds a result; anything else was
 * told. */
int client_ask(struct ctl *c, const char *method, struct cJSON *params, struct cJSON **message);

#endif
