/* nvram_text.h: the bytes of a setting as characters of JSON: ISO 8859-1. */
#ifndef EMULATOR_NVRAM_TEXT_H
#define EMULATOR_NVRAM_TEXT_H

/* UTF-8; the caller's, for free(). */
char *nvram_text_chars(const char *bytes);
/* The text is sound UTF-8. The caller's; NULL: not all of its characters are bytes. */
char *nvram_text_bytes(const char *text);

#endif
