#include "emulator/nvram_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/obj.h"

char *nvram_text_chars(const char *bytes) {
    char *text = xmalloc(2 * strlen(bytes) + 1);
    char *to = text;
    for (; *bytes != '\0'; bytes++) {
        unsigned byte = (unsigned char)*bytes;
        if (byte >= 0x80) {
            *to++ = (char)(0xc0 | byte >> 6);
            byte = 0x80 | (byte & 0x3f);
        }
        *to++ = (char)byte;
    }
    return text;
}

char *nvram_text_bytes(const char *text) {
    char *bytes = xmalloc(strlen(text) + 1);
    char *to = bytes;
    for (; *text != '\0'; text++) {
        unsigned c = (unsigned char)*text;
        if (c > 0xc3) {
            free(bytes);
            return NULL;
        }
        if (c >= 0xc0) {
            c = (c & 0x03) << 6 | ((unsigned char)*++text & 0x3f);
        }
        *to++ = (char)c;
    }
    return bytes;
}
