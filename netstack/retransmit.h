/* retransmit.h: the module's TCP retransmission schedule (note 2.6), as pure functions.
 *
 * Transmission n = 1, 2, ... of a packet waits max(TimeoutVal, rtt * 2^(n-1)) for its
 * acknowledgement, with the newest measured round-trip time; at most NmRetry
 * transmissions follow the first; all waits together are at most 120 s, the last
 * one is cut to fit. Then the packet has failed and the link is closed. Connecting
 * goes by the same schedule.
 */
#ifndef NETSTACK_RETRANSMIT_H
#define NETSTACK_RETRANSMIT_H

#include "base/clk.h"

enum { RETRANSMIT_TOTAL_S = 120 };

/* AT+CIPCCFG's first and seventh value. */
struct retransmit_config {
    unsigned retries;  /* NmRetry, 0-10 */
    unsigned least_ms; /* TimeoutVal, 500-120000 */
};

/* How long transmission n (from 1) is waited for, `spent` after the first one. Never below zero;
 * zero: no time is left. */
clk_dur retransmit_wait(const struct retransmit_config *cfg, unsigned n, clk_dur rtt,
                        clk_dur spent);

/* Whether another transmission may follow the n-th, `spent` after the first one. */
bool retransmit_again(const struct retransmit_config *cfg, unsigned n, clk_dur spent);

#endif
