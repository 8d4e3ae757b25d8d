/* What a sound file is, from its bytes. */
#include <criterion/criterion.h>
#include <string.h>

#include "emulator/model/sound.h"

static struct sound of(const char *bytes, size_t n) {
    return sound_of((const uint8_t *)bytes, n);
}

#define OF(literal) of(literal, sizeof(literal) - 1)

Test(sound, what_is_recorded_is_as_long_as_the_time) {
    static const enum sound_format formats[] = {SOUND_WAV, SOUND_AMR};
    static uint8_t file[SOUND_HEAD + 40000];
    for (size_t i = 0; i < 2; i++) {
        size_t bytes = sound_bytes(formats[i], CLK_MS(1999));
        size_t head = sound_head(formats[i], bytes, file);
        for (size_t at = 0; at < bytes; at++) {
            file[head + at] = sound_silence(formats[i], at);
        }
        const struct sound s = sound_of(file, head + bytes);
        cr_assert_eq(s.format, formats[i]);
        cr_assert_eq(s.length.us, formats[i] == SOUND_AMR ? 1980000 : 1999000);
        cr_assert(s.is_narrow);
    }
}

Test(sound, a_wav_of_another_rate_is_not_for_calls_and_ends_with_the_file) {
    uint8_t file[SOUND_WAV_HEAD + 16000] = {0};
    sound_head(SOUND_WAV, 1u << 31, file); /* says more than there is */
    cr_assert_eq(sound_of(file, sizeof file).length.us, 1000000);
    file[24] = 0x80;
    file[25] = 0x3e; /* 16000 Hz */
    cr_assert_not(sound_of(file, sizeof file).is_narrow);
    memset(file + 28, 0, 4); /* no bytes a second */
    cr_assert_eq(sound_of(file, sizeof file).format, SOUND_UNKNOWN);
}

Test(sound, chunks_that_are_not_known_are_stepped_over) {
    uint8_t head[SOUND_HEAD];
    uint8_t file[SOUND_WAV_HEAD + 10 + 160] = {0};
    sound_head(SOUND_WAV, 160, head);
    memcpy(file, head, 36);
    memcpy(file + 36, "LIST\1\0\0\0xx", 10);
    memcpy(file + 46, head + 36, 8);
    cr_assert_eq(sound_of(file, sizeof file).length.us, 10000);
    memset(file + 40, 0xff, 4); /* it claims 4 GB */
    cr_assert_eq(sound_of(file, sizeof file).format, SOUND_UNKNOWN);
}

Test(sound, frames_are_counted_until_one_is_none) {
    cr_assert_eq(OF("#!AMR\n\x3c").length.us, 0); /* cut */
    cr_assert_eq(OF("#!AMR\n\x7c\x7c\x7c").length.us, 60000);
    cr_assert_eq(OF("#!AMR\n\x7c\x54\x7c").length.us, 20000);
    cr_assert_eq(OF("\xff\xf1\x50\x80\x01\x1f\xfc.").length.us, 23219); /* AAC, 8 bytes, 44.1 kHz */
    char mp3[2 * 96 + 10] = "ID3\4\0\0\0\0\0\0";
    memcpy(mp3 + 10, "\xff\xfb\x14\0", 4);
    memcpy(mp3 + 106, "\xff\xfb\x14\0", 4);
    cr_assert_eq(of(mp3, sizeof mp3).length.us, 48000);
    cr_assert_eq(of(mp3, sizeof mp3).format, SOUND_MP3);
    cr_assert_eq(of(mp3, sizeof mp3 - 1).length.us, 24000);
    memset(mp3 + 6, 0x7f, 4); /* a tag longer than the file */
    cr_assert_eq(of(mp3, sizeof mp3).format, SOUND_UNKNOWN);
}

Test(sound, what_is_none) {
    cr_assert_eq(OF("").format, SOUND_UNKNOWN);
    cr_assert_eq(OF("hello").format, SOUND_UNKNOWN);
    cr_assert_eq(OF("RIFF").format, SOUND_UNKNOWN);
    cr_assert_eq(OF("RIFF....WAVE").format, SOUND_UNKNOWN);
    cr_assert_eq(OF("ID3").format, SOUND_UNKNOWN);
    cr_assert_eq(OF("\xff\xfb\xf4\x00").format, SOUND_UNKNOWN);
    cr_assert_eq(OF("\xff\xf1\xfc\x00\x00\xff\xff").format, SOUND_UNKNOWN);
}
