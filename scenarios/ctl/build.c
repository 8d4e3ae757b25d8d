#include "scenarios/ctl/build.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/obj.h"
#include "base/sv.h"
#include "scenarios/ctl/client.h"
#include "scenarios/engine/library.h"
#include "scenarios/json/spec.h"

enum { NUMBER_MAX = 15 }; /* digits that a JSON number keeps */

bool build_usage(const struct command *cmd) {
    client_say("usage: sim7x00ctl %s%s%s", cmd->name, *cmd->args != '\0' ? " " : "", cmd->args);
    return false;
}

bool build_has_args(char **args, size_t at_least, size_t at_most) {
    size_t n = 0;
    while (args[n] != NULL) {
        n++;
    }
    return n >= at_least && n <= at_most;
}

/* A JSON text of the command line; NULL: it is none, which was told. */
cJSON *build_json(const char *text, size_t n) {
    struct spec_error e = {0};
    cJSON *tree = spec_parse(text, n, &e);
    if (tree == NULL) {
        client_say("JSON, line %u, column %u: %s", e.line, e.column, e.text);
    }
    return tree;
}

/* All of a file, "-": of stdin. False: it cannot be read, which was told. */
static bool read_file(const char *path, struct buf *to) {
    FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    char bytes[4096];
    size_t n = 0;
    bool is_good = from != NULL;
    buf_init(to, LIMIT_JSON);
    while (is_good && (n = fread(bytes, 1, sizeof bytes, from)) > 0) {
        is_good = memchr(bytes, '\0', n) == NULL && buf_put_all(to, bytes, n) == 0;
        errno = is_good ? 0 : EFBIG;
    }
    is_good = is_good && ferror(from) == 0 && buf_put_all(to, "", 1) == 0;
    if (!is_good) {
        client_say("%s: %s", path,
                   errno == EFBIG ? "no JSON text of at most 4 MB" : strerror(errno));
        buf_fini(to);
    }
    if (from != NULL && from != stdin) {
        fclose(from);
    }
    return is_good;
}

/* The argument, or stdin for "-", as `key` of the params. */
static bool add_json(const char *arg, const char *key, cJSON *params) {
    struct buf all = {0};
    cJSON *tree = NULL;
    if (strcmp(arg, "-") != 0) {
        tree = build_json(arg, strlen(arg));
    } else if (read_file(arg, &all)) {
        tree = build_json((const char *)buf_data(&all), buf_len(&all) - 1);
        buf_fini(&all);
    }
    return tree != NULL && cJSON_AddItemToObject(params, key, tree);
}

bool build_do(const struct command *cmd, char **args, cJSON *params) {
    return build_has_args(args, 1, 1) ? add_json(args[0], "action", params) : build_usage(cmd);
}

bool build_rule(const struct command *cmd, char **args, cJSON *params) {
    return build_has_args(args, 1, 1) ? add_json(args[0], "rule", params) : build_usage(cmd);
}

bool build_unrule(const struct command *cmd, char **args, cJSON *params) {
    return build_has_args(args, 1, 1) ? cJSON_AddStringToObject(params, "name", args[0]) != NULL
                                      : build_usage(cmd);
}

bool build_advance(const struct command *cmd, char **args, cJSON *params) {
    return build_has_args(args, 1, 1) ? cJSON_AddStringToObject(params, "by", args[0]) != NULL
                                      : build_usage(cmd);
}

bool build_none(const struct command *cmd, char **args, cJSON *params) {
    (void)params;
    return build_has_args(args, 0, 0) || build_usage(cmd);
}

/* The part, or the file, is for the answer. */
bool build_optional(const struct command *cmd, char **args, cJSON *params) {
    (void)params;
    return build_has_args(args, 0, 1) || build_usage(cmd);
}

bool build_load(const struct command *cmd, char **args, cJSON *params) {
    char path[LIBRARY_PATH];
    struct buf all = {0};
    if (!build_has_args(args, 1, 1)) {
        return build_usage(cmd);
    }
    const char *file = library_find(args[0], path);
    if (!read_file(file, &all)) {
        return false;
    }
    cJSON_AddStringToObject(params, "file", file);
    cJSON_AddStringToObject(params, "text", (const char *)buf_data(&all));
    buf_fini(&all);
    return true;
}

