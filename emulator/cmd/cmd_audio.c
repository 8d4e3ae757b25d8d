/* cmd_audio.c: recording, playing and speaking (V3.00 chapters 21 and 22). */
#include <errno.h>

#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/audio.h"
#include "emulator/model/events.h"
#include "emulator/model/files.h"
#include "handlers.h"
#include "slots.h"

static struct audio *audio_of(struct at_req *rq) {
    return cmd_of(rq)->modem->audio;
}

/* Sounds are on E: (notes of V3.00 21.2); in which folder of it is not said. */
static int path_of(struct at_req *rq, size_t i, struct files_path *out) {
    int rc = files_path(cmd_of(rq)->modem->files, at_text(rq, i), out);
    return rc == 0 && out->text[0] != 'E' ? -EINVAL : rc;
}

/* What is remote is there in a call only (notes of V3.00 21.2). */
static bool is_reachable(struct at_req *rq, bool is_remote) {
    return !is_remote || cmd_of(rq)->modem->has_call;
}

/* -- what comes unasked -- */

void cmd_audio_event(struct cmd *c, unsigned topic, const void *payload) {
    static const char *const texts[][3] = {
        [AUDIO_PLAY_WAV] = {[AUDIO_ENDED] = "+WAVSTATE: wav play stop"},
        [AUDIO_PLAY] = {[AUDIO_STARTED] = "+AUDIOSTATE: audio play",
                        [AUDIO_ENDED] = "+AUDIOSTATE: audio play stop",
                        [AUDIO_FAILED] = "+AUDIOSTATE: audio play error"},
        [AUDIO_SPEAK] = {[AUDIO_ENDED] = "+CTTS: 0"},
        [AUDIO_RECORD_WAV] = {[AUDIO_ENDED] = "+RECSTATE: crec stop"},
        [AUDIO_RECORD_AMR] = {[AUDIO_ENDED] = "+RECSTATE: crecamr stop"},
    };
    if (topic == TOPIC_AUDIO_CHANGED) {
        const struct audio_event *e = payload;
        const char *text = texts[e->job][e->state];
        if (text != NULL) {
            urc_post(c->session, URC_EVENT, "%s", text);
        }
    }
}

/* -- recording -- */

enum { RECORD_STOP, RECORD_LOCAL };

/* 0, or what is not fit. */
static int write_record(struct at_req *rq, enum audio_job job) {
    struct files_path path;
    int source = at_int(rq, 0);
    if (at_has(rq, 1) != (source != RECORD_STOP)) {
        return -EINVAL;
    }
    if (source == RECORD_STOP) {
        audio_stop(audio_of(rq), job);
        return 0;
    }
    bool is_remote = source != RECORD_LOCAL;
    int rc = is_reachable(rq, is_remote) ? path_of(rq, 1, &path) : -EINVAL;
    return rc != 0 ? rc : audio_record(audio_of(rq), job, &path, is_remote);
}

static void record(struct at_req *rq, enum audio_job job) {
    if (at_form_of(rq) == AT_WRITE && write_record(rq, job) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    at_info(rq, "%s: %d", at_row_of(rq)->name, audio_job(audio_of(rq)) == job ? 1 : 0);
    at_ok(rq);
}

void cmd_crec(struct at_req *rq) {
    record(rq, AUDIO_RECORD_WAV);
}

void cmd_crecamr(struct at_req *rq) {
    record(rq, AUDIO_RECORD_AMR);
}

/* -- playing; the two commands number the ways differently -- */

static void play(struct at_req *rq, enum audio_job job, const char *answer) {
    struct files_path path;
    bool is_remote = at_int(rq, 1) == 1;
    if (!is_reachable(rq, is_remote) || path_of(rq, 0, &path) != 0 ||
        audio_play(audio_of(rq), job, &path, is_remote) != 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    at_info(rq, "%s", answer);
    setting_run(rq); /* the newest values are read */
}

static void stop(struct at_req *rq, enum audio_job job) {
    audio_stop(audio_of(rq), job);
    at_info(rq, "%s:", at_row_of(rq)->name);
    at_ok(rq);
}

void cmd_ccmxplaywav(struct at_req *rq) {
    play(rq, AUDIO_PLAY_WAV, "+WAVSTATE: wav play");
}

void cmd_ccmxstopwav(struct at_req *rq) {
    stop(rq, AUDIO_PLAY_WAV);
}

void cmd_ccmxplay(struct at_req *rq) {
    play(rq, AUDIO_PLAY, "+CCMXPLAY:");
}

void cmd_ccmxstop(struct at_req *rq) {
    stop(rq, AUDIO_PLAY);
}
