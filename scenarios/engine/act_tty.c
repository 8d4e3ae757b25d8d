/* act_tty.c: what goes wrong at the tty. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/chan.h"
#include "base/obj.h"
#include "emulator/model/events.h"
#include "emulator/model/modem.h"
#include "scenarios/engine/action_priv.h"
#include "scenarios/engine/tty_fault.h"

enum { NOISE_MAX = 4096 };

static const char too_many[] = "too many faults wait for their byte";

static const struct spec offset_spec = {.type = SPEC_INT, .lo = 0, .hi = 1 << 20};
static const struct spec count_spec = {.type = SPEC_INT, .lo = 1, .hi = 65536};
static const struct spec time_spec = {.type = SPEC_DURATION, .hi = 86400};
static const struct spec period_spec = {.type = SPEC_DURATION, .lo = 0.001, .hi = 86400};
static const struct spec bits_spec = {.type = SPEC_INT, .lo = 1, .hi = 255};
static const struct spec chance_spec = {.type = SPEC_NUMBER, .lo = 0, .hi = 1};
static const struct spec flag_spec = {.type = SPEC_BOOL};
static const struct spec urc_text_spec = {.type = SPEC_TEXT, .lo = 1, .hi = 255};

static const struct spec_key cut_keys[] = {
    {"after", &offset_spec, "Bytes that come out before (0).", 0},
    {"for", &time_spec, "How long nothing comes.", SPEC_REQUIRED},
    {0},
};
const struct spec cut_spec = {.type = SPEC_OBJECT, .name = "a cut", .keys = cut_keys};

int act_cut(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    *why = too_many;
    return tty_fault_cut(stage_tty(st), (size_t)spec_int(value, "after", 0),
                         spec_dur(value, "for", CLK_US(0)));
}

static const struct spec_key drip_keys[] = {
    {"bytes", &count_spec, "In one piece (1).", 0},
    {"every", &period_spec, "From one piece to the next.", SPEC_REQUIRED},
    {0},
};
const struct spec drip_spec = {.type = SPEC_OBJECT, .name = "a drip", .keys = drip_keys};

int act_drip(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    tty_fault_drip(stage_tty(st), (size_t)spec_int(value, "bytes", 1),
                   spec_dur(value, "every", CLK_MS(1)));
    return 0;
}

static const struct spec_key corrupt_keys[] = {
    {"at", &offset_spec, "Which byte, counted from 0 (0).", 0},
    {"bits", &bits_spec, "The bits that change (1).", 0},
    {0},
};
const struct spec corrupt_spec = {
    .type = SPEC_OBJECT, .name = "a corruption", .keys = corrupt_keys};

int act_corrupt(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    *why = too_many;
    return tty_fault_flip(stage_tty(st), (size_t)spec_int(value, "at", 0),
                          (uint8_t)spec_int(value, "bits", 1));
}

static const char *const way_words[] = {"out", "in", "both", NULL};
static const struct spec way_spec = {.type = SPEC_WORD, .words = way_words};
static const struct spec_key garble_keys[] = {
    {"way", &way_spec, "From the module, to it, or both (both).", 0},
    {"chance", &chance_spec, "Of each byte (1).", 0},
    {"for", &time_spec, "How long; without it until it is said again, with chance 0.", 0},
    {0},
};
const struct spec garble_spec = {.type = SPEC_OBJECT, .name = "a garbling", .keys = garble_keys};

int act_garble(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    const char *way = spec_text(value, "way", "both");
    unsigned ways = strcmp(way, "out") == 0  ? TTY_FAULT_OUT
                    : strcmp(way, "in") == 0 ? TTY_FAULT_IN
                                             : TTY_FAULT_OUT | TTY_FAULT_IN;
    double chance = spec_number(value, "chance", 1);
    tty_fault_garble(stage_tty(st), chance > 0 ? ways : 0, chance,
                     spec_dur(value, "for", CLK_US(0)));
    return 0;
}

const struct spec line_end_spec = {.type = SPEC_TEXT, .lo = 1, .hi = 4};

int act_line_end(struct stage *st, const struct cJSON *value, struct decision *d,
                 const char **why) {
    (void)d;
    (void)why;
    tty_fault_line_end(stage_tty(st), value->valuestring, strlen(value->valuestring));
    return 0;
}

static const struct spec_key insert_keys[] = {
    {"at", &offset_spec, "Bytes that come out before (0).", 0},
    {"bytes", &spec_of_bytes, "What is put in.", SPEC_REQUIRED},
    {0},
};
const struct spec insert_spec = {.type = SPEC_OBJECT, .name = "an insertion", .keys = insert_keys};

int act_insert(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    *why = too_many;
    unsigned char *bytes = NULL;
    size_t n = 0;
    spec_bytes(spec_get(value, "bytes"), &bytes, &n);
    int err = tty_fault_insert(stage_tty(st), (size_t)spec_int(value, "at", 0), bytes, n);
    free(bytes);
    return err;
}

static const struct spec noise_count_spec = {.type = SPEC_INT, .lo = 1, .hi = NOISE_MAX};
static const struct spec_key noise_keys[] = {
    {"bytes", &noise_count_spec, "How many.", SPEC_REQUIRED},
    {0},
};
const struct spec noise_spec = {.type = SPEC_OBJECT, .name = "noise", .keys = noise_keys};

int act_noise(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    uint8_t bytes[NOISE_MAX];
    size_t n = (size_t)spec_int(value, "bytes", 1);
    must(n <= sizeof bytes);
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)rng_below(stage_rng(st), 256);
    }
    *why = "the output is full";
    return tty_fault_put(stage_tty(st), bytes, n);
}

int act_lose(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)value;
    (void)d;
    (void)why;
    tty_fault_swallow(stage_tty(st));
    return 0;
}

static const struct spec_key urc_keys[] = {
    {"text", &urc_text_spec, "The line.", SPEC_REQUIRED},
    {"now", &flag_spec, "Though a command or a prompt is open (false).", 0},
    {0},
};
static const struct spec urc_object_spec = {.type = SPEC_OBJECT, .keys = urc_keys};
static const struct spec *const urc_choices[] = {&urc_text_spec, &urc_object_spec, NULL};
const struct spec urc_spec = {.type = SPEC_CHOICE, .name = "urc", .choices = urc_choices};

int act_urc(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    const struct urc_event e = {
        .text = cJSON_IsString(value) ? value->valuestring : spec_text(value, "text", ""),
        .is_now = cJSON_IsObject(value) && spec_flag(value, "now", false),
    };
    bus_post(&stage_world(st)->modem->bus, TOPIC_URC, &e);
    return 0;
}

int act_vanish(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    (void)why;
    stage_vanish(st, spec_duration(value->valuestring));
    return 0;
}

int act_dtr(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    *why = "no driver has the tty open";
    struct chan *ch = stage_world(st)->chan;
    if (!ch->is_open) {
        return -ENOTCONN;
    }
    chan_set_dtr(ch, cJSON_IsTrue(value) != 0);
    return 0;
}
