/* services.h: the USSD services of a scenario's network, as the model wants them.
 *
 * Owns: the table. Borrows: the JSON, whose texts stand in the table.
 */
#ifndef SCENARIOS_ENGINE_SERVICES_H
#define SCENARIOS_ENGINE_SERVICES_H

struct cJSON;
struct services;
struct spec;
struct ussd;

extern const struct spec services_spec; /* "ussd" of the network: an entry a code */

/* The reply that leads to no entry; NULL: none does. */
const struct cJSON *services_misfit(const struct cJSON *json);

/* The network has them, until they are freed. */
struct services *services_new(const struct cJSON *json, struct ussd *ussd);
void services_free(struct services *sv); /* NULL is allowed */

#endif
