#include "emulator/model/sound.h"

#include <string.h>

#include "base/obj.h"

enum { NARROW_RATE = 8000, WAV_FRAME = 2, AMR_FRAME_MS = 20, AMR_122 = 0x3c, AMR_122_BYTES = 32 };

static const uint8_t amr_magic[SOUND_AMR_HEAD] = {'#', '!', 'A', 'M', 'R', '\n'};

static uint32_t le(const uint8_t *p, size_t bytes) {
    uint32_t v = 0;
    for (size_t i = bytes; i-- > 0;) {
        v = v << 8 | p[i];
    }
    return v;
}

static clk_dur samples(uint64_t count, uint32_t rate) {
    return CLK_US((int64_t)(count * 1000000 / rate));
}

/* -- WAV: chunks of a name, a length and as many bytes, padded to an even number -- */

static struct sound wav_of(const uint8_t *p, size_t n) {
    enum { RIFF = 12, CHUNK = 8, FMT = 16, PCM = 1 };
    struct sound s = {.format = SOUND_WAV};
    uint32_t bytes_a_second = 0;
    for (size_t at = RIFF; at + CHUNK <= n;) {
        const uint8_t *chunk = p + at;
        size_t size = le(chunk + 4, 4);
        size_t left = n - at - CHUNK;
        if (memcmp(chunk, "fmt ", 4) == 0 && size >= FMT && left >= FMT) {
            bytes_a_second = le(chunk + CHUNK + 8, 4);
            s.is_narrow = le(chunk + CHUNK, 2) == PCM && le(chunk + CHUNK + 4, 4) == NARROW_RATE &&
                          le(chunk + CHUNK + 14, 2) == 16;
        }
        if (memcmp(chunk, "data", 4) == 0 && bytes_a_second > 0) {
            s.length = samples(size < left ? size : left, bytes_a_second);
            return s;
        }
        if (size >= left) {
            break;
        }
        at += CHUNK + size + size % 2;
    }
    return (struct sound){.format = SOUND_UNKNOWN};
}

/* -- AMR (RFC 4867 5.3): frames of 20 ms, their length by their mode -- */

static struct sound amr_of(const uint8_t *p, size_t n) {
    static const uint8_t sizes[16] = {13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1};
    uint64_t frames = 0;
    for (size_t at = SOUND_AMR_HEAD; at < n; frames++) {
        size_t size = sizes[p[at] >> 3 & 0xf];
        if (size == 0 || size > n - at) {
            break;
        }
        at += size;
    }
    return (struct sound){SOUND_AMR, CLK_MS(frames * AMR_FRAME_MS), true};
}

/* -- MP3 and AAC: frames that begin with a row of ones and tell their length -- */

static const uint32_t rates[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                   22050, 16000, 12000, 11025, 8000,  7350};

/* ISO 13818-7 6.2; 0: no frame. */
static size_t aac_frame(const uint8_t *p, size_t n, clk_dur *length) {
    enum { HEAD = 7, SAMPLES = 1024 };
    if (n < HEAD || p[0] != 0xff || (p[1] & 0xf6) != 0xf0) {
        return 0;
    }
    size_t size = (size_t)(p[3] & 3) << 11 | (size_t)p[4] << 3 | p[5] >> 5;
    uint32_t rate = rates[p[2] >> 2 & 0xf];
    if (rate == 0 || size < HEAD || size > n) {
        return 0;
    }
    *length = samples(SAMPLES * (uint64_t)((p[6] & 3) + 1), rate);
    return size;
}

