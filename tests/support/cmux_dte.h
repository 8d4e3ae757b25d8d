/* cmux_dte.h: frames of the 27.010 multiplexer as a DTE sends them: commands, with the P bit in all
 * but UIH. Pure.
 */
#ifndef TESTS_SUPPORT_CMUX_DTE_H
#define TESTS_SUPPORT_CMUX_DTE_H

#include "base/sv.h"
#include "pty/cmux_frame.h"

/* As it goes on the wire; returns how many octets. `type` is of enum cmux_type. */
size_t cmux_dte_frame(enum cmux_option option, unsigned dlci, uint8_t type, struct sv info,
                      uint8_t to[CMUX_FRAME_WIRE]);

#endif
