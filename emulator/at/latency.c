#include "emulator/at/latency.h"

#include <string.h>

#include "base/sv.h"
#include "emulator/at/table.h"

static const struct at_latency *class_of(const struct at_cmd *row) {
    return &at_latencies[row != NULL ? row->latency : 0];
}

static clk_dur pick(enum at_timing timing, const int32_t times[AT_LATENCY_TIMES]) {
    return CLK_MS(times[timing - AT_TIMING_TYPICAL]);
}

clk_dur latency_answer(enum at_timing timing, const struct at_cmd *row, enum at_form form) {
    if (timing == AT_TIMING_NONE) {
        return CLK_US(0);
    }
    const struct at_latency *class = class_of(row);
    return pick(timing, form == AT_READ || form == AT_TEST ? class->ask : class->act);
}

clk_dur latency_urc(enum at_timing timing, const struct at_table *table, const char *text) {
    if (timing == AT_TIMING_NONE) {
        return CLK_US(0);
    }
    const struct sv name = {text, strcspn(text, ":")};
    return pick(timing, class_of(table_find(table, name))->urc);
}
