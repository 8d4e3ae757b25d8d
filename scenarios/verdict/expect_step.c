#include "scenarios/verdict/expect_step.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "base/limits.h"
#include "base/obj.h"
#include "base/pattern.h"
#include "scenarios/events/happening.h"
#include "scenarios/json/spec.h"

enum { WINDOW_SIZE = 2 * LIMIT_EXPECT_WINDOW };

/* -- tables -- */

static const char *check_line(const char *text) {
    return strpbrk(text, "\r\n") != NULL ? "holds a CR or LF; a line is given without its end"
                                         : NULL;
}

static const char *check_crc(const char *text) {
    return strlen(text) == 8 && strspn(text, "0123456789abcdef") == 8
               ? NULL
               : "is no CRC-32; allowed are eight hexadecimal digits like cbf43926";
}

static const struct spec spec_event_name = {.type = SPEC_WORD, .words = happening_names};
static const struct spec spec_title = {.type = SPEC_TEXT, .lo = 1, .hi = 128};
static const struct spec spec_bool = {.type = SPEC_BOOL};
static const struct spec pattern_spec = {.type = SPEC_PATTERN};
static const struct spec spec_hex = {.type = SPEC_HEX, .lo = 1, .hi = LIMIT_EXPECT_LINE};
static const struct spec spec_line = {.type = SPEC_TEXT,
                                      .lo = 1,
                                      .hi = LIMIT_EXPECT_LINE,
                                      .check = check_line,
                                      .pattern = "^[^\\r\\n]*$"};
static const struct spec spec_found = {.type = SPEC_TEXT, .lo = 1, .hi = LIMIT_EXPECT_LINE};
static const struct spec spec_count = {.type = SPEC_INT, .lo = 1, .hi = 2147483647};
static const struct spec spec_crc = {
    .type = SPEC_TEXT, .lo = 8, .hi = 8, .check = check_crc, .pattern = "^[0-9a-f]{8}$"};
static const char *const end_words[] = {"closed", "reset", NULL};
static const struct spec spec_ends = {.type = SPEC_WORD, .words = end_words};

static const struct spec_key content_keys[] = {
    {"pattern", &pattern_spec, "An extended regular expression that a line matches.", SPEC_VERB},
    {"hex", &spec_hex, "Bytes anywhere in the stream, across lines.", SPEC_VERB},
    {NULL, NULL, NULL, 0},
};
static const struct spec spec_content_object = {
    .type = SPEC_OBJECT, .name = "a pattern or bytes", .keys = content_keys};
static const struct spec *const content_choices[] = {&spec_line, &spec_content_object, NULL};
static const struct spec spec_content = {
    .type = SPEC_CHOICE, .name = "a content", .choices = content_choices, .is_shared = true};

static const struct spec_key peer_keys[] = {
    {"name", &spec_title, "The far end, as under `peers`.", SPEC_REQUIRED},
    {"text", &spec_found, "Text anywhere in what arrives there.", SPEC_VERB},
    {"pattern", &pattern_spec,
     "An extended regular expression, in the last 4096 bytes; the end "
     "of a stream is not known, so `$` matches nowhere.",
     SPEC_VERB},
    {"hex", &spec_hex, "Bytes anywhere in what arrives there.", SPEC_VERB},
    {"bytes", &spec_count, "So many bytes have arrived.", SPEC_VERB},
    {"connects", &spec_bool, "Always true: a connection is made to it.", SPEC_VERB},
    {"ends", &spec_ends, "A connection to it ends in this way.", SPEC_VERB},
    {"crc32", &spec_crc, "What has arrived until then must have this CRC-32.", 0},
    {NULL, NULL, NULL, 0},
};
static const struct spec spec_peer = {
    .type = SPEC_OBJECT, .name = "what a far end sees", .keys = peer_keys};

