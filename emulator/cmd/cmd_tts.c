/* cmd_tts.c: speech (V3.00 chapter 22). */
#include <errno.h>

#include "base/hex.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/audio.h"
#include "emulator/model/files.h"
#include "handlers.h"
#include "slots.h"

void cmd_cdtam(struct at_req *rq) {
    at_info(rq, "+CDTAM:");
    setting_run(rq);
}

/* -- how long a text takes (guess): a letter, a Chinese character, by the speed a third more or
 * less -- */

enum { LETTER_MS = 70, CHARACTER_MS = 220, UCS2_DIGITS = 4, UCS2_MAX = 508 };

/* ASCII, and GBK's two bytes a character. */
static int gbk_ms(struct sv text) {
    int ms = 0;
    for (size_t i = 0; i < text.n; i++) {
        bool is_wide = (unsigned char)text.p[i] > 0x80 && i + 1 < text.n;
        ms += is_wide ? CHARACTER_MS : LETTER_MS;
        i += is_wide ? 1 : 0;
    }
    return ms;
}

/* -EILSEQ: not four digits a character. 510 bytes with the quotes at most (V3.00 22.2.2). */
static int ucs2_ms(struct sv text) {
    int ms = 0;
    if (text.n % UCS2_DIGITS != 0 || text.n > UCS2_MAX || !hex_is(text)) {
        return -EILSEQ;
    }
    for (size_t i = 0; i < text.n; i += UCS2_DIGITS) {
        ms += sv_eq(sv_slice(text, i, 2), SV("00")) ? LETTER_MS : CHARACTER_MS;
    }
    return ms;
}

/* -- +CTTS -- */

enum { TTS_STOP, TTS_UCS2, TTS_TEXT, TTS_TEXT_SAVED, TTS_UCS2_SAVED };

static int speak(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    int mode = at_int(rq, 0);
    bool is_saved = mode == TTS_TEXT_SAVED || mode == TTS_UCS2_SAVED;
    bool is_ucs2 = mode == TTS_UCS2 || mode == TTS_UCS2_SAVED;
    struct files_path path;
    if (!at_has(rq, 1) || at_has(rq, 2) != is_saved) {
        return -EINVAL;
    }
    int rc = is_saved ? files_path(c->modem->files, at_text(rq, 2), &path) : 0;
    if (rc != 0 || (is_saved && path.text[0] != 'E')) {
        return rc != 0 ? rc : -EINVAL;
    }
    int ms = is_ucs2 ? ucs2_ms(at_text(rq, 1)) : gbk_ms(at_text(rq, 1));
    int speed = (int)setting_int(c->module, SLOT_CTTSPARAM_SPEED); /* 0-2 */
    return ms < 0 ? ms
                  : audio_speak(c->modem->audio, CLK_MS(ms * (4 - speed) / 3),
                                is_saved ? &path : NULL);
}

/* What works, in this command's numbers; those of the formats are files that +CCMXPLAY plays. */
static int status(const struct audio *a) {
    static const int jobs[] = {
        [AUDIO_PLAY_WAV] = 1, [AUDIO_SPEAK] = 6, [AUDIO_RECORD_WAV] = 8, [AUDIO_RECORD_AMR] = 8};
    static const int formats[] = {
        [SOUND_UNKNOWN] = 5, [SOUND_WAV] = 5, [SOUND_AMR] = 2, [SOUND_MP3] = 3, [SOUND_AAC] = 4};
    return audio_job(a) == AUDIO_PLAY ? formats[audio_format(a)] : jobs[audio_job(a)];
}

void cmd_ctts(struct at_req *rq) {
    struct audio *a = cmd_of(rq)->modem->audio;
    if (at_form_of(rq) == AT_READ) {
        at_info(rq, "+CTTS: %d", status(a));
    } else if (at_int(rq, 0) == TTS_STOP) {
        audio_stop(a, AUDIO_SPEAK);
    } else if (speak(rq) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    at_ok(rq);
}
