/* audio.h: what the module plays, speaks and records: one thing at a time.
 *
 * Sounds are files of the module's file system; nothing is heard. A play lasts as long as its file,
 * a recording grows on the clock until it is stopped or its drive is full. Beginning and end are
 * posted (events.h), the end of what power takes away is not.
 *
 * Owns:    what is under way. Borrows: the clock, the bus, the files.
 * Bounds:  those of the files.
 * Errors:  -EBUSY something else is under way, -EINVAL a file that cannot be played so, and those
 *          of files.h.
 */
#ifndef EMULATOR_MODEL_AUDIO_H
#define EMULATOR_MODEL_AUDIO_H

#include <stdbool.h>

#include "base/clk.h"
#include "emulator/model/sound.h"

struct audio;
struct bus;
struct files;
struct files_path;

/* What it does, each a command's of its own (V3.00 chapters 21 and 22). */
enum audio_job {
    AUDIO_NONE,
    AUDIO_PLAY_WAV,
    AUDIO_PLAY,
    AUDIO_SPEAK,
    AUDIO_RECORD_WAV,
    AUDIO_RECORD_AMR,
};

enum audio_state { AUDIO_STARTED, AUDIO_ENDED, AUDIO_FAILED };

struct audio_event {
    enum audio_job job;
    enum audio_state state;
};

struct audio *audio_new(struct clk *clk, struct bus *bus, struct files *files);
void audio_free(struct audio *a); /* NULL is allowed */

enum audio_job audio_job(const struct audio *a);
enum sound_format audio_format(const struct audio *a); /* of the file that is played */

/* AUDIO_PLAY fails behind its start where the file is no sound (V3.00 21.2.5). Into a call only
 * what sound.h calls narrow goes. */
int audio_play(struct audio *a, enum audio_job job, const struct files_path *path, bool is_remote);
/* A file of that name is written anew (guess). */
int audio_record(struct audio *a, enum audio_job job, const struct files_path *path,
                 bool is_remote);
/* Speaks for so long; what is said becomes a WAV file (NULL: it does not). */
int audio_speak(struct audio *a, clk_dur length, const struct files_path *path);

bool audio_stop(struct audio *a, enum audio_job job); /* false: it was not under way */
void audio_end_call(struct audio *a);                 /* what needs a call ends with it (guess) */
void audio_reset(struct audio *a);                    /* the module goes off */

#endif
