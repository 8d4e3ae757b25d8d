/* sim7x00ctl.c: asks a running daemon through its control socket; see --help.
 *
 * One request, one answer, then the end; `watch` goes on until it is interrupted. Blocks.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/obj.h"
#include "base/sv.h"
#include "package.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/library.h"
#include "scenarios/events/happening.h"
#include "scenarios/json/spec.h"

enum exit_code { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_LOST = 3 };

enum {
    CHUNK = 65536,
    INDENT = 2,
    NUMBER_MAX = 15, /* digits that a JSON number keeps */
    MODEM_MAX = 999,
    OPT_HELP = 256, /* above every character, which getopt uses for short options */
    OPT_VERSION,
    OPT_JSON,
    OPT_LIST_ACTIONS,
};

struct ctl {
    const char *path;
    int64_t modem;
    bool is_json;
    int fd; /* -1: not connected */
    struct buf in;
};

struct command {
    const char *name, *args, *doc;
    const char *method; /* asked with the params that `build` makes */
    /* False: wrong usage, which it has told. */
    bool (*build)(const struct command *cmd, char **args, cJSON *params);
    int (*show)(const struct ctl *c, const cJSON *result, char **args);
    int (*run)(struct ctl *c, char **args); /* instead of these three */
    bool is_of_modem;                       /* sends params.modem */
};

/* -- messages -- */

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("sim7x00ctl: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

/* -- the connection -- */

static int dial(struct ctl *c) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(c->path) >= sizeof addr.sun_path) {
        say("%s: longer than a Unix socket's path may be", c->path);
        return EXIT_USAGE;
    }
    memcpy(addr.sun_path, c->path, strlen(c->path));
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
        say("no daemon at %s: %s", c->path, strerror(errno));
        return EXIT_LOST;
    }
    return EXIT_DONE;
}

static int lost(const struct ctl *c) {
    say("%s: the connection is lost", c->path);
    return EXIT_LOST;
}

/* Takes the text. A daemon that is not taking it may have said why: the answer tells. */
static void send_text(struct ctl *c, char *text) {
    size_t n = strlen(text);
    size_t done = 0;
    text[n++] = '\n'; /* in the place of the terminator */
    while (done < n) {
        ssize_t sent = send(c->fd, text + done, n - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            break;
        }
        done += sent > 0 ? (size_t)sent : 0;
    }
    free(text);
}

/* The next line as JSON, the caller's; NULL: the connection is lost. */
static cJSON *receive(struct ctl *c) {
    size_t scanned = 0;
    for (;;) {
        const char *p = (const char *)buf_data(&c->in);
        const char *lf = NULL;
        if (buf_len(&c->in) > scanned) {
            lf = memchr(p + scanned, '\n', buf_len(&c->in) - scanned);
        }
        if (lf != NULL) {
            size_t n = (size_t)(lf - p);
            cJSON *message = cJSON_ParseWithLength(p, n);
            buf_drop(&c->in, n + 1);
            return message;
        }
        scanned = buf_len(&c->in);
        size_t room = 0;
        uint8_t *to = buf_reserve(&c->in, CHUNK, &room);
        ssize_t n = room > 0 ? read(c->fd, to, room) : 0;
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return NULL;
        }
        buf_commit(&c->in, n > 0 ? (size_t)n : 0);
    }
}