/* Layer III of ISO 11172-3 2.4.1 and of ISO 13818-3, whose rates are halves; 0: no frame. */
static size_t mp3_frame(const uint8_t *p, size_t n, clk_dur *length) {
    enum { HEAD = 4, MPEG2 = 2, MPEG1 = 3, SAMPLES = 576 };
    static const uint16_t kbits[2][16] = {
        {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
        {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}};
    static const uint32_t firsts[4] = {44100, 48000, 32000, 0};
    unsigned version = n >= HEAD ? p[1] >> 3 & 3 : 0;
    if (n < HEAD || p[0] != 0xff || (p[1] & 0xe6) != 0xe2 || version == 1) {
        return 0;
    }
    uint32_t rate = firsts[p[2] >> 2 & 3] >> (version == MPEG1 ? 0 : version == MPEG2 ? 1 : 2);
    uint32_t bits = kbits[version != MPEG1][p[2] >> 4] * 1000u;
    uint32_t count = version == MPEG1 ? 2 * SAMPLES : SAMPLES;
    size_t size = rate > 0 ? count / 8 * bits / rate + (p[2] >> 1 & 1) : 0;
    if (rate == 0 || bits == 0 || size > n) {
        return 0;
    }
    *length = samples(count, rate);
    return size;
}

typedef size_t frame_fn(const uint8_t *p, size_t n, clk_dur *length);

static struct sound frames_of(const uint8_t *p, size_t n, enum sound_format format,
                              frame_fn *frame) {
    struct sound s = {.format = SOUND_UNKNOWN};
    clk_dur length = CLK_US(0);
    for (size_t size = 0; (size = frame(p, n, &length)) > 0; p += size, n -= size) {
        s.format = format;
        s.length.us += length.us;
    }
    return s;
}

/* What stands in front of an MP3 (ID3v2): its length is four times seven bits. */
static size_t tag_length(const uint8_t *p, size_t n) {
    enum { HEAD = 10 };
    if (n < HEAD || memcmp(p, "ID3", 3) != 0) {
        return 0;
    }
    size_t size = 0;
    for (size_t i = 6; i < HEAD; i++) {
        size = size << 7 | (p[i] & 0x7f);
    }
    return HEAD + size < n ? HEAD + size : n;
}

struct sound sound_of(const uint8_t *p, size_t n) {
    if (n >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WAVE", 4) == 0) {
        return wav_of(p, n);
    }
    if (n >= sizeof amr_magic && memcmp(p, amr_magic, sizeof amr_magic) == 0) {
        return amr_of(p, n);
    }
    size_t tag = tag_length(p, n);
    struct sound s = frames_of(p + tag, n - tag, SOUND_MP3, mp3_frame);
    return s.format != SOUND_UNKNOWN ? s : frames_of(p, n, SOUND_AAC, aac_frame);
}

/* -- recording -- */

static uint8_t *put_le(uint8_t *to, uint32_t v, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(v >> 8 * i);
    }
    return to + bytes;
}

static uint8_t *put_name(uint8_t *to, const char name[4]) {
    memcpy(to, name, 4);
    return to + 4;
}

size_t sound_head(enum sound_format format, size_t data, uint8_t to[SOUND_HEAD]) {
    if (format == SOUND_AMR) {
        memcpy(to, amr_magic, sizeof amr_magic);
        return sizeof amr_magic;
    }
    must(format == SOUND_WAV);
    uint8_t *p = put_name(to, "RIFF");
    p = put_name(put_le(p, (uint32_t)data + SOUND_WAV_HEAD - 8, 4), "WAVE");
    p = put_le(put_name(p, "fmt "), 16, 4);
    p = put_le(put_le(p, 1, 2), 1, 2); /* PCM, one channel */
    p = put_le(put_le(p, NARROW_RATE, 4), NARROW_RATE * WAV_FRAME, 4);
    p = put_le(put_le(p, WAV_FRAME, 2), 16, 2);
    put_le(put_name(p, "data"), (uint32_t)data, 4);
    return SOUND_WAV_HEAD;
}

size_t sound_bytes(enum sound_format format, clk_dur length) {
    uint64_t ms = (uint64_t)length.us / 1000;
    return (size_t)(format == SOUND_AMR ? ms / AMR_FRAME_MS * AMR_122_BYTES
                                        : ms * NARROW_RATE / 1000 * WAV_FRAME);
}

uint8_t sound_silence(enum sound_format format, size_t at) {
    return format == SOUND_AMR && at % AMR_122_BYTES == 0 ? AMR_122 : 0;
}
