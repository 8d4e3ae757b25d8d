/* spec_parse.h: places in a JSON text, and pieces of it for messages. Inside of spec_*.c only. */
#ifndef SCENARIOS_JSON_SPEC_PARSE_H
#define SCENARIOS_JSON_SPEC_PARSE_H

#include <stdbool.h>
#include <stddef.h>

struct spec_error;

enum { SPEC_PIECE = 48 };

/* Printable, terminated; what was too long ends with "...". */
struct spec_piece {
    char z[SPEC_PIECE];
};

struct spec_piece spec_parse_piece(const char *text, size_t n);

/* Length of the character at p: its UTF-8 is sound; 0: it is not. */
size_t spec_parse_char(const char *p, size_t n);

/* Line and column of the value that the indexes of children lead to, or of its key. The text has
 * come through spec_parse. */
void spec_parse_place(const char *text, size_t n, const size_t *path, size_t depth, bool of_key,
                      struct spec_error *e);

#endif
