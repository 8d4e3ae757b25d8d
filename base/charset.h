/* charset.h: characters as GSM modules write them: the default alphabet of 23.038 6.2.1 with its
 * extension, UCS2, and UTF-8, which is what this tree's own texts are in.
 *
 * Pure. A character is its number in Unicode.
 */
#ifndef BASE_CHARSET_H
#define BASE_CHARSET_H

#include <stddef.h>
#include <stdint.h>

#include "base/sv.h"

enum { CHARSET_ESCAPE = 0x1b, CHARSET_UTF8 = 4, CHARSET_UNKNOWN = 0xfffd };
enum { CHARSET_SHOWN = 4 * CHARSET_UTF8 + 1 }; /* "\xNN" of each of its bytes, and a NUL */

/* The first character of the text, and the text moves on. The text is not empty; a byte that is no
 * UTF-8 is CHARSET_UNKNOWN. */
uint32_t charset_next(struct sv *text);
/* Bytes of UTF-8 in `to`. */
size_t charset_put(uint32_t c, char to[CHARSET_UTF8]);
/* The first character as a terminal may be given it, and the text moves on: the bytes of what acts
 * on a terminal (C0, DEL, C1) or is no UTF-8 are spelt out. Who tells of others' bytes needs it. */
void charset_shown(struct sv *text, char to[CHARSET_SHOWN]);

/* 0 to 127; in the extension CHARSET_ESCAPE << 8 | 0 to 127; -1: it has no such character. */
int charset_to_gsm(uint32_t c);
/* The other way; what is not in the tables is CHARSET_UNKNOWN. */
uint32_t charset_from_gsm(int code);

#endif