static const struct spec_key event_keys[] = {
    {"name", &spec_event_name, "The event, as under `on` of a rule; not the bytes of the tty.",
     SPEC_REQUIRED},
    {"pattern", &pattern_spec, "An extended regular expression that its text matches.", 0},
    {NULL, NULL, NULL, 0},
};
static const struct spec spec_event = {.type = SPEC_OBJECT, .name = "an event", .keys = event_keys};

static const struct spec spec_duration_within = {.type = SPEC_DURATION, .lo = 0, .hi = 604800};
static const struct spec spec_from_to = {
    .type = SPEC_LIST, .lo = 2, .hi = 2, .item = &spec_duration_within};
static const struct spec *const within_choices[] = {&spec_duration_within, &spec_from_to, NULL};
static const struct spec spec_within = {
    .type = SPEC_CHOICE, .name = "a duration, or two", .choices = within_choices};

static const struct spec_key step_keys[] = {
    {"driver", &spec_content, "The driver sends this: a whole line, or as the object says.",
     SPEC_VERB},
    {"module", &spec_content, "The module sends this; the prompt `>` is a line.", SPEC_VERB},
    {"peer", &spec_peer, "A far end sees this.", SPEC_VERB},
    {"event", &spec_event, "This happens in the module.", SPEC_VERB},
    {"within", &spec_within,
     "At the latest so long after the step before was met, or not before "
     "the first duration and not after the second.",
     0},
    {"never", &spec_bool,
     "It must not come until the next step is met that is not `never`, or to "
     "the end.",
     0},
    {"name", &spec_title, "A title for reports.", 0},
    {NULL, NULL, NULL, 0},
};
const struct spec expect_step_spec = {
    .type = SPEC_OBJECT, .name = "an expectation", .keys = step_keys, .is_shared = true};

/* -- from JSON -- */

/* border[i]: the longest beginning of the needle that its first i bytes also end with. With it a
 * search never has to go back in the stream (Knuth, Morris, Pratt). */
static void make_borders(struct expect_step *s) {
    s->border = xmalloc((s->text.n + 1) * sizeof *s->border);
    size_t n = 0;
    for (size_t i = 1; i < s->text.n; i++) {
        while (n > 0 && s->text.p[i] != s->text.p[n]) {
            n = s->border[n];
        }
        n += s->text.p[i] == s->text.p[n];
        s->border[i + 1] = n;
    }
}

static void find_bytes(struct expect_step *s, struct sv text) {
    s->what = EXPECT_BYTES;
    s->text = text;
    s->has_text = true;
    make_borders(s);
}

static void find_hex(struct expect_step *s, const struct cJSON *item) {
    size_t n = 0;
    spec_bytes(item, &s->needle, &n);
    find_bytes(s, (struct sv){(const char *)s->needle, n});
}

static void read_content(struct expect_step *s, const struct cJSON *item) {
    s->what = EXPECT_LINE;
    if (cJSON_IsString(item)) {
        s->text = sv_of(item->valuestring);
        s->has_text = true;
    } else if (spec_get(item, "hex") != NULL) {
        find_hex(s, item);
    } else {
        s->pattern = spec_pattern(item);
    }
}

static void read_peer(struct expect_step *s, const struct cJSON *item) {
    const char *text = spec_text(item, "text", NULL);
    const char *ends = spec_text(item, "ends", NULL);
    const char *crc = spec_text(item, "crc32", NULL);
    s->source = EXPECT_PEER;
    s->from = spec_text(item, "name", NULL);
    s->what = EXPECT_BYTES;
    if (text != NULL) {
        find_bytes(s, sv_of(text));
    } else if (spec_get(item, "hex") != NULL) {
        find_hex(s, item);
    } else if (ends != NULL) {
        s->what = strcmp(ends, "reset") == 0 ? EXPECT_RESET : EXPECT_CLOSED;
    } else if (spec_get(item, "connects") != NULL) {
        s->what = EXPECT_CONNECTS;
    }
    s->count = (size_t)spec_int(item, "bytes", 0);
    s->pattern = spec_pattern(item);
    s->has_crc = crc != NULL;
    s->crc = s->has_crc ? (uint32_t)strtoul(crc, NULL, 16) : 0;
}

