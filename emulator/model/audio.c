#include "emulator/model/audio.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bus.h"
#include "base/obj.h"
#include "emulator/model/events.h"
#include "emulator/model/files.h"

enum { GROW_MS = 1000 }; /* how often what is recorded gets into the file (guess) */

struct audio {
    uint32_t magic;
#define AUDIO_MAGIC 0xa0d10c0du
    struct clk *clk;
    struct bus *bus;
    struct files *files;
    enum audio_job job;
    bool is_remote;
    enum sound_format format; /* of what is played or written */
    clk_mono since;
    struct clk_timer end, grow;
    struct files_path path;
    bool is_written; /* to `path` */
    size_t written;  /* behind the head */
};

static struct audio *audio_from(void *ctx) {
    struct audio *a;
    CAST_OBJ(a, ctx, AUDIO_MAGIC);
    return a;
}

struct audio *audio_new(struct clk *clk, struct bus *bus, struct files *files) {
    struct audio *a = xmalloc(sizeof *a);
    OBJ_INIT(a, AUDIO_MAGIC);
    a->clk = clk;
    a->bus = bus;
    a->files = files;
    return a;
}

void audio_reset(struct audio *a) {
    CHECK_OBJ(a, AUDIO_MAGIC);
    clk_stop(a->clk, &a->end);
    clk_stop(a->clk, &a->grow);
    a->job = AUDIO_NONE;
}

void audio_free(struct audio *a) {
    if (a == NULL) {
        return;
    }
    audio_reset(a);
    OBJ_FINI(a);
    free(a);
}

enum audio_job audio_job(const struct audio *a) {
    CHECK_OBJ(a, AUDIO_MAGIC);
    return a->job;
}

enum sound_format audio_format(const struct audio *a) {
    CHECK_OBJ(a, AUDIO_MAGIC);
    return a->format;
}

static void post(struct audio *a, enum audio_job job, enum audio_state state) {
    const struct audio_event e = {job, state};
    bus_post(a->bus, TOPIC_AUDIO_CHANGED, &e);
}

/* -- the file that is written -- */

static int put_silence(struct audio *a, size_t n) {
    uint8_t block[1024];
    int rc = 0;
    while (n > 0 && rc == 0) {
        size_t now = n < sizeof block ? n : sizeof block;
        for (size_t i = 0; i < now; i++) {
            block[i] = sound_silence(a->format, a->written + i);
        }
        uint8_t head[SOUND_HEAD];
        size_t at = sound_head(a->format, a->written, head) + a->written;
        rc = files_write(a->files, &a->path, at, block, now);
        a->written += rc == 0 ? now : 0;
        n -= now;
    }
    return rc;
}

/* Up to now; the head tells the length at any time. */
static int grow(struct audio *a) {
    clk_dur passed = clk_since(a->clk, a->since);
    size_t due = sound_bytes(a->format, passed);
    uint8_t head[SOUND_HEAD];
    int rc = put_silence(a, due - a->written);
    if (rc == 0 || rc == -ENOSPC) {
        files_write(a->files, &a->path, 0, head, sound_head(a->format, a->written, head));
    }
    return rc;
}

/* -- beginning and end -- */

static void finish(struct audio *a, enum audio_state state) {
    enum audio_job job = a->job;
    if (a->is_written) {
        grow(a); /* a full drive keeps what has gone in */
    }
    audio_reset(a);
    post(a, job, state);
}

static void on_end(void *ctx) {
    struct audio *a = audio_from(ctx);
    finish(a, a->format == SOUND_UNKNOWN ? AUDIO_FAILED : AUDIO_ENDED);
}

static void on_grow(void *ctx) {
    struct audio *a = audio_from(ctx);
    if (grow(a) != 0) {
        finish(a, AUDIO_ENDED); /* the drive is full, or the file is gone */
    } else {
        clk_start(a->clk, &a->grow, CLK_MS(GROW_MS), on_grow, a);
    }
}

static void begin(struct audio *a, enum audio_job job, enum sound_format format, bool is_remote) {
    a->job = job;
    a->format = format;
    a->is_remote = is_remote;
    a->is_written = false;
    a->since = clk_now(a->clk);
}

/* Makes the file new, with a head and nothing behind it. */
static int make_file(struct audio *a, enum sound_format format, const struct files_path *path) {
    uint8_t head[SOUND_HEAD];
    size_t n = sound_head(format, 0, head);
    int rc = files_may_create(a->files, path, n);
    if (rc == -EEXIST) {
        files_remove(a->files, path);
    }
    return files_create(a->files, path, head, n);
}

static void begin_file(struct audio *a, const struct files_path *path) {
    a->path = *path;
    a->is_written = true;
    a->written = 0;
    clk_start(a->clk, &a->grow, CLK_MS(GROW_MS), on_grow, a);
}

int audio_play(struct audio *a, enum audio_job job, const struct files_path *path, bool is_remote) {
    CHECK_OBJ(a, AUDIO_MAGIC);
    struct files_info info;
    if (a->job != AUDIO_NONE) {
        return -EBUSY;
    }
    int rc = files_stat(a->files, path, &info);
    if (rc != 0 || info.is_folder) {
        return rc != 0 ? rc : -EISDIR;
    }
    uint8_t *bytes = xmalloc(info.size + 1);
    files_read(a->files, path, 0, bytes, info.size);
    const struct sound s = sound_of(bytes, info.size);
    free(bytes);
    bool is_fit = job == AUDIO_PLAY || s.format == SOUND_WAV;
    bool is_known = s.format != SOUND_UNKNOWN;
    if (!is_fit || (is_remote && is_known && !s.is_narrow)) {
        return -EINVAL;
    }
    begin(a, job, s.format, is_remote);
    clk_start(a->clk, &a->end, s.length, on_end, a);
    post(a, job, AUDIO_STARTED);
    return 0;
}

int audio_record(struct audio *a, enum audio_job job, const struct files_path *path,
                 bool is_remote) {
    CHECK_OBJ(a, AUDIO_MAGIC);
    enum sound_format format = job == AUDIO_RECORD_AMR ? SOUND_AMR : SOUND_WAV;
    if (a->job != AUDIO_NONE) {
        return -EBUSY;
    }
    int rc = make_file(a, format, path);
    if (rc == 0) {
        begin(a, job, format, is_remote);
        begin_file(a, path);
        post(a, job, AUDIO_STARTED);
    }
    return rc;
}

int audio_speak(struct audio *a, clk_dur length, const struct files_path *path) {
    CHECK_OBJ(a, AUDIO_MAGIC);
    if (a->job != AUDIO_NONE) {
        return -EBUSY;
    }
    int rc = path != NULL ? make_file(a, SOUND_WAV, path) : 0;
    if (rc != 0) {
        return rc;
    }
    begin(a, AUDIO_SPEAK, SOUND_WAV, false);
    if (path != NULL) {
        begin_file(a, path);
    }
    clk_start(a->clk, &a->end, length, on_end, a);
    post(a, AUDIO_SPEAK, AUDIO_STARTED);
    return 0;
}

bool audio_stop(struct audio *a, enum audio_job job) {
    CHECK_OBJ(a, AUDIO_MAGIC);
    if (job == AUDIO_NONE || a->job != job) {
        return false;
    }
    finish(a, AUDIO_ENDED);
    return true;
}

void audio_end_call(struct audio *a) {
    CHECK_OBJ(a, AUDIO_MAGIC);
    if (a->job != AUDIO_NONE && a->is_remote) {
        finish(a, AUDIO_ENDED);
    }
}
