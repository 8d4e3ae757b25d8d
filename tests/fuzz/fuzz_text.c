/* Any bytes as the texts that a module writes and reads: what can be written in an alphabet reads
 * as it was.
 *
 * Input: the bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/charset.h"
#include "base/obj.h"
#include "emulator/model/sim_text.h"
#include "emulator/nvram_text.h"
#include "tests/fuzz/fuzz.h"

enum { UNITS = 256 };

static void check_characters(struct sv text) {
    while (text.n > 0) {
        size_t before = text.n;
        uint32_t c = charset_next(&text);
        must(text.n < before && before - text.n <= CHARSET_UTF8);
        char utf8[CHARSET_UTF8];
        struct sv again = {utf8, charset_put(c, utf8)};
        must(charset_next(&again) == c && again.n == 0);
        int gsm = charset_to_gsm(c);
        must(gsm < 0 || charset_from_gsm(gsm) == c);
    }
}

/* FFFF ends a text in UCS2, and FF one of bytes: they cannot be in one. */
static bool is_writable(const uint16_t *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (text[i] == 0xffff) {
            return false;
        }
    }
    return true;
}

static void check_name(const uint8_t *p, size_t n) {
    uint16_t text[UNITS], again[UNITS];
    uint8_t bytes[UNITS];
    n = n < sizeof bytes ? n : sizeof bytes;
    size_t len = sim_text_get(p, n, text);
    must(len <= n);
    if (is_writable(text, len) && sim_text_put(text, len, bytes, sizeof bytes) == 0) {
        must(sim_text_get(bytes, sizeof bytes, again) == len);
        must(memcmp(text, again, len * sizeof text[0]) == 0);
    }
}

static void check_number(const uint8_t *p, size_t n) {
    uint8_t bytes[SIM_NUMBER] = {0};
    char text[SIM_NUMBER_TEXT], again[SIM_NUMBER_TEXT];
    uint8_t type = 0;
    memcpy(bytes, p, n < sizeof bytes ? n : sizeof bytes);
    sim_text_get_number(bytes, text, &type);
    if (sim_text_put_number(sv_of(text), type, bytes) == 0) {
        uint8_t same = 0;
        sim_text_get_number(bytes, again, &same);
        must(strcmp(text, again) == 0 && same == type);
    }
    struct sv typed = {(const char *)p, n};
    must(sim_text_put_number(typed, type, bytes) <= 0);
}

static void check_stored(const uint8_t *p, size_t n) {
    char *bytes = sv_dup((struct sv){(const char *)p, n}); /* up to its first zero */
    char *chars = nvram_text_chars(bytes);
    char *again = nvram_text_bytes(chars);
    must(again != NULL && strcmp(bytes, again) == 0);
    free(bytes);
    free(chars);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_characters((struct sv){(const char *)data, size});
    check_name(data, size);
    check_number(data, size);
    check_stored(data, size);
    return 0;
}
