#include "scenarios/engine/rule.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "base/pattern.h"
#include "base/rng.h"
#include "scenarios/engine/action.h"
#include "scenarios/events/happening.h"
#include "scenarios/json/spec.h"

enum { MATCHES_MAX = 24, NAME_SIZE = 64, SUBJECT_MAX = 4096 };

/* -- the format -- */

/* "rule 7" is what one without a name is called. */
static const char *check_rule_name(const char *text) {
    bool is_ours = strncmp(text, "rule ", 5) == 0 && text[5] != '\0' &&
                   strspn(text + 5, "0123456789") == strlen(text + 5);
    return is_ours ? "allowed: other names than those of rules without one" : NULL;
}

static const struct spec name_spec = {.type = SPEC_TEXT,
                                      .lo = 1,
                                      .hi = NAME_SIZE - 1,
                                      .check = check_rule_name,
                                      .pattern = "^(?!rule [0-9]+$)"};
static const struct spec event_spec = {.type = SPEC_WORD, .words = happening_names};
static const struct spec count_spec = {.type = SPEC_INT, .lo = 1, .hi = 1000000};
static const struct spec after_spec = {.type = SPEC_INT, .lo = 0, .hi = 1000000};
static const struct spec chance_spec = {.type = SPEC_NUMBER, .lo = 0, .hi = 1};
static const struct spec time_spec = {.type = SPEC_DURATION, .hi = 8640000};
static const struct spec window_spec = {
    .type = SPEC_LIST, .name = "a window", .lo = 2, .hi = 2, .item = &time_spec};
static const struct spec flag_spec = {.type = SPEC_BOOL};

static const struct spec exact_spec = {.type = SPEC_TEXT, .hi = 1024};
static const struct spec number_spec = {.type = SPEC_INT, .lo = -1000000, .hi = 1000000000};
static const struct spec ere_spec = {.type = SPEC_PATTERN};
static const struct spec_key pattern_keys[] = {
    {"pattern", &ere_spec, "POSIX extended regular expression, found anywhere.", SPEC_REQUIRED},
    {0},
};
static const struct spec pattern_spec = {
    .type = SPEC_OBJECT, .name = "a pattern", .keys = pattern_keys};
static const struct spec *const value_choices[] = {&number_spec, &exact_spec, &pattern_spec, NULL};
static const struct spec value_spec = {.type = SPEC_CHOICE, .choices = value_choices};

static const struct spec_key match_keys[] = {
    {"text", &value_spec, "A line, a command, a result, bytes of the tty.", 0},
    {"name", &value_spec, "Of a command (\"+CIPSEND\"), or the name looked up.", 0},
    {"args", &value_spec, "What stands behind the = of a command.", 0},
    {"form", &value_spec, "Of a command: exec, read, test, write.", 0},
    {"link", &value_spec, "Number of a link, 0-9.", 0},
    {"server", &value_spec, "Number of a server, 0-3.", 0},
    {"address", &value_spec, "The peer's, as the module has it.", 0},
    {"port", &value_spec, "The peer's.", 0},
    {"protocol", &value_spec, "tcp or udp.", 0},
    {"bytes", &value_spec, "How many.", 0},
    {"confirmed", &value_spec, "Of link.sent.", 0},
    {"why", &value_spec, "Why a link was closed.", 0},
    {"err", &value_spec, "The module's number (V3.00 11.6).", 0},
    {"state", &value_spec, "Of the card, a context, the power, a sound.", 0},
    {"planned", &value_spec, "Of the power: yes or no.", 0},
    {"stat", &value_spec, "Of the registration, as AT+CREG has it.", 0},
    {"rssi", &value_spec, "As AT+CSQ has it.", 0},
    {"cid", &value_spec, "Of a context.", 0},
    {"job", &value_spec, "What a sound is: play, record-wav ...", 0},
    {"what", &value_spec, "Of Bluetooth: found, paired, sent, read ...", 0},
    {"mac", &value_spec, "Of a Bluetooth device.", 0},
    {"number", &value_spec, "Of Bluetooth: an index, a mode or a handle.", 0},
    {"version", &value_spec, "Of an update.", 0},
    {"peer", &value_spec, "Name of a far end.", 0},
    {"on", &value_spec, "Of DTR: yes or no.", 0},
    {0},
};
static const struct spec match_spec = {.type = SPEC_OBJECT, .name = "a match", .keys = match_keys};

static const struct spec_key rule_keys[] = {
    {"name", &name_spec, "For \"rule\" actions and sim7x00ctl.", 0},
    {"on", &event_spec, "What it waits for.", SPEC_REQUIRED},
    {"match", &match_spec, "Facts that it must have, all of them.", 0},
    {"nth", &count_spec, "Only the one with this number, from 1.", 0},
    {"after", &after_spec, "Not the first so many (0).", 0},
    {"times", &count_spec, "At most so many times (any number).", 0},
    {"probability", &chance_spec, "Chance decides (1).", 0},
    {"within", &window_spec, "Only between these instants of the run.", 0},
    {"enabled", &flag_spec, "Whether it acts from the start (true).", 0},
    {"do", &action_list_spec, "What is done, in this order.", SPEC_REQUIRED},
    {0},
};
const struct spec rule_spec = {.type = SPEC_OBJECT, .name = "a rule", .keys = rule_keys};

