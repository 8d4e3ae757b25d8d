#include "tests/support/cmux_dte.h"

size_t cmux_dte_frame(enum cmux_option option, unsigned dlci, uint8_t type, struct sv info,
                      uint8_t to[CMUX_FRAME_WIRE]) {
    const struct cmux_frame f = {.dlci = dlci,
                                 .is_command = true,
                                 .is_final = type != CMUX_UIH,
                                 .type = type,
                                 .info = (const uint8_t *)info.p,
                                 .n = info.n};
    return cmux_encode(option, &f, false, to);
}