/* Takes the params. EXIT_DONE: *message holds a result; anything else was told. */
static int ask(struct ctl *c, const char *method, cJSON *params, cJSON **message) {
    cJSON *request = cJSON_CreateObject();
    cJSON_AddStringToObject(request, "jsonrpc", "2.0");
    cJSON_AddNumberToObject(request, "id", 1);
    cJSON_AddStringToObject(request, "method", method);
    cJSON_AddItemToObject(request, "params", params);
    char *text = cJSON_PrintUnformatted(request);
    cJSON_Delete(request);
    must(text != NULL);
    int code = c->fd >= 0 ? EXIT_DONE : dial(c);
    if (code != EXIT_DONE) {
        free(text);
        return code;
    }
    send_text(c, text);
    do {
        *message = receive(c);
        if (*message == NULL) {
            return lost(c);
        }
        const cJSON *error = spec_get(*message, "error");
        if (error != NULL) {
            say("%s", spec_text(error, "message", "refused"));
            cJSON_Delete(*message);
            return EXIT_REFUSED;
        }
        if (spec_get(*message, "result") != NULL) {
            return EXIT_DONE;
        }
        cJSON_Delete(*message); /* an event */
    } while (true);
}

/* -- what an answer looks like -- */

static void print_json(const cJSON *value) {
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

static void print_value(const struct ctl *c, const cJSON *value) {
    if (c->is_json) {
        print_json(value);
    } else {
        print_text(value);
    }
}

/* An empty object says no more than that it is done. */
static int show_result(const struct ctl *c, const cJSON *result, char **args) {
    (void)args;
    if (c->is_json || is_nest(result) || !cJSON_IsObject(result)) {
        print_value(c, result);
    }
    return EXIT_DONE;
}

static int show_state(const struct ctl *c, const cJSON *result, char **args) {
    const cJSON *part = args[0] != NULL ? spec_get(result, args[0]) : result;
    if (part != NULL) {
        print_value(c, part);
        return EXIT_DONE;
    }
    say("'%s' is no part of the state; there are:", args[0]);
    cJSON_ArrayForEach(part, result) {
        fprintf(stderr, "  %s\n", part->string);
    }
    return EXIT_USAGE;
}

static int show_methods(const struct ctl *c, const cJSON *result, char **args) {
    const cJSON *method = NULL;
    (void)args;
    if (c->is_json) {
        print_json(result);
        return EXIT_DONE;
    }
    cJSON_ArrayForEach(method, spec_get(result, "methods")) {
        printf("%-16s %s\n", spec_text(method, "name", ""), spec_text(method, "doc", ""));
    }
    return EXIT_DONE;
}

static int show_saved(const struct ctl *c, const cJSON *result, char **args) {
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
        say("%s: %s", args[0] != NULL ? args[0] : "stdout", strerror(errno));
    }
    return is_good ? EXIT_DONE : EXIT_REFUSED;
}

/* Only who waited for it asked whether the verdict is good. */
static int show_verdict(const struct ctl *c, const cJSON *result, char **args) {
    print_value(c, result);
    return args[0] != NULL && !spec_flag(result, "passed", false) ? EXIT_REFUSED : EXIT_DONE;
}

/* -- what a request is made of -- */

static bool is_usage(const struct command *cmd) {
    say("usage: sim7x00ctl %s%s%s", cmd->name, *cmd->args != '\0' ? " " : "", cmd->args);
    return false;
}

static bool has_arg(char **args, size_t at_least, size_t at_most) {
    size_t n = 0;
    while (args[n] != NULL) {
        n++;
    }
    return n >= at_least && n <= at_most;
}

/* A JSON text of the command line; NULL: it is none, which was told. */
static cJSON *parse_json(const char *text, size_t n) {
    struct spec_error e = {0};
    cJSON *tree = spec_parse(text, n, &e);
    if (tree == NULL) {
        say("JSON, line %u, column %u: %s", e.line, e.column, e.text);
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
        say("%s: %s", path, errno == EFBIG ? "no JSON text of at most 4 MB" : strerror(errno));
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
        tree = parse_json(arg, strlen(arg));
    } else if (read_file(arg, &all)) {
        tree = parse_json((const char *)buf_data(&all), buf_len(&all) - 1);
        buf_fini(&all);
    }
    return tree != NULL && cJSON_AddItemToObject(params, key, tree);
}

