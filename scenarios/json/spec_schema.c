#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "scenarios/json/spec.h"

enum { JOBS = 2048, SHARED = 64, NAME_SIZE = 64 }; /* a table beyond these is wrong */

/* In agreement with spec_parse_duration. */
static const char duration_pattern[] = "^[0-9]{1,9}(\\.[0-9]{1,6})?(ms|s|min|h)$";

/* An object of the schema that has still to be filled. */
struct job {
    const struct spec *spec;
    cJSON *into;
};

/* Instead of recursion: what is not filled yet, first come, first served. */
struct schema {
    size_t njobs;
    struct job jobs[JOBS];
    size_t nshared;
    const struct spec *shared[SHARED];
    cJSON *defs;
};

static void add_job(struct schema *s, const struct spec *spec, cJSON *into) {
    must(s->njobs < JOBS);
    s->jobs[s->njobs++] = (struct job){spec, into};
}

/* "a step of a script" is step-of-a-script: a reference needs no escapes. */
static void definition_name(const struct spec *spec, char to[NAME_SIZE]) {
    const char *name = spec->name;
    must(name != NULL);
    name += strncmp(name, "a ", 2) == 0 ? 2 : 0;
    name += strncmp(name, "an ", 3) == 0 ? 3 : 0;
    snprintf(to, NAME_SIZE, "%s", name);
    for (char *c = to; *c != '\0'; c++) {
        *c = isalnum((unsigned char)*c) ? *c : '-';
    }
}

static void add_reference(struct schema *s, const struct spec *spec, cJSON *into) {
    char name[NAME_SIZE];
    char ref[NAME_SIZE + 8];
    definition_name(spec, name);
    snprintf(ref, sizeof ref, "#/$defs/%s", name);
    cJSON_AddStringToObject(into, "$ref", ref);
    for (size_t i = 0; i < s->nshared; i++) {
        if (s->shared[i] == spec) {
            return;
        }
    }
    must(s->nshared < SHARED && cJSON_GetObjectItemCaseSensitive(s->defs, name) == NULL);
    s->shared[s->nshared++] = spec;
    add_job(s, spec, cJSON_AddObjectToObject(s->defs, name));
}

static void fill_later(struct schema *s, const struct spec *spec, cJSON *into) {
    if (spec->is_shared) {
        add_reference(s, spec, into);
    } else {
        add_job(s, spec, into);
    }
}

static bool has_limits(const struct spec *spec) {
    return spec->lo != 0 || spec->hi != 0;
}

static void add_limits(const struct spec *spec, cJSON *into, const char *min, const char *max) {
    if (has_limits(spec)) {
        cJSON_AddNumberToObject(into, min, spec->lo);
    }
    if (has_limits(spec) && isfinite(spec->hi)) {
        cJSON_AddNumberToObject(into, max, spec->hi);
    }
}

/* The schema counts characters, which have up to four bytes: it must not refuse what the check
 * accepts. */
static void add_length(const struct spec *spec, cJSON *into) {
    size_t lo = ((size_t)spec->lo + 3) / 4;
    struct spec characters = {.lo = (double)lo, .hi = spec->hi};
    add_limits(&characters, into, "minLength", "maxLength");
}

static void add_pattern(const struct spec *spec, cJSON *into) {
    if (spec->pattern != NULL) {
        cJSON_AddStringToObject(into, "pattern", spec->pattern);
    }
}

static void add_hex(const struct spec *spec, cJSON *into) {
    char pattern[96] = "^([0-9A-Fa-f]{2} *)*$";
    if (has_limits(spec) && isfinite(spec->hi)) {
        snprintf(pattern, sizeof pattern, "^([0-9A-Fa-f]{2} *){%.0f,%.0f}$", spec->lo, spec->hi);
    } else if (has_limits(spec)) {
        snprintf(pattern, sizeof pattern, "^([0-9A-Fa-f]{2} *){%.0f,}$", spec->lo);
    }
    cJSON_AddStringToObject(into, "pattern", pattern);
}

