#include "scenarios/peers/peer_program.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "base/pattern.h"
#include "scenarios/json/spec.h"

/* -- what it looks like -- */

static const struct spec true_spec = {.type = SPEC_BOOL, .name = "true"};
static const struct spec text_spec = {
    .type = SPEC_TEXT, .name = "a text", .lo = 1, .hi = LIMIT_JSON};
static const struct spec hex_spec = {.type = SPEC_HEX, .name = "bytes", .lo = 1, .hi = LIMIT_JSON};
static const struct spec short_text_spec = {
    .type = SPEC_TEXT, .name = "a text", .lo = 1, .hi = PEER_PROGRAM_WINDOW};
static const struct spec short_hex_spec = {
    .type = SPEC_HEX, .name = "bytes", .lo = 1, .hi = PEER_PROGRAM_WINDOW};
static const struct spec pattern_spec = {.type = SPEC_PATTERN, .name = "a pattern"};
static const struct spec count_spec = {
    .type = SPEC_INT, .name = "a number of bytes", .lo = 1, .hi = 1 << 30};
static const struct spec wait_spec = {
    .type = SPEC_DURATION, .name = "a time", .lo = 0.001, .hi = 86400};
static const struct spec times_spec = {
    .type = SPEC_INT, .name = "how often in all", .lo = 2, .hi = 1000000};

static const struct spec_key expect_keys[] = {
    {.name = "hex", .spec = &short_hex_spec, .doc = "These bytes.", .flags = SPEC_VERB},
    {.name = "pattern",
     .spec = &pattern_spec,
     .doc = "What this expression fits; ^ is the first byte that no step has taken.",
     .flags = SPEC_VERB},
    {0},
};
static const struct spec expect_object = {
    .type = SPEC_OBJECT, .name = "what to wait for", .keys = expect_keys};
static const struct spec expect_spec = {
    .type = SPEC_CHOICE,
    .name = "what to wait for",
    .choices = (const struct spec *const[]){&short_text_spec, &expect_object, NULL}};

static const struct spec_key send_keys[] = {
    {.name = "hex", .spec = &hex_spec, .doc = "These bytes.", .flags = SPEC_VERB},
    {.name = "chargen",
     .spec = &count_spec,
     .doc = "So many bytes of the pattern of RFC 864, from its start.",
     .flags = SPEC_VERB},
    {0},
};
static const struct spec send_object = {
    .type = SPEC_OBJECT, .name = "what to send", .keys = send_keys};
static const struct spec send_spec = {
    .type = SPEC_CHOICE,
    .name = "what to send",
    .choices = (const struct spec *const[]){&text_spec, &send_object, NULL}};

static const struct spec repeat_spec = {
    .type = SPEC_CHOICE,
    .name = "how often",
    .choices = (const struct spec *const[]){&true_spec, &times_spec, NULL}};

static const struct spec_key step_keys[PEER_VERBS + 1] = {
    [PEER_EXPECT] = {"expect", &expect_spec, "Waits until these bytes have come.", SPEC_VERB},
    [PEER_RECEIVE] = {"receive", &count_spec, "Waits until so many bytes more have come.",
                      SPEC_VERB},
    [PEER_SEND] = {"send", &send_spec, "Sends; goes on when all of it is under way.", SPEC_VERB},
    [PEER_WAIT] = {"wait", &wait_spec, "Waits, by the module's clock.", SPEC_VERB},
    [PEER_ECHO] = {"echo", &true_spec, "From here on everything comes back.", SPEC_VERB},
    [PEER_DISCARD] = {"discard", &true_spec,
                      "From here on nothing comes back, and what no step waits for is dropped.",
                      SPEC_VERB},
    [PEER_STALL] = {"stall", &true_spec, "Stops reading, so that the window closes.", SPEC_VERB},
    [PEER_READ] = {"read", &true_spec, "Reads again.", SPEC_VERB},
    [PEER_CLOSE] = {"close", &true_spec, "Sends what is queued and the FIN, and is gone.",
                    SPEC_VERB},
    [PEER_HALF_CLOSE] = {"half-close", &true_spec,
                         "Sends what is queued and the FIN, and goes on reading.", SPEC_VERB},
    [PEER_RESET] = {"reset", &true_spec, "Sends RST; what is queued is lost.", SPEC_VERB},
    [PEER_REPEAT] = {"repeat", &repeat_spec,
                     "From the first step again: true without end, a number so often in all.",
                     SPEC_VERB},
};
static const struct spec step_spec = {.type = SPEC_OBJECT, .name = "a step", .keys = step_keys};

const struct spec peer_program_spec = {
    .type = SPEC_LIST, .name = "a script", .lo = 1, .hi = LIMIT_PEER_STEPS, .item = &step_spec};

/* -- from the tree -- */

/* Each returns NULL or what makes no sense. */
typedef const char *read_fn(struct peer_step *s, const struct cJSON *value);