static void read_event(struct expect_step *s, const struct cJSON *item) {
    s->source = EXPECT_EVENT;
    s->what = EXPECT_HAPPENED;
    s->from = spec_text(item, "name", NULL);
    s->pattern = spec_pattern(item);
}

/* What stands in the report: "never module: /^ERROR$/ within 1s to 5s". */
static void write_wanted(const struct expect_step *s, const struct cJSON *item, FILE *to) {
    static const char *const keys[] = {[EXPECT_DRIVER] = "driver",
                                       [EXPECT_MODULE] = "module",
                                       [EXPECT_PEER] = "peer",
                                       [EXPECT_EVENT] = "event"};
    static const char *const marks[] = {
        [EXPECT_CONNECTS] = "(connects)", [EXPECT_CLOSED] = "(closed)", [EXPECT_RESET] = "(reset)"};
    const char *key = keys[s->source];
    const struct cJSON *where = spec_get(item, key);
    const struct cJSON *within = spec_get(item, "within");
    fprintf(to, "%s%s", s->is_never ? "never " : "", s->from != NULL ? s->from : key);
    if (s->pattern != NULL) {
        fprintf(to, ": /%s/", spec_text(where, "pattern", ""));
    } else if (s->needle != NULL) {
        fprintf(to, ": hex %s", spec_text(where, "hex", ""));
    } else if (s->has_text) {
        fprintf(to, ": %.*s", SV_ARG(s->text));
    } else if (s->count > 0) {
        fprintf(to, ": %zu bytes", s->count);
    } else if (s->source == EXPECT_PEER) {
        fprintf(to, ": %s", marks[s->what]);
    }
    if (s->has_crc) {
        fprintf(to, ", crc32 %08x", s->crc);
    }
    if (within != NULL && within->child != NULL) {
        fprintf(to, " within %s to %s", within->child->valuestring,
                within->child->next->valuestring);
    } else if (within != NULL) {
        fprintf(to, " within %s", within->valuestring);
    }
}

static void read_window(struct expect_step *s, const struct cJSON *within) {
    s->has_end = within != NULL;
    if (within != NULL && within->child != NULL) {
        s->opens = spec_duration(within->child->valuestring);
        s->closes = spec_duration(within->child->next->valuestring);
    } else if (within != NULL) {
        s->closes = spec_duration(within->valuestring);
    }
}

void expect_step_init(struct expect_step *s, const struct cJSON *item) {
    *s = (struct expect_step){.name = spec_text(item, "name", NULL), .line = SIZE_MAX};
    s->is_never = spec_flag(item, "never", false);
    read_window(s, spec_get(item, "within"));
    if (spec_get(item, "driver") != NULL) {
        read_content(s, spec_get(item, "driver"));
    } else if (spec_get(item, "module") != NULL) {
        s->source = EXPECT_MODULE;
        read_content(s, spec_get(item, "module"));
    } else if (spec_get(item, "peer") != NULL) {
        read_peer(s, spec_get(item, "peer"));
    } else {
        read_event(s, spec_get(item, "event"));
    }
    size_t n = 0;
    FILE *to = open_memstream(&s->wanted, &n);
    must(to != NULL);
    write_wanted(s, item, to);
    must(fclose(to) == 0);
}

void expect_step_fini(struct expect_step *s) {
    pattern_free(s->pattern);
    free(s->needle);
    free(s->border);
    free(s->window);
    free(s->wanted);
    free(s->got);
    free(s->reason);
}

/* -- matching -- */

void expect_step_begin(struct expect_step *s) {
    s->seen = s->matched = s->nwindow = 0;
    s->seen_crc = 0;
    s->has_slid = false;
    if (s->pattern != NULL && s->what == EXPECT_BYTES) {
        s->window = xmalloc(WINDOW_SIZE);
    }
}

void expect_step_end(struct expect_step *s) {
    free(s->window);
    s->window = NULL;
}

