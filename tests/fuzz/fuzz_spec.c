/* Any bytes as a JSON text: it is refused with a place and a reason, or it can be read as its table
 * says. A second check, without the text, must agree with the first. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "scenarios/json/spec.h"
#include "tests/fuzz/fuzz.h"

static const char *check_name(const char *text) {
    return text[0] == 'x' ? "allowed: names without x in front" : NULL;
}

static const struct spec any;
static const char *const words[] = {"lost", "found", NULL};
static const struct spec flag = {.type = SPEC_BOOL};
static const struct spec small = {.type = SPEC_INT, .lo = 0, .hi = 999};
static const struct spec whole = {.type = SPEC_INT};
static const struct spec part = {.type = SPEC_NUMBER, .lo = 0, .hi = 1};
static const struct spec name = {.type = SPEC_TEXT, .lo = 1, .hi = 8, .check = check_name};
static const struct spec word = {.type = SPEC_WORD, .words = words};
static const struct spec duration = {.type = SPEC_DURATION, .lo = 0, .hi = 3600};
static const struct spec pattern = {.type = SPEC_PATTERN};
static const struct spec list = {.type = SPEC_LIST, .item = &any, .hi = INFINITY, .lo = 1};
static const struct spec map = {.type = SPEC_MAP, .item = &any, .check = check_name};
static const struct spec_key keys[] = {
    {"flag", &flag, "A flag.", 0},          {"int", &small, "A number.", 0},
    {"whole", &whole, "A number.", 0},      {"part", &part, "A part.", 0},
    {"name", &name, "A name.", 0},          {"duration", &duration, "A time.", 0},
    {"pattern", &pattern, "A pattern.", 0}, {"bytes", &spec_of_bytes, "Bytes.", 0},
    {"list", &list, "A list.", SPEC_VERB},  {"map", &map, "A map.", SPEC_VERB},
    {"end", &flag, "Neither.", SPEC_VERB},  {.name = NULL},
};
static const struct spec object = {.type = SPEC_OBJECT, .name = "an object", .keys = keys};
static const struct spec *const choices[] = {&flag, &part, &word, &list, &object, NULL};
static const struct spec any = {.type = SPEC_CHOICE, .choices = choices};

static void must_say(const struct spec_error *e) {
    must(e->line > 0 && e->column > 0 && e->text[0] != '\0');
    must(memchr(e->text, '\0', sizeof e->text) != NULL);
    must(memchr(e->path, '\0', sizeof e->path) != NULL);
}

static void read_object(const struct cJSON *o) {
    must(spec_int(o, "int", 0) >= 0 && spec_int(o, "int", 0) <= 999);
    must(spec_number(o, "part", 0) >= 0 && spec_number(o, "part", 0) <= 1);
    must(strlen(spec_text(o, "name", "none")) <= 8);
    must(spec_dur(o, "duration", CLK_S(0)).us <= CLK_S(3600).us);
    must(spec_get(o, "end") == NULL || spec_get(o, "map") == NULL);
    const struct cJSON *bytes = spec_get(o, "bytes");
    if (bytes != NULL) {
        unsigned char *p = NULL;
        size_t n = 0;
        spec_bytes(bytes, &p, &n);
        free(p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct spec_error e;
    const char *text = (const char *)data;
    struct cJSON *tree = spec_parse(text, size, &e);
    if (tree == NULL) {
        must_say(&e);
        return 0;
    }
    struct spec_error same;
    bool is_good = spec_check(&any, tree, text, size, &e);
    must(spec_check(&any, tree, NULL, 0, &same) == is_good);
    if (!is_good) {
        must_say(&e);
        must(strcmp(e.text, same.text) == 0 && strcmp(e.path, same.path) == 0);
    } else if (cJSON_IsObject(tree)) {
        read_object(tree);
    }
    cJSON_Delete(tree);
    return 0;
}