/* -- a rule -- */

struct match {
    const char *key;
    const struct cJSON *value;
    struct pattern *pattern; /* where the value is an object; else NULL */
};

struct rule {
    uint32_t magic;
#define RULE_MAGIC 0x4a5e7e01u
    struct cJSON *json;
    char name[NAME_SIZE];
    struct match matches[MATCHES_MAX];
    size_t nmatches;
    bool is_enabled;
    uint64_t seen, fired;
    uint64_t nth, after, times; /* nth 0: any */
    double probability;
    clk_dur from, to;
};

static void take_matches(struct rule *r) {
    const struct cJSON *value = NULL;
    cJSON_ArrayForEach(value, spec_get(r->json, "match")) {
        must(r->nmatches < MATCHES_MAX);
        struct match *m = &r->matches[r->nmatches++];
        m->key = value->string;
        m->value = value;
        if (cJSON_IsObject(value)) {
            m->pattern = spec_pattern(value);
        }
    }
}

struct rule *rule_new(const struct cJSON *json, unsigned number) {
    struct rule *r = xmalloc(sizeof *r);
    OBJ_INIT(r, RULE_MAGIC);
    r->json = cJSON_Duplicate(json, 1);
    must(r->json != NULL);
    snprintf(r->name, sizeof r->name, "rule %u", number);
    if (spec_get(json, "name") != NULL) {
        snprintf(r->name, sizeof r->name, "%s", spec_text(json, "name", ""));
    }
    r->is_enabled = spec_flag(json, "enabled", true);
    r->nth = (uint64_t)spec_int(json, "nth", 0);
    r->after = (uint64_t)spec_int(json, "after", 0);
    r->times = (uint64_t)spec_int(json, "times", 0);
    r->probability = spec_number(json, "probability", 1);
    const struct cJSON *window = spec_get(json, "within");
    r->to = (clk_dur){INT64_MAX};
    if (window != NULL) {
        r->from = spec_duration(window->child->valuestring);
        r->to = spec_duration(window->child->next->valuestring);
    }
    take_matches(r);
    return r;
}

void rule_free(struct rule *r) {
    if (r == NULL) {
        return;
    }
    CHECK_OBJ(r, RULE_MAGIC);
    for (size_t i = 0; i < r->nmatches; i++) {
        pattern_free(r->matches[i].pattern);
    }
    cJSON_Delete(r->json);
    OBJ_FINI(r);
    free(r);
}

const char *rule_name(const struct rule *r) {
    return r->name;
}

const char *rule_event(const struct rule *r) {
    return spec_text(r->json, "on", "");
}

int rule_ask(const struct rule *r) {
    return happening_ask(rule_event(r));
}

const struct cJSON *rule_actions(const struct rule *r) {
    return spec_get(r->json, "do");
}

void rule_enable(struct rule *r, bool on) {
    r->is_enabled = on;
}

/* A number is compared with what a text says, too: a fact has one shape, a user writes either. */
static bool is_met(const struct match *m, const struct happening *h) {
    const struct fact *f = happening_fact(h, m->key);
    if (f == NULL) {
        return false;
    }
    char number[24];
    struct sv text = f->text;
    if (text.p == NULL) {
        snprintf(number, sizeof number, "%lld", (long long)f->number);
        text = sv_of(number);
    }
    if (m->pattern != NULL) {
        return pattern_find(m->pattern, sv_slice(text, 0, SUBJECT_MAX), 0, NULL);
    }
    if (cJSON_IsString(m->value)) {
        return sv_eq(text, sv_of(m->value->valuestring));
    }
    int64_t value = 0;
    return sv_int(text, INT64_MIN, INT64_MAX, &value) == 0 &&
           (double)value == m->value->valuedouble;
}

bool rule_fires(struct rule *r, const struct happening *h, clk_dur at, struct rng *rng) {
    CHECK_OBJ(r, RULE_MAGIC);
    if (!r->is_enabled || strcmp(rule_event(r), h->name) != 0 || at.us < r->from.us ||
        at.us > r->to.us) {
        return false;
    }
    for (size_t i = 0; i < r->nmatches; i++) {
        if (!is_met(&r->matches[i], h)) {
            return false;
        }
    }
    r->seen++;
    bool is_due = (r->nth == 0 || r->seen == r->nth) && r->seen > r->after &&
                  (r->times == 0 || r->fired < r->times);
    if (!is_due || (r->probability < 1 && !rng_chance(rng, r->probability))) {
        return false;
    }
    r->fired++;
    return true;
}

struct cJSON *rule_json(const struct rule *r) {
    struct cJSON *json = cJSON_Duplicate(r->json, 1);
    must(json != NULL);
    if (spec_get(json, "name") == NULL) {
        cJSON_AddStringToObject(json, "name", r->name);
        cJSON_AddTrueToObject(json, "unnamed");
    }
    cJSON_DeleteItemFromObjectCaseSensitive(json, "enabled");
    cJSON_AddBoolToObject(json, "enabled", r->is_enabled);
    cJSON_AddNumberToObject(json, "seen", (double)r->seen);
    cJSON_AddNumberToObject(json, "fired", (double)r->fired);
    return json;
}
