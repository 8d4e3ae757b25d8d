/* cmd_dial.h: dial-up as the other families see it: one link a port, from ATD*99# or AT+CGDATA to
 * NO CARRIER (27.007 10.2.1). The link is the port's; nobody else holds it. */
#ifndef EMULATOR_CMD_CMD_DIAL_H
#define EMULATOR_CMD_CMD_DIAL_H

#include <stdbool.h>

#include "base/sv.h"
#include "emulator/cmd/cmd.h"

/* The number asks for a packet call (27.007 10.2.1); *cid is its context, 1 where it names none. */
bool dial_is_packet_call(struct sv number, unsigned *cid);
/* Ends the request with CONNECT or NO CARRIER, now or later. */
void dial_start(struct at_req *rq, unsigned cid);
bool dial_resume(struct at_req *rq); /* ATO; false: there is no link */
void dial_hang_up(struct cmd *c);    /* ATH */
bool dial_is_up(const struct cmd *c);
void dial_stop(struct cmd *c); /* without a word: the module has gone off */

#endif
