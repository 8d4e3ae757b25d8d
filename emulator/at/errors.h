/* errors.h: the module's error numbers; errors.inc is generated from dialect/errors.json. */
#ifndef EMULATOR_AT_ERRORS_H
#define EMULATOR_AT_ERRORS_H

/* CME codes are below 300, CMS codes from 300 on, so one number tells the family. */
enum at_err {
    AT_ERR_PLAIN = -1, /* ERROR whatever AT+CMEE says: syntax and range faults (V3.00 3.4) */
#define X(id, code, text) id = (code),
#include "errors.inc"
#undef X
};

/* Text for AT+CMEE=2; NULL: not in the table. */
const char *at_err_text(enum at_err e);

#endif
