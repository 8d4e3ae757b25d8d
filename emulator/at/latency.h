/* latency.h: how long the module takes for an answer or an unsolicited result, by the class of its
 * row (emulator/dialect/latencies.json). Pure. */
#ifndef EMULATOR_AT_LATENCY_H
#define EMULATOR_AT_LATENCY_H

#include "base/clk.h"
#include "emulator/at/row.h"

struct at_table;

enum at_timing { AT_TIMING_NONE, AT_TIMING_TYPICAL, AT_TIMING_WORST };

/* `row` NULL: an empty line, or what is no command. */
clk_dur latency_answer(enum at_timing timing, const struct at_cmd *row, enum at_form form);
/* Of the row whose name the text begins with, "+CREG: 1"; else of the first class. */
clk_dur latency_urc(enum at_timing timing, const struct at_table *table, const char *text);

#endif