static void add_properties(struct schema *s, const struct spec *spec, cJSON *into) {
    cJSON *properties = cJSON_AddObjectToObject(into, "properties");
    cJSON *required = cJSON_CreateArray();
    cJSON *verbs = cJSON_CreateArray();
    for (const struct spec_key *k = spec->keys; k->name != NULL; k++) {
        cJSON *property = cJSON_AddObjectToObject(properties, k->name);
        if (k->doc != NULL) {
            cJSON_AddStringToObject(property, "description", k->doc);
        }
        fill_later(s, k->spec, property);
        if ((k->flags & SPEC_REQUIRED) != 0) {
            cJSON_AddItemToArray(required, cJSON_CreateString(k->name));
        }
        if ((k->flags & SPEC_VERB) != 0) {
            cJSON *verb = cJSON_CreateObject();
            cJSON_AddItemToArray(verbs, verb);
            cJSON_AddItemToArray(cJSON_AddArrayToObject(verb, "required"),
                                 cJSON_CreateString(k->name));
        }
    }
    if (required->child != NULL) {
        cJSON_AddItemToObject(into, "required", required);
    } else {
        cJSON_Delete(required);
    }
    if (verbs->child != NULL) {
        cJSON_AddItemToObject(into, "oneOf", verbs);
    } else {
        cJSON_Delete(verbs);
    }
    cJSON_AddFalseToObject(into, "additionalProperties");
}

static void add_choices(struct schema *s, const struct spec *spec, cJSON *into) {
    cJSON *choices = cJSON_AddArrayToObject(into, "oneOf");
    for (const struct spec *const *choice = spec->choices; *choice != NULL; choice++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(choices, one);
        fill_later(s, *choice, one);
    }
}

static void add_words(const struct spec *spec, cJSON *into) {
    cJSON *words = cJSON_AddArrayToObject(into, "enum");
    for (const char *const *word = spec->words; *word != NULL; word++) {
        cJSON_AddItemToArray(words, cJSON_CreateString(*word));
    }
}

static const char *const types[] = {
    [SPEC_BOOL] = "boolean",   [SPEC_INT] = "integer",   [SPEC_NUMBER] = "number",
    [SPEC_TEXT] = "string",    [SPEC_WORD] = NULL,       [SPEC_DURATION] = "string",
    [SPEC_PATTERN] = "string", [SPEC_HEX] = "string",    [SPEC_LIST] = "array",
    [SPEC_MAP] = "object",     [SPEC_OBJECT] = "object", [SPEC_CHOICE] = NULL,
};

static void fill(struct schema *s, const struct spec *spec, cJSON *into) {
    if (types[spec->type] != NULL) {
        cJSON_AddStringToObject(into, "type", types[spec->type]);
    }
    switch (spec->type) {
    case SPEC_BOOL:
        break;
    case SPEC_INT:
    case SPEC_NUMBER:
        add_limits(spec, into, "minimum", "maximum");
        break;
    case SPEC_TEXT:
        add_length(spec, into);
        add_pattern(spec, into);
        break;
    case SPEC_WORD:
        add_words(spec, into);
        break;
    case SPEC_DURATION:
        cJSON_AddStringToObject(into, "pattern", duration_pattern);
        break;
    case SPEC_PATTERN:
        cJSON_AddNumberToObject(into, "maxLength", LIMIT_PATTERN);
        break;
    case SPEC_HEX:
        add_hex(spec, into);
        break;
    case SPEC_LIST:
        add_limits(spec, into, "minItems", "maxItems");
        fill_later(s, spec->item, cJSON_AddObjectToObject(into, "items"));
        break;
    case SPEC_MAP:
        add_limits(spec, into, "minProperties", "maxProperties");
        if (spec->pattern != NULL) {
            add_pattern(spec, cJSON_AddObjectToObject(into, "propertyNames"));
        }
        fill_later(s, spec->item, cJSON_AddObjectToObject(into, "additionalProperties"));
        break;
    case SPEC_OBJECT:
        add_properties(s, spec, into);
        break;
    case SPEC_CHOICE:
        add_choices(s, spec, into);
        break;
    }
}

struct cJSON *spec_schema(const struct spec *spec, const char *id, const char *title) {
    struct schema *s = xmalloc(sizeof *s);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "$schema", "https://json-schema.org/draft/2020-12/schema");
    cJSON_AddStringToObject(root, "$id", id);
    cJSON_AddStringToObject(root, "title", title);
    s->defs = cJSON_CreateObject();
    fill_later(s, spec, root);
    for (size_t i = 0; i < s->njobs; i++) {
        fill(s, s->jobs[i].spec, s->jobs[i].into);
    }
    if (s->defs->child != NULL) {
        cJSON_AddItemToObject(root, "$defs", s->defs);
    } else {
        cJSON_Delete(s->defs);
    }
    free(s);
    return root;
}
