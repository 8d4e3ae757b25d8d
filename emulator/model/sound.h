/* sound.h: what a sound file is by its first bytes, and how long it plays. Pure. */
#ifndef EMULATOR_MODEL_SOUND_H
#define EMULATOR_MODEL_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"

/* What the module plays (V3.00 21.2.5), and what is none of them. */
enum sound_format { SOUND_UNKNOWN, SOUND_WAV, SOUND_AMR, SOUND_MP3, SOUND_AAC };

struct sound {
    enum sound_format format;
    clk_dur length;
    bool is_narrow; /* goes into a call: AMR, or WAV of 8 kHz and 16 bits (V3.00 21.2.5) */
};

/* Of a whole file. One that ends early, or in what is no frame, plays up to there (guess). */
struct sound sound_of(const uint8_t *p, size_t n);

/* -- what the module records: WAV of 8 kHz, 16 bits, one channel, and AMR of 12.2 kbit/s, silence
 * both (guess) -- */

enum { SOUND_WAV_HEAD = 44, SOUND_AMR_HEAD = 6, SOUND_HEAD = 44 };

/* The head of a file with `data` bytes of sound behind it. Returns its length. */
size_t sound_head(enum sound_format format, size_t data, uint8_t to[SOUND_HEAD]);
/* Bytes of whole frames in so long a time. */
size_t sound_bytes(enum sound_format format, clk_dur length);
/* The byte of silence at `at` behind the head. */
uint8_t sound_silence(enum sound_format format, size_t at);

#endif