static bool is_from(const struct expect_step *s, enum expect_source source, const char *from) {
    return s->source == source && (from == NULL || strcmp(s->from, from) == 0);
}

bool expect_step_is_met(const struct expect_step *s, const struct expect_came *came,
                        struct sv *got) {
    if (!is_from(s, came->source, came->from) || s->what != came->what) {
        return false;
    }
    *got = came->text;
    if (s->pattern != NULL) {
        return pattern_find(s->pattern, came->text, 0, NULL);
    }
    return !s->has_text || (!came->is_cut && sv_eq(s->text, came->text));
}

bool expect_step_reads(const struct expect_step *s, enum expect_source source, const char *from) {
    return (s->what == EXPECT_BYTES || s->has_crc) && is_from(s, source, from);
}

/* The end of what has arrived is not the end of the stream, so `$` must not match there. */
static bool find_in_window(const struct expect_step *s, size_t n, unsigned flags, struct sv *got) {
    flags |= PATTERN_NOT_END | (s->has_slid ? (unsigned)PATTERN_NOT_BEGIN : 0);
    return pattern_find(s->pattern, (struct sv){s->window, n}, flags, got);
}

static size_t scan_pattern(struct expect_step *s, const char *p, size_t n) {
    struct sv got;
    size_t room = WINDOW_SIZE - s->nwindow;
    if (n > room) {
        n = room;
    }
    memcpy(s->window + s->nwindow, p, n);
    if (!find_in_window(s, s->nwindow + n, PATTERN_FIRST, &got)) {
        return n;
    }
    size_t end = (size_t)(got.p + got.n - s->window);
    s->hit = end > s->nwindow ? end - s->nwindow : 1; /* one that fits nothing needs a byte, too */
    return s->hit;
}

static size_t step_needle(const struct expect_step *s, size_t matched, char c) {
    while (matched > 0 && s->text.p[matched] != c) {
        matched = s->border[matched];
    }
    return matched + (s->text.p[matched] == c);
}

static size_t scan_needle(struct expect_step *s, const char *p, size_t n) {
    size_t matched = s->matched;
    for (size_t i = 0; i < n; i++) {
        matched = step_needle(s, matched, p[i]);
        if (matched == s->text.n) {
            s->hit = i + 1;
            return s->hit;
        }
    }
    return n;
}

static size_t scan_count(struct expect_step *s, size_t n) {
    if (s->seen >= s->count || n < s->count - s->seen) {
        return n;
    }
    s->hit = s->count - s->seen;
    return s->hit;
}

size_t expect_step_scan(struct expect_step *s, const char *p, size_t n) {
    s->hit = 0;
    if (s->what != EXPECT_BYTES) {
        return n;
    }
    if (s->pattern != NULL) {
        return scan_pattern(s, p, n);
    }
    return s->has_text ? scan_needle(s, p, n) : scan_count(s, n);
}

static void slide(struct expect_step *s) {
    size_t drop = s->nwindow - LIMIT_EXPECT_WINDOW;
    memmove(s->window, s->window + drop, LIMIT_EXPECT_WINDOW);
    s->nwindow = LIMIT_EXPECT_WINDOW;
    s->has_slid = true;
}

bool expect_step_take(struct expect_step *s, const char *p, size_t n, struct sv *got) {
    bool is_met = s->hit == n;
    s->seen += n;
    if (s->has_crc) {
        s->seen_crc = crc32_add(s->seen_crc, p, n);
    }
    *got = s->text;
    if (s->pattern != NULL && s->what == EXPECT_BYTES) {
        s->nwindow += n;
        if (is_met) {
            must(find_in_window(s, s->nwindow, 0, got));
            s->nwindow = 0;
            s->has_slid = false;
        } else if (s->nwindow == WINDOW_SIZE) {
            slide(s);
        }
    } else if (s->has_text && s->what == EXPECT_BYTES) {
        for (size_t i = 0; i < n; i++) {
            s->matched = step_needle(s, s->matched, p[i]);
        }
        s->matched = is_met ? 0 : s->matched;
    }
    return is_met;
}