static const char *read_true(struct peer_step *s, const struct cJSON *value) {
    (void)s;
    return cJSON_IsTrue(value) ? NULL : "only true is allowed";
}

static const char *read_bytes(struct peer_step *s, const struct cJSON *value) {
    spec_bytes(value, &s->bytes, &s->n);
    return NULL;
}

static const char *read_expect(struct peer_step *s, const struct cJSON *value) {
    s->pattern = spec_pattern(value);
    if (s->pattern == NULL) {
        return read_bytes(s, value);
    }
    return pattern_find(s->pattern, SV(""), 0, NULL)
               ? "it fits no bytes at all, so it would not wait"
               : NULL;
}

static const char *read_receive(struct peer_step *s, const struct cJSON *value) {
    s->n = (size_t)cJSON_GetNumberValue(value);
    return NULL;
}

static const char *read_send(struct peer_step *s, const struct cJSON *value) {
    s->n = (size_t)spec_int(value, "chargen", 0);
    return s->n > 0 ? NULL : read_bytes(s, value);
}

static const char *read_wait(struct peer_step *s, const struct cJSON *value) {
    s->wait = spec_duration(cJSON_GetStringValue(value));
    return NULL;
}

static const char *read_repeat(struct peer_step *s, const struct cJSON *value) {
    if (cJSON_IsNumber(value)) {
        s->times = (unsigned)cJSON_GetNumberValue(value);
        return NULL;
    }
    return read_true(s, value);
}

static const struct verb {
    read_fn *read;
    bool waits; /* for the other side or the clock, or makes the other side wait */
    bool sends; /* impossible behind a FIN */
    bool ends;  /* nothing behind it is reached */
} verbs[PEER_VERBS] = {
    [PEER_EXPECT] = {.read = read_expect, .waits = true},
    [PEER_RECEIVE] = {.read = read_receive, .waits = true},
    [PEER_SEND] = {.read = read_send, .waits = true, .sends = true},
    [PEER_WAIT] = {.read = read_wait, .waits = true},
    [PEER_ECHO] = {.read = read_true, .sends = true},
    [PEER_DISCARD] = {.read = read_true},
    [PEER_STALL] = {.read = read_true},
    [PEER_READ] = {.read = read_true},
    [PEER_CLOSE] = {.read = read_true, .ends = true},
    [PEER_HALF_CLOSE] = {.read = read_true, .sends = true},
    [PEER_RESET] = {.read = read_true, .ends = true},
    [PEER_REPEAT] = {.read = read_repeat},
};

/* What is wrong with a step in view of those before it. */
struct so_far {
    bool waits, has_fin, has_repeat, is_over;
};

static const char *check_place(struct so_far *f, const struct peer_step *s) {
    const struct verb *v = &verbs[s->verb];
    bool repeats = s->verb == PEER_REPEAT;
    if (f->is_over) {
        return "the step before it is the last that can be";
    }
    if (f->has_fin && (v->sends || repeats)) {
        return "nothing can be sent after half-close";
    }
    if (repeats && !f->waits) {
        return "of the steps before it one must expect, receive, send or wait";
    }
    if (repeats && f->has_repeat) {
        return "a script may repeat in one place only";
    }
    f->waits |= v->waits;
    f->has_fin |= s->verb == PEER_HALF_CLOSE;
    f->has_repeat |= repeats;
    f->is_over |= v->ends || (repeats && s->times == 0);
    return NULL;
}

static const char *read_step(struct peer_step *s, const struct cJSON *object) {
    unsigned verb = 0;
    const struct cJSON *value = NULL;
    while (verb < PEER_VERBS && (value = spec_get(object, step_keys[verb].name)) == NULL) {
        verb++;
    }
    must(verb < PEER_VERBS);
    s->verb = verb;
    return verbs[verb].read(s, value);
}

struct peer_program *peer_program_new(const struct cJSON *script, char error[PEER_PROGRAM_ERROR]) {
    struct peer_program *p = xmalloc(sizeof *p);
    size_t n = (size_t)cJSON_GetArraySize(script);
    struct so_far so_far = {0};
    must(n <= LIMIT_PEER_STEPS);
    p->steps = xmalloc(n * sizeof *p->steps);
    const struct cJSON *object = NULL;
    cJSON_ArrayForEach(object, script) {
        struct peer_step *s = &p->steps[p->n++];
        const char *wrong = read_step(s, object);
        if (wrong == NULL) {
            wrong = check_place(&so_far, s);
        }
        if (wrong != NULL) {
            snprintf(error, PEER_PROGRAM_ERROR, "script[%zu].%s: %s", p->n - 1,
                     step_keys[s->verb].name, wrong);
            peer_program_free(p);
            return NULL;
        }
    }
    return p;
}

void peer_program_free(struct peer_program *p) {
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->n; i++) {
        free(p->steps[i].bytes);
        pattern_free(p->steps[i].pattern);
    }
    free(p->steps);
    free(p);
}