static bool build_do(const struct command *cmd, char **args, cJSON *params) {
    return has_arg(args, 1, 1) ? add_json(args[0], "action", params) : is_usage(cmd);
}

static bool build_rule(const struct command *cmd, char **args, cJSON *params) {
    return has_arg(args, 1, 1) ? add_json(args[0], "rule", params) : is_usage(cmd);
}

static bool build_unrule(const struct command *cmd, char **args, cJSON *params) {
    return has_arg(args, 1, 1) ? cJSON_AddStringToObject(params, "name", args[0]) != NULL
                               : is_usage(cmd);
}

static bool build_advance(const struct command *cmd, char **args, cJSON *params) {
    return has_arg(args, 1, 1) ? cJSON_AddStringToObject(params, "by", args[0]) != NULL
                               : is_usage(cmd);
}

static bool build_none(const struct command *cmd, char **args, cJSON *params) {
    (void)params;
    return has_arg(args, 0, 0) || is_usage(cmd);
}

/* The part, or the file, is for the answer. */
static bool build_optional(const struct command *cmd, char **args, cJSON *params) {
    (void)params;
    return has_arg(args, 0, 1) || is_usage(cmd);
}

static bool build_load(const struct command *cmd, char **args, cJSON *params) {
    char path[LIBRARY_PATH];
    struct buf all = {0};
    if (!has_arg(args, 1, 1)) {
        return is_usage(cmd);
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

static bool build_verdict(const struct command *cmd, char **args, cJSON *params) {
    bool is_waiting = args[0] != NULL && strcmp(args[0], "--wait") == 0;
    if (!has_arg(args, 0, is_waiting ? 1 : 0)) {
        return is_usage(cmd);
    }
    cJSON_AddBoolToObject(params, "wait", is_waiting);
    return true;
}

static const char port_key[] = "port=";

static bool build_lines(const struct command *cmd, char **args, cJSON *params) {
    for (; *args != NULL; args++) {
        const char *is = strchr(*args, '=');
        bool on = is != NULL && strcmp(is, "=on") == 0;
        if (strncmp(*args, port_key, sizeof port_key - 1) == 0) {
            cJSON_AddStringToObject(params, "port", *args + sizeof port_key - 1);
            continue;
        }
        if (is == NULL || is == *args || (!on && strcmp(is, "=off") != 0)) {
            return is_usage(cmd);
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
        return parse_json(text, strlen(text));
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
            say("'%s': one value or KEY=VALUE pairs are allowed", *args);
        } else if (value != NULL && !is_good) {
            say("'%s': the key is there twice", *args);
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
static bool build_action(const struct command *cmd, char **args, cJSON *params) {
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

/* -- commands with more than an answer -- */

static int run_command(struct ctl *c, const struct command *cmd, char **args) {
    cJSON *params = cJSON_CreateObject();
    cJSON *message = NULL;
    if (cmd->is_of_modem) {
        cJSON_AddNumberToObject(params, "modem", (double)c->modem);
    }
    if (!cmd->build(cmd, args, params)) {
        cJSON_Delete(params);
        return EXIT_USAGE;
    }
    int code = ask(c, cmd->method, params, &message);
    if (code == EXIT_DONE) {
        const cJSON *result = spec_get(message, "result");
        code = cmd->show(c, result, args);
        cJSON_Delete(message);
    }
    return code;
}

static int run_lines(struct ctl *c, char **args) {
    static const struct command get = {.name = "lines",
                                       .method = "lines.get",
                                       .build = build_lines,
                                       .show = show_result,
                                       .is_of_modem = true};
    static const struct command set = {.name = "lines",
                                       .args = "[port=PORT] [NAME=on|off]...",
                                       .method = "lines.set",
                                       .build = build_lines,
                                       .show = show_result,
                                       .is_of_modem = true};
    bool is_set = false;
    for (char **arg = args; *arg != NULL; arg++) {
        is_set = is_set || strncmp(*arg, port_key, sizeof port_key - 1) != 0;
    }
    return run_command(c, is_set ? &set : &get, args);
}

static int run_raw(struct ctl *c, char **args) {
    cJSON *params = cJSON_CreateObject();
    cJSON *message = NULL;
    bool is_good = has_arg(args, 1, 2);
    if (!is_good) {
        say("usage: sim7x00ctl raw METHOD [PARAMS-JSON]");
    } else if (args[1] != NULL) {
        cJSON_Delete(params);
        params = parse_json(args[1], strlen(args[1]));
        is_good = params != NULL;
    }
    if (!is_good) {
        cJSON_Delete(params);
        return EXIT_USAGE;
    }
    int code = ask(c, args[0], params, &message);
    if (code == EXIT_DONE) {
        print_json(spec_get(message, "result"));
        cJSON_Delete(message);
    }
    return code;
}

/* One line: the topic, and KEY=VALUE of the rest. */
static void print_event(const struct ctl *c, const cJSON *params) {
    const cJSON *item = NULL;
    if (c->is_json) {
        print_json(params);
    } else {
        fputs(spec_text(params, "topic", "?"), stdout);
        cJSON_ArrayForEach(item, params) {
            if (strcmp(item->string, "topic") != 0) {
                char *text = cJSON_PrintUnformatted(item);
                must(text != NULL);
                printf(" %s=%s", item->string, text);
                free(text);
            }
        }
        putchar('\n');
    }
    fflush(stdout);
}

/* An event, or the beginning of some and a star. */
static bool is_topic(const char *text) {
    size_t n = strlen(text);
    bool is_open = n > 0 && text[n - 1] == '*';
    size_t i = 0;
    while (happening_names[i] != NULL &&
           strncmp(happening_names[i], text, is_open ? n - 1 : n + 1) != 0) {
        i++;
    }
    return happening_names[i] != NULL;
}

static int run_watch(struct ctl *c, char **args) {
    for (char **topic = args; *topic != NULL; topic++) {
        if (!is_topic(*topic)) {
            say("%s: no such event; docs/scenario/rules.md lists them", *topic);
            return EXIT_USAGE;
        }
    }
    cJSON *params = cJSON_CreateObject();
    cJSON *topics = cJSON_AddArrayToObject(params, "topics");
    cJSON *message = NULL;
    if (args[0] == NULL) {
        cJSON_AddItemToArray(topics, cJSON_CreateString("*"));
    }
    for (; *args != NULL; args++) {
        cJSON_AddItemToArray(topics, cJSON_CreateString(*args));
    }
    int code = ask(c, "subscribe", params, &message);
    if (code != EXIT_DONE) {
        return code;
    }
    cJSON_Delete(message);
    while ((message = receive(c)) != NULL) {
        const cJSON *told = spec_get(message, "params");
        const char *method = spec_text(message, "method", "");
        if (strcmp(method, "event") == 0) {
            print_event(c, told);
        } else if (strcmp(method, "dropped") == 0) {
            say("%.0f events are missing here", spec_number(told, "count", 0));
        }
        cJSON_Delete(message);
    }
    return lost(c);
}

/* -- the command line -- */

static const struct command commands[] = {
    {"state", "[PART]", "shows the module, or one part of it", .method = "state",
     .build = build_optional, .show = show_state, .is_of_modem = true},
    {"watch", "[TOPIC...]", "prints events as they come, a line each (link.* or all)",
     .run = run_watch},
    {"do", "JSON", "does an action, as a scenario writes it; - reads it from stdin", .method = "do",
     .build = build_do, .show = show_result, .is_of_modem = true},
    {"rule", "JSON", "adds a rule, as a scenario writes it; - reads it from stdin",
     .method = "rule.add", .build = build_rule, .show = show_result, .is_of_modem = true},
    {"rules", "", "lists the rules", .method = "rule.list", .build = build_none,
     .show = show_result, .is_of_modem = true},
    {"unrule", "NAME", "removes a rule", .method = "rule.remove", .build = build_unrule,
     .show = show_result, .is_of_modem = true},
    {"advance", "DURATION", "lets a manual clock go on, as by 10s", .method = "clock.advance",
     .build = build_advance, .show = show_result},
    {"ports", "", "shows the ports and where a driver finds them", .method = "ports",
     .build = build_none, .show = show_result, .is_of_modem = true},
    {"lines", "[port=PORT] [NAME=on|off]...", "shows the lines of a port, or sets them: dtr=off",
     .run = run_lines},
    {"load", "FILE", "loads a scenario, also one of the library; - reads it from stdin",
     .method = "load", .build = build_load, .show = show_result, .is_of_modem = true},
    {"save", "[FILE]", "writes what there is now as a scenario", .method = "save",
     .build = build_optional, .show = show_saved, .is_of_modem = true},
    {"verdict", "[--wait]", "shows the verdict; --wait: once it is there", .method = "verdict",
     .build = build_verdict, .show = show_verdict, .is_of_modem = true},
    {"stop", "", "ends the daemon", .method = "stop", .build = build_none, .show = show_result},
    {"ping", "", "shows the daemon's version", .method = "version", .build = build_none,
     .show = show_result},
    {"methods", "", "lists what the daemon can be asked for", .method = "methods",
     .build = build_none, .show = show_methods},
    {"raw", "METHOD [PARAMS-JSON]", "asks for it; prints the result as JSON", .run = run_raw},
    {0},
};

static const struct command action = {.name = "ACTION",
                                      .args = "[VALUE | KEY=VALUE...]",
                                      .method = "do",
                                      .build = build_action,
                                      .show = show_result,
                                      .is_of_modem = true};

static const char help_head[] =
    "Usage: sim7x00ctl [OPTION...] COMMAND [ARG...]\n"
    "\n"
    "Asks a running sim7x00 through its control socket.\n"
    "\n"
    "Options, in front of the command:\n"
    "  -s, --socket=PATH  of the daemon; else $SIM7X00_CONTROL, else ./modem.control\n"
    "  -m, --modem=N      the number of the module, 0\n"
    "      --json         prints answers as JSON, one a line\n"
    "      --list-actions prints the names of the actions\n"
    "      --version, --help\n"
    "\n"
    "Commands:\n";

static const char help_tail[] =
    "\n"
    "Without a value an action's is true; a VALUE is a number, true, false, JSON if it begins\n"
    "with \" [ or {, else text:\n"
    "  sim7x00ctl urc RING\n"
    "  sim7x00ctl signal rssi=3\n"
    "  sim7x00ctl reset\n"
    "\n"
    "Actions; docs/scenario/actions.md has their values:\n";

static const char help_end[] =
    "\n"
    "Exit status: 0 done, 1 refused, or the verdict waited for is a failure, 2 bad usage,\n"
    "3 no daemon, or the connection is lost.\n";

/* In lines of WIDTH columns, from INDENT_DOC on. */
static void print_wrapped(const char *text) {
    enum { INDENT_DOC = 17, WIDTH = 90 };
    size_t column = INDENT_DOC;
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        if (column + 1 + n > WIDTH) {
            printf("\n%*s", INDENT_DOC, "");
            column = INDENT_DOC;
        }
        printf(" %.*s", (int)n, text);
        column += 1 + n;
        text += n + (text[n] == ' ' ? 1 : 0);
    }
    putchar('\n');
}

static const struct command *find_command(const char *name) {
    const struct command *cmd = commands;
    while (cmd->name != NULL && strcmp(cmd->name, name) != 0) {
        cmd++;
    }
    return cmd;
}

/* One that is a command of its own: what decides a question stands in rules only, and what is
 * called as another command is done by `do`. */
static const char *next_action(size_t *i) {
    const char *name = NULL;
    do {
        name = action_name(*i);
        ++*i;
    } while (name != NULL && (action_is_decision(*i - 1) || find_command(name)->name != NULL));
    return name;
}

static int print_help(void) {
    const char *name = NULL;
    fputs(help_head, stdout);
    for (const struct command *cmd = commands; cmd->name != NULL; cmd++) {
        int n = printf("  %s %s", cmd->name, cmd->args);
        printf("%*s %s\n", n < 28 ? 28 - n : 0, "", cmd->doc);
    }
    printf("  %s %s  does an action of a scenario\n", action.name, action.args);
    fputs(help_tail, stdout);
    for (size_t i = 0; (name = next_action(&i)) != NULL;) {
        printf("  %-15s", name);
        print_wrapped(action_doc(i - 1));
    }
    fputs(help_end, stdout);
    return EXIT_DONE;
}

/* Decisions are words that are known, too: the daemon says why they cannot be done. */
static bool is_action(const char *word) {
    size_t i = 0;
    while (action_name(i) != NULL && strcmp(action_name(i), word) != 0) {
        i++;
    }
    return action_name(i) != NULL;
}

static int run_action(struct ctl *c, char **args) {
    if (!is_action(args[-1])) {
        say("%s: no such command or action; see --help", args[-1]);
        return EXIT_USAGE;
    }
    return run_command(c, &action, args);
}

static int list_actions(void) {
    const char *name = NULL;
    for (size_t i = 0; (name = next_action(&i)) != NULL;) {
        puts(name);
    }
    return EXIT_DONE;
}

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"modem", required_argument, NULL, 'm'},
    {"json", no_argument, NULL, OPT_JSON},
    {"list-actions", no_argument, NULL, OPT_LIST_ACTIONS},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

/* -1: go on with the command; else the exit code. */
static int parse_options(struct ctl *c, int argc, char **argv) {
    int id = 0;
    opterr = 0;
    while ((id = getopt_long(argc, argv, "+s:m:", long_options, NULL)) != -1) {
        switch (id) {
        case 's':
            c->path = optarg;
            break;
        case 'm':
            if (sv_int(sv_of(optarg), 0, MODEM_MAX, &c->modem) != 0) {
                say("-m: '%s' is no number from 0 to %d", optarg, MODEM_MAX);
                return EXIT_USAGE;
            }
            break;
        case OPT_JSON:
            c->is_json = true;
            break;
        case OPT_LIST_ACTIONS:
            return list_actions();
        case OPT_VERSION:
            puts("sim7x00ctl " SIM7X00_VERSION);
            return EXIT_DONE;
        case OPT_HELP:
            return print_help();
        default:
            say("%s: no such option, or its value is missing; see --help", argv[optind - 1]);
            return EXIT_USAGE;
        }
    }
    if (optind == argc) {
        say("a command is missing; see --help");
        return EXIT_USAGE;
    }
    return -1;
}

int main(int argc, char **argv) {
    const char *path = getenv("SIM7X00_CONTROL");
    struct ctl c = {.path = path != NULL && *path != '\0' ? path : "./modem.control", .fd = -1};
    int code = parse_options(&c, argc, argv);
    if (code >= 0) {
        return code;
    }
    char **args = argv + optind + 1;
    const struct command *cmd = find_command(args[-1]);
    buf_init(&c.in, LIMIT_CONTROL_ANSWER);
    if (cmd->name == NULL) {
        code = run_action(&c, args);
    } else {
        code = cmd->run != NULL ? cmd->run(&c, args) : run_command(&c, cmd, args);
    }
    buf_fini(&c.in);
    if (c.fd >= 0) {
        close(c.fd);
    }
    if (fflush(stdout) != 0) {
        say("stdout: %s", strerror(errno));
        code = code == EXIT_DONE ? EXIT_REFUSED : code;
    }
    return code;
}
