#include "netstack/retransmit.h"

clk_dur retransmit_wait(const struct retransmit_config *cfg, unsigned n, clk_dur rtt,
                        clk_dur spent) {
    int64_t left_us = CLK_S(RETRANSMIT_TOTAL_S).us - spent.us;
    int64_t wait_us = rtt.us;
    for (unsigned i = 1; i < n && wait_us < left_us; i++) {
        wait_us *= 2;
    }
    int64_t least_us = CLK_MS(cfg->least_ms).us;
    if (wait_us < least_us) {
        wait_us = least_us;
    }
    if (wait_us > left_us) {
        wait_us = left_us;
    }
    return (clk_dur){wait_us > 0 ? wait_us : 0};
}

bool retransmit_again(const struct retransmit_config *cfg, unsigned n, clk_dur spent) {
    return n <= cfg->retries && spent.us < CLK_S(RETRANSMIT_TOTAL_S).us;
}