/* A path is the daemon's to open: from the root on, wherever it was started. */
bool build_capture(const struct command *cmd, char **args, cJSON *params) {
    char *here = args[0] != NULL && args[0][0] != '/' ? getcwd(NULL, 0) : NULL;
    char path[PATH_MAX];
    if (!build_has_args(args, 1, 1)) {
        free(here);
        return build_usage(cmd);
    }
    snprintf(path, sizeof path, "%s%s%s", here != NULL ? here : "", here != NULL ? "/" : "",
             args[0]);
    free(here);
    return cJSON_AddStringToObject(params, "file", path) != NULL;
}

bool build_verdict(const struct command *cmd, char **args, cJSON *params) {
    bool is_waiting = args[0] != NULL && strcmp(args[0], "--wait") == 0;
    if (!build_has_args(args, 0, is_waiting ? 1 : 0)) {
        return build_usage(cmd);
    }
    cJSON_AddBoolToObject(params, "wait", is_waiting);
    return true;
}

static const char port_key[] = "port=";

bool build_is_port(const char *arg) {
    return strncmp(arg, port_key, sizeof port_key - 1) == 0;
}

bool build_lines(const struct command *cmd, char **args, cJSON *params) {
    for (; *args != NULL; args++) {
        const char *is = strchr(*args, '=');
        bool on = is != NULL && strcmp(is, "=on") == 0;
        if (build_is_port(*args)) {
            cJSON_AddStringToObject(params, "port", *args + sizeof port_key - 1);
            continue;
        }
        if (is == NULL || is == *args || (!on && strcmp(is, "=off") != 0)) {
            return build_usage(cmd);
        }
        char *name = sv_dup((struct sv){*args, (size_t)(is - *args)});
        cJSON_AddBoolToObject(params, name, on);
        free(name);
    }
    return true;
}

/* -- VALUE and KEY=VALUE of an action -- */

/* As JSON writes them, so that 0000 and +49 stay text. */
static bool is_number(const char *s) {
    size_t digits = strspn(s += *s == '-', "0123456789");
    if (digits == 0 || digits > NUMBER_MAX || (s[0] == '0' && digits > 1)) {
        return false;
    }
    s += digits;
    if (*s == '.') {
        digits = strspn(++s, "0123456789");
        s += digits;
    }
    return digits > 0 && *s == '\0';
}

/* NULL: it looks like JSON and is none, which was told. */
static cJSON *parse_value(const char *text) {
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        return cJSON_CreateBool(text[0] == 't');
    }
    if (is_number(text)) {
        return cJSON_CreateNumber(strtod(text, NULL));
    }
    if (text[0] != '\0' && strchr("\"[{", text[0]) != NULL) {
        return build_json(text, strlen(text));
    }
    return cJSON_CreateString(text);
}

static size_t key_size(const char *arg) {
    size_t n = strspn(arg, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return arg[n] == '=' ? n : 0;
}

static cJSON *parse_pairs(char **args) {
    cJSON *pairs = cJSON_CreateObject();
    for (; *args != NULL; args++) {
        size_t n = key_size(*args);
        cJSON *value = n > 0 ? parse_value(*args + n + 1) : NULL;
        char *key = sv_dup((struct sv){*args, n});
        bool is_good = value != NULL && spec_get(pairs, key) == NULL;
        if (n == 0) {
            client_say("'%s': one value or KEY=VALUE pairs are allowed", *args);
        } else if (value != NULL && !is_good) {
            client_say("'%s': the key is there twice", *args);
        }
        if (is_good) {
            cJSON_AddItemToObject(pairs, key, value);
        } else {
            cJSON_Delete(value);
        }
        free(key);
        if (!is_good) {
            cJSON_Delete(pairs);
            return NULL;
        }
    }
    return pairs;
}

/* args[-1] is the action's name. */
bool build_action(const struct command *cmd, char **args, cJSON *params) {
    (void)cmd;
    cJSON *value = NULL;
    if (args[0] == NULL) {
        value = cJSON_CreateTrue();
    } else if (args[1] == NULL && key_size(args[0]) == 0) {
        value = parse_value(args[0]);
    } else {
        value = parse_pairs(args);
    }
    if (value == NULL) {
        return false;
    }
    cJSON_AddItemToObject(cJSON_AddObjectToObject(params, "action"), args[-1], value);
    return true;
}
