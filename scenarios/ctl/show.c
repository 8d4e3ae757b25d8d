#include "scenarios/ctl/show.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "scenarios/ctl/client.h"
#include "scenarios/json/spec.h"

enum {
    INDENT = 2,
    NUMBER_MAX = 15, /* digits that a JSON number keeps */
};

void show_json(const cJSON *value) {
    char *text = cJSON_PrintUnformatted(value);
    must(text != NULL);
    puts(text);
    free(text);
}

static bool is_nest(const cJSON *value) {
    return (cJSON_IsObject(value) || cJSON_IsArray(value)) && value->child != NULL;
}

static void print_word(const cJSON *value) {
    if (cJSON_IsString(value)) {
        fputs(value->valuestring, stdout);
    } else if (cJSON_IsBool(value)) {
        fputs(cJSON_IsTrue(value) ? "yes" : "no", stdout);
    } else if (cJSON_IsNumber(value)) {
        printf("%.*g", NUMBER_MAX, value->valuedouble);
    } else {
        fputs(is_nest(value) ? "..." : "-", stdout); /* null, and what is empty */
    }
}

/* A line for each value, what belongs to another is indented below it; what is deeper than any
 * answer is left out. */
static void print_text(const cJSON *value) {
    const cJSON *next[LIMIT_JSON_DEPTH] = {NULL};
    size_t depth = 0;
    if (!is_nest(value)) {
        print_word(value);
        putchar('\n');
        return;
    }
    next[0] = value->child;
    while (next[0] != NULL || depth > 0) {
        const cJSON *item = next[depth];
        if (item == NULL) {
            depth--;
            continue;
        }
        next[depth] = item->next;
        printf("%*s%s", (int)depth * INDENT, "", item->string != NULL ? item->string : "-");
        fputs(item->string != NULL ? ":" : "", stdout);
        if (is_nest(item) && depth + 1 < LIMIT_JSON_DEPTH) {
            next[++depth] = item->child;
        } else {
            putchar(' ');
            print_word(item);
        }
        putchar('\n');
    }
}

void show_value(const struct ctl *c, const cJSON *value) {
    if (c->is_json) {
        show_json(value);
    } else {
        print_text(value);
    }
}

/* An empty object says no more than that it is done. */
int show_result(const struct ctl *c, const cJSON *result, char **args) {
    (void)args;
    if (c->is_json || is_nest(result) || !cJSON_IsObject(result)) {
        show_value(c, result);
    }
    return EXIT_DONE;
}

int show_state(const struct ctl *c, const cJSON *result, char **args) {
    const cJSON *part = args[0] != NULL ? spec_get(result, args[0]) : result;
    if (part != NULL) {
        show_value(c, part);
        return EXIT_DONE;
    }
    client_say("'%s' is no part of the state; there are:", args[0]);
    cJSON_ArrayForEach(part, result) {
        fprintf(stderr, "  %s\n", part->string);
    }
    return EXIT_USAGE;
}

int show_methods(const struct ctl *c, const cJSON *result, char **args) {
    const cJSON *method = NULL;
    (void)args;
    if (c->is_json) {
        show_json(result);
        return EXIT_DONE;
    }
    cJSON_ArrayForEach(method, spec_get(result, "methods")) {
        printf("%-16s %s\n", spec_text(method, "name", ""), spec_text(method, "doc", ""));
    }
    return EXIT_DONE;
}

int show_saved(const struct ctl *c, const cJSON *result, char **args) {
    (void)c;
    char *text = cJSON_Print(result);
    must(text != NULL);
    FILE *to = args[0] != NULL ? fopen(args[0], "w") : stdout;
    bool is_good = to != NULL && fprintf(to, "%s\n", text) > 0;
    free(text);
    if (to != NULL && to != stdout && fclose(to) != 0) {
        is_good = false;
    }
    if (!is_good) {
        client_say("%s: %s", args[0] != NULL ? args[0] : "stdout", strerror(errno));
    }
    return is_good ? EXIT_DONE : EXIT_REFUSED;
}

/* Only who waited for it asked whether the verdict is good. */
int show_verdict(const struct ctl *c, const cJSON *result, char **args) {
    show_value(c, result);
    return args[0] != NULL && !spec_flag(result, "passed", false) ? EXIT_REFUSED : EXIT_DONE;
}
